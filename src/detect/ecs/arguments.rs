//! Command lines into arguments, as Windows does it: rules that look at `process.args` mean these.

/// Splits a command line as the Microsoft C runtime does ("Parsing C command-line arguments"): the program name ends at its
/// closing quote or the first blank; later, backslashes are literal unless they stand before a quote.
pub(super) fn split_arguments(line: &str) -> Vec<String> {
    let line = line.trim();
    if line.is_empty() {
        return Vec::new();
    }
    let (program, rest) = match line.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
        Some((program, rest)) => (program, rest),
        None => line.split_once([' ', '\t']).unwrap_or((line, "")),
    };
    let mut arguments = vec![program.to_owned()];
    let mut characters = rest.trim_start().chars().peekable();
    while characters.peek().is_some() {
        let mut argument = String::new();
        let mut in_quotes = false;
        while let Some(character) = characters.next() {
            match character {
                '\\' => {
                    let mut backslashes = 1;
                    while characters.next_if_eq(&'\\').is_some() {
                        backslashes += 1;
                    }
                    let before_quote = characters.peek() == Some(&'"');
                    argument.extend(std::iter::repeat_n('\\', if before_quote { backslashes / 2 } else { backslashes }));
                    if before_quote && backslashes % 2 == 1 {
                        characters.next();
                        argument.push('"');
                    }
                }
                '"' if in_quotes && characters.next_if_eq(&'"').is_some() => argument.push('"'),
                '"' => in_quotes = !in_quotes,
                ' ' | '\t' if !in_quotes => break,
                other => argument.push(other),
            }
        }
        arguments.push(argument);
        while characters.next_if(|character| matches!(character, ' ' | '\t')).is_some() {}
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_split_as_windows_does() {
        let rows: [(&str, &[&str]); 8] = [
            (r#""C:\Program Files\a.exe" /x "b c" d"#, &[r"C:\Program Files\a.exe", "/x", "b c", "d"]),
            (r#"a.exe "a\\b" c\d"#, &["a.exe", r"a\\b", r"c\d"]),
            (r#"a.exe a\\\"b c"#, &["a.exe", r#"a\"b"#, "c"]),
            (r#"a.exe a\\\\"b c" d"#, &["a.exe", r"a\\b c", "d"]),
            (r#"a.exe "a""b""#, &["a.exe", r#"a"b"#]),
            ("a.exe", &["a.exe"]),
            ("  ", &[]),
            (r#"a.exe """#, &["a.exe", ""]),
        ];
        for (line, expected) in rows {
            assert_eq!(split_arguments(line), expected, "{line}");
        }
    }
}
