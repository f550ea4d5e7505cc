//! The top: where you are, whether the picture is live, the time, the open alerts, and whether the collector is well. Loss,
//! rejects and a hidden alert show on every tab.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::alert::Severity;
use crate::console::model::Model;
use crate::console::model::screen::{Screen, Section, Tab};
use crate::console::view::style::{self, ACCENT, DIM, GOOD, STRONG, WARN, bars, count, plain, safe, styled};
use crate::console::view::{Shape, put, put_right};
use crate::hosts::Liveness;

/// How many rows it takes.
pub fn height(shape: Shape) -> u16 {
    match shape {
        Shape::Wide => 5,
        Shape::Narrow => 4,
        Shape::Line => 1,
    }
}

/// Draws it.
pub fn render(model: &Model, shape: Shape, area: Rect, buffer: &mut Buffer) {
    match shape {
        Shape::Wide => {
            title(model, area, buffer);
            rule(model, area, buffer);
            open(model, area, 2, buffer);
            collector(model, area, 3, buffer);
        }
        Shape::Narrow | Shape::Line => {
            compact(model, area, buffer);
            open(model, area, 1, buffer);
            let (mut line, _) = tabs(model);
            // The name stands in the first row already.
            line.spans.drain(..2);
            line.spans.insert(0, plain(" "));
            put(buffer, area, 2, &line);
            let used = line.width();
            put_right(buffer, area, 2, used, filter_chip(model));
        }
    }
}

/// One line for a terminal too small for anything else.
pub fn render_line(model: &Model, area: Rect, buffer: &mut Buffer) {
    let mut spans = vec![state(model), plain(" ")];
    spans.extend(open_counts(model, true));
    put(buffer, area, 0, &Line::from(spans));
}

/// LIVE, PAUSED, REPLAY or ENDED.
fn state(model: &Model) -> Span<'static> {
    match (&model.status.replay, model.paused()) {
        (_, Some(_)) => styled("‖ PAUSED", WARN),
        (Some(replay), None) if replay.done => styled("■ REPLAY ENDED", STRONG),
        (Some(_), None) => styled("▶ REPLAY", ACCENT),
        (None, None) => styled("▶ LIVE", GOOD),
    }
}

fn time(model: &Model) -> String {
    let zone = if model.is_utc { "UTC" } else { "local" };
    format!("{} {zone}", style::clock(model.now, model.is_utc, "%H:%M:%S"))
}

fn title(model: &Model, area: Rect, buffer: &mut Buffer) {
    let (line, _) = tabs(model);
    put(buffer, area, 0, &line);
    let mut right = vec![state(model), plain("   "), plain(time(model))];
    if let Some((waiting, dropped)) = model.paused() {
        let alerts = model.paused_alerts();
        let lost = if dropped > 0 { format!(", {dropped} dropped") } else { String::new() };
        right.insert(1, styled(format!("  {waiting} updates wait, {alerts} alerts{lost}"), WARN));
    }
    put_right(buffer, area, 0, line.width(), right);
}

/// The name, then the tabs or the crumbs; and where the open one stands.
fn tabs(model: &Model) -> (Line<'static>, Option<(usize, usize)>) {
    let mut spans = vec![styled(" WEFWATCH ", STRONG), plain("  ")];
    let mut marked = None;
    let mut at = 12;
    let mut add = |spans: &mut Vec<Span<'static>>, name: &str, is_open: bool| {
        if is_open {
            marked = Some((at, name.chars().count()));
        }
        spans.push(styled(name.to_owned(), if is_open { ACCENT } else { plain("").style }));
        spans.push(plain("   "));
        at += name.chars().count() + 3;
    };
    match model.stack.last() {
        Some(Screen::Alert { number, section, .. }) => {
            let id = model.alerts.get(*number).map_or(String::new(), |entry| entry.id.short().to_owned());
            add(&mut spans, &format!("{} › {id}", tab_name(model.tab)), false);
            for (own, name) in Section::ALL {
                add(&mut spans, name, own == *section);
            }
        }
        Some(Screen::Host { host, .. }) => {
            add(&mut spans, &format!("{} › {}", tab_name(model.tab), safe(host.as_str())), true);
        }
        Some(Screen::Event { .. }) => add(&mut spans, "Events › event", true),
        None => {
            for (tab, name) in Tab::ALL {
                add(&mut spans, name, tab == model.tab);
            }
        }
    }
    (Line::from(spans), marked)
}

fn tab_name(tab: Tab) -> &'static str {
    Tab::ALL.iter().find(|(own, _)| *own == tab).map_or("", |(_, name)| &name[2..])
}

/// The line under the title, heavy under the open tab.
fn rule(model: &Model, area: Rect, buffer: &mut Buffer) {
    let (_, marked) = tabs(model);
    let (from, length) = marked.unwrap_or((0, 0));
    let width = usize::from(area.width);
    let spans = vec![
        styled("─".repeat(from.min(width)), DIM),
        styled("━".repeat(length), ACCENT),
        styled("─".repeat(width.saturating_sub(from + length)), DIM),
    ];
    put(buffer, area, 1, &Line::from(spans));
}

