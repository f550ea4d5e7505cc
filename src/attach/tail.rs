//! What a script follows: alerts and events that its filters let through. The server filters, so that nothing is sent for
//! nothing.

use std::sync::Arc;

use crate::alert::header::Header;
use crate::feed::{Change, EventLine, Update};
use crate::filter::Filter;
use crate::filter::listed::Listed;
use crate::roster::happened::Happened;
use crate::triage::State;

/// The filters of a script.
#[derive(Debug)]
pub(super) struct Tail {
    alerts: Option<Filter>,
    events: Option<Filter>,
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
                let wanted = lines.iter().filter(|line| filter.matches(&Happened { line, at: update.at, now: update.at }));
                let wanted: Vec<EventLine> = wanted.cloned().collect();
                let change = Change::Events(wanted);
                let is_empty = matches!(&change, Change::Events(lines) if lines.is_empty());
                (!is_empty).then(|| Arc::new(Update { change, ..**update }))
            }
            _ => None,
        }
    }
}
