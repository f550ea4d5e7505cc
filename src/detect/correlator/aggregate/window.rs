//! The window of one rule and one key: what came in, in order of event time, what comes together in it, and what is let go.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::detect::Observation;
use crate::detect::correlator::log::Ordinal;
use crate::detect::rule::{Correlation, Wanted};

/// How many events of a key keep their text: some of the first, and the newest.
pub(super) const EVIDENCE_FIRST: usize = 4;
pub(super) const EVIDENCE_LAST: usize = 12;
/// How many of the newest events are kept however old they are, until they are old by arrival, too.
const ALWAYS_KEPT: usize = 32;

/// The values of an event that are counted.
pub(super) type Values = BTreeSet<Box<str>>;

/// One event of a key.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) ordinal: Ordinal,
    /// The rules that it fired, a bit each.
    pub(super) rules: u64,
    /// Its values, where values are counted.
    pub(super) values: Values,
    /// When it arrived, in milliseconds.
    pub(super) received: i64,
    /// The event, while it may be evidence; of a correlation, its events.
    pub(super) events: Vec<Observation>,
}

/// What came together: places of the evidence, and how many there were.
pub(super) struct Found {
    members: Vec<usize>,
    pub(super) total: u64,
    end: usize,
}

/// The events of one rule and one key that are not used up, in order of event time.
#[derive(Debug, Default)]
pub(super) struct Window {
    pub(super) seen: VecDeque<Seen>,
    pub(super) arrival: u64,
    pub(super) last_received: i64,
}

impl Correlation {
    fn span(&self) -> i64 {
        self.timespan.num_milliseconds()
    }

    /// How many events a window must be able to hold.
    pub(super) fn needed(&self) -> usize {
        match self.wanted {
            Wanted::Events(threshold) | Wanted::Values(threshold) => usize::try_from(threshold.least).unwrap_or(usize::MAX),
            Wanted::Rules(_) | Wanted::Together(_) | Wanted::InOrder => 64,
        }
    }
}

impl Window {
    /// Puts an event into its place; answers it.
    pub(super) fn take(&mut self, seen: Seen, correlation: &Correlation) -> usize {
        let is_newest = self.seen.back().is_none_or(|last| last.ordinal < seen.ordinal);
        if is_newest {
            // Of events that say the same, the newest one is as good as all: windows end with what comes.
            match correlation.wanted {
                Wanted::Values(_) => self.seen.retain(|own| own.values != seen.values),
                Wanted::Rules(_) | Wanted::Together(_) => self.seen.retain(|own| own.rules != seen.rules),
                Wanted::Events(_) | Wanted::InOrder => {}
            }
        }
        let place = self.seen.partition_point(|own| own.ordinal < seen.ordinal);
        self.seen.insert(place, seen);
        if correlation.counts()
            && self.seen.len() > EVIDENCE_FIRST + EVIDENCE_LAST
            && let Some(middle) = self.seen.len().checked_sub(EVIDENCE_LAST + 1)
            && middle != place
        {
            self.seen[middle].events = Vec::new();
        }
        place
    }

    /// Looks for what the event at a place completes: windows that end with it, or with a later event that was here before.
    pub(super) fn find(&self, place: usize, correlation: &Correlation) -> Option<Found> {
        let own = self.seen[place].ordinal.time;
        let mut ends = (place..self.seen.len()).take_while(|end| self.seen[*end].ordinal.time - own <= correlation.span());
        ends.find_map(|end| self.ending(end, correlation))
    }

