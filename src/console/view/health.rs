//! The collector itself: what comes in, what goes out, which rules run, what was rejected, and what it said.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::console::model::Model;
use crate::console::printable::{fit, pad, pad_left, wrap};
use crate::console::view::style::{self, DIM, GOOD, STRONG, WARN, count, heading, plain, safe, styled};
use crate::console::view::{header, put_lines};
use crate::feed::{NoticeLevel, RuleStatus};

/// Draws it.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let lines = lines(model, usize::from(area.width));
    let most = lines.len().saturating_sub(usize::from(area.height));
    put_lines(buffer, area, &lines, model.health_scroll.min(most));
}

/// Its lines.
pub fn lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    pipeline(model, &mut lines);
    blind(model, width, &mut lines);
    listeners(model, width, &mut lines);
    outputs(model, width, &mut lines);
    store(model, width, &mut lines);
    rules(model, width, &mut lines);
    hosts(model, width, &mut lines);
    rejected(model, width, &mut lines);
    notices(model, width, &mut lines);
    lines
}

fn alarm(number: u64) -> Style {
    if number > 0 { WARN } else { plain("").style }
}

fn pipeline(model: &Model, lines: &mut Vec<Line<'static>>) {
    let counters = &model.status.counters;
    let (frames, events) = (counters.frames_total(), counters.events_total());
    let (rejected, shed) = (counters.rejected_total(), counters.shed_total());
    let is_well = rejected == 0 && shed == 0 && model.status.outputs.iter().all(|output| output.is_up);
    let is_well = is_well && model.status.store.as_ref().is_none_or(|store| store.problem.is_none());
    let mut title = heading("Pipeline", true);
    title.push(plain("  "));
    title.push(if is_well { styled("all well", GOOD) } else { styled("see below", WARN) });
    lines.push(Line::from(title));
    let spans: Vec<Span<'static>> = vec![
        plain(format!("  {} frames = {} events + ", count(frames), count(events))),
        styled(format!("{} rejected", count(rejected)), alarm(rejected)),
        plain(" + "),
        styled(format!("{} shed", count(shed)), alarm(shed)),
        plain(format!("   {} ev/s", header::rate(model.status.events_per_second))),
    ];
    lines.push(Line::from(spans));
    let kinds: Vec<String> = counters.events.iter().map(|(kind, number)| format!("EID {kind}: {}", count(*number))).collect();
    let queue = counters.queue_depth.get("intake").copied().unwrap_or(0);
    lines.push(style::line(
        format!(
            "  {}   sequences in the making {}   late {}   waiting {queue}   missed here {}",
            kinds.join("  "),
            count(counters.sequence_partials),
            count(counters.late_events),
            count(counters.console_shed)
        ),
        DIM,
    ));
    lines.push(Line::from(""));
}

fn listeners(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    lines.push(Line::from(heading("Listeners", false)));
    let room = if width >= 100 { 40 } else { width.saturating_sub(54).max(12) };
    lines.push(style::line(
        format!("  {} {:>7} {:>12} {:>10} {:>9} {:>8}", pad("URL", room), "CONNS", "FRAMES", "MB", "REJECTED", "SHED"),
        DIM,
    ));
    for listener in &model.status.listeners {
        lines.push(Line::from(vec![
            plain(format!("  {} {:>7} {:>12}", pad(&safe(&listener.url), room), listener.connections, count(listener.frames))),
            plain(pad_left(&format!("{:.1}", listener.bytes as f64 / 1e6), 11)),
            styled(pad_left(&count(listener.rejected), 10), alarm(listener.rejected)),
            styled(pad_left(&count(listener.shed), 9), alarm(listener.shed)),
        ]));
    }
    lines.push(Line::from(""));
}

fn outputs(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    lines.push(Line::from(heading("Outputs", false)));
    if model.status.outputs.is_empty() {
        lines.push(style::line("  none: alerts show here only ([[output]] or --output sends them on)", DIM));
    }
    for output in &model.status.outputs {
        let state = if output.is_up { styled("up  ", GOOD) } else { styled("DOWN", WARN) };
        let problem = output.problem.as_deref().map_or(String::new(), |problem| format!("  {}", safe(problem)));
        let text = format!(
            "  {} delivered {}  waiting {}  given up {}{problem}",
            pad(&safe(&output.url), 36),
            count(output.delivered),
            count(output.waiting),
            count(output.gave_up)
        );
        lines.push(Line::from(vec![plain("  "), state, plain(fit(&text, width.saturating_sub(8)))]));
    }
    lines.push(Line::from(""));
}

