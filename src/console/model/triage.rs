//! What the user does with alerts: which ones a key is about, what is asked before, and what came of it. Nothing is changed
//! here; the collector is asked, and its answer changes the picture.

use chrono::TimeDelta;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::alert::header::Header;
use crate::console::keys::Action;
use crate::console::model::copy::CopyMenu;
use crate::console::model::export::ExportForm;
use crate::console::model::palette::Palette;
use crate::console::model::pick::Picker;
use crate::console::model::screen::{Pane, Screen, Selection, Tab};
use crate::console::model::{Effect, Model};
use crate::feed::Request;
use crate::roster::Entry;
use crate::triage::decide::MAX_TARGETS;
use crate::triage::mute::{Aspect, PREVIEW_BACK, Preview, Scope};
use crate::triage::{self, Act, Deed, MAX_REASON, MIN_MUTE_REASON, Refusal, Status, Target, Verdict};

/// The expiries of a mute: their names, and how long.
pub const EXPIRIES: [(&str, Option<TimeDelta>); 5] = [
    ("1 h", Some(TimeDelta::hours(1))),
    ("8 h", Some(TimeDelta::hours(8))),
    ("7 d", Some(TimeDelta::days(7))),
    ("30 d", Some(TimeDelta::days(30))),
    ("until removed", None),
];

/// The alerts that an act is about.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Those that are held here.
    pub list: Vec<Target>,
    /// How many repeats there are besides, which the collector names.
    pub beyond: usize,
}

/// What is asked before an act.
#[derive(Debug, Clone)]
pub enum Dialog {
    /// Which verdict?
    Verdict(Targets),
    /// Which words?
    Comment(Targets, String),
    /// Which alerts, how long, and why?
    Mute(Box<MuteForm>),
    /// The mutes; which is selected.
    Mutes(usize),
    /// Every action by its name.
    Palette(Palette),
    /// What to copy?
    Copy(CopyMenu),
    /// Into which file?
    Export(ExportForm),
    /// Which value?
    Pick(Picker),
}

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

