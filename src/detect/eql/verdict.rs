//! Whether a rule can match what comes in here: in full, with conditions that never hold or never exclude, or not at all.
//! A condition on a field that no event of its kind carries is settled beforehand (`f : "x"` never holds, `not f : "x"`
//! always does, `f == null` holds), and so is one on a field whose value is the same for all events of the kind
//! (`event.type`). The same walk over the condition, once for each kind of event, answers the verdict and its reasons.

use std::borrow::Cow;

use crate::detect::ecs::{self, Category, Known, Mapping};
use crate::detect::eql::compile::{ordering, regex, text_of, wild};
use crate::detect::eql::lex::Span;
use crate::detect::eql::syntax::{Body, EventFilter, FieldPath, Function, Literal, Node, Operator, Query, StageFilter};
use crate::detect::predicate::pattern::Pattern;

/// Why a rule can never match here.
#[derive(Debug)]
pub(super) struct Impossible {
    /// What is missing.
    pub(super) reason: String,
    /// The piece of the query that rests on it.
    pub(super) span: Span,
    /// Whether the rule is for another platform.
    pub(super) is_elsewhere: bool,
}

/// Which conditions of a rule never hold or never exclude; or why it can never match.
pub(super) fn verdict(query: &Query, source: &str, mapping: &Mapping) -> Result<Vec<String>, Impossible> {
    let mut limits = Vec::new();
    let judge = Judge { source, mapping };
    match &query.body {
        Body::Event(event) => judge.event(event, &[], &mut limits)?,
        Body::Sequence(sequence) => {
            for stage in &sequence.stages {
                let by: Vec<&FieldPath> = sequence.by.iter().chain(&stage.by).collect();
                judge.stage(stage, &by, &mut limits)?;
            }
            if let Some(until) = &sequence.until {
                let by: Vec<&FieldPath> = sequence.by.iter().chain(&until.by).collect();
                if let Err(impossible) = judge.event(&until.event, &by, &mut limits) {
                    limits.push(format!("until never ends a sequence: {}", impossible.reason));
                }
            }
        }
    }
    Ok(limits)
}

/// What is known of a condition beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    Never,
    Open,
    Always,
}

impl Truth {
    fn turned(self, is_turned: bool) -> Self {
        match (self, is_turned) {
            (Self::Never, true) => Self::Always,
            (Self::Always, true) => Self::Never,
            (same, _) => same,
        }
    }
}

/// What settles a comparison beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// No event of the kind carries the field.
    Missing,
    /// All events of the kind carry the same values in it.
    Value,
}

/// A comparison in a condition, and whether an odd number of `not` stands before it.
#[derive(Clone, Copy)]
struct Leaf<'n> {
    node: &'n Node,
    field: &'n FieldPath,
    is_negative: bool,
    span: Span,
}

/// Why a condition never holds for a kind of event: the comparisons that make it so.
struct Death<'n>(Vec<(Cause, Leaf<'n>)>);

struct Judge<'j> {
    source: &'j str,
    mapping: &'j Mapping,
}

