//! Newtypes for the names and numbers of an event, one for each meaning, so that they cannot be mixed up.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A host's name: `<Computer>` with its case folded, so that `HR001` and `hr001` are one host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HostName(Arc<str>);

impl HostName {
    /// Folds the case of a computer name.
    pub fn fold(computer: &str) -> Self {
        if computer.chars().any(char::is_uppercase) { Self(computer.to_lowercase().into()) } else { Self(computer.into()) }
    }

    /// The folded name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for HostName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// `EventID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId(pub u32);

impl fmt::Display for EventId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// `EventRecordID`: counts up within a host and channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordId(pub u64);

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// Sysmon's `ProcessGuid`: names one process of one host for ever, unlike the PID, which is used again.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessGuid(Arc<str>);

impl ProcessGuid {
    /// Takes a GUID in any spelling (case, braces). `None` for the empty, `-` and all-zero ones.
    pub fn parse(text: &str) -> Option<Self> {
        let bare = text.trim().trim_start_matches('{').trim_end_matches('}');
        let names_something = bare.bytes().any(|byte| byte.is_ascii_hexdigit() && byte != b'0');
        (names_something && bare.len() <= 64).then(|| Self(bare.to_ascii_lowercase().into()))
    }

    /// Lower case, without braces.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
