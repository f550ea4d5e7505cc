//! Lateral movement: the hops of all linked alerts as one forest, each hop once, under the hop that it follows.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use chrono::{DateTime, Utc};

use crate::alert::AlertId;
use crate::alert::link::Hop;
use crate::console::model::Model;
use crate::console::model::screen::Screen;
use crate::roster::{Entry, Roster};

/// How many linked alerts are drawn, the newest.
const MOST: usize = 500;

/// What names a hop: when it left, from where to where.
type Key = (DateTime<Utc>, (IpAddr, u16), (IpAddr, u16));

/// A hop of the forest.
#[derive(Debug, Clone)]
pub struct Row<'a> {
    /// The hop.
    pub hop: &'a Hop,
    /// The hosts before it, the first one first; empty for the first hop of a path.
    pub before: Vec<&'a str>,
    /// The alert that opens with it: of the end that was reached, else of the other.
    pub number: Option<u64>,
}

fn key(hop: &Hop) -> Key {
    (hop.from.at, (hop.from.ip, hop.from.port), (hop.to.ip, hop.to.port))
}

/// Every hop once, newest path first, below each other the hops that follow one another.
pub fn rows<'a>(alerts: &'a Roster, linked: impl Iterator<Item = &'a Entry>) -> Vec<Row<'a>> {
    let mut hops: BTreeMap<Key, &Hop> = BTreeMap::new();
    let mut parents: BTreeMap<Key, Key> = BTreeMap::new();
    for entry in linked.take(MOST) {
        let all = &entry.header.hops;
        for (place, hop) in all.iter().enumerate() {
            // Of what several alerts say of a hop, that with the most ends is the latest.
            let known = hops.entry(key(hop)).or_insert(hop);
            if ends(hop) > ends(known) {
                *known = hop;
            }
            if let Some(before) = place.checked_sub(1).map(|place| key(&all[place])) {
                parents.insert(key(hop), before);
            }
        }
    }
    let mut children: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
    for (child, parent) in &parents {
        children.entry(*parent).or_default().insert(*child);
    }
    let mut rows = Vec::new();
    let roots = hops.keys().rev().filter(|key| !parents.contains_key(*key));
    for root in roots {
        // Not by recursion: how deep it goes is up to whoever attacks.
        let mut waiting = vec![(*root, Vec::new())];
        while let Some((key, before)) = waiting.pop() {
            let Some(hop) = hops.get(&key) else { continue };
            let mut so_far: Vec<&str> = before.clone();
            so_far.push(hop.from.name());
            waiting.extend(children.get(&key).into_iter().flatten().rev().map(|child| (*child, so_far.clone())));
            rows.push(Row { hop, before, number: opens(alerts, hop) });
        }
    }
    rows
}

fn ends(hop: &Hop) -> usize {
    hop.from.alerts.len() + hop.to.alerts.len()
}

/// The alert that opens with a hop.
fn opens(alerts: &Roster, hop: &Hop) -> Option<u64> {
    let known = |id: &AlertId| alerts.number_of(id);
    hop.to.alerts.iter().chain(&hop.from.alerts).find_map(|own| known(&own.id))
}

impl Model {
    /// The hops of the linked alerts that the filter lets through.
    pub fn lateral_rows(&self) -> Vec<Row<'_>> {
        rows(&self.alerts, self.alerts.linked(&self.filter, self.now))
    }

    /// Opens the paths, or leaves them.
    pub(super) fn toggle_lateral(&mut self) {
        if matches!(self.stack.last(), Some(Screen::Lateral { .. })) {
            self.stack.pop();
        } else {
            self.stack.push(Screen::Lateral { alert: None });
        }
    }

    /// The alert of the hop that is selected, chosen or first.
    pub(super) fn lateral_alert(&self, chosen: Option<u64>) -> Option<u64> {
        chosen.or_else(|| self.lateral_rows().into_iter().find_map(|row| row.number))
    }
}
