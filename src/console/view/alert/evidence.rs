//! The events that prove an alert, in the section that says why it fired: each with what matched in it, and the gaps between.

use ratatui::text::Line;

use crate::alert::header::short_host;
use crate::alert::{Alert, Derived, Matched, Proof};
use crate::console::model::Model;
use crate::console::printable::{fit, fit_left, pad, width as columns_of, wrap};
use crate::console::view::fitting::{first_that_fits, with_short_path};
use crate::console::view::style::{self, DIM, GOOD, STRONG, WARN, plain, safe, styled};
use crate::console::view::why::seconds;
use crate::event::command::decoded_command;
use crate::event::time::TimeSource;

/// The events with what matched, and the gaps between them.
pub fn evidence_lines(model: &Model, alert: &Alert, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let proofs: Vec<&Proof> = alert.evidence.iter().collect();
    for (place, proof) in proofs.iter().enumerate() {
        let is_last = place + 1 == proofs.len();
        lines.extend(proof_lines(model, alert, proof, is_last, width));
        if let Some(next) = proofs.get(place + 1) {
            let spacer = is_wide(width).then(|| style::line("  │", DIM));
            lines.extend(spacer.clone());
            lines.push(gap(alert, proof, next, width));
            lines.extend(spacer);
        }
    }
    lines
}

/// The gap between two events, as a bar against what the rule allows.
fn gap(alert: &Alert, proof: &Proof, next: &Proof, width: usize) -> Line<'static> {
    let milliseconds = (next.time - proof.time).num_milliseconds();
    let allowed = alert.rule.maxspan_ms.unwrap_or(0).max(1);
    let room = if is_wide(width) { 28 } else { 15 };
    let filled = (milliseconds.max(0) * room / allowed).clamp(i64::from(milliseconds > 0), room) as usize;
    let bar = format!("▕{}{}▏", "█".repeat(filled), "░".repeat(room as usize - filled));
    let text = format!("  ├──── {} of {} allowed ", seconds(milliseconds), seconds(allowed));
    let left = width.saturating_sub(columns_of(&text) + columns_of(&bar));
    let forms = [format!(" same host: {}", next.computer), format!(" same host: {}", short_host(&next.computer)), String::new()];
    Line::from(vec![plain(text), plain(bar), styled(first_that_fits(forms.map(|form| safe(&form)), left), DIM)])
}

/// One event: what it is, what matched, what people ask next.
fn proof_lines(model: &Model, alert: &Alert, proof: &Proof, is_last: bool, width: usize) -> Vec<Line<'static>> {
    let margin = match (is_last, is_wide(width)) {
        (true, true) => "        ",
        (true, false) => "      ",
        (false, true) => "  │     ",
        (false, false) => "  │   ",
    };
    let mut lines = vec![head(model, proof, width)];
    lines.extend(matched_lines(alert, proof, margin, width));
    lines.extend(asked_lines(alert, proof, margin, width));
    lines.extend(derived_lines(proof, margin, width));
    lines
}

fn is_wide(width: usize) -> bool {
    width >= 100
}

fn name_width(width: usize) -> usize {
    if is_wide(width) { 20 } else { 17 }
}

/// Which event it is, and whose. Where there is little room the date goes before the number of the record: section 2 has both.
fn head(model: &Model, proof: &Proof, width: usize) -> Line<'static> {
    let kind = match (proof.event_id.0, proof.field("Initiated")) {
        (1, _) => " process start",
        (3, Some(initiated)) if initiated.eq_ignore_ascii_case("false") => " network, inbound",
        (3, Some(_)) => " network, outbound",
        _ => "",
    };
    let record = proof.record_id.map_or("no record id".to_owned(), |id| format!("record {}", style::count(id.0)));
    let (source, warning) = match proof.time_source {
        TimeSource::CorrectedToTimeCreated => ("   time from TimeCreated", "  SKEWED CLOCK"),
        TimeSource::ReceivedAt => ("   time of arrival", ""),
        TimeSource::UtcTime | TimeSource::TimeCreated => ("", ""),
    };
    let time = |format| format!("  {}  {}", proof.stage + 1, style::clock(proof.time, model.is_utc, format));
    let (long, short) = (time("%Y-%m-%d %H:%M:%S%.3f"), time("%H:%M:%S%.3f"));
    let eid = format!("  EID {}", proof.event_id);
    let (computer, host) = (&proof.computer, short_host(&proof.computer));
    let forms = [
        (&long, format!("{eid}{kind}"), format!("    {record}   {computer}{source}")),
        (&long, format!("{eid}{kind}"), format!("    {record}   {host}{source}")),
        (&short, format!("{eid}{kind}"), format!("   {record}   {host}{source}")),
        (&short, format!("{eid}{kind}"), format!("   {record}   {host}")),
        (&short, format!("{eid}{kind}"), format!("   {record}")),
        (&short, eid.clone(), format!("   {record}")),
        (&short, eid.clone(), String::new()),
    ];
    let forms = forms.map(|(time, eid, rest)| (time, eid, safe(&rest)));
    let room = width.saturating_sub(columns_of(warning));
    let does_fit = |(time, eid, rest): &&(&String, String, String)| columns_of(time) + columns_of(eid) + columns_of(rest) <= room;
    let (time, eid, rest) = forms.iter().find(does_fit).unwrap_or(&forms[forms.len() - 1]);
    let mut head = vec![styled((*time).clone(), STRONG), plain(eid.clone()), styled(rest.clone(), DIM)];
    head.extend((!warning.is_empty()).then(|| styled(warning, WARN)));
    Line::from(head)
}

