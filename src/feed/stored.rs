//! Events that the tail holds no more: what a console asks for, and what the archive has of it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::feed::EventLine;

/// Which events are wanted: the event, and when it arrived.
pub type Sieve = Box<dyn Fn(&EventLine, DateTime<Utc>) -> bool + Send>;

/// Where to look, by the number of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Older ones, the nearest first.
    Before(u64),
    /// Newer ones, the nearest first.
    After(u64),
}

/// Events that are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Chosen by whoever asks, to know the answer by.
    pub token: u64,
    /// What they are like.
    pub filter: String,
    /// What `since:` of the filter counts back from.
    pub now: DateTime<Utc>,
    /// Where to look.
    pub side: Side,
    /// How many at most.
    pub most: u64,
}

/// Events of the archive. A question is answered with a bounded part of what there is: it tells how far it looked.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Stored {
    /// Which question it answers.
    pub token: u64,
    /// When each arrived, and what it was; the oldest first.
    pub lines: Vec<(DateTime<Utc>, EventLine)>,
    /// The number of the last one that was looked at, where any was.
    pub reached: Option<u64>,
    /// Whether there is nothing further on that side.
    pub is_end: bool,
    /// When the last one that was looked at arrived.
    pub reached_at: Option<DateTime<Utc>>,
    /// Why nothing can be read, where that is so.
    pub problem: Option<String>,
    /// Why nothing is stored, where that is so.
    pub absent: Option<String>,
}

impl Stored {
    /// There is no archive; `has_store` is whether anything else is kept.
    pub fn absent(token: u64, has_store: bool) -> Self {
        let why = if has_store { "no archive of events; Health (4) or [store] events tells why" } else { "no store" };
        Self { token, is_end: true, absent: Some(why.to_owned()), ..Self::default() }
    }
}
