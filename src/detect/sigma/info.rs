//! What a Sigma rule says about itself: level, tags, authors, and our own additions under the key `wefwatch`.

use std::collections::HashMap;

use rsigma_parser::{CorrelationRule, Level, SigmaRule};
use yaml_serde::Value;

use crate::alert::{RuleInfo, RuleLanguage, Severity, Technique};
use crate::detect::RuleFile;

/// What detection rules and correlations say about themselves alike.
#[derive(Debug)]
pub(super) struct About<'a> {
    title: &'a str,
    id: Option<&'a str>,
    level: Option<Level>,
    description: Option<&'a str>,
    author: Option<&'a str>,
    date: Option<&'a str>,
    modified: Option<&'a str>,
    references: &'a [String],
    tags: &'a [String],
    falsepositives: &'a [String],
    ours: &'a HashMap<String, Value>,
}

macro_rules! about {
    ($kind:ty) => {
        impl<'a> From<&'a $kind> for About<'a> {
            fn from(rule: &'a $kind) -> Self {
                Self {
                    title: &rule.title,
                    id: rule.id.as_deref(),
                    level: rule.level,
                    description: rule.description.as_deref(),
                    author: rule.author.as_deref(),
                    date: rule.date.as_deref(),
                    modified: rule.modified.as_deref(),
                    references: &rule.references,
                    tags: &rule.tags,
                    falsepositives: &rule.falsepositives,
                    ours: &rule.custom_attributes,
                }
            }
        }
    };
}

about!(SigmaRule);
about!(CorrelationRule);

/// Gathers what the rule says about itself. A rule without an id is named by file and title.
pub(super) fn info<'a>(rule: impl Into<About<'a>>, file: &RuleFile) -> RuleInfo {
    let rule = rule.into();
    let severity = rule.level.and_then(|level| level.as_str().parse().ok()).unwrap_or(Severity::Medium);
    let ours = rule.ours.get("wefwatch");
    let triage = ours
        .and_then(|ours| ours.get("triage"))
        .and_then(|steps| steps.as_sequence())
        .map(|steps| steps.iter().filter_map(|step| step.as_str().map(str::to_owned)).collect());
    let technique_name = |id: &str| {
        let names = ours.and_then(|ours| ours.get("technique_names"));
        names.and_then(|names| names.get(id)).and_then(|name| name.as_str()).unwrap_or_default().to_owned()
    };
    let attack = |tag: &str| tag.strip_prefix("attack.").map(str::to_ascii_lowercase);
    let techniques = rule.tags.iter().filter_map(|tag| attack(tag)).filter(|tag| is_technique(tag)).map(|tag| {
        let id = tag.to_ascii_uppercase();
        Technique { name: technique_name(&id), id }
    });
    let tactics = rule.tags.iter().filter_map(|tag| attack(tag)).filter_map(|tag| {
        TACTICS
            .iter()
            .find(|(slug, ..)| *slug == tag.replace('_', "-"))
            .map(|(_, id, name)| Technique { id: (*id).to_owned(), name: (*name).to_owned() })
    });
    RuleInfo {
        id: rule.id.map_or_else(|| format!("{}#{}", file.origin, rule.title), str::to_owned),
        name: rule.title.to_owned(),
        language: RuleLanguage::Sigma,
        version: rule.modified.or(rule.date).map(str::to_owned),
        author: rule.author.iter().flat_map(|authors| authors.split(',')).map(|author| author.trim().to_owned()).collect(),
        references: rule.references.to_vec(),
        description: rule.description.unwrap_or_default().trim().to_owned(),
        severity,
        risk_score: severity.risk_score(),
        techniques: techniques.collect(),
        tactics: tactics.collect(),
        false_positives: rule.falsepositives.to_vec(),
        triage: triage.unwrap_or_default(),
        maxspan_ms: None,
        origin: file.origin.clone(),
    }
}

fn is_technique(tag: &str) -> bool {
    tag.strip_prefix('t').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

/// ATT&CK's enterprise tactics: the slug of Sigma's tags, id, name (attack.mitre.org/tactics/enterprise).
const TACTICS: &[(&str, &str, &str)] = &[
    ("reconnaissance", "TA0043", "Reconnaissance"),
    ("resource-development", "TA0042", "Resource Development"),
    ("initial-access", "TA0001", "Initial Access"),
    ("execution", "TA0002", "Execution"),
    ("persistence", "TA0003", "Persistence"),
    ("privilege-escalation", "TA0004", "Privilege Escalation"),
    ("defense-evasion", "TA0005", "Defense Evasion"),
    ("credential-access", "TA0006", "Credential Access"),
    ("discovery", "TA0007", "Discovery"),
    ("lateral-movement", "TA0008", "Lateral Movement"),
    ("collection", "TA0009", "Collection"),
    ("command-and-control", "TA0011", "Command and Control"),
    ("exfiltration", "TA0010", "Exfiltration"),
    ("impact", "TA0040", "Impact"),
];
