//! The bottom: the keys that work here, made from the key table, `? help  q quit` always at the right; or the filter being
//! typed; above it, in a replay, how far it has come.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::counted::count_of;
use crate::console::keys::Row;
use crate::console::keys::action::Action;
use crate::console::model::line::TextLine;
use crate::console::model::triage::{Dialog, Targets};
use crate::console::model::typing::Editor;
use crate::console::model::{Model, many};
use crate::console::printable::{fit, fit_left, width};
use crate::console::view::field::{field, marked};
use crate::console::view::style::{self, ACCENT, DIM, STRONG, WARN, plain, safe, styled};
use crate::console::view::{company, completion, put, put_right};
use crate::intake::ReplayProgress;
use crate::triage::{Deed, MAX_COMMENT, Verdict};

/// Below how many characters it is told how many a comment may still have.
const NEAR: usize = 100;

/// Draws it.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let mut row = 0;
    if let Some(replay) = &model.status.replay {
        put(buffer, area, row, &replay_bar(model, replay, usize::from(area.width)));
        row += 1;
    }
    let columns = usize::from(area.width);
    match (&model.dialog, &model.editor) {
        _ if model.help.is_some() => covered(model, area, row, buffer),
        (Some(Dialog::Verdict(targets)), _) if wrong(model).is_none() => put(buffer, area, row, &verdict_line(targets, columns)),
        (Some(Dialog::Sure(deed, targets)), _) => put(buffer, area, row, &sure_line(model, deed, targets)),
        (Some(Dialog::Comment(targets, text)), _) => put(buffer, area, row, &comment_line(model, targets, text, columns)),
        (Some(Dialog::Quit), _) => put(buffer, area, row, &quit_line(model, columns)),
        // All other keys are text or nothing; those that work stand in the box.
        (Some(_), _) => covered(model, area, row, buffer),
        (None, Some(editor)) => {
            // Right above the line, whatever it takes of the room.
            let hints = area.height.saturating_sub(row + 1);
            let above = completion::lines(model, editor, columns, usize::from(hints));
            row = area.height.saturating_sub(1);
            for (place, line) in above.iter().rev().enumerate() {
                put(buffer, area, row - 1 - place as u16, line);
            }
            put(buffer, area, row, &editor_line(model, editor, columns, hints > 0));
        }
        _ => render_keys(model, area, row, buffer),
    }
}

/// Below a box that takes all keys: what was said, and how it is left.
fn covered(model: &Model, area: Rect, row: u16, buffer: &mut Buffer) {
    let room = usize::from(area.width).saturating_sub(14);
    let said = model.said.as_ref();
    let said = said.map(|(text, is_wrong)| (style::keys(model, &safe(text)), if *is_wrong { WARN } else { ACCENT }));
    let (text, style) = said.unwrap_or_default();
    put(buffer, area, row, &Line::from(vec![plain(" "), styled(fit(&text, room), style)]));
    put_right(buffer, area, row, width(&text).min(room), vec![styled("esc closes", DIM)]);
}

/// What went wrong with the last key.
fn wrong(model: &Model) -> Option<&str> {
    model.said.as_ref().filter(|(_, is_wrong)| *is_wrong).map(|(text, _)| text.as_str())
}

/// Which alerts a dialog is about.
fn which(targets: &Targets) -> String {
    if let Some(many) = &targets.many {
        return many.words();
    }
    match (targets.list.as_slice(), targets.beyond) {
        ([one], 0) => one.alert.short().to_owned(),
        (several, beyond) => count_of((several.len() + beyond) as u64, "alert"),
    }
}

/// How many it will be, before it is done.
fn sure_line(model: &Model, deed: &Deed, targets: &Targets) -> Line<'static> {
    let is_counted = targets.many.as_ref().is_none_or(|many| many.count.is_some());
    let keys = if is_counted { "   ⏎ do it   esc cancel" } else { "   counting …   esc cancel" };
    Line::from(vec![styled(format!(" {}?", many::words(deed, &which(targets))), ACCENT), styled(style::keys(model, keys), DIM)])
}

