//! Where the next message of a stream begins and ends. Pure functions over a slice; the buffer is `framing`'s business.

use memchr::{memchr, memchr2, memmem};

use crate::decode::RejectReason;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// What stands at the front of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Bytes between messages: white space, NUL, BOM, an XML declaration, the tags of a batch.
    Skip(usize),
    /// An octet count: the header's length and the length of the message behind it.
    Counted(usize, usize),
    /// A message of that length.
    Frame(usize),
    /// A message of that length that cannot be used.
    Reject(RejectReason, usize),
    /// A message beyond the limit: reject it, drop so many bytes, then everything up to its end.
    Oversize(usize, End),
    /// An octet count that no message can have: nothing behind it can be trusted.
    Broken,
    /// More bytes are needed to tell. Up to the offset nothing of interest was found.
    Wait(usize),
}

/// What ends a message that is being dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The end of a line.
    Line,
    /// `</Event>`, or the start of another message on a new line.
    Event,
}

/// What is known of the stream around the slice.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    /// Nothing will follow the slice (the end of the stream, of a datagram, of a counted message).
    pub(super) is_closed: bool,
    /// The slice is one counted message or datagram: what is no event is one message, however many lines it has.
    pub(super) is_unit: bool,
    /// The longest message, in bytes.
    pub(super) max_frame: usize,
    /// From where to go on looking for the end (bytes before it were looked at).
    pub(super) looked_at: usize,
}

/// Tells what stands at the front of a non-empty slice.
pub(super) fn step(data: &[u8], around: Around) -> Step {
    let gap = gap(data, around);
    if let Some(step) = gap {
        return step;
    }
    if !around.is_unit
        && let Some(step) = counted(data, around)
    {
        return step;
    }
    let window = &data[..data.len().min(around.max_frame)];
    if around.is_unit {
        return unit(data, window, around);
    }
    let line_end = memchr2(b'\n', 0, window);
    let line = &window[..line_end.unwrap_or(window.len())];
    match payload(line) {
        Payload::Event(start) => event(data, window, start, around),
        // Within a line of JSON an XML event is a string, not a document.
        Payload::Json | Payload::None => match line_end {
            Some(end) if is_header_alone(line) => header_alone(data, window, end, around),
            Some(end) => Step::Frame(end),
            None if window.len() < data.len() => Step::Oversize(window.len(), End::Line),
            None if around.is_closed => Step::Frame(data.len()),
            None => Step::Wait(0),
        },
    }
}

enum Payload {
    Event(usize),
    Json,
    None,
}

/// What a line carries: an event that begins in it, or a JSON object before that.
fn payload(line: &[u8]) -> Payload {
    let start = event_start(line, 0);
    let brace = memmem::find(&line[..start.unwrap_or(line.len())], b"{").filter(|at| is_json(&line[*at..]));
    match (brace, start) {
        (Some(_), _) => Payload::Json,
        (None, Some(start)) => Payload::Event(start),
        (None, None) => Payload::None,
    }
}

/// Whether a brace opens a JSON object: a quote or the closing brace follows.
pub(crate) fn is_json(text: &[u8]) -> bool {
    let next = text[1..].iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(next, Some(b'"' | b'}'))
}

/// White space and the wrappers of events; a tag that is not complete yet waits.
fn gap(data: &[u8], around: Around) -> Option<Step> {
    let blank = data.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0).count();
    if blank > 0 {
        return Some(Step::Skip(blank));
    }
    if data.starts_with(BOM) {
        return Some(Step::Skip(BOM.len()));
    }
    if !around.is_closed && data.len() < BOM.len() && BOM.starts_with(data) {
        return Some(Step::Wait(0));
    }
    for wrapper in [&b"<?xml"[..], b"<Events", b"</Events", b"<!--"] {
        if !around.is_closed && data.len() < wrapper.len() && wrapper.starts_with(data) {
            return Some(Step::Wait(0));
        }
        if !data.starts_with(wrapper) {
            continue;
        }
        let close: &[u8] = if wrapper == b"<!--" { b"-->" } else { b">" };
        let is_tag = wrapper == b"<!--" || data.get(wrapper.len()).is_none_or(|byte| is_tag_end(*byte));
        if is_tag {
            return match memmem::find(&data[..data.len().min(4096)], close) {
                Some(end) => Some(Step::Skip(end + close.len())),
                None if data.len() >= 4096 || around.is_closed => None,
                None => Some(Step::Wait(0)),
            };
        }
    }
    None
}

