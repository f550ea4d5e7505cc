//! Sigma's correlations: events counted, or put together, within a span of event time and for one key. A window closes over
//! what made it: the events of an alert are used up, so that the next alert of the key needs new ones. A late event takes its
//! place in the order of event time, and windows that it completes are found as if it had come in time.
//!
//! What is kept of an event is small; only some events of a key keep their text, as evidence. Keys, events of a key and
//! evidence are bounded, and what is dropped for a limit is counted.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::detect::correlator::log::Ordinal;
use crate::detect::correlator::{Completed, Config, LogKey};
use crate::detect::rule::{Correlation, Logic, PartOf, Wanted};
use crate::detect::{JoinKey, Observation, RuleIndex, RuleSet, StageHit, Target, stage_hits};
use crate::event::WindowsEvent;

/// How many events of a key keep their text: some of the first, and the newest.
const EVIDENCE_FIRST: usize = 4;
const EVIDENCE_LAST: usize = 12;
/// How many of the newest events are kept however old they are, until they are old by arrival, too.
const ALWAYS_KEPT: usize = 32;
/// How often old events of keys without traffic are dropped, by arrival.
const EXPIRE_EVERY: TimeDelta = TimeDelta::seconds(5);

/// The values of an event that are counted.
type Values = BTreeSet<Box<str>>;

/// One event of a key.
#[derive(Debug)]
struct Seen {
    ordinal: Ordinal,
    /// The rules that it fired, a bit each.
    rules: u64,
    /// Its values, where values are counted.
    values: Values,
    /// When it arrived, in milliseconds.
    received: i64,
    /// The event, while it may be evidence; of a correlation, its events.
    events: Vec<Observation>,
}

/// What came together: places of the evidence, and how many there were.
struct Found {
    members: Vec<usize>,
    total: u64,
    end: usize,
}

/// The events of one rule and one key that are not used up, in order of event time.
#[derive(Debug, Default)]
struct Window {
    seen: VecDeque<Seen>,
    arrival: u64,
    last_received: i64,
}

/// All correlations in the making. Owned by the correlator.
#[derive(Debug)]
pub(super) struct Aggregates {
    config: Config,
    windows: HashMap<LogKey, Window>,
    /// Windows by the arrival number of their last event, the least recent first.
    by_arrival: BTreeMap<u64, LogKey>,
    arrivals: u64,
    kept: u64,
    late: u64,
    dropped: u64,
    last_expire: Option<DateTime<Utc>>,
}

