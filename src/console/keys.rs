//! The one table of keys: keymap, footer, help and palette are made from it, so that they cannot disagree. A configuration
//! may give an action other keys ([`Keymap::with`]); what is shown follows.

mod press;

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::console::keys::press::{Press, press, unheard};

/// The enum as written, and the list of all its variants: a new action cannot be left out of it.
macro_rules! listed {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident,)* }) => {
        $(#[$about])*
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

listed! {
/// Everything that a key can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Open Triage.
    Triage,
    /// Open the list of all alerts.
    Alerts,
    /// Open the live tail.
    Events,
    /// Open the state of the collector.
    Health,
    /// One up.
    Up,
    /// One down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// To the top.
    First,
    /// To the end; follow what comes.
    Last,
    /// To the other list.
    NextPane,
    /// Open what is selected.
    Enter,
    /// Go back.
    Back,
    /// The next alert, worst first.
    NextAlert,
    /// The alert before.
    PreviousAlert,
    /// Type a filter.
    Filter,
    /// Show a shorter time.
    WindowNarrower,
    /// Show a longer time.
    WindowWider,
    /// Freeze the picture; everything goes on behind it.
    Pause,
    /// Give the list in hand all the room.
    Expand,
    /// UTC or local time.
    TimeZone,
    /// Section: why it fired.
    Why,
    /// Section: the events.
    Evidence,
    /// Section: the process tree.
    Tree,
    /// Section: the event XML.
    Xml,
    /// Section: what to do.
    Steps,
    /// Section: what people did.
    History,
    /// Somebody looks at it.
    Acknowledge,
    /// Close with a verdict.
    Verdict,
    /// Hide alerts like this one.
    Mute,
    /// The mutes that hold.
    Mutes,
    /// Write a remark.
    Comment,
    /// Take it, or give it back.
    Own,
    /// Take the last act back.
    Undo,
    /// Mark the selected row, or take its mark off.
    Mark,
    /// Mark all rows that match, or none.
    MarkAll,
    /// The next section.
    NextSection,
    /// The paths of linked alerts over the hosts.
    Lateral,
    /// Read the rules anew.
    Reload,
    /// Copy something of what is selected.
    Copy,
    /// Write alerts into a file.
    Export,
    /// Only what has this value.
    Only,
    /// Nothing that has this value.
    Without,
    /// Replay: one event.
    ReplayStep,
    /// Replay: slower.
    ReplaySlower,
    /// Replay: faster.
    ReplayFaster,
    /// Replay: from the beginning.
    ReplayAgain,
    /// The mouse to the console, or back to the terminal.
    Mouse,
    /// Other colours.
    Theme,
    /// Every action by its name.
    Palette,
    /// The keys.
    Help,
    /// Stop the console and the collector to the shell.
    Suspend,
    /// Leave.
    Quit,
}
}

impl Action {
    /// Its name in the palette and in the configuration: `next-alert`.
    pub fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_ascii_uppercase() && !name.is_empty() {
                name.push('-');
            }
            name.push(letter.to_ascii_lowercase());
        }
        name
    }
}

/// Where a key works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Everywhere but inside an alert.
    Outside,
    /// In an opened alert.
    Inside,
    /// Everywhere.
    Anywhere,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Where.
    pub place: Place,
    /// The keys, as people read them.
    pub keys: &'static str,
    /// One or two words for the footer.
    pub label: &'static str,
    /// A line for the help.
    pub help: &'static str,
    /// Its place in the footer; 0 is not shown there.
    pub footer: u8,
}

const fn bind(action: Action, place: Place, keys: &'static str, label: &'static str, help: &'static str, footer: u8) -> Binding {
    Binding { action, place, keys, label, help, footer }
}

