//! A box over the body, for what asks or lists: a title, lines of which one has the keys, and the keys at its foot. The header
//! stays in sight, so that a box hides no loss; `↑ 3 more` and `↓ 12 more` in its edges say that a list goes on.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget as _};

use crate::console::printable::width as columns_of;
use crate::console::view::style::{ACCENT, DIM, STRONG, WARN, plain, styled};
use crate::console::view::{first_row, put};

/// What stands in a box.
#[derive(Debug)]
pub struct Frame {
    /// In the upper edge.
    pub title: String,
    /// In the lower edge.
    pub foot: String,
    /// Inside.
    pub lines: Vec<Line<'static>>,
    /// How many of the first lines stay while the rest is scrolled.
    pub pinned: usize,
    /// The line that must be seen.
    pub focus: usize,
}

/// Where a box stands, and which of its lines are seen.
struct Shown {
    place: Rect,
    body: Rect,
    pinned: usize,
    first: usize,
}

/// In the middle of the area; what does not fit is scrolled to the line that has the keys.
fn shown(frame: &Frame, width: u16, area: Rect) -> Option<Shown> {
    let height = (frame.lines.len() as u16 + 2).min(area.height);
    if width < 4 || height < 3 {
        return None;
    }
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let body = Rect { x: place.x + 2, y: place.y + 1, width: width - 4, height: height - 2 };
    // Where there is no room for more, the line that has the keys is the one that stays.
    let pinned = frame.pinned.min(usize::from(body.height).saturating_sub(1)).min(frame.lines.len());
    let room = usize::from(body.height) - pinned;
    let first = first_row(frame.focus.checked_sub(pinned), room, frame.lines.len() - pinned);
    Some(Shown { place, body, pinned, first })
}

/// The line of a box that is seen there.
pub fn line_at(frame: &Frame, width: u16, area: Rect, at: Position) -> Option<usize> {
    let Shown { body, pinned, first, .. } = shown(frame, width, area).filter(|shown| shown.body.contains(at))?;
    let row = usize::from(at.y - body.y);
    let line = if row < pinned { row } else { row + first };
    Some(line).filter(|line| *line < frame.lines.len())
}

/// Draws it.
pub fn framed(frame: &Frame, width: u16, area: Rect, buffer: &mut Buffer) {
    let Some(Shown { place, body, pinned, first }) = shown(frame, width, area) else { return };
    let height = place.height;
    Clear.render(place, buffer);
    let inner = usize::from(width) - 2;
    for row in 0..height {
        let line = match row {
            0 => Line::from(styled(format!("╭{}╮", "─".repeat(inner)), ACCENT)),
            _ if row + 1 == height => Line::from(styled(format!("╰{}╯", "─".repeat(inner)), ACCENT)),
            _ => Line::from(vec![styled("│", ACCENT), plain(" ".repeat(inner)), styled("│", ACCENT)]),
        };
        put(buffer, place, row, &line);
    }
    let (fixed, rest) = frame.lines.split_at(pinned);
    let room = usize::from(body.height) - pinned;
    for (row, line) in fixed.iter().chain(rest.iter().skip(first).take(room)).enumerate() {
        put(buffer, body, row as u16, line);
    }
    let above = (first > 0).then(|| format!(" ↑ {first} more "));
    edge(buffer, place, 0, &Line::from(styled(frame.title.clone(), STRONG)), above);
    let below = rest.len().saturating_sub(first + room);
    let below = (below > 0).then(|| format!(" ↓ {below} more "));
    let room = usize::from(width).saturating_sub(5 + below.as_deref().map_or(0, columns_of));
    edge(buffer, place, height - 1, &Line::from(styled(shortened(&frame.foot, room), DIM)), below);
}

/// The keys of a foot that fit: the last one, which leaves, and of the others as many as there is room for.
fn shortened(foot: &str, room: usize) -> String {
    let mut parts: Vec<&str> = foot.trim().split("   ").collect();
    let is_too_long = |parts: &[&str]| columns_of(&parts.join("   ")) + 2 > room;
    while parts.len() > 1 && is_too_long(&parts) {
        parts.remove(parts.len() - 2);
    }
    format!(" {} ", parts.join("   "))
}

/// The text of an edge, and at its right end how much there is beyond it.
fn edge(buffer: &mut Buffer, place: Rect, row: u16, text: &Line<'_>, more: Option<String>) {
    let more = more.unwrap_or_default();
    let taken = more.chars().count() as u16;
    let room = place.width.saturating_sub(4 + taken + u16::from(taken > 0));
    buffer.set_line(place.x + 2, place.y + row, text, room);
    if taken > 0 && place.width > taken + 3 {
        buffer.set_string(place.x + place.width - 2 - taken, place.y + row, more, WARN);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_leaves_is_never_lost() {
        let foot = " type to search   ↑ ↓ choose   ⏎ run   esc close ";
        let rows = [(60, foot), (45, " type to search   ↑ ↓ choose   esc close "), (20, " esc close "), (3, " esc close ")];
        for (room, expected) in rows {
            assert_eq!(shortened(foot, room), expected, "{room}");
        }
    }
}
