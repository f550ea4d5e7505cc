//! Draws the model: one panel, one file, one `render`. Views only read. The shape follows from the size alone:
//!
//! ```text
//! wide  (100x24 and up)   header, tabs, counts | hosts | alerts | why
//! narrow (40x8 and up)    header, counts, tabs | one list | what the next alert says
//! line  (below)           one line: open counts; keys still work
//! ```

pub mod alert;
pub mod alerts;
pub mod bad_frames;
pub mod company;
pub mod completion;
pub mod events;
pub mod field;
pub mod fitting;
pub mod footer;
pub mod frame;
pub mod header;
pub mod health;
pub mod help;
pub mod histogram;
pub mod history;
pub mod host;
pub mod hosts;
pub mod lateral;
pub mod mute;
pub mod prompt;
pub mod spots;
pub mod style;
pub mod well;
pub mod why;

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use crate::console::model::Model;
use crate::console::model::screen::{Pane, Screen, Tab};
use crate::console::theme;

/// How the screen is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Everything at once.
    Wide,
    /// One list and a preview.
    Narrow,
    /// A status line.
    Line,
}

/// The shape of a size.
pub fn shape(area: Rect) -> Shape {
    match (area.width, area.height) {
        (width, height) if width < 40 || height < 8 => Shape::Line,
        (width, height) if width < 100 || height < 24 => Shape::Narrow,
        _ => Shape::Wide,
    }
}

/// Draws everything.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    if area.width == 0 || area.height == 0 {
        return;
    }
    let shape = shape(area);
    if shape == Shape::Line {
        header::render_line(model, area, buffer);
        return theme::apply(model.theme, model.config.is_ascii, buffer);
    }
    let (head, body, foot) = areas(model, area);
    header::render(model, shape, head, buffer);
    render_body(model, shape, body, buffer);
    company::dim(model, body, buffer);
    footer::render(model, foot, buffer);
    let under = box_area(area, body, foot);
    mute::render(model, under, buffer);
    prompt::render(model, under, buffer);
    help::render(model, under, buffer);
    theme::apply(model.theme, model.config.is_ascii, buffer);
}

/// The part of a list that is seen: below so many rows, these of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// How many rows stand above it.
    pub head: u16,
    /// Which rows of the list.
    pub rows: Range<usize>,
}

impl Seen {
    /// So many rows of which one is to be seen, in an area with one row free at its end; in the middle, or, where it was clicked
    /// on, with as many rows above it as there were then.
    pub fn around(selected: Option<usize>, above: Option<usize>, length: usize, head: u16, area: Rect) -> Self {
        let room = usize::from(area.height.saturating_sub(head + 1)).max(1);
        let first = match (selected, above) {
            (Some(selected), Some(above)) => selected.saturating_sub(above.min(room - 1)).min(length.saturating_sub(room)),
            _ => first_row(selected, room, length),
        };
        Self { head, rows: first..(first + room).min(length) }
    }

    /// Which row of the list stands in a row of the screen, and how many of its rows are seen above that.
    pub fn at(&self, area: Rect, row: u16) -> Option<(usize, usize)> {
        let above = usize::from(row.checked_sub(area.y + self.head).filter(|_| row < area.y + area.height)?);
        Some((self.rows.start + above, above)).filter(|(place, _)| self.rows.contains(place))
    }

    /// The row of the area for a row of the list.
    pub fn row_of(&self, place: usize) -> u16 {
        (place - self.rows.start) as u16 + self.head
    }
}

/// Where boxes stand: they leave the header in sight, and where there is little room at least its first line, which tells of
/// losses.
fn box_area(area: Rect, body: Rect, foot: Rect) -> Rect {
    if body.height < 8 {
        split_bottom(split_top(area, area.height - foot.height).0, area.height - foot.height - 1).1
    } else {
        body
    }
}

/// Header, body and footer.
fn areas(model: &Model, area: Rect) -> (Rect, Rect, Rect) {
    let (head, rest) = split_top(area, header::height(shape(area)));
    let hints = completion::height(model, area.width, area.height);
    let (body, foot) = split_bottom(rest, 1 + u16::from(model.status.replay.is_some()) + hints);
    (head, body, foot)
}

fn render_body(model: &Model, shape: Shape, area: Rect, buffer: &mut Buffer) {
    match model.stack.last() {
        Some(Screen::Alert { .. }) => alert::render(model, area, buffer),
        Some(Screen::Event { number, scroll }) => events::render_one(model, *number, *scroll, area, buffer),
        Some(Screen::Lateral { .. }) => lateral::render(model, area, buffer),
        Some(Screen::BadFrames { scroll }) => {
            put_lines(buffer, area, &bad_frames::lines(model, usize::from(area.width)), *scroll);
        }
        Some(Screen::Host { host, .. }) => host::render(model, host, area, buffer),
        None => match model.tab {
            Tab::Triage => triage(model, shape, area, buffer),
            Tab::Alerts => alerts::render(model, false, area, buffer),
            Tab::Events => events::render(model, area, buffer),
            Tab::Health => health::render(model, area, buffer),
        },
    }
}

/// Where the parts of Triage stand; what has no room is not there.
#[derive(Debug, Clone, Copy, Default)]
struct Parts {
    hosts: Option<Rect>,
    alerts: Option<Rect>,
    why: Option<Rect>,
}

