//! What the user does with alerts: which ones a key is about, what is asked before, and what came of it. Nothing is changed
//! here; the collector is asked, and its answer changes the picture.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::console::keys::Action;
use crate::console::model::copy::CopyMenu;
use crate::console::model::export::ExportForm;
use crate::console::model::mutes::{MuteForm, OFFERED, Offer};
use crate::console::model::palette::Palette;
use crate::console::model::pick::Picker;
use crate::console::model::screen::{Pane, Screen, Selection, Tab};
use crate::console::model::{Effect, Model, unsent};
use crate::feed::Request;
use crate::roster::Entry;
use crate::triage::decide::MAX_TARGETS;
use crate::triage::{self, Act, Deed, MAX_REASON, Refusal, Status, Target, Verdict};

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

impl Model {
    /// The alert that a key is about now, if any.
    pub(super) fn front(&self) -> Option<&Entry> {
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

    pub(super) fn targets(&self) -> Targets {
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

    pub(super) fn ask(&mut self, deed: Deed, reason: String, targets: Targets) -> Vec<Effect> {
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

    pub(super) fn dialog_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return vec![Effect::Quit];
        }
        let Some(dialog) = self.dialog.take() else { return Vec::new() };
        self.touch();
        if key.code == KeyCode::Esc {
            self.leave(&dialog);
            return Vec::new();
        }
        let form = unsent::is_form(&dialog).then(|| dialog.clone());
        let effects = match dialog {
            Dialog::Verdict(targets) => self.verdict_key(key, targets),
            Dialog::Comment(targets, text) => self.comment_key(key, targets, text),
            Dialog::Mute(form) => self.mute_key(key, *form),
            Dialog::Mutes(selected) => self.mutes_key(key, selected),
            Dialog::Palette(palette) => self.palette_key(key, palette),
            Dialog::Copy(menu) => self.copy_key(key, menu),
            Dialog::Export(form) => self.export_key(key, form),
            Dialog::Pick(picker) => self.pick_key(key, picker),
        };
        if let Some(form) = form { self.send(form, effects) } else { effects }
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

    /// A dialog is closed; one that was opened from the list of mutes goes back there.
    fn leave(&mut self, dialog: &Dialog) {
        if let Dialog::Mute(form) = dialog
            && let Some(mute) = &form.edits
        {
            let place = self.mute_rows().iter().position(|row| row.number == mute.number);
            self.dialog = Some(Dialog::Mutes(place.unwrap_or(0)));
        }
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
        self.offer = None;
        self.was_done(entry);
        if is_mine && entry.token >= self.first_token && entry.token < self.next_token {
            self.say_done(entry);
        } else {
            let elsewhere = if is_mine { " elsewhere" } else { "" };
            self.said = Some((format!("{}{elsewhere} {}", entry.who, about(entry)), false));
        }
    }

    pub(super) fn hear_refusal(&mut self, refusal: &Refusal) {
        if refusal.who == self.config.who && refusal.token >= self.first_token && refusal.token < self.next_token {
            self.offer = None;
            if self.was_unreached(refusal) {
                return;
            }
            self.said = Some((refusal.reason.clone(), true));
        }
    }

    /// Tells what an act of this console did, how it is taken back, and, where an alert turned out to be no attack, that others
    /// like it can be muted with one more key.
    pub(super) fn say_done(&mut self, entry: &triage::Entry) {
        let key = |action| self.config.keys.first_of(action);
        let (undo, mute) = (key(Action::Undo), key(Action::Mute));
        let is_harmless = matches!(entry.deed, Deed::Close(Verdict::BenignTrigger | Verdict::FalsePositive));
        let about = about(entry);
        let text = match entry.deed {
            Deed::Undo(_) | Deed::Unmute(_) => about,
            _ if is_harmless && self.size.0 >= 100 => format!("{about}; {mute} mutes alerts like this; {undo} takes it back"),
            // The offer must not be what is cut off.
            _ if is_harmless => format!("{mute} mutes its like, {undo} undo: {about}"),
            _ => format!("{about}; {undo} takes it back"),
        };
        let offered = entry.alerts.last().filter(|_| is_harmless).cloned();
        self.offer = offered.map(|alert| Offer { alert, until: self.now + OFFERED });
        self.said = Some((text, false));
    }
}

/// What was done to how many, in words: `closed as false positive a7f3`.
fn about(entry: &triage::Entry) -> String {
    let which = match entry.alerts.as_slice() {
        [one] => one.short().to_owned(),
        several => format!("{} alerts", several.len()),
    };
    match &entry.deed {
        Deed::Mute { .. } if entry.alerts.is_empty() => "muted what is like this; none was open".to_owned(),
        Deed::Mute { .. } => format!("muted {which} and what is like them"),
        Deed::Unmute(number) => format!("ended mute #{number}: {which} back"),
        Deed::EditMute { mute, .. } => format!("changed mute #{mute}"),
        Deed::Undo(_) if entry.alerts.is_empty() => "took an act back".to_owned(),
        Deed::Undo(_) => format!("took an act back on {which}"),
        Deed::Own => format!("took {which}"),
        Deed::Release => format!("released {which}"),
        Deed::Comment => format!("commented on {which}"),
        Deed::Acknowledge | Deed::Close(_) => format!("{} {which}", entry.deed.past()),
    }
}

/// Types into a line.
pub(super) fn edit(text: &mut String, key: KeyEvent) {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    let is_chord = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match key.code {
        KeyCode::Char('u') if is_control => text.clear(),
        KeyCode::Char('w') if is_control => {
            let kept = text.trim_end().rfind(' ').map_or(0, |at| at + 1);
            text.truncate(kept);
        }
        KeyCode::Backspace => drop(text.pop()),
        KeyCode::Char(letter) if !is_chord && !letter.is_control() && text.len() < MAX_REASON - 4 => text.push(letter),
        _ => {}
    }
}
