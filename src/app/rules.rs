//! `wefwatch rules`: which rules run and which do not and why; and why one of them fired on recorded events, or not.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::alert::{Alert, Matched, RuleInfo};
use crate::app::failure::Failure;
use crate::app::{config_of, load_config, print, recording, rule_files};
use crate::cli::{ExplainArguments, RulesArguments, RulesCommand};
use crate::config::Config;
use crate::console::counted::count_of;
use crate::console::printable::printable;
use crate::detect::explain::{Explainer, Explanation, NearMiss};
use crate::detect::{ProblemKind, RuleFile, RuleIndex, RuleProblem, RuleSet, load};
use crate::input::clock;
use crate::output::format;

/// Does what `wefwatch rules` asks for.
pub fn run(command: &RulesCommand) -> Result<(), Failure> {
    match command {
        RulesCommand::List(arguments) => list(arguments, false),
        RulesCommand::Check(arguments) => list(arguments, true),
        RulesCommand::Explain(arguments) => explain(arguments),
    }
}

fn list(arguments: &RulesArguments, is_check: bool) -> Result<(), Failure> {
    // Rule folders of the configuration that are not asked for need not be there.
    let config = if arguments.paths.is_empty() {
        config_of(arguments.config.as_deref(), &[])
    } else {
        load_config(arguments.config.as_deref())
    }?;
    let paths = if arguments.paths.is_empty() { &config.rules.directories } else { &arguments.paths };
    // Whoever checks files wants to hear of these files.
    let builtin = if is_check && !arguments.paths.is_empty() { Vec::new() } else { load::builtin() };
    let (files, unreadable) = rule_files::read(paths).map_err(|error| Failure::Usage(error.to_string()))?;
    let files: Vec<RuleFile> = builtin.into_iter().chain(files).collect();
    let rules = RuleSet::compile(&files, &config.mapping).with_problems(unreadable);
    print(&if arguments.json { as_json(&rules) } else { as_table(&rules) })?;
    let broken = count(&rules, ProblemKind::Broken);
    if is_check && broken > 0 { Err(Failure::Run(format!("{broken} broken"))) } else { Ok(()) }
}

fn count(rules: &RuleSet, kind: ProblemKind) -> usize {
    rules.problems().iter().filter(|problem| problem.kind == kind).count()
}

fn as_table(rules: &RuleSet) -> String {
    let mut table = format!("{:<10} {:<5} {:<13} {:<36} {}\n", "VERDICT", "LANG", "SEVERITY", "ID", "NAME");
    for (_, rule) in rules.rules() {
        table.push_str(&row(rule.verdict(), &rule.info, &rule.info.name));
        rule.limits.iter().for_each(|limit| table.push_str(&format!("{:<10} {}\n", "", printable(limit))));
    }
    let mut problems: Vec<&RuleProblem> = rules.problems().iter().collect();
    problems.sort_by_key(|problem| problem.kind as u8);
    for problem in problems {
        let verdict = problem.kind.as_str();
        match &problem.info {
            Some(info) => {
                table.push_str(&row(verdict, info, &info.name));
                table.push_str(&format!("{:<10} {}\n", "", printable(&problem.to_string())));
            }
            None => table.push_str(&format!("{verdict:<10} {}\n", printable(&problem.to_string()))),
        }
    }
    let full = rules.rules().filter(|(_, rule)| rule.limits.is_empty()).count();
    let running = rules.rules().count();
    let [broken, impossible, other] =
        [ProblemKind::Broken, ProblemKind::Impossible, ProblemKind::Other].map(|kind| count(rules, kind));
    table.push_str(&format!(
        "{running} rules run: {full} full, {} degraded. {} do not: {impossible} impossible, {other} other, {broken} broken.\n",
        running - full,
        rules.problems().len()
    ));
    table
}

fn row(verdict: &str, info: &RuleInfo, name: &str) -> String {
    let (language, severity) = (info.language.as_str(), info.severity.as_str());
    format!("{verdict:<10} {language:<5} {severity:<13} {:<36} {}\n", printable(&info.id), printable(name))
}

