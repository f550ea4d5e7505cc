//! The live tail, newest at the bottom, and one event with all its fields.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::alert::header::short_host;
use crate::console::model::{Model, TailLine};
use crate::console::printable::{fit, pad, pad_left};
use crate::console::view::style::{self, DIM, SELECTED, WARN, count, heading, plain, safe, styled};
use crate::console::view::{alert, put, put_lines, put_right};

/// Draws the tail.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let rows = model.event_rows();
    let mut title = heading("Events", true);
    title.push(plain(format!("  {} of the last {}", count(rows.len() as u64), count(model.events.len() as u64))));
    let title = Line::from(title);
    put(buffer, area, 0, &title);
    let state = if model.event.is_chosen { styled("stopped; G follows again", WARN) } else { styled("following", DIM) };
    put_right(buffer, area, 0, title.width(), vec![state]);
    let host_width = if area.width >= 100 { 20 } else { 14 };
    put(buffer, area, 1, &Line::from(styled(format!("  TIME            EID  {}  SUMMARY", pad("HOST", host_width)), DIM)));
    if rows.is_empty() {
        let text = if model.events.is_empty() { "  no events yet" } else { "  no event matches the filter; esc clears it" };
        put(buffer, area, 2, &Line::from(plain(text)));
        return;
    }
    let room = usize::from(area.height.saturating_sub(2)).max(1);
    let selected = match model.event.what {
        Some(number) => rows.partition_point(|row| row.number < number).min(rows.len() - 1),
        None => rows.len() - 1,
    };
    // The tail stands at the bottom while it follows; a chosen event stays where it can be seen.
    let last = if model.event.is_chosen { (selected + room / 2 + 1).clamp(room.min(rows.len()), rows.len()) } else { rows.len() };
    let first = last.saturating_sub(room);
    for (place, row) in rows.iter().enumerate().take(last).skip(first) {
        put(
            buffer,
            area,
            (place - first) as u16 + 2,
            &row_line(model, row, host_width, place == selected, usize::from(area.width)),
        );
    }
}

fn row_line(model: &Model, row: &TailLine, host_width: usize, is_selected: bool, width: usize) -> Line<'static> {
    let event = &row.line;
    let time = style::clock(event.time, model.is_utc, "%H:%M:%S%.3f");
    let summary = fit(&safe(&event.summary), width.saturating_sub(host_width + 32));
    let mut spans = vec![
        plain(if is_selected { "▌ " } else { "  " }),
        plain(time),
        plain(pad_left(&event.event_id.to_string(), 7)),
        plain(format!("  {}  {summary}", pad(&safe(short_host(&event.computer)), host_width))),
    ];
    if let Some((id, severity)) = &event.alert {
        let (_, style) = style::severity(*severity);
        spans.push(styled(format!("  ◆{}", id.short()), style));
    }
    let line = Line::from(spans);
    if is_selected && model.event.is_chosen { line.style(SELECTED) } else { line }
}

/// Draws one event.
pub fn render_one(model: &Model, number: u64, scroll: usize, area: Rect, buffer: &mut Buffer) {
    put_lines(buffer, area, &lines(model, number, usize::from(area.width)), scroll);
}

/// The lines of one event: its names, its data, its XML.
pub fn lines(model: &Model, number: u64, width: usize) -> Vec<Line<'static>> {
    let Some(row) = model.events.iter().find(|row| row.number == number) else {
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
            styled(format!("◆ completed alert {id}: ⏎ opens it"), style::severity(*severity).1),
        ]));
    }
    lines.push(Line::from(""));
    lines.push(Line::from(heading("XML", false)));
    lines.extend(alert::xml_lines(&event.xml, width));
    lines
}
