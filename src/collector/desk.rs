//! What the collector keeps about alerts after they fired: where they stand, which mutes hold, what is usual, and the way to
//! the store. An alert is durable before anybody hears of it; an act is durable before it is confirmed.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::header::Header;
use crate::alert::{Action, Alert, AlertId};
use crate::event::WindowsEvent;
use crate::feed::Known;
use crate::hosts::prevalence::Prevalence;
use crate::store::read::{Columns, Kept};
use crate::store::{Record, Store, status_number};
use crate::triage::decide::decide;
use crate::triage::ledger::{Ledger, Mute};
use crate::triage::many::{Outcome, Part, decide_each};
use crate::triage::{Act, Entry, Refusal, State};

/// How many alerts are remembered.
const MAX_ALERTS: usize = 1 << 17;
/// How often counts are stored and old stage hits forgotten.
const FLUSH_EVERY: TimeDelta = TimeDelta::seconds(5);
/// How often what is too old is deleted.
const RETAIN_EVERY: TimeDelta = TimeDelta::minutes(10);
/// Mutes that ran out so long before a start are not told of again.
const TOLD_BEFORE: TimeDelta = TimeDelta::days(1);
/// How many stage hits are stored a second at most; a rule that looks at every event must not fill the disk.
const HITS_A_SECOND: u32 = 2000;

/// What is known of alerts, and the way to the store.
#[derive(Debug)]
pub struct Desk {
    ledger: Ledger,
    prevalence: Prevalence,
    store: Option<Store>,
    hits: Vec<Record>,
    hits_stored: (i64, u32),
    hits_shed: u64,
    /// The number of the last record for outputs; `None` where none is to be remembered.
    dispatched: Option<u64>,
    last_flush: Option<DateTime<Utc>>,
    last_retain: Option<DateTime<Utc>>,
}

impl Default for Desk {
    /// Nothing known, nothing kept.
    fn default() -> Self {
        Self {
            ledger: Ledger::new(MAX_ALERTS),
            prevalence: Prevalence::default(),
            store: None,
            hits: Vec::new(),
            hits_stored: (0, 0),
            hits_shed: 0,
            dispatched: None,
            last_flush: None,
            last_retain: None,
        }
    }
}

impl Desk {
    /// Whether what happens is kept for the next run.
    pub fn has_store(&self) -> bool {
        self.store.is_some()
    }

    /// What waits for the store and how much may, where there is one.
    pub fn queue(&self) -> Option<(u64, u64)> {
        self.store.as_ref().map(Store::queue)
    }

    /// Takes back what an earlier run kept.
    pub fn restore(&mut self, store: Store, kept: &mut Kept) {
        self.store = Some(store);
        self.dispatched = Some(kept.last_dispatch);
        self.prevalence.restore(std::mem::take(&mut kept.usual));
        for known in &kept.past {
            match known {
                Known::Alert { header, muted } => self.ledger.know(header, *muted),
                Known::Entry(entry) => self.ledger.apply(entry),
            }
        }
        // What ran out while nobody was here is told; what ran out long ago was told then.
        self.ledger.expire(kept.read_at - TOLD_BEFORE);
        // The columns follow the log; a run that ended between the two left them behind.
        let columns = std::mem::take(&mut kept.columns);
        let states = columns.into_iter().map(|(id, columns)| (self.ledger.state(&id), id, columns));
        let is_behind = |state: &State, columns: Columns| (status_number(state.status), state.muted) != columns;
        let behind: Vec<(AlertId, State)> =
            states.filter(|(state, _, columns)| is_behind(state, *columns)).map(|(state, id, _)| (id, state)).collect();
        if !behind.is_empty() {
            self.hits.push(Record::States(behind));
        }
    }

    /// What outputs do not get is not remembered for the next run: a recording is not news.
    pub fn forget_dispatches(&mut self) {
        self.dispatched = None;
    }

    /// A rule looks at this event.
    pub fn observe(&mut self, event: &WindowsEvent, at: DateTime<Utc>) {
        self.prevalence.observe(event, at);
    }

    /// A sequence may need this event after a restart.
    pub fn stage_hit(&mut self, event: &WindowsEvent, at: DateTime<Utc>) {
        if self.store.is_none() {
            return;
        }
        if self.hits_stored.0 != at.timestamp() {
            self.hits_stored = (at.timestamp(), 0);
        }
        self.hits_stored.1 += 1;
        if self.hits_stored.1 > HITS_A_SECOND {
            self.hits_shed += 1;
            return;
        }
        self.hits.push(Record::StageHit { received_at: at, xml: event.raw().clone() });
    }

    /// An alert fired: is it muted, and how usual is it?
    pub fn receive(&mut self, alert: &mut Alert) {
        alert.usual = self.prevalence.usual(alert);
        let header = Header::of(alert);
        alert.muted = match alert.action {
            Action::Raised => self.ledger.mute_for(&header, alert.created),
            Action::Updated => self.ledger.state(&alert.id).muted,
        };
        self.ledger.know(&header, alert.muted);
    }

    /// A link changed an alert: where it stands stays.
    pub fn relink(&mut self, alert: &mut Alert) {
        alert.muted = self.ledger.state(&alert.id).muted;
        self.ledger.know(&Header::of(alert), alert.muted);
    }

