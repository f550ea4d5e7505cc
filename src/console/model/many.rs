//! Acts on many alerts: how many is said first, and Enter does it; what came of it is told in one sentence. The collector judges
//! each alert by itself, so that one on which somebody else acted meanwhile stays as they left it.

use crossterm::event::{KeyCode, KeyEvent};

use crate::console::counted::{count_of, grouped};
use crate::console::keys::action::Action;
use crate::console::model::triage::{Dialog, Targets};
use crate::console::model::{Effect, Model};
use crate::feed::Request;
use crate::feed::marked::{Marked, MarkedCount};
use crate::triage::many::{Outcome, Part, add, check, parts};
use crate::triage::{Act, Deed};

/// How many reasons are told of those for which nothing was done.
const REASONS: usize = 2;

/// The alerts that an act on many is about.
#[derive(Debug, Clone)]
pub struct Many {
    marked: Marked,
    /// How many they are, where that is known.
    pub count: Option<MarkedCount>,
    /// The collector was asked, by this token.
    asked: Option<u64>,
}

impl Many {
    /// In words: `12 alerts, 31 with repeats`.
    pub fn words(&self) -> String {
        match self.count {
            None => "… alerts".to_owned(),
            Some(MarkedCount { rows, alerts }) if rows == alerts => count_of(alerts, "alert"),
            Some(MarkedCount { rows, alerts }) => {
                format!("{}, {} with repeats", count_of(rows, "alert"), grouped(alerts))
            }
        }
    }
}

/// An act on many that is being done.
#[derive(Debug)]
pub(super) struct Doing {
    pub(super) token: u64,
    deed: Deed,
    /// How many were to be changed.
    expected: u64,
    done: u64,
    left: Vec<(String, u64)>,
}

impl Model {
    /// What is marked here, to be acted on.
    pub(super) fn marked_targets(&self) -> Option<Targets> {
        let marked = self.marked()?;
        let gather = self.gather_marked(marked.clone());
        // A part of the alerts does not say how many there are.
        let count = (!self.alerts.is_part()).then(|| gather.count());
        let list = gather.into_targets();
        Some(Targets { list, beyond: 0, many: Some(Many { marked, count, asked: None }) })
    }

    /// Asks the collector how many are marked, where that is not known here.
    pub(super) fn missing_count(&mut self) -> Option<Effect> {
        let many = self.dialog.as_mut().and_then(Dialog::many).filter(|many| many.count.is_none() && many.asked.is_none())?;
        if self.company.stale.is_some() {
            self.dialog = None;
            self.said = Some(("not done: there is no connection to the collector".to_owned(), true));
            return None;
        }
        let token = self.next_token;
        self.next_token += 1;
        many.asked = Some(token);
        Some(Effect::Ask(Request::CountMarked { token, marked: many.marked.clone() }))
    }

    pub(super) fn hear_count(&mut self, token: u64, count: MarkedCount) {
        let many = self.dialog.as_mut().and_then(Dialog::many);
        if let Some(many) = many.filter(|many| many.asked == Some(token)) {
            many.count = Some(count);
        }
    }

    /// Asks before something is done to what is marked.
    pub(super) fn make_sure(&mut self, deed: Deed, targets: Targets) -> Vec<Effect> {
        if targets.many.is_none() {
            return self.ask(deed, String::new(), targets);
        }
        self.dialog = Some(Dialog::Sure(deed, targets));
        Vec::new()
    }

    pub(super) fn sure_key(&mut self, key: KeyEvent, deed: Deed, targets: Targets) -> Vec<Effect> {
        if key.code == KeyCode::Enter && self.is_counted(&targets) {
            return self.ask(deed, String::new(), targets);
        }
        self.dialog = Some(Dialog::Sure(deed, targets));
        Vec::new()
    }

    /// Whether it was said how many it would be; if not, nothing is done yet.
    pub(super) fn is_counted(&mut self, targets: &Targets) -> bool {
        let is_counted = targets.many.as_ref().is_none_or(|many| many.count.is_some());
        if !is_counted {
            self.said = Some(("still counting; nothing was done".to_owned(), true));
        }
        is_counted
    }

    /// Asks the collector to do something to what is marked.
    pub(super) fn ask_many(&mut self, act: &Act, many: Many) -> Vec<Effect> {
        let expected = many.count.map_or(0, |count| count.alerts);
        let request = if self.alerts.is_part() {
            Request::ActOnMarked { act: Act { targets: Vec::new(), ..act.clone() }, marked: many.marked, expected }
        } else {
            let targets = self.gather_marked(many.marked).into_targets();
            if let Err(reason) = check(targets.len(), expected) {
                self.said = Some((reason, true));
                return Vec::new();
            }
            Request::ActOnEach(parts(&Act { targets, ..act.clone() }))
        };
        self.begin(act, expected);
        vec![Effect::Ask(request)]
    }

    fn begin(&mut self, act: &Act, expected: u64) {
        self.doing = Some(Doing { token: act.token, deed: act.deed.clone(), expected, done: 0, left: Vec::new() });
        self.said = Some((format!("{} …", words(&act.deed, &count_of(expected, "alert"))), false));
    }

