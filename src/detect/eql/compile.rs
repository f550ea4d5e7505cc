//! From EQL's syntax to the predicates of the matching core, with Elasticsearch's meaning: `==`, `in`, `like` and `regex`
//! compare exactly, `:` and the forms with `~` fold ASCII letters, only `:` and `like` know wildcards, a regular expression
//! covers the whole value, addresses compare as addresses, and a missing field satisfies nothing but a negation. The
//! exceptions are `not f > n`, which Elasticsearch rewrites to `f <= n`, and scripts: false for a missing field.

use chrono::TimeDelta;
use regex::RegexBuilder;

use crate::detect::ecs::{self, Category, Kind};
use crate::detect::eql::lex::{Refused, Span};
use crate::detect::eql::script::{self, Check, Code, Script};
use crate::detect::eql::syntax::{
    Body, EventFilter, FieldPath, Function, Literal, Node, Operand, Operator, Query, SequenceFilter, StageFilter, Term,
};
use crate::detect::predicate::network::Network;
use crate::detect::predicate::pattern::{Case, Pattern, Wild};
use crate::detect::predicate::{Expr, FieldId, FieldName, Ordering, Predicates, Test};
use crate::detect::route::Route;
use crate::detect::rule::{JoinField, Logic, Role, Sequence, Stage};

/// A compiled regular expression may take at most this much memory, in bytes.
const REGEX_LIMIT: usize = 1 << 20;
/// How many stages a sequence may have, runs counted one by one, `until` included.
const MAX_STAGES: usize = 127;

/// Compiles a query, whose text is `source`. `look_back` is the span of a sequence that names none: how far the rule looks
/// back.
pub(super) fn compile(query: &Query, source: &str, look_back: TimeDelta, predicates: &mut Predicates) -> Result<Logic, Refused> {
    let mut compiler = Compiler { source, predicates };
    match &query.body {
        Body::Event(event) => Ok(Logic::Single { route: route(event), condition: compiler.condition(&event.condition, false)? }),
        Body::Sequence(sequence) => compiler.sequence(sequence, look_back).map(Logic::Sequence),
    }
}

/// Which events a filter looks at. A category that no event here is of never gets so far.
fn route(event: &EventFilter) -> Route {
    Category::named(&event.category).map_or(Route::Any, Route::Category)
}

type Values<'a> = &'a [(Literal, Span)];

struct Compiler<'c> {
    source: &'c str,
    predicates: &'c mut Predicates,
}

