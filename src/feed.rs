//! The door out of the collector: everybody downstream (console, outputs, later the socket) hears the same serialisable
//! [`Update`]s, numbered without gaps. A subscriber chooses once what happens when it cannot keep up: [`Overflow`].

pub mod stage;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::alert::header::Header;
use crate::alert::{Alert, AlertId, Severity};
use crate::event::names::{EventId, HostName};
use crate::feed::stage::StageStatus;
use crate::hosts::HostState;
use crate::triage::mute::{Preview, Scope};
use crate::triage::viewer::{Role, Viewer};
use crate::triage::{Act, Entry, Refusal, State};

/// What a full queue to a subscriber does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// The collector waits (outputs and the store, which drain into queues of their own).
    Wait,
    /// The update is dropped for this subscriber and counted (consoles).
    Shed,
}

/// One thing that happened.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Update {
    /// Counts up by one.
    pub seq: u64,
    /// When the collector said so.
    pub at: DateTime<Utc>,
    /// What.
    pub change: Change,
}

/// What an update tells.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Change {
    /// An alert was raised or bettered.
    Alert(Arc<Alert>),
    /// Events for the live tail, in order of arrival.
    Events(Vec<EventLine>),
    /// Counters and the hosts that changed since the last status.
    Status(Box<Status>),
    /// Something could not be decoded.
    Rejected(RejectedLine),
    /// A line for the people at the screen: a listener bound, an output down, rules reloaded.
    Notice(Notice),
    /// What an earlier run left, in order of time, for consoles: nothing is raised and nothing is done.
    Known(Vec<Known>),
    /// Somebody did something with alerts.
    Triage(Arc<Entry>),
    /// An act was not done.
    Refused(Refusal),
    /// Who looks at the same collector now.
    Viewers(Vec<Viewer>),
    /// What a console that came later, or fell behind, has to know; in pieces, over a socket only.
    Snapshot(Box<Snapshot>),
    /// So many events were left out of the tail of this console.
    LeftOut(u64),
    /// How all alerts stand, for consoles that hold a part of them; over a socket only.
    Tally(Box<Tally>),
    /// Part of a list that was asked for.
    Listed(Box<Page>),
    /// What a mute would have hidden, as was asked.
    Previewed {
        /// Which question.
        token: u64,
        /// The answer.
        preview: Preview,
    },
}

impl Change {
    /// Whether it must reach even a console that does not keep up: nothing later says it again.
    pub fn is_lasting(&self) -> bool {
        matches!(
            self,
            Self::Alert(_)
                | Self::Known(_)
                | Self::Triage(_)
                | Self::Refused(_)
                | Self::Viewers(_)
                | Self::Snapshot(_)
                | Self::Tally(_)
                | Self::Listed(_)
                | Self::Previewed { .. }
        )
    }
}

/// What an earlier run left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Known {
    /// An alert was raised.
    Alert {
        /// What it is.
        header: Arc<Header>,
        /// The mute that held when it was raised.
        muted: Option<u64>,
    },
    /// Somebody did something.
    Entry(Arc<Entry>),
}

/// A piece of what a console has to know that was not there from the start. Pieces may come in any order of alerts: each
/// alert brings what follows from the order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Whether everything known before is void.
    pub is_first: bool,
    /// Whether it is complete now.
    pub is_last: bool,
    /// Whether the console fell behind, and that is why.
    pub is_resync: bool,
    /// How many alerts it has in all.
    pub total: u64,
    /// How far it goes; in the last piece.
    #[serde(default)]
    pub horizons: Horizons,
    /// How all alerts stand; in the first piece.
    #[serde(default)]
    pub tally: Option<Box<Tally>>,
    /// The number that the next alert gets.
    pub next: u64,
    /// Alerts per minute: the minute and the count, newest last; in the first piece.
    pub per_minute: Vec<(i64, u32)>,
    /// The triage log.
    pub entries: Vec<Arc<Entry>>,
    /// Alerts.
    pub alerts: Vec<Standing>,
}

/// The place of an alert in a list: the worst and newest is the greatest.
pub type Key = (Severity, u64);

/// Down to which place the lists are held; `None` where they are held to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Horizons {
    /// Of all alerts.
    pub all: Option<Key>,
    /// Of those that wait for somebody, repeats folded.
    pub kinds: Option<Key>,
}

/// How all alerts stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How many there are.
    pub alerts: u64,
    /// The number of the oldest of them; what is older is remembered no more.
    #[serde(default)]
    pub oldest: u64,
    /// How many wait for somebody, by severity.
    pub waiting: [u64; 5],
    /// How many kinds of them, repeats folded.
    pub kinds: u64,
    /// How many somebody looks at.
    pub acknowledged: u64,
    /// How many a mute hides.
    pub muted: u64,
    /// How many wait on which host, of those where that changed.
    pub hosts: Vec<(HostName, [u64; 5])>,
    /// How many repeats wait, by the name of their group, of those where that changed.
    pub groups: Vec<(u64, u64)>,
}

