//! Bytes in, events out. Pure: the bytes and the time of arrival come as arguments.
//!
//! `framing` cuts a stream into frames, `syslog` reads an envelope, `windows_xml` the event; [`decode`] joins the last two.
//! One bad frame never costs another: it becomes a [`Rejected`] with its reason, and the stream goes on.

pub mod framing;
pub mod json_wrapper;
pub mod syslog;
pub mod windows_xml;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::decode::syslog::SyslogMessage;
use crate::event::WindowsEvent;

/// Why a frame was rejected; the label of `wefwatch_rejected_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Longer than the limit.
    Oversize,
    /// The container itself is broken (a damaged record of an event log file).
    BadFrame,
    /// Not text in any encoding that is accepted.
    BadUtf8,
    /// XML that is not well-formed, or not an event.
    BadXml,
    /// The event begins but does not end.
    Truncated,
    /// Carries no Windows event XML at all.
    NotWindows,
    /// The same event arrived before (told by the collector).
    Duplicate,
}

impl RejectReason {
    /// All reasons, in the order of the metrics page.
    pub const ALL: [Self; 7] =
        [Self::Oversize, Self::BadFrame, Self::BadUtf8, Self::BadXml, Self::Truncated, Self::NotWindows, Self::Duplicate];

    /// The label value.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Oversize => "oversize",
            Self::BadFrame => "bad_frame",
            Self::BadUtf8 => "bad_utf8",
            Self::BadXml => "bad_xml",
            Self::Truncated => "truncated",
            Self::NotWindows => "not_windows",
            Self::Duplicate => "duplicate",
        }
    }
}

/// A frame that could not be decoded: counted, and its beginning kept for the Health screen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejected {
    /// Under which reason it counts.
    pub reason: RejectReason,
    /// What exactly was wrong.
    pub detail: String,
    /// The first bytes of the frame, at most 256, as they came (made printable by whoever shows them).
    pub excerpt: Box<[u8]>,
}

impl Rejected {
    fn new(reason: RejectReason, detail: impl Into<String>, frame: &[u8]) -> Self {
        Self { reason, detail: detail.into(), excerpt: frame[..frame.len().min(framing::EXCERPT)].into() }
    }
}

/// A frame, decoded.
#[derive(Debug, Clone)]
#[must_use]
pub struct Decoded {
    /// The event.
    pub event: WindowsEvent,
    /// The syslog envelope, where there was one.
    pub header: Option<SyslogMessage>,
}

/// Decodes one frame: finds the event XML in it (bare, behind a syslog header, or in a string of a JSON object) and reads it.
/// `received_at` only helps to date headers without a year.
pub fn decode(frame: &[u8], received_at: DateTime<Utc>) -> Result<Decoded, Rejected> {
    let frame = from_utf16(frame);
    let frame = frame.as_ref();
    let start = framing::tags::event_start(frame, 0);
    let before = &frame[..start.unwrap_or(frame.len())];
    let brace = memchr::memchr_iter(b'{', before).find(|at| framing::scan::is_json(&frame[*at..]));
    let (header, xml) = match (brace, start) {
        (Some(brace), _) => match json_wrapper::event_xml(&frame[brace..]) {
            Some(xml) => (&frame[..brace], Cow::Owned(xml)),
            None => return Err(Rejected::new(RejectReason::NotWindows, "JSON that carries no event XML", frame)),
        },
        (None, Some(start)) => {
            let text = std::str::from_utf8(&frame[start..])
                .map_err(|error| Rejected::new(RejectReason::BadUtf8, error.to_string(), frame))?;
            (&frame[..start], Cow::Borrowed(text))
        }
        (None, None) => return Err(foreign(frame)),
    };
    if memchr::memmem::find(header, b"<!DOCTYPE").is_some() {
        return Err(Rejected::new(RejectReason::BadXml, "a document type declaration", frame));
    }
    let event = windows_xml::parse(&xml).map_err(|error| Rejected::new(error.reason, error.detail, frame))?;
    Ok(Decoded { event, header: syslog::header(header, received_at) })
}

/// Converts a frame that is UTF-16 inside a byte stream (a counted message with a byte order mark of its own).
fn from_utf16(frame: &[u8]) -> Cow<'_, [u8]> {
    match encoding_rs::Encoding::for_bom(frame) {
        Some((encoding, _)) if encoding != encoding_rs::UTF_8 => Cow::Owned(encoding.decode(frame).0.into_owned().into_bytes()),
        _ => Cow::Borrowed(frame),
    }
}

/// Says what a frame without event XML looks like.
fn foreign(frame: &[u8]) -> Rejected {
    let has = |needle: &str| memchr::memmem::find(frame, needle.as_bytes()).is_some();
    let is_cut = frame.ends_with(b"<Event");
    let detail = match () {
        () if is_cut => return Rejected::new(RejectReason::Truncated, "the event begins but does not end", frame),
        () if std::str::from_utf8(frame).is_err() => return Rejected::new(RejectReason::BadUtf8, "not UTF-8", frame),
        () if has("MSWinEventLog") => "Snare text: its event data is lost; have the sender send event XML",
        () if has("CEF:") || has("LEEF:") => "CEF or LEEF; have the sender send event XML",
        () if has("LogName=") || has("EventCode=") => "a classic text event; set renderXml in the sender",
        () if has("</Event>") => "the end of an event whose beginning is missing",
        () => "no Windows event XML in it",
    };
    Rejected::new(RejectReason::NotWindows, detail, frame)
}
