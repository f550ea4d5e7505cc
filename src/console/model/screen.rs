//! Where the user is: tabs, what is open on top of them, what is selected, and how one goes in and out.

use crate::alert::Severity;
use crate::console::keys::action::Action;
use crate::console::model::Model;
use crate::console::model::window::Window;
use crate::event::names::HostName;
use crate::filter::Filter;
use crate::hosts::HostState;

/// The tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tab {
    /// Hosts, alerts, why.
    Triage,
    /// All alerts.
    Alerts,
    /// The live tail.
    Events,
    /// The collector.
    Health,
}

impl Tab {
    /// All, in order of their keys.
    pub const ALL: [(Self, &'static str); 4] =
        [(Self::Triage, "1 Triage"), (Self::Alerts, "2 Alerts"), (Self::Events, "3 Events"), (Self::Health, "4 Health")];
}

/// The lists of Triage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// The hosts.
    Hosts,
    /// The alerts.
    Alerts,
}

/// The sections of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// Why it fired.
    Why,
    /// All fields of its events.
    Events,
    /// The process tree.
    Tree,
    /// The XML.
    Xml,
    /// What to do.
    Steps,
    /// What people did.
    History,
}

impl Section {
    /// All, in order of their keys.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::Why, "1 Why"),
        (Self::Events, "2 Events"),
        (Self::Tree, "3 Tree"),
        (Self::Xml, "4 XML"),
        (Self::Steps, "5 Steps"),
        (Self::History, "6 History"),
    ];
}

/// What was opened on top of a tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Screen {
    /// The alerts of a host.
    Host {
        /// The host.
        host: HostName,
        /// The selected alert.
        alert: Option<u64>,
    },
    /// The paths of linked alerts over the hosts.
    Lateral {
        /// The alert of the selected hop.
        alert: Option<u64>,
    },
    /// An alert.
    Alert {
        /// Its number.
        number: u64,
        /// Whether it stands for its repeats, as the row does that it was opened from.
        with_repeats: bool,
        /// The section.
        section: Section,
        /// How far it is scrolled.
        scroll: usize,
    },
    /// An event of the tail.
    Event {
        /// Its number.
        number: u64,
        /// How far it is scrolled.
        scroll: usize,
    },
    /// The last rejected messages in hex.
    BadFrames {
        /// How far it is scrolled.
        scroll: usize,
    },
}

/// What is selected in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection<T> {
    /// What.
    pub what: Option<T>,
    /// Whether the user chose it; else it is whatever stands first.
    pub is_chosen: bool,
}

impl<T> Default for Selection<T> {
    fn default() -> Self {
        Self { what: None, is_chosen: false }
    }
}

/// A host in the list.
#[derive(Debug, Clone, Copy)]
pub struct HostRow<'a> {
    /// The host.
    pub state: &'a HostState,
    /// Its worst alert.
    pub worst: Option<Severity>,
}

impl Model {
    pub(super) fn open_tab(&mut self, tab: Tab) {
        self.tab = tab;
        self.stack.clear();
    }

    pub(super) fn open_section(&mut self, wanted: Section) {
        if let Some(Screen::Alert { section, scroll, .. }) = self.stack.last_mut() {
            *section = wanted;
            *scroll = 0;
        }
    }

    pub(super) fn next_section(&mut self) {
        if let Some(Screen::Alert { section, scroll, .. }) = self.stack.last_mut() {
            let place = Section::ALL.iter().position(|(own, _)| own == section).unwrap_or(0);
            *section = Section::ALL[(place + 1) % Section::ALL.len()].0;
            *scroll = 0;
        }
    }

    /// Whether an action means something on the screen in front; the footer shows only what does.
    pub fn can_do(&self, action: Action) -> bool {
        let is_triage = self.tab == Tab::Triage && self.stack.is_empty();
        match action {
            Action::NextPane | Action::Expand => is_triage,
            Action::Wrap => self.tab == Tab::Events && self.stack.is_empty(),
            Action::Enter => match self.stack.last() {
                Some(Screen::Event { number, .. }) => self.event_of(*number).is_some_and(|row| row.line.alert.is_some()),
                Some(Screen::BadFrames { .. }) => false,
                Some(_) => true,
                None => match (self.tab, self.pane) {
                    (Tab::Health, _) => !self.rejected.is_empty(),
                    (Tab::Events, _) => !self.event_rows().is_empty(),
                    (Tab::Triage, Pane::Hosts) => !self.hosts.is_empty(),
                    (Tab::Triage | Tab::Alerts, _) => !self.alerts.rows(false).is_empty(),
                },
            },
            Action::NextAlert | Action::PreviousAlert => self.alerts.open_count() > 0,
            Action::Lateral => self.alerts.linked(&Filter::default(), self.now).next().is_some(),
            Action::ReplayStep | Action::ReplaySlower | Action::ReplayFaster => self.is_replaying(),
            Action::WindowWider => self.window != Window::All,
            Action::WindowNarrower => self.window != Window::Quarter,
            Action::ReplayAgain => self.config.is_replay && self.config.never_again.is_none(),
            Action::Copy | Action::Only | Action::Without => self.has_selection(),
            Action::Export => !self.alerts.rows(false).is_empty() || self.selected_event().is_some(),
            Action::Acknowledge
            | Action::Verdict
            | Action::Mute
            | Action::Comment
            | Action::Own
            | Action::Undo
            | Action::Mutes => self.can_act(action),
            Action::Mark | Action::MarkAll => self.has_list(),
            Action::Back => {
                !self.stack.is_empty()
                    || self.marked_rows() > 0
                    || self.is_expanded
                    || !self.filter.is_empty()
                    || self.alert.is_chosen
                    || self.event.is_chosen
            }
            _ => true,
        }
    }

