//! Elasticsearch's own EQL test queries, where somebody has them: `WEFWATCH_EQL_TESTS` names a folder with the files of
//! `x-pack/plugin/eql/qa/common/src/main/resources`. Documents become events whose data are the document's fields, queries
//! are rewritten to those fields, and the expected ids must come out. None of the files is part of this repository.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::detect::correlator::{Config, Correlator};
use crate::detect::ecs::Mapping;
use crate::detect::eql::lex::Span;
use crate::detect::eql::parse::parse;
use crate::detect::eql::syntax::{Body, EventFilter, FieldPath, Node, Pipe, Query, StageFilter, Term};
use crate::detect::{JoinKey, Observation, RuleFile, RuleSet};
use crate::event::testing::event;
use crate::event::time::{EventTime, TimeSource, parse as parse_time};

#[derive(Deserialize)]
struct Tests {
    queries: Vec<Test>,
}

#[derive(Deserialize)]
struct Test {
    name: Option<String>,
    query: String,
    expected_event_ids: Option<Vec<i64>>,
}

/// The files, their documents, and the field that tells documents apart.
const FILES: [(&str, &str, &str); 4] = [
    ("test_queries.toml", "test_data.json", "serial_event_id"),
    ("additional_test_queries.toml", "test_data.json", "serial_event_id"),
    ("test_extra.toml", "data/extra.data", "sequence"),
    ("test_missing_events.toml", "data/missing-events.data", "sequence"),
];

/// Queries about what is not here, by a part of their name.
const OUT_OF_SCOPE: [(&str, &str); 3] = [
    ("VersionRange", "the field type `version`"),
    ("nullEquality", "a condition compared with null"),
    ("sequenceOptionalFieldAsQueryKeysOnly", "a field compared with a field that no mapping has"),
];

/// An event and its id in the tests.
type Document = (i64, Observation);

fn documents(path: &Path, id: &str) -> Vec<Document> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // The files have comment lines, which JSON does not know.
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let all: Vec<serde_json::Map<String, Json>> = serde_json::from_str(&lines.join("\n")).unwrap_or_default();
    let mut documents: Vec<Document> = all.iter().map(|document| observation(document, id)).collect();
    documents.sort_by_key(|(id, observation)| (observation.time.at, *id));
    documents
}

fn observation(document: &serde_json::Map<String, Json>, id: &str) -> Document {
    let number = document.get(id).and_then(Json::as_i64).unwrap_or_default();
    let time = match document.get("@timestamp").or_else(|| document.get("timestamp")) {
        // Windows counts 100 ns from 1601.
        Some(Json::Number(ticks)) => {
            DateTime::from_timestamp_millis((ticks.as_i64().unwrap_or_default() - 116_444_736_000_000_000) / 10_000)
        }
        Some(Json::String(text)) => {
            text.parse::<i64>().ok().and_then(DateTime::from_timestamp_millis).or_else(|| parse_time(text))
        }
        _ => None,
    };
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, value) in document {
        let values = if let Json::Array(values) = value { values.clone() } else { vec![value.clone()] };
        fields.extend(values.iter().filter_map(text).map(|text| (name.clone(), text)));
    }
    let borrowed: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let event = event("Test", "Test", 1, "test", number.unsigned_abs(), &borrowed);
    let at = time.unwrap_or_default();
    let time = EventTime { at, source: TimeSource::TimeCreated, offset: None };
    (number, Observation { event: Arc::new(event), time, received_at: at })
}

fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

/// A change of the query's text.
type Edit = (Span, String);

/// The query over the data of events instead of the document's fields, without pipes and without the usual look-back.
fn rewrite(text: &str, query: &Query) -> String {
    let mut edits: Vec<Edit> = Vec::new();
    match &query.body {
        Body::Event(event) => edit_event(event, &mut edits),
        Body::Sequence(sequence) => {
            let after = sequence.by.last().map_or(sequence.span, |field| field.span).end;
            if sequence.maxspan.is_none() {
                edits.push((Span { start: after, end: after }, " with maxspan=36500d".to_owned()));
            }
            sequence.by.iter().for_each(|field| edit_field(field, &mut edits));
            sequence.stages.iter().chain(&sequence.until).for_each(|stage| edit_stage(stage, &mut edits));
        }
    }
    edits.sort_by_key(|(span, _)| (span.start, span.end));
    edits.dedup();
    let mut rewritten = text.to_owned();
    for (span, replacement) in edits.iter().rev() {
        rewritten.replace_range(span.start..span.end, replacement);
    }
    rewritten
}

fn edit_stage(stage: &StageFilter, edits: &mut Vec<Edit>) {
    edit_event(&stage.event, edits);
    stage.by.iter().for_each(|field| edit_field(field, edits));
}

fn edit_event(event: &EventFilter, edits: &mut Vec<Edit>) {
    let EventFilter { category, span, condition, condition_span } = event;
    if category != "any" {
        let start = Span { start: condition_span.start, end: condition_span.start };
        edits.push((*span, "any".to_owned()));
        edits.push((start, format!("winlog.event_data.event_type == \"{category}\" and (")));
        edits.push((Span { start: condition_span.end, end: condition_span.end }, ")".to_owned()));
    }
    edit_node(condition, edits);
}

