//! Which connections are one, which hosts make a path, and what is kept of it.

use proptest::prelude::*;

use super::*;
use crate::alert::{Action, Severity};
use crate::collector::links::tree::MOST_AT_ONCE;
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
        (
            "each with itself",
            plain,
            [("A", "out", 0.0, "127.0.0.1:50000", "127.0.0.1:5985"), ("B", "in", 0.1, "127.0.0.1:50000", "127.0.0.1:5985")],
            false,
        ),
        (
            "each with itself, by IPv6",
            plain,
            [("A", "out", 0.0, "0:0:0:0:0:0:0:1:50000", "::1:5985"), ("B", "in", 0.1, "::1:50000", "0:0:0:0:0:0:0:1:5985")],
            false,
        ),
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

/// A hop: from host, to host, the second it left, and how much later the clock of the other host says that it came.
type Leg = (u8, u8, f64, f64);

/// Host `X` has address 10.0.0.X; the ports differ by hop. Answers the places of the alerts at both ends.
fn hop(bench: &mut Bench, leg: Leg) -> (usize, usize) {
    let (from, to, second, later) = leg;
    let name = |number: u8| if number > 26 { format!("H{number}") } else { char::from(b'@' + number).to_string() };
    let source = format!("10.0.0.{from}:{}", 50_000 + u32::from(to));
    let destination = format!("10.0.0.{to}:5985");
    let out = bench.alert(&name(from), "out", second, &source, &destination);
    (out, bench.alert(&name(to), "in", second + later, &source, &destination))
}

/// Every order of so many things.
fn orders(count: usize) -> Vec<Vec<usize>> {
    let Some(last) = count.checked_sub(1) else { return vec![Vec::new()] };
    let longer = |order: &Vec<usize>| (0..count).map(|place| [&order[..place], &[last], &order[place..]].concat()).collect();
    orders(last).iter().flat_map(|order| -> Vec<Vec<usize>> { longer(order) }).collect()
}

/// Whatever the order in which the hops are heard of, the alerts at both ends of each say this path in the end.
fn check(name: &str, legs: &[Leg], expected: &[&str]) {
    for order in orders(legs.len()) {
        let mut bench = Bench::new(Config::default(), false);
        let heard: Vec<_> = order.iter().map(|place| (*place, hop(&mut bench, legs[*place]))).collect();
        for (place, (out, reached)) in heard {
            let both = (bench.path(out), bench.path(reached));
            assert_eq!(
                (both.0.as_str(), both.1.as_str()),
                (expected[place], expected[place]),
                "{name}, hop {place} of {order:?}"
            );
        }
    }
}

