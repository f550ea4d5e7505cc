//! Joins stages to sequences.

use crate::alert::AlertId;
use crate::detect::{JoinKey, Observation, RuleIndex};

/// A sequence that was completed.
#[derive(Debug, Clone)]
pub struct Completed {
    /// The rule.
    pub rule: RuleIndex,
    /// The key that its events share.
    pub key: JoinKey,
    /// Its events, one per stage, in order.
    pub members: Vec<Observation>,
    /// Whether the same completing event alerted before, with other members.
    pub is_update: bool,
    /// The alert whose first event this one took over.
    pub supersedes: Option<AlertId>,
}
