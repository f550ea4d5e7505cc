//! What waits behind a frozen picture. It grows no further than what the picture itself may hold: of alerts the newest keep their
//! evidence and the others a header, of events the newest wait, and of each host the last state. What is shown when the picture
//! goes on is what would be shown had it never stood still. A console that holds a part of the alerts gets a new snapshot
//! instead where too much waits.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::alert::header::Header;
use crate::alert::{Action, Alert};
use crate::console::model::hearing::{EVENT_BYTES, KEPT_LINES};
use crate::console::model::near::NearMisses;
use crate::event::names::HostName;
use crate::feed::status::Status;
use crate::feed::{Change, EventLine, Notice, RejectedLine, Update};
use crate::hosts::HostState;

/// How many changes wait for a console that can have a snapshot instead.
pub(super) const BEFORE_SNAPSHOT: usize = 2000;

/// For how many minutes with alerts these are counted: a week's.
const MINUTES: usize = 7 * 24 * 60;

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Whether there is a snapshot to be had.
    pub(super) is_part: bool,
    /// How many alerts the picture may hold, of how many with their evidence, and how many events.
    pub(super) alerts: usize,
    pub(super) evidence: usize,
    pub(super) events: usize,
}

/// Something that waits in its order.
#[derive(Debug)]
pub(super) enum Waiting {
    /// As it was told.
    Update(Arc<Update>),
    /// An alert whose evidence would be gone by now.
    Header {
        /// What it is.
        header: Arc<Header>,
        /// Whether it is raised or told again.
        action: Action,
        /// The mute that hid it.
        muted: Option<u64>,
    },
}

impl Waiting {
    fn alert(&self) -> Option<&Arc<Alert>> {
        match self {
            Self::Update(update) => match &update.change {
                Change::Alert(alert) => Some(alert),
                _ => None,
            },
            Self::Header { .. } => None,
        }
    }

    /// When it was raised, where it is an alert that is.
    fn raised(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Header { header, action: Action::Raised, .. } => Some(header.created),
            _ => self.alert().filter(|alert| alert.action == Action::Raised).map(|alert| alert.created),
        }
    }
}

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Frozen {
    /// What an earlier run left: it comes before any alert.
    pub(super) known: Vec<Arc<Update>>,
    /// Alerts and what else must not be missed, in order.
    pub(super) lasting: VecDeque<Waiting>,
    /// The tail, and how many events of it are gone.
    pub(super) events: VecDeque<(DateTime<Utc>, EventLine)>,
    pub(super) events_gone: u64,
    event_bytes: usize,
    near_misses: NearMisses,
    pub(super) rejected: VecDeque<RejectedLine>,
    pub(super) notices: VecDeque<(DateTime<Utc>, Notice)>,
    pub(super) left_out: u64,
    /// The last status; its hosts are apart.
    pub(super) status: Option<Status>,
    hosts: HashMap<HostName, HostState>,
    forgotten: HashSet<HostName>,
    /// In which minutes alerts were raised that are gone from the lists by now, and how many they are.
    pub(super) minutes: VecDeque<(i64, u32)>,
    pub(super) gone: usize,
    /// Whether a snapshot took the place of what waited before: then nobody knows how many alerts there were.
    pub(super) is_void: bool,
    /// Whether a snapshot has to be asked for.
    pub(super) is_behind: bool,
    raised: u64,
    /// How many changes wait no more because a snapshot takes their place.
    replaced: usize,
    dropped: u64,
    /// Up to where alerts have no evidence any more; how many have, and how many of these are raised; how many are raised.
    thinned: usize,
    with_evidence: [usize; 2],
    raised_here: usize,
}

impl Frozen {
    /// How many changes wait, and how many lines were dropped.
    pub(super) fn counts(&self) -> (usize, u64) {
        let lines = self.events.len() + self.rejected.len() + self.notices.len() + usize::from(self.status.is_some());
        (self.known.len() + self.lasting.len() + self.replaced + self.gone + lines, self.dropped)
    }

    /// How many alerts were raised meanwhile.
    pub(super) fn raised(&self) -> u64 {
        self.raised
    }

    /// Keeps what was told until the picture goes on.
    pub(super) fn hold(&mut self, update: Arc<Update>, limits: Limits) {
        match &update.change {
            Change::Events(lines) => self.hold_events(update.at, lines, limits),
            Change::Status(status) => self.hold_status(status),
            Change::LeftOut(count) => self.left_out += count,
            Change::Rejected(line) => {
                self.dropped += u64::from(push_bounded(&mut self.rejected, line.clone()));
            }
            Change::Notice(notice) => {
                self.dropped += u64::from(push_bounded(&mut self.notices, (update.at, notice.clone())));
            }
            Change::Known(_) => self.known.push(update),
            Change::Snapshot(snapshot) if snapshot.is_first => {
                let replaced = self.replaced + self.known.len() + self.lasting.len();
                // It takes the place of everything that waits.
                *self = Self { is_void: true, raised: self.raised, dropped: self.dropped, replaced, ..Self::default() };
                self.lasting.push_back(Waiting::Update(update));
            }
            _ => self.hold_lasting(update, limits),
        }
    }