    /// Makes alerts, and what waited, durable. What the store cannot take it reports itself: detection goes on.
    pub async fn settle(&mut self, alerts: &[Arc<Alert>]) {
        let Some(store) = &self.store else { return };
        if alerts.is_empty() {
            if !self.hits.is_empty() {
                store.push(std::mem::take(&mut self.hits)).await;
            }
            return;
        }
        let mut records = std::mem::take(&mut self.hits);
        for alert in alerts {
            records.push(Record::Alert(alert.clone()));
            if let Some(number) = &mut self.dispatched {
                *number += 1;
                records.push(Record::Dispatch { number: *number, alert: alert.id.clone(), action: alert.action });
            }
        }
        let _ = store.keep(records).await;
    }

    /// These alerts were handed to everybody.
    pub async fn announced(&mut self, alerts: &[Arc<Alert>]) {
        if let Some(store) = self.store.as_ref().filter(|_| !alerts.is_empty()) {
            store.push(vec![Record::Announced(alerts.iter().map(|alert| alert.id.clone()).collect())]).await;
        }
    }

    /// Somebody wants to do something. What is confirmed is durable.
    pub async fn act(&mut self, act: &Act, now: DateTime<Utc>) -> Result<Arc<Entry>, Refusal> {
        let entry = Arc::new(decide(&self.ledger, act, now)?);
        let kept = self.keep(&entry).await;
        kept.map_err(|reason| Refusal { token: act.token, who: act.who.clone(), reason: format!("not done: {reason}") })?;
        Ok(entry)
    }

    /// Somebody wants to do something with many alerts; what of this part can be done is.
    pub async fn act_on_each(&mut self, part: &Part, now: DateTime<Utc>) -> (Option<Arc<Entry>>, Outcome) {
        let (entry, outcome) = decide_each(&self.ledger, part, now);
        let Some(entry) = entry.map(Arc::new) else { return (None, outcome) };
        match self.keep(&entry).await {
            Ok(()) => (Some(entry), outcome),
            Err(reason) => (None, outcome.undone(reason)),
        }
    }

    /// Makes an entry durable, then takes it over.
    async fn keep(&mut self, entry: &Arc<Entry>) -> Result<(), String> {
        if let Some(store) = &self.store {
            let kept = store.keep(vec![Record::Triage(entry.clone())]).await;
            kept.map_err(|problem| format!("the store cannot be written: {problem}"))?;
        }
        self.ledger.apply(entry);
        if let Some(store) = &self.store {
            let states = entry.alerts.iter().map(|id| (id.clone(), self.ledger.state(id))).collect();
            store.push(vec![Record::States(states)]).await;
        }
        Ok(())
    }

    /// Time passes. `reach` is how far back a sequence may look. Answers the mutes that ran out.
    pub async fn tick(&mut self, now: DateTime<Utc>, reach: TimeDelta) -> Vec<Mute> {
        if self.last_flush.is_none_or(|last| now - last >= FLUSH_EVERY) {
            self.last_flush = Some(now);
            self.flush(Some(now - reach)).await;
        }
        if self.last_retain.is_none_or(|last| now - last >= RETAIN_EVERY) {
            self.last_retain = Some(now);
            self.prevalence.expire(now);
            if let Some(store) = &self.store {
                store.push(vec![Record::Retain(now)]).await;
            }
        }
        self.ledger.expire(now)
    }

    /// Stores what waits.
    pub async fn flush(&mut self, forget_before: Option<DateTime<Utc>>) {
        let Some(store) = &self.store else { return };
        let mut records = std::mem::take(&mut self.hits);
        let usual = self.prevalence.take_changed();
        if !usual.is_empty() {
            records.push(Record::Usual(usual));
        }
        records.extend(forget_before.map(Record::ForgetHits));
        if !records.is_empty() {
            store.push(records).await;
        }
    }

    /// How many counts of what is usual, and how many stage hits, found no room.
    pub fn shed(&self) -> (u64, u64) {
        (self.prevalence.shed(), self.hits_shed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::header::testing::header;
    use crate::store;
    use crate::triage::{Deed, Target};

    #[tokio::test]
    async fn an_act_that_cannot_be_kept_is_not_done() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let (opened, mut kept) = store::open(&path, &store::Config::default(), now).unwrap();
        let (intake, mut health) = tokio::sync::mpsc::channel(16);
        let (handle, thread) = opened.start(intake.downgrade()).unwrap();
        let mut desk = Desk::default();
        desk.restore(handle, &mut kept);
        let header = header("a1", "srv", "10.0.0.1", 1);
        desk.ledger.know(&header, None);
        let act = |revision| Act {
            token: 5,
            who: "bob".to_owned(),
            deed: Deed::Own,
            reason: String::new(),
            targets: vec![Target { alert: header.id.clone(), revision }],
        };
        rusqlite::Connection::open(&path).unwrap().execute_batch("ALTER TABLE triage RENAME TO gone").unwrap();
        let refusal = desk.act(&act(0), now).await.unwrap_err();
        assert!(refusal.reason.contains("the store cannot be written") && refusal.token == 5, "{refusal}");
        assert_eq!(desk.ledger.state(&header.id), State::default());
        rusqlite::Connection::open(&path).unwrap().execute_batch("ALTER TABLE gone RENAME TO triage").unwrap();
        assert_eq!(desk.act(&act(0), now).await.unwrap().number, 1);
        drop(desk);
        thread.join().unwrap();
        let mut problems = Vec::new();
        while let Ok(crate::intake::Intake::Store(report)) = health.try_recv() {
            problems.push(report.problem.is_some());
        }
        assert_eq!(problems, [false, true, false], "it says that it broke, and that it works again");
    }
}
