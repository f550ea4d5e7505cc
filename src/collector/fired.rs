//! From a rule that fired to an alert that is told: raised once, given what is known around it, made durable, announced.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::{Action, Alert};
use crate::collector::{Collector, dedup};
use crate::detect::correlator::Completed;
use crate::detect::raise;
use crate::event::names::HostName;
use crate::event::time::EventTimeRule;
use crate::feed::Change;

impl Collector {
    /// Announces sequences that became certain as time passed.
    pub(super) async fn raise_certain(&mut self, certain: Vec<Completed>, now: DateTime<Utc>) {
        for sequence in certain {
            if let Some(alert) = raise::sequence(&self.rules, &sequence, now) {
                self.raise(alert);
            }
        }
        self.settle().await;
    }

    /// Takes an alert. One id is raised once; a second raising is the same event by another way and says nothing new.
    pub(super) fn raise(&mut self, mut alert: Alert) {
        let is_new = self.raised.is_new(Some(dedup::hash(alert.id.0.as_bytes())));
        if alert.action == Action::Raised && !is_new {
            return;
        }
        alert.tree = self.processes.tree(&alert.host, &alert.subject);
        alert.names = self.hosts.names_of(&alert.host, &alert.subject);
        let (skew, received_at) = (self.skew_of(&alert.host), alert.evidence.last().received_at);
        let told = self.links.receive(&mut alert, skew, received_at);
        self.desk.receive(&mut alert);
        self.fire(alert);
        self.retell(told);
    }

    /// Takes alerts that are told anew because of a link.
    pub(super) fn retell(&mut self, told: Vec<Alert>) {
        for mut alert in told {
            self.desk.relink(&mut alert);
            self.fire(alert);
        }
    }

    /// Counts an alert, keeps it for later links, and puts it where it waits to be told.
    fn fire(&mut self, alert: Alert) {
        self.tally.alert(&alert);
        let alert = Arc::new(alert);
        self.links.hold(&alert);
        self.fired.push(alert);
    }

    /// How far the times of a host may be off: only where they are taken as the host gives them.
    pub(super) fn skew_of(&self, host: &HostName) -> TimeDelta {
        match self.rules.mapping().event_time {
            EventTimeRule::Elastic => self.hosts.skew_of(host),
            EventTimeRule::Robust => TimeDelta::zero(),
        }
    }

    /// Makes what fired durable, then announces it.
    pub(super) async fn settle(&mut self) {
        let fired = std::mem::take(&mut self.fired);
        self.desk.settle(&fired).await;
        self.announce(fired).await;
    }

    pub(super) async fn announce(&mut self, alerts: Vec<Arc<Alert>>) {
        for alert in &alerts {
            self.publish(Change::Alert(alert.clone()), alert.created).await;
        }
        self.desk.announced(&alerts).await;
    }
}