impl Aggregates {
    /// Nothing seen yet.
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            windows: HashMap::new(),
            by_arrival: BTreeMap::new(),
            arrivals: 0,
            kept: 0,
            late: 0,
            dropped: 0,
            last_expire: None,
        }
    }

    /// Takes the hits of one event in; answers what they complete.
    pub(super) fn advance(&mut self, rules: &RuleSet, observation: &Observation, hits: &[StageHit]) -> Vec<Completed> {
        let is_ours = |hit: &&StageHit| matches!(rules.get(hit.rule).logic, Logic::Correlation(_));
        let own: Vec<StageHit> = hits.iter().filter(is_ours).cloned().collect();
        if own.is_empty() {
            return Vec::new();
        }
        let mut completed = Vec::new();
        let mut waiting = VecDeque::from([(own, vec![observation.clone()])]);
        while let Some((hits, events)) = waiting.pop_front() {
            for found in self.take(rules, &hits, &events) {
                let Some(completing) = found.members.last() else { continue };
                let id = &rules.get(found.rule).info.id;
                let fed = fed_by(rules, id, &completing.event);
                if !fed.is_empty() {
                    waiting.push_back((fed, found.members.clone()));
                }
                if !matches!(&rules.get(found.rule).logic, Logic::Correlation(Correlation { is_silent: true, .. })) {
                    completed.push(found);
                }
            }
        }
        completed
    }

    /// Takes hits in that these events made; the last of them says when.
    fn take(&mut self, rules: &RuleSet, hits: &[StageHit], events: &[Observation]) -> Vec<Completed> {
        let Some(completing) = events.last() else { return Vec::new() };
        let mut merged: BTreeMap<(RuleIndex, &JoinKey), (u64, Values)> = BTreeMap::new();
        for hit in hits.iter().filter(|hit| hit.stage < 64) {
            let (stages, values) = merged.entry((hit.rule, &hit.key)).or_default();
            *stages |= 1 << hit.stage;
            values.extend(hit.value.clone());
        }
        let mut completed = Vec::new();
        for ((index, key), (stages, values)) in merged {
            let rule = rules.get(index);
            let Logic::Correlation(correlation) = &rule.logic else { continue };
            self.arrivals += 1;
            let seen = Seen {
                ordinal: Ordinal {
                    time: completing.time.at.timestamp_millis(),
                    record: completing.event.record_id().map_or(u64::MAX, |id| id.0),
                    arrival: self.arrivals,
                },
                rules: stages,
                values,
                received: completing.received_at.timestamp_millis(),
                events: events.to_vec(),
            };
            let found = self.insert((rule.fingerprint, key.clone()), correlation, seen);
            completed.extend(found.map(|(members, total)| Completed {
                rule: index,
                key: key.clone(),
                members,
                total,
                is_update: false,
                supersedes: None,
            }));
        }
        completed
    }

    fn insert(&mut self, key: LogKey, correlation: &Correlation, seen: Seen) -> Option<(Vec<Observation>, u64)> {
        if !self.windows.contains_key(&key) {
            self.make_room();
        }
        let window = self.windows.entry(key.clone()).or_default();
        self.by_arrival.remove(&window.arrival);
        window.arrival = seen.ordinal.arrival;
        self.by_arrival.insert(window.arrival, key);
        let before = window.seen.len() as u64;
        let lateness = self.config.allowed_lateness.num_milliseconds();
        let newest = window.seen.back().map_or(i64::MIN, |last| last.ordinal.time);
        self.late += u64::from(newest != i64::MIN && seen.ordinal.time < newest - lateness);
        window.last_received = window.last_received.max(seen.received);
        let place = window.take(seen, correlation);
        let found = window.find(place, correlation);
        let answer = found.map(|found| (window.evidence(&found), found)).map(|(evidence, found)| {
            window.use_up(&found, correlation);
            (evidence, found.total)
        });
        window.prune(window.last_received, correlation, lateness);
        self.dropped += window.cut(self.config.max_partials_per_key.max(correlation.needed()));
        self.kept = self.kept + window.seen.len() as u64 - before;
        answer
    }

    fn make_room(&mut self) {
        while self.windows.len() >= self.config.max_keys.max(1) {
            let Some((_, oldest)) = self.by_arrival.pop_first() else { return };
            if let Some(window) = self.windows.remove(&oldest) {
                self.kept -= window.seen.len() as u64;
                self.dropped += window.seen.len() as u64;
            }
        }
    }

    /// Time passes, by arrival: drops what can no longer match.
    pub(super) fn expire(&mut self, rules: &RuleSet, now: DateTime<Utc>) {
        if self.windows.is_empty() || self.last_expire.is_some_and(|last| now - last < EXPIRE_EVERY) {
            return;
        }
        self.last_expire = Some(now);
        let correlations: HashMap<u64, &Correlation> = rules
            .rules()
            .filter_map(|(_, rule)| match &rule.logic {
                Logic::Correlation(correlation) => Some((rule.fingerprint, correlation)),
                Logic::Single { .. } | Logic::Sequence(_) => None,
            })
            .collect();
        let lateness = self.config.allowed_lateness.num_milliseconds();
        let by_arrival = &mut self.by_arrival;
        self.windows.retain(|(rule, _), window| {
            let correlation = correlations.get(rule);
            if let Some(correlation) = correlation {
                window.prune(now.timestamp_millis(), correlation, lateness);
            }
            let is_alive = !window.seen.is_empty() && correlation.is_some();
            if !is_alive {
                by_arrival.remove(&window.arrival);
            }
            is_alive
        });
        self.kept = self.windows.values().map(|window| window.seen.len() as u64).sum();
    }

    /// How many events are kept.
    pub(super) fn kept(&self) -> u64 {
        self.kept
    }

    /// How many events came later than allowed.
    pub(super) fn late(&self) -> u64 {
        self.late
    }

    /// How many events were dropped for a limit.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// The hits that a completed correlation makes in those that it feeds, with the values of the event that completed it.
fn fed_by(rules: &RuleSet, id: &str, completing: &WindowsEvent) -> Vec<StageHit> {
    let mut hits = Vec::new();
    for (index, rule) in rules.rules() {
        let Logic::Correlation(correlation) = &rule.logic else { continue };
        for (stage, part) in correlation.parts.iter().enumerate() {
            if matches!(&part.of, PartOf::Correlation(own) if **own == *id) {
                let target = Target { rule: index, stage: stage as u8 };
                hits.extend(stage_hits(&mut rules.evaluation(completing), target, &part.by, part.value));
            }
        }
    }
    hits
}

impl Correlation {
    fn span(&self) -> i64 {
        self.timespan.num_milliseconds()
    }

    /// How many events a window must be able to hold.
    fn needed(&self) -> usize {
        match self.wanted {
            Wanted::Events(threshold) | Wanted::Values(threshold) => usize::try_from(threshold.least).unwrap_or(usize::MAX),
            Wanted::Rules(_) | Wanted::Together(_) | Wanted::InOrder => 64,
        }
    }
}

