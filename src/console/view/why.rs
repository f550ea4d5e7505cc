//! The preview under the lists: why the selected alert fired, with no key pressed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;

use crate::alert::{Alert, Proof};
use crate::console::model::Model;
use crate::console::printable::{fit, fit_left, width, wrap};
use crate::console::view::alert::{self, evidence};
use crate::console::view::fitting::{as_many_as_fit, first_that_fits};
use crate::console::view::style::{self, DIM, MATCHED, heading, plain, safe, styled};
use crate::console::view::{history, lateral, put, put_right};

/// Draws it.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let Some(entry) = model.selected_alert().and_then(|number| model.alerts.get(number)) else { return };
    let mut title = heading(&format!("Why {}", entry.header.id.short()), false);
    let (word, style) = style::severity(entry.header.severity);
    title.push(plain("  "));
    title.push(styled(word, style));
    // The techniques are worth more than the end of a rule's name.
    let free = usize::from(area.width).saturating_sub(19 + width(&entry.header.rule).min(30));
    let facts = entry.alert.as_deref().map(|alert| facts(alert, free)).unwrap_or_default();
    let room = usize::from(area.width).saturating_sub(18 + if facts.is_empty() { 0 } else { width(&facts) + 2 });
    title.push(plain(format!("  {}", fit(&safe(&entry.header.rule), room))));
    let title = Line::from(title);
    put(buffer, area, 0, &title);
    let Some(fired) = &entry.alert else {
        let columns = usize::from(area.width).saturating_sub(4);
        let said =
            wrap(&safe(&entry.header.message), columns).into_iter().map(|text| style::line(format!("  {text}"), Style::new()));
        let why_not = wrap(alert::no_evidence(model), columns).into_iter().map(|text| style::line(format!("  {text}"), DIM));
        for (row, line) in said.chain(why_not).enumerate() {
            put(buffer, area, row as u16 + 1, &line);
        }
        return;
    };
    put_right(buffer, area, 0, title.width(), vec![styled(facts, DIM)]);
    for (row, line) in lines(model, fired, usize::from(area.width), usize::from(area.height.saturating_sub(1))).iter().enumerate()
    {
        put(buffer, area, row as u16 + 1, line);
    }
}

/// What fits into so many rows: the sentence first, then the events, then the other end of the connection, then whether it is
/// usual.
fn lines(model: &Model, alert: &Alert, columns: usize, rows: usize) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = wrap(&safe(&alert.message), columns.saturating_sub(4))
        .into_iter()
        .take(rows)
        .map(|text| Line::from(plain(format!("  {text}"))))
        .collect();
    let full = evidence::evidence_lines(model, alert, columns);
    let mut left = rows - lines.len();
    let proofs: Vec<Line<'static>> = if full.len() < left {
        full
    } else {
        alert.evidence.iter().take(left).map(|proof| proof_line(model, proof, columns)).collect()
    };
    left -= proofs.len();
    let mut linked = lateral::link_lines(model, alert, columns, left);
    left -= linked.len();
    let hint = if linked.is_empty() { None } else { lateral::hint(model) };
    let mut spacer = Line::from("");
    if let (Some(hint), Some(last)) = (hint, linked.last_mut()) {
        // Beside it where there is room, else in the row that would be empty.
        let line = if last.width() + hint.width() + 3 < columns { last } else { &mut spacer };
        line.spans.extend([plain(if line.spans.is_empty() { "  " } else { "   " }), hint]);
    }
    lines.extend(linked);
    if left > 0 {
        lines.push(spacer);
    }
    lines.extend(proofs);
    if left > 2
        && let Some(usual) = history::usual_line(alert, columns)
    {
        lines.extend([Line::from(""), usual]);
    }
    lines
}

/// The span of a sequence and the techniques, as far as there is room.
fn facts(alert: &Alert, room: usize) -> String {
    let techniques: Vec<String> = alert.rule.techniques.iter().map(|technique| technique.id.clone()).collect();
    let all = alert.rule.maxspan_ms.map(|maxspan| {
        format!("sequence {} of {}   {}", seconds(alert.evidence.span_ms()), seconds(maxspan), techniques.join("   "))
    });
    let shorter = as_many_as_fit(&techniques, "  ", room);
    first_that_fits(all.into_iter().chain([techniques.join("  "), shorter]), room)
}

/// Milliseconds as seconds, without needless zeroes.
pub fn seconds(milliseconds: i64) -> String {
    if milliseconds % 1000 == 0 {
        format!("{} s", milliseconds / 1000)
    } else {
        format!("{}.{:03} s", milliseconds / 1000, milliseconds.abs() % 1000)
    }
}

/// One event in a line: `1  14:28:55.104  EID 3  in  10.20.4.31:51544 > :5985 System`, and what of it matched.
fn proof_line(model: &Model, proof: &Proof, columns: usize) -> Line<'static> {
    let time = style::clock(proof.time, model.is_utc, if columns < 70 { "%H:%M:%S" } else { "%H:%M:%S%.3f" });
    let head = format!("  {}  {time}  EID {}  ", proof.stage + 1, proof.event_id);
    let mut left = columns.saturating_sub(width(&head) + 1);
    let summary = fit(&safe(&proof.summary), left.min(64));
    let mut spans = vec![plain(head)];
    left = left.saturating_sub(width(&summary));
    spans.push(plain(summary));
    for matched in &proof.matched {
        let text = format!("{}={}", matched.field, fit_left(&safe(&matched.value), 26));
        if left < width(&text) + 2 {
            break;
        }
        left -= width(&text) + 2;
        spans.push(plain("  "));
        spans.push(styled(text, MATCHED));
    }
    Line::from(spans)
}
