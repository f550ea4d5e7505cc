//! What can only be put together when all files are read: filter documents narrow the rules that they name, correlation
//! documents take the rules that they name as their parts. A rule that is part of a correlation raises no alerts of its own,
//! unless a correlation says `generate: true`.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher as _};
use std::sync::Arc;

use rsigma_parser::{CorrelationRule, FilterRule, FilterRuleTarget, LogSource, SigmaRule};

use crate::alert::{RuleInfo, RuleLanguage};
use crate::detect::RuleProblem;
use crate::detect::predicate::{Expr, FieldId, FieldName, Predicates};
use crate::detect::rule::{Correlation, JoinField, Logic, Part, PartOf, Rule};
use crate::detect::sigma::refused::Refused;
use crate::detect::sigma::wanted::{field_of, timespan, value_field, wanted};

/// Where a document stands.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The file.
    pub(super) origin: String,
    /// The line, counted from 1.
    pub(super) line: Option<usize>,
}

#[derive(Debug)]
struct Filter {
    rule: FilterRule,
    condition: Expr,
    place: Place,
}

#[derive(Debug)]
struct Correlating {
    rule: CorrelationRule,
    /// Whether it has a condition; the reader puts one in where there is none.
    has_condition: bool,
    info: RuleInfo,
    fingerprint: u64,
    place: Place,
}

#[derive(Debug)]
struct Named {
    id: String,
    source: LogSource,
}

/// Filters and correlations that wait for their rules, and the names of all rules.
#[derive(Debug, Default)]
pub struct Pending {
    names: HashMap<String, Named>,
    filters: Vec<Filter>,
    correlations: Vec<Correlating>,
}

/// What came of it besides rules.
#[derive(Debug, Default)]
pub struct Linked {
    /// What does not run.
    pub problems: Vec<RuleProblem>,
    /// What people should know.
    pub notices: Vec<String>,
}

impl Pending {
    /// A rule can be named from now on, by id and by name.
    pub(super) fn name(&mut self, rule: &SigmaRule, id: &str) {
        for name in [rule.id.as_ref(), rule.name.as_ref()].into_iter().flatten() {
            self.names.insert(name.clone(), Named { id: id.to_owned(), source: rule.logsource.clone() });
        }
    }

    pub(super) fn filter(&mut self, rule: FilterRule, condition: Expr, place: Place) {
        self.filters.push(Filter { rule, condition, place });
    }

    pub(super) fn correlate(
        &mut self,
        rule: CorrelationRule,
        has_condition: bool,
        info: RuleInfo,
        fingerprint: u64,
        place: Place,
    ) {
        self.correlations.push(Correlating { rule, has_condition, info, fingerprint, place });
    }

