//! The one owner of all state that detection needs: the correlator, the hosts, the processes, the counters. It hears
//! [`Intake`] and publishes [`Update`]s; nobody else holds state, and there is no lock.

mod archived;
mod batch;
pub mod dedup;
pub mod desk;
mod fired;
pub mod hub;
pub mod links;
pub mod metrics;
pub mod rates;
pub mod stages;
pub mod tally;

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{mpsc, watch};

use crate::alert::{Action, Alert};
use crate::collector::archived::Archived;
use crate::collector::dedup::Recent;
use crate::collector::desk::Desk;
use crate::collector::hub::Hub;
use crate::collector::links::Links;
use crate::collector::tally::Tally;
use crate::detect::correlator::{self, Correlator};
use crate::detect::rule::{Logic, Rule};
use crate::detect::{Observation, RuleSet, raise};
use crate::event::time::event_time;
use crate::feed::status::{Counters, Status};
use crate::feed::{Change, Known, Notice, NoticeLevel, Overflow, Update};
use crate::hosts::processes::Processes;
use crate::hosts::table::Hosts;
use crate::intake::{Intake, ReplayProgress};
use crate::store::Store;
use crate::store::archive::Archive;
use crate::store::read::Kept;
use crate::triage::Act;
use crate::triage::many::Part;
use crate::triage::viewer::Viewer;

/// How often a status is published at most.
const STATUS_EVERY: TimeDelta = TimeDelta::milliseconds(250);
/// How many ids of raised alerts are remembered.
const RAISED_IDS: usize = 1 << 17;
/// How much of what an earlier run left goes into one update.
const CHUNK: usize = 500;
/// How much longer than sequences reach stage hits stay stored.
const HITS_SLACK: TimeDelta = TimeDelta::minutes(1);

/// How the collector is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// The host and process tables.
    pub hosts: crate::hosts::Config,
    /// Sequence matching.
    pub sequence: correlator::Config,
    /// How connections of two hosts are linked.
    pub link: crate::alert::link::Config,
    /// How many events are remembered to tell duplicates; 0 turns it off.
    pub duplicate_window: usize,
    /// Whether this is a replay: then nothing is late by the wall clock.
    pub is_replay: bool,
}

/// The collector; [`run`](Self::run) it as one task.
#[derive(Debug)]
pub struct Collector {
    hub: Hub,
    status: watch::Sender<Arc<Status>>,
    /// Batches taken and alerts raised so far.
    taken: watch::Sender<(u64, u64)>,
    rules: Arc<RuleSet>,
    correlator: Correlator,
    hosts: Hosts,
    processes: Processes,
    recent_events: Recent,
    raised: Recent,
    tally: Tally,
    archived: Archived,
    desk: Desk,
    links: Links,
    viewers: BTreeMap<u64, Viewer>,
    /// Alerts that fired and that nobody has heard of yet.
    fired: Vec<Arc<Alert>>,
    /// What consoles have to hear first, and the events that sequences still need.
    restored: (Vec<Known>, Vec<(DateTime<Utc>, String)>),
    lateness: TimeDelta,
    replay: Option<ReplayProgress>,
    late_before: u64,
    /// The number of the last event that was told.
    last_event: u64,
    rejects_shown: (i64, u32),
    last_status: DateTime<Utc>,
    is_dirty: bool,
    is_replay: bool,
}

