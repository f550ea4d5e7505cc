//! The hosts, worst first: their alerts, how much they send, when they were last heard, and what arrives from them.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::alert::Severity;
use crate::alert::header::short_host;
use crate::console::model::Model;
use crate::console::model::screen::{HostRow, Pane, Tab};
use crate::console::printable::{pad, pad_left};
use crate::console::view::health::hosts as times;
use crate::console::view::style::{self, DIM, GOOD, SELECTED, WARN, bars, count, heading, plain, safe, styled};
use crate::console::view::{Seen, put, put_right, well};
use crate::event::names::HostName;
use crate::hosts::{HostState, Liveness};

/// Draws the table with its heading; one row below stays free.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let rows = model.host_rows();
    let has_focus = model.pane == Pane::Hosts && model.tab == Tab::Triage && model.stack.is_empty();
    let mut title = heading("Hosts", has_focus);
    title.push(plain(format!("  {}, worst first", count(rows.len() as u64))));
    let title = Line::from(title);
    put(buffer, area, 0, &title);
    let columns = Columns::of(area.width);
    put(buffer, area, 1, &Line::from(styled(columns.head(), DIM)));
    if rows.is_empty() {
        empty(model, area, buffer);
        return;
    }
    let selected = model.selected_host().and_then(|host| rows.iter().position(|row| row.state.name == host));
    let seen = Seen::around(selected, model.rows_above(Pane::Hosts), rows.len(), 2, area);
    let (first, last) = (seen.rows.start, seen.rows.end);
    put_right(buffer, area, 0, title.width(), vec![styled(format!("{}-{last} of {}", first + 1, rows.len()), DIM)]);
    for (place, row) in rows.iter().enumerate().take(last).skip(first) {
        let is_selected = Some(place) == selected;
        let mut line = columns.row(model, row, is_selected);
        if is_selected && has_focus {
            line = line.style(SELECTED);
        }
        put(buffer, area, seen.row_of(place), &line);
    }
}

/// The host that stands in a row of the screen, and how many are seen above it.
pub fn at(model: &Model, area: Rect, row: u16) -> Option<(HostName, usize)> {
    let rows = model.host_rows();
    let selected = model.selected_host().and_then(|host| rows.iter().position(|row| row.state.name == host));
    let seen = Seen::around(selected, model.rows_above(Pane::Hosts), rows.len(), 2, area);
    seen.at(area, row).map(|(place, above)| (rows[place].state.name.clone(), above))
}

/// A host's short name; the whole one where two hosts share the short one.
fn shown_name<'a>(model: &Model, state: &'a HostState) -> &'a str {
    let short = short_host(&state.computer);
    let (alone, in_domain) = (HostName::fold(short), HostName::fold(&format!("{short}.")));
    let same = model.hosts.range(in_domain.clone()..).take_while(|(name, _)| name.as_str().starts_with(in_domain.as_str()));
    let namesakes = same.take(2).count() + usize::from(model.hosts.contains_key(&alone));
    if namesakes > 1 { &state.computer } else { short }
}

fn empty(model: &Model, area: Rect, buffer: &mut Buffer) {
    let lines = if model.filter_text.is_empty() && model.config.is_replay {
        ["no events yet: the recording is being read".to_owned(), String::new(), String::new()]
    } else if model.filter_text.is_empty() {
        [
            "no events yet: point a sender at".to_owned(),
            model.listeners().join("  "),
            "the README has a configuration for each sender".to_owned(),
        ]
    } else {
        ["no host matches the filter; esc clears it".to_owned(), String::new(), String::new()]
    };
    for (row, text) in lines.into_iter().enumerate() {
        put(buffer, area, row as u16 + 2, &Line::from(plain(format!("  {}", safe(&text)))));
    }
}

/// Fixed widths by the width of the area; what matters less goes first.
struct Columns {
    host: usize,
    bars: usize,
    has_coverage: bool,
    has_low: bool,
    rate: usize,
    last: usize,
}

