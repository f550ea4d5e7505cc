//! Rules in, hits out, alerts made. Two front ends (`sigma`, `eql`) compile rule files to the predicates of one matching
//! core (`predicate`); `matcher` asks it, per event and shared by all inputs, which rules and sequence stages hold;
//! `correlator`, owned by the collector, joins stages to sequences by event time. Nothing about a single rule is in Rust.

use serde::{Deserialize, Serialize};

/// Which rule of a [`RuleSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleIndex(pub u32);

/// The values of a sequence's `by` fields, in order, folded to one text; what two events must share to join.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JoinKey(pub Box<[Box<str>]>);

/// One stage of one sequence rule that an event can fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageHit {
    /// The rule.
    pub rule: RuleIndex,
    /// The stage, counted from 0.
    pub stage: u8,
    /// The event's key for that stage.
    pub key: JoinKey,
}

/// What one event matched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Hits {
    /// Single-event rules that hold.
    pub rules: Vec<RuleIndex>,
    /// Sequence stages that hold.
    pub stages: Vec<StageHit>,
}

impl Hits {
    /// Whether nothing matched.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.stages.is_empty()
    }
}

/// Rules, compiled.
#[derive(Debug)]
pub struct RuleSet {}
