//! Which alerts a mute hides: all whose facts equal the conditions of its scope. Facts are kept as hashes, so that every alert
//! in memory can be asked at the price of a few comparisons.

use std::fmt;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher};

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::alert::Severity;
use crate::alert::header::Header;

/// What a mute can look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aspect {
    /// The rule, by id.
    Rule,
    /// The host.
    Host,
    /// The full path of the process: a name alone would let anybody hide behind it.
    Image,
    /// The source address.
    Source,
    /// The account.
    User,
    /// The command line, exactly.
    CommandLine,
}

impl Aspect {
    /// All, in order of display.
    pub const ALL: [Self; 6] = [Self::Rule, Self::Host, Self::Image, Self::Source, Self::User, Self::CommandLine];

    /// The word for people.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Host => "host",
            Self::Image => "image",
            Self::Source => "source",
            Self::User => "user",
            Self::CommandLine => "command line",
        }
    }

    /// What an alert says of it.
    pub fn of(self, header: &Header) -> Option<String> {
        let value = match self {
            Self::Rule => Some(header.rule_id.clone()),
            Self::Host => Some(header.host.to_string()),
            Self::Image => header.image.clone(),
            Self::Source => {
                let source = header.source.as_ref();
                source.map(|end| end.address().map_or_else(|| end.ip.clone(), |address| address.to_string()))
            }
            Self::User => header.user.clone(),
            Self::CommandLine => header.command_line.clone(),
        };
        value.filter(|value| !value.is_empty())
    }
}

/// What a mute hides: alerts for which every condition holds, whatever the case of letters.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Scope {
    /// What must be what; never empty in a mute that was taken.
    pub conditions: Vec<(Aspect, String)>,
}

impl Scope {
    /// The scope made ready to be compared with many alerts.
    pub fn pattern(&self) -> Pattern {
        let mut pattern = Pattern { hashes: [0; 6], can_match: !self.conditions.is_empty() };
        for (aspect, value) in &self.conditions {
            let wanted = &mut pattern.hashes[*aspect as usize];
            let hash = hash(value);
            // One thing cannot be two.
            pattern.can_match &= *wanted == 0 || *wanted == hash;
            *wanted = hash;
        }
        pattern
    }
}

/// What a scope compares with: as hashes, so that a long value or many conditions cost once and not for every alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pattern {
    /// 0 for what does not matter.
    hashes: [u64; 6],
    can_match: bool,
}

impl Pattern {
    /// Whether the scope hides an alert of these facts. A scope without conditions hides nothing.
    pub fn matches(&self, facts: &Facts) -> bool {
        let mut pairs = self.hashes.iter().zip(&facts.hashes);
        self.can_match && pairs.all(|(wanted, own)| *wanted == 0 || wanted == own)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (aspect, value)) in self.conditions.iter().enumerate() {
            let gap = if place > 0 { ", " } else { "" };
            write!(formatter, "{gap}{} {value}", aspect.as_str())?;
        }
        Ok(())
    }
}

/// What mutes and groups need to know of an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// 0 for what an alert does not have.
    hashes: [u64; 6],
    /// Names the group of repeats.
    pub group: u64,
    /// How bad it is.
    pub severity: Severity,
    /// When it was raised, in milliseconds.
    pub created_ms: i64,
    /// Whether the other end alerted too.
    pub is_linked: bool,
}

impl Facts {
    /// The facts of an alert.
    pub fn of(header: &Header) -> Self {
        Self {
            hashes: Aspect::ALL.map(|aspect| aspect.of(header).map_or(0, |value| hash(&value))),
            group: hash(&header.group()),
            severity: header.severity,
            created_ms: header.created.timestamp_millis(),
            is_linked: header.is_linked,
        }
    }
}

/// How far the preview of a mute looks back.
pub const PREVIEW_BACK: TimeDelta = TimeDelta::days(7);

/// What a mute would have hidden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Preview {
    /// So many alerts.
    pub hidden: u64,
    /// Of so many in all.
    pub of: u64,
    /// So many of the hidden ones are critical.
    pub critical: u64,
    /// So many of the hidden ones are linked to the other end.
    pub linked: u64,
}

fn hash(text: &str) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(text.to_lowercase()).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::header::testing::header;

    #[test]
    fn what_a_scope_hides() {
        let rows: [(&[(Aspect, &str)], bool); 6] = [
            (&[], false),
            (&[(Aspect::Host, "SRV")], true),
            (&[(Aspect::Host, "srv"), (Aspect::Rule, "rule-1")], true),
            (&[(Aspect::Host, "srv"), (Aspect::Rule, "rule-2")], false),
            (&[(Aspect::Host, "srv"), (Aspect::Host, "Srv")], true),
            (&[(Aspect::Host, "srv"), (Aspect::Host, "dc")], false),
        ];
        let facts = Facts::of(&header("a", "srv", "10.0.0.1", 0));
        for (conditions, is_hidden) in rows {
            let scope = Scope { conditions: conditions.iter().map(|(aspect, value)| (*aspect, (*value).to_owned())).collect() };
            assert_eq!(scope.pattern().matches(&facts), is_hidden, "{scope}");
        }
    }
}
