//! The rules: which run, what each did, and why the others do not.

use ratatui::text::Line;

use crate::console::model::Model;
use crate::console::printable::{fit, wrap};
use crate::console::view::style::{DIM, GOOD, WARN, count, heading, plain, safe, styled};
use crate::feed::RuleStatus;

/// How many rules of each sort are listed; `wefwatch rules list` has them all.
const RULES_SHOWN: usize = 20;

/// Adds them.
pub fn rules(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    let rules = &model.status.rules;
    let of = |verdict: &str| rules.iter().filter(|rule| rule.facts.verdict == verdict).count();
    let mut title = heading("Rules", false);
    title.push(plain(format!("  {} run", rules.iter().filter(|rule| rule.facts.problem.is_none()).count())));
    for (verdict, style) in [("degraded", WARN), ("impossible", WARN), ("other", DIM), ("broken", WARN)] {
        let count = of(verdict);
        if count > 0 {
            title.push(styled(format!(", {count} {verdict}"), style));
        }
    }
    lines.push(Line::from(title));
    rules_that_run(rules, width, lines);
    let (broken, others): (Vec<_>, Vec<_>) = rules
        .iter()
        .filter_map(|rule| Some((rule, rule.facts.problem.as_ref()?)))
        .partition(|(rule, _)| rule.facts.verdict == "broken");
    for (rule, problem) in broken.into_iter().chain(others).take(RULES_SHOWN) {
        for (place, text) in wrap(&safe(problem), width.saturating_sub(14)).into_iter().enumerate() {
            let word = if place == 0 { rule.facts.verdict.as_str() } else { "" };
            lines.push(Line::from(vec![styled(format!("  {word:<11}"), WARN), plain(text)]));
        }
    }
    lines.push(Line::from(""));
}

/// The rules that run: those with alerts first, then those that take the most time.
fn rules_that_run(rules: &[RuleStatus], width: usize, lines: &mut Vec<Line<'static>>) {
    let total: u64 = rules.iter().map(|rule| rule.nanoseconds).sum();
    let mut running: Vec<&RuleStatus> = rules.iter().filter(|rule| rule.facts.problem.is_none()).collect();
    running.sort_by_key(|rule| std::cmp::Reverse((rule.alerts, rule.nanoseconds, rule.evaluated)));
    let name_width = width.saturating_sub(55).clamp(12, 60);
    let header =
        format!("  {:<11}{:<6}{:<name_width$} {:>7} {:>10} {:>8} {:>6}", "", "", "RULE", "ALERTS", "EVALUATED", "HELD", "TIME");
    lines.push(Line::from(styled(fit(&header, width), DIM)));
    for rule in running.iter().take(RULES_SHOWN) {
        let facts = &rule.facts;
        let share = if total == 0 { "-".to_owned() } else { format!("{:.0} %", rule.nanoseconds as f64 * 100.0 / total as f64) };
        let text = format!(
            "{:<6}{:<name_width$} {:>7} {:>10} {:>8} {share:>6}",
            facts.language,
            fit(&safe(&facts.name), name_width),
            count(rule.alerts),
            count(rule.evaluated),
            count(rule.held),
        );
        let style = if facts.limits.is_empty() { GOOD } else { WARN };
        lines.push(Line::from(vec![
            styled(format!("  {:<11}", facts.verdict), style),
            plain(fit(&text, width.saturating_sub(13))),
        ]));
    }
    if running.len() > RULES_SHOWN {
        let text = format!("  and {} more: wefwatch rules list", count((running.len() - RULES_SHOWN) as u64));
        lines.push(Line::from(styled(fit(&text, width), DIM)));
    }
}
