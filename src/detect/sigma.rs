//! The Sigma front end: rule files in the Sigma specification 2.0 format become predicates. The YAML and the condition
//! grammar are read by `rsigma-parser`; what a detection item *means* is decided here (text compares without case, `*` and
//! `?` are wildcards, a number equals its text, null is an absent field, a list means any of, `|all` all of).

mod info;
mod item;

use std::collections::BTreeMap;
use std::sync::Arc;

use rsigma_parser::{ConditionExpr, Quantifier, SelectorPattern, SigmaRule, SigmaString, parse_sigma_yaml};

use crate::detect::ecs::Mapping;
use crate::detect::predicate::{Expr, Pattern, Predicates};
use crate::detect::route::Route;
use crate::detect::sigma::info::info;
use crate::detect::sigma::item::{compile_detection, wild_of};
use crate::detect::{Logic, ProblemKind, Rule, RuleFile, RuleProblem};

/// Reads all rules of a file and compiles them. A file can hold several documents; each that cannot run is a problem of its
/// own and the rest run.
pub fn compile(file: &RuleFile, mapping: &Mapping, predicates: &mut Predicates) -> (Vec<Rule>, Vec<RuleProblem>) {
    let problem = |rule: Option<&str>, reason: String, kind: ProblemKind| {
        let (line, column) = locate(&file.text, &reason);
        RuleProblem { origin: file.origin.clone(), line, column, rule: rule.map(str::to_owned), reason, kind, info: None }
    };
    let collection = match parse_sigma_yaml(&file.text) {
        Ok(collection) => collection,
        Err(error) => return (Vec::new(), vec![problem(None, error.to_string(), ProblemKind::Broken)]),
    };
    let mut problems: Vec<RuleProblem> =
        collection.errors.iter().map(|error| problem(None, error.clone(), ProblemKind::Broken)).collect();
    let not_run = "is not run here; only detection rules are";
    problems.extend(
        collection
            .correlations
            .iter()
            .map(|rule| problem(Some(&rule.title), format!("a correlation document {not_run}"), ProblemKind::Other)),
    );
    problems.extend(
        collection
            .filters
            .iter()
            .map(|rule| problem(Some(&rule.title), format!("a filter document {not_run}"), ProblemKind::Other)),
    );
    let mut rules = Vec::new();
    for rule in &collection.rules {
        match compile_rule(rule, file, mapping, predicates) {
            Ok(rule) => rules.push(rule),
            Err(Refused { reason, kind }) => {
                let mut refused = problem(Some(&rule.title), reason, kind);
                refused.info = Some(Arc::new(info(rule, file)));
                problems.push(refused);
            }
        }
    }
    if rules.is_empty() && problems.is_empty() {
        problems.push(problem(None, "the file holds no Sigma rule".to_owned(), ProblemKind::Broken));
    }
    (rules, problems)
}

struct Refused {
    reason: String,
    kind: ProblemKind,
}

impl From<String> for Refused {
    fn from(reason: String) -> Self {
        Self { reason, kind: ProblemKind::Broken }
    }
}

fn compile_rule(rule: &SigmaRule, file: &RuleFile, mapping: &Mapping, predicates: &mut Predicates) -> Result<Rule, Refused> {
    let source = &rule.logsource;
    let route = Route::of_logsource(source.category.as_deref(), source.product.as_deref(), source.service.as_deref(), mapping)
        .map_err(|reason| Refused { reason, kind: ProblemKind::Other })?;
    let mut named = BTreeMap::new();
    for (name, detection) in &rule.detection.named {
        let expr = compile_detection(detection, predicates).map_err(|reason| format!("in `{name}`: {reason}"))?;
        named.insert(name.as_str(), expr);
    }
    if rule.detection.timeframe.is_some() {
        return Err(Refused { reason: "`timeframe` (an old aggregation) is not run here".to_owned(), kind: ProblemKind::Other });
    }
    let conditions = rule.detection.conditions.iter().map(|condition| resolve(condition, &named));
    let condition = match conditions.collect::<Result<Vec<Expr>, String>>()?.as_slice() {
        [] => return Err("the rule has no condition".to_owned().into()),
        [only] => only.clone(),
        several => Expr::Or(several.to_vec()),
    };
    let info = Arc::new(info(rule, file));
    Ok(Rule {
        info,
        logic: Logic::Single { route, condition },
        head: None,
        fingerprint: crate::detect::load::fingerprint(&file.text, rule.id.as_deref().unwrap_or(&rule.title)),
        limits: Vec::new(),
    })
}

