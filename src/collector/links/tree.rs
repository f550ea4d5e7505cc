//! Which hop follows which. Each hop has one before it at most, the one that reached its source last before it left: that makes a
//! tree of them, in which a path is a branch.
//!
//! ```text
//! A > B ─┬─ B > D        D is told A > B > D, E is told A > B > E, and B the way that went on first
//!        └─ B > E
//! A > B ─── B > D        two ways to one host: both are told, and what goes on from D belongs to the one
//! A > C ─── C > D ─── D > E                    that came last before it
//! ```

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use chrono::{DateTime, Utc};

use crate::alert::link::Side;
use crate::collector::links::Links;
use crate::collector::links::ends::Connection;
use crate::event::names::HostName;

/// How many hops a path has at most.
const MAX_HOPS: usize = 16;
/// How many hops are looked at again when one of them changes; the nearest are, where there are more.
pub(super) const MOST_AT_ONCE: usize = 128;
/// How many connections to one host, none of which went on before the last of them, are looked at again.
const TOGETHER: usize = 16;

/// Linked connections of the hosts, in order of time.
pub(super) type Index = HashMap<HostName, BTreeSet<(DateTime<Utc>, u64)>>;

impl Links {
    pub(super) fn ends(&self, id: u64) -> Option<(&Side, &Side)> {
        self.connections.get(&id).and_then(Connection::ends)
    }

    /// The hop that reached the source of this one last before it left, by that host's own clock.
    fn reached_before(&self, id: u64) -> Option<u64> {
        let (from, _) = self.ends(id)?;
        let (at, before) = self.reached.get(&from.host)?.range(..=(from.at, u64::MAX)).next_back()?;
        (from.at - *at <= self.config.chain_within).then_some(*before)
    }

    /// The hop before this one. Clocks that differ can make a circle, in which each follows another: it begins with the one that
    /// left first.
    fn before(&self, id: u64) -> Option<u64> {
        let before = self.reached_before(id)?;
        let left = |id: u64| self.ends(id).map(|(from, _)| (from.at, id));
        if left(before) < left(id) {
            return Some(before);
        }
        let behind = std::iter::successors(Some(before), |id| self.reached_before(*id)).take(MAX_HOPS);
        let later: Vec<u64> = behind.take_while(|own| left(*own) > left(id)).collect();
        let is_first_of_circle = later.last().is_some_and(|last| self.reached_before(*last) == Some(id));
        (!is_first_of_circle).then_some(before)
    }

    /// The hop by which it went on first, if it did before somebody else came there. Several connections from one host to the
    /// other are one step: a session has more than one.
    fn after(&self, id: u64) -> Option<u64> {
        let (from, to) = self.ends(id)?;
        let (_, after) = *self.left.get(&to.host)?.range((to.at, 0)..).next()?;
        let (came_from, _) = self.ends(self.before(after)?)?;
        let (left, _) = self.ends(after)?;
        (came_from.host == from.host && left.at - to.at <= self.config.chain_within).then_some(after)
    }

    /// The path that a linked connection is part of: back to where it began, and on over where it went first.
    pub(super) fn route(&self, id: u64) -> VecDeque<u64> {
        let mut route = VecDeque::from([id]);
        while let Some(before) = route.front().and_then(|first| self.before(*first)).filter(|_| route.len() < MAX_HOPS) {
            if route.contains(&before) {
                break;
            }
            route.push_front(before);
        }
        while let Some(after) = route.back().and_then(|last| self.after(*last)).filter(|_| route.len() < MAX_HOPS) {
            if route.contains(&after) {
                break;
            }
            route.push_back(after);
        }
        route
    }

    /// The hops by which it went on, all of them, until somebody else came there.
    fn branches(&self, id: u64) -> Vec<u64> {
        let Some((_, to)) = self.ends(id) else { return Vec::new() };
        let Some(left) = self.left.get(&to.host) else { return Vec::new() };
        let on = left.range((to.at, 0)..).map(|(_, after)| *after);
        on.take_while(|after| self.reached_before(*after) == Some(id)).take(MOST_AT_ONCE).collect()
    }

    /// The hops that may go on by this one: those that reached its source since something left there last; one more than are
    /// looked at, where there are more.
    fn leading_to(&self, id: u64) -> Vec<u64> {
        let Some((from, _)) = self.ends(id) else { return Vec::new() };
        let Some(reached) = self.reached.get(&from.host) else { return Vec::new() };
        let left_last = self.left.get(&from.host).and_then(|left| left.range(..(from.at, id)).next_back());
        let since = left_last.map_or(DateTime::<Utc>::MIN_UTC, |(at, _)| *at);
        let before = reached.range((since, 0)..=(from.at, u64::MAX)).rev();
        before.take(TOGETHER + 1).map(|(_, before)| *before).collect()
    }

    /// The hops whose path may be another one since these changed: what comes after them on every branch, and what leads to them
    /// or led to what they lead to now; the nearest first. And whether there are more.
    pub(super) fn concerned(&self, changed: &[u64]) -> (Vec<u64>, bool) {
        let mut found = Found::default();
        found.go_down(changed);
        for id in changed {
            let on = self.branches(*id);
            found.go_up(&self.leading_to(*id));
            if let Some(first) = on.first() {
                found.go_up(&self.leading_to(*first));
            }
        }
        while !(found.down.waiting.is_empty() && found.up.waiting.is_empty()) {
            if let Some(id) = found.up.waiting.pop_front() {
                found.go_up(&self.leading_to(id));
            }
            if let Some(id) = found.down.waiting.pop_front() {
                found.go_down(&self.branches(id));
            }
        }
        (found.hops, found.is_cut)
    }
}

/// The hops that are looked at again. In a circle one may be met on both ways, and both go on from it.
#[derive(Debug, Default)]
struct Found {
    hops: Vec<u64>,
    is_cut: bool,
    down: Walk,
    up: Walk,
}

/// One way over the tree.
#[derive(Debug, Default)]
struct Walk {
    seen: HashSet<u64>,
    waiting: VecDeque<u64>,
}

impl Found {
    /// Adds what comes after.
    fn go_down(&mut self, ids: &[u64]) {
        for id in ids {
            if self.has(*id) && self.down.seen.insert(*id) {
                self.down.waiting.push_back(*id);
            }
        }
    }

    /// Adds hops that lead to one, of which not more than some are looked at.
    fn go_up(&mut self, ids: &[u64]) {
        self.is_cut |= ids.len() > TOGETHER;
        for id in ids.iter().take(TOGETHER) {
            if self.has(*id) && self.up.seen.insert(*id) {
                self.up.waiting.push_back(*id);
            }
        }
    }

    /// Has this hop among the others; false where there is no room for it.
    fn has(&mut self, id: u64) -> bool {
        let is_known = self.down.seen.contains(&id) || self.up.seen.contains(&id);
        let has_room = self.hops.len() < MOST_AT_ONCE;
        if !is_known && has_room {
            self.hops.push(id);
        }
        self.is_cut |= !is_known && !has_room;
        is_known || has_room
    }
}
