//! The live tail, newest at the bottom, and one event with all its fields.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::alert::header::short_host;
use crate::console::model::Model;
use crate::console::model::screen::Pane;
use crate::console::model::tail::{Summaries, TailLine, event_fields};
use crate::console::printable::{fit, pad, pad_left, wrap};
use crate::console::view::alerts::window_hint;
use crate::console::view::style::{self, DIM, SELECTED, STRONG, WARN, count, heading, plain, safe, styled};
use crate::console::view::{Seen, alert, put, put_lines, put_right};
use crate::event::names::HostName;

/// On how many rows one event goes on at most, and the narrowest room in which it does.
const MOST_ROWS: usize = 8;
const NARROWEST: usize = 12;

/// Draws the tail.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let rows = model.event_rows();
    let mut title = heading("Events", true);
    title.push(plain(shown(model, rows.len())));
    if model.left_out > 0 && !model.older.has_gap() {
        title.push(styled(format!("  {} left out: too many to show each", count(model.left_out)), WARN));
    }
    let title = Line::from(title);
    put(buffer, area, 0, &title);
    put_right(buffer, area, 0, title.width(), vec![state(model, &rows)]);
    let columns = Columns::of(area.width);
    put(buffer, area, 1, &Line::from(styled(columns.head(), DIM)));
    if rows.is_empty() {
        let text = match (model.events.is_empty(), model.window.minutes()) {
            (true, _) if model.status.archive.as_ref().is_some_and(|archive| archive.events > 0) => {
                style::keys(model, "  no events yet; ↑ reads those that were stored")
            }
            (true, _) => "  no events yet".to_owned(),
            (false, None) => "  no event matches the filter; esc clears it".to_owned(),
            (false, Some(_)) if model.filter_text.is_empty() => format!("  no event {}", window_hint(model)),
            (false, Some(_)) => format!("  no event matches the filter {}", window_hint(model)),
        };
        put(buffer, area, 2, &Line::from(plain(text)));
        return;
    }
    let (placed, selected) = placed(model, &rows, area);
    for Placed { place, top, height } in placed {
        let lines = columns.rows(model, rows[place], place == selected, usize::from(height));
        lines.iter().zip(top..).for_each(|(line, row)| put(buffer, area, row, line));
    }
}

/// Where an event stands in the area, and on how many rows.
struct Placed {
    place: usize,
    top: u16,
    height: u16,
}

/// The events that are seen, and which is selected.
fn placed(model: &Model, rows: &[&TailLine], area: Rect) -> (Vec<Placed>, usize) {
    let (seen, selected) = seen(model, rows, area);
    let columns = Columns::of(area.width);
    let room = usize::from(area.height.saturating_sub(2)).max(1);
    let height = |place: usize| match model.summaries {
        Summaries::Cut => 1,
        Summaries::Wrapped => columns.height(rows[place], room.min(MOST_ROWS)),
    };
    let places = match model.summaries {
        Summaries::Cut => seen.rows.clone(),
        Summaries::Wrapped if model.event.is_chosen => {
            whole(selected, rows.len(), room, model.rows_above(Pane::Alerts).unwrap_or(room / 2), height)
        }
        Summaries::Wrapped => whole(rows.len() - 1, rows.len(), room, room, height),
    };
    let mut top = seen.head;
    let placed = places.map(|place| {
        let height = height(place) as u16;
        top += height;
        Placed { place, top: top - height, height }
    });
    (placed.collect(), selected)
}

/// Which events fit whole around one of them: above it up to so many rows, below it what is left, and above it what that leaves.
fn whole(selected: usize, count: usize, room: usize, above: usize, height: impl Fn(usize) -> usize) -> Range<usize> {
    let mut left = room.saturating_sub(height(selected));
    let (mut first, mut end) = (selected, selected + 1);
    let up = |first: &mut usize, room: usize| {
        let mut used = 0;
        while let Some(next) = first.checked_sub(1).filter(|next| used + height(*next) <= room) {
            used += height(next);
            *first = next;
        }
        used
    };
    left -= up(&mut first, above.min(left));
    while end < count && height(end) <= left {
        left -= height(end);
        end += 1;
    }
    up(&mut first, left);
    first..end
}

/// How many events are shown, and where they are from.
fn shown(model: &Model, rows: usize) -> String {
    let has_held = !model.events.is_empty() && !model.older.has_gap();
    let [rows, held, older] = [rows, model.events.len(), model.older.len()].map(|number| count(number as u64));
    match (model.older.is_empty(), has_held) {
        (true, _) => format!("  {rows} of the last {held}"),
        (false, true) => format!("  {older} from the store + the last {held}"),
        (false, false) => format!("  {older} from the store"),
    }
}

