//! What the collector has told so far, kept for those who attach later: headers, where they stand, the newest evidence, the
//! hosts, the last status and the end of the tail. Pure: updates and questions in, snapshots and answers out.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

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
    /// What follows the first piece.
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
                Known::Alert { .. } => self.alerts.know(known, &self.everything, self.now),
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

    fn hear_alert(&mut self, alert: &Arc<Alert>) {
        let is_known = self.alerts.number_of(&alert.id).is_some();
        if is_known && alert.action != Action::Updated {
            return;
        }
        self.alerts.add(alert, false, &self.everything, self.now);
        if !is_known {
            let minute = alert.created.timestamp() / 60;
            match self.per_minute.back_mut() {
                Some((last, count)) if *last == minute => *count += 1,
                _ => push(&mut self.per_minute, (minute, 1), MINUTES),
            }
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

    fn state(&self) -> Vec<(DateTime<Utc>, Change)> {
        let status = Status { hosts: self.hosts.values().cloned().collect(), ..self.status.clone() };
        let mut state = vec![(self.now, Change::Status(Box::new(status)))];
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
    1024 + length + header.message.len() + header.what.len() + header.path.len()
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
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::alert::Severity;
    use crate::alert::header::testing::header;
    use crate::triage::Deed;

    fn known(count: usize) -> Replica {
        let mut replica = Replica::new();
        let past = (0..count).map(|number| Known::Alert {
            header: Arc::new(header(&format!("{number:032}"), &format!("h{}", number % 7), "10.0.0.1", number as i64)),
            muted: None,
        });
        let change = Change::Known(past.collect());
        replica.hear(&Update { seq: 1, at: DateTime::UNIX_EPOCH, change });
        replica
    }

    #[test]
    fn no_piece_is_too_long_for_a_frame() {
        let mut replica = known(10);
        let alerts: Vec<AlertId> = (0..10_000).map(|number| AlertId(format!("{number:032}").into())).collect();
        for number in 1..=100 {
            let entry = Entry {
                number,
                at: DateTime::UNIX_EPOCH,
                who: "bob".to_owned(),
                deed: Deed::Comment,
                reason: String::new(),
                alerts: alerts.clone(),
                token: 0,
            };
            replica.entries.push_back(Arc::new(entry));
        }
        let mut prepared = replica.prepare(1000, false);
        let mut told = 0;
        while let Some(piece) = prepared.next_piece() {
            told += piece.entries.len();
            assert!(crate::attach::frame::frame(&piece, crate::attach::frame::MAX_TOLD).is_some());
        }
        assert_eq!(told, 100);
    }

    #[test]
    fn every_alert_is_told_once_and_open_kinds_first() {
        let mut replica = known(1200);
        let alerts: Vec<AlertId> = (700..1200).map(|number| AlertId(format!("{number:032}").into())).collect();
        let entry = Entry {
            number: 1,
            at: DateTime::UNIX_EPOCH,
            who: "bob".to_owned(),
            deed: Deed::Acknowledge,
            reason: String::new(),
            alerts,
            token: 0,
        };
        replica.hear(&Update { seq: 2, at: DateTime::UNIX_EPOCH, change: Change::Triage(Arc::new(entry)) });
        let mut prepared = replica.prepare(1000, false);
        let mut pieces = Vec::new();
        while let Some(piece) = prepared.next_piece() {
            pieces.push(piece);
        }
        let flags: Vec<(bool, bool, usize, usize)> =
            pieces.iter().map(|piece| (piece.is_first, piece.is_last, piece.entries.len(), piece.alerts.len())).collect();
        assert_eq!(flags, [(true, false, 1, 500), (false, true, 0, 500)]);
        let numbers: Vec<u64> = pieces.iter().flat_map(|piece| &piece.alerts).map(|standing| standing.number).collect();
        // A kind per host, which waits; then the worst and newest.
        let expected: Vec<u64> = (693..700).rev().chain((700..1200).rev()).chain((200..693).rev()).collect();
        assert_eq!(numbers, expected);
        assert_eq!(pieces[1].horizons, Horizons { all: Some((Severity::High, 200)), kinds: None });
        assert_eq!((pieces[0].horizons, pieces[1].tally.is_some()), (Horizons::default(), false));
        assert_eq!(pieces[0].tally.as_deref().map(|tally| (tally.alerts, tally.kinds)), Some((1200, 7)));
        assert_eq!(pieces[0].next, 1200);
    }

    #[test]
    fn what_was_said_before_comes_with_its_time() {
        let at = DateTime::from_timestamp(1_700_000_000, 0).unwrap();
        let notice = crate::feed::Notice { level: crate::feed::NoticeLevel::Info, text: "listening".to_owned() };
        let mut replica = Replica::new();
        replica.hear(&Update { seq: 1, at, change: Change::Notice(notice) });
        let told = replica.prepare(10, false).state;
        let times: Vec<_> = told.iter().filter(|(_, change)| matches!(change, Change::Notice(_))).map(|(at, _)| *at).collect();
        assert_eq!(times, [at]);
    }

    #[test]
    fn an_empty_collector_has_a_snapshot_too() {
        let mut prepared = Replica::new().prepare(10, false);
        let piece = prepared.next_piece().unwrap();
        assert!(piece.is_first && piece.is_last && piece.alerts.is_empty());
        assert_eq!(prepared.next_piece(), None);
    }
}
