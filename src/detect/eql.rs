//! The EQL front end.

use crate::detect::ecs::Mapping;
use crate::detect::predicate::Predicates;
use crate::detect::{Rule, RuleFile, RuleProblem};

/// Compiles a rule file (`.toml` in the form of Elastic's detection-rules, or a bare `.eql`).
pub fn compile(file: &RuleFile, _mapping: &Mapping, _predicates: &mut Predicates) -> Result<Rule, RuleProblem> {
    let reason = "not here yet".to_owned();
    Err(RuleProblem { origin: file.origin.clone(), line: None, column: None, rule: None, reason, is_error: true })
}
