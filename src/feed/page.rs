//! Parts of the sorted lists of alerts, for a console that does not hold all of them, and the counts of all.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::alert::Severity;
use crate::alert::header::Header;
use crate::event::names::HostName;
use crate::triage::State;

/// The place of an alert in a list: the worst and newest is the greatest.
pub type Key = (Severity, u64);

/// Down to which place the lists are held; `None` where they are held to their end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Horizons {
    /// Of all alerts.
    pub all: Option<Key>,
    /// Of those that wait for somebody, repeats folded.
    pub kinds: Option<Key>,
}

/// How all alerts stand.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How many there are.
    pub alerts: u64,
    /// The number of the oldest of them; what is older is remembered no more.
    #[serde(default)]
    pub oldest: u64,
    /// How many wait for somebody, by severity.
    pub waiting: [u64; 5],
    /// How many kinds of them, repeats folded.
    pub kinds: u64,
    /// How many somebody looks at.
    pub acknowledged: u64,
    /// How many a mute hides.
    pub muted: u64,
    /// How many wait on which host, of those where that changed.
    pub hosts: Vec<(HostName, [u64; 5])>,
    /// How many repeats wait, by the name of their group, of those where that changed.
    pub groups: Vec<(u64, u64)>,
}

/// A part of a list that a console asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Chosen by whoever asks, to know the answer by.
    pub token: u64,
    /// What the alerts are like.
    pub filter: String,
    /// On which host they are, where only those of one are wanted.
    #[serde(default)]
    pub host: Option<HostName>,
    /// Whether only those are listed that wait for somebody, repeats folded.
    pub kinds_only: bool,
    /// Below which place it begins; `None` is at the top.
    pub below: Option<Key>,
    /// How many at most.
    pub most: u64,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Page {
    /// Which question it answers.
    pub token: u64,
    /// The alerts, worst and newest first.
    pub alerts: Vec<Standing>,
    /// How many the filter lets through in all; where the part begins at the top.
    pub matches: Option<u64>,
    /// The place of the last, where the list goes on.
    pub horizon: Option<Key>,
}

impl Page {
    /// An alert that happened again: a console with a part of the alerts cannot know.
    pub fn unasked(standing: Standing) -> Self {
        Self { token: 0, alerts: vec![standing], matches: None, horizon: None }
    }

    /// Whether it was told unasked.
    pub fn is_unasked(&self) -> bool {
        self.token == 0
    }

    /// Leaves the lower half to the next page, where that is more than nothing.
    #[must_use]
    pub fn halved(mut self) -> Option<Self> {
        let half = self.alerts.len() / 2;
        self.alerts.truncate(half);
        let last = self.alerts.last()?;
        self.horizon = Some((last.header.severity, last.number));
        Some(self)
    }
}

/// An alert and where it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// Its number, in order of raising.
    pub number: u64,
    /// What it is.
    pub header: Arc<Header>,
    /// Where it stood before the entries of the triage log that are told: the mute that held when it was raised, whether its
    /// group had been closed, and what older entries made of it.
    pub base: State,
}
