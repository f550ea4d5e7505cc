//! From an alert to what lies beside it: the same list as for choosing a value, with ways on top that lead somewhere. A way that
//! leads nowhere is not offered.

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::AlertId;
use crate::alert::header::short_host;
use crate::alert::link::Side;
use crate::console::counted::count_of;
use crate::console::model::Model;
use crate::console::model::line::TextLine;
use crate::console::model::pick::{Aim, Picker, of_alert, quoted};
use crate::console::model::screen::{Screen, Selection, Tab};
use crate::console::model::tail::TailLine;
use crate::console::model::triage::Dialog;
use crate::console::model::window::Window;
use crate::event::names::HostName;
use crate::event::text::is_said;
use crate::filter::Filter;
use crate::filter::listed::Listed;
use crate::roster::Entry;

/// How far before and after an alert an event is around it.
const AROUND: TimeDelta = TimeDelta::minutes(5);

/// Where a way leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Goal {
    /// To the events of this computer, at this time.
    Events(String, DateTime<Utc>),
    /// Into an alert.
    Alert(AlertId),
    /// To the screen of a host.
    Host(HostName),
    /// To the paths, at the hop of this alert.
    Lateral(AlertId),
    /// To all alerts that a filter lets through, at this one.
    Alerts(String, AlertId),
}

/// A way from an alert to something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    /// What is there.
    pub name: &'static str,
    /// Which one.
    pub value: String,
    goal: Goal,
}

impl Model {
    /// Asks where to go from the alert that is open.
    pub(super) fn ask_pivot(&mut self) {
        let Some(entry) = self.front() else {
            self.hint = Some(self.no_alert());
            return;
        };
        let (about, values) = (entry.header.id.clone(), of_alert(entry));
        let ways = self.ways_from(entry);
        self.dialog = Some(Dialog::Pick(Picker {
            aim: Aim::Pivot,
            about: Some(about),
            ways,
            values,
            query: TextLine::default(),
            selected: 0,
        }));
    }

    /// What can be reached from an alert, as things are now.
    fn ways_from(&self, entry: &Entry) -> Vec<Way> {
        let header = &entry.header;
        let mut ways = Vec::new();
        let around = self.events.iter().filter(|row| is_around(row, &header.host, header.time)).count();
        if around > 0 {
            let text = format!("{}, {} within 5 min", short_host(&header.computer), count_of(around as u64, "event"));
            ways.push(Way { name: "events around it", value: text, goal: Goal::Events(header.computer.clone(), header.time) });
        }
        ways.extend(self.linked_ways(entry));
        ways.extend(self.host_ways(entry));
        if self.lateral_rows().iter().any(|row| row.hop.has(&header.id) && row.number.is_some()) {
            let value = crate::alert::link::path(&header.hops);
            ways.push(Way { name: "lateral movement", value, goal: Goal::Lateral(header.id.clone()) });
        }
        let source = header.source.as_ref().map(|end| &end.ip);
        let alike = [
            ("alerts, same source", "src", source),
            ("alerts, same account", "user", header.user.as_ref()),
            ("alerts, same rule", "rule", Some(&header.rule)),
        ];
        let own = alike
            .into_iter()
            .filter_map(|(name, field, text)| self.alike_way(entry, name, field, text.filter(|text| is_said(text))?));
        ways.extend(own);
        ways
    }

    /// The alerts at the other end of its connection.
    fn linked_ways(&self, entry: &Entry) -> Vec<Way> {
        let id = &entry.header.id;
        let is_at = |side: &Side| side.alerts.iter().any(|own| own.id == *id);
        let mut ways: Vec<Way> = Vec::new();
        for hop in &entry.header.hops {
            let ends = [(&hop.from, &hop.to, "left"), (&hop.to, &hop.from, "reached")];
            for (side, _, verb) in ends.into_iter().filter(|(_, other, _)| is_at(other)) {
                for other in side.alerts.iter().filter(|other| other.id != *id) {
                    let goal = Goal::Alert(other.id.clone());
                    let can_open = self.alerts.is_part() || self.alerts.number_of(&other.id).is_some();
                    if can_open && !ways.iter().any(|way| way.goal == goal) {
                        let value = format!("{}, where it {verb} {}", other.id.short(), side.name());
                        ways.push(Way { name: "linked alert", value, goal });
                    }
                }
            }
        }
        ways
    }

