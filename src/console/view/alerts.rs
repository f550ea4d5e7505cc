//! Lists of alerts: severity, then newest. Only the rows that are seen are built.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::alert::Severity;
use crate::console::counted::count_of;
use crate::console::keys::action::Action;
use crate::console::model::Model;
use crate::console::model::marks::Listing;
use crate::console::model::screen::{Pane, Tab};
use crate::console::printable::{fit, pad, pad_left};
use crate::console::view::fitting::what_and_who;
use crate::console::view::style::{self, ACCENT, DIM, SELECTED, WARN, count, heading, plain, safe, styled};
use crate::console::view::{Seen, history, put, put_right};
use crate::event::names::HostName;
use crate::roster::Entry;

/// Draws the list; `kinds_only` folds repeats. One row below stays free.
pub fn render(model: &Model, kinds_only: bool, area: Rect, buffer: &mut Buffer) {
    let rows = model.alerts.rows(kinds_only);
    let has_focus = model.stack.is_empty() && (model.tab == Tab::Alerts || model.pane == Pane::Alerts);
    let mut title = heading(if kinds_only { "Open alerts" } else { "Alerts" }, has_focus);
    let total = model.alerts.total(kinds_only);
    let here = if total > rows.len() { format!(", {} here", count(rows.len() as u64)) } else { String::new() };
    title.push(plain(format!("  {}{}{here}", number(model, kinds_only, total as u64), order(area))));
    let list = if kinds_only { Listing::Open } else { Listing::All };
    title.extend(marked(model, &list));
    let title = Line::from(title);
    put(buffer, area, 0, &title);
    let shown = seen(model, kinds_only, area);
    let mut beside = Vec::new();
    if model.new_above > 0 && model.alert.is_chosen {
        beside.push(styled(format!("▲ {} new", model.new_above), WARN));
    }
    if let Some(part) = part_of(&shown, rows.len()) {
        beside.extend((!beside.is_empty()).then(|| plain("   ")));
        beside.push(part);
    }
    put_right(buffer, area, 0, title.width(), beside);
    let columns = Columns::of(area.width, !kinds_only, (0..rows.len().min(ASKED)).filter_map(|place| rows.get(place)));
    put(buffer, area, 1, &Line::from(styled(columns.head(), DIM)));
    if rows.is_empty() {
        put(buffer, area, 2, &Line::from(plain(empty_text(model, kinds_only))));
        return;
    }
    let selected = model.selected_alert().and_then(|number| rows.place_of(number));
    for place in shown.rows.clone() {
        let Some(entry) = rows.get(place) else { break };
        let repeats = if kinds_only { model.alerts.repeat_count(entry) } else { 1 };
        let row = Row { repeats, is_selected: Some(place) == selected, has_focus, is_marked: model.is_marked(entry, &list) };
        let line = columns.row(model, entry, &row);
        put(buffer, area, shown.row_of(place), &line);
    }
}

/// How many rows there are, and, where all that is open is listed and repeats are folded, of how many alerts: `8 in 7 rows`.
fn number(model: &Model, kinds_only: bool, rows: u64) -> String {
    let open = if model.filter.is_empty() {
        Severity::ALL.into_iter().map(|severity| model.alerts.count_of_severity(severity)).sum::<u64>()
    } else if model.alerts.is_part() {
        // Nobody here knows how many repeats a filter lets through.
        0
    } else {
        model.alerts.open_count() as u64
    };
    if kinds_only && open > rows && rows > 0 { format!("{} in {}", count(open), count_of(rows, "row")) } else { count(rows) }
}

/// How a list is ordered, where there is room for it beside which of its rows are seen.
fn order(area: Rect) -> &'static str {
    if area.width < 50 { "" } else { ", severity then newest" }
}

/// `1-6 of 40` where rows are out of sight.
fn part_of(seen: &Seen, length: usize) -> Option<Span<'static>> {
    let is_cut = seen.rows.len() < length;
    is_cut.then(|| styled(format!("{}-{} of {}", seen.rows.start + 1, seen.rows.end, count(length as u64)), DIM))
}

/// Which rows are seen.
pub fn seen(model: &Model, kinds_only: bool, area: Rect) -> Seen {
    let rows = model.alerts.rows(kinds_only);
    let selected = model.selected_alert().and_then(|number| rows.place_of(number));
    Seen::around(selected, model.rows_above(Pane::Alerts), rows.len(), 2, area)
}

