//! What could not be used, and what the collector said.

use ratatui::text::Line;

use crate::console::model::Model;
use crate::console::printable::{fit, wrap};
use crate::console::view::style::{self, DIM, STRONG, WARN, count, heading, plain, safe, styled};
use crate::feed::NoticeLevel;

/// How many of each are listed.
const SHOWN: usize = 20;

/// Adds the rejected messages.
pub fn rejected(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    let mut title = heading("Rejected messages, newest first", false);
    if !model.rejected.is_empty() {
        title.push(styled(style::keys(model, "  ⏎ shows their bytes"), DIM));
    }
    lines.push(Line::from(title));
    let by_reason: Vec<String> = model
        .status
        .counters
        .rejected
        .iter()
        .filter(|(_, number)| **number > 0)
        .map(|(reason, number)| format!("{reason} {}", count(*number)))
        .collect();
    let text = if by_reason.is_empty() { "none".to_owned() } else { by_reason.join("   ") };
    let style = if by_reason.is_empty() { DIM } else { plain("").style };
    lines.extend(wrap(&text, width.saturating_sub(2)).into_iter().map(|text| style::line(format!("  {text}"), style)));
    for line in model.rejected.iter().rev().take(SHOWN) {
        let time = style::clock(line.at, model.is_utc, "%H:%M:%S");
        let text = format!("{time}  {}  {}: {}", safe(&line.peer), line.reason, safe(&line.detail));
        for (place, text) in wrap(&text, width.saturating_sub(12)).into_iter().enumerate() {
            let indent = if place == 0 { "  " } else { "            " };
            lines.push(style::line(format!("{indent}{text}"), STRONG));
        }
        lines.push(style::line(format!("            {}", fit(&safe(&line.excerpt), width.saturating_sub(14))), DIM));
    }
    lines.push(Line::from(""));
}

/// Adds the notices.
pub fn notices(model: &Model, width: usize, lines: &mut Vec<Line<'static>>) {
    lines.push(Line::from(heading("Notices, newest first", false)));
    for (at, notice) in model.notices.iter().rev().take(SHOWN) {
        let time = style::clock(*at, model.is_utc, "%H:%M:%S");
        let style = if notice.level == NoticeLevel::Warning { WARN } else { plain("").style };
        for (place, text) in wrap(&safe(&notice.text), width.saturating_sub(12)).into_iter().enumerate() {
            let time = if place == 0 { time.as_str() } else { "        " };
            lines.push(Line::from(vec![plain(format!("  {time}  ")), styled(text, style)]));
        }
    }
}
