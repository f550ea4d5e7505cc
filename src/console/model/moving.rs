//! How keys move through the lists. A selection follows what it selected, not a row; it comes to life with the first key that
//! moves it, and until then the newest and worst stands at the top.

use crate::console::model::Model;
use crate::console::model::older::Older;
use crate::console::model::screen::{Pane, Screen, Selection, Tab};
use crate::event::names::HostName;

/// The place that is `by` rows further, kept inside the list.
fn moved(place: Option<usize>, by: isize, length: usize) -> Option<usize> {
    let last = length.checked_sub(1)?;
    // The first key of all brings the selection to life where it stands; then it moves.
    let place = place.unwrap_or(0);
    Some(place.saturating_add_signed(by).min(last))
}

impl Model {
    pub(super) fn move_by(&mut self, by: isize) {
        if let Some(screen) = self.stack.last().cloned() {
            return self.move_in(screen, by);
        }
        match (self.tab, self.pane) {
            (Tab::Health, _) => {
                self.health_scroll = self.health_scroll.saturating_add_signed(by).min(crate::console::view::scroll_limit(self));
            }
            (Tab::Events, _) => self.move_event(by),
            (Tab::Triage, Pane::Hosts) => {
                let rows: Vec<HostName> = self.host_rows().iter().map(|row| row.state.name.clone()).collect();
                let place = self.selected_host().and_then(|host| rows.iter().position(|own| *own == host));
                let next = moved(place, by, rows.len()).map(|place| rows[place].clone());
                self.host = Selection { is_chosen: next.is_some(), what: next };
            }
            (Tab::Triage | Tab::Alerts, _) => {
                let rows = self.alerts.rows(self.tab == Tab::Triage);
                let place = self.selected_alert().and_then(|number| rows.place_of(number));
                let next = moved(place, by, rows.len());
                let number = next.and_then(|place| rows.get(place)).map(|entry| entry.number);
                // Back at the top the list follows what comes.
                let is_chosen = next.is_some_and(|place| place > 0);
                self.alert = Selection { what: number, is_chosen };
                if !is_chosen {
                    self.new_above = 0;
                }
            }
        }
    }

    fn move_event(&mut self, by: isize) {
        let rows = self.event_rows();
        let (count, is_last) = (rows.len(), by >= isize::MAX / 2);
        let next = moved(self.event_place(&rows), by, count);
        // At the newest event the tail follows; where it is not shown, only the key for the end leads there.
        let follows = |place: usize| place + 1 == count && !self.older.has_gap();
        let chosen = next.filter(|place| !is_last && !follows(*place)).map(|place| rows[place].number);
        self.event = Selection { what: chosen, is_chosen: chosen.is_some() };
        if is_last {
            self.older = Older::default();
        } else {
            self.want_events(by, next, count);
        }
    }

    fn move_in(&mut self, screen: Screen, by: isize) {
        let top = self.stack.len() - 1;
        self.stack[top] = match screen {
            Screen::Host { host, alert } => {
                let rows: Vec<u64> = self.alerts.of_host(&host).iter().map(|entry| entry.number).collect();
                let near = alert.and_then(|number| self.alerts.near_to_of_host(number, &host));
                let place = near.and_then(|number| rows.iter().position(|own| *own == number));
                let next = moved(place, by, rows.len()).map(|place| rows[place]);
                Screen::Host { host, alert: next }
            }
            Screen::Lateral { alert } => {
                let rows: Vec<u64> = self.lateral_rows().iter().filter_map(|row| row.number).collect();
                let place = alert.and_then(|number| rows.iter().position(|own| *own == number));
                Screen::Lateral { alert: moved(place, by, rows.len()).map(|place| rows[place]) }
            }
            Screen::Alert { number, with_repeats, section, scroll } => Screen::Alert {
                number,
                with_repeats,
                section,
                scroll: scroll.saturating_add_signed(by).min(crate::console::view::scroll_limit(self)),
            },
            Screen::Event { number, scroll } => {
                Screen::Event { number, scroll: scroll.saturating_add_signed(by).min(crate::console::view::scroll_limit(self)) }
            }
            Screen::BadFrames { scroll } => {
                Screen::BadFrames { scroll: scroll.saturating_add_signed(by).min(crate::console::view::scroll_limit(self)) }
            }
        };
    }
}