/// What ends, before it does.
fn quit_line(model: &Model, columns: usize) -> Line<'static> {
    let quit = model.config.keys.first_of(Action::Quit);
    let (head, keys) = if columns >= 78 {
        (" stop collecting?", format!("  {quit} ⏎ stop   d detach: it goes on without a console   esc stay"))
    } else {
        (" stop?", format!("  {quit} ⏎ stop   d detach   esc stay"))
    };
    Line::from(vec![styled(head, ACCENT), plain(style::keys(model, &keys))])
}

fn verdict_line(targets: &Targets, columns: usize) -> Line<'static> {
    let mut spans = vec![styled(format!(" close {} as ", which(targets)), ACCENT)];
    for verdict in Verdict::ALL {
        let (key, rest) = verdict.words().split_at(1);
        // Where there is no room the key and its first word must do.
        let rest = if columns >= 90 { rest } else { rest.split(' ').next().unwrap_or_default() };
        spans.extend([styled(key, STRONG), plain(format!(" {key}{rest}  "))]);
    }
    spans.push(styled(" esc cancel", DIM));
    Line::from(spans)
}

/// Which verdict stands there in its line.
pub fn verdict_at(targets: &Targets, columns: u16, column: u16) -> Option<usize> {
    let line = verdict_line(targets, usize::from(columns));
    let mut end = line.spans.first()?.width();
    // A letter and its words are one.
    let spots: Vec<Range<usize>> = line
        .spans
        .get(1..)?
        .chunks_exact(2)
        .map(|pair| {
            let begin = end;
            end += pair[0].width() + pair[1].width();
            begin..end
        })
        .collect();
    spots.iter().position(|spot| spot.contains(&usize::from(column)))
}

fn comment_line(model: &Model, targets: &Targets, text: &TextLine, columns: usize) -> Line<'static> {
    let head = format!(" comment on {}: ", which(targets));
    let left = MAX_COMMENT.saturating_sub(text.chars().count());
    let left = if left <= NEAR { format!("  {left} left") } else { String::new() };
    let hint = match wrong(model) {
        Some(said) => styled(style::keys(model, &format!("  {}", safe(said))), WARN),
        None => styled(style::keys(model, "  ⏎ keep   esc cancel"), DIM),
    };
    let room = columns.saturating_sub(width(&head) + left.len() + hint.width().max(20) + 2).max(12);
    let mut spans = vec![styled(head, ACCENT)];
    spans.extend(field(text, room));
    spans.extend([styled(left, WARN), hint]);
    Line::from(spans)
}

/// The line of keys: what was said, the keys that fit, and those that are always there.
struct Keys {
    line: Line<'static>,
    pinned: Vec<Span<'static>>,
    /// Which key stands in which columns.
    spots: Vec<(Range<usize>, Action)>,
}

fn keys(model: &Model, columns: u16) -> Keys {
    let columns = usize::from(columns);
    let mut spots = Vec::new();
    let (pinned, pinned_width) = pinned(model, columns, &mut spots);
    let mut line = Line::from(plain(" "));
    let said = model.said.as_ref().map(|(text, is_wrong)| (text.clone(), if *is_wrong { WARN } else { ACCENT }));
    let trouble = company::trouble(model).map(|text| (text, WARN));
    let hint = model.hint.map(|text| (text.to_owned(), WARN));
    let mut room = columns.saturating_sub(pinned_width + 4);
    for (text, style) in said.into_iter().chain(trouble).chain(hint) {
        // What comes first is cut least; of a few letters nobody has anything.
        if room >= 12 {
            let text = fit(&safe(&text), room);
            room = room.saturating_sub(width(&text) + 3);
            line.spans.extend([styled(text, style), plain("   ")]);
        }
    }
    let is_shown = |row: &&Row| row.binding.footer > 0 && model.can_do(row.binding.action);
    let mut shown: Vec<_> = model.config.keys.rows(model.is_inside()).filter(is_shown).collect();
    let is_held = model.paused().is_some() || model.status.replay.as_ref().is_some_and(|replay| replay.is_held);
    let is_within = !model.stack.is_empty() || model.marked_rows() > 0;
    shown.sort_by_key(|row| match row.binding.action {
        // What goes on again is the first thing to know of a picture that stands still.
        Action::Pause if is_held => 0,
        // The way out of a screen, or of marks, has room at every width.
        Action::Back if is_within && columns < 70 => 2,
        Action::Back if is_within => 4,
        _ => row.binding.footer,
    });
    for row in shown.iter().filter(|row| !matches!(row.binding.action, Action::Help | Action::Quit)) {
        let (binding, key) = (row.binding, first_key(row));
        let label = match binding.action {
            Action::Pause if is_held => "go on",
            Action::Back if model.marked_rows() > 0 => "unmark",
            _ => binding.label,
        };
        let used = line.width();
        let own = width(key) + 1 + label.len();
        if used + own + 3 + pinned_width > columns {
            break;
        }
        spots.push((used..used + own, binding.action));
        line.spans.extend([styled(key.to_owned(), STRONG), plain(format!(" {label}   "))]);
    }
    Keys { line, pinned, spots }
}

