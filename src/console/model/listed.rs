//! Everything that the keys can do, as help and palette list it: the actions of the key table and, after each that asks
//! something, the keys of its dialog (`v f` closes as false positive). What is chosen from a list runs from there.

use crossterm::event::KeyEvent;

use crate::console::keys::action::Action;
use crate::console::keys::table::Place;
use crate::console::keys::{Keymap, event_of};
use crate::console::model::{Effect, Model};

/// A key of a dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inner {
    /// What opens the dialog.
    pub opener: Action,
    /// Its keys there.
    pub keys: &'static str,
    /// Its name in the palette, after the opener's.
    pub name: &'static str,
    /// A line for the help.
    pub help: &'static str,
    /// Whether choosing it from a list presses it; else the dialog is opened and waits.
    pub runs: bool,
}

const fn inner(opener: Action, keys: &'static str, name: &'static str, help: &'static str, runs: bool) -> Inner {
    Inner { opener, keys, name, help, runs }
}

/// The keys that hold in every box.
const IN_BOXES: &str = "⏎/esc";

/// What stands first in the help, in this order.
#[rustfmt::skip]
const ORDER: &[Action] = &[
    Action::Enter, Action::Pivot, Action::Help, Action::Back, Action::Up, Action::Down, Action::NextPane, Action::NextSection,
    Action::Mouse, Action::NextAlert, Action::PreviousAlert, Action::Triage, Action::Alerts, Action::Events, Action::Health,
    Action::Why, Action::Evidence, Action::Tree, Action::Xml, Action::Steps, Action::History, Action::PageUp, Action::PageDown,
    Action::First, Action::Last, Action::Filter, Action::Acknowledge, Action::Verdict, Action::Mute, Action::Mutes, Action::Comment,
    Action::Own, Action::Undo, Action::Mark, Action::MarkAll,
];

/// The keys of the dialogs. `esc` closes every one.
#[rustfmt::skip]
pub const INNER: &[Inner] = &[
    inner(Action::Verdict, "t",      "true-positive",  "verdict: true positive, an attack", true),
    inner(Action::Verdict, "b",      "benign-trigger", "verdict: benign trigger, then offers to mute", true),
    inner(Action::Verdict, "f",      "false-positive", "verdict: false positive, then offers to mute", true),
    inner(Action::Mute,    "↑ ↓",    "fields",         "mute: from field to field", false),
    inner(Action::Mute,    "space",  "choose",         "mute: a condition in or out, the next expiry", false),
    inner(Action::Mute,    "⏎",      "make",           "mute: make it, once the reason is long enough", false),
    inner(Action::Mutes,   "⏎ e",    "change",         "mutes: another reason and expiry for the selected one", false),
    inner(Action::Mutes,   "x",      "end",            "mutes: end the selected one", false),
    inner(Action::Comment, "⏎",      "keep",           "comment: keep it", false),
    inner(Action::Filter,  "tab",    "complete",       "filter: complete the word, as far as there is one way to", false),
    inner(Action::Filter,  "⏎",      "keep",           "filter: keep it; esc brings the one before back", false),
    inner(Action::Copy,    "h",      "host",           "copy: the host", true),
    inner(Action::Copy,    "i",      "source",         "copy: the source address, or the host's own", true),
    inner(Action::Copy,    "d",      "destination",    "copy: the destination address", true),
    inner(Action::Copy,    "u",      "account",        "copy: the account", true),
    inner(Action::Copy,    "c",      "command-line",   "copy: the command line", true),
    inner(Action::Copy,    "p",      "program",        "copy: the program of an event", true),
    inner(Action::Copy,    "s",      "sentence",       "copy: what happened, in one sentence", true),
    inner(Action::Copy,    "n",      "id",             "copy: the id of the alert", true),
    inner(Action::Copy,    "j",      "json",           "copy: the alert's record as JSON", true),
    inner(Action::Copy,    "x",      "xml",            "copy: the XML of its events", true),
    inner(Action::Copy,    "m",      "markdown",       "copy: a report in Markdown", true),
    inner(Action::Export,  "↑ ↓",    "which",          "export: the selected, or all that are listed", false),
    inner(Action::Export,  "tab",    "form",           "export: Markdown, JSON, NDJSON", false),
    inner(Action::Export,  "⏎",      "write",          "export: write the file", false),
    inner(Action::Pivot,   "⏎",      "go",             "pivot: go there, or keep only what has the value; typing searches", false),
    inner(Action::Only,    "⏎",      "filter",         "only: keep what has the chosen value; typing searches", false),
    inner(Action::Without, "⏎",      "filter",         "not: drop what has the chosen value; typing searches", false),
    inner(Action::Help,    "⏎ esc",  "in-boxes",       "⏎ confirms, esc leaves (every box and line)", false),
    inner(Action::Help,    "pgdn",   "page-down",      "any list: a page down", false),
    inner(Action::Help,    "pgup",   "page-up",        "any list: a page up", false),
    inner(Action::Help,    "← →",    "cursor",         "any line: the cursor to the left, to the right; with ctrl or alt by words", false),
    inner(Action::Help,    "ctrl-a", "beginning",      "any line: the cursor to its beginning", false),
    inner(Action::Help,    "ctrl-e", "end",            "any line: the cursor to its end", false),
    inner(Action::Help,    "delete", "delete",         "any line: delete the letter at the cursor", false),
    inner(Action::Help,    "ctrl-w", "word",           "any line: delete the word before the cursor", false),
    inner(Action::Help,    "ctrl-u", "empty",          "any line: delete all before the cursor", false),
    inner(Action::Help,    "ctrl-k", "rest",           "any line: delete all from the cursor on", false),
];

