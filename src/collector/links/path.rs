//! What alerts are told of their connections: the path that one is part of, the alerts at its other end, and which alerts say
//! something else once a connection is joined.

use std::collections::{BTreeSet, VecDeque};

use chrono::{DateTime, Utc};

use crate::alert::link::{Hop, together};
use crate::alert::{Action, Alert, AlertId, Severity};
use crate::collector::links::Links;
use crate::collector::links::ends::Connection;

/// How many hops a path has at most.
const MAX_HOPS: usize = 16;

impl Links {
    /// The path that a linked connection is part of: back over who reached its source last before, on over where its
    /// destination went first after.
    fn route(&self, id: u64) -> VecDeque<u64> {
        let mut route = VecDeque::from([id]);
        let ends = |id: u64| self.connections.get(&id).and_then(Connection::ends);
        let within = |earlier: DateTime<Utc>, later: DateTime<Utc>| later - earlier <= self.config.chain_within;
        while let Some((from, _)) = route.front().and_then(|first| ends(*first)).filter(|_| route.len() < MAX_HOPS) {
            let before = self.reached.get(&from.host).and_then(|index| index.range(..=(from.at, u64::MAX)).next_back());
            match before {
                Some((at, id)) if within(*at, from.at) && !route.contains(id) => route.push_front(*id),
                _ => break,
            }
        }
        while let Some((_, to)) = route.back().and_then(|last| ends(*last)).filter(|_| route.len() < MAX_HOPS) {
            let after = self.left.get(&to.host).and_then(|index| index.range((to.at, 0)..).next());
            match after {
                Some((at, id)) if within(to.at, *at) && !route.contains(id) => route.push_back(*id),
                _ => break,
            }
        }
        route
    }

    /// Writes on an alert what it is linked to.
    pub(super) fn write(&self, alert: &mut Alert) {
        let ids = self.of_alert.get(&alert.id).map(Vec::as_slice).unwrap_or_default();
        let linked: Vec<u64> =
            ids.iter().copied().filter(|id| self.connections.get(id).is_some_and(|own| own.ends().is_some())).collect();
        let mut others: Vec<AlertId> = Vec::new();
        let mut raised: Option<Severity> = None;
        for (from, to) in linked.iter().filter_map(|id| self.connections.get(id)?.ends()) {
            let is_reached = to.alerts.iter().any(|own| own.id == alert.id);
            for other in if is_reached { &from.alerts } else { &to.alerts } {
                if !others.contains(&other.id) {
                    others.push(other.id.clone());
                }
                // Where something ran tells the whole story; the other end keeps its own weight, so that one attack counts once.
                if is_reached && self.config.raise {
                    raised = raised.max(together(alert.rule.severity, other.severity));
                }
            }
        }
        let hop = |id: &u64| {
            let connection = self.connections.get(id)?;
            let (from, to) = connection.ends()?;
            Some(Hop { protocol: connection.tuple.protocol.clone(), from: from.clone(), to: to.clone() })
        };
        alert.linked = others;
        alert.hops = linked.first().map_or_else(Vec::new, |first| self.route(*first).iter().filter_map(hop).collect());
        alert.raised_to = raised.filter(|raised| *raised > alert.rule.severity);
    }

    /// The alerts along the paths of these connections that say something else now, in order of time.
    pub(super) fn retell(&mut self, changed: &[u64], except: Option<&AlertId>) -> Vec<Alert> {
        let mut told: Vec<Alert> = Vec::new();
        let mut looked_at: BTreeSet<u64> = BTreeSet::new();
        for id in changed.iter().flat_map(|id| self.route(*id)) {
            if !looked_at.insert(id) {
                continue;
            }
            let Some(connection) = self.connections.get(&id) else { continue };
            for own in connection.alerts().filter(|own| Some(&own.id) != except) {
                let Some(before) = self.alerts.get(&own.id).filter(|_| told.iter().all(|alert| alert.id != own.id)) else {
                    continue;
                };
                let mut alert = Alert { action: Action::Updated, ..Alert::clone(before) };
                self.write(&mut alert);
                if (&alert.linked, &alert.hops, alert.raised_to) != (&before.linked, &before.hops, before.raised_to) {
                    told.push(alert);
                }
            }
        }
        told.sort_by_key(|alert| alert.time);
        told
    }
}
