//! The log, read: what was done with an alert, what was taken back, and what can be.

use chrono::{DateTime, Utc};

use crate::alert::AlertId;
use crate::triage::ledger::{Known, Ledger};
use crate::triage::{Deed, Entry, UNDO_WITHIN};

impl Ledger {
    /// The entries about an alert, oldest first, and whether each was taken back.
    pub fn history(&self, id: &AlertId) -> Vec<(&Entry, bool)> {
        let Some(known) = self.alerts.get(id) else { return Vec::new() };
        let entries = known.entries().iter().filter_map(|number| self.entries.get(number));
        entries.map(|entry| (entry, self.is_undone_on(known, entry))).collect()
    }

    /// An entry.
    pub fn entry(&self, number: u64) -> Option<&Entry> {
        self.entries.get(&number)
    }

    /// The entry that took another back.
    pub fn undone_by(&self, number: u64) -> Option<&Entry> {
        self.undone.get(&number).and_then(|by| self.entries.get(by))
    }

    /// The last entry of somebody that can still be taken back, unless others acted on it since.
    pub fn last_of(&self, who: &str, now: DateTime<Utc>) -> Option<&Entry> {
        let recent = self.entries.values().rev().take_while(|entry| now - entry.at <= UNDO_WITHIN);
        let mut own = recent.filter(|entry| entry.who == who && !matches!(entry.deed, Deed::Undo(_)));
        own.find(|entry| !self.undone.contains_key(&entry.number))
    }

    /// The entries of one act of somebody that can still be taken back, newest first.
    pub fn together(&self, who: &str, token: u64, now: DateTime<Utc>) -> Vec<u64> {
        let recent = self.entries.values().rev().take_while(|entry| now - entry.at <= UNDO_WITHIN);
        let own = recent.filter(|entry| entry.who == who && entry.token == token && !matches!(entry.deed, Deed::Undo(_)));
        own.map(|entry| entry.number).filter(|number| !self.undone.contains_key(number)).collect()
    }

    /// Whether an entry was taken back on an alert: of an act on many that may be so for some. A mute ends for all.
    pub(super) fn is_undone_on(&self, known: &Known, entry: &Entry) -> bool {
        let is_mute = matches!(entry.deed, Deed::Mute { .. } | Deed::Unmute(_) | Deed::EditMute { .. });
        self.undone.get(&entry.number).is_some_and(|by| is_mute || known.entries().contains(by))
    }
}
