//! How the archive of events fares, as its writer tells and as the hub counts what it had no room for.

use crate::intake::ArchiveHealth;

/// What is known of it; nothing where there is none.
#[derive(Debug, Default)]
pub(super) struct Archived(Option<ArchiveHealth>);

impl Archived {
    /// Its writer told. Answers a line for people when it broke or came back.
    pub(super) fn hear(&mut self, health: ArchiveHealth) -> Option<String> {
        let before = self.0.take().unwrap_or_default();
        let line = match (&before.problem, &health.problem) {
            (None, Some(problem)) => Some(format!("events are not stored, the archive cannot be written: {problem}")),
            (Some(_), None) => Some("events are stored again".to_owned()),
            _ => None,
        };
        self.0 = Some(health);
        line
    }

    /// Everything, with how many events it had no room for.
    pub(super) fn status(&self, shed: u64) -> Option<ArchiveHealth> {
        self.0.clone().map(|health| ArchiveHealth { shed, ..health })
    }
}