/// `12 marked`.
fn marked(model: &Model, list: &Listing) -> Option<Span<'static>> {
    let marked = model.marked_in(list);
    (marked > 0).then(|| styled(format!("   {} marked", count(marked as u64)), ACCENT))
}

fn empty_text(model: &Model, kinds_only: bool) -> String {
    if model.alerts.is_empty() && model.hosts.is_empty() && !model.config.is_replay {
        format!("  no events yet: point a sender at {}", model.listeners().join(" or "))
    } else if model.alerts.is_empty() {
        let rules = model.status.rules.iter().filter(|rule| rule.facts.problem.is_none()).count();
        let watch = if rules == 1 { "watches" } else { "watch" };
        format!("  no alerts yet: {} {watch} what arrives", count_of(rules as u64, "rule"))
    } else if model.pages.is_asking() {
        "  asking the collector …".to_owned()
    } else if model.window.minutes().is_some() {
        empty_window(model, kinds_only)
    } else if kinds_only && model.filter.is_empty() {
        "  nothing is open: every alert was acknowledged, closed or muted; 2 lists them all".to_owned()
    } else if kinds_only && model.alerts.total(false) > 0 {
        let others = count(model.alerts.total(false) as u64);
        format!("  nothing open matches the filter; {others} acknowledged, closed or muted: 2 lists them, esc clears it")
    } else {
        "  no alert matches the filter; esc clears it".to_owned()
    }
}

/// Why a list is empty behind a time window, and which key shows more.
fn empty_window(model: &Model, kinds_only: bool) -> String {
    let what = match (kinds_only, model.filter_text.is_empty()) {
        (true, true) => "nothing is open",
        (false, true) => "no alert",
        (_, false) => "nothing matches the filter",
    };
    let more = window_hint(model);
    match model.alerts.total(false) as u64 {
        others @ 1.. if kinds_only => format!("  {what} {more}; {} acknowledged, closed or muted: 2 lists them", count(others)),
        _ => format!("  {what} {more}"),
    }
}

/// What a time window leaves out, for a list that is empty: `in the last 1 h; ] widens the window`. Nothing without one.
pub fn window_hint(model: &Model) -> String {
    let key = model.config.keys.first_of(Action::WindowWider);
    match model.window.minutes() {
        Some(_) => format!("in the last {}; {key} widens the window", model.window.words()),
        None => String::new(),
    }
}

/// Draws the alerts of one host. One row below stays free.
pub fn render_of_host(model: &Model, host: &HostName, entries: &[&Entry], area: Rect, buffer: &mut Buffer) {
    let mut title = heading("Alerts", true);
    let told = model.pages.count_of(host).filter(|told| *told > entries.len() as u64);
    let of_all = told.map_or(String::new(), |told| format!(" here of {}", count(told)));
    title.push(plain(format!("  {}{of_all}{}", count(entries.len() as u64), order(area))));
    let list = Listing::Host(host.clone());
    title.extend(marked(model, &list));
    let title = Line::from(title);
    put(buffer, area, 0, &title);
    let columns = Columns::of(area.width, true, entries.iter().copied().take(ASKED));
    put(buffer, area, 1, &Line::from(styled(columns.head(), DIM)));
    if entries.is_empty() {
        put(buffer, area, 2, &Line::from(plain(format!("  no alerts of this host {}", window_hint(model)))));
        return;
    }
    let selected = selected_of_host(model, entries);
    let seen = Seen::around(selected, model.rows_above(Pane::Alerts), entries.len(), 2, area);
    put_right(buffer, area, 0, title.width(), part_of(&seen, entries.len()).into_iter().collect());
    for place in seen.rows.clone() {
        let is_marked = model.is_marked(entries[place], &list);
        let row = Row { repeats: 1, is_selected: Some(place) == selected, has_focus: true, is_marked };
        let line = columns.row(model, entries[place], &row);
        put(buffer, area, seen.row_of(place), &line);
    }
}

fn selected_of_host(model: &Model, entries: &[&Entry]) -> Option<usize> {
    model.selected_alert().and_then(|number| entries.iter().position(|entry| entry.number == number)).or(Some(0))
}

