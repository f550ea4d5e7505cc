//! The one table of keys: keymap, footer and help are made from it, so that they cannot disagree.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

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
    /// The next section.
    NextSection,
    /// The paths of linked alerts over the hosts.
    Lateral,
    /// Read the rules anew.
    Reload,
    /// The keys.
    Help,
    /// Stop the console and the collector to the shell.
    Suspend,
    /// Leave.
    Quit,
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
#[derive(Debug, Clone, Copy)]
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
    bind(Action::Acknowledge,   Place::Anywhere, "a",        "ack",      "acknowledge: you look at it; a folded row (x6) with all its repeats", 2),
    bind(Action::Verdict,       Place::Anywhere, "v",        "verdict",  "close it: t true positive, b benign trigger, f false positive", 3),
    bind(Action::Mute,          Place::Anywhere, "m",        "mute",     "hide alerts like this one: scope, reason, expiry, and what it would hide", 4),
    bind(Action::Mutes,         Place::Anywhere, "M",        "mutes",    "the mutes that hold, and to end one", 0),
    bind(Action::Comment,       Place::Anywhere, "c",        "comment",  "write a remark; it stands in the history (6)", 9),
    bind(Action::Own,           Place::Anywhere, "o",        "own",      "take it, or give it back", 10),
    bind(Action::Undo,          Place::Anywhere, "u",        "undo",     "take your last act back, within 30 s", 5),
    bind(Action::Filter,        Place::Outside,  "/",        "filter",   "narrow all lists: host:DC* sev>=high -user:svc is:acked \"text\"", 7),
    bind(Action::Pause,         Place::Anywhere, "space",    "pause",    "freeze the picture; events and detections go on behind it", 8),
    bind(Action::NextPane,      Place::Outside,  "tab",      "pane",     "from the hosts to the alerts and back", 11),
    bind(Action::Expand,        Place::Outside,  "+",        "expand",   "give the list in hand all the room", 12),
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
    bind(Action::Lateral,       Place::Outside,  "L",        "lateral",  "lateral movement: the paths A > B > C of linked alerts", 0),
    bind(Action::Why,           Place::Inside,   "1",        "why",      "why it fired: the fields that matched, the gap, the tree, is it usual", 0),
    bind(Action::Evidence,      Place::Inside,   "2",        "events",   "all fields of the events", 0),
    bind(Action::Tree,          Place::Inside,   "3",        "tree",     "the process tree", 0),
    bind(Action::Xml,           Place::Inside,   "4",        "xml",      "the events as Windows wrote them", 0),
    bind(Action::Steps,         Place::Inside,   "5",        "steps",    "what to do next, known benign causes, references", 0),
    bind(Action::History,       Place::Inside,   "6",        "history",  "who did what with it, when, and why", 0),
    bind(Action::NextSection,   Place::Inside,   "tab ⏎",    "section",  "the next section", 1),
    bind(Action::TimeZone,      Place::Anywhere, "t",        "utc/local", "times in UTC or local", 0),
    bind(Action::Reload,        Place::Outside,  "r",        "reload",   "read the rules anew; Health shows what came of it", 0),
    bind(Action::Suspend,       Place::Anywhere, "ctrl-z",   "suspend",  "to the shell; `fg` comes back", 0),
    bind(Action::Back,          Place::Anywhere, "esc ← h",  "back",     "one up; clears the filter at the top", 13),
    bind(Action::Help,          Place::Anywhere, "?",        "help",     "this list; type to search, ⏎ runs it", 14),
    bind(Action::Quit,          Place::Anywhere, "q ctrl-c", "quit",     "leave", 15),
];

