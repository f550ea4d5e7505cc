//! The tail of events: which of them are shown, and which is selected.

use chrono::{DateTime, Utc};

use crate::console::keys::action::Action;
use crate::console::model::Model;
use crate::console::model::screen::{Screen, Tab};
use crate::feed::EventLine;
use crate::roster::happened::Happened;

/// An event of the tail, numbered.
#[derive(Debug, Clone)]
pub struct TailLine {
    /// Its number, in order of arrival.
    pub number: u64,
    /// When the collector told of it.
    pub at: DateTime<Utc>,
    /// The event.
    pub line: EventLine,
}

/// What becomes of a line that is longer than its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Summaries {
    /// It is cut.
    #[default]
    Cut,
    /// It goes on in the next rows.
    Wrapped,
}

impl Model {
    /// Long lines are wrapped, or cut again.
    pub(super) fn wrap(&mut self) {
        if !self.can_do(Action::Wrap) {
            self.hint = Some("only the list of events (3) is wrapped");
            return;
        }
        self.summaries = match self.summaries {
            Summaries::Cut => Summaries::Wrapped,
            Summaries::Wrapped => Summaries::Cut,
        };
        let text = if self.summaries == Summaries::Cut { "long lines are cut" } else { "long lines go on in the next rows" };
        self.said = Some((text.to_owned(), false));
    }

    /// The events that the filter lets through, oldest first: older ones too, while somebody looks at them.
    pub fn event_rows(&self) -> Vec<&TailLine> {
        // What lies behind a gap does not follow.
        let held = self.events.iter().filter(|_| !self.older.has_gap());
        self.older.rows().chain(held).filter(|row| self.shows(row)).collect()
    }

    /// An event that is held, by its number.
    pub fn event_of(&self, number: u64) -> Option<&TailLine> {
        self.events.iter().chain(self.older.rows()).find(|row| row.number == number)
    }

    /// Whether the filter lets an event through, as time stands for the lists: not behind a frozen picture.
    pub fn shows(&self, row: &TailLine) -> bool {
        self.filter.is_empty() || self.filter.matches(&Happened { line: &row.line, at: row.at, now: self.filtered })
    }

    /// Which of the events that are shown is selected: the newest, what was chosen, or what follows that where it is not shown.
    pub fn event_place(&self, rows: &[&TailLine]) -> Option<usize> {
        let newest = rows.len().checked_sub(1)?;
        Some(self.event.what.map_or(newest, |number| rows.partition_point(|row| row.number < number).min(newest)))
    }

    /// The event in front, or the selected one of the tail.
    pub fn selected_event(&self) -> Option<&TailLine> {
        match (self.stack.last(), self.tab) {
            (Some(Screen::Event { number, .. }), _) => self.event_of(*number),
            (None, Tab::Events) => {
                let rows = self.event_rows();
                self.event_place(&rows).map(|place| rows[place])
            }
            _ => None,
        }
    }
}

/// The data fields of event XML, name and value in document order; none where it cannot be decoded.
pub(crate) fn event_fields(xml: &str) -> Vec<(String, String)> {
    let Ok(decoded) = crate::decode::decode(xml.as_bytes(), DateTime::UNIX_EPOCH) else { return Vec::new() };
    let own = |(name, value): (Option<&str>, &str)| (name.unwrap_or_default().to_owned(), value.to_owned());
    decoded.event.data().map(own).collect()
}
