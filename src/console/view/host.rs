//! One host: whether it can be relied on, its alerts with why the selected one fired, and what it did last.
//!
//! ```text
//! SRV-FILE01.corp.example  live        10.20.8.11
//!   events  coverage  rate  alerts  time  paths      a line each, the proof where it is blind
//! Alerts | Why | Last events
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::alert::Severity;
use crate::alert::link::path;
use crate::console::model::Model;
use crate::console::printable::{fit, pad, wrap};
use crate::console::view::fitting::first_that_fits;
use crate::console::view::health::hosts as times;
use crate::console::view::style::{self, DIM, GOOD, WARN, bars, count, heading, plain, safe, styled};
use crate::console::view::{alerts, events, put, put_right, split_top, well, why};
use crate::event::names::HostName;
use crate::hosts::{Blind, HostState, Liveness};
use crate::roster::Entry;
use crate::triage::Status;

/// How many of its paths are told.
const PATHS: usize = 3;

/// Draws it.
pub fn render(model: &Model, host: &HostName, area: Rect, buffer: &mut Buffer) {
    let entries = model.alerts.of_host(host);
    title(host, model.hosts.get(host), area, buffer);
    let Parts { facts, head, list, rest } = parts(model, host, &entries, area);
    for (row, line) in facts.iter().enumerate() {
        put(buffer, head, row as u16, line);
    }
    alerts::render_of_host(model, host, &entries, list, buffer);
    let preview = if entries.is_empty() { 0 } else { rest.height.min(if rest.height >= 14 { 8 } else { 7 }) };
    let (preview, tail) = split_top(rest, preview);
    why::render(model, preview, buffer);
    last_events(model, host, tail, buffer);
}

/// What stands where below the title.
struct Parts {
    facts: Vec<Line<'static>>,
    head: Rect,
    list: Rect,
    rest: Rect,
}

fn parts(model: &Model, host: &HostName, entries: &[&Entry], area: Rect) -> Parts {
    let (_, rest) = split_top(area, 1);
    let state = model.hosts.get(host);
    let mut facts = state.map_or_else(Vec::new, |state| facts(model, state, entries, usize::from(area.width)));
    // Where there is little room, its alerts have two thirds of it.
    facts.truncate(usize::from(if area.height >= 24 { 12 } else { area.height.saturating_sub(2) / 3 }));
    let (head, rest) = split_top(rest, facts.len() as u16 + u16::from(rest.height > 8));
    let wanted = u16::try_from(entries.len().max(1)).unwrap_or(u16::MAX).saturating_add(3);
    let (list, rest) = split_top(rest, if rest.height < 10 { rest.height } else { wanted.min((rest.height / 3).max(5)) });
    Parts { facts, head, list, rest }
}

/// Where its alerts are listed.
pub fn list_area(model: &Model, host: &HostName, area: Rect) -> Rect {
    parts(model, host, &model.alerts.of_host(host), area).list
}

/// Its name, how it is doing in a word, and its address.
fn title(host: &HostName, state: Option<&HostState>, area: Rect, buffer: &mut Buffer) {
    let name = state.map_or(host.as_str(), |state| state.computer.as_str());
    let room = usize::from(area.width).saturating_sub(14);
    let mut title = heading(&fit(&safe(name), room), true);
    title.push(plain("  "));
    if let Some(state) = state {
        title.push(standing(state));
    }
    let title = Line::from(title);
    put(buffer, area, 0, &title);
    let address = state.and_then(|state| state.address.as_deref()).map(safe).unwrap_or_default();
    put_right(buffer, area, 0, title.width(), vec![styled(address, DIM)]);
}

/// How it is doing, in a word.
fn standing(state: &HostState) -> Span<'static> {
    match state.liveness {
        Liveness::Silent => styled("SILENT", WARN),
        _ if state.blind.is_some() => styled("BLIND", WARN),
        Liveness::Quiet => styled("quiet", DIM),
        Liveness::Live if times::is_off(state) => styled("SKEW", WARN),
        Liveness::Live if times::is_late(state) => styled("LATE", WARN),
        Liveness::Live => styled("live", GOOD),
    }
}

