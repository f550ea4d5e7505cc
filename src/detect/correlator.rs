//! Joins stage hits to sequences, by event time and without waiting (EQL's `sequence`): a sequence is announced as soon as
//! its events are there, in whatever order they came; a later hit that pairs better updates it under the same id. One log a
//! rule and join key; logs, their hits and their number are bounded, and what is dropped is counted.

mod aggregate;
mod log;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::AlertId;
use crate::detect::correlator::aggregate::Aggregates;
use crate::detect::correlator::log::{Found, Hit, Log, Ordinal, Shape};
use crate::detect::{JoinKey, Logic, Observation, Rule, RuleIndex, RuleSet, StageHit, raise};

/// How often old hits of keys without traffic are dropped, by arrival.
const EXPIRE_EVERY: TimeDelta = TimeDelta::seconds(5);

/// The limits of sequence matching (`[sequence]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// How late an event may be and still be matched exactly; later ones are tried and counted.
    pub allowed_lateness: TimeDelta,
    /// How many stage hits a key keeps.
    pub max_partials_per_key: usize,
    /// How many keys are kept, over all rules.
    pub max_keys: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { allowed_lateness: TimeDelta::seconds(15), max_partials_per_key: 256, max_keys: 100_000 }
    }
}

/// A sequence that was completed.
#[derive(Debug, Clone)]
pub struct Completed {
    /// The rule, in the rule set that was passed in.
    pub rule: RuleIndex,
    /// The key that its events share.
    pub key: JoinKey,
    /// Its events, one per stage, in order; of a correlation that counts, some.
    pub members: Vec<Observation>,
    /// How many events (of a Sigma correlation: events, values or rules) came together.
    pub total: u64,
    /// Whether the same completing event was announced before, with other members.
    pub is_update: bool,
    /// The alert whose event this one took over.
    pub supersedes: Option<AlertId>,
}

/// A rule's text and id, and a key: what a log belongs to. Rule indices change on reload, this does not.
type LogKey = (u64, JoinKey);

/// All sequences in the making. Owned by one task.
#[derive(Debug)]
pub struct Correlator {
    config: Config,
    aggregates: Aggregates,
    logs: HashMap<LogKey, Entry>,
    /// Logs by the arrival number of their last hit, the least recent first.
    by_arrival: BTreeMap<u64, LogKey>,
    arrivals: u64,
    partials: u64,
    late: u64,
    dropped: u64,
    last_expire: Option<DateTime<Utc>>,
}

#[derive(Debug, Default)]
struct Entry {
    log: Log<Observation>,
    arrival: u64,
    /// Alert ids of announced sequences, by the arrival number of their last event.
    ids: BTreeMap<u64, AlertId>,
}

