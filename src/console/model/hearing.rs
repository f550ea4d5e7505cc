//! What the collector tells, and a picture that is frozen meanwhile: what waits behind it is bounded and counted, and what is
//! lost is told all the same.

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::alert::{Action, Alert};
use crate::console::model::Model;
use crate::console::model::frozen::{Frozen, Limits, Waiting, count_minute, push_bounded};
use crate::console::model::near::NearMisses;
use crate::console::model::tail::TailLine;
use crate::feed::status::Status;
use crate::feed::{Change, EventLine, Known, Update};

/// How many rejected frames and notices are kept.
pub(super) const KEPT_LINES: usize = 200;
/// How many bytes of event XML the tail keeps, and as many may wait behind a frozen picture.
pub(super) const EVENT_BYTES: usize = 32 << 20;

impl Model {
    /// How many updates wait behind a frozen picture, and how much of them was dropped; `None` while it is live.
    pub fn paused(&self) -> Option<(usize, u64)> {
        self.held.as_ref().map(|held| held.counts())
    }

    /// The collector's state as told last, also behind a frozen picture: what is lost is told at once.
    pub fn newest_status(&self) -> &Status {
        self.held.as_ref().and_then(|held| held.status.as_ref()).unwrap_or(&self.status)
    }

    /// How many alerts were raised behind a frozen picture, and whether there may be more: nobody counts while the collector is
    /// not heard.
    pub fn paused_alerts(&self) -> (u64, bool) {
        self.held.as_ref().map_or((0, false), |held| (held.raised(), held.is_void))
    }

    /// Whether an update can change the picture. A collector that has nothing to do says so twice a second.
    pub fn is_news(&self, update: &Update) -> bool {
        !matches!(&update.change, Change::Status(status) if **status == self.status)
    }

    pub(super) fn hear(&mut self, update: Arc<Update>) {
        // Acts and answers show at once even on a frozen picture: whoever acted or asked waits for them.
        let is_awaited = match &update.change {
            Change::Triage(_)
            | Change::Refused(_)
            | Change::Outcome(_)
            | Change::Counted { .. }
            | Change::Viewers(_)
            | Change::Stored(_)
            | Change::Previewed { .. } => true,
            Change::Listed(page) => !page.is_unasked(),
            _ => false,
        };
        let limits = Limits {
            is_part: self.alerts.is_part(),
            alerts: self.config.max_alerts.max(1),
            evidence: self.config.max_evidence.max(1),
            events: self.config.max_events,
        };
        match self.held.as_mut().filter(|_| !is_awaited) {
            Some(held) => held.hold(update, limits),
            None => self.apply(&update),
        }
    }

