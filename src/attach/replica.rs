//! What the collector has told so far, kept for those who attach later: headers, where they stand, the newest evidence, the
//! hosts, the last status and the end of the tail. Pure: updates in, snapshots out.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::alert::header::Header;
use crate::alert::{Action, Alert, AlertId};
use crate::event::names::HostName;
use crate::feed::{Change, EventLine, Known, Snapshot, Standing, Status, Update};
use crate::hosts::HostState;
use crate::triage::Entry;
use crate::triage::ledger::Ledger;

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
const MINUTES: usize = 60;
/// How much goes into one piece of a snapshot. The first has what a screen shows, worst first.
const PIECE: usize = 500;

#[derive(Debug)]
struct Own {
    header: Arc<Header>,
    muted: Option<u64>,
}

/// What a new console has to hear.
#[derive(Debug)]
pub(super) struct Prepared {
    entries: Vec<Arc<Entry>>,
    alerts: Vec<Standing>,
    told: usize,
    model: Snapshot,
    /// What follows the first piece.
    pub(super) state: Vec<Change>,
}

/// The collector as it was last told.
#[derive(Debug)]
pub(super) struct Replica {
    ledger: Ledger,
    alerts: BTreeMap<u64, Own>,
    by_id: HashMap<AlertId, u64>,
    evidence: VecDeque<Arc<Alert>>,
    evidence_bytes: usize,
    entries: VecDeque<Arc<Entry>>,
    next: u64,
    per_minute: VecDeque<(i64, u32)>,
    hosts: BTreeMap<HostName, HostState>,
    status: Status,
    viewers: Option<Change>,
    events: VecDeque<EventLine>,
    tail_bytes: usize,
    lines: VecDeque<Change>,
}