/// All keys.
#[rustfmt::skip]
pub const BINDINGS: &[Binding] = &[
    bind(Action::Enter,         Place::Outside,  "⏎",        "open",     "open what is selected: host, alert, event", 1),
    bind(Action::NextAlert,     Place::Anywhere, "n",        "next",     "the next open alert, worst first, then newest", 6),
    bind(Action::PreviousAlert, Place::Anywhere, "N",        "previous", "the open alert before", 0),
    bind(Action::Acknowledge,   Place::Anywhere, "a",        "ack",      "acknowledge: you look at it; of a folded row (x6), open or not, all repeats", 2),
    bind(Action::Verdict,       Place::Anywhere, "v",        "verdict",  "close it: t true positive, b benign trigger, f false positive", 3),
    bind(Action::Mute,          Place::Anywhere, "m",        "mute",     "hide alerts like this one: scope, reason, expiry, and what it would hide", 4),
    bind(Action::Mutes,         Place::Anywhere, "M",        "mutes",    "the mutes that hold, and to end one", 0),
    bind(Action::Comment,       Place::Anywhere, "c",        "comment",  "write a remark; it stands in the history (6)", 9),
    bind(Action::Own,           Place::Anywhere, "o",        "own",      "take it, or give it back", 13),
    bind(Action::Undo,          Place::Anywhere, "u",        "undo",     "take your last act back, within 30 s", 5),
    bind(Action::Mark,          Place::Anywhere, "x",        "mark",     "mark the row or unmark it; a v c o e then act on all that are marked, esc unmarks", 9),
    bind(Action::MarkAll,       Place::Anywhere, "X",        "mark all", "mark all that match the filter, held here or not; again: none", 0),
    bind(Action::Filter,        Place::Outside,  "/",        "filter",   "narrow all lists: host:DC* sev>=high -user:svc is:acked \"text\"", 7),
    bind(Action::WindowNarrower, Place::Anywhere, "[",       "narrower", "time window of all lists: 7 d, 24 h, 4 h, 1 h, 15 min; hosts stay", 17),
    bind(Action::WindowWider,   Place::Anywhere, "]",        "wider",    "a longer time window, up to all", 17),
    bind(Action::Pause,         Place::Anywhere, "space",    "pause",    "freeze the picture; events and detections go on behind it", 8),
    bind(Action::NextPane,      Place::Outside,  "tab",      "pane",     "from the hosts to the alerts and back", 11),
    bind(Action::Expand,        Place::Outside,  "+",        "expand",   "give the list in hand all the room", 14),
    bind(Action::Copy,          Place::Anywhere, "y",        "copy",     "send host, address, command line, JSON or Markdown to the terminal's clipboard", 10),
    bind(Action::Export,        Place::Anywhere, "e",        "export",   "write alerts into a file: Markdown with all evidence, JSON, NDJSON", 12),
    bind(Action::Only,          Place::Anywhere, "=",        "only",     "choose a value: the lists keep only what has it", 15),
    bind(Action::Without,       Place::Anywhere, "!",        "not",      "choose a value: the lists drop what has it", 15),
    bind(Action::Palette,       Place::Anywhere, ":",        "palette",  "every action by its name, ⏎ runs it", 16),
    bind(Action::Up,            Place::Anywhere, "↑ k",      "up",       "one up", 0),
    bind(Action::Down,          Place::Anywhere, "↓ j",      "down",     "one down", 0),
    bind(Action::PageUp,        Place::Anywhere, "pgup",     "page up",  "a page up", 0),
    bind(Action::PageDown,      Place::Anywhere, "pgdn",     "page down", "a page down", 0),
    bind(Action::First,         Place::Anywhere, "g home",   "top",      "to the top", 0),
    bind(Action::Last,          Place::Anywhere, "G end",    "end",      "to the end; the event tail follows again", 0),
    bind(Action::Triage,        Place::Outside,  "1",        "triage",   "hosts, worst first, the open alerts, and why one fired", 0),
    bind(Action::Alerts,        Place::Outside,  "2",        "alerts",   "every alert, and where it stands", 0),
    bind(Action::Events,        Place::Outside,  "3",        "events",   "every event as it arrives", 0),
    bind(Action::Health,        Place::Outside,  "4",        "health",   "listeners, outputs, store, rules, clocks, rejected messages", 0),
    bind(Action::Lateral,       Place::Outside,  "L",        "lateral",  "lateral movement: the paths A > B > C of linked alerts", 8),
    bind(Action::Why,           Place::Inside,   "1",        "why",      "why it fired: the fields that matched, the gap, the tree, is it usual", 0),
    bind(Action::Evidence,      Place::Inside,   "2",        "events",   "all fields of the events", 0),
    bind(Action::Tree,          Place::Inside,   "3 p",      "tree",     "the process tree", 0),
    bind(Action::Xml,           Place::Inside,   "4 r",      "xml",      "the events as Windows wrote them, raw", 0),
    bind(Action::Steps,         Place::Inside,   "5",        "steps",    "what to do next, known benign causes, references", 0),
    bind(Action::History,       Place::Inside,   "6",        "history",  "who did what with it, when, and why", 0),
    bind(Action::NextSection,   Place::Inside,   "tab ⏎",    "section",  "the next section", 1),
    bind(Action::TimeZone,      Place::Anywhere, "t",        "utc/local", "times in UTC or local", 0),
    bind(Action::Reload,        Place::Outside,  "r",        "reload",   "read the rules anew; Health shows what came of it", 0),
    bind(Action::Theme,         Place::Anywhere, "T",        "theme",    "colours for a dark or for a light ground, or none", 0),
    bind(Action::Mouse,         Place::Anywhere, "f2",       "mouse",    "click and scroll here; again, and the terminal selects text as before", 0),
    bind(Action::ReplayStep,    Place::Anywhere, ".",        "step",     "replay: hold, and read one event more", 0),
    bind(Action::ReplaySlower,  Place::Anywhere, "<",        "slower",   "replay: half the pace", 0),
    bind(Action::ReplayFaster,  Place::Anywhere, ">",        "faster",   "replay: twice the pace, beyond 60x flat out", 0),
    bind(Action::ReplayAgain,   Place::Anywhere, "R",        "again",    "replay: from the beginning", 0),
    bind(Action::Suspend,       Place::Anywhere, "ctrl-z",   "suspend",  "to the shell; `fg` comes back", 0),
    bind(Action::Back,          Place::Anywhere, "esc ← h",  "back",     "one up; at the top clears the filter, then the time window", 11),
    bind(Action::Help,          Place::Anywhere, "?",        "help",     "this list; type to search, ⏎ runs it", 17),
    bind(Action::Quit,          Place::Anywhere, "q ctrl-c", "quit",     "leave", 18),
];

