//! The boxes of the palette, of copying, of exporting and of choosing a value.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;

use crate::console::keys::table::Place;
use crate::console::model::Model;
use crate::console::model::copy::CopyMenu;
use crate::console::model::export::{ExportForm, Form};
use crate::console::model::line::TextLine;
use crate::console::model::palette::Palette;
use crate::console::model::pick::{Aim, Picker, Row};
use crate::console::model::triage::Dialog;
use crate::console::printable::{fit, pad, width as columns_of, wrap};
use crate::console::view::field::field;
use crate::console::view::frame::{Frame, framed, line_at};
use crate::console::view::style::{self, DIM, SELECTED, STRONG, WARN, plain, safe, styled};

/// Draws the dialog in front, if it is one of these.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let width = area.width.saturating_sub(4).min(90);
    let inner = usize::from(width).saturating_sub(4);
    let frame = match &model.dialog {
        Some(Dialog::Palette(palette)) => palette_frame(model, palette, inner).0,
        Some(Dialog::Copy(menu)) => copy_frame(model, menu, inner),
        Some(Dialog::Export(form)) => export_frame(model, form, inner),
        Some(Dialog::Pick(picker)) => pick_frame(model, picker, inner),
        _ => return,
    };
    framed(&frame, width, area, buffer);
}

/// The row of a list in a box that is seen there.
pub fn row_at(model: &Model, area: Rect, at: Position) -> Option<usize> {
    let width = area.width.saturating_sub(4).min(90);
    let inner = usize::from(width).saturating_sub(4);
    let line = |frame: &Frame| line_at(frame, width, area, at)?.checked_sub(frame.pinned);
    match &model.dialog {
        Some(Dialog::Palette(palette)) => {
            let (frame, rows) = palette_frame(model, palette, inner);
            rows.get(line(&frame)?).copied()
        }
        Some(Dialog::Copy(menu)) => line(&copy_frame(model, menu, inner)),
        Some(Dialog::Pick(picker)) => line(&pick_frame(model, picker, inner)).filter(|row| *row < picker.rows().len()),
        _ => None,
    }
}

/// A line that is typed.
fn typed(head: &'static str, line: &TextLine, width: usize) -> Line<'static> {
    let mut spans = vec![styled(head, DIM)];
    spans.extend(field(line, width.saturating_sub(head.chars().count())));
    Line::from(spans)
}

/// A row of a list; the selected one stands out to the edge.
fn row(text: &str, is_selected: bool, width: usize) -> Line<'static> {
    let line = Line::from(pad(&fit(text, width), width));
    if is_selected { line.style(SELECTED) } else { line }
}

/// The box, and which row each of its lines belongs to.
fn palette_frame(model: &Model, palette: &Palette, width: usize) -> (Frame, Vec<usize>) {
    let rows = model.palette_rows(&palette.query);
    let mut lines = vec![typed("run: ", &palette.query, width)];
    let (mut focus, mut owners) = (0, Vec::new());
    for (place, own) in rows.iter().enumerate() {
        let elsewhere = match own.place {
            Place::Inside if !model.is_inside() => "in the selected alert: ",
            _ => "",
        };
        let help = if width >= 60 { format!("{elsewhere}{}", style::keys(model, own.help)) } else { String::new() };
        let keys = style::keys(model, &own.keys);
        let head = format!("{} {} ", pad(&own.name, 22), pad(&keys, 9));
        // What does not fit goes on below.
        let indent = columns_of(&head);
        let parts = if help.is_empty() { vec![help] } else { wrap(&help, width.saturating_sub(indent).max(12)) };
        for (part, text) in parts.into_iter().enumerate() {
            let head = if part == 0 { head.clone() } else { " ".repeat(indent) };
            lines.push(row(&format!("{head}{text}"), place == palette.selected, width));
            owners.push(place);
        }
        if place == palette.selected {
            focus = lines.len() - 1;
        }
    }
    if rows.is_empty() {
        lines.push(style::line("no action is called that", WARN));
    }
    let foot = style::keys(model, " type to search   ↑ ↓ choose   ⏎ run   esc close ");
    (Frame { title: " Every action ".to_owned(), foot, lines, pinned: 1, focus }, owners)
}