impl Judge<'_> {
    fn stage(&self, stage: &StageFilter, by: &[&FieldPath], limits: &mut Vec<String>) -> Result<(), Impossible> {
        let judged = self.event(&stage.event, by, limits);
        match judged {
            Err(impossible) if stage.is_missing => {
                limits.push(format!("the missing event never excludes: {}", impossible.reason));
                Ok(())
            }
            other => other,
        }
    }

    fn event(&self, event: &EventFilter, by: &[&FieldPath], limits: &mut Vec<String>) -> Result<(), Impossible> {
        let category = Category::named(&event.category);
        if category.is_none() && event.category != "any" {
            let reason = format!("no event here is of the category `{}`", event.category);
            return Err(Impossible { reason, span: event.span, is_elsewhere: false });
        }
        let all = ecs::kinds(category);
        let mut live: Vec<u32> =
            all.iter().copied().filter(|id| self.truth(&event.condition, false, *id) != Truth::Never).collect();
        if live.is_empty() {
            return Err(self.impossible(event, &all));
        }
        for field in by.iter().filter(|field| !field.is_optional) {
            live.retain(|id| ecs::known(&field.name, *id, self.mapping) != Known::Never);
            if live.is_empty() {
                let reason = format!("no {}event here carries {}, which the sequence joins by", kind(event), field.name);
                return Err(Impossible { reason, span: field.span, is_elsewhere: false });
            }
        }
        let mut leaves = Vec::new();
        gather(&event.condition, false, &mut leaves);
        for leaf in leaves {
            if let Some(limit) = self.limit(event, &leaf, &live).filter(|limit| !limits.contains(limit)) {
                limits.push(limit);
            }
        }
        Ok(())
    }

    /// What people should know of a comparison that is settled in every kind of event that can match.
    fn limit(&self, event: &EventFilter, leaf: &Leaf<'_>, live: &[u32]) -> Option<String> {
        let settled: Vec<(Truth, Cause)> = live.iter().filter_map(|id| self.settled(leaf.node, leaf.is_negative, *id)).collect();
        if settled.len() < live.len() {
            return None;
        }
        let name = &leaf.field.name;
        let is_missing = settled.iter().all(|(_, cause)| *cause == Cause::Missing);
        let is_all = |truth| settled.iter().all(|(own, _)| *own == truth);
        let kind = kind(event);
        let why = format!("no {kind}event here carries it");
        if is_missing && !leaf.is_negative && is_all(Truth::Never) {
            Some(format!("{name} never holds: {why}"))
        } else if is_missing && is_all(Truth::Always) && leaf.is_negative {
            Some(format!("{name} never excludes: {why}"))
        } else if is_missing && is_all(Truth::Always) {
            Some(format!("{name} == null always holds: {why}"))
        } else if is_missing {
            Some(format!("{name} never lets pass: {why}"))
        } else if !leaf.is_negative && is_all(Truth::Never) {
            // A value that does not occur, where it would exclude, excludes nothing that comes in; it is no loss.
            Some(format!("`{}` never holds: {}", self.text(leaf.span), self.values(name, live)))
        } else {
            None
        }
    }

    fn text(&self, span: Span) -> String {
        let words: Vec<&str> = self.source.get(span.start..span.end).unwrap_or_default().split_whitespace().collect();
        let text = words.join(" ");
        if text.chars().count() > 60 { text.chars().take(57).chain("...".chars()).collect() } else { text }
    }

    fn values(&self, name: &str, ids: &[u32]) -> String {
        let mut values: Vec<String> = Vec::new();
        for id in ids {
            let known = match ecs::known(name, *id, self.mapping) {
                Known::Always(known) => known.into_iter().map(Cow::into_owned).collect(),
                Known::OneOf(known) => known.iter().map(|value| (*value).to_owned()).collect(),
                Known::Never | Known::Varies => Vec::new(),
            };
            values.extend(known);
        }
        values.sort();
        values.dedup();
        match values.len() {
            0 => format!("{name} is not there"),
            1..=8 => format!("{name} here is {}", values.join(", ")),
            more => format!("{name} here is one of {more} others"),
        }
    }

    fn impossible(&self, event: &EventFilter, ids: &[u32]) -> Impossible {
        // The kind that comes closest: one that only lacks fields which no kind has; else one whose values no kind has.
        let mut deaths: Vec<Death<'_>> = ids.iter().map(|id| self.death(&event.condition, false, *id)).collect();
        let is_there = |name: &str| ids.iter().any(|id| ecs::known(name, *id, self.mapping) != Known::Never);
        let is_lacking = |death: &Death<'_>| death.0.iter().all(|(cause, _)| *cause == Cause::Missing);
        let is_close = |death: &Death<'_>| is_lacking(death) && !death.0.iter().any(|(_, leaf)| is_there(&leaf.field.name));
        let is_never = |leaf: &Leaf<'_>| ids.iter().all(|id| self.truth(leaf.node, leaf.is_negative, *id) == Truth::Never);
        let is_everywhere = |death: &Death<'_>| death.0.iter().all(|(_, leaf)| is_never(leaf));
        deaths.sort_by_key(|death| (!is_close(death), !is_everywhere(death), is_lacking(death)));
        let Some((death, (_, first))) = deaths.first().and_then(|death| Some((death, death.0.first()?))) else {
            let reason = "its condition never holds".to_owned();
            return Impossible { reason, span: event.condition_span, is_elsewhere: false };
        };
        let is_platform = |death: &Death<'_>| death.0.iter().any(|(_, leaf)| leaf.field.name == "host.os.type");
        let is_elsewhere = deaths.iter().all(is_platform);
        let (kind, text) = (kind(event), self.text(first.span));
        let reason = if is_elsewhere {
            format!("a rule for another platform: {text}")
        } else if is_lacking(death) {
            let mut names: Vec<&str> = death.0.iter().map(|(_, leaf)| leaf.field.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            names.truncate(4);
            format!("no {kind}event here carries {}", names.join(" or "))
        } else if is_everywhere(death) {
            format!("`{text}` never holds: {}", self.values(&first.field.name, ids))
        } else {
            format!("no {kind}event here satisfies `{text}` together with its other conditions")
        };
        Impossible { reason, span: first.span, is_elsewhere }
    }

    /// The comparisons that make a condition never hold for a kind; empty if it can hold.
    fn death<'n>(&self, node: &'n Node, is_negative: bool, id: u32) -> Death<'n> {
        if self.truth(node, is_negative, id) != Truth::Never {
            return Death(Vec::new());
        }
        match node {
            Node::Not(inner) => self.death(inner, !is_negative, id),
            Node::And(parts) | Node::Or(parts) => {
                let dead = parts.iter().filter(|part| self.truth(part, is_negative, id) == Truth::Never);
                let deaths = dead.map(|part| self.death(part, is_negative, id));
                if matches!(node, Node::And(_)) == is_negative {
                    // All had to die.
                    Death(deaths.flat_map(|death| death.0).collect())
                } else {
                    // One is enough; what another kind of event would settle differently says more than a missing field.
                    let is_kind = |death: &Death<'_>| death.0.iter().any(|(cause, _)| *cause == Cause::Value);
                    let mut deaths: Vec<Death<'n>> = deaths.collect();
                    deaths.sort_by_key(|death| !is_kind(death));
                    deaths.into_iter().next().unwrap_or(Death(Vec::new()))
                }
            }
            _ => {
                let cause = self.settled(node, is_negative, id).map(|(_, cause)| cause);
                let leaf = leaf(node, is_negative);
                Death(cause.zip(leaf).into_iter().collect())
            }
        }
    }

    fn truth(&self, node: &Node, is_negative: bool, id: u32) -> Truth {
        match node {
            Node::Constant(truth) => {
                if *truth == is_negative {
                    Truth::Never
                } else {
                    Truth::Always
                }
            }
            Node::Not(inner) => self.truth(inner, !is_negative, id),
            Node::And(parts) | Node::Or(parts) => {
                let truths = parts.iter().map(|part| self.truth(part, is_negative, id));
                // A negated `or` is an `and` of negations.
                let strong = if matches!(node, Node::And(_)) == is_negative { Truth::Always } else { Truth::Never };
                let mut is_open = false;
                for truth in truths {
                    if truth == strong {
                        return strong;
                    }
                    is_open |= truth == Truth::Open;
                }
                if is_open { Truth::Open } else { strong.turned(true) }
            }
            _ => self.settled(node, is_negative, id).map_or(Truth::Open, |(truth, _)| truth),
        }
    }

    /// What is known beforehand of a comparison (or of its contrary), and why.
    fn settled(&self, node: &Node, is_negative: bool, id: u32) -> Option<(Truth, Cause)> {
        let leaf = leaf(node, is_negative)?;
        let known = |field: &FieldPath| ecs::known(&field.name, id, self.mapping);
        if let Node::Script { left, comparison, .. } = node {
            let asks_for_null = comparison.iter().flat_map(|(_, values)| values).any(super::compile::is_null);
            let mut is_missing = false;
            left.each_field(&mut |field| is_missing |= known(field) == Known::Never);
            return (is_missing && !asks_for_null).then_some((Truth::Never, Cause::Missing));
        }
        let one = |value: &str| satisfies(node, value);
        let truth = match known(leaf.field) {
            Known::Varies => return None,
            Known::Never => {
                let truth = match node {
                    // `not f > n` is `f <= n`: false, too.
                    Node::Compare { operator, .. } if ordering(*operator).is_some() => {
                        return Some((Truth::Never, Cause::Missing));
                    }
                    Node::Compare { values, .. } if has_null(values) => Truth::Always,
                    _ => Truth::Never,
                };
                return Some((truth.turned(is_negative), Cause::Missing));
            }
            Known::Always(values) if values.is_empty() => {
                let truth =
                    if matches!(node, Node::Compare { values, .. } if has_null(values)) { Truth::Always } else { Truth::Never };
                return Some((truth.turned(is_negative), Cause::Value));
            }
            Known::Always(values) => {
                let truths: Option<Vec<bool>> = values.iter().map(|value| one(value)).collect();
                if truths?.contains(&true) { Truth::Always } else { Truth::Never }
            }
            Known::OneOf(values) => {
                let truths: Option<Vec<bool>> = values.iter().map(|value| one(value)).collect();
                if truths?.contains(&true) || matches!(node, Node::Compare { values, .. } if has_null(values)) {
                    return None;
                }
                Truth::Never
            }
        };
        Some((truth.turned(is_negative), Cause::Value))
    }
}