fn as_json(rules: &RuleSet) -> String {
    let running = rules.rules().map(|(_, rule)| {
        let mut row = about(&rule.info, &rule.info.origin);
        row["verdict"] = json!(rule.verdict());
        row["reason"] = if rule.limits.is_empty() { Value::Null } else { json!(rule.limits.join("; ")) };
        row
    });
    let others = rules.problems().iter().map(|problem| {
        let nothing = || json!({"file": problem.origin, "id": null, "name": problem.rule, "language": null, "severity": null, "techniques": []});
        let mut row = problem.info.as_ref().map_or_else(nothing, |info| about(info, &problem.origin));
        row["verdict"] = json!(problem.kind.as_str());
        row["reason"] = json!(problem.reason);
        row["line"] = json!(problem.line);
        row["column"] = json!(problem.column);
        row
    });
    format::pretty(&json!(running.chain(others).collect::<Vec<_>>()))
}

fn about(info: &RuleInfo, file: &str) -> Value {
    let techniques: Vec<&str> = info.techniques.iter().map(|technique| technique.id.as_str()).collect();
    json!({"file": file, "id": info.id, "name": info.name, "language": info.language, "severity": info.severity,
           "techniques": techniques})
}

fn explain(arguments: &ExplainArguments) -> Result<(), Failure> {
    let config = config_of(arguments.config.as_deref(), &arguments.rules)?;
    let (rules, index) = find(&arguments.rule, &config)?;
    let mut explainer = Explainer::new(rules.clone(), index, config.sequence);
    let rejected = recording::each_event(&arguments.files, config.limits.max_frame, |event| {
        explainer.observe(Arc::new(event), clock::now());
    })?;
    let explanation = explainer.finish();
    let info = &rules.get(index).info;
    print(&if arguments.json { explanation_json(info, &explanation) } else { in_words(info, &explanation, rejected) })
}

/// The rule that is meant, in a set of its own.
fn find(wanted: &str, config: &Config) -> Result<(Arc<RuleSet>, RuleIndex), Failure> {
    let path = Path::new(wanted);
    let is_file = path.is_file();
    let (files, _) = if is_file { rule_files::read(&[path.to_owned()]) } else { rule_files::read(&config.rules.directories) }
        .map_err(|error| Failure::Usage(error.to_string()))?;
    let files: Vec<RuleFile> = if is_file { files } else { load::builtin().into_iter().chain(files).collect() };
    let rules = Arc::new(RuleSet::compile(&files, &config.mapping));
    let is_meant = |info: &RuleInfo| is_file || info.id == wanted || info.name.eq_ignore_ascii_case(wanted);
    let found = rules.rules().find(|(_, rule)| is_meant(&rule.info)).map(|(index, _)| index);
    if let Some(index) = found {
        return Ok((rules, index));
    }
    let is_it = |problem: &&RuleProblem| is_file || problem.info.as_ref().is_some_and(|info| is_meant(info));
    match rules.problems().iter().find(is_it) {
        Some(problem) => Err(Failure::Run(format!("{}: {}", problem.kind.as_str(), problem))),
        None => Err(Failure::Usage(format!("no rule `{wanted}`: name a rule file, or the id or name of a loaded rule"))),
    }
}

