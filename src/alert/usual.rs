//! How usual something of an alert is: what is counted in the days before it, and how often that was seen.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How often something of an alert was seen before, in the days that are counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usual {
    /// What is counted.
    pub what: Counted,
    /// What exactly: `10.20.4.31 > srv-file01`.
    pub key: String,
    /// How often it was seen before this alert's events.
    pub before: u64,
    /// How often anything of its kind was seen on this host.
    pub of: u64,
    /// When it was seen last, before this alert's events.
    pub last: Option<DateTime<Utc>>,
    /// Since when is counted, at most 30 days back.
    pub since: DateTime<Utc>,
}

/// What is counted to tell whether something is usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counted {
    /// A source address that reached a host.
    SourceOnHost,
    /// An account on a host.
    UserOnHost,
    /// A program that was started on a host.
    ImageOnHost,
}

impl Counted {
    /// All, in order of display.
    pub const ALL: [Self; 3] = [Self::SourceOnHost, Self::UserOnHost, Self::ImageOnHost];

    /// The word that the store keeps it under.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SourceOnHost => "source_on_host",
            Self::UserOnHost => "user_on_host",
            Self::ImageOnHost => "image_on_host",
        }
    }
}
