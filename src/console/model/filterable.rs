//! Hosts and events as a filter sees them.

use std::borrow::Cow;

use chrono::{DateTime, Utc};

use crate::alert::Severity;
use crate::console::model::TailLine;
use crate::console::model::screen::HostRow;
use crate::filter::data::{data_of, values_of};
use crate::filter::{Field, Filterable};

impl Filterable for HostRow<'_> {
    fn values(&self, field: Field) -> Vec<Cow<'_, str>> {
        if field == Field::Host { vec![self.state.computer.as_str().into()] } else { Vec::new() }
    }

    fn severity(&self) -> Option<Severity> {
        self.worst
    }

    fn age_seconds(&self) -> Option<i64> {
        None
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        vec![self.state.computer.as_str().into()]
    }
}

/// An event of the tail. It is as old as it has been here, as alerts are: what is replayed is new.
pub(super) struct Arrived<'a> {
    pub(super) row: &'a TailLine,
    pub(super) now: DateTime<Utc>,
}

impl Filterable for Arrived<'_> {
    fn values(&self, field: Field) -> Vec<Cow<'_, str>> {
        match field {
            Field::Host => vec![self.row.line.computer.as_str().into()],
            Field::Eid => vec![self.row.line.event_id.to_string().into()],
            Field::Id => self.row.line.alert.iter().map(|(id, _)| id.0.to_string().into()).collect(),
            _ => values_of(&self.row.line.xml, field),
        }
    }

    fn severity(&self) -> Option<Severity> {
        self.row.line.alert.as_ref().map(|(_, severity)| *severity)
    }

    fn data(&self, name: &str) -> Option<Cow<'_, str>> {
        data_of(&self.row.line.xml, name)
    }

    fn age_seconds(&self) -> Option<i64> {
        Some((self.now - self.row.at).num_seconds())
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        vec![self.row.line.summary.as_str().into(), self.row.line.computer.as_str().into(), self.row.line.channel.as_str().into()]
    }
}
