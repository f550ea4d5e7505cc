//! What the collector has told so far, kept for those who attach later: headers, where they stand, the newest evidence, the
//! hosts, the last status and the end of the tail. Pure: updates and questions in, snapshots and answers out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::alert::header::Header;
use crate::alert::{Action, Alert, AlertId};
use crate::event::names::HostName;
use crate::feed::page::{Horizons, Page, Standing, Tally};
use crate::feed::status::Status;
use crate::feed::{Change, EventLine, Known, Snapshot, Update};
use crate::filter::Filter;
use crate::hosts::HostState;
use crate::roster::Roster;
use crate::roster::marked::Gather;
use crate::roster::scan::Scan;
use crate::triage::mute::{PREVIEW_BACK, Preview, Scope};
use crate::triage::{Entry, Target};

/// How many alerts are known.
const MAX_ALERTS: usize = 1 << 17;
/// How many bytes of evidence are kept, for the newest alerts: without a store there is no other.
const EVIDENCE_BYTES: usize = 16 << 20;
/// How many bytes of event XML the end of the tail may have.
const TAIL_BYTES: usize = 4 << 20;
/// How many entries of the triage log are told to a new console, the newest.
const MAX_ENTRIES: usize = 20_000;
/// How many lines of the tail, of rejects and of notices are kept.
const LINES: usize = 200;
/// How many minutes the counts of alerts go back.
const MINUTES: usize = 24 * 60;
/// How many kinds of alerts that wait for somebody a console begins with, and how much goes into one piece of a snapshot: so
/// many alerts or entries, and about so many bytes of them, which are less than a frame however they are escaped.
const PIECE: usize = 500;
const PIECE_BYTES: usize = 4 << 20;

/// How many hosts go into one status.
const HOSTS: usize = 4000;

/// What a new console has to hear.
#[derive(Debug)]
pub(super) struct Prepared {
    entries: Vec<Arc<Entry>>,
    alerts: Vec<Standing>,
    told: usize,
    model: Snapshot,
    horizons: Horizons,
    /// The number of the first entry of the triage log that is told.
    pub(super) log_from: u64,
    /// What follows the first piece, a frame each.
    pub(super) state: Vec<(DateTime<Utc>, Change)>,
}

/// The collector as it was last told.
#[derive(Debug)]
pub(super) struct Replica {
    alerts: Roster,
    everything: Filter,
    now: DateTime<Utc>,
    evidence: VecDeque<Arc<Alert>>,
    evidence_bytes: usize,
    entries: VecDeque<Arc<Entry>>,
    per_minute: VecDeque<(i64, u32)>,
    hosts: BTreeMap<HostName, HostState>,
    status: Status,
    viewers: Option<Change>,
    events: VecDeque<EventLine>,
    tail_bytes: usize,
    /// With when they were told.
    lines: VecDeque<(DateTime<Utc>, Change)>,
}

impl Replica {
    /// Nothing known yet.
    pub(super) fn new() -> Self {
        Self {
            alerts: Roster::of_whole(MAX_ALERTS),
            everything: Filter::default(),
            now: DateTime::UNIX_EPOCH,
            evidence: VecDeque::new(),
            evidence_bytes: 0,
            entries: VecDeque::new(),
            per_minute: VecDeque::new(),
            hosts: BTreeMap::new(),
            status: Status::default(),
            viewers: None,
            events: VecDeque::new(),
            tail_bytes: 0,
            lines: VecDeque::new(),
        }
    }

    /// Takes in what the collector tells.
    pub(super) fn hear(&mut self, update: &Update) {
        self.now = self.now.max(update.at);
        match &update.change {
            Change::Alert(alert) => self.hear_alert(alert),
            Change::Known(known) => known.iter().for_each(|known| match known {
                Known::Alert { header, .. } => self.know(known, header),
                Known::Entry(entry) => self.hear_entry(entry),
            }),
            Change::Triage(entry) => self.hear_entry(entry),
            Change::Events(lines) => self.hear_events(lines),
            Change::Status(status) => {
                self.hosts.extend(status.hosts.iter().map(|host| (host.name.clone(), host.clone())));
                status.forgotten.iter().for_each(|host| drop(self.hosts.remove(host)));
                self.status = Status { hosts: Vec::new(), forgotten: Vec::new(), ..(**status).clone() };
            }
            Change::Rejected(_) | Change::Notice(_) => push(&mut self.lines, (update.at, update.change.clone()), LINES),
            Change::Viewers(_) => self.viewers = Some(update.change.clone()),
            Change::Refused(_)
            | Change::Outcome(_)
            | Change::Counted { .. }
            | Change::Snapshot(_)
            | Change::LeftOut(_)
            | Change::Tally(_)
            | Change::Listed(_)
            | Change::Stored(_)
            | Change::Previewed { .. } => {}
        }
    }