/// Whether the tail follows what comes; else how far back it goes.
fn state(model: &Model, rows: &[&TailLine]) -> Span<'static> {
    let clock = |time| style::clock(time, model.is_utc, "%H:%M");
    if model.older.is_asking() {
        let looked_to = model.older.looked_to().map(|time| format!(" looked back to {}", clock(time))).unwrap_or_default();
        return styled(format!("reading older events …{looked_to}"), WARN);
    }
    if !model.event.is_chosen {
        return styled("following", DIM);
    }
    let begins = model.status.archive.as_ref().and_then(|archive| archive.begins);
    let place = match (model.older.is_start() && model.event_place(rows) == Some(0), begins) {
        (true, _) => "oldest stored event".to_owned(),
        (false, Some(begins)) if !model.older.is_empty() => format!("the store goes back to {}", clock(begins)),
        (false, _) => "stopped".to_owned(),
    };
    styled(style::keys(model, &format!("{place}; G follows again")), WARN)
}

/// Which rows are seen, and which is selected.
fn seen(model: &Model, rows: &[&TailLine], area: Rect) -> (Seen, usize) {
    let room = usize::from(area.height.saturating_sub(2)).max(1);
    let selected = model.event_place(rows).unwrap_or(0);
    // The tail stands at the bottom while it follows; a chosen event stays where it can be seen.
    let below = model.rows_above(Pane::Alerts).map_or(room / 2, |above| room.saturating_sub(above + 1));
    let last = if model.event.is_chosen { (selected + below + 1).clamp(room.min(rows.len()), rows.len()) } else { rows.len() };
    (Seen { head: 2, rows: last.saturating_sub(room)..last }, selected)
}

/// The event that stands in a row of the screen, and how many are seen above it.
pub fn at(model: &Model, area: Rect, row: u16) -> Option<(u64, usize)> {
    let rows = model.event_rows();
    if rows.is_empty() {
        return None;
    }
    let own = row.checked_sub(area.y).filter(|_| row < area.y + area.height)?;
    let (placed, _) = placed(model, &rows, area);
    let head = placed.first()?.top;
    let hit = placed.iter().find(|placed| (placed.top..placed.top + placed.height).contains(&own))?;
    Some((rows[hit.place].number, usize::from(hit.top - head)))
}

/// What a host sent last, as far as the tail has it and the filter lets it through: so many lines, the newest last.
pub fn last_of(model: &Model, host: &HostName, rows: usize, width: u16) -> Vec<Line<'static>> {
    let is_shown = |row: &&TailLine| row.line.host == *host && model.shows(row);
    let columns = Columns { host: 0, ..Columns::of(width) };
    let newest_first = model.events.iter().rev().filter(is_shown).take(rows);
    let mut lines: Vec<Line<'static>> = newest_first.map(|row| columns.row(model, row, false)).collect();
    lines.reverse();
    lines
}

/// Widths by the width of the area; the summary gets what the others leave.
struct Columns {
    time_format: &'static str,
    time: usize,
    host: usize,
    width: usize,
}

impl Columns {
    fn of(width: u16) -> Self {
        let (time_format, time) = if width >= 70 { ("%H:%M:%S%.3f", 12) } else { ("%H:%M:%S", 8) };
        let host = match width {
            100.. => 20,
            60.. => 14,
            _ => 10,
        };
        Self { time_format, time, host, width: usize::from(width) }
    }

    fn head(&self) -> String {
        format!("  {}    EID  {}  SUMMARY", pad("TIME", self.time), pad("HOST", self.host))
    }

    /// What stands behind the summary, and in which style.
    fn mark(row: &TailLine) -> Option<(String, Style)> {
        let alert = row.line.alert.as_ref().map(|(id, severity)| (format!("  ◆{}", id.short()), style::severity(*severity).1));
        let near = row.line.near.as_ref().map(|near| (format!("  ◇stage {}", near.stage + 1), DIM));
        alert.or(near)
    }

    /// How much room the summary has beside its mark.
    fn room(&self, mark: Option<&(String, Style)>) -> usize {
        let used = self.time + self.host + 13 + mark.map_or(0, |(text, _)| text.chars().count());
        self.width.saturating_sub(used)
    }

    /// On how many rows an event stands, at most.
    fn height(&self, row: &TailLine, most: usize) -> usize {
        self.summary(row, most).len()
    }

