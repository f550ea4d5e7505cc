//! The hosts that need a look: where a rule cannot fire, whose events come late, whose clock is off. Late and off are told
//! apart: a lag is how long an event took to come here; a clock that is ahead shows in events from the future, and one that
//! Sysmon alone has wrong in a `UtcTime` far off the `TimeCreated` beside it.

use chrono::TimeDelta;
use ratatui::text::Line;

use crate::console::counted::count_of;
use crate::console::model::Model;
use crate::console::printable::{fit, pad, pad_left, wrap};
use crate::console::view::style::{self, DIM, WARN, count, heading, plain, safe, styled};
use crate::hosts::{HostState, Liveness};

/// How many blind hosts, and how many whose time is off, are listed.
const SHOWN: usize = 12;
/// A lag beyond this is told everywhere, in milliseconds.
const LATE_MS: i64 = 2000;
/// So much may the clock of a host be ahead of ours, in milliseconds.
const AHEAD_MS: i64 = 1000;

/// Hosts on which a rule cannot fire: since when, and what proves it.
pub fn blind(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    let blind: Vec<_> = model.hosts.values().filter_map(|host| Some((host, host.blind.as_ref()?))).collect();
    if blind.is_empty() {
        return;
    }
    let mut title = heading("Blind hosts", false);
    title.push(plain(format!("  {}: rules that need inbound connections (EID 3) cannot fire there", blind.len())));
    lines.push(Line::from(title));
    for (host, state) in blind.iter().take(SHOWN) {
        let (room, format) = if width >= 100 { (32, "%Y-%m-%d %H:%M:%S") } else { (22, "%m-%d %H:%M:%S") };
        let since = style::clock(state.since, model.is_utc, format);
        let missing = match (model.config.is_replay, state.had_inbound) {
            // The recording's time counts, whatever the pace: no clock on the wall shows when it began.
            (true, _) => format!("none for {}", style::age((model.now - state.since).num_seconds())),
            (false, true) => format!("last inbound {since}"),
            (false, false) => format!("none since first heard {since}"),
        };
        let text = format!("  {} BLIND 3in  {missing}", pad(&safe(&host.computer), room));
        lines.push(Line::from(styled(fit(&text, width), WARN)));
        let times = if state.proofs > 1 { format!(", and {} more since", count(state.proofs - 1)) } else { String::new() };
        let at = style::clock(state.proven_at, model.is_utc, "%H:%M:%S");
        let proof = format!("proof: at {at} {}{times}", safe(&state.proof.to_string()));
        lines.extend(wrap(&proof, width.saturating_sub(5)).into_iter().map(|text| Line::from(format!("    {text}"))));
    }
    if blind.len() > SHOWN {
        lines.push(style::line(format!("  and {} more", blind.len() - SHOWN), DIM));
    }
    lines.push(Line::from(""));
}

/// Whether the events of a host come late, as far as it is heard at all.
pub fn is_late(host: &HostState) -> bool {
    host.liveness != Liveness::Silent && host.lag_ms.is_some_and(|lag| lag > LATE_MS)
}

/// How far the clock of a host is ahead of ours at least, in milliseconds.
fn ahead(host: &HostState) -> Option<i64> {
    host.lag_ms.map(|lag| -lag).filter(|ahead| *ahead > AHEAD_MS)
}

/// Whether the clock of a host is off.
pub fn is_off(host: &HostState) -> bool {
    host.clock_skew_ms.is_some() || ahead(host).is_some()
}

/// The lag of a host in words; of one whose clock is ahead there is none to tell.
pub fn lag(host: &HostState) -> Option<String> {
    host.lag_ms.filter(|lag| *lag >= -AHEAD_MS).map(|lag| span(lag.max(0)))
}

/// The clock of a host in words, where it is off.
pub fn clock(host: &HostState) -> Option<String> {
    let ahead = ahead(host).map(|ahead| format!("{} ahead of ours", span(ahead)));
    let skew = host.clock_skew_ms.map(|skew| {
        let side = if skew < 0 { "behind" } else { "ahead of" };
        format!("UtcTime {} {side} TimeCreated in {}", span(skew.abs()), count_of(host.skewed_events, "event"))
    });
    match (ahead, skew) {
        (None, None) => None,
        (one, other) => Some(one.into_iter().chain(other).collect::<Vec<_>>().join(", ")),
    }
}

/// A time in words: `0.4 s`, `41 s`, `3m12s`.
pub fn span(milliseconds: i64) -> String {
    match milliseconds {
        1..100 => "<0.1 s".to_owned(),
        ..10_000 => format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100),
        10_000..60_000 => format!("{} s", milliseconds / 1000),
        _ => style::age(TimeDelta::milliseconds(milliseconds).num_seconds()),
    }
}

/// Adds the hosts whose events come late or whose clock is off.
pub fn times(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    let mut rows: Vec<&HostState> =
        model.hosts.values().filter(|host| is_late(host) || is_off(host) || host.late_events > 0).collect();
    if rows.is_empty() {
        return;
    }
    rows.sort_by_key(|host| std::cmp::Reverse((host.lag_ms, host.clock_skew_ms.map(i64::abs), host.late_events)));
    let (late, off) = (rows.iter().filter(|host| is_late(host)).count(), rows.iter().filter(|host| is_off(host)).count());
    let mut title = heading("Time of hosts", false);
    title.push(plain(format!("  {late} late, {off} with a clock that is off")));
    lines.push(Line::from(title));
    let room = if width >= 100 { 32 } else { 22 };
    lines.push(style::line(format!("  {} {:>8}  {:>9}  CLOCK", pad("HOST", room), "LAG", "TOO LATE"), DIM));
    for host in rows.iter().take(SHOWN) {
        let lag = lag(host).unwrap_or_else(|| "-".to_owned());
        let style = if is_late(host) { WARN } else { plain("").style };
        let clock = clock(host).unwrap_or_else(|| "ok".to_owned());
        let head = format!("  {} ", pad(&safe(&host.computer), room));
        let middle = format!("  {:>9}  ", count(host.late_events));
        let indent = head.chars().count() + 8 + middle.chars().count();
        for (place, text) in wrap(&clock, width.saturating_sub(indent)).into_iter().enumerate() {
            let own = if is_off(host) { styled(text, WARN) } else { styled(text, DIM) };
            lines.push(if place == 0 {
                Line::from(vec![plain(head.clone()), styled(pad_left(&lag, 8), style), plain(middle.clone()), own])
            } else {
                Line::from(vec![plain(" ".repeat(indent)), own])
            });
        }
    }
    if rows.len() > SHOWN {
        lines.push(style::line(format!("  and {} more", count((rows.len() - SHOWN) as u64)), DIM));
    }
    lines.push(Line::from(""));
}

/// How many hosts need a look, in a line.
pub fn summary(model: &Model) -> Vec<(u64, &'static str)> {
    let number = |is: &dyn Fn(&HostState) -> bool| model.hosts.values().filter(|host| is(host)).count() as u64;
    vec![
        (number(&|host| host.liveness == Liveness::Silent), "silent"),
        (number(&|host| host.blind.is_some()), "blind"),
        (number(&is_late), "late"),
        (number(&is_off), "with a clock that is off"),
    ]
}