    pub(super) fn next_pane(&mut self) {
        if !self.can_do(Action::NextPane) {
            self.hint = Some("one list here");
            return;
        }
        self.pane = match self.pane {
            Pane::Hosts => Pane::Alerts,
            Pane::Alerts => Pane::Hosts,
        };
    }

    pub(super) fn back(&mut self) {
        if self.unmark() {
            return;
        }
        if self.stack.pop().is_some() {
            return;
        }
        if self.is_expanded {
            self.is_expanded = false;
        } else if !self.filter_text.is_empty() {
            self.set_filter("");
        } else if self.window != Window::All {
            self.set_window(Window::All);
        } else if self.alert.is_chosen || self.event.is_chosen {
            self.alert = Selection::default();
            self.event = Selection::default();
            self.new_above = 0;
        } else {
            self.hint = Some("already at the top; q quits");
        }
    }

    /// The alert that is selected on the screen in front, chosen or first.
    pub fn selected_alert(&self) -> Option<u64> {
        match self.stack.last() {
            Some(Screen::Host { host, alert }) => {
                let chosen = alert.and_then(|number| self.alerts.near_to_of_host(number, host));
                chosen.or_else(|| self.alerts.of_host(host).first().map(|entry| entry.number))
            }
            Some(Screen::Lateral { alert }) => self.lateral_alert(*alert),
            Some(Screen::Alert { number, .. }) => Some(*number),
            Some(Screen::Event { .. } | Screen::BadFrames { .. }) => None,
            None => {
                let is_folded = self.tab == Tab::Triage;
                let chosen = self.alert.what.filter(|_| self.alert.is_chosen);
                let near = chosen.and_then(|number| self.alerts.near_to(number, is_folded));
                near.or_else(|| self.alerts.rows(is_folded).get(0).map(|entry| entry.number))
            }
        }
    }

    /// The host that is selected, chosen or first.
    pub fn selected_host(&self) -> Option<HostName> {
        let rows = self.host_rows();
        let chosen = self.host.what.clone().filter(|host| rows.iter().any(|row| row.state.name == *host));
        chosen.or_else(|| rows.first().map(|row| row.state.name.clone()))
    }

    pub(super) fn enter(&mut self) {
        match (self.stack.last(), self.tab, self.pane) {
            (Some(Screen::Event { number, .. }), ..) => {
                let number = *number;
                self.open_alert_of_event(number);
            }
            (None, Tab::Events, _) => match self.selected_event().map(|row| row.number) {
                Some(number) => self.stack.push(Screen::Event { number, scroll: 0 }),
                None => self.hint = Some("no event to open"),
            },
            (Some(Screen::BadFrames { .. }), ..) => self.hint = Some("nothing to open here"),
            (None, Tab::Health, _) if self.rejected.is_empty() => {
                self.hint = Some("nothing to open: no message was rejected");
            }
            (None, Tab::Health, _) => self.stack.push(Screen::BadFrames { scroll: 0 }),
            (None, Tab::Triage, Pane::Hosts) => match self.selected_host() {
                Some(host) => self.stack.push(Screen::Host { host, alert: None }),
                None => self.hint = Some("no host to open"),
            },
            _ => self.open_alert(self.selected_alert()),
        }
    }

    fn open_alert_of_event(&mut self, number: u64) {
        let id = self.event_of(number).and_then(|line| line.line.alert.as_ref()).map(|(id, _)| id.clone());
        match id.map(|id| (self.alerts.number_of(&id), id)) {
            Some((Some(number), _)) => self.open_alert(Some(number)),
            Some((None, id)) if self.alerts.is_part() => self.want(id),
            _ => self.hint = Some("this event completed no alert"),
        }
    }

    pub(super) fn open_alert(&mut self, number: Option<u64>) {
        let Some(number) = number else {
            self.hint = Some("no alert to open");
            return;
        };
        self.alert = Selection { what: Some(number), is_chosen: true };
        let with_repeats = self.stack.is_empty() && self.tab == Tab::Triage;
        self.stack.push(Screen::Alert { number, with_repeats, section: Section::Why, scroll: 0 });
    }

    /// Whether the next alert is the next row of Triage, where repeats are folded.
    pub(super) fn steps_over_kinds(&self) -> bool {
        let is_row = |screen: &Screen| matches!(screen, Screen::Alert { with_repeats: true, .. });
        self.tab == Tab::Triage && self.stack.iter().all(is_row)
    }

    /// The alert that the next one follows: what is open, or what was chosen, be it listed or not.
    pub(super) fn step_from(&self) -> Option<u64> {
        match self.alert.what.filter(|_| self.alert.is_chosen) {
            _ if self.is_inside() => self.selected_alert(),
            Some(number) if self.stack.is_empty() => self.alerts.shown_by(number, self.steps_over_kinds()).or(Some(number)),
            Some(_) => self.selected_alert(),
            None => None,
        }
    }

    pub(super) fn step_alert(&mut self, forward: bool) {
        let from = self.step_from();
        // In Triage repeats are one row, and so they are here.
        let Some(next) = self.alerts.neighbour(from, forward, self.steps_over_kinds()) else {
            let is_more = forward && self.alerts.horizon(true).is_some();
            self.hint = Some(match () {
                () if self.alerts.is_empty() => "no alerts yet",
                () if is_more && self.alerts.is_full() => "this console holds no more; / narrows the list",
                () if is_more => "asking the collector for more; try again",
                () if self.window != Window::All => "no more open alerts this way in this time window",
                () => "no more open alerts this way",
            });
            return;
        };
        if self.is_inside() {
            self.stack.pop();
        }
        self.open_alert(Some(next));
    }
}
