//! From EQL's syntax to the predicates of the matching core, with Elasticsearch's meaning: `==`, `in`, `like` and `regex`
//! compare exactly, `:` and the forms with `~` fold ASCII letters, only `:` and `like` know wildcards, a regular expression
//! covers the whole value, addresses compare as addresses, and a missing field satisfies nothing but a negation. The one
//! exception is `not f > n`, which Elasticsearch rewrites to `f <= n`: false for a missing field.

use chrono::TimeDelta;
use regex::RegexBuilder;

use crate::detect::ecs::{self, Category, Kind};
use crate::detect::eql::lex::{Refused, Span};
use crate::detect::eql::parse::{EventFilter, FieldPath, Literal, Node, Operator, Query, SequenceFilter};
use crate::detect::predicate::{Case, Expr, FieldId, FieldName, Network, Ordering, Pattern, Predicates, Test, Wild};
use crate::detect::route::Route;
use crate::detect::{Logic, Sequence, Stage};

/// A compiled regular expression may take at most this much memory, in bytes.
const REGEX_LIMIT: usize = 1 << 20;

/// Compiles a query. `look_back` is the span of a sequence that names none: how far the rule looks back.
pub(super) fn compile(query: &Query, look_back: TimeDelta, predicates: &mut Predicates) -> Result<Logic, Refused> {
    match query {
        Query::Event(event) => {
            let route = route(event)?;
            Ok(Logic::Single { route, condition: condition(&event.condition, false, predicates)? })
        }
        Query::Sequence(sequence) => compile_sequence(sequence, look_back, predicates).map(Logic::Sequence),
    }
}

fn compile_sequence(sequence: &SequenceFilter, look_back: TimeDelta, predicates: &mut Predicates) -> Result<Sequence, Refused> {
    let mut stages = Vec::new();
    let keys = sequence.stages.first().map_or(0, |stage| stage.by.len());
    for filter in &sequence.stages {
        if filter.by.len() != keys {
            return Err(Refused::new(filter.event.span, "every stage must have the same number of join fields"));
        }
        let by: Vec<FieldId> = sequence.by.iter().chain(&filter.by).map(|field| field_id(field, predicates)).collect();
        let stage = Stage { route: route(&filter.event)?, condition: condition(&filter.event.condition, false, predicates)?, by };
        stages.extend(std::iter::repeat_n(stage, filter.runs));
    }
    if stages.len() > 64 {
        return Err(Refused::new(Span { start: 0, end: 0 }, "a sequence of more than 64 stages"));
    }
    let maxspan = sequence.maxspan.map_or(look_back, TimeDelta::milliseconds);
    Ok(Sequence { stages, maxspan })
}

fn route(event: &EventFilter) -> Result<Route, Refused> {
    if event.category == "any" {
        return Ok(Route::Any);
    }
    Category::named(&event.category).map(Route::Category).ok_or_else(|| {
        Refused::not_for_us(event.span, format!("category `{}`: events of that kind are not mapped here", event.category))
    })
}

fn field_id(field: &FieldPath, predicates: &mut Predicates) -> FieldId {
    predicates.field(FieldName::Ecs(field.name.as_str().into()))
}

/// Compiles a condition, or with `is_negative` its contrary (De Morgan down to the comparisons).
fn condition(node: &Node, is_negative: bool, predicates: &mut Predicates) -> Result<Expr, Refused> {
    let mut all =
        |parts: &[Node]| parts.iter().map(|part| condition(part, is_negative, predicates)).collect::<Result<Vec<_>, _>>();
    match node {
        Node::Constant(truth) => Ok(Expr::Constant(*truth != is_negative)),
        Node::Not(inner) => condition(inner, !is_negative, predicates),
        Node::And(parts) if is_negative => Ok(Expr::Or(all(parts)?)),
        Node::Or(parts) if is_negative => Ok(Expr::And(all(parts)?)),
        Node::And(parts) => Ok(Expr::And(all(parts)?)),
        Node::Or(parts) => Ok(Expr::Or(all(parts)?)),
        Node::Compare { field, operator, values } => compare(field, *operator, values, is_negative, predicates),
        Node::Call { function, ignores_case, field, values } => {
            let expr = call(function, *ignores_case, field, values, predicates)?;
            Ok(if is_negative { !expr } else { expr })
        }
    }
}

type Values<'a> = &'a [(Literal, Span)];

fn compare(
    field: &FieldPath,
    operator: Operator,
    values: Values<'_>,
    is_negative: bool,
    predicates: &mut Predicates,
) -> Result<Expr, Refused> {
    let id = field_id(field, predicates);
    if let Some(ordering) = ordering(operator) {
        let ordering = if is_negative { contrary(ordering) } else { ordering };
        let numbers = numbers(values)?;
        let why = format!("{} {}", sign(ordering), in_words(values));
        return Ok(predicates.atom(id, Test::Number { ordering, any: numbers }, &why));
    }
    let (nulls, others): (Vec<_>, Vec<_>) = values.iter().cloned().partition(|(literal, _)| *literal == Literal::Null);
    let mut parts = Vec::new();
    if !nulls.is_empty() {
        parts.push(!predicates.atom(id, Test::Exists, "is there"));
    }
    if !others.is_empty() {
        let (test, verb) = test(field, operator, &others)?;
        let why = words_for(verb, &others);
        parts.push(predicates.atom(id, test, &why));
    }
    let expr = if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) };
    Ok(if is_negative { !expr } else { expr })
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

fn call(
    function: &str,
    ignores_case: bool,
    field: &FieldPath,
    values: Values<'_>,
    predicates: &mut Predicates,
) -> Result<Expr, Refused> {
    let id = field_id(field, predicates);
    if function == "cidrmatch" {
        let network = |(literal, span): &(Literal, Span)| match literal {
            Literal::Text(text) => Network::parse(text).ok_or_else(|| Refused::new(*span, format!("`{text}` is not a network"))),
            _ => Err(Refused::new(*span, "a network is written as text")),
        };
        let any = values.iter().map(network).collect::<Result<_, _>>()?;
        return Ok(predicates.atom(id, Test::Address { any }, &words_for("in network", values)));
    }
    let place = match function {
        "startswith" => Pattern::StartsWith,
        "endswith" => Pattern::EndsWith,
        _ => Pattern::Contains,
    };
    let verb = match function {
        "startswith" => "starts with",
        "endswith" => "ends with",
        _ => "contains",
    };
    let any = values.iter().map(|(literal, _)| place(text_of(literal))).collect();
    let case = if ignores_case { Case::Ascii } else { Case::Exact };
    Ok(predicates.atom(id, Test::Text { any, case }, &words_for(verb, values)))
}

/// `*` and `?` are wildcards, everything else is itself; a backslash, too.
fn wild(text: &str) -> Vec<Wild> {
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
fn regex((literal, span): &(Literal, Span), ignores_case: bool) -> Result<regex::Regex, Refused> {
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
                return Err(Refused::not_for_us(
                    *span,
                    format!("not supported yet: Lucene's `{character}` in a regular expression"),
                ));
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

fn ordering(operator: Operator) -> Option<Ordering> {
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
        Literal::Number(number) => Ok(*number),
        Literal::Text(text) => text.trim().parse().map_err(|_| Refused::new(*span, format!("`{text}` is not a number"))),
        Literal::Bool(_) | Literal::Null => Err(Refused::new(*span, "a number is compared with numbers")),
    };
    values.iter().map(number).collect()
}

fn text_of(literal: &Literal) -> String {
    match literal {
        Literal::Text(text) => text.clone(),
        Literal::Number(number) => number.to_string(),
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