/// Puts the named detections into the condition.
fn resolve(condition: &ConditionExpr, named: &BTreeMap<&str, Expr>) -> Result<Expr, String> {
    let all = |parts: &[ConditionExpr]| parts.iter().map(|part| resolve(part, named)).collect::<Result<Vec<_>, _>>();
    match condition {
        ConditionExpr::And(parts) => Ok(Expr::And(all(parts)?)),
        ConditionExpr::Or(parts) => Ok(Expr::Or(all(parts)?)),
        ConditionExpr::Not(inner) => Ok(!resolve(inner, named)?),
        ConditionExpr::Identifier(name) => {
            named.get(name.as_str()).cloned().ok_or_else(|| format!("the condition names `{name}`, which is not defined"))
        }
        ConditionExpr::Selector { quantifier, pattern } => select(quantifier, pattern, named),
    }
}

/// `1 of selection_*`, `all of them`. Names that begin with `_` are not part of `them`, as the specification has it.
fn select(quantifier: &Quantifier, pattern: &SelectorPattern, named: &BTreeMap<&str, Expr>) -> Result<Expr, String> {
    let is_meant = |name: &str| match pattern {
        SelectorPattern::Them => !name.starts_with('_'),
        SelectorPattern::Pattern(pattern) => Pattern::Glob(wild_of(&SigmaString::new(pattern))).matches(name),
    };
    let parts: Vec<Expr> = named.iter().filter(|(name, _)| is_meant(name)).map(|(_, expr)| expr.clone()).collect();
    if parts.is_empty() {
        return Err(format!("`{quantifier} of {pattern}` selects nothing"));
    }
    match quantifier {
        Quantifier::Any | Quantifier::Count(1) => Ok(Expr::Or(parts)),
        Quantifier::All => Ok(Expr::And(parts)),
        Quantifier::Count(count) if *count as usize == parts.len() => Ok(Expr::And(parts)),
        Quantifier::Count(count) => Err(format!("`{count} of {pattern}` is not supported; use `1 of` or `all of`")),
    }
}

/// Finds the place that an error speaks of: the line it names itself, or the line of the word that it quotes.
fn locate(text: &str, reason: &str) -> (Option<usize>, Option<usize>) {
    let number_after = |word: &str| {
        let rest = &reason[reason.find(word)? + word.len()..];
        rest.split(|character: char| !character.is_ascii_digit()).next()?.parse::<usize>().ok()
    };
    if let Some(line) = number_after("at line ") {
        return (Some(line), number_after("column "));
    }
    let quoted = reason.split(['`', '\'']).skip(1).step_by(2).filter(|word| !word.is_empty()).last();
    let Some(word) = quoted else { return (None, None) };
    let detection = text.lines().position(|line| line.starts_with("detection")).unwrap_or_default();
    let is_meant = |line: &str| !reason.contains("condition") || line.trim_start().starts_with("condition");
    let found = text.lines().skip(detection).position(|line| is_meant(line) && has_word(line, word));
    (found.map(|line| line + detection + 1), None)
}

