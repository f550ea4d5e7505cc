//! The top: where you are, whether the picture is live, the time, the open alerts, and whether the collector is well. Loss,
//! rejects and a hidden alert show on every tab.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::alert::Severity;
use crate::console::model::Model;
use crate::console::model::screen::{Screen, Section, Tab};
use crate::console::printable::{fit, width};
use crate::console::view::spots::Spot;
use crate::console::view::style::{self, ACCENT, DIM, GOOD, STRONG, WARN, count, plain, safe, styled};
use crate::console::view::{Shape, company, histogram, put, put_right, well};

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
            let line = narrow_tabs(model, area.width).line;
            put(buffer, area, 2, &line);
            // A filter that hides something is said at every size, over the last tabs if need be.
            let used = if model.filter.is_empty() { line.width() + 2 } else { 0 };
            put_right(buffer, area, 2, used, chip(model, usize::from(area.width)));
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

/// That the mouse selects no text now.
fn mouse(model: &Model) -> Option<Span<'static>> {
    model.is_mouse.then(|| styled("  mouse", ACCENT))
}

fn time(model: &Model) -> String {
    let zone = if model.is_utc { "UTC" } else { "local" };
    format!("{} {zone}", style::clock(model.now, model.is_utc, "%H:%M:%S"))
}

fn title(model: &Model, area: Rect, buffer: &mut Buffer) {
    let line = wide_tabs(model).line;
    put(buffer, area, 0, &line);
    // What waits behind a frozen picture is told as far as there is room; that it is frozen, always.
    let room = usize::from(area.width).saturating_sub(line.width() + 2);
    let company = company::presence(model);
    let beside = |mut right: Vec<Span<'static>>| {
        right.extend(mouse(model));
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
    let many = |number: usize, word: &str| format!("{} {word}{}", count(number as u64), if number == 1 { "" } else { "s" });
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

/// The tabs or the crumbs, and what stands in which columns.
struct Tabs {
    line: Line<'static>,
    /// Where the open one stands: from which column, and how long it is.
    marked: Option<(usize, usize)>,
    spots: Vec<(Range<usize>, Spot)>,
}

impl Tabs {
    fn add(&mut self, name: &str, is_open: bool, spot: Spot) {
        let (at, length) = (self.line.width(), width(name));
        if is_open {
            self.marked = Some((at, length));
        }
        self.spots.push((at..at + length, spot));
        self.line.push_span(styled(name.to_owned(), if is_open { ACCENT } else { plain("").style }));
        self.line.push_span(plain("   "));
    }
}

/// The name, then the tabs or the crumbs.
fn wide_tabs(model: &Model) -> Tabs {
    tabs(model, vec![styled(" WEFWATCH ", STRONG), plain("  ")], false)
}

/// The same without the name, which stands in the first row already; where there is no room, short.
fn narrow_tabs(model: &Model, columns: u16) -> Tabs {
    let mut all = tabs(model, vec![plain(" ")], false);
    if all.line.width() > usize::from(columns) {
        all = tabs(model, vec![plain(" ")], true);
    }
    all.line.spans.pop();
    all
}

/// What stands behind a beginning. Short, the tabs that are not open are their keys alone.
fn tabs(model: &Model, begin: Vec<Span<'static>>, is_short: bool) -> Tabs {
    let mut all = Tabs { line: Line::from(begin), marked: None, spots: Vec::new() };
    let tab = |name: &'static str, is_open: bool| if is_short && !is_open { &name[..1] } else { name };
    match model.stack.last() {
        Some(Screen::Alert { number, section, .. }) => {
            let id = model.alerts.get(*number).map_or(String::new(), |entry| entry.header.id.short().to_owned());
            all.add(&format!("{} › {id}", tab_name(model.tab)), false, Spot::Crumb);
            for (own, name) in Section::ALL {
                all.add(tab(name, own == *section), own == *section, Spot::Section(own));
            }
        }
        Some(Screen::Host { host, .. }) => {
            all.add(&format!("{} › {}", tab_name(model.tab), safe(host.as_str())), true, Spot::Crumb);
        }
        Some(Screen::Lateral { .. }) => all.add(&format!("{} › lateral movement", tab_name(model.tab)), true, Spot::Crumb),
        Some(Screen::Event { .. }) => all.add("Events › event", true, Spot::Crumb),
        Some(Screen::BadFrames { .. }) => all.add("Health › rejected messages", true, Spot::Crumb),
        None => {
            for (own, name) in Tab::ALL {
                all.add(tab(name, own == model.tab), own == model.tab, Spot::Tab(own));
            }
        }
    }
    all
}

/// What of it stands at a place of the header.
pub fn at(model: &Model, shape: Shape, columns: u16, (column, row): (u16, u16)) -> Option<Spot> {
    let tabs = match (shape, row) {
        (Shape::Wide, 0) => wide_tabs(model),
        (Shape::Narrow, 2) => narrow_tabs(model, columns),
        _ => return None,
    };
    tabs.spots.into_iter().find(|(own, _)| own.contains(&usize::from(column))).map(|(_, spot)| spot)
}

fn tab_name(tab: Tab) -> &'static str {
    Tab::ALL.iter().find(|(own, _)| *own == tab).map_or("", |(_, name)| &name[2..])
}

