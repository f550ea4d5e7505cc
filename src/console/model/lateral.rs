//! Lateral movement: the hops of all linked alerts as one forest, each hop once, under the hop that it follows.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use chrono::{DateTime, Utc};

use crate::alert::link::{Hop, Side};
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
    /// For each step down the tree whether others follow on that branch; empty for the first hop of a path.
    pub branch: Vec<bool>,
    /// Whether the first alert of the end that it left, and of the one that it reached, stands in a row further up.
    pub is_again: (bool, bool),
    /// The alert that opens with it: of the end that was reached, else of the other. Each opens with one row only.
    pub number: Option<u64>,
}

fn key(hop: &Hop) -> Key {
    (hop.from.at, (hop.from.ip, hop.from.port), (hop.to.ip, hop.to.port))
}

/// The hops and which follows which.
#[derive(Debug, Default)]
struct Forest<'a> {
    hops: BTreeMap<Key, &'a Hop>,
    parents: BTreeMap<Key, Key>,
}

impl<'a> Forest<'a> {
    /// Takes in the path that an alert tells.
    fn add(&mut self, path: &'a [Hop]) {
        for hop in path {
            // Of what several alerts say of a hop, that with the most ends is the latest.
            let known = self.hops.entry(key(hop)).or_insert(hop);
            if ends(hop) > ends(known) {
                *known = hop;
            }
        }
        for (before, hop) in path.iter().zip(path.iter().skip(1)) {
            let known = self.parents.entry(key(hop)).or_insert_with(|| key(before));
            // Two alerts may disagree, one of them told before the other was known: who came last has led there.
            let came = |key: &Key| self.hops.get(key).map(|hop| hop.to.at);
            if came(known) < came(&key(before)) {
                *known = key(before);
            }
        }
    }

    /// Where hops follow each other in a circle, the one that left first begins it.
    fn cut_circles(&mut self) {
        let mut seen: BTreeMap<Key, usize> = BTreeMap::new();
        for (turn, start) in self.hops.keys().enumerate() {
            let mut at = Some(*start);
            while let Some(key) = at.filter(|key| !seen.contains_key(key)) {
                seen.insert(key, turn);
                at = self.parents.get(&key).copied();
            }
            let Some(again) = at.filter(|key| seen.get(key) == Some(&turn)) else { continue };
            let mut first = again;
            let mut on = self.parents.get(&again).copied();
            while let Some(key) = on.filter(|key| *key != again) {
                first = first.min(key);
                on = self.parents.get(&key).copied();
            }
            self.parents.remove(&first);
        }
    }

    /// The hops that follow none: those of one host together, the host that did something last on top.
    fn roots(&self) -> Vec<Key> {
        let mut of_host: BTreeMap<&str, Vec<Key>> = BTreeMap::new();
        for (key, hop) in self.hops.iter().filter(|(key, _)| !self.parents.contains_key(*key)) {
            of_host.entry(hop.from.host.as_str()).or_default().push(*key);
        }
        let mut groups: Vec<Vec<Key>> = of_host.into_values().collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.last().copied()));
        groups.concat()
    }

    /// Every hop, below each the hops that follow it, with where it hangs.
    fn walk(&self) -> Vec<(&'a Hop, Vec<bool>)> {
        let mut children: BTreeMap<Key, BTreeSet<Key>> = BTreeMap::new();
        for (child, parent) in &self.parents {
            children.entry(*parent).or_default().insert(*child);
        }
        // Not by recursion: how deep it goes is up to whoever attacks.
        let mut waiting: Vec<(Key, Vec<bool>)> = self.roots().into_iter().rev().map(|root| (root, Vec::new())).collect();
        let mut all = Vec::new();
        while let Some((key, branch)) = waiting.pop() {
            let Some(hop) = self.hops.get(&key) else { continue };
            for (place, child) in children.get(&key).into_iter().flatten().rev().enumerate() {
                let more_follow = place > 0;
                waiting.push((*child, branch.iter().copied().chain([more_follow]).collect()));
            }
            all.push((*hop, branch));
        }
        all
    }
}

