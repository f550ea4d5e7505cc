//! All alerts, at the collector's end of a socket: what it tells consoles that hold a part of them.

use std::collections::HashSet;

use crate::alert::AlertId;
use crate::event::names::HostName;
use crate::feed::page::{Horizons, Key, Standing, Tally};
use crate::roster::{Entry, Roster};
use crate::triage::Target;
use crate::triage::decide::MAX_TARGETS;

/// What has changed since the last tally.
#[derive(Debug, Default)]
pub(super) struct News {
    is_any: bool,
    hosts: HashSet<HostName>,
    groups: HashSet<u64>,
}

impl News {
    pub(super) fn host(&mut self, host: &HostName) {
        self.is_any = true;
        if !self.hosts.contains(host) {
            self.hosts.insert(host.clone());
        }
    }

    pub(super) fn group(&mut self, group: u64) {
        self.groups.insert(group);
    }
}

impl Roster {
    /// None yet; what changes can be told on.
    pub fn of_whole(max_alerts: usize) -> Self {
        Self { news: Some(News::default()), ..Self::new(max_alerts, 1) }
    }

    /// How all alerts stand, if that changed since it was told for the last time.
    pub fn take_tally(&mut self) -> Option<Tally> {
        let news = std::mem::take(self.news.as_mut()?);
        if !news.is_any {
            return None;
        }
        let hosts = news.hosts.into_iter().map(|host| {
            let counts = self.by_host.get(&host).copied().unwrap_or_default();
            (host, counts)
        });
        let groups = news.groups.into_iter().map(|group| (group, self.waiting_in(group)));
        Some(Tally { hosts: hosts.collect(), groups: groups.collect(), ..self.counts_of_all() })
    }

    /// How all alerts stand, with every host, and with every group that has repeats.
    pub fn tally(&self) -> Tally {
        let groups = self.groups.keys().map(|group| (*group, self.waiting_in(*group))).filter(|(_, count)| *count > 1);
        Tally {
            hosts: self.by_host.iter().map(|(host, counts)| (host.clone(), *counts)).collect(),
            groups: groups.collect(),
            ..self.counts_of_all()
        }
    }

    fn counts_of_all(&self) -> Tally {
        Tally {
            alerts: self.entries.len() as u64,
            oldest: self.entries.first_key_value().map_or(self.next, |(number, _)| *number),
            waiting: self.counts,
            kinds: self.kinds.len() as u64,
            acknowledged: self.acknowledged,
            muted: self.muted,
            ..Tally::default()
        }
    }

    fn waiting_in(&self, group: u64) -> u64 {
        self.groups.get(&group).map_or(0, |group| group.waiting.len() as u64)
    }

    /// An alert as it is told to others who know the triage log from the entry of that number on.
    pub fn standing(&self, number: u64, log_from: u64) -> Option<Standing> {
        let entry = self.entries.get(&number)?;
        Some(Standing { number, header: entry.header.clone(), base: self.ledger.base_of(&entry.header.id, log_from) })
    }

    /// The number that the next alert gets.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// What a console begins with: the numbers of at most `most` alerts, a screenful of kinds first, then the worst and newest;
    /// and how far the lists go then.
    pub fn beginning(&self, most: usize, kinds: usize) -> (Vec<u64>, Horizons) {
        let mut numbers: Vec<u64> = self.kinds.iter().rev().take(kinds.min(most)).map(|key| key.1).collect();
        let first: HashSet<u64> = numbers.iter().copied().collect();
        let mut last = None;
        let mut is_complete = true;
        for key in self.all.iter().rev() {
            if first.contains(&key.1) {
                last = Some(*key);
                continue;
            }
            if numbers.len() >= most {
                is_complete = false;
                break;
            }
            numbers.push(key.1);
            last = Some(*key);
        }
        if is_complete {
            return (numbers, Horizons::default());
        }
        // Of those that wait the lists go down to the last of the first; where none is to be told, they end above all.
        let untold = self.kinds.len() - first.len();
        let of_kinds = (untold > 0).then(|| self.kinds.get(untold).copied().unwrap_or(TOP));
        // What waits is in both lists: the longer of the two says it.
        let kinds = of_kinds.map(|of_kinds| last.map_or(of_kinds, |last| last.min(of_kinds)));
        (numbers, Horizons { all: last.or(Some(TOP)), kinds })
    }

    /// An alert and its repeats that stand where it does, newest first, as an act names them; no more than one act may change.
    pub fn targets_like(&self, id: &AlertId) -> Vec<Target> {
        let Some(entry) = self.number_of(id).and_then(|number| self.get(number)) else { return Vec::new() };
        let target = |entry: &Entry| Target { alert: entry.header.id.clone(), revision: entry.state.revision };
        self.alike(entry).into_iter().take(MAX_TARGETS).map(target).collect()
    }
}

/// Above every place.
const TOP: Key = (crate::alert::Severity::Critical, u64::MAX);
