//! Finds the connections that two hosts told of, and keeps the alerts that stand at their ends up to date. Pure and bounded.
//!
//! ```text
//! A: out 10.0.0.1:51544 > 10.0.0.2:5985  ─┐ same four-tuple, other host,
//! B: in  10.0.0.1:51544 > 10.0.0.2:5985  ─┘ within the window of event time  =  hop A > B
//! A > B, then B > C after B was reached, within the hour                     =  path A > B > C
//! ```
//!
//! Which connections are kept: those that an alert rests on, and, of the others, only outbound ones to the WinRM ports or that
//! a rule looked at. An inbound alert is told where it came from even if nothing fired there (the source may run as an account
//! that the rule leaves out); an inbound connection on which nothing fired adds nothing to an outbound alert. The bulk of
//! connections never gets here, so that the cost lies with alerts and not with events.

mod ends;
mod held;
mod join;
mod path;
mod tree;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::link::{AtEnd, Config};
use crate::alert::{Alert, AlertId};
use crate::collector::links::ends::{Connection, End, Tuple, Way};
use crate::collector::links::held::Held;
use crate::collector::links::tree::Index;
use crate::event::WindowsEvent;
use crate::event::names::HostName;

/// How often it is said that a change was not told everywhere.
const SAY_EVERY: TimeDelta = TimeDelta::minutes(1);

/// When an event happened and arrived, and how far its host's clock is known to be off.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// How far off that may be; nothing where the time was corrected.
    pub skew: TimeDelta,
    /// When it arrived.
    pub now: DateTime<Utc>,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkCounts {
    /// Connections of which both ends were seen.
    pub linked: u64,
    /// Connections and alerts that were forgotten for room before their time.
    pub shed: u64,
    /// Changes that concern more hops than are told anew at once: alerts further away tell the path as it was.
    pub untold: u64,
    /// Connections that are remembered.
    pub kept: u64,
}

/// All connections and the alerts at their ends.
#[derive(Debug)]
pub struct Links {
    config: Config,
    /// Whether inbound connections may stand in the old order (`mapping.swap_old_inbound`).
    may_swap: bool,
    connections: HashMap<u64, Connection>,
    by_tuple: HashMap<Tuple, Vec<u64>>,
    /// Which is forgotten next. One whose time here is not its own any more has another turn further back.
    order: VecDeque<(u64, DateTime<Utc>)>,
    /// Linked connections by the host that they reach and leave, in order of time.
    reached: Index,
    left: Index,
    alerts: Held,
    of_alert: HashMap<AlertId, Vec<u64>>,
    next: u64,
    counts: LinkCounts,
    /// How many changes were not told everywhere when that was said last, and when.
    said: (u64, Option<DateTime<Utc>>),
}

impl Links {
    /// Nothing known yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            may_swap: false,
            connections: HashMap::new(),
            by_tuple: HashMap::new(),
            order: VecDeque::new(),
            reached: HashMap::new(),
            left: HashMap::new(),
            alerts: Held::default(),
            of_alert: HashMap::new(),
            next: 0,
            counts: LinkCounts::default(),
            said: (0, None),
        }
    }

    /// Whether inbound connections may stand in the old order.
    pub fn set_swap(&mut self, may_swap: bool) {
        self.may_swap = may_swap;
    }

    /// What was counted.
    pub fn counts(&self) -> LinkCounts {
        LinkCounts { kept: self.connections.len() as u64, ..self.counts }
    }

    /// Whether people are to hear that a change was not told everywhere: once a minute at most.
    pub fn is_to_be_said(&mut self, now: DateTime<Utc>) -> bool {
        let (before, at) = self.said;
        let is_due = self.counts.untold > before && at.is_none_or(|at| now - at >= SAY_EVERY);
        if is_due {
            self.said = (self.counts.untold, Some(now));
        }
        is_due
    }

    /// Notes a connection that no alert rests on, where it can matter. Answers the alerts that are told anew because of it.
    #[must_use]
    pub fn observe(&mut self, event: &WindowsEvent, seen: Seen, is_hit: bool) -> Vec<Alert> {
        if event.event_id().0 != 3 || !event.is_sysmon() {
            return Vec::new();
        }
        let is_wanted = is_hit || matches!(event.get("DestinationPort"), Some("5985" | "5986"));
        let is_outbound = || event.get("Initiated").is_some_and(|is| is.eq_ignore_ascii_case("true"));
        if !is_wanted || !is_outbound() {
            return Vec::new();
        }
        let Some((tuple, way)) = Tuple::read(|name| event.get(name), self.may_swap) else { return Vec::new() };
        let end = End {
            tuple,
            way,
            host: event.host().clone(),
            computer: event.computer().to_owned(),
            at: seen.at,
            skew: seen.skew,
            alert: None,
        };
        let changed = self.join(end, seen.now);
        self.retell(&changed, None)
    }

    /// Takes in an alert that is about to be told, and writes on it what it is linked to. Answers the others that are told anew.
    #[must_use]
    pub fn receive(&mut self, alert: &mut Alert, skew: TimeDelta, now: DateTime<Utc>) -> Vec<Alert> {
        // A better pairing may rest on another connection.
        let mut changed = self.leave(&alert.id);
        for proof in alert.evidence.iter().filter(|proof| proof.event_id.0 == 3) {
            let Some((tuple, way)) = Tuple::read(|name| proof.field(name), self.may_swap) else { continue };
            let end = End {
                tuple,
                way,
                host: HostName::fold(&proof.computer),
                computer: proof.computer.clone(),
                at: proof.time,
                skew,
                alert: Some(AtEnd { id: alert.id.clone(), severity: alert.rule.severity }),
            };
            changed.extend(self.join(end, now));
        }
        let id = alert.id.clone();
        self.write(alert);
        self.retell(&changed, Some(&id))
    }

    /// Takes back an alert of an earlier run, with what it was linked to; that was counted then.
    pub fn restore(&mut self, alert: &Alert) {
        let counts = self.counts;
        for hop in &alert.hops {
            let (source, destination) = ((hop.from.ip, hop.from.port), (hop.to.ip, hop.to.port));
            let tuple = Tuple { protocol: hop.protocol.clone(), source, destination };
            // That the two are one was known then, however far the clocks were off.
            let skew = (hop.from.at - hop.to.at).abs();
            for (way, side) in [(Way::Out, &hop.from), (Way::In, &hop.to)] {
                let bare = || End {
                    tuple: tuple.clone(),
                    way,
                    host: side.host.clone(),
                    computer: side.computer.clone(),
                    at: side.at,
                    skew,
                    alert: None,
                };
                self.join(bare(), alert.created);
                for own in &side.alerts {
                    self.join(End { alert: Some(own.clone()), ..bare() }, alert.created);
                }
            }
        }
        let now = alert.created;
        let mut alert = alert.clone();
        for told in self.receive(&mut alert, TimeDelta::zero(), now) {
            self.hold(&Arc::new(told));
        }
        self.hold(&Arc::new(alert));
        self.counts = counts;
    }

    /// Holds an alert as it was told, so that a later link can be told on it.
    pub fn hold(&mut self, alert: &Arc<Alert>) {
        if self.of_alert.contains_key(&alert.id) {
            self.counts.shed += self.alerts.insert(alert);
        } else {
            self.alerts.remove(&alert.id);
        }
    }
}

#[cfg(test)]
mod tests;
