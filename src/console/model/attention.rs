//! A critical alert at a console that nobody sits at calls for attention: once a minute at most, and never while keys are
//! pressed. What a start or a snapshot brings calls nobody.

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::header::short_host;
use crate::alert::{Alert, Severity};
use crate::console::model::{Effect, Model};
use crate::console::notify::Notify;
use crate::console::printable::{fit, printable};
use crate::feed::{Change, Update};

/// Somebody who pressed a key so lately is there.
const THERE: TimeDelta = TimeDelta::seconds(30);
/// The shortest time between two calls.
const EVERY: TimeDelta = TimeDelta::seconds(60);
/// How long what is said may be, in columns.
const LENGTH: usize = 160;

/// When a key was pressed, and when it was called, for the last time.
#[derive(Debug, Default)]
pub(super) struct Attention {
    pub(super) key: Option<DateTime<Utc>>,
    called: Option<DateTime<Utc>>,
    /// Whether the keyboard is at another terminal, as far as this one says.
    pub(super) is_elsewhere: bool,
}

impl Model {
    /// Whether the keyboard is at this terminal, as far as it says.
    pub fn has_focus(&self) -> bool {
        !self.attention.is_elsewhere
    }

    /// What an update calls for, before it is heard: the picture may be frozen.
    pub(super) fn call(&mut self, update: &Update) -> Option<Effect> {
        let Change::Alert(alert) = &update.change else { return None };
        let is_within = |last: Option<DateTime<Utc>>, span| last.is_some_and(|last| self.now - last < span);
        let is_due = !is_within(self.attention.key, THERE) && !is_within(self.attention.called, EVERY);
        if self.config.notify == Notify::Off || !is_due || !self.is_new_critical(alert) {
            return None;
        }
        self.attention.called = Some(self.now);
        let text = format!("wefwatch: CRIT {} {}: {}", alert.id.short(), short_host(&alert.computer), alert.message);
        Some(Effect::Notify(self.config.notify.sequence(&fit(&printable(&text), LENGTH))))
    }

    /// Whether it is critical, waits for somebody, and was not critical before.
    fn is_new_critical(&self, alert: &Alert) -> bool {
        let known = self.alerts.number_of(&alert.id).and_then(|number| self.alerts.get(number));
        let was = known.is_some_and(|entry| entry.header.severity == Severity::Critical);
        alert.severity() == Severity::Critical && alert.muted.is_none() && !was
    }
}
