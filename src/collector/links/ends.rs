//! What both ends of a connection agree on, and a connection of which one end or both were seen.

use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::link::{AtEnd, Side};
use crate::event::names::HostName;

/// Which way a connection goes, seen from the host that tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Out,
    In,
}

/// What both ends of a connection agree on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Tuple {
    pub(super) protocol: String,
    pub(super) source: (IpAddr, u16),
    pub(super) destination: (IpAddr, u16),
}

impl Tuple {
    /// Reads the fields of a Sysmon event 3. `None` where one is missing or is no address, or where it is one that every host has
    /// of its own: then there is nothing to compare.
    pub(super) fn read<'f>(get: impl Fn(&str) -> Option<&'f str>, may_swap: bool) -> Option<(Self, Way)> {
        let way = match get("Initiated")? {
            is if is.eq_ignore_ascii_case("true") => Way::Out,
            is if is.eq_ignore_ascii_case("false") => Way::In,
            _ => return None,
        };
        let end = |ip: &str, port: &str| {
            let ip = get(ip)?.trim().parse::<IpAddr>().ok()?.to_canonical();
            Some((ip, get(port)?.trim().parse::<u16>().ok()?))
        };
        let (mut source, mut destination) = (end("SourceIp", "SourcePort")?, end("DestinationIp", "DestinationPort")?);
        if [source.0, destination.0].iter().any(|ip| ip.is_loopback() || ip.is_unspecified()) {
            return None;
        }
        // As Sysmon before 2019-12 wrote inbound connections: the local service port as the source.
        if may_swap && way == Way::In && matches!(source.1, 5985 | 5986) && destination.1 >= 1024 {
            std::mem::swap(&mut source, &mut destination);
        }
        let protocol = get("Protocol").unwrap_or_default().to_ascii_lowercase();
        Some((Self { protocol, source, destination }, way))
    }

    pub(super) fn own(&self, way: Way) -> (IpAddr, u16) {
        match way {
            Way::Out => self.source,
            Way::In => self.destination,
        }
    }
}

/// One end as it comes in.
#[derive(Debug)]
pub(super) struct End {
    pub(super) tuple: Tuple,
    pub(super) way: Way,
    pub(super) host: HostName,
    pub(super) computer: String,
    pub(super) at: DateTime<Utc>,
    /// How far its clock is known to be off.
    pub(super) skew: TimeDelta,
    pub(super) alert: Option<AtEnd>,
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) tuple: Tuple,
    pub(super) from: Option<Side>,
    pub(super) to: Option<Side>,
    pub(super) skew: TimeDelta,
    /// When it was first heard of, or the path that it is part of went on last.
    pub(super) since: DateTime<Utc>,
}

impl Connection {
    pub(super) fn side(&self, way: Way) -> Option<&Side> {
        match way {
            Way::Out => self.from.as_ref(),
            Way::In => self.to.as_ref(),
        }
    }

    pub(super) fn side_mut(&mut self, way: Way) -> &mut Option<Side> {
        match way {
            Way::Out => &mut self.from,
            Way::In => &mut self.to,
        }
    }

    /// Both ends, if both are there.
    pub(super) fn ends(&self) -> Option<(&Side, &Side)> {
        self.from.as_ref().zip(self.to.as_ref())
    }

    pub(super) fn alerts(&self) -> impl Iterator<Item = &AtEnd> {
        self.from.iter().chain(&self.to).flat_map(|side| &side.alerts)
    }
}
