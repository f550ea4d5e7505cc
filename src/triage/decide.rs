//! Whether an act may be done, and what it changes. An act is refused whole, with a reason that names who did what.

use chrono::{DateTime, Utc};

use crate::alert::AlertId;
use crate::triage::ledger::Ledger;
use crate::triage::mute::Scope;
use crate::triage::{Act, Deed, Entry, MAX_COMMENT, MAX_REASON, MIN_MUTE_REASON, Refusal, State, Status, Target, UNDO_WITHIN};

/// How many alerts one act may change.
pub const MAX_TARGETS: usize = 10_000;

/// Checks an act against the state; answers the entry to append, or why not.
pub fn decide(ledger: &Ledger, act: &Act, now: DateTime<Utc>) -> Result<Entry, Refusal> {
    let refused = |reason: String| Refusal { token: act.token, who: act.who.clone(), reason };
    let alerts = alerts_of(ledger, act, now).map_err(refused)?;
    Ok(Entry {
        number: ledger.next_number(),
        at: now,
        who: act.who.clone(),
        deed: act.deed.clone(),
        reason: act.reason.trim().to_owned(),
        alerts,
        token: act.token,
    })
}

fn alerts_of(ledger: &Ledger, act: &Act, now: DateTime<Utc>) -> Result<Vec<AlertId>, String> {
    check_actor(act)?;
    match &act.deed {
        Deed::Undo(number) => undo(ledger, act, *number, now),
        Deed::Mute { scope, until } => {
            if until.is_some_and(|until| until <= now) {
                return Err("that time is over already".to_owned());
            }
            mute(ledger, act, scope, now)
        }
        Deed::Unmute(number) => match ledger.mute(*number) {
            Some(mute) if mute.is_active(now) => Ok(ledger.hidden_by(*number)),
            Some(_) => Err(format!("mute #{number} has ended already")),
            None => Err(format!("there is no mute #{number}")),
        },
        Deed::EditMute { mute, until } => edit_mute(ledger, act, *mute, *until, now),
        Deed::Acknowledge | Deed::Close(_) | Deed::Comment | Deed::Own | Deed::Release => targets(ledger, act, now),
    }
}

/// Whether an act has what every act needs.
pub(super) fn check_actor(act: &Act) -> Result<(), String> {
    if act.who.trim().is_empty() {
        return Err("an act needs a name".to_owned());
    }
    if act.reason.len() > MAX_REASON {
        return Err(format!("a reason has at most {MAX_REASON} bytes"));
    }
    if act.deed == Deed::Comment && act.reason.trim().is_empty() {
        return Err("a comment needs words".to_owned());
    }
    if act.deed == Deed::Comment && act.reason.trim().chars().count() > MAX_COMMENT {
        return Err(format!("a comment has at most {MAX_COMMENT} characters"));
    }
    Ok(())
}

fn targets(ledger: &Ledger, act: &Act, now: DateTime<Utc>) -> Result<Vec<AlertId>, String> {
    if act.targets.is_empty() {
        return Err("no alert to act on".to_owned());
    }
    if act.targets.len() > MAX_TARGETS {
        return Err(format!("at most {MAX_TARGETS} alerts at once"));
    }
    let mut changed = Vec::new();
    let mut why_not = None;
    for Target { alert, revision } in &act.targets {
        let Some(state) = ledger.state_of(alert) else {
            return Err(format!("alert {} is not in memory any more", alert.short()));
        };
        if act.deed != Deed::Comment && *revision != state.revision {
            return Err(conflict(ledger, alert, state, now));
        }
        match no_change(state, act) {
            Some(reason) => why_not = Some(reason),
            None => changed.push(alert.clone()),
        }
    }
    changed.sort();
    changed.dedup();
    if changed.is_empty() { Err(why_not.unwrap_or_default()) } else { Ok(changed) }
}

/// Why an act would change nothing.
pub(super) fn no_change(state: &State, act: &Act) -> Option<String> {
    match (&act.deed, state.status) {
        (Deed::Acknowledge, Status::Acknowledged) => Some("acknowledged already".to_owned()),
        (Deed::Close(verdict), Status::Closed(own)) if *verdict == own => Some(format!("closed as {} already", own.words())),
        (Deed::Own, _) if state.owner.as_ref() == Some(&act.who) => Some("yours already".to_owned()),
        (Deed::Release, _) if state.owner.is_none() => Some("nobody owns it".to_owned()),
        _ => None,
    }
}

