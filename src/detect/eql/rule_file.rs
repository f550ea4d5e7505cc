//! The two forms of an EQL rule file: the `.toml` of Elastic's detection-rules, and a bare `.eql` query whose leading `//`
//! comments describe it.

use std::sync::Arc;

use chrono::TimeDelta;
use serde::Deserialize;
use toml::Spanned;

use crate::alert::{RuleInfo, RuleLanguage, Severity, Technique};
use crate::detect::{ProblemKind, RuleFile};

/// How far a rule looks back where it does not say: Elastic's usual `from = "now-9m"`.
const LOOK_BACK: TimeDelta = TimeDelta::minutes(9);

/// A rule file, read.
pub(super) struct Read {
    /// What the rule says about itself.
    pub(super) info: RuleInfo,
    /// The query.
    pub(super) query: String,
    /// Where the query begins in the file: its line, counted from 0.
    pub(super) first_line: usize,
    /// How far the rule looks back.
    pub(super) look_back: TimeDelta,
}

/// Why a rule file holds no EQL rule that is for here.
pub(super) struct NotARule {
    /// The line, counted from 1, where it is known.
    pub(super) line: Option<usize>,
    /// What is wrong.
    pub(super) reason: String,
    /// Whether the file is broken or of another kind.
    pub(super) kind: ProblemKind,
    /// What the rule says about itself, where it got that far.
    pub(super) info: Option<Arc<RuleInfo>>,
}

#[derive(Deserialize)]
struct File {
    rule: Rule,
}

#[derive(Deserialize)]
struct Rule {
    #[serde(rename = "rule_id")]
    id: Option<String>,
    name: Option<String>,
    #[serde(default)]
    author: Vec<String>,
    description: Option<String>,
    #[serde(default)]
    references: Vec<String>,
    #[serde(default)]
    false_positives: Vec<String>,
    note: Option<String>,
    severity: Option<String>,
    risk_score: Option<u8>,
    version: Option<i64>,
    language: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    from: Option<String>,
    query: Option<Spanned<String>>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default)]
    threat: Vec<Threat>,
}

#[derive(Deserialize)]
struct Threat {
    tactic: Option<Named>,
    #[serde(default)]
    technique: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    subtechnique: Vec<Self>,
}

/// Reads a rule file by its ending.
pub(super) fn read(file: &RuleFile) -> Result<Read, NotARule> {
    if file.origin.rsplit('.').next() == Some("toml") { read_toml(file) } else { Ok(read_bare(file)) }
}

fn read_toml(file: &RuleFile) -> Result<Read, NotARule> {
    let line_of = |at: usize| file.text.get(..at).map(|before| before.matches('\n').count());
    let parsed: File = toml::from_str(&file.text).map_err(|error| NotARule {
        line: error.span().and_then(|span| line_of(span.start)).map(|line| line + 1),
        reason: error.message().to_owned(),
        kind: ProblemKind::Broken,
        info: None,
    })?;
    let rule = parsed.rule;
    let severity = rule.severity.as_deref().map_or(Ok(Severity::Medium), str::parse);
    let elsewhere = elsewhere(&rule);
    let query = rule.query.clone();
    let look_back = rule.from.as_deref().and_then(parse_from).unwrap_or(LOOK_BACK);
    let info = info(rule, *severity.as_ref().unwrap_or(&Severity::Medium), file);
    let refuse = |reason: String, kind| NotARule { line: None, reason, kind, info: Some(Arc::new(info.clone())) };
    if let Some(reason) = elsewhere {
        return Err(refuse(reason, ProblemKind::Other));
    }
    severity.map_err(|error| refuse(error.to_string(), ProblemKind::Broken))?;
    let Some(query) = query else { return Err(refuse("the rule has no query".to_owned(), ProblemKind::Broken)) };
    let start = query.span().start;
    // TOML drops a line break right after the opening quotes.
    let opening = file.text.get(start..).unwrap_or_default();
    let is_broken_after = ["'''\n", "'''\r\n", "\"\"\"\n", "\"\"\"\r\n"].iter().any(|quotes| opening.starts_with(quotes));
    let first_line = line_of(start).unwrap_or_default() + usize::from(is_broken_after);
    Ok(Read { info, query: query.into_inner(), first_line, look_back })
}

