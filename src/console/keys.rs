//! The one table of keys: keymap, footer, help and palette are made from it, so that they cannot disagree. A configuration
//! may give an action other keys ([`Keymap::with`]); what is shown follows.

pub mod action;
mod press;
pub mod table;

use std::collections::BTreeMap;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::console::keys::action::Action;
use crate::console::keys::press::{Press, press, unheard};
use crate::console::keys::table::{ALIASES, BINDINGS, Binding, Place};

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