/// The alerts by severity. Zeroes are dim, so that a number stands out.
fn open_counts(model: &Model, is_short: bool) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    for severity in Severity::ALL.into_iter().filter(|severity| *severity != Severity::Informational) {
        let (word, style) = style::severity(severity);
        let number = model.alerts.count(severity);
        let style = if number > 0 { style } else { DIM };
        let word = if is_short { &word[..1] } else { word };
        spans.push(styled(format!("{word} {}", count(number)), style));
        spans.push(plain("  "));
    }
    spans
}

fn open(model: &Model, area: Rect, row: u16, buffer: &mut Buffer) {
    let mut spans = vec![styled(" ALERTS ", STRONG), plain(" ")];
    spans.extend(open_counts(model, false));
    if let Some((severity, number)) = model.outside_filter() {
        let (word, style) = style::severity(severity);
        spans.push(styled(format!("{number} {word} outside filter"), style));
        spans.push(plain("  "));
    }
    let line = Line::from(spans);
    put(buffer, area, row, &line);
    let minutes = if area.width >= 120 { 40 } else { 16 };
    let mut values = vec![0; minutes];
    let this_minute = model.now.timestamp() / 60;
    for (minute, number) in &model.per_minute {
        let ago = usize::try_from((this_minute - minute).max(0)).unwrap_or(usize::MAX);
        if ago < minutes {
            values[minutes - 1 - ago] = u64::from(*number);
        }
    }
    let right = vec![styled("alerts/min ", DIM), plain(bars(&values, minutes)), styled(format!(" {minutes} min"), DIM)];
    put_right(buffer, area, row, line.width(), right);
}

/// How the collector fares, in words that stand out when something is wrong.
fn health(model: &Model) -> Vec<Span<'static>> {
    let status = &model.status;
    let counters = &status.counters;
    let silent = model.hosts.values().filter(|host| host.liveness == Liveness::Silent).count();
    let skewed = model.hosts.values().filter(|host| host.clock_skew_ms.is_some()).count();
    let mut spans = vec![plain(format!("{} hosts", count(model.hosts.len() as u64)))];
    if silent > 0 {
        spans.push(styled(format!("  {silent} silent"), WARN));
    }
    if skewed > 0 {
        spans.push(styled(format!("  {skewed} skewed"), WARN));
    }
    spans.push(plain(format!("   {} ev/s", rate(status.events_per_second))));
    if let Some(lag) = status.lag_ms {
        let style = if lag > 2000 { WARN } else { plain("").style };
        spans.push(styled(format!("   lag {}", lag_text(lag)), style));
    }
    let alarm = |number: u64| if number > 0 { WARN } else { DIM };
    spans.push(styled(format!("   dropped {}", count(counters.shed_total())), alarm(counters.shed_total())));
    spans.push(styled(format!("   rejected {}", count(counters.rejected_total())), alarm(counters.rejected_total())));
    if counters.console_shed > 0 {
        spans.push(styled(format!("   missed here {}", count(counters.console_shed)), WARN));
    }
    if let Some(output) = status.outputs.iter().find(|output| !output.is_up) {
        spans.push(styled(format!("   output down: {}", safe(&output.url)), WARN));
    }
    spans
}

fn collector(model: &Model, area: Rect, row: u16, buffer: &mut Buffer) {
    let mut spans = vec![plain(" ")];
    spans.extend(health(model));
    let line = Line::from(spans);
    put(buffer, area, row, &line);
    put_right(buffer, area, row, line.width(), filter_chip(model));
}

fn filter_chip(model: &Model) -> Vec<Span<'static>> {
    if model.filter_text.is_empty() {
        return vec![styled("filter: none", DIM)];
    }
    let shown = model.alerts.rows(false).len();
    let text = crate::console::printable::fit(&safe(&model.filter_text), 30);
    vec![styled(format!("filter: {text}  {} of {}", count(shown as u64), count(model.alerts.len() as u64)), ACCENT)]
}

fn compact(model: &Model, area: Rect, buffer: &mut Buffer) {
    let mut spans = vec![styled(" WEFWATCH ", STRONG), state(model), plain("  ")];
    spans.extend(health(model));
    let line = Line::from(spans);
    put(buffer, area, 0, &line);
    put_right(buffer, area, 0, line.width(), vec![plain(style::clock(model.now, model.is_utc, "%H:%M:%S"))]);
}

/// A rate: one decimal while it is small.
pub fn rate(rate: f64) -> String {
    if rate < 100.0 { format!("{rate:.1}") } else { count(rate as u64) }
}

fn lag_text(milliseconds: i64) -> String {
    match milliseconds {
        ..0 => "clock ahead".to_owned(),
        0..10_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        _ => style::age(milliseconds / 1000),
    }
}
