//! The top: where you are, whether the picture is live, the time, the open alerts, and whether the collector is well. Loss,
//! rejects and a hidden alert show on every tab.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::alert::Severity;
use crate::console::counted::count_of;
use crate::console::model::Model;
use crate::console::model::screen::{Screen, Section, Tab};
use crate::console::view::style::{self, ACCENT, DIM, GOOD, STRONG, WARN, bars, count, plain, safe, styled};
use crate::console::view::{Shape, company, put, put_right, well};

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
            let (mut line, _) = tabs(model, false);
            if line.width() > usize::from(area.width) + 11 {
                line = tabs(model, true).0;
            }
            // The name stands in the first row already.
            line.spans.drain(..2);
            line.spans.insert(0, plain(" "));
            line.spans.pop();
            put(buffer, area, 2, &line);
            // A filter that hides something is said at every size, over the last tabs if need be.
            let used = if model.filter_text.is_empty() { line.width() + 2 } else { 0 };
            put_right(buffer, area, 2, used, filter_chip(model));
        }
    }
}

/// One line for a terminal too small for anything else.
pub fn render_line(model: &Model, area: Rect, buffer: &mut Buffer) {
    let mut spans = vec![state(model), plain(" ")];
    spans.extend(open_counts(model, true));
    let used: usize = spans.iter().map(Span::width).sum();
    spans.extend(well::wrong(model, usize::from(area.width).saturating_sub(used)));
    put(buffer, area, 0, &Line::from(spans));
}

/// LIVE, PAUSED, REPLAY or ENDED.
fn state(model: &Model) -> Span<'static> {
    if let Some(stale) = &model.company.stale {
        return company::stale(stale, model.now);
    }
    match (&model.status.replay, model.paused()) {
        (_, Some(_)) => styled("‖ PAUSED", WARN),
        (Some(replay), None) if replay.is_held => styled("‖ REPLAY HELD", WARN),
        (Some(replay), None) if replay.done => styled("■ REPLAY ENDED", STRONG),
        (Some(_), None) => styled("▶ REPLAY", ACCENT),
        (None, None) if model.config.is_replay => styled("▶ REPLAY", ACCENT),
        (None, None) => styled("▶ LIVE", GOOD),
    }
}

fn time(model: &Model) -> String {
    let zone = if model.is_utc { "UTC" } else { "local" };
    format!("{} {zone}", style::clock(model.now, model.is_utc, "%H:%M:%S"))
}

fn title(model: &Model, area: Rect, buffer: &mut Buffer) {
    let (line, _) = tabs(model, false);
    put(buffer, area, 0, &line);
    // What waits behind a frozen picture is told as far as there is room; that it is frozen, always.
    let room = usize::from(area.width).saturating_sub(line.width() + 2);
    let company = company::presence(model);
    let beside = |mut right: Vec<Span<'static>>| {
        right.extend(company.iter().flat_map(|text| [plain("   "), styled(text.clone(), ACCENT)]));
        right
    };
    let with = |waits: String| beside(vec![state(model), styled(waits, WARN), plain("   "), plain(time(model))]);
    let is_short_enough = |right: &Vec<Span<'static>>| right.iter().map(Span::width).sum::<usize>() <= room;
    // The time gives way to who else is here.
    let shorter = [beside(vec![state(model)]), vec![state(model)]];
    let right = waits(model).into_iter().map(with).chain(shorter).find(is_short_enough).unwrap_or_else(|| vec![state(model)]);
    put_right(buffer, area, 0, line.width(), right);
}

/// What waits behind a frozen picture, in ever fewer words.
fn waits(model: &Model) -> Vec<String> {
    let Some((waiting, dropped)) = model.paused() else { return vec![String::new()] };
    let many = |number: usize, word: &str| count_of(number as u64, word);
    let lost = if dropped > 0 { format!(", {} dropped", count(dropped)) } else { String::new() };
    let waits = if waiting == 1 { "waits" } else { "wait" };
    let alerts = many(model.paused_alerts(), "alert");
    vec![
        format!("  {} {waits}, {alerts}{lost}", many(waiting, "update")),
        format!("  {alerts}{lost}"),
        format!("  {alerts}"),
        String::new(),
    ]
}

