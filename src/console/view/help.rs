//! The help: every key that works here, made from the key table; typing searches, Enter runs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::console::model::Model;
use crate::console::printable::{fit, pad};
use crate::console::view::field::field;
use crate::console::view::frame::{Frame, framed};
use crate::console::view::style::{self, DIM, SELECTED, WARN, styled};

/// Draws it over the body.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let Some(help) = &model.help else { return };
    let rows = help.rows(&model.config.keys, model.is_inside());
    let width = area.width.saturating_sub(4).min(100);
    let inner = usize::from(width).saturating_sub(4);
    let mut search = vec![styled("search: ", DIM)];
    search.extend(field(&help.query, inner.saturating_sub(8)));
    let mut lines = vec![Line::from(search)];
    for (place, row) in rows.iter().enumerate() {
        let label = if width >= 90 { format!("{} ", pad(if row.is_inner { "" } else { row.label }, 10)) } else { String::new() };
        let keys = style::keys(model, &row.keys);
        let line = Line::from(pad(&fit(&format!("{} {label}{}", pad(&keys, 9), style::keys(model, row.help)), inner), inner));
        lines.push(if place == help.selected { line.style(SELECTED) } else { line });
    }
    if rows.is_empty() {
        lines.push(Line::from(styled("no key does that", WARN)));
    }
    let title = if model.is_inside() { " Keys in an alert " } else { " Keys " };
    let foot = style::keys(model, " type to search   ↑ ↓ choose   ⏎ run   esc close ");
    framed(&Frame { title: title.to_owned(), foot, lines, pinned: 1, focus: help.selected + 1 }, width, area, buffer);
}
