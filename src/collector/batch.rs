//! What one read brought: every event that is new goes through the hosts, the processes, the links and the correlator, and what
//! could not be read is shown.

use std::sync::Arc;

use crate::alert::{AlertId, Severity};
use crate::collector::links::Seen;
use crate::collector::{Collector, dedup};
use crate::decode::{RejectReason, Rejected};
use crate::detect::{Observation, RuleSet, describe, raise};
use crate::event::time::event_time;
use crate::feed::{Change, EventLine, Near, RejectedLine};
use crate::intake::{Batch, Observed};

/// How many rejected frames are shown a second; the count stays exact.
const REJECTS_SHOWN: u32 = 20;

impl Collector {
    pub(super) async fn take_batch(&mut self, batch: Batch) {
        self.tally.batch(&batch);
        let mut lines = Vec::new();
        let mut proved = Vec::new();
        let makes_events = self.hub.makes_events();
        for observed in &batch.observed {
            if !self.recent_events.is_new(dedup::key_of(&observed.event)) {
                self.tally.duplicate(batch.listener);
                let excerpt = observed.event.raw().as_bytes();
                let excerpt = excerpt[..excerpt.len().min(crate::decode::framing::EXCERPT)].into();
                let detail = "this event arrived before".to_owned();
                self.reject(&batch, &Rejected { reason: RejectReason::Duplicate, detail, excerpt }).await;
                continue;
            }
            let alert = self.take_event(&batch, observed, &mut proved);
            if makes_events {
                self.last_event += 1;
                lines.push(line(self.last_event, &batch, &self.rules, observed, alert));
            }
        }
        // What an alert rests on that came in the same read is no near miss.
        for line in lines.iter_mut().filter(|line| line.near.is_some()) {
            line.near = line.near.take().filter(|_| !proved.iter().any(|xml| Arc::ptr_eq(xml, &line.xml)));
        }
        self.settle().await;
        for rejected in &batch.rejected {
            self.reject(&batch, rejected).await;
        }
        if !lines.is_empty() {
            self.publish(Change::Events(lines), batch.received_at).await;
        }
        self.tally.sequence(self.correlator.partials(), self.correlator.late_events());
    }

    /// One event that is no duplicate. Answers the alert that it completed, if any; `proved` gets the XML of what alerts of
    /// sequences rest on.
    fn take_event(&mut self, batch: &Batch, observed: &Observed, proved: &mut Vec<Arc<str>>) -> Option<(AlertId, Severity)> {
        let event = &observed.event;
        let time = event_time(event, batch.rules.mapping().event_time, batch.received_at);
        self.tally.event(event, batch.received_at);
        self.hosts.observe(event, &time, batch.received_at);
        self.processes.observe(event, &time);
        let skew = self.skew_of(event.host());
        let seen = Seen { at: time.at, skew, now: batch.received_at };
        let told = self.links.observe(event, seen, !observed.hits.is_empty());
        self.retell(told);
        if observed.hits.is_empty() {
            return None;
        }
        self.desk.observe(event, batch.received_at);
        if !observed.hits.stages.is_empty() {
            self.desk.stage_hit(event, batch.received_at);
        }
        let observation = Observation { event: event.clone(), time, received_at: batch.received_at };
        let mut completed = None;
        for index in &observed.hits.rules {
            if !self.correlator.admits(batch.rules.get(*index), observation.time.at) {
                continue;
            }
            let alert = raise::single(&batch.rules, *index, &observation, batch.received_at);
            completed = Some((alert.id.clone(), alert.rule.severity));
            self.raise(alert);
        }
        for sequence in self.correlator.advance(&batch.rules, &observation, &observed.hits.stages) {
            let Some(alert) = raise::sequence(&batch.rules, &sequence, batch.received_at) else { continue };
            proved.extend(sequence.members.iter().map(|member| member.event.raw().clone()));
            completed = Some((alert.id.clone(), alert.rule.severity));
            self.raise(alert);
        }
        let late = self.correlator.late_events();
        if late > self.late_before {
            self.late_before = late;
            self.hosts.note_late(event.host());
        }
        completed
    }

    async fn reject(&mut self, batch: &Batch, rejected: &Rejected) {
        let second = batch.received_at.timestamp();
        if self.rejects_shown.0 != second {
            self.rejects_shown = (second, 0);
        }
        self.rejects_shown.1 += 1;
        if self.rejects_shown.1 > REJECTS_SHOWN {
            return;
        }
        let line = RejectedLine {
            at: batch.received_at,
            peer: batch.peer.to_string(),
            reason: rejected.reason.as_str().to_owned(),
            detail: rejected.detail.clone(),
            excerpt: String::from_utf8_lossy(&rejected.excerpt).into_owned(),
            bytes: rejected.excerpt.to_vec().into(),
        };
        self.publish(Change::Rejected(line), batch.received_at).await;
    }
}

fn line(number: u64, batch: &Batch, rules: &RuleSet, observed: &Observed, alert: Option<(AlertId, Severity)>) -> EventLine {
    let event = &observed.event;
    let hit = observed.hits.stages.first().filter(|_| alert.is_none());
    let near = hit.map(|hit| Near { rule: batch.rules.get(hit.rule).info.name.clone(), stage: hit.stage });
    EventLine {
        number,
        time: event_time(event, rules.mapping().event_time, batch.received_at).at,
        host: event.host().clone(),
        computer: event.computer().to_owned(),
        event_id: event.event_id(),
        channel: event.channel().to_owned(),
        summary: describe::event(event),
        alert,
        near,
        xml: event.raw().clone(),
    }
}
