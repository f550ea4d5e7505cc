//! A part of the alerts, in a console that is not in the collector's own process: the worst and newest, and what the user asked
//! for. Down to its horizon each list is complete; what is beyond is told as counts ([`Tally`]) and asked for in pages.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::alert::Severity;
use crate::event::names::HostName;
use crate::feed::page::{Horizons, Key, Page, Tally};
use crate::filter::Filter;
use crate::roster::Roster;
use crate::triage::ledger::Ledger;

/// What is known of all alerts.
#[derive(Debug, Default)]
pub(super) struct Part {
    horizons: Horizons,
    /// Above what of each list was let go since a page was asked for: it may have come after the page was read.
    let_go: Horizons,
    /// Its hosts and groups are kept apart.
    tally: Tally,
    hosts: HashMap<HostName, [u64; 5]>,
    groups: HashMap<u64, u64>,
    /// How many alerts, and how many kinds of them, the filter lets through, where that was told.
    matches: [Option<u64>; 2],
    /// Whether alerts have come or changed since a filter's were counted.
    is_count_old: [bool; 2],
    /// Groups that are shown further down now, or no more; others of them that are not held here may be above.
    fallen: HashSet<u64>,
    is_top_missing: bool,
}

impl Part {
    /// This group is shown further down now, or no more.
    pub(super) fn fallen(&mut self, group: u64) {
        self.fallen.insert(group);
    }

    /// Another filter: what of it is held is not known yet.
    pub(super) fn refiltered(&mut self) {
        self.horizons = Horizons::default();
        self.matches = [None; 2];
    }

    fn is_complete_to(&mut self, place: Option<Key>, kinds_only: bool) {
        let Horizons { all, kinds } = &mut self.horizons;
        let (horizon, let_go) = if kinds_only { (kinds, self.let_go.kinds) } else { (all, self.let_go.all) };
        *horizon = place.max(let_go);
    }

    fn count_matches(&mut self, page: &Page, kinds_only: bool) {
        if page.matches.is_some() {
            self.matches[usize::from(kinds_only)] = page.matches;
            self.is_count_old[usize::from(kinds_only)] = false;
        }
    }

    pub(super) fn repeats(&self, group: u64) -> usize {
        self.groups.get(&group).map_or(0, |count| usize::try_from(*count).unwrap_or(usize::MAX))
    }
}

impl Roster {
    /// None yet, of a part of at most `max_alerts`.
    pub fn of_part(max_alerts: usize, max_evidence: usize) -> Self {
        Self { ledger: Ledger::of_part(), part: Some(Part::default()), ..Self::new(max_alerts, max_evidence) }
    }

    /// Whether it is a part.
    pub fn is_part(&self) -> bool {
        self.part.is_some()
    }

    /// Whether there are alerts that are not held here.
    pub fn is_missing_some(&self) -> bool {
        self.part.as_ref().is_some_and(|part| part.tally.alerts > self.entries.len() as u64)
    }

    /// Whether no more can be asked for.
    pub fn is_full(&self) -> bool {
        self.entries.len() >= self.max_alerts
    }

    /// Down to which place a list is complete; `None` where it is to its end.
    pub fn horizon(&self, kinds_only: bool) -> Option<Key> {
        let horizons = self.part.as_ref()?.horizons;
        if kinds_only { horizons.kinds } else { horizons.all }
    }

    /// How many a list has in all, as far as that is known.
    pub fn total(&self, kinds_only: bool) -> usize {
        let held = self.rows(kinds_only).len();
        let Some(part) = &self.part else { return held };
        let told = part.matches[usize::from(kinds_only)].unwrap_or_default();
        if self.horizon(kinds_only).is_some() { held.max(usize::try_from(told).unwrap_or(usize::MAX)) } else { held }
    }

    /// How all alerts stand now.
    pub fn hear_tally(&mut self, tally: &Tally, is_filtered: bool) {
        self.forget(tally.oldest);
        let Some(part) = &mut self.part else { return };
        for (host, counts) in &tally.hosts {
            if *counts == [0; 5] {
                part.hosts.remove(host);
            } else {
                part.hosts.insert(host.clone(), *counts);
            }
        }
        for (group, count) in &tally.groups {
            let held = self.groups.get(group).map_or(0, |group| group.waiting.len() as u64);
            part.is_top_missing |= *count > held && part.fallen.contains(group);
            if *count > 1 {
                part.groups.insert(*group, *count);
            } else {
                part.groups.remove(group);
            }
        }
        part.fallen.clear();
        part.is_count_old = [is_filtered; 2];
        if !is_filtered {
            part.matches = [Some(tally.alerts), Some(tally.kinds)];
        }
        part.tally = Tally { hosts: Vec::new(), groups: Vec::new(), ..tally.clone() };
    }

    /// What is older than the oldest that is remembered elsewhere is not held here either.
    fn forget(&mut self, oldest: u64) {
        let gone: Vec<Key> = self.entries.range(..oldest).map(|(_, entry)| entry.key()).collect();
        let was_shown = |key: &&Key| self.kinds.binary_search(key).is_ok();
        let shown: Vec<u64> = gone.iter().filter(was_shown).filter_map(|key| self.group_of(key.1)).collect();
        if let Some(part) = &mut self.part {
            part.fallen.extend(shown);
        }
        self.let_go(gone.iter().map(|key| key.1));
    }

    fn let_go(&mut self, numbers: impl Iterator<Item = u64>) {
        let gone: HashSet<_> = numbers.filter_map(|number| self.remove(number)).map(|old| old.header.id.clone()).collect();
        if !gone.is_empty() {
            self.ledger.release(&gone);
        }
    }