impl Replica {
    /// Nothing known yet.
    pub(super) fn new() -> Self {
        Self {
            ledger: Ledger::new(MAX_ALERTS),
            alerts: BTreeMap::new(),
            by_id: HashMap::new(),
            evidence: VecDeque::new(),
            evidence_bytes: 0,
            entries: VecDeque::new(),
            next: 0,
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
        match &update.change {
            Change::Alert(alert) => self.hear_alert(alert),
            Change::Known(known) => known.iter().for_each(|known| match known {
                Known::Alert { header, muted } => self.know(header.clone(), *muted),
                Known::Entry(entry) => self.hear_entry(entry),
            }),
            Change::Triage(entry) => self.hear_entry(entry),
            Change::Events(lines) => self.hear_events(lines),
            Change::Status(status) => {
                self.hosts.extend(status.hosts.iter().map(|host| (host.name.clone(), host.clone())));
                status.forgotten.iter().for_each(|host| drop(self.hosts.remove(host)));
                self.status = Status { hosts: Vec::new(), forgotten: Vec::new(), ..(**status).clone() };
            }
            Change::Rejected(_) | Change::Notice(_) => push(&mut self.lines, update.change.clone(), LINES),
            Change::Viewers(_) => self.viewers = Some(update.change.clone()),
            Change::Refused(_) | Change::Snapshot(_) | Change::LeftOut(_) => {}
        }
    }

    fn hear_alert(&mut self, alert: &Arc<Alert>) {
        let is_known = self.by_id.get(&alert.id).and_then(|number| self.alerts.get_mut(number));
        match is_known {
            Some(own) if alert.action == Action::Updated => {
                own.header = Arc::new(Header { created: own.header.created, ..Header::of(alert) });
            }
            Some(_) => return,
            None => {
                let minute = alert.created.timestamp() / 60;
                match self.per_minute.back_mut() {
                    Some((last, count)) if *last == minute => *count += 1,
                    _ => push(&mut self.per_minute, (minute, 1), MINUTES),
                }
                self.know(Arc::new(Header::of(alert)), alert.muted);
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

    fn know(&mut self, header: Arc<Header>, muted: Option<u64>) {
        if self.by_id.contains_key(&header.id) {
            return;
        }
        self.ledger.know(&header, muted);
        self.by_id.insert(header.id.clone(), self.next);
        self.alerts.insert(self.next, Own { header, muted });
        self.next += 1;
        while self.alerts.len() > MAX_ALERTS {
            let Some((_, oldest)) = self.alerts.pop_first() else { return };
            self.by_id.remove(&oldest.header.id);
        }
    }

    fn hear_entry(&mut self, entry: &Arc<Entry>) {
        self.ledger.apply(entry);
        push(&mut self.entries, entry.clone(), MAX_ENTRIES);
    }

    /// The evidence of one of the newest alerts.
    pub(super) fn evidence(&self, id: &AlertId) -> Option<Arc<Alert>> {
        self.evidence.iter().rev().find(|alert| alert.id == *id).cloned()
    }

    /// What a new console has to hear, with `most` alerts at most: the newest of them, a screenful of open ones first, then
    /// all in the order of the lists, so that a console never moves what it shows.
    pub(super) fn prepare(&self, most: usize, is_resync: bool) -> Prepared {
        let newest = self.alerts.iter().rev().take(most);
        let mut keys: Vec<_> = newest.map(|(number, own)| (Reverse(own.header.severity), Reverse(*number))).collect();
        keys.sort_unstable();
        let is_waiting = |number: u64| {
            let id = self.alerts.get(&number).map(|own| &own.header.id);
            id.and_then(|id| self.ledger.state_of(id)).is_some_and(crate::triage::State::is_waiting)
        };
        let (mut first, mut rest) = (Vec::new(), Vec::new());
        for (_, Reverse(number)) in keys {
            if first.len() < PIECE && is_waiting(number) { first.push(number) } else { rest.push(number) }
        }
        let standing = |number: u64| {
            let own = self.alerts.get(&number)?;
            let state = self.ledger.state_of(&own.header.id);
            let again = state.and_then(|state| state.again.clone());
            Some(Standing { number, header: own.header.clone(), muted: own.muted, again })
        };
        let alerts: Vec<Standing> = first.into_iter().chain(rest).filter_map(standing).collect();
        let model = Snapshot {
            is_first: true,
            is_last: false,
            is_resync,
            total: alerts.len() as u64,
            next: self.next,
            per_minute: self.per_minute.iter().copied().collect(),
            entries: Vec::new(),
            alerts: Vec::new(),
        };
        Prepared { entries: self.entries.iter().cloned().collect(), alerts, told: 0, model, state: self.state() }
    }

    fn state(&self) -> Vec<Change> {
        let status = Status { hosts: self.hosts.values().cloned().collect(), ..self.status.clone() };
        let mut state = vec![Change::Status(Box::new(status))];
        state.extend(self.viewers.clone());
        state.extend(self.lines.iter().cloned());
        if !self.events.is_empty() {
            state.push(Change::Events(self.events.iter().cloned().collect()));
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
        let entries = self.entries.drain(..self.entries.len().min(PIECE)).collect::<Vec<_>>();
        let room = if self.entries.is_empty() { PIECE } else { 0 };
        let end = (self.told + room).min(self.alerts.len());
        let alerts = self.alerts[self.told..end].to_vec();
        self.told = end;
        let is_last = end == self.alerts.len() && self.entries.is_empty();
        let piece = Snapshot { is_last, entries, alerts, ..self.model.clone() };
        self.model = Snapshot { is_first: false, is_last, per_minute: Vec::new(), ..self.model.clone() };
        Some(piece)
    }
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
    fn every_alert_is_told_once_and_open_ones_first() {
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
        let expected: Vec<u64> = (200..700).rev().chain((700..1200).rev()).collect();
        assert_eq!(numbers, expected);
        assert_eq!(pieces[0].next, 1200);
    }

    #[test]
    fn an_empty_collector_has_a_snapshot_too() {
        let mut prepared = Replica::new().prepare(10, false);
        let piece = prepared.next_piece().unwrap();
        assert!(piece.is_first && piece.is_last && piece.alerts.is_empty());
        assert_eq!(prepared.next_piece(), None);
    }
}
