//! The collector itself: what comes in, what goes out, which rules run, what was rejected, and what it said.
//!
//! ```text
//! Pipeline   all well   up 6d
//! STAGE    QUEUE  P99  IN/S  OUT/S  LOST      console, hosts and the last bad message in a line each
//! Listeners | Outputs | Store | Blind hosts | Time of hosts | Rules | Rejected messages | Notices
//! ```

pub mod hosts;
pub mod messages;
pub mod rules;
pub mod stages;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::counted::count_of;
use crate::console::model::Model;
use crate::console::printable::{fit_left, pad, pad_left, wrap};
use crate::console::view::style::{self, DIM, GOOD, WARN, alarm, count, heading, plain, safe, styled};
use crate::console::view::{put_lines, well};

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
    stages::stages(model, width, &mut lines);
    listeners(model, width, &mut lines);
    outputs(model, width, &mut lines);
    store(model, width, &mut lines);
    hosts::blind(model, width, &mut lines);
    hosts::times(model, width, &mut lines);
    rules::rules(model, width, &mut lines);
    messages::rejected(model, width, &mut lines);
    messages::notices(model, width, &mut lines);
    lines
}

fn pipeline(model: &Model, lines: &mut Vec<Line<'static>>) {
    let counters = &model.status.counters;
    let (frames, events) = (counters.frames_total(), counters.events_total());
    let (rejected, shed) = (counters.rejected_total(), counters.shed_total());
    let warnings = well::alarms(model);
    let mut title = heading("Pipeline", true);
    title.push(plain("  "));
    title.push(match warnings {
        0 => styled("all well", GOOD),
        _ => styled(count_of(warnings as u64, "warning"), WARN),
    });
    if let Some(started) = model.status.started_at {
        title.push(plain(format!("   up {}", style::age((model.now - started).num_seconds()))));
    }
    lines.push(Line::from(title));
    let spans: Vec<Span<'static>> = vec![
        plain(format!("  {} frames = {} events + ", count(frames), count(events))),
        styled(format!("{} rejected", count(rejected)), alarm(rejected)),
        plain(" + "),
        styled(format!("{} shed", count(shed)), alarm(shed)),
        plain(format!("   {} ev/s", well::rate(model.status.events_per_second))),
    ];
    lines.push(Line::from(spans));
    let kinds: Vec<String> = counters.events.iter().map(|(kind, number)| format!("EID {kind}: {}", count(*number))).collect();
    let (open, late) = (count(counters.sequence_partials), count(counters.late_events));
    lines.push(style::line(format!("  {}   open sequences {open}   late {late}", kinds.join("  ")), DIM));
}

fn listeners(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    lines.push(Line::from(heading("Listeners", false)));
    let is_wide = width >= 100;
    // Where there is little room, how fast they come goes before what was lost.
    let has_rates = width >= 76;
    let room = if is_wide { 38 } else { width.saturating_sub(if has_rates { 61 } else { 43 }).max(12) };
    let rates = if has_rates { format!(" {:>8} {:>8}", "/S", "MB/S") } else { String::new() };
    let columns = format!("{:>6} {:>13}{rates}", "CONNS", "FRAMES");
    lines.push(style::line(format!("  {} {columns} {:>9} {:>8}", pad("LISTENER", room), "REJECTED", "SHED"), DIM));
    for listener in &model.status.listeners {
        let url = safe(&listener.url);
        lines.push(Line::from(vec![
            plain(format!("  {} {:>6} {:>13}", pad(&fit_left(&url, room), room), listener.connections, count(listener.frames))),
            plain(if has_rates {
                format!(" {:>8} {:>8.1}", well::rate(listener.rate), listener.byte_rate / 1e6)
            } else {
                String::new()
            }),
            styled(pad_left(&count(listener.rejected), 10), alarm(listener.rejected)),
            styled(pad_left(&count(listener.shed), 9), alarm(listener.shed)),
        ]));
    }
    lines.push(Line::from(""));
}