/// Keys that work besides those that are shown, as people from other programs expect.
const ALIASES: &[(Action, &str)] = &[
    (Action::Enter, "right l"),
    (Action::NextSection, "right l"),
    (Action::NextPane, "backtab"),
    (Action::Back, "backspace"),
    (Action::PageDown, "ctrl-f"),
    (Action::PageUp, "ctrl-b"),
    (Action::Help, "f1"),
];

/// A row of the table with the keys that it has here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What it does.
    pub binding: &'static Binding,
    /// Its keys, as people read them.
    pub keys: String,
    presses: Vec<Press>,
}

/// Why a configuration of keys does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeymapError {
    /// No such action.
    #[error("no action `{0}`; `:` in the console lists them")]
    Action(String),
    /// No such key.
    #[error("no key `{0}`; a key is a character, ctrl-x, alt-x, f1 to f12, space, enter, esc, tab, up, pgdn, home …")]
    Key(String),
    /// A key that never arrives under this name.
    #[error("`{0}` {1}")]
    Unheard(String, &'static str),
    /// Nothing given.
    #[error("needs at least one key")]
    Nothing,
    /// The key is taken.
    #[error("`{0}` belongs to `{1}`; give that another key too")]
    Taken(String, String),
}

/// Which key does what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keymap {
    rows: Vec<Row>,
    changed: BTreeMap<String, String>,
}

