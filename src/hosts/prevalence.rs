//! What is usual on a host: how often a source reached it, an account was at work on it, a program was started on it, by day
//! and for 30 days. Counted are only events that a rule looks at, so that the numbers speak of sessions like the one that
//! alerted, and so that they are few. Bounded; what finds no room is counted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::usual::{Counted, Usual};
use crate::alert::{Alert, Proof};
use crate::event::WindowsEvent;
use crate::event::names::HostName;
use crate::event::text::{file_name, is_said};

/// How many days are counted.
pub const DAYS: i64 = 30;
/// How many things are counted at most.
const MAX_KEYS: usize = 200_000;
/// The longest name of a thing, in bytes; longer ones are cut.
const MAX_NAME: usize = 512;

/// One day's count of one thing, as the store keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What is counted.
    pub what: Counted,
    /// The host and the thing; the host alone counts all things of its kind.
    pub key: Key,
    /// The day, counted from 1970.
    pub day: i64,
    /// How often.
    pub count: u64,
    /// When it was seen last.
    pub last: DateTime<Utc>,
}

/// A host and a thing on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// The host.
    pub host: String,
    /// The thing; empty for all of its kind.
    pub thing: String,
}

#[derive(Debug, Default)]
struct Counts {
    days: BTreeMap<i64, u64>,
    /// The newest first; two for each event of an alert that may have counted itself.
    last: Vec<DateTime<Utc>>,
}

/// How many times of a thing are remembered: an alert's own events must not pass for what was there before.
const KEPT_TIMES: usize = 4;

/// All counts.
#[derive(Debug, Default)]
pub struct Prevalence {
    counts: HashMap<(Counted, Key), Counts>,
    changed: BTreeSet<(Counted, Key, i64)>,
    since: Option<DateTime<Utc>>,
    shed: u64,
}

impl Prevalence {
    /// Takes back what was stored.
    pub fn restore(&mut self, rows: Vec<Row>) {
        for row in rows {
            let first = DateTime::from_timestamp(row.day * 86_400, 0).unwrap_or(row.last).min(row.last);
            self.since = Some(self.since.map_or(first, |since| since.min(first)));
            let counts = self.counts.entry((row.what, row.key)).or_default();
            *counts.days.entry(row.day).or_default() += row.count;
            counts.last.push(row.last);
            counts.last.sort_unstable_by(|one, other| other.cmp(one));
            counts.last.truncate(KEPT_TIMES);
        }
    }

    /// Counts an event that a rule looks at.
    pub fn observe(&mut self, event: &WindowsEvent, at: DateTime<Utc>) {
        self.since.get_or_insert(at);
        for (what, thing) in things(event.event_id().0, |name| event.get(name)) {
            self.add(what, event.host(), String::new(), at);
            self.add(what, event.host(), thing, at);
        }
    }

    fn add(&mut self, what: Counted, host: &HostName, thing: String, at: DateTime<Utc>) {
        let key = Key { host: host.to_string(), thing };
        if self.counts.len() >= MAX_KEYS && !self.counts.contains_key(&(what, key.clone())) {
            self.shed += 1;
            return;
        }
        let day = day_of(at);
        let counts = self.counts.entry((what, key.clone())).or_default();
        *counts.days.entry(day).or_default() += 1;
        counts.last.insert(0, at);
        counts.last.truncate(KEPT_TIMES);
        self.changed.insert((what, key, day));
    }

    /// How usual is what an alert is about. Its own events, counted already, are left out.
    pub fn usual(&self, alert: &Alert) -> Vec<Usual> {
        let mut own: BTreeMap<(Counted, Key), (String, u64)> = BTreeMap::new();
        let mut own_of: BTreeMap<Counted, u64> = BTreeMap::new();
        for proof in alert.evidence.iter() {
            for (what, thing) in things(proof.event_id.0, |name| Proof::field(proof, name)) {
                let key = Key { host: alert.host.to_string(), thing: thing.clone() };
                own.entry((what, key)).or_insert((thing, 0)).1 += 1;
                *own_of.entry(what).or_default() += 1;
            }
        }
        let since = self.since.unwrap_or(alert.created).max(alert.created - TimeDelta::days(DAYS));
        let usual = own.into_iter().map(|((what, key), (thing, times))| {
            let all = Key { host: key.host.clone(), thing: String::new() };
            let of = self.sum(what, &all).saturating_sub(own_of.get(&what).copied().unwrap_or_default());
            let before = self.sum(what, &key).saturating_sub(times);
            let last = self.counts.get(&(what, key)).and_then(|counts| counts.last.get(times as usize)).copied();
            Usual { what, key: thing, before, of, last: last.filter(|_| before > 0), since }
        });
        usual.collect()
    }

