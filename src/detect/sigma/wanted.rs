//! What a correlation document waits for: its type, its condition, its timespan and its fields, checked.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use rsigma_parser::{
    ConditionExpr, ConditionOperator, CorrelationCondition, CorrelationRule, CorrelationType, Quantifier, WindowMode,
};

use crate::detect::rule::{Threshold, Wanted};
use crate::detect::sigma::condition::is_meant;
use crate::detect::sigma::refused::Refused;

/// How many rules a correlation may name.
const MAX_RULES: usize = 64;
/// How far a correlation may count: every event of the time is kept.
const MAX_COUNT: u64 = 10_000;
/// How many ways to hold a condition over rules may have.
const MAX_SETS: usize = 256;
/// The longest timespan, in days.
const MAX_DAYS: i64 = 366;

/// What the correlation waits for.
pub(super) fn wanted(rule: &CorrelationRule, has_condition: bool) -> Result<Wanted, Refused> {
    if rule.window != WindowMode::Sliding {
        return Err("only sliding windows are run; `window` is no part of the specification".into());
    }
    if rule.rules.is_empty() {
        return Err("the correlation names no rules".into());
    }
    if rule.rules.len() > MAX_RULES {
        return Err(format!("the correlation names {} rules; at most {MAX_RULES} are run", rule.rules.len()).into());
    }
    let all = u64::MAX >> (MAX_RULES - rule.rules.len());
    match rule.correlation_type {
        CorrelationType::EventCount => Ok(Wanted::Events(threshold(rule)?)),
        CorrelationType::ValueCount => Ok(Wanted::Values(threshold(rule)?)),
        CorrelationType::Temporal if !has_condition => Ok(Wanted::Together(vec![all])),
        CorrelationType::Temporal => match &rule.condition {
            CorrelationCondition::Threshold { .. } => Ok(Wanted::Rules(threshold(rule)?)),
            CorrelationCondition::Extended(condition) => Ok(Wanted::Together(sets(condition, &rule.rules)?)),
        },
        CorrelationType::TemporalOrdered if !has_condition => Ok(Wanted::InOrder),
        CorrelationType::TemporalOrdered => match threshold(rule)? {
            Threshold { least, .. } if least == rule.rules.len() as u64 => Ok(Wanted::InOrder),
            _ => Err(Refused::other("`temporal_ordered` is run over all of its rules only; leave the condition out")),
        },
        other => Err(Refused::other(format!("correlations of the type `{}` are not run here", other.as_str()))),
    }
}

/// The timespan, within reason.
pub(super) fn timespan(rule: &CorrelationRule) -> Result<TimeDelta, Refused> {
    let seconds = i64::try_from(rule.timespan.seconds).ok();
    let span = seconds.and_then(TimeDelta::try_seconds).filter(|span| *span <= TimeDelta::days(MAX_DAYS));
    span.ok_or_else(|| format!("the timespan `{}` is longer than {MAX_DAYS} days", rule.timespan.original).into())
}

/// The field whose values are counted.
pub(super) fn value_field(rule: &CorrelationRule) -> Result<Option<&str>, Refused> {
    if rule.correlation_type != CorrelationType::ValueCount {
        return Ok(None);
    }
    match &rule.condition {
        CorrelationCondition::Threshold { field: Some(fields), .. } => match fields.as_slice() {
            [only] => Ok(Some(only)),
            _ => Err(Refused::other("`value_count` is run over one field only")),
        },
        _ => Err("`value_count` needs the `field` whose values it counts, in its condition".into()),
    }
}

/// What a rule, known by any of these names, calls a field of the correlation: the alias's field, or the field itself.
pub(super) fn field_of<'a>(rule: &'a CorrelationRule, names: &[&str], field: &'a str) -> Result<&'a str, String> {
    match rule.aliases.iter().find(|alias| alias.alias == field) {
        None => Ok(field),
        Some(alias) => {
            let own = names.iter().find_map(|name| alias.mapping.get(*name)).map(String::as_str);
            own.ok_or_else(|| format!("the alias `{field}` names no field of the rule `{}`", names.join("` or `")))
        }
    }
}