fn copy_frame(model: &Model, menu: &CopyMenu, width: usize) -> Frame {
    let line = |(place, item): (usize, &crate::console::model::copy::Item)| {
        let first = item.text.lines().next().unwrap_or_default();
        let more = item.text.lines().count();
        let shown = if more > 1 { format!("{more} lines, {} bytes", item.text.len()) } else { first.to_owned() };
        row(&format!("{}  {} {shown}", item.key, pad(item.what, 20)), place == menu.selected, width)
    };
    let lines = menu.items.iter().enumerate().map(line).collect();
    let foot = style::keys(model, " a letter or ⏎ sends it   esc cancel ");
    Frame { title: " Copy to the terminal's clipboard ".to_owned(), foot, lines, pinned: 0, focus: menu.selected }
}

fn export_frame(model: &Model, form: &ExportForm, width: usize) -> Frame {
    let mut lines = Vec::new();
    for (place, subject) in form.subjects.iter().enumerate() {
        let is_chosen = place == form.subject;
        let text = format!("{} {}", if is_chosen { "(x)" } else { "( )" }, subject.words(model.window));
        lines.push(style::line(fit(&text, width), if is_chosen { STRONG } else { plain("").style }));
    }
    let kinds = Form::ALL.into_iter().map(|kind| {
        let is_own = Form::of(&form.path) == Some(kind);
        format!("{}{} .{}", if is_own { "▸" } else { " " }, kind.as_str(), kind.ending())
    });
    lines.push(Line::from(fit(&format!("as   {}", kinds.collect::<Vec<_>>().join("   ")), width)));
    lines.push(typed("file ", &form.path, width));
    let focus = lines.len() - 1;
    match &form.problem {
        Some(problem) => {
            lines.extend(wrap(&style::keys(model, &safe(problem)), width).into_iter().map(|text| style::line(text, WARN)));
        }
        None => {
            let text = "only you will be able to read it; a file that is there is kept";
            lines.extend(wrap(text, width).into_iter().map(|text| style::line(text, DIM)));
        }
    }
    let foot = style::keys(model, " ⏎ write   ↑ ↓ which   tab form   ctrl-u empty   esc cancel ");
    Frame { title: " Export ".to_owned(), foot, lines, pinned: 0, focus }
}

fn pick_frame(model: &Model, picker: &Picker, width: usize) -> Frame {
    let rows = picker.rows();
    let mut lines = vec![typed("search: ", &picker.query, width)];
    for (place, own) in rows.iter().enumerate() {
        // What the filter has no word for is dim, and says why when it is chosen.
        let (name, value, is_dim) = match own {
            Row::Way(way) => (way.name.to_owned(), &way.value, false),
            Row::Value(value) => (picker.name_of(value), &value.value, value.term.is_err()),
        };
        let column = if picker.aim == Aim::Pivot { 24 } else { 20 };
        let line = row(&format!("{} {}", pad(&safe(&name), column), safe(value)), place == picker.selected, width);
        lines.push(if is_dim && place != picker.selected { line.style(DIM) } else { line });
    }
    if rows.is_empty() {
        lines.push(style::line("no field and no value has that", WARN));
    }
    let (title, verb) = match picker.aim {
        Aim::Only => (" Only this value ".to_owned(), "filter"),
        Aim::Without => (" Not this value ".to_owned(), "filter"),
        Aim::Pivot => (format!(" On from {} ", picker.about.as_ref().map_or("it", |id| id.short())), "go"),
    };
    Frame {
        title,
        foot: style::keys(model, &format!(" type to search   ↑ ↓ choose   ⏎ {verb}   esc cancel ")),
        lines,
        pinned: 1,
        focus: picker.selected + 1,
    }
}
