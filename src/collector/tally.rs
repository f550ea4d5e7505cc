//! Adds up what the inputs report. The header of the console, the metrics page and the closing summary read this one struct.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::{Action, Alert};
use crate::collector::links::LinkCounts;
use crate::collector::rates::Rates;
use crate::collector::stages::Stages;
use crate::decode::RejectReason;
use crate::detect::rule::Rule;
use crate::detect::{RuleProblem, RuleSet, Work};
use crate::event::WindowsEvent;
use crate::feed::status::{Counters, ListenerStatus, RuleFacts, RuleStatus, Status};
use crate::hosts::table::HostCounts;
use crate::intake::stages::{Stage, Timings};
use crate::intake::{Batch, ListenerId, OutputHealth, ShedReason, StoreHealth};
use crate::triage::Deed;

/// How long the rate and the lag look back, in seconds.
const WINDOW_SECONDS: i64 = 5;
/// How long the lag looks back, in seconds, and how many are kept for the median.
const LAG_SECONDS: i64 = 2;
const LAGS: usize = 256;

/// Everything that is counted.
#[derive(Debug, Default)]
pub struct Tally {
    counters: Counters,
    listeners: BTreeMap<ListenerId, ListenerStatus>,
    outputs: BTreeMap<String, OutputHealth>,
    store: Option<StoreHealth>,
    /// All rules: those that run first, in the order of the rule set.
    rules: Vec<RuleStatus>,
    running: usize,
    recent: VecDeque<(i64, u64)>,
    /// The second of arrival and the lag.
    lags: VecDeque<(i64, i64)>,
    stages: Stages,
    rates: Rates,
    /// What waits for the store and how much may.
    store_queue: Option<(u64, u64)>,
    intake_queue: Option<(u64, u64)>,
    started_at: Option<DateTime<Utc>>,
    now: i64,
}

impl Tally {
    /// The counters as they are.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Takes over the rules; alert counts of rules that stay are kept. Fills in all labels, so that a zero is a zero.
    pub fn set_rules(&mut self, rules: &RuleSet) {
        let mut kept: HashMap<String, RuleStatus> =
            self.rules.drain(..).map(|rule| (rule.facts.id.clone(), rule)).filter(|(id, _)| !id.is_empty()).collect();
        let running = rules.rules().map(|(_, rule)| running(rule));
        let others = rules.problems().iter().map(refused);
        for facts in running.chain(others).map(Arc::new) {
            let before = kept.remove(&facts.id).filter(|_| facts.problem.is_none());
            let fresh = RuleStatus { facts: facts.clone(), alerts: 0, evaluated: 0, held: 0, nanoseconds: 0 };
            self.rules.push(before.map_or(fresh, |before| RuleStatus { facts, ..before }));
        }
        self.running = rules.rules().count();
        let counters = &mut self.counters;
        counters.rules.insert("loaded".to_owned(), rules.rules().count() as u64);
        counters.rules.insert("rejected".to_owned(), rules.problems().len() as u64);
        for (_, rule) in rules.rules() {
            counters.alerts.entry((rule.info.id.clone(), rule.info.severity)).or_default();
        }
        for kind in ["1", "3", "other"] {
            counters.events.entry(kind.to_owned()).or_default();
        }
        for reason in RejectReason::ALL {
            counters.rejected.entry(reason.as_str().to_owned()).or_default();
        }
        for reason in ShedReason::ALL {
            counters.shed.entry(reason.as_str().to_owned()).or_default();
        }
    }

    /// A listener is bound.
    pub fn listening(&mut self, listener: ListenerId, url: String) {
        self.counters.received_bytes.entry(url.clone()).or_default();
        self.counters.frames.entry(url.clone()).or_default();
        self.counters.connections.entry(url.clone()).or_default();
        self.listeners.insert(listener, ListenerStatus { url, ..ListenerStatus::default() });
    }

    fn listener(&mut self, listener: ListenerId) -> &mut ListenerStatus {
        self.listeners
            .entry(listener)
            .or_insert_with(|| ListenerStatus { url: format!("listener {}", listener.0), ..ListenerStatus::default() })
    }

