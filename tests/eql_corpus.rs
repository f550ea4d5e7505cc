//! Elastic's own rule files, where somebody has them: `WEFWATCH_DETECTION_RULES` names a checkout of
//! elastic/detection-rules. Every EQL rule for Windows must parse, and each has its verdict. The files are under the Elastic
//! License 2.0; none of them is part of this repository.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wefwatch::detect::ecs::Mapping;
use wefwatch::detect::rule::Logic;
use wefwatch::detect::{ProblemKind, RuleFile, RuleSet};

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            found.push(path);
        }
    }
}

#[test]
fn every_windows_rule_parses_and_has_its_verdict() {
    let Some(checkout) = std::env::var_os("WEFWATCH_DETECTION_RULES").map(PathBuf::from) else {
        eprintln!("not run: WEFWATCH_DETECTION_RULES names no checkout of elastic/detection-rules");
        return;
    };
    let mut paths = Vec::new();
    for folder in ["rules", "rules_building_block"] {
        files(&checkout.join(folder), &mut paths);
    }
    paths.sort();
    assert!(!paths.is_empty(), "no rules in {}", checkout.display());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut broken = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let origin = path.display().to_string();
        let is_windows = text.contains("\"OS: Windows\"") || origin.contains("/windows/");
        let rules = RuleSet::compile(&[RuleFile { origin, text }], &Mapping::default());
        let mut verdict = |word: &str, is_sequence: bool| {
            let platform = if is_windows { "windows" } else { "elsewhere" };
            *counts.entry(format!("{platform} {word}")).or_default() += 1;
            if is_sequence {
                *counts.entry(format!("{platform} {word}, sequences")).or_default() += 1;
            }
        };
        for (_, rule) in rules.rules() {
            verdict(if rule.limits.is_empty() { "full" } else { "degraded" }, matches!(rule.logic, Logic::Sequence(_)));
            rule.limits.iter().for_each(|limit| *reasons.entry(format!("degraded: {limit}")).or_default() += 1);
        }
        for problem in rules.problems() {
            verdict(problem.kind.as_str(), false);
            match problem.kind {
                ProblemKind::Broken => broken.push(problem.to_string()),
                ProblemKind::Impossible if is_windows => {
                    *reasons.entry(format!("impossible: {}", problem.reason)).or_default() += 1;
                }
                ProblemKind::Other | ProblemKind::Impossible => {}
            }
        }
        assert_eq!(rules.rules().count() + rules.problems().len(), 1, "one verdict a rule");
    }
    for (verdict, count) in &counts {
        eprintln!("{count:5} {verdict}");
    }
    if std::env::var_os("WEFWATCH_REASONS").is_some() {
        let mut sorted: Vec<_> = reasons.iter().collect();
        sorted.sort_by_key(|(reason, count)| (std::cmp::Reverse(**count), (*reason).clone()));
        sorted.iter().for_each(|(reason, count)| eprintln!("{count:5} {reason}"));
    }
    assert_eq!(broken, Vec::<String>::new(), "every rule parses");
}
