//! The host table: one record a host, bounded; the host that was heard least recently makes room for a new one.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::Subject;
use crate::alert::link::Named;
use crate::event::WindowsEvent;
use crate::event::names::HostName;
use crate::event::sysmon::{NetworkConnect, Sysmon};
use crate::event::time::{CLOCK_TOLERANCE_SECONDS, EventTime};
use crate::hosts::addresses::Addresses;
use crate::hosts::blindness::Blindness;
use crate::hosts::{BUCKET_SECONDS, Config, Contradiction, Coverage, HISTORY_BUCKETS, HostState, Liveness};

/// How long the current rate looks back, in seconds.
const RATE_SECONDS: i64 = 10;
/// A host is never called quiet before this long without an event.
const QUIET_FLOOR: TimeDelta = TimeDelta::seconds(30);

/// All hosts.
#[derive(Debug)]
pub struct Hosts {
    config: Config,
    records: HashMap<HostName, Record>,
    addresses: Addresses,
    /// Hosts by the arrival number of their last event, the least recent first.
    by_arrival: BTreeMap<u64, HostName>,
    arrivals: u64,
    evicted: u64,
    forgotten: Vec<HostName>,
    is_replay: bool,
    /// How far the recording has come, in a replay: held or at another speed, no other clock says what was missing for how long.
    recorded: DateTime<Utc>,
}

#[derive(Debug)]
struct Record {
    state: HostState,
    buckets: VecDeque<u32>,
    bucket: i64,
    recent: VecDeque<(i64, u32)>,
    arrival: u64,
    is_changed: bool,
    blindness: Blindness,
}

/// How many hosts are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HostCounts {
    /// Events arrive as usual.
    pub live: u64,
    /// Quieter than usual.
    pub quiet: u64,
    /// No event for long.
    pub silent: u64,
    /// Where a rule cannot fire, by proof (whatever else they are).
    pub blind: u64,
    /// With a clock that is off (whatever else they are).
    pub skewed: u64,
    /// Forgotten to make room.
    pub evicted: u64,
}

