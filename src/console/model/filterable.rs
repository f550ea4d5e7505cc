//! Hosts as a filter sees them.

use std::borrow::Cow;

use crate::alert::Severity;
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