impl Collector {
    /// A collector with the rules to begin with.
    pub fn new(config: &Config, rules: Arc<RuleSet>) -> Self {
        let mut tally = Tally::default();
        tally.set_rules(&rules);
        let mut links = Links::new(config.link);
        links.set_swap(rules.mapping().swap_old_inbound);
        let mut hosts = Hosts::new(config.hosts);
        hosts.set_replay(config.is_replay);
        Self {
            hub: Hub::default(),
            status: watch::Sender::new(Arc::new(Status::default())),
            taken: watch::Sender::new((0, 0)),
            rules,
            correlator: Correlator::new(config.sequence),
            hosts,
            processes: Processes::new(config.hosts.max_processes),
            recent_events: Recent::new(config.duplicate_window),
            raised: Recent::new(RAISED_IDS),
            tally,
            archived: Archived::default(),
            desk: Desk::default(),
            links,
            viewers: BTreeMap::new(),
            fired: Vec::new(),
            restored: (Vec::new(), Vec::new()),
            lateness: config.sequence.allowed_lateness,
            replay: None,
            late_before: 0,
            last_event: 0,
            rejects_shown: (0, 0),
            last_status: DateTime::UNIX_EPOCH,
            is_dirty: true,
            is_replay: config.is_replay,
        }
    }

    /// Goes on where an earlier run ended, and keeps what happens from now on.
    #[must_use]
    pub fn with_store(mut self, store: Store, mut kept: Kept) -> Self {
        for known in &kept.past {
            if let Known::Alert { header, .. } = known {
                self.raised.is_new(Some(dedup::hash(header.id.0.as_bytes())));
            }
        }
        for alert in std::mem::take(&mut kept.recent) {
            self.links.restore(&alert);
        }
        self.desk.restore(store, &mut kept);
        if self.is_replay {
            self.desk.forget_dispatches();
        }
        self.fired = std::mem::take(&mut kept.unannounced).into_iter().map(Arc::new).collect();
        self.restored = (kept.past, kept.stage_hits);
        self
    }

    /// Keeps all events for those who scroll back; the next one follows the last that is kept.
    #[must_use]
    pub fn with_archive(mut self, archive: Archive, last: u64) -> Self {
        self.hub.keep_events(archive);
        self.last_event = last;
        self
    }

    /// A new subscriber: it hears everything from now on.
    pub fn subscribe(&mut self, overflow: Overflow, capacity: usize) -> mpsc::Receiver<Arc<Update>> {
        self.hub.subscribe(overflow, capacity)
    }

    /// A subscriber that serves consoles elsewhere: it wants single events only while somebody looks.
    pub fn subscribe_server(&mut self, capacity: usize) -> mpsc::Receiver<Arc<Update>> {
        self.hub.subscribe_server(capacity)
    }

    /// The status as it was last published.
    pub fn status(&self) -> watch::Receiver<Arc<Status>> {
        self.status.subscribe()
    }

    /// How many batches it has taken and how many alerts it has raised: whoever sent a batch can wait for what came of it.
    pub fn taken(&self) -> watch::Receiver<(u64, u64)> {
        self.taken.subscribe()
    }

    /// Takes everything in until all senders are gone, publishes a last status and answers the final counters.
    pub async fn run(mut self, mut intake: mpsc::Receiver<Intake>) -> Counters {
        let mut now = DateTime::UNIX_EPOCH;
        self.resume().await;
        while let Some(next) = intake.recv().await {
            now = match &next {
                Intake::Tick(at) => *at,
                Intake::Batch(batch) => now.max(batch.received_at),
                _ => now,
            };
            self.tally.queues((intake.len() as u64, intake.max_capacity() as u64), self.desk.queue());
            self.take(next, now).await;
            if self.is_dirty && now - self.last_status >= STATUS_EVERY {
                self.publish_status(now).await;
            }
        }
        // Nothing comes any more: what waited for late events is told now. Where a store keeps what half-made sequences need,
        // the next run goes on with them, and knows what came meanwhile.
        if self.is_replay || !self.desk.has_store() {
            let certain = self.correlator.drain(&self.rules);
            self.raise_certain(certain, now).await;
        }
        self.desk.flush(None).await;
        self.publish_status(now).await;
        self.hub.finish().await;
        self.tally.counters().clone()
    }

