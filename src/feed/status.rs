//! The state of the collector as the header, Health, the metrics page and the closing summary show it.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::alert::Severity;
use crate::event::names::HostName;
use crate::feed::stage::StageStatus;
use crate::hosts::HostState;
use crate::intake::{ArchiveHealth, StoreHealth};

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
    /// Connections by what came of them: `linked`, or `shed` for room before their other end came; and how often a change was
    /// not told on all alerts that it concerns: `untold`.
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
    /// Stored alerts that were deleted for their age or the size of the store, by state: `done`, `open`;
    /// and how many of both an output was not given yet: `undelivered`.
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

    /// What the store wrote and deleted up to now.
    pub fn store(&mut self, health: &StoreHealth) {
        for (result, count) in [("written", health.written), ("failed", health.failed)] {
            self.store_records.insert(result.to_owned(), count);
        }
        let deleted = [("done", health.deleted), ("open", health.deleted_open), ("undelivered", health.deleted_undelivered)];
        for (state, count) in deleted {
            self.store_deleted.insert(state.to_owned(), count);
        }
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
    pub store: Option<StoreHealth>,
    /// The archive of events, where there is one.
    #[serde(default)]
    pub archive: Option<ArchiveHealth>,
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