/// A line of a fact: its name, and what is to be said.
fn fact(name: &str, mut spans: Vec<Span<'static>>) -> Line<'static> {
    spans.insert(0, styled(format!("  {}", pad(name, 10)), DIM));
    Line::from(spans)
}

/// What is known of it, what matters most first.
fn facts(model: &Model, state: &HostState, entries: &[&Entry], width: usize) -> Vec<Line<'static>> {
    let ago = |time: chrono::DateTime<chrono::Utc>| style::age((model.now - time).num_seconds());
    let usual = state.usual_gap_ms.map_or(String::new(), |gap| format!(", usually every {}", times::span(gap.max(1))));
    let all =
        format!("{}, first heard {} ago, last {} ago{usual}", count(state.events), ago(state.first_seen), ago(state.last_seen));
    let heard = format!("{}, last {} ago", count(state.events), ago(state.last_seen));
    let heard = first_that_fits([all, heard], width.saturating_sub(13));
    let is_silent = state.liveness == Liveness::Silent;
    let mut lines = vec![fact("events", vec![styled(heard, if is_silent { WARN } else { Style::new() })])];
    if let Some(blind) = &state.blind {
        lines.extend(blindness(model, blind, width));
    }
    lines.push(coverage(model, state, width));
    let history: Vec<u64> = state.history.iter().map(|events| u64::from(*events)).collect();
    let rate = format!("{} ev/s  {}  30 min", well::rate(state.rate), bars(&history, 30));
    lines.push(fact("rate", vec![plain(fit(&rate, width.saturating_sub(13)))]));
    lines.push(standings(entries));
    lines.push(time(state));
    let mut paths: Vec<String> =
        entries.iter().filter(|entry| !entry.header.hops.is_empty()).map(|entry| path(&entry.header.hops)).collect();
    paths.sort_unstable();
    paths.dedup();
    let more = if paths.len() > PATHS { format!("   and {} more", paths.len() - PATHS) } else { String::new() };
    paths.truncate(PATHS);
    if !paths.is_empty() {
        let text = format!("{}{more}", paths.join("   "));
        lines.push(fact("paths", vec![plain(fit(&safe(&text), width.saturating_sub(13)))]));
    }
    lines
}

/// Since when a rule cannot fire there, and what proves it.
fn blindness(model: &Model, blind: &Blind, width: usize) -> Vec<Line<'static>> {
    let age = style::age((model.now - blind.since).num_seconds());
    let times = if blind.proofs > 1 { format!(", and {} more since", count(blind.proofs - 1)) } else { String::new() };
    let text = format!("no inbound EID 3 for {age}, yet {}{times}", safe(&blind.proof.to_string()));
    let rows = wrap(&text, width.saturating_sub(13)).into_iter().enumerate();
    rows.map(|(row, text)| fact(if row == 0 { "blind" } else { "" }, vec![styled(text, WARN)])).collect()
}

/// Which kinds of events arrive, and when each came last.
fn coverage(model: &Model, state: &HostState, width: usize) -> Line<'static> {
    let kinds = [
        ("process starts", "1", state.coverage.process_create),
        ("inbound connections", "3in", state.coverage.inbound),
        ("outbound", "3out", state.coverage.outbound),
    ];
    let spans = kinds.into_iter().map(|(long, short, last)| {
        let name = if width >= 100 { format!("{short} {long}") } else { short.to_owned() };
        match last {
            Some(last) if width >= 70 => {
                styled(format!("{name} ok, {} ago   ", style::age((model.now - last).num_seconds())), GOOD)
            }
            Some(_) => styled(format!("{name} ok   "), GOOD),
            None => styled(format!("{name} -- never   "), DIM),
        }
    });
    fact("coverage", spans.collect())
}

/// How its alerts stand.
fn standings(entries: &[&Entry]) -> Line<'static> {
    let mut spans = Vec::new();
    let number = |is: &dyn Fn(&Entry) -> bool| entries.iter().filter(|entry| is(entry)).count() as u64;
    for severity in Severity::ALL {
        let waiting = number(&|entry| entry.state.is_waiting() && entry.header.severity == severity);
        if waiting > 0 {
            let (word, style) = style::severity(severity);
            spans.extend([styled(format!("{word} {}", count(waiting)), style), plain("  ")]);
        }
    }
    if spans.is_empty() {
        spans.push(styled("none open  ", DIM));
    }
    let muted = number(&|entry| entry.state.muted.is_some());
    let acked = number(&|entry| entry.state.muted.is_none() && entry.state.status == Status::Acknowledged);
    let closed = number(&|entry| entry.state.muted.is_none() && matches!(entry.state.status, Status::Closed(_)));
    spans.push(plain(format!(" acked {}  closed {}  muted {}", count(acked), count(closed), count(muted))));
    fact("alerts", spans)
}

/// How late its events come, and how its clock is.
fn time(state: &HostState) -> Line<'static> {
    let lag = times::lag(state).map_or("lag not known".to_owned(), |lag| format!("lag {lag}"));
    let clock = times::clock(state).map_or_else(|| styled("clock ok", DIM), |clock| styled(format!("clock {clock}"), WARN));
    let late = if state.late_events > 0 { WARN } else { DIM };
    fact(
        "time",
        vec![
            styled(lag, if times::is_late(state) { WARN } else { Style::new() }),
            plain("   "),
            styled(format!("{} too late for a sequence", count(state.late_events)), late),
            plain("   "),
            clock,
        ],
    )
}

/// What it sent last, as far as the tail has it.
fn last_events(model: &Model, host: &HostName, area: Rect, buffer: &mut Buffer) {
    if area.height < 4 {
        return;
    }
    let lines = events::last_of(model, host, usize::from(area.height - 2), area.width);
    let mut title = heading("Last events", false);
    title.push(styled(if lines.is_empty() { "  none in the tail" } else { "  newest below; 3 has them all" }, DIM));
    put(buffer, area, 1, &Line::from(title));
    for (row, line) in lines.iter().enumerate() {
        put(buffer, area, row as u16 + 2, line);
    }
}
