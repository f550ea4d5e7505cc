//! Consoles elsewhere: the collector serves a Unix socket, and a console that attaches hears the same [`Update`]s and asks the
//! same [`Request`]s as the one in the collector's own process. The pipeline never waits for a viewer: each has a short queue,
//! and one that does not drain it is cut off from the feed until it asks for a new snapshot.
//!
//! ```text
//! viewer                                        collector
//!   hello { proto, wants }        ---->         peer credentials give the name and the role, not what the viewer says
//!                                 <----         hello { proto, who, role, viewer }      or  sorry { reason }
//!                                 <----         updates [ snapshot, … ]  then updates [ … ], ten times a second at most
//!   request (act, detail, look)   ---->         acts go to the collector under the peer's name; refusals come back
//!   request (act on marked)       ---->         the hall names the alerts, the collector judges each; outcomes come back
//!   request (list, preview)       ---->         a snapshot is a part of the alerts; of the rest there are counts, and pages
//!   request (events)              ---->         older events come from the archive, a bounded part for each question
//!                                 <----         beat, once a second where there is nothing else to say
//! ```
//!
//! A frame is four bytes of length, big-endian, and JSON; see [`frame`].

mod access;
mod acts;
pub mod client;
pub mod connection;
pub mod frame;
mod hall;
pub mod location;
mod peer;
mod replica;
pub mod server;
mod slot;
mod tail;
pub mod way;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::alert::Alert;
use crate::feed::{Request, Update};
use crate::location::Location;
use crate::triage::viewer::Role;

/// The version of what is said over the socket. Both sides must have the same.
pub const PROTOCOL: u32 = 4;

/// How consoles elsewhere are served (`[attach]`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Config {
    /// Where the socket is.
    pub socket: Location,
    /// The group that the socket belongs to and that alone can open it; empty leaves that to the groups below, where some are
    /// named.
    pub group: String,
    /// Groups whose members may act.
    pub analysts: Vec<String>,
    /// Groups whose members may look.
    pub viewers: Vec<String>,
}

impl Config {
    /// Whether it is by groups that people are let in.
    fn names_groups(&self) -> bool {
        !self.analysts.is_empty() || !self.viewers.is_empty()
    }
}

/// Whether there is a group of this name on this machine.
pub fn group_exists(name: &str) -> bool {
    peer::group_id(name).is_some()
}

/// What somebody who attaches wants to hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wants {
    /// Everything that a console shows, beginning with a snapshot of so many alerts at most.
    Console {
        /// How many.
        most: u64,
    },
    /// What happens from now on, for scripts.
    Tail {
        /// Alerts that this filter lets through; `None` for no alerts.
        alerts: Option<String>,
        /// Events that this filter lets through; `None` for no events.
        events: Option<String>,
    },
}

/// What a viewer says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Said {
    /// The first word.
    Hello { proto: u32, wants: Wants },
    /// All others.
    Request(Request),
}

/// What the collector tells a viewer.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Told {
    /// The first word.
    Hello { proto: u32, who: String, role: Role, viewer: u64 },
    /// The only word to somebody who is not let in.
    Sorry { reason: String },
    /// What happened.
    Updates(Vec<Arc<Update>>),
    /// Everything about an alert that was asked for.
    Detail(Arc<Alert>),
    /// So many updates were lost on a script that does not read fast enough.
    Missed(u64),
    /// Nothing happened.
    Beat,
}
