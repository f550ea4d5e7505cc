//! The top: where you are, whether the picture is live, the time, the open alerts, and whether the collector is well. Loss,
//! rejects and a hidden alert show on every tab.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::alert::Severity;
use crate::console::counted::count_of;
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
            let (tabs, chip) = narrow_tabs(model, area.width);
            put(buffer, area, 2, &tabs.line);
            put_right(buffer, area, 2, tabs.line.width(), chip);
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
    let many = |number: usize, word: &str| count_of(number as u64, word);
    let lost = if dropped > 0 { format!(", {} dropped", count(dropped)) } else { String::new() };
    let waits = if waiting == 1 { "waits" } else { "wait" };
    let (raised, is_more) = model.paused_alerts();
    let alerts = many(usize::try_from(raised).unwrap_or(usize::MAX), "alert") + if is_more { " and more" } else { "" };
    vec![
        format!("  {} {waits}, {alerts}{lost}", many(waiting, "update")),
        format!("  {alerts}{lost}"),
        format!("  {alerts}"),
        String::new(),
    ]
}

/// The same for a header that has a line for everything.
fn waits_in_short(model: &Model) -> Vec<String> {
    let Some((waiting, dropped)) = model.paused() else { return Vec::new() };
    let lost = if dropped > 0 { format!(", {} dropped", count(dropped)) } else { String::new() };
    let (raised, is_more) = model.paused_alerts();
    let alerts = format!("{}{}", count_of(raised, "alert"), if is_more { " and more" } else { "" });
    let waiting = count(waiting as u64);
    vec![format!("{waiting} wait, {alerts}{lost}"), format!("{waiting} wait{lost}"), format!("{waiting} wait")]
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

/// The same without the name, which stands in the first row already, and the filter. A filter that hides something is said at
/// every size: the tabs that are not open give way to it, then its text.
fn narrow_tabs(model: &Model, columns: u16) -> (Tabs, Vec<Span<'static>>) {
    let columns = usize::from(columns);
    let of = |is_short: bool| {
        let mut all = tabs(model, vec![plain(" ")], is_short);
        all.line.spans.pop();
        all
    };
    let mut all = of(false);
    if all.line.width() > columns {
        all = of(true);
    }
    let mut chip = filter_chip(model, 30);
    let needed = |all: &Tabs, chip: &[Span<'_>]| all.line.width() + chip.iter().map(Span::width).sum::<usize>() + 1;
    if !model.filter.is_empty() {
        if needed(&all, &chip) >= columns {
            all = of(true);
        }
        let shorter = [12, 8, 0].map(|room| filter_chip(model, room));
        let shortest = vec![styled(hider(model).replace(", last ", ", "), ACCENT)];
        let forms = std::iter::once(chip).chain(shorter).chain([shortest]);
        chip = forms.into_iter().find(|chip| needed(&all, chip) < columns).unwrap_or_default();
    }
    (all, chip)
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
        (Shape::Narrow, 2) => narrow_tabs(model, columns).0,
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
    let used = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    for (name, number) in names.into_iter().zip([model.alerts.acknowledged(), model.alerts.muted()]) {
        let text = format!("{name} {}  ", count(number));
        if used(&spans) + text.trim_end().len() <= usize::from(area.width) {
            spans.push(styled(text, if number > 0 { plain("").style } else { DIM }));
        }
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
    let chip = filter_chip(model, 30);
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

/// What narrows the lists, with at most so many columns of the filter's text, and how much it leaves.
fn filter_chip(model: &Model, room: usize) -> Vec<Span<'static>> {
    if model.filter.is_empty() {
        return vec![styled("filter: none", DIM)];
    }
    let window = model.window.minutes().map(|_| format!("last {}", model.window.words()));
    let filter = match (model.filter_text.is_empty(), room) {
        (true, _) => None,
        (_, 0) => Some("filter".to_owned()),
        _ => Some(format!("filter: {}", fit(&safe(&model.filter_text), room))),
    };
    // Over a list of something else the numbers say what they are of.
    let what = if model.tab == Tab::Events && model.stack.is_empty() { "alerts " } else { "" };
    let shown = format!("{what}{} of {}", count(model.alerts.total(false) as u64), count(model.alerts.known() as u64));
    let parts: Vec<String> = window.into_iter().chain(filter).chain([shown]).collect();
    vec![styled(format!(" {}", parts.join("  ")), ACCENT)]
}

fn compact(model: &Model, area: Rect, buffer: &mut Buffer) {
    let mut spans = vec![styled(" WEFWATCH ", STRONG), state(model), plain("  ")];
    let mut right = vec![plain(style::clock(model.now, model.is_utc, "%H:%M:%S"))];
    right.extend(mouse(model));
    right.extend(company::presence(model).into_iter().flat_map(|text| [plain("  "), styled(text, ACCENT)]));
    let used: usize = spans.iter().chain(&right).map(Span::width).sum();
    let mut room = usize::from(area.width).saturating_sub(used + 2);
    // What is lost comes first, then what waits behind a frozen picture, then all that is well.
    let wrong: usize = well::wrong(model, usize::MAX).iter().map(Span::width).sum();
    let mut forms = waits(model).into_iter().take(1).chain(waits_in_short(model)).map(|text| text.trim().to_owned());
    if let Some(text) = forms.find(|text| !text.is_empty() && text.len() + 3 + wrong <= room) {
        room = room.saturating_sub(text.len() + 3);
        spans.push(styled(format!("{text}   "), WARN));
    }
    spans.extend(well::fitting(well::parts(model), room));
    let line = Line::from(spans);
    put(buffer, area, 0, &line);
    put_right(buffer, area, 0, line.width(), right);
}