impl Window {
    /// Puts an event into its place; answers it.
    fn take(&mut self, seen: Seen, correlation: &Correlation) -> usize {
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
    fn find(&self, place: usize, correlation: &Correlation) -> Option<Found> {
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
    fn evidence(&self, found: &Found) -> Vec<Observation> {
        let mut all: Vec<&Observation> = found.members.iter().flat_map(|place| &self.seen[*place].events).collect();
        all.sort_by_key(|event| event.time.at);
        all.dedup_by(|event, other| Arc::ptr_eq(&event.event, &other.event));
        let skipped = all.len().saturating_sub(EVIDENCE_FIRST + EVIDENCE_LAST);
        let is_kept = |place: usize| place < EVIDENCE_FIRST || place >= EVIDENCE_FIRST + skipped;
        all.into_iter().enumerate().filter(|(place, _)| is_kept(*place)).map(|(_, event)| event.clone()).collect()
    }

    /// Drops the events of a window that was found.
    fn use_up(&mut self, found: &Found, correlation: &Correlation) {
        let from = self.seen[found.end].ordinal.time - correlation.span();
        let mut place = 0;
        self.seen.retain(|own| {
            let is_used = place <= found.end && own.ordinal.time >= from;
            place += 1;
            !is_used
        });
    }

    /// Drops what no window can reach any more. `now` is a time of arrival.
    fn prune(&mut self, now: i64, correlation: &Correlation, lateness: i64) {
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
    fn cut(&mut self, limit: usize) -> u64 {
        let mut dropped = 0;
        while self.seen.len() > limit.max(1) {
            self.seen.pop_front();
            dropped += 1;
        }
        dropped
    }
}

impl Correlation {
    /// Whether it counts, so that not every event need be shown.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.wanted, Wanted::Events(_) | Wanted::Values(_))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ecs::Mapping;
    use crate::detect::{RuleFile, raise};
    use crate::event::testing::event;
    use crate::event::time::{EventTime, TimeSource};

    fn rules(condition: &str) -> RuleSet {
        let text = format!(
            "title: t\nname: n\nlogsource: {{product: windows}}\ndetection:\n  s: {{EventID: 1}}\n  condition: s\n---\n\
             title: c\ncorrelation:\n  type: event_count\n  rules: [n]\n  group-by: [User]\n  timespan: 1h\n  condition: {condition}\n"
        );
        RuleSet::compile(&[RuleFile { origin: "t.yml".to_owned(), text }], &Mapping::default())
    }

    fn observation(user: &str, record: u64, at: DateTime<Utc>) -> Observation {
        let event = Arc::new(event("Security", "x", 1, "A", record, &[("User", user)]));
        let time = EventTime { at, source: TimeSource::TimeCreated, offset: None };
        Observation { event, time, received_at: DateTime::UNIX_EPOCH + TimeDelta::days(9000) }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    fn advance(aggregates: &mut Aggregates, rules: &RuleSet, observation: &Observation) -> Vec<Completed> {
        let hits = rules.observe(&observation.event);
        aggregates.advance(rules, observation, &hits.stages)
    }

    #[test]
    fn evidence_is_bounded_and_the_count_is_told() {
        let rules = rules("{gte: 500}");
        let mut aggregates = Aggregates::new(Config::default());
        let mut completed = Vec::new();
        for record in 0..500 {
            completed.extend(advance(&mut aggregates, &rules, &observation("a", record, at(record as i64))));
        }
        let [only] = completed.as_slice() else { panic!("{} alerts", completed.len()) };
        assert_eq!((only.total, only.members.len()), (500, EVIDENCE_FIRST + EVIDENCE_LAST));
        let records: Vec<u64> = only.members.iter().map(|member| member.event.record_id().unwrap().0).collect();
        assert_eq!((records[0], records[3], records[4], *records.last().unwrap()), (0, 3, 488, 499));
        let alert = raise::sequence(&rules, only, at(0)).unwrap();
        assert!(alert.message.starts_with("500 events in 499.000 s, the last: "), "{}", alert.message);
        assert_eq!(aggregates.kept(), 0, "all are used up");
    }

    #[test]
    fn keys_and_events_of_a_key_are_bounded() {
        let rules = rules("{gte: 5, lte: 6}");
        let config = Config { max_keys: 10, max_partials_per_key: 20, ..Config::default() };
        let mut aggregates = Aggregates::new(config);
        for record in 0..1000 {
            advance(&mut aggregates, &rules, &observation(&format!("user{record}"), record, at(record as i64)));
        }
        assert_eq!((aggregates.kept(), aggregates.dropped()), (10, 990));
        assert_eq!((aggregates.windows.len(), aggregates.by_arrival.len()), (10, 10));
        let mut aggregates = Aggregates::new(config);
        let mut fired = 0;
        for record in 0..1000 {
            fired += advance(&mut aggregates, &rules, &observation("a", record, at(record as i64))).len();
        }
        assert_eq!(fired, 200);
        aggregates.expire(&rules, DateTime::UNIX_EPOCH + TimeDelta::days(9001));
        assert_eq!((aggregates.kept(), aggregates.windows.len(), aggregates.by_arrival.len()), (0, 0, 0), "silence empties");
    }

    #[test]
    fn the_future_harms_nobody() {
        let rules = rules("{gte: 3}");
        let mut aggregates = Aggregates::new(Config::default());
        let fired: usize = [(1, 10), (2, 4_000_000_000), (3, 20), (4, 30)]
            .iter()
            .map(|(record, second)| advance(&mut aggregates, &rules, &observation("a", *record, at(*second))).len())
            .sum();
        assert_eq!(fired, 1);
        assert_eq!(aggregates.late(), 2);
    }
}