/// RFC 6587 octet counting: `1-9`, at most 7 digits, a blank, then what a message begins with. More digits in front of a
/// message are a count that cannot be; anything else is a line that happens to begin with a digit.
fn counted(data: &[u8], around: Around) -> Option<Step> {
    if !matches!(data[0], b'1'..=b'9') {
        return None;
    }
    let digits = data.iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
    let Some(blank) = data.get(digits) else {
        return (!around.is_closed && digits < 20).then_some(Step::Wait(0));
    };
    if *blank != b' ' {
        return None;
    }
    match data.get(digits + 1) {
        None => return (!around.is_closed).then_some(Step::Wait(0)),
        // A message begins with a priority, an element, an object or a byte order mark.
        Some(b'<' | b'{' | 0xef | 0xff | 0xfe) => {}
        Some(_) => return None,
    }
    let length = std::str::from_utf8(&data[..digits]).ok().and_then(|digits| digits.parse::<usize>().ok());
    match length {
        Some(length) if digits <= 7 => Some(Step::Counted(digits + 1, length)),
        // Up to 16 MiB the bytes can be counted off; beyond, the sender is not believed.
        Some(length) if length <= 16 << 20 => Some(Step::Counted(digits + 1, length)),
        _ => Some(Step::Broken),
    }
}

/// A counted message or datagram: events in it are messages of their own; what is no event is one message.
fn unit(data: &[u8], window: &[u8], around: Around) -> Step {
    match payload(window) {
        Payload::Event(start) => event(data, window, start, around),
        Payload::Json | Payload::None => Step::Frame(data.len()),
    }
}

/// An event begins at `start`: finds its end, or the message that cut it off.
fn event(data: &[u8], window: &[u8], start: usize, around: Around) -> Step {
    let from = around.looked_at.saturating_sub(16).max(start);
    let end = event_end(window, start, from);
    let cut_by = event_start(&window[..end.unwrap_or(window.len())], start + 6);
    match (end, cut_by) {
        (_, Some(next)) if !in_cdata(window, start, next) => {
            Step::Reject(RejectReason::Truncated, cut_point(window, start, next))
        }
        (Some(end), _) => Step::Frame(end),
        (None, _) if window.len() < data.len() => Step::Oversize(window.len() - 16, End::Event),
        (None, _) if around.is_closed => Step::Reject(RejectReason::Truncated, cut_at_end(data, start, around)),
        (None, _) => Step::Wait(data.len()),
    }
}

/// Where an event that never ends stops to be one: at the first line that begins another message, else at the end.
fn cut_at_end(data: &[u8], start: usize, around: Around) -> usize {
    if around.is_unit { data.len() } else { new_message(data, start).unwrap_or(data.len()) }
}

/// Where an event that was cut off by the one at `next` stops: at the first line between them that begins a message, else
/// right before the other event's own line, else right before the other event.
fn cut_point(data: &[u8], start: usize, next: usize) -> usize {
    if let Some(line) = new_message(&data[..next], start) {
        return line;
    }
    let line = data[start..next].iter().rposition(|byte| matches!(byte, b'\n' | 0)).map(|at| start + at + 1);
    let header = memmem::rfind(&data[start + 1..next], b"<").map(|at| start + 1 + at).filter(|at| is_priority(&data[*at..]));
    line.or(header).unwrap_or(next)
}

/// The first line after `start` that begins like a message: a priority, a JSON object.
fn new_message(data: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    while let Some(found) = memchr2(b'\n', 0, &data[at..]) {
        at += found + 1;
        if is_priority(&data[at..]) || (data.get(at) == Some(&b'{') && is_json(&data[at..])) {
            return Some(at);
        }
    }
    None
}

/// `<` and one to three digits and `>`.
pub(crate) fn is_priority(data: &[u8]) -> bool {
    let digits = data.iter().skip(1).take(4).take_while(|byte| byte.is_ascii_digit()).count();
    data.first() == Some(&b'<') && (1..=3).contains(&digits) && data.get(digits + 1) == Some(&b'>')
}

