//! The door out of the collector: everybody downstream (console, outputs, later the socket) hears the same serialisable
//! [`Update`]s, numbered without gaps. A subscriber chooses once what happens when it cannot keep up: [`Overflow`].

pub mod marked;
pub mod page;
pub mod stage;
pub mod status;
pub mod stored;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::alert::header::Header;
use crate::alert::{Alert, AlertId, Severity};
use crate::event::names::{EventId, HostName};
use crate::feed::marked::{Marked, MarkedCount};
use crate::feed::page::{Horizons, Listing, Page, Standing, Tally};
use crate::feed::status::Status;
use crate::feed::stored::{Stored, Wanted};
use crate::triage::many::{Outcome, Part};
use crate::triage::mute::{Preview, Scope};
use crate::triage::viewer::{Role, Viewer};
use crate::triage::{Act, Entry, Refusal};

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
    /// What came of a part of an act on many alerts; what of it was done was told before.
    Outcome(Outcome),
    /// How many alerts are marked, as was asked.
    Counted {
        /// Which question.
        token: u64,
        /// The answer.
        count: MarkedCount,
    },
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
    /// Events of the archive that were asked for.
    Stored(Box<Stored>),
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
                | Self::Outcome(_)
                | Self::Counted { .. }
                | Self::Viewers(_)
                | Self::Snapshot(_)
                | Self::Tally(_)
                | Self::Listed(_)
                | Self::Stored(_)
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
    /// Do something with many alerts, one part after the other; each alert is judged by itself.
    ActOnEach(Vec<Part>),
    /// Do something with all alerts that are marked; the collector names them.
    ActOnMarked {
        /// What; it has no targets.
        act: Act,
        /// Which.
        marked: Marked,
        /// How many the actor was told of: it is never done to more.
        expected: u64,
    },
    /// Tell how many alerts are marked.
    CountMarked {
        /// Chosen by whoever asks, to know the answer by.
        token: u64,
        /// Which.
        marked: Marked,
    },
    /// Tell everything about an alert.
    Detail(AlertId),
    /// Tell a part of a list.
    List(Listing),
    /// Tell events that were stored.
    Events(Wanted),
    /// Tell everything anew, as to somebody who just came; over a socket only.
    Snapshot,
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

impl Request {
    /// The act that is asked for, where one is; of several parts the first.
    pub fn act(&self) -> Option<&Act> {
        match self {
            Self::Act(act) | Self::ActOnRepeats(act) | Self::ActOnMarked { act, .. } => Some(act),
            Self::ActOnEach(parts) => parts.first().map(|part| &part.act),
            _ => None,
        }
    }
}

/// One event as the live tail shows it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct EventLine {
    /// Its number, in order of arrival; 0 where nobody counts.
    #[serde(default)]
    pub number: u64,
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
    /// The stage of a sequence that it matched, while no alert rests on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near: Option<Near>,
    /// The event's XML.
    pub xml: Arc<str>,
}

impl EventLine {
    /// What `is:` finds of it.
    pub fn standing(&self) -> Option<&'static str> {
        self.near.is_some().then_some("near")
    }
}

/// Part of what a rule asks for: a near miss, unless the rest comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Near {
    /// The name of the rule.
    pub rule: String,
    /// The stage of its sequence, counted from 0.
    pub stage: u8,
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