    /// A peer connected.
    pub fn connected(&mut self, listener: ListenerId) {
        let status = self.listener(listener);
        status.connections += 1;
        let (url, connections) = (status.url.clone(), status.connections);
        self.counters.connections.insert(url, connections);
    }

    /// A peer went.
    pub fn disconnected(&mut self, listener: ListenerId) {
        let status = self.listener(listener);
        status.connections = status.connections.saturating_sub(1);
        let (url, connections) = (status.url.clone(), status.connections);
        self.counters.connections.insert(url, connections);
    }

    /// A batch came in: its bytes, frames, rejects and sheds. Its events are counted one by one.
    pub fn batch(&mut self, batch: &Batch) {
        let frames = batch.frames();
        let shed: u64 = batch.shed.iter().map(|(_, count)| count).sum();
        let status = self.listener(batch.listener);
        status.bytes += batch.bytes;
        status.frames += frames;
        status.rejected += batch.rejected.len() as u64;
        status.shed += shed;
        let url = status.url.clone();
        add(&mut self.counters.received_bytes, &url, batch.bytes);
        add(&mut self.counters.frames, &url, frames);
        for rejected in &batch.rejected {
            add(&mut self.counters.rejected, rejected.reason.as_str(), 1);
        }
        for (reason, count) in &batch.shed {
            add(&mut self.counters.shed, reason.as_str(), *count);
        }
    }

    /// An event of the batch turned out to have arrived before.
    pub fn duplicate(&mut self, listener: ListenerId) {
        self.listener(listener).rejected += 1;
        add(&mut self.counters.rejected, RejectReason::Duplicate.as_str(), 1);
    }

    /// An event.
    pub fn event(&mut self, event: &WindowsEvent, received_at: DateTime<Utc>) {
        let kind = match event.event_id().0 {
            1 if event.is_sysmon() => "1",
            3 if event.is_sysmon() => "3",
            _ => "other",
        };
        add(&mut self.counters.events, kind, 1);
        let second = received_at.timestamp();
        self.now = self.now.max(second);
        match self.recent.back_mut() {
            Some((last, count)) if *last == second => *count += 1,
            _ => self.recent.push_back((second, 1)),
        }
        if let Some(created) = event.system().time_created {
            if self.lags.len() == LAGS {
                self.lags.pop_front();
            }
            self.lags.push_back((second, (received_at - created).num_milliseconds()));
        }
    }

    /// What rules did, by the rules in force.
    pub fn work(&mut self, work: &[Work]) {
        for Work { rule, effort } in work {
            if let Some(status) = self.rules.get_mut(rule.0 as usize).filter(|status| status.facts.problem.is_none()) {
                status.evaluated += effort.evaluated;
                status.held += effort.held;
                status.nanoseconds += effort.nanoseconds;
            }
        }
    }

    /// An alert was raised or bettered.
    pub fn alert(&mut self, alert: &Alert) {
        if alert.action == Action::Updated {
            self.counters.alerts_updated += 1;
            return;
        }
        self.counters.alerts_muted += u64::from(alert.muted.is_some());
        *self.counters.alerts.entry((alert.rule.id.clone(), alert.rule.severity)).or_default() += 1;
        if let Some(rule) = self.rules.iter_mut().take(self.running).find(|rule| rule.facts.id == alert.rule.id) {
            rule.alerts += 1;
        }
    }

    /// How an output fares. Answers a line for people when it went down or came back.
    pub fn output(&mut self, health: OutputHealth) -> Option<String> {
        let before = self.outputs.get(&health.url).map(|output| output.is_up);
        let counters = &mut self.counters.output_records;
        counters.insert((health.url.clone(), "delivered".to_owned()), health.delivered);
        counters.insert((health.url.clone(), "gave_up".to_owned()), health.gave_up);
        self.counters.queue_depth.insert(health.url.clone(), health.waiting);
        let line = match (before, health.is_up) {
            (Some(true) | None, false) => {
                Some(format!("output {} is down: {}", health.url, health.problem.as_deref().unwrap_or("no reason given")))
            }
            (Some(false), true) => Some(format!("output {} is back", health.url)),
            _ => None,
        };
        self.outputs.insert(health.url.clone(), health);
        line
    }

