//! Hosts and events as a filter sees them.

use std::borrow::Cow;

use crate::alert::{Alert, Severity};
use crate::console::model::Model;
use crate::console::model::screen::HostRow;
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

/// How far back an alert looks for the events that it rests on.
const LOOKED_AT: usize = 1000;

impl Model {
    /// What an alert rests on is no near miss any more.
    pub(super) fn proven(&mut self, alert: &Alert) {
        for line in self.events.iter_mut().rev().take(LOOKED_AT).map(|row| &mut row.line).filter(|line| line.near.is_some()) {
            let is_proof = alert.evidence.iter().any(|proof| *proof.xml == *line.xml);
            line.near = line.near.take().filter(|_| !is_proof);
        }
    }
}
