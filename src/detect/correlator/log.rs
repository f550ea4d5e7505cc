//! The stage hits of one rule and one join key, in order of event time, and the sequences that they make. The state machine
//! runs over the whole retained log whenever a hit can complete something: a late hit then counts as if it had come in time,
//! and nobody waits for it. Where what did not happen counts (`until`, `![ … ]`), a sequence is told once the watermark has
//! passed it: the newest event time, less the allowed lateness.

use std::collections::BTreeMap;

use crate::detect::correlator::machine::Plan;

/// Where a hit stands in order: event time in milliseconds, record id (none sorts last), arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ordinal {
    /// Event time, in milliseconds.
    pub(super) time: i64,
    /// `EventRecordID`, or the largest number for none.
    pub(super) record: u64,
    /// Counts up with every hit; names it.
    pub(super) arrival: u64,
}

/// One event of the log.
#[derive(Debug)]
pub(super) struct Hit<E> {
    /// Its place.
    pub(super) ordinal: Ordinal,
    /// The stages that it can fill, a bit each.
    pub(super) stages: u128,
    /// When it arrived, in milliseconds.
    pub(super) received: i64,
    /// The event.
    pub(super) event: E,
}

/// What the log needs to know of the rule and the limits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape<'p> {
    /// The sequence.
    pub(super) plan: &'p Plan,
    /// How late a hit may be, in milliseconds.
    pub(super) lateness: i64,
    /// How many hits are kept.
    pub(super) limit: usize,
}

/// A sequence that the newest hit made or changed: members by their place in the log.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Places in the log, one per stage.
    pub(super) members: Vec<usize>,
    /// Whether its last event completed another sequence before.
    pub(super) is_update: bool,
    /// The last event of an earlier sequence whose event this one took over.
    pub(super) superseded: Option<u64>,
}

/// The log of one rule and key.
#[derive(Debug)]
pub(super) struct Log<E> {
    hits: Vec<Hit<E>>,
    /// Sequences that were announced: the last event's arrival number, and all members'.
    announced: BTreeMap<u64, Vec<u64>>,
    newest: i64,
    last_received: i64,
    /// Up to when sequences were told, where they wait for the watermark.
    told_until: i64,
    /// Whether a hit came from before that.
    is_behind: bool,
}

/// How many of the newest hits are kept however old they are: one event with a time in the future must not cost the others.
const ALWAYS_KEPT: usize = 32;

impl<E> Default for Log<E> {
    fn default() -> Self {
        let (newest, last_received, told_until) = (i64::MIN, i64::MIN, i64::MIN);
        Self { hits: Vec::new(), announced: BTreeMap::new(), newest, last_received, told_until, is_behind: false }
    }
}

impl<E> Log<E> {
    /// How many hits are kept.
    pub(super) fn len(&self) -> usize {
        self.hits.len()
    }

    /// The hit at a place.
    pub(super) fn get(&self, place: usize) -> &Hit<E> {
        &self.hits[place]
    }

    /// Whether a hit of this time would be later than allowed.
    pub(super) fn is_late(&self, time: i64, shape: Shape<'_>) -> bool {
        self.newest != i64::MIN && time < self.newest - shape.lateness
    }

    /// Takes a hit in.
    pub(super) fn add(&mut self, hit: Hit<E>) {
        self.newest = self.newest.max(hit.ordinal.time);
        self.last_received = self.last_received.max(hit.received);
        self.is_behind |= hit.ordinal.time < self.told_until;
        let place = self.hits.partition_point(|own| own.ordinal < hit.ordinal);
        self.hits.insert(place, hit);
    }

    /// Up to when all events have come, as far as one can know: a host that fell silent goes on by the wall clock, and none
    /// is believed to be ahead of it.
    fn watermark(&self, now: i64, shape: Shape<'_>) -> i64 {
        let silence = now.saturating_sub(self.last_received).max(0);
        let newest = self.newest.saturating_add(silence).min(now.max(self.last_received));
        newest.saturating_sub(shape.lateness)
    }

    /// Whether sequences may still wait for the watermark.
    pub(super) fn is_waiting(&self, shape: Shape<'_>) -> bool {
        let newest = self.hits.last().map(|hit| hit.ordinal.time);
        shape.plan.is_exact
            && newest.is_some_and(|newest| shape.plan.settles_at(newest) >= self.told_until)
            && self.hits.iter().any(|hit| shape.plan.completes(hit.stages))
    }

