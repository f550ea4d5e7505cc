//! Everything that a key can do, each by a name that the palette and the configuration know.

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
    /// Long lines of the event tail over several rows, or cut.
    Wrap,
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
    /// From an alert to what lies beside it.
    Pivot,
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
