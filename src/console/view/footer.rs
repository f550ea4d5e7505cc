//! The bottom: the keys that work here, made from the key table, `? help  q quit` always at the right; or the filter being
//! typed; above it, in a replay, how far it has come.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::keys::{Action, Row};
use crate::console::model::Model;
use crate::console::model::line::TextLine;
use crate::console::model::triage::{Dialog, Targets};
use crate::console::model::typing::Editor;
use crate::console::printable::{fit, fit_left, width};
use crate::console::view::field::{field, marked};
use crate::console::view::style::{self, ACCENT, DIM, STRONG, WARN, count, plain, safe, styled};
use crate::console::view::{company, put, put_right};
use crate::intake::ReplayProgress;
use crate::triage::Verdict;

/// Draws it.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let mut row = 0;
    if let Some(replay) = &model.status.replay {
        put(buffer, area, row, &replay_bar(model, replay, usize::from(area.width)));
        row += 1;
    }
    let columns = usize::from(area.width);
    match (&model.dialog, &model.editor) {
        (Some(Dialog::Verdict(targets)), _) => put(buffer, area, row, &verdict_line(targets, columns)),
        (Some(Dialog::Comment(targets, text)), _) => put(buffer, area, row, &comment_line(model, targets, text, columns)),
        // All other keys are text or nothing; those that work stand in the box.
        (Some(_), _) => {
            let said = model.said.as_ref().map(|(text, is_wrong)| (safe(text), if *is_wrong { WARN } else { ACCENT }));
            let (text, style) = said.unwrap_or_default();
            put(buffer, area, row, &Line::from(vec![plain(" "), styled(fit(&text, columns.saturating_sub(14)), style)]));
            put_right(buffer, area, row, width(&text).min(columns.saturating_sub(14)), vec![styled("esc closes", DIM)]);
        }
        (None, Some(editor)) => put(buffer, area, row, &editor_line(model, editor, columns)),
        _ => render_keys(model, area, row, buffer),
    }
}

/// Which alerts a dialog is about.
fn which(targets: &Targets) -> String {
    match (targets.list.as_slice(), targets.beyond) {
        ([one], 0) => one.alert.short().to_owned(),
        (several, beyond) => format!("{} alerts", count((several.len() + beyond) as u64)),
    }
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

fn comment_line(model: &Model, targets: &Targets, text: &TextLine, columns: usize) -> Line<'static> {
    let head = format!(" comment on {}: ", which(targets));
    let room = columns.saturating_sub(width(&head) + 22).max(8);
    let mut spans = vec![styled(head, ACCENT)];
    spans.extend(field(text, room));
    spans.push(styled(style::keys(model, "  ⏎ keep   esc cancel"), DIM));
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
    shown.sort_by_key(|row| row.binding.footer);
    for row in shown.iter().filter(|row| !matches!(row.binding.action, Action::Help | Action::Quit)) {
        let (binding, key) = (row.binding, first_key(row));
        let is_held = model.paused().is_some() || model.status.replay.as_ref().is_some_and(|replay| replay.is_held);
        let label = if binding.action == Action::Pause && is_held { "go on" } else { binding.label };
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
fn editor_line(model: &Model, editor: &Editor, columns: usize) -> Line<'static> {
    let (wrong, about, style) = match &editor.error {
        Some(error) => (error.at..error.at + error.length, format!("  {}", error.reason), WARN),
        None => {
            let (alerts, events) = (model.alerts.rows(false).len(), model.event_rows().len());
            let about = style::keys(model, &format!("  {alerts} alerts, {events} events   ⏎ keep   esc undo"));
            let is_roomy = editor.text.is_empty() && columns > 110;
            let fields = if is_roomy { "   host: src: dst: port: user: proc: cmd: rule: sev>=high eid: since:15m" } else { "" };
            (0..0, about + fields, DIM)
        }
    };
    // The text comes first; what stands beside it is cut.
    let room = columns.saturating_sub(3 + width(&about)).max(columns / 2);
    let mut spans = vec![styled(" / ", ACCENT)];
    spans.extend(marked(&editor.text, room, wrong));
    spans.push(styled(about, style));
    Line::from(spans)
}

fn replay_bar(model: &Model, replay: &ReplayProgress, columns: usize) -> Line<'static> {
    let speed = replay.speed.map_or("flat out".to_owned(), |speed| format!("{speed}x"));
    let format = if columns >= 100 { "%Y-%m-%d %H:%M:%S" } else { "%H:%M:%S" };
    let position = replay.position.map_or(String::new(), |time| style::clock(time, model.is_utc, format));
    let room = if columns >= 100 { 16_u64 } else { 10 };
    let bar = match replay.bytes_total {
        Some(total) if total > 0 => {
            let filled = (replay.bytes_read * room / total).min(room) as usize;
            format!("▕{}{}▏", "█".repeat(filled), "░".repeat(room as usize - filled))
        }
        _ => format!("{} MB read", replay.bytes_read / 1_000_000),
    };
    let key = |action: Action| model.config.keys.all().iter().find(|row| row.binding.action == action).map_or("", first_key);
    let keys =
        [Action::Pause, Action::ReplayStep, Action::ReplaySlower, Action::ReplayFaster, Action::NextAlert, Action::ReplayAgain];
    let [hold, step, slower, faster, next, again] = keys.map(key);
    let hold_word = if replay.is_held { "go on" } else { "hold" };
    let end = match (replay.done, columns >= 100, model.config.never_again) {
        (true, true, None) => format!("at its end   {again} again"),
        (true, true, Some(_)) => "at its end; nothing more will come".to_owned(),
        (true, false, None) => format!("ended  {again} again"),
        (true, false, Some(_)) => "ended".to_owned(),
        (false, true, _) => format!("{hold} {hold_word}  {step} step  {slower} {faster} pace  {next} alert  {again} again"),
        (false, false, _) => format!("{hold} {hold_word}  {step} step  {slower} {faster} pace"),
    };
    // What the keys need is theirs; the end of a path says more than its beginning.
    let room = columns.saturating_sub(if columns >= 100 { 108 } else { 74 }).max(6);
    let name = fit_left(&safe(&replay.file), room);
    Line::from(vec![
        styled(format!(" REPLAY {speed}  "), ACCENT),
        plain(format!("{name}  {position}  {bar}  ")),
        styled(end, DIM),
    ])
}
