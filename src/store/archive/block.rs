//! A block: a few hundred events, compressed together, since one event looks much like the next. Pure.
//!
//! ```text
//! one event    | n | n bytes of JSON: all but the XML | m | m bytes of XML |      n, m: four bytes, little-endian
//! ```

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::alert::{AlertId, Severity};
use crate::event::names::{EventId, HostName};
use crate::feed::EventLine;

/// How many bytes a length has.
const LENGTH: usize = 4;
/// A body that says it is longer than this is none: no block is made so large.
const LONGEST: usize = 256 << 20;

/// All of an event but its XML. A stage that it matched is left out: whether an alert rests on it is known later only.
#[derive(Serialize, Deserialize)]
struct Head<'a> {
    number: u64,
    /// When it arrived, and when it happened, in microseconds.
    at: i64,
    time: i64,
    host: Cow<'a, HostName>,
    computer: Cow<'a, str>,
    event_id: EventId,
    channel: Cow<'a, str>,
    summary: Cow<'a, str>,
    alert: Option<(AlertId, Severity)>,
}

/// A block in the making.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// The numbers of its first and last event.
    pub(super) first: u64,
    pub(super) last: u64,
    /// How many there are.
    pub(super) events: u64,
    /// When the first arrived.
    pub(super) at: DateTime<Utc>,
    bytes: Vec<u8>,
}

impl Block {
    /// Adds an event; numbers only rise.
    pub(super) fn add(&mut self, at: DateTime<Utc>, line: &EventLine) {
        let head = Head {
            number: line.number,
            at: at.timestamp_micros(),
            time: line.time.timestamp_micros(),
            host: Cow::Borrowed(&line.host),
            computer: line.computer.as_str().into(),
            event_id: line.event_id,
            channel: line.channel.as_str().into(),
            summary: line.summary.as_str().into(),
            alert: line.alert.clone(),
        };
        // Texts and numbers always are JSON.
        let head = serde_json::to_vec(&head).unwrap_or_default();
        for part in [&head[..], line.xml.as_bytes()] {
            self.bytes.extend((part.len() as u32).to_le_bytes());
            self.bytes.extend(part);
        }
        if self.events == 0 {
            (self.first, self.at) = (line.number, at);
        }
        self.last = line.number;
        self.events += 1;
    }

    /// How long it is, not compressed.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The body as it is written.
    pub(super) fn pack(&self) -> Vec<u8> {
        lz4_flex::block::compress_prepend_size(&self.bytes)
    }
}

/// The events of a body, the oldest first; or what is wrong with it.
pub(super) fn unpack(body: &[u8]) -> Result<Vec<(DateTime<Utc>, EventLine)>, String> {
    let (length, _) = lz4_flex::block::uncompressed_size(body).map_err(|error| error.to_string())?;
    if length > LONGEST {
        return Err(format!("a block of {length} bytes"));
    }
    let bytes = lz4_flex::block::decompress_size_prepended(body).map_err(|error| error.to_string())?;
    let (mut rest, mut lines) = (&bytes[..], Vec::new());
    while !rest.is_empty() {
        let cut = || "an event is cut off".to_owned();
        let head = part(&mut rest).ok_or_else(cut)?;
        let xml = part(&mut rest).ok_or_else(cut)?;
        let head: Head<'_> = serde_json::from_slice(head).map_err(|error| error.to_string())?;
        let xml = std::str::from_utf8(xml).map_err(|error| error.to_string())?;
        let time = |micros: i64| DateTime::from_timestamp_micros(micros).unwrap_or_default();
        let line = EventLine {
            number: head.number,
            time: time(head.time),
            host: head.host.into_owned(),
            computer: head.computer.into_owned(),
            event_id: head.event_id,
            channel: head.channel.into_owned(),
            summary: head.summary.into_owned(),
            alert: head.alert,
            near: None,
            xml: Arc::from(xml),
        };
        lines.push((time(head.at), line));
    }
    Ok(lines)
}

fn part<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = u32::from_le_bytes(*rest.first_chunk::<LENGTH>()?) as usize;
    let part = rest.get(LENGTH..LENGTH + length)?;
    *rest = &rest[LENGTH + length..];
    Some(part)
}
