//! A line being typed, with its cursor: a bar behind the text, or the letter that it stands on turned round. What is longer than
//! its field is scrolled so that the cursor is always seen.

use std::ops::Range;

use ratatui::style::{Modifier, Style};
use ratatui::text::Span;

use crate::console::model::line::TextLine;
use crate::console::printable::{clusters, width};
use crate::console::view::style::{ACCENT, WARN, safe, styled};

/// A letter as it is drawn.
struct Piece {
    text: String,
    style: Style,
}

impl Piece {
    fn width(&self) -> usize {
        width(&self.text)
    }
}

/// The line in at most `room` columns.
pub fn field(line: &TextLine, room: usize) -> Vec<Span<'static>> {
    marked(line, room, 0..0)
}

/// The same, with the bytes that are wrong told apart.
pub fn marked(line: &TextLine, room: usize, wrong: Range<usize>) -> Vec<Span<'static>> {
    let mut pieces = Vec::new();
    let mut cursor = 0;
    let mut at = 0;
    for letter in clusters(line) {
        let style = if wrong.contains(&at) { WARN } else { Style::new() };
        let is_at_cursor = at == line.cursor();
        if is_at_cursor {
            cursor = pieces.len();
        }
        let style = if is_at_cursor { style.add_modifier(Modifier::REVERSED) } else { style };
        pieces.push(Piece { text: safe(letter), style });
        at += letter.len();
    }
    if line.cursor() == at {
        cursor = pieces.len();
        pieces.push(Piece { text: "▏".to_owned(), style: ACCENT });
    }
    joined(&scrolled(pieces, cursor, room))
}

/// The pieces that fit around the cursor; `…` stands for what does not.
fn scrolled(mut pieces: Vec<Piece>, cursor: usize, room: usize) -> Vec<Piece> {
    let columns = |pieces: &[Piece]| pieces.iter().map(Piece::width).sum::<usize>();
    if columns(&pieces) <= room {
        return pieces;
    }
    // Of what follows a third of the room is kept, so that one sees what one moves towards.
    let kept = columns(&pieces[cursor + 1..]).min(room / 3);
    let before = room.saturating_sub(kept + pieces[cursor].width());
    let mut first = 0;
    let mut used = columns(&pieces[..cursor]);
    while first < cursor && used + usize::from(first > 0) > before {
        used -= pieces[first].width();
        first += 1;
    }
    let mut shown = pieces.split_off(first);
    if first > 0 {
        shown.insert(0, dots());
    }
    let mut used = columns(&shown);
    if used > room {
        while shown.len() > 1 && used + 1 > room {
            used -= shown.pop().map_or(0, |piece| piece.width());
        }
        shown.push(dots());
    }
    shown
}

fn dots() -> Piece {
    Piece { text: "…".to_owned(), style: Style::new() }
}

fn joined(pieces: &[Piece]) -> Vec<Span<'static>> {
    let runs = pieces.chunk_by(|one, other| one.style == other.style);
    runs.map(|run| styled(run.iter().map(|piece| piece.text.as_str()).collect::<String>(), run[0].style)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::keys::event_of;
    use proptest::prelude::*;

    /// The field, the letter under the cursor in brackets.
    fn shown(text: &str, keys: &str, room: usize) -> String {
        let mut line = TextLine::of(text, 1000);
        for name in keys.split_whitespace() {
            line.key(event_of(name).expect("a key"));
        }
        let own = |span: Span<'static>| {
            let is_cursor = span.style.add_modifier.contains(Modifier::REVERSED);
            if is_cursor { format!("[{}]", span.content) } else { span.content.into_owned() }
        };
        field(&line, room).into_iter().map(own).collect()
    }

    #[test]
    fn the_cursor_is_seen_where_it_stands() {
        let rows = [
            ("abc", "", 10, "abc▏"),
            ("abc", "left", 10, "ab[c]"),
            ("abc", "home", 10, "[a]bc"),
            ("日本語", "left left", 10, "日[本]語"),
            ("abcdefghijkl", "", 8, "…ghijkl▏"),
            ("abcdefghijkl", "left", 8, "…fghijk[l]"),
            ("abcdefghijkl", "left left left left left", 8, "…defg[h]i…"),
            ("abcdefghijkl", "home", 8, "[a]bcdefg…"),
            ("abcdefghijkl", "home right right right right", 8, "abcd[e]fg…"),
            ("日本語日本語", "", 8, "…日本語▏"),
            ("日本語日本語", "home", 8, "[日]本語…"),
            ("a\u{202e}b", "left left", 20, "a[⟨U+202E⟩]b"),
        ];
        for (text, keys, room, expected) in rows {
            assert_eq!(shown(text, keys, room), expected, "{text}: {keys} in {room}");
        }
    }

    #[test]
    fn what_is_wrong_is_told_apart() {
        let spans = marked(&TextLine::of("hots:x y", 40), 40, 0..6);
        let texts: Vec<(&str, Style)> = spans.iter().map(|span| (&*span.content, span.style)).collect();
        assert_eq!(texts, [("hots:x", WARN), (" y", Style::new()), ("▏", ACCENT)]);
    }

    proptest! {
        #[test]
        fn never_wider_than_its_field(text in "\\PC{0,30}", lefts in 0_usize..30, room in 3_usize..30) {
            let mut line = TextLine::of(&text, 1000);
            for _ in 0..lefts {
                line.key(event_of("left").expect("a key"));
            }
            let spans = field(&line, room);
            let widest = clusters(&text).map(|letter| width(&safe(letter))).max().unwrap_or(0);
            prop_assert!(spans.iter().map(Span::width).sum::<usize>() <= room.max(widest + 2));
            let is_seen = |span: &Span<'_>| span.style.add_modifier.contains(Modifier::REVERSED) || span.content == "▏";
            prop_assert!(spans.iter().any(is_seen) || room < widest + 2);
        }
    }
}
