//! The door into the collector: every input hands over an [`Intake`], and nobody else tells the collector anything. Facts
//! only; the collector adds them up. For each batch `frames = observed + rejected + shed`, and the collector keeps that sum.

pub mod stages;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::decode::Rejected;
use crate::detect::{Hits, RuleSet, Work};
use crate::event::WindowsEvent;
use crate::intake::stages::{Stage, Timings};
use crate::triage::Act;
use crate::triage::many::Part;
use crate::triage::viewer::Viewer;

/// Names one listener (or the replay) for the life of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ListenerId(pub u16);

/// Who opened the connection or sent the datagram, often a relay: never the host of the event.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Peer(pub Arc<str>);

impl fmt::Display for Peer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Why frames were thrown away whole, by decision and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ShedReason {
    /// The kernel's UDP receive buffer was full.
    UdpKernelDrop,
    /// The queue into the collector was full (UDP only; TCP waits).
    QueueFull,
    /// The host table was full and the event belonged to a host beyond it.
    HostLimit,
}

impl ShedReason {
    /// All reasons, in the order of the metrics page.
    pub const ALL: [Self; 3] = [Self::UdpKernelDrop, Self::QueueFull, Self::HostLimit];

    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UdpKernelDrop => "udp_kernel_drop",
            Self::QueueFull => "queue_full",
            Self::HostLimit => "host_limit",
        }
    }
}

/// One decoded event and what it matched.
#[derive(Debug, Clone)]
pub struct Observed {
    /// The event.
    pub event: Arc<WindowsEvent>,
    /// Which rules and stages it matched, by the batch's rule set.
    pub hits: Hits,
    /// The HOSTNAME of the syslog header, where it differs from `<Computer>`.
    pub relay_host: Option<Box<str>>,
}

/// What one read of one connection, one datagram burst or one replay step brought.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Where it came in.
    pub listener: ListenerId,
    /// Who sent it.
    pub peer: Peer,
    /// When it was read.
    pub received_at: DateTime<Utc>,
    /// The rule set that made the hits.
    pub rules: Arc<RuleSet>,
    /// Bytes read from the source.
    pub bytes: u64,
    /// Decoded events, in order of arrival.
    pub observed: Vec<Observed>,
    /// Frames that could not be decoded.
    pub rejected: Vec<Rejected>,
    /// Frames thrown away, by reason.
    pub shed: Vec<(ShedReason, u64)>,
}

impl Batch {
    /// A batch of nothing yet.
    pub fn new(listener: ListenerId, peer: Peer, received_at: DateTime<Utc>, rules: Arc<RuleSet>) -> Self {
        Self { listener, peer, received_at, rules, bytes: 0, observed: Vec::new(), rejected: Vec::new(), shed: Vec::new() }
    }

    /// How many frames the batch stands for.
    pub fn frames(&self) -> u64 {
        let shed: u64 = self.shed.iter().map(|(_, count)| count).sum();
        self.observed.len() as u64 + self.rejected.len() as u64 + shed
    }
}

/// How far a replay has come.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ReplayProgress {
    /// The file being read, as named by the user.
    pub file: String,
    /// Event time of the event read last.
    pub position: Option<DateTime<Utc>>,
    /// Bytes of the (uncompressed) input read so far, over all files.
    pub bytes_read: u64,
    /// Bytes in all, where known.
    pub bytes_total: Option<u64>,
    /// Times the recorded pace; `None` is flat out.
    pub speed: Option<f64>,
    /// Whether the end was reached.
    pub done: bool,
    /// Whether somebody holds it.
    #[serde(default)]
    pub is_held: bool,
}

/// What somebody at a console wants of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Steer {
    /// Hold it, or let it go on.
    Hold,
    /// One event more, then hold.
    Step,
    /// Half the pace.
    Slower,
    /// Twice the pace, beyond 60 times flat out.
    Faster,
    /// Flat out to the next alert, then hold.
    NextAlert,
}

/// What enters the collector.
#[derive(Debug, Clone)]
pub enum Intake {
    /// A listener is bound (or the replay is open).
    Listening {
        /// Its id from now on.
        listener: ListenerId,
        /// Its URL with the bound address, `tcp://127.0.0.1:43121`.
        url: String,
    },
    /// A peer connected.
    Connected {
        /// To which listener.
        listener: ListenerId,
        /// Who.
        peer: Peer,
    },
    /// A peer went, or was sent away.
    Disconnected {
        /// From which listener.
        listener: ListenerId,
        /// Who.
        peer: Peer,
    },
    /// Events and rejects.
    Batch(Box<Batch>),
    /// A replay went on.
    Replay(ReplayProgress),
    /// What the rules did since the input told last.
    Work {
        /// The rule set that the indices belong to.
        rules: Arc<RuleSet>,
        /// The rules that did anything.
        work: Vec<Work>,
    },
    /// How long stages took since whoever did the work told last.
    Timed(Vec<(Stage, Timings)>),
    /// The rule set changed (start and reload).
    Rules(Arc<RuleSet>),
    /// Something around the collector went wrong; a line for the people at the screen.
    Problem(String),
    /// How an output fares; the last report of an output counts.
    Output(OutputHealth),
    /// How the store fares; the last report counts.
    /// How the store fares.
    Store(StoreHealth),
    /// How the archive of events fares.
    Archive(ArchiveHealth),
    /// Somebody wants to do something with alerts.
    Act(Act),
    /// Somebody wants to do something with many alerts; this is a part of it.
    ActOnEach(Part),
    /// Somebody came to look, looks at something else, or went.
    Viewer {
        /// Which console.
        id: u64,
        /// Who looks; `None` when they went.
        viewer: Option<Viewer>,
    },
    /// Time passes: housekeeping by arrival.
    Tick(DateTime<Utc>),
}

/// How one output fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputHealth {
    /// Its URL.
    pub url: String,
    /// Whether it can be written to now.
    pub is_up: bool,
    /// What is wrong, where something is.
    pub problem: Option<String>,
    /// Records delivered.
    pub delivered: u64,
    /// Records given up.
    pub gave_up: u64,
    /// Records waiting.
    pub waiting: u64,
    /// How many may wait.
    #[serde(default)]
    pub capacity: u64,
}

/// How the store fares.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StoreHealth {
    /// Its path.
    pub path: String,
    /// What is wrong, where something is.
    pub problem: Option<String>,
    /// Records written.
    pub written: u64,
    /// Records that could not be written.
    pub failed: u64,
    /// Alerts that it holds.
    pub alerts: u64,
    /// Bytes in use.
    pub bytes: u64,
    /// Alerts deleted that were closed or muted.
    pub deleted: u64,
    /// Open alerts deleted, because nothing else was left to make room.
    pub deleted_open: u64,
    /// Alerts deleted that an output was not given yet.
    #[serde(default)]
    pub deleted_undelivered: u64,
}

/// How the archive of events fares.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ArchiveHealth {
    /// Its path.
    pub path: String,
    /// What is wrong, where something is.
    pub problem: Option<String>,
    /// Events that it holds.
    pub events: u64,
    /// When the oldest of them arrived.
    pub begins: Option<DateTime<Utc>>,
    /// Bytes in use.
    pub bytes: u64,
    /// Events written.
    pub written: u64,
    /// Events that could not be written.
    pub failed: u64,
    /// Events left out because they came faster than they are written.
    pub shed: u64,
    /// Events deleted for their age or the size of the archive.
    pub deleted: u64,
}
