//! Joins stage hits to sequences, by event time and without waiting (EQL's `sequence`): a sequence is announced as soon as
//! its events are there, in whatever order they came; a later hit that pairs better updates it under the same id. Only rules
//! that rest on what did not happen (`until`, `![ … ]`) wait for the watermark: [`Correlator::tick`] tells what is certain as
//! time passes, [`Correlator::drain`] what still waits at the end. One log a rule and join key; logs, their hits and their
//! number are bounded, and what is dropped is counted.

mod aggregate;
mod log;
mod machine;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::AlertId;
use crate::detect::correlator::aggregate::Aggregates;
use crate::detect::correlator::log::{Found, Hit, Log, Ordinal, Shape};
use crate::detect::correlator::machine::Plan;
use crate::detect::rule::{Logic, Rule};
use crate::detect::{JoinKey, Observation, RuleIndex, RuleSet, StageHit, raise};

/// How often old hits of keys without traffic are dropped, by arrival.
const EXPIRE_EVERY: TimeDelta = TimeDelta::seconds(5);
/// How often sequences that wait for the watermark are looked at, by arrival.
const TELL_EVERY: TimeDelta = TimeDelta::seconds(1);

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
    /// Logs with sequences that may wait for the watermark.
    waiting: HashSet<LogKey>,
    /// What logs that had to make room still had to tell.
    pushed_out: Vec<Completed>,
    /// The plans of the rules, by their fingerprint.
    plans: HashMap<u64, Arc<Plan>>,
    /// When rules with a `head` raised alerts.
    raised: HashMap<u64, VecDeque<i64>>,
    arrivals: u64,
    partials: u64,
    late: u64,
    dropped: u64,
    last_expire: Option<DateTime<Utc>>,
    last_tell: Option<DateTime<Utc>>,
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
            waiting: HashSet::new(),
            pushed_out: Vec::new(),
            plans: HashMap::new(),
            raised: HashMap::new(),
            arrivals: 0,
            partials: 0,
            late: 0,
            dropped: 0,
            last_expire: None,
            last_tell: None,
        }
    }

    /// Takes the stage hits of one event in; answers the sequences that it completed or bettered.
    pub fn advance(&mut self, rules: &Arc<RuleSet>, observation: &Observation, hits: &[StageHit]) -> Vec<Completed> {
        let mut merged: BTreeMap<(RuleIndex, &JoinKey), u128> = BTreeMap::new();
        for hit in hits.iter().filter(|hit| hit.stage < 128) {
            *merged.entry((hit.rule, &hit.key)).or_default() |= 1 << hit.stage;
        }
        let mut completed = self.aggregates.advance(rules, observation, hits);
        for ((index, key), stages) in merged {
            let rule = rules.get(index);
            let Logic::Sequence(sequence) = &rule.logic else { continue };
            let plan = self.plans.entry(rule.fingerprint).or_insert_with(|| Arc::new(Plan::of(sequence))).clone();
            completed.extend(self.insert(rules, index, key, stages, &plan, observation));
        }
        completed.append(&mut self.pushed_out);
        completed
    }

    /// Whether a single-event rule may raise this alert (`| head N`); it counts as raised.
    pub fn admits(&mut self, rule: &Rule, time: DateTime<Utc>) -> bool {
        let Some(head) = rule.head else { return true };
        let (time, window) = (time.timestamp_millis(), head.window.num_milliseconds());
        let raised = self.raised.entry(rule.fingerprint).or_default();
        let newest = raised.iter().copied().max().unwrap_or(time).max(time);
        raised.retain(|own| newest - own <= window.saturating_mul(2));
        let is_admitted = raised.iter().filter(|own| (time - **own).abs() <= window).count() < head.most as usize;
        if is_admitted {
            raised.push_back(time);
        }
        is_admitted
    }

    fn insert(
        &mut self,
        rules: &RuleSet,
        index: RuleIndex,
        key: &JoinKey,
        stages: u128,
        plan: &Arc<Plan>,
        observation: &Observation,
    ) -> Vec<Completed> {
        self.arrivals += 1;
        let arrival = self.arrivals;
        let log_key = (rules.get(index).fingerprint, key.clone());
        if !self.logs.contains_key(&log_key) {
            self.make_room(rules);
        }
        let shape = self.config.shape(plan);
        let entry = self.logs.entry(log_key.clone()).or_default();
        self.by_arrival.remove(&entry.arrival);
        self.by_arrival.insert(arrival, log_key.clone());
        entry.arrival = arrival;
        let time = observation.time.at.timestamp_millis();
        self.late += u64::from(entry.log.is_late(time, shape));
        let record = observation.event.record_id().map_or(u64::MAX, |id| id.0);
        let received = observation.received_at.timestamp_millis();
        let before = entry.log.len() as u64;
        let ordinal = Ordinal { time, record, arrival };
        entry.log.add(Hit { ordinal, stages, received, event: observation.clone() });
        let found = entry.log.tell(received, shape);
        let completed = self.complete(rules, index, &log_key, found);
        let Some(entry) = self.logs.get_mut(&log_key) else { return completed };
        self.dropped += entry.log.tidy(received, shape);
        self.partials = self.partials + entry.log.len() as u64 - before;
        if entry.log.is_waiting(shape) {
            self.waiting.insert(log_key);
        } else if plan.is_exact {
            self.waiting.remove(&log_key);
        }
        completed
    }

    /// Makes announcements of what a log told.
    fn complete(&mut self, rules: &RuleSet, index: RuleIndex, log_key: &LogKey, found: Vec<Found>) -> Vec<Completed> {
        let rule = rules.get(index);
        let mut completed = Vec::with_capacity(found.len());
        for Found { members, is_update, superseded } in found {
            let Some(entry) = self.logs.get(log_key) else { break };
            let Some(last) = members.last().map(|place| entry.log.get(*place).ordinal.arrival) else { continue };
            let members: Vec<Observation> = members.iter().map(|place| entry.log.get(*place).event.clone()).collect();
            let Some(completing) = members.last() else { continue };
            // An update of what `head` held back is held back, too.
            let is_admitted = if is_update && rule.head.is_some() {
                entry.ids.contains_key(&last)
            } else {
                self.admits(rule, completing.time.at)
            };
            let Some(entry) = self.logs.get_mut(log_key).filter(|_| is_admitted) else { continue };
            entry.ids.insert(last, raise::alert_id(&rule.info.id, &log_key.1, completing));
            let supersedes = superseded.and_then(|other| entry.ids.get(&other).cloned());
            // Ids are only needed while the log can still be taken over.
            while entry.ids.len() > self.config.max_partials_per_key {
                entry.ids.pop_first();
            }
            let total = members.len() as u64;
            completed.push(Completed { rule: index, key: log_key.1.clone(), members, total, is_update, supersedes });
        }
        completed
    }

    fn make_room(&mut self, rules: &RuleSet) {
        while self.logs.len() >= self.config.max_keys.max(1) {
            let Some((_, oldest)) = self.by_arrival.pop_first() else { return };
            if self.waiting.remove(&oldest) {
                // What waits is told now, on what is known: better than never.
                let places = places(rules);
                let told = self.tell(rules, &places, &oldest, i64::MAX);
                self.pushed_out.extend(told);
            }
            if let Some(entry) = self.logs.remove(&oldest) {
                self.partials -= entry.log.len() as u64;
                self.dropped += entry.log.len() as u64;
            }
        }
    }

    /// Tells what of one log became certain.
    fn tell(&mut self, rules: &RuleSet, places: &HashMap<u64, RuleIndex>, log_key: &LogKey, now: i64) -> Vec<Completed> {
        let (Some(index), Some(plan)) = (places.get(&log_key.0).copied(), self.plans.get(&log_key.0).cloned()) else {
            return Vec::new();
        };
        let shape = self.config.shape(&plan);
        let Some(entry) = self.logs.get_mut(log_key) else { return Vec::new() };
        let found = entry.log.tell(now, shape);
        self.complete(rules, index, log_key, found)
    }

    /// Time passes, by arrival: answers the sequences that became certain with it, and drops what can no longer match.
    /// Call it a few times a second.
    pub fn tick(&mut self, rules: &RuleSet, now: DateTime<Utc>) -> Vec<Completed> {
        self.aggregates.expire(rules, now);
        let mut completed = std::mem::take(&mut self.pushed_out);
        let is_expiring = self.last_expire.is_none_or(|last| now - last >= EXPIRE_EVERY);
        // Whatever is dropped must have been told first.
        if is_expiring || self.last_tell.is_none_or(|last| now - last >= TELL_EVERY) {
            self.last_tell = Some(now);
            completed.extend(self.tell_waiting(rules, now.timestamp_millis()));
        }
        if is_expiring {
            self.last_expire = Some(now);
            self.expire(rules, now.timestamp_millis());
        }
        completed
    }

    /// Nothing comes any more: answers the sequences that still wait for the watermark and are complete as things stand.
    /// Call it once, after the last event.
    pub fn drain(&mut self, rules: &RuleSet) -> Vec<Completed> {
        let mut completed = std::mem::take(&mut self.pushed_out);
        completed.extend(self.tell_waiting(rules, i64::MAX));
        completed
    }

    fn tell_waiting(&mut self, rules: &RuleSet, now: i64) -> Vec<Completed> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        let places = places(rules);
        let mut waiting: Vec<LogKey> = self.waiting.iter().cloned().collect();
        waiting.sort_unstable();
        let mut completed = Vec::new();
        for log_key in waiting {
            completed.extend(self.tell(rules, &places, &log_key, now));
            let shape = self.plans.get(&log_key.0).map(|plan| self.config.shape(plan));
            let is_waiting = self.logs.get(&log_key).zip(shape).is_some_and(|(entry, shape)| entry.log.is_waiting(shape));
            if !is_waiting {
                self.waiting.remove(&log_key);
            }
        }
        // The same input tells in the same order: by the event that completed, then by rule.
        completed.sort_by_key(|one| (one.members.last().map(|member| member.time.at), one.rule));
        completed
    }

    fn expire(&mut self, rules: &RuleSet, now: i64) {
        let alive: HashSet<u64> = rules.rules().map(|(_, rule)| rule.fingerprint).collect();
        self.plans.retain(|rule, _| alive.contains(rule));
        self.raised.retain(|rule, _| alive.contains(rule));
        let (by_arrival, waiting, plans, config) = (&mut self.by_arrival, &mut self.waiting, &self.plans, &self.config);
        self.logs.retain(|log_key, entry| {
            let plan = plans.get(&log_key.0);
            if let Some(plan) = plan {
                entry.log.prune(now, config.shape(plan));
            }
            let is_alive = entry.log.len() > 0 && plan.is_some();
            if !is_alive {
                by_arrival.remove(&entry.arrival);
                waiting.remove(log_key);
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

/// Where the rules stand in this set, by their fingerprint.
fn places(rules: &RuleSet) -> HashMap<u64, RuleIndex> {
    rules.rules().map(|(index, rule)| (rule.fingerprint, index)).collect()
}

impl Config {
    fn shape<'p>(&self, plan: &'p Plan) -> Shape<'p> {
        Shape { plan, lateness: self.allowed_lateness.num_milliseconds(), limit: self.max_partials_per_key }
    }
}
