//! An act on many alerts: each of them is judged by itself, so that one on which somebody else acted meanwhile does not stop the
//! others. It is done in parts, each an entry of the log, between which the collector does other things; the token says which
//! belong together.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::alert::AlertId;
use crate::triage::decide::{check_actor, check_undo, no_change};
use crate::triage::ledger::Ledger;
use crate::triage::{Act, Deed, Entry, State, Target};

/// How many alerts go into one entry.
pub const PART: usize = 2000;

/// A part of an act on many alerts. The revision of a target is the number of the last entry that the actor knew of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// The act on these of them.
    pub act: Act,
    /// How many come in later parts.
    pub after: u64,
}

/// What came of a part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The token of the act.
    pub token: u64,
    /// Who asked.
    pub who: String,
    /// How many alerts it changed.
    pub done: u64,
    /// How many it did not change, by the reason.
    pub left: Vec<(String, u64)>,
    /// How many come in later parts.
    pub after: u64,
}

impl Outcome {
    /// Nothing of it was done.
    #[must_use]
    pub fn undone(mut self, reason: String) -> Self {
        let done = std::mem::take(&mut self.done);
        add(&mut self.left, reason, done);
        self
    }
}

/// Counts one reason more.
pub fn add(left: &mut Vec<(String, u64)>, reason: String, count: u64) {
    match left.iter_mut().find(|(own, _)| *own == reason) {
        _ if count == 0 => {}
        Some((_, own)) => *own += count,
        None => left.push((reason, count)),
    }
}

/// Cuts an act on many alerts into parts.
pub fn parts(act: &Act) -> Vec<Part> {
    let mut after = act.targets.len();
    let part = |targets: &[Target]| {
        after -= targets.len();
        Part { act: Act { targets: targets.to_vec(), ..act.clone() }, after: after as u64 }
    };
    act.targets.chunks(PART).map(part).collect()
}

/// Whether so many alerts may be acted on where the actor was told of another number: never on more than that.
pub fn check(found: usize, expected: u64) -> Result<(), String> {
    match found as u64 {
        0 => Err("not done: none of them is as it was; look again".to_owned()),
        found if found > expected => Err(format!("not done: it would be {found} alerts now, not {expected}; look again")),
        _ => Ok(()),
    }
}

/// Judges every alert of a part by itself; answers the entry to append, if anything is to be done, and what came of it.
pub fn decide_each(ledger: &Ledger, part: &Part, now: DateTime<Utc>) -> (Option<Entry>, Outcome) {
    let act = &part.act;
    let mut left = Vec::new();
    let changed = match (check_actor(act), &act.deed) {
        (Err(reason), _) => {
            add(&mut left, reason, act.targets.len().max(1) as u64);
            Vec::new()
        }
        (_, Deed::Undo(number)) => undo(ledger, act, *number, now, &mut left),
        (_, Deed::Acknowledge | Deed::Close(_) | Deed::Comment | Deed::Own | Deed::Release) => targets(ledger, act, &mut left),
        (_, Deed::Mute { .. } | Deed::Unmute(_) | Deed::EditMute { .. }) => {
            add(&mut left, "a mute is no act on many alerts".to_owned(), 1);
            Vec::new()
        }
    };
    let outcome = Outcome { token: act.token, who: act.who.clone(), done: changed.len() as u64, left, after: part.after };
    let entry = (!changed.is_empty()).then(|| Entry {
        number: ledger.next_number(),
        at: now,
        who: act.who.clone(),
        deed: act.deed.clone(),
        reason: act.reason.trim().to_owned(),
        alerts: changed,
        token: act.token,
    });
    (entry, outcome)
}

fn targets(ledger: &Ledger, act: &Act, left: &mut Vec<(String, u64)>) -> Vec<AlertId> {
    let mut seen = HashSet::new();
    let mut changed = Vec::new();
    for target in act.targets.iter().take(PART).filter(|target| seen.insert(&target.alert)) {
        match why_not(ledger, act, target) {
            Some(reason) => add(left, reason, 1),
            None => changed.push(target.alert.clone()),
        }
    }
    changed
}

/// Why an act is not done to one of many.
fn why_not(ledger: &Ledger, act: &Act, target: &Target) -> Option<String> {
    let Some(state) = ledger.state_of(&target.alert) else { return Some("not in memory any more".to_owned()) };
    if act.deed != Deed::Comment && state.revision > target.revision {
        return Some(acted(ledger, state));
    }
    if act.deed == Deed::Acknowledge && state.status.is_closed() {
        // Alone it may be opened again; among many nobody means that.
        return Some("closed already".to_owned());
    }
    no_change(state, act)
}

/// Who did what to it last.
fn acted(ledger: &Ledger, state: &State) -> String {
    match ledger.entry(state.revision) {
        Some(entry) => format!("{} {}", entry.who, entry.deed.past()),
        None => "not as you saw it".to_owned(),
    }
}

