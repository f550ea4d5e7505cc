//! What somebody else does to many alerts: it comes in parts, and is told when all of it is done, in one sentence.

use crate::console::counted::count_of;
use crate::console::model::Model;
use crate::console::model::many::past;
use crate::triage::many::Outcome;
use crate::triage::{Deed, Entry};

/// The last act of somebody else.
#[derive(Debug)]
pub(super) struct Elsewhere {
    who: String,
    token: u64,
    deed: Deed,
    /// How many alerts it changed.
    done: u64,
    /// Whether parts of it are still to come.
    goes_on: bool,
}

impl Model {
    /// Somebody else did something; whether it is a part of what is told later.
    pub(super) fn is_told_later(&mut self, entry: &Entry) -> bool {
        let count = entry.alerts.len() as u64;
        if let Some(act) = self.elsewhere.as_mut().filter(|act| act.who == entry.who && act.token == entry.token) {
            act.done += count;
            return act.goes_on;
        }
        let (who, deed) = (entry.who.clone(), entry.deed.clone());
        self.elsewhere = Some(Elsewhere { who, token: entry.token, deed, done: count, goes_on: false });
        false
    }

    /// What came of a part of what somebody else does.
    pub(super) fn hear_elsewhere(&mut self, outcome: &Outcome) {
        let is_of = |act: &&mut Elsewhere| act.who == outcome.who && act.token == outcome.token;
        let Some(act) = self.elsewhere.as_mut().filter(is_of) else { return };
        let had_more = std::mem::replace(&mut act.goes_on, outcome.after > 0);
        if !had_more || outcome.after > 0 {
            return;
        }
        let Some(Elsewhere { who, deed, done, .. }) = self.elsewhere.take() else { return };
        let which = count_of(done, "alert");
        let what = match deed {
            Deed::Undo(number) => self.taken_back(number, &which),
            _ => past(&deed, &which),
        };
        let elsewhere = if who == self.config.who { " elsewhere" } else { "" };
        self.said = Some((format!("{who}{elsewhere} {what}"), false));
    }
}
