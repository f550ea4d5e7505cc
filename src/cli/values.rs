//! Values of flags that are no plain texts or numbers.

use std::str::FromStr;

/// How far back, in seconds.
pub(super) fn since(text: &str) -> Result<i64, String> {
    crate::filter::since(text).ok_or_else(|| "a span of time is 30s, 15m, 24h or 7d".to_owned())
}

/// How fast to replay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// Flat out.
    Max,
    /// Times the recorded pace.
    Times(f64),
}

impl Speed {
    /// The factor; `None` is flat out.
    pub fn times(self) -> Option<f64> {
        match self {
            Self::Max => None,
            Self::Times(times) => Some(times),
        }
    }
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "max" {
            return Ok(Self::Max);
        }
        let number = text.strip_suffix('x').unwrap_or(text).parse::<f64>().ok();
        let number = number.filter(|number| number.is_finite() && *number > 0.0);
        number.map(Self::Times).ok_or_else(|| "a speed is `max` or a number above 0 (1, 10, 0.5)".to_owned())
    }
}

/// What a replay must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expect {
    /// So many alerts.
    pub alerts: u64,
}

impl FromStr for Expect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let count = text.strip_prefix("alerts=").and_then(|count| count.parse().ok());
        count.map(|alerts| Self { alerts }).ok_or_else(|| "an expectation is `alerts=N`".to_owned())
    }
}