/// What happened since the actor looked.
fn conflict(ledger: &Ledger, alert: &AlertId, state: &State, now: DateTime<Utc>) -> String {
    match ledger.entry(state.revision) {
        Some(entry) => format!(
            "not done: {} {} {} {} s ago; look again",
            entry.who,
            entry.deed.past(),
            alert.short(),
            (now - entry.at).num_seconds().max(0)
        ),
        None => format!("not done: {} is not as you saw it; look again", alert.short()),
    }
}

/// The entry, if it may be taken back at all.
pub(super) fn check_undo<'a>(ledger: &'a Ledger, act: &Act, number: u64, now: DateTime<Utc>) -> Result<&'a Entry, String> {
    let entry = ledger.entry(number).ok_or_else(|| format!("there is no entry #{number}"))?;
    if let Some(by) = ledger.undone_by(number) {
        return Err(format!("{} took that back already", by.who));
    }
    if matches!(entry.deed, Deed::Undo(_)) {
        return Err("an undo cannot be undone; act anew".to_owned());
    }
    if entry.who != act.who {
        return Err(format!("only {} can undo that", entry.who));
    }
    if now - entry.at > UNDO_WITHIN {
        return Err(format!("too late to undo ({} s); act anew", UNDO_WITHIN.num_seconds()));
    }
    Ok(entry)
}

fn undo(ledger: &Ledger, act: &Act, number: u64, now: DateTime<Utc>) -> Result<Vec<AlertId>, String> {
    let entry = check_undo(ledger, act, number, now)?;
    if matches!(entry.deed, Deed::Mute { .. }) {
        return if ledger.mute(number).is_some_and(|mute| mute.is_active(now)) {
            Ok(ledger.hidden_by(number))
        } else {
            Err("that mute has ended already".to_owned())
        };
    }
    if let Deed::Unmute(mute) = entry.deed {
        return Err(format!("mute #{mute} has ended; mute anew"));
    }
    for alert in entry.alerts.iter().filter(|_| entry.deed != Deed::Comment) {
        match ledger.state_of(alert) {
            Some(state) if state.revision != number => return Err(conflict(ledger, alert, state, now)),
            _ => {}
        }
    }
    Ok(entry.alerts.clone())
}

fn check_reason(act: &Act) -> Result<(), String> {
    let is_long_enough = act.reason.trim().chars().count() >= MIN_MUTE_REASON;
    if is_long_enough { Ok(()) } else { Err(format!("a mute needs a reason of {MIN_MUTE_REASON} characters at least")) }
}

/// Changes a mute that holds. No alert changes with it.
fn edit_mute(
    ledger: &Ledger,
    act: &Act,
    number: u64,
    until: Option<DateTime<Utc>>,
    now: DateTime<Utc>,
) -> Result<Vec<AlertId>, String> {
    let mute = ledger.mute(number).ok_or_else(|| format!("there is no mute #{number}"))?;
    if !mute.is_active(now) {
        return Err(format!("mute #{number} has ended; mute anew"));
    }
    if until.is_some_and(|until| until <= now) {
        return Err("that time is over already; x ends a mute".to_owned());
    }
    check_reason(act)?;
    if mute.until == until && mute.reason == act.reason.trim() {
        return Err(format!("mute #{number} is like that already"));
    }
    Ok(Vec::new())
}