    fn sum(&self, what: Counted, key: &Key) -> u64 {
        // The key is cloned for the look-up only; alerts are few.
        self.counts.get(&(what, key.clone())).map_or(0, |counts| counts.days.values().sum())
    }

    /// Drops what is older than the days that are counted.
    pub fn expire(&mut self, now: DateTime<Utc>) {
        let oldest = day_of(now) - DAYS;
        self.counts.retain(|_, counts| {
            counts.days.retain(|day, _| *day >= oldest);
            !counts.days.is_empty()
        });
    }

    /// The counts that changed since they were taken for the last time.
    pub fn take_changed(&mut self) -> Vec<Row> {
        let changed = std::mem::take(&mut self.changed);
        let row = |(what, key, day): (Counted, Key, i64)| {
            let counts = self.counts.get(&(what, key.clone()))?;
            Some(Row { what, day, count: *counts.days.get(&day)?, last: *counts.last.first()?, key })
        };
        changed.into_iter().filter_map(row).collect()
    }

    /// How many counts found no room.
    pub fn shed(&self) -> u64 {
        self.shed
    }
}

/// The day of a time, counted from 1970.
pub fn day_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(86_400)
}

/// What an event says that is worth counting.
fn things<'a>(event_id: u32, field: impl Fn(&str) -> Option<&'a str>) -> Vec<(Counted, String)> {
    let told = |name: &str| field(name).filter(|value| is_said(value));
    let said = |name: &str| told(name).map(|value| cut(value.to_lowercase()));
    let user = said("User").map(|user| (Counted::UserOnHost, user));
    // The name first: of a long path the end would be cut off.
    let image = told("Image").map(|image| (Counted::ImageOnHost, cut(file_name(image).to_lowercase())));
    match (event_id, field("Initiated")) {
        // An accepted connection runs as the system; who came is told by the address.
        (3, Some(initiated)) if initiated.eq_ignore_ascii_case("false") => {
            said("SourceIp").map(|source| (Counted::SourceOnHost, source)).into_iter().collect()
        }
        (1 | 3, _) => [user, image].into_iter().flatten().collect(),
        _ => Vec::new(),
    }
}

fn cut(mut text: String) -> String {
    let mut end = text.len().min(MAX_NAME);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::sysmon;

    fn at(day: i64) -> DateTime<Utc> {
        DateTime::from_timestamp((20_000 + day) * 86_400 + 60, 0).unwrap()
    }

    #[test]
    fn counted_by_day_and_kept_over_a_restart() {
        let inbound = sysmon(3, "SRV", 1, &[("Initiated", "false"), ("SourceIp", "10.0.0.1"), ("User", "NT AUTHORITY\\SYSTEM")]);
        let start = sysmon(1, "SRV", 2, &[("Image", "C:\\Windows\\whoami.exe"), ("User", "CORP\\a")]);
        let mut first = Prevalence::default();
        for day in [0, 0, 40, 41] {
            first.observe(&inbound, at(day));
            first.observe(&start, at(day));
        }
        let mut again = Prevalence::default();
        again.restore(first.take_changed());
        assert!(first.take_changed().is_empty());
        again.expire(at(41));
        let count = |what, thing: &str| again.sum(what, &Key { host: "srv".to_owned(), thing: thing.to_owned() });
        let rows = [
            (Counted::SourceOnHost, "10.0.0.1", 2),
            (Counted::SourceOnHost, "", 2),
            (Counted::UserOnHost, "corp\\a", 2),
            (Counted::UserOnHost, "nt authority\\system", 0),
            (Counted::ImageOnHost, "whoami.exe", 2),
        ];
        for (what, thing, expected) in rows {
            assert_eq!(count(what, thing), expected, "{what:?} {thing}");
        }
    }
}
