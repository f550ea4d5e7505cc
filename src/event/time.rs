//! The three clocks of an event: when it happened (`UtcTime`, written by Sysmon), when it was written (`TimeCreated`, by
//! the event log) and when it arrived. Meaning goes by event time, chosen here; housekeeping goes by arrival.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::event::WindowsEvent;

/// How far `UtcTime` may lie from `TimeCreated` before the robust rule calls the host's Sysmon clock broken, in seconds.
pub const CLOCK_TOLERANCE_SECONDS: i64 = 30;

/// Which clock an event's time is read from (`mapping.event_time`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventTimeRule {
    /// `UtcTime`, unless it lies more than 30 s off `TimeCreated`; then `TimeCreated`.
    #[default]
    Robust,
    /// Always `UtcTime`, as Elastic's `@timestamp`.
    Elastic,
}

/// Where an event's time came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeSource {
    /// Sysmon's `UtcTime`.
    UtcTime,
    /// `TimeCreated`, because the event has no other time.
    TimeCreated,
    /// `TimeCreated`, because `UtcTime` lies too far off: a derived value, marked on the alert.
    CorrectedToTimeCreated,
    /// The event carries no readable time at all.
    ReceivedAt,
}

/// An event's time and what it rests on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventTime {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// Which clock said so.
    pub source: TimeSource,
    /// `UtcTime` minus `TimeCreated`, where both are there.
    pub offset: Option<TimeDelta>,
}

/// Chooses the event's time by the rule. `received_at` is used only when the event has no readable time.
pub fn event_time(event: &WindowsEvent, rule: EventTimeRule, received_at: DateTime<Utc>) -> EventTime {
    let created = event.system().time_created;
    let utc_time = event.is_sysmon().then(|| event.get("UtcTime").and_then(parse)).flatten();
    let offset = utc_time.zip(created).map(|(utc_time, created)| utc_time - created);
    let is_off = offset.is_some_and(|offset| offset.abs() > TimeDelta::seconds(CLOCK_TOLERANCE_SECONDS));
    let (at, source) = match (utc_time, created) {
        (Some(_), Some(created)) if is_off && rule == EventTimeRule::Robust => (created, TimeSource::CorrectedToTimeCreated),
        (Some(utc_time), _) => (utc_time, TimeSource::UtcTime),
        (None, Some(created)) => (created, TimeSource::TimeCreated),
        (None, None) => (received_at, TimeSource::ReceivedAt),
    };
    EventTime { at, source, offset }
}

/// Reads `2020-09-20T21:09:10.000000000Z`, `2020-09-20 21:09:08.008` and what lies between: `T` or blank, 0 to 9 decimals,
/// with or without `Z`. `None` for anything else.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let bytes = seconds.as_bytes();
    if bytes.len() != 19 || bytes[4] != b'-' || bytes[7] != b'-' || !matches!(bytes[10], b'T' | b' ') {
        return None;
    }
    if bytes[13] != b':' || bytes[16] != b':' || fraction.len() > 9 {
        return None;
    }
    let number = |from: usize, to: usize| digits(&bytes[from..to]);
    let nanos = digits(fraction.as_bytes())? * 10_u32.pow(9 - fraction.len() as u32);
    let date = NaiveDate::from_ymd_opt(number(0, 4)?.cast_signed(), number(5, 7)?, number(8, 10)?)?;
    let time = date.and_hms_nano_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, nanos)?;
    Some(time.and_utc())
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0_u32, |sum, byte| byte.is_ascii_digit().then(|| sum * 10 + u32::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_time() {
        let rows = [
            ("2020-09-20T21:09:10.000000000Z", Some("2020-09-20T21:09:10+00:00")),
            ("2020-09-20 21:09:08.008", Some("2020-09-20T21:09:08.008+00:00")),
            ("2019-05-14 17:42:53.8543815", Some("2019-05-14T17:42:53.854381500+00:00")),
            ("2020-09-20T21:09:10Z", Some("2020-09-20T21:09:10+00:00")),
            ("1601-01-01T00:00:00.0000000Z", Some("1601-01-01T00:00:00+00:00")),
            ("", None),
            ("2020-02-30T00:00:00Z", None),
            ("2020-09-20T21:09:10.0000000000Z", None),
            ("2020-09-20T21:09:1", None),
            ("été-09-20T21:09:10", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse(text).map(|time| time.to_rfc3339()).as_deref(), expected, "{text}");
        }
    }
}