#[test]
fn hops_make_a_path() {
    type Hops = &'static [(u8, u8, f64)];
    let rows: [(&str, Hops, &[&str]); 15] = [
        ("two hops", &[(1, 2, 0.0), (2, 3, 40.0)], &["A > B > C", "A > B > C"]),
        ("on before it was reached", &[(2, 3, 0.0), (1, 2, 40.0)], &["B > C", "A > B"]),
        ("on after too long", &[(1, 2, 0.0), (2, 3, 3601.0)], &["A > B", "B > C"]),
        ("three hops", &[(1, 2, 0.0), (3, 4, 90.0), (2, 3, 40.0)], &["A > B > C > D"; 3]),
        ("there and back", &[(1, 2, 0.0), (2, 1, 10.0)], &["A > B > A", "A > B > A"]),
        ("there and back and on", &[(1, 2, 0.0), (2, 1, 10.0), (1, 3, 20.0)], &["A > B > A > C"; 3]),
        ("in a circle", &[(1, 2, 0.0), (2, 3, 10.0), (3, 1, 20.0), (1, 2, 30.0)], &["A > B > C > A > B"; 4]),
        ("two ways on", &[(1, 2, 0.0), (2, 3, 10.0), (2, 4, 20.0)], &["A > B > C", "A > B > C", "A > B > D"]),
        (
            "a fan of fans",
            &[(1, 2, 0.0), (1, 3, 5.0), (2, 4, 10.0), (2, 5, 20.0)],
            &["A > B > D", "A > C", "A > B > D", "A > B > E"],
        ),
        (
            "each branch goes on",
            &[(1, 2, 0.0), (2, 3, 10.0), (2, 4, 20.0), (3, 5, 30.0), (4, 6, 40.0)],
            &["A > B > C > E", "A > B > C > E", "A > B > D > F", "A > B > C > E", "A > B > D > F"],
        ),
        // Who came last before it went on has led there.
        (
            "two ways to one host",
            &[(1, 2, 0.0), (1, 3, 10.0), (2, 4, 20.0), (3, 4, 30.0), (4, 5, 40.0)],
            &["A > B > D", "A > C > D > E", "A > B > D", "A > C > D > E", "A > C > D > E"],
        ),
        ("another came between", &[(1, 2, 0.0), (3, 2, 10.0), (2, 4, 20.0)], &["A > B", "C > B > D", "C > B > D"]),
        (
            "each goes on before the next comes",
            &[(1, 2, 0.0), (2, 4, 10.0), (3, 2, 20.0), (2, 5, 30.0)],
            &["A > B > D", "A > B > D", "C > B > E", "C > B > E"],
        ),
        ("one session of two connections", &[(1, 2, 0.0), (1, 2, 10.0), (2, 3, 20.0)], &["A > B > C"; 3]),
        ("the same way twice", &[(1, 2, 0.0), (2, 3, 10.0), (1, 2, 20.0), (2, 3, 30.0)], &["A > B > C"; 4]),
    ];
    for (name, hops, expected) in rows {
        let legs: Vec<Leg> = hops.iter().map(|(from, to, second)| (*from, *to, *second, 0.1)).collect();
        check(name, &legs, expected);
    }
}

#[test]
fn clocks_that_go_in_a_circle_make_a_path_with_an_end() {
    // By the clock of each host it was reached before it went on: A at 3 and on at 10, B at 6 and on at 7.
    check("two", &[(1, 2, 10.0, -4.0), (2, 1, 7.0, -4.0)], &["B > A > B"; 2]);
    check("two and on", &[(1, 2, 10.0, -4.0), (2, 1, 7.0, -4.0), (1, 3, 20.0, 0.1)], &["B > A > B", "B > A > B", "B > A > C"]);
    let three = [(1, 2, 10.0, -4.0), (2, 3, 7.0, -4.0), (3, 1, 5.0, -4.0)];
    check("three", &three, &["C > A > B > C"; 3]);
    // What was heard last both leads to a hop and comes after it.
    let mut bench = Bench::new(Config::default(), false);
    let heard = [(3, 1, 30.0), (4, 3, 25.0), (1, 4, 0.0), (3, 4, 25.0)];
    let heard = heard.map(|(from, to, second)| hop(&mut bench, (from, to, second, 0.0)).1);
    assert_eq!(heard.map(|place| bench.path(place)), ["D > C > A", "D > C > D", "A > D", "D > C > D"]);
}

#[test]
fn of_its_own_connections_an_alert_tells_the_longer_story() {
    // B goes on to C and to D; its alert rests on the way in and on that to D.
    let mut bench = Bench::new(Config::default(), false);
    hop(&mut bench, (1, 2, 0.0, 0.1));
    hop(&mut bench, (2, 3, 10.0, 0.1));
    let (on, _) = hop(&mut bench, (2, 4, 20.0, 0.1));
    let reached = bench.last.iter().find(|alert| alert.computer == "B").unwrap().evidence.first.clone();
    let mut alert = bench.last[on].clone();
    alert.id = AlertId("0".repeat(32).into());
    let onward = std::mem::replace(&mut alert.evidence.first, reached);
    alert.evidence.rest.push(onward);
    let now = alert.created;
    let others = bench.links.receive(&mut alert, TimeDelta::zero(), now);
    assert_eq!(crate::alert::link::path(&alert.hops), "A > B > D");
    assert_eq!(alert.linked.len(), 2, "the other end of each");
    assert_eq!(others.len(), 6, "all that stand on these hops or after them name the new one");
}

