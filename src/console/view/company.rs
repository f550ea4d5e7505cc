//! Who else looks, and the warning over a picture that is not live any more: whatever is old is dim, and its age stands at
//! the top.

use chrono::{DateTime, Utc};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Color;
use ratatui::text::Span;

use crate::console::counted::count_of;
use crate::console::model::Model;
use crate::console::model::company::Stale;
use crate::console::model::screen::Screen;
use crate::console::view::style::{self, DIM, WARN, count, safe, styled};

/// How many are named.
const NAMED: usize = 2;

/// `bob is here` on an alert that bob has open; else who looks at all, `alice +2 attached`.
pub fn presence(model: &Model) -> Option<String> {
    let in_front = match model.stack.last() {
        Some(Screen::Alert { number, .. }) => model.alerts.get(*number).map(|entry| &entry.header.id),
        _ => None,
    };
    let mut here: Vec<String> = Vec::new();
    for other in model.company.others().filter(|other| in_front.is_some() && other.in_front.as_ref() == in_front) {
        let who = safe(&other.who);
        if !here.contains(&who) {
            here.push(who);
        }
    }
    match here.as_slice() {
        [] => {}
        [one] => return Some(format!("{one} is here")),
        several => return Some(format!("{} are here", several[..NAMED].join(", "))),
    }
    let others = model.company.others().count();
    (others > 0).then(|| format!("{} +{others} attached", safe(&model.config.who)))
}

/// The word and the age.
pub fn stale(stale: &Stale, now: DateTime<Utc>) -> Span<'static> {
    let age = style::age((now - stale.since).num_seconds());
    styled(if stale.is_first { format!("… CONNECTING {age}") } else { format!("! STALE {age}") }, WARN)
}

/// Why nothing comes, or how far a snapshot is; for the footer.
pub fn trouble(model: &Model) -> Option<String> {
    if let Some(stale) = &model.company.stale {
        let why = stale.why.as_deref().unwrap_or(if stale.is_first { "connecting" } else { "the collector is silent" });
        return Some(format!("{why}{}", if stale.why.is_some() { "; trying again" } else { "" }));
    }
    model.company.loading.map(|(here, of)| format!("{} of {} here", count(here), count_of(of, "alert")))
}

/// Dims what is old. Its colours go: a dimmed one can hardly be read, and what is old must not look live.
pub fn dim(model: &Model, area: Rect, buffer: &mut Buffer) {
    if model.company.stale.as_ref().is_some_and(|stale| !stale.is_first) {
        buffer.set_style(area, DIM.fg(Color::Reset));
    }
}