impl Hosts {
    /// An empty table.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            records: HashMap::new(),
            addresses: Addresses::default(),
            by_arrival: BTreeMap::new(),
            arrivals: 0,
            evicted: 0,
            forgotten: Vec::new(),
            is_replay: false,
            recorded: DateTime::UNIX_EPOCH,
        }
    }

    /// In a replay nothing is ever late by the wall clock: hosts do not fall quiet or silent.
    pub fn set_replay(&mut self, is_replay: bool) {
        self.is_replay = is_replay;
    }

    /// Notes an event. Housekeeping goes by `received_at`.
    pub fn observe(&mut self, event: &WindowsEvent, time: &EventTime, received_at: DateTime<Utc>) {
        self.arrivals += 1;
        let arrival = self.arrivals;
        let clock = if self.is_replay { time.at } else { received_at };
        self.recorded = self.recorded.max(time.at);
        if !self.records.contains_key(event.host()) {
            self.make_room();
            self.records.insert(event.host().clone(), Record::new(event, received_at, clock));
        }
        let Some(record) = self.records.get_mut(event.host()) else { return };
        let before = std::mem::replace(&mut record.arrival, arrival);
        // The key moves from the old place to the new one, so that a known host costs no new allocation.
        let key = self.by_arrival.remove(&before).unwrap_or_else(|| event.host().clone());
        self.by_arrival.insert(arrival, key);
        let sysmon = Sysmon::of(event);
        record.note(event, sysmon.as_ref(), time, received_at);
        record.blindness.hear(sysmon.as_ref(), time.at, clock, self.config.blind_after);
        if !self.is_replay {
            record.note_lag(event, received_at);
        }
        if let Some(Sysmon::NetworkConnect(connection)) = sysmon {
            self.addresses.observe(event.host(), &connection, received_at);
            self.note_reached(event, &connection, time, clock);
        }
    }

    /// A connection to the WinRM port of another host proves that the other one was reached.
    fn note_reached(&mut self, event: &WindowsEvent, connection: &NetworkConnect<'_>, time: &EventTime, clock: DateTime<Utc>) {
        let port = match connection.destination_port {
            Some("5985") => 5985,
            Some("5986") => 5986,
            _ => return,
        };
        if connection.is_outbound() != Some(true) {
            return;
        }
        let address = connection.destination_ip.and_then(|ip| ip.trim().parse().ok());
        let owner = address.and_then(|address| self.addresses.owner(address)).filter(|owner| *owner != event.host());
        if let Some(record) = owner.and_then(|owner| self.records.get_mut(owner)) {
            let what = || Contradiction::Reached { by: event.computer().to_owned(), port };
            record.blindness.reached(what, time.at, clock);
        }
    }

    /// Whose the addresses of an alert's ends are, its own host's left out.
    pub fn names_of(&self, host: &HostName, subject: &Subject) -> Vec<Named> {
        let name = |end: &crate::alert::Endpoint| {
            let owner = self.addresses.owner(end.address()?).filter(|owner| *owner != host)?;
            Some(Named { ip: end.ip.clone(), computer: self.records.get(owner)?.state.computer.clone() })
        };
        [&subject.source, &subject.destination].into_iter().flatten().filter_map(name).collect()
    }

    /// How far the Sysmon clock of a host is known to be off.
    pub fn skew_of(&self, host: &HostName) -> TimeDelta {
        let skew = self.records.get(host).and_then(|record| record.state.clock_skew_ms);
        TimeDelta::milliseconds(skew.unwrap_or(0)).abs()
    }

    fn make_room(&mut self) {
        while self.records.len() >= self.config.max_hosts.max(1) {
            let Some((_, oldest)) = self.by_arrival.pop_first() else { return };
            self.records.remove(&oldest);
            self.addresses.forget(&oldest);
            self.evicted += 1;
            if self.forgotten.len() < self.config.max_hosts {
                self.forgotten.push(oldest);
            }
        }
    }

    /// Notes a stage hit that came later than the allowed lateness.
    pub fn note_late(&mut self, host: &HostName) {
        if let Some(record) = self.records.get_mut(host) {
            record.state.late_events += 1;
            record.is_changed = true;
        }
    }

    /// Time passes: rates fall, hosts fall quiet or silent.
    pub fn tick(&mut self, now: DateTime<Utc>) {
        for record in self.records.values_mut() {
            record.tick(now, if self.is_replay { self.recorded } else { now }, &self.config, self.is_replay);
        }
    }

    /// The hosts that changed since the last call.
    pub fn take_changed(&mut self) -> Vec<HostState> {
        let changed = |record: &mut Record| std::mem::take(&mut record.is_changed).then(|| record.snapshot());
        self.records.values_mut().filter_map(changed).collect()
    }

    /// Counts every host as changed: somebody missed what was told.
    pub fn tell_all(&mut self) {
        self.records.values_mut().for_each(|record| record.is_changed = true);
    }

    /// The hosts that were forgotten since the last call.
    pub fn take_forgotten(&mut self) -> Vec<HostName> {
        std::mem::take(&mut self.forgotten)
    }

    /// One host as it is now.
    pub fn get(&self, host: &HostName) -> Option<HostState> {
        self.records.get(host).map(Record::snapshot)
    }

    /// How many hosts are in which state.
    pub fn counts(&self) -> HostCounts {
        let mut counts = HostCounts { evicted: self.evicted, ..HostCounts::default() };
        for record in self.records.values() {
            match record.state.liveness {
                Liveness::Live => counts.live += 1,
                Liveness::Quiet => counts.quiet += 1,
                Liveness::Silent => counts.silent += 1,
            }
            counts.blind += u64::from(record.state.blind.is_some());
            counts.skewed += u64::from(record.state.clock_skew_ms.is_some());
        }
        counts
    }
}

impl Record {
    fn new(event: &WindowsEvent, received_at: DateTime<Utc>, clock: DateTime<Utc>) -> Self {
        let state = HostState {
            name: event.host().clone(),
            computer: event.computer().to_owned(),
            first_seen: received_at,
            last_seen: received_at,
            events: 0,
            rate: 0.0,
            history: Vec::new(),
            coverage: Coverage::default(),
            liveness: Liveness::Live,
            blind: None,
            usual_gap_ms: None,
            clock_skew_ms: None,
            skewed_events: 0,
            late_events: 0,
            lag_ms: None,
            address: None,
        };
        let bucket = received_at.timestamp() / BUCKET_SECONDS;
        Self {
            state,
            buckets: VecDeque::new(),
            bucket,
            recent: VecDeque::new(),
            arrival: 0,
            is_changed: true,
            blindness: Blindness::new(clock),
        }
    }

