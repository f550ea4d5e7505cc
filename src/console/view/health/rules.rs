//! The rules: which run, what each did, and why the others do not.

use ratatui::text::Line;

use crate::console::model::Model;
use crate::console::printable::{fit, wrap};
use crate::console::view::style::{DIM, GOOD, WARN, count, heading, plain, safe, styled};
use crate::feed::status::RuleStatus;

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
    // The header counts what earlier runs left too.
    if width >= 70 {
        title.push(styled("   counted since the start".to_owned(), DIM));
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
    let is_wide = width >= 100;
    if is_wide {
        let columns = format!("{:>7} {:>10} {:>8} {:>6}", "ALERTS", "EVALUATED", "HELD", "TIME");
        lines.push(Line::from(styled(format!("  {:<17}{:<name_width$} {columns}", "", "RULE"), DIM)));
    }
    for rule in running.iter().take(RULES_SHOWN) {
        let facts = &rule.facts;
        // Not every event is timed: in the beginning there may be nothing to share.
        let share = (total > 0).then(|| format!("{:.0} %", rule.nanoseconds as f64 * 100.0 / total as f64));
        let [alerts, evaluated, held] = [rule.alerts, rule.evaluated, rule.held].map(count);
        let style = if facts.limits.is_empty() { GOOD } else { WARN };
        let verdict = styled(format!("  {:<11}", facts.verdict), style);
        if is_wide {
            let name = fit(&safe(&facts.name), name_width);
            let share = share.as_deref().unwrap_or("-");
            let text = format!("{:<6}{name:<name_width$} {alerts:>7} {evaluated:>10} {held:>8} {share:>6}", facts.language);
            lines.push(Line::from(vec![verdict, plain(text)]));
            continue;
        }
        // The whole name, and what it did on a line of its own.
        let name = wrap(&safe(&facts.name), width.saturating_sub(20));
        let mut name = name.into_iter();
        lines.push(Line::from(vec![verdict, plain(format!("{:<6}{}", facts.language, name.next().unwrap_or_default()))]));
        lines.extend(name.map(|text| Line::from(format!("{:19}{text}", ""))));
        let time = share.map_or(String::new(), |share| format!("  time {share}"));
        let did = format!("{:19}alerts {alerts}  evaluated {evaluated}  held {held}{time}", "");
        lines.push(Line::from(styled(did, DIM)));
    }
    if running.len() > RULES_SHOWN {
        let text = format!("  and {} more: wefwatch rules list", count((running.len() - RULES_SHOWN) as u64));
        lines.push(Line::from(styled(fit(&text, width), DIM)));
    }
}