    /// The sequences that are new or changed; members by their place until the next [`add`](Self::add) or
    /// [`tidy`](Self::tidy). `now` is a time of arrival; at its largest nothing waits any longer.
    pub(super) fn tell(&mut self, now: i64, shape: Shape<'_>) -> Vec<Found> {
        if self.hits.iter().all(|hit| !shape.plan.completes(hit.stages)) {
            return Vec::new();
        }
        if !shape.plan.is_exact {
            let sequences = shape.plan.run(&self.hits);
            return self.compare(sequences, |_, _| true);
        }
        let watermark = if now == i64::MAX { now } else { self.watermark(now, shape) };
        if !self.is_behind && (watermark <= self.told_until || !self.is_waiting(shape)) {
            return Vec::new();
        }
        // What was refused before is not looked at again: what spoke against it may have left the log since. Only a hit
        // later than allowed reopens it.
        let since = if self.is_behind { i64::MIN } else { self.told_until };
        self.told_until = self.told_until.max(watermark);
        self.is_behind = false;
        let told = since..self.told_until;
        let sequences = shape.plan.run(&self.hits);
        self.compare(sequences, |hits, members| told.contains(&shape.plan.closes_at(hits, members)))
    }

    /// Drops what is over, and what is too much; answers how many hits the limit cost.
    pub(super) fn tidy(&mut self, now: i64, shape: Shape<'_>) -> u64 {
        self.prune(now, shape);
        let mut dropped = 0;
        while self.hits.len() > shape.limit.max(shape.plan.length()) {
            self.hits.remove(0);
            dropped += 1;
        }
        dropped
    }

    /// Tells what is new among the sequences of the whole log, as far as they are to be told now.
    fn compare(&mut self, sequences: Vec<Vec<usize>>, is_due: impl Fn(&[Hit<E>], &[usize]) -> bool) -> Vec<Found> {
        let name = |place: &usize| self.hits[*place].ordinal.arrival;
        let standing: Vec<u64> = sequences.iter().filter_map(|members| members.last()).map(name).collect();
        let mut found = Vec::new();
        for members in sequences {
            let names: Vec<u64> = members.iter().map(|place| self.hits[*place].ordinal.arrival).collect();
            let Some(last) = names.last().copied() else { continue };
            let before = self.announced.get(&last);
            if before == Some(&names) || !is_due(&self.hits, &members) {
                continue;
            }
            let is_update = before.is_some();
            // One that lost an event to age, not to this one, still stands.
            let is_whole = |own: &[u64]| own.iter().all(|name| self.hits.iter().any(|hit| hit.ordinal.arrival == *name));
            let took_over = |(other, own): (&u64, &Vec<u64>)| {
                let shares = !standing.contains(other) && own.iter().any(|name| names.contains(name));
                (shares && is_whole(own)).then_some(*other)
            };
            let superseded = self.announced.iter().find_map(took_over);
            self.announced.insert(last, names);
            found.push(Found { members, is_update, superseded });
        }
        found
    }

