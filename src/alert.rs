//! What a fired rule leaves behind: an [`Alert`], never without [`Evidence`], each proof with the fields that made it.
//! Plain data, serialisable, free of clocks and sockets; the ECS record of the contract is made from it by the outputs.

pub mod header;
pub mod link;
pub mod usual;

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::alert::link::{Hop, Named};
use crate::alert::usual::Usual;
use crate::event::names::{EventId, HostName, ProcessGuid, RecordId};
use crate::event::time::TimeSource;

/// Names one alert for ever: 32 hex digits of a hash over rule id, join key and completing event, so that the same input
/// replayed gives the same ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AlertId(pub Arc<str>);

impl AlertId {
    /// The first four digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(..4).unwrap_or(&self.0)
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// How bad an alert is. Ordered; never compared as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth a record.
    Informational,
    /// Worth a look some day.
    Low,
    /// Worth a look.
    Medium,
    /// Look now.
    High,
    /// Get up.
    Critical,
}

impl Severity {
    /// All severities, worst first.
    pub const ALL: [Self; 5] = [Self::Critical, Self::High, Self::Medium, Self::Low, Self::Informational];

    /// The lower-case word that Sigma and Elastic use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// Elastic's usual risk score of this severity (low 21, medium 47, high 73, critical 99), where a rule has none.
    pub fn risk_score(self) -> u8 {
        match self {
            Self::Informational => 1,
            Self::Low => 21,
            Self::Medium => 47,
            Self::High => 73,
            Self::Critical => 99,
        }
    }
}

impl FromStr for Severity {
    type Err = UnknownSeverity;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = text.trim();
        let named = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name));
        match () {
            () if named(&["informational", "info"]) => Ok(Self::Informational),
            () if named(&["low"]) => Ok(Self::Low),
            () if named(&["medium", "med"]) => Ok(Self::Medium),
            () if named(&["high"]) => Ok(Self::High),
            () if named(&["critical", "crit"]) => Ok(Self::Critical),
            () => Err(UnknownSeverity { word: word.to_owned() }),
        }
    }
}

/// A word that names no severity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown severity `{word}`; one of informational, low, medium, high, critical")]
pub struct UnknownSeverity {
    /// The word.
    pub word: String,
}

/// Which language a rule is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RuleLanguage {
    /// Sigma, YAML.
    Sigma,
    /// Elastic's Event Query Language.
    Eql,
}

impl RuleLanguage {
    /// `sigma` or `eql`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sigma => "sigma",
            Self::Eql => "eql",
        }
    }
}

/// A MITRE ATT&CK technique or tactic: `T1021.006` or `TA0008`, and its name (empty when the rule gives only the id).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Technique {
    /// The id.
    pub id: String,
    /// The name, possibly empty.
    pub name: String,
}

/// What a rule says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleInfo {
    /// The rule's id, as its origin gave it.
    pub id: String,
    /// Its title.
    pub name: String,
    /// Its language.
    pub language: RuleLanguage,
    /// Its version or date of modification, where it has one.
    pub version: Option<String>,
    /// Who wrote it.
    pub author: Vec<String>,
    /// Where to read on.
    pub references: Vec<String>,
    /// What it looks for.
    pub description: String,
    /// How bad it is.
    pub severity: Severity,
    /// 0 to 100.
    pub risk_score: u8,
    /// ATT&CK techniques.
    pub techniques: Vec<Technique>,
    /// ATT&CK tactics.
    pub tactics: Vec<Technique>,
    /// Known benign causes, from the rule file.
    pub false_positives: Vec<String>,
    /// Triage notes, from the rule file; one step a line.
    pub triage: Vec<String>,
    /// How far apart the first and the last event of a sequence may lie, in milliseconds; `None` for single-event rules.
    pub maxspan_ms: Option<i64>,
    /// Where the rule was read from (`built-in` path or file name).
    pub origin: String,
}

/// A field that took part in a match: its name, the event's value and why that matched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matched {
    /// The field as the event names it (`DestinationPort`); for a field that has no counterpart in the event, the rule's name.
    pub field: String,
    /// The event's value; empty when the field is absent (a negative condition can hold on an absent field).
    pub value: String,
    /// The condition in words: `in (5985, 5986)`, `not "127.0.0.1"`.
    pub why: String,
}

/// A value that the event does not carry and the mapping supplied (`EQL.md` 2.2), marked so that nobody takes it for data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derived {
    /// The field (`network.protocol`).
    pub field: String,
    /// The supplied value (`http`).
    pub value: String,
    /// From what (`tcp 5985`).
    pub reason: String,
}