impl Correlator {
    /// Nothing seen yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            aggregates: Aggregates::new(config),
            logs: HashMap::new(),
            by_arrival: BTreeMap::new(),
            arrivals: 0,
            partials: 0,
            late: 0,
            dropped: 0,
            last_expire: None,
        }
    }

    /// Takes the stage hits of one event in; answers the sequences that it completed or bettered.
    pub fn advance(&mut self, rules: &Arc<RuleSet>, observation: &Observation, hits: &[StageHit]) -> Vec<Completed> {
        let mut merged: BTreeMap<(RuleIndex, &JoinKey), u64> = BTreeMap::new();
        for hit in hits.iter().filter(|hit| hit.stage < 64) {
            *merged.entry((hit.rule, &hit.key)).or_default() |= 1 << hit.stage;
        }
        let mut completed = self.aggregates.advance(rules, observation, hits);
        for ((index, key), stages) in merged {
            let rule = rules.get(index);
            let Logic::Sequence(sequence) = &rule.logic else { continue };
            let shape = self.shape(sequence.stages.len(), sequence.maxspan);
            completed.extend(self.insert(index, rule, key, stages, shape, observation));
        }
        completed
    }

    fn insert(
        &mut self,
        index: RuleIndex,
        rule: &Rule,
        key: &JoinKey,
        stages: u64,
        shape: Shape,
        observation: &Observation,
    ) -> Vec<Completed> {
        self.arrivals += 1;
        let arrival = self.arrivals;
        let log_key = (rule.fingerprint, key.clone());
        if !self.logs.contains_key(&log_key) {
            self.make_room();
        }
        let entry = self.logs.entry(log_key.clone()).or_default();
        self.by_arrival.remove(&entry.arrival);
        self.by_arrival.insert(arrival, log_key);
        entry.arrival = arrival;
        let time = observation.time.at.timestamp_millis();
        self.late += u64::from(entry.log.is_late(time, shape));
        let record = observation.event.record_id().map_or(u64::MAX, |id| id.0);
        let before = entry.log.len() as u64;
        let hit = Hit {
            ordinal: Ordinal { time, record, arrival },
            stages,
            received: observation.received_at.timestamp_millis(),
            event: observation.clone(),
        };
        let (found, dropped) = entry.log.insert(hit, shape);
        self.dropped += dropped;
        self.partials = self.partials + entry.log.len() as u64 - before;
        let mut completed = Vec::with_capacity(found.len());
        for Found { members, is_update, superseded } in found {
            let last = members.last().map_or(arrival, |place| entry.log.get(*place).ordinal.arrival);
            let members: Vec<Observation> = members.iter().map(|place| entry.log.get(*place).event.clone()).collect();
            let Some(completing) = members.last() else { continue };
            entry.ids.insert(last, raise::alert_id(&rule.info.id, key, completing));
            let supersedes = superseded.and_then(|other| entry.ids.get(&other).cloned());
            let total = members.len() as u64;
            completed.push(Completed { rule: index, key: key.clone(), members, total, is_update, supersedes });
        }
        // Ids are only needed while the log can still be taken over.
        while entry.ids.len() > self.config.max_partials_per_key {
            entry.ids.pop_first();
        }
        completed
    }

    fn shape(&self, stages: usize, maxspan: TimeDelta) -> Shape {
        Shape {
            stages: stages.clamp(1, 64),
            maxspan: maxspan.num_milliseconds(),
            lateness: self.config.allowed_lateness.num_milliseconds(),
            limit: self.config.max_partials_per_key,
        }
    }

    fn make_room(&mut self) {
        while self.logs.len() >= self.config.max_keys.max(1) {
            let Some((_, oldest)) = self.by_arrival.pop_first() else { return };
            if let Some(entry) = self.logs.remove(&oldest) {
                self.partials -= entry.log.len() as u64;
                self.dropped += entry.log.len() as u64;
            }
        }
    }

    /// Time passes, by arrival: drops what can no longer match.
    pub fn expire(&mut self, rules: &RuleSet, now: DateTime<Utc>) {
        self.aggregates.expire(rules, now);
        if self.last_expire.is_some_and(|last| now - last < EXPIRE_EVERY) {
            return;
        }
        self.last_expire = Some(now);
        let maxspans: HashMap<u64, (usize, TimeDelta)> = rules
            .rules()
            .filter_map(|(_, rule)| match &rule.logic {
                Logic::Sequence(sequence) => Some((rule.fingerprint, (sequence.stages.len(), sequence.maxspan))),
                Logic::Single { .. } | Logic::Correlation(_) => None,
            })
            .collect();
        let shapes: HashMap<u64, Shape> =
            maxspans.into_iter().map(|(rule, (stages, maxspan))| (rule, self.shape(stages, maxspan))).collect();
        let by_arrival = &mut self.by_arrival;
        let now = now.timestamp_millis();
        self.logs.retain(|(rule, _), entry| {
            if let Some(shape) = shapes.get(rule) {
                entry.log.prune(now, *shape);
            }
            let is_alive = entry.log.len() > 0 && shapes.contains_key(rule);
            if !is_alive {
                by_arrival.remove(&entry.arrival);
            }
            is_alive
        });
        self.partials = self.logs.values().map(|entry| entry.log.len() as u64).sum();
    }

    /// How many stage hits are kept.
    pub fn partials(&self) -> u64 {
        self.partials + self.aggregates.kept()
    }

    /// How many stage hits came later than allowed.
    pub fn late_events(&self) -> u64 {
        self.late + self.aggregates.late()
    }

    /// How many stage hits were dropped for a limit.
    pub fn dropped(&self) -> u64 {
        self.dropped + self.aggregates.dropped()
    }
}
