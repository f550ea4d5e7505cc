//! A rule's `condition` over its named detections.

use std::collections::BTreeMap;

use rsigma_parser::{ConditionExpr, Quantifier, SelectorPattern, SigmaString};

use crate::detect::predicate::Expr;
use crate::detect::predicate::pattern::Pattern;
use crate::detect::sigma::item::wild_of;

/// How deep parentheses may nest, and how many `not` may follow each other: reading them takes stack.
const MAX_DEPTH: usize = 32;
/// How long a condition may be, in bytes.
const MAX_LENGTH: usize = 16 << 10;

/// Refuses a condition that would take too much stack to read.
pub(super) fn check(condition: &str) -> Result<(), String> {
    if condition.len() > MAX_LENGTH {
        return Err(format!("a condition of {} bytes; at most {MAX_LENGTH} are read", condition.len()));
    }
    let (mut depth, mut nots) = (0_usize, 0_usize);
    for word in condition.replace('(', " ( ").replace(')', " ) ").split_whitespace() {
        depth = match word {
            "(" => depth + 1,
            ")" => depth.saturating_sub(1),
            _ => depth,
        };
        nots = if word == "not" { nots + 1 } else { 0 };
        if depth > MAX_DEPTH || nots > MAX_DEPTH {
            return Err(format!("the condition nests deeper than {MAX_DEPTH} levels"));
        }
    }
    if condition.contains('|') {
        return Err("aggregations after `|` in a condition are of Sigma 1; write a correlation document".to_owned());
    }
    Ok(())
}

/// Puts the named detections into the condition.
pub(super) fn resolve(condition: &ConditionExpr, named: &BTreeMap<&str, Expr>) -> Result<Expr, String> {
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
    let parts: Vec<Expr> = named.iter().filter(|(name, _)| is_meant(pattern, name)).map(|(_, expr)| expr.clone()).collect();
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

/// Whether `them` or a pattern means a name.
pub(super) fn is_meant(pattern: &SelectorPattern, name: &str) -> bool {
    match pattern {
        SelectorPattern::Them => !name.starts_with('_'),
        SelectorPattern::Pattern(pattern) => Pattern::from_wild(wild_of(&SigmaString::new(pattern))).matches(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_too_much_stack_is_refused() {
        for (condition, is_fine) in [
            ("(a or b) and not (c)".to_owned(), true),
            ("(".repeat(30_000), false),
            (format!("{}a{}", "(".repeat(33), ")".repeat(33)), false),
            (format!("{}a", "not ".repeat(1000)), false),
            ("a or ".repeat(10_000), false),
            ("selection | count() > 5".to_owned(), false),
        ] {
            assert_eq!(check(&condition).is_ok(), is_fine, "{}", condition.get(..20).unwrap_or_default());
        }
    }
}
