//! The way of an event through the collector: what waits before each stage, how long it takes, what comes, goes on and is lost;
//! then who looks, which hosts need a look, the last message that was bad, and what was said last.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::console::model::Model;
use crate::console::printable::{fit, pad, pad_left, wrap};
use crate::console::view::health::hosts;
use crate::console::view::style::{self, DIM, WARN, alarm, count, plain, safe, styled};
use crate::console::view::well;
use crate::feed::NoticeLevel;
use crate::feed::stage::StageStatus;
use crate::intake::stages::Stage;
use crate::triage::viewer::{Role, Viewer};

/// How wide the bar of a queue is.
const BAR: u64 = 8;

/// Adds them.
pub fn stages(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    if !model.status.stages.is_empty() {
        let out = if has_out(width) { format!(" {:>9}", "OUT/S") } else { String::new() };
        let head = format!("  STAGE    {}{:>9} {:>9}{out}  LOST", pad("QUEUE", 16), "P99", "IN/S");
        lines.push(style::line(fit(&head, width), DIM));
    }
    lines.extend(model.status.stages.iter().map(|stage| row(model, stage, width)));
    lines.extend(consoles(model, width));
    let mut spans = vec![styled("  hosts    ", DIM)];
    // Where there is little room only what is not as it should be.
    let all = hosts::summary(model);
    let is_short = width < 80 && all.iter().any(|(number, _)| *number > 0);
    for (number, word) in all.into_iter().filter(|(number, _)| !is_short || *number > 0) {
        let word = if width < 80 && word.len() > 10 { "clock off" } else { word };
        spans.push(styled(format!("{} {word}   ", count(number)), if number > 0 { WARN } else { DIM }));
    }
    lines.push(Line::from(spans));
    if let Some(last) = model.rejected.back() {
        let time = style::clock(last.at, model.is_utc, "%H:%M:%S");
        let text = format!("{time} {}  {}: {}", safe(&last.peer), last.reason, safe(&last.detail));
        let hex = style::keys(model, "  ⏎ hex");
        let spans =
            vec![styled("  last bad ", DIM), plain(fit(&text, width.saturating_sub(12 + hex.chars().count()))), styled(hex, DIM)];
        lines.push(Line::from(spans));
    }
    if let Some((at, notice)) = model.notices.back() {
        let style = if notice.level == NoticeLevel::Warning { WARN } else { Style::new() };
        let text = format!("{} {}", style::clock(*at, model.is_utc, "%H:%M:%S"), safe(&notice.text));
        lines.push(Line::from(vec![styled("  notice   ", DIM), styled(fit(&text, width.saturating_sub(12)), style)]));
    }
    lines.push(Line::from(""));
}

/// Whether there is room to tell what goes on from a stage.
fn has_out(width: usize) -> bool {
    width >= 70
}

fn row(model: &Model, status: &StageStatus, width: usize) -> Line<'static> {
    let is_there = match status.stage {
        Stage::Forward => !model.status.outputs.is_empty(),
        Stage::Store => model.status.store.is_some(),
        Stage::Frame | Stage::Parse | Stage::Detect => true,
    };
    let name = format!("  {} ", pad(status.stage.as_str(), 8));
    if !is_there {
        return Line::from(vec![plain(name), styled("none", DIM)]);
    }
    let queue = match status.queue {
        Some((waiting, most)) => fill(waiting, most),
        None => styled(pad("-", 16), DIM),
    };
    let p99 = status.p99_ns.map_or("-".to_owned(), duration);
    let out = if has_out(width) { format!(" {:>9}", well::rate(status.out_per_second)) } else { String::new() };
    let rates = format!(" {:>9}{out}  ", well::rate(status.in_per_second));
    Line::from(vec![
        plain(name),
        queue,
        plain(pad_left(&p99, 9)),
        plain(rates),
        styled(count(status.lost), alarm(status.lost)),
        plain(format!("  {}", remark(model, status.stage))),
    ])
}

/// What else is to be said of a stage.
fn remark(model: &Model, stage: Stage) -> String {
    match stage {
        Stage::Forward => {
            let down = model.status.outputs.iter().filter(|output| !output.is_up).count();
            if down > 0 { format!("{down} down") } else { String::new() }
        }
        _ => String::new(),
    }
}

/// `▕██░░░░░░▏ 11%`; what nearly overflows stands out.
fn fill(waiting: u64, most: u64) -> Span<'static> {
    let most = most.max(1);
    let filled = (waiting * BAR).div_ceil(most).min(BAR) as usize;
    let bar = format!("▕{}{}▏{:>4}% ", "█".repeat(filled), "░".repeat(BAR as usize - filled), waiting * 100 / most);
    if waiting * 2 > most { styled(bar, WARN) } else { plain(bar) }
}

/// Nanoseconds in words.
fn duration(nanoseconds: u64) -> String {
    match nanoseconds {
        ..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{:.1} µs", nanoseconds as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", nanoseconds as f64 / 1e6),
        _ => format!("{:.1} s", nanoseconds as f64 / 1e9),
    }
}

/// Who looks: people with what they may do, scripts by number, and who fell behind.
fn consoles(model: &Model, width: usize) -> Vec<Line<'static>> {
    let viewers = &model.company.viewers;
    let (people, scripts): (Vec<&Viewer>, Vec<&Viewer>) = viewers.iter().partition(|viewer| viewer.is_console);
    let role = |viewer: &Viewer| match viewer.role {
        Role::Viewer => "viewer",
        Role::Analyst => "analyst",
    };
    let mut text = match people.as_slice() {
        [] => "nobody attached".to_owned(),
        people => {
            let names: Vec<String> = people.iter().map(|viewer| format!("{} ({})", safe(&viewer.who), role(viewer))).collect();
            format!("{} attached: {}", people.len(), names.join(", "))
        }
    };
    if !scripts.is_empty() {
        text += &format!("   {} script{}", scripts.len(), if scripts.len() == 1 { "" } else { "s" });
    }
    let resynced: Vec<String> = people
        .iter()
        .filter(|viewer| viewer.resyncs > 0)
        .map(|viewer| format!("{} resynced {}x", safe(&viewer.who), viewer.resyncs))
        .collect();
    let missed = model.status.counters.console_shed;
    let mut alarms = resynced.join("   ");
    if missed > 0 && resynced.is_empty() {
        alarms = format!("missed here {}", count(missed));
    }
    let style = if people.is_empty() && scripts.is_empty() { DIM } else { Style::new() };
    let room = width.saturating_sub(12);
    let parts =
        wrap(&text, room).into_iter().map(|text| (text, style)).chain(wrap(&alarms, room).into_iter().map(|text| (text, WARN)));
    let mut rows: Vec<Vec<Span<'static>>> = Vec::new();
    for (text, style) in parts.filter(|(text, _)| !text.is_empty()) {
        let used = rows.last().map_or(room, |row| row.iter().map(Span::width).sum::<usize>() - 11);
        match rows.last_mut() {
            Some(row) if used + 3 + text.chars().count() <= room => row.extend([plain("   "), styled(text, style)]),
            _ => rows.push(vec![styled(if rows.is_empty() { "  console  " } else { "           " }, DIM), styled(text, style)]),
        }
    }
    rows.into_iter().map(Line::from).collect()
}