    /// How the store fares. Answers a line for people when it broke, came back, or had to delete open alerts.
    pub fn store(&mut self, health: StoreHealth) -> Option<String> {
        let before = self.store.clone().unwrap_or_default();
        self.counters.store(&health);
        let open = health.deleted_open - before.deleted_open.min(health.deleted_open);
        let undelivered = health.deleted_undelivered - before.deleted_undelivered.min(health.deleted_undelivered);
        let line = match (&before.problem, &health.problem) {
            _ if open > 0 => {
                let lacked = if undelivered > 0 { format!("; an output was not given {undelivered} yet") } else { String::new() };
                Some(format!("{open} OPEN alerts deleted from the store: it is full and nothing else was left{lacked}"))
            }
            _ if undelivered > 0 => Some(format!("{undelivered} alerts deleted from the store that an output was not given yet")),
            (None, Some(problem)) => Some(format!("the store cannot be written: {problem}; alerts go out, but are not kept")),
            (Some(_), None) => Some("the store is written again".to_owned()),
            _ => None,
        };
        self.store = Some(health);
        line
    }

    /// Somebody did something, or it was refused.
    pub fn act(&mut self, deed: &Deed, is_done: bool) {
        let word = match deed {
            _ if !is_done => "refused",
            Deed::Acknowledge => "acknowledge",
            Deed::Close(_) => "close",
            Deed::Comment => "comment",
            Deed::Own => "own",
            Deed::Release => "release",
            Deed::Undo(_) => "undo",
            Deed::Mute { .. } => "mute",
            Deed::Unmute(_) => "unmute",
            Deed::EditMute { .. } => "edit_mute",
        };
        add(&mut self.counters.acts, word, 1);
    }

    /// Counts of what is usual, and stage hits, that found no room.
    pub fn desk_shed(&mut self, (usual, hits): (u64, u64)) {
        self.counters.prevalence_shed = usual;
        if self.store.is_some() {
            self.counters.store_records.insert("shed".to_owned(), hits);
        }
    }

    /// The sequence matching.
    pub fn sequence(&mut self, partials: u64, late: u64) {
        self.counters.sequence_partials = partials;
        self.counters.late_events = late;
    }

    /// The hosts.
    pub fn hosts(&mut self, counts: HostCounts) {
        let HostCounts { live, quiet, silent, blind, skewed, evicted } = counts;
        let rows =
            [("live", live), ("quiet", quiet), ("silent", silent), ("blind", blind), ("skewed", skewed), ("evicted", evicted)];
        self.counters.hosts = rows.into_iter().map(|(state, count)| (state.to_owned(), count)).collect();
    }

    /// The links.
    pub fn links(&mut self, counts: LinkCounts) {
        let LinkCounts { linked, shed, untold, kept } = counts;
        let results = [("linked", linked), ("shed", shed), ("untold", untold)];
        self.counters.links = results.map(|(result, count)| (result.to_owned(), count)).into();
        self.counters.connections_kept = kept;
    }

    /// How many things wait in a queue.
    pub fn queue_depth(&mut self, queue: &str, depth: u64) {
        if let Some(own) = self.counters.queue_depth.get_mut(queue) {
            *own = depth;
        } else {
            self.counters.queue_depth.insert(queue.to_owned(), depth);
        }
    }

    /// Consoles missed updates.
    pub fn console_shed(&mut self, count: u64) {
        self.counters.console_shed += count;
    }

    /// Time passes.
    pub fn tick(&mut self, now: DateTime<Utc>) {
        self.now = self.now.max(now.timestamp());
        while self.recent.front().is_some_and(|(second, _)| *second <= self.now - WINDOW_SECONDS) {
            self.recent.pop_front();
        }
        while self.lags.front().is_some_and(|(second, _)| *second <= self.now - LAG_SECONDS) {
            self.lags.pop_front();
        }
        self.started_at.get_or_insert(now);
        self.stages.tick(self.now, &self.counters);
        self.rates.tick(self.now, &self.listeners);
    }

    /// Somebody noted how long stages took.
    pub fn timed(&mut self, rows: &[(Stage, Timings)]) {
        rows.iter().for_each(|(stage, timings)| self.stages.timed(*stage, timings));
    }

