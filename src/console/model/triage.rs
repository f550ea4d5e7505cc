//! What the user does with alerts: which ones a key is about, what is asked before, and what came of it. Nothing is changed
//! here; the collector is asked, and its answer changes the picture.

use crossterm::event::{KeyCode, KeyEvent};

use crate::console::counted::count_of;
use crate::console::keys::action::Action;
use crate::console::model::copy::CopyMenu;
use crate::console::model::export::ExportForm;
use crate::console::model::line::TextLine;
use crate::console::model::many::{Many, past};
use crate::console::model::mutes::{MuteForm, OFFERED, Offer};
use crate::console::model::palette::Palette;
use crate::console::model::pick::Picker;
use crate::console::model::screen::{Pane, Screen, Selection, Tab};
use crate::console::model::{Effect, Model, unsent};
use crate::feed::Request;
use crate::roster::Entry;
use crate::triage::decide::MAX_TARGETS;
use crate::triage::{self, Act, Deed, MAX_COMMENT, MAX_REASON, Refusal, Status, Target, Verdict};

/// How long a comment, a reason, or the name of a file may be that is typed, in bytes.
pub(super) const MAX_LINE: usize = MAX_REASON;

/// The alerts that an act is about.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Those that are held here.
    pub list: Vec<Target>,
    /// How many repeats there are besides, which the collector names.
    pub beyond: usize,
    /// Set where rows are marked: then it is about those.
    pub many: Option<Many>,
}

/// What is asked before an act.
#[derive(Debug, Clone)]
pub enum Dialog {
    /// Which verdict?
    Verdict(Targets),
    /// Which words?
    Comment(Targets, TextLine),
    /// To so many?
    Sure(Deed, Targets),
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

impl Dialog {
    /// The marked alerts that it is about, where it is about those.
    pub(super) fn many(&mut self) -> Option<&mut Many> {
        match self {
            Self::Verdict(targets) | Self::Comment(targets, _) | Self::Sure(_, targets) => targets.many.as_mut(),
            _ => None,
        }
    }
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
        if !self.is_folded() {
            return vec![front];
        }
        let mut alike = self.alerts.alike(front);
        alike.truncate(MAX_TARGETS);
        alike
    }

    pub(super) fn targets(&self) -> Targets {
        let target = |entry: &&Entry| Target { alert: entry.header.id.clone(), revision: entry.state.revision };
        let list: Vec<Target> = self.chosen().iter().map(target).collect();
        let all = self.front().filter(|_| self.is_folded()).map_or(0, |front| self.alerts.alike_count(front));
        let beyond = all.min(MAX_TARGETS).saturating_sub(list.len());
        Targets { list, beyond, many: None }
    }

    /// Whether what is in front stands for all its repeats: a row of Triage, or the alert that was opened from one.
    fn is_folded(&self) -> bool {
        match self.stack.last() {
            None => self.tab == Tab::Triage,
            Some(Screen::Alert { with_repeats, .. }) => *with_repeats,
            Some(_) => false,
        }
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
        let targets = self.marked_targets().unwrap_or_else(|| self.targets());
        if targets.list.is_empty() && targets.many.is_none() {
            self.hint = Some(self.no_alert());
            return None;
        }
        Some(targets)
    }

