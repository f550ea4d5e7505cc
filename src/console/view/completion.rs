//! The rows above a filter that is typed: how its last word can go on, or what is wrong with it.

use ratatui::text::Line;

use crate::console::model::Model;
use crate::console::model::typing::Editor;
use crate::console::printable::wrap;
use crate::console::view::style::{self, DIM, WARN, safe};

/// How many rows they have; none where they would take what is looked for from sight.
pub fn height(model: &Model, columns: u16, rows: u16) -> u16 {
    match (&model.editor, &model.dialog) {
        (Some(_), None) if rows >= 12 => 1 + u16::from(columns < 100),
        _ => 0,
    }
}

/// The rows.
pub fn lines(model: &Model, editor: &Editor, columns: usize, rows: usize) -> Vec<Line<'static>> {
    let (text, style) = match (model.completion(&editor.text), &editor.error) {
        (Some(text), _) => (text, DIM),
        (None, Some(error)) => (error.reason.clone(), WARN),
        (None, None) => return Vec::new(),
    };
    let wrapped = wrap(&style::keys(model, &safe(&text)), columns.saturating_sub(4));
    wrapped.into_iter().take(rows).map(|text| style::line(format!("   {text}"), style)).collect()
}
