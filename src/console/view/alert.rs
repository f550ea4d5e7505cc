//! One alert: why it fired, all fields of its events, the process tree, the XML, and what to do.

pub mod evidence;

use chrono::TimeDelta;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::alert::header::short_host;
use crate::alert::{Alert, TreeNode};
use crate::console::counted::count_of;
use crate::console::model::Model;
use crate::console::model::screen::{Screen, Section};
use crate::console::printable::{fit, pad, width, wrap};
use crate::console::view::alert::evidence::evidence_lines;
use crate::console::view::fitting::{as_many_as_fit, first_that_fits};
use crate::console::view::style::{self, ACCENT, DIM, GOOD, STRONG, WARN, heading, plain, safe, styled};
use crate::console::view::why::seconds;
use crate::console::view::{history, lateral, put, put_lines, put_right, split_top};
use crate::event::command::decoded_command;
use crate::roster::Entry;

/// How many rows stand above a section.
pub const TITLE: u16 = 3;

/// Draws the alert in front.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let Some(Screen::Alert { number, with_repeats, section, scroll }) = model.stack.last() else { return };
    let Some(entry) = model.alerts.get(*number) else {
        put(buffer, area, 0, &Line::from(plain("  this alert is no longer in memory; esc goes back")));
        return;
    };
    let (head, body) = split_top(area, TITLE);
    title(model, entry, head, buffer);
    if *with_repeats && let Some(line) = repeats(model, entry) {
        put(buffer, head, TITLE - 1, &line);
    }
    put_lines(buffer, body, &lines(model, *number, *section, usize::from(area.width)), *scroll);
}

fn title(model: &Model, entry: &Entry, area: Rect, buffer: &mut Buffer) {
    let (word, style) = style::severity(entry.header.severity);
    let age = style::age((model.now - entry.header.created).num_seconds());
    let place = model.alerts.place(entry.number).map_or(String::new(), |(place, all)| format!("   {place}/{all}"));
    let is_wide = area.width >= 100;
    let owner = match &entry.state.owner {
        Some(owner) => format!("   owner {}", fit(&safe(owner), 12)),
        None if is_wide => "   owner nobody".to_owned(),
        None => String::new(),
    };
    let standing = history::standing(&entry.state);
    let standing_style = if entry.state.is_waiting() { STRONG } else { GOOD };
    let right = vec![styled(standing, standing_style), plain(format!(" {age}{owner}{place}"))];
    let right_width: usize = right.iter().map(Span::width).sum();
    let room = usize::from(area.width).saturating_sub(right_width + 11);
    let first =
        Line::from(vec![plain(" "), styled(word, style), plain("  "), styled(fit(&safe(&entry.header.rule), room), STRONG)]);
    put(buffer, area, 0, &first);
    put_right(buffer, area, 0, first.width(), right);
    let Some(alert) = &entry.alert else { return };
    let address =
        model.hosts.get(&alert.host).and_then(|host| host.address.as_deref()).map_or(String::new(), |ip| format!(" {ip}"));
    put(buffer, area, 1, &Line::from(styled(facts(alert, &address, usize::from(area.width)), DIM)));
}

/// Where it happened, what it weighs, and its techniques. Where there is little room, what can be read elsewhere goes first:
/// the names of the techniques, the domain, the address, and how the risk came about.
fn facts(alert: &Alert, address: &str, room: usize) -> String {
    let names: String = alert.rule.techniques.iter().map(|one| format!("   {} {}", one.id, one.name)).collect();
    let ids: Vec<String> = alert.rule.techniques.iter().map(|one| one.id.clone()).collect();
    let all_ids = ids.join("  ");
    let (host, short) = (&alert.computer, short_host(&alert.computer));
    let risk = format!("risk {}{}", alert.rule.risk_score, lateral::raised(alert));
    let brief = format!("risk {}{}", alert.rule.risk_score, if alert.raised_to.is_some() { ", raised by link" } else { "" });
    let some_ids = as_many_as_fit(&ids, "  ", room.saturating_sub(width(short) + 4));
    let forms = [
        format!(" {host}{address}   {risk}{names}"),
        format!(" {host}{address}   {risk}   {all_ids}"),
        format!(" {short}{address}   {risk}   {all_ids}"),
        format!(" {short}   {risk}   {all_ids}"),
        format!(" {short}   {brief}   {all_ids}"),
        format!(" {short}   {some_ids}"),
    ];
    first_that_fits(forms.map(|form| safe(form.trim_end())), room)
}

