//! The last messages that could not be decoded, byte by byte.

use ratatui::text::Line;

use crate::console::model::Model;
use crate::console::printable::{fit, wrap};
use crate::console::view::style::{self, DIM, STRONG, heading, safe};

/// The lines: for each message who sent it, what is wrong with it, and its first bytes.
pub fn lines(model: &Model, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(heading("Rejected messages in hex, newest first", true))];
    // As wide as there is room for: 16 bytes take 75 columns.
    let bytes_a_line = if width >= 76 { 16 } else { 8 };
    for rejected in model.rejected.iter().rev() {
        let time = style::clock(rejected.at, model.is_utc, "%H:%M:%S%.3f");
        let text = format!("  {time}  {}  {}", safe(&rejected.peer), rejected.reason);
        lines.push(style::line(fit(&text, width), STRONG));
        let detail = wrap(&safe(&rejected.detail), width.saturating_sub(4));
        lines.extend(detail.into_iter().map(|text| Line::from(format!("  {text}"))));
        for (row, bytes) in rejected.bytes.chunks(bytes_a_line).enumerate() {
            lines.push(Line::from(hex_line(row * bytes_a_line, bytes, bytes_a_line)));
        }
        lines.push(style::line("  the first bytes of the message, at most 256", DIM));
        lines.push(Line::from(""));
    }
    if model.rejected.is_empty() {
        lines.push(style::line("  none", DIM));
    }
    lines
}

/// `  0000  3c 34 36 3e …  <46>`
fn hex_line(offset: usize, bytes: &[u8], columns: usize) -> String {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x} ")).collect();
    let text: String = bytes.iter().map(|byte| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' }).collect();
    format!("  {offset:04x}  {hex:<width$} {text}", width = columns * 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_and_what_they_spell() {
        assert_eq!(hex_line(16, b"<4\x1b\xff", 8), "  0010  3c 34 1b ff              <4..");
    }
}
