//! Rules in, hits out, alerts made. Two front ends (`sigma`, `eql`) compile rule files to the predicates of one matching
//! core (`predicate`); [`RuleSet::observe`] asks it, per event and shared by all inputs, which rules and sequence stages
//! hold; `correlator`, owned by the collector, joins stages to sequences by event time; `raise` makes the alert, with the
//! fields that made it. Nothing about a single rule is in Rust: the built-in ones are files like any other.

pub mod correlator;
pub mod describe;
pub mod ecs;
pub mod engine;
pub mod eql;
pub mod explain;
pub mod fields;
pub mod load;
pub mod predicate;
pub mod raise;
pub mod route;
pub mod rule;
pub mod sigma;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::alert::RuleInfo;
use crate::detect::ecs::Mapping;
use crate::detect::engine::scratch::{Effort, Scratch};
use crate::detect::engine::{Engines, Program, World};
use crate::detect::predicate::{Evaluation, FieldId, Predicates, Value};
use crate::detect::rule::{JoinField, Logic, PartOf, Rule};
use crate::event::WindowsEvent;
use crate::event::time::EventTime;

/// Which rule of a [`RuleSet`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleIndex(pub u32);

/// The values of a sequence's `by` fields, in order; what two events must share to join.
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
    /// The value that the rule counts (Sigma's `value_count`).
    pub value: Option<Box<str>>,
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

/// An event with its times, as detection keeps it.
#[derive(Debug, Clone)]
pub struct Observation {
    /// The event.
    pub event: Arc<WindowsEvent>,
    /// When it happened.
    pub time: EventTime,
    /// When it arrived.
    pub received_at: DateTime<Utc>,
}

/// A rule file as read.
#[derive(Debug, Clone)]
pub struct RuleFile {
    /// Where it came from: a path, or `built-in/…`.
    pub origin: String,
    /// Its text.
    pub text: String,
}

/// Why a rule (or a file) does not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleProblem {
    /// The file.
    pub origin: String,
    /// The line, counted from 1, where it is known.
    pub line: Option<usize>,
    /// The column, counted from 1, where it is known.
    pub column: Option<usize>,
    /// The rule's title or id, where it got that far.
    pub rule: Option<String>,
    /// What is wrong, and a hint where there is one.
    pub reason: String,
    /// What kind of problem it is.
    pub kind: ProblemKind,
    /// What the rule says about itself, where it got that far.
    pub info: Option<Arc<RuleInfo>>,
}

impl RuleProblem {
    /// A file that is broken as a whole.
    pub fn of_file(origin: String, reason: String) -> Self {
        Self { origin, line: None, column: None, rule: None, reason, kind: ProblemKind::Broken, info: None }
    }
}

/// Why a rule does not run, in kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The file is broken: a mistake, or something that no version of this program runs.
    Broken,
    /// The rule is right, but the events that come in here lack the category or the fields that it rests on.
    Impossible,
    /// The rule is right, but not for here: another platform, another type of rule.
    Other,
}

impl ProblemKind {
    /// The word in listings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Broken => "broken",
            Self::Impossible => "impossible",
            Self::Other => "other",
        }
    }
}

impl std::fmt::Display for RuleProblem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.origin)?;
        if let Some(line) = self.line {
            write!(formatter, ":{line}")?;
        }
        if let Some(column) = self.column {
            write!(formatter, ":{column}")?;
        }
        write!(formatter, ": {}", self.reason)
    }
}

/// Rules, compiled. Immutable and shared; a reload makes a new one.
#[derive(Debug)]
pub struct RuleSet {
    rules: Vec<Rule>,
    problems: Vec<RuleProblem>,
    notices: Vec<String>,
    predicates: Predicates,
    engines: Engines<Target>,
    mapping: Mapping,
    generation: u64,
}

/// What a rule did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Work {
    /// The rule.
    pub rule: RuleIndex,
    /// What it did.
    pub effort: Effort,
}

/// A rule, or a stage of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target {
    rule: RuleIndex,
    /// The stage; 0 for single-event rules.
    stage: u8,
}

/// Everything that the rules look for in single events, stage by stage.
fn programs(rules: &[Rule]) -> impl Iterator<Item = Program<'_, Target>> {
    rules.iter().zip(0..).flat_map(|(rule, index)| {
        let target = |stage| Target { rule: RuleIndex(index), stage };
        let programs: Vec<Program<'_, Target>> = match &rule.logic {
            Logic::Single { route, condition } => vec![Program { target: target(0), route, condition }],
            Logic::Sequence(sequence) => sequence
                .stages
                .iter()
                .zip(0..)
                .map(|(stage, number)| Program { target: target(number), route: &stage.route, condition: &stage.condition })
                .collect(),
            Logic::Correlation(correlation) => correlation
                .parts
                .iter()
                .zip(0..)
                .filter_map(|(part, number)| match &part.of {
                    PartOf::Events { route, condition } => Some(Program { target: target(number), route, condition }),
                    PartOf::Correlation(_) => None,
                })
                .collect(),
        };
        programs
    })
}