/// A mute in the making.
#[derive(Debug, Clone)]
pub struct MuteForm {
    /// The alert that it began with.
    pub like: String,
    /// Its conditions.
    pub choices: Vec<Choice>,
    /// Which of [`EXPIRIES`].
    pub expiry: usize,
    /// Why.
    pub reason: String,
    /// Where the keys go.
    pub focus: Focus,
    /// What it would have hidden.
    pub preview: Preview,
    /// Whether the collector is to count that, or does: the number of the question.
    pub counting: Counting,
    /// For which scope.
    counted: Option<Scope>,
    /// Why it cannot be made yet.
    pub problem: Option<String>,
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
            choices: Aspect::ALL.into_iter().filter_map(choice).collect(),
            expiry: 2,
            reason: String::new(),
            focus: Focus::Reason,
            preview: Preview::default(),
            counting: Counting::Done,
            counted: None,
            problem: None,
        }
    }

    /// The scope as chosen.
    pub fn scope(&self) -> Scope {
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
        (missing > 0).then(|| format!("the reason needs {missing} more characters"))
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
    /// The alert that a key is about now, if any.
    fn front(&self) -> Option<&Entry> {
        match (self.stack.last(), self.tab, self.pane) {
            (Some(Screen::Event { .. } | Screen::BadFrames { .. }), ..)
            | (None, Tab::Events | Tab::Health, _)
            | (None, Tab::Triage, Pane::Hosts) => None,
            _ => self.alerts.get(self.selected_alert()?),
        }
    }

    /// Whether a key is about any alert now.
    pub(super) fn has_chosen(&self) -> bool {
        self.front().is_some()
    }

    /// The alerts that a key is about now: the one in front, or the selected row with its repeats where they are folded; the
    /// newest first, and no more than one act may change.
    pub fn chosen(&self) -> Vec<&Entry> {
        let Some(front) = self.front() else { return Vec::new() };
        if self.is_folded() { self.alerts.repeats(front).take(MAX_TARGETS).collect() } else { vec![front] }
    }

    fn targets(&self) -> Targets {
        let target = |entry: &&Entry| Target { alert: entry.header.id.clone(), revision: entry.state.revision };
        let list: Vec<Target> = self.chosen().iter().map(target).collect();
        let all = self.front().filter(|_| self.is_folded()).map_or(0, |front| self.alerts.repeat_count(front));
        let beyond = all.min(MAX_TARGETS).saturating_sub(list.len());
        Targets { list, beyond }
    }

    /// Whether a row stands for all its repeats.
    fn is_folded(&self) -> bool {
        self.stack.is_empty() && self.tab == Tab::Triage
    }

    pub(super) fn can_act(&self, action: Action) -> bool {
        match action {
            Action::Undo => self.alerts.ledger.last_of(&self.config.who, self.now).is_some(),
            Action::Mutes => self.alerts.ledger.mutes().next().is_some(),
            // What is folded is open, all of it: asking the one in front is enough, and this is asked for every frame.
            Action::Acknowledge => self.front().is_some_and(|entry| entry.state.status != Status::Acknowledged),
            _ => self.front().is_some(),
        }
    }

    /// The alerts to act on; without any, a word on why the key does nothing.
    fn targets_or_hint(&mut self) -> Option<Targets> {
        let targets = self.targets();
        if targets.list.is_empty() {
            self.hint = Some("no alert is selected here");
            return None;
        }
        Some(targets)
    }

    fn ask(&mut self, deed: Deed, reason: String, targets: Targets) -> Vec<Effect> {
        let token = self.next_token;
        self.next_token += 1;
        let Targets { list: mut targets, beyond } = targets;
        if beyond > 0 {
            // The newest stands for all.
            targets.truncate(1);
        }
        let act = Act { token, who: self.config.who.clone(), deed, reason, targets };
        vec![Effect::Ask(if beyond > 0 { Request::ActOnRepeats(act) } else { Request::Act(act) })]
    }

    pub(super) fn acknowledge(&mut self) -> Vec<Effect> {
        let Some(targets) = self.targets_or_hint() else { return Vec::new() };
        self.ask(Deed::Acknowledge, String::new(), targets)
    }

    pub(super) fn own(&mut self) -> Vec<Effect> {
        let is_mine = self.front().is_some_and(|entry| entry.state.owner.as_ref() == Some(&self.config.who));
        let Some(targets) = self.targets_or_hint() else { return Vec::new() };
        self.ask(if is_mine { Deed::Release } else { Deed::Own }, String::new(), targets)
    }

    pub(super) fn undo(&mut self) -> Vec<Effect> {
        let Some(number) = self.alerts.ledger.last_of(&self.config.who, self.now).map(|entry| entry.number) else {
            self.hint = Some("nothing of yours in the last 30 s to take back");
            return Vec::new();
        };
        self.ask(Deed::Undo(number), String::new(), Targets::default())
    }

    pub(super) fn ask_verdict(&mut self) {
        self.dialog = self.targets_or_hint().map(Dialog::Verdict);
    }

    pub(super) fn ask_comment(&mut self) {
        self.dialog = self.targets_or_hint().map(|targets| Dialog::Comment(targets, String::new()));
    }

    pub(super) fn ask_mute(&mut self) {
        // The newest stands for its repeats.
        let Some(form) = self.front().map(|entry| MuteForm::of(&entry.header)) else {
            self.hint = Some("no alert is selected here");
            return;
        };
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

    pub(super) fn dialog_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return vec![Effect::Quit];
        }
        let Some(dialog) = self.dialog.take() else { return Vec::new() };
        if key.code == KeyCode::Esc {
            return Vec::new();
        }
        match dialog {
            Dialog::Verdict(targets) => self.verdict_key(key, targets),
            Dialog::Comment(targets, text) => self.comment_key(key, targets, text),
            Dialog::Mute(form) => self.mute_key(key, *form),
            Dialog::Mutes(selected) => self.mutes_key(key, selected),
            Dialog::Palette(palette) => self.palette_key(key, palette),
            Dialog::Copy(menu) => self.copy_key(key, menu),
            Dialog::Export(form) => self.export_key(key, form),
            Dialog::Pick(picker) => self.pick_key(key, picker),
        }
    }

    fn verdict_key(&mut self, key: KeyEvent, targets: Targets) -> Vec<Effect> {
        let verdict = match key.code {
            KeyCode::Char('t') => Verdict::TruePositive,
            KeyCode::Char('b') => Verdict::BenignTrigger,
            KeyCode::Char('f') => Verdict::FalsePositive,
            _ => {
                self.dialog = Some(Dialog::Verdict(targets));
                return Vec::new();
            }
        };
        self.ask(Deed::Close(verdict), String::new(), targets)
    }

    fn comment_key(&mut self, key: KeyEvent, targets: Targets, mut text: String) -> Vec<Effect> {
        match key.code {
            KeyCode::Enter if !text.trim().is_empty() => return self.ask(Deed::Comment, text, targets),
            _ => edit(&mut text, key),
        }
        self.dialog = Some(Dialog::Comment(targets, text));
        Vec::new()
    }

    fn mute_key(&mut self, key: KeyEvent, mut form: MuteForm) -> Vec<Effect> {
        form.problem = None;
        match (key.code, form.focus) {
            (KeyCode::Enter, _) => match form.missing() {
                Some(problem) => form.problem = Some(problem),
                None => {
                    let until = EXPIRIES[form.expiry].1.map(|span| self.now + span);
                    let deed = Deed::Mute { scope: form.scope(), until };
                    return self.ask(deed, form.reason, Targets::default());
                }
            },
            (KeyCode::Up | KeyCode::BackTab, _) => form.move_focus(-1),
            (KeyCode::Down | KeyCode::Tab, _) => form.move_focus(1),
            (KeyCode::Char(' ' | 'x'), Focus::Choice(place)) => form.choices[place].is_on = !form.choices[place].is_on,
            (KeyCode::Left, Focus::Expiry) => form.expiry = form.expiry.saturating_sub(1),
            (KeyCode::Right | KeyCode::Char(' '), Focus::Expiry) => form.expiry = (form.expiry + 1).min(EXPIRIES.len() - 1),
            (_, Focus::Reason) => edit(&mut form.reason, key),
            _ => {}
        }
        self.show_mute(form);
        Vec::new()
    }

    fn mutes_key(&mut self, key: KeyEvent, selected: usize) -> Vec<Effect> {
        let rows: Vec<u64> = self.mute_rows().iter().map(|mute| mute.number).collect();
        let last = rows.len().saturating_sub(1);
        let selected = match key.code {
            KeyCode::Up | KeyCode::Char('k') => selected.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => (selected + 1).min(last),
            KeyCode::Char('x') => match rows.get(selected) {
                Some(number) => return self.ask(Deed::Unmute(*number), String::new(), Targets::default()),
                None => selected,
            },
            _ => selected,
        };
        self.dialog = Some(Dialog::Mutes(selected));
        Vec::new()
    }

    /// The mutes, those that hold first, then newest.
    pub fn mute_rows(&self) -> Vec<&triage::ledger::Mute> {
        let mut rows: Vec<_> = self.alerts.ledger.mutes().rev().collect();
        rows.sort_by_key(|mute| !mute.is_active(self.now));
        rows
    }

    /// Somebody did something. The selection stays near where it was when its alert leaves the list.
    pub(super) fn hear_act(&mut self, entry: &triage::Entry) {
        let is_folded = self.tab == Tab::Triage;
        let place =
            self.alert.what.filter(|_| self.alert.is_chosen).and_then(|number| self.alerts.rows(is_folded).place_of(number));
        self.alerts.apply(entry, &self.filter, self.now);
        let rows = self.alerts.rows(is_folded);
        if let (Some(place), Some(number)) = (place, self.alert.what)
            && rows.place_of(number).is_none()
            && self.stack.is_empty()
        {
            let next = rows.get(place.min(rows.len().saturating_sub(1))).map(|entry| entry.number);
            self.alert = Selection { what: next, is_chosen: next.is_some() };
        }
        let is_mine = entry.who == self.config.who;
        if is_mine && entry.token >= self.first_token && entry.token < self.next_token {
            self.said = Some((done(entry), false));
        } else {
            let elsewhere = if is_mine { " elsewhere" } else { "" };
            self.said = Some((format!("{}{elsewhere} {}", entry.who, about(entry)), false));
        }
    }

    pub(super) fn hear_refusal(&mut self, refusal: &Refusal) {
        if refusal.who == self.config.who && refusal.token >= self.first_token && refusal.token < self.next_token {
            self.said = Some((refusal.reason.clone(), true));
        }
    }
}