/// That the alert stands for its repeats: `x6: 5 repeats, first 10:40:01, last 10:40:15; an act is on all 6`.
fn repeats(model: &Model, entry: &Entry) -> Option<Line<'static>> {
    let all = model.alerts.alike_count(entry) as u64;
    if all < 2 {
        return None;
    }
    let (first, last) = model.alerts.alike_since(entry)?;
    let format = if last - first < TimeDelta::days(1) { "%H:%M:%S" } else { "%Y-%m-%d %H:%M" };
    let stamp = |time| style::clock(time, model.is_utc, format);
    // Of those that are not held here the oldest may be.
    let first = if model.alerts.holds_alike(entry) { format!(" first {},", stamp(first)) } else { String::new() };
    let repeats = count_of(all - 1, "repeat");
    let text = format!(" x{all}: {repeats},{first} last {}; an act is on all {}", stamp(last), style::count(all));
    Some(style::line(text, ACCENT))
}

/// The lines of a section.
pub fn lines(model: &Model, number: u64, section: Section, width: usize) -> Vec<Line<'static>> {
    let Some(entry) = model.alerts.get(number) else { return Vec::new() };
    if section == Section::History {
        return history::lines(model, entry, width);
    }
    let Some(alert) = &entry.alert else {
        let mut lines: Vec<Line<'static>> = wrap(&safe(&entry.header.message), width.saturating_sub(4))
            .into_iter()
            .map(|text| Line::from(format!("  {text}")))
            .collect();
        lines.push(Line::from(""));
        lines.push(style::line(format!("  {}", no_evidence(model)), DIM));
        return lines;
    };
    match section {
        Section::Why => why(model, entry, alert, width),
        Section::Events => fields(model, alert, width),
        Section::Tree => tree(model, alert, width, usize::MAX),
        Section::Xml => xml(alert, width),
        Section::Steps => steps(alert, width),
        Section::History => history::lines(model, entry, width),
    }
}

/// Why the evidence of an alert is not shown.
pub fn no_evidence(model: &Model) -> &'static str {
    if model.status.store.is_some() {
        "its evidence is being read from the store (or was deleted there)"
    } else {
        "its evidence is no longer in memory (console.max_evidence), and there is no store"
    }
}

fn why(model: &Model, entry: &Entry, alert: &Alert, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(heading("Why it fired", false))];
    lines.extend(wrap(&safe(&alert.message), width.saturating_sub(4)).into_iter().map(|text| Line::from(format!("  {text}"))));
    lines.extend(lateral::link_lines(model, alert, width, usize::MAX));
    lines.extend(history::usual_line(alert, width));
    lines.push(Line::from(""));
    lines.extend(evidence_lines(model, alert, width));
    lines.push(Line::from(""));
    let path = lateral::path_lines(model, alert, width);
    if !path.is_empty() {
        lines.extend(path);
        lines.push(Line::from(""));
    }
    if !alert.tree.is_empty() {
        lines.extend(tree(model, alert, width, 14));
        lines.push(Line::from(""));
    }
    lines.extend(history::usual_lines(model, entry, alert, width));
    lines.push(Line::from(""));
    lines.push(Line::from(heading("The rule", false)));
    let about = format!("{} rule {}, {}", alert.rule.language.as_str(), alert.rule.id, alert.rule.origin);
    lines.push(style::line(format!("  {}", safe(&about)), DIM));
    lines.push(style::line(format!("  alert {}", alert.id), DIM));
    lines.extend(
        wrap(&safe(&alert.rule.description), width.saturating_sub(4)).into_iter().map(|text| Line::from(format!("  {text}"))),
    );
    lines
}

