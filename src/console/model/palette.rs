//! The palette: every action by its name, wherever it works; typing narrows, Enter runs.

use crossterm::event::{KeyCode, KeyEvent};

use crate::console::keys::{Action, Place, Row};
use crate::console::model::triage::Dialog;
use crate::console::model::{Effect, Model};

/// The open palette.
#[derive(Debug, Clone, Default)]
pub struct Palette {
    /// What is searched for.
    pub query: String,
    /// Which row is selected.
    pub selected: usize,
}

impl Model {
    /// The rows of the palette that a search leaves, the best first.
    pub fn palette_rows(&self, query: &str) -> Vec<&Row> {
        let query = query.trim().to_lowercase();
        let mut rows: Vec<(usize, &Row)> =
            self.config.keys.all().iter().filter_map(|row| Some((rank(row, &query)?, row))).collect();
        rows.sort_by_key(|(rank, _)| *rank);
        rows.into_iter().map(|(_, row)| row).collect()
    }

    pub(super) fn palette_key(&mut self, key: KeyEvent, mut palette: Palette) -> Vec<Effect> {
        let last = self.palette_rows(&palette.query).len().saturating_sub(1);
        match key.code {
            KeyCode::Enter => {
                let action = self.palette_rows(&palette.query).get(palette.selected).map(|row| row.binding.action);
                return match action {
                    Some(action) => self.run_anywhere(action),
                    None => Vec::new(),
                };
            }
            KeyCode::Up => palette.selected = palette.selected.saturating_sub(1),
            KeyCode::Down | KeyCode::Tab => palette.selected = (palette.selected + 1).min(last),
            KeyCode::PageUp => palette.selected = palette.selected.saturating_sub(10),
            KeyCode::PageDown => palette.selected = (palette.selected + 10).min(last),
            _ => {
                super::triage::edit(&mut palette.query, key);
                palette.selected = 0;
            }
        }
        self.dialog = Some(Dialog::Palette(palette));
        Vec::new()
    }

    /// Runs an action that may belong to another screen: what works inside an alert opens the selected one first.
    fn run_anywhere(&mut self, action: Action) -> Vec<Effect> {
        let mut places = self.config.keys.all().iter().filter(|row| row.binding.action == action).map(|row| row.binding.place);
        if places.all(|place| place == Place::Inside) && !self.is_inside() {
            let Some(number) = self.selected_alert() else {
                self.hint = Some("no alert to open for that");
                return Vec::new();
            };
            self.open_alert(Some(number));
        }
        self.act(action)
    }
}

/// How well a row answers a search, 0 the best; `None` if not at all.
fn rank(row: &Row, query: &str) -> Option<usize> {
    let name = row.binding.action.name();
    let label = row.binding.label.to_lowercase();
    let words = query.replace(' ', "-");
    if name.starts_with(&words) || label.starts_with(query) {
        Some(0)
    } else if name.contains(&words) || label.contains(query) {
        Some(1)
    } else if row.binding.help.to_lowercase().contains(query) {
        Some(2)
    } else {
        is_spelled_by(&name, &words).then_some(3)
    }
}

/// Whether the letters come in that order: `nxal` spells `next-alert`.
fn is_spelled_by(name: &str, letters: &str) -> bool {
    let mut rest = name.chars();
    letters.chars().all(|letter| rest.any(|own| own == letter))
}
