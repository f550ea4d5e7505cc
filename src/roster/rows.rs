//! The lists, read: rows in their order, and what is next to what.

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::AlertId;
use crate::event::names::HostName;
use crate::feed::page::Key;
use crate::roster::{Entry, Roster};

/// How many alerts before and after one are looked at for those near it.
const LOOKED_AT: usize = 2000;

/// A sorted list of alerts.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    alerts: &'a Roster,
    keys: &'a [Key],
}

impl<'a> Rows<'a> {
    /// How many.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The alert at a place.
    pub fn get(&self, place: usize) -> Option<&'a Entry> {
        self.alerts.entries.get(&self.keys.iter().nth_back(place)?.1)
    }

    /// How many rows are below the place of an alert.
    pub fn count_below(&self, number: u64) -> usize {
        let key = self.alerts.entries.get(&number).map(Entry::key);
        key.map_or(self.keys.len(), |key| self.keys.partition_point(|own| *own < key))
    }

    /// Those of them that were raised after others, by their numbers.
    pub fn raised_from(&self, number: u64) -> impl Iterator<Item = &'a Entry> {
        self.keys.iter().filter(move |key| key.1 >= number).filter_map(|key| self.alerts.entries.get(&key.1))
    }

    /// Where an alert stands.
    pub fn place_of(&self, number: u64) -> Option<usize> {
        let entry = self.alerts.entries.get(&number)?;
        self.keys.binary_search(&entry.key()).ok().map(|place| self.keys.len() - 1 - place)
    }
}