fn in_words(info: &RuleInfo, explanation: &Explanation, rejected: u64) -> String {
    let mut text = format!("{} ({}, {})\n", printable(&info.name), info.language.as_str(), printable(&info.id));
    text.push_str(&format!("{} read", count_of(explanation.seen, "event")));
    if rejected > 0 {
        text.push_str(&match rejected {
            1 => ", 1 message was no event".to_owned(),
            _ => format!(", {} were no events", count_of(rejected, "message")),
        });
    }
    let times = if explanation.fired == 1 { "once".to_owned() } else { format!("{} times", explanation.fired) };
    text.push_str(&if explanation.fired == 0 { "; it did not fire\n".to_owned() } else { format!("; it fired {times}\n") });
    explanation.alerts.iter().for_each(|alert| text.push_str(&firing(alert)));
    if explanation.fired > explanation.alerts.len() as u64 {
        text.push_str(&format!("\n... and {} more\n", explanation.fired - explanation.alerts.len() as u64));
    }
    if explanation.fired > 0 {
        return text;
    }
    for (number, story) in explanation.stages.iter().enumerate() {
        let name = if explanation.stages.len() > 1 { format!("stage {}", number + 1) } else { "the rule".to_owned() };
        text.push_str(&format!("\n{name}: {} of its kind, held for {}\n", count_of(story.of_its_kind, "event"), story.held));
        if let Some(nearest) = story.nearest.as_ref().filter(|_| story.held == 0) {
            text.push_str(&near_miss(nearest));
        }
    }
    if let Some(apart) = &explanation.apart {
        text.push_str(&format!("\nall stages held, but {apart}\n"));
    }
    text
}

fn time(at: chrono::DateTime<chrono::Utc>) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

fn firing(alert: &Alert) -> String {
    let mut text = format!("\n{}  {}\n", time(alert.time), printable(&alert.message));
    for proof in alert.evidence.iter() {
        let record = proof.record_id.map_or(String::new(), |id| format!("record {}  ", id.0));
        let head = format!("{}  EID {}  {record}{}", time(proof.time), proof.event_id, proof.computer);
        text.push_str(&format!("  {}  {}\n", proof.stage + 1, printable(&head)));
        proof.matched.iter().for_each(|row| text.push_str(&condition(row, "")));
        for derived in &proof.derived {
            let value = format!("{} = {} (derived: {})", derived.field, derived.value, derived.reason);
            text.push_str(&format!("       {}\n", printable(&value)));
        }
    }
    text
}

fn condition(row: &Matched, wanted: &str) -> String {
    let value = if row.value.is_empty() { "(nothing)" } else { &row.value };
    format!("       {:<20} {}   {wanted}{}\n", printable(&row.field), printable(value), printable(&row.why))
}

fn near_miss(nearest: &NearMiss) -> String {
    let record = nearest.record_id.map_or(String::new(), |id| format!("record {id}  "));
    let count = nearest.lacking.len();
    let lacks = if count == 1 { "one condition fails".to_owned() } else { format!("{count} conditions fail") };
    let head = format!("{}  {record}{}  {}", time(nearest.time), nearest.computer, nearest.summary);
    let mut text = format!("  nearest: {}\n  {lacks}:\n", printable(&head));
    nearest.lacking.iter().for_each(|row| text.push_str(&condition(row, "wanted: ")));
    text
}

fn explanation_json(info: &RuleInfo, explanation: &Explanation) -> String {
    let rows = |rows: &[Matched]| -> Vec<Value> {
        rows.iter().map(|row| json!({"field": row.field, "value": row.value, "why": row.why})).collect()
    };
    let alerts = explanation.alerts.iter().map(|alert| {
        let evidence = alert.evidence.iter().map(|proof| {
            json!({"stage": proof.stage, "computer": proof.computer, "record_id": proof.record_id.map(|id| id.0),
                   "event_id": proof.event_id.0, "time": time(proof.time), "matched": rows(&proof.matched)})
        });
        json!({"id": alert.id.0, "time": time(alert.time), "message": alert.message, "evidence": evidence.collect::<Vec<_>>()})
    });
    let stages = explanation.stages.iter().map(|story| {
        let nearest = story.nearest.as_ref().filter(|_| story.held == 0).map(|nearest| {
            json!({"time": time(nearest.time), "computer": nearest.computer, "record_id": nearest.record_id,
                   "summary": nearest.summary, "lacking": rows(&nearest.lacking)})
        });
        json!({"events": story.of_its_kind, "held": story.held, "nearest": nearest})
    });
    let all = json!({"rule": {"id": info.id, "name": info.name, "language": info.language}, "events": explanation.seen,
                     "fired": explanation.fired, "alerts": alerts.collect::<Vec<_>>(), "stages": stages.collect::<Vec<_>>(),
                     "apart": explanation.apart});
    format::pretty(&all)
}
