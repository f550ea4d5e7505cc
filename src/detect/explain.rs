//! Why a rule fired on recorded events, or how near it came: for every stage the event that lacked the least and what it
//! lacked, and for a sequence whose stages all hold what kept them from joining. It asks the same conditions and the same
//! correlator that run live.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::{Alert, Matched};
use crate::detect::correlator::{self, Correlator};
use crate::detect::predicate::Expr;
use crate::detect::route::Route;
use crate::detect::rule::{Logic, PartOf, Rule, Sequence};
use crate::detect::{JoinKey, Observation, RuleIndex, RuleSet, describe, raise};
use crate::event::WindowsEvent;
use crate::event::time::event_time;

/// How many firings are kept; more are counted.
const KEPT: usize = 100;
/// How many events of a stage are kept to tell why they do not join.
const STAGE_EVENTS: usize = 10_000;

/// Looks at events with one rule in mind.
#[derive(Debug)]
pub struct Explainer {
    rules: Arc<RuleSet>,
    index: RuleIndex,
    correlator: Correlator,
    seen: u64,
    fired: u64,
    alerts: Vec<Alert>,
    stages: Vec<StageStory>,
}

/// What happened to one stage of the rule (a rule about single events has one).
#[derive(Debug, Clone, Default)]
pub struct StageStory {
    /// Events of the kind that the stage looks at.
    pub of_its_kind: u64,
    /// Events for which it held.
    pub held: u64,
    /// The event that lacked the least, where none held.
    pub nearest: Option<NearMiss>,
    hits: Vec<(DateTime<Utc>, JoinKey)>,
}

/// An event for which a condition nearly held.
#[derive(Debug, Clone)]
pub struct NearMiss {
    /// When it happened.
    pub time: DateTime<Utc>,
    /// Where.
    pub computer: String,
    /// Its record id, where it has one.
    pub record_id: Option<u64>,
    /// What happened, in one line.
    pub summary: String,
    /// What was lacking: the field, the event's value, and what was wanted.
    pub lacking: Vec<Matched>,
}

/// Why a rule fired, or did not.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Events read.
    pub seen: u64,
    /// How often the rule fired.
    pub fired: u64,
    /// The first alerts, with their evidence.
    pub alerts: Vec<Alert>,
    /// Stage by stage.
    pub stages: Vec<StageStory>,
    /// What kept the stages from joining, where all of them held and nothing fired.
    pub apart: Option<String>,
}

impl Explainer {
    /// Nothing seen yet. `index` is a rule of `rules`.
    pub fn new(rules: Arc<RuleSet>, index: RuleIndex, config: correlator::Config) -> Self {
        let stages = vec![StageStory::default(); stages(rules.get(index)).len()];
        Self { rules, index, correlator: Correlator::new(config), seen: 0, fired: 0, alerts: Vec::new(), stages }
    }

    /// Looks at one event.
    pub fn observe(&mut self, event: Arc<WindowsEvent>, received_at: DateTime<Utc>) {
        self.seen += 1;
        let time = event_time(&event, self.rules.mapping().event_time, received_at);
        let rules = self.rules.clone();
        for (looks_at, story) in stages(rules.get(self.index)).into_iter().zip(&mut self.stages) {
            let Some((route, condition)) = looks_at else { continue };
            if !route.takes(&event, rules.mapping()) {
                continue;
            }
            story.of_its_kind += 1;
            let mut evaluation = rules.evaluation(&event);
            if evaluation.holds(condition) {
                story.held += 1;
                continue;
            }
            let lacking = evaluation.blame(condition);
            if story.nearest.as_ref().is_none_or(|nearest| lacking.len() < nearest.lacking.len()) {
                story.nearest = Some(NearMiss {
                    time: time.at,
                    computer: event.computer().to_owned(),
                    record_id: event.record_id().map(|id| id.0),
                    summary: describe::event(&event),
                    lacking,
                });
            }
        }
        let hits = rules.observe(&event);
        for hit in hits.stages.iter().filter(|hit| hit.rule == self.index) {
            let story = &mut self.stages[usize::from(hit.stage)];
            if story.hits.len() < STAGE_EVENTS {
                story.hits.push((time.at, hit.key.clone()));
            }
        }
        let observation = Observation { event, time, received_at };
        if hits.rules.contains(&self.index) {
            self.fire(raise::single(&rules, self.index, &observation, received_at));
        }
        let own: Vec<_> = hits.stages.into_iter().filter(|hit| hit.rule == self.index).collect();
        for completed in self.correlator.advance(&rules, &observation, &own) {
            if let Some(alert) = raise::sequence(&rules, &completed, received_at) {
                self.fire(alert);
            }
        }
    }

    fn fire(&mut self, alert: Alert) {
        // A better pairing takes the place of the first.
        if let Some(earlier) = self.alerts.iter_mut().find(|earlier| earlier.id == alert.id) {
            *earlier = alert;
            return;
        }
        self.fired += 1;
        if self.alerts.len() < KEPT {
            self.alerts.push(alert);
        }
    }

    /// The explanation of what was seen.
    pub fn finish(self) -> Explanation {
        let all_held = self.stages.len() > 1 && self.stages.iter().all(|story| story.held > 0);
        let apart = match &self.rules.get(self.index).logic {
            Logic::Sequence(sequence) if all_held && self.fired == 0 => Some(apart(sequence, &self.stages)),
            _ => None,
        };
        Explanation { seen: self.seen, fired: self.fired, alerts: self.alerts, stages: self.stages, apart }
    }
}

