//! From rule files to a [`RuleSet`]: the built-in ones (embedded files, read like any other), then the user's. A rule of
//! the user with the id of an earlier one takes its place. What cannot run is kept with its reason, never skipped in silence.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::detect::ecs::Mapping;
use crate::detect::predicate::Predicates;
use crate::detect::rule::Rule;
use crate::detect::sigma::link::Pending;
use crate::detect::{RuleFile, RuleProblem, RuleSet, eql, sigma};

/// A rule file may be this long, in bytes; a longer one is refused unread.
pub const MAX_RULE_FILE: usize = 1 << 20;

/// The two detections that every installation has.
pub fn builtin() -> Vec<RuleFile> {
    let file = |origin: &str, text: &str| RuleFile { origin: origin.to_owned(), text: text.to_owned() };
    vec![
        file("built-in/remote_powershell_session_outbound.yml", include_str!("rules/remote_powershell_session_outbound.yml")),
        file("built-in/incoming_powershell_remoting.toml", include_str!("rules/incoming_powershell_remoting.toml")),
    ]
}

/// Names a rule by its file's text and its id; equal ones have equal names within one build.
pub fn fingerprint(text: &str, id: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (text, id).hash(&mut hasher);
    hasher.finish()
}

impl RuleSet {
    /// Adds files that could not even be read to those that do not run.
    #[must_use]
    pub fn with_problems(mut self, unreadable: Vec<RuleProblem>) -> Self {
        self.problems.extend(unreadable);
        self
    }

    /// Compiles rule files in order. Never fails: what cannot run is listed in [`RuleSet::problems`].
    pub fn compile(files: &[RuleFile], mapping: &Mapping) -> Self {
        let mut predicates = Predicates::default();
        let mut rules: Vec<Rule> = Vec::new();
        let mut problems = Vec::new();
        let mut notices = Vec::new();
        let mut by_id: HashMap<String, usize> = HashMap::new();
        let mut pending = Pending::default();
        for file in files {
            let (compiled, refused) = compile_file(file, mapping, &mut predicates, &mut pending);
            problems.extend(refused);
            for rule in compiled {
                let id = rule.info.id.clone();
                if let Some(&place) = by_id.get(&id) {
                    notices
                        .push(format!("rule {id} of {} takes the place of the one of {}", file.origin, rules[place].info.origin));
                    rules[place] = rule;
                } else {
                    by_id.insert(id, rules.len());
                    rules.push(rule);
                }
            }
        }
        let linked = pending.link(&mut rules, &mut predicates);
        problems.extend(linked.problems);
        notices.extend(linked.notices);
        Self::new(rules, problems, notices, predicates, mapping.clone())
    }
}

fn compile_file(
    file: &RuleFile,
    mapping: &Mapping,
    predicates: &mut Predicates,
    pending: &mut Pending,
) -> (Vec<Rule>, Vec<RuleProblem>) {
    let refuse = |reason: String| (Vec::new(), vec![RuleProblem::of_file(file.origin.clone(), reason)]);
    if file.text.len() > MAX_RULE_FILE {
        return refuse(format!("the file is {} bytes long; at most {MAX_RULE_FILE} are read", file.text.len()));
    }
    match file.origin.rsplit('.').next() {
        Some("yml" | "yaml") => sigma::compile(file, mapping, predicates, pending),
        Some("toml" | "eql") => match eql::compile(file, mapping, predicates) {
            Ok(rule) => (vec![rule], Vec::new()),
            Err(problem) => (Vec::new(), vec![problem]),
        },
        _ => refuse("not a rule file: .yml, .yaml (Sigma), .toml or .eql (EQL)".to_owned()),
    }
}
