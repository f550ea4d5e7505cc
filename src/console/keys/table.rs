//! The table of keys as it is without a configuration: what each does, where, and how it is told.

use crate::console::keys::action::Action;

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
    bind(Action::Enter,         Place::Outside,  "⏎",        "open",     "open what is selected: host, alert (raw XML is in 4), event", 1),
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
    bind(Action::Filter,        Place::Outside,  "/",        "filter",   "narrow all lists: host:DC* sev>=high -user:svc is:acked \"text\"; of events (3) also is:near, the near misses", 7),
    bind(Action::WindowNarrower, Place::Anywhere, "[",       "narrower", "time window of all lists: 7 d, 24 h, 4 h, 1 h, 15 min; hosts stay", 17),
    bind(Action::WindowWider,   Place::Anywhere, "]",        "wider",    "a longer time window, up to all", 17),
    bind(Action::Pause,         Place::Anywhere, "space",    "pause",    "freeze the picture, all goes on behind it; a replay it holds", 8),
    bind(Action::NextPane,      Place::Outside,  "tab",      "pane",     "from the hosts to the alerts and back", 11),
    bind(Action::Expand,        Place::Outside,  "+",        "expand",   "give the list in hand all the room", 14),
    bind(Action::Copy,          Place::Anywhere, "y",        "copy",     "send host, address, command line, JSON or Markdown to the terminal's clipboard", 10),
    bind(Action::Export,        Place::Anywhere, "e",        "export",   "write alerts into a file: Markdown with all evidence, JSON, NDJSON", 12),
    bind(Action::Only,          Place::Anywhere, "=",        "only",     "choose a value: the lists keep only what has it", 15),
    bind(Action::Without,       Place::Anywhere, "!",        "not",      "choose a value: the lists drop what has it", 15),
    bind(Action::Wrap,          Place::Outside,  "w",        "wrap",     "among the events: what is too long for its row goes on in the next ones, or is cut", 15),
    bind(Action::Palette,       Place::Anywhere, ":",        "palette",  "every action by its name, ⏎ runs it", 16),
    bind(Action::Up,            Place::Anywhere, "↑ k",      "up",       "one up", 0),
    bind(Action::Down,          Place::Anywhere, "↓ j",      "down",     "one down", 0),
    bind(Action::PageUp,        Place::Anywhere, "pgup",     "page up",  "a page up", 0),
    bind(Action::PageDown,      Place::Anywhere, "pgdn",     "page down", "a page down", 0),
    bind(Action::First,         Place::Anywhere, "g home",   "top",      "to the top; among the events to the oldest that is stored", 0),
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
    bind(Action::Pivot,         Place::Inside,   "⏎",        "pivot",    "go on: events around it, linked alert, host, same value", 1),
    bind(Action::NextSection,   Place::Inside,   "tab",      "section",  "the next section", 7),
    bind(Action::TimeZone,      Place::Anywhere, "t",        "utc/local", "times in UTC or local", 0),
    bind(Action::Reload,        Place::Outside,  "r",        "reload",   "read the rules anew; Health shows what came of it", 0),
    bind(Action::Theme,         Place::Anywhere, "T",        "theme",    "colours for a dark or for a light ground, or none", 0),
    bind(Action::Mouse,         Place::Anywhere, "f2",       "mouse",    "the mouse: click and scroll here; again: it selects text", 0),
    bind(Action::ReplayStep,    Place::Anywhere, ".",        "step",     "replay: hold, and read one event more", 0),
    bind(Action::ReplaySlower,  Place::Anywhere, "<",        "slower",   "replay: half the pace", 0),
    bind(Action::ReplayFaster,  Place::Anywhere, ">",        "faster",   "replay: twice the pace, beyond 60x flat out", 0),
    bind(Action::ReplayAgain,   Place::Anywhere, "R",        "again",    "replay: from the beginning", 0),
    bind(Action::Suspend,       Place::Anywhere, "ctrl-z",   "suspend",  "to the shell; `fg` comes back", 0),
    bind(Action::Back,          Place::Anywhere, "esc ← h",  "back",     "one up; at the top clears the filter, then the time window", 11),
    bind(Action::Help,          Place::Anywhere, "?",        "help",     "this list; type to search, ⏎ runs it", 17),
    bind(Action::Quit,          Place::Anywhere, "q ctrl-c", "quit",     "leave; where it collects q asks, d detaches; ctrl-c asks nothing", 18),
];

/// Keys that work besides those that are shown, as people from other programs expect.
pub(super) const ALIASES: &[(Action, &str)] = &[
    (Action::Enter, "right l"),
    (Action::NextSection, "right l"),
    (Action::NextPane, "backtab"),
    (Action::Back, "backspace"),
    (Action::PageDown, "ctrl-f"),
    (Action::PageUp, "ctrl-b"),
    (Action::Help, "f1"),
];
