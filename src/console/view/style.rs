//! Colours and words. Colour only ever repeats what a word says: severities and states can be told apart without it. The
//! terminal's own foreground and background are kept, so that light and dark both work.

use chrono::{DateTime, Local, Utc};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};

use crate::alert::Severity;
use crate::console::counted::grouped;
use crate::console::keys::in_words;
use crate::console::model::Model;
use crate::console::printable::printable;

/// The one accent: what has the focus.
pub const ACCENT: Style = Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD);
/// Headings and what matters.
pub const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
/// What explains.
pub const DIM: Style = Style::new().add_modifier(Modifier::DIM);
/// The row that is selected.
pub const SELECTED: Style = Style::new().add_modifier(Modifier::REVERSED);
/// What is as it should be.
pub const GOOD: Style = Style::new().fg(Color::Green);
/// What is not.
pub const WARN: Style = Style::new().fg(Color::Magenta).add_modifier(Modifier::BOLD);
/// What matched.
pub const MATCHED: Style = Style::new().add_modifier(Modifier::UNDERLINED);

/// A severity's word of four letters and its style.
pub fn severity(severity: Severity) -> (&'static str, Style) {
    match severity {
        Severity::Critical => ("CRIT", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD).add_modifier(Modifier::REVERSED)),
        Severity::High => ("HIGH", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)),
        Severity::Medium => ("MED", Style::new().fg(Color::Magenta)),
        Severity::Low => ("LOW", Style::new()),
        Severity::Informational => ("INFO", DIM),
    }
}

/// The style of a count that should be zero.
pub fn alarm(number: u64) -> Style {
    if number > 0 { WARN } else { Style::new() }
}

/// A span of safe text.
pub fn plain(text: impl Into<String>) -> Span<'static> {
    Span::raw(text.into())
}

/// A styled span of safe text.
pub fn styled(text: impl Into<String>, style: Style) -> Span<'static> {
    Span::styled(text.into(), style)
}

/// Text from the network, made visible.
pub fn safe(text: &str) -> String {
    printable(text).into_owned()
}

/// A text of ours that names keys: in words where the terminal has no glyphs for them.
pub fn keys(model: &Model, text: &str) -> String {
    if model.config.is_ascii { in_words(text) } else { text.to_owned() }
}

/// A heading: `▎Hosts`.
pub fn heading(text: &str, has_focus: bool) -> Vec<Span<'static>> {
    let style = if has_focus { ACCENT } else { STRONG };
    vec![styled("▎", style), styled(text.to_owned(), style)]
}

/// How long ago, short: `3m12s`, `41m`, `2h05m`, `6d`.
pub fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..600 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        seconds @ 600..3600 => format!("{}m", seconds / 60),
        seconds @ 3600..86_400 => format!("{}h{:02}m", seconds / 3600, seconds % 3600 / 60),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// A number with commas.
pub fn count(number: u64) -> String {
    grouped(number)
}

/// A time of day in UTC or local time.
pub fn clock(time: DateTime<Utc>, is_utc: bool, format: &str) -> String {
    if is_utc { time.format(format).to_string() } else { time.with_timezone(&Local).format(format).to_string() }
}

/// Eight heights of a bar.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The last `width` values as bars, the tallest being the largest.
pub fn bars(values: &[u64], width: usize) -> String {
    let values = &values[values.len().saturating_sub(width)..];
    let most = values.iter().copied().max().unwrap_or(0).max(1);
    values.iter().map(|value| BARS[((value * 7).div_ceil(most) as usize).min(7)]).collect()
}

/// A line of one style.
pub fn line(text: impl Into<String>, style: Style) -> Line<'static> {
    Line::from(styled(text, style))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_numbers() {
        let rows = [(5, "5s"), (192, "3m12s"), (2460, "41m"), (7500, "2h05m"), (600_000, "6d"), (-3, "0s")];
        for (seconds, expected) in rows {
            assert_eq!(age(seconds), expected);
        }
        assert_eq!(count(1_284_000), "1,284,000");
        assert_eq!(count(7), "7");
        assert_eq!(bars(&[0, 4, 8], 3), "▁▅█");
        assert_eq!(bars(&[1, 2, 3, 4], 2).chars().count(), 2);
        assert_eq!(bars(&[], 5), "");
    }
}