/// The line under the title, heavy under the open tab.
fn rule(model: &Model, area: Rect, buffer: &mut Buffer) {
    let marked = wide_tabs(model).marked;
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
        spans.push(styled(format!("{number} {word} outside {}", hider(model)), style));
        spans.push(plain("  "));
    }
    let line = Line::from(spans);
    put(buffer, area, row, &line);
    let right = histogram::spans(model, area.width);
    put_right(buffer, area, row, line.width(), right);
}

fn collector(model: &Model, area: Rect, row: u16, buffer: &mut Buffer) {
    let mut spans = vec![plain(" ")];
    let chip = chip(model, usize::from(area.width));
    let chip_width: usize = chip.iter().map(Span::width).sum();
    spans.extend(well::fitting(well::parts(model), usize::from(area.width).saturating_sub(chip_width + 2)));
    let line = Line::from(spans);
    put(buffer, area, row, &line);
    put_right(buffer, area, row, line.width(), chip);
}

/// What keeps alerts out of sight.
fn hider(model: &Model) -> String {
    match (model.filter_text.is_empty(), model.window.minutes()) {
        (true, _) => format!("last {}", model.window.words()),
        (false, None) => "filter".to_owned(),
        (false, Some(_)) => format!("filter, last {}", model.window.words()),
    }
}

/// What narrows the lists, and how much it leaves; in fewer words where there is less room.
fn chip(model: &Model, columns: usize) -> Vec<Span<'static>> {
    if model.filter.is_empty() {
        return vec![styled("filter: none", DIM)];
    }
    let window = model.window.minutes().map_or(String::new(), |_| format!(" last {} ", model.window.words()));
    let filter = |room: usize| {
        let text = fit(&safe(&model.filter_text), room);
        if text.is_empty() { String::new() } else { format!(" filter: {text} ") }
    };
    let shown = format!(" {} of {}", count(model.alerts.total(false) as u64), count(model.alerts.known() as u64));
    let room = if model.size.0 < 80 { 12 } else { 30 };
    let texts = [format!("{window}{}{shown}", filter(room)), format!("{window}{}", filter(8)), window];
    let text = texts.into_iter().find(|text| width(text) + 1 < columns);
    vec![styled(text.unwrap_or_default(), ACCENT)]
}

fn compact(model: &Model, area: Rect, buffer: &mut Buffer) {
    let mut spans = vec![styled(" WEFWATCH ", STRONG), state(model), plain("  ")];
    let behind = model.paused_alerts();
    if behind > 0 {
        spans.push(styled(format!("{} alerts wait  ", count(behind as u64)), WARN));
    }
    let mut right = vec![plain(style::clock(model.now, model.is_utc, "%H:%M:%S"))];
    right.extend(mouse(model));
    right.extend(company::presence(model).into_iter().flat_map(|text| [plain("  "), styled(text, ACCENT)]));
    let used: usize = spans.iter().chain(&right).map(Span::width).sum();
    spans.extend(well::fitting(well::parts(model), usize::from(area.width).saturating_sub(used + 2)));
    let line = Line::from(spans);
    put(buffer, area, 0, &line);
    put_right(buffer, area, 0, line.width(), right);
}
