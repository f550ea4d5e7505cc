//! What a script follows: alerts and events that its filters let through. The server filters, so that nothing is sent for
//! nothing.

use std::borrow::Cow;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::alert::Severity;
use crate::alert::header::Header;
use crate::feed::{Change, EventLine, Update};
use crate::filter::data::{data_of, values_of};
use crate::filter::listed::Listed;
use crate::filter::{Field, Filter, Filterable};
use crate::triage::State;

/// The filters of a script.
#[derive(Debug)]
pub(super) struct Tail {
    alerts: Option<Filter>,
    events: Option<Filter>,
}

struct Seen<'a> {
    line: &'a EventLine,
    now: DateTime<Utc>,
}

impl Filterable for Seen<'_> {
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
        Some((self.now - self.line.time).num_seconds())
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        vec![self.line.computer.as_str().into(), self.line.channel.as_str().into(), self.line.summary.as_str().into()]
    }
}

impl Tail {
    /// Reads the filters.
    pub(super) fn parse(alerts: Option<&str>, events: Option<&str>) -> Result<Self, String> {
        let parse = |text: Option<&str>| text.map(Filter::parse).transpose().map_err(|error| error.reason.clone());
        Ok(Self { alerts: parse(alerts)?, events: parse(events)? })
    }

    /// Whether it follows events.
    pub(super) fn wants_events(&self) -> bool {
        self.events.is_some()
    }

    /// What of an update the script wants.
    pub(super) fn of(&self, update: &Arc<Update>) -> Option<Arc<Update>> {
        match (&update.change, &self.alerts, &self.events) {
            (Change::Alert(alert), Some(filter), _) => {
                let state = State { muted: alert.muted, ..State::default() };
                let header = Header::of(alert);
                filter.matches(&Listed { header: &header, state: &state, now: update.at }).then(|| update.clone())
            }
            (Change::Events(lines), _, Some(filter)) => {
                let wanted = lines.iter().filter(|line| filter.matches(&Seen { line, now: update.at }));
                let wanted: Vec<EventLine> = wanted.cloned().collect();
                let change = Change::Events(wanted);
                let is_empty = matches!(&change, Change::Events(lines) if lines.is_empty());
                (!is_empty).then(|| Arc::new(Update { change, ..**update }))
            }
            _ => None,
        }
    }
}
