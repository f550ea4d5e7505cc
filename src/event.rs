//! The words of the domain, as plain data: one Windows event, as Microsoft's event schema names its parts.
//!
//! An event keeps ONE shared buffer (the XML it was read from) and spans into it; a value is owned only where an entity or
//! a forbidden character had to be decoded. Absent, empty and `-` stay three different things: [`WindowsEvent::get`] answers
//! `None`, `Some("")` and `Some("-")`. Everything above this room imports it; it imports nothing of ours.

pub mod command;
pub mod names;
pub mod sysmon;
pub mod text;
pub mod time;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::event::names::{EventId, HostName, RecordId};

/// A piece of text of an event: where it stands in the shared buffer, or the decoded text itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Text {
    /// Byte offsets into the event's buffer, `start..end`, on character boundaries.
    Span {
        /// First byte.
        start: u32,
        /// One past the last byte.
        end: u32,
    },
    /// Text that differs from what stands in the buffer, because something had to be decoded.
    Owned(Box<str>),
}

impl Text {
    /// The empty text.
    pub const EMPTY: Self = Self::Span { start: 0, end: 0 };

    /// The text itself; an out-of-range span reads as empty.
    pub fn resolve<'e>(&'e self, buffer: &'e str) -> &'e str {
        match self {
            Self::Span { start, end } => buffer.get(*start as usize..*end as usize).unwrap_or_default(),
            Self::Owned(text) => text,
        }
    }
}

/// The `<System>` part of an event. Fields that the XML lacks are `None`.
#[derive(Debug, Clone)]
pub struct System {
    /// `Provider/@Name`; empty when the provider has only a GUID.
    pub provider: Text,
    /// `Provider/@Guid`, as spelled.
    pub provider_guid: Option<Text>,
    /// `EventID`.
    pub event_id: EventId,
    /// `EventID/@Qualifiers`.
    pub qualifiers: Option<u32>,
    /// `Version`.
    pub version: Option<u32>,
    /// `Level`: 0 to 5 as Windows counts (1 critical .. 5 verbose).
    pub level: Option<u32>,
    /// `Task`.
    pub task: Option<u32>,
    /// `Opcode`.
    pub opcode: Option<u32>,
    /// `Keywords`, as spelled.
    pub keywords: Option<Text>,
    /// `TimeCreated/@SystemTime`, when it parses.
    pub time_created: Option<DateTime<Utc>>,
    /// `EventRecordID`.
    pub record_id: Option<RecordId>,
    /// `Execution/@ProcessID`.
    pub process_id: Option<u32>,
    /// `Execution/@ThreadID`.
    pub thread_id: Option<u32>,
    /// `Channel`; `None` when absent, empty when `<Channel/>`.
    pub channel: Option<Text>,
    /// `Computer`, as spelled.
    pub computer: Text,
    /// `Security/@UserID`: the SID of the account that wrote the event.
    pub user_sid: Option<Text>,
}

impl Default for System {
    fn default() -> Self {
        Self {
            provider: Text::EMPTY,
            provider_guid: None,
            event_id: EventId(0),
            qualifiers: None,
            version: None,
            level: None,
            task: None,
            opcode: None,
            keywords: None,
            time_created: None,
            record_id: None,
            process_id: None,
            thread_id: None,
            channel: None,
            computer: Text::EMPTY,
            user_sid: None,
        }
    }
}

/// One `<Data>` of `<EventData>`, or one leaf element of `<UserData>` (named by its tag).
#[derive(Debug, Clone)]
pub struct Data {
    /// `Data/@Name`, or the tag of a `UserData` leaf; `None` for an unnamed `<Data>`.
    pub name: Option<Text>,
    /// The character data.
    pub value: Text,
}

/// One Windows event. Immutable; share it as `Arc<WindowsEvent>`.
#[derive(Debug, Clone)]
#[must_use]
pub struct WindowsEvent {
    raw: Arc<str>,
    system: System,
    data: Box<[Data]>,
    host: HostName,
}

impl WindowsEvent {
    /// Puts an event together. Spans of `system` and `data` refer to `raw`, the event's XML from `<Event` to `</Event>`.
    pub fn new(raw: Arc<str>, system: System, data: Vec<Data>) -> Self {
        let host = HostName::fold(system.computer.resolve(&raw));
        Self { raw, system, data: data.into_boxed_slice(), host }
    }

    /// The XML that the event was read from.
    pub fn raw(&self) -> &Arc<str> {
        &self.raw
    }

    /// The `<System>` part; see the accessors below for its texts.
    pub fn system(&self) -> &System {
        &self.system
    }

    /// `EventID`.
    pub fn event_id(&self) -> EventId {
        self.system.event_id
    }

    /// `EventRecordID`, where the source has one.
    pub fn record_id(&self) -> Option<RecordId> {
        self.system.record_id
    }

    /// `Provider/@Name`, possibly empty.
    pub fn provider(&self) -> &str {
        self.text(&self.system.provider)
    }

    /// `Channel`, as spelled; empty when there is none.
    pub fn channel(&self) -> &str {
        self.system.channel.as_ref().map_or("", |channel| self.text(channel))
    }

    /// `Computer`, exactly as the event spells it.
    pub fn computer(&self) -> &str {
        self.text(&self.system.computer)
    }

    /// `Computer` with its case folded: the key that everything is kept by.
    pub fn host(&self) -> &HostName {
        &self.host
    }

    /// Resolves a text of this event.
    pub fn text<'e>(&'e self, text: &'e Text) -> &'e str {
        text.resolve(&self.raw)
    }

    /// All data in document order: name (if any) and value.
    pub fn data(&self) -> impl Iterator<Item = (Option<&str>, &str)> {
        self.data.iter().map(|data| (data.name.as_ref().map(|name| self.text(name)), self.text(&data.value)))
    }

    /// The first value of that exact name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.data().find(|(own, _)| *own == Some(name)).map(|(_, value)| value)
    }

    /// Whether Sysmon wrote this event, told by channel or provider name (its GUID is spelled in too many ways).
    pub fn is_sysmon(&self) -> bool {
        self.channel().eq_ignore_ascii_case("Microsoft-Windows-Sysmon/Operational")
            || self.provider().eq_ignore_ascii_case("Microsoft-Windows-Sysmon")
    }
}

/// Events made by hand, for the tests of all rooms.
#[cfg(test)]
pub mod testing {
    use super::{Data, EventId, RecordId, System, Text, WindowsEvent, time};

    /// A Sysmon event of that id, on that computer, with these data fields; `UtcTime` doubles as `TimeCreated`.
    pub fn sysmon(id: u32, computer: &str, record: u64, fields: &[(&str, &str)]) -> WindowsEvent {
        event("Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", id, computer, record, fields)
    }

    /// Any event; a field named `""` is an unnamed `<Data>`.
    pub fn event(channel: &str, provider: &str, id: u32, computer: &str, record: u64, fields: &[(&str, &str)]) -> WindowsEvent {
        let owned = |text: &str| Text::Owned(text.into());
        let utc_time = fields.iter().find(|(name, _)| *name == "UtcTime").map(|(_, value)| *value);
        let system = System {
            provider: owned(provider),
            event_id: EventId(id),
            record_id: Some(RecordId(record)),
            time_created: utc_time.and_then(time::parse),
            channel: Some(owned(channel)),
            computer: owned(computer),
            ..System::default()
        };
        let data = |(name, value): &(&str, &str)| Data { name: (!name.is_empty()).then(|| owned(name)), value: owned(value) };
        WindowsEvent::new("<Event/>".into(), system, fields.iter().map(data).collect())
    }
}
