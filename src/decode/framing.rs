//! Cuts a stream into messages, decided anew for each message and resynchronising after every bad one.
//!
//! ```text
//! 1602 <14>1 2026-… - - - <Event …>…</Event>       RFC 6587 octet counting
//! <14>Nov 24 … app: <Event …>…</Event>\n           a line; the event may spread over several
//! <Event …>…</Event><Event …>…</Event>             documents back to back, with or without anything between
//! <?xml …?><Events><Event …>…</Event>…</Events>    a batch
//! {"data":"<Event …>…"}\n                          JSON that carries the XML
//! ```
//!
//! An event begins at `<Event` and ends at `</Event>`, whatever lines it spans (RFC 6587's line framing would shred it). A
//! message that begins before the last one ended cuts that one off: it is rejected as truncated and the new one survives.
//! Memory is bounded by the longest message; of a longer one only its end is looked for. UTF-16 is converted at the door.

pub(super) mod scan;
pub(super) mod tags;
mod utf16;

use std::borrow::Cow;

use crate::decode::framing::scan::{Around, End, Step};
use crate::decode::framing::utf16::Utf16;
use crate::decode::{RejectReason, Rejected};

/// How many bytes of a rejected frame are kept for people.
pub const EXCERPT: usize = 256;

/// The limits of framing.
#[derive(Debug, Clone, Copy)]
pub struct FramerConfig {
    /// The longest message that is accepted, in bytes.
    pub max_frame: usize,
}

/// One message of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Framed<'a> {
    /// Its bytes.
    Frame(Cow<'a, [u8]>),
    /// It cannot be used.
    Rejected(Rejected),
}

/// Cuts one stream into messages: [`push`](Self::push) bytes, then [`next`](Self::next) until it answers `None`.
#[derive(Debug)]
pub struct Framer {
    config: FramerConfig,
    buffer: Vec<u8>,
    start: usize,
    looked_at: usize,
    counted_left: Option<usize>,
    skip: Skip,
    encoding: Encoding,
    is_closed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Skip {
    Nothing,
    Bytes(usize),
    Until(End),
}

#[derive(Debug)]
enum Encoding {
    Unknown,
    Bytes,
    Utf16(Utf16),
}

enum Found {
    Frame(usize, usize),
    Rejected(Rejected),
}

impl Framer {
    /// A framer at the beginning of a stream.
    pub fn new(config: FramerConfig) -> Self {
        let config = FramerConfig { max_frame: config.max_frame.max(1024) };
        Self {
            config,
            buffer: Vec::new(),
            start: 0,
            looked_at: 0,
            counted_left: None,
            skip: Skip::Nothing,
            encoding: Encoding::Unknown,
            is_closed: false,
        }
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 && (self.start == self.buffer.len() || self.start > 64 * 1024) {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
        match &mut self.encoding {
            Encoding::Bytes => self.buffer.extend_from_slice(bytes),
            Encoding::Utf16(utf16) => utf16.convert(bytes, &mut self.buffer),
            Encoding::Unknown => {
                self.buffer.extend_from_slice(bytes);
                self.find_encoding(false);
            }
        }
    }

    /// The stream has ended: what is left is the last message, whole or cut.
    pub fn finish(&mut self) {
        self.find_encoding(true);
        if let Encoding::Utf16(utf16) = &mut self.encoding {
            utf16.finish(&mut self.buffer);
        }
        self.is_closed = true;
    }

    /// Nothing came for a while: what waits will not be completed, so it is taken as it is. The stream goes on.
    pub fn give_up_waiting(&mut self) -> Vec<Framed<'static>> {
        let was_closed = std::mem::replace(&mut self.is_closed, true);
        self.find_encoding(true);
        let mut framed = Vec::new();
        while let Some(next) = self.next() {
            framed.push(match next {
                Framed::Frame(bytes) => Framed::Frame(Cow::Owned(bytes.into_owned())),
                Framed::Rejected(rejected) => Framed::Rejected(rejected),
            });
        }
        self.is_closed = was_closed;
        // What is still to come of a counted message belongs to what was given up.
        if let Some(left) = self.counted_left.take().filter(|left| *left > 0) {
            self.skip = Skip::Bytes(left);
        }
        framed
    }

    /// Whether part of a message is waiting for the rest.
    pub fn is_waiting(&self) -> bool {
        self.start < self.buffer.len() && self.skip == Skip::Nothing
    }

    /// How many bytes are held.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// The next message, or `None` until more bytes come.
    #[expect(clippy::should_implement_trait, reason = "an iterator cannot lend its buffer")]
    pub fn next(&mut self) -> Option<Framed<'_>> {
        match self.find()? {
            Found::Frame(from, to) => Some(Framed::Frame(Cow::Borrowed(&self.buffer[from..to]))),
            Found::Rejected(rejected) => Some(Framed::Rejected(rejected)),
        }
    }