    /// What an earlier run left counts in its own minute.
    fn know(&mut self, known: &Known, header: &Header) {
        if self.alerts.number_of(&header.id).is_none() {
            self.count_minute(header.created);
        }
        self.alerts.know(known, &self.everything, self.now);
    }

    fn count_minute(&mut self, created: DateTime<Utc>) {
        let minute = created.timestamp() / 60;
        match self.per_minute.back_mut() {
            Some((last, count)) if *last == minute => *count += 1,
            _ => push(&mut self.per_minute, (minute, 1), MINUTES),
        }
    }

    fn hear_alert(&mut self, alert: &Arc<Alert>) {
        let is_known = self.alerts.number_of(&alert.id).is_some();
        // What is told anew and remembered no more is no new alert.
        if is_known != (alert.action == Action::Updated) {
            return;
        }
        self.alerts.add(alert, false, &self.everything, self.now);
        if !is_known {
            self.count_minute(alert.created);
        }
        self.evidence_bytes += weight(alert);
        self.evidence.push_back(alert.clone());
        while self.evidence_bytes > EVIDENCE_BYTES {
            let Some(oldest) = self.evidence.pop_front() else { return };
            self.evidence_bytes -= weight(&oldest);
        }
    }

    fn hear_events(&mut self, lines: &[EventLine]) {
        for line in &lines[lines.len().saturating_sub(LINES)..] {
            self.tail_bytes += line.xml.len();
            self.events.push_back(line.clone());
        }
        while self.events.len() > LINES || self.tail_bytes > TAIL_BYTES {
            let Some(oldest) = self.events.pop_front() else { return };
            self.tail_bytes -= oldest.xml.len();
        }
    }

    fn hear_entry(&mut self, entry: &Arc<Entry>) {
        self.alerts.apply(entry, &self.everything, self.now);
        push(&mut self.entries, entry.clone(), MAX_ENTRIES);
    }

    /// How all alerts stand, if that changed since it was told for the last time.
    pub(super) fn take_tally(&mut self) -> Option<Tally> {
        self.alerts.take_tally()
    }

    /// An alert that was just raised, if its group had been closed: a console with a part of the alerts cannot know.
    pub(super) fn happened_again(&self, id: &AlertId) -> Option<Standing> {
        let entry = self.alerts.get(self.alerts.number_of(id)?)?;
        entry.state.again.is_some().then(|| self.alerts.standing(entry.number, 0))?
    }

    /// When the collector told something for the last time.
    pub(super) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Reads on in a list, so many alerts at most; true where there is no more to read.
    pub(super) fn read(&self, scan: &mut Scan, count: usize) -> bool {
        scan.read(&self.alerts, self.now, count)
    }

    /// A part of a list, for a console that knows the triage log from an entry on.
    pub(super) fn page(&self, scan: &Scan, log_from: u64) -> Page {
        scan.page(&self.alerts, log_from)
    }

    /// What a mute would have hidden.
    pub(super) fn preview(&self, scope: &Scope) -> Preview {
        self.alerts.ledger.preview(scope, self.now, PREVIEW_BACK)
    }

    /// An alert and its repeats that stand where it does.
    pub(super) fn targets_like(&self, id: &AlertId) -> Vec<Target> {
        self.alerts.targets_like(id)
    }

    /// Reads on in what is marked, so many alerts at most; true where there is no more to read.
    pub(super) fn gather(&self, gather: &mut Gather, count: usize) -> bool {
        gather.read(&self.alerts, self.now, count)
    }

    /// The evidence of one of the newest alerts.
    pub(super) fn evidence(&self, id: &AlertId) -> Option<Arc<Alert>> {
        self.evidence.iter().rev().find(|alert| alert.id == *id).cloned()
    }

