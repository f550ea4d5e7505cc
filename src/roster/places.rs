//! Where an alert stands in the lists, the groups and the counts, and how it leaves them.

use chrono::{DateTime, Utc};

use crate::feed::page::Key;
use crate::filter::Filter;
use crate::filter::listed::Listed;
use crate::roster::{Entry, Roster};
use crate::triage::Status;

impl Roster {
    /// Adds an alert to the counts, or takes it out of them.
    pub(super) fn count(&mut self, number: u64, is_in: bool) {
        let Some(entry) = self.entries.get(&number) else { return };
        let change = |count: &mut u64| *count = if is_in { *count + 1 } else { count.saturating_sub(1) };
        if entry.state.muted.is_some() {
            change(&mut self.muted);
        } else if entry.state.status == Status::Acknowledged {
            change(&mut self.acknowledged);
        } else if entry.state.is_waiting() {
            let slot = entry.header.severity as usize;
            change(&mut self.counts[slot]);
            let counts = self.by_host.entry(entry.header.host.clone()).or_default();
            change(&mut counts[slot]);
            if *counts == [0; 5] {
                self.by_host.remove(&entry.header.host);
            }
        }
        if let Some(news) = &mut self.news {
            news.host(&entry.header.host);
        }
    }

    /// Lists an alert where it belongs now; true if the filter lets it through.
    pub(super) fn list(&mut self, number: u64, filter: &Filter, now: DateTime<Utc>) -> bool {
        let Some(entry) = self.entries.get(&number) else { return false };
        let key = entry.key();
        let is_visible = filter.matches(&Listed { header: &entry.header, state: &entry.state, now });
        let is_waiting = entry.state.is_waiting();
        put(&mut self.all, key, is_visible);
        put(&mut self.open, key, is_visible && is_waiting);
        if is_visible || !is_waiting {
            self.outside.remove(&key);
        }
        if let Some(group) = self.ledger.group(&entry.header.id) {
            let own = self.groups.entry(group).or_default();
            put(&mut own.waiting, key, is_waiting);
            put(&mut own.matching, key, is_waiting && is_visible);
            self.show_anew(group);
        }
        is_visible
    }

    /// A group has changed: it is shown as it is now, and told on.
    pub(super) fn show_anew(&mut self, group: u64) {
        if let Some(news) = &mut self.news {
            news.group(group);
        }
        let (before, after) = self.show_group(group);
        if let Some(part) = self.part.as_mut().filter(|_| after < before) {
            part.fallen(group);
        }
    }

    /// A group is shown by the worst and newest of those that wait and that the filter lets through; answers how it was shown
    /// before, and how it is now.
    pub(super) fn show_group(&mut self, group: u64) -> (Option<Key>, Option<Key>) {
        let Some(own) = self.groups.get_mut(&group) else { return (None, None) };
        let before = std::mem::replace(&mut own.shown, own.matching.last().copied());
        let (after, is_empty) = (own.shown, own.waiting.is_empty());
        if let Some(before) = before.filter(|before| Some(*before) != after) {
            put(&mut self.kinds, before, false);
        }
        if let Some(after) = after {
            put(&mut self.kinds, after, true);
        }
        if is_empty {
            self.groups.remove(&group);
        }
        (before, after)
    }

    pub(super) fn make_room(&mut self) {
        if let Some(old) = self.next.checked_sub(self.max_evidence as u64 + 1)
            && let Some(entry) = self.entries.get_mut(&old)
        {
            entry.alert = None;
        }
        // Of a part, what goes is chosen otherwise, and by somebody else.
        while self.part.is_none() && self.entries.len() > self.max_alerts {
            let Some(number) = self.entries.first_key_value().map(|(number, _)| *number) else { return };
            self.remove(number);
        }
    }

    pub(super) fn remove(&mut self, number: u64) -> Option<Entry> {
        self.count(number, false);
        let old = self.entries.remove(&number)?;
        put(&mut self.all, old.key(), false);
        put(&mut self.open, old.key(), false);
        self.outside.remove(&old.key());
        self.by_id.remove(&old.header.id);
        self.linked.remove(&number);
        let group = crate::triage::mute::Facts::of(&old.header).group;
        if let Some(own) = self.groups.get_mut(&group) {
            put(&mut own.waiting, old.key(), false);
            put(&mut own.matching, old.key(), false);
            if let Some(news) = &mut self.news {
                news.group(group);
            }
            self.show_group(group);
        }
        Some(old)
    }
}

/// Puts a key into a sorted list, or takes it out.
pub(super) fn put(keys: &mut Vec<Key>, key: Key, is_in: bool) {
    match (keys.binary_search(&key), is_in) {
        (Err(place), true) => keys.insert(place, key),
        (Ok(place), false) => drop(keys.remove(place)),
        _ => {}
    }
}
