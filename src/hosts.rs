//! What is known of each host: when it was last heard, how much and which kinds of events it sends, whether it fell silent
//! or its clock is off, and which processes it started (for the ancestry of an alert). Pure and bounded.

pub mod addresses;
mod blindness;
pub mod prevalence;
pub mod processes;
pub mod table;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::event::names::HostName;

/// How many buckets the rate history has, and how long each is: 60 buckets of 30 s are 30 minutes.
pub const HISTORY_BUCKETS: usize = 60;
/// Length of one history bucket, in seconds.
pub const BUCKET_SECONDS: i64 = 30;

/// When each event kind that the detections need was last seen from a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Coverage {
    /// Sysmon 1.
    pub process_create: Option<DateTime<Utc>>,
    /// Sysmon 3, `Initiated` false.
    pub inbound: Option<DateTime<Utc>>,
    /// Sysmon 3, `Initiated` true.
    pub outbound: Option<DateTime<Utc>>,
}

/// What shows that connections reached a host although it never told of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contradiction {
    /// It started a child of `wsmprovhost.exe`: somebody is in by PowerShell remoting.
    RemotingChild {
        /// The program that was started.
        image: String,
    },
    /// Another host told that it connected to a WinRM port here.
    Reached {
        /// The other host, as it spells itself.
        by: String,
        /// The port.
        port: u16,
    },
}

impl std::fmt::Display for Contradiction {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::RemotingChild { image } => write!(formatter, "wsmprovhost.exe started {image} here"),
            Self::Reached { by, port } => write!(formatter, "{by} told of a connection to port {port} here"),
        }
    }
}

/// That a rule which needs inbound connections cannot fire on a host, and the proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blind {
    /// When its last inbound connection event arrived; else when it was first heard.
    pub since: DateTime<Utc>,
    /// Whether it told of an inbound connection before.
    pub had_inbound: bool,
    /// What contradicts that there were none.
    pub proof: Contradiction,
    /// When that happened.
    pub proven_at: DateTime<Utc>,
    /// How many such proofs there are since.
    pub proofs: u64,
}

/// How a host is doing. Always a word on the screen, never only a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Liveness {
    /// Events arrive as usual.
    Live,
    /// No event for three times the usual gap.
    Quiet,
    /// No event for the configured time (10 min by default).
    Silent,
}

/// One host as everybody downstream sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostState {
    /// The folded name.
    pub name: HostName,
    /// The name as last spelled.
    pub computer: String,
    /// First arrival.
    pub first_seen: DateTime<Utc>,
    /// Last arrival.
    pub last_seen: DateTime<Utc>,
    /// Events in all.
    pub events: u64,
    /// Events a second, over the last 10 s.
    pub rate: f64,
    /// Events per bucket of 30 s, oldest first, the current bucket last; at most 60.
    pub history: Vec<u32>,
    /// Which kinds arrive.
    pub coverage: Coverage,
    /// Live, quiet or silent.
    pub liveness: Liveness,
    /// Whether a rule cannot fire here, by proof.
    #[serde(default)]
    pub blind: Option<Blind>,
    /// The usual gap between arrivals, in milliseconds, once known.
    pub usual_gap_ms: Option<i64>,
    /// `UtcTime` minus `TimeCreated` of the last event whose Sysmon clock was off by more than 30 s, in milliseconds.
    pub clock_skew_ms: Option<i64>,
    /// Events whose time had to be corrected for it.
    pub skewed_events: u64,
    /// Stage hits later than the allowed lateness.
    pub late_events: u64,
    /// From `TimeCreated` to arrival, a moving average over about 8 events, in milliseconds; `None` in a replay. Below zero
    /// the host's clock is ahead of ours.
    #[serde(default)]
    pub lag_ms: Option<i64>,
    /// The address it used last, from its own connection events.
    pub address: Option<String>,
}

/// The limits of the host table (`[hosts]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// How many hosts are remembered; beyond, the one heard least recently is forgotten.
    pub max_hosts: usize,
    /// How many processes are remembered, over all hosts.
    pub max_processes: usize,
    /// After how long without an event a host counts as silent.
    pub silent_after: TimeDelta,
    /// After how long without an inbound connection event a host counts as blind, if something proves that there were some.
    pub blind_after: TimeDelta,
}

impl Default for Config {
    fn default() -> Self {
        Self { max_hosts: 20_000, max_processes: 50_000, silent_after: TimeDelta::minutes(10), blind_after: TimeDelta::hours(24) }
    }
}