    /// Why there is no alert to do something with.
    pub(super) fn no_alert(&self) -> &'static str {
        let is_at_hosts = self.stack.is_empty() && self.tab == Tab::Triage && self.pane == Pane::Hosts;
        if is_at_hosts { "no alert is selected here; tab goes to the alerts" } else { "no alert is selected here" }
    }

    pub(super) fn ask(&mut self, deed: Deed, reason: String, targets: Targets) -> Vec<Effect> {
        let token = self.next_token;
        self.next_token += 1;
        let Targets { list: mut targets, beyond, many } = targets;
        if let Some(many) = many {
            let act = Act { token, who: self.config.who.clone(), deed, reason, targets: Vec::new() };
            return self.ask_many(&act, many);
        }
        if beyond > 0 {
            // The newest stands for all.
            targets.truncate(1);
        }
        let act = Act { token, who: self.config.who.clone(), deed, reason, targets };
        vec![Effect::Ask(if beyond > 0 { Request::ActOnRepeats(act) } else { Request::Act(act) })]
    }

    pub(super) fn acknowledge(&mut self) -> Vec<Effect> {
        let Some(targets) = self.targets_or_hint() else { return Vec::new() };
        self.make_sure(Deed::Acknowledge, targets)
    }

    pub(super) fn own(&mut self) -> Vec<Effect> {
        let Some(targets) = self.targets_or_hint() else { return Vec::new() };
        let is_mine = |id| self.alerts.number_of(id).and_then(|number| self.alerts.get(number)).is_some_and(|own| self.owns(own));
        let is_mine = match targets.many {
            // Of many it is given back only where there is nothing to take.
            Some(_) => !targets.list.is_empty() && targets.list.iter().all(|target| is_mine(&target.alert)),
            None => self.front().is_some_and(|entry| self.owns(entry)),
        };
        self.make_sure(if is_mine { Deed::Release } else { Deed::Own }, targets)
    }

    fn owns(&self, entry: &Entry) -> bool {
        entry.state.owner.as_ref() == Some(&self.config.who)
    }

    fn last_is_no_mute(&self, number: u64) -> bool {
        let deed = self.alerts.ledger.entry(number).map(|entry| &entry.deed);
        !matches!(deed, Some(Deed::Mute { .. } | Deed::Unmute(_) | Deed::EditMute { .. }))
    }

    pub(super) fn undo(&mut self) -> Vec<Effect> {
        let last = self.alerts.ledger.last_of(&self.config.who, self.now);
        let Some((number, token, is_many)) = last.map(|entry| (entry.number, entry.token, entry.alerts.len() > 1)) else {
            self.hint = Some("nothing of yours in the last 30 s to take back");
            return Vec::new();
        };
        let together = self.alerts.ledger.together(&self.config.who, token, self.now);
        if token != 0 && together.len() > 1 {
            return self.undo_many(&together);
        }
        if is_many && self.last_is_no_mute(number) {
            return self.undo_many(&[number]);
        }
        self.ask(Deed::Undo(number), String::new(), Targets::default())
    }

    pub(super) fn ask_verdict(&mut self) {
        self.dialog = self.targets_or_hint().map(Dialog::Verdict);
    }

    pub(super) fn ask_comment(&mut self) {
        let Some(targets) = self.targets_or_hint() else { return };
        let line = self.draft.take().unwrap_or_else(|| TextLine::of("", MAX_LINE).of_letters(MAX_COMMENT));
        self.dialog = Some(Dialog::Comment(targets, line));
    }

    pub(super) fn dialog_key(&mut self, key: KeyEvent) -> Vec<Effect> {
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
            Dialog::Sure(deed, targets) => self.sure_key(key, deed, targets),
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
        self.make_sure(Deed::Close(verdict), targets)
    }

    fn comment_key(&mut self, key: KeyEvent, targets: Targets, mut text: TextLine) -> Vec<Effect> {
        if key.code == KeyCode::Enter && !text.trim().is_empty() && self.is_counted(&targets) {
            return self.ask(Deed::Comment, text.to_string(), targets);
        }
        if !text.key(key) && matches!(key.code, KeyCode::Char(_)) && text.is_full() {
            self.said = Some((format!("a comment has at most {}", count_of(MAX_COMMENT as u64, "character")), true));
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

    /// Does what may take the selected alert out of its list: the selection stays near where it was then.
    pub(super) fn stay_near(&mut self, change: impl FnOnce(&mut Self)) {
        let is_folded = self.tab == Tab::Triage;
        let chosen = self.alert.what.filter(|_| self.alert.is_chosen);
        let row = chosen.and_then(|number| self.alerts.shown_by(number, is_folded));
        let place = row.and_then(|number| self.alerts.rows(is_folded).place_of(number));
        change(self);
        self.prune_marks();
        let rows = self.alerts.rows(is_folded);
        if let (Some(place), Some(number)) = (place, row)
            && self.alerts.shown_by(number, is_folded).is_none()
            && self.stack.is_empty()
        {
            let next = rows.get(place.min(rows.len().saturating_sub(1))).map(|entry| entry.number);
            self.alert = Selection { what: next, is_chosen: next.is_some() };
        }
    }

    /// Somebody did something.
    pub(super) fn hear_act(&mut self, entry: &triage::Entry) {
        self.stay_near(|model| model.alerts.apply(entry, &model.filter, model.now));
        let is_mine = entry.who == self.config.who;
        self.offer = None;
        self.was_done(entry);
        if self.is_doing(&entry.who, entry.token) {
            // It is told when all of it is done.
            return;
        }
        if is_mine && entry.token >= self.first_token && entry.token < self.next_token {
            self.say_done(entry);
        } else {
            let elsewhere = if is_mine { " elsewhere" } else { "" };
            self.said = Some((format!("{}{elsewhere} {}", entry.who, self.about(entry)), false));
        }
    }

    pub(super) fn hear_refusal(&mut self, refusal: &Refusal) {
        if refusal.who == self.config.who && refusal.token >= self.first_token && refusal.token < self.next_token {
            self.offer = None;
            self.doing = self.doing.take().filter(|doing| doing.token != refusal.token);
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
        let about = self.about(entry);
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

    /// What was done to how many, in words: `closed as false positive a7f3`.
    fn about(&self, entry: &triage::Entry) -> String {
        let which = match entry.alerts.as_slice() {
            [one] => one.short().to_owned(),
            several => count_of(several.len() as u64, "alert"),
        };
        match &entry.deed {
            Deed::Mute { .. } if entry.alerts.is_empty() => "muted what is like this; none was open".to_owned(),
            Deed::Mute { .. } => format!("muted {which} and what is like them"),
            Deed::Unmute(number) => format!("ended mute #{number}: {which} back"),
            Deed::EditMute { mute, .. } => format!("changed mute #{mute}"),
            Deed::Undo(_) if entry.alerts.is_empty() => "took an act back".to_owned(),
            Deed::Undo(number) => self.taken_back(*number, &which),
            Deed::Own | Deed::Release | Deed::Comment | Deed::Acknowledge | Deed::Close(_) => past(&entry.deed, &which),
        }
    }
}