    fn find(&mut self) -> Option<Found> {
        loop {
            if matches!(self.encoding, Encoding::Unknown) || !self.skip_ahead() {
                return None;
            }
            if let Some(found) = self.find_counted() {
                return Some(found);
            }
            let counted = self.counted_left;
            let available = self.buffer.len() - self.start;
            let unit = counted.unwrap_or(available);
            if unit == 0 && counted.is_some() {
                self.counted_left = None;
                continue;
            }
            if available == 0 || available < unit && !self.is_closed {
                return None;
            }
            let data = &self.buffer[self.start..self.start + unit.min(available)];
            let around = Around {
                is_closed: self.is_closed || counted.is_some(),
                is_unit: counted.is_some(),
                max_frame: self.config.max_frame,
                looked_at: self.looked_at,
            };
            match scan::step(data, around) {
                Step::Skip(length) => self.consume(length),
                Step::Counted(header, length) => self.begin_counted(header, length),
                Step::Frame(length) => {
                    let from = self.start;
                    self.consume(length);
                    return Some(Found::Frame(from, from + length));
                }
                Step::Reject(reason, length) => {
                    let detail = "the event begins but does not end";
                    let rejected = self.rejected(reason, detail.to_owned(), length);
                    self.consume(length);
                    return Some(Found::Rejected(rejected));
                }
                Step::Oversize(length, end) => return Some(self.oversize(length, end)),
                Step::Wait(looked_at) => {
                    self.looked_at = looked_at;
                    return None;
                }
            }
        }
    }

    /// A counted message that just began: rejected at once when it is too long, or cut when the stream has ended.
    fn find_counted(&mut self) -> Option<Found> {
        let length = self.counted_left?;
        if length > self.config.max_frame {
            let detail = format!("{length} bytes; at most {} are taken", self.config.max_frame);
            let rejected = self.rejected(RejectReason::Oversize, detail, length.min(EXCERPT));
            self.counted_left = None;
            self.skip = Skip::Bytes(length);
            return Some(Found::Rejected(rejected));
        }
        None
    }

    fn begin_counted(&mut self, header: usize, length: usize) {
        self.consume(header);
        self.counted_left = Some(length);
    }

    fn oversize(&mut self, length: usize, end: End) -> Found {
        let detail = format!("more than {} bytes", self.config.max_frame);
        let rejected = self.rejected(RejectReason::Oversize, detail, length);
        self.consume(length);
        self.skip = self.counted_left.take().map_or(Skip::Until(end), Skip::Bytes);
        Found::Rejected(rejected)
    }

    /// Drops what is to be dropped; false while there is more of it to come.
    fn skip_ahead(&mut self) -> bool {
        match self.skip {
            Skip::Nothing => return true,
            Skip::Bytes(length) => {
                let here = length.min(self.held());
                self.consume(here);
                self.skip = if here == length { Skip::Nothing } else { Skip::Bytes(length - here) };
            }
            Skip::Until(end) => match scan::drop_until(&self.buffer[self.start..], end) {
                Ok(length) => {
                    self.consume(length);
                    self.skip = Skip::Nothing;
                }
                Err(length) => {
                    let length = if self.is_closed { self.held() } else { length };
                    self.consume(length);
                    return false;
                }
            },
        }
        self.skip == Skip::Nothing
    }

    fn consume(&mut self, length: usize) {
        self.start = (self.start + length).min(self.buffer.len());
        self.looked_at = 0;
        if let Some(left) = &mut self.counted_left {
            *left = left.saturating_sub(length);
        }
    }

    fn rejected(&self, reason: RejectReason, detail: String, length: usize) -> Rejected {
        let frame = &self.buffer[self.start..(self.start + length).min(self.buffer.len())];
        Rejected { reason, detail, excerpt: frame[..frame.len().min(EXCERPT)].into() }
    }

    /// Decides the encoding by the first bytes: a UTF-16 byte order mark, or `<` with a zero byte beside it.
    fn find_encoding(&mut self, is_all: bool) {
        if !matches!(self.encoding, Encoding::Unknown) || (self.buffer.len() < 2 && !is_all) {
            return;
        }
        self.encoding = match Utf16::detect(&self.buffer) {
            Some(mut utf16) => {
                let bytes = std::mem::take(&mut self.buffer);
                utf16.convert(&bytes, &mut self.buffer);
                Encoding::Utf16(utf16)
            }
            None => Encoding::Bytes,
        };
    }
}

/// Cuts a datagram into messages. A datagram is one message, unless it holds several events.
pub fn datagram(bytes: &[u8], config: FramerConfig) -> Vec<Framed<'static>> {
    let mut framer = Framer::new(config);
    framer.push(bytes);
    framer.finish();
    framer.counted_left = Some(framer.held());
    let mut framed = Vec::new();
    while let Some(next) = framer.next() {
        framed.push(match next {
            Framed::Frame(bytes) => Framed::Frame(Cow::Owned(bytes.into_owned())),
            Framed::Rejected(rejected) => Framed::Rejected(rejected),
        });
    }
    framed
}