fn has_word(line: &str, word: &str) -> bool {
    let is_letter = |character: Option<char>| character.is_some_and(|character| character.is_alphanumeric() || character == '_');
    line.match_indices(word)
        .any(|(at, _)| !is_letter(line[..at].chars().next_back()) && !is_letter(line[at + word.len()..].chars().next()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RuleSet;
    use crate::event::WindowsEvent;
    use crate::event::testing::{event, sysmon};

    fn rules(logsource: &str, detection: &str) -> RuleSet {
        let text =
            format!("title: t\nid: x\nlogsource:\n  product: windows\n  {logsource}\ndetection:\n{detection}\nlevel: high\n");
        RuleSet::compile(&[RuleFile { origin: "t.yml".to_owned(), text }], &Mapping::default())
    }

    fn fires(detection: &str, event: &WindowsEvent) -> bool {
        let rules = rules("category: process_creation", detection);
        assert_eq!(rules.problems(), [], "{detection}");
        !rules.observe(event).rules.is_empty()
    }

    #[test]
    fn detection_items() {
        let event = sysmon(
            1,
            "A",
            1,
            &[
                ("Image", r"C:\Windows\System32\WHOAMI.exe"),
                ("CommandLine", "whoami /all \\\\srv\nsecond*line"),
                ("ProcessId", "5985"),
                ("FileVersion", ""),
                ("Product", "-"),
                ("User", "NT-AUTORITÄT\\NETZWERKDIENST"),
                ("ParentImage", r"C:\Windows\System32\whoami.exe"),
            ],
        );
        let rows = [
            ("number equals its text", "  s: {ProcessId: 5985}\n  condition: s", true),
            ("text equals without case", "  s: {Image: 'c:\\windows\\system32\\whoami.exe'}\n  condition: s", true),
            ("cased", "  s: {Image|endswith|cased: 'whoami.exe'}\n  condition: s", false),
            ("endswith", "  s: {Image|endswith: '\\Whoami.exe'}\n  condition: s", true),
            ("startswith with a wildcard inside", "  s: {Image|startswith: 'c:\\\\*\\system'}\n  condition: s", true),
            ("contains over a line break", "  s: {CommandLine|contains: 'whoami*second'}\n  condition: s", true),
            ("escaped wildcard", "  s: {CommandLine|contains: 'second\\*line'}\n  condition: s", true),
            ("escaped wildcard is literal", "  s: {CommandLine|contains: 'sec\\*line'}\n  condition: s", false),
            ("backslashes", "  s: {CommandLine|contains: '\\\\\\\\srv'}\n  condition: s", true),
            ("contains all", "  s: {CommandLine|contains|all: [whoami, '/ALL']}\n  condition: s", true),
            ("contains all, one missing", "  s: {CommandLine|contains|all: [whoami, nothing]}\n  condition: s", false),
            ("null is absent", "  s: {Hashes: null}\n  condition: s", true),
            ("null is not empty", "  s: {FileVersion: null}\n  condition: s", false),
            ("empty is empty", "  s: {FileVersion: ''}\n  condition: s", true),
            ("dash is dash", "  s: {Product: '-'}\n  condition: s", true),
            ("null in a list", "  s: {Hashes: [null, x]}\n  condition: s", true),
            ("letters beyond ASCII fold", "  s: {User|startswith: 'nt-autorität'}\n  condition: s", true),
            ("not of an absent field", "  s: {ProcessId: 5985}\n  f: {Hashes: x}\n  condition: s and not f", true),
            ("regex is case-sensitive", "  s: {Image|re: 'whoami'}\n  condition: s", false),
            ("regex with flag", "  s: {Image|re|i: 'who.mi'}\n  condition: s", true),
            ("greater", "  s: {ProcessId|gt: 5984}\n  condition: s", true),
            ("exists", "  s: {FileVersion|exists: true}\n  condition: s", true),
            ("fieldref", "  s: {Image|fieldref: ParentImage}\n  condition: s", true),
            ("neq", "  s: {ProcessId|neq: 1}\n  condition: s", true),
            ("keyword is a substring", "  s: [system32, nothing]\n  condition: s", true),
            ("a list of maps is an or", "  s:\n    - ProcessId: 1\n    - ProcessId: 5985\n  condition: s", true),
            ("1 of pattern", "  s_a: {ProcessId: 1}\n  s_b: {ProcessId: 5985}\n  condition: 1 of s_*", true),
            ("all of pattern", "  s_a: {ProcessId: 1}\n  s_b: {ProcessId: 5985}\n  condition: all of s_*", false),
            ("them leaves out underscores", "  _a: {ProcessId: 5985}\n  b: {ProcessId: 1}\n  condition: 1 of them", false),
            ("precedence", "  a: {ProcessId: 5985}\n  b: {ProcessId: 1}\n  condition: a or b and not a", true),
        ];
        for (name, detection, expected) in rows {
            assert_eq!(fires(detection, &event), expected, "{name}");
        }
    }

    #[test]
    fn routes() {
        let detection = "  s: {EventID: 4104}\n  condition: s";
        let script = event("microsoft-windows-powershell/operational", "Microsoft-Windows-PowerShell", 4104, "A", 1, &[]);
        let other = event("Security", "Microsoft-Windows-Security-Auditing", 4104, "A", 1, &[]);
        let set = rules("service: powershell", detection);
        assert_eq!(set.observe(&script).rules.len(), 1, "channel names compare without case");
        assert_eq!(set.observe(&other).rules.len(), 0);
        let defender = event("Microsoft-Windows-Windows Defender/Operational", "x", 1119, "A", 1, &[("Threat Name", "RedSun")]);
        assert_eq!(rules("service: windefend", "  s: {ThreatName: redsun}\n  condition: s").observe(&defender).rules.len(), 1);
        let list = event("Application", "x", 1, "A", 1, &[("", "one"), ("", "xp_cmdshell")]);
        assert_eq!(rules("service: application", "  s: {Data|contains: XP_}\n  condition: s").observe(&list).rules.len(), 1);
    }

    #[test]
    fn refused_with_line_and_reason() {
        let rows = [
            ("  s: {Image|sounds: x}\n  condition: s", Some(7), "sounds"),
            ("  s: {Image: x}\n  condition: s and t", Some(8), "`t`"),
            ("  s: {Image|re: '(?=x)'}\n  condition: s", None, "look-around"),
            ("  s: {Image|base64: x}\n  condition: s", Some(7), "base64"),
            ("  s: {Image: x}\n  condition: 1 of t*", None, "selects nothing"),
            ("  s: {Image: x\n  condition: s", Some(8), "YAML"),
        ];
        for (detection, line, reason) in rows {
            let rules = rules("category: process_creation", detection);
            let problem = rules.problems().first().unwrap_or_else(|| panic!("{detection} was taken"));
            assert!(problem.reason.contains(reason), "{problem}");
            if line.is_some() {
                assert_eq!(problem.line, line, "{problem}");
            }
            assert_eq!(problem.kind, ProblemKind::Broken);
        }
    }

    #[test]
    fn why_names_what_held() {
        let detection = "  s:\n    DestinationPort: [5985, 5986]\n    Initiated: 'true'\n  f:\n    User|contains: [SERVICE, DIENST]\n  condition: s and not f";
        let rules = rules("category: network_connection", detection);
        let event = sysmon(3, "A", 1, &[("DestinationPort", "5985"), ("Initiated", "true"), ("User", "CORP\\jdoe")]);
        let RuleSet { rules: all, .. } = &rules;
        let Logic::Single { condition, .. } = &all[0].logic else { panic!("a single rule") };
        let told = rules.evaluation(&event).explain(condition);
        let rows: Vec<(&str, &str, &str)> = told.iter().map(|row| (&*row.field, &*row.value, &*row.why)).collect();
        assert_eq!(
            rows,
            [
                ("DestinationPort", "5985", "in (5985, 5986)"),
                ("Initiated", "true", "= \"true\""),
                ("User", "CORP\\jdoe", "not contains any of (\"SERVICE\", \"DIENST\")"),
            ]
        );
    }
}