/// Every hop once, below each other the hops that follow one another.
pub fn rows<'a>(alerts: &'a Roster, linked: impl Iterator<Item = &'a Entry>) -> Vec<Row<'a>> {
    let mut forest = Forest::default();
    linked.take(MOST).for_each(|entry| forest.add(&entry.header.hops));
    forest.cut_circles();
    let (mut shown, mut opened) = (HashSet::new(), HashSet::new());
    let mut is_again = |side: &'a Side| side.alerts.first().is_some_and(|own| !shown.insert(&own.id));
    let row = |(hop, branch): (&'a Hop, Vec<bool>)| {
        let is_again = (is_again(&hop.from), is_again(&hop.to));
        let ends = hop.to.alerts.iter().chain(&hop.from.alerts);
        let number = ends.filter_map(|own| alerts.number_of(&own.id)).find(|number| opened.insert(*number));
        Row { hop, branch, is_again, number }
    };
    forest.walk().into_iter().map(row).collect()
}

fn ends(hop: &Hop) -> usize {
    hop.from.alerts.len() + hop.to.alerts.len()
}

impl Model {
    /// The hops of the linked alerts that the filter lets through.
    pub fn lateral_rows(&self) -> Vec<Row<'_>> {
        rows(&self.alerts, self.alerts.linked(&self.filter, self.filtered))
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
        let rows = self.lateral_rows();
        let chosen = chosen.filter(|number| rows.iter().any(|row| row.number == Some(*number)));
        chosen.or_else(|| rows.iter().find_map(|row| row.number))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::TimeDelta;

    use super::*;
    use crate::alert::header::Header;
    use crate::alert::header::testing::header;
    use crate::alert::link::AtEnd;
    use crate::alert::{AlertId, Severity};
    use crate::event::names::HostName;
    use crate::feed::Known;
    use crate::filter::Filter;

    /// `A B 10 a b`: a hop from A to B at the tenth second, with the alert `a` at its one end and `b` at the other; `-` is none.
    fn hop(text: &str) -> Hop {
        let words: Vec<&str> = text.split(' ').collect();
        let at = DateTime::from_timestamp(words[2].parse().unwrap(), 0).unwrap();
        let side = |host: &str, port, alert: &str, at| Side {
            host: HostName::fold(host),
            computer: host.to_owned(),
            at,
            ip: [10, 0, 0, host.as_bytes()[0]].into(),
            port,
            alerts: if alert == "-" { Vec::new() } else { vec![AtEnd { id: AlertId(alert.into()), severity: Severity::High }] },
        };
        let to = side(words[1], 5985, words[4], at + TimeDelta::milliseconds(1));
        Hop { protocol: "tcp".to_owned(), from: side(words[0], 50_000, words[3], at), to }
    }