    /// Applies filters and builds correlations over the rules that run.
    pub fn link(self, rules: &mut Vec<Rule>, predicates: &mut Predicates) -> Linked {
        let mut linked = Linked::default();
        if self.filters.is_empty() && self.correlations.is_empty() {
            return linked;
        }
        let is_sigma = |rule: &Rule| rule.info.language == RuleLanguage::Sigma;
        let by_id: HashMap<String, usize> = rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| is_sigma(rule))
            .map(|(place, rule)| (rule.info.id.clone(), place))
            .collect();
        for filter in &self.filters {
            self.apply(filter, rules, &by_id, &mut linked);
        }
        self.build(rules, &by_id, predicates, &mut linked);
        linked
    }

    /// Builds the correlations, those first that others are made of.
    fn build(&self, rules: &mut Vec<Rule>, by_id: &HashMap<String, usize>, predicates: &mut Predicates, linked: &mut Linked) {
        let mut waiting: Vec<&Correlating> = self.correlations.iter().collect();
        let mut made: Vec<Made<'_>> = Vec::new();
        let mut silent: HashSet<String> = HashSet::new();
        let mut speaking: HashSet<String> = HashSet::new();
        loop {
            let before = waiting.len();
            let still: Vec<&Correlating> = std::mem::take(&mut waiting);
            for correlating in still {
                let waits = |name: &String| {
                    self.correlations.iter().any(|other| other.is_named(name))
                        && !made.iter().any(|made| made.correlating.is_named(name))
                };
                if correlating.rule.rules.iter().any(waits) {
                    waiting.push(correlating);
                    continue;
                }
                match self.correlation(correlating, rules, by_id, &made, predicates) {
                    Ok((rule, parts)) => {
                        if correlating.rule.generate { &mut speaking } else { &mut silent }.extend(parts);
                        made.push(Made { correlating, rule });
                    }
                    Err(refused) => linked.problems.push(correlating.problem(refused)),
                }
            }
            if waiting.len() == before || waiting.is_empty() {
                break;
            }
        }
        let circle = "it is made of a correlation that does not run, or of itself";
        linked.problems.extend(waiting.into_iter().map(|correlating| correlating.problem(circle.into())));
        silent.retain(|id| !speaking.contains(id));
        silence(rules, &silent, linked);
        for Made { mut rule, .. } in made {
            if let Logic::Correlation(correlation) = &mut rule.logic {
                correlation.is_silent = silent.contains(&rule.info.id);
            }
            rules.retain(|own| own.info.id != rule.info.id);
            rules.push(rule);
        }
    }

    fn apply(&self, filter: &Filter, rules: &mut [Rule], by_id: &HashMap<String, usize>, linked: &mut Linked) {
        let title = &filter.rule.title;
        let mut ids: Vec<&str> = match &filter.rule.rules {
            FilterRuleTarget::Any => {
                self.names.values().filter(|named| is_meant(filter, named)).map(|named| &*named.id).collect()
            }
            FilterRuleTarget::Specific(names) => {
                let unknown = names.iter().filter(|name| !self.names.contains_key(*name));
                linked.notices.extend(unknown.map(|name| format!("filter `{title}`: no rule `{name}` is loaded")));
                let named = names.iter().filter_map(|name| self.names.get(name));
                named.filter(|named| is_meant(filter, named)).map(|named| &*named.id).collect()
            }
        };
        ids.sort_unstable();
        ids.dedup();
        let mut narrowed = 0;
        for place in ids.into_iter().filter_map(|id| by_id.get(id)) {
            let rule = &mut rules[*place];
            if let Logic::Single { condition, .. } = &mut rule.logic {
                let own = std::mem::replace(condition, Expr::Constant(false));
                *condition = Expr::And(vec![own, filter.condition.clone()]);
                rule.fingerprint = mixed(&[rule.fingerprint, mixed(&[title])]);
                narrowed += 1;
            }
        }
        if narrowed == 0 {
            linked.problems.push(RuleProblem {
                origin: filter.place.origin.clone(),
                line: filter.place.line,
                column: None,
                rule: Some(title.clone()),
                reason: "the filter narrows no rule that is loaded".to_owned(),
                kind: crate::detect::ProblemKind::Other,
                info: None,
            });
        } else {
            linked.notices.push(format!("filter `{title}` narrows {narrowed} rules"));
        }
    }

    /// The names of one rule.
    fn names_of(&self, id: &str) -> Vec<&str> {
        let mut names: Vec<&str> = self.names.iter().filter(|(_, named)| named.id == id).map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        names
    }

    /// The rule of a correlation, and the ids of its parts.
    fn correlation(
        &self,
        correlating: &Correlating,
        rules: &[Rule],
        by_id: &HashMap<String, usize>,
        made: &[Made<'_>],
        predicates: &mut Predicates,
    ) -> Result<(Rule, Vec<String>), Refused> {
        let written = &correlating.rule;
        let wanted = wanted(written, correlating.has_condition)?;
        let timespan = timespan(written)?;
        let value = value_field(written)?;
        let mut parts = Vec::new();
        let mut of: Vec<&Rule> = Vec::new();
        for name in &written.rules {
            let (rule, alike) = match made.iter().find(|made| made.correlating.is_named(name)) {
                Some(made) => (&made.rule, made.correlating.names()),
                None => {
                    let place = self.names.get(name).and_then(|named| by_id.get(&named.id));
                    let place = *place.ok_or_else(|| format!("no rule `{name}` is loaded (an id or a `name`)"))?;
                    (&rules[place], self.names_of(&rules[place].info.id))
                }
            };
            let of_what = match &rule.logic {
                Logic::Single { route, condition } => PartOf::Events { route: route.clone(), condition: condition.clone() },
                Logic::Correlation(_) => PartOf::Correlation(rule.info.id.as_str().into()),
                Logic::Sequence(_) => return Err(format!("`{name}` is no Sigma rule").into()),
            };
            let mut field = |name: &str| predicates.field(FieldName::Windows(name.replace(' ', "").into()));
            let by = written.group_by.iter().map(|name| field_of(written, &alike, name).map(&mut field));
            let join = |field: Result<FieldId, String>| field.map(|field| JoinField { field, is_optional: false });
            let by = by.map(join).collect::<Result<Vec<JoinField>, String>>()?;
            let value = value.map(|value| field_of(written, &alike, value)).transpose()?.map(field);
            parts.push(Part { of: of_what, by, value });
            of.push(rule);
        }
        let mut info = correlating.info.clone();
        if written.level.is_none()
            && let Some(worst) = of.iter().map(|rule| &rule.info).max_by_key(|info| info.severity)
        {
            (info.severity, info.risk_score) = (worst.severity, worst.risk_score);
        }
        info.maxspan_ms = Some(timespan.num_milliseconds());
        let prints: Vec<u64> = of.iter().map(|rule| rule.fingerprint).collect();
        let rule = Rule {
            info: Arc::new(info),
            fingerprint: mixed(&[correlating.fingerprint, mixed(&prints)]),
            limits: of.iter().flat_map(|rule| rule.limits.clone()).collect(),
            head: None,
            logic: Logic::Correlation(Correlation { parts, timespan, wanted, is_silent: false }),
        };
        Ok((rule, of.iter().map(|rule| rule.info.id.clone()).collect()))
    }
}