fn edit_node(node: &Node, edits: &mut Vec<Edit>) {
    match node {
        Node::Constant(_) => {}
        Node::Not(inner) => edit_node(inner, edits),
        Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| edit_node(part, edits)),
        Node::Compare { field, .. } | Node::Call { field, .. } => edit_field(field, edits),
        Node::Script { left, comparison, .. } => {
            let terms = comparison.iter().flat_map(|(_, values)| values).chain([left]);
            terms.for_each(|term: &Term| term.each_field(&mut |field| edit_field(field, edits)));
        }
    }
}

fn edit_field(field: &FieldPath, edits: &mut Vec<Edit>) {
    let optional = if field.is_optional { "?" } else { "" };
    edits.push((field.span, format!("{optional}winlog.event_data.{}", field.name)));
}

/// The ids that a query answers, as Elasticsearch's tests write them: -1 for what is missing.
fn run(text: &str, query: &Query, documents: &[Document]) -> Result<Vec<i64>, String> {
    let end = text.find("| head").into_iter().chain(text.find("| tail")).min().unwrap_or(text.len());
    let text = rewrite(&text[..end], query);
    let rules = Arc::new(RuleSet::compile(&[RuleFile { origin: "t.eql".to_owned(), text: text.clone() }], &Mapping::default()));
    if rules.rules().count() == 0 {
        // A condition that never holds is none to compile.
        return match rules.problems() {
            [problem] if problem.kind == crate::detect::ProblemKind::Impossible => Ok(Vec::new()),
            problems => Err(format!("{problems:?} {text}")),
        };
    }
    let id_of = |observation: &Observation| {
        let is_it = |(_, own): &&Document| Arc::ptr_eq(&own.event, &observation.event);
        documents.iter().find(is_it).map_or(0, |(id, _)| *id)
    };
    let mut correlator = Correlator::new(Config { max_partials_per_key: 10_000, ..Config::default() });
    let mut results: Vec<Vec<i64>> = Vec::new();
    let mut sequences: BTreeMap<(DateTime<Utc>, i64, JoinKey), Vec<i64>> = BTreeMap::new();
    let mut completed = Vec::new();
    for (id, observation) in documents {
        let hits = rules.observe(&observation.event);
        results.extend(hits.rules.iter().map(|_| vec![*id]));
        completed.extend(correlator.advance(&rules, observation, &hits.stages));
    }
    completed.extend(correlator.drain(&rules));
    for one in completed {
        let ids: Vec<i64> = one.members.iter().map(id_of).collect();
        let last = one.members.last().map(|member| member.time.at).unwrap_or_default();
        sequences.insert((last, ids.last().copied().unwrap_or_default(), one.key.clone()), with_missing(query, &ids));
    }
    results.extend(sequences.into_values());
    for pipe in &query.pipes {
        match *pipe {
            Pipe::Head(most) => results.truncate(most as usize),
            Pipe::Tail(most) => drop(results.drain(..results.len().saturating_sub(most as usize))),
        }
    }
    Ok(results.concat())
}

fn with_missing(query: &Query, ids: &[i64]) -> Vec<i64> {
    let Body::Sequence(sequence) = &query.body else { return ids.to_vec() };
    let mut ids = ids.iter().copied();
    let mut all = Vec::new();
    for stage in &sequence.stages {
        for _ in 0..stage.runs {
            all.extend(if stage.is_missing { Some(-1) } else { ids.next() });
        }
    }
    all
}

#[test]
fn elasticsearchs_test_queries() {
    let Some(folder) = std::env::var_os("WEFWATCH_EQL_TESTS") else {
        eprintln!("not run: WEFWATCH_EQL_TESTS names no folder with Elasticsearch's EQL tests");
        return;
    };
    let folder = Path::new(&folder);
    let mut failed = Vec::new();
    for (file, data, id) in FILES {
        let Ok(text) = std::fs::read_to_string(folder.join(file)) else {
            eprintln!("{file}: not there");
            continue;
        };
        let tests: Tests = toml::from_str(&text).unwrap();
        let documents = documents(&folder.join(data), id);
        let (mut right, mut outside) = (0, 0);
        for test in &tests.queries {
            let name = test.name.as_deref().unwrap_or(&test.query);
            let scope = OUT_OF_SCOPE.iter().find(|(part, _)| name.contains(part)).map(|(_, reason)| *reason);
            if let Some(reason) = scope {
                outside += 1;
                eprintln!("{file}: {name}: out of scope: {reason}");
                continue;
            }
            let parsed = parse(&test.query);
            let expected = test.expected_event_ids.clone().unwrap_or_default();
            match parsed.map_err(|refused| refused.reason).and_then(|query| run(&test.query, &query, &documents)) {
                Ok(ids) if ids == expected => right += 1,
                other => failed.push(format!("{file}: {name}: {other:?}, expected {expected:?}\n{}", test.query)),
            }
        }
        eprintln!(
            "{file}: {} queries over {} events: {right} right, {outside} out of scope",
            tests.queries.len(),
            documents.len()
        );
    }
    assert!(failed.is_empty(), "{} failed:\n{}", failed.len(), failed.join("\n"));
}