fn parts(model: &Model, shape: Shape, area: Rect) -> Parts {
    let only = |list: Rect, why: Option<Rect>| match model.pane {
        Pane::Hosts => Parts { hosts: Some(list), alerts: None, why },
        Pane::Alerts => Parts { hosts: None, alerts: Some(list), why },
    };
    if model.is_expanded {
        return only(area, None);
    }
    if shape == Shape::Narrow {
        // One list and the preview; where three alerts would not fit beside it, the list alone.
        let preview = match area.height {
            14.. => 7,
            11.. => 5,
            9.. => 4,
            _ => 0,
        };
        let (list, below) = split_bottom(area, preview.min(area.height / 2));
        return only(list, Some(below));
    }
    let spare = area.height.saturating_sub(13);
    // Without hosts there are three lines that say what to do.
    let host_rows = if model.hosts.is_empty() { 3 } else { u16::try_from(model.hosts.len()).unwrap_or(u16::MAX) };
    let host_rows = host_rows.min((spare / 2).max(3));
    let (top, rest) = split_top(area, host_rows + 3);
    // What the list leaves goes to the reasons, and half the room is theirs if they need it.
    let alert_rows = u16::try_from(model.alerts.rows(true).len().max(2)).unwrap_or(u16::MAX).saturating_add(3);
    let preview = rest.height.saturating_sub(alert_rows).max(11.min(rest.height / 2));
    let (middle, below) = split_bottom(rest, preview);
    Parts { hosts: Some(top), alerts: Some(middle), why: Some(below) }
}

fn triage(model: &Model, shape: Shape, area: Rect, buffer: &mut Buffer) {
    let Parts { hosts, alerts, why } = parts(model, shape, area);
    if let Some(area) = hosts {
        hosts::render(model, area, buffer);
    }
    if let Some(area) = alerts {
        alerts::render(model, true, area, buffer);
    }
    if let Some(area) = why {
        why::render(model, area, buffer);
    }
}

/// How far the screen in front can be scrolled: until its last line is seen.
pub fn scroll_limit(model: &Model) -> usize {
    let width = usize::from(model.size.0);
    let (lines, title) = match model.stack.last() {
        Some(Screen::Alert { number, section, .. }) => (alert::lines(model, *number, *section, width), alert::TITLE),
        Some(Screen::Event { number, .. }) => (events::lines(model, *number, width), 0),
        Some(Screen::BadFrames { .. }) => (bad_frames::lines(model, width), 0),
        None if model.tab == Tab::Health => (health::lines(model, width), 0),
        _ => return 0,
    };
    let room = areas(model, Rect::new(0, 0, model.size.0, model.size.1)).1.height.saturating_sub(title);
    lines.len().saturating_sub(usize::from(room))
}

/// The upper `height` rows and the rest.
pub fn split_top(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let top = Rect { height, ..area };
    (top, Rect { y: area.y + height, height: area.height - height, ..area })
}

/// The rest and the lower `height` rows.
pub fn split_bottom(area: Rect, height: u16) -> (Rect, Rect) {
    let (top, bottom) = split_top(area, area.height.saturating_sub(height));
    (top, bottom)
}

/// Draws a line at a row of the area; outside it nothing is drawn, and `…` says that it was too long.
pub fn put(buffer: &mut Buffer, area: Rect, row: u16, line: &Line<'_>) {
    if row < area.height && area.width > 0 {
        // A line of one style, the selected one, has it to the edge.
        buffer.set_style(Rect { y: area.y + row, height: 1, ..area }, line.style);
        buffer.set_line(area.x, area.y + row, line, area.width);
        if line.width() > usize::from(area.width) {
            buffer.set_string(area.x + area.width - 1, area.y + row, "…", line.style);
        }
    }
}

/// Draws `right` so that it ends at the right edge of a row, if there is room beside `used` columns.
pub fn put_right(buffer: &mut Buffer, area: Rect, row: u16, used: usize, right: Vec<Span<'static>>) {
    let line = Line::from(right);
    let width = line.width() as u16;
    if row < area.height && width > 0 && used + usize::from(width) + 1 < usize::from(area.width) {
        buffer.set_line(area.x + area.width - width - 1, area.y + row, &line, width + 1);
    }
}

/// Draws a block of lines from `scroll` on, and says at the lower right how many more there are.
pub fn put_lines(buffer: &mut Buffer, area: Rect, lines: &[Line<'_>], scroll: usize) {
    for (row, line) in lines.iter().skip(scroll).take(usize::from(area.height)).enumerate() {
        put(buffer, area, row as u16, line);
    }
    let below = lines.len().saturating_sub(scroll + usize::from(area.height));
    if below > 0 && area.height > 0 {
        let more = format!("  ↓ {below} more ");
        let x = area.x + area.width.saturating_sub(more.chars().count() as u16);
        // What the line below it had must not shine through.
        let style = Style::reset().patch(style::DIM);
        buffer.set_stringn(x, area.y + area.height - 1, more, usize::from(area.width), style);
    }
}

/// The first row to show so that `selected` is visible in `height` rows.
pub fn first_row(selected: Option<usize>, height: usize, length: usize) -> usize {
    let half = height / 2;
    let wanted = selected.unwrap_or(0).saturating_sub(half);
    wanted.min(length.saturating_sub(height))
}