    /// Drops what can neither complete a sequence nor be chosen before a newer hit. `now` is a time of arrival.
    pub(super) fn prune(&mut self, now: i64, shape: Shape<'_>) {
        let reach = shape.lateness.saturating_add(shape.plan.reach());
        // A host that fell silent goes on by the wall clock.
        let newest = self.newest.saturating_add(now.saturating_sub(self.last_received).max(0));
        let total = self.hits.len();
        let is_dead = |place: usize, hit: &Hit<E>| {
            let age = newest.saturating_sub(hit.ordinal.time);
            let is_settled = now.saturating_sub(hit.received) > reach;
            age > reach && (is_settled || (age > reach.saturating_mul(4) && total - place > ALWAYS_KEPT))
        };
        let dead = self.hits.iter().enumerate().take_while(|(place, hit)| is_dead(*place, hit)).count();
        for hit in self.hits.drain(..dead) {
            self.announced.remove(&hit.ordinal.arrival);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::rule::Role;
    use proptest::prelude::*;

    fn plan(stages: usize, maxspan: i64) -> Plan {
        Plan::new(std::iter::repeat_n(Role::Event, stages), maxspan)
    }

    /// `A B` are events, `!C` is a missing one, `U:D` is `until`: the plan, and the letters' bits.
    fn written(text: &str, maxspan: i64) -> Plan {
        let role = |word: &str| match word.as_bytes()[0] {
            b'!' => Role::Missing,
            b'U' if word.contains(':') => Role::Until,
            _ => Role::Event,
        };
        Plan::new(text.split(' ').map(role), maxspan)
    }

    fn shape(plan: &Plan) -> Shape<'_> {
        Shape { plan, lateness: 15_000, limit: 256 }
    }

    fn hit(stages: u128, time: i64, record: Option<u64>, arrival: u64) -> Hit<()> {
        Hit { ordinal: Ordinal { time, record: record.unwrap_or(u64::MAX), arrival }, stages, received: time, event: () }
    }

    fn letter(letter: char) -> u128 {
        1 << (letter as u8 - b'A')
    }

    impl Log<()> {
        fn insert(&mut self, hit: Hit<()>, shape: Shape<'_>) -> Vec<Found> {
            let received = hit.received;
            self.add(hit);
            let found = self.tell(received, shape);
            self.tidy(received, shape);
            found
        }
    }

    /// Runs `A1 B2 C4#7` (letters, time, record id) through a log in that order of arrival, to the end; the sequences as
    /// text.
    fn sequences(text: &str, plan: &Plan, letters: &str) -> String {
        let mut log = Log::default();
        let shape = shape(plan);
        let split = |word: &str| {
            let digits = word.find(|letter: char| letter.is_ascii_digit()).unwrap();
            (word[..digits].to_owned(), word[digits..].to_owned())
        };
        for (arrival, word) in text.split(' ').enumerate() {
            let (names, place) = split(word);
            let (time, record) = place.split_once('#').unwrap_or((&place, ""));
            let bits = names.chars().flat_map(|name| {
                letters.chars().enumerate().filter(move |(_, own)| *own == name).map(|(stage, _)| 1_u128 << stage)
            });
            let stages = bits.fold(0, |all, bit| all | bit);
            log.add(hit(stages, time.parse().unwrap(), record.parse().ok(), arrival as u64));
            log.tell(time.parse().unwrap(), shape);
        }
        log.tell(i64::MAX, shape);
        let words: Vec<&str> = text.split(' ').collect();
        let name = |arrival: &u64| words[usize::try_from(*arrival).unwrap()].split('#').next().unwrap();
        let mut all: Vec<(String, String)> = log
            .announced
            .values()
            .map(|members| (format!("{:>9}", split(name(members.last().unwrap())).1), members.iter().map(name).collect()))
            .collect();
        all.sort();
        all.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_elasticsearch_does() {
        let rows = [
            ("A1 B2", "AB", 30_000, "A1B2"),
            ("A1 A2 B3", "AB", 30_000, "A2B3"),
            ("A1 B2 B3", "AB", 30_000, "A1B2"),
            ("A1 A2 B3 B4", "AB", 30_000, "A2B3"),
            ("A1 B2 A3 B4", "AB", 30_000, "A1B2 A3B4"),
            ("B1 A2", "AB", 30_000, ""),
            ("A1 B2 A3 C4", "ABC", 30_000, "A1B2C4"),
            ("A1 B2 A3 B4 C5 C6", "ABC", 30_000, "A3B4C5"),
            ("A1 B2 A3 C4 B5 C6", "ABC", 30_000, "A1B2C4 A3B5C6"),
            ("A0 B30000", "AB", 30_000, "A0B30000"),
            ("A0 B30001", "AB", 30_000, ""),
            ("A0 A25000 B40000", "AB", 30_000, "A25000B40000"),
            ("A0 B30500 B31000", "AB", 30_000, ""),
            ("A0 B600 C1200", "ABC", 1000, ""),
            ("A5#1 B5#2", "AB", 30_000, "A5B5"),
            ("A5#2 B5#1", "AB", 30_000, ""),
            ("A5 B5#1", "AB", 30_000, ""),
            ("B7473 A4510 A6049 A6489", "AB", 30_000, "A6489B7473"),
            ("A8008 B11252 A10231 A10673", "AB", 30_000, "A10673B11252"),
            // One event that fits all stages: runs overlap, and all of them are told.
            ("A1 A2 A3 A4", "AAA", 30_000, "A1A2A3 A2A3A4"),
            ("A1 A2 A3 B4", "AAB", 30_000, "A2A3B4"),
        ];
        for (text, letters, maxspan, expected) in rows {
            assert_eq!(sequences(text, &plan(letters.len(), maxspan), letters), expected, "{text}");
        }
    }

    #[test]
    fn until_and_missing_events() {
        let rows = [
            // until: what it ends, and what it does not.
            ("A1 U2 B3", "A B U:U", "ABU", 30_000, ""),
            ("A1 B2 U3", "A B U:U", "ABU", 30_000, "A1B2"),
            ("U1 A2 B3", "A B U:U", "ABU", 30_000, "A2B3"),
            ("AU1 B2", "A B U:U", "ABU", 30_000, ""),
            ("A1 BU2", "A B U:U", "ABU", 30_000, "A1BU2"),
            ("A1 U2 A3 B4", "A B U:U", "ABU", 30_000, "A3B4"),
            ("A1 B2 U3 C4", "A B C U:U", "ABCU", 30_000, ""),
            ("A1 B3 U2", "A B U:U", "ABU", 30_000, ""),
            // A missing event between two: strictly between.
            ("A1 B3", "A !M B", "AMB", 1000, "A1B3"),
            ("A1 M2 B3", "A !M B", "AMB", 1000, ""),
            ("M1 A2 B3 M4", "A !M B", "AMB", 1000, "A2B3"),
            ("AM1 BM2", "A !M B", "AMB", 1000, "AM1BM2"),
            ("A1 B3 M2", "A !M B", "AMB", 1000, ""),
            ("A1 A2 M3 A4 A5", "A A !M A", "AAMA", 1000, "A2A4A5"),
            // A leading one: within maxspan before the last event.
            ("M0 A1000", "!M A", "MA", 1000, ""),
            ("M0 A1001", "!M A", "MA", 1000, "A1001"),
            ("M0 A500 B1001", "!M A B", "MAB", 1000, "A500B1001"),
            ("M1 A500 B1001", "!M A B", "MAB", 1000, ""),
            // A trailing one: within maxspan after the first event.
            ("A0 M1000", "A !M", "AM", 1000, ""),
            ("A0 M1001", "A !M", "AM", 1000, "A0"),
            ("A0 B500 M1000", "A B !M", "ABM", 1000, ""),
            ("A0 B500 M1001", "A B !M", "ABM", 1000, "A0B500"),
            ("A0 M900 A1901", "A !M", "AM", 1000, "A1901"),
            // Both: some window of maxspan around the events must be clean.
            ("M0 A600 M1200", "!M A !M", "MAM", 1000, "A600"),
            ("M0 A600 M1000", "!M A !M", "MAM", 1000, ""),
            ("M0 A600", "!M A !M", "MAM", 1000, "A600"),
            ("A600 M700", "!M A !M", "MAM", 1000, "A600"),
            // Several in one gap: none may come.
            ("A1 N2 B3", "A !M !N B", "AMNB", 1000, ""),
            ("A1 B3", "A !M !N B", "AMNB", 1000, "A1B3"),
        ];
        for (text, stages, letters, maxspan, expected) in rows {
            assert_eq!(sequences(text, &written(stages, maxspan), letters), expected, "{stages}: {text}");
        }
    }

    #[test]
    fn what_did_not_happen_is_told_behind_the_watermark() {
        let plan = written("A !M", 1000);
        let mut log = Log::default();
        assert_eq!(log.insert(hit(letter('A'), 10_000, None, 0), shape(&plan)), []);
        assert!(log.is_waiting(shape(&plan)));
        assert_eq!(log.tell(26_000, shape(&plan)), [], "the window closes at 11 s, plus 15 s for what comes late");
        let found = log.tell(26_001, shape(&plan));
        assert_eq!(found, [Found { members: vec![0], is_update: false, superseded: None }]);
        assert!(!log.is_waiting(shape(&plan)));
        assert_eq!(log.tell(99_000, shape(&plan)), [], "told once");

        let plan = written("A B U:U", 30_000);
        let mut log = Log::default();
        log.insert(hit(letter('A'), 1000, None, 0), shape(&plan));
        assert_eq!(log.insert(hit(letter('B'), 3000, None, 1), shape(&plan)), [], "an until may still come late");
        log.insert(hit(letter('C'), 2000, None, 2), shape(&plan));
        assert_eq!(log.tell(i64::MAX, shape(&plan)), []);
    }

    #[test]
    fn updates_and_takeovers() {
        let mut log = Log::default();
        let plan = plan(2, 30_000);
        let mut told = |name, time, arrival| log.insert(hit(letter(name), time, None, arrival), shape(&plan));
        assert_eq!(told('A', 8008, 0), []);
        assert_eq!(told('B', 11_252, 1), [Found { members: vec![0, 1], is_update: false, superseded: None }]);
        assert_eq!(told('A', 10_231, 2), [Found { members: vec![1, 2], is_update: true, superseded: None }]);
        assert_eq!(told('B', 20_000, 3), [], "the connection was used up");
        let found = told('B', 10_500, 4);
        assert_eq!(
            found,
            [Found { members: vec![1, 2], is_update: false, superseded: Some(1) }],
            "a late end takes the start over"
        );
    }

    #[test]
    fn memory_is_bounded_and_the_future_harms_nobody() {
        let plan = plan(2, 30_000);
        let mut log = Log::default();
        for number in 0..10_000 {
            log.insert(hit(letter('A'), number * 1000, None, number as u64), shape(&plan));
        }
        assert!(log.len() <= 256, "{}", log.len());
        let mut log = Log::default();
        let at_once = |name, time, arrival| Hit { received: 0, ..hit(letter(name), time, None, arrival) };
        log.insert(at_once('A', 1000, 0), shape(&plan));
        log.insert(at_once('A', i64::MAX / 4, 1), shape(&plan));
        let found = log.insert(at_once('B', 2000, 2), shape(&plan));
        assert_eq!(found.len(), 1, "an event from the future does not evict");
    }

    #[test]
    fn a_silent_key_empties_itself() {
        let plan = plan(2, 30_000);
        let mut log = Log::default();
        log.insert(Hit { received: 0, ..hit(letter('A'), 1000, None, 0) }, shape(&plan));
        log.prune(40_000, shape(&plan));
        assert_eq!(log.len(), 1);
        log.prune(46_000, shape(&plan));
        assert_eq!(log.len(), 0);
    }

    type Trace = Vec<(usize, i64, u64)>;

    fn trace(stages: usize) -> impl Strategy<Value = Trace> {
        prop::collection::vec((0..stages, 0_i64..60_000, 0_u64..1000), 1..40)
    }

    /// The sequences of the sorted whole, by the arrival of their events.
    fn of_the_whole(trace: &Trace, plan: &Plan) -> BTreeMap<u64, Vec<u64>> {
        let hits = trace
            .iter()
            .enumerate()
            .map(|(arrival, (stage, time, record))| hit(1 << stage, *time, Some(*record), arrival as u64));
        let mut sorted: Vec<Hit<()>> = hits.collect();
        sorted.sort_by_key(|hit| hit.ordinal);
        let names = |members: Vec<usize>| members.iter().map(|place| sorted[*place].ordinal.arrival).collect::<Vec<u64>>();
        plan.run(&sorted).into_iter().map(names).map(|names| (*names.last().unwrap(), names)).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the order of arrival, in the end every sequence of the sorted whole is there, with the same members.
        #[test]
        fn order_of_arrival_does_not_matter(trace in trace(3)) {
            let plan = plan(3, 30_000);
            let mut log = Log::default();
            for (arrival, (stage, time, record)) in trace.iter().enumerate() {
                let received = Hit { received: 0, ..hit(1 << stage, *time, Some(*record), arrival as u64) };
                log.insert(received, shape(&plan));
            }
            for (last, names) in of_the_whole(&trace, &plan) {
                prop_assert_eq!(log.announced.get(&last), Some(&names));
            }
        }

        /// Where what did not happen counts, nothing is told that the whole would not tell, if no event is later than
        /// allowed; and nothing is told twice.
        #[test]
        fn behind_the_watermark_it_is_exact(trace in trace(4), late in prop::collection::vec(0_i64..15_000, 40), which in 0..4) {
            let stages = ["A !M B U:U", "A B !M U:U", "!M A B !N", "A !M B C"][which as usize];
            let plan = written(stages, 10_000);
            let mut arrivals: Vec<(i64, usize)> = trace.iter().enumerate().map(|(place, (_, time, _))| (time + late[place], place)).collect();
            arrivals.sort_unstable();
            let mut log = Log::default();
            let mut told: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
            let mut take = |log: &Log<()>, found: Vec<Found>| {
                for Found { members, is_update, superseded } in found {
                    assert!(!is_update && superseded.is_none());
                    let names: Vec<u64> = members.iter().map(|place| log.get(*place).ordinal.arrival).collect();
                    told.insert(*names.last().unwrap(), names);
                }
            };
            for (received, place) in arrivals {
                let (stage, time, record) = trace[place];
                log.add(Hit { received, ..hit(1 << stage, time, Some(record), place as u64) });
                let found = log.tell(received, shape(&plan));
                take(&log, found);
                log.tidy(received, shape(&plan));
            }
            let found = log.tell(i64::MAX, shape(&plan));
            take(&log, found);
            prop_assert_eq!(told, of_the_whole(&trace, &plan));
        }
    }
}
