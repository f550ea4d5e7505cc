//! Mutes: the form that makes or changes one, the list of them, and the offer to mute what turned out to be harmless.

use chrono::{DateTime, TimeDelta, Utc};
use crossterm::event::{KeyCode, KeyEvent};

use crate::alert::AlertId;
use crate::alert::header::Header;
use crate::console::model::line::TextLine;
use crate::console::model::triage::{Dialog, MAX_LINE, Targets};
use crate::console::model::{Effect, Model};
use crate::feed::Request;
use crate::triage::ledger::Mute;
use crate::triage::mute::{Aspect, PREVIEW_BACK, Preview, Scope};
use crate::triage::{Deed, MIN_MUTE_REASON};

/// How long a mute is offered after an alert was closed.
pub const OFFERED: TimeDelta = TimeDelta::seconds(20);
/// The expiries of a mute: their names, and how long.
const EXPIRIES: [(&str, Option<TimeDelta>); 5] = [
    ("1 h", Some(TimeDelta::hours(1))),
    ("8 h", Some(TimeDelta::hours(8))),
    ("7 d", Some(TimeDelta::days(7))),
    ("30 d", Some(TimeDelta::days(30))),
    ("until removed", None),
];

/// A condition that a mute can have.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What it looks at.
    pub aspect: Aspect,
    /// The value that the mute compares with.
    pub value: String,
    /// The value for people.
    pub shown: String,
    /// Whether it is part of the scope.
    pub is_on: bool,
}

/// Where the keys of the mute dialog go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// A condition.
    Choice(usize),
    /// The expiry.
    Expiry,
    /// The reason.
    Reason,
}

/// Whether a preview is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Counting {
    /// It is.
    #[default]
    Done,
    /// The collector has to be asked: the part of the alerts that is here does not say.
    Wanted,
    /// It was asked, by this token.
    Asked(u64),
}

/// A mute in the making, or one that is changed: then its scope stays.
#[derive(Debug, Clone)]
pub struct MuteForm {
    /// The alert that it began with.
    pub like: String,
    /// The mute that is changed.
    pub edits: Option<Mute>,
    /// Its conditions.
    pub choices: Vec<Choice>,
    /// Which of [`Self::expiries`].
    pub expiry: usize,
    /// Why.
    pub reason: TextLine,
    /// Where the keys go.
    pub focus: Focus,
    /// What it would have hidden.
    pub preview: Preview,
    /// Whether the collector is to count that, or does.
    pub counting: Counting,
    /// For which scope.
    counted: Option<Scope>,
    /// Why it cannot be made yet.
    pub problem: Option<String>,
}

/// After an alert was closed as harmless, others like it can be muted with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The alert that was closed.
    pub alert: AlertId,
    /// Until when.
    pub until: DateTime<Utc>,
}

impl MuteForm {
    fn of(header: &Header) -> Self {
        let choice = |aspect: Aspect| {
            let value = aspect.of(header)?;
            let shown = if aspect == Aspect::Rule { header.rule.clone() } else { value.clone() };
            let is_on = matches!(aspect, Aspect::Rule | Aspect::Host | Aspect::Image | Aspect::Source);
            Some(Choice { aspect, value, shown, is_on })
        };
        Self {
            like: header.id.short().to_owned(),
            edits: None,
            choices: Aspect::ALL.into_iter().filter_map(choice).collect(),
            expiry: 2,
            reason: TextLine::of("", MAX_LINE),
            focus: Focus::Reason,
            preview: Preview::default(),
            counting: Counting::Done,
            counted: None,
            problem: None,
        }
    }

    /// The form that changes a mute.
    fn of_mute(mute: &Mute) -> Self {
        Self {
            like: String::new(),
            edits: Some(mute.clone()),
            choices: Vec::new(),
            expiry: 0,
            reason: TextLine::of(&mute.reason, MAX_LINE),
            focus: Focus::Reason,
            preview: Preview::default(),
            counting: Counting::Done,
            counted: None,
            problem: None,
        }
    }

