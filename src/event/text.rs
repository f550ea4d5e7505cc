//! How values of events read to people: file names, command lines, values that say nothing.

/// The file name at the end of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit(['\\', '/']).next().filter(|name| !name.is_empty()).unwrap_or(path)
}

/// Whether a value says something: neither empty nor `-`.
pub fn is_said(value: &str) -> bool {
    !value.is_empty() && value != "-"
}

/// A command line with the path of its own program cut off: `whoami.exe /all`.
pub fn short_command(line: &str, image: &str) -> String {
    let line = line.trim();
    let (program, rest) = match line.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
        Some(parts) => parts,
        None if starts_with_fold(line, image) => line.split_at(image.len()),
        None => line.split_once(' ').unwrap_or((line, "")),
    };
    let rest = rest.trim();
    let name = if program.is_empty() { image } else { program };
    if rest.is_empty() { file_name(name).to_owned() } else { format!("{} {rest}", file_name(name)) }
}

fn starts_with_fold(line: &str, image: &str) -> bool {
    !image.is_empty() && line.get(..image.len()).is_some_and(|start| start.eq_ignore_ascii_case(image))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_lose_their_path_only() {
        let image = r"C:\Windows\System32\whoami.exe";
        let rows = [
            (r#""C:\Windows\system32\whoami.exe" /all"#, "whoami.exe /all"),
            (r"C:\Windows\System32\whoami.exe /all", "whoami.exe /all"),
            ("whoami", "whoami"),
            (r"C:\Windows\System32\whoami.exe", "whoami.exe"),
            ("", "whoami.exe"),
            (r#""""#, "whoami.exe"),
        ];
        for (line, expected) in rows {
            assert_eq!(short_command(line, image), expected, "{line}");
        }
    }
}