/// One event that proves an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// Which stage of the sequence it fills; 0 for single-event rules.
    pub stage: usize,
    /// `<Computer>` as spelled.
    pub computer: String,
    /// `<Channel>` as spelled.
    pub channel: String,
    /// `EventRecordID`, where there is one.
    pub record_id: Option<RecordId>,
    /// `EventID`.
    pub event_id: EventId,
    /// When it happened (event time).
    pub time: DateTime<Utc>,
    /// Which clock said so.
    pub time_source: TimeSource,
    /// When it arrived here.
    pub received_at: DateTime<Utc>,
    /// One line of what happened, for people (not yet made printable).
    pub summary: String,
    /// The fields that matched.
    pub matched: Vec<Matched>,
    /// The values that the mapping supplied.
    pub derived: Vec<Derived>,
    /// All data of the event, name and value, in document order.
    pub fields: Vec<(String, String)>,
    /// The event's XML, shared with the event.
    pub xml: Arc<str>,
}

impl Proof {
    /// The value of a data field.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// The events that prove an alert, in sequence order. Never empty, by construction.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The first event.
    pub first: Proof,
    /// The later ones.
    pub rest: Vec<Proof>,
}

impl Evidence {
    /// All proofs in order.
    pub fn iter(&self) -> impl Iterator<Item = &Proof> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// The completing event.
    pub fn last(&self) -> &Proof {
        self.rest.last().unwrap_or(&self.first)
    }

    /// From the first to the last event, in milliseconds of event time.
    pub fn span_ms(&self) -> i64 {
        (self.last().time - self.first.time).num_milliseconds()
    }
}

/// One end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Endpoint {
    /// The address as the event spells it.
    pub ip: String,
    /// The port, where it parses.
    pub port: Option<u16>,
    /// The name that the event gives for it, where it gives one.
    pub name: Option<String>,
}

impl Endpoint {
    /// The address, parsed; IPv4-mapped IPv6 reads as IPv4.
    pub fn address(&self) -> Option<IpAddr> {
        self.ip.parse::<IpAddr>().ok().map(|address| address.to_canonical())
    }
}

/// A process as an alert tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Process {
    /// Its GUID, where known.
    pub guid: Option<ProcessGuid>,
    /// Its PID, where known.
    pub pid: Option<u32>,
    /// The full path, or `System`.
    pub executable: String,
    /// The command line, where known.
    pub command_line: Option<String>,
    /// Who ran it, as `DOMAIN\name`.
    pub user: Option<String>,
    /// When it started, where that was seen.
    pub started: Option<DateTime<Utc>>,
}

impl Process {
    /// The file name of the executable.
    pub fn name(&self) -> &str {
        self.executable.rsplit(['\\', '/']).next().unwrap_or(&self.executable)
    }
}

/// Who and what an alert is about, gathered from its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Subject {
    /// The account, as `DOMAIN\name`.
    pub user: Option<String>,
    /// The process that ran or connected.
    pub process: Option<Process>,
    /// Its parent.
    pub parent: Option<Process>,
    /// Where the connection came from.
    pub source: Option<Endpoint>,
    /// Where it went.
    pub destination: Option<Endpoint>,
}

/// Whether this record raises an alert or betters one that was raised before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// The first record of this id.
    Raised,
    /// A later, better pairing of a sequence under the same id.
    Updated,
}

/// A node of the process tree around an alert: the ancestors that were seen, and what the same parent started besides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeNode {
    /// How deep it stands; 0 is the oldest ancestor that is known.
    pub depth: usize,
    /// The process.
    pub process: Process,
    /// Whether it is the process of this alert.
    pub is_subject: bool,
    /// Whether its own creation was seen (else it is known only from its child's parent fields).
    pub was_seen: bool,
}

/// A rule fired.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// Raised or updated.
    pub action: Action,
    /// The rule.
    pub rule: Arc<RuleInfo>,
    /// Event time of the completing event.
    pub time: DateTime<Utc>,
    /// When the rule fired here.
    pub created: DateTime<Utc>,
    /// Where it happened, folded.
    pub host: HostName,
    /// Where it happened, as the completing event spells it.
    pub computer: String,
    /// The reason in one sentence (not yet made printable).
    pub message: String,
    /// The events that prove it.
    pub evidence: Evidence,
    /// Who and what it is about.
    pub subject: Subject,
    /// The process tree around it, top down; empty when no process is involved.
    pub tree: Vec<TreeNode>,
    /// The other end, where it alerted too.
    pub linked: Vec<AlertId>,
    /// The path that its connection is part of, in order; empty where only one end was seen.
    #[serde(default)]
    pub hops: Vec<Hop>,
    /// What the link raised it to; the rule's own severity stays as it is.
    #[serde(default)]
    pub raised_to: Option<Severity>,
    /// Whose the addresses of its ends are, as far as those hosts' own events told.
    #[serde(default)]
    pub names: Vec<Named>,
    /// An earlier alert whose first event this one took over.
    pub supersedes: Option<AlertId>,
    /// The mute that hides it (the number of the entry in the triage log), where one does.
    #[serde(default)]
    pub muted: Option<u64>,
    /// How usual here is what it is about.
    #[serde(default)]
    pub usual: Vec<Usual>,
}

impl Alert {
    /// How bad it is: what a link raised it to, else what the rule says.
    pub fn severity(&self) -> Severity {
        self.raised_to.unwrap_or(self.rule.severity)
    }
}