    /// The names of the expiries that there are.
    pub fn expiries(&self) -> Vec<&'static str> {
        let kept = self.edits.iter().map(|_| "as it is");
        kept.chain(EXPIRIES.iter().map(|(name, _)| *name)).collect()
    }

    /// Until when it would hold.
    fn until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let of = |place: usize| EXPIRIES.get(place).and_then(|(_, span)| *span).map(|span| now + span);
        match (&self.edits, self.expiry) {
            (Some(mute), 0) => mute.until,
            (Some(_), place) => of(place - 1),
            (None, place) => of(place),
        }
    }

    /// The scope as chosen.
    pub fn scope(&self) -> Scope {
        if let Some(mute) = &self.edits {
            return mute.scope.clone();
        }
        let chosen = self.choices.iter().filter(|choice| choice.is_on);
        Scope { conditions: chosen.map(|choice| (choice.aspect, choice.value.clone())).collect() }
    }

    /// A condition that would make it narrower.
    pub fn narrower(&self) -> Option<Aspect> {
        self.choices.iter().find(|choice| !choice.is_on).map(|choice| choice.aspect)
    }

    /// Why it cannot be made yet.
    fn missing(&self) -> Option<String> {
        if self.scope().conditions.is_empty() {
            return Some("choose a condition: a mute must not hide everything".to_owned());
        }
        let missing = MIN_MUTE_REASON.saturating_sub(self.reason.trim().chars().count());
        (missing > 0)
            .then(|| format!("the reason needs {missing} more {}", if missing == 1 { "character" } else { "characters" }))
    }

    /// The collector is another one, or knows better: it has to count anew.
    pub(super) fn count_again(&mut self) {
        (self.counting, self.counted) = (Counting::Wanted, Some(self.scope()));
    }

    fn move_focus(&mut self, by: isize) {
        let count = self.choices.len();
        let place = match self.focus {
            Focus::Choice(place) => place,
            Focus::Expiry => count,
            Focus::Reason => count + 1,
        };
        self.focus = match place.saturating_add_signed(by).min(count + 1) {
            place if place < count => Focus::Choice(place),
            place if place == count => Focus::Expiry,
            _ => Focus::Reason,
        };
    }
}

impl Model {
    /// Asks what is to be muted: like the alert that was just closed, where that was offered, else like the selected one.
    pub(super) fn ask_mute(&mut self, offer: Option<Offer>) {
        let offered = offer.and_then(|offer| self.alerts.number_of(&offer.alert)).and_then(|number| self.alerts.get(number));
        // The newest stands for its repeats.
        let Some(form) = offered.or_else(|| self.front()).map(|entry| MuteForm::of(&entry.header)) else {
            self.hint = Some(self.no_alert());
            return;
        };
        if self.marked_rows() > 0 {
            // Its scope is made of one alert's values: of many there is none that says why.
            self.said = Some(("a mute hides what is like the selected alert, not like all that are marked".to_owned(), false));
        }
        self.show_mute(form);
    }

    fn show_mute(&mut self, mut form: MuteForm) {
        let scope = form.scope();
        if !self.alerts.is_part() {
            form.preview = self.alerts.ledger.preview(&scope, self.now, PREVIEW_BACK);
        } else if form.counted.as_ref() != Some(&scope) {
            (form.counting, form.counted) = (Counting::Wanted, Some(scope));
        }
        self.dialog = Some(Dialog::Mute(Box::new(form)));
    }

    /// Asks what the mute in the making would have hidden, where that is not known here.
    pub(super) fn missing_preview(&mut self) -> Option<Effect> {
        let Some(Dialog::Mute(form)) = &mut self.dialog else { return None };
        if form.counting != Counting::Wanted {
            return None;
        }
        let token = self.next_token;
        self.next_token += 1;
        form.counting = Counting::Asked(token);
        Some(Effect::Ask(Request::Preview { token, scope: form.scope() }))
    }