fn fields(model: &Model, alert: &Alert, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for proof in alert.evidence.iter() {
        let format = if width < 70 { "%H:%M:%S%.3f" } else { "%Y-%m-%d %H:%M:%S%.3f" };
        let time = style::clock(proof.time, model.is_utc, format);
        let title = format!("{}  {time}  {}", proof.stage + 1, safe(&proof.summary));
        lines.push(Line::from(heading(&fit(&title, width.saturating_sub(3)), false)));
        let delay = (proof.received_at - proof.time).num_milliseconds();
        let arrived = style::clock(proof.received_at, model.is_utc, "%Y-%m-%d %H:%M:%S%.3f");
        let mut rows = vec![
            ("Computer".to_owned(), proof.computer.clone()),
            ("Channel".to_owned(), proof.channel.clone()),
            ("EventRecordID".to_owned(), proof.record_id.map_or_else(|| "-".to_owned(), |id| id.to_string())),
        ];
        rows.push((
            "received".to_owned(),
            if delay.abs() < 86_400_000 { format!("{arrived}, {} later", seconds(delay)) } else { arrived },
        ));
        rows.extend(proof.fields.iter().cloned());
        for (name, value) in rows {
            let is_matched = proof.matched.iter().any(|matched| matched.field == name);
            lines.extend(field_lines(&name, &value, is_matched, width));
        }
        lines.push(Line::from(""));
    }
    lines
}

/// How many lines of a value are shown: a script of a quarter of a megabyte must not push the other fields away.
const MOST_LINES: usize = 12;

/// A field: its name, and its value over as many lines as it takes; the XML has all of a very long one.
pub fn field_lines(name: &str, value: &str, is_matched: bool, width: usize) -> Vec<Line<'static>> {
    let room = width.saturating_sub(26).max(8);
    let mark = if is_matched { styled("✓ ", GOOD) } else { plain("  ") };
    let style = if is_matched { STRONG } else { plain("").style };
    let mut lines = Vec::new();
    let mut rows = wrap(&safe(value), room);
    if rows.len() > MOST_LINES {
        rows.truncate(MOST_LINES);
        rows.push(format!("… {} characters; the XML has all", style::count(value.chars().count() as u64)));
    }
    for (place, text) in rows.into_iter().enumerate() {
        let (mark, name) = if place == 0 { (mark.clone(), pad(&safe(name), 20)) } else { (plain("  "), " ".repeat(20)) };
        lines.push(Line::from(vec![plain("  "), mark, styled(name, DIM), plain(" "), styled(text, style)]));
    }
    if let Some(decoded) = decoded_command(value) {
        lines.extend(decoded_lines(&decoded, &format!("    {}", pad("  decoded", 21)), room));
    }
    lines
}

/// What an encoded command says, under the command line that carries it.
fn decoded_lines(decoded: &str, head: &str, room: usize) -> Vec<Line<'static>> {
    let line = |(place, text): (usize, String)| {
        let head = if place == 0 { head.to_owned() } else { " ".repeat(head.chars().count()) };
        Line::from(vec![styled(head, DIM), styled(text, WARN)])
    };
    wrap(&safe(decoded), room.max(8)).into_iter().enumerate().map(line).collect()
}

fn tree(model: &Model, alert: &Alert, width: usize, most: usize) -> Vec<Line<'static>> {
    let mut title = heading("Process tree", false);
    title.push(plain(format!("  {}", safe(&alert.computer))));
    let mut lines = vec![Line::from(title)];
    if alert.tree.is_empty() {
        lines.push(style::line("  no process creation is part of this alert, and its process was not seen to start", DIM));
        return lines;
    }
    for (place, node) in alert.tree.iter().enumerate().take(most) {
        let mut later = alert.tree[place + 1..].iter().take_while(|next| next.depth >= node.depth);
        let is_last = later.all(|next| next.depth > node.depth);
        lines.push(tree_line(model, node, is_last, width));
        let command = node.process.command_line.as_deref().and_then(decoded_command);
        if let Some(decoded) = command {
            let head = format!("  {}decoded  ", "   ".repeat(node.depth + 1));
            let mut decoded = decoded_lines(&decoded, &head, width.saturating_sub(head.len() + 2));
            // Beside the reasons there is no room for a script; section 3 has it all.
            decoded.truncate(if most == usize::MAX { decoded.len() } else { 2 });
            lines.extend(decoded);
        }
    }
    if alert.tree.len() > most {
        lines.push(style::line(format!("  and {} more: 3 shows all", alert.tree.len() - most), DIM));
    }
    lines
}

