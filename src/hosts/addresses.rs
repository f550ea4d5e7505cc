//! Which host an address belongs to, learnt from the hosts' own events: who tells of a connection owns its own end of it. Two
//! hosts that claim one address at the same time own it neither: no name is better than a wrong one.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};

use crate::event::names::HostName;
use crate::event::sysmon::NetworkConnect;

/// How many addresses a host has at most; of more, the ones learnt last are kept.
const PER_HOST: usize = 8;
/// How long after one host used an address another may not have taken it over.
const TAKE_OVER: TimeDelta = TimeDelta::minutes(10);
/// Ports from here on are given to whoever connects, and not listened on.
const DYNAMIC_PORTS: u16 = 49_152;

#[derive(Debug)]
struct Owner {
    host: HostName,
    last: DateTime<Utc>,
    contested: Option<DateTime<Utc>>,
}

/// Addresses and whose they are.
#[derive(Debug, Default)]
pub struct Addresses {
    owners: HashMap<IpAddr, Owner>,
    of_host: HashMap<HostName, Vec<IpAddr>>,
}

impl Addresses {
    /// A host told of a connection; answers its own address if it is worth anything.
    pub fn observe(&mut self, host: &HostName, connection: &NetworkConnect<'_>, now: DateTime<Utc>) -> Option<IpAddr> {
        let ip = own_address(connection)?;
        match self.owners.get_mut(&ip) {
            Some(owner) if owner.host == *host => owner.last = now,
            Some(owner) if now - owner.last < TAKE_OVER => {
                owner.contested = Some(now);
                return Some(ip);
            }
            _ => self.take(ip, host, now),
        }
        Some(ip)
    }

    fn take(&mut self, ip: IpAddr, host: &HostName, now: DateTime<Utc>) {
        let before = self.owners.insert(ip, Owner { host: host.clone(), last: now, contested: None });
        if let Some(own) = before.and_then(|before| self.of_host.get_mut(&before.host)) {
            own.retain(|other| *other != ip);
        }
        let own = self.of_host.entry(host.clone()).or_default();
        own.push(ip);
        if own.len() > PER_HOST {
            let oldest = own.remove(0);
            self.owners.remove(&oldest);
        }
    }

    /// A host was forgotten.
    pub fn forget(&mut self, host: &HostName) {
        for ip in self.of_host.remove(host).unwrap_or_default() {
            self.owners.remove(&ip);
        }
    }

    /// Whose an address is, unless two hosts claimed it lately.
    pub fn owner(&self, ip: IpAddr) -> Option<&HostName> {
        let owner = self.owners.get(&ip.to_canonical())?;
        let is_contested = owner.contested.is_some_and(|at| owner.last - at < TAKE_OVER);
        (!is_contested).then_some(&owner.host)
    }
}

/// The address of the host that tells of a connection. Only tcp: the receiving end of a datagram may be a whole network.
fn own_address(connection: &NetworkConnect<'_>) -> Option<IpAddr> {
    if !connection.protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("tcp")) {
        return None;
    }
    let own = if connection.is_outbound()? {
        connection.source_ip
    } else {
        // Sysmon before 2019-12 wrote inbound connections the other way round.
        let port = |text: Option<&str>| text.and_then(|text| text.parse::<u16>().ok());
        let (source, destination) = (port(connection.source_port)?, port(connection.destination_port)?);
        if source < DYNAMIC_PORTS && destination >= DYNAMIC_PORTS {
            return None;
        }
        connection.destination_ip
    };
    let ip = own?.trim().parse::<IpAddr>().ok()?.to_canonical();
    let is_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local() || ip.is_broadcast(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    (!ip.is_loopback() && !ip.is_unspecified() && !ip.is_multicast() && !is_local).then_some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::sysmon;

    fn hear(addresses: &mut Addresses, host: &str, fields: &[(&str, &str)], minute: i64) {
        let event = sysmon(3, host, 1, fields);
        let at = DateTime::UNIX_EPOCH + TimeDelta::minutes(minute);
        addresses.observe(event.host(), &NetworkConnect::read(&event), at);
    }

    #[test]
    fn own_ends_are_learnt() {
        let row = |initiated, protocol, source, destination| {
            [
                ("Initiated", initiated),
                ("Protocol", protocol),
                ("SourceIp", source),
                ("DestinationIp", destination),
                ("SourcePort", "50000"),
                ("DestinationPort", "5985"),
            ]
        };
        let rows = [
            ("outbound", row("true", "tcp", "10.0.0.1", "10.0.0.2"), "10.0.0.1", true),
            ("outbound, other end", row("true", "tcp", "10.0.0.1", "10.0.0.2"), "10.0.0.2", false),
            ("inbound", row("false", "tcp", "10.0.0.1", "10.0.0.2"), "10.0.0.2", true),
            ("IPv6, spelled out", row("true", "tcp", "2001:db8:0:0:0:0:0:1", "2001:db8::2"), "2001:db8::1", true),
            ("IPv4 in IPv6", row("true", "tcp", "::ffff:10.0.0.1", "10.0.0.2"), "10.0.0.1", true),
            ("loopback", row("true", "tcp", "0:0:0:0:0:0:0:1", "10.0.0.2"), "::1", false),
            ("link-local", row("true", "tcp", "fe80:0:0:0:1:2:3:4", "10.0.0.2"), "fe80::1:2:3:4", false),
            ("datagram", row("false", "udp", "10.0.0.1", "10.0.0.255"), "10.0.0.255", false),
        ];
        for (name, fields, ip, is_known) in rows {
            let mut addresses = Addresses::default();
            hear(&mut addresses, "A", &fields, 0);
            assert_eq!(addresses.owner(ip.parse().unwrap()).is_some(), is_known, "{name}");
        }
        let mut old = Addresses::default();
        let mut swapped = row("false", "tcp", "10.0.0.2", "10.0.0.1");
        (swapped[4].1, swapped[5].1) = ("5985", "50000");
        hear(&mut old, "B", &swapped, 0);
        assert_eq!(old.owner("10.0.0.1".parse().unwrap()), None, "the old order names the other end");
    }

    #[test]
    fn an_address_that_two_claim_is_nobodys() {
        fn fields(ip: &str) -> [(&str, &str); 3] {
            [("Initiated", "true"), ("Protocol", "tcp"), ("SourceIp", ip)]
        }
        let mut addresses = Addresses::default();
        let ip = "10.0.0.1".parse().unwrap();
        hear(&mut addresses, "A", &fields("10.0.0.1"), 0);
        hear(&mut addresses, "B", &fields("10.0.0.1"), 1);
        assert_eq!(addresses.owner(ip), None);
        // A went; after a while the address is B's.
        hear(&mut addresses, "B", &fields("10.0.0.1"), 20);
        assert_eq!(addresses.owner(ip).map(HostName::as_str), Some("b"));
        addresses.forget(&HostName::fold("b"));
        assert_eq!(addresses.owner(ip), None);
        for number in 0..20 {
            let ip = format!("10.0.1.{number}");
            hear(&mut addresses, "C", &fields(&ip), 30);
        }
        assert_eq!((addresses.owners.len(), addresses.of_host.values().map(Vec::len).sum::<usize>()), (PER_HOST, PER_HOST));
    }
}
