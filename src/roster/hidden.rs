//! What the filter lets through as it changes and as time passes, and what it hides that must not go unseen: a filter must never
//! hide an attack.

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::Severity;
use crate::filter::Filter;
use crate::filter::listed::Listed;
use crate::roster::{Entry, Roster};

/// So many alerts are listed anew one by one; more, all at once.
const FEW: usize = 500;

impl Roster {
    /// Applies another filter to all.
    pub fn refilter(&mut self, filter: &Filter, now: DateTime<Utc>) {
        if let Some(part) = &mut self.part {
            part.refiltered();
        }
        self.outside.clear();
        self.relist(filter, now);
    }

    fn relist(&mut self, filter: &Filter, now: DateTime<Utc>) {
        self.all.clear();
        self.open.clear();
        self.kinds.clear();
        for entry in self.entries.values() {
            if filter.matches(&Listed { header: &entry.header, state: &entry.state, now }) {
                self.all.push(entry.key());
                if entry.state.is_waiting() {
                    self.open.push(entry.key());
                }
            }
        }
        self.all.sort_unstable();
        self.open.sort_unstable();
        for group in self.groups.values_mut() {
            group.matching.clone_from(&group.waiting);
            group.matching.retain(|key| self.open.binary_search(key).is_ok());
            group.shown = group.matching.last().copied();
            self.kinds.extend(group.shown);
        }
        self.kinds.sort_unstable();
    }

    /// Counts what waits for somebody and is older than this as hidden: nobody who looks at the last hour is to miss it.
    pub fn hide_older(&mut self, age: TimeDelta, now: DateTime<Utc>) {
        let is_hidden = |entry: &&Entry| entry.state.is_waiting() && now - entry.header.created > age;
        let hidden: Vec<_> = self.entries.values().filter(is_hidden).map(Entry::key).collect();
        self.outside.extend(hidden);
    }

    /// Lists anew what has become too old for the filter since it was applied; what waits is hidden then, and counted as that.
    pub fn pass_time(&mut self, filter: &Filter, before: DateTime<Utc>, now: DateTime<Utc>) {
        let spans = filter.spans();
        let has_crossed = |created: DateTime<Utc>| {
            let (then, age) = ((before - created).num_seconds(), (now - created).num_seconds());
            spans.iter().any(|span| then <= *span && age > *span)
        };
        if spans.is_empty() {
            return;
        }
        let crossed: Vec<u64> =
            self.entries.values().filter(|entry| has_crossed(entry.header.created)).map(|entry| entry.number).collect();
        if crossed.len() > FEW {
            self.relist(filter, now);
            self.miss();
        }
        for number in &crossed {
            let is_visible = crossed.len() <= FEW && self.list(*number, filter, now);
            let Some(entry) = self.entries.get(number) else { continue };
            let key = entry.key();
            if entry.state.is_waiting() && !is_visible && self.all.binary_search(&key).is_err() {
                self.outside.insert(key);
            }
        }
        if !crossed.is_empty() {
            self.count_anew();
            self.miss_fallen();
        }
    }

    /// What waits for somebody and is hidden, worst severity first: what came since the filter was set, and what was left behind
    /// as time passed.
    pub fn hidden_since(&self) -> Option<(Severity, u64)> {
        let (worst, _) = *self.outside.last()?;
        Some((worst, self.outside.range((worst, 0)..).count() as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Action;
    use crate::alert::header::Header;
    use crate::alert::header::testing::header;
    use std::sync::Arc;

    #[test]
    fn what_leaves_by_age_leaves_all_lists_and_is_counted() {
        let dawn = DateTime::UNIX_EPOCH;
        for count in [5, 2 * FEW as i64] {
            let filter = Filter::parse("since:60s -host:nowhere").expect("a filter");
            let mut roster = Roster::new(10_000, 10);
            for place in 0..count {
                let header = header(&format!("{place:032}"), &format!("h{}", place % 3), "10.0.0.1", 0);
                // Half of them now, half of them a minute later.
                let created = dawn + TimeDelta::seconds(60 * (place % 2));
                let header = Arc::new(Header { created, severity: Severity::High, ..header });
                roster.hear_header(&header, Action::Raised, None, None, &filter, created);
            }
            let counts = |roster: &Roster| (roster.rows(false).len() as i64, roster.hidden_since());
            let at = |seconds| dawn + TimeDelta::seconds(seconds);
            roster.pass_time(&filter, at(59), at(60));
            assert_eq!(counts(&roster), (count, None));
            roster.pass_time(&filter, at(60), at(61));
            let old = (count as u64).div_ceil(2);
            assert_eq!(counts(&roster), (count / 2, Some((Severity::High, old))));
            let shown: Vec<u64> =
                (0..roster.rows(true).len()).filter_map(|place| roster.rows(true).get(place)).map(|row| row.number).collect();
            assert!(shown.iter().all(|number| number % 2 == 1), "{shown:?}");
            // As if the filter had been applied then.
            let mut again = roster;
            again.refilter(&filter, at(61));
            assert_eq!(counts(&again), (count / 2, None));
            again.hide_older(TimeDelta::seconds(60), at(61));
            assert_eq!(counts(&again).1, Some((Severity::High, old)));
            again.pass_time(&filter, at(61), at(500));
            assert_eq!(counts(&again), (0, Some((Severity::High, count as u64))));
        }
    }
}
