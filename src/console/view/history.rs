//! What people did with an alert, and whether what it is about is usual on its host.

use chrono::{DateTime, TimeDelta, Utc};
use ratatui::style::Style;
use ratatui::text::Line;

use crate::alert::Alert;
use crate::alert::usual::{Counted, Usual};
use crate::console::model::Model;
use crate::console::printable::{self, fit, fit_left, pad, width as columns_of, wrap};
use crate::console::view::style::{self, DIM, STRONG, WARN, count, heading, plain, safe, styled};
use crate::roster::Entry;
use crate::triage::{Deed, State, Status};

/// How far around an alert others count as near.
const NEAR: TimeDelta = TimeDelta::minutes(15);

/// Where an alert stands, in one word.
pub fn word(state: &State) -> &'static str {
    match (state.muted, state.status) {
        (Some(_), _) => "MUTED",
        (None, Status::Open) => "OPEN",
        (None, Status::Acknowledged) => "ACKED",
        (None, Status::Closed(_)) => "CLOSED",
    }
}

/// Where an alert stands, with its verdict.
pub fn standing(state: &State) -> String {
    match (state.muted, state.status) {
        (Some(number), _) => format!("MUTED by #{number}"),
        (None, Status::Closed(verdict)) => format!("CLOSED {}", verdict.words()),
        _ => word(state).to_owned(),
    }
}

/// The section.
pub fn lines(model: &Model, entry: &Entry, width: usize) -> Vec<Line<'static>> {
    let ledger = &model.alerts.ledger;
    let mut lines = vec![Line::from(heading("History", false))];
    let stamp = |time| style::clock(time, model.is_utc, "%Y-%m-%d %H:%M:%S");
    let history = ledger.history(&entry.header.id);
    // Others refer to an entry by its number.
    let widest = history.iter().map(|(act, _)| format!("#{}", act.number).len()).max().unwrap_or_default();
    let unnumbered = " ".repeat(if widest > 0 { widest + 2 } else { 0 });
    lines.push(Line::from(format!("  {}  {unnumbered}raised", stamp(entry.header.created))));
    if let Some(again) = &entry.state.again {
        let text = format!("again since {}: {} had closed it as {}", stamp(again.since), safe(&again.who), again.verdict.words());
        lines.extend(wrap(&text, width.saturating_sub(4)).into_iter().map(|text| style::line(format!("  {text}"), WARN)));
    }
    let is_in_history = |number: u64| history.iter().any(|(act, _)| act.number == number);
    if let Some(mute) = entry.state.muted.filter(|number| !is_in_history(*number)).and_then(|number| ledger.mute(number)) {
        let text = format!("muted when it was raised, by #{} of {}: {}", mute.number, safe(&mute.who), safe(&mute.reason));
        lines.extend(wrap(&text, width.saturating_sub(4)).into_iter().map(|text| Line::from(format!("  {text}"))));
    }
    for (act, is_undone) in &history {
        let what = if act.deed == Deed::Comment { String::new() } else { safe(&act.deed.past()) };
        let reason = safe(&act.reason);
        let gap = if what.is_empty() || reason.is_empty() { "" } else { "  " };
        let undone = match ledger.undone_by(act.number).filter(|_| *is_undone) {
            Some(by) => format!("  (taken back by {}, #{})", safe(&by.who), by.number),
            None => String::new(),
        };
        let number = pad(&format!("#{}", act.number), widest);
        let head = format!("  {}  {number}  {}  ", stamp(act.at), pad(&safe(&act.who), 10));
        let indent = printable::width(&head);
        let room = width.saturating_sub(indent + 1).max(16);
        let text = format!("{what}{gap}{reason}{undone}");
        for (row, text) in wrap(&text, room).into_iter().enumerate() {
            let head = if row == 0 { head.clone() } else { " ".repeat(indent) };
            let style = if *is_undone { DIM } else { plain("").style };
            lines.push(Line::from(vec![styled(head, DIM), styled(text, style)]));
        }
    }
    if history.is_empty() {
        let text = "nobody did anything with it yet: a acknowledges, v closes, c comments, o takes it";
        lines.extend(wrap(text, width.saturating_sub(4)).into_iter().map(|text| style::line(format!("  {text}"), DIM)));
    }
    lines.push(Line::from(""));
    let owner = entry.state.owner.as_deref().map_or("nobody".to_owned(), safe);
    lines.push(Line::from(vec![
        plain("  "),
        styled(standing(&entry.state), STRONG),
        plain(format!("   owner {owner}   comments {}", entry.state.comments)),
    ]));
    lines
}

