//! Finds the connections that two hosts told of, and keeps the alerts that stand at their ends up to date. Pure and bounded.
//!
//! ```text
//! A: out 10.0.0.1:51544 > 10.0.0.2:5985  ─┐ same four-tuple, other host,
//! B: in  10.0.0.1:51544 > 10.0.0.2:5985  ─┘ within the window of event time  =  hop A > B
//! A > B, then B > C after B was reached, within the hour                     =  path A > B > C
//! ```
//!
//! Which connections are kept: those that an alert rests on, and, of the others, only outbound ones to the WinRM ports or that
//! a rule looked at. An inbound alert is told where it came from even if nothing fired there (the source may run as an account
//! that the rule leaves out); an inbound connection on which nothing fired adds nothing to an outbound alert. The bulk of
//! connections never gets here, so that the cost lies with alerts and not with events.

mod ends;
mod path;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::link::{AtEnd, Config, Side};
use crate::alert::{Alert, AlertId};
use crate::collector::links::ends::{Connection, End, Tuple, Way};
use crate::event::WindowsEvent;
use crate::event::names::HostName;

/// How many alerts are held so that a later link can be told on them.
const MAX_ALERTS: usize = 4096;
/// How many connections of one four-tuple are kept: a port is used again, but not that often.
const PER_TUPLE: usize = 16;
/// How many alerts one end of a connection names.
const PER_END: usize = 16;
/// How much longer than a path may rest connections are kept: events arrive late.
const SLACK: TimeDelta = TimeDelta::minutes(15);

/// When an event happened and arrived, and how far its host's clock is known to be off.
#[derive(Debug, Clone, Copy)]
pub struct Seen {
    /// When it happened.
    pub at: DateTime<Utc>,
    /// How far off that may be; nothing where the time was corrected.
    pub skew: TimeDelta,
    /// When it arrived.
    pub now: DateTime<Utc>,
}

/// What was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkCounts {
    /// Connections of which both ends were seen.
    pub linked: u64,
    /// Connections and alerts that were forgotten for room before their time.
    pub shed: u64,
    /// Connections that are remembered.
    pub kept: u64,
}

/// All connections and the alerts at their ends.
#[derive(Debug)]
pub struct Links {
    config: Config,
    /// Whether inbound connections may stand in the old order (`mapping.swap_old_inbound`).
    may_swap: bool,
    connections: HashMap<u64, Connection>,
    by_tuple: HashMap<Tuple, Vec<u64>>,
    order: VecDeque<u64>,
    /// Linked connections by the host that they reach and leave, in order of time.
    reached: HashMap<HostName, BTreeSet<(DateTime<Utc>, u64)>>,
    left: HashMap<HostName, BTreeSet<(DateTime<Utc>, u64)>>,
    alerts: HashMap<AlertId, Arc<Alert>>,
    alert_order: VecDeque<AlertId>,
    of_alert: HashMap<AlertId, Vec<u64>>,
    next: u64,
    counts: LinkCounts,
}