    /// How far the lists are held that were taken over.
    pub fn set_horizons(&mut self, horizons: Horizons) {
        if let Some(part) = &mut self.part {
            part.horizons = horizons;
        }
    }

    /// Takes a page over that was asked for.
    pub fn hear_page(&mut self, page: &Page, filter: &Filter, now: DateTime<Utc>) {
        let (outside, held) = (self.outside.clone(), self.entries.len());
        page.alerts.iter().for_each(|standing| self.take_over(standing, filter, now));
        // They are older than the filter.
        self.outside.retain(|key| outside.contains(key));
        // Of a flood of alerts that happened again, each comes with a page that brings nothing new.
        if self.entries.len() > held {
            self.ledger.sort();
        }
    }

    /// A page is asked for now.
    pub fn begin_page(&mut self) {
        if let Some(part) = &mut self.part {
            part.let_go = Horizons::default();
        }
    }

    /// A list is complete now as far as a page goes that was asked for below a place, or from the top.
    pub fn extend_to(&mut self, page: &Page, kinds_only: bool, below: Option<Key>) {
        // What was let go meanwhile would be missing between the list and the page.
        let is_next = below.is_none() || self.horizon(kinds_only) == below;
        if let Some(part) = self.part.as_mut().filter(|_| is_next) {
            part.is_complete_to(page.horizon, kinds_only);
            part.count_matches(page, kinds_only);
        }
    }

    /// A filter's alerts were counted elsewhere.
    pub fn count_matches(&mut self, page: &Page, kinds_only: bool) {
        if let Some(part) = &mut self.part {
            part.count_matches(page, kinds_only);
        }
    }

    /// Whether a list has more than is held here, and more may match or less since that was counted.
    pub fn is_count_old(&self, kinds_only: bool) -> bool {
        let is_old = self.part.as_ref().is_some_and(|part| part.is_count_old[usize::from(kinds_only)]);
        is_old && self.horizon(kinds_only).is_some()
    }

    /// Time has passed: a filter lets less through than was counted.
    pub(super) fn count_anew(&mut self) {
        if let Some(part) = &mut self.part {
            part.is_count_old = [true; 2];
        }
    }

    /// Of a group that is shown further down now, others may be above that are not held here; no tally tells of them, for
    /// nothing has changed but the time.
    pub(super) fn miss_fallen(&mut self) {
        let held = |group: &u64| self.groups.get(group).map_or(0, |group| group.waiting.len());
        let is_some = self.part.as_ref().is_some_and(|part| part.fallen.iter().any(|group| part.repeats(*group) > held(group)));
        if is_some {
            self.miss();
        }
    }

    /// Something that belongs to the top of the lists may not be held.
    pub(super) fn miss(&mut self) {
        if let Some(part) = &mut self.part {
            part.is_top_missing = true;
        }
    }

    /// Whether something that belongs to the top of the lists may not be held; asked once.
    pub fn take_missing(&mut self) -> bool {
        self.part.as_mut().is_some_and(|part| std::mem::take(&mut part.is_top_missing))
    }

    /// Lets go what is worth least, where more is held than there is room for: what the filter hides, what waits for nobody,
    /// what is less severe, what is older. Some are kept in any case.
    pub fn shed(&mut self, kept: &HashSet<u64>) {
        // Not one by one: a tenth at once.
        let most = self.max_alerts + self.max_alerts / 10;
        if self.part.is_none() || self.entries.len() <= most {
            return;
        }
        let is_listed = |key: Key| self.all.binary_search(&key).is_ok();
        let worth = |entry: &super::Entry| (is_listed(entry.key()), entry.state.is_waiting(), entry.key());
        let mut worths: Vec<_> = self.entries.values().filter(|entry| !kept.contains(&entry.number)).map(worth).collect();
        worths.sort_unstable();
        worths.truncate(self.entries.len() - self.max_alerts);
        self.let_go(worths.iter().map(|(.., key)| key.1));
        let Some(part) = &mut self.part else { return };
        for (_, was_waiting, key) in worths.into_iter().filter(|(was_listed, ..)| *was_listed) {
            // Above what is gone the lists are still complete.
            let above = Some((key.0, key.1 + 1));
            for horizons in [&mut part.horizons, &mut part.let_go] {
                horizons.all = horizons.all.max(above);
                if was_waiting {
                    horizons.kinds = horizons.kinds.max(above);
                }
            }
        }
    }

    /// How many alerts of a severity wait for somebody.
    pub fn count_of_severity(&self, severity: Severity) -> u64 {
        self.part.as_ref().map_or(self.counts, |part| part.tally.waiting)[severity as usize]
    }

    /// How many alerts somebody looks at.
    pub fn acknowledged(&self) -> u64 {
        self.part.as_ref().map_or(self.acknowledged, |part| part.tally.acknowledged)
    }

    /// How many alerts a mute hides.
    pub fn muted(&self) -> u64 {
        self.part.as_ref().map_or(self.muted, |part| part.tally.muted)
    }

    /// How many alerts of a host wait for somebody, by severity.
    pub fn count_of(&self, host: &HostName, severity: Severity) -> u64 {
        let by_host = self.part.as_ref().map_or(&self.by_host, |part| &part.hosts);
        by_host.get(host).map_or(0, |counts| counts[severity as usize])
    }

    /// The worst severity that waits on a host.
    pub fn worst_of(&self, host: &HostName) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| self.count_of(host, *severity) > 0)
    }

    /// How many are held here.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many there are, those that are not held here included.
    pub fn known(&self) -> usize {
        let told = self.part.as_ref().map_or(0, |part| part.tally.alerts);
        self.entries.len().max(usize::try_from(told).unwrap_or(usize::MAX))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many open alerts the filter lets through.
    pub fn open_count(&self) -> usize {
        self.open.len()
    }
}
