//! The palette: every action by its name, wherever it works; typing narrows, Enter runs.

use crossterm::event::{KeyCode, KeyEvent};

use crate::console::model::line::TextLine;
use crate::console::model::listed::{Listed, listed};
use crate::console::model::triage::Dialog;
use crate::console::model::{Effect, Model};

/// The open palette.
#[derive(Debug, Clone, Default)]
pub struct Palette {
    /// What is searched for.
    pub query: TextLine,
    /// Which row is selected.
    pub selected: usize,
}

impl Model {
    /// The rows of the palette that a search leaves, the best first.
    pub fn palette_rows(&self, query: &str) -> Vec<Listed> {
        let query = query.trim().to_lowercase();
        let all = listed(&self.config.keys).into_iter();
        let mut rows: Vec<(usize, Listed)> = all.filter_map(|row| Some((rank(&row, &query)?, row))).collect();
        rows.sort_by_key(|(rank, _)| *rank);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    pub(super) fn palette_key(&mut self, key: KeyEvent, mut palette: Palette) -> Vec<Effect> {
        let last = self.palette_rows(&palette.query).len().saturating_sub(1);
        match key.code {
            KeyCode::Enter => {
                let row = self.palette_rows(&palette.query).into_iter().nth(palette.selected);
                return row.map_or_else(Vec::new, |row| self.run(&row));
            }
            KeyCode::Up => palette.selected = palette.selected.saturating_sub(1),
            KeyCode::Down | KeyCode::Tab => palette.selected = (palette.selected + 1).min(last),
            KeyCode::Home => palette.selected = 0,
            KeyCode::End => palette.selected = last,
            KeyCode::PageUp => palette.selected = palette.selected.saturating_sub(10),
            KeyCode::PageDown => palette.selected = (palette.selected + 10).min(last),
            _ => {
                if palette.query.key(key) {
                    palette.selected = 0;
                }
            }
        }
        self.dialog = Some(Dialog::Palette(palette));
        Vec::new()
    }
}

/// How well a row answers a search, 0 the best; `None` if not at all.
fn rank(row: &Listed, query: &str) -> Option<usize> {
    let name = row.name.as_str();
    let label = if row.is_inner { String::new() } else { row.label.to_lowercase() };
    let words = query.replace(' ', "-");
    if name.starts_with(&words) || (!row.is_inner && label.starts_with(query)) || row.typed() == query {
        Some(0)
    } else if name.contains(&words) || (!row.is_inner && label.contains(query)) {
        Some(1)
    } else if row.help.to_lowercase().contains(query) {
        Some(2)
    } else {
        is_spelled_by(name, &words).then_some(3)
    }
}

/// Whether the letters come in that order: `nxal` spells `next-alert`.
fn is_spelled_by(name: &str, letters: &str) -> bool {
    let mut rest = name.chars();
    letters.chars().all(|letter| rest.any(|own| own == letter))
}
