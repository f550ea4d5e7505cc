//! Where in a document a complaint belongs, and what the rule reader complains about in one line.

/// Finds the place that an error speaks of, line and column counted from 1: the one it names itself, or that of the word that
/// it quotes, in the section that it is about.
pub(super) fn locate(text: &str, reason: &str) -> (Option<usize>, Option<usize>) {
    if let Some(line) = number_after(reason, "at line ") {
        return (Some(line), number_after(reason, "column "));
    }
    if reason.starts_with("Missing") {
        return (None, None);
    }
    let quoted = reason.split(['`', '\'']).skip(1).step_by(2).filter(|word| !word.is_empty()).last();
    let Some(word) = quoted else { return (None, None) };
    let section = ["logsource", "level"].into_iter().find(|section| reason.contains(section)).unwrap_or("detection");
    let begins = |line: &str| line.starts_with(section);
    let start = text.lines().position(begins).unwrap_or_default();
    let is_meant = |line: &str| !reason.contains("condition") || line.trim_start().starts_with("condition");
    let mut rest = text.lines().enumerate().skip(start).filter(|(_, line)| is_meant(line));
    let Some((line, column)) = rest.find_map(|(line, text)| Some((line, column_of(text, word)?))) else { return (None, None) };
    let inside = number_after(reason, "at letter ").map_or(0, |letter| letter.saturating_sub(1));
    (Some(line + 1), Some(column + inside))
}

fn number_after(text: &str, word: &str) -> Option<usize> {
    let rest = &text[text.find(word)? + word.len()..];
    rest.split(|character: char| !character.is_ascii_digit()).next()?.parse().ok()
}

/// The column where a line has a word, whole.
fn column_of(line: &str, word: &str) -> Option<usize> {
    let is_letter = |character: Option<char>| character.is_some_and(|character| character.is_alphanumeric() || character == '_');
    let is_whole = |at: usize| !is_letter(line[..at].chars().next_back()) && !is_letter(line[at + word.len()..].chars().next());
    let (at, _) = line.match_indices(word).find(|(at, _)| is_whole(*at))?;
    Some(line[..at].chars().count() + 1)
}

/// A complaint with the lines that it names counted from further up.
pub(super) fn shifted(reason: &str, lines: usize) -> String {
    let mut pieces = reason.split("line ");
    let mut result = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let digits = piece.len() - piece.trim_start_matches(|character: char| character.is_ascii_digit()).len();
        let (number, rest) = piece.split_at(digits);
        result.push_str("line ");
        match number.parse::<usize>() {
            Ok(number) => result.push_str(&(number + lines).to_string()),
            Err(_) => result.push_str(number),
        }
        result.push_str(rest);
    }
    result
}

/// What the reader calls the pieces of a condition.
const PIECES: &[(&str, &str)] = &[
    ("or_op", "`or`"),
    ("and_op", "`and`"),
    ("not_op", "`not`"),
    ("quantifier", "`1 of`, `all of`"),
    ("ident", "a name"),
    ("EOI", "the end"),
    ("selector_target", "`them` or a pattern"),
];

/// The reader's complaint in one line. It draws the place in a condition over several.
pub(super) fn in_one_line(complaint: &str) -> String {
    let drawn = complaint.starts_with("Condition parse error").then(|| {
        let condition = complaint.lines().find_map(|line| line.strip_prefix("1 | "))?;
        let letter = number_after(complaint, "error at 1:")?;
        let expected = complaint.lines().last()?.trim().strip_prefix("= expected ")?;
        let named = PIECES.iter().fold(expected.to_owned(), |text, (piece, name)| text.replace(piece, name));
        Some(format!("the condition `{condition}` cannot be read at letter {letter}: expected {named}"))
    });
    drawn.flatten().unwrap_or_else(|| complaint.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: &str = "title: t\nlogsource:\n  service: telepathy\ndetection:\n  s:\n    Image|sounds: x\n  condition: s and (t\nlevel: urgent\n";

    #[test]
    fn places() {
        let rows = [
            ("no Windows event log is known for the logsource `telepathy`", Some(3), Some(12)),
            ("the level `urgent` is none of low", Some(8), Some(8)),
            ("Unknown modifier 'sounds'", Some(6), Some(11)),
            ("the condition names `t`, which is not defined", Some(7), Some(21)),
            ("the condition `s and (t` cannot be read at letter 9: expected", Some(7), Some(22)),
            ("YAML: something at line 4 column 9", Some(4), Some(9)),
            ("Missing required field 'title'", None, None),
            ("nothing in particular", None, None),
            ("`nowhere`", None, None),
        ];
        for (reason, line, column) in rows {
            assert_eq!(locate(RULE, reason), (line, column), "{reason}");
        }
    }

    #[test]
    fn lines_count_from_further_up() {
        assert_eq!(shifted("at line 3 column 1, in a line of line 7", 10), "at line 13 column 1, in a line of line 17");
        assert_eq!(shifted("nothing", 10), "nothing");
    }

    #[test]
    fn a_condition_is_told_in_one_line() {
        let error = rsigma_parser::parse_condition("s and (t").unwrap_err().to_string();
        let told = in_one_line(&error);
        assert_eq!(told, "the condition `s and (t` cannot be read at letter 9: expected `or` or `and`");
        assert_eq!(in_one_line("Missing\n  field"), "Missing field");
    }
}