    fn hold_lasting(&mut self, update: Arc<Update>, limits: Limits) {
        if let Change::Alert(alert) = &update.change {
            self.near_misses.prove(self.events.iter_mut().map(|(_, line)| line), alert);
        }
        let waiting = Waiting::Update(update);
        let is_raised = waiting.raised().is_some();
        self.raised += u64::from(is_raised);
        if self.is_behind {
            self.replaced += 1;
            return;
        }
        self.raised_here += usize::from(is_raised);
        self.count_evidence(&waiting, 1);
        self.lasting.push_back(waiting);
        if limits.is_part && self.lasting.len() > BEFORE_SNAPSHOT {
            self.replaced += self.lasting.len();
            (self.thinned, self.with_evidence, self.raised_here) = (0, [0; 2], 0);
            self.lasting.clear();
            self.is_behind = true;
            return;
        }
        // Alerts that are told again have their evidence too.
        while self.with_evidence[1] > limits.evidence || self.with_evidence[0] > 2 * limits.evidence {
            self.thin();
        }
        while !limits.is_part && self.raised_here > limits.alerts {
            self.let_go();
        }
    }

    fn count_evidence(&mut self, waiting: &Waiting, change: isize) {
        let Some(alert) = waiting.alert() else { return };
        let [all, raised] = &mut self.with_evidence;
        *all = all.saturating_add_signed(change);
        if alert.action == Action::Raised {
            *raised = raised.saturating_add_signed(change);
        }
    }

    /// The oldest alert that has its evidence loses it: so many newer ones would have pushed it out.
    fn thin(&mut self) {
        while let Some(waiting) = self.lasting.get_mut(self.thinned) {
            self.thinned += 1;
            let Some(alert) = waiting.alert() else { continue };
            let (header, action, muted) = (Arc::new(Header::of(alert)), alert.action, alert.muted);
            let thick = std::mem::replace(waiting, Waiting::Header { header, action, muted });
            return self.count_evidence(&thick, -1);
        }
        self.with_evidence = [0; 2];
    }

    /// The oldest goes: so many newer ones would have pushed it out of the lists.
    fn let_go(&mut self) {
        let Some(oldest) = self.lasting.pop_front() else { return };
        self.count_evidence(&oldest, -1);
        self.thinned = self.thinned.saturating_sub(1);
        self.gone += 1;
        if let Some(created) = oldest.raised() {
            self.raised_here -= 1;
            count_minute(&mut self.minutes, created, 1);
        }
    }

    fn hold_events(&mut self, at: DateTime<Utc>, lines: &[EventLine], limits: Limits) {
        for line in lines {
            self.event_bytes += line.xml.len();
            self.near_misses.come(line);
            self.events.push_back((at, line.clone()));
        }
        while self.events.len() > limits.events || self.event_bytes > EVENT_BYTES {
            let Some((_, oldest)) = self.events.pop_front() else { break };
            self.event_bytes -= oldest.xml.len();
            self.near_misses.go(&oldest);
            self.events_gone += 1;
            self.dropped += 1;
        }
    }

    /// A status tells of the hosts that changed since the last one: what the one before told must not be lost.
    fn hold_status(&mut self, status: &Status) {
        for host in &status.hosts {
            self.forgotten.remove(&host.name);
            self.hosts.insert(host.name.clone(), host.clone());
        }
        for name in &status.forgotten {
            self.hosts.remove(name);
            self.forgotten.insert(name.clone());
        }
        self.status = Some(Status { hosts: Vec::new(), forgotten: Vec::new(), ..status.clone() });
    }

    /// The last status, with all hosts that changed.
    pub(super) fn take_status(&mut self) -> Option<Status> {
        let hosts = std::mem::take(&mut self.hosts).into_values().collect();
        let forgotten = std::mem::take(&mut self.forgotten).into_iter().collect();
        self.status.take().map(|status| Status { hosts, forgotten, ..status })
    }
}

/// Counts alerts in the minute in which they were raised; nearly always that is the last one.
pub(super) fn count_minute(minutes: &mut VecDeque<(i64, u32)>, created: DateTime<Utc>, count: u32) {
    let minute = created.timestamp() / 60;
    let later = minutes.iter().rev().take_while(|(own, _)| *own > minute).count();
    let place = minutes.len() - later;
    match place.checked_sub(1).and_then(|before| minutes.get_mut(before)) {
        Some((own, before)) if *own == minute => *before += count,
        _ => minutes.insert(place, (minute, count)),
    }
    if minutes.len() > MINUTES {
        minutes.pop_front();
    }
}

/// Puts a line at the end; whether the first had to go.
pub(super) fn push_bounded<T>(lines: &mut VecDeque<T>, line: T) -> bool {
    let is_full = lines.len() == KEPT_LINES;
    if is_full {
        lines.pop_front();
    }
    lines.push_back(line);
    is_full
}
