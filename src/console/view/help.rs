//! The help: every key that works here, made from the key table, and what the signs mean; typing searches, Enter runs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::model::Model;
use crate::console::model::legend::signs;
use crate::console::printable::{pad, width as columns_of, wrap};
use crate::console::view::field::field;
use crate::console::view::frame::{Frame, framed};
use crate::console::view::style::{self, DIM, SELECTED, WARN, heading, styled};

/// Draws it over the body.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let Some(help) = &model.help else { return };
    let rows = help.rows(&model.config.keys, model.is_inside());
    let signs = signs(&help.query);
    let width = area.width.saturating_sub(4).min(100);
    let inner = usize::from(width).saturating_sub(4);
    let mut search = vec![styled("search: ", DIM)];
    search.extend(field(&help.query, inner.saturating_sub(8)));
    let mut lines = vec![Line::from(search)];
    let mut focus = 0;
    let keys = rows.iter().map(|row| {
        let label = if width >= 90 { format!("{} ", pad(if row.is_inner { "" } else { row.label }, 10)) } else { String::new() };
        (format!("{} {label}", pad(&style::keys(model, &row.keys), 9)), style::keys(model, row.help))
    });
    let signs =
        signs.iter().map(|sign| (format!("{}  ", pad(sign.sign, 13.max(columns_of(sign.sign)))), style::keys(model, sign.about)));
    for (place, (head, text)) in keys.chain(signs).enumerate() {
        if place == rows.len() {
            lines.push(Line::from(heading("Signs and words", false)));
        }
        // What does not fit goes on below; of a narrow box the sign has its own line.
        let indent = columns_of(&head).min(inner / 2);
        for (row, text) in wrap(&text, inner.saturating_sub(columns_of(&head)).max(12)).into_iter().enumerate() {
            let head = if row == 0 { head.clone() } else { " ".repeat(indent) };
            let line = Line::from(pad(&format!("{head}{text}"), inner));
            lines.push(if place == help.selected { line.style(SELECTED) } else { line });
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
    framed(&Frame { title: title.to_owned(), foot, lines, pinned: 1, focus }, width, area, buffer);
}