    /// What a new console has to hear, with `most` alerts at most: a screenful of kinds that wait for somebody first, then the
    /// worst and newest in the order of the lists, so that a console never moves what it shows.
    pub(super) fn prepare(&self, most: usize, is_resync: bool) -> Prepared {
        let (numbers, horizons) = self.alerts.beginning(most, PIECE);
        let log_from = self.entries.front().map_or(0, |entry| entry.number);
        let alerts: Vec<Standing> = numbers.into_iter().filter_map(|number| self.alerts.standing(number, log_from)).collect();
        let model = Snapshot {
            is_first: true,
            is_last: false,
            is_resync,
            total: alerts.len() as u64,
            horizons: Horizons::default(),
            tally: Some(Box::new(self.alerts.tally())),
            next: self.alerts.next_number(),
            per_minute: self.per_minute.iter().copied().collect(),
            entries: Vec::new(),
            alerts: Vec::new(),
        };
        let entries = self.entries.iter().cloned().collect();
        Prepared { entries, alerts, told: 0, model, horizons, log_from, state: self.state() }
    }

    /// What a console shows besides alerts, in changes of which each fits into a frame.
    fn state(&self) -> Vec<(DateTime<Utc>, Change)> {
        let mut status = self.status.clone();
        let mut state = Vec::new();
        let mut hosts = self.hosts.values().cloned().peekable();
        while state.is_empty() || hosts.peek().is_some() {
            status.hosts = hosts.by_ref().take(HOSTS).collect();
            state.push((self.now, Change::Status(Box::new(status.clone()))));
            // What every rule did is not told twice.
            status.rules.clear();
        }
        state.extend(self.viewers.clone().map(|viewers| (self.now, viewers)));
        state.extend(self.lines.iter().cloned());
        if !self.events.is_empty() {
            state.push((self.now, Change::Events(self.events.iter().cloned().collect())));
        }
        state
    }
}

impl Prepared {
    /// The next piece; `None` when all are told. The log comes first: where an alert stands follows from it.
    pub(super) fn next_piece(&mut self) -> Option<Snapshot> {
        if self.model.is_last {
            return None;
        }
        let count = fitting(self.entries.iter().map(|entry| weight_of_entry(entry)));
        let entries = self.entries.drain(..count).collect::<Vec<_>>();
        let room = if self.is_log_told() { fitting(self.alerts[self.told..].iter().map(weight_of_standing)) } else { 0 };
        let end = self.told + room;
        let alerts = self.alerts[self.told..end].to_vec();
        self.told = end;
        let is_last = end == self.alerts.len() && self.entries.is_empty();
        let next = Snapshot { is_first: false, is_last, tally: None, per_minute: Vec::new(), ..self.model.clone() };
        let model = std::mem::replace(&mut self.model, next);
        let horizons = if is_last { self.horizons } else { Horizons::default() };
        let piece = Snapshot { is_last, horizons, entries, alerts, ..model };
        Some(piece)
    }

    /// Whether the triage log was told: what is done now must not be told before what was done then.
    pub(super) fn is_log_told(&self) -> bool {
        self.entries.is_empty()
    }
}

/// How many things of these weights go into a piece: one at least.
fn fitting(weights: impl Iterator<Item = usize>) -> usize {
    let mut sum = 0;
    let fits = |weight: &usize| {
        let is_first = sum == 0;
        sum += weight;
        is_first || sum <= PIECE_BYTES
    };
    weights.take(PIECE).take_while(fits).count()
}

/// About how many bytes an entry of the triage log has.
fn weight_of_entry(entry: &Entry) -> usize {
    256 + entry.reason.len() + 40 * entry.alerts.len()
}

/// About how many bytes an alert has where it is told.
fn weight_of_standing(standing: &Standing) -> usize {
    let header = &standing.header;
    let texts = [&header.user, &header.image, &header.parent, &header.command_line];
    let length: usize = texts.into_iter().flatten().map(String::len).sum();
    let names = [&header.computer, &header.rule, &header.rule_id, &header.what, &header.path];
    let length = length + header.message.len() + names.into_iter().map(String::len).sum::<usize>();
    let sides = header.hops.iter().flat_map(|hop| [&hop.from, &hop.to]);
    let hops: usize = sides.map(|side| 192 + 2 * side.computer.len() + 80 * side.alerts.len()).sum();
    1024 + length + header.host.as_str().len() + 8 * header.event_ids.len() + hops
}

/// About how much memory the evidence of an alert takes: the XML, its fields, and the rest.
fn weight(alert: &Alert) -> usize {
    alert.evidence.iter().map(|proof| 2 * proof.xml.len() + 2048).sum()
}

fn push<T>(queue: &mut VecDeque<T>, value: T, most: usize) {
    while queue.len() >= most {
        queue.pop_front();
    }
    queue.push_back(value);
}

#[cfg(test)]
mod tests;