/// A correlation that runs.
struct Made<'a> {
    correlating: &'a Correlating,
    rule: Rule,
}

impl Correlating {
    fn names(&self) -> Vec<&str> {
        [self.rule.id.as_deref(), self.rule.name.as_deref()].into_iter().flatten().collect()
    }

    fn is_named(&self, name: &str) -> bool {
        self.names().contains(&name)
    }

    fn problem(&self, refused: Refused) -> RuleProblem {
        RuleProblem {
            origin: self.place.origin.clone(),
            line: self.place.line,
            column: None,
            rule: Some(self.info.name.clone()),
            reason: refused.reason,
            kind: refused.kind,
            info: Some(Arc::new(self.info.clone())),
        }
    }
}

/// Whether a filter speaks of the rule's logsource: what it names must be the same there.
fn is_meant(filter: &Filter, named: &Named) -> bool {
    let Some(own) = &filter.rule.logsource else { return true };
    let pairs =
        [(&own.category, &named.source.category), (&own.product, &named.source.product), (&own.service, &named.source.service)];
    pairs.iter().all(|(own, other)| own.is_none() || own == other)
}

/// Takes rules about single events out that are only parts of correlations.
fn silence(rules: &mut Vec<Rule>, silent: &HashSet<String>, linked: &mut Linked) {
    rules.retain(|rule| {
        let is_silent = silent.contains(&rule.info.id);
        if is_silent {
            linked.notices.push(format!(
                "rule `{}` of {} is part of a correlation and raises no alerts of its own",
                rule.info.name, rule.info.origin
            ));
        }
        !is_silent
    });
}

