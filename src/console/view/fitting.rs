//! What is shown where there is little room: whole parts go, the least needed first. Ids, techniques and the names of programs
//! stay, and a path loses its beginning before its end.

use crate::console::printable::{fit, fit_left, width};

/// The first of several forms, the longest first, that fits; of none the last one, cut.
pub fn first_that_fits(forms: impl IntoIterator<Item = String>, room: usize) -> String {
    let mut last = String::new();
    for form in forms {
        if width(&form) <= room {
            return form;
        }
        last = form;
    }
    fit(&last, room)
}

/// As many of the parts as fit, in their order, with so much between them; none is cut.
pub fn as_many_as_fit(parts: &[String], between: &str, room: usize) -> String {
    let mut text = String::new();
    for part in parts {
        let own = if text.is_empty() { part.clone() } else { format!("{between}{part}") };
        if width(&text) + width(&own) > room {
            break;
        }
        text.push_str(&own);
    }
    text
}

/// A text that quotes a path, with the beginning of that path left out where it is too long: `not like "…\conhost.exe"`.
pub fn with_short_path(text: &str, room: usize) -> Option<String> {
    let (head, rest) = text.split_once('"')?;
    let (path, tail) = rest.split_once('"')?;
    let left = room.checked_sub(width(head) + width(tail) + 2).filter(|left| path.contains('\\') && *left >= 12)?;
    Some(format!("{head}\"{}\"{tail}", fit_left(path, left)))
}

/// What ran and who ran it, in so many columns: a long command line gives way to who ran it, and the domain of an account to
/// the name of the program.
pub fn what_and_who(what: &str, user: Option<&str>, room: usize) -> String {
    let Some((ran, user)) = user.and_then(|user| Some((what.strip_suffix(user)?.trim_end(), user))) else {
        return fit(what, room);
    };
    let name = user.rsplit('\\').next().unwrap_or(user);
    let program = ran.split(' ').next().unwrap_or(ran);
    let left = room.saturating_sub(width(name) + 2);
    let forms = [what.to_owned(), format!("{ran}  {name}")];
    let cut = if left >= width(program) + 2 { fit(ran, left) } else { program.to_owned() };
    first_that_fits(forms.into_iter().chain([format!("{cut}  {name}")]), room)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_parts_go() {
        let forms = || ["one two three", "one two", "one"].map(str::to_owned);
        for (room, expected) in [(20, "one two three"), (12, "one two"), (7, "one two"), (4, "one"), (2, "o…")] {
            assert_eq!(first_that_fits(forms(), room), expected, "{room}");
        }
        let techniques = ["T1021.006", "T1059.001"].map(str::to_owned);
        for (room, expected) in [(30, "T1021.006   T1059.001"), (20, "T1021.006"), (8, "")] {
            assert_eq!(as_many_as_fit(&techniques, "   ", room), expected, "{room}");
        }
    }

    #[test]
    fn the_end_of_a_path_stays() {
        let why = "not like \"?:\\Windows\\System32\\conhost.exe\"";
        assert_eq!(with_short_path(why, 28).as_deref(), Some("not like \"…em32\\conhost.exe\""));
        assert_eq!(with_short_path("in (5985, 5986)", 8), None);
        assert_eq!(with_short_path(why, 16), None);
    }

    #[test]
    fn who_ran_it_is_never_pushed_away() {
        let long = format!("powershell.exe -Enc {}  CORP\\jdoe", "A".repeat(300));
        let rows = [
            (long.as_str(), 32, "powershell.exe -Enc AAAAA…  jdoe"),
            (long.as_str(), 20, "powershell.exe  jdoe"),
            (long.as_str(), 12, "powershell.…"),
            ("whoami.exe /all  CORP\\jdoe", 40, "whoami.exe /all  CORP\\jdoe"),
            ("whoami.exe /all  CORP\\jdoe", 24, "whoami.exe /all  jdoe"),
            ("whoami.exe", 8, "whoami.…"),
        ];
        for (what, room, expected) in rows {
            assert_eq!(what_and_who(what, Some("CORP\\jdoe"), room), expected);
        }
        assert_eq!(what_and_who("whoami.exe", None, 40), "whoami.exe");
    }
}