    /// Tells consoles what an earlier run left, announces what it could not, and puts the events back that sequences wait with.
    async fn resume(&mut self) {
        let (past, hits) = std::mem::take(&mut self.restored);
        let mut past = past.into_iter().peekable();
        while past.peek().is_some() {
            let chunk = past.by_ref().take(CHUNK).collect();
            self.publish(Change::Known(chunk), DateTime::UNIX_EPOCH).await;
        }
        let unannounced = std::mem::take(&mut self.fired);
        self.announce(unannounced).await;
        let rules = self.rules.clone();
        for (received_at, xml) in hits {
            // It was decoded before; what cannot be decoded now is no loss to anybody.
            let Ok(decoded) = crate::decode::decode(xml.as_bytes(), received_at) else { continue };
            let event = Arc::new(decoded.event);
            let time = event_time(&event, rules.mapping().event_time, received_at);
            self.recent_events.is_new(dedup::key_of(&event));
            self.processes.observe(&event, &time);
            let hits = rules.observe(&event);
            let observation = Observation { event, time, received_at };
            for sequence in self.correlator.advance(&rules, &observation, &hits.stages) {
                let alert = raise::sequence(&rules, &sequence, received_at);
                // What was raised before is known with its best pairing.
                if let Some(alert) = alert.filter(|alert| alert.action == Action::Raised) {
                    self.raise(alert);
                }
            }
        }
        self.settle().await;
    }

    async fn take(&mut self, intake: Intake, now: DateTime<Utc>) {
        match intake {
            Intake::Batch(batch) => {
                self.take_batch(*batch).await;
                let alerts = if self.taken.receiver_count() > 0 { self.tally.counters().alerts_total() } else { 0 };
                self.taken.send_modify(|taken| *taken = (taken.0 + 1, alerts));
            }
            Intake::Tick(at) => self.tick(at).await,
            Intake::Act(act) => self.act(&act, now).await,
            Intake::ActOnEach(part) => self.act_on_each(&part, now).await,
            Intake::Viewer { id, viewer } => self.look(id, viewer, now).await,
            Intake::Store(health) => {
                if let Some(text) = self.tally.store(health) {
                    self.notice(NoticeLevel::Warning, text, now).await;
                }
            }
            Intake::Archive(health) => {
                if let Some(text) = self.archived.hear(health) {
                    self.notice(NoticeLevel::Warning, text, now).await;
                }
            }
            Intake::Listening { listener, url } => {
                let text = format!("taking events from {url}");
                self.tally.listening(listener, url);
                self.notice(NoticeLevel::Info, text, now).await;
            }
            Intake::Connected { listener, .. } => self.tally.connected(listener),
            Intake::Disconnected { listener, .. } => self.tally.disconnected(listener),
            Intake::Replay(progress) => self.replay = Some(progress),
            Intake::Rules(rules) => {
                self.tally.set_rules(&rules);
                self.links.set_swap(rules.mapping().swap_old_inbound);
                let text = format!("rules loaded: {} run, {} do not", rules.rules().count(), rules.problems().len());
                self.rules = rules;
                self.notice(NoticeLevel::Info, text, now).await;
            }
            // Counts of rules that were replaced meanwhile are of no more interest.
            Intake::Work { rules, work } if Arc::ptr_eq(&rules, &self.rules) => self.tally.work(&work),
            Intake::Work { .. } => {}
            Intake::Timed(rows) => self.tally.timed(&rows),
            Intake::Problem(text) => self.notice(NoticeLevel::Warning, text, now).await,
            Intake::Output(health) => {
                if let Some(text) = self.tally.output(health) {
                    self.notice(NoticeLevel::Warning, text, now).await;
                }
            }
        }
        self.is_dirty = true;
    }

    async fn tick(&mut self, at: DateTime<Utc>) {
        self.hosts.tick(at);
        let certain = self.correlator.tick(&self.rules, at);
        self.raise_certain(certain, at).await;
        self.tally.tick(at);
        let reach = self.rules.rules().map(|(_, rule)| reach(rule)).max().unwrap_or_default() + self.lateness + HITS_SLACK;
        for mute in self.desk.tick(at, reach).await {
            let alerts = if mute.hidden == 1 { "alert" } else { "alerts" };
            let text = format!("mute #{} of {} ran out; it hid {} {alerts}: {}", mute.number, mute.who, mute.hidden, mute.scope);
            self.notice(NoticeLevel::Info, text, at).await;
        }
        self.tally.desk_shed(self.desk.shed());
    }