/// A part of a list that a console asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Chosen by whoever asks, to know the answer by.
    pub token: u64,
    /// What the alerts are like.
    pub filter: String,
    /// On which host they are, where only those of one are wanted.
    #[serde(default)]
    pub host: Option<HostName>,
    /// Whether only those are listed that wait for somebody, repeats folded.
    pub kinds_only: bool,
    /// Below which place it begins; `None` is at the top.
    pub below: Option<Key>,
    /// How many at most.
    pub most: u64,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Which question it answers.
    pub token: u64,
    /// The alerts, worst and newest first.
    pub alerts: Vec<Standing>,
    /// How many the filter lets through in all; where the part begins at the top.
    pub matches: Option<u64>,
    /// The place of the last, where the list goes on.
    pub horizon: Option<Key>,
}

impl Page {
    /// An alert that happened again: a console with a part of the alerts cannot know.
    pub fn unasked(standing: Standing) -> Self {
        Self { token: 0, alerts: vec![standing], matches: None, horizon: None }
    }

    /// Whether it was told unasked.
    pub fn is_unasked(&self) -> bool {
        self.token == 0
    }

    /// Leaves the lower half to the next page, where that is more than nothing.
    #[must_use]
    pub fn halved(mut self) -> Option<Self> {
        let half = self.alerts.len() / 2;
        self.alerts.truncate(half);
        let last = self.alerts.last()?;
        self.horizon = Some((last.header.severity, last.number));
        Some(self)
    }
}

/// An alert and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its number, in order of raising.
    pub number: u64,
    /// What it is.
    pub header: Arc<Header>,
    /// Where it stood before the entries of the triage log that are told: the mute that held when it was raised, whether its
    /// group had been closed, and what older entries made of it.
    pub base: State,
}

/// How the way to a collector fares that is another process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// It talks.
    Up {
        /// Who sits here, as the collector sees it.
        who: String,
        /// What they may do.
        role: Role,
        /// The id of this console.
        viewer: u64,
    },
    /// Nothing was heard for so long.
    Silent(Duration),
    /// There is no connection; it is tried again.
    Down {
        /// Why not.
        why: String,
        /// For how long nothing was heard.
        silent: Duration,
    },
}

/// What a console asks of the collector.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Request {
    /// Do something with alerts.
    Act(Act),
    /// Do something with an alert, the only target, and with all its repeats that wait for somebody.
    ActOnRepeats(Act),
    /// Tell everything about an alert.
    Detail(AlertId),
    /// Tell a part of a list.
    List(Listing),
    /// Tell what a mute would have hidden.
    Preview {
        /// Chosen by whoever asks, to know the answer by.
        token: u64,
        /// What it would hide.
        scope: Scope,
    },
    /// Read the rules anew.
    ReloadRules,
    /// This alert is open here, for those who look at the same time.
    Look(Option<AlertId>),
    /// Do something with the replay.
    Replay(crate::intake::Steer),
}

/// One event as the live tail shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventLine {
    /// Event time.
    pub time: DateTime<Utc>,
    /// Where.
    pub host: HostName,
    /// `<Computer>` as spelled.
    pub computer: String,
    /// `EventID`.
    pub event_id: EventId,
    /// `<Channel>` as spelled.
    pub channel: String,
    /// One line of what happened (not yet made printable).
    pub summary: String,
    /// The alert that it completed, if any.
    pub alert: Option<(AlertId, Severity)>,
    /// The event's XML.
    pub xml: Arc<str>,
}

/// One frame that could not be decoded, as Health shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RejectedLine {
    /// When it arrived.
    pub at: DateTime<Utc>,
    /// Who sent it.
    pub peer: String,
    /// The reason's label (`bad_xml`).
    pub reason: String,
    /// What exactly was wrong.
    pub detail: String,
    /// The beginning of the frame, at most 256 bytes of printable text.
    pub excerpt: String,
    /// The same bytes as they came.
    #[serde(default)]
    pub bytes: Box<[u8]>,
}

/// How loud a notice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NoticeLevel {
    /// For information.
    Info,
    /// Something is not as it should be.
    Warning,
}

/// A line for the people at the screen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Notice {
    /// How loud.
    pub level: NoticeLevel,
    /// What.
    pub text: String,
}

/// One listener as Health shows it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct ListenerStatus {
    /// Its URL with the bound address.
    pub url: String,
    /// Connections open now.
    pub connections: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Frames seen, shed ones included.
    pub frames: u64,
    /// Frames rejected.
    pub rejected: u64,
    /// Frames shed.
    pub shed: u64,
    /// Frames a second, over the last seconds.
    #[serde(default)]
    pub rate: f64,
    /// Bytes a second.
    #[serde(default)]
    pub byte_rate: f64,
}

/// What a rule is, as listings tell it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFacts {
    /// Its id; empty for a file that gave none.
    pub id: String,
    /// Its title, or the file.
    pub name: String,
    /// `sigma` or `eql`; empty when unknown.
    pub language: String,
    /// `full`, `degraded`, `impossible`, `other` or `broken`.
    pub verdict: String,
    /// Why it does not run; `None` when it does.
    pub problem: Option<String>,
    /// Which of its conditions can never hold or never exclude, where some cannot.
    pub limits: Vec<String>,
}