/// What each stage of a rule looks at; `None` for one that another correlation fills.
fn stages(rule: &Rule) -> Vec<Option<(&Route, &Expr)>> {
    match &rule.logic {
        Logic::Single { route, condition } => vec![Some((route, condition))],
        Logic::Sequence(sequence) => sequence.stages.iter().map(|stage| Some((&stage.route, &stage.condition))).collect(),
        Logic::Correlation(correlation) => correlation
            .parts
            .iter()
            .map(|part| match &part.of {
                PartOf::Events { route, condition } => Some((route, condition)),
                PartOf::Correlation(_) => None,
            })
            .collect(),
    }
}

/// What keeps two neighbouring stages from joining, told of the first two that do not.
fn apart(sequence: &Sequence, stages: &[StageStory]) -> String {
    for (number, pair) in stages.windows(2).enumerate() {
        let (first, second) = (number + 1, number + 2);
        let mut nearest: Option<TimeDelta> = None;
        let mut shares_key = false;
        for (later, later_key) in &pair[1].hits {
            for (earlier, _) in pair[0].hits.iter().filter(|(_, key)| key == later_key) {
                shares_key = true;
                let gap = *later - *earlier;
                let is_better = |nearest: TimeDelta| match (gap > TimeDelta::zero(), nearest > TimeDelta::zero()) {
                    (true, false) => true,
                    (false, true) => false,
                    _ => gap.abs() < nearest.abs(),
                };
                if nearest.is_none_or(is_better) {
                    nearest = Some(gap);
                }
            }
        }
        match nearest {
            _ if !shares_key => return format!("no event of stage {first} shares the join fields with one of stage {second}"),
            Some(gap) if gap <= TimeDelta::zero() => {
                return format!("stage {second} never came after stage {first}; the nearest came {} before it", seconds(-gap));
            }
            Some(gap) if gap > sequence.maxspan => {
                let (gap, allowed) = (seconds(gap), seconds(sequence.maxspan));
                return format!("stage {second} came {gap} after stage {first} at the nearest; {allowed} are allowed");
            }
            _ => {}
        }
    }
    "neighbouring stages join, but never all of them within the time allowed".to_owned()
}

fn seconds(span: TimeDelta) -> String {
    let milliseconds = span.num_milliseconds();
    format!("{}.{:03} s", milliseconds / 1000, milliseconds % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RuleFile;
    use crate::detect::ecs::Mapping;
    use crate::event::testing::sysmon;

    const RULE: &str = "sequence by host.id with maxspan=30s\n [network where destination.port == 5985]\n [process where process.parent.name : \"wsmprovhost.exe\" and not process.name : \"conhost.exe\"]";

    fn explain(events: Vec<WindowsEvent>) -> Explanation {
        let file = RuleFile { origin: "t.eql".to_owned(), text: RULE.to_owned() };
        let rules = Arc::new(RuleSet::compile(&[file], &Mapping::default()));
        let mut explainer = Explainer::new(rules, RuleIndex(0), correlator::Config::default());
        events.into_iter().for_each(|event| explainer.observe(Arc::new(event), DateTime::UNIX_EPOCH));
        explainer.finish()
    }

    fn connection(host: &str, second: u32) -> WindowsEvent {
        let time = format!("2026-03-17 09:12:{second:02}.000");
        sysmon(3, host, 1, &[("UtcTime", &time), ("DestinationPort", "5985")])
    }

    fn process(host: &str, second: u32, image: &str, parent: &str) -> WindowsEvent {
        let time = format!("2026-03-17 09:12:{second:02}.000");
        let (image, parent) = (format!(r"C:\Windows\System32\{image}"), format!(r"C:\Windows\System32\{parent}"));
        sysmon(1, host, 2, &[("UtcTime", &time), ("Image", &image), ("ParentImage", &parent)])
    }

    #[test]
    fn what_fired_and_what_was_lacking() {
        let fired = explain(vec![connection("A", 1), process("A", 3, "whoami.exe", "wsmprovhost.exe")]);
        assert_eq!((fired.fired, fired.alerts.len(), fired.apart), (1, 1, None));
        let missed = explain(vec![
            connection("A", 1),
            process("A", 3, "conhost.exe", "cmd.exe"),
            process("A", 4, "conhost.exe", "wsmprovhost.exe"),
        ]);
        let nearest = missed.stages[1].nearest.as_ref().unwrap();
        assert_eq!((missed.fired, missed.stages[0].held, missed.stages[1].held), (0, 1, 0));
        let lacking: Vec<(&str, &str)> = nearest.lacking.iter().map(|row| (&*row.field, &*row.why)).collect();
        assert_eq!(lacking, [("Image", "not \"conhost.exe\"")]);
    }

    #[test]
    fn what_keeps_stages_apart() {
        let child = |host, second| process(host, second, "whoami.exe", "wsmprovhost.exe");
        let rows = [
            (
                vec![connection("A", 1), child("A", 41)],
                "stage 2 came 40.000 s after stage 1 at the nearest; 30.000 s are allowed",
            ),
            (vec![connection("A", 9), child("A", 3)], "stage 2 never came after stage 1; the nearest came 6.000 s before it"),
            (vec![connection("A", 1), child("B", 3)], "no event of stage 1 shares the join fields with one of stage 2"),
        ];
        for (events, expected) in rows {
            assert_eq!(explain(events).apart.as_deref(), Some(expected));
        }
    }
}