impl RuleSet {
    /// Puts compiled rules together.
    fn new(rules: Vec<Rule>, problems: Vec<RuleProblem>, notices: Vec<String>, predicates: Predicates, mapping: Mapping) -> Self {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let engines = Engines::new(programs(&rules), &predicates, &mapping);
        let mut hasher = DefaultHasher::new();
        rules.iter().for_each(|rule| rule.fingerprint.hash(&mut hasher));
        format!("{mapping:?}").hash(&mut hasher);
        Self { rules, problems, notices, predicates, engines, mapping, generation: hasher.finish() }
    }

    /// Which rules and stages hold for an event; whoever reads many events keeps a scratch and asks
    /// [`observe_with`](Self::observe_with).
    pub fn observe(&self, event: &WindowsEvent) -> Hits {
        self.observe_with(event, &mut Scratch::default(), None)
    }

    /// Which rules and stages hold for an event, in the order of the rules. The scratch is the caller's own, made once; with
    /// a clock (nanoseconds) every evaluation is timed, for [`take_work`](Self::take_work).
    pub fn observe_with(&self, event: &WindowsEvent, scratch: &mut Scratch, clock: Option<&mut dyn FnMut() -> u64>) -> Hits {
        let mut hits = Hits::default();
        let world = World { predicates: &self.predicates, mapping: &self.mapping, generation: self.generation };
        self.engines.run(event, world, scratch, clock, |target, evaluation| match &self.get(target.rule).logic {
            Logic::Single { .. } => hits.rules.push(target.rule),
            Logic::Sequence(sequence) => {
                let stage = &sequence.stages[usize::from(target.stage)];
                hits.stages.extend(stage_hits(evaluation, target, &stage.by, None));
            }
            Logic::Correlation(correlation) => {
                let part = &correlation.parts[usize::from(target.stage)];
                hits.stages.extend(stage_hits(evaluation, target, &part.by, part.value));
            }
        });
        hits.rules.sort_unstable();
        hits.stages.sort_by_key(|hit| (hit.rule, hit.stage));
        hits
    }

    /// What the rules did with this scratch since it was last asked; the stages of a rule are added up.
    pub fn take_work(&self, scratch: &mut Scratch) -> Vec<Work> {
        let mut all: Vec<Work> = Vec::new();
        let mut efforts = self.engines.take_work(self.generation, scratch);
        efforts.sort_by_key(|(target, _)| target.rule);
        for (Target { rule, .. }, effort) in efforts {
            match all.last_mut() {
                Some(work) if work.rule == rule => work.effort += effort,
                _ => all.push(Work { rule, effort }),
            }
        }
        all
    }

    /// Puts an event under test, to explain a hit.
    pub fn evaluation<'a>(&'a self, event: &'a WindowsEvent) -> Evaluation<'a> {
        Evaluation::new(&self.predicates, &self.mapping, event)
    }

    /// The rule of an index that this set handed out.
    pub fn get(&self, index: RuleIndex) -> &Rule {
        &self.rules[index.0 as usize]
    }

    /// All rules that run, with their indices.
    pub fn rules(&self) -> impl Iterator<Item = (RuleIndex, &Rule)> {
        self.rules.iter().enumerate().map(|(index, rule)| (RuleIndex(index as u32), rule))
    }

    /// All rules and files that do not run, with the reason.
    pub fn problems(&self) -> &[RuleProblem] {
        &self.problems
    }

    /// What people should know of the loading: a user's rule took the place of a built-in one.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// The mapping that the rules were compiled with.
    pub fn mapping(&self) -> &Mapping {
        &self.mapping
    }

    /// The interned fields and atoms.
    pub fn predicates(&self) -> &Predicates {
        &self.predicates
    }
}

/// The hits of an event on a stage that holds: one for each key, and for each value where values are counted.
fn stage_hits(evaluation: &mut Evaluation<'_>, target: Target, by: &[JoinField], value: Option<FieldId>) -> Vec<StageHit> {
    let keys = join_keys(evaluation, by);
    let values: Vec<Option<Box<str>>> = match value {
        None => vec![None],
        Some(field) => evaluation.value(field).iter().map(|value| Some(Box::from(&**value))).collect(),
    };
    let hit = |key: &JoinKey, value: &Option<Box<str>>| StageHit {
        rule: target.rule,
        stage: target.stage,
        key: key.clone(),
        value: value.clone(),
    };
    keys.iter().flat_map(|key| values.iter().map(move |value| hit(key, value))).collect()
}

/// The keys of an event: one value per field; a list-valued field gives a key per value. A missing value gives none (the
/// event is not considered for that stage), unless its field is optional: then it is the empty text, which no field of an
/// event is.
fn join_keys(evaluation: &mut Evaluation<'_>, by: &[JoinField]) -> Vec<JoinKey> {
    let mut keys: Vec<Vec<Box<str>>> = vec![Vec::with_capacity(by.len())];
    for JoinField { field, is_optional } in by {
        let value: &Value<'_> = evaluation.value(*field);
        let with = |own: &Vec<Box<str>>, part: &str| own.iter().cloned().chain([Box::from(part)]).collect::<Vec<_>>();
        keys = match value {
            Value::Absent if *is_optional => keys.iter().map(|own| with(own, "")).collect(),
            value => keys.iter().flat_map(|own| value.iter().map(move |part| with(own, part))).collect(),
        };
    }
    keys.sort();
    keys.dedup();
    keys.into_iter().map(|parts| JoinKey(parts.into_boxed_slice())).collect()
}