    /// Takes an act on many back, all its parts, where nobody acted since.
    pub(super) fn undo_many(&mut self, numbers: &[u64]) -> Vec<Effect> {
        let token = self.next_token;
        self.next_token += 1;
        let counts: Vec<u64> =
            numbers.iter().map(|number| self.alerts.ledger.entry(*number).map_or(0, |entry| entry.alerts.len() as u64)).collect();
        let act = |number| Act {
            token,
            who: self.config.who.clone(),
            deed: Deed::Undo(number),
            reason: String::new(),
            targets: Vec::new(),
        };
        let part = |(place, number): (usize, &u64)| Part { act: act(*number), after: counts[place + 1..].iter().sum() };
        let parts: Vec<Part> = numbers.iter().enumerate().map(part).collect();
        let Some(first) = parts.first().map(|part| part.act.clone()) else { return Vec::new() };
        self.begin(&first, counts.iter().sum());
        vec![Effect::Ask(Request::ActOnEach(parts))]
    }

    /// Whether an entry is a part of what this console is doing.
    pub(super) fn is_doing(&self, who: &str, token: u64) -> bool {
        who == self.config.who && self.doing.as_ref().is_some_and(|doing| doing.token == token)
    }

    /// What came of a part.
    pub(super) fn hear_outcome(&mut self, outcome: &Outcome) {
        if !self.is_doing(&outcome.who, outcome.token) {
            return self.hear_elsewhere(outcome);
        }
        let Some(mut doing) = self.doing.take() else { return };
        doing.done += outcome.done;
        outcome.left.iter().for_each(|(reason, count)| add(&mut doing.left, reason.clone(), *count));
        if outcome.after > 0 {
            let done = grouped(doing.done);
            self.said = Some((format!("{}: {done} so far …", words(&doing.deed, &count_of(doing.expected, "alert"))), false));
            self.doing = Some(doing);
            return;
        }
        let told = doing.done + doing.left.iter().map(|(_, count)| count).sum::<u64>();
        // What the collector did not find any more it did not judge either.
        add(&mut doing.left, "not as they were".to_owned(), doing.expected.saturating_sub(told));
        self.said = Some((self.sentence(&doing), doing.done == 0));
        if doing.done > 0 && !matches!(doing.deed, Deed::Undo(_)) {
            self.marks = None;
        }
    }

    /// `acknowledged 29 of 31 alerts; 2 not: bob closed as false positive; u takes it back`.
    fn sentence(&self, doing: &Doing) -> String {
        let Doing { deed, expected, done, left, .. } = doing;
        let missed: u64 = left.iter().map(|(_, count)| count).sum();
        let which = match missed {
            0 => count_of(*done, "alert"),
            _ if *done == 0 => format!("none of {}", count_of(*expected, "alert")),
            _ => format!("{} of {}", grouped(*done), count_of(*expected, "alert")),
        };
        let mut left = left.clone();
        left.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let reason = |(reason, count): &(String, u64)| match left.len() {
            1 => reason.clone(),
            _ => format!("{reason} ({})", grouped(*count)),
        };
        let reasons: Vec<String> = left.iter().take(REASONS).map(reason).collect();
        let more = if left.len() > REASONS { ", …" } else { "" };
        let why = if missed > 0 { format!("; {} not: {}{more}", grouped(missed), reasons.join(", ")) } else { String::new() };
        let key = self.config.keys.first_of(Action::Undo);
        let undo = match deed {
            Deed::Undo(_) => String::new(),
            _ if *done == 0 => String::new(),
            _ => format!("; {key} takes it back"),
        };
        let what = match deed {
            Deed::Undo(number) => self.taken_back(*number, &which),
            _ => past(deed, &which),
        };
        format!("{what}{why}{undo}")
    }

    /// What was taken back, in words: `took back: acknowledged 6 alerts`.
    pub(super) fn taken_back(&self, number: u64, which: &str) -> String {
        match self.alerts.ledger.entry(number).map(|entry| &entry.deed) {
            Some(Deed::Mute { .. }) => format!("took back: muted {which}"),
            Some(Deed::Unmute(mute)) => format!("took back: ended mute #{mute}"),
            Some(Deed::EditMute { mute, .. }) => format!("took back: changed mute #{mute}"),
            Some(deed) => format!("took back: {}", past(deed, which)),
            None => format!("took an act back on {which}"),
        }
    }
}

/// What is done to which, in words: `close 12 alerts as false positive`.
pub fn words(deed: &Deed, which: &str) -> String {
    match deed {
        Deed::Acknowledge => format!("acknowledge {which}"),
        Deed::Close(verdict) => format!("close {which} as {}", verdict.words()),
        Deed::Comment => format!("comment on {which}"),
        Deed::Own => format!("take {which}"),
        Deed::Release => format!("release {which}"),
        Deed::Undo(_) => format!("take an act back on {which}"),
        Deed::Mute { .. } | Deed::Unmute(_) | Deed::EditMute { .. } => format!("mute {which}"),
    }
}

/// What was done to which, in words.
pub(super) fn past(deed: &Deed, which: &str) -> String {
    match deed {
        Deed::Own => format!("took {which}"),
        Deed::Release => format!("released {which}"),
        Deed::Comment => format!("commented on {which}"),
        Deed::Undo(_) => format!("took an act back on {which}"),
        _ => format!("{} {which}", deed.past()),
    }
}
