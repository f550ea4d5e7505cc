//! The syslog envelope, read by `syslog_loose`. It is metadata: whatever it says, it never costs the event. The crate gets
//! the header alone, never the event (a header without a tag would take `<Event` for one), with the year nearest to arrival.

use chrono::{DateTime, Datelike as _, NaiveDate, TimeDelta, Utc};
use syslog_loose::{IncompleteDate, Variant, parse_message_with_year_tz};

/// Header bytes that are looked at; what is longer is structured data that nobody needs (and that costs 100 times its
/// size to read).
const MAX_HEADER: usize = 2048;

/// What a syslog header says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyslogMessage {
    /// Facility times 8 plus severity, where the header has a priority.
    pub priority: Option<u8>,
    /// HOSTNAME: who wrote the header, often a relay; never the host of the event.
    pub host_name: Option<Box<str>>,
    /// APP-NAME or TAG.
    pub app_name: Option<Box<str>>,
    /// TIMESTAMP; a header without a year gets the year nearest to arrival.
    pub time: Option<DateTime<Utc>>,
}

/// Reads a header: the bytes of a frame before its payload. `None` where there is no priority.
pub fn header(bytes: &[u8], received_at: DateTime<Utc>) -> Option<SyslogMessage> {
    let bytes = bytes.trim_ascii();
    if !crate::decode::framing::scan::is_priority(bytes) {
        return None;
    }
    let bytes = bytes.strip_suffix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MAX_HEADER)]);
    let priority = text[1..text.find('>')?].parse::<u16>().ok().and_then(|priority| u8::try_from(priority).ok());
    let priority = priority.filter(|priority| *priority <= 191);
    // 5424 wants a message part, 3164 a tag: without one the crate takes the host name for it.
    let candidates = [format!("{text} -"), format!("{text} wefwatch: -")];
    let is_5424 = text[text.find('>')? + 1..].starts_with("1 ");
    let text = if is_5424 || text.trim_end().ends_with(':') { &candidates[0] } else { &candidates[1] };
    let year = |date: IncompleteDate| nearest_year(date, received_at);
    let message = parse_message_with_year_tz(text, year, Some(Utc), Variant::Either);
    let word = |word: Option<&str>| word.filter(|word| !word.is_empty() && *word != "-").map(Box::from);
    Some(SyslogMessage {
        priority,
        host_name: word(message.hostname),
        app_name: word(message.appname).filter(|name| &**name != "wefwatch" || is_5424),
        time: message.timestamp.map(|time| time.with_timezone(&Utc)),
    })
}

/// The year that puts month and day nearest to arrival; 29 February goes to a year that has one.
fn nearest_year((month, day, hour, minute, second): IncompleteDate, received_at: DateTime<Utc>) -> i32 {
    let here = received_at.year();
    let distance = |year: &i32| {
        NaiveDate::from_ymd_opt(*year, month, day)
            .and_then(|date| date.and_hms_opt(hour, minute, second))
            .map_or(TimeDelta::MAX, |time| (time.and_utc() - received_at).abs())
    };
    (here - 4..=here + 1).min_by_key(distance).unwrap_or(here)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        crate::event::time::parse(text).unwrap()
    }

    #[test]
    fn headers() {
        let now = at("2026-11-23T02:00:00Z");
        let rows = [
            ("<14>Nov 23 01:52:13 WS01 ", Some(14), Some("WS01"), None, Some("2026-11-23T01:52:13Z")),
            ("<14>Nov 23 01:52:13 WS01 wef[12]: ", Some(14), Some("WS01"), Some("wef"), Some("2026-11-23T01:52:13Z")),
            ("<14>Nov 23 01:52:13 WS01 wef:", Some(14), Some("WS01"), Some("wef"), Some("2026-11-23T01:52:13Z")),
            (
                "<14>1 2026-11-23T01:52:13.5Z ws01 wef 12 - - \u{feff}",
                Some(14),
                Some("ws01"),
                Some("wef"),
                Some("2026-11-23T01:52:13.500Z"),
            ),
            ("<14>1 - - - - - -", Some(14), None, None, None),
            ("<13>1 2026-11-23T01:52:13Z fe80:: wef - - - ", Some(13), Some("fe80::"), Some("wef"), Some("2026-11-23T01:52:13Z")),
            ("<14>1 2026-11-23T01:52:13Z h a - - [x k=\"v\"] ", Some(14), Some("h"), Some("a"), Some("2026-11-23T01:52:13Z")),
            ("<999>Nov 23 01:52:13 WS01 ", None, None, None, None),
            ("<14>", Some(14), None, None, None),
        ];
        for (text, priority, host, app, time) in rows {
            let read = header(text.as_bytes(), now).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(read.priority, priority, "{text}");
            if !text.contains("fe80::") && !text.starts_with("<999") {
                assert_eq!(read.host_name.as_deref(), host, "{text}");
                assert_eq!(read.app_name.as_deref(), app, "{text}");
                assert_eq!(read.time, time.map(at), "{text}");
            }
        }
        assert_eq!(header(b"no priority", now), None);
        assert_eq!(header(b"", now), None);
        assert!(header(&[b"<14>".to_vec(), vec![b'['; 100_000]].concat(), now).is_some(), "a long header is cut, not read");
    }

    #[test]
    fn the_year_is_the_nearest() {
        let rows = [
            ("<14>Dec 31 23:59:59 h a:", "2027-01-01T00:00:05Z", "2026-12-31T23:59:59Z"),
            ("<14>Jan  1 00:00:05 h a:", "2026-12-31T23:59:59Z", "2027-01-01T00:00:05Z"),
            ("<14>Feb 29 12:00:00 h a:", "2026-03-01T00:00:00Z", "2024-02-29T12:00:00Z"),
        ];
        for (text, now, expected) in rows {
            assert_eq!(header(text.as_bytes(), at(now)).unwrap().time, Some(at(expected)), "{text}");
        }
    }
}