    /// The summary on so many rows at most; the last says where it is cut.
    fn summary(&self, row: &TailLine, most: usize) -> Vec<String> {
        let room = self.room(Self::mark(row).as_ref());
        if most <= 1 || room < NARROWEST {
            return vec![fit(&safe(&row.line.summary), room)];
        }
        // No more of it than can be shown: it may be a field of a quarter of a megabyte.
        let shown: String = row.line.summary.chars().take(room * most + 1).collect();
        let mut lines = wrap(&safe(&shown), room);
        if lines.len() > most {
            let rest = lines.split_off(most - 1).join(" ");
            lines.push(fit(&rest, room));
        }
        lines
    }

    /// An event on so many rows: what goes on stands below its beginning.
    fn rows(&self, model: &Model, row: &TailLine, is_selected: bool, height: usize) -> Vec<Line<'static>> {
        if height <= 1 {
            return vec![self.row(model, row, is_selected)];
        }
        let mut summary = self.summary(row, height).into_iter();
        let first = self.row_with(model, row, is_selected, summary.next().unwrap_or_default());
        let edge = if is_selected { "▌ " } else { "  " };
        let margin = " ".repeat(self.time + self.host + 11);
        let rest = summary.map(|text| {
            let line = Line::from(vec![plain(edge), plain(margin.clone()), plain(text)]);
            if is_selected && model.event.is_chosen { line.style(SELECTED) } else { line }
        });
        std::iter::once(first).chain(rest).collect()
    }

    fn row(&self, model: &Model, row: &TailLine, is_selected: bool) -> Line<'static> {
        let summary = fit(&safe(&row.line.summary), self.room(Self::mark(row).as_ref()));
        self.row_with(model, row, is_selected, summary)
    }

    fn row_with(&self, model: &Model, row: &TailLine, is_selected: bool, summary: String) -> Line<'static> {
        let event = &row.line;
        let time = style::clock(event.time, model.is_utc, self.time_format);
        let mut spans = vec![
            plain(if is_selected { "▌ " } else { "  " }),
            plain(time),
            plain(pad_left(&event.event_id.to_string(), 7)),
            plain(format!("  {}  ", pad(&safe(short_host(&event.computer)), self.host))),
            plain(summary),
        ];
        spans.extend(Self::mark(row).map(|(text, style)| styled(text, style)));
        let line = Line::from(spans);
        if is_selected && model.event.is_chosen { line.style(SELECTED) } else { line }
    }
}

/// Draws one event.
pub fn render_one(model: &Model, number: u64, scroll: usize, area: Rect, buffer: &mut Buffer) {
    put_lines(buffer, area, &lines(model, number, usize::from(area.width)), scroll);
}

/// The lines of one event: its names, its data, its XML.
pub fn lines(model: &Model, number: u64, width: usize) -> Vec<Line<'static>> {
    let Some(row) = model.event_of(number) else {
        return vec![style::line("  this event has left the tail; esc goes back", DIM)];
    };
    let event = &row.line;
    let mut lines = vec![Line::from(heading(&fit(&safe(&event.summary), width.saturating_sub(3)), true))];
    let time = style::clock(event.time, model.is_utc, "%Y-%m-%d %H:%M:%S%.3f");
    let rows = [
        ("time", time),
        ("Computer", event.computer.clone()),
        ("Channel", event.channel.clone()),
        ("EventID", event.event_id.to_string()),
    ];
    for (name, value) in rows {
        lines.extend(alert::field_lines(name, &value, false, width));
    }
    if let Some((id, severity)) = &event.alert {
        lines.push(Line::from(vec![
            plain("  "),
            styled(style::keys(model, &format!("◆ completed alert {id}: ⏎ opens it")), style::severity(*severity).1),
        ]));
    }
    if let Some(near) = &event.near {
        let text = format!(
            "◇ near miss: stage {} of “{}” held, and no alert rests on it; wefwatch rules explain tells what was lacking",
            near.stage + 1,
            safe(&near.rule)
        );
        lines.extend(wrap(&text, width.saturating_sub(4)).into_iter().map(|text| style::line(format!("  {text}"), STRONG)));
    }
    for (name, value) in event_fields(&event.xml) {
        lines.extend(alert::field_lines(&name, &value, false, width));
    }
    lines.push(Line::from(""));
    lines.push(Line::from(heading("XML", false)));
    lines.extend(alert::xml_lines(&event.xml, width));
    lines
}
