//! One event's XML, read by quick-xml into [`WindowsEvent`]: `<System>` in any order, the data of `<EventData>`, `<UserData>`
//! and the other bodies that Windows writes; `<RenderingInfo>` is kept in the text but never matched on (it repeats every
//! field as prose). Nothing is expanded or fetched: a document type or an unknown entity is an error. A cut event is an
//! error too, never half an event.

use std::borrow::Cow;
use std::sync::Arc;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::decode::RejectReason;
use crate::event::names::{EventId, RecordId};
use crate::event::{Data, System, Text, WindowsEvent, time};

/// How deep elements may nest.
const MAX_DEPTH: usize = 32;
/// How many data fields an event may have.
const MAX_DATA: usize = 1024;

/// How long a host's name may be, in bytes (DNS allows 253). Hosts are remembered by it: a longer one is none.
const MAX_COMPUTER: usize = 255;

/// Why the XML is no event.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct XmlError {
    /// Under which reason it counts.
    pub reason: RejectReason,
    /// What is wrong.
    pub detail: String,
}

fn bad(detail: impl Into<String>) -> XmlError {
    XmlError { reason: RejectReason::BadXml, detail: detail.into() }
}

/// Reads an event. `xml` begins with `<Event`; control characters that XML forbids are replaced by U+FFFD.
pub fn parse(xml: &str) -> Result<WindowsEvent, XmlError> {
    let raw: Arc<str> = replace_controls(xml).into();
    let mut reading = Reading::default();
    let mut reader = Reader::from_str(&raw);
    reader.config_mut().expand_empty_elements = false;
    loop {
        match reader.read_event().map_err(|error| xml_error(&error))? {
            Event::Start(start) => {
                reading.open(&raw, &start)?;
            }
            Event::Empty(start) => {
                reading.open(&raw, &start)?;
                reading.close(&raw)?;
            }
            Event::End(_) => reading.close(&raw)?,
            Event::Text(text) => reading.text.add(&raw, &text),
            Event::CData(text) => reading.text.add_decoded(&raw, &text),
            Event::GeneralRef(reference) => {
                let character = reference.resolve_char_ref().map_err(|error| bad(error.to_string()))?;
                let character = match character {
                    Some(character) => character,
                    None => predefined(&reference).ok_or_else(|| bad("an entity that is not one of XML's own"))?,
                };
                reading.text.add_decoded(&raw, permitted(character).encode_utf8(&mut [0; 4]));
            }
            Event::DocType(_) => return Err(bad("a document type declaration")),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
        if reading.is_done {
            break;
        }
    }
    let rest = raw.get(reader.buffer_position() as usize..).unwrap_or_default();
    reading.finish(&raw, rest)
}

fn xml_error(error: &quick_xml::Error) -> XmlError {
    let reason = if matches!(error, quick_xml::Error::Syntax(_)) { RejectReason::Truncated } else { RejectReason::BadXml };
    XmlError { reason, detail: error.to_string() }
}

fn predefined(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

/// What XML 1.0 permits as a character; the rest becomes U+FFFD.
fn permitted(character: char) -> char {
    match character {
        '\t' | '\n' | '\r' => character,
        '\0'..'\u{20}' | '\u{fffe}' | '\u{ffff}' => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

/// Windows sends raw control characters inside values; they are replaced and the event is kept.
fn replace_controls(xml: &str) -> Cow<'_, str> {
    let is_control = |byte: u8| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r');
    if xml.bytes().any(is_control) { Cow::Owned(xml.chars().map(permitted).collect()) } else { Cow::Borrowed(xml) }
}

/// Character data of the element being read: one piece of the buffer, or decoded text once anything had to be decoded.
#[derive(Debug, Default)]
struct Gathered {
    span: Option<(u32, u32)>,
    owned: Option<String>,
}

impl Gathered {
    fn add(&mut self, raw: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        match span_of(raw, text) {
            Some(span) if self.span.is_none() && self.owned.is_none() => self.span = Some(span),
            _ => self.add_decoded(raw, text),
        }
    }

    fn add_decoded(&mut self, raw: &str, text: &str) {
        let before = self.span.take().map_or("", |(start, end)| &raw[start as usize..end as usize]);
        let owned = self.owned.get_or_insert_default();
        owned.push_str(before);
        owned.push_str(text);
    }

    fn take(&mut self) -> Text {
        match (self.owned.take(), self.span.take()) {
            (Some(text), _) => Text::Owned(text.into()),
            (None, Some((start, end))) => Text::Span { start, end },
            (None, None) => Text::EMPTY,
        }
    }
}

/// Where a piece borrowed from the buffer stands in it; `None` for text that was copied.
fn span_of(raw: &str, piece: &str) -> Option<(u32, u32)> {
    let start = (piece.as_ptr() as usize).checked_sub(raw.as_ptr() as usize)?;
    let end = start + piece.len();
    (end <= raw.len()).then_some((start as u32, end as u32))
}

/// Which part of the event is being read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Part {
    #[default]
    Outside,
    Event,
    System,
    /// `EventData`: its `Data` children.
    EventData,
    /// `UserData` and other bodies: their leaves.
    Body,
    /// `RenderingInfo`.
    Ignored,
}

#[derive(Debug, Default)]
struct Reading {
    path: Vec<Element>,
    part: Part,
    text: Gathered,
    system: System,
    data: Vec<Data>,
    has_system: bool,
    has_event_id: bool,
    is_done: bool,
}

#[derive(Debug)]
struct Element {
    name: (u32, u32),
    data_name: Option<Text>,
    has_children: bool,
}

impl Reading {
    fn open(&mut self, raw: &str, start: &BytesStart<'_>) -> Result<(), XmlError> {
        if self.path.len() >= MAX_DEPTH {
            return Err(bad(format!("elements nest deeper than {MAX_DEPTH}")));
        }
        let (prefix_length, name) = local_name(start.name().0);
        let start_of_name = span_of(raw, start.name().0).map_or(0, |(start, _)| start + prefix_length);
        let name_span = (start_of_name, start_of_name + name.len() as u32);
        if let Some(parent) = self.path.last_mut() {
            parent.has_children = true;
        }
        match self.path.len() {
            0 if name != "Event" => return Err(bad("the root element is not Event")),
            0 => self.part = Part::Event,
            1 => self.part = self.part_of(name),
            _ => {}
        }
        // Windows indents nothing, senders may: text before a child element is no value.
        self.text = Gathered::default();
        let mut element = Element { name: name_span, data_name: None, has_children: false };
        match self.part {
            Part::System => self.system_attributes(raw, name, start)?,
            Part::EventData | Part::Body => element.data_name = attribute(raw, start, "Name")?,
            Part::Outside | Part::Event | Part::Ignored => {}
        }
        self.path.push(element);
        Ok(())
    }

    fn part_of(&mut self, name: &str) -> Part {
        match name {
            "System" => {
                self.has_system = true;
                Part::System
            }
            "EventData" => Part::EventData,
            "RenderingInfo" => Part::Ignored,
            _ => Part::Body,
        }
    }

    fn close(&mut self, raw: &str) -> Result<(), XmlError> {
        let Some(element) = self.path.pop() else { return Err(bad("an end tag without its start")) };
        let depth = self.path.len();
        let text = self.text.take();
        let name = &raw[element.name.0 as usize..element.name.1 as usize];
        match self.part {
            Part::System if depth == 2 => self.system_value(raw, name, text),
            Part::EventData if depth == 2 && !element.has_children => {
                let named = element.data_name.or_else(|| (name != "Data").then(|| span(element.name)));
                self.push(named, text)?;
            }
            Part::EventData | Part::Body if depth >= 2 && !element.has_children => {
                self.push(element.data_name.or(Some(span(element.name))), text)?;
            }
            _ => {}
        }
        if depth == 1 {
            self.part = Part::Event;
        }
        self.is_done = depth == 0;
        Ok(())
    }

    fn push(&mut self, name: Option<Text>, value: Text) -> Result<(), XmlError> {
        if self.data.len() >= MAX_DATA {
            return Err(bad(format!("more than {MAX_DATA} data fields")));
        }
        self.data.push(Data { name, value });
        Ok(())
    }

    fn system_attributes(&mut self, raw: &str, name: &str, start: &BytesStart<'_>) -> Result<(), XmlError> {
        let number = |text: Option<Text>| text.and_then(|text| text.resolve(raw).trim().parse().ok());
        match name {
            "Provider" => {
                let source = attribute(raw, start, "EventSourceName")?;
                self.system.provider = attribute(raw, start, "Name")?.or(source).unwrap_or(Text::EMPTY);
                self.system.provider_guid = attribute(raw, start, "Guid")?;
            }
            "EventID" => self.system.qualifiers = number(attribute(raw, start, "Qualifiers")?),
            "TimeCreated" => {
                let time = attribute(raw, start, "SystemTime")?;
                self.system.time_created = time.and_then(|text| time::parse(text.resolve(raw)));
            }
            "Execution" => {
                self.system.process_id = number(attribute(raw, start, "ProcessID")?);
                self.system.thread_id = number(attribute(raw, start, "ThreadID")?);
            }
            "Security" => self.system.user_sid = attribute(raw, start, "UserID")?,
            _ => {}
        }
        Ok(())
    }

    fn system_value(&mut self, raw: &str, name: &str, text: Text) {
        let trimmed = text.resolve(raw).trim();
        let number = || trimmed.parse::<u32>().ok();
        match name {
            "EventID" => {
                if let Some(id) = number() {
                    self.system.event_id = EventId(id);
                    self.has_event_id = true;
                }
            }
            "Version" => self.system.version = number(),
            "Level" => self.system.level = number(),
            "Task" => self.system.task = number(),
            "Opcode" => self.system.opcode = number(),
            "EventRecordID" => self.system.record_id = trimmed.parse().ok().map(RecordId),
            "Keywords" => self.system.keywords = Some(text),
            "Channel" => self.system.channel = Some(trim(raw, text)),
            "Computer" => self.system.computer = trim(raw, text),
            _ => {}
        }
    }

    fn finish(self, raw: &Arc<str>, rest: &str) -> Result<WindowsEvent, XmlError> {
        if !self.is_done {
            let detail = "the event begins but does not end".to_owned();
            return Err(XmlError { reason: RejectReason::Truncated, detail });
        }
        if !rest
            .trim_matches(|character: char| character.is_whitespace() || character == '\0' || character == '\u{fffd}')
            .is_empty()
        {
            return Err(bad("something follows </Event>"));
        }
        let not_windows = |detail: &str| Err(XmlError { reason: RejectReason::NotWindows, detail: detail.to_owned() });
        if !self.has_system {
            return not_windows("an <Event> without <System>: not Microsoft's event schema (NXLog's to_xml() writes such)");
        }
        if !self.has_event_id {
            return Err(bad("no EventID that is a number"));
        }
        if self.system.computer.resolve(raw).len() > MAX_COMPUTER {
            return Err(bad(format!("a Computer of more than {MAX_COMPUTER} bytes")));
        }
        Ok(WindowsEvent::new(raw.clone(), self.system, self.data))
    }
}

fn span((start, end): (u32, u32)) -> Text {
    Text::Span { start, end }
}

/// Cuts white space off a text that names something.
fn trim(raw: &str, text: Text) -> Text {
    let own = text.resolve(raw);
    let trimmed = own.trim();
    if trimmed.len() == own.len() {
        return text;
    }
    match span_of(raw, trimmed) {
        Some(found) => span(found),
        None => Text::Owned(trimmed.into()),
    }
}

/// A name without its namespace prefix, and the prefix's length with the colon.
fn local_name(name: &str) -> (u32, &str) {
    name.rfind(':').map_or((0, name), |colon| (colon as u32 + 1, &name[colon + 1..]))
}

/// The value of an attribute, decoded; a span where nothing had to be decoded.
fn attribute(raw: &str, start: &BytesStart<'_>, name: &str) -> Result<Option<Text>, XmlError> {
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute.map_err(|error| bad(error.to_string()))?;
        if attribute.key.0 != name {
            continue;
        }
        if !attribute.value.contains('&') {
            // The slice is borrowed from the start tag, which borrows from the buffer.
            return Ok(Some(span_of(raw, &attribute.value).map_or_else(|| Text::Owned(attribute.value.as_ref().into()), span)));
        }
        let value = quick_xml::escape::unescape(&attribute.value).map_err(|error| bad(error.to_string()))?;
        return Ok(Some(Text::Owned(value.chars().map(permitted).collect::<String>().into())));
    }
    Ok(None)
}
