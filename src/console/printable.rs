//! Makes hostile text visible. Whatever came from the network goes through here before it is drawn: control, bidirectional,
//! zero-width and other characters that a terminal would act on or hide are spelled out, so that nothing is injected and
//! nothing is lost without a trace.

use std::borrow::Cow;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// The names of the C0 control characters (ECMA-48).
const C0: [&str; 32] = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "TAB", "LF", "VT", "FF", "CR", "SO", "SI", "DLE", "DC1", "DC2",
    "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB", "ESC", "FS", "GS", "RS", "US",
];

/// How many combining marks may follow one another before they are spelled out.
const MAX_MARKS: usize = 2;

/// The text with everything invisible spelled out: `⟨ESC⟩`, `⟨U+202E⟩`.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut marks = 0;
    for character in text.chars() {
        let is_mark = character.width() == Some(0);
        marks = if is_mark { marks + 1 } else { 0 };
        if let Some(name) = C0.get(character as usize) {
            out.push_str(&format!("⟨{name}⟩"));
        } else if character == '\u{7f}' {
            out.push_str("⟨DEL⟩");
        } else if is_hidden(character) || marks > MAX_MARKS {
            out.push_str(&format!("⟨U+{:04X}⟩", character as u32));
        } else {
            out.push(character);
        }
    }
    Cow::Owned(out)
}

/// A text of several lines: the line ends stay, everything else that is hidden is spelled out.
pub fn printable_lines(text: &str) -> String {
    text.split('\n').map(|line| printable(line.trim_end_matches('\r'))).collect::<Vec<_>>().join("\n")
}

/// Characters that are not seen, or that change how others are seen.
fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{80}'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}'
        | '\u{3000}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// The letters of a text, each with the marks that are drawn on it.
pub fn clusters(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_mark = |letter: char| letter.width() == Some(0) && !letter.is_control() && !is_hidden(letter);
        let end = rest.char_indices().skip(1).find(|(_, letter)| !is_mark(*letter)).map_or(rest.len(), |(at, _)| at);
        let (own, after) = rest.split_at(end);
        rest = after;
        (!own.is_empty()).then_some(own)
    })
}

/// How many columns a printable text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// The text in at most `width` columns, cut on the right with `…`.
pub fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for character in text.chars() {
        let own = character.width().unwrap_or(0);
        if used + own + 1 > width {
            break;
        }
        used += own;
        out.push(character);
    }
    // A mark can widen the letter that it stands on.
    while out.width() + 1 > width && out.pop().is_some() {}
    if width > 0 {
        out.push('…');
    }
    out
}

/// The text in at most `width` columns, cut on the left with `…`: the end of a path says more than its beginning.
pub fn fit_left(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept: Vec<char> = Vec::new();
    let mut used = 0;
    for character in text.chars().rev() {
        let own = character.width().unwrap_or(0);
        if used + own + 1 > width {
            break;
        }
        used += own;
        kept.push(character);
    }
    let mut end: String = kept.into_iter().rev().collect();
    while end.width() + 1 > width && !end.is_empty() {
        end.remove(0);
    }
    if width > 0 { format!("…{end}") } else { end }
}

/// The text in exactly `width` columns: cut, or filled with blanks.
pub fn pad(text: &str, width: usize) -> String {
    let mut out = fit(text, width);
    let missing = width.saturating_sub(out.width());
    out.extend(std::iter::repeat_n(' ', missing));
    out
}

/// The same, set to the right.
pub fn pad_left(text: &str, width: usize) -> String {
    let out = fit(text, width);
    let missing = width.saturating_sub(out.width());
    format!("{}{out}", " ".repeat(missing))
}

/// Breaks a text into lines of at most `width` columns, at blanks where that is possible.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_inclusive(' ') {
        if line.width() + word.trim_end().width() > width && !line.is_empty() {
            lines.push(std::mem::take(&mut line).trim_end().to_owned());
        }
        let mut rest = word;
        if rest.trim_end().width() > width {
            // Once over the word, letter by letter: it may be a field of a quarter of a megabyte.
            let room = width.saturating_sub(1).max(1);
            let mut left: usize = word.trim_end().chars().map(|letter| letter.width().unwrap_or(0)).sum();
            let (mut start, mut used) = (0, 0);
            for (at, letter) in word.char_indices() {
                let wide = letter.width().unwrap_or(0);
                if left <= width {
                    break;
                }
                if used + wide > room && at > start {
                    lines.push(word[start..at].to_owned());
                    left = left.saturating_sub(used);
                    (start, used) = (at, 0);
                }
                used += wide;
            }
            rest = &word[start..];
        }
        line.push_str(rest);
    }
    if !line.trim_end().is_empty() || lines.is_empty() {
        lines.push(line.trim_end().to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_word_as_long_as_a_frame_is_cut_in_one_go() {
        let lines = wrap(&format!("a {} b", "ä".repeat(256 << 10)), 80);
        assert!(lines.iter().all(|line| line.width() <= 80));
        assert_eq!(lines.concat().matches('ä').count(), 256 << 10);
    }

    #[test]
    fn spelled_out() {
        let rows = [
            ("plain ä 日本", "plain ä 日本"),
            ("bidi\u{202e}gpj.exe", "bidi⟨U+202E⟩gpj.exe"),
            ("a\tb\r\n\u{1b}[2J\0\u{7f}\u{9b}", "a⟨TAB⟩b⟨CR⟩⟨LF⟩⟨ESC⟩[2J⟨NUL⟩⟨DEL⟩⟨U+009B⟩"),
            ("C:\\Program\u{2002}Files", "C:\\Program⟨U+2002⟩Files"),
            ("zero\u{200b}width\u{feff}", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
            ("e\u{301}\u{302}\u{303}\u{304}", "e\u{301}\u{302}⟨U+0303⟩⟨U+0304⟩"),
        ];
        for (text, expected) in rows {
            assert_eq!(printable(text), expected);
        }
    }

    #[test]
    fn letters_with_their_marks() {
        assert_eq!(clusters("ae\u{301}\u{302}日\u{200b}b").collect::<Vec<_>>(), ["a", "e\u{301}\u{302}", "日", "\u{200b}", "b"]);
        assert_eq!(clusters("").count(), 0);
    }

    #[test]
    fn cut_and_filled() {
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("日本語", 4), "日…");
        // The candle alone has one column, with the mark for pictures two.
        assert_eq!(fit("🕯\u{fe0f}abc", 2), "🕯…");
        assert_eq!(fit_left(r"C:\Windows\System32\whoami.exe", 20), r"…ystem32\whoami.exe".to_owned().replacen("…y", "…Sy", 1));
        assert_eq!(pad("ab", 4), "ab  ");
        assert_eq!(pad_left("ab", 4), "  ab");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abc", "def", "ghij"]);
        assert_eq!(wrap("", 4), [""]);
    }

    proptest! {
        #[test]
        fn never_more_than_asked(text in "\\PC*", columns in 0_usize..40) {
            prop_assert!(fit(&text, columns).width() <= columns);
            prop_assert!(fit_left(&text, columns).width() <= columns);
            prop_assert_eq!(pad(&text, columns).width(), columns);
        }

        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            let shown = printable(&text);
            let is_hidden_or_control = |character: char| character.is_control() || is_hidden(character);
            prop_assert!(!shown.chars().any(is_hidden_or_control));
        }
    }
}
