//! The rules of SigmaHQ and its recorded cases, read from the folder that `WEFWATCH_SIGMA` names (a checkout of SigmaHQ/sigma);
//! nothing of it is kept here. Without the variable these tests say that they did not run. With `WEFWATCH_SIGMA_REPORT` they
//! write what they found into that folder, for a comparison by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use evtx::EvtxParser;
use wefwatch::decode::windows_xml;
use wefwatch::detect::ecs::Mapping;
use wefwatch::detect::{ProblemKind, RuleFile, RuleSet};
use wefwatch::event::WindowsEvent;

/// The folders with rules for Windows.
const FOLDERS: [&str; 3] = ["rules/windows", "rules-emerging-threats", "rules-threat-hunting"];

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("WEFWATCH_SIGMA").map(PathBuf::from);
    if folder.is_none() {
        println!("not run: WEFWATCH_SIGMA names no checkout of SigmaHQ/sigma");
    }
    folder
}

fn report(name: &str, text: &str) {
    if let Some(folder) = std::env::var_os("WEFWATCH_SIGMA_REPORT") {
        std::fs::write(Path::new(&folder).join(name), text).unwrap();
    }
}

fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            walk(&path, ending, found);
        } else if path.extension().is_some_and(|own| own == ending) {
            found.push(path);
        }
    }
    found.sort();
}

/// All rules that name Windows as their product.
fn windows_rules(corpus: &Path) -> Vec<RuleFile> {
    let mut paths = Vec::new();
    FOLDERS.iter().for_each(|folder| walk(&corpus.join(folder), "yml", &mut paths));
    let read = |path: &PathBuf| RuleFile { origin: path.display().to_string(), text: std::fs::read_to_string(path).unwrap() };
    let is_windows = |file: &RuleFile| file.text.lines().any(|line| line.trim() == "product: windows");
    paths.iter().map(read).filter(is_windows).collect()
}

fn events(path: &Path) -> Vec<WindowsEvent> {
    let mut parser = EvtxParser::from_path(path).unwrap();
    let texts: Vec<String> = parser.records().filter_map(Result::ok).map(|record| record.data).collect();
    texts.iter().filter_map(|text| windows_xml::parse(event_of(text)).ok()).collect()
}

/// The event without the declaration that stands before it.
fn event_of(text: &str) -> &str {
    text.find("<Event").and_then(|start| text.get(start..)).unwrap_or(text).trim_end()
}

/// What wefwatch matches, as the lines of `sigma_oracle.py`.
fn answers(rules: &RuleSet, events: &[WindowsEvent]) -> BTreeSet<String> {
    let lines = |event: &WindowsEvent| {
        let name = format!(
            "{}|{}|{}|{}",
            event.computer().to_lowercase(),
            event.channel(),
            event.event_id(),
            event.record_id().map_or(String::new(), |id| id.0.to_string())
        );
        let hits = rules.observe(event);
        hits.rules.into_iter().map(move |index| format!("{name}\t{}", rules.get(index).info.id)).collect::<Vec<_>>()
    };
    events.iter().flat_map(lines).collect()
}

/// The events of XML texts and event logs under a path.
fn events_under(path: &Path) -> Vec<WindowsEvent> {
    let mut paths = Vec::new();
    if path.is_dir() {
        ["evtx", "xml", "gz"].iter().for_each(|ending| walk(path, ending, &mut paths));
    } else {
        paths.push(path.to_owned());
    }
    paths
        .iter()
        .flat_map(|path| if path.extension().is_some_and(|own| own == "evtx") { events(path) } else { texts(path) })
        .collect()
}

fn texts(path: &Path) -> Vec<WindowsEvent> {
    let mut bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|own| own == "gz") {
        let mut inner = Vec::new();
        flate2::read::MultiGzDecoder::new(bytes.as_slice()).read_to_end(&mut inner).unwrap();
        bytes = inner;
    }
    let text = String::from_utf8_lossy(&bytes);
    let begins = |at: &usize| matches!(text.as_bytes().get(at + 6), Some(b' ' | b'>'));
    let starts = text.match_indices("<Event").map(|(at, _)| at).filter(begins);
    let whole = |start: usize| text[start..].find("</Event>").map(|end| &text[start..start + end + "</Event>".len()]);
    starts.filter_map(whole).filter_map(|event| windows_xml::parse(event).ok()).collect()
}