/// The action of a key. `is_inside` tells whether an alert is open.
pub fn action_of(key: KeyEvent, is_inside: bool) -> Option<Action> {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    let action = match key.code {
        KeyCode::Char('c') if is_control => Action::Quit,
        KeyCode::Char('z') if is_control => Action::Suspend,
        KeyCode::Char('f') if is_control => Action::PageDown,
        KeyCode::Char('b') if is_control => Action::PageUp,
        KeyCode::Char(_) if is_control || key.modifiers.contains(KeyModifiers::ALT) => return None,
        KeyCode::Char(letter) => return letter_action(letter, is_inside),
        KeyCode::Enter | KeyCode::Right | KeyCode::Tab if is_inside => Action::NextSection,
        KeyCode::Enter | KeyCode::Right => Action::Enter,
        KeyCode::Tab | KeyCode::BackTab => Action::NextPane,
        KeyCode::Esc | KeyCode::Left | KeyCode::Backspace => Action::Back,
        KeyCode::Up => Action::Up,
        KeyCode::Down => Action::Down,
        KeyCode::PageUp => Action::PageUp,
        KeyCode::PageDown => Action::PageDown,
        KeyCode::Home => Action::First,
        KeyCode::End => Action::Last,
        KeyCode::F(1) => Action::Help,
        _ => return None,
    };
    Some(action)
}

fn letter_action(letter: char, is_inside: bool) -> Option<Action> {
    Some(match (letter, is_inside) {
        ('1', false) => Action::Triage,
        ('2', false) => Action::Alerts,
        ('3', false) => Action::Events,
        ('4', false) => Action::Health,
        ('1', true) => Action::Why,
        ('2', true) => Action::Evidence,
        ('3', true) => Action::Tree,
        ('4', true) => Action::Xml,
        ('5', true) => Action::Steps,
        ('6', true) => Action::History,
        ('a', _) => Action::Acknowledge,
        ('v', _) => Action::Verdict,
        ('m', _) => Action::Mute,
        ('M', _) => Action::Mutes,
        ('c', _) => Action::Comment,
        ('o', _) => Action::Own,
        ('u', _) => Action::Undo,
        ('/', false) => Action::Filter,
        ('+', false) => Action::Expand,
        ('L', false) => Action::Lateral,
        ('r', false) => Action::Reload,
        ('l', false) => Action::Enter,
        ('l', true) => Action::NextSection,
        ('k', _) => Action::Up,
        ('j', _) => Action::Down,
        ('h', _) => Action::Back,
        ('g', _) => Action::First,
        ('G', _) => Action::Last,
        ('n', _) => Action::NextAlert,
        ('N', _) => Action::PreviousAlert,
        (' ', _) => Action::Pause,
        ('t', _) => Action::TimeZone,
        ('?', _) => Action::Help,
        ('q', _) => Action::Quit,
        _ => return None,
    })
}

/// The rows that hold in a place.
pub fn bindings(is_inside: bool) -> impl Iterator<Item = &'static Binding> {
    BINDINGS.iter().filter(move |binding| match binding.place {
        Place::Anywhere => true,
        Place::Inside => is_inside,
        Place::Outside => !is_inside,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(name: &str) -> KeyEvent {
        let plain = |code| KeyEvent::new(code, KeyModifiers::NONE);
        match name {
            "⏎" => plain(KeyCode::Enter),
            "tab" => plain(KeyCode::Tab),
            "space" => plain(KeyCode::Char(' ')),
            "esc" => plain(KeyCode::Esc),
            "←" => plain(KeyCode::Left),
            "↑" => plain(KeyCode::Up),
            "↓" => plain(KeyCode::Down),
            "pgup" => plain(KeyCode::PageUp),
            "pgdn" => plain(KeyCode::PageDown),
            "home" => plain(KeyCode::Home),
            "end" => plain(KeyCode::End),
            "ctrl-c" => KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL),
            "ctrl-z" => KeyEvent::new(KeyCode::Char('z'), KeyModifiers::CONTROL),
            letter => plain(KeyCode::Char(letter.chars().next().unwrap())),
        }
    }

    #[test]
    fn every_key_that_is_shown_does_what_it_says() {
        for is_inside in [false, true] {
            for binding in bindings(is_inside) {
                for name in binding.keys.split(' ') {
                    assert_eq!(action_of(key_of(name), is_inside), Some(binding.action), "{name} inside {is_inside}");
                }
            }
        }
    }

    #[test]
    fn every_key_that_works_is_shown() {
        for is_inside in [false, true] {
            for letter in ' '..='~' {
                let Some(action) = action_of(key_of(&letter.to_string()), is_inside) else { continue };
                assert!(bindings(is_inside).any(|binding| binding.action == action), "{letter} inside {is_inside}");
            }
        }
    }
}