/// What was done to how many, in words: `closed as false positive a7f3`.
fn about(entry: &triage::Entry) -> String {
    let which = match entry.alerts.as_slice() {
        [one] => one.short().to_owned(),
        several => format!("{} alerts", several.len()),
    };
    match &entry.deed {
        Deed::Mute { .. } => format!("muted {which} and what is like them"),
        Deed::Unmute(number) => format!("ended mute #{number}: {which} back"),
        Deed::Undo(_) => format!("took an act back on {which}"),
        Deed::Own => format!("took {which}"),
        Deed::Release => format!("released {which}"),
        Deed::Comment => format!("commented on {which}"),
        Deed::Acknowledge | Deed::Close(_) => format!("{} {which}", entry.deed.past()),
    }
}

fn done(entry: &triage::Entry) -> String {
    let can_undo = !matches!(entry.deed, Deed::Undo(_) | Deed::Unmute(_));
    format!("{}{}", about(entry), if can_undo { "; u takes it back" } else { "" })
}

/// Types into a line.
pub(super) fn edit(text: &mut String, key: KeyEvent) {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    match key.code {
        KeyCode::Char('u') if is_control => text.clear(),
        KeyCode::Char('w') if is_control => {
            let kept = text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            text.truncate(kept);
        }
        KeyCode::Backspace => drop(text.pop()),
        KeyCode::Char(letter) if !is_control && !letter.is_control() && text.len() < MAX_REASON - 4 => text.push(letter),
        _ => {}
    }
}