    /// Its host, and the host at the other end of its connection, where that is one of ours.
    fn host_ways(&self, entry: &Entry) -> Vec<Way> {
        let header = &entry.header;
        let ends = [header.source.as_ref(), header.destination.as_ref()];
        let ips: Vec<&str> = ends.into_iter().flatten().map(|end| end.ip.as_str()).collect();
        let is_end = |address: Option<&str>| address.is_some_and(|ip| ips.contains(&ip));
        let others = self.hosts.values().filter(|host| host.name != header.host && is_end(host.address.as_deref()));
        let own = self.hosts.get(&header.host);
        let way = |host: &crate::hosts::HostState| {
            let name = if host.name == header.host { "its host" } else { "host at the other end" };
            let count = self.alerts.of_host(&host.name).len() as u64;
            let value = format!("{}, {}", short_host(&host.computer), count_of(count, "alert"));
            Way { name, value, goal: Goal::Host(host.name.clone()) }
        };
        own.into_iter().chain(others).map(way).collect()
    }

    /// To the alerts that share a value with it, if there is another one.
    fn alike_way(&self, entry: &Entry, name: &'static str, field: &str, text: &str) -> Option<Way> {
        let term = format!("{field}:{}", quoted(text));
        let filter = Filter::parse(&term).ok()?;
        let has = |own: &&Entry| filter.matches(&Listed { header: &own.header, state: &own.state, now: self.now });
        let others = self.alerts.held().filter(|own| own.number != entry.number).filter(has).count() as u64;
        let count = match (others, self.alerts.is_missing_some()) {
            (0, false) => return None,
            (others, false) => count_of(others, "other"),
            // The collector has the rest.
            (0, true) => "the collector looks".to_owned(),
            (others, true) => format!("{others} others at least"),
        };
        Some(Way { name, value: format!("{text}, {count}"), goal: Goal::Alerts(term, entry.header.id.clone()) })
    }

    /// Goes there.
    pub(super) fn go(&mut self, way: Way) {
        match way.goal {
            Goal::Events(computer, time) => self.go_to_events(&computer, time),
            Goal::Alert(id) => match self.alerts.number_of(&id) {
                Some(number) => self.open_alert(Some(number)),
                None if self.alerts.is_part() => self.want(id),
                None => self.hint = Some("this alert is no longer in memory"),
            },
            Goal::Host(host) => {
                let alert = self.selected_alert();
                self.stack.push(Screen::Host { host, alert });
            }
            Goal::Lateral(id) => {
                let rows = self.lateral_rows();
                let alert = rows.iter().filter(|row| row.hop.has(&id)).find_map(|row| row.number);
                self.stack.push(Screen::Lateral { alert });
            }
            Goal::Alerts(term, id) => {
                self.open_tab(Tab::Alerts);
                self.show_only(&term);
                let number = self.alerts.number_of(&id);
                self.alert = Selection { what: number, is_chosen: number.is_some() };
            }
        }
    }

    fn go_to_events(&mut self, computer: &str, time: DateTime<Utc>) {
        self.open_tab(Tab::Events);
        self.show_only(&format!("host:{}", quoted(computer)));
        let rows = self.event_rows();
        let nearest = rows.iter().min_by_key(|row| (row.line.time - time).abs()).map(|row| row.number);
        self.event = Selection { what: nearest, is_chosen: nearest.is_some() };
    }

    /// This filter in the place of the one before, whatever its age: what one goes to must not be hidden.
    fn show_only(&mut self, term: &str) {
        self.window = Window::All;
        self.set_filter(term);
        self.said = Some((format!("filter: {term}"), false));
    }
}

fn is_around(row: &TailLine, host: &HostName, time: DateTime<Utc>) -> bool {
    row.line.host == *host && (row.line.time - time).abs() <= AROUND
}