/// The name, then the tabs or the crumbs; and where the open one stands. Short, those that are not open are their keys alone.
fn tabs(model: &Model, is_short: bool) -> (Line<'static>, Option<(usize, usize)>) {
    let mut spans = vec![styled(" WEFWATCH ", STRONG), plain("  ")];
    let mut marked = None;
    let mut at = 12;
    let tab = |name: &'static str, is_open: bool| if is_short && !is_open { &name[..1] } else { name };
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
            let id = model.alerts.get(*number).map_or(String::new(), |entry| entry.header.id.short().to_owned());
            add(&mut spans, &format!("{} › {id}", tab_name(model.tab)), false);
            for (own, name) in Section::ALL {
                add(&mut spans, tab(name, own == *section), own == *section);
            }
        }
        Some(Screen::Host { host, .. }) => {
            add(&mut spans, &format!("{} › {}", tab_name(model.tab), safe(host.as_str())), true);
        }
        Some(Screen::Lateral { .. }) => add(&mut spans, &format!("{} › lateral movement", tab_name(model.tab)), true),
        Some(Screen::Event { .. }) => add(&mut spans, "Events › event", true),
        Some(Screen::BadFrames { .. }) => add(&mut spans, "Health › rejected messages", true),
        None => {
            for (own, name) in Tab::ALL {
                add(&mut spans, tab(name, own == model.tab), own == model.tab);
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
    let (_, marked) = tabs(model, false);
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
        let number = model.alerts.count_of_severity(severity);
        let style = if number > 0 { style } else { DIM };
        let word = if is_short { &word[..1] } else { word };
        spans.push(styled(format!("{word} {}", count(number)), style));
        spans.push(plain("  "));
    }
    spans
}

fn open(model: &Model, area: Rect, row: u16, buffer: &mut Buffer) {
    let mut spans = vec![styled(" OPEN ", STRONG), plain(" ")];
    spans.extend(open_counts(model, false));
    let names = if area.width >= 100 { ["acked", "muted"] } else { ["ack", "mute"] };
    for (name, number) in names.into_iter().zip([model.alerts.acknowledged(), model.alerts.muted()]) {
        spans.push(styled(format!("{name} {}  ", count(number)), if number > 0 { plain("").style } else { DIM }));
    }
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

fn collector(model: &Model, area: Rect, row: u16, buffer: &mut Buffer) {
    let mut spans = vec![plain(" ")];
    let chip = filter_chip(model);
    let chip_width: usize = chip.iter().map(Span::width).sum();
    spans.extend(well::fitting(well::parts(model), usize::from(area.width).saturating_sub(chip_width + 2)));
    let line = Line::from(spans);
    put(buffer, area, row, &line);
    put_right(buffer, area, row, line.width(), chip);
}

fn filter_chip(model: &Model) -> Vec<Span<'static>> {
    if model.filter_text.is_empty() {
        return vec![styled("filter: none", DIM)];
    }
    let shown = model.alerts.total(false);
    let room = if model.size.0 < 80 { 12 } else { 30 };
    let text = crate::console::printable::fit(&safe(&model.filter_text), room);
    vec![styled(format!(" filter: {text}  {} of {}", count(shown as u64), count(model.alerts.known() as u64)), ACCENT)]
}

fn compact(model: &Model, area: Rect, buffer: &mut Buffer) {
    let mut spans = vec![styled(" WEFWATCH ", STRONG), state(model), plain("  ")];
    let behind = model.paused_alerts();
    if behind > 0 {
        spans
            .push(styled(format!("{} {}  ", count_of(behind as u64, "alert"), if behind == 1 { "waits" } else { "wait" }), WARN));
    }
    let mut right = vec![plain(style::clock(model.now, model.is_utc, "%H:%M:%S"))];
    right.extend(company::presence(model).into_iter().flat_map(|text| [plain("  "), styled(text, ACCENT)]));
    let used: usize = spans.iter().chain(&right).map(Span::width).sum();
    spans.extend(well::fitting(well::parts(model), usize::from(area.width).saturating_sub(used + 2)));
    let line = Line::from(spans);
    put(buffer, area, 0, &line);
    put_right(buffer, area, 0, line.width(), right);
}
