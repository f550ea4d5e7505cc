//! Bytes in, events out. Pure: the bytes and the time of arrival come as arguments.
//!
//! `framing` cuts a stream into frames, `syslog` reads an envelope, `windows_xml` the event; [`decode`] joins the last two.
//! One bad frame never costs another: it becomes a [`Rejected`] with its reason, and the stream goes on.

use serde::{Deserialize, Serialize};

/// Why a frame was rejected; the label of `wefwatch_rejected_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// Longer than the limit.
    Oversize,
    /// The framing itself is broken (a bad octet count).
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