impl Roster {
    /// The alerts that the filter lets through, worst first. `kinds_only`: only those that wait for somebody, repeats folded
    /// into their worst and newest. Of a part, only as far down as none is missing.
    pub fn rows(&self, kinds_only: bool) -> Rows<'_> {
        let keys = if kinds_only { &self.kinds } else { &self.all };
        Rows { alerts: self, keys: &keys[self.begin_of(keys, kinds_only)..] }
    }

    /// Where the keys begin above which none is missing.
    fn begin_of(&self, keys: &[Key], kinds_only: bool) -> usize {
        self.horizon(kinds_only).map_or(0, |horizon| keys.partition_point(|key| *key < horizon))
    }

    /// The alerts of one host that the filter lets through, worst first.
    pub fn of_host(&self, host: &HostName) -> Vec<&Entry> {
        self.all.iter().rev().filter_map(|key| self.entries.get(&key.1)).filter(|entry| entry.header.host == *host).collect()
    }

    /// All alerts that are held, oldest first, whatever the filter says.
    pub fn held(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The alert of a number.
    pub fn get(&self, number: u64) -> Option<&Entry> {
        self.entries.get(&number)
    }

    /// Whether the filter lets an alert through.
    pub fn is_listed(&self, number: u64) -> bool {
        self.entries.get(&number).is_some_and(|entry| self.all.binary_search(&entry.key()).is_ok())
    }

    /// The alert of the row that stands for an alert in a list: itself, or what shows its kind where repeats are folded.
    pub fn shown_by(&self, number: u64, kinds_only: bool) -> Option<u64> {
        let has = |number: &u64| self.rows(kinds_only).place_of(*number).is_some();
        let of_kind = || self.groups.get(&self.group_of(number)?)?.shown.map(|(_, number)| number);
        Some(number).filter(has).or_else(|| of_kind().filter(|_| kinds_only).filter(has))
    }

    /// The same; without one, of the row below its place, or else of the last.
    pub fn near_to(&self, number: u64, kinds_only: bool) -> Option<u64> {
        self.entries.get(&number)?;
        let rows = self.rows(kinds_only);
        let below = || rows.get((rows.len() - rows.count_below(number)).min(rows.len().checked_sub(1)?));
        self.shown_by(number, kinds_only).or_else(|| below().map(|entry| entry.number))
    }

    /// The same among the alerts of one host.
    pub fn near_to_of_host(&self, number: u64, host: &HostName) -> Option<u64> {
        let entry = self.entries.get(&number)?;
        if self.is_listed(number) && entry.header.host == *host {
            return Some(number);
        }
        let rows = self.of_host(host);
        rows.iter().find(|own| own.key() < entry.key()).or(rows.last()).map(|own| own.number)
    }

    /// The group of an alert.
    pub(super) fn group_of(&self, number: u64) -> Option<u64> {
        self.ledger.group(&self.entries.get(&number)?.header.id)
    }

    /// The number of an alert.
    pub fn number_of(&self, id: &AlertId) -> Option<u64> {
        self.by_id.get(id).copied()
    }

    /// The repeats of an alert that wait for somebody, itself included, worst and newest first.
    pub fn repeats(&self, entry: &Entry) -> impl Iterator<Item = &Entry> {
        let group = self.ledger.group(&entry.header.id).and_then(|group| self.groups.get(&group));
        group.into_iter().flat_map(|group| group.waiting.iter().rev()).filter_map(|key| self.entries.get(&key.1))
    }

    /// What an alert stands for where repeats are folded, worst and newest first: those that wait; of one that waits no more, those
    /// of its group that its last act changed too.
    pub fn alike<'a>(&'a self, entry: &'a Entry) -> Vec<&'a Entry> {
        if entry.state.is_waiting() {
            return self.repeats(entry).collect();
        }
        let group = self.ledger.group(&entry.header.id);
        let together = self.ledger.entry(entry.state.revision).into_iter().flat_map(|act| &act.alerts);
        let held = together.filter_map(|id| self.entries.get(self.by_id.get(id)?));
        let is_alike = |own: &&Entry| {
            own.state.revision == entry.state.revision && self.ledger.group(&own.header.id) == group && own.number != entry.number
        };
        let mut alike: Vec<&Entry> = held.filter(is_alike).chain([entry]).collect();
        alike.sort_unstable_by_key(|own| std::cmp::Reverse(own.key()));
        alike
    }

    /// How many it stands for, those that are not held here included.
    pub fn alike_count(&self, entry: &Entry) -> usize {
        if entry.state.is_waiting() {
            return self.repeat_count(entry);
        }
        let alike = self.alike(entry).len();
        let together = self.ledger.entry(entry.state.revision).map(|act| act.alerts.as_slice()).unwrap_or_default();
        let held = together.iter().filter(|id| self.by_id.contains_key(*id)).count();
        // Where all that are held are of its group, so are the others: it was an act on one row.
        if self.is_part() && held == alike { together.len() } else { alike }
    }

    /// When the first and the last of those were raised that it stands for and that are held here.
    pub fn alike_since(&self, entry: &Entry) -> Option<(DateTime<Utc>, DateTime<Utc>)> {
        let created = |number: u64| self.entries.get(&number).map(|own| own.header.created);
        let span = |numbers: &mut dyn Iterator<Item = u64>| {
            let (first, last) = numbers.fold((u64::MAX, 0), |(first, last), own| (first.min(own), last.max(own)));
            Some((created(first)?, created(last)?))
        };
        let group = self.ledger.group(&entry.header.id).and_then(|group| self.groups.get(&group));
        match group {
            Some(group) if entry.state.is_waiting() => span(&mut group.waiting.iter().map(|key| key.1)),
            _ => span(&mut self.alike(entry).into_iter().map(|own| own.number)),
        }
    }

    /// Whether all are held here that it stands for.
    pub fn holds_alike(&self, entry: &Entry) -> bool {
        let group = self.ledger.group(&entry.header.id).and_then(|group| self.groups.get(&group));
        match group {
            Some(group) if entry.state.is_waiting() => group.waiting.len() >= self.repeat_count(entry),
            _ => self.alike(entry).len() >= self.alike_count(entry),
        }
    }

    /// Whether the list shows the group of an alert where repeats are folded.
    pub fn is_shown(&self, group: u64) -> bool {
        self.groups.get(&group).is_some_and(|group| group.shown.is_some())
    }

    /// How many repeats of an alert wait for somebody, those that are not held here included.
    pub fn repeat_count(&self, entry: &Entry) -> usize {
        let Some(group) = self.ledger.group(&entry.header.id) else { return 0 };
        let here = self.groups.get(&group).map_or(0, |group| group.waiting.len());
        here.max(self.part.as_ref().map_or(0, |part| part.repeats(group)))
    }

    /// How many other alerts of its host were raised close to an alert, and whether there may be more: a flood is not counted
    /// to its end for every frame.
    pub fn near(&self, entry: &Entry, within: TimeDelta) -> (usize, bool) {
        let is_close = |other: &&Entry| (other.header.created - entry.header.created).abs() <= within;
        let before = self.entries.range(..entry.number).rev().map(|(_, other)| other).take_while(is_close).take(LOOKED_AT);
        let after = self.entries.range(entry.number + 1..).map(|(_, other)| other).take_while(is_close).take(LOOKED_AT);
        let (mut count, mut seen) = (0, [0, 0]);
        for (side, other) in before.map(|other| (0, other)).chain(after.map(|other| (1, other))) {
            seen[side] += 1;
            count += usize::from(other.header.host == entry.header.host);
        }
        (count, self.is_missing_some() || seen.contains(&LOOKED_AT))
    }

    /// The open alert that follows (or precedes) in the list, in that of kinds repeats folded; without one, the first (or last).
    pub fn neighbour(&self, number: Option<u64>, forward: bool, kinds_only: bool) -> Option<u64> {
        let open = if kinds_only { &self.kinds } else { &self.open };
        let open = &open[self.begin_of(open, true)..];
        // An alert that waits no more still has a place between others.
        let place = number.and_then(|number| self.entries.get(&number)).map(|entry| open.binary_search(&entry.key()));
        let next = match (place, forward) {
            (None, true) => open.len().checked_sub(1)?,
            (None, false) => 0,
            (Some(Ok(place) | Err(place)), true) => place.checked_sub(1)?,
            (Some(Ok(place)), false) => place + 1,
            (Some(Err(place)), false) => place,
        };
        open.get(next).map(|key| key.1)
    }

    /// The place of an alert in the list of all, counted from 1, and how many there are; of a part only where none is missing
    /// above it.
    pub fn place(&self, number: u64) -> Option<(usize, usize)> {
        let entry = self.entries.get(&number)?;
        if self.horizon(false).is_some_and(|horizon| entry.key() < horizon) {
            return None;
        }
        let all = self.total(false).max(self.all.len());
        self.all.binary_search(&entry.key()).ok().map(|place| (self.all.len() - place, all))
    }
}