impl Compiler<'_> {
    fn sequence(&mut self, sequence: &SequenceFilter, look_back: TimeDelta) -> Result<Sequence, Refused> {
        let mut stages = Vec::new();
        let keys = sequence.stages.first().map_or(0, |stage| stage.by.len());
        for filter in &sequence.stages {
            let role = if filter.is_missing { Role::Missing } else { Role::Event };
            let stage = self.stage(sequence, filter, role, keys)?;
            // An event that must not come once must not come twice, either.
            stages.extend(std::iter::repeat_n(stage, if filter.is_missing { 1 } else { filter.runs }));
        }
        if let Some(filter) = &sequence.until {
            stages.push(self.stage(sequence, filter, Role::Until, keys)?);
        }
        if stages.len() > MAX_STAGES {
            return Err(Refused::new(sequence.span, format!("a sequence of more than {MAX_STAGES} stages")));
        }
        let maxspan = sequence.maxspan.map_or(look_back, TimeDelta::milliseconds);
        Ok(Sequence { stages, maxspan })
    }

    fn stage(&mut self, sequence: &SequenceFilter, filter: &StageFilter, role: Role, keys: usize) -> Result<Stage, Refused> {
        if filter.by.len() != keys {
            return Err(Refused::new(filter.event.span, "every stage must have the same number of join fields"));
        }
        let mut by = Vec::new();
        for field in sequence.by.iter().chain(&filter.by) {
            by.push(JoinField { field: self.field(&field.name), is_optional: field.is_optional });
        }
        Ok(Stage { route: route(&filter.event), condition: self.condition(&filter.event.condition, false)?, by, role })
    }

    fn field(&mut self, name: &str) -> FieldId {
        self.predicates.field(FieldName::Ecs(name.into()))
    }

    /// Compiles a condition, or with `is_negative` its contrary (De Morgan down to the comparisons).
    fn condition(&mut self, node: &Node, is_negative: bool) -> Result<Expr, Refused> {
        let turn = |expr: Expr| if is_negative { !expr } else { expr };
        match node {
            Node::Constant(truth) => Ok(Expr::Constant(*truth != is_negative)),
            Node::Not(inner) => self.condition(inner, !is_negative),
            Node::And(parts) if is_negative => Ok(Expr::Or(self.all(parts, true)?)),
            Node::Or(parts) if is_negative => Ok(Expr::And(self.all(parts, true)?)),
            Node::And(parts) => Ok(Expr::And(self.all(parts, false)?)),
            Node::Or(parts) => Ok(Expr::Or(self.all(parts, false)?)),
            Node::Compare { field, operator, values, .. } => self.compare(field, *operator, values, is_negative),
            Node::Call { function, ignores_case, field, values, .. } => {
                self.call(*function, *ignores_case, field, values).map(turn)
            }
            Node::Script { left, comparison, span } => {
                let text = self.source.get(span.start..span.end).unwrap_or_default();
                let why = if is_negative { format!("not {text}") } else { text.to_owned() };
                self.script(left, comparison.as_ref(), is_negative, &why)
            }
        }
    }

    fn all(&mut self, parts: &[Node], is_negative: bool) -> Result<Vec<Expr>, Refused> {
        parts.iter().map(|part| self.condition(part, is_negative)).collect()
    }

    fn compare(&mut self, field: &FieldPath, operator: Operator, values: Values<'_>, is_negative: bool) -> Result<Expr, Refused> {
        let id = self.field(&field.name);
        if let Some(ordering) = ordering(operator) {
            let ordering = if is_negative { contrary(ordering) } else { ordering };
            let why = format!("{} {}", sign(ordering), in_words(values));
            let is_text = |(literal, _): &(Literal, Span)| matches!(literal, Literal::Text(_));
            if ecs::kind(&field.name) == Kind::Keyword && values.iter().all(is_text) {
                let others = values.iter().map(|(literal, _)| Code::Constant(script::datum(literal))).collect();
                let (code, check) = (Code::Field(id, false), Check::Compare(ordering, others));
                let script = Script { code, check, is_negative: false };
                return Ok(self.predicates.atom(id, Test::Script(script), &why));
            }
            let numbers = numbers(values)?;
            return Ok(self.predicates.atom(id, Test::Number { ordering, any: numbers }, &why));
        }
        let (nulls, others): (Vec<_>, Vec<_>) = values.iter().cloned().partition(|(literal, _)| *literal == Literal::Null);
        let mut parts = Vec::new();
        if !nulls.is_empty() {
            parts.push(!self.predicates.atom(id, Test::Exists, "is there"));
        }
        if !others.is_empty() {
            let (test, verb) = test(field, operator, &others)?;
            let why = words_for(verb, &others);
            parts.push(self.predicates.atom(id, test, &why));
        }
        let expr = if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) };
        Ok(if is_negative { !expr } else { expr })
    }

    fn call(&mut self, function: Function, ignores_case: bool, field: &FieldPath, values: Values<'_>) -> Result<Expr, Refused> {
        let id = self.field(&field.name);
        let (place, verb): (fn(String) -> Pattern, &str) = match function {
            Function::CidrMatch => {
                let any = values.iter().map(network).collect::<Result<_, _>>()?;
                return Ok(self.predicates.atom(id, Test::Address { any }, &words_for("in network", values)));
            }
            Function::StartsWith => (Pattern::StartsWith, "starts with"),
            Function::EndsWith => (Pattern::EndsWith, "ends with"),
            _ => (Pattern::Contains, "contains"),
        };
        let any = values.iter().map(|(literal, _)| place(text_of(literal))).collect();
        let case = if ignores_case { Case::Ascii } else { Case::Exact };
        Ok(self.predicates.atom(id, Test::Text { any, case }, &words_for(verb, values)))
    }

    fn script(
        &mut self,
        left: &Term,
        comparison: Option<&(Operator, Vec<Term>)>,
        is_negative: bool,
        why: &str,
    ) -> Result<Expr, Refused> {
        let mut first = None;
        let code = self.code(left, &mut first);
        let mut checks = Vec::new();
        match comparison {
            None => checks.push(Check::Truth),
            Some((operator, values)) => {
                let (nulls, others): (Vec<&Term>, Vec<&Term>) = values.iter().partition(|value| is_null(value));
                if !nulls.is_empty() {
                    checks.push(Check::IsNull);
                }
                if !others.is_empty() {
                    checks.push(self.check(*operator, &others, &mut first)?);
                }
            }
        }
        let Some(field) = first else { return Err(Refused::new(left.span, "a condition must read a field")) };
        let mut parts = Vec::new();
        for check in checks {
            let script = Script { code: code.clone(), check, is_negative };
            parts.push(self.predicates.atom(field, Test::Script(script), why));
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else if is_negative {
            Expr::And(parts)
        } else {
            Expr::Or(parts)
        })
    }

    /// The code of an expression; `first` becomes the first field that any expression of the condition reads.
    fn code(&mut self, term: &Term, first: &mut Option<FieldId>) -> Code {
        Code::of(term, &mut |name| {
            let id = self.predicates.field(FieldName::Ecs(name.into()));
            first.get_or_insert(id);
            (id, ecs::kind(name) == Kind::Number)
        })
    }

    fn check(&mut self, operator: Operator, values: &[&Term], first: &mut Option<FieldId>) -> Result<Check, Refused> {
        if operator == Operator::Equal {
            let codes = values.iter().map(|value| self.code(value, first)).collect();
            return Ok(Check::Compare(Ordering::Equal, codes));
        }
        if let Some(ordering) = ordering(operator) {
            return Ok(Check::Compare(ordering, values.iter().map(|value| self.code(value, first)).collect()));
        }
        let mut constants = Vec::new();
        for value in values {
            match &value.operand {
                Operand::Literal(literal) => constants.push((literal.clone(), value.span)),
                _ => return Err(Refused::new(value.span, "a pattern is a constant")),
            }
        }
        match operator {
            Operator::Regex | Operator::RegexFold => {
                let any = constants.iter().map(|value| regex(value, operator == Operator::RegexFold));
                Ok(Check::Regex(any.collect::<Result<_, _>>()?))
            }
            _ => {
                let case = if operator == Operator::Like { Case::Exact } else { Case::Ascii };
                let is_like = operator != Operator::EqualFold;
                let pattern = |(literal, _): &(Literal, Span)| {
                    let text = case.fold(&text_of(literal)).into_owned();
                    if is_like { Pattern::from_wild(wild(&text)) } else { Pattern::Equals(text) }
                };
                Ok(Check::Text(constants.iter().map(pattern).collect(), case))
            }
        }
    }
}