    fn note(&mut self, event: &WindowsEvent, sysmon: Option<&Sysmon<'_>>, time: &EventTime, received_at: DateTime<Utc>) {
        self.is_changed = true;
        self.turn(received_at);
        if let Some(current) = self.buckets.back_mut() {
            *current = current.saturating_add(1);
        }
        let second = received_at.timestamp();
        match self.recent.back_mut() {
            Some((last, count)) if *last == second => *count = count.saturating_add(1),
            _ => self.recent.push_back((second, 1)),
        }
        self.trim_recent(second);
        let state = &mut self.state;
        if state.events > 0 {
            let gap = (received_at - state.last_seen).num_milliseconds().max(0);
            let usual = state.usual_gap_ms.unwrap_or(gap);
            // A moving average over about 16 events: slow enough to call a pause a pause.
            state.usual_gap_ms = Some(usual + (gap - usual) / 16);
        }
        state.events += 1;
        state.last_seen = state.last_seen.max(received_at);
        state.liveness = Liveness::Live;
        if state.computer != event.computer() {
            event.computer().clone_into(&mut state.computer);
        }
        let off = time.offset.filter(|offset| offset.abs() > TimeDelta::seconds(CLOCK_TOLERANCE_SECONDS));
        if let Some(offset) = off {
            state.clock_skew_ms = Some(offset.num_milliseconds());
            state.skewed_events += 1;
        }
        match sysmon {
            Some(Sysmon::ProcessCreate(_)) => state.coverage.process_create = Some(received_at),
            Some(Sysmon::NetworkConnect(connection)) => self.note_connection(connection, received_at),
            None => {}
        }
    }

    /// How late it came.
    fn note_lag(&mut self, event: &WindowsEvent, received_at: DateTime<Utc>) {
        let Some(created) = event.system().time_created else { return };
        let lag = (received_at - created).num_milliseconds();
        let usual = self.state.lag_ms.unwrap_or(lag);
        self.state.lag_ms = Some(usual + (lag - usual) / 8);
    }

    fn note_connection(&mut self, connection: &NetworkConnect<'_>, received_at: DateTime<Utc>) {
        let state = &mut self.state;
        let own = match connection.is_outbound() {
            Some(true) => {
                state.coverage.outbound = Some(received_at);
                connection.source_ip
            }
            Some(false) => {
                state.coverage.inbound = Some(received_at);
                state.blind = None;
                connection.destination_ip
            }
            None => None,
        };
        let is_telling =
            |ip: &&str| !ip.starts_with("127.") && !ip.contains(':') && *ip != "0.0.0.0" && !ip.is_empty() && *ip != "-";
        if let Some(own) = own.filter(is_telling)
            && state.address.as_deref() != Some(own)
        {
            state.address = Some(own.to_owned());
        }
    }

    /// Turns the history on to the bucket of `now`.
    fn turn(&mut self, now: DateTime<Utc>) {
        let bucket = now.timestamp() / BUCKET_SECONDS;
        if self.buckets.is_empty() {
            self.buckets.push_back(0);
            self.bucket = bucket;
        }
        let steps = (bucket - self.bucket).clamp(0, HISTORY_BUCKETS as i64);
        for _ in 0..steps {
            self.buckets.push_back(0);
        }
        while self.buckets.len() > HISTORY_BUCKETS {
            self.buckets.pop_front();
        }
        self.bucket = self.bucket.max(bucket);
    }

    fn trim_recent(&mut self, second: i64) {
        while self.recent.front().is_some_and(|(at, _)| *at <= second - RATE_SECONDS) {
            self.recent.pop_front();
        }
        let events: u32 = self.recent.iter().map(|(_, count)| count).sum();
        self.state.rate = f64::from(events) / RATE_SECONDS as f64;
    }

