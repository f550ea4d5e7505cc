//! The bottom: the keys that work here, made from the key table, `? help  q quit` always at the right; or the filter being
//! typed; above it, in a replay, how far it has come.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::counted::count_of;
use crate::console::keys::{Action, Row};
use crate::console::model::triage::{Dialog, Targets};
use crate::console::model::typing::Editor;
use crate::console::model::{Model, many};
use crate::console::printable::{fit, fit_left, width};
use crate::console::view::style::{self, ACCENT, DIM, STRONG, WARN, plain, safe, styled};
use crate::console::view::{company, put, put_right};
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
        (Some(Dialog::Verdict(targets)), _) => put(buffer, area, row, &verdict_line(targets, columns)),
        (Some(Dialog::Sure(deed, targets)), _) => put(buffer, area, row, &sure_line(model, deed, targets)),
        (Some(Dialog::Comment(targets, text)), _) => put(buffer, area, row, &comment_line(model, targets, text, columns)),
        // All other keys are text or nothing; those that work stand in the box.
        (Some(_), _) => {
            let said = model.said.as_ref().map(|(text, is_wrong)| (safe(text), if *is_wrong { WARN } else { ACCENT }));
            let (text, style) = said.unwrap_or_default();
            put(buffer, area, row, &Line::from(vec![plain(" "), styled(fit(&text, columns.saturating_sub(14)), style)]));
            put_right(buffer, area, row, width(&text).min(columns.saturating_sub(14)), vec![styled("esc closes", DIM)]);
        }
        (None, Some(editor)) => put(buffer, area, row, &editor_line(model, editor, columns)),
        _ => keys(model, area, row, buffer),
    }
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

fn comment_line(model: &Model, targets: &Targets, text: &str, columns: usize) -> Line<'static> {
    let head = format!(" comment on {}: ", which(targets));
    let left = MAX_COMMENT.saturating_sub(text.chars().count());
    let left = if left <= NEAR { format!("  {left} left") } else { String::new() };
    let room = columns.saturating_sub(width(&head) + 22 + left.len()).max(8);
    let shown = fit_left(&safe(text), room);
    Line::from(vec![
        styled(head, ACCENT),
        plain(shown),
        styled("▏", ACCENT),
        styled(left, WARN),
        styled(style::keys(model, "  ⏎ keep   esc cancel"), DIM),
    ])
}

fn keys(model: &Model, area: Rect, row: u16, buffer: &mut Buffer) {
    let key_of = |action: Action| {
        let own = model.config.keys.rows(model.is_inside()).find(|row| row.binding.action == action);
        own.map_or("", first_key).to_owned()
    };
    let pinned: Vec<Span<'static>> =
        vec![styled(key_of(Action::Help), STRONG), plain(" help   "), styled(key_of(Action::Quit), STRONG), plain(" quit")];
    let pinned_width = pinned.iter().map(Span::width).sum::<usize>() + 2;
    let mut spans = vec![plain(" ")];
    let said = model.said.as_ref().map(|(text, is_wrong)| (text.clone(), if *is_wrong { WARN } else { ACCENT }));
    let trouble = company::trouble(model).map(|text| (text, WARN));
    let hint = model.hint.map(|text| (text.to_owned(), WARN));
    let mut room = usize::from(area.width).saturating_sub(pinned_width + 4);
    for (text, style) in said.into_iter().chain(trouble).chain(hint) {
        // What comes first is cut least; of a few letters nobody has anything.
        if room >= 12 {
            let text = fit(&safe(&text), room);
            room = room.saturating_sub(width(&text) + 3);
            spans.extend([styled(text, style), plain("   ")]);
        }
    }
    let is_shown = |row: &&Row| row.binding.footer > 0 && model.can_do(row.binding.action);
    let mut shown: Vec<_> = model.config.keys.rows(model.is_inside()).filter(is_shown).collect();
    shown.sort_by_key(|row| row.binding.footer);
    for row in shown.iter().filter(|row| !matches!(row.binding.action, Action::Help | Action::Quit)) {
        let (binding, key) = (row.binding, first_key(row));
        let is_held = model.paused().is_some() || model.status.replay.as_ref().is_some_and(|replay| replay.is_held);
        let label = match binding.action {
            Action::Pause if is_held => "go on",
            Action::Back if model.marked_rows() > 0 => "unmark",
            _ => binding.label,
        };
        let used: usize = spans.iter().map(|span| width(&span.content)).sum();
        if used + width(key) + label.len() + 4 + pinned_width > usize::from(area.width) {
            break;
        }
        spans.push(styled(key.to_owned(), STRONG));
        spans.push(plain(format!(" {label}   ")));
    }
    let line = Line::from(spans);
    let used = line.width();
    put(buffer, area, row, &line);
    put_right(buffer, area, row, used.min(usize::from(area.width).saturating_sub(pinned_width + 2)), pinned);
}

/// The key that stands for an action where there is room for one.
fn first_key(row: &Row) -> &str {
    row.keys.split(' ').next().unwrap_or_default()
}

/// The filter being typed: its text, what is wrong with it, or how much it leaves.
fn editor_line(model: &Model, editor: &Editor, columns: usize) -> Line<'static> {
    let mut spans = vec![styled(" / ", ACCENT)];
    match &editor.error {
        Some(error) => {
            let at = error.at.min(editor.text.len());
            let end = (error.at + error.length).min(editor.text.len());
            let wrong = editor.text.get(at..end).unwrap_or_default();
            spans.push(plain(safe(editor.text.get(..at).unwrap_or_default())));
            spans.push(styled(safe(wrong), WARN));
            spans.push(plain(safe(editor.text.get(end..).unwrap_or_default())));
            spans.push(styled("▏", ACCENT));
            spans.push(styled(format!("  {}", error.reason), WARN));
        }
        None => {
            spans.push(plain(safe(&editor.text)));
            spans.push(styled("▏", ACCENT));
            let alerts = count_of(model.alerts.rows(false).len() as u64, "alert");
            let events = count_of(model.event_rows().len() as u64, "event");
            spans.push(styled(style::keys(model, &format!("  {alerts}, {events}   ⏎ keep   esc undo")), DIM));
            if editor.text.is_empty() && columns > 110 {
                spans.push(styled("   host: src: dst: port: user: proc: cmd: rule: sev>=high eid: since:15m", DIM));
            }
        }
    }
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