fn mixed(parts: &[impl std::hash::Hash]) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.iter().for_each(|part| part.hash(&mut hasher));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::{DateTime, TimeDelta};

    use crate::detect::correlator::{Config, Correlator};
    use crate::detect::ecs::Mapping;
    use crate::detect::{Observation, ProblemKind, RuleFile, RuleSet, raise};
    use crate::event::testing::event;
    use crate::event::time::{EventTime, TimeSource};

    const FAILED: &str = "title: failed\nname: failed\nid: f-1\nlogsource: {product: windows, service: security}\n\
        detection:\n  s: {EventID: 4625}\n  condition: s\nlevel: low\n";
    const LOGON: &str = "title: logon\nname: logon\nlogsource: {product: windows, service: security}\n\
        detection:\n  s: {EventID: 4624}\n  condition: s\nlevel: medium\n";
    const CLEARED: &str = "title: cleared\nname: cleared\nlogsource: {product: windows, service: security}\n\
        detection:\n  s: {EventID: 1102}\n  condition: s\nlevel: medium\n";

    fn compile(texts: &[&str]) -> Arc<RuleSet> {
        let files: Vec<RuleFile> = texts
            .iter()
            .enumerate()
            .map(|(number, text)| RuleFile { origin: format!("{number}.yml"), text: (*text).to_owned() })
            .collect();
        Arc::new(RuleSet::compile(&files, &Mapping::default()))
    }

    fn correlation(body: &str) -> String {
        format!("title: c\nid: c\ncorrelation:\n{body}")
    }

    /// Sends `F1a` (failed, second 1, account a), `L`ogon, `C`leared, in that order of arrival; alerts as their rules and
    /// events.
    fn alerts(rules: &Arc<RuleSet>, events: &str) -> String {
        let mut correlator = Correlator::new(Config::default());
        let mut told = Vec::new();
        let words: Vec<&str> = events.split(' ').collect();
        for (number, word) in words.iter().enumerate() {
            let id = match &word[..1] {
                "F" => 4625,
                "L" => 4624,
                _ => 1102,
            };
            let (second, account) = word[1..].split_at(word.len() - 2);
            let at = DateTime::UNIX_EPOCH + TimeDelta::milliseconds((second.parse::<f64>().unwrap() * 1000.0) as i64);
            let fields = [("TargetUserName", account), ("SubjectUserName", account), ("Ip", &word[1..])];
            let event = Arc::new(event("Security", "x", id, "A", number as u64, &fields));
            let time = EventTime { at, source: TimeSource::TimeCreated, offset: None };
            let observation = Observation { event, time, received_at: DateTime::UNIX_EPOCH };
            let hits = rules.observe(&observation.event);
            let name = |index| rules.get(index).info.name.clone();
            told.extend(hits.rules.iter().map(|index| format!("{}:{word}", name(*index))));
            for completed in correlator.advance(rules, &observation, &hits.stages) {
                let alert = raise::sequence(rules, &completed, DateTime::UNIX_EPOCH).unwrap();
                let members: Vec<&str> =
                    alert.evidence.iter().map(|proof| words[usize::try_from(proof.record_id.unwrap().0).unwrap()]).collect();
                told.push(format!("{}:{}", name(completed.rule), members.join("+")));
            }
        }
        told.join(" ")
    }

    #[test]
    fn correlations() {
        let count = |condition: &str| {
            format!(
                "  type: event_count\n  rules: [failed]\n  group-by: [TargetUserName]\n  timespan: 10s\n  condition: {condition}\n"
            )
        };
        let both = |kind: &str, more: &str| {
            format!("  type: {kind}\n  rules: [failed, logon]\n  group-by: [TargetUserName]\n  timespan: 10s\n{more}")
        };
        let values = "  type: value_count\n  rules: [failed]\n  timespan: 10s\n  condition: {field: TargetUserName, gte: 3}\n";
        let three = "  type: temporal\n  rules: [failed, logon, cleared]\n  timespan: 10s\n";
        let rows = [
            ("so many", count("{gte: 3}"), "F1a F2a F3a", "c:F1a+F2a+F3a"),
            ("by key", count("{gte: 3}"), "F1a F2b F3a F4b F5b", "c:F2b+F4b+F5b"),
            ("used up", count("{gt: 1}"), "F1a F2a F3a F4a F5a", "c:F1a+F2a c:F3a+F4a"),
            ("exactly the span is inside", count("{gte: 2}"), "F1a F11a", "c:F1a+F11a"),
            ("beyond the span", count("{gte: 2}"), "F1a F11.001a", ""),
            ("the window slides", count("{gte: 3}"), "F1a F9a F12a F13a", "c:F9a+F12a+F13a"),
            ("by event time, whatever the order", count("{gte: 3}"), "F9a F1a F5a", "c:F1a+F5a+F9a"),
            ("a late event ends nothing too far", count("{gte: 3}"), "F20a F21a F9a", ""),
            ("a range", count("{gte: 2, lte: 3}"), "F1a F2a", "c:F1a+F2a"),
            ("equal", count("{eq: 2}"), "F1a F2a F3a", "c:F1a+F2a"),
            ("different values", values.to_owned(), "F1a F2a F3b F4b F5c", "c:F2a+F4b+F5c"),
            ("different values late", values.to_owned(), "F5c F1a F3b", "c:F1a+F3b+F5c"),
            ("values in time", values.to_owned(), "F1a F3b F12c", ""),
            ("together", both("temporal", ""), "L1a F2a", "c:L1a+F2a"),
            ("together by key", both("temporal", ""), "L1a F2b", ""),
            ("the newest of each", both("temporal", ""), "F1a F2a L3a", "c:F2a+L3a"),
            ("in order", both("temporal_ordered", ""), "F1a L2a", "c:F1a+L2a"),
            ("not in order", both("temporal_ordered", ""), "L1a F2a", ""),
            ("in order by event time", both("temporal_ordered", ""), "L2a F1a", "c:F1a+L2a"),
            ("in order all", both("temporal_ordered", "  condition: {gte: 2}\n"), "F1a L2a", "c:F1a+L2a"),
            ("any two rules", format!("{three}  condition: {{gte: 2}}\n"), "F1a F2a C3b", "c:F2a+C3b"),
            ("all three without a condition", three.to_owned(), "F1a L2b C3c", "c:F1a+L2b+C3c"),
            ("two of three are not all", three.to_owned(), "F1a L2b", ""),
            ("a condition over rules", format!("{three}  condition: cleared and (failed or logon)\n"), "L1a C2b", "c:L1a+C2b"),
            ("fractions of a second", count("{gte: 2}"), "F1.25a F11.25a", "c:F1.25a+F11.25a"),
        ];
        for (name, body, events, expected) in rows {
            let rules = compile(&[&correlation(&body), FAILED, LOGON, CLEARED]);
            assert_eq!(rules.problems(), [], "{name}");
            let told = alerts(&rules, events);
            let own: Vec<&str> = told.split(' ').filter(|word| word.starts_with("c:")).collect();
            assert_eq!(own.join(" "), expected, "{name}");
        }
    }

    #[test]
    fn parts_are_silent_unless_told() {
        let body = "  type: event_count\n  rules: [f-1]\n  group-by: [TargetUserName]\n  timespan: 1m\n  condition: {gte: 2}\n";
        let silent = correlation(body);
        let rows = [(silent.clone(), "c:F1a+F2a"), (format!("{silent}generate: true\n"), "failed:F1a failed:F2a c:F1a+F2a")];
        for (text, expected) in rows {
            // In one file, behind the rule; in another, before it.
            for texts in [vec![format!("{FAILED}---\n{text}")], vec![text.clone(), FAILED.to_owned()]] {
                let rules = compile(&texts.iter().map(String::as_str).collect::<Vec<_>>());
                assert_eq!(alerts(&rules, "F1a F2a"), expected, "{texts:?}");
            }
        }
        let rules = compile(&[&silent, FAILED]);
        assert_eq!(rules.notices().len(), 1, "{:?}", rules.notices());
        let (_, rule) = rules.rules().next().unwrap();
        assert_eq!(rule.info.severity.as_str(), "low", "the level of its parts, where it has none");
        assert_eq!(rule.info.maxspan_ms, Some(60_000));
    }

    #[test]
    fn correlations_of_correlations() {
        let inner = "title: many\nname: many\nid: m\ncorrelation:\n  type: event_count\n  rules: [failed]\n  group-by: [Ip0]\n  \
                     timespan: 10s\n  condition: {gte: 3}\n";
        let inner = inner.replace("Ip0", "TargetUserName");
        let outer =
            correlation("  type: temporal_ordered\n  rules: [many, logon]\n  group-by: [TargetUserName]\n  timespan: 1m\n");
        // The outer one stands first: what it is made of is built before it.
        let rules = compile(&[&outer, &inner, FAILED, LOGON]);
        assert_eq!(rules.problems(), []);
        assert_eq!(alerts(&rules, "F1a F2a F3a L4b L5a"), "c:F1a+F2a+F3a+L5a", "the inner one is silent");
        assert_eq!(alerts(&rules, "L1a F2a F3a F4a"), "", "order counts");
        assert_eq!(alerts(&rules, "F1a F2a L3a"), "", "two are not many");
        let speaking = outer.clone() + "generate: true\n";
        let rules = compile(&[&speaking, &inner, FAILED, LOGON]);
        assert_eq!(alerts(&rules, "F1a F2a F3a L4a"), "many:F1a+F2a+F3a logon:L4a c:F1a+F2a+F3a+L4a");
        let circle = inner.replace("[failed]", "[c]");
        let rules = compile(&[&outer, &circle, FAILED, LOGON]);
        assert_eq!(rules.problems().len(), 2, "a circle is refused: {:?}", rules.problems());
    }

    #[test]
    fn aliases_join_different_fields() {
        let body = |failed: &str| {
            format!(
                "  type: temporal\n  rules: [failed, logon]\n  group-by: [who]\n  timespan: 10s\n  aliases:\n    who:\n      \
                 {failed}: TargetUserName\n      logon: SubjectUserName\n"
            )
        };
        for name in ["failed", "f-1"] {
            let rules = compile(&[&correlation(&body(name)), FAILED, LOGON]);
            assert_eq!(rules.problems(), []);
            assert_eq!(alerts(&rules, "F1a L2b L3a"), "c:F1a+L3a", "{name}");
        }
    }

    #[test]
    fn filters_narrow() {
        let filter = |head: &str, rules: &str| {
            format!(
                "title: f\nlogsource: {{{head}}}\nfilter:\n  rules: {rules}\n  s: {{TargetUserName|startswith: adm}}\n  condition: not s\n"
            )
        };
        let rows = [
            (filter("product: windows", "[failed]"), "failed:F1b"),
            (filter("product: windows", "[f-1]"), "failed:F1b"),
            (filter("product: windows, service: security", "any"), "failed:F1b"),
            (filter("product: windows, service: system", "any"), "failed:F1b failed:F2adm"),
            (filter("product: windows", "[other]"), "failed:F1b failed:F2adm"),
        ];
        for (text, expected) in rows {
            let rules = compile(&[&text, FAILED]);
            let fires = |account: &str| {
                let event = event("Security", "x", 4625, "A", 1, &[("TargetUserName", account)]);
                !rules.observe(&event).rules.is_empty()
            };
            assert!(fires("b"), "{text}");
            assert_eq!(fires("admin"), expected.contains("adm"), "{text}");
            let told = rules.problems().iter().any(|problem| problem.reason.contains("narrows no rule"));
            assert_eq!(told, expected.contains("adm"), "{text}");
        }
    }

    #[test]
    fn refused_with_reason() {
        use ProblemKind::{Broken, Other};
        let with = |more: &str| correlation(&format!("  rules: [failed]\n  timespan: 10s\n{more}"));
        let rows = [
            (with("  type: event_count\n  condition: {lt: 3}\n"), Other, "upper limit"),
            (with("  type: event_count\n  condition: {gte: 1000000}\n"), Broken, "at most"),
            (with("  type: event_count\n"), Broken, "condition"),
            (with("  type: value_count\n  condition: {gte: 3}\n"), Broken, "`field`"),
            (with("  type: value_sum\n  condition: {gte: 3, field: x}\n"), Other, "value_sum"),
            (with("  type: guess\n"), Broken, "guess"),
            (with("  type: temporal\n  condition: failed and not other\n"), Other, "`not`"),
            (with("  type: temporal\n  condition: failed and other\n"), Broken, "`other`"),
            (with("  type: temporal\n").replace("failed", "nobody"), Broken, "no rule `nobody`"),
            (with("  type: temporal\n").replace("[failed]", "[c]"), Broken, "of itself"),
            (with("  type: temporal\n").replace("10s", "10000d"), Broken, "366 days"),
            (with("  type: temporal\n  group-by: [w]\n  aliases: {w: {logon: x}}\n"), Broken, "alias `w`"),
        ];
        for (text, kind, reason) in rows {
            let rules = compile(&[&text, FAILED]);
            let problem = rules.problems().first().unwrap_or_else(|| panic!("{text} was taken"));
            assert!(problem.reason.contains(reason), "{problem}");
            assert_eq!(problem.kind, kind, "{problem}");
            assert_eq!(alerts(&rules, "F1a"), "failed:F1a", "and the rule speaks for itself");
        }
    }
}