/// Is it usual here? Counted before the alert's own events.
pub fn usual_lines(model: &Model, entry: &Entry, alert: &Alert, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(heading("Is it usual here?", false))];
    for usual in &alert.usual {
        let name = match usual.what {
            Counted::SourceOnHost => "source > host",
            Counted::UserOnHost => "user on this host",
            Counted::ImageOnHost => "program started",
        };
        // How often is what is asked: a long path gives way to it, and of a path its end says more.
        let sentence = sentence(model, usual, alert);
        let room = width.saturating_sub(24);
        let key = fit_left(&safe(&usual.key), room.saturating_sub(columns_of(&sentence) + 2).max(room / 3));
        let style = usual_style(alert.created, usual);
        let text = fit(&format!("{key}  {sentence}"), room);
        lines.push(Line::from(vec![plain("  "), styled(pad(name, 20), DIM), styled(text, style)]));
    }
    let (near, is_more) = model.alerts.near(entry, NEAR);
    let more = if is_more { " and more" } else { "" };
    let text = if near == 0 { "none on this host".to_owned() } else { format!("{}{more} on this host", count(near as u64)) };
    lines.push(Line::from(vec![plain("  "), styled(pad("other alerts ±15 m", 20), DIM), plain(text)]));
    lines
}

/// The same in one line, for a screen that has no room for more; nothing where nothing is counted. Where there is little room
/// long names are cut from the left, then words stand in their place.
pub fn usual_line(alert: &Alert, width: usize) -> Option<Line<'static>> {
    let since = alert.usual.first()?.since;
    let line = |name: &dyn Fn(&Usual) -> String, is_short: bool| {
        let mut spans = vec![styled("  Usual here?", DIM)];
        for usual in &alert.usual {
            let times = if usual.before == 0 { "never".to_owned() } else { format!("{}x", count(usual.before)) };
            let style = usual_style(alert.created, usual);
            spans.push(plain(format!("   {} ", name(usual))));
            spans.push(styled(if is_short { times } else { format!("{times} before") }, style));
        }
        spans.push(styled(format!("   in {}", counting(alert.created, since)), DIM));
        Line::from(spans)
    };
    let whole = |usual: &Usual| safe(&usual.key);
    let cut = |usual: &Usual| fit_left(&safe(&usual.key), 24);
    let word = |usual: &Usual| match usual.what {
        Counted::SourceOnHost => "source".to_owned(),
        Counted::UserOnHost => "account".to_owned(),
        Counted::ImageOnHost => "program".to_owned(),
    };
    let forms = [line(&whole, false), line(&cut, false), line(&cut, true), line(&word, true)];
    forms.into_iter().find(|line| line.width() <= width)
}

/// Under this a count says little yet.
const YOUNG: TimeDelta = TimeDelta::hours(1);

/// For how long was counted before an alert; a short time says that it is one.
fn counting(created: DateTime<Utc>, since: DateTime<Utc>) -> String {
    let counted = created - since;
    let only = if counted < YOUNG { "only " } else { "" };
    format!("{only}{}", style::age(counted.num_seconds()))
}

/// What never was stands out, unless nobody counted for long.
fn usual_style(created: DateTime<Utc>, usual: &Usual) -> Style {
    if usual.before == 0 && created - usual.since >= YOUNG { WARN } else { plain("").style }
}

/// `never before, 412 others in 30d`, `2x before, of 412 in 30d, last 2026-11-02 10:40`.
fn sentence(model: &Model, usual: &Usual, alert: &Alert) -> String {
    let counting = counting(alert.created, usual.since);
    let last = usual.last.map_or(String::new(), |last| style::clock(last, model.is_utc, ", last %Y-%m-%d %H:%M"));
    match usual.before {
        0 => format!("never before, {} others in {counting}", count(usual.of)),
        before => format!("{}x before, of {} in {counting}{last}", count(before), count(usual.of)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is counted since a minute cannot be unusual.
    #[test]
    fn a_young_count_says_that_it_is_one() {
        let created = DateTime::UNIX_EPOCH + TimeDelta::days(1);
        for (minutes, before, says, stands_out) in
            [(1, 0, "only 1m00s", false), (59, 0, "only 59m", false), (60, 0, "1h00m", true), (60, 3, "1h00m", false)]
        {
            let since = created - TimeDelta::minutes(minutes);
            let usual = Usual { what: Counted::UserOnHost, key: "x".to_owned(), before, of: 9, last: None, since };
            assert_eq!(counting(created, since), says);
            assert_eq!(usual_style(created, &usual) == WARN, stands_out, "{says}, {before} before");
        }
    }
}