#[test]
fn an_alert_that_rests_on_both_ends_is_not_linked_to_itself() {
    let mut bench = Bench::new(Config::default(), false);
    let (out, reached) = hop(&mut bench, (1, 2, 0.0, 0.1));
    let mut alert = bench.last[out].clone();
    alert.id = AlertId("0".repeat(32).into());
    alert.evidence.rest.push(bench.last[reached].evidence.first.clone());
    let now = alert.created;
    let _ = Links::new(Config::default()).receive(&mut alert, TimeDelta::zero(), now);
    let path = crate::alert::link::path(&alert.hops);
    assert_eq!((path.as_str(), alert.linked, alert.raised_to), ("A > B", Vec::new(), None));
}

#[test]
fn a_slow_path_keeps_its_beginning() {
    let mut bench = Bench::new(Config::default(), false);
    for from in 1..=5 {
        hop(&mut bench, (from, from + 1, 3000.0 * f64::from(from), 0.1));
    }
    let paths: Vec<String> = (0..bench.last.len()).map(|place| bench.path(place)).collect();
    assert_eq!(paths, ["A > B > C > D > E > F"; 10]);
    // Not for ever: what nobody goes on from is forgotten in its time.
    bench.bare("Z", "out", 15_000.0 + 4501.0, "10.0.0.26:50000", "10.0.0.1:5985");
    assert_eq!((bench.links.counts().kept, bench.links.counts().shed), (1, 0));
}

