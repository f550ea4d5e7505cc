//! The dialogs of mutes: which alerts, for how long, why, and what it would have hidden; and the list of mutes.
//!
//! ```text
//! ╭ Mute alerts like a7b8 ───────────────────────────╮
//! │ [x] rule          Inbound PS remoting            │
//! │ [ ] user          CORP\svc-scom                  │
//! │ for     1 h   8 h  ▸7 d   30 d   until removed   │
//! │ reason  SCOM agent deploys, ticket CHG-2291▏     │
//! │ Would have hidden 31 of 34 alerts in 7 d, …      │
//! ╰──────────────────────────────────────────────────╯
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::alert::header::short_host;
use crate::console::counted::count_of;
use crate::console::model::Model;
use crate::console::model::mutes::{Counting, Focus, MuteForm};
use crate::console::model::triage::Dialog;
use crate::console::printable::{fit, fit_left, pad, wrap};
use crate::console::view::field::field;
use crate::console::view::frame::{Frame, framed};
use crate::console::view::style::{self, ACCENT, DIM, SELECTED, STRONG, WARN, count, plain, safe, styled};
use crate::triage::ledger::Mute;
use crate::triage::mute::{Aspect, Scope};

/// Draws the dialog in front, if it is one of these.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let width = area.width.saturating_sub(4).min(90);
    match &model.dialog {
        Some(Dialog::Mute(form)) => {
            let (lines, focus) = form_lines(model, form, usize::from(width).saturating_sub(4));
            let title = match &form.edits {
                Some(mute) => format!(" Change mute #{} ", mute.number),
                None => format!(" Mute alerts like {} ", form.like),
            };
            let frame = Frame {
                title,
                foot: style::keys(
                    model,
                    if form.edits.is_some() {
                        " ⏎ change   ↑ ↓ fields   space expiry   esc back "
                    } else {
                        " ⏎ mute   ↑ ↓ fields   space choose   esc cancel "
                    },
                ),
                lines,
                pinned: 0,
                focus,
            };
            framed(&frame, width, area, buffer);
        }
        Some(Dialog::Mutes(selected)) => {
            let lines = list_lines(model, *selected, usize::from(width).saturating_sub(4));
            let focus = lines.iter().position(|line| line.style == SELECTED).unwrap_or(0);
            let frame = Frame {
                title: " Mutes ".to_owned(),
                foot: style::keys(model, " ⏎ change expiry and reason   x end it   esc close "),
                lines,
                pinned: 0,
                focus,
            };
            framed(&frame, width, area, buffer);
        }
        _ => {}
    }
}

/// The lines of the form, and which of them has the keys.
fn form_lines(model: &Model, form: &MuteForm, width: usize) -> (Vec<Line<'static>>, usize) {
    let mut lines = Vec::new();
    let mut focus = 0;
    let mut push = |lines: &mut Vec<Line<'static>>, line: Line<'static>, has_focus: bool| {
        if has_focus {
            focus = lines.len();
        }
        lines.push(if has_focus { line.style(SELECTED) } else { line });
    };
    for (place, choice) in form.choices.iter().enumerate() {
        let mark = if choice.is_on { "[x]" } else { "[ ]" };
        let value = fit_left(&safe(&choice.shown), width.saturating_sub(18));
        let line = Line::from(pad(&format!("{mark} {} {value}", pad(choice.aspect.as_str(), 13)), width));
        push(&mut lines, line, form.focus == Focus::Choice(place));
    }
    if let Some(mute) = &form.edits {
        let words = format!("{}: {}", safe(&mute.who), scope_words(model, &mute.scope));
        lines.extend(wrap(&words, width).into_iter().map(|text| style::line(text, DIM)));
    }
    let expiries: Vec<String> = form
        .expiries()
        .iter()
        .enumerate()
        .map(|(place, name)| format!("{}{name}", if place == form.expiry { "▸" } else { " " }))
        .collect();
    let line = Line::from(pad(&format!("for     {}", expiries.join("  ")), width));
    push(&mut lines, line, form.focus == Focus::Expiry);
    let has_focus = form.focus == Focus::Reason;
    let room = width.saturating_sub(8);
    let mut spans = vec![styled("reason  ", if has_focus { ACCENT } else { DIM })];
    if has_focus {
        spans.extend(field(&form.reason, room));
    } else {
        spans.push(plain(fit_left(&safe(&form.reason), room)));
    }
    if form.reason.is_empty() {
        spans.push(styled(fit("  why, for whoever finds it: a ticket, a name", room.saturating_sub(2)), DIM));
    }
    // A line being typed is told by its cursor.
    if has_focus {
        focus = lines.len();
    }
    lines.push(Line::from(spans));
    lines.extend(preview_lines(form, width));
    (lines, focus)
}

