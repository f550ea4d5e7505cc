//! A rule as it runs: what it says about itself, and what it looks for. Both front ends end here; matching, the correlator and
//! the listings begin here. Plain data: the conditions are expressions of the matching core.

use std::sync::Arc;

use chrono::TimeDelta;

use crate::alert::RuleInfo;
use crate::detect::predicate::{Expr, FieldId};
use crate::detect::route::Route;

/// A rule that runs.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What it says about itself.
    pub info: Arc<RuleInfo>,
    /// What it looks for.
    pub logic: Logic,
    /// How many alerts it may raise, where it says so.
    pub head: Option<Head>,
    /// Names this text of the rule, so that a reload keeps the state of rules that did not change.
    pub fingerprint: u64,
    /// Which of its conditions can never hold, or never exclude, on the events that come in here, for people. Empty: it
    /// matches in full; else it is degraded.
    pub limits: Vec<String>,
}

impl Rule {
    /// `full`, or `degraded` when some of its conditions can never hold or never exclude.
    pub fn verdict(&self) -> &'static str {
        if self.limits.is_empty() { "full" } else { "degraded" }
    }
}

/// What a rule looks for.
#[derive(Debug, Clone)]
pub enum Logic {
    /// One event.
    Single {
        /// Which events it looks at.
        route: Route,
        /// What must hold.
        condition: Expr,
    },
    /// Several events in order.
    Sequence(Sequence),
    /// Events of other rules, counted or put together.
    Correlation(Correlation),
}

/// How many alerts a rule may raise (`| head N`). Elasticsearch cuts the results of one run of a rule, which looks back
/// over a window; here the same number holds for any window of that length, by event time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// At most this many.
    pub most: u32,
    /// In this time.
    pub window: TimeDelta,
}

/// An EQL sequence.
#[derive(Debug, Clone)]
pub struct Sequence {
    /// Its stages, in order; one at least is an event that must come. `until` stands last.
    pub stages: Vec<Stage>,
    /// How far the last event may lie from the first; exactly so far is inside.
    pub maxspan: TimeDelta,
}

impl Sequence {
    /// The stages whose events make the sequence, in order.
    pub fn events(&self) -> impl Iterator<Item = (usize, &Stage)> {
        self.stages.iter().enumerate().filter(|(_, stage)| stage.role == Role::Event)
    }

    /// How long a stage's event matters, by event time and before late ones are allowed for: where what did not happen
    /// counts, a sequence stays open for another maxspan.
    pub fn reach(&self) -> TimeDelta {
        if self.is_negative() { self.maxspan.checked_mul(2).unwrap_or(self.maxspan) } else { self.maxspan }
    }

    /// Whether it depends on what did not happen, so that it is only certain behind the watermark.
    pub fn is_negative(&self) -> bool {
        self.stages.iter().any(|stage| stage.role != Role::Event)
    }
}

/// One stage of a sequence.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Which events it looks at.
    pub route: Route,
    /// What must hold.
    pub condition: Expr,
    /// The join fields: those of the sequence, then the stage's own.
    pub by: Vec<JoinField>,
    /// What it is for.
    pub role: Role,
}

/// What a stage is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Its event must come.
    Event,
    /// Its event must not come (`![ … ]`).
    Missing,
    /// Its event ends a sequence that is not complete (`until`).
    Until,
}

/// A field that stages join by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JoinField {
    /// The field.
    pub field: FieldId,
    /// Written `?field`: where it is missing, it joins with where it is missing, too.
    pub is_optional: bool,
}

/// A Sigma correlation: events of one rule or more, counted or put together.
#[derive(Debug, Clone)]
pub struct Correlation {
    /// The rules; one at least.
    pub parts: Vec<Part>,
    /// How far the last event may lie from the first; exactly so far is inside.
    pub timespan: TimeDelta,
    /// What must come together in that time.
    pub wanted: Wanted,
    /// Whether it only feeds other correlations and raises no alerts.
    pub is_silent: bool,
}

impl Correlation {
    /// Whether it counts, so that not every event need be shown.
    pub(crate) fn counts(&self) -> bool {
        matches!(self.wanted, Wanted::Events(_) | Wanted::Values(_))
    }
}

/// One of the rules that a Sigma correlation puts together.
#[derive(Debug, Clone)]
pub struct Part {
    /// What fires it.
    pub of: PartOf,
    /// The fields that must be the same: of its event, or of the event that completed it.
    pub by: Vec<JoinField>,
    /// The field whose values are counted, where values are.
    pub value: Option<FieldId>,
}

/// What fires a part of a Sigma correlation.
#[derive(Debug, Clone)]
pub enum PartOf {
    /// An event.
    Events {
        /// Which events it looks at.
        route: Route,
        /// What must hold.
        condition: Expr,
    },
    /// Another correlation, by its rule's id.
    Correlation(Box<str>),
}

/// What a Sigma correlation waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// So many events.
    Events(Threshold),
    /// So many different values.
    Values(Threshold),
    /// Events of so many different rules.
    Rules(Threshold),
    /// Events of all rules of any of these sets; a bit for each rule.
    Together(Vec<u64>),
    /// An event of each rule, in the order of the rules.
    InOrder,
}

/// A number and its limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// So many at least; one or more.
    pub least: u64,
    /// So many at most.
    pub most: u64,
}

impl Threshold {
    /// Whether a count lies inside.
    pub fn holds(self, count: u64) -> bool {
        (self.least..=self.most).contains(&count)
    }
}
