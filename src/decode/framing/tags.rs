//! The tags of an event in a stream: where `<Event` begins, where `</Event>` ends it, and which of two comes first.

use memchr::{memchr, memmem};

pub(super) fn is_tag_end(byte: u8) -> bool {
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

/// One past the `</Event>` that ends the event at `start`, and the start of an event that cuts it off before. Neither counts
/// inside a CDATA section or a comment. Up to `from` no end was found.
pub(super) fn event_marks(data: &[u8], start: usize, from: usize) -> (Option<usize>, Option<usize>) {
    if is_empty_element(data, start) {
        return (memchr(b'>', &data[start..]).map(|end| start + end + 1), None);
    }
    let end = event_end(data, from);
    let before = &data[..end.unwrap_or(data.len())];
    // Windows writes neither CDATA nor comments: nearly every event is done here.
    if memmem::find(&before[start..], b"<!").is_none() {
        return (end, event_start(before, start + 6));
    }
    careful_marks(data, start)
}

/// The same with CDATA sections and comments left out, in one pass.
fn careful_marks(data: &[u8], start: usize) -> (Option<usize>, Option<usize>) {
    let mut at = start + 6;
    while let Some(found) = data.get(at..).and_then(|rest| memchr(b'<', rest)) {
        at += found;
        let rest = &data[at..];
        let skipped = [(&b"<![CDATA["[..], &b"]]>"[..]), (b"<!--", b"-->")].into_iter().find(|(open, _)| rest.starts_with(open));
        if let Some((open, close)) = skipped {
            let Some(end) = memmem::find(&rest[open.len()..], close) else { return (None, None) };
            at += open.len() + end + close.len();
        } else if let Some(end) = close_tag(rest) {
            return (Some(at + end), None);
        } else if rest.starts_with(b"<Event") && rest.get(6).is_some_and(|byte| is_tag_end(*byte)) {
            return (None, Some(at));
        } else {
            at += 1;
        }
    }
    (None, None)
}

/// One past the first `</Event>` at or after `from`.
pub(super) fn event_end(data: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = data.get(at..).and_then(|rest| memmem::find(rest, b"</Event")) {
        at += found;
        if let Some(end) = close_tag(&data[at..]) {
            return Some(at + end);
        }
        at += 7;
    }
    None
}

/// The length of `</Event>` at the front of the slice; white space before the bracket is allowed.
fn close_tag(data: &[u8]) -> Option<usize> {
    let rest = data.strip_prefix(b"</Event")?;
    let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    (rest.get(blank) == Some(&b'>')).then_some(8 + blank)
}

/// `<Event/>`, with or without attributes.
fn is_empty_element(data: &[u8], start: usize) -> bool {
    memchr(b'>', &data[start..]).is_some_and(|end| data[start + end - 1] == b'/')
}

/// An event that begins on a line of its own.
pub(super) fn line_event(data: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(start) = event_start(data, at) {
        if start > 0 && matches!(data[start - 1], b'\n' | 0) {
            return Some(start);
        }
        at = start + 6;
    }
    None
}