/// What can be heard of a connection: a leg, and at which of its ends a rule fires; where it leaves, it is told in any case.
fn legs() -> impl Strategy<Value = Vec<(Leg, bool, bool)>> {
    let leg = (1..5_u8, 1..5_u8, 0..30_u8, -4..5_i8, any::<bool>(), any::<bool>());
    let leg = leg.prop_filter_map("a host with itself", |(from, to, second, later, out, reached)| {
        (from != to).then_some(((from, to, f64::from(second) * 5.0, f64::from(later)), out, reached))
    });
    prop::collection::vec(leg, 1..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// Nobody is left with a story that is not true any more.
    #[test]
    fn every_alert_says_what_is_known(legs in legs()) {
        let mut bench = Bench::new(Config::default(), false);
        for (number, ((from, to, second, later), fires_out, fires_in)) in legs.into_iter().enumerate() {
            let name = |number: u8| char::from(b'@' + number).to_string();
            let (source, destination) = (format!("10.0.0.{from}:{}", 50_000 + number), format!("10.0.0.{to}:5985"));
            if fires_out {
                bench.alert(&name(from), "out", second, &source, &destination);
            } else {
                bench.bare(&name(from), "out", second, &source, &destination);
            }
            if fires_in {
                bench.alert(&name(to), "in", second + later, &source, &destination);
            }
            for told in &bench.last {
                let mut anew = told.clone();
                bench.links.write(&mut anew);
                prop_assert_eq!(&anew.hops, &told.hops, "{}", crate::alert::link::path(&anew.hops));
                prop_assert_eq!((anew.linked, anew.raised_to), (told.linked.clone(), told.raised_to));
            }
        }
    }
}

#[test]
fn what_is_told_anew_at_once_is_bounded() {
    let mut bench = Bench::new(Config::default(), false);
    for number in 3..=200 {
        hop(&mut bench, (2, number, f64::from(number), 0.1));
    }
    assert_eq!(bench.updates, 198, "a hop tells the first of its ends anew, and nobody else");
    assert_eq!(bench.links.counts().untold, 0);
    let reached = hop(&mut bench, (1, 2, 0.0, 0.1)).1;
    assert_eq!(bench.path(reached), "A > B > C");
    assert_eq!(bench.updates, 198 + 1 + 2 * (MOST_AT_ONCE - 1));
    assert_eq!(bench.links.counts().untold, 1);
    let said: Vec<i64> =
        (0..200).filter(|second| bench.links.is_to_be_said(DateTime::UNIX_EPOCH + TimeDelta::seconds(*second))).collect();
    assert_eq!(said, [0], "once, for all that happened before");
    // Of many that came before it went on, the last are told.
    let mut bench = Bench::new(Config::default(), false);
    for second in 0..20 {
        let source = format!("10.0.0.1:{}", 50_000 + second);
        for (host, way) in [("A", "out"), ("B", "in")] {
            bench.alert(host, way, f64::from(second), &source, "10.0.0.2:5985");
        }
    }
    hop(&mut bench, (2, 3, 30.0, 0.1));
    assert_eq!(bench.path(0), "A > B");
    assert_eq!((bench.path(39).as_str(), bench.links.counts().untold), ("A > B > C", 1));
}

#[test]
fn what_was_told_is_taken_back_after_a_restart() {
    let mut bench = Bench::new(Config::default(), false);
    bench.bare("Z", "out", 0.0, "10.0.0.26:50000", "10.0.0.1:5985");
    bench.alert("A", "in", 0.1, "10.0.0.26:50000", "10.0.0.1:5985");
    hop(&mut bench, (1, 2, 10.0, 0.1));
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
fn clocks_that_are_off_are_taken_back_too() {
    let skew = TimeDelta::seconds(60);
    let mut bench = Bench::new(Config::default(), false);
    let places = [("A", "out", 0.0), ("B", "in", 40.0)];
    let places = places.map(|(host, way, second)| bench.alert(host, way, second, "10.0.0.1:50000", "10.0.0.2:5985"));
    let alerts = places.map(|place| bench.last[place].clone());
    let mut links = Links::new(Config::default());
    let linked = alerts.map(|mut alert| {
        let now = alert.created;
        let _ = links.receive(&mut alert, skew, now);
        alert
    });
    assert_eq!((linked[0].hops.len(), linked[1].hops.len()), (0, 1));
    let mut after = Bench::new(Config::default(), false);
    linked.iter().for_each(|alert| after.links.restore(alert));
    assert_eq!(after.links.counts(), LinkCounts { kept: 1, ..LinkCounts::default() }, "it counts what it finds itself");
    let (_, reached) = hop(&mut after, (2, 3, 50.0, 0.1));
    assert_eq!(after.path(reached), "A > B > C");
}

#[test]
fn memory_is_bounded_and_counted() {
    let mut bench = Bench::new(Config { max_connections: 10, ..Config::default() }, false);
    for number in 0..100_u32 {
        bench.alert("A", "out", f64::from(number), &format!("10.0.0.1:{}", 50_000 + number), "10.0.0.2:5985");
    }
    let links = &bench.links;
    assert_eq!((links.connections.len(), links.by_tuple.len(), links.counts().shed), (10, 10, 90));
    assert_eq!((links.alerts.len(), links.of_alert.len()), ((10, 10), 10));
    assert!(links.order.len() <= 40);
    for number in 0..100_u32 {
        bench.alert("A", "out", 200.0 + f64::from(number), "10.0.0.1:60000", "10.0.0.2:5985");
    }
    assert!(bench.links.connections.len() <= 16 && bench.links.order.len() <= 64);
    // What is old goes without being counted as lost.
    let shed = bench.links.counts().shed;
    bench.alert("A", "out", 9000.0, "10.0.0.1:60001", "10.0.0.2:5985");
    assert_eq!((bench.links.connections.len(), bench.links.counts().shed), (1, shed));
}