fn tree_line(model: &Model, node: &TreeNode, is_last: bool, columns: usize) -> Line<'static> {
    let process = &node.process;
    let branch = match (node.depth, is_last) {
        (0, _) => String::new(),
        (depth, true) => format!("{}└─ ", "   ".repeat(depth - 1)),
        (depth, false) => format!("{}├─ ", "   ".repeat(depth - 1)),
    };
    let pid = process.pid.map_or(String::new(), |pid| format!(" {pid}"));
    let line = process.command_line.as_deref().map_or(String::new(), |line| {
        let short = crate::event::text::short_command(line, &process.executable);
        short.split_once(' ').map_or(String::new(), |(_, arguments)| format!("  {arguments}"))
    });
    let started = process.started.map_or(String::new(), |time| style::clock(time, model.is_utc, "  %H:%M:%S"));
    let user = process.user.as_deref().map_or(String::new(), |user| format!("  {}", safe(user)));
    let mark = if node.is_subject { "  ◀ this alert" } else { "" };
    let unseen = if node.was_seen { "" } else { "  start not seen" };
    let name = safe(process.name());
    let used = 6 + width(&branch) + width(&name) + width(&pid) + width(mark) + width(unseen);
    // Of what stands behind the command line, when it started goes first, then who ran it.
    let (user, started) = match columns.saturating_sub(used) {
        left if left >= width(&user) + width(&started) + width(&line).min(14) => (user, started),
        left if left >= width(&user) => (user, String::new()),
        _ => (String::new(), String::new()),
    };
    let room = columns.saturating_sub(used + width(&user) + width(&started));
    let arguments = fit(&safe(&line), room);
    let style = if node.is_subject { STRONG } else { plain("").style };
    let spans: Vec<Span<'static>> = vec![
        plain("  "),
        styled(branch, DIM),
        styled(format!("{name}{pid}"), style),
        plain(arguments),
        styled(user, DIM),
        styled(started, DIM),
        styled(mark, WARN),
        styled(unseen, DIM),
    ];
    Line::from(spans)
}

fn xml(alert: &Alert, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for proof in alert.evidence.iter() {
        lines.push(Line::from(heading(
            &format!("{}  event {}, {} bytes", proof.stage + 1, proof.event_id, proof.xml.len()),
            false,
        )));
        lines.extend(xml_lines(&proof.xml, width));
        lines.push(Line::from(""));
    }
    lines
}

/// Event XML, a line an element; only how it is laid out is ours.
pub fn xml_lines(xml: &str, width: usize) -> Vec<Line<'static>> {
    let broken = xml.replace("><", ">\n<");
    let mut lines = Vec::new();
    let mut depth = 0_usize;
    for piece in broken.split('\n').filter(|piece| !piece.trim().is_empty()) {
        let piece = piece.trim();
        if piece.starts_with("</") {
            depth = depth.saturating_sub(1);
        }
        let indent = "  ".repeat(depth.min(6) + 1);
        let opens = piece.starts_with('<') && !piece.starts_with("</") && !piece.starts_with("<?") && !piece.starts_with("<!");
        if opens && !piece.ends_with("/>") && !piece.contains("</") {
            depth += 1;
        }
        for text in wrap(&safe(piece), width.saturating_sub(indent.len() + 1)) {
            lines.push(Line::from(format!("{indent}{text}")));
        }
    }
    lines
}

fn steps(alert: &Alert, width: usize) -> Vec<Line<'static>> {
    let rule = &alert.rule;
    let mut lines = Vec::new();
    let mut section = |title: &str, items: &[String], empty: &str| {
        lines.push(Line::from(heading(title, false)));
        if items.is_empty() {
            lines.push(style::line(format!("  {empty}"), DIM));
        }
        for (place, item) in items.iter().enumerate() {
            for (row, text) in wrap(&safe(item), width.saturating_sub(8)).into_iter().enumerate() {
                let number = if row == 0 { format!("{:>3}  ", place + 1) } else { "     ".to_owned() };
                lines.push(Line::from(format!(" {number}{text}")));
            }
        }
        lines.push(Line::from(""));
    };
    section("What to look at", &rule.triage, "the rule says nothing about it");
    section("Known benign causes", &rule.false_positives, "the rule names none");
    section("Read on", &rule.references, "the rule names nothing");
    let authors = if rule.author.is_empty() { "nobody named".to_owned() } else { rule.author.join(", ") };
    lines.push(style::line(format!("  rule by {}", safe(&authors)), DIM));
    lines
}