/// The keys that stand at the right whatever else does, and how much room they take.
fn pinned(model: &Model, columns: usize, spots: &mut Vec<(Range<usize>, Action)>) -> (Vec<Span<'static>>, usize) {
    let key_of = |action: Action| {
        let own = model.config.keys.rows(model.is_inside()).find(|row| row.binding.action == action);
        own.map_or("", first_key).to_owned()
    };
    let (help, quit) = (key_of(Action::Help), key_of(Action::Quit));
    let (help_width, quit_width) = (width(&help) + 5, width(&quit) + 5);
    let all = help_width + 3 + quit_width;
    let begin = columns.saturating_sub(all + 1);
    spots.push((begin..begin + help_width, Action::Help));
    spots.push((begin + help_width + 3..begin + all, Action::Quit));
    (vec![styled(help, STRONG), plain(" help   "), styled(quit, STRONG), plain(" quit")], all + 2)
}

fn render_keys(model: &Model, area: Rect, row: u16, buffer: &mut Buffer) {
    let Keys { line, pinned, .. } = keys(model, area.width);
    let pinned_width = pinned.iter().map(Span::width).sum::<usize>() + 2;
    put(buffer, area, row, &line);
    put_right(buffer, area, row, line.width().min(usize::from(area.width).saturating_sub(pinned_width + 2)), pinned);
}

/// The key that stands at a place of the footer.
pub fn at(model: &Model, area: Rect, (column, row): (u16, u16)) -> Option<Action> {
    // Above the keys stands how far a replay is.
    if row + 1 != area.y + area.height {
        return None;
    }
    keys(model, area.width).spots.into_iter().find(|(own, _)| own.contains(&usize::from(column))).map(|(_, action)| action)
}

/// The key that stands for an action where there is room for one.
fn first_key(row: &Row) -> &str {
    row.keys.split(' ').next().unwrap_or_default()
}

/// The filter being typed: its text, what is wrong with it, or how much it leaves.
fn editor_line(model: &Model, editor: &Editor, columns: usize, has_hints: bool) -> Line<'static> {
    let can_go_on = columns >= 60 && model.completed(&editor.text).is_some();
    let completes = if can_go_on { "   tab completes" } else { "" };
    let (wrong, about, style) = match &editor.error {
        // What the word can become stands above it, where there is room.
        Some(error) if has_hints => (error.at..error.at + error.length, format!("  not a filter yet{completes}   esc undo"), DIM),
        Some(error) => (error.at..error.at + error.length, format!("  {}", error.reason), WARN),
        None => {
            let alerts = count_of(model.alerts.rows(false).len() as u64, "alert");
            let events = count_of(model.event_rows().len() as u64, "event");
            (0..0, style::keys(model, &format!("  {alerts}, {events}{completes}   ⏎ keep   esc undo")), DIM)
        }
    };
    // The text comes first; what stands beside it is cut.
    let room = columns.saturating_sub(3 + width(&about)).max(columns / 2);
    let mut spans = vec![styled(" / ", ACCENT)];
    spans.extend(marked(&editor.text, room, wrong));
    spans.push(styled(about, style));
    Line::from(spans)
}

