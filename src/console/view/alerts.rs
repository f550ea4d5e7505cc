//! Lists of alerts: severity, then newest. Only the rows that are seen are built.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::counted::count_of;
use crate::console::model::Model;
use crate::console::model::marks::Listing;
use crate::console::model::screen::{Pane, Screen, Tab};
use crate::console::printable::{fit, pad, pad_left};
use crate::console::view::health::hosts;
use crate::console::view::style::{self, ACCENT, DIM, SELECTED, WARN, count, heading, plain, safe, styled};
use crate::console::view::{first_row, history, put, put_right};
use crate::event::names::HostName;
use crate::roster::Entry;

/// Draws the list; `kinds_only` folds repeats. One row below stays free.
pub fn render(model: &Model, kinds_only: bool, area: Rect, buffer: &mut Buffer) {
    let rows = model.alerts.rows(kinds_only);
    let has_focus = model.stack.is_empty() && (model.tab == Tab::Alerts || model.pane == Pane::Alerts);
    let mut title = heading(if kinds_only { "Open alerts" } else { "Alerts" }, has_focus);
    let total = model.alerts.total(kinds_only);
    let here = if total > rows.len() { format!(", {} here", count(rows.len() as u64)) } else { String::new() };
    title.push(plain(format!("  {}, severity then newest{here}", count(total as u64))));
    let list = if kinds_only { Listing::Open } else { Listing::All };
    title.extend(marked(model, &list));
    let title = Line::from(title);
    put(buffer, area, 0, &title);
    if model.new_above > 0 && model.alert.is_chosen {
        put_right(buffer, area, 0, title.width(), vec![styled(format!("▲ {} new", model.new_above), WARN)]);
    }
    let columns = Columns::of(area.width, !kinds_only, (0..rows.len().min(ASKED)).filter_map(|place| rows.get(place)));
    put(buffer, area, 1, &Line::from(styled(columns.head(), DIM)));
    if rows.is_empty() {
        put(buffer, area, 2, &Line::from(plain(empty_text(model, kinds_only))));
        return;
    }
    let room = usize::from(area.height.saturating_sub(3)).max(1);
    let selected = model.selected_alert().and_then(|number| rows.place_of(number));
    let first = first_row(selected, room, rows.len());
    for place in first..(first + room).min(rows.len()) {
        let Some(entry) = rows.get(place) else { break };
        let repeats = if kinds_only { model.alerts.repeat_count(entry) } else { 1 };
        let row = Row { repeats, is_selected: Some(place) == selected, has_focus, is_marked: model.is_marked(entry, &list) };
        let line = columns.row(model, entry, &row);
        put(buffer, area, (place - first) as u16 + 2, &line);
    }
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
    } else if kinds_only && model.filter.is_empty() {
        "  nothing is open: every alert was acknowledged, closed or muted; 2 lists them all".to_owned()
    } else if kinds_only && model.alerts.total(false) > 0 {
        let others = count(model.alerts.total(false) as u64);
        format!("  nothing open matches the filter; {others} acknowledged, closed or muted: 2 lists them, esc clears it")
    } else {
        "  no alert matches the filter; esc clears it".to_owned()
    }
}

/// Draws the alerts of one host, and what is known of it.
pub fn render_of_host(model: &Model, host: &HostName, area: Rect, buffer: &mut Buffer) {
    let entries = model.alerts.of_host(host);
    let mut title = heading(&safe(host.as_str()), true);
    let told = model.pages.count_of(host).filter(|told| *told > entries.len() as u64);
    let of_all = told.map_or(String::new(), |told| format!(" here of {}", count(told)));
    title.push(plain(format!("  {}{of_all}", count_of(entries.len() as u64, "alert"))));
    let list = Listing::Host(host.clone());
    title.extend(marked(model, &list));
    put(buffer, area, 0, &Line::from(title));
    if let Some(state) = model.hosts.get(host) {
        let address = state.address.as_deref().map_or(String::new(), |address| format!("  {}", safe(address)));
        let skew = hosts::clock(state).map_or(String::new(), |clock| format!("   clock {clock}"));
        let lag = hosts::lag(state).map_or(String::new(), |lag| format!("   lag {lag}"));
        let text = format!(
            "  {}{address}   first heard {} ago, last {} ago{lag}{skew}",
            count_of(state.events, "event"),
            style::age((model.now - state.first_seen).num_seconds()),
            style::age((model.now - state.last_seen).num_seconds()),
        );
        let style = if hosts::is_late(state) || hosts::is_off(state) { WARN } else { DIM };
        put(buffer, area, 1, &Line::from(styled(text, style)));
        if let Some(blind) = &state.blind {
            let age = style::age((model.now - blind.since).num_seconds());
            let text = format!("  BLIND: no inbound EID 3 for {age}, yet {}", safe(&blind.proof.to_string()));
            put(buffer, area, 2, &Line::from(styled(text, WARN)));
        }
    }
    let columns = Columns::of(area.width, true, entries.iter().copied().take(ASKED));
    put(buffer, area, 3, &Line::from(styled(columns.head(), DIM)));
    if entries.is_empty() {
        put(buffer, area, 4, &Line::from(plain("  no alerts of this host")));
        return;
    }
    let chosen = if let Some(Screen::Host { alert, .. }) = model.stack.last() { *alert } else { None };
    let selected = chosen.and_then(|number| entries.iter().position(|entry| entry.number == number)).or(Some(0));
    let room = usize::from(area.height.saturating_sub(5)).max(1);
    let first = first_row(selected, room, entries.len());
    for (place, entry) in entries.iter().enumerate().skip(first).take(room) {
        let is_marked = model.is_marked(entry, &list);
        let row = Row { repeats: 1, is_selected: Some(place) == selected, has_focus: true, is_marked };
        let line = columns.row(model, entry, &row);
        put(buffer, area, (place - first) as u16 + 4, &line);
    }
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
            _ => Self { path: rest.saturating_sub(22).min(27), rule: 0, what: rest.saturating_sub(22 + 27), state, has_paths },
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
            spans.push(plain(format!("  {}", pad(&safe(&entry.header.what), self.what - 2))));
        }
        let line = Line::from(spans);
        if is_selected && has_focus { line.style(SELECTED) } else { line }
    }
}