impl Columns {
    fn of(width: u16) -> Self {
        let narrow = Self { host: 12, bars: 0, has_coverage: false, has_low: false, rate: 0, last: 0 };
        match width {
            110.. => Self { host: 22, bars: 20, has_coverage: true, has_low: true, rate: 8, last: 9 },
            // So much that `BLIND 3in` fits at 80, 60 and 40 columns.
            76.. => Self { host: 16, bars: 12, has_low: true, rate: 8, last: 9, ..narrow },
            60.. => Self { host: 14, rate: 8, last: 9, ..narrow },
            50.. => Self { last: 9, ..narrow },
            _ => narrow,
        }
    }

    fn head(&self) -> String {
        let low = if self.has_low { "  LOW" } else { "" };
        let bars = if self.bars > 0 { format!("  {}", pad("RATE -30m", self.bars)) } else { String::new() };
        let state = if self.has_coverage { "COVERAGE / STATE" } else { "STATE" };
        let rate = pad_left(if self.rate > 0 { "EV/S" } else { "" }, self.rate);
        let last = pad_left(if self.last > 0 { "LAST" } else { "" }, self.last);
        format!("  {} CRIT HIGH  MED{low}{rate}{bars}{last}  {state}", pad("HOST", self.host))
    }

    fn row(&self, model: &Model, row: &HostRow<'_>, is_selected: bool) -> Line<'static> {
        let state = row.state;
        let mut spans: Vec<Span<'static>> = vec![plain(if is_selected { "▌ " } else { "  " })];
        spans.push(plain(pad(&safe(shown_name(model, state)), self.host)));
        for severity in [Severity::Critical, Severity::High, Severity::Medium, Severity::Low] {
            if severity == Severity::Low && !self.has_low {
                continue;
            }
            let number = model.alerts.count_of(&state.name, severity);
            let (_, style) = style::severity(severity);
            let text = if number == 0 { "·".to_owned() } else { count(number) };
            spans.push(styled(pad_left(&text, 5), if number == 0 { DIM } else { style }));
        }
        spans.push(plain(pad_left(&well::rate(state.rate), self.rate)));
        if self.bars > 0 {
            let history: Vec<u64> = state.history.iter().map(|events| u64::from(*events)).collect();
            spans.push(plain(format!("  {}", pad(&bars(&history, self.bars), self.bars))));
        }
        let last = (model.now - state.last_seen).num_seconds();
        spans.push(plain(pad_left(&style::age(last), self.last)));
        spans.push(plain("  "));
        spans.extend(self.state(model, state));
        Line::from(spans)
    }

    fn state(&self, model: &Model, state: &HostState) -> Vec<Span<'static>> {
        let word = match state.liveness {
            Liveness::Live | Liveness::Quiet if state.blind.is_some() => {
                styled(if self.has_coverage { "BLIND" } else { "BLIND 3in" }, WARN)
            }
            Liveness::Live if times::is_off(state) => styled("SKEW", WARN),
            Liveness::Live if times::is_late(state) => {
                let lag = times::lag(state).filter(|_| self.has_coverage).map_or(String::new(), |lag| format!(" {lag}"));
                styled(format!("LATE{lag}"), WARN)
            }
            Liveness::Live => styled("live", GOOD),
            Liveness::Quiet => styled("quiet", DIM),
            Liveness::Silent => styled("SILENT", WARN),
        };
        if !self.has_coverage {
            return vec![word];
        }
        if state.liveness == Liveness::Silent {
            let usual =
                state.usual_gap_ms.map_or(String::new(), |gap| format!("  usually every {}", style::age((gap / 1000).max(1))));
            return vec![word, plain(usual)];
        }
        if let Some(blind) = &state.blind {
            let text = format!("  no inbound EID 3 for {}", style::age((model.now - blind.since).num_seconds()));
            return vec![word, plain(text)];
        }
        let part = |name: &str, is_there: bool| {
            if is_there { styled(format!("{name} ok  "), GOOD) } else { styled(format!("{name} --  "), DIM) }
        };
        let coverage = &state.coverage;
        let mut spans = vec![
            part("1", coverage.process_create.is_some()),
            part("3in", coverage.inbound.is_some()),
            part("3out", coverage.outbound.is_some()),
        ];
        if state.liveness != Liveness::Live || times::is_off(state) || times::is_late(state) {
            spans.push(word);
        }
        spans
    }
}