    async fn act(&mut self, act: &Act, now: DateTime<Utc>) {
        let result = self.desk.act(act, now).await;
        self.tally.act(&act.deed, result.is_ok());
        let change = match result {
            Ok(entry) => Change::Triage(entry),
            Err(refusal) => Change::Refused(refusal),
        };
        self.publish(change, now).await;
    }

    async fn act_on_each(&mut self, part: &Part, now: DateTime<Utc>) {
        let (entry, outcome) = self.desk.act_on_each(part, now).await;
        self.tally.act(&part.act.deed, entry.is_some());
        if let Some(entry) = entry {
            self.publish(Change::Triage(entry), now).await;
        }
        self.publish(Change::Outcome(outcome), now).await;
    }

    /// Somebody came to look, looks at something else, or went.
    async fn look(&mut self, id: u64, viewer: Option<Viewer>, now: DateTime<Utc>) {
        let is_new = viewer.is_some() && !self.viewers.contains_key(&id);
        let resyncs = |viewer: Option<&Viewer>| viewer.map_or(0, |viewer| viewer.resyncs);
        let fell_behind = resyncs(viewer.as_ref()).saturating_sub(resyncs(self.viewers.get(&id)));
        self.tally.console_shed(fell_behind);
        match viewer {
            Some(viewer) => drop(self.viewers.insert(id, viewer)),
            None => drop(self.viewers.remove(&id)),
        }
        self.hub.set_watched(self.viewers.values().any(|viewer| viewer.wants_events));
        if is_new {
            // Whoever comes has heard of no host yet, and does not wait for the next status.
            self.hosts.tell_all();
            self.last_status = DateTime::UNIX_EPOCH;
        }
        self.publish(Change::Viewers(self.viewers.values().cloned().collect()), now).await;
    }

    async fn notice(&mut self, level: NoticeLevel, text: String, at: DateTime<Utc>) {
        self.publish(Change::Notice(Notice { level, text }), at).await;
    }

    async fn publish(&mut self, change: Change, at: DateTime<Utc>) {
        let is_status = matches!(change, Change::Status(_));
        let shed = self.hub.publish(change, at).await;
        self.tally.console_shed(shed);
        if is_status && shed > 0 {
            // A status tells only what changed: whoever missed one must hear everything again.
            self.hosts.tell_all();
        }
    }

    async fn publish_status(&mut self, now: DateTime<Utc>) {
        self.is_dirty = false;
        self.last_status = now;
        self.tally.hosts(self.hosts.counts());
        self.tally.links(self.links.counts());
        if self.links.is_to_be_said(now) {
            let text = "a path has more hops than are told anew at once: alerts far from its last change tell it as it was";
            self.notice(NoticeLevel::Warning, text.to_owned(), now).await;
        }
        let mut status = self.tally.status(self.is_replay);
        status.replay.clone_from(&self.replay);
        status.archive = self.archived.status(self.hub.unarchived());
        // Nobody but a console asks for single hosts; without one they are not copied.
        if self.hub.wants_events() {
            status.hosts = self.hosts.take_changed();
        }
        status.forgotten = self.hosts.take_forgotten();
        if **self.status.borrow() == status {
            // Reports came in that say nothing new: nobody is woken for them.
            return;
        }
        self.status.send_replace(Arc::new(Status { hosts: Vec::new(), forgotten: Vec::new(), ..status.clone() }));
        self.publish(Change::Status(Box::new(status)), now).await;
    }
}

/// How long the events of a rule matter before it fires.
fn reach(rule: &Rule) -> TimeDelta {
    match &rule.logic {
        Logic::Sequence(sequence) => sequence.reach(),
        _ => TimeDelta::milliseconds(rule.info.maxspan_ms.unwrap_or_default()),
    }
}
