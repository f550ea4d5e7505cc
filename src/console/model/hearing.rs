//! What the collector tells, and a picture that is frozen meanwhile: what waits behind it is bounded and counted, and what is
//! lost is told all the same.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::alert::{self, Alert};
use crate::console::model::{Model, TailLine};
use crate::feed::{Change, Status, Update};

/// How many rejected frames and notices are kept.
const KEPT_LINES: usize = 200;
/// How many updates wait behind a frozen picture; older events and statuses among them are dropped and counted.
const HELD: usize = 20_000;
/// How many bytes of event XML the tail keeps, and as many may wait behind a frozen picture.
const EVENT_BYTES: usize = 32 << 20;

impl Model {
    /// How many updates wait behind a frozen picture, and how many of those were dropped; `None` while it is live.
    pub fn paused(&self) -> Option<(usize, u64)> {
        self.held.as_ref().map(|held| (held.len(), self.held_dropped))
    }

    /// The collector's state as told last, also behind a frozen picture: what is lost is told at once.
    pub fn newest_status(&self) -> &Status {
        let told = self.held.iter().flatten().rev().find_map(|update| match &update.change {
            Change::Status(status) => Some(&**status),
            _ => None,
        });
        told.unwrap_or(&self.status)
    }

    /// How many alerts wait behind a frozen picture.
    pub fn paused_alerts(&self) -> usize {
        self.held
            .iter()
            .flatten()
            .filter(|update| matches!(&update.change, Change::Alert(alert) if alert.action == alert::Action::Raised))
            .count()
    }

    /// Whether an update can change the picture. A collector that has nothing to do says so twice a second.
    pub fn is_news(&self, update: &Update) -> bool {
        !matches!(&update.change, Change::Status(status) if **status == self.status)
    }

    pub(super) fn hear(&mut self, update: Arc<Update>) {
        // Acts and answers show at once even on a frozen picture: whoever acted or asked waits for them.
        let is_awaited = match &update.change {
            Change::Triage(_) | Change::Refused(_) | Change::Viewers(_) | Change::Previewed { .. } => true,
            Change::Listed(page) => !page.is_unasked(),
            _ => false,
        };
        let Some(held) = self.held.as_mut().filter(|_| !is_awaited) else { return self.apply(&update) };
        if matches!(&update.change, Change::Snapshot(snapshot) if snapshot.is_first) {
            // It takes the place of everything that waits.
            held.clear();
            self.held_bytes = 0;
        }
        self.held_bytes += bytes_of(&update);
        held.push_back(update);
        while held.len() > HELD || self.held_bytes > EVENT_BYTES {
            let is_passing = |update: &Arc<Update>| !update.change.is_lasting();
            let Some(dropped) = held.iter().position(is_passing).and_then(|place| held.remove(place)) else { return };
            self.held_bytes -= bytes_of(&dropped);
            self.held_dropped += 1;
        }
    }

    /// Whether what is shown is void, and what takes its place waits behind a frozen picture.
    pub(super) fn has_held_snapshot(&self) -> bool {
        let first = self.held.as_ref().and_then(VecDeque::front);
        first.is_some_and(|update| matches!(update.change, Change::Snapshot(_)))
    }

    pub(super) fn apply(&mut self, update: &Update) {
        self.last_seq = update.seq;
        match &update.change {
            Change::Alert(alert) => {
                self.add_alert(alert);
                self.proven(alert);
            }
            Change::Events(lines) => {
                for line in lines {
                    self.event_bytes += line.xml.len();
                    self.events.push_back(TailLine { number: self.next_event, line: line.clone() });
                    self.next_event += 1;
                }
                while self.events.len() > self.config.max_events || self.event_bytes > EVENT_BYTES {
                    let Some(oldest) = self.events.pop_front() else { break };
                    self.event_bytes -= oldest.line.xml.len();
                }
            }
            Change::Status(status) => self.set_status(status),
            Change::Known(known) => known.iter().for_each(|known| self.alerts.know(known, &self.filter, self.now)),
            Change::Triage(entry) => self.hear_act(entry),
            Change::Refused(refusal) => self.hear_refusal(refusal),
            Change::Viewers(viewers) => self.company.viewers.clone_from(viewers),
            Change::Snapshot(snapshot) => self.hear_snapshot(snapshot),
            Change::LeftOut(count) => self.left_out += count,
            Change::Tally(tally) => self.alerts.hear_tally(tally, !self.filter_text.is_empty()),
            Change::Listed(page) => self.hear_page(page),
            Change::Previewed { token, preview } => self.hear_preview(*token, *preview),
            Change::Rejected(line) => push_bounded(&mut self.rejected, line.clone()),
            Change::Notice(notice) => push_bounded(&mut self.notices, (update.at, notice.clone())),
        }
    }

    pub(super) fn add_alert(&mut self, alert: &Arc<Alert>) {
        let before = self.alerts.len();
        let is_visible = self.alerts.add(alert, true, &self.filter, self.now);
        if self.alerts.len() == before && !is_visible {
            return;
        }
        let minute = alert.created.timestamp() / 60;
        match self.per_minute.back_mut() {
            Some((last, count)) if *last == minute => *count += 1,
            _ => push_bounded(&mut self.per_minute, (minute, 1)),
        }
        if is_visible && self.alert.is_chosen {
            self.new_above += 1;
        }
    }

    pub(super) fn set_status(&mut self, status: &Status) {
        for host in &status.hosts {
            self.hosts.insert(host.name.clone(), host.clone());
        }
        for host in &status.forgotten {
            self.hosts.remove(host);
        }
        self.status = Status { hosts: Vec::new(), forgotten: Vec::new(), ..status.clone() };
    }

    pub(super) fn pause(&mut self) {
        match self.held.take() {
            None => self.held = Some(VecDeque::new()),
            Some(held) => {
                (self.held_bytes, self.held_dropped) = (0, 0);
                held.iter().for_each(|update| self.apply(update));
            }
        }
    }
}

/// How much event XML an update carries.
fn bytes_of(update: &Update) -> usize {
    if let Change::Events(lines) = &update.change { lines.iter().map(|line| line.xml.len()).sum() } else { 0 }
}

fn push_bounded<T>(lines: &mut VecDeque<T>, line: T) {
    if lines.len() == KEPT_LINES {
        lines.pop_front();
    }
    lines.push_back(line);
}