pub(super) fn is_null(term: &Term) -> bool {
    matches!(term.operand, Operand::Literal(Literal::Null))
}

fn network((literal, span): &(Literal, Span)) -> Result<Network, Refused> {
    let text = text_of(literal);
    Network::parse(&text).ok_or_else(|| Refused::new(*span, format!("`{text}` is not a network")))
}

fn words_for(verb: &str, values: Values<'_>) -> String {
    match (verb, values) {
        ("", [_]) => format!("= {}", in_words(values)),
        ("", _) => format!("in ({})", in_words(values)),
        (verb, [_]) => format!("{verb} {}", in_words(values)),
        (verb, _) => format!("{verb} any of ({})", in_words(values)),
    }
}

/// The test of a comparison that is no ordering, and its verb (empty for equality).
fn test(field: &FieldPath, operator: Operator, values: Values<'_>) -> Result<(Test, &'static str), Refused> {
    let kind = ecs::kind(&field.name);
    let has_wildcard = values.iter().any(|(literal, _)| matches!(literal, Literal::Text(text) if text.contains(['*', '?'])));
    let is_pattern = matches!(operator, Operator::Like | Operator::LikeFold) && has_wildcard;
    match operator {
        Operator::Regex | Operator::RegexFold => {
            let any = values.iter().map(|value| regex(value, operator == Operator::RegexFold)).collect::<Result<_, _>>()?;
            Ok((Test::Regex { any }, "matches"))
        }
        _ if kind == Kind::Number && !is_pattern => Ok((Test::Number { ordering: Ordering::Equal, any: numbers(values)? }, "")),
        _ if kind == Kind::Ip && !is_pattern => {
            let address = |(literal, span): &(Literal, Span)| match literal {
                Literal::Text(text) => {
                    Network::parse(text).ok_or_else(|| Refused::new(*span, format!("`{text}` is not an address")))
                }
                _ => Err(Refused::new(*span, "an address is written as text")),
            };
            Ok((Test::Address { any: values.iter().map(address).collect::<Result<_, _>>()? }, ""))
        }
        Operator::Like | Operator::LikeFold => {
            let any = values.iter().map(|(literal, _)| Pattern::from_wild(wild(&text_of(literal)))).collect();
            let case = if operator == Operator::Like { Case::Exact } else { Case::Ascii };
            Ok((Test::Text { any, case }, if has_wildcard { "like" } else { "" }))
        }
        _ => {
            let any = values.iter().map(|(literal, _)| Pattern::Equals(text_of(literal))).collect();
            let case = if operator == Operator::EqualFold { Case::Ascii } else { Case::Exact };
            Ok((Test::Text { any, case }, ""))
        }
    }
}