/// Why the rule is not for here, if it is not: another type, another language, another platform.
fn elsewhere(rule: &Rule) -> Option<String> {
    if let Some(kind) = rule.kind.as_deref().filter(|kind| *kind != "eql") {
        return Some(format!("a rule of type `{kind}` is not run here"));
    }
    if let Some(language) = rule.language.as_deref().filter(|language| *language != "eql") {
        return Some(format!("a rule in the language `{language}` is not run here"));
    }
    let platforms: Vec<&str> = rule.tags.iter().filter_map(|tag| tag.strip_prefix("OS: ")).collect();
    let is_elsewhere = !platforms.is_empty() && !platforms.contains(&"Windows");
    is_elsewhere.then(|| format!("a rule for {}", platforms.join(", ")))
}

fn info(rule: Rule, severity: Severity, file: &RuleFile) -> RuleInfo {
    let technique = |named: &Named| Technique { id: named.id.clone(), name: named.name.clone() };
    let mut techniques: Vec<Technique> = Vec::new();
    // A subtechnique says what its technique says, and more.
    for named in rule.threat.iter().flat_map(|threat| &threat.technique) {
        let finer: Vec<Technique> = named.subtechnique.iter().map(technique).collect();
        techniques.extend(if finer.is_empty() { vec![technique(named)] } else { finer });
    }
    techniques.dedup();
    let tactics = rule.threat.iter().filter_map(|threat| threat.tactic.as_ref()).map(technique).collect();
    let lines = |text: &str| text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    RuleInfo {
        id: rule.id.unwrap_or_else(|| file.origin.clone()),
        name: rule.name.unwrap_or_else(|| file.origin.clone()),
        language: RuleLanguage::Eql,
        version: rule.version.map(|version| version.to_string()),
        author: rule.author,
        references: rule.references,
        description: rule.description.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" "),
        severity,
        risk_score: rule.risk_score.unwrap_or_else(|| severity.risk_score()),
        techniques,
        tactics,
        false_positives: rule.false_positives,
        triage: rule.note.as_deref().map(lines).unwrap_or_default(),
        maxspan_ms: None,
        origin: file.origin.clone(),
    }
}

/// `now-9m`
fn parse_from(from: &str) -> Option<TimeDelta> {
    let span = from.strip_prefix("now-")?;
    let number: i64 = span.get(..span.len().checked_sub(1)?)?.parse().ok()?;
    match span.chars().last()? {
        's' => TimeDelta::try_seconds(number),
        'm' => TimeDelta::try_minutes(number),
        'h' => TimeDelta::try_hours(number),
        'd' => TimeDelta::try_days(number),
        _ => None,
    }
}

fn read_bare(file: &RuleFile) -> Read {
    let comments = file.text.lines().map(str::trim).take_while(|line| line.starts_with("//") || line.is_empty());
    let description: Vec<&str> =
        comments.map(|line| line.trim_start_matches('/').trim()).filter(|line| !line.is_empty()).collect();
    let name = file.origin.rsplit(['/', '\\']).next().unwrap_or(&file.origin);
    let name = name.strip_suffix(".eql").unwrap_or(name).to_owned();
    let info = RuleInfo {
        id: name.clone(),
        name,
        language: RuleLanguage::Eql,
        version: None,
        author: Vec::new(),
        references: Vec::new(),
        description: description.join(" "),
        severity: Severity::Medium,
        risk_score: Severity::Medium.risk_score(),
        techniques: Vec::new(),
        tactics: Vec::new(),
        false_positives: Vec::new(),
        triage: Vec::new(),
        maxspan_ms: None,
        origin: file.origin.clone(),
    };
    Read { info, query: file.text.clone(), first_line: 0, look_back: LOOK_BACK }
}