impl Default for Keymap {
    fn default() -> Self {
        let row = |binding: &'static Binding| {
            let aliases = ALIASES.iter().filter(|(action, _)| *action == binding.action).map(|(_, keys)| *keys);
            let names = std::iter::once(binding.keys).chain(aliases).flat_map(|keys| keys.split(' '));
            Row { binding, keys: binding.keys.to_owned(), presses: names.filter_map(press).collect() }
        };
        Self { rows: BINDINGS.iter().map(row).collect(), changed: BTreeMap::new() }
    }
}

impl Keymap {
    /// The table with other keys for some actions: names to keys, several separated by blanks. A mistake is told with the
    /// name of the action.
    pub fn with(changed: BTreeMap<String, String>) -> Result<Self, (String, KeymapError)> {
        let mut map = Self::default();
        for (name, keys) in &changed {
            let own: Vec<&mut Row> = map.rows.iter_mut().filter(|row| row.binding.action.name() == *name).collect();
            if own.is_empty() {
                return Err((name.clone(), KeymapError::Action(name.clone())));
            }
            let names: Vec<&str> = keys.split_whitespace().collect();
            let presses: Result<Vec<Press>, _> =
                names.iter().map(|key| press(key).ok_or_else(|| KeymapError::Key((*key).to_owned()))).collect();
            let presses = presses.map_err(|error| (name.clone(), error))?;
            let quits = Action::Quit.name();
            let mut named = names.iter().zip(&presses).filter_map(|(key, press)| Some((key, unheard(*press)?)));
            let unheard = named.next().or_else(|| {
                let other = names.iter().find(|key| **key == "ctrl-c" && *name != quits);
                other.map(|key| (key, "always leaves"))
            });
            if let Some((key, why)) = unheard {
                return Err((name.clone(), KeymapError::Unheard((*key).to_owned(), why)));
            }
            if presses.is_empty() {
                return Err((name.clone(), KeymapError::Nothing));
            }
            for row in own {
                row.keys = names.join(" ");
                row.presses.clone_from(&presses);
            }
        }
        for name in changed.keys() {
            map.check(name)?;
        }
        map.changed = changed;
        Ok(map)
    }

    /// No key of an action may do something else where both work.
    fn check(&self, name: &str) -> Result<(), (String, KeymapError)> {
        for own in self.rows.iter().filter(|row| row.binding.action.name() == name) {
            for other in self.rows.iter().filter(|other| other.binding.action != own.binding.action) {
                let place = (own.binding.place, other.binding.place);
                if matches!(place, (Place::Inside, Place::Outside) | (Place::Outside, Place::Inside)) {
                    continue;
                }
                if let Some(shared) = own.presses.iter().position(|press| other.presses.contains(press)) {
                    let key = own.keys.split(' ').nth(shared).unwrap_or_default().to_owned();
                    return Err((name.to_owned(), KeymapError::Taken(key, other.binding.action.name())));
                }
            }
        }
        Ok(())
    }

    /// The same keys, named in words where a terminal has no glyphs for them.
    #[must_use]
    pub fn in_words(mut self) -> Self {
        for row in &mut self.rows {
            row.keys = in_words(&row.keys);
        }
        self
    }

    /// What the configuration changed.
    pub fn changed(&self) -> &BTreeMap<String, String> {
        &self.changed
    }

    /// The action of a key. `is_inside` tells whether an alert is open.
    pub fn action_of(&self, key: KeyEvent, is_inside: bool) -> Option<Action> {
        let modifiers = key.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT);
        // Whatever else is bound: this one always leaves.
        if (key.code, modifiers) == (KeyCode::Char('c'), KeyModifiers::CONTROL) {
            return Some(Action::Quit);
        }
        self.rows(is_inside).find(|row| row.presses.contains(&(key.code, modifiers))).map(|row| row.binding.action)
    }

    /// The rows that hold in a place.
    pub fn rows(&self, is_inside: bool) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| match row.binding.place {
            Place::Anywhere => true,
            Place::Inside => is_inside,
            Place::Outside => !is_inside,
        })
    }

    /// The key that is shown for an action where there is room for one.
    pub fn first_of(&self, action: Action) -> &str {
        let row = self.rows.iter().find(|row| row.binding.action == action);
        row.and_then(|row| row.keys.split(' ').next()).unwrap_or_default()
    }

    /// The rows of all places.
    pub fn all(&self) -> &[Row] {
        &self.rows
    }
}

