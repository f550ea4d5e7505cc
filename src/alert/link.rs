//! What ties alerts of two hosts together: a connection that one host told of as leaving and another as arriving, with the same
//! addresses and ports at the same time. Such a connection is a [`Hop`]; hops that follow one another over hosts are a path.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::alert::header::short_host;
use crate::alert::{AlertId, Severity};
use crate::event::names::HostName;

/// How links are found and what follows from them (`[link]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// How far apart the two ends may tell of a connection, by event time.
    pub window: TimeDelta,
    /// How long after it was reached a host may go on to the next and still be part of the same path.
    pub chain_within: TimeDelta,
    /// Whether a linked pair of alerts raises the severity of the one that was reached.
    pub raise: bool,
    /// How many connections are remembered while their other end may still come.
    pub max_connections: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { window: TimeDelta::seconds(5), chain_within: TimeDelta::hours(1), raise: true, max_connections: 65_536 }
    }
}

/// An alert that stands at one end of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AtEnd {
    /// The alert.
    pub id: AlertId,
    /// The severity of its rule.
    pub severity: Severity,
}

/// One of the two hosts of a connection, as its own event has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Side {
    /// The host.
    pub host: HostName,
    /// The host as it spells itself.
    pub computer: String,
    /// When its event happened.
    pub at: DateTime<Utc>,
    /// Its address.
    pub ip: IpAddr,
    /// Its port.
    pub port: u16,
    /// The alerts that rest on its event; none when no rule fired there.
    pub alerts: Vec<AtEnd>,
}

impl Side {
    /// The first label of the host's name.
    pub fn name(&self) -> &str {
        short_host(&self.computer)
    }
}

/// A connection that both its hosts told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// `tcp` or `udp`.
    pub protocol: String,
    /// Where it left.
    pub from: Side,
    /// Where it arrived.
    pub to: Side,
}

impl Hop {
    /// Whether an alert stands at one of its ends.
    pub fn has(&self, id: &AlertId) -> bool {
        self.from.alerts.iter().chain(&self.to.alerts).any(|own| own.id == *id)
    }
}

/// A host name that stands for an address, because the host's own events carry that address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// The address as the alert spells it.
    pub ip: String,
    /// The host as it spells itself.
    pub computer: String,
}

/// The hosts of a path, short: `WKSTN-014 > SRV-FILE01 > DC01`.
pub fn path(hops: &[Hop]) -> String {
    let first = hops.first().map(|hop| hop.from.name());
    first.into_iter().chain(hops.iter().map(|hop| hop.to.name())).collect::<Vec<_>>().join(" > ")
}

/// What a pair of linked alerts is worth together: one above the worse of the two. Only pairs of which each is worth a look by
/// itself count, so that a link does not lift noise.
pub fn together(one: Severity, other: Severity) -> Option<Severity> {
    let raised = match one.max(other) {
        Severity::Critical | Severity::High => Severity::Critical,
        Severity::Medium => Severity::High,
        Severity::Low | Severity::Informational => return None,
    };
    (one.min(other) >= Severity::Medium).then_some(raised)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs() {
        use Severity::{Critical, High, Informational, Low, Medium};
        let rows = [
            (High, Medium, Some(Critical)),
            (Medium, High, Some(Critical)),
            (Medium, Medium, Some(High)),
            (Critical, Medium, Some(Critical)),
            (High, Low, None),
            (Informational, Informational, None),
        ];
        for (one, other, expected) in rows {
            assert_eq!(together(one, other), expected, "{one:?} {other:?}");
        }
    }
}
