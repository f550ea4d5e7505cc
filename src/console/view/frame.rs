//! A box over everything, for what asks or lists: a title, lines of which one has the keys, and the keys at its foot.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget as _};

use crate::console::view::style::{ACCENT, DIM, STRONG, plain, styled};
use crate::console::view::{first_row, put};

/// What stands in a box.
#[derive(Debug)]
pub struct Frame<'a> {
    /// In the upper edge.
    pub title: String,
    /// In the lower edge.
    pub foot: &'a str,
    /// Inside.
    pub lines: Vec<Line<'static>>,
    /// The line that must be seen.
    pub focus: usize,
}

/// Draws it in the middle of the area; what does not fit is scrolled to the line that has the keys.
pub fn framed(frame: &Frame<'_>, width: u16, area: Rect, buffer: &mut Buffer) {
    let height = (frame.lines.len() as u16 + 2).min(area.height);
    if width < 4 || height < 3 {
        return;
    }
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
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
    buffer.set_line(place.x + 2, place.y, &Line::from(styled(frame.title.clone(), STRONG)), width.saturating_sub(4));
    buffer.set_line(place.x + 2, place.y + height - 1, &Line::from(styled(frame.foot, DIM)), width.saturating_sub(4));
    let body = Rect { x: place.x + 2, y: place.y + 1, width: width - 4, height: height - 2 };
    let first = first_row(Some(frame.focus), usize::from(body.height), frame.lines.len());
    for (row, line) in frame.lines.iter().skip(first).take(usize::from(body.height)).enumerate() {
        put(buffer, body, row as u16, line);
    }
}