/// One rule as Health shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleStatus {
    /// What it is. Shared: a status is made several times a second.
    pub facts: Arc<RuleFacts>,
    /// Alerts raised by it.
    pub alerts: u64,
    /// How often its conditions were evaluated.
    pub evaluated: u64,
    /// How often they held.
    pub held: u64,
    /// The time that took, over the evaluations that were timed, in nanoseconds.
    pub nanoseconds: u64,
}

/// The counters of the metrics page, of the closing summary and of the header: one struct for all three.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Counters {
    /// Bytes read, by listener URL.
    pub received_bytes: BTreeMap<String, u64>,
    /// Frames, by listener URL. `frames = events + rejected + shed`, always.
    pub frames: BTreeMap<String, u64>,
    /// Events by `1`, `3`, `other`.
    pub events: BTreeMap<String, u64>,
    /// Rejected frames by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Shed frames by reason.
    pub shed: BTreeMap<String, u64>,
    /// Alerts raised, by rule id and severity.
    #[serde(with = "pairs")]
    pub alerts: BTreeMap<(String, Severity), u64>,
    /// Alerts bettered.
    pub alerts_updated: u64,
    /// Rules by state: `loaded`, `rejected`.
    pub rules: BTreeMap<String, u64>,
    /// Hosts by state: `live`, `quiet`, `silent`, `blind`, `skewed`, `evicted`.
    pub hosts: BTreeMap<String, u64>,
    /// Connections by what came of them: `linked`, or `shed` for room before their other end came.
    pub links: BTreeMap<String, u64>,
    /// Connections whose other end may still come.
    pub connections_kept: u64,
    /// Sequence stage hits being kept.
    pub sequence_partials: u64,
    /// Stage hits that came later than the allowed lateness.
    pub late_events: u64,
    /// Output records by output URL and result: `delivered`, `gave_up`.
    #[serde(with = "pairs")]
    pub output_records: BTreeMap<(String, String), u64>,
    /// Things waiting, by queue.
    pub queue_depth: BTreeMap<String, u64>,
    /// Open connections, by listener URL.
    pub connections: BTreeMap<String, u64>,
    /// Updates that a slow console missed.
    pub console_shed: u64,
    /// Alerts that a mute hid when they were raised.
    pub alerts_muted: u64,
    /// What people did, by what: `acknowledge`, `close`, …, and `refused`.
    pub acts: BTreeMap<String, u64>,
    /// Records for the store, by result: `written`, `failed`.
    pub store_records: BTreeMap<String, u64>,
    /// Stored alerts that were deleted for their age or the size of the store, by state: `done`, `open`.
    pub store_deleted: BTreeMap<String, u64>,
    /// Things that found no room among the counts of what is usual.
    pub prevalence_shed: u64,
}

impl Counters {
    /// Events in all.
    pub fn events_total(&self) -> u64 {
        self.events.values().sum()
    }

    /// Frames in all.
    pub fn frames_total(&self) -> u64 {
        self.frames.values().sum()
    }

    /// Rejected frames in all.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().sum()
    }

    /// Shed frames in all.
    pub fn shed_total(&self) -> u64 {
        self.shed.values().sum()
    }

    /// Alerts raised in all.
    pub fn alerts_total(&self) -> u64 {
        self.alerts.values().sum()
    }
}

/// The state of the collector, sent when it changed and at most a few times a second.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Status {
    /// The counters.
    pub counters: Counters,
    /// The hosts that changed since the last status.
    pub hosts: Vec<HostState>,
    /// Hosts that were forgotten since the last status (the table is bounded).
    pub forgotten: Vec<HostName>,
    /// All listeners.
    pub listeners: Vec<ListenerStatus>,
    /// All outputs.
    pub outputs: Vec<crate::intake::OutputHealth>,
    /// All rules, those that do not run included.
    pub rules: Vec<RuleStatus>,
    /// Events a second, over the last seconds.
    pub events_per_second: f64,
    /// From `TimeCreated` to arrival, median of the events of the last two seconds, in milliseconds; `None` in replay.
    pub lag_ms: Option<i64>,
    /// The stages of an event's way.
    #[serde(default)]
    pub stages: Vec<StageStatus>,
    /// Since when it runs.
    #[serde(default)]
    pub started_at: Option<DateTime<Utc>>,
    /// The replay, where there is one.
    pub replay: Option<crate::intake::ReplayProgress>,
    /// The store, where there is one.
    pub store: Option<crate::intake::StoreHealth>,
}

/// Counts whose key is no text: JSON has such maps as lists of pairs.
mod pairs {
    use std::collections::BTreeMap;

    use serde::de::DeserializeOwned;
    use serde::{Deserialize as _, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, S: Serializer>(counts: &BTreeMap<K, u64>, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(counts)
    }

    pub(super) fn deserialize<'de, K, D>(deserializer: D) -> Result<BTreeMap<K, u64>, D::Error>
    where
        K: DeserializeOwned + Ord,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, u64)>::deserialize(deserializer)?.into_iter().collect())
    }
}