    /// Alerts with the hops of their paths; answers the rows as text.
    fn drawn(alerts: &[(&str, &[&str])]) -> Vec<String> {
        let mut roster = Roster::new(100, 100);
        let now = DateTime::from_timestamp(0, 0).unwrap();
        for (id, hops) in alerts {
            let header = Header { hops: hops.iter().map(|text| hop(text)).collect(), ..header(id, "h", "s", 0) };
            roster.know(&Known::Alert { header: Arc::new(header), muted: None }, &Filter::default(), now);
        }
        let filter = Filter::default();
        let text = |row: &Row<'_>| {
            let branch: String = row.branch.iter().map(|more| if *more { '+' } else { '.' }).collect();
            let again = |is: bool| if is { "again" } else { "" };
            let opens =
                row.number.and_then(|number| roster.get(number)).map_or("-".to_owned(), |entry| entry.header.id.0.to_string());
            let hop = row.hop;
            let text = format!(
                "{branch}{} > {} {opens} {}{}",
                hop.from.name(),
                hop.to.name(),
                again(row.is_again.0),
                again(row.is_again.1)
            );
            text.trim_end().to_owned()
        };
        rows(&roster, roster.linked(&filter, now)).iter().map(text).collect()
    }

    #[test]
    fn a_forest() {
        type Alerts = &'static [(&'static str, &'static [&'static str])];
        let rows: [(&str, Alerts, &[&str]); 8] = [
            (
                "an attacker fans out",
                &[
                    ("b", &["A B 0 - b", "B D 10 - d"]),
                    ("c", &["A C 5 - c"]),
                    ("d", &["A B 0 - b", "B D 10 - d"]),
                    ("e", &["A B 0 - b", "B E 20 - e"]),
                ],
                &["A > B b", "+B > D d", ".B > E e", "A > C c"],
            ),
            (
                "a branch that goes on",
                &[("c", &["A B 0 - b", "B C 1 - c", "C D 3 - d"]), ("e", &["A B 0 - b", "B E 2 - e"])],
                &["A > B -", "+B > C c", "+.C > D -", ".B > E e"],
            ),
            ("two attacks, the later one on top", &[("b", &["A B 0 - b"]), ("y", &["X Y 3 - y"])], &["X > Y y", "A > B b"]),
            (
                "what one host began is together",
                &[("b", &["A B 0 - b"]), ("y", &["X Y 3 - y"]), ("c", &["A C 5 - c"])],
                &["A > B b", "A > C c", "X > Y y"],
            ),
            (
                "two ways to one host, and one alert told before the second was known",
                &[
                    ("b", &["A B 0 - b", "B D 20 - d", "D E 40 - e"]),
                    ("c", &["A C 10 - c", "C D 30 - f", "D E 40 - e"]),
                    ("d", &["A B 0 - b", "B D 20 - d", "D E 40 - e"]),
                    ("e", &["A B 0 - b", "B D 20 - d", "D E 40 - e"]),
                ],
                &["A > B b", ".B > D d", "A > C c", ".C > D -", "..D > E e"],
            ),
            (
                "there and back, by clocks that say the contrary",
                &[("b", &["A B 10 - b", "B A 7 - a"]), ("a", &["B A 7 - a", "A B 10 - b", "B C 20 - c"])],
                &["B > A a", ".A > B b", "..B > C -"],
            ),
            (
                "one alert on two hops",
                &[("a", &["A B 0 a b"]), ("b", &["A B 0 a b"]), ("c", &["A C 5 a c"])],
                &["A > B b", "A > C c again"],
            ),
            (
                "an alert on both sides of its host",
                &[("b", &["A B 0 a b", "B C 5 b -"]), ("a", &["A B 0 a b"])],
                &["A > B b", ".B > C - again"],
            ),
        ];
        for (name, alerts, expected) in rows {
            assert_eq!(drawn(alerts), expected, "{name}");
            let other: Vec<_> = alerts.iter().rev().copied().collect();
            assert_eq!(drawn(&other), expected, "{name}, told in the other order");
        }
    }

    #[test]
    fn a_long_chain_is_drawn_to_its_end() {
        let texts: Vec<String> = (0..=100).map(|second| format!("A B {second} - b{second}")).collect();
        let ids: Vec<String> = (0..=100).map(|second| format!("b{second}")).collect();
        let pairs: Vec<Vec<&str>> = texts.windows(2).map(|pair| pair.iter().map(String::as_str).collect()).collect();
        let alerts: Vec<(&str, &[&str])> = ids[1..].iter().map(String::as_str).zip(pairs.iter().map(Vec::as_slice)).collect();
        let rows = drawn(&alerts);
        assert_eq!(rows.len(), 101);
        assert_eq!(rows.last(), Some(&format!("{}A > B b100", ".".repeat(100))));
    }
}
