//! The preview under the lists: why the selected alert fired, with no key pressed.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::alert::{Alert, Proof};
use crate::console::model::Model;
use crate::console::printable::{fit, wrap};
use crate::console::view::alert::{self, evidence};
use crate::console::view::style::{self, DIM, MATCHED, heading, plain, safe, styled};
use crate::console::view::{history, lateral, put, put_right};

/// Draws it.
pub fn render(model: &Model, area: Rect, buffer: &mut Buffer) {
    let Some(entry) = model.selected_alert().and_then(|number| model.alerts.get(number)) else { return };
    let mut title = heading(&format!("Why {}", entry.header.id.short()), false);
    let (word, style) = style::severity(entry.header.severity);
    title.push(plain("  "));
    title.push(styled(word, style));
    let facts = entry.alert.as_deref().map(facts).unwrap_or_default();
    let facts_width: usize = facts.iter().map(Span::width).sum();
    let has_facts = usize::from(area.width) >= facts_width + 60;
    let room = usize::from(area.width).saturating_sub(20 + if has_facts { facts_width } else { 0 });
    title.push(plain(format!("  {}", fit(&safe(&entry.header.rule), room))));
    let title = Line::from(title);
    put(buffer, area, 0, &title);
    let Some(fired) = &entry.alert else {
        put(buffer, area, 1, &Line::from(plain(format!("  {}", safe(&entry.header.message)))));
        put(buffer, area, 2, &Line::from(styled(format!("  {}", alert::no_evidence(model)), DIM)));
        return;
    };
    put_right(buffer, area, 0, title.width(), facts);
    let width = usize::from(area.width).saturating_sub(4);
    let sentence = wrap(&safe(&fired.message), width);
    let proofs: Vec<&Proof> = fired.evidence.iter().collect();
    let height = usize::from(area.height);
    let full = evidence::evidence_lines(model, fired, usize::from(area.width));
    let is_full = 2 + sentence.len() + full.len() <= height;
    let lines = if is_full { full } else { proofs.into_iter().map(|proof| proof_line(model, proof, width)).collect() };
    let room = height.saturating_sub(2 + lines.len()).max(1);
    let mut row = 1;
    for text in sentence.iter().take(room) {
        put(buffer, area, row, &Line::from(plain(format!("  {text}"))));
        row += 1;
    }
    if height > usize::from(row) + lines.len()
        && let Some(linked) = lateral::link_line(model, fired, usize::from(area.width))
    {
        put(buffer, area, row, &linked);
        row += 1;
    }
    if height > usize::from(row) + lines.len() {
        row += 1;
    }
    for line in lines {
        put(buffer, area, row, &line);
        row += 1;
    }
    if height > usize::from(row) + 1
        && let Some(usual) = history::usual_line(fired, usize::from(area.width))
    {
        put(buffer, area, row + 1, &usual);
    }
}

/// The span of a sequence and the techniques.
fn facts(alert: &Alert) -> Vec<Span<'static>> {
    let mut words = Vec::new();
    if let Some(maxspan) = alert.rule.maxspan_ms {
        words.push(format!("sequence {} of {}", seconds(alert.evidence.span_ms()), seconds(maxspan)));
    }
    words.extend(alert.rule.techniques.iter().map(|technique| technique.id.clone()));
    vec![styled(words.join("   "), DIM)]
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
fn proof_line(model: &Model, proof: &Proof, width: usize) -> Line<'static> {
    let time = style::clock(proof.time, model.is_utc, "%H:%M:%S%.3f");
    let mut spans = vec![plain(format!("  {}  {time}  EID {}  ", proof.stage + 1, proof.event_id))];
    let mut left = width.saturating_sub(30);
    let summary = fit(&safe(&proof.summary), left.min(64));
    left = left.saturating_sub(summary.chars().count());
    spans.push(plain(summary));
    for matched in &proof.matched {
        let text = format!("{}={}", matched.field, crate::console::printable::fit_left(&safe(&matched.value), 26));
        if left < text.chars().count() + 2 {
            break;
        }
        left -= text.chars().count() + 2;
        spans.push(plain("  "));
        spans.push(styled(text, MATCHED));
    }
    Line::from(spans)
}
