//! What is marked, alert by alert: found a piece at a time as a part of a list is ([`scan`](crate::roster::scan)), so that a filter
//! over all alerts keeps nobody waiting.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::feed::marked::{Marked, MarkedCount, Which};
use crate::feed::page::Key;
use crate::filter::Filter;
use crate::filter::listed::Listed;
use crate::roster::{Entry, Roster};
use crate::triage::Target;

/// What is being gathered.
#[derive(Debug)]
pub struct Gather {
    marked: Marked,
    /// `None` lets nothing through.
    filter: Option<Filter>,
    /// How many of [`Which::These`] were looked at, or down to which place the list was read.
    taken: usize,
    at: Option<Key>,
    /// The numbers, or the groups where repeats are folded, that are not meant; they are found before anything else.
    except: Option<HashSet<u64>>,
    /// The same of those that were met.
    met: HashSet<u64>,
    rows: u64,
    found: Vec<Target>,
}

impl Gather {
    /// Nothing gathered yet; of a list without a filter nothing will be.
    pub fn new(marked: Marked, filter: Option<Filter>) -> Self {
        Self { marked, filter, taken: 0, at: None, except: None, met: HashSet::new(), rows: 0, found: Vec::new() }
    }

    /// What it is, at once.
    pub fn all(marked: Marked, filter: Option<Filter>, alerts: &Roster, now: DateTime<Utc>) -> Self {
        let mut gather = Self::new(marked, filter);
        gather.read(alerts, now, usize::MAX);
        gather
    }

    /// How many.
    pub fn count(&self) -> MarkedCount {
        MarkedCount { rows: self.rows, alerts: self.found.len() as u64 }
    }

    /// The alerts, as an act names them.
    pub fn into_targets(self) -> Vec<Target> {
        self.found
    }

    /// Reads on, so many alerts at most; true where there is no more to read.
    pub fn read(&mut self, alerts: &Roster, now: DateTime<Utc>, count: usize) -> bool {
        match &self.marked.which {
            Which::These(ids) => {
                let ids: Vec<_> = ids.iter().skip(self.taken).take(count).cloned().collect();
                self.taken += ids.len();
                for entry in ids.iter().filter_map(|id| alerts.number_of(id)).filter_map(|number| alerts.get(number)) {
                    self.take(entry, alerts);
                }
                ids.len() < count
            }
            Which::Listed { .. } => self.read_list(alerts, now, count),
        }
    }

    fn read_list(&mut self, alerts: &Roster, now: DateTime<Utc>, count: usize) -> bool {
        let Which::Listed { host, except, .. } = &self.marked.which else { return true };
        if self.except.is_none() {
            let entries = except.iter().filter_map(|id| alerts.number_of(id)).filter_map(|number| alerts.get(number));
            self.except = Some(entries.filter_map(|entry| self.row_of(entry, alerts)).collect());
        }
        let Some(filter) = &self.filter else { return true };
        let keys = if self.marked.with_repeats { &alerts.open } else { &alerts.all };
        let end = self.at.map_or(keys.len(), |at| keys.partition_point(|key| *key < at));
        let (before, host) = (self.marked.before, host.as_ref());
        let is_listed = |entry: &&Entry| {
            entry.number < before
                && host.is_none_or(|host| entry.header.host == *host)
                && filter.matches(&Listed { header: &entry.header, state: &entry.state, now })
        };
        let read = &keys[end.saturating_sub(count)..end];
        let listed: Vec<u64> =
            read.iter().rev().filter_map(|key| alerts.entries.get(&key.1)).filter(is_listed).map(|entry| entry.number).collect();
        self.at = read.first().copied().or(self.at);
        for entry in listed.into_iter().filter_map(|number| alerts.entries.get(&number)) {
            self.take(entry, alerts);
        }
        end <= count
    }

    /// What a row is told by: its group where repeats are folded.
    fn row_of(&self, entry: &Entry, alerts: &Roster) -> Option<u64> {
        if self.marked.with_repeats { alerts.ledger.group(&entry.header.id) } else { Some(entry.number) }
    }

    /// Takes a row, once, with all that it stands for.
    fn take(&mut self, entry: &Entry, alerts: &Roster) {
        let Some(row) = self.row_of(entry, alerts) else { return };
        if self.except.as_ref().is_some_and(|except| except.contains(&row)) || !self.met.insert(row) {
            return;
        }
        let (before, seen, held) = (self.marked.before, self.marked.seen, self.found.len());
        let target = |entry: &Entry| Target { alert: entry.header.id.clone(), revision: seen };
        if self.marked.with_repeats {
            self.found.extend(alerts.alike(entry).into_iter().filter(|own| own.number < before).map(target));
        } else if entry.number < before {
            self.found.push(target(entry));
        }
        self.rows += u64::from(self.found.len() > held);
    }
}