impl Links {
    /// Nothing known yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            may_swap: false,
            connections: HashMap::new(),
            by_tuple: HashMap::new(),
            order: VecDeque::new(),
            reached: HashMap::new(),
            left: HashMap::new(),
            alerts: HashMap::new(),
            alert_order: VecDeque::new(),
            of_alert: HashMap::new(),
            next: 0,
            counts: LinkCounts::default(),
        }
    }

    /// Whether inbound connections may stand in the old order.
    pub fn set_swap(&mut self, may_swap: bool) {
        self.may_swap = may_swap;
    }

    /// What was counted.
    pub fn counts(&self) -> LinkCounts {
        LinkCounts { kept: self.connections.len() as u64, ..self.counts }
    }

    /// Notes a connection that no alert rests on, where it can matter. Answers the alerts that are told anew because of it.
    #[must_use]
    pub fn observe(&mut self, event: &WindowsEvent, seen: Seen, is_hit: bool) -> Vec<Alert> {
        if event.event_id().0 != 3 || !event.is_sysmon() {
            return Vec::new();
        }
        let is_wanted = is_hit || matches!(event.get("DestinationPort"), Some("5985" | "5986"));
        let is_outbound = || event.get("Initiated").is_some_and(|is| is.eq_ignore_ascii_case("true"));
        if !is_wanted || !is_outbound() {
            return Vec::new();
        }
        let Some((tuple, way)) = Tuple::read(|name| event.get(name), self.may_swap) else { return Vec::new() };
        let end = End {
            tuple,
            way,
            host: event.host().clone(),
            computer: event.computer().to_owned(),
            at: seen.at,
            skew: seen.skew,
            alert: None,
        };
        let changed = self.join(end, seen.now);
        self.retell(&changed, None)
    }

    /// Takes in an alert that is about to be told, and writes on it what it is linked to. Answers the others that are told anew.
    #[must_use]
    pub fn receive(&mut self, alert: &mut Alert, skew: TimeDelta, now: DateTime<Utc>) -> Vec<Alert> {
        // A better pairing may rest on another connection.
        let mut changed = self.leave(&alert.id);
        for proof in alert.evidence.iter().filter(|proof| proof.event_id.0 == 3) {
            let Some((tuple, way)) = Tuple::read(|name| proof.field(name), self.may_swap) else { continue };
            let end = End {
                tuple,
                way,
                host: HostName::fold(&proof.computer),
                computer: proof.computer.clone(),
                at: proof.time,
                skew,
                alert: Some(AtEnd { id: alert.id.clone(), severity: alert.rule.severity }),
            };
            changed.extend(self.join(end, now));
        }
        let id = alert.id.clone();
        self.write(alert);
        self.retell(&changed, Some(&id))
    }

    /// Takes back an alert of an earlier run, with what it was linked to.
    pub fn restore(&mut self, alert: &Alert) {
        for hop in &alert.hops {
            let (source, destination) = ((hop.from.ip, hop.from.port), (hop.to.ip, hop.to.port));
            let tuple = Tuple { protocol: hop.protocol.clone(), source, destination };
            for (way, side) in [(Way::Out, &hop.from), (Way::In, &hop.to)] {
                let bare = || End {
                    tuple: tuple.clone(),
                    way,
                    host: side.host.clone(),
                    computer: side.computer.clone(),
                    at: side.at,
                    skew: TimeDelta::zero(),
                    alert: None,
                };
                self.join(bare(), alert.created);
                for own in &side.alerts {
                    self.join(End { alert: Some(own.clone()), ..bare() }, alert.created);
                }
            }
        }
        let now = alert.created;
        let mut alert = alert.clone();
        for told in self.receive(&mut alert, TimeDelta::zero(), now) {
            self.hold(&Arc::new(told));
        }
        self.hold(&Arc::new(alert));
    }

    /// Holds an alert as it was told, so that a later link can be told on it.
    pub fn hold(&mut self, alert: &Arc<Alert>) {
        if !self.of_alert.contains_key(&alert.id) {
            return;
        }
        if self.alerts.insert(alert.id.clone(), alert.clone()).is_none() {
            self.alert_order.push_back(alert.id.clone());
        }
        while self.alert_order.len() > MAX_ALERTS {
            if let Some(oldest) = self.alert_order.pop_front() {
                self.counts.shed += u64::from(self.alerts.remove(&oldest).is_some());
            }
        }
    }

    /// Takes an end in; answers the connections whose alerts may have to be told anew.
    fn join(&mut self, end: End, now: DateTime<Utc>) -> Vec<u64> {
        self.forget(now);
        let End { tuple, way, host, computer, at, skew, alert } = end;
        let ids = self.by_tuple.get(&tuple).map(Vec::as_slice).unwrap_or_default();
        let known = ids.iter().copied().find(|id| {
            let side = self.connections.get(id).and_then(|connection| connection.side(way));
            side.is_some_and(|side| side.host == host && side.at == at)
        });
        if let Some(id) = known {
            return self.stand_at(id, way, alert);
        }
        let (ip, port) = tuple.own(way);
        let side = Side { host, computer, at, ip, port, alerts: Vec::new() };
        let id = match self.other_end(ids, way, &side, skew) {
            Some(id) => id,
            None => self.begin(tuple, skew, now),
        };
        if let Some(connection) = self.connections.get_mut(&id) {
            *connection.side_mut(way) = Some(side);
            connection.skew = connection.skew.max(skew);
            if let Some((from, to)) = connection.ends() {
                self.left.entry(from.host.clone()).or_default().insert((from.at, id));
                self.reached.entry(to.host.clone()).or_default().insert((to.at, id));
                self.counts.linked += 1;
            }
        }
        let mut changed = self.stand_at(id, way, alert);
        changed.push(id);
        changed
    }

    /// The connection that this is the other end of: another host's, the nearest in time, within the window.
    fn other_end(&self, ids: &[u64], way: Way, side: &Side, skew: TimeDelta) -> Option<u64> {
        let other = if way == Way::Out { Way::In } else { Way::Out };
        let fits = |id: &u64| {
            let connection = self.connections.get(id)?;
            let there = connection.side(other).filter(|there| there.host != side.host)?;
            let apart = (there.at - side.at).abs();
            let is_near = connection.side(way).is_none() && apart <= self.config.window + skew.max(connection.skew);
            is_near.then_some((apart, *id))
        };
        ids.iter().filter_map(fits).min().map(|(_, id)| id)
    }

    fn begin(&mut self, tuple: Tuple, skew: TimeDelta, now: DateTime<Utc>) -> u64 {
        let id = self.next;
        self.next += 1;
        let ids = self.by_tuple.entry(tuple.clone()).or_default();
        ids.push(id);
        let oldest = (ids.len() > PER_TUPLE).then(|| ids[0]);
        self.connections.insert(id, Connection { tuple, from: None, to: None, skew, since: now });
        self.order.push_back(id);
        // Numbers of connections that went before their turn must not pile up behind one that stays.
        if self.order.len() > 2 * self.connections.len() + PER_TUPLE {
            self.order.retain(|id| self.connections.contains_key(id));
        }
        if let Some(oldest) = oldest {
            self.remove(oldest);
            self.counts.shed += 1;
        }
        id
    }

    /// An alert rests on this end.
    fn stand_at(&mut self, id: u64, way: Way, alert: Option<AtEnd>) -> Vec<u64> {
        let Some(alert) = alert else { return Vec::new() };
        let side = self.connections.get_mut(&id).and_then(|connection| connection.side_mut(way).as_mut());
        let Some(side) = side.filter(|side| side.alerts.iter().all(|own| own.id != alert.id)) else { return Vec::new() };
        if side.alerts.len() >= PER_END {
            self.counts.shed += 1;
            return Vec::new();
        }
        let of_alert = self.of_alert.entry(alert.id.clone()).or_default();
        if !of_alert.contains(&id) {
            of_alert.push(id);
        }
        side.alerts.push(alert);
        vec![id]
    }

    /// An alert rests on these connections no more.
    fn leave(&mut self, alert: &AlertId) -> Vec<u64> {
        let ids = self.of_alert.remove(alert).unwrap_or_default();
        for id in &ids {
            let Some(connection) = self.connections.get_mut(id) else { continue };
            for side in [&mut connection.from, &mut connection.to].into_iter().flatten() {
                side.alerts.retain(|own| own.id != *alert);
            }
        }
        ids
    }

    /// Forgets what is too old, and the oldest where there is no room.
    fn forget(&mut self, now: DateTime<Utc>) {
        let keep = self.config.chain_within + SLACK;
        while let Some(oldest) = self.order.front().copied() {
            let is_old = self.connections.get(&oldest).is_none_or(|connection| now - connection.since > keep);
            if !is_old && self.connections.len() < self.config.max_connections.max(1) {
                return;
            }
            self.order.pop_front();
            self.counts.shed += u64::from(!is_old);
            self.remove(oldest);
        }
    }

    fn remove(&mut self, id: u64) {
        let Some(connection) = self.connections.remove(&id) else { return };
        if let Some(ids) = self.by_tuple.get_mut(&connection.tuple) {
            ids.retain(|own| *own != id);
            if ids.is_empty() {
                self.by_tuple.remove(&connection.tuple);
            }
        }
        let indexes = [(&mut self.left, &connection.from), (&mut self.reached, &connection.to)];
        for (index, side) in indexes.into_iter().filter_map(|(index, side)| Some((index, side.as_ref()?))) {
            if let Some(own) = index.get_mut(&side.host) {
                own.remove(&(side.at, id));
                if own.is_empty() {
                    index.remove(&side.host);
                }
            }
        }
        for own in connection.alerts() {
            let Some(ids) = self.of_alert.get_mut(&own.id) else { continue };
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.of_alert.remove(&own.id);
                self.alerts.remove(&own.id);
                self.alert_order.retain(|id| *id != own.id);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::{Action, Severity};
    use crate::detect::ecs::Mapping;
    use crate::detect::{Observation, RuleFile, RuleSet, raise};
    use crate::event::testing::sysmon;
    use crate::event::time::{EventTimeRule, event_time, parse};

    const OUT: &str = "title: out\nid: out\nlevel: high\nlogsource:\n  category: network_connection\n  product: windows\ndetection:\n  a:\n    Initiated: 'true'\n  condition: a\n";
    const IN: &str = "title: in\nid: in\nlevel: medium\nlogsource:\n  category: network_connection\n  product: windows\ndetection:\n  a:\n    Initiated: 'false'\n  condition: a\n";

    /// A connection event of a host, at that second, with ends as `ip:port`, and ports after the last colon.
    fn told(host: &str, way: &str, second: f64, source: &str, destination: &str, record: u64) -> WindowsEvent {
        let end = |text: &str| text.rsplit_once(':').map(|(ip, port)| (ip.to_owned(), port.to_owned())).unwrap();
        let ((source, source_port), (destination, port)) = (end(source), end(destination));
        let at = parse("2026-03-17 10:00:00.000").unwrap() + TimeDelta::milliseconds((second * 1000.0) as i64);
        let at = at.format("%Y-%m-%d %H:%M:%S%.3f").to_string();
        let initiated = if way == "out" { "true" } else { "false" };
        let fields = [
            ("UtcTime", &*at),
            ("Protocol", "tcp"),
            ("Initiated", initiated),
            ("SourceIp", &source),
            ("SourcePort", &source_port),
            ("DestinationIp", &destination),
            ("DestinationPort", &port),
        ];
        sysmon(3, host, record, &fields)
    }

    /// Alerts go in, what is known of each in the end comes out.
    #[derive(Debug)]
    struct Bench {
        rules: RuleSet,
        links: Links,
        last: Vec<Alert>,
        updates: usize,
        records: u64,
    }

    impl Bench {
        fn new(config: Config, may_swap: bool) -> Self {
            let file = |text: &str| RuleFile { origin: "x.yml".to_owned(), text: text.to_owned() };
            let rules = RuleSet::compile(&[file(OUT), file(IN)], &Mapping::default());
            assert_eq!(rules.rules().count(), 2, "{:?}", rules.problems());
            let mut links = Links::new(config);
            links.set_swap(may_swap);
            Self { rules, links, last: Vec::new(), updates: 0, records: 0 }
        }

        fn keep(&mut self, alert: Alert) {
            self.links.hold(&Arc::new(alert.clone()));
            match self.last.iter_mut().find(|own| own.id == alert.id) {
                Some(own) => *own = alert,
                None => self.last.push(alert),
            }
        }

        /// An event on which a rule fires; answers the place of its alert.
        fn alert(&mut self, host: &str, way: &str, second: f64, source: &str, destination: &str) -> usize {
            self.records += 1;
            let event = Arc::new(told(host, way, second, source, destination, self.records));
            let now = event.system().time_created.unwrap();
            let time = event_time(&event, EventTimeRule::Robust, now);
            let hits = self.rules.observe(&event);
            let observation = Observation { event, time, received_at: now };
            let mut alert = raise::single(&self.rules, hits.rules[0], &observation, now);
            let others = self.links.receive(&mut alert, TimeDelta::zero(), now);
            let id = alert.id.clone();
            self.keep(alert);
            self.tell(others);
            self.last.iter().position(|own| own.id == id).unwrap()
        }

        /// An event on which no rule fires.
        fn bare(&mut self, host: &str, way: &str, second: f64, source: &str, destination: &str) {
            self.records += 1;
            let event = told(host, way, second, source, destination, self.records);
            let now = event.system().time_created.unwrap();
            let told = self.links.observe(&event, Seen { at: now, skew: TimeDelta::zero(), now }, false);
            self.tell(told);
        }

        fn tell(&mut self, others: Vec<Alert>) {
            for other in others {
                assert_eq!(other.action, Action::Updated);
                self.updates += 1;
                self.keep(other);
            }
        }

        fn path(&self, place: usize) -> String {
            crate::alert::link::path(&self.last[place].hops)
        }
    }

    #[test]
    fn what_is_linked_and_what_is_not() {
        let (a, b) = ("10.0.0.1:50000", "10.0.0.2:5985");
        let swap = |may_swap| (Config::default(), may_swap);
        let plain = swap(false);
        let rows = [
            ("out, then in", plain, [("A", "out", 0.0, a, b), ("B", "in", 0.4, a, b)], true),
            ("in, then out", plain, [("B", "in", 0.4, a, b), ("A", "out", 0.0, a, b)], true),
            ("the clock of the other a little behind", plain, [("A", "out", 4.9, a, b), ("B", "in", 0.0, a, b)], true),
            ("outside the window", plain, [("A", "out", 0.0, a, b), ("B", "in", 5.001, a, b)], false),
            ("the port used again", plain, [("A", "out", 0.0, a, b), ("B", "in", 90.0, a, b)], false),
            ("NAT on the way", plain, [("A", "out", 0.0, a, b), ("B", "in", 0.1, "192.0.2.1:50000", b)], false),
            ("another source port", plain, [("A", "out", 0.0, a, b), ("B", "in", 0.1, "10.0.0.1:50001", b)], false),
            ("another service", plain, [("A", "out", 0.0, a, b), ("B", "in", 0.1, a, "10.0.0.2:5986")], false),
            ("one host with itself", plain, [("A", "out", 0.0, a, b), ("a", "in", 0.1, a, b)], false),
            ("both outbound", plain, [("A", "out", 0.0, a, b), ("B", "out", 0.1, a, b)], false),
            ("both inbound", plain, [("A", "in", 0.0, a, b), ("B", "in", 0.1, a, b)], false),
            (
                "IPv6 in two spellings",
                plain,
                [
                    ("A", "out", 0.0, "2001:db8:0:0:0:0:0:1:50000", "2001:db8:0:0:0:0:0:2:5985"),
                    ("B", "in", 0.1, "2001:db8::1:50000", "2001:db8::2:5985"),
                ],
                true,
            ),
            (
                "IPv4 in IPv6",
                plain,
                [("A", "out", 0.0, a, b), ("B", "in", 0.1, "::ffff:10.0.0.1:50000", "0:0:0:0:0:ffff:a00:2:5985")],
                true,
            ),
            ("sides swapped, as nobody asked for", plain, [("A", "out", 0.0, a, b), ("B", "in", 0.1, b, a)], false),
            ("sides swapped, as old Sysmon does", swap(true), [("A", "out", 0.0, a, b), ("B", "in", 0.1, b, a)], true),
            ("no address", plain, [("A", "out", 0.0, "-:50000", b), ("B", "in", 0.1, "-:50000", b)], false),
        ];
        for (name, (config, may_swap), events, is_linked) in rows {
            let mut bench = Bench::new(config, may_swap);
            let places = events.map(|(host, way, second, source, to)| bench.alert(host, way, second, source, to));
            let other = |place: usize| bench.last[places[1 - place]].id.clone();
            for place in [0, 1] {
                let expected = if is_linked { vec![other(place)] } else { Vec::new() };
                assert_eq!(bench.last[places[place]].linked, expected, "{name}, end {place}");
                assert_eq!(bench.path(places[place]), if is_linked { "A > B" } else { "" }, "{name}");
            }
            assert_eq!(bench.updates, usize::from(is_linked), "{name}: the first is told anew, once");
            assert_eq!(bench.links.counts().linked, u64::from(is_linked), "{name}");
        }
    }

    #[test]
    fn the_reached_end_is_raised_if_wanted() {
        for (raise, expected) in [(true, Some(Severity::Critical)), (false, None)] {
            for order in [["A", "B"], ["B", "A"]] {
                let mut bench = Bench::new(Config { raise, ..Config::default() }, false);
                for host in order {
                    bench.alert(host, if host == "A" { "out" } else { "in" }, 0.0, "10.0.0.1:50000", "10.0.0.2:5985");
                }
                let of = |host: &str| bench.last.iter().find(|alert| alert.computer == host).unwrap();
                assert_eq!((of("A").raised_to, of("B").raised_to), (None, expected));
                assert_eq!(of("B").rule.severity, Severity::Medium, "the rule's own stays");
                assert_eq!(of("B").severity(), expected.unwrap_or(Severity::Medium));
            }
        }
    }

    #[test]
    fn a_source_where_nothing_fired_is_named_and_raises_nothing() {
        for is_first in [true, false] {
            let mut bench = Bench::new(Config::default(), false);
            if is_first {
                bench.bare("A", "out", 0.0, "10.0.0.1:50000", "10.0.0.2:5985");
            }
            let place = bench.alert("B", "in", 0.2, "10.0.0.1:50000", "10.0.0.2:5985");
            if !is_first {
                bench.bare("A", "out", 0.0, "10.0.0.1:50000", "10.0.0.2:5985");
            }
            let alert = &bench.last[place];
            assert_eq!((bench.path(place).as_str(), alert.linked.len(), alert.raised_to), ("A > B", 0, None));
        }
        // The other way round it says nothing: the connection was made, and nothing came of it.
        let mut bench = Bench::new(Config::default(), false);
        let place = bench.alert("A", "out", 0.0, "10.0.0.1:50000", "10.0.0.2:5985");
        bench.bare("B", "in", 0.2, "10.0.0.1:50000", "10.0.0.2:5985");
        bench.bare("C", "out", 0.2, "10.0.0.3:50000", "10.0.0.2:443");
        assert_eq!((bench.path(place).as_str(), bench.links.counts().kept), ("", 1));
    }

    /// Host `X` has address 10.0.0.X; the ports differ by hop.
    fn hop(bench: &mut Bench, from: u8, to: u8, second: f64) -> (usize, usize) {
        let name = |number: u8| char::from(b'@' + number).to_string();
        let source = format!("10.0.0.{from}:{}", 50_000 + u32::from(to));
        let destination = format!("10.0.0.{to}:5985");
        let out = bench.alert(&name(from), "out", second, &source, &destination);
        (out, bench.alert(&name(to), "in", second + 0.1, &source, &destination))
    }

    #[test]
    fn hops_make_a_path() {
        type Hops = &'static [(u8, u8, f64)];
        let rows: [(&str, Hops, &[&str]); 7] = [
            ("two hops", &[(1, 2, 0.0), (2, 3, 40.0)], &["A > B > C", "A > B > C"]),
            ("heard in the other order", &[(2, 3, 40.0), (1, 2, 0.0)], &["A > B > C", "A > B > C"]),
            ("on before it was reached", &[(2, 3, 0.0), (1, 2, 40.0)], &["B > C", "A > B"]),
            ("on after too long", &[(1, 2, 0.0), (2, 3, 3601.0)], &["A > B", "B > C"]),
            ("three hops", &[(1, 2, 0.0), (3, 4, 90.0), (2, 3, 40.0)], &["A > B > C > D"; 3]),
            ("there and back", &[(1, 2, 0.0), (2, 1, 10.0)], &["A > B > A", "A > B > A"]),
            ("two ways on", &[(1, 2, 0.0), (2, 3, 10.0), (2, 4, 20.0)], &["A > B > C", "A > B > C", "A > B > D"]),
        ];
        for (name, hops, expected) in rows {
            let mut bench = Bench::new(Config::default(), false);
            let places: Vec<_> = hops.iter().map(|(from, to, second)| hop(&mut bench, *from, *to, *second)).collect();
            for ((out, reached), expected) in places.into_iter().zip(expected) {
                assert_eq!((bench.path(out).as_str(), bench.path(reached).as_str()), (*expected, *expected), "{name}");
            }
        }
    }

    #[test]
    fn what_was_told_is_taken_back_after_a_restart() {
        let mut bench = Bench::new(Config::default(), false);
        bench.bare("Z", "out", 0.0, "10.0.0.26:50000", "10.0.0.1:5985");
        bench.alert("A", "in", 0.1, "10.0.0.26:50000", "10.0.0.1:5985");
        hop(&mut bench, 1, 2, 10.0);
        let lone = bench.alert("C", "in", 50.0, "10.0.0.2:50003", "10.0.0.3:5985");
        let before = bench.last.clone();
        let mut after = Bench::new(Config::default(), false);
        before.iter().for_each(|alert| after.links.restore(alert));
        after.last = before;
        assert_eq!(after.links.counts().kept, bench.links.counts().kept);
        after.records = 100;
        after.alert("B", "out", 50.0, "10.0.0.2:50003", "10.0.0.3:5985");
        for place in 0..after.last.len() {
            assert_eq!(after.path(place), "Z > A > B > C", "{place} {lone}");
        }
    }

    #[test]
    fn memory_is_bounded_and_counted() {
        let mut bench = Bench::new(Config { max_connections: 10, ..Config::default() }, false);
        for number in 0..100_u32 {
            bench.alert("A", "out", f64::from(number), &format!("10.0.0.1:{}", 50_000 + number), "10.0.0.2:5985");
        }
        let links = &bench.links;
        assert_eq!((links.connections.len(), links.by_tuple.len(), links.alerts.len(), links.counts().shed), (10, 10, 10, 90));
        assert!(links.order.len() <= 40 && links.of_alert.len() == 10 && links.alert_order.len() == 10);
        for number in 0..100_u32 {
            bench.alert("A", "out", 200.0 + f64::from(number), "10.0.0.1:60000", "10.0.0.2:5985");
        }
        assert!(bench.links.connections.len() <= 16 && bench.links.order.len() <= 64);
        // What is old goes without being counted as lost.
        let shed = bench.links.counts().shed;
        bench.alert("A", "out", 9000.0, "10.0.0.1:60001", "10.0.0.2:5985");
        assert_eq!((bench.links.connections.len(), bench.links.counts().shed), (1, shed));
    }
}
