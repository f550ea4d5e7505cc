//! The help: every key that works here, made from the key table; typing searches, Enter runs.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget as _};

use crate::console::model::Model;
use crate::console::printable::{fit, pad};
use crate::console::view::style::{ACCENT, DIM, SELECTED, STRONG, plain, safe, styled};
use crate::console::view::{first_row, put};

/// Inside the frame text keeps the style of the terminal.
fn border(part: &str) -> Style {
    if part == " " { Style::new() } else { ACCENT }
}

/// Draws it over everything.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let Some(help) = &model.help else { return };
    let rows = help.rows(&model.config.keys, model.is_inside());
    let width = area.width.saturating_sub(4).min(100);
    let height = (rows.len() as u16 + 4).min(area.height.saturating_sub(2)).max(4).min(area.height);
    let frame = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    let inner = usize::from(width).saturating_sub(2);
    Clear.render(frame, buffer);
    for row in 0..height {
        let [left, middle, right] = match row {
            0 => ["╭", "─", "╮"],
            _ if row + 1 == height => ["╰", "─", "╯"],
            _ => ["│", " ", "│"],
        };
        let line = vec![styled(left, ACCENT), styled(middle.repeat(inner), border(middle)), styled(right, ACCENT)];
        put(buffer, frame, row, &Line::from(line));
    }
    let title = if model.is_inside() { " Keys in an alert " } else { " Keys " };
    buffer.set_line(frame.x + 2, frame.y, &Line::from(styled(title, STRONG)), width.saturating_sub(4));
    let body = Rect { x: frame.x + 2, y: frame.y + 1, width: width.saturating_sub(4), height: height.saturating_sub(2) };
    let search =
        Line::from(vec![styled("type to search, ⏎ runs, esc closes: ", DIM), plain(safe(&help.query)), styled("▏", ACCENT)]);
    put(buffer, body, 0, &search);
    let room = usize::from(body.height.saturating_sub(1)).max(1);
    let first = first_row(Some(help.selected), room, rows.len());
    if rows.is_empty() {
        put(buffer, body, 1, &Line::from(plain("no key does that")));
    }
    for (place, row) in rows.iter().enumerate().skip(first).take(room) {
        let binding = row.binding;
        let label = if frame.width >= 90 { format!("{} ", pad(binding.label, 10)) } else { String::new() };
        let text = format!("{} {label}{}", pad(&row.keys, 9), binding.help);
        let line = Line::from(fit(&text, usize::from(body.width)));
        let line = if place == help.selected { line.style(SELECTED) } else { line };
        put(buffer, body, (place - first) as u16 + 1, &line);
    }
}
