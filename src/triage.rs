//! What people do with alerts. Every act is one [`Entry`] of an append-only log (who, when, what, why); [`ledger::Ledger`] folds
//! the log into a [`State`] per alert. An act names the revision that it was based on, so that two people never overwrite
//! each other without noticing. Plain data and pure functions: the collector, the console and the store share them.

pub mod decide;
pub mod ledger;
pub mod many;
pub mod mute;
pub mod viewer;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::alert::AlertId;
use crate::triage::mute::Scope;

/// How long an act can be undone.
pub const UNDO_WITHIN: TimeDelta = TimeDelta::seconds(30);
/// The longest reason or comment, in bytes.
pub const MAX_REASON: usize = 4096;
/// Why an act is refused that reached no collector.
pub const UNREACHED: &str = "not done: there is no connection to the collector";
/// The longest comment, in characters.
pub const MAX_COMMENT: usize = 1000;
/// How many characters the reason of a mute has at least.
pub const MIN_MUTE_REASON: usize = 10;

/// What an alert turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// An attack.
    TruePositive,
    /// What the rule looks for, done for a good reason.
    BenignTrigger,
    /// Not what the rule looks for.
    FalsePositive,
}

impl Verdict {
    /// All, in order of their keys.
    pub const ALL: [Self; 3] = [Self::TruePositive, Self::BenignTrigger, Self::FalsePositive];

    /// The word of scripts and filters.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TruePositive => "true_positive",
            Self::BenignTrigger => "benign_trigger",
            Self::FalsePositive => "false_positive",
        }
    }

    /// The words for people.
    pub fn words(self) -> &'static str {
        match self {
            Self::TruePositive => "true positive",
            Self::BenignTrigger => "benign trigger",
            Self::FalsePositive => "false positive",
        }
    }
}

/// How far the work on an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Nobody looked yet.
    #[default]
    Open,
    /// Somebody looks at it.
    Acknowledged,
    /// Done.
    Closed(Verdict),
}

impl Status {
    /// The word of filters and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Acknowledged => "acked",
            Self::Closed(_) => "closed",
        }
    }

    /// Whether the work is done.
    pub fn is_closed(self) -> bool {
        matches!(self, Self::Closed(_))
    }
}

/// That a group which was closed happened again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// Since when it was closed.
    pub since: DateTime<Utc>,
    /// Who had closed it.
    pub who: String,
    /// As what.
    pub verdict: Verdict,
}

/// Where an alert stands, as the log has it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    /// How far the work is.
    pub status: Status,
    /// Who works on it.
    pub owner: Option<String>,
    /// The mute that hides it, by the number of its entry.
    pub muted: Option<u64>,
    /// The number of the last entry that changed something; comments do not count. 0 for none.
    pub revision: u64,
    /// How many comments there are.
    pub comments: u32,
    /// Set when its group was closed before and this alert opened it again.
    pub again: Option<Box<Again>>,
}

impl State {
    /// Whether somebody has to look: open, and not hidden by a mute.
    pub fn is_waiting(&self) -> bool {
        self.status == Status::Open && self.muted.is_none()
    }

    /// Whether nobody has done anything with it, or said anything about it.
    pub fn is_untouched(&self) -> bool {
        self.revision == 0 && self.comments == 0
    }
}

/// What can be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Somebody looks at it.
    Acknowledge,
    /// It is done.
    Close(Verdict),
    /// A remark; the reason is the text.
    Comment,
    /// The actor works on it.
    Own,
    /// Nobody works on it any more.
    Release,
    /// An entry is taken back.
    Undo(u64),
    /// Alerts like these are hidden, now and later.
    Mute {
        /// Which.
        scope: Scope,
        /// Until when; `None` is until it is removed.
        until: Option<DateTime<Utc>>,
    },
    /// A mute ends, by the number of its entry.
    Unmute(u64),
    /// A mute gets another expiry and another reason; what it hides stays.
    EditMute {
        /// The number of its entry.
        mute: u64,
        /// Until when; `None` is until it is removed.
        until: Option<DateTime<Utc>>,
    },
}

impl Deed {
    /// What was done, in words that follow a name: `bob acknowledged`.
    pub fn past(&self) -> String {
        match self {
            Self::Acknowledge => "acknowledged".to_owned(),
            Self::Close(verdict) => format!("closed as {}", verdict.words()),
            Self::Comment => "commented".to_owned(),
            Self::Own => "took it".to_owned(),
            Self::Release => "released it".to_owned(),
            Self::Undo(number) => format!("took back #{number}"),
            Self::Mute { scope, until } => format!("muted {scope} {}", until_words(*until)),
            Self::Unmute(number) => format!("ended mute #{number}"),
            Self::EditMute { mute, until } => format!("changed mute #{mute}: {}", until_words(*until)),
        }
    }
}

fn until_words(until: Option<DateTime<Utc>>) -> String {
    until.map_or("until removed".to_owned(), |until| until.format("until %Y-%m-%d %H:%M UTC").to_string())
}

/// An alert that an act is about, and the state that the actor saw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The alert.
    pub alert: AlertId,
    /// [`State::revision`] as the actor saw it.
    pub revision: u64,
}

/// What somebody wants to do. All its targets or none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Chosen by whoever asks, to know the answer by.
    pub token: u64,
    /// Who.
    pub who: String,
    /// What.
    pub deed: Deed,
    /// Why, or the comment.
    pub reason: String,
    /// To which alerts; none for an undo and for what is done with mutes.
    pub targets: Vec<Target>,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts up from 1.
    pub number: u64,
    /// When.
    pub at: DateTime<Utc>,
    /// Who.
    pub who: String,
    /// What.
    pub deed: Deed,
    /// Why, or the comment.
    pub reason: String,
    /// The alerts that it changed.
    pub alerts: Vec<AlertId>,
    /// The token of the act.
    #[serde(default)]
    pub token: u64,
}

/// Why an act was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// The token of the act.
    pub token: u64,
    /// Who asked.
    pub who: String,
    /// Why not, for people.
    pub reason: String,
}