fn mute(ledger: &Ledger, act: &Act, scope: &Scope, now: DateTime<Utc>) -> Result<Vec<AlertId>, String> {
    if scope.conditions.is_empty() {
        return Err("a mute needs a condition: it must not hide everything".to_owned());
    }
    check_reason(act)?;
    let same = ledger.mutes().find(|mute| mute.is_active(now) && mute.scope == *scope);
    if let Some(same) = same {
        return Err(format!("{} muted these already (#{})", same.who, same.number));
    }
    let mut hidden = ledger.waiting_in(scope);
    hidden.truncate(MAX_TARGETS);
    Ok(hidden)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::alert::header::testing::header;
    use crate::triage::Verdict;
    use crate::triage::mute::Aspect;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    /// Three repeats on one host and one alert elsewhere.
    fn ledger() -> Ledger {
        let mut ledger = Ledger::new(100);
        for (id, host, second) in [("a1", "srv", 0), ("a2", "srv", 1), ("a3", "srv", 2), ("b1", "dc", 3)] {
            ledger.know(&header(id, host, "10.0.0.1", second), None);
        }
        ledger
    }

    fn act(who: &str, deed: Deed, reason: &str, targets: &[(&str, u64)]) -> Act {
        let targets = targets.iter().map(|(id, revision)| Target { alert: AlertId((*id).into()), revision: *revision }).collect();
        Act { token: 7, who: who.to_owned(), deed, reason: reason.to_owned(), targets }
    }

    /// Does it, at that second; answers what was refused.
    fn run(ledger: &mut Ledger, second: i64, act: &Act) -> Result<u64, String> {
        let entry = decide(ledger, act, at(second)).map_err(|refusal| refusal.reason)?;
        ledger.apply(&entry);
        Ok(entry.number)
    }

    fn state(ledger: &Ledger, id: &str) -> State {
        ledger.state(&AlertId(id.into()))
    }

    fn scope(conditions: &[(Aspect, &str)]) -> Scope {
        Scope { conditions: conditions.iter().map(|(aspect, value)| (*aspect, (*value).to_owned())).collect() }
    }

    #[test]
    fn acts_and_what_is_refused() {
        let (long, most) = ("é".repeat(MAX_COMMENT + 1), "é".repeat(MAX_COMMENT));
        let mute = |host: &str| Deed::Mute { scope: scope(&[(Aspect::Host, host)]), until: Some(at(1000)) };
        let rows: Vec<(Act, Result<u64, &str>)> = vec![
            (act("alice", Deed::Acknowledge, "", &[("a1", 0)]), Ok(1)),
            (act("bob", Deed::Acknowledge, "", &[("a1", 0)]), Err("alice acknowledged a1")),
            (act("bob", Deed::Acknowledge, "", &[("a1", 1)]), Err("acknowledged already")),
            (act("bob", Deed::Comment, "a remark needs no revision", &[("a1", 0)]), Ok(2)),
            (act("bob", Deed::Comment, "  ", &[("a1", 0)]), Err("needs words")),
            (act("bob", Deed::Close(Verdict::FalsePositive), "", &[("a1", 1), ("a2", 0)]), Ok(3)),
            (
                act("alice", Deed::Close(Verdict::TruePositive), "", &[("a3", 0), ("a2", 0)]),
                Err("bob closed as false positive a2"),
            ),
            (act("alice", Deed::Undo(3), "", &[]), Err("only bob can undo")),
            (act("bob", Deed::Undo(3), "", &[]), Ok(4)),
            (act("bob", Deed::Undo(3), "", &[]), Err("took that back already")),
            (act("bob", Deed::Undo(4), "", &[]), Err("cannot be undone")),
            (act("bob", Deed::Undo(99), "", &[]), Err("no entry #99")),
            (act("bob", Deed::Own, "", &[("a2", 4)]), Ok(5)),
            (act("bob", Deed::Own, "", &[("a2", 5)]), Err("yours already")),
            (act("bob", Deed::Release, "", &[("a2", 5)]), Ok(6)),
            (act("bob", Deed::Release, "", &[("a2", 6)]), Err("nobody owns it")),
            (act("bob", Deed::Own, "", &[]), Err("no alert")),
            (act("bob", Deed::Own, "", &[("zz", 0)]), Err("not in memory")),
            (act(" ", Deed::Own, "", &[("a1", 0)]), Err("needs a name")),
            (act("bob", mute("dc"), "short", &[]), Err("10 characters")),
            (act("bob", Deed::Mute { scope: Scope::default(), until: None }, "long enough a reason", &[]), Err("condition")),
            (act("bob", mute("DC"), "the backup does this", &[]), Ok(7)),
            (act("alice", mute("DC"), "the backup does this", &[]), Err("bob muted these already (#7)")),
            (act("alice", Deed::Unmute(8), "", &[]), Err("no mute #8")),
            (act("alice", Deed::Unmute(7), "", &[]), Ok(8)),
            (act("alice", Deed::Unmute(7), "", &[]), Err("ended already")),
            (act("bob", Deed::Comment, &long, &[("a1", 0)]), Err("at most 1000 characters")),
            (act("bob", Deed::Comment, &most, &[("a1", 0)]), Ok(9)),
        ];
        let mut ledger = ledger();
        for (second, (act, expected)) in rows.into_iter().enumerate() {
            let result = run(&mut ledger, 10 + second as i64, &act);
            match (&result, expected) {
                (Ok(number), Ok(wanted)) => assert_eq!(*number, wanted, "{act:?}"),
                (Err(reason), Err(part)) => assert!(reason.contains(part), "{act:?}: {reason}"),
                _ => panic!("{act:?}: {result:?}"),
            }
        }
        assert_eq!(state(&ledger, "a1").status, Status::Acknowledged);
        assert_eq!(state(&ledger, "a1").comments, 2);
        assert_eq!(state(&ledger, "a2").status, Status::Open);
        assert_eq!(state(&ledger, "b1").muted, None);
    }

    #[test]
    fn undo_has_its_time_and_yields_to_others() {
        let mut ledger = ledger();
        run(&mut ledger, 10, &act("bob", Deed::Acknowledge, "", &[("a1", 0)])).unwrap();
        assert!(run(&mut ledger, 41, &act("bob", Deed::Undo(1), "", &[])).unwrap_err().contains("too late"));
        run(&mut ledger, 42, &act("bob", Deed::Own, "", &[("a1", 1)])).unwrap();
        run(&mut ledger, 43, &act("alice", Deed::Close(Verdict::TruePositive), "", &[("a1", 2)])).unwrap();
        assert!(run(&mut ledger, 44, &act("bob", Deed::Undo(2), "", &[])).unwrap_err().contains("alice closed"));
        assert_eq!(ledger.last_of("bob", at(44)).map(|entry| entry.number), Some(2));
        assert_eq!(ledger.last_of("alice", at(80)), None);
    }

    #[test]
    fn mutes_hide_what_waits_and_what_comes_until_they_end() {
        let mut ledger = ledger();
        let srv = scope(&[(Aspect::Host, "SRV"), (Aspect::Rule, "rule-1"), (Aspect::CommandLine, "whoami /all")]);
        let preview = ledger.preview(&srv, at(10), TimeDelta::days(7));
        assert_eq!((preview.hidden, preview.of, preview.critical), (3, 4, 0));
        assert_eq!(ledger.preview(&srv, at(10), TimeDelta::seconds(8)).hidden, 1);
        run(&mut ledger, 10, &act("bob", Deed::Close(Verdict::TruePositive), "", &[("a1", 0)])).unwrap();
        let deed = Deed::Mute { scope: srv, until: Some(at(100)) };
        let number = run(&mut ledger, 11, &act("bob", deed, "a ticket says so", &[])).unwrap();
        // What was closed is closed, not muted.
        let muted = |ledger: &Ledger| ["a1", "a2", "a3", "b1"].map(|id| state(ledger, id).muted == Some(number));
        assert_eq!(muted(&ledger), [false, true, true, false]);
        let late = header("a4", "srv", "10.0.0.1", 12);
        assert_eq!(ledger.mute_for(&late, at(12)), Some(number));
        assert_eq!(ledger.mute_for(&header("b2", "dc", "10.0.0.1", 12), at(12)), None);
        ledger.know(&late, Some(number));
        assert_eq!(ledger.mute(number).map(|mute| mute.hidden), Some(3));
        // A mute that ran out hides nothing new; what it hid stays hidden until somebody ends it.
        assert_eq!(ledger.mute_for(&late, at(100)), None);
        assert_eq!(ledger.expire(at(100)).len(), 1);
        assert!(ledger.expire(at(101)).is_empty());
        assert!(state(&ledger, "a4").muted.is_some());

        let deed = Deed::Mute { scope: scope(&[(Aspect::Host, "dc")]), until: None };
        let number = run(&mut ledger, 200, &act("bob", deed, "a ticket says so", &[])).unwrap();
        assert_eq!(state(&ledger, "b1").muted, Some(number));
        run(&mut ledger, 201, &act("bob", Deed::Undo(number), "", &[])).unwrap();
        assert_eq!(state(&ledger, "b1").muted, None);
        assert_eq!(ledger.mute_for(&header("b2", "dc", "10.0.0.1", 12), at(202)), None);
    }

    #[test]
    fn a_mute_gets_another_expiry_and_reason_and_back() {
        let mut ledger = ledger();
        let deed = Deed::Mute { scope: scope(&[(Aspect::Host, "dc")]), until: Some(at(100)) };
        run(&mut ledger, 10, &act("bob", deed, "a ticket says so", &[])).unwrap();
        let edit = |mute, until: Option<i64>| Deed::EditMute { mute, until: until.map(at) };
        let rows = [
            (act("eve", edit(9, None), "another ticket", &[]), "no mute #9"),
            (act("eve", edit(1, None), "short", &[]), "10 characters"),
            (act("eve", edit(1, Some(5)), "another ticket", &[]), "over already"),
            (act("eve", edit(1, Some(100)), "a ticket says so", &[]), "like that already"),
        ];
        for (act, reason) in rows {
            let refused = run(&mut ledger, 11, &act).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
        let told = |ledger: &Ledger| {
            let mute = ledger.mute(1).unwrap();
            (mute.until, mute.reason.clone(), mute.edited.clone().map(|(who, _)| who), mute.who.clone(), mute.hidden)
        };
        run(&mut ledger, 12, &act("eve", edit(1, Some(500)), "another ticket", &[])).unwrap();
        run(&mut ledger, 13, &act("kim", edit(1, None), "for good, see the wiki", &[])).unwrap();
        let expected = (None, "for good, see the wiki".to_owned(), Some("kim".to_owned()), "bob".to_owned(), 1);
        assert_eq!(told(&ledger), expected);
        assert_eq!(ledger.mute_for(&header("b2", "dc", "10.0.0.1", 12), at(10_000)), Some(1));
        run(&mut ledger, 14, &act("kim", Deed::Undo(3), "", &[])).unwrap();
        let expected = (Some(at(500)), "another ticket".to_owned(), Some("eve".to_owned()), "bob".to_owned(), 1);
        assert_eq!(told(&ledger), expected);
        run(&mut ledger, 15, &act("eve", Deed::Undo(2), "", &[])).unwrap();
        assert_eq!(told(&ledger), (Some(at(100)), "a ticket says so".to_owned(), None, "bob".to_owned(), 1));
        assert_eq!(state(&ledger, "b1").revision, 1, "no alert changed");
        let refused = run(&mut ledger, 101, &act("eve", edit(1, None), "another ticket", &[])).unwrap_err();
        assert!(refused.contains("has ended"), "{refused}");
    }

    #[test]
    fn a_closed_group_that_recurs_says_so() {
        let mut ledger = ledger();
        let close = |id: &'static str| act("bob", Deed::Close(Verdict::FalsePositive), "", &[(id, 0)]);
        run(&mut ledger, 10, &close("a1")).unwrap();
        run(&mut ledger, 11, &close("a2")).unwrap();
        ledger.know(&header("a4", "srv", "10.0.0.1", 12), None);
        assert_eq!(state(&ledger, "a4").again, None, "a3 of its group is open");
        run(&mut ledger, 13, &close("a3")).unwrap();
        run(&mut ledger, 14, &close("a4")).unwrap();
        ledger.know(&header("a5", "srv", "10.0.0.1", 20), None);
        let again = state(&ledger, "a5").again.unwrap();
        assert_eq!((again.since, again.who.as_str(), again.verdict), (at(14), "bob", Verdict::FalsePositive));
        ledger.know(&header("a6", "srv", "10.0.0.2", 21), None);
        assert_eq!(state(&ledger, "a6").again, None, "another source is another group");
    }

    #[test]
    fn the_fold_does_not_depend_on_when_alerts_are_heard_of() {
        let mut one = ledger();
        let mut entries = Vec::new();
        let acts = [
            act("bob", Deed::Acknowledge, "", &[("a1", 0), ("a2", 0)]),
            act("bob", Deed::Undo(1), "", &[]),
            act("eve", Deed::Comment, "hm", &[("a2", 0)]),
            act("eve", Deed::Mute { scope: scope(&[(Aspect::Host, "dc")]), until: None }, "a ticket says so", &[]),
            act("bob", Deed::Close(Verdict::BenignTrigger), "", &[("a3", 0)]),
        ];
        for (second, act) in acts.iter().enumerate() {
            let entry = decide(&one, act, at(10 + second as i64)).unwrap();
            one.apply(&entry);
            one.apply(&entry);
            entries.push(entry);
        }
        let mut other = Ledger::new(100);
        entries.iter().for_each(|entry| other.apply(entry));
        for (id, host, second) in [("a1", "srv", 0), ("a2", "srv", 1), ("a3", "srv", 2), ("b1", "dc", 3)] {
            other.know(&header(id, host, "10.0.0.1", second), None);
            assert_eq!(state(&one, id), state(&other, id), "{id}");
        }
        assert_eq!(one.next_number(), other.next_number());
    }

    #[test]
    fn memory_is_bounded() {
        let mut ledger = Ledger::new(2);
        for (id, second) in [("a1", 0), ("a2", 1), ("a3", 2)] {
            ledger.know(&header(id, "srv", "10.0.0.1", second), None);
        }
        assert!(!ledger.knows(&AlertId("a1".into())) && ledger.knows(&AlertId("a3".into())));
    }
}