fn threshold(rule: &CorrelationRule) -> Result<Threshold, Refused> {
    let CorrelationCondition::Threshold { predicates, .. } = &rule.condition else {
        return Err("the condition is a number with `gt`, `gte`, `eq`, `lt` or `lte`".into());
    };
    let mut threshold = Threshold { least: 0, most: u64::MAX };
    for (operator, number) in predicates {
        let (least, most) = match operator {
            ConditionOperator::Gt => (number.saturating_add(1), u64::MAX),
            ConditionOperator::Gte => (*number, u64::MAX),
            ConditionOperator::Eq => (*number, *number),
            ConditionOperator::Lt => (0, number.saturating_sub(1)),
            ConditionOperator::Lte => (0, *number),
            ConditionOperator::Neq => return Err("`neq` is no condition of a correlation".into()),
        };
        threshold = Threshold { least: threshold.least.max(least), most: threshold.most.min(most) };
    }
    if threshold.least > threshold.most {
        return Err("no number meets the condition".into());
    }
    if threshold.least == 0 {
        // Known only when the time has passed, and true of every key that nobody has heard of.
        return Err(Refused::other(
            "a count with an upper limit alone, or from 0, is not run here: nothing happens that could fire it",
        ));
    }
    if threshold.least > MAX_COUNT {
        return Err(format!("it counts to {}; at most {MAX_COUNT} is run", threshold.least).into());
    }
    Ok(threshold)
}

/// The sets of rules that a condition over rules holds for.
fn sets(condition: &ConditionExpr, rules: &[String]) -> Result<Vec<u64>, Refused> {
    let bits: BTreeMap<&str, u64> = rules.iter().enumerate().map(|(place, name)| (&**name, 1 << place)).collect();
    let mut sets = ways(condition, &bits)?;
    sets.sort_by_key(|set| set.count_ones());
    Ok(sets)
}

fn ways(condition: &ConditionExpr, bits: &BTreeMap<&str, u64>) -> Result<Vec<u64>, Refused> {
    match condition {
        ConditionExpr::Identifier(name) => {
            let bit = bits.get(name.as_str());
            Ok(vec![*bit.ok_or_else(|| format!("the condition names `{name}`, which is none of the rules"))?])
        }
        ConditionExpr::Or(parts) => {
            let mut all = Vec::new();
            for part in parts {
                all.extend(ways(part, bits)?);
            }
            within_reason(all)
        }
        ConditionExpr::And(parts) => {
            let mut all = vec![0];
            for part in parts {
                let own = ways(part, bits)?;
                all = within_reason(all.iter().flat_map(|set| own.iter().map(move |more| set | more)).collect())?;
            }
            Ok(all)
        }
        ConditionExpr::Selector { quantifier, pattern } => {
            let meant: Vec<u64> = bits.iter().filter(|(name, _)| is_meant(pattern, name)).map(|(_, bit)| *bit).collect();
            match quantifier {
                _ if meant.is_empty() => Err(format!("`{quantifier} of {pattern}` selects nothing").into()),
                Quantifier::Any | Quantifier::Count(1) => Ok(meant),
                Quantifier::All => Ok(vec![meant.iter().fold(0, |set, bit| set | bit)]),
                Quantifier::Count(count) => Err(format!("`{count} of {pattern}` is not supported").into()),
            }
        }
        ConditionExpr::Not(_) => {
            Err(Refused::other("`not` over rules is not run here: that nothing happened is known only when the time has passed"))
        }
    }
}

fn within_reason(mut sets: Vec<u64>) -> Result<Vec<u64>, Refused> {
    sets.sort_unstable();
    sets.dedup();
    if sets.len() > MAX_SETS {
        return Err(format!("the condition has more than {MAX_SETS} ways to hold").into());
    }
    Ok(sets)
}
