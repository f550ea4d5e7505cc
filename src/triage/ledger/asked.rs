//! What is asked of the log: where an alert stands and what was done with it, which mutes hold, and what one would hide.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::header::Header;
use crate::alert::{AlertId, Severity};
use crate::triage::ledger::{Known, Ledger, Mute};
use crate::triage::mute::{Facts, Preview, Scope};
use crate::triage::{Deed, Entry, State};

impl Ledger {
    /// Where an alert stands; an unknown one is open.
    pub fn state(&self, id: &AlertId) -> State {
        self.alerts.get(id).map(|known| State::clone(&known.state)).unwrap_or_default()
    }

    /// Where an alert stands, shared; an unknown one is open.
    pub fn shared_state(&self, id: &AlertId) -> Arc<State> {
        self.alerts.get(id).map_or_else(|| self.untouched.clone(), |known| known.state.clone())
    }

    /// Where an alert stands, without a copy; `None` for an unknown one.
    pub fn state_of(&self, id: &AlertId) -> Option<&State> {
        self.alerts.get(id).map(|known| &*known.state)
    }

    /// Whether an alert is known.
    pub fn knows(&self, id: &AlertId) -> bool {
        self.alerts.contains_key(id)
    }

    /// The entries about an alert, oldest first, and whether each was taken back.
    pub fn history(&self, id: &AlertId) -> Vec<(&Entry, bool)> {
        let Some(known) = self.alerts.get(id) else { return Vec::new() };
        let entries = known.entries().iter().filter_map(|number| self.entries.get(number));
        entries.map(|entry| (entry, self.is_undone_on(known, entry))).collect()
    }

    /// Whether an entry was taken back on an alert: of an act on many that may be so for some. A mute ends for all.
    pub(super) fn is_undone_on(&self, known: &Known, entry: &Entry) -> bool {
        let is_mute = matches!(entry.deed, Deed::Mute { .. } | Deed::Unmute(_) | Deed::EditMute { .. });
        self.undone.get(&entry.number).is_some_and(|by| is_mute || known.entries().contains(by))
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
        let recent = self.entries.values().rev().take_while(|entry| now - entry.at <= crate::triage::UNDO_WITHIN);
        let mut own = recent.filter(|entry| entry.who == who && !matches!(entry.deed, Deed::Undo(_)));
        own.find(|entry| !self.undone.contains_key(&entry.number))
    }

    /// The entries of one act of somebody that can still be taken back, newest first.
    pub fn together(&self, who: &str, token: u64, now: DateTime<Utc>) -> Vec<u64> {
        let recent = self.entries.values().rev().take_while(|entry| now - entry.at <= crate::triage::UNDO_WITHIN);
        let own = recent.filter(|entry| entry.who == who && entry.token == token && !matches!(entry.deed, Deed::Undo(_)));
        own.map(|entry| entry.number).filter(|number| !self.undone.contains_key(number)).collect()
    }

    /// The number that the next entry has.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// The mute that hides an alert of this header, if one does.
    pub fn mute_for(&self, header: &Header, now: DateTime<Utc>) -> Option<u64> {
        if self.mutes.is_empty() {
            return None;
        }
        let facts = Facts::of(header);
        self.mutes.values().find(|mute| mute.is_active(now) && mute.pattern.matches(&facts)).map(|mute| mute.number)
    }

    /// All mutes, those that ended included.
    pub fn mutes(&self) -> impl DoubleEndedIterator<Item = &Mute> {
        self.mutes.values()
    }

    /// A mute.
    pub fn mute(&self, number: u64) -> Option<&Mute> {
        self.mutes.get(&number)
    }

    /// What a mute would have hidden among the alerts of the last while.
    pub fn preview(&self, scope: &Scope, now: DateTime<Utc>, back: TimeDelta) -> Preview {
        let since = (now - back).timestamp_millis();
        let pattern = scope.pattern();
        let mut preview = Preview::default();
        for known in self.alerts.values().filter(|known| known.facts.created_ms >= since) {
            preview.of += 1;
            if pattern.matches(&known.facts) {
                preview.hidden += 1;
                preview.critical += u64::from(known.facts.severity == Severity::Critical);
                preview.linked += u64::from(known.facts.is_linked);
            }
        }
        preview
    }

    /// The alerts that wait for somebody and that a scope covers.
    pub(in crate::triage) fn waiting_in(&self, scope: &Scope) -> Vec<AlertId> {
        let pattern = scope.pattern();
        let waiting = self.order.iter().filter(|id| {
            let known = self.alerts.get(*id);
            known.is_some_and(|known| known.state.is_waiting() && pattern.matches(&known.facts))
        });
        waiting.cloned().collect()
    }

    /// The alerts that a mute hides now.
    pub(in crate::triage) fn hidden_by(&self, number: u64) -> Vec<AlertId> {
        let hidden = |id: &&AlertId| self.alerts.get(*id).is_some_and(|known| known.state.muted == Some(number));
        self.order.iter().filter(hidden).cloned().collect()
    }

    /// The name of an alert's group of repeats.
    pub fn group(&self, id: &AlertId) -> Option<u64> {
        self.alerts.get(id).map(|known| known.facts.group)
    }
}