/// The alert of a host that stands in a row of the screen, and how many are seen above it.
pub fn of_host_at(model: &Model, host: &HostName, area: Rect, row: u16) -> Option<(u64, usize)> {
    let entries = model.alerts.of_host(host);
    let selected = selected_of_host(model, &entries);
    let seen = Seen::around(selected, model.rows_above(Pane::Alerts), entries.len(), 2, area);
    seen.at(area, row).map(|(place, above)| (entries[place].number, above))
}

/// How many rows of a list are asked whether they have a path: so many that scrolling changes nothing, and so few that asking
/// costs nothing.
const ASKED: usize = 512;

/// How a row of a list is shown.
struct Row {
    repeats: usize,
    is_selected: bool,
    has_focus: bool,
    is_marked: bool,
}

/// Fixed widths by the width of the area, and by whether any alert of the list tells of a connection: without, the room for both
/// its ends goes to the rule.
struct Columns {
    path: usize,
    rule: usize,
    what: usize,
    /// The columns for where an alert stands; 0 where all are open.
    state: usize,
    has_paths: bool,
}

impl Columns {
    fn of<'e>(width: u16, has_states: bool, mut entries: impl Iterator<Item = &'e Entry>) -> Self {
        let width = usize::from(width);
        let state = if has_states { 8 } else { 0 };
        let rest = width.saturating_sub(state);
        let has_paths = entries.any(|entry| entry.header.path.contains(" > "));
        match (width, has_paths) {
            (110.., _) => {
                let path = if has_paths { 32 } else { 20 };
                let rule = (66 - path + width.saturating_sub(120) * 6 / 10).min(76);
                Self { path, rule, what: rest.saturating_sub(24 + path + rule), state, has_paths }
            }
            (76.., true) => Self { path: 27, rule: 0, what: rest.saturating_sub(22 + 27), state, has_paths },
            (76.., false) => Self { path: 15, rule: rest.saturating_sub(24 + 15), what: 0, state, has_paths },
            // A few letters of what ran say nothing: then the path has all of it.
            _ => Self { path: rest.saturating_sub(22), rule: 0, what: 0, state, has_paths },
        }
    }

    fn head(&self) -> String {
        let state = pad(" STATE", self.state);
        let rule = if self.rule > 0 { format!("  {}", pad("RULE", self.rule)) } else { String::new() };
        let what = if self.what > 8 { "  WHAT RAN / WHO" } else { "" };
        let path = if self.has_paths { "FROM > TO" } else { "HOST" };
        format!("  ID    SEV {state}     AGE  {}{rule}{what}", pad(path, self.path))
    }

    fn row(&self, model: &Model, entry: &Entry, row: &Row) -> Line<'static> {
        let Row { repeats, is_selected, has_focus, is_marked } = *row;
        let (word, style) = style::severity(entry.header.severity);
        let mut times = if repeats > 1 { format!(" x{repeats}") } else { String::new() };
        if entry.state.again.is_some() {
            times.push_str(" again");
        }
        let path = pad(&safe(&entry.header.path), self.path.saturating_sub(times.len()));
        let age = style::age((model.now - entry.header.created).num_seconds());
        let mut spans = vec![
            plain(if is_selected { "▌" } else { " " }),
            // A sign as well as a colour.
            if is_marked { styled("*", ACCENT) } else { plain(" ") },
            plain(pad(entry.header.id.short(), 6)),
            styled(pad(word, 4), style),
            plain(pad(&format!(" {}", history::word(&entry.state)), self.state)),
            plain(pad_left(&age, 8)),
            plain(format!("  {path}{times}")),
        ];
        if self.rule > 0 {
            let linked = if entry.header.is_linked { " + LINKED" } else { "" };
            let rule = fit(&safe(&entry.header.rule), self.rule.saturating_sub(linked.len()));
            spans.push(plain(format!("  {}", pad(&format!("{rule}{linked}"), self.rule))));
        }
        if self.what > 8 {
            let user = entry.header.user.as_deref().map(safe);
            let what = what_and_who(&safe(&entry.header.what), user.as_deref(), self.what - 2);
            spans.push(plain(format!("  {}", pad(&what, self.what - 2))));
        }
        let line = Line::from(spans);
        if is_selected && has_focus { line.style(SELECTED) } else { line }
    }
}