fn preview_lines(form: &MuteForm, width: usize) -> Vec<Line<'static>> {
    let preview = &form.preview;
    // As long as the collector counts.
    let told = |number: u64| if form.counting == Counting::Done { count(number) } else { "…".to_owned() };
    let text = format!(
        "{} {} of {} in 7 d, {} CRIT, {} linked. Still stored, counted as muted, and forwarded with muted=true.",
        if form.edits.is_some() { "Hides" } else { "Would have hidden" },
        told(preview.hidden),
        if form.counting == Counting::Done { count_of(preview.of, "alert") } else { "… alerts".to_owned() },
        told(preview.critical),
        told(preview.linked)
    );
    let is_wide = preview.critical > 0 || preview.linked > 0 || (preview.of >= 10 && preview.hidden * 2 > preview.of);
    let style = if is_wide { WARN } else { plain("").style };
    let mut lines: Vec<Line<'static>> = wrap(&text, width).into_iter().map(|text| style::line(text, style)).collect();
    match (&form.problem, form.narrower()) {
        (Some(problem), _) => lines.push(style::line(problem.clone(), WARN)),
        (None, Some(aspect)) if is_wide => lines.push(style::line(format!("narrower: add {}", aspect.as_str()), DIM)),
        _ => lines.push(Line::from("")),
    }
    lines
}

fn list_lines(model: &Model, selected: usize, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (place, mute) in model.mute_rows().into_iter().enumerate() {
        let style = match (place == selected, mute.is_active(model.now)) {
            (true, _) => SELECTED,
            (false, true) => plain("").style,
            (false, false) => DIM,
        };
        let head = fit(&format!("#{}  {}", mute.number, scope_words(model, &mute.scope)), width);
        lines.push(Line::from(pad(&head, width)).style(style));
        lines.push(style::line(fit(&format!("      {}", about(model, mute)), width), if style == DIM { DIM } else { STRONG }));
    }
    lines
}

fn about(model: &Model, mute: &Mute) -> String {
    let until = match mute.until {
        _ if !mute.is_active(model.now) => "ended".to_owned(),
        // A begun minute counts: what was muted for 7 d just now is so for 7 d more.
        Some(until) => format!("for {} more", style::age((until - model.now).num_seconds() + 59)),
        None => "until removed".to_owned(),
    };
    let who = match &mute.edited {
        Some((other, _)) if *other != mute.who => format!("{}, changed by {}", safe(&mute.who), safe(other)),
        _ => safe(&mute.who),
    };
    format!("{until}   hid {}   {who}: {}", count(mute.hidden), safe(&mute.reason))
}

/// A scope in words: rules by their names, programs without their folders.
pub fn scope_words(model: &Model, scope: &Scope) -> String {
    let word = |(aspect, value): &(Aspect, String)| match aspect {
        Aspect::Rule => {
            let rule = model.status.rules.iter().find(|rule| rule.facts.id == *value);
            safe(rule.map_or(value.as_str(), |rule| rule.facts.name.as_str()))
        }
        Aspect::Host => format!("on {}", safe(short_host(value))),
        Aspect::Image => safe(crate::event::text::file_name(value)),
        Aspect::Source => format!("from {}", safe(value)),
        Aspect::User => format!("by {}", safe(value)),
        // What follows it is not pushed away.
        Aspect::CommandLine => format!("“{}”", fit(&safe(value), 40)),
    };
    scope.conditions.iter().map(word).collect::<Vec<_>>().join(", ")
}
