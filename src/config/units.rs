//! Durations and sizes as people write them: `30s`, `256KiB`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A duration, written with a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(pub Duration);

/// A number of bytes, written with or without a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Written", into = "String")]
pub struct Size(pub usize);

#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(usize),
    Text(String),
}

/// A text that is no duration or size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no {wanted}")]
pub struct UnitError {
    text: String,
    wanted: &'static str,
}

fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let at = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    (&text[..at], text[at..].trim())
}

impl TryFrom<String> for Span {
    type Error = UnitError;

    fn try_from(text: String) -> Result<Self, UnitError> {
        let (number, unit) = split(&text);
        let factor: Option<u64> = match unit {
            "ms" => Some(1),
            "s" => Some(1000),
            "m" => Some(60_000),
            "h" => Some(3_600_000),
            "d" => Some(86_400_000),
            _ => None,
        };
        let milliseconds = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
        let wanted = "duration; write 500ms, 30s, 5m, 1h or 2d";
        milliseconds.map(|milliseconds| Self(Duration::from_millis(milliseconds))).ok_or(UnitError { text, wanted })
    }
}

impl TryFrom<Written> for Size {
    type Error = UnitError;

    fn try_from(written: Written) -> Result<Self, UnitError> {
        let text = match written {
            Written::Number(number) => return Ok(Self(number)),
            Written::Text(text) => text,
        };
        let (number, unit) = split(&text);
        let factor: Option<usize> = match unit {
            "" | "B" => Some(1),
            "KiB" => Some(1 << 10),
            "MiB" => Some(1 << 20),
            "GiB" => Some(1 << 30),
            "KB" | "kB" => Some(1000),
            "MB" => Some(1_000_000),
            "GB" => Some(1_000_000_000),
            _ => None,
        };
        let bytes = number.parse::<usize>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
        bytes.map(Self).ok_or(UnitError { text, wanted: "size; write 65536, 256KiB or 4MiB" })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        let (number, unit) = match milliseconds {
            0 => (0, "s"),
            _ if milliseconds.is_multiple_of(3_600_000) => (milliseconds / 3_600_000, "h"),
            _ if milliseconds.is_multiple_of(60_000) => (milliseconds / 60_000, "m"),
            _ if milliseconds.is_multiple_of(1000) => (milliseconds / 1000, "s"),
            _ => (milliseconds, "ms"),
        };
        write!(formatter, "{number}{unit}")
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => formatter.write_str("0B"),
            bytes if bytes.is_multiple_of(1 << 20) => write!(formatter, "{}MiB", bytes >> 20),
            bytes if bytes.is_multiple_of(1 << 10) => write!(formatter, "{}KiB", bytes >> 10),
            bytes => write!(formatter, "{bytes}B"),
        }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> Self {
        span.to_string()
    }
}

impl From<Size> for String {
    fn from(size: Size) -> Self {
        size.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes() {
        for text in ["500ms", "30s", "5m", "1h", "48h"] {
            assert_eq!(Span::try_from(text.to_owned()).map(|span| span.to_string()).as_deref(), Ok(text));
        }
        for text in ["256KiB", "4MiB", "1000B"] {
            assert_eq!(Size::try_from(Written::Text(text.to_owned())).map(|size| size.to_string()).as_deref(), Ok(text));
        }
        for text in ["", "s", "30", "30 fortnights", "-1s", "99999999999999999999s"] {
            assert!(Span::try_from(text.to_owned()).is_err(), "{text}");
        }
        for text in ["", "KiB", "1 KiBi", "99999999999999999999"] {
            assert!(Size::try_from(Written::Text(text.to_owned())).is_err(), "{text}");
        }
    }
}