/// The fields that matched, and why.
fn matched_lines(alert: &Alert, proof: &Proof, margin: &'static str, width: usize) -> Vec<Line<'static>> {
    let name_width = name_width(width);
    let rows = merged(&proof.matched);
    let longest = rows.iter().map(|matched| safe(&matched.value).chars().count()).max().unwrap_or(0);
    let value_width = (longest + 1).min(width.saturating_sub(12 + name_width) / 2);
    let lines_of = |matched: &Matched| {
        let value = pad(&fit_left(&safe(&matched.value), value_width), value_width);
        let indent = columns_of(margin) + name_width + value_width + 3;
        let why = whys(&safe(&matched.why), width.saturating_sub(indent));
        let mut spans = vec![
            styled(margin, DIM),
            plain(format!("{} ", pad(&safe(&matched.field), name_width - 1))),
            styled(value, STRONG),
            styled(" ✓ ", GOOD),
        ];
        let derived = proof.derived.iter().find(|derived| derived.field == matched.field);
        let derived = derived.map_or(String::new(), |derived| format!(" (derived: {})", safe(&derived.reason)));
        let mut lines: Vec<Line<'static>> = Vec::new();
        for text in why {
            let used = indent + columns_of(&text);
            if lines.is_empty() {
                spans.push(plain(text));
                let owner = owner_of(alert, &matched.value, width.saturating_sub(used + columns_of(&derived)));
                spans.push(styled(format!("{owner}{derived}"), DIM));
                lines.push(Line::from(std::mem::take(&mut spans)));
            } else {
                lines.push(Line::from(vec![styled(margin, DIM), plain(" ".repeat(indent - columns_of(margin))), plain(text)]));
            }
        }
        lines
    };
    rows.iter().flat_map(lines_of).collect()
}

/// Why a field matched, in two rows at most; a path that it names loses its beginning first.
fn whys(why: &str, room: usize) -> Vec<String> {
    if columns_of(why) <= room {
        return vec![why.to_owned()];
    }
    if let Some(short) = with_short_path(why, room) {
        return vec![short];
    }
    let mut lines = wrap(why, room.max(8));
    if lines.len() > 2 {
        lines.truncate(2);
        lines[1] = format!("{}…", fit(&lines[1], room.saturating_sub(1)));
    }
    lines
}

/// Whose an address is, as far as that host's own events told, and there is room to say so.
fn owner_of(alert: &Alert, ip: &str, room: usize) -> String {
    let Some(named) = alert.names.iter().find(|named| named.ip == ip) else { return String::new() };
    let host = safe(short_host(&named.computer));
    let forms = [format!("  = {host} (seen in its own events)"), format!("  = {host}"), String::new()];
    first_that_fits(forms, room)
}

/// What people ask next, where the match itself did not show it.
fn asked_lines(alert: &Alert, proof: &Proof, margin: &'static str, width: usize) -> Vec<Line<'static>> {
    let (is_wide, name_width) = (is_wide(width), name_width(width));
    let room = width.saturating_sub(10 + name_width);
    let names: &[&str] =
        if is_wide { &["CommandLine", "User", "IntegrityLevel", "SourceIp", "DestinationIp"] } else { &["CommandLine", "User"] };
    let mut lines = Vec::new();
    for &name in names.iter().filter(|name| is_wide || proof.event_id.0 == 1 || **name != "User") {
        let is_shown = proof.matched.iter().any(|matched| matched.field == name);
        let Some(value) = proof.field(name).filter(|value| !is_shown && crate::event::text::is_said(value)) else { continue };
        let owner = owner_of(alert, value, room.saturating_sub(columns_of(value)));
        lines.push(Line::from(vec![
            styled(margin, DIM),
            styled(pad(name, name_width), DIM),
            plain(fit(&safe(&format!("{value}{owner}")), room)),
        ]));
        if let Some(decoded) = decoded_command(value).filter(|_| name == "CommandLine") {
            lines.push(Line::from(vec![
                styled(margin, DIM),
                styled(pad("  decoded", name_width), DIM),
                styled(fit(&safe(&decoded), room), WARN),
            ]));
        }
    }
    lines
}

/// What the mapping supplied and no condition asked for. On a narrow screen the join field would push the second event away;
/// section 2 and the record have it.
fn derived_lines(proof: &Proof, margin: &'static str, width: usize) -> Vec<Line<'static>> {
    let is_told = |field: &str| proof.matched.iter().any(|matched| matched.field == field);
    let derived = proof.derived.iter().filter(|derived| is_wide(width) || derived.field != "host.id");
    let line = |derived: &Derived| {
        let text = format!("{}={} (derived: {})", derived.field, derived.value, derived.reason);
        Line::from(vec![styled(margin, DIM), styled(fit(&safe(&text), width.saturating_sub(10)), DIM)])
    };
    derived.filter(|derived| !is_told(&derived.field)).map(line).collect()
}

/// Conditions on the same value of the same field, in one row.
fn merged(matched: &[Matched]) -> Vec<Matched> {
    let mut rows: Vec<Matched> = Vec::new();
    for one in matched {
        match rows.iter_mut().find(|row| row.field == one.field && row.value == one.value) {
            Some(row) => row.why = format!("{}, {}", row.why, one.why),
            None => rows.push(one.clone()),
        }
    }
    rows
}