fn outputs(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    lines.push(Line::from(heading("Outputs", false)));
    if model.status.outputs.is_empty() {
        let text = "none: alerts show here only ([[output]] or --output sends them on)";
        lines.extend(wrap(text, width.saturating_sub(3)).into_iter().map(|text| style::line(format!("  {text}"), DIM)));
    }
    for output in &model.status.outputs {
        let state = if output.is_up { styled("up  ", GOOD) } else { styled("DOWN", WARN) };
        let text = format!("  delivered {}  waiting {}  ", count(output.delivered), count(output.waiting));
        let room = width.saturating_sub(8 + text.chars().count() + 14 + output.gave_up.to_string().len()).clamp(10, 48);
        lines.push(Line::from(vec![
            plain("  "),
            state,
            plain(format!("  {}", pad(&fit_left(&safe(&output.url), room), room))),
            plain(text),
            styled(format!("given up {}", count(output.gave_up)), alarm(output.gave_up)),
        ]));
        let problem = output.problem.as_deref().map(safe).unwrap_or_default();
        let wrapped = wrap(&problem, width.saturating_sub(9)).into_iter().filter(|text| !text.is_empty());
        lines.extend(wrapped.map(|text| style::line(format!("        {text}"), WARN)));
    }
    lines.push(Line::from(""));
}

fn store(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    lines.push(Line::from(heading("Store", false)));
    let Some(store) = &model.status.store else {
        let text = "none: alerts and what people did are forgotten at the end (--store PATH keeps them)";
        lines.extend(wrap(text, width.saturating_sub(3)).into_iter().map(|text| style::line(format!("  {text}"), DIM)));
        lines.push(Line::from(""));
        return;
    };
    let text = format!(
        "  {}  {:.1} MB  written {}  failed {}  deleted {} done, {} open",
        count_of(store.alerts, "alert"),
        store.bytes as f64 / 1e6,
        count(store.written),
        count(store.failed),
        count(store.deleted),
        count(store.deleted_open)
    );
    let undelivered = match store.deleted_undelivered {
        0 => String::new(),
        lacked => format!("; {} of these an output was not given", count(lacked)),
    };
    let text = text + &undelivered;
    let style = alarm(store.failed + store.deleted_open + store.deleted_undelivered);
    lines.push(style::line(format!("  {}", fit_left(&safe(&store.path), width.saturating_sub(3))), plain("").style));
    lines.extend(wrap(text.trim(), width.saturating_sub(3)).into_iter().map(|text| style::line(format!("  {text}"), style)));
    if let Some(problem) = &store.problem {
        let text = format!("cannot be written: {}", safe(problem));
        lines.extend(wrap(&text, width.saturating_sub(3)).into_iter().map(|text| style::line(format!("  {text}"), WARN)));
    }
    archive(model, width, lines);
    lines.push(Line::from(""));
}

/// The events that are kept for scrolling back.
fn archive(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    let Some(archive) = &model.status.archive else { return };
    let since = archive.begins.map(|begins| format!(" since {}", style::clock(begins, model.is_utc, "%Y-%m-%d %H:%M")));
    let text = format!(
        "{}{}  {:.1} MB  left out {}  failed {}",
        count_of(archive.events, "event"),
        since.unwrap_or_default(),
        archive.bytes as f64 / 1e6,
        count(archive.shed),
        count(archive.failed)
    );
    let style = alarm(archive.shed + archive.failed);
    lines.extend(wrap(&text, width.saturating_sub(3)).into_iter().map(|text| style::line(format!("  {text}"), style)));
    if let Some(problem) = &archive.problem {
        let text = format!("events cannot be written: {}", safe(problem));
        lines.extend(wrap(&text, width.saturating_sub(3)).into_iter().map(|text| style::line(format!("  {text}"), WARN)));
    }
}
