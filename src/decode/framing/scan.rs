//! Where the next message of a stream begins and ends. Pure functions over a slice; the buffer is `framing`'s business.

use memchr::{memchr_iter, memchr2, memchr3, memmem};

use crate::decode::RejectReason;
use crate::decode::framing::tags::{event_end, event_marks, event_start, is_tag_end, line_event};

const BOM: &[u8] = b"\xef\xbb\xbf";
/// The most digits that an octet count may have: a message of 10 MB is skipped, no more.
const MAX_DIGITS: usize = 7;

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
    match payload(window, line.len()) {
        Payload::Event(start) => event(data, window, start, around),
        Payload::Json(start) => json(data, window, start, line_end, around),
        Payload::None => match line_end {
            Some(end) if !around.is_closed && window.len() == data.len() && may_open_object(window, end) => Step::Wait(0),
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
    Json(usize),
    None,
}

/// What the line of that length at the front carries: an event that begins in it, or a JSON object before that.
fn payload(window: &[u8], length: usize) -> Payload {
    let line = &window[..length];
    let start = event_start(line, 0);
    let brace = memchr_iter(b'{', &line[..start.unwrap_or(length)]).find(|at| is_json(&window[*at..]));
    match (brace, start) {
        (Some(brace), _) => Payload::Json(brace),
        (None, Some(start)) => Payload::Event(start),
        (None, None) => Payload::None,
    }
}

/// Whether a line ends with a brace and what follows, which would tell whether it opens an object, is still to come.
fn may_open_object(window: &[u8], end: usize) -> bool {
    window[..end].trim_ascii_end().ends_with(b"{") && window[end..].trim_ascii().is_empty()
}

/// Whether a brace opens a JSON object: a quote or the closing brace follows.
pub(crate) fn is_json(text: &[u8]) -> bool {
    let next = text[1..].iter().find(|byte| !byte.is_ascii_whitespace());
    matches!(next, Some(b'"' | b'}'))
}

/// White space and the wrappers of events and JSON objects; a tag that is not complete yet waits.
fn gap(data: &[u8], around: Around) -> Option<Step> {
    if matches!(data[0], b',' | b']') {
        return match data.get(1) {
            None if !around.is_closed => Some(Step::Wait(0)),
            Some(byte) if !byte.is_ascii_whitespace() && !matches!(byte, 0 | b'{' | b',' | b']') => None,
            _ => Some(Step::Skip(1)),
        };
    }
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

/// RFC 6587 octet counting: `1-9`, at most 7 digits, a blank, then what a message begins with. Anything else is a line that
/// happens to begin with a digit; more digits are no length (seconds since 1970, a date) and must not cost what follows.
fn counted(data: &[u8], around: Around) -> Option<Step> {
    if !matches!(data[0], b'1'..=b'9') {
        return None;
    }
    let digits = data.iter().take(MAX_DIGITS + 1).take_while(|byte| byte.is_ascii_digit()).count();
    if digits > MAX_DIGITS {
        return None;
    }
    let Some(blank) = data.get(digits) else {
        return (!around.is_closed).then_some(Step::Wait(0));
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
    let length = std::str::from_utf8(&data[..digits]).ok().and_then(|digits| digits.parse::<usize>().ok())?;
    Some(Step::Counted(digits + 1, length))
}

/// A counted message or datagram: events in it are messages of their own; what is no event is one message.
fn unit(data: &[u8], window: &[u8], around: Around) -> Step {
    match payload(window, window.len()) {
        Payload::Event(start) => event(data, window, start, around),
        Payload::Json(start) => match json_end(&window[start..]) {
            JsonEnd::At(end) => Step::Frame(start + end),
            JsonEnd::Cut(_) | JsonEnd::Open => Step::Frame(data.len()),
        },
        Payload::None => Step::Frame(data.len()),
    }
}

/// A JSON object begins at `start`: it ends with its own brace, so that objects back to back, in a list, or over several
/// lines are messages each. Within it an XML event is a string, not a document.
fn json(data: &[u8], window: &[u8], start: usize, line_end: Option<usize>, around: Around) -> Step {
    match json_end(&window[start..]) {
        JsonEnd::At(end) | JsonEnd::Cut(end) => Step::Frame(start + end),
        JsonEnd::Open if window.len() < data.len() => Step::Oversize(window.len(), End::Line),
        JsonEnd::Open if around.is_closed => Step::Frame(line_end.unwrap_or(data.len())),
        JsonEnd::Open => Step::Wait(0),
    }
}

enum JsonEnd {
    /// One past its closing brace.
    At(usize),
    /// It cannot be complete: a string that breaks off at a line end, or a line that begins another message.
    Cut(usize),
    /// It may go on.
    Open,
}

/// Where the object at the front of the text ends: braces are counted, strings skipped.
fn json_end(text: &[u8]) -> JsonEnd {
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'{' => depth += 1,
            b'}' if depth <= 1 => return JsonEnd::At(at + 1),
            b'}' => depth -= 1,
            b'"' => match string_end(text, at + 1) {
                JsonEnd::At(end) => at = end - 1,
                other => return other,
            },
            b'\n' | 0 => match after_line(&text[at + 1..]) {
                Some(true) => return JsonEnd::Cut(at),
                Some(false) => {}
                None => return JsonEnd::Open,
            },
            _ => {}
        }
        at += 1;
    }
    JsonEnd::Open
}

/// One past the quote that ends a string; a raw line end is none of its characters.
fn string_end(text: &[u8], from: usize) -> JsonEnd {
    let mut at = from;
    while let Some(found) = text.get(at..).and_then(|rest| memchr3(b'"', b'\\', b'\n', rest)) {
        at += found;
        match text[at] {
            b'"' => return JsonEnd::At(at + 1),
            b'\n' => return JsonEnd::Cut(at),
            _ => at += 2,
        }
    }
    JsonEnd::Open
}

/// Whether a line begins another message, when the line before left an object open. `None` while that cannot be told.
fn after_line(line: &[u8]) -> Option<bool> {
    let limit = &line[..line.len().min(8)];
    let begins = is_priority(limit) || event_start(limit, 0) == Some(0) || limit.starts_with(b"{\"");
    if begins || line.len() >= 8 { Some(begins) } else { None }
}

/// An event begins at `start`: finds its end, or the message that cut it off.
fn event(data: &[u8], window: &[u8], start: usize, around: Around) -> Step {
    let from = around.looked_at.saturating_sub(16).max(start);
    let (end, cut_by) = event_marks(window, start, from);
    match (end, cut_by) {
        (_, Some(next)) => Step::Reject(RejectReason::Truncated, cut_point(window, start, next)),
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
    match begins_event(&window[end + blank..]) {
        Begins::At(start) => event(data, window, end + blank + start, around),
        // What fills the window with blanks will not be waited for.
        Begins::Perhaps if !around.is_closed && window.len() == data.len() => Step::Wait(0),
        Begins::Perhaps | Begins::Not => Step::Frame(end),
    }
}

/// Whether an event stands at the front, and where.
enum Begins {
    At(usize),
    Not,
    /// More bytes are needed to tell.
    Perhaps,
}

/// Looks for an event at the front, perhaps behind an XML declaration.
fn begins_event(text: &[u8]) -> Begins {
    let mut at = 0;
    if text.starts_with(b"<?xml") {
        match memmem::find(&text[..text.len().min(256)], b"?>") {
            Some(end) => at = end + 2,
            None if text.len() < 256 => return Begins::Perhaps,
            None => return Begins::Not,
        }
        at += text[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    }
    let tag = &text[at..text.len().min(at + 7)];
    let may_come = |name: &[u8]| tag.len() <= name.len() && name.starts_with(tag);
    match event_start(tag, 0) {
        Some(0) => Begins::At(at),
        _ if may_come(b"<Event") || (at == 0 && may_come(b"<?xml")) => Begins::Perhaps,
        _ => Begins::Not,
    }
}

/// How much of a message that is being dropped the slice holds: up to its end (`Ok`), or all of it with some bytes kept back
/// because its end may have begun (`Err`).
pub(super) fn drop_until(data: &[u8], end: End) -> Result<usize, usize> {
    match end {
        End::Line => memchr2(b'\n', 0, data).map(|at| at + 1).ok_or(data.len()),
        End::Event => {
            let close = event_end(data, 0);
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