/// A line that is nothing but a syslog header, perhaps with an XML declaration: its event may stand on the next line.
fn is_header_alone(line: &[u8]) -> bool {
    let line = line.trim_ascii_end();
    is_priority(line) && (line.ends_with(b"?>") || line.ends_with(b":") || line.ends_with(b" -") || line.ends_with(BOM))
}

fn header_alone(data: &[u8], window: &[u8], end: usize, around: Around) -> Step {
    let blank = window[end..].iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == 0).count();
    let rest = &window[end + blank..];
    if rest.starts_with(b"<Event") || rest.starts_with(b"<?xml") {
        let limit = rest.len().min(256);
        if let Some(start) = event_start(&rest[..limit], 0) {
            return event(data, window, end + blank + start, around);
        }
    }
    let may_come = |start: &[u8]| rest.len() < start.len() + 1 && start.starts_with(&rest[..rest.len().min(start.len())]);
    if !around.is_closed && (may_come(b"<Event") || may_come(b"<?xml")) { Step::Wait(0) } else { Step::Frame(end) }
}

fn is_tag_end(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/')
}

/// The first `<Event` tag at or after `from`: the name must end there, so that `<EventID>` and `<Events>` are none.
pub(crate) fn event_start(data: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = data.get(at..).and_then(|rest| memmem::find(rest, b"<Event")) {
        at += found;
        match data.get(at + 6) {
            Some(byte) if is_tag_end(*byte) => return Some(at),
            _ => at += 6,
        }
    }
    None
}

/// One past the `</Event>` that ends the event at `start`, looking from `from` on; not one inside a CDATA section.
fn event_end(data: &[u8], start: usize, from: usize) -> Option<usize> {
    if is_empty_element(data, start) {
        return memchr(b'>', &data[start..]).map(|end| start + end + 1);
    }
    let mut at = from;
    while let Some(found) = data.get(at..).and_then(|rest| memmem::find(rest, b"</Event")) {
        at += found;
        let blank = data[at + 7..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if data.get(at + 7 + blank) == Some(&b'>') && !in_cdata(data, start, at) {
            return Some(at + 8 + blank);
        }
        at += 7;
    }
    None
}

/// `<Event/>`, with or without attributes.
fn is_empty_element(data: &[u8], start: usize) -> bool {
    memchr(b'>', &data[start..]).is_some_and(|end| data[start + end - 1] == b'/')
}

/// Whether a position of the event lies inside a CDATA section or a comment.
fn in_cdata(data: &[u8], start: usize, position: usize) -> bool {
    let before = &data[start..position];
    let open_without =
        |open: &[u8], close: &[u8]| memmem::rfind(before, open).is_some_and(|at| memmem::find(&before[at..], close).is_none());
    open_without(b"<![CDATA[", b"]]>") || open_without(b"<!--", b"-->")
}

/// How much of a message that is being dropped the slice holds: up to its end (`Ok`), or all of it with some bytes kept back
/// because its end may have begun (`Err`).
pub(super) fn drop_until(data: &[u8], end: End) -> Result<usize, usize> {
    match end {
        End::Line => memchr2(b'\n', 0, data).map(|at| at + 1).ok_or(data.len()),
        End::Event => {
            let close = event_end_anywhere(data);
            let other = new_message(data, 0).into_iter().chain(line_event(data)).min();
            match (close, other) {
                (Some(close), Some(other)) => Ok(close.min(other)),
                (Some(close), None) => Ok(close),
                (None, Some(other)) => Ok(other),
                (None, None) => Err(data.len().saturating_sub(16)),
            }
        }
    }
}

fn event_end_anywhere(data: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = memmem::find(&data[at..], b"</Event") {
        at += found + 7;
        let blank = data[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        if data.get(at + blank) == Some(&b'>') {
            return Some(at + blank + 1);
        }
    }
    None
}

/// An event that begins on a line of its own.
fn line_event(data: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(start) = event_start(data, at) {
        if start > 0 && matches!(data[start - 1], b'\n' | 0) {
            return Some(start);
        }
        at = start + 6;
    }
    None
}