/// How far a replay has come, and the keys that lead it. The keys stay; where there is little room the bar gets shorter and goes,
/// then the name, then the time.
fn replay_bar(model: &Model, replay: &ReplayProgress, columns: usize) -> Line<'static> {
    let speed = replay.speed.map_or("flat out".to_owned(), |speed| format!("{speed}x"));
    let head = format!(" REPLAY {speed}  ");
    let format = if columns >= 100 { "%Y-%m-%d %H:%M:%S  " } else { "%H:%M:%S  " };
    let position = replay.position.map_or(String::new(), |time| style::clock(time, model.is_utc, format));
    let name = safe(&replay.file);
    let ends = replay_keys(model, replay);
    let room = |end: &str| columns.saturating_sub(width(&head) + width(end));
    // Short names are whole; of a path its end says the most.
    let short = format!("{}  ", fit_left(&name, 6.max(columns.saturating_sub(108))));
    // The key that is in the line below too stands here only where it costs no bar.
    let spare = |place: usize| if place == 0 && !replay.done { 20 } else { 0 };
    let fits = |(place, end): &(usize, &String)| width(end) + width(&position) + spare(*place) <= room("");
    let end = ends.iter().enumerate().find(fits).map(|(_, end)| end).or(ends.last()).cloned().unwrap_or_default();
    let left = room(&end);
    let bar_room = |text: &str| left.saturating_sub(width(text) + 4).min(16);
    let bar = |room: usize| if room >= 4 { format!("{}  ", progress(replay, room)) } else { String::new() };
    let forms = [(true, true), (true, false), (false, true), (false, false)];
    let forms = forms.map(|(has_name, has_bar)| {
        let text = if has_name { format!("{short}{position}") } else { position.clone() };
        let bar = if has_bar { bar(bar_room(&text)) } else { String::new() };
        (text, bar, has_bar)
    });
    let does_fit =
        |(text, bar, has_bar): &&(String, String, bool)| width(text) + width(bar) <= left && *has_bar != bar.is_empty();
    let (text, bar) =
        forms.iter().find(does_fit).map_or((String::new(), String::new()), |(text, bar, _)| (text.clone(), bar.clone()));
    Line::from(vec![styled(head, ACCENT), plain(format!("{text}{bar}")), styled(end, DIM)])
}

/// `▕████░░░░▏`, or how much was read where nobody knows of how much.
fn progress(replay: &ReplayProgress, room: usize) -> String {
    match replay.bytes_total {
        Some(total) if total > 0 => {
            let filled = (replay.bytes_read * room as u64 / total).min(room as u64) as usize;
            format!("▕{}{}▏", "█".repeat(filled), "░".repeat(room - filled))
        }
        _ => format!("{} MB read", replay.bytes_read / 1_000_000),
    }
}

/// The keys of a replay, in ever fewer words.
fn replay_keys(model: &Model, replay: &ReplayProgress) -> Vec<String> {
    let key = |action: Action| model.config.keys.first_of(action);
    let keys =
        [Action::Pause, Action::ReplayStep, Action::ReplaySlower, Action::ReplayFaster, Action::NextAlert, Action::ReplayAgain];
    let [hold, step, slower, faster, next, again] = keys.map(key);
    let hold_word = if replay.is_held { "go on" } else { "hold" };
    match (replay.done, model.config.never_again) {
        (true, None) => vec![format!("at its end   {again} again"), format!("ended  {again} again")],
        (true, Some(_)) => vec!["at its end; nothing more will come".to_owned(), "ended".to_owned()],
        (false, _) => vec![
            format!("{hold} {hold_word}  {step} step  {slower} {faster} pace  {next} alert  {again} again"),
            format!("{hold} {hold_word}  {step} step  {slower} {faster} pace  {again} again"),
            format!("{hold} {hold_word}  {step} step  {slower} {faster} pace"),
            format!("{hold} {hold_word}"),
        ],
    }
}