/// `*` and `?` are wildcards, everything else is itself; a backslash, too.
pub(super) fn wild(text: &str) -> Vec<Wild> {
    let mut pieces: Vec<Wild> = Vec::new();
    for character in text.chars() {
        match (character, pieces.last_mut()) {
            ('*', Some(Wild::Many)) => {}
            ('*', _) => pieces.push(Wild::Many),
            ('?', _) => pieces.push(Wild::One),
            (_, Some(Wild::Literal(literal))) => literal.push(character),
            _ => pieces.push(Wild::Literal(character.to_string())),
        }
    }
    pieces
}

/// A regular expression in Lucene's syntax: it covers the whole value, and `^` and `$` are letters like others.
pub(super) fn regex((literal, span): &(Literal, Span), ignores_case: bool) -> Result<regex::Regex, Refused> {
    let Literal::Text(text) = literal else { return Err(Refused::new(*span, "a regular expression is written as text")) };
    let mut source = String::with_capacity(text.len() + 16);
    let mut is_escaped = false;
    let mut in_class = false;
    for character in text.chars() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '^' | '$' if !in_class => source.push('\\'),
            '~' | '&' | '@' | '#' | '<' | '"' if !in_class => {
                return Err(Refused::new(*span, format!("Lucene's `{character}` in a regular expression is not run here")));
            }
            _ => {}
        }
        source.push(character);
    }
    let flags = if ignores_case { "(?is)" } else { "(?s)" };
    RegexBuilder::new(&format!(r"{flags}\A(?:{source})\z"))
        .size_limit(REGEX_LIMIT)
        .build()
        .map_err(|error| Refused::new(*span, format!("the regular expression cannot be run: {error}")))
}

pub(super) fn ordering(operator: Operator) -> Option<Ordering> {
    match operator {
        Operator::Less => Some(Ordering::Less),
        Operator::LessOrEqual => Some(Ordering::LessOrEqual),
        Operator::Greater => Some(Ordering::Greater),
        Operator::GreaterOrEqual => Some(Ordering::GreaterOrEqual),
        _ => None,
    }
}

fn contrary(ordering: Ordering) -> Ordering {
    match ordering {
        Ordering::Equal => Ordering::Equal,
        Ordering::Less => Ordering::GreaterOrEqual,
        Ordering::LessOrEqual => Ordering::Greater,
        Ordering::Greater => Ordering::LessOrEqual,
        Ordering::GreaterOrEqual => Ordering::Less,
    }
}

fn sign(ordering: Ordering) -> &'static str {
    match ordering {
        Ordering::Equal => "=",
        Ordering::Less => "<",
        Ordering::LessOrEqual => "<=",
        Ordering::Greater => ">",
        Ordering::GreaterOrEqual => ">=",
    }
}

fn numbers(values: Values<'_>) -> Result<Vec<f64>, Refused> {
    let number = |(literal, span): &(Literal, Span)| match literal {
        Literal::Number(number) | Literal::Decimal(number) => Ok(*number),
        Literal::Text(text) => text.trim().parse().map_err(|_| Refused::new(*span, format!("`{text}` is not a number"))),
        Literal::Bool(_) | Literal::Null => Err(Refused::new(*span, "a number is compared with numbers")),
    };
    values.iter().map(number).collect()
}

pub(super) fn text_of(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => text.clone(),
        Literal::Number(number) | Literal::Decimal(number) => number.to_string(),
        Literal::Bool(truth) => truth.to_string(),
        Literal::Null => String::new(),
    }
}

fn in_words(values: Values<'_>) -> String {
    let word = |(literal, _): &(Literal, Span)| match literal {
        Literal::Text(text) => format!("\"{text}\""),
        other => text_of(other),
    };
    values.iter().map(word).collect::<Vec<_>>().join(", ")
}
