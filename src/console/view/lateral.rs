//! Paths over several hosts: all of them as a tree on a screen of their own, and the one that an alert is part of beside its
//! reasons.

use std::collections::HashSet;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::alert::link::{AtEnd, Hop, Side, path};
use crate::alert::{Alert, AlertId};
use crate::console::counted::count_of;
use crate::console::keys::action::Action;
use crate::console::model::Model;
use crate::console::model::lateral::Row;
use crate::console::model::screen::{Pane, Screen};
use crate::console::printable::{fit, fit_left, pad, width as columns_of, wrap};
use crate::console::view::alerts::window_hint;
use crate::console::view::style::{self, DIM, SELECTED, STRONG, WARN, heading, plain, safe, styled};
use crate::console::view::why::{self, seconds};
use crate::console::view::{Seen, history, put, split_bottom};

/// Draws all paths, and under them why the alert of the selected hop fired, as far as there is room.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let rows = model.lateral_rows();
    let (list, below) = parts(&rows, area);
    render_list(model, &rows, list, buffer);
    why::render(model, below, buffer);
}

/// Where the list and the reasons stand.
fn parts(rows: &[Row<'_>], area: Rect) -> (Rect, Rect) {
    let preview = if area.height >= 14 && !rows.is_empty() { (area.height / 2).min(14) } else { 0 };
    split_bottom(area, preview)
}

fn selected(model: &Model, rows: &[Row<'_>]) -> Option<usize> {
    model.selected_alert().and_then(|number| rows.iter().position(|row| row.number == Some(number))).or(Some(0))
}

/// The alert of the hop that stands in a row of the screen, and how many are seen above it.
pub fn at(model: &Model, area: Rect, row: u16) -> Option<(u64, usize)> {
    let rows = model.lateral_rows();
    let (list, _) = parts(&rows, area);
    let seen = Seen::around(selected(model, &rows), model.rows_above(Pane::Alerts), rows.len(), 2, list);
    let (place, above) = seen.at(list, row)?;
    rows[place].number.map(|number| (number, above))
}

fn render_list(model: &Model, rows: &[Row<'_>], area: Rect, buffer: &mut Buffer) {
    let hops = count_of(rows.len() as u64, "hop");
    let mut hosts: Vec<&str> = rows.iter().flat_map(|row| [row.hop.from.host.as_str(), row.hop.to.host.as_str()]).collect();
    hosts.sort_unstable();
    hosts.dedup();
    let mut title = heading("Lateral movement", true);
    title.push(plain(format!("  {hops} over {}, newest first", count_of(hosts.len() as u64, "host"))));
    put(buffer, area, 0, &Line::from(title));
    let widths = Widths::of(area.width);
    put(buffer, area, 1, &Line::from(styled(widths.head(), DIM)));
    if rows.is_empty() {
        let text = if model.window.minutes().is_some() {
            format!("  no connection was seen from both of its hosts {}", window_hint(model))
        } else {
            "  no connection was seen from both of its hosts yet: then A > B > C stands here".to_owned()
        };
        put(buffer, area, 2, &Line::from(plain(text)));
        return;
    }
    let selected = selected(model, rows);
    let seen = Seen::around(selected, model.rows_above(Pane::Alerts), rows.len(), 2, area);
    for place in seen.rows.clone() {
        let line = widths.row(model, &rows[place], Some(place) == selected);
        put(buffer, area, seen.row_of(place), &line);
    }
}

/// Fixed widths by the width of the area.
struct Widths {
    path: usize,
    alerts: usize,
    who: usize,
}

impl Widths {
    fn of(width: u16) -> Self {
        let rest = usize::from(width).saturating_sub(14);
        match width {
            110.. => Self { path: 46, alerts: 24, who: rest.saturating_sub(46 + 24 + 2) },
            76.. => Self { path: rest.saturating_sub(24 + 2), alerts: 24, who: 0 },
            _ => Self { path: rest.saturating_sub(12), alerts: 10, who: 0 },
        }
    }

    fn head(&self) -> String {
        let who = if self.who > 0 { "WHO > AS WHOM" } else { "" };
        format!("  {}  {}  {}{who}", pad("LEFT AT", 10), pad("PATH", self.path), pad("ALERTS", self.alerts))
    }

    fn row(&self, model: &Model, row: &Row<'_>, is_selected: bool) -> Line<'static> {
        let hop = row.hop;
        let time = style::clock(hop.from.at, model.is_utc, "%H:%M:%S");
        let own = fit_left(&safe(&format!("{} > {}:{}", hop.from.name(), hop.to.name(), hop.to.port)), self.path);
        let branch = fit_left(&branch(&row.branch), self.path.saturating_sub(columns_of(&own)));
        let gap = self.path.saturating_sub(columns_of(&own) + columns_of(&branch));
        let mut spans = vec![
            plain(if is_selected { "▌ " } else { "  " }),
            plain(pad(&time, 10)),
            plain("  "),
            styled(branch, DIM),
            styled(own, STRONG),
            plain(" ".repeat(gap + 2)),
        ];
        // Where there is no room for both ends, the one that was reached; an id is not cut.
        let (reached, is_again) = match row.is_again {
            (left, _) if hop.to.alerts.is_empty() => (&hop.from.alerts, left),
            (_, arrived) => (&hop.to.alerts, arrived),
        };
        let alerts = match self.alerts {
            ..20 => end(model, &reached[..reached.len().min(1)], is_again),
            _ => ends(model, hop, row.is_again),
        };
        let used: usize = alerts.iter().map(Span::width).sum();
        spans.extend(alerts);
        spans.push(plain(" ".repeat(self.alerts.saturating_sub(used))));
        if self.who > 0 {
            spans.push(plain(fit(&who(model, hop), self.who)));
        }
        let line = Line::from(spans);
        if is_selected { line.style(SELECTED) } else { line }
    }
}

/// How a hop hangs below the one before it: `│  └─ `.
fn branch(more_follow: &[bool]) -> String {
    let Some((own, above)) = more_follow.split_last() else { return String::new() };
    let above: String = above.iter().map(|more| if *more { "│  " } else { "   " }).collect();
    above + if *own { "├─ " } else { "└─ " }
}

/// The alerts of both ends with their severities: `f916 HIGH > 573a CRIT`. One that stands further up says so: it is one.
fn ends(model: &Model, hop: &Hop, is_again: (bool, bool)) -> Vec<Span<'static>> {
    let mut spans = end(model, &hop.from.alerts, is_again.0);
    spans.push(styled(" > ", DIM));
    spans.extend(end(model, &hop.to.alerts, is_again.1));
    spans
}

fn end(model: &Model, alerts: &[AtEnd], is_again: bool) -> Vec<Span<'static>> {
    let Some(first) = alerts.first() else { return vec![styled("-", DIM)] };
    let more = if alerts.len() > 1 { format!(" +{}", alerts.len() - 1) } else { String::new() };
    if is_again {
        return vec![styled(format!("{} above{more}", first.id.short()), DIM)];
    }
    let entry = model.alerts.number_of(&first.id).and_then(|number| model.alerts.get(number));
    let (word, style) = style::severity(entry.map_or(first.severity, |entry| entry.header.severity));
    let done = entry
        .filter(|entry| !entry.state.is_waiting())
        .map_or(String::new(), |entry| format!(" {}", history::word(&entry.state).to_lowercase()));
    vec![plain(format!("{} ", first.id.short())), styled(word, style), plain(format!("{more}{done}"))]
}

/// Who connected, and as whom it went on there.
fn who(model: &Model, hop: &Hop) -> String {
    let user = |alerts: &[AtEnd]| {
        let entry = alerts.iter().find_map(|own| model.alerts.get(model.alerts.number_of(&own.id)?));
        entry.and_then(|entry| entry.header.user.clone()).unwrap_or_else(|| "?".to_owned())
    };
    let (from, to) = (user(&hop.from.alerts), user(&hop.to.alerts));
    let text = if from == to { from } else { format!("{from} > {to}") };
    safe(&text)
}

/// The path that an alert is part of; nothing where only one end was seen.
pub fn path_lines(model: &Model, alert: &Alert, width: usize) -> Vec<Line<'static>> {
    let (Some(first), Some(last)) = (alert.hops.first(), alert.hops.last()) else { return Vec::new() };
    let is_wide = width >= 100;
    let mut title = heading("Path", false);
    title.push(plain("  "));
    title.push(styled(fit(&safe(&path(&alert.hops)), width.saturating_sub(30)), STRONG));
    if alert.hops.len() > 1 {
        let span = (last.to.at - first.from.at).num_milliseconds();
        title.push(styled(format!("  {} hops in {}", alert.hops.len(), seconds(span)), DIM));
    }
    let mut lines = vec![Line::from(title)];
    let mut shown = HashSet::new();
    let mut is_again = |side: &Side| side.alerts.first().is_some_and(|own| !shown.insert(own.id.clone()));
    for hop in &alert.hops {
        let time = style::clock(hop.from.at, model.is_utc, "%H:%M:%S%.3f");
        let ports = if is_wide {
            format!("{}  {}:{} > {}:{}", hop.to.name(), hop.from.ip, hop.from.port, hop.to.ip, hop.to.port)
        } else {
            format!("{}:{}", hop.to.name(), hop.to.port)
        };
        let text = safe(&format!("{} > {ports}", hop.from.name()));
        let mut spans = vec![plain(format!("  {time}  {}  ", fit(&text, width.saturating_sub(46))))];
        spans.extend(ends(model, hop, (is_again(&hop.from), is_again(&hop.to))));
        if hop.has(&alert.id) {
            spans.push(styled("  ◀ this", STRONG));
        }
        lines.push(Line::from(spans));
    }
    lines
}

/// What the alert is linked to, and what that did to its severity, in at most so many rows: what does not fit is left out
/// whole, the path first, the id of the other end never.
pub fn link_lines(model: &Model, alert: &Alert, width: usize, rows: usize) -> Vec<Line<'static>> {
    let Some(hop) = alert.hops.iter().find(|hop| hop.has(&alert.id)).filter(|_| rows > 0) else { return Vec::new() };
    let is_reached = hop.to.alerts.iter().any(|own| own.id == alert.id);
    let seen = match (is_reached, alert.linked.is_empty()) {
        (true, true) => format!(": also seen leaving {}, where nothing fired", hop.from.name()),
        (true, false) => format!(": also seen leaving {}", hop.from.name()),
        (false, _) => format!(": also seen arriving at {}", hop.to.name()),
    };
    let linked = match &*alert.linked {
        [] => "Linked".to_owned(),
        all => format!("Linked to {}", all.iter().take(4).map(AlertId::short).collect::<Vec<_>>().join(", ")),
    };
    let user = |alerts: &[AtEnd]| {
        let entry = alerts.iter().find_map(|own| model.alerts.get(model.alerts.number_of(&own.id)?));
        entry.and_then(|entry| entry.header.user.clone())
    };
    let changed = match (user(&hop.from.alerts), user(&hop.to.alerts)) {
        (Some(from), Some(to)) if is_reached && from.to_lowercase() != to.to_lowercase() => {
            format!(", as {from} and here as {to}")
        }
        _ => String::new(),
    };
    let path = if alert.hops.len() > 1 { format!("{}. ", path(&alert.hops)) } else { String::new() };
    let forms = [format!("{path}{linked}{seen}{changed}"), format!("{linked}{seen}{changed}"), format!("{linked}{seen}"), linked];
    let mut wrapped = forms.iter().map(|form| wrap(&safe(form), width.saturating_sub(3)));
    let chosen = wrapped.find(|lines| lines.len() <= rows).unwrap_or_else(|| wrap(&safe(&forms[3]), width.saturating_sub(3)));
    let line = |text| Line::from(vec![plain("  "), styled(text, WARN)]);
    chosen.into_iter().take(rows).map(line).collect()
}

/// The key that shows the path, where it works and is not in use.
pub fn hint(model: &Model) -> Option<Span<'static>> {
    let has_key = !matches!(model.stack.last(), Some(Screen::Alert { .. } | Screen::Lateral { .. }));
    has_key.then(|| styled(format!("{} shows the path", model.config.keys.first_of(Action::Lateral)), DIM))
}

/// What stands beside the risk of an alert that a link raised: `raised by link, the rule says MED`.
pub fn raised(alert: &Alert) -> String {
    let (word, _) = style::severity(alert.rule.severity);
    alert.raised_to.map_or(String::new(), |_| format!(", raised by link (rule says {word})"))
}
