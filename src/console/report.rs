//! Alerts and events as text for other people: a Markdown report with all evidence, and records of events. Pure. Values came
//! from the network: they stand in code blocks that they cannot close, with everything invisible spelled out.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;

use crate::alert::{Alert, Proof, link};
use crate::console::printable::{printable, printable_lines};
use crate::console::view::history;
use crate::event::command::decoded_command;
use crate::feed::EventLine;
use crate::roster::Entry;
use crate::triage::ledger::Ledger;

/// A report of these alerts, one section each, with their evidence where there is some, and with what the log has on them.
pub fn markdown(ledger: &Ledger, entries: &[(&Entry, Option<&Alert>)]) -> String {
    let mut text = String::new();
    if entries.len() > 1 {
        let _ = writeln!(text, "# {} alerts\n", entries.len());
    }
    for (entry, fired) in entries {
        alert(ledger, entry, *fired, &mut text);
    }
    text
}

/// A time as the records write it.
fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A text within a line: printable, and nothing that Markdown or HTML would act on.
fn inline(text: &str) -> String {
    let mut out = String::new();
    for letter in printable(text).chars() {
        if "\\`*_[]<>#|~&!".contains(letter) {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// A block of code that its content cannot end.
fn block(kind: &str, content: &str, text: &mut String) {
    let content = printable_lines(content);
    let mut longest = 0;
    let mut run = 0;
    for letter in content.chars() {
        run = if letter == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat((longest + 1).max(3));
    let _ = writeln!(text, "{fence}{kind}\n{}\n{fence}\n", content.trim_end_matches('\n'));
}

fn alert(ledger: &Ledger, entry: &Entry, fired: Option<&Alert>, text: &mut String) {
    let header = &entry.header;
    let _ = writeln!(text, "## {} {}\n", header.severity.as_str().to_uppercase(), inline(&header.rule));
    let _ = writeln!(text, "{}\n", inline(&header.message));
    let owner = entry.state.owner.as_deref().map_or("nobody".to_owned(), inline);
    let rows = [
        ("Alert", header.id.0.to_string()),
        ("Host", inline(&header.computer)),
        ("Time of the event", stamp(header.time)),
        ("Raised", stamp(header.created)),
        ("Stands", format!("{}, owner {owner}", history::standing(&entry.state))),
        ("ATT&CK", header.attack.join(" ")),
        ("From > to", inline(&header.path)),
        ("Path over hosts", fired.map_or_else(String::new, |fired| inline(&link::path(&fired.hops)))),
        ("Linked to", fired.map_or_else(String::new, linked)),
    ];
    for (name, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        let _ = writeln!(text, "- {name}: {value}");
    }
    text.push('\n');
    match fired {
        Some(fired) => evidence(fired, text),
        None => {
            let _ = writeln!(text, "The evidence is not in memory; `wefwatch show {}` reads it from the store.\n", header.id.0);
        }
    }
    let acts = ledger.history(&header.id);
    if !acts.is_empty() {
        text.push_str("### History\n\n");
        for (act, is_undone) in acts {
            let undone = if is_undone { " (taken back)" } else { "" };
            let (who, what, why) = (inline(&act.who), inline(&act.deed.past()), inline(&act.reason));
            let _ = writeln!(text, "- {} {who}: {what} {why}{undone}", stamp(act.at));
        }
        text.push('\n');
    }
}

/// The alerts on the other ends, and what the link made of this one.
fn linked(fired: &Alert) -> String {
    let ids = fired.linked.iter().map(|id| inline(&id.0)).collect::<Vec<_>>().join(" ");
    match fired.raised_to {
        Some(raised) => {
            format!("{ids}, raised to {} by that; the rule itself says {}", raised.as_str(), fired.rule.severity.as_str())
        }
        None => ids,
    }
}

/// How usual here is what it is about.
fn usual(fired: &Alert, text: &mut String) {
    if fired.usual.is_empty() {
        return;
    }
    text.push_str("### Is it usual here?\n\n");
    for usual in &fired.usual {
        let since = stamp(usual.since);
        let last = usual.last.map_or_else(String::new, |last| format!(", the last time {}", stamp(last)));
        let seen = match usual.before {
            0 => "never before".to_owned(),
            before => format!("{before} times before{last}"),
        };
        let _ = writeln!(text, "- {}: {seen}; {} counted on this host since {since}", inline(&usual.key), usual.of);
    }
    text.push('\n');
}

fn evidence(fired: &Alert, text: &mut String) {
    text.push_str("### Why it fired\n\n");
    if let Some(most) = fired.rule.maxspan_ms.filter(|_| !fired.evidence.rest.is_empty()) {
        let [span, most] = [fired.evidence.span_ms(), most].map(|milliseconds| milliseconds as f64 / 1000.0);
        let _ = writeln!(text, "{span:.3} s from the first event to the last, of {most} s allowed.\n");
    }
    for proof in fired.evidence.iter() {
        let place = inline(&proof.computer);
        let record = proof.record_id.map_or("-".to_owned(), |id| id.to_string());
        let _ =
            writeln!(text, "{}. {}, event {} on {place}, record {record}\n", proof.stage + 1, stamp(proof.time), proof.event_id);
        block("text", &matched(proof), text);
    }
    if !fired.tree.is_empty() {
        text.push_str("### Process tree\n\n");
        let line = |node: &crate::alert::TreeNode| {
            let process = &node.process;
            let command = process.command_line.as_deref().unwrap_or(&process.executable);
            let mark = if node.is_subject { "   <- this alert" } else { "" };
            format!("{}{}  {}{mark}", "  ".repeat(node.depth), printable(process.name()), printable(command))
        };
        block("text", &fired.tree.iter().map(line).collect::<Vec<_>>().join("\n"), text);
    }
    usual(fired, text);
    text.push_str("### Evidence\n\n");
    for proof in fired.evidence.iter() {
        let _ = writeln!(text, "Event {}: {}\n", proof.stage + 1, inline(&proof.summary));
        block("text", &fields(proof.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))), text);
        block("xml", &proof.xml, text);
    }
    for (title, items) in [
        ("What to look at", &fired.rule.triage),
        ("Known benign causes", &fired.rule.false_positives),
        ("Read on", &fired.rule.references),
    ] {
        if !items.is_empty() {
            let list: String = items.iter().map(|item| format!("- {}\n", inline(item))).collect();
            let _ = writeln!(text, "### {title}\n\n{list}");
        }
    }
    let rule = &fired.rule;
    let authors = if rule.author.is_empty() { "nobody named".to_owned() } else { inline(&rule.author.join(", ")) };
    let _ = writeln!(text, "Rule {} ({}), by {authors}\n", inline(&rule.id), rule.language.as_str());
}

fn matched(proof: &Proof) -> String {
    let line = |matched: &crate::alert::Matched| {
        format!("{:<20} {}   {}", printable(&matched.field), printable(&matched.value), printable(&matched.why))
    };
    let derived =
        proof.derived.iter().map(|own| format!("{:<20} {}   derived: {}", own.field, printable(&own.value), own.reason));
    proof.matched.iter().map(line).chain(derived).collect::<Vec<_>>().join("\n")
}

/// Fields a line each; an encoded command also as what it says.
fn fields<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> String {
    let mut lines = Vec::new();
    for (name, value) in fields {
        lines.push(format!("{:<20} {}", printable(name), printable(value)));
        if let Some(decoded) = decoded_command(value) {
            lines.push(format!("{:<20} {}", "  decoded", printable(&decoded)));
        }
    }
    lines.join("\n")
}

/// An event as a section of a report.
pub fn event(event: &EventLine) -> String {
    let mut text = format!("## {} {}\n\n{}\n\n", stamp(event.time), inline(&event.computer), inline(&event.summary));
    block("xml", &event.xml, &mut text);
    text
}

/// An event as one line of JSON. Texts are made printable: what they hide is spelled out as on the screen.
pub fn event_record(event: &EventLine) -> String {
    json!({
        "@timestamp": stamp(event.time),
        "host": {"name": printable(&event.computer)},
        "winlog": {"channel": printable(&event.channel), "event_id": event.event_id.0},
        "message": printable(&event.summary),
        "event": {"original": printable_lines(&event.xml)},
        "wefwatch": {"alert": event.alert.as_ref().map(|(id, _)| id.0.to_string())},
    })
    .to_string()
}