/// A row of the help or of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it does, or what opens the dialog that does.
    pub action: Action,
    /// Where.
    pub place: Place,
    /// Its name: `verdict`, `verdict-false-positive`.
    pub name: String,
    /// Its keys; of those that come one after the other: `v, f`.
    pub keys: String,
    /// One or two words.
    pub label: &'static str,
    /// A line on it.
    pub help: &'static str,
    /// The key that is pressed in the dialog.
    pub then: Option<KeyEvent>,
    /// Whether it belongs to a dialog.
    pub is_inner: bool,
}

impl Listed {
    /// Its place in the help: how one opens, goes back and moves, what one does with alerts, the rest, and the keys of boxes.
    pub(super) fn rank(&self) -> (bool, usize) {
        let place = ORDER.iter().position(|own| *own == self.action).unwrap_or(ORDER.len());
        (self.is_inner && self.keys != IN_BOXES, place)
    }

    /// The keys as one types them into a search: `v f`.
    pub fn typed(&self) -> String {
        self.keys.replace(", ", " ")
    }
}

/// Everything, in the order of the table.
pub fn listed(keys: &Keymap) -> Vec<Listed> {
    let mut all: Vec<Listed> = Vec::new();
    for row in keys.all() {
        let binding = row.binding;
        let is_first = !all.iter().any(|own| own.action == binding.action);
        all.push(Listed {
            action: binding.action,
            place: binding.place,
            name: binding.action.name(),
            keys: row.keys.clone(),
            label: binding.label,
            help: binding.help,
            then: None,
            is_inner: false,
        });
        let opener = keys.first_of(binding.action).to_owned();
        let inner = INNER.iter().filter(|inner| is_first && inner.opener == binding.action);
        all.extend(inner.map(|inner| Listed {
            action: binding.action,
            place: binding.place,
            name: format!("{}-{}", binding.action.name(), inner.name),
            // One after the other, and what comes second in either way; what works in any list or line needs no other key.
            keys: match binding.action {
                Action::Help => inner.keys.replace(' ', "/"),
                _ => format!("{opener}, {}", inner.keys.replace(' ', "/")),
            },
            label: binding.label,
            help: inner.help,
            then: event_of(inner.keys).filter(|_| inner.runs),
            is_inner: true,
        }));
    }
    all
}

impl Model {
    /// Runs what was chosen from a list, wherever it belongs: what works inside an alert opens the selected one first.
    pub(super) fn run(&mut self, listed: &Listed) -> Vec<Effect> {
        let action = listed.action;
        let mut places = self.config.keys.all().iter().filter(|row| row.binding.action == action).map(|row| row.binding.place);
        if places.all(|place| place == Place::Inside) && !self.is_inside() {
            let Some(number) = self.selected_alert() else {
                self.hint = Some("no alert to open for that");
                return Vec::new();
            };
            self.open_alert(Some(number));
        }
        let mut effects = self.act(action);
        if let Some(key) = listed.then.filter(|_| self.dialog.is_some()) {
            effects.extend(self.dialog_key(key));
        }
        effects
    }
}
