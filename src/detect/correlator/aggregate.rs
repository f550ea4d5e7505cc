//! Sigma's correlations: events counted, or put together, within a span of event time and for one key. A window closes over
//! what made it: the events of an alert are used up, so that the next alert of the key needs new ones. A late event takes its
//! place in the order of event time, and windows that it completes are found as if it had come in time.
//!
//! What is kept of an event is small; only some events of a key keep their text, as evidence. Keys, events of a key and
//! evidence are bounded, and what is dropped for a limit is counted.

mod window;

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::detect::correlator::aggregate::window::{Seen, Values, Window};
use crate::detect::correlator::log::Ordinal;
use crate::detect::correlator::{Completed, Config, LogKey};
use crate::detect::rule::{Correlation, Logic, PartOf};
use crate::detect::{JoinKey, Observation, RuleIndex, RuleSet, StageHit, Target, stage_hits};
use crate::event::WindowsEvent;

/// How often old events of keys without traffic are dropped, by arrival.
const EXPIRE_EVERY: TimeDelta = TimeDelta::seconds(5);

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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::detect::correlator::aggregate::window::{EVIDENCE_FIRST, EVIDENCE_LAST};
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