    fn tick(&mut self, now: DateTime<Utc>, clock: DateTime<Utc>, config: &Config, is_replay: bool) {
        let before = (self.state.rate, self.state.liveness, self.bucket);
        self.trim_recent(now.timestamp());
        self.turn(now);
        let quiet_for = now - self.state.last_seen;
        let usual = TimeDelta::milliseconds(self.state.usual_gap_ms.unwrap_or(0).saturating_mul(3)).max(QUIET_FLOOR);
        self.state.liveness = match () {
            () if is_replay => Liveness::Live,
            () if quiet_for >= config.silent_after => Liveness::Silent,
            () if quiet_for >= usual => Liveness::Quiet,
            () => Liveness::Live,
        };
        let is_same = before == (self.state.rate, self.state.liveness, self.bucket);
        let lasts = self.blindness.lasts(clock, config.blind_after).filter(|_| self.state.liveness != Liveness::Silent);
        // In a replay it began some time ago by the wall clock, and goes on by that.
        let since = lasts.map(|lasts| self.state.blind.as_ref().map_or(now - lasts, |blind| blind.since));
        let blind = since.and_then(|since| self.blindness.verdict(since));
        self.is_changed |= !is_same || blind != self.state.blind;
        self.state.blind = blind;
    }

    fn snapshot(&self) -> HostState {
        HostState { history: self.buckets.iter().copied().collect(), ..self.state.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::sysmon;
    use crate::event::time::{EventTimeRule, event_time, parse};

    fn at(seconds: i64) -> DateTime<Utc> {
        parse("2026-11-24T12:00:00Z").unwrap() + TimeDelta::seconds(seconds)
    }

    fn hear(hosts: &mut Hosts, computer: &str, fields: &[(&str, &str)], seconds: i64) {
        let event = sysmon(3, computer, 1, fields);
        let time = event_time(&event, EventTimeRule::Robust, at(seconds));
        hosts.observe(&event, &time, at(seconds));
    }

    #[test]
    fn liveness_by_arrival() {
        let mut hosts = Hosts::new(Config::default());
        for second in 0..20 {
            hear(&mut hosts, "A", &[], second);
        }
        let name = HostName::fold("a");
        let rows = [(20, Liveness::Live), (48, Liveness::Live), (60, Liveness::Quiet), (700, Liveness::Silent)];
        for (second, expected) in rows {
            hosts.tick(at(second));
            assert_eq!(hosts.get(&name).unwrap().liveness, expected, "after {second} s");
        }
        hear(&mut hosts, "a", &[], 701);
        assert_eq!(hosts.get(&name).unwrap().liveness, Liveness::Live);
        assert_eq!(hosts.counts().live, 1, "two spellings are one host");
    }

    #[test]
    fn a_lag_is_of_the_host_and_a_clock_ahead_is_below_zero() {
        let mut hosts = Hosts::new(Config::default());
        let hear_late = |hosts: &mut Hosts, computer: &str, late: i64| {
            let written = at(100 - late).format("%Y-%m-%d %H:%M:%S").to_string();
            hear(hosts, computer, &[("UtcTime", &written)], 100);
        };
        (0..40).for_each(|_| hear_late(&mut hosts, "late", 12));
        (0..40).for_each(|_| hear_late(&mut hosts, "ahead", -4));
        hear(&mut hosts, "none", &[], 100);
        let lag = |hosts: &Hosts, name: &str| hosts.get(&HostName::fold(name)).unwrap().lag_ms;
        assert_eq!(["late", "ahead", "none"].map(|name| lag(&hosts, name)), [Some(12_000), Some(-4000), None]);
        // One that comes in time does not undo it, many do.
        hear_late(&mut hosts, "late", 0);
        assert!(lag(&hosts, "late") > Some(10_000));
        (0..40).for_each(|_| hear_late(&mut hosts, "late", 0));
        assert!(lag(&hosts, "late") < Some(100));
        hosts.set_replay(true);
        hear_late(&mut hosts, "replayed", 12);
        assert_eq!(lag(&hosts, "replayed"), None);
    }

    #[test]
    fn blind_by_proof_alone() {
        type Heard = (&'static str, u32, &'static [(&'static str, &'static str)], i64);
        const CHILD: &[(&str, &str)] =
            &[("ParentImage", "C:\\Windows\\System32\\wsmprovhost.exe"), ("Image", "C:\\Windows\\whoami.exe")];
        const OTHER_CHILD: &[(&str, &str)] = &[("ParentImage", "C:\\Windows\\explorer.exe"), ("Image", "C:\\Windows\\cmd.exe")];
        const OWN: &[(&str, &str)] =
            &[("Initiated", "true"), ("Protocol", "tcp"), ("SourceIp", "10.0.0.2"), ("DestinationPort", "80")];
        const REACHED: &[(&str, &str)] = &[
            ("Initiated", "true"),
            ("Protocol", "tcp"),
            ("SourceIp", "10.0.0.1"),
            ("DestinationIp", "10.0.0.2"),
            ("DestinationPort", "5985"),
        ];
        const ELSEWHERE: &[(&str, &str)] = &[
            ("Initiated", "true"),
            ("Protocol", "tcp"),
            ("SourceIp", "10.0.0.1"),
            ("DestinationIp", "10.0.0.2"),
            ("DestinationPort", "445"),
        ];
        const INBOUND: &[(&str, &str)] = &[
            ("Initiated", "false"),
            ("Protocol", "tcp"),
            ("SourceIp", "10.0.0.9"),
            ("SourcePort", "50000"),
            ("DestinationIp", "10.0.0.2"),
            ("DestinationPort", "445"),
        ];
        const DAY: i64 = 86_400;
        let rows: [(&str, &[Heard], bool); 14] = [
            ("a child of wsmprovhost", &[("B", 1, CHILD, 0), ("B", 5, &[], DAY)], true),
            ("another child", &[("B", 1, OTHER_CHILD, 0), ("B", 5, &[], DAY)], false),
            ("reached by another host", &[("B", 3, OWN, 0), ("A", 3, REACHED, 10), ("B", 5, &[], DAY)], true),
            ("reached, but nobody knows whose address that is", &[("A", 3, REACHED, 10), ("B", 5, &[], DAY)], false),
            ("reached on another port", &[("B", 3, OWN, 0), ("A", 3, ELSEWHERE, 10), ("B", 5, &[], DAY)], false),
            ("nothing proves anything", &[("B", 3, OWN, 0), ("B", 5, &[], DAY)], false),
            ("not for long enough", &[("B", 1, CHILD, 0), ("B", 5, &[], DAY - 60)], false),
            ("the proof is too fresh", &[("B", 5, &[], 0), ("B", 1, CHILD, DAY - 5)], false),
            ("inbound came after the proof", &[("B", 1, CHILD, 0), ("B", 3, INBOUND, 60), ("B", 5, &[], DAY + 61)], false),
            (
                "inbound came with the session of the child",
                &[("B", 3, INBOUND, 0), ("B", 1, CHILD, 60), ("B", 5, &[], DAY)],
                false,
            ),
            ("and nothing came since", &[("B", 3, INBOUND, 0), ("B", 1, CHILD, 60), ("B", 5, &[], 9 * DAY)], false),
            ("inbound came once, long before", &[("B", 3, INBOUND, 0), ("B", 1, CHILD, DAY + 1), ("B", 5, &[], DAY + 60)], true),
            ("inbound was the other end", &[("B", 3, INBOUND, 0), ("A", 3, REACHED, 10), ("B", 5, &[], DAY)], false),
            ("inbound was another connection", &[("B", 3, INBOUND, 0), ("A", 3, REACHED, 60), ("B", 5, &[], DAY)], true),
        ];
        for (name, heard, is_blind) in rows {
            let mut hosts = Hosts::new(Config::default());
            for (host, id, fields, second) in heard {
                let event = sysmon(*id, host, 1, fields);
                hosts.observe(&event, &event_time(&event, EventTimeRule::Robust, at(*second)), at(*second));
            }
            let end = heard.iter().map(|(.., second)| *second).max().unwrap_or_default();
            hosts.tick(at(end + 1));
            assert_eq!(hosts.get(&HostName::fold("b")).unwrap().blind.is_some(), is_blind, "{name}");
            assert_eq!(hosts.counts().blind, u64::from(is_blind), "{name}");
        }
        let mut hosts = Hosts::new(Config::default());
        for (id, fields, second) in [(1, CHILD, 0), (1, CHILD, 20), (5, &[] as &[_], DAY)] {
            let event = sysmon(id, "B", 1, fields);
            hosts.observe(&event, &event_time(&event, EventTimeRule::Robust, at(second)), at(second));
        }
        hosts.tick(at(DAY));
        let name = HostName::fold("b");
        let blind = hosts.get(&name).unwrap().blind.unwrap();
        assert_eq!((blind.since, blind.had_inbound, blind.proofs), (at(0), false, 2));
        assert_eq!(blind.proof.to_string(), "wsmprovhost.exe started whoami.exe here");
        // What is not heard at all is silent, and not blind.
        hosts.tick(at(DAY + 700));
        assert_eq!(hosts.get(&name).unwrap().blind, None);
        // The first inbound connection ends it at once.
        let event = sysmon(3, "B", 2, INBOUND);
        hosts.observe(&event, &event_time(&event, EventTimeRule::Robust, at(DAY + 701)), at(DAY + 701));
        hosts.tick(at(DAY + 702));
        assert_eq!((hosts.get(&name).unwrap().blind, hosts.counts().blind), (None, 0));
    }

    #[test]
    fn in_a_replay_the_recording_says_for_how_long() {
        let child = [("ParentImage", "C:\\wsmprovhost.exe"), ("Image", "C:\\whoami.exe")];
        let mut hosts = Hosts::new(Config { blind_after: TimeDelta::seconds(30), ..Config::default() });
        hosts.set_replay(true);
        let name = HostName::fold("b");
        let hear = |hosts: &mut Hosts, id, fields: &[(&str, &str)], recorded: i64, now: i64| {
            let event = sysmon(id, "B", 1, fields);
            hosts.observe(&event, &EventTime { at: at(recorded), ..event_time(&event, EventTimeRule::Robust, at(now)) }, at(now));
            hosts.tick(at(now));
            hosts.get(&name).unwrap().blind
        };
        assert_eq!(hear(&mut hosts, 1, &child, 1000, 1), None);
        // Held for an hour: nothing more is proven than before.
        hosts.tick(at(3600));
        assert_eq!(hosts.get(&name).unwrap().blind, None);
        // Flat out: 40 seconds of the recording in one.
        let blind = hear(&mut hosts, 5, &[], 1040, 3601).unwrap();
        assert_eq!(blind.since, at(3601 - 40));
        assert_eq!(hear(&mut hosts, 5, &[], 1041, 3610).unwrap().since, at(3601 - 40));
    }

    #[test]
    fn rates_and_history() {
        let mut hosts = Hosts::new(Config::default());
        for second in 0..95 {
            hear(&mut hosts, "A", &[], second);
        }
        let name = HostName::fold("a");
        let state = hosts.get(&name).unwrap();
        assert!((state.rate - 1.0).abs() < 0.01, "{}", state.rate);
        assert_eq!(state.history, [30, 30, 30, 5]);
        hosts.tick(at(95 + 3600));
        let state = hosts.get(&name).unwrap();
        assert!(state.rate.abs() < 0.01);
        assert_eq!(state.history, vec![0; HISTORY_BUCKETS]);
    }

    #[test]
    fn coverage_and_address() {
        let mut hosts = Hosts::new(Config::default());
        hear(&mut hosts, "A", &[("Initiated", "false"), ("DestinationIp", "10.0.0.7"), ("SourceIp", "10.0.0.8")], 1);
        let state = hosts.get(&HostName::fold("A")).unwrap();
        assert_eq!(state.coverage, Coverage { process_create: None, inbound: Some(at(1)), outbound: None });
        assert_eq!(state.address.as_deref(), Some("10.0.0.7"));
    }

    #[test]
    fn a_million_names_do_not_grow_it() {
        let mut hosts = Hosts::new(Config { max_hosts: 100, ..Config::default() });
        for number in 0..100_000 {
            hear(&mut hosts, &format!("host-{number}"), &[], 1);
        }
        assert_eq!((hosts.records.len(), hosts.by_arrival.len()), (100, 100));
        assert_eq!(hosts.counts().evicted, 99_900);
        assert!(hosts.take_forgotten().len() <= 100);
    }
}