/// The category before the word `event`.
fn kind(event: &EventFilter) -> String {
    if event.category == "any" { String::new() } else { format!("{} ", event.category) }
}

fn has_null(values: &[(Literal, Span)]) -> bool {
    values.iter().any(|(literal, _)| *literal == Literal::Null)
}

fn leaf(node: &Node, is_negative: bool) -> Option<Leaf<'_>> {
    match node {
        Node::Compare { field, span, .. } | Node::Call { field, span, .. } => {
            Some(Leaf { node, field, is_negative, span: *span })
        }
        Node::Script { left, span, .. } => {
            let mut first = None;
            left.each_field(&mut |field| {
                first.get_or_insert(field);
            });
            first.map(|field| Leaf { node, field, is_negative, span: *span })
        }
        _ => None,
    }
}

fn gather<'n>(node: &'n Node, is_negative: bool, leaves: &mut Vec<Leaf<'n>>) {
    match node {
        Node::Constant(_) => {}
        Node::Not(inner) => gather(inner, !is_negative, leaves),
        Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| gather(part, is_negative, leaves)),
        _ => leaves.extend(leaf(node, is_negative)),
    }
}

/// Whether a value that is known beforehand satisfies a comparison; `None` where that is not told from here.
fn satisfies(node: &Node, value: &str) -> Option<bool> {
    let any = |values: &[(Literal, Span)], is_it: &dyn Fn(&str) -> bool| {
        values.iter().filter(|(literal, _)| *literal != Literal::Null).any(|(literal, _)| is_it(&text_of(literal)))
    };
    match node {
        Node::Compare { operator, values, .. } => match operator {
            Operator::Equal => Some(any(values, &|text| text == value)),
            Operator::EqualFold => Some(any(values, &|text| text.eq_ignore_ascii_case(value))),
            Operator::Like => Some(any(values, &|text| Pattern::from_wild(wild(text)).matches(value))),
            Operator::LikeFold => {
                let folded = value.to_ascii_lowercase();
                Some(any(values, &|text| Pattern::from_wild(wild(&text.to_ascii_lowercase())).matches(&folded)))
            }
            Operator::Regex | Operator::RegexFold => {
                let is_match =
                    |one: &(Literal, Span)| regex(one, *operator == Operator::RegexFold).map(|regex| regex.is_match(value));
                values.iter().map(is_match).collect::<Result<Vec<bool>, _>>().ok().map(|truths| truths.contains(&true))
            }
            _ => None,
        },
        Node::Call { function, ignores_case, values, .. } => {
            let fold = |text: &str| if *ignores_case { text.to_ascii_lowercase() } else { text.to_owned() };
            let value = fold(value);
            match function {
                Function::StartsWith => Some(any(values, &|text| value.starts_with(&fold(text)))),
                Function::EndsWith => Some(any(values, &|text| value.ends_with(&fold(text)))),
                Function::StringContains => Some(any(values, &|text| value.contains(&fold(text)))),
                _ => None,
            }
        }
        _ => None,
    }
}