/// Takes an entry back on those alerts that nobody acted on since.
fn undo(ledger: &Ledger, act: &Act, number: u64, now: DateTime<Utc>, left: &mut Vec<(String, u64)>) -> Vec<AlertId> {
    let entry = match check_undo(ledger, act, number, now) {
        Ok(entry) => entry,
        Err(reason) => {
            add(left, reason, ledger.entry(number).map_or(1, |entry| entry.alerts.len() as u64));
            return Vec::new();
        }
    };
    let mut changed = Vec::new();
    // The last one first: so they come back into the lists in the order that costs least.
    for alert in entry.alerts.iter().rev() {
        match ledger.state_of(alert) {
            Some(state) if entry.deed != Deed::Comment && state.revision != number => add(left, acted(ledger, state), 1),
            _ => changed.push(alert.clone()),
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::header::testing::header;
    use crate::triage::decide::decide;
    use crate::triage::{Status, Verdict};

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn ledger(count: usize) -> Ledger {
        let mut ledger = Ledger::new(100_000);
        (0..count).for_each(|number| ledger.know(&header(&format!("{number:05}"), "srv", "10.0.0.1", 0), None));
        ledger
    }

    fn act(who: &str, deed: Deed, numbers: std::ops::Range<usize>, revision: u64) -> Act {
        let targets = numbers.map(|number| Target { alert: AlertId(format!("{number:05}").into()), revision }).collect();
        Act { token: 7, who: who.to_owned(), deed, reason: String::new(), targets }
    }

    /// Does it, part by part; answers how many were done, and the reasons of those that were not.
    fn run(ledger: &mut Ledger, second: i64, act: &Act) -> (u64, Vec<(String, u64)>) {
        let mut sum = (0, Vec::new());
        let parts = if matches!(act.deed, Deed::Undo(_)) { vec![Part { act: act.clone(), after: 0 }] } else { parts(act) };
        for part in parts {
            let (entry, outcome) = decide_each(ledger, &part, at(second));
            entry.iter().for_each(|entry| ledger.apply(entry));
            sum.0 += outcome.done;
            outcome.left.into_iter().for_each(|(reason, count)| add(&mut sum.1, reason, count));
        }
        sum
    }

    fn status(ledger: &Ledger, number: usize) -> Status {
        ledger.state(&AlertId(format!("{number:05}").into())).status
    }

    #[test]
    fn one_that_somebody_acted_on_does_not_stop_the_others() {
        let mut ledger = ledger(10);
        let bob = decide(&ledger, &act("bob", Deed::Close(Verdict::FalsePositive), 3..4, 0), at(10)).unwrap();
        ledger.apply(&bob);
        let closed = ("bob closed as false positive".to_owned(), 1);
        assert_eq!(run(&mut ledger, 11, &act("alice", Deed::Acknowledge, 0..10, 0)), (9, vec![closed]));
        // One who knows of it acknowledges nothing that is closed.
        let rows = [
            (act("eve", Deed::Acknowledge, 0..10, 2), vec![("acknowledged already", 9), ("closed already", 1)]),
            (act("eve", Deed::Comment, 0..10, 9), vec![("a comment needs words", 10)]),
            (act(" ", Deed::Own, 0..2, 9), vec![("an act needs a name", 2)]),
            (act("eve", Deed::Own, 10..12, 9), vec![("not in memory any more", 2)]),
            (act("eve", Deed::Unmute(1), 0..1, 9), vec![("a mute is no act on many alerts", 1)]),
        ];
        for (act, mut expected) in rows {
            let (done, mut left) = run(&mut ledger, 12, &act);
            left.sort();
            expected.sort_unstable();
            let left: Vec<(&str, u64)> = left.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
            assert_eq!((done, left), (0, expected), "{act:?}");
        }
    }

    #[test]
    fn what_is_taken_back_is_taken_back_where_nobody_acted_since() {
        let mut ledger = ledger(3);
        assert_eq!(run(&mut ledger, 10, &act("alice", Deed::Close(Verdict::BenignTrigger), 0..3, 0)), (3, vec![]));
        let bob = decide(&ledger, &act("bob", Deed::Own, 1..2, 1), at(11)).unwrap();
        ledger.apply(&bob);
        let undo = |who| act(who, Deed::Undo(1), 0..0, 0);
        assert_eq!(run(&mut ledger, 12, &undo("bob")), (0, vec![("only alice can undo that".to_owned(), 3)]));
        assert_eq!(run(&mut ledger, 13, &undo("alice")), (2, vec![("bob took it".to_owned(), 1)]));
        let closed = Status::Closed(Verdict::BenignTrigger);
        assert_eq!([0, 1, 2].map(|number| status(&ledger, number)), [Status::Open, closed, Status::Open]);
        let undone = |number: usize| ledger.history(&AlertId(format!("{number:05}").into()))[0].1;
        assert_eq!([0, 1, 2].map(undone), [true, false, true]);
        assert_eq!(run(&mut ledger, 14, &undo("alice")).0, 0, "once is all");
    }

    #[test]
    fn a_hundred_thousand_are_done_in_parts_and_taken_back() {
        let mut ledger = ledger(100_000);
        let all = act("alice", Deed::Acknowledge, 0..100_000, 0);
        let parts = parts(&all);
        assert_eq!((parts.len(), parts[0].after, parts[49].after), (50, 98_000, 0));
        assert_eq!(run(&mut ledger, 10, &all), (100_000, vec![]));
        assert_eq!(ledger.together("alice", 7, at(11)).len(), 50);
        for number in ledger.together("alice", 7, at(11)) {
            assert_eq!(run(&mut ledger, 12, &act("alice", Deed::Undo(number), 0..0, 0)).0, 2000);
        }
        assert_eq!((status(&ledger, 0), status(&ledger, 99_999)), (Status::Open, Status::Open));
        assert!(ledger.together("alice", 7, at(13)).is_empty());
    }

    #[test]
    fn never_more_than_was_said() {
        assert_eq!((check(5, 5), check(4, 5)), (Ok(()), Ok(())));
        assert!(check(6, 5).is_err_and(|reason| reason.contains("6 alerts now, not 5")));
        assert!(check(0, 5).is_err());
    }
}
