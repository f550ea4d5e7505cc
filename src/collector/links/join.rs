//! How a connection comes in, finds its other end and goes again: each is in every index as long as it is kept, and in none
//! afterwards.

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::AlertId;
use crate::alert::link::{AtEnd, Side};
use crate::collector::links::Links;
use crate::collector::links::ends::{Connection, End, Tuple, Way};

/// How many connections of one four-tuple are kept: a port is used again, but not that often.
const PER_TUPLE: usize = 16;
/// How many alerts one end of a connection names.
const PER_END: usize = 16;
/// How much longer than a path may rest connections are kept: events arrive late.
const SLACK: TimeDelta = TimeDelta::minutes(15);

impl Links {
    /// Takes an end in; answers the connections whose alerts may have to be told anew.
    pub(super) fn join(&mut self, end: End, now: DateTime<Utc>) -> Vec<u64> {
        self.forget(now);
        let End { tuple, way, host, computer, at, skew, alert } = end;
        let ids = self.by_tuple.get(&tuple).map(Vec::as_slice).unwrap_or_default();
        let known = ids.iter().copied().find(|id| {
            let side = self.connections.get(id).and_then(|connection| connection.side(way));
            side.is_some_and(|side| side.host == host && side.at == at)
        });
        if let Some(id) = known {
            return self.stand_at(id, way, alert);
        }
        let (ip, port) = tuple.own(way);
        let side = Side { host, computer, at, ip, port, alerts: Vec::new() };
        let id = match self.other_end(ids, way, &side, skew) {
            Some(id) => id,
            None => self.begin(tuple, skew, now),
        };
        if let Some(connection) = self.connections.get_mut(&id) {
            *connection.side_mut(way) = Some(side);
            connection.skew = connection.skew.max(skew);
            if let Some((from, to)) = connection.ends() {
                self.left.entry(from.host.clone()).or_default().insert((from.at, id));
                self.reached.entry(to.host.clone()).or_default().insert((to.at, id));
                self.counts.linked += 1;
                self.keep_path(id, now);
            }
        }
        let mut changed = self.stand_at(id, way, alert);
        changed.push(id);
        changed
    }

    /// The connection that this is the other end of: another host's, the nearest in time, within the window.
    fn other_end(&self, ids: &[u64], way: Way, side: &Side, skew: TimeDelta) -> Option<u64> {
        let other = if way == Way::Out { Way::In } else { Way::Out };
        let fits = |id: &u64| {
            let connection = self.connections.get(id)?;
            let there = connection.side(other).filter(|there| there.host != side.host)?;
            let apart = (there.at - side.at).abs();
            let is_near = connection.side(way).is_none() && apart <= self.config.window + skew.max(connection.skew);
            is_near.then_some((apart, *id))
        };
        ids.iter().filter_map(fits).min().map(|(_, id)| id)
    }

    fn begin(&mut self, tuple: Tuple, skew: TimeDelta, now: DateTime<Utc>) -> u64 {
        let id = self.next;
        self.next += 1;
        let ids = self.by_tuple.entry(tuple.clone()).or_default();
        ids.push(id);
        let oldest = (ids.len() > PER_TUPLE).then(|| ids[0]);
        self.connections.insert(id, Connection { tuple, from: None, to: None, skew, since: now });
        self.order.push_back((id, now));
        // Turns of connections that went before them, or have a later one, must not pile up behind one that stays.
        if self.order.len() > 2 * self.connections.len() + PER_TUPLE {
            self.order.retain(|(id, since)| self.connections.get(id).is_some_and(|own| own.since == *since));
        }
        if let Some(oldest) = oldest {
            self.remove(oldest);
            self.counts.shed += 1;
        }
        id
    }

    /// A path goes on: all of it is kept as long as its last hop, so that a slow one does not lose its beginning.
    fn keep_path(&mut self, id: u64, now: DateTime<Utc>) {
        for own in self.route(id) {
            if let Some(connection) = self.connections.get_mut(&own).filter(|connection| connection.since < now) {
                connection.since = now;
                self.order.push_back((own, now));
            }
        }
    }

    /// An alert rests on this end.
    fn stand_at(&mut self, id: u64, way: Way, alert: Option<AtEnd>) -> Vec<u64> {
        let Some(alert) = alert else { return Vec::new() };
        let side = self.connections.get_mut(&id).and_then(|connection| connection.side_mut(way).as_mut());
        let Some(side) = side.filter(|side| side.alerts.iter().all(|own| own.id != alert.id)) else { return Vec::new() };
        if side.alerts.len() >= PER_END {
            self.counts.shed += 1;
            return Vec::new();
        }
        let of_alert = self.of_alert.entry(alert.id.clone()).or_default();
        if !of_alert.contains(&id) {
            of_alert.push(id);
        }
        side.alerts.push(alert);
        vec![id]
    }

    /// An alert rests on these connections no more.
    pub(super) fn leave(&mut self, alert: &AlertId) -> Vec<u64> {
        let ids = self.of_alert.remove(alert).unwrap_or_default();
        for id in &ids {
            let Some(connection) = self.connections.get_mut(id) else { continue };
            for side in [&mut connection.from, &mut connection.to].into_iter().flatten() {
                side.alerts.retain(|own| own.id != *alert);
            }
        }
        ids
    }

    /// Forgets what is too old, and the oldest where there is no room.
    fn forget(&mut self, now: DateTime<Utc>) {
        let keep = self.config.chain_within + SLACK;
        while let Some((oldest, since)) = self.order.front().copied() {
            if self.connections.get(&oldest).is_some_and(|connection| connection.since == since) {
                let is_old = now - since > keep;
                if !is_old && self.connections.len() < self.config.max_connections.max(1) {
                    return;
                }
                self.counts.shed += u64::from(!is_old);
                self.remove(oldest);
            }
            self.order.pop_front();
        }
    }

    fn remove(&mut self, id: u64) {
        let Some(connection) = self.connections.remove(&id) else { return };
        if let Some(ids) = self.by_tuple.get_mut(&connection.tuple) {
            ids.retain(|own| *own != id);
            if ids.is_empty() {
                self.by_tuple.remove(&connection.tuple);
            }
        }
        let indexes = [(&mut self.left, &connection.from), (&mut self.reached, &connection.to)];
        for (index, side) in indexes.into_iter().filter_map(|(index, side)| Some((index, side.as_ref()?))) {
            if let Some(own) = index.get_mut(&side.host) {
                own.remove(&(side.at, id));
                if own.is_empty() {
                    index.remove(&side.host);
                }
            }
        }
        for own in connection.alerts() {
            let Some(ids) = self.of_alert.get_mut(&own.id) else { continue };
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.of_alert.remove(&own.id);
                self.alerts.remove(&own.id);
            }
        }
    }
}
