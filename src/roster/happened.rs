//! An event of the tail as a filter sees it, in the console and for a script that follows.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::alert::Severity;
use crate::feed::EventLine;
use crate::feed::stored::Sieve;
use crate::filter::data::{data_of, values_of};
use crate::filter::{Field, Filter, Filterable};

/// An event of the tail. It is as old as it has been here, as alerts are: what is replayed is new.
#[derive(Debug, Clone, Copy)]
pub struct Happened<'a> {
    /// What happened.
    pub line: &'a EventLine,
    /// When the collector told of it.
    pub at: DateTime<Utc>,
    /// Now.
    pub now: DateTime<Utc>,
}

impl Filterable for Happened<'_> {
    fn values(&self, field: Field) -> Vec<Cow<'_, str>> {
        match field {
            Field::Host => vec![self.line.computer.as_str().into()],
            Field::Eid => vec![self.line.event_id.to_string().into()],
            Field::Id => self.line.alert.iter().map(|(id, _)| id.0.to_string().into()).collect(),
            Field::Is => self.line.standing().map(Cow::Borrowed).into_iter().collect(),
            _ => values_of(&self.line.xml, field),
        }
    }

    fn data(&self, name: &str) -> Option<Cow<'_, str>> {
        data_of(&self.line.xml, name)
    }

    fn severity(&self) -> Option<Severity> {
        self.line.alert.as_ref().map(|(_, severity)| *severity)
    }

    fn age_seconds(&self) -> Option<i64> {
        Some((self.now - self.at).num_seconds())
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        vec![self.line.summary.as_str().into(), self.line.computer.as_str().into(), self.line.channel.as_str().into()]
    }
}

/// What a filter lets through, as a test of an event and of when it arrived; `None` where it cannot be read.
pub fn sieve(text: &str, now: DateTime<Utc>) -> Option<Sieve> {
    let filter = Filter::parse(text).ok()?;
    Some(Box::new(move |line, at| filter.is_empty() || filter.matches(&Happened { line, at, now })))
}
