//! What a Sigma rule says about itself: level, tags, authors, and our own additions under the key `wefwatch`.

use rsigma_parser::SigmaRule;

use crate::alert::{RuleInfo, RuleLanguage, Severity, Technique};
use crate::detect::RuleFile;

/// Gathers what the rule says about itself. A rule without an id is named by file and title.
pub(super) fn info(rule: &SigmaRule, file: &RuleFile) -> RuleInfo {
    let severity = rule.level.and_then(|level| level.as_str().parse().ok()).unwrap_or(Severity::Medium);
    let ours = rule.custom_attributes.get("wefwatch");
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
        id: rule.id.clone().unwrap_or_else(|| format!("{}#{}", file.origin, rule.title)),
        name: rule.title.clone(),
        language: RuleLanguage::Sigma,
        version: rule.modified.clone().or_else(|| rule.date.clone()),
        author: rule.author.iter().flat_map(|authors| authors.split(',')).map(|author| author.trim().to_owned()).collect(),
        references: rule.references.clone(),
        description: rule.description.clone().unwrap_or_default().trim().to_owned(),
        severity,
        risk_score: severity.risk_score(),
        techniques: techniques.collect(),
        tactics: tactics.collect(),
        false_positives: rule.falsepositives.clone(),
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