    fn ending(&self, end: usize, correlation: &Correlation) -> Option<Found> {
        let from = self.seen[end].ordinal.time.saturating_sub(correlation.span());
        let start = self.seen.partition_point(|own| own.ordinal.time < from);
        let inside = || start..=end;
        let length = (end + 1 - start) as u64;
        let (members, total): (Vec<usize>, u64) = match &correlation.wanted {
            Wanted::Events(threshold) => threshold.holds(length).then(|| (inside().collect(), length))?,
            Wanted::Values(threshold) => {
                // Too few values, even if all of them differed, need not be compared.
                let most: usize = inside().map(|place| self.seen[place].values.len()).sum();
                (most as u64 >= threshold.least).then_some(())?;
                let values: BTreeSet<&str> =
                    inside().flat_map(|place| self.seen[place].values.iter().map(|value| &**value)).collect();
                let count = values.len() as u64;
                threshold.holds(count).then(|| (inside().collect(), count))?
            }
            Wanted::Rules(threshold) => {
                let rules = inside().fold(0, |rules, place| rules | self.seen[place].rules);
                let count = u64::from(u64::count_ones(rules));
                threshold.holds(count).then(|| (self.newest_of(rules, start, end), count))?
            }
            Wanted::Together(sets) => {
                let rules = inside().fold(0, |rules, place| rules | self.seen[place].rules);
                let set = *sets.iter().find(|set| **set & rules == **set)?;
                (self.newest_of(set, start, end), u64::from(set.count_ones()))
            }
            Wanted::InOrder => {
                let members = self.in_order(start, end, correlation.parts.len())?;
                let total = members.len() as u64;
                (members, total)
            }
        };
        Some(Found { members, total, end })
    }

    /// The newest event of each rule of a set, in order of event time.
    fn newest_of(&self, mut rules: u64, start: usize, end: usize) -> Vec<usize> {
        let mut members = Vec::new();
        for place in (start..=end).rev() {
            let own = self.seen[place].rules & rules;
            if own != 0 {
                rules &= !own;
                members.push(place);
            }
        }
        members.reverse();
        members
    }

    /// The latest chain of one event for each rule, in the order of the rules, that ends at a place.
    fn in_order(&self, start: usize, end: usize, rules: usize) -> Option<Vec<usize>> {
        let mut members: Vec<usize> = Vec::with_capacity(rules);
        let mut place = end;
        for rule in (0..rules.min(64)).rev() {
            let is_last = members.is_empty();
            let fits = |place: &usize| self.seen[*place].rules & (1 << rule) != 0;
            let found = if is_last { Some(end).filter(fits) } else { (start..place).rev().find(fits) };
            place = found?;
            members.push(place);
        }
        members.reverse();
        Some(members)
    }

    /// Some of the events, by event time; the last one completed it.
    pub(super) fn evidence(&self, found: &Found) -> Vec<Observation> {
        let mut all: Vec<&Observation> = found.members.iter().flat_map(|place| &self.seen[*place].events).collect();
        all.sort_by_key(|event| event.time.at);
        all.dedup_by(|event, other| Arc::ptr_eq(&event.event, &other.event));
        let skipped = all.len().saturating_sub(EVIDENCE_FIRST + EVIDENCE_LAST);
        let is_kept = |place: usize| place < EVIDENCE_FIRST || place >= EVIDENCE_FIRST + skipped;
        all.into_iter().enumerate().filter(|(place, _)| is_kept(*place)).map(|(_, event)| event.clone()).collect()
    }

    /// Drops the events of a window that was found.
    pub(super) fn use_up(&mut self, found: &Found, correlation: &Correlation) {
        let from = self.seen[found.end].ordinal.time - correlation.span();
        let mut place = 0;
        self.seen.retain(|own| {
            let is_used = place <= found.end && own.ordinal.time >= from;
            place += 1;
            !is_used
        });
    }

    /// Drops what no window can reach any more. `now` is a time of arrival.
    pub(super) fn prune(&mut self, now: i64, correlation: &Correlation, lateness: i64) {
        let Some(last) = self.seen.back() else { return };
        // A host that fell silent goes on by the wall clock.
        let newest = last.ordinal.time.saturating_add((now - self.last_received).max(0));
        let reach = correlation.span().saturating_add(lateness);
        // One event with a time in the future must not cost the others: as in the sequences' log.
        let is_dead = |own: &Seen, count: usize| {
            let age = newest.saturating_sub(own.ordinal.time);
            age > reach && (now - own.received > reach || (age > reach.saturating_mul(4) && count > ALWAYS_KEPT))
        };
        while self.seen.front().is_some_and(|own| is_dead(own, self.seen.len())) {
            self.seen.pop_front();
        }
    }

    /// Drops the oldest beyond a limit; answers how many.
    pub(super) fn cut(&mut self, limit: usize) -> u64 {
        let mut dropped = 0;
        while self.seen.len() > limit.max(1) {
            self.seen.pop_front();
            dropped += 1;
        }
        dropped
    }
}
