//! A key that is held: terminals only repeat it. What acts does so once; and a key that closed a box, or opened one with enter,
//! goes on doing nothing behind it, until it was let go or another one comes.

use chrono::{DateTime, TimeDelta, Utc};
use crossterm::event::{KeyCode, KeyEvent};

use crate::console::model::Model;
use crate::console::model::triage::Dialog;

/// Presses of one key that follow one another faster are those of a key that is held.
const HELD: TimeDelta = TimeDelta::milliseconds(60);
/// How long a key that closed a box is taken for the same press: before it repeats a keyboard waits that long.
const LET_GO: TimeDelta = TimeDelta::milliseconds(600);

/// Whether a key is held.
#[derive(Debug, Default)]
pub(super) struct Held {
    last: Option<(KeyEvent, DateTime<Utc>)>,
    /// What did something to a box, when it came last, and how long it may have been let go since.
    spent: Option<(KeyEvent, DateTime<Utc>, TimeDelta)>,
}

/// Which box is in front; another one of the same kind is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Covering {
    Nothing,
    Help,
    Dialog(std::mem::Discriminant<Dialog>),
    Editor,
}

impl Held {
    /// A key was pressed; whether it is the one before, held.
    pub(super) fn press(&mut self, key: KeyEvent, now: DateTime<Utc>) -> bool {
        let before = self.last.replace((key, now));
        before.is_some_and(|(other, at)| other == key && now - at < HELD)
    }

    /// Whether a key has done what it was pressed for, and only was not let go yet.
    pub(super) fn is_spent(&mut self, key: KeyEvent, now: DateTime<Utc>) -> bool {
        let Some((_, at, patience)) = self.spent.take_if(|(own, ..)| *own == key) else {
            self.spent = None;
            return false;
        };
        let is_spent = now - at < patience;
        self.spent = is_spent.then_some((key, now, patience));
        is_spent
    }

    /// A key led from one box to another, or to none.
    pub(super) fn led(&mut self, key: KeyEvent, (before, after): (Covering, Covering), now: DateTime<Utc>) {
        let patience = match (before, after) {
            _ if before == after => return,
            // Who presses it twice goes back twice.
            _ if key.code == KeyCode::Esc => return,
            // What is typed into a box that a letter opened may begin with that letter.
            (Covering::Nothing, _) if key.code != KeyCode::Enter => return,
            (Covering::Nothing, _) => HELD,
            _ => LET_GO,
        };
        self.spent = Some((key, now, patience));
    }
}

impl Model {
    /// Which box is in front.
    pub(super) fn covering(&self) -> Covering {
        match (&self.dialog, &self.editor) {
            _ if self.help.is_some() => Covering::Help,
            (Some(dialog), _) => Covering::Dialog(std::mem::discriminant(dialog)),
            (None, Some(_)) => Covering::Editor,
            (None, None) => Covering::Nothing,
        }
    }
}
