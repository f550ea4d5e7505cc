//! Who looks at the alerts at the same time, and what each may do.

use serde::{Deserialize, Serialize};

use crate::alert::AlertId;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Viewer,
    /// Look and act.
    Analyst,
}

/// Somebody who looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Viewer {
    /// Names one console while it is there.
    pub id: u64,
    /// Who sits at it.
    pub who: String,
    /// What they may do.
    pub role: Role,
    /// Whether a person looks; else it is a script.
    pub is_console: bool,
    /// Whether single events are wanted.
    pub wants_events: bool,
    /// The alert that is open there.
    pub in_front: Option<AlertId>,
    /// How often it fell behind and had to begin anew.
    pub resyncs: u64,
}
