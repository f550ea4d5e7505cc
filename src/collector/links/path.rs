//! What alerts are told of their connections: the path that one is part of, the alerts at its other end, and which alerts say
//! something else once a connection is joined.

use crate::alert::link::{Hop, together};
use crate::alert::{Action, Alert, AlertId, Severity};
use crate::collector::links::Links;

/// What an alert is linked to.
#[derive(Debug)]
struct Story {
    linked: Vec<AlertId>,
    hops: Vec<Hop>,
    raised_to: Option<Severity>,
}

impl Links {
    /// What an alert with that severity of its rule is linked to.
    fn story(&self, id: &AlertId, severity: Severity) -> Story {
        let ids = self.of_alert.get(id).map(Vec::as_slice).unwrap_or_default();
        let own: Vec<u64> = ids.iter().copied().filter(|id| self.ends(*id).is_some()).collect();
        let mut linked: Vec<AlertId> = Vec::new();
        let mut raised: Option<Severity> = None;
        for (from, to) in own.iter().filter_map(|id| self.ends(*id)) {
            let is_reached = to.alerts.iter().any(|own| own.id == *id);
            // It may rest on both ends itself.
            let others = if is_reached { &from.alerts } else { &to.alerts };
            for other in others.iter().filter(|other| other.id != *id) {
                if !linked.contains(&other.id) {
                    linked.push(other.id.clone());
                }
                // Where something ran tells the whole story; the other end keeps its own weight, so that one attack counts once.
                if is_reached && self.config.raise {
                    raised = raised.max(together(severity, other.severity));
                }
            }
        }
        Story { linked, hops: self.path(&own), raised_to: raised.filter(|raised| *raised > severity) }
    }

    /// The path that these connections of an alert are part of. Where they are on several, it is the one with the most of them,
    /// and of those the first.
    fn path(&self, own: &[u64]) -> Vec<Hop> {
        let mut best = (0, Vec::new());
        for id in own {
            let route: Vec<u64> = self.route(*id).into();
            let on_it = own.iter().filter(|id| route.contains(id)).count();
            if on_it > best.0 {
                best = (on_it, route);
            }
        }
        let hop = |id: &u64| {
            let (from, to) = self.ends(*id)?;
            let protocol = self.connections.get(id)?.tuple.protocol.clone();
            Some(Hop { protocol, from: from.clone(), to: to.clone() })
        };
        best.1.iter().filter_map(hop).collect()
    }

    /// Writes on an alert what it is linked to.
    pub(super) fn write(&self, alert: &mut Alert) {
        let Story { linked, hops, raised_to } = self.story(&alert.id, alert.rule.severity);
        (alert.linked, alert.hops, alert.raised_to) = (linked, hops, raised_to);
    }

    /// The alerts at the connections that these changes concern that say something else now, in order of time.
    pub(super) fn retell(&mut self, changed: &[u64], except: Option<&AlertId>) -> Vec<Alert> {
        let (concerned, is_cut) = self.concerned(changed);
        self.counts.untold += u64::from(is_cut);
        let mut told: Vec<Alert> = Vec::new();
        for connection in concerned.iter().filter_map(|id| self.connections.get(id)) {
            for own in connection.alerts().filter(|own| Some(&own.id) != except) {
                let Some(before) = self.alerts.get(&own.id).filter(|_| told.iter().all(|alert| alert.id != own.id)) else {
                    continue;
                };
                let Story { linked, hops, raised_to } = self.story(&own.id, before.rule.severity);
                if (&linked, &hops, raised_to) != (&before.linked, &before.hops, before.raised_to) {
                    told.push(Alert { action: Action::Updated, linked, hops, raised_to, ..Alert::clone(before) });
                }
            }
        }
        told.sort_by_key(|alert| alert.time);
        told
    }
}
