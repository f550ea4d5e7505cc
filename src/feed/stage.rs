//! The stages of an event's way as Health shows them.

use serde::{Deserialize, Serialize};

use crate::intake::stages::Stage;

/// How one stage fares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StageStatus {
    /// Which.
    pub stage: Stage,
    /// Things waiting before it and how many may; `None` where it has no queue of its own.
    pub queue: Option<(u64, u64)>,
    /// What 99 of 100 did not exceed in the last minute or two, in nanoseconds.
    pub p99_ns: Option<u64>,
    /// Things that came a second, over the last seconds.
    pub in_per_second: f64,
    /// Things that went on a second.
    pub out_per_second: f64,
    /// Things that were lost here, since the start.
    pub lost: u64,
}