    pub(super) fn hear_preview(&mut self, token: u64, preview: Preview) {
        if let Some(Dialog::Mute(form)) = &mut self.dialog
            && form.counting == Counting::Asked(token)
        {
            form.preview = preview;
            form.counting = Counting::Done;
        }
    }

    pub(super) fn list_mutes(&mut self) {
        if self.alerts.ledger.mutes().next().is_some() {
            self.dialog = Some(Dialog::Mutes(0));
        } else {
            self.hint = Some("no mutes yet; m on an alert makes one");
        }
    }

    /// What is said for a while is not said for ever.
    pub(super) fn withdraw_offer(&mut self) {
        if self.offer.as_ref().is_some_and(|offer| offer.until <= self.now) {
            self.offer = None;
            self.said = None;
        }
    }

    pub(super) fn mute_key(&mut self, key: KeyEvent, mut form: MuteForm) -> Vec<Effect> {
        form.problem = None;
        let last = form.expiries().len() - 1;
        match (key.code, form.focus) {
            (KeyCode::Enter, _) => match form.missing() {
                Some(problem) => form.problem = Some(problem),
                None => {
                    let until = form.until(self.now);
                    let deed = match &form.edits {
                        Some(mute) => Deed::EditMute { mute: mute.number, until },
                        None => Deed::Mute { scope: form.scope(), until },
                    };
                    return self.ask(deed, form.reason.to_string(), Targets::default());
                }
            },
            (KeyCode::Up | KeyCode::BackTab, _) => form.move_focus(-1),
            (KeyCode::Down | KeyCode::Tab, _) => form.move_focus(1),
            (KeyCode::Char(' ' | 'x'), Focus::Choice(place)) => form.choices[place].is_on = !form.choices[place].is_on,
            (KeyCode::Left, Focus::Expiry) => form.expiry = form.expiry.saturating_sub(1),
            (KeyCode::Right | KeyCode::Char(' '), Focus::Expiry) => form.expiry = (form.expiry + 1).min(last),
            (_, Focus::Reason) => drop(form.reason.key(key)),
            _ => {}
        }
        self.show_mute(form);
        Vec::new()
    }

    pub(super) fn mutes_key(&mut self, key: KeyEvent, selected: usize) -> Vec<Effect> {
        let rows = self.mute_rows();
        let last = rows.len().saturating_sub(1);
        let chosen = rows.get(selected).map(|mute| (*mute).clone());
        let selected = match key.code {
            KeyCode::Up | KeyCode::Char('k') => selected.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => (selected + 1).min(last),
            KeyCode::PageUp => selected.saturating_sub(5),
            KeyCode::PageDown => (selected + 5).min(last),
            KeyCode::Home | KeyCode::Char('g') => 0,
            KeyCode::End | KeyCode::Char('G') => last,
            KeyCode::Char('x') if self.may_act() => match chosen {
                Some(mute) => return self.ask(Deed::Unmute(mute.number), String::new(), Targets::default()),
                None => selected,
            },
            KeyCode::Char('e') | KeyCode::Enter if self.may_act() => {
                match chosen {
                    Some(mute) if mute.is_active(self.now) => {
                        self.show_mute(MuteForm::of_mute(&mute));
                        return Vec::new();
                    }
                    _ => self.said = Some(("it has ended; mute anew".to_owned(), true)),
                }
                selected
            }
            _ => selected,
        };
        self.dialog = Some(Dialog::Mutes(selected));
        Vec::new()
    }

    /// The mutes, those that hold first, then newest.
    pub fn mute_rows(&self) -> Vec<&Mute> {
        let mut rows: Vec<_> = self.alerts.ledger.mutes().rev().collect();
        rows.sort_by_key(|mute| !mute.is_active(self.now));
        rows
    }
}
