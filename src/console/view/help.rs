//! The help: every key that works here, made from the key table, and what the signs mean; typing searches, Enter runs.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use crate::console::model::Model;
use crate::console::model::legend::signs;
use crate::console::printable::{pad, width as columns_of, wrap};
use crate::console::view::field::field;
use crate::console::view::frame::{Frame, framed, line_at};
use crate::console::view::style::{self, DIM, SELECTED, WARN, heading, styled};

/// Draws it over the body.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    if let Some((frame, width, _)) = frame_of(model, area) {
        framed(&frame, width, area, buffer);
    }
}

/// The row that is seen there, a key or a sign.
pub fn row_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    let (frame, width, owners) = frame_of(model, area)?;
    owners.get(line_at(&frame, width, area, at)?.checked_sub(frame.pinned)?).copied().flatten()
}

/// The box, how wide it is, and which row each of its lines belongs to.
fn frame_of(model: &Model, area: Rect) -> Option<(Frame, u16, Vec<Option<usize>>)> {
    let help = model.help.as_ref()?;
    let rows = help.rows(&model.config.keys, model.is_inside());
    let signs = signs(&help.query);
    let width = area.width.saturating_sub(4).min(100);
    let inner = usize::from(width).saturating_sub(4);
    let mut search = vec![styled("search: ", DIM)];
    search.extend(field(&help.query, inner.saturating_sub(8)));
    let mut lines = vec![Line::from(search)];
    let (mut focus, mut owners) = (0, Vec::new());
    let keys = rows.iter().map(|row| {
        let label = if width >= 90 { format!("{} ", pad(if row.is_inner { "" } else { row.label }, 10)) } else { String::new() };
        (format!("{} {label}", pad(&style::keys(model, &row.keys), 9)), style::keys(model, row.help))
    });
    let signs =
        signs.iter().map(|sign| (format!("{}  ", pad(sign.sign, 13.max(columns_of(sign.sign)))), style::keys(model, sign.about)));
    for (place, (head, text)) in keys.chain(signs).enumerate() {
        if place == rows.len() {
            lines.push(Line::from(heading("Signs and words", false)));
            owners.push(None);
        }
        // What does not fit goes on below; of a narrow box the sign has its own line.
        let indent = columns_of(&head).min(inner / 2);
        for (row, text) in wrap(&text, inner.saturating_sub(columns_of(&head)).max(12)).into_iter().enumerate() {
            let head = if row == 0 { head.clone() } else { " ".repeat(indent) };
            let line = Line::from(pad(&format!("{head}{text}"), inner));
            lines.push(if place == help.selected { line.style(SELECTED) } else { line });
            owners.push(Some(place));
        }
        if place == help.selected {
            focus = lines.len() - 1;
        }
    }
    if lines.len() == 1 {
        lines.push(Line::from(styled("no key does that, and no sign means it", WARN)));
    }
    let title = if model.is_inside() { " Keys in an alert, and signs " } else { " Keys and signs " };
    let foot = style::keys(model, " type to search   ↑ ↓   ⏎ run   tab signs   esc close ");
    Some((Frame { title: title.to_owned(), foot, lines, pinned: 1, focus }, width, owners))
}