/// Compares with the other evaluation, which knows no impossible rules: what it says of those is left out.
fn compare(name: &str, rules: &RuleSet, events: &[WindowsEvent], theirs: &str) {
    let own = answers(rules, events);
    let is_impossible = |line: &&str| {
        let rule = line.split('\t').nth(1);
        let mut refused = rules.problems().iter().filter(|problem| problem.kind == ProblemKind::Impossible);
        refused.any(|problem| problem.info.as_ref().map(|info| info.id.as_str()) == rule)
    };
    let theirs: BTreeSet<String> = theirs.lines().filter(|line| !is_impossible(line)).map(str::to_owned).collect();
    let more: Vec<_> = own.difference(&theirs).collect();
    let fewer: Vec<_> = theirs.difference(&own).collect();
    let fired: BTreeSet<_> = own.iter().filter_map(|line| line.split('\t').nth(1)).collect();
    println!(
        "{name}: {} events, {} matches of {} rules, {} not theirs, {} of theirs missing",
        events.len(),
        own.len(),
        fired.len(),
        more.len(),
        fewer.len()
    );
    let lines = |lines: &[&String], sign: char| lines.iter().map(|line| format!("{sign} {line}\n")).collect::<String>();
    report(&format!("{name}.diff"), &(lines(&more, '+') + &lines(&fewer, '-')));
    assert!(more.is_empty() && fewer.is_empty(), "{:?} {:?}", more.first(), fewer.first());
}

#[test]
fn an_independent_evaluation_agrees() {
    let Some(corpus) = corpus() else { return };
    let rules = RuleSet::compile(&windows_rules(&corpus), &Mapping::default());
    let samples: Vec<WindowsEvent> = events_under(Path::new("samples"));
    compare("samples", &rules, &samples, include_str!("sigma_answers.txt"));
    let (Some(folders), Some(theirs)) = (std::env::var_os("WEFWATCH_EVENTS"), std::env::var_os("WEFWATCH_SIGMA_ANSWERS")) else {
        println!("recordings not compared: WEFWATCH_EVENTS and WEFWATCH_SIGMA_ANSWERS name none");
        return;
    };
    let events: Vec<WindowsEvent> = std::env::split_paths(&folders).flat_map(|path| events_under(&path)).collect();
    compare("recordings", &rules, &events, &std::fs::read_to_string(theirs).unwrap());
}

#[test]
fn every_rule_loads_or_says_why() {
    let Some(corpus) = corpus() else { return };
    let files = windows_rules(&corpus);
    let rules = RuleSet::compile(&files, &Mapping::default());
    let mut by_kind: BTreeMap<&str, usize> = BTreeMap::new();
    let mut told = String::new();
    for problem in rules.problems() {
        *by_kind.entry(problem.kind.as_str()).or_default() += 1;
        writeln!(told, "{} {problem}", problem.kind.as_str()).unwrap();
    }
    let mut limits = String::new();
    for (_, rule) in rules.rules().filter(|(_, rule)| !rule.limits.is_empty()) {
        writeln!(limits, "{} {:?}", rule.info.origin, rule.limits).unwrap();
    }
    let loaded = rules.rules().count();
    println!("{} rules: {loaded} run ({} in part), not: {by_kind:?}", files.len(), limits.lines().count());
    report("problems.txt", &told);
    report("limits.txt", &limits);
    let broken: Vec<_> = rules.problems().iter().filter(|problem| problem.kind == ProblemKind::Broken).collect();
    assert!(broken.is_empty(), "{broken:#?}");
    assert_eq!(loaded + rules.problems().len(), files.len());
    assert!(rules.problems().iter().all(|problem| problem.info.is_some()));
}

#[test]
fn recorded_cases_fire_their_own_rule() {
    let Some(corpus) = corpus() else { return };
    let rules = RuleSet::compile(&windows_rules(&corpus), &Mapping::default());
    let mut cases = Vec::new();
    walk(&corpus.join("regression_data"), "evtx", &mut cases);
    let mut missed = Vec::new();
    for case in &cases {
        let id = case.file_stem().unwrap().to_str().unwrap();
        let fires = |event: &WindowsEvent| rules.observe(event).rules.iter().any(|index| rules.get(*index).info.id == id);
        if !events(case).iter().any(fires) {
            missed.push(case.display().to_string());
        }
    }
    println!("{} cases, {} missed", cases.len(), missed.len());
    assert_eq!(missed, [] as [String; 0]);
}
