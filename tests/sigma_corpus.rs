//! The rules of SigmaHQ and its recorded cases, read from the folder that `WEFWATCH_SIGMA` names (a checkout of SigmaHQ/sigma);
//! nothing of it is kept here. Without the variable these tests say that they did not run. With `WEFWATCH_SIGMA_REPORT` they
//! write what they found into that folder, for a comparison by hand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
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