    /// What waits before the collector, and for the store, and how much may.
    pub fn queues(&mut self, intake: (u64, u64), store: Option<(u64, u64)>) {
        self.queue_depth("intake", intake.0);
        self.intake_queue = Some(intake);
        if let Some((waiting, _)) = store {
            self.queue_depth("store", waiting);
        }
        self.store_queue = store;
    }

    /// What waits before a stage, and how much may.
    fn queue_of(&self, stage: Stage) -> Option<(u64, u64)> {
        match stage {
            // The same task does all three; what waits for it waits at the sender, or, over UDP, in the kernel.
            Stage::Frame | Stage::Parse => None,
            Stage::Detect => self.intake_queue,
            // The fullest tells how near the first loss is.
            Stage::Forward => {
                // What waits in the store besides is no more than full.
                let queues = self.outputs.values().map(|output| (output.waiting.min(output.capacity), output.capacity));
                queues.max_by_key(|(waiting, capacity)| waiting * 1000 / (*capacity).max(1))
            }
            Stage::Store => self.store_queue,
        }
    }

    /// The status without hosts. The lag means nothing in a replay.
    pub fn status(&self, is_replay: bool) -> Status {
        let since = self.now - WINDOW_SECONDS;
        let events: u64 = self.recent.iter().filter(|(second, _)| *second > since).map(|(_, count)| count).sum();
        let mut lags: Vec<i64> = self.lags.iter().map(|(_, lag)| *lag).collect();
        lags.sort_unstable();
        Status {
            counters: self.counters.clone(),
            listeners: self.rates.of(self.now, &self.listeners),
            outputs: self.outputs.values().cloned().collect(),
            rules: self.rules.clone(),
            store: self.store.clone(),
            events_per_second: events as f64 / TimeDelta::seconds(WINDOW_SECONDS).num_seconds() as f64,
            stages: self.stages.status(self.now, &self.counters, |stage| self.queue_of(stage)),
            started_at: self.started_at,
            lag_ms: lags.get(lags.len() / 2).copied().filter(|_| !is_replay),
            ..Status::default()
        }
    }
}

fn running(rule: &Rule) -> RuleFacts {
    RuleFacts {
        id: rule.info.id.clone(),
        name: rule.info.name.clone(),
        language: rule.info.language.as_str().to_owned(),
        verdict: rule.verdict().to_owned(),
        problem: None,
        limits: rule.limits.clone(),
    }
}

fn refused(problem: &RuleProblem) -> RuleFacts {
    RuleFacts {
        id: String::new(),
        name: problem.rule.clone().unwrap_or_else(|| problem.origin.clone()),
        language: problem.info.as_ref().map_or(String::new(), |info| info.language.as_str().to_owned()),
        verdict: problem.kind.as_str().to_owned(),
        problem: Some(problem.to_string()),
        limits: Vec::new(),
    }
}

fn add(counts: &mut BTreeMap<String, u64>, key: &str, count: u64) {
    match counts.get_mut(key) {
        Some(own) => *own += count,
        None => drop(counts.insert(key.to_owned(), count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event that was written at the first second and arrives at the other.
    fn arrive(tally: &mut Tally, created: i64, arrived: i64) {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let written = at(created).format("%Y-%m-%d %H:%M:%S").to_string();
        let event = crate::event::testing::sysmon(1, "SRV", arrived.unsigned_abs(), &[("UtcTime", &written)]);
        tally.event(&event, at(arrived));
        tally.tick(at(arrived));
    }

    #[test]
    fn a_lag_is_told_within_a_second_even_where_little_comes() {
        let mut tally = Tally::default();
        (0..60).for_each(|second| arrive(&mut tally, 1_700_000_000 + second, 1_700_000_000 + second));
        assert_eq!(tally.status(false).lag_ms, Some(0));
        // From one second to the next everything is 10 s late.
        arrive(&mut tally, 1_700_000_050, 1_700_000_060);
        assert_eq!(tally.status(false).lag_ms, Some(10_000));
        assert_eq!(tally.status(true).lag_ms, None);
    }
}