/// The key press of a name.
pub fn event_of(name: &str) -> Option<KeyEvent> {
    press(name).map(|(code, modifiers)| KeyEvent::new(code, modifiers))
}

/// A text that names keys, with words in the place of glyphs.
pub fn in_words(text: &str) -> String {
    let words = [("⏎", "Enter"), ("↑ ↓", "up/down"), ("↑", "up"), ("↓", "down"), ("←", "left"), ("→", "right")];
    words.into_iter().fold(text.to_owned(), |text, (glyph, word)| text.replace(glyph, word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str) -> KeyEvent {
        let (code, modifiers) = press(name).expect("the table names keys");
        KeyEvent::new(code, modifiers)
    }

    #[test]
    fn every_key_that_is_shown_does_what_it_says() {
        let map = Keymap::default();
        for is_inside in [false, true] {
            for row in map.rows(is_inside) {
                for name in row.keys.split(' ') {
                    assert_eq!(map.action_of(event(name), is_inside), Some(row.binding.action), "{name} inside {is_inside}");
                }
            }
        }
    }

    #[test]
    fn every_action_has_a_key_and_no_two_share_one() {
        let map = Keymap::default();
        for action in Action::ALL {
            assert!(BINDINGS.iter().any(|binding| binding.action == *action), "{action:?} has no key");
            assert_eq!(map.check(&action.name()), Ok(()));
        }
        for (action, keys) in ALIASES {
            assert!(keys.split(' ').all(|key| press(key).is_some()), "{action:?}");
        }
    }

    #[test]
    fn other_keys() {
        let with = |rows: &[(&str, &str)]| {
            Keymap::with(rows.iter().map(|(name, keys)| ((*name).to_owned(), (*keys).to_owned())).collect())
        };
        let map = with(&[("next-alert", "ctrl-n f3"), ("quit", "Q")]).expect("they are free");
        assert_eq!(map.action_of(event("ctrl-n"), false), Some(Action::NextAlert));
        assert_eq!(map.action_of(event("f3"), true), Some(Action::NextAlert));
        assert_eq!(map.action_of(event("n"), false), None);
        assert_eq!(map.action_of(event("ctrl-c"), false), Some(Action::Quit), "it always leaves");
        // Two may change places.
        assert!(with(&[("copy", "e"), ("export", "y")]).is_ok());
        let wrong = [
            (("dance", "d"), "no action `dance`"),
            (("copy", "hyper-x"), "no key `hyper-x`"),
            (("copy", "f4 ctrl-m"), "`ctrl-m` is enter"),
            (("copy", "ctrl-i"), "`ctrl-i` is tab"),
            (("copy", "ctrl-["), "`ctrl-[` is esc"),
            (("copy", "ctrl-h"), "`ctrl-h` is backspace"),
            (("copy", "ctrl-Y"), "`ctrl-Y` does not differ"),
            (("copy", "ctrl-1"), "`ctrl-1` is sent by no terminal"),
            (("copy", "ctrl-enter"), "`ctrl-enter` arrives without"),
            (("copy", "alt-["), "`alt-[` begins"),
            (("copy", " "), "at least one"),
            (("copy", "c"), "`c` belongs to `comment`"),
            (("steps", "f13"), "no key `f13`"),
            (("steps", "6"), "`6` belongs to `history`"),
        ];
        let (_, error) = with(&[("quit", "Q"), ("copy", "ctrl-c")]).expect_err("it is not free");
        assert_eq!(error.to_string(), "`ctrl-c` always leaves");
        assert!(with(&[("copy", "ctrl-y ctrl-space alt-x ctrl-up ctrl-j f4 ctrl-4"), ("quit", "ctrl-c")]).is_ok());
        for (row, reason) in wrong {
            let (name, error) = with(&[row]).expect_err(reason);
            assert_eq!(name, row.0);
            assert!(error.to_string().contains(reason), "{error}");
        }
    }
}