    /// Whether what is shown is void, and what takes its place waits behind a frozen picture.
    pub(super) fn has_held_snapshot(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_void)
    }

    pub(super) fn apply(&mut self, update: &Update) {
        match &update.change {
            Change::Alert(alert) => {
                self.add_alert(alert);
                self.near_misses.prove(self.events.iter_mut().map(|row| &mut row.line), alert);
            }
            Change::Events(lines) => lines.iter().for_each(|line| self.add_event(update.at, line.clone())),
            Change::Status(status) => self.set_status(status),
            Change::Known(known) => known.iter().for_each(|known| self.know(known)),
            Change::Triage(entry) => self.hear_act(entry),
            Change::Refused(refusal) => self.hear_refusal(refusal),
            Change::Outcome(outcome) => self.hear_outcome(outcome),
            Change::Counted { token, count } => self.hear_count(*token, *count),
            Change::Viewers(viewers) => self.company.viewers.clone_from(viewers),
            Change::Snapshot(snapshot) => self.hear_snapshot(snapshot),
            Change::LeftOut(count) => self.left_out += count,
            Change::Tally(tally) => self.alerts.hear_tally(tally, !self.filter.is_empty()),
            Change::Listed(page) => self.hear_page(page),
            Change::Stored(stored) => self.hear_stored(stored),
            Change::Previewed { token, preview } => self.hear_preview(*token, *preview),
            Change::Rejected(line) => {
                push_bounded(&mut self.rejected, line.clone());
            }
            Change::Notice(notice) => {
                push_bounded(&mut self.notices, (update.at, notice.clone()));
            }
        }
    }

    fn add_event(&mut self, at: DateTime<Utc>, line: EventLine) {
        self.event_bytes += line.xml.len();
        self.near_misses.come(&line);
        // Numbers rise, whoever counts.
        let number = line.number.max(self.next_event);
        self.events.push_back(TailLine { number, at, line });
        self.next_event = number + 1;
        while self.events.len() > self.config.max_events || self.event_bytes > EVENT_BYTES {
            let Some(oldest) = self.events.pop_front() else { break };
            self.event_bytes -= oldest.line.xml.len();
            self.near_misses.go(&oldest.line);
            self.older.take_over(oldest, self.event.what);
        }
    }

    fn add_alert(&mut self, alert: &Arc<Alert>) {
        let before = self.alerts.len();
        let is_visible = self.alerts.add(alert, true, &self.filter, self.now);
        self.count_alert(alert.created, before, is_visible);
        // It may have pushed one out, or have left the lists itself.
        self.prune_marks();
    }

    fn count_alert(&mut self, created: DateTime<Utc>, before: usize, is_visible: bool) {
        if self.alerts.len() == before && !is_visible {
            return;
        }
        count_minute(&mut self.per_minute, created, 1);
        if is_visible && self.alert.is_chosen {
            self.new_above += 1;
        }
    }

    /// What an earlier run left counts in its own minute.
    fn know(&mut self, known: &Known) {
        let before = self.alerts.len();
        self.alerts.know(known, &self.filter, self.now);
        if let Known::Alert { header, .. } = known
            && self.alerts.len() > before
        {
            count_minute(&mut self.per_minute, header.created, 1);
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

    /// Freezes the picture, or lets it go on.
    pub(super) fn pause(&mut self) {
        match self.held.take() {
            None => self.held = Some(Box::default()),
            Some(held) => self.go_on(*held),
        }
    }

    fn go_on(&mut self, mut held: Frozen) {
        let status = held.take_status();
        held.known.iter().for_each(|update| self.apply(update));
        let is_some_gone = held.gone > 0;
        for (minute, count) in held.minutes {
            let created = DateTime::from_timestamp(minute * 60, 0).unwrap_or_default();
            count_minute(&mut self.per_minute, created, count);
        }
        for waiting in held.lasting {
            // What is told anew of an alert that is gone is no new alert.
            let is_gone = |alert| is_some_gone && self.alerts.number_of(alert).is_none();
            match waiting {
                Waiting::Update(update) => match &update.change {
                    Change::Alert(alert) if alert.action == Action::Updated && is_gone(&alert.id) => {}
                    _ => self.apply(&update),
                },
                Waiting::Header { header, action: Action::Updated, .. } if is_gone(&header.id) => {}
                Waiting::Header { header, action, muted } => {
                    let before = self.alerts.len();
                    let is_visible = self.alerts.add_header(&header, action, muted, &self.filter, self.now);
                    self.count_alert(header.created, before, is_visible);
                }
            }
        }
        if held.events_gone > 0 {
            // So many came that these would be gone.
            self.events.clear();
            self.older.leave_gap();
            self.near_misses = NearMisses::default();
            (self.event_bytes, self.next_event) = (0, self.next_event + held.events_gone);
        }
        held.events.into_iter().for_each(|(at, line)| self.add_event(at, line));
        for line in held.rejected {
            push_bounded(&mut self.rejected, line);
        }
        for line in held.notices {
            push_bounded(&mut self.notices, line);
        }
        self.left_out += held.left_out;
        if let Some(status) = status {
            self.set_status(&status);
        }
        if held.is_behind {
            self.pages.want_snapshot();
        }
    }
}
