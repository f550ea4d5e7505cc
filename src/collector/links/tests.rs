//! Which connections are one, which hosts make a path, and what is kept of it.

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
