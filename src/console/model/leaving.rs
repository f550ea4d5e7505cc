//! How the console is left. Where the collector runs in this process and has something to lose, `q` asks first: the console can
//! go alone.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::console::keys::action::Action;
use crate::console::model::triage::Dialog;
use crate::console::model::{Effect, Model};

impl Model {
    /// Leaves, or asks how. A console elsewhere ends nothing, a recording is there once more, and a collector that never heard
    /// anything and that nobody else looks at is as good as none.
    pub(super) fn quit(&mut self) -> Vec<Effect> {
        let is_collecting = !self.config.is_attached && !self.config.is_replay;
        // Counters are told later than what they count.
        let is_counted = self.newest_status().counters.frames.values().any(|frames| *frames > 0);
        let has_heard = is_counted || !self.events.is_empty() || !self.alerts.is_empty();
        if is_collecting && (has_heard || self.company.others().next().is_some()) {
            self.help = None;
            self.dialog = Some(Dialog::Quit);
            return Vec::new();
        }
        vec![Effect::Quit]
    }

    /// A key at the question how to leave.
    pub(super) fn quit_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        match key.code {
            KeyCode::Enter | KeyCode::Char('y') => vec![Effect::Quit],
            _ if self.config.keys.action_of(key, false) == Some(Action::Quit) => vec![Effect::Quit],
            KeyCode::Char('d') => vec![Effect::Detach],
            _ => {
                self.dialog = Some(Dialog::Quit);
                Vec::new()
            }
        }
    }
}

/// Whether a key leaves whatever is open, unasked.
pub(super) fn is_abrupt(key: KeyEvent) -> bool {
    key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL)
}
