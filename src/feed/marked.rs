//! Alerts that somebody marked to act on many at once. They are named by what they are, not one by one: whoever marked them need
//! not hold them all.

use serde::{Deserialize, Serialize};

use crate::alert::AlertId;
use crate::event::names::HostName;

/// Alerts that are marked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// Which.
    pub which: Which,
    /// Whether each stands for all its repeats.
    pub with_repeats: bool,
    /// Only what was raised before the alert of this number: nobody marks what has not come yet.
    pub before: u64,
    /// The last entry of the triage log that was known then: what others did since is not done over.
    pub seen: u64,
}

/// Which alerts are marked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// These.
    These(Vec<AlertId>),
    /// All that are listed, but for some.
    Listed {
        /// What they are like.
        filter: String,
        /// On which host they are, where only those of one are listed.
        host: Option<HostName>,
        /// Which are not meant.
        except: Vec<AlertId>,
    },
}

/// How many alerts are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkedCount {
    /// How many rows of the list.
    pub rows: u64,
    /// How many alerts, with the repeats that rows stand for.
    pub alerts: u64,
}