fn store(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    lines.push(Line::from(heading("Store", false)));
    let Some(store) = &model.status.store else {
        lines.push(style::line("  none: alerts and what people did are forgotten at the end (--store PATH keeps them)", DIM));
        lines.push(Line::from(""));
        return;
    };
    let text = format!(
        "  {} alerts  {:.1} MB  written {}  failed {}  deleted {} done, {} open",
        count(store.alerts),
        store.bytes as f64 / 1e6,
        count(store.written),
        count(store.failed),
        count(store.deleted),
        count(store.deleted_open)
    );
    let style = alarm(store.failed + store.deleted_open);
    lines.push(style::line(fit(&format!("  {}", safe(&store.path)), width), plain("").style));
    lines.push(style::line(fit(&text, width), style));
    if let Some(problem) = &store.problem {
        lines.push(style::line(fit(&format!("  cannot be written: {}", safe(problem)), width), WARN));
    }
    lines.push(Line::from(""));
}
/// How many blind hosts are listed.
const BLIND_SHOWN: usize = 12;
/// How many rules of each sort are listed; `wefwatch rules list` has them all.
const RULES_SHOWN: usize = 20;

fn rules(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
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
        let word = format!("  {:<11}", rule.facts.verdict);
        lines.push(Line::from(vec![styled(word, WARN), plain(fit(&safe(problem), width.saturating_sub(14)))]));
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

/// Hosts on which a rule cannot fire: since when, and what proves it.
fn blind(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    let blind: Vec<_> = model.hosts.values().filter_map(|host| Some((host, host.blind.as_ref()?))).collect();
    if blind.is_empty() {
        return;
    }
    let mut title = heading("Blind hosts", false);
    title.push(plain(format!("  {}: rules that need inbound connections (EID 3) cannot fire there", blind.len())));
    lines.push(Line::from(title));
    for (host, state) in blind.iter().take(BLIND_SHOWN) {
        let (room, format) = if width >= 100 { (32, "%Y-%m-%d %H:%M:%S") } else { (22, "%m-%d %H:%M:%S") };
        let since = style::clock(state.since, model.is_utc, format);
        let what = if state.had_inbound { "last inbound" } else { "none since first heard" };
        let text = format!("  {} BLIND 3in  {what} {since}", pad(&safe(&host.computer), room));
        lines.push(Line::from(styled(fit(&text, width), WARN)));
        let times = if state.proofs > 1 { format!(", and {} more since", count(state.proofs - 1)) } else { String::new() };
        let at = style::clock(state.proven_at, model.is_utc, "%H:%M:%S");
        let proof = format!("proof: at {at} {}{times}", safe(&state.proof.to_string()));
        lines.extend(wrap(&proof, width.saturating_sub(5)).into_iter().map(|text| Line::from(format!("    {text}"))));
    }
    if blind.len() > BLIND_SHOWN {
        lines.push(style::line(format!("  and {} more", blind.len() - BLIND_SHOWN), DIM));
    }
    lines.push(Line::from(""));
}

fn hosts(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    let off: Vec<_> = model.hosts.values().filter(|host| host.clock_skew_ms.is_some() || host.late_events > 0).collect();
    if off.is_empty() {
        return;
    }
    lines.push(Line::from(heading("Hosts whose time is off", false)));
    for host in off.iter().take(12) {
        let skew = host.clock_skew_ms.unwrap_or(0);
        let text = format!(
            "  {} UtcTime {} s {} in {} events (TimeCreated was used)  late {}",
            pad(&safe(&host.computer), 32),
            count(skew.unsigned_abs() / 1000),
            if skew < 0 { "behind" } else { "ahead" },
            count(host.skewed_events),
            count(host.late_events)
        );
        lines.push(Line::from(fit(&text, width)));
    }
    lines.push(Line::from(""));
}

fn rejected(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    let mut title = heading("Rejected messages, newest first", false);
    if !model.rejected.is_empty() {
        title.push(styled("  ⏎ shows their bytes", DIM));
    }
    lines.push(Line::from(title));
    let by_reason: Vec<String> = model
        .status
        .counters
        .rejected
        .iter()
        .filter(|(_, number)| **number > 0)
        .map(|(reason, number)| format!("{reason} {}", count(*number)))
        .collect();
    if by_reason.is_empty() {
        lines.push(style::line("  none", DIM));
    } else {
        lines.push(Line::from(format!("  {}", by_reason.join("   "))));
    }
    for line in model.rejected.iter().rev().take(20) {
        let time = style::clock(line.at, model.is_utc, "%H:%M:%S");
        let text = format!("  {time}  {}  {}: {}", safe(&line.peer), line.reason, safe(&line.detail));
        lines.push(Line::from(styled(fit(&text, width), STRONG)));
        lines.push(style::line(format!("            {}", fit(&safe(&line.excerpt), width.saturating_sub(14))), DIM));
    }
    lines.push(Line::from(""));
}

fn notices(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    lines.push(Line::from(heading("Notices, newest first", false)));
    for (at, notice) in model.notices.iter().rev().take(20) {
        let time = style::clock(*at, model.is_utc, "%H:%M:%S");
        let style = if notice.level == NoticeLevel::Warning { WARN } else { plain("").style };
        lines.push(Line::from(vec![
            plain(format!("  {time}  ")),
            styled(fit(&safe(&notice.text), width.saturating_sub(12)), style),
        ]));
    }
}
