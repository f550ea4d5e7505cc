//! What was typed is not lost with the collector: a form that cannot be sent stays open, one that was sent and has no answer when
//! the collector goes comes back, and it is known by its token when the collector had done it all the same.

use crate::alert::AlertId;
use crate::console::keys::action::Action;
use crate::console::model::copy::CopyMenu;
use crate::console::model::pick::Picker;
use crate::console::model::triage::Dialog;
use crate::console::model::{Effect, Model};
use crate::feed::{Request, Snapshot};
use crate::triage::{Act, Entry, Refusal, UNREACHED};

/// A form that was sent, until it is answered.
#[derive(Debug)]
pub(super) struct Sent {
    token: u64,
    form: Dialog,
    stage: Stage,
}

/// What became of it here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// It is closed.
    Closed,
    /// It stands open again, as it was sent.
    Back,
    /// The user has done something with it since.
    Touched,
}

/// Whether it is a loss when it closes without an act.
pub(super) fn is_form(dialog: &Dialog) -> bool {
    matches!(dialog, Dialog::Verdict(_) | Dialog::Comment(..) | Dialog::Mute(_) | Dialog::Mutes(_))
}

fn act_of(effect: &Effect) -> Option<&Act> {
    match effect {
        Effect::Ask(request) => request.act(),
        _ => None,
    }
}

impl Model {
    /// A key in a form led to these effects: an act that nobody would hear is not asked for, and the form stays.
    pub(super) fn send(&mut self, form: Dialog, effects: Vec<Effect>) -> Vec<Effect> {
        let Some(token) = effects.iter().find_map(act_of).map(|act| act.token) else { return effects };
        if self.company.stale.is_none() {
            self.sent = Some(Sent { token, form, stage: Stage::Closed });
            return effects;
        }
        self.dialog = Some(form);
        self.say_unsent();
        effects.into_iter().filter(|effect| act_of(effect).is_none()).collect()
    }

    fn say_unsent(&mut self) {
        let key = if matches!(self.dialog, Some(Dialog::Comment(..) | Dialog::Mute(_))) { "⏎" } else { "the key" };
        self.said = Some((format!("not sent: the collector is not heard; {key} again once it is back"), true));
    }

    /// The form stands open again, unless the user is in another by now.
    fn bring_back(&mut self) -> bool {
        let is_closed = |sent: &&mut Sent| sent.stage == Stage::Closed && self.dialog.is_none();
        let Some(sent) = self.sent.as_mut().filter(is_closed) else { return false };
        sent.stage = Stage::Back;
        self.dialog = Some(sent.form.clone());
        true
    }

    /// A key is pressed in a form: from now on it is another than the one that was sent.
    pub(super) fn touch(&mut self) {
        if let Some(sent) = self.sent.as_mut().filter(|sent| sent.stage == Stage::Back) {
            sent.stage = Stage::Touched;
        }
    }

    /// A request found no room on its way: the collector does not keep up. What was asked for in a form can be sent again.
    pub fn not_asked(&mut self, request: &Request) {
        let token = request.act().map(|act| act.token);
        if self.sent.as_ref().is_some_and(|sent| Some(sent.token) == token) {
            self.bring_back();
            self.sent = None;
        }
        self.doing.take_if(|doing| Some(doing.token) == token);
        self.said = Some(("not done: the collector does not keep up; try again".to_owned(), true));
    }

    /// The collector went before it answered.
    pub(super) fn miss_answer(&mut self) {
        if self.bring_back() {
            self.said = Some(("no answer came before the collector went; it may not be done".to_owned(), true));
        }
    }

    /// Nobody was there to take it.
    pub(super) fn was_unreached(&mut self, refusal: &Refusal) -> bool {
        let is_own = self.sent.as_ref().is_some_and(|sent| sent.token == refusal.token);
        if !is_own || refusal.reason != UNREACHED {
            self.sent.take_if(|_| is_own);
            return false;
        }
        if self.bring_back() {
            self.say_unsent();
        }
        self.sent = None;
        true
    }

    /// An answer came, or the log of a collector that is back has it.
    pub(super) fn was_done(&mut self, entry: &Entry) {
        let is_own = |sent: &mut Sent| sent.token == entry.token && self.config.who == entry.who;
        if self.sent.take_if(is_own).is_some_and(|sent| sent.stage == Stage::Back) {
            self.dialog = None;
        }
    }

    /// What was typed stays over a snapshot; what rests on the numbers of alerts cannot.
    pub(super) fn keep_dialog(&mut self) {
        if self.dialog.as_mut().and_then(Dialog::many).is_some() {
            let mut text = "not done: what was marked is to be marked anew".to_owned();
            if let Some(Dialog::Comment(_, words)) = self.dialog.take()
                && !words.is_empty()
            {
                let key = self.config.keys.first_of(Action::Comment);
                text += &format!("; {key} has the words");
                self.draft = Some(words);
            }
            self.said = Some((text, true));
        }
        match &mut self.dialog {
            Some(Dialog::Mute(form)) => form.count_again(),
            Some(Dialog::Pick(Picker { about: None, .. }) | Dialog::Copy(CopyMenu { about: None, .. })) => {
                self.close_for("closed: what it was about is told anew");
            }
            Some(Dialog::Export(form)) if form.is_of_events() => self.close_for("closed: the events begin anew"),
            _ => {}
        }
    }

    /// The snapshot is complete: what is about an alert stays where that is in it.
    pub(super) fn settle_dialog(&mut self) {
        let is_here = |id: &AlertId| self.alerts.number_of(id).is_some();
        let is_lost = match &mut self.dialog {
            Some(Dialog::Pick(Picker { about: Some(id), .. }) | Dialog::Copy(CopyMenu { about: Some(id), .. })) => !is_here(id),
            Some(Dialog::Export(form)) => !form.keep(is_here, (self.alerts.rows(false).len(), self.alerts.total(false))),
            _ => false,
        };
        if is_lost {
            self.close_for("closed: its alert is not in the new snapshot");
        }
    }

    fn close_for(&mut self, why: &str) {
        self.dialog = None;
        self.said = Some((why.to_owned(), true));
    }

    /// Whether the collector that is back did what was not answered.
    pub(super) fn find_done(&mut self, snapshot: &Snapshot) {
        let Some(sent) = &self.sent else { return };
        let is_own = |entry: &&std::sync::Arc<Entry>| entry.token == sent.token && entry.who == self.config.who;
        let Some(entry) = snapshot.entries.iter().find(is_own).cloned() else {
            self.sent.take_if(|_| snapshot.is_last);
            return;
        };
        self.was_done(&entry);
        self.say_done(&entry);
    }
}
