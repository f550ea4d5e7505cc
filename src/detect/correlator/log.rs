//! The stage hits of one rule and one join key, in order of event time, and the sequences that they make. Elasticsearch's
//! state machine (`SequenceMatcher`), run over the whole retained log whenever a hit can complete something: a late hit then
//! counts as if it had come in time, and nobody waits for it.

use std::collections::BTreeMap;

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
    pub(super) stages: u64,
    /// When it arrived, in milliseconds.
    pub(super) received: i64,
    /// The event.
    pub(super) event: E,
}

/// What the log needs to know of the rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// How many stages.
    pub(super) stages: usize,
    /// How far the last may lie from the first, in milliseconds.
    pub(super) maxspan: i64,
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
    /// The last event of an earlier sequence whose event this one took over; it may have left the log.
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
}

/// How many of the newest hits are kept however old they are: one event with a time in the future must not cost the others.
const ALWAYS_KEPT: usize = 32;

impl<E> Default for Log<E> {
    fn default() -> Self {
        Self { hits: Vec::new(), announced: BTreeMap::new(), newest: i64::MIN, last_received: i64::MIN }
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
    pub(super) fn is_late(&self, time: i64, shape: Shape) -> bool {
        self.newest != i64::MIN && time < self.newest - shape.lateness
    }

    /// Takes a hit in; answers the sequences that it made or changed, and how many hits were dropped for the limit.
    pub(super) fn insert(&mut self, hit: Hit<E>, shape: Shape) -> (Vec<Found>, u64) {
        self.newest = self.newest.max(hit.ordinal.time);
        self.last_received = self.last_received.max(hit.received);
        let place = self.hits.partition_point(|own| own.ordinal < hit.ordinal);
        self.hits.insert(place, hit);
        self.prune(self.last_received, shape);
        let mut dropped = 0;
        while self.hits.len() > shape.limit.max(shape.stages) {
            self.hits.remove(0);
            dropped += 1;
        }
        let last_bit = 1_u64 << (shape.stages - 1);
        if self.hits.iter().all(|hit| hit.stages & last_bit == 0) {
            return (Vec::new(), dropped);
        }
        let sequences = run(&self.hits, shape);
        (self.compare(sequences), dropped)
    }

    /// Tells what is new among the sequences of the whole log.
    fn compare(&mut self, sequences: Vec<Vec<usize>>) -> Vec<Found> {
        let arrivals = |members: &[usize]| members.iter().map(|place| self.hits[*place].ordinal.arrival).collect::<Vec<u64>>();
        let named: Vec<(u64, Vec<u64>, Vec<usize>)> = sequences
            .into_iter()
            .filter_map(|members| {
                let names = arrivals(&members);
                names.last().copied().map(|last| (last, names, members))
            })
            .collect();
        let standing: Vec<u64> = named.iter().map(|(last, ..)| *last).collect();
        let mut found = Vec::new();
        for (last, names, members) in named {
            let before = self.announced.get(&last);
            if before == Some(&names) {
                continue;
            }
            let is_update = before.is_some();
            let took_over = |(other, own): (&u64, &Vec<u64>)| {
                (!standing.contains(other) && own.iter().any(|name| names.contains(name))).then_some(*other)
            };
            let superseded = self.announced.iter().find_map(took_over);
            self.announced.insert(last, names);
            found.push(Found { members, is_update, superseded });
        }
        found
    }

    /// Drops what can neither complete a sequence nor be chosen before a newer hit. `now` is a time of arrival.
    pub(super) fn prune(&mut self, now: i64, shape: Shape) {
        let reach = shape.lateness + shape.maxspan;
        // A host that fell silent goes on by the wall clock.
        let newest = self.newest.saturating_add((now - self.last_received).max(0));
        let total = self.hits.len();
        let is_dead = |place: usize, hit: &Hit<E>| {
            let age = newest - hit.ordinal.time;
            let is_settled = now - hit.received > reach;
            age > reach && (is_settled || (age > 4 * reach && total - place > ALWAYS_KEPT))
        };
        let dead = self.hits.iter().enumerate().take_while(|(place, hit)| is_dead(*place, hit)).count();
        for hit in self.hits.drain(..dead) {
            self.announced.remove(&hit.ordinal.arrival);
        }
    }
}

/// Runs Elasticsearch's state machine over hits in order: the sequences, as places of their members.
fn run<E>(hits: &[Hit<E>], shape: Shape) -> Vec<Vec<usize>> {
    let mut pending: Vec<Vec<Vec<usize>>> = vec![Vec::new(); shape.stages];
    let mut complete = Vec::new();
    for (place, hit) in hits.iter().enumerate() {
        // From the last stage down, so that an event never fills two stages of one sequence.
        for stage in (0..shape.stages).rev().filter(|stage| hit.stages & (1 << stage) != 0) {
            if stage == 0 {
                pending[0].push(vec![place]);
                continue;
            }
            // The latest one is taken; it and all older ones are used up, even if the span then says no.
            let Some(mut members) = pending[stage - 1].pop() else { continue };
            pending[stage - 1].clear();
            if hit.ordinal.time - hits[members[0]].ordinal.time > shape.maxspan {
                continue;
            }
            members.push(place);
            if stage + 1 == shape.stages {
                complete.push(members);
            } else {
                pending[stage].push(members);
            }
        }
    }
    complete
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHAPE: Shape = Shape { stages: 2, maxspan: 30_000, lateness: 15_000, limit: 256 };

    fn hit(letter: char, time: i64, record: Option<u64>, arrival: u64) -> Hit<()> {
        let stages = 1 << (letter as u8 - b'A');
        Hit { ordinal: Ordinal { time, record: record.unwrap_or(u64::MAX), arrival }, stages, received: 0, event: () }
    }

    /// Runs `A1 B2 C4#7` (letter, time, record id) through a log in that order of arrival; the sequences as text.
    fn sequences(text: &str, stages: usize, maxspan: i64) -> String {
        let mut log = Log::default();
        let shape = Shape { stages, maxspan, ..SHAPE };
        for (arrival, word) in text.split(' ').enumerate() {
            let (time, record) = word[1..].split_once('#').unwrap_or((&word[1..], ""));
            let letter = word.chars().next().unwrap();
            log.insert(hit(letter, time.parse().unwrap(), record.parse().ok(), arrival as u64), shape);
        }
        let words: Vec<&str> = text.split(' ').collect();
        let name = |arrival: &u64| words[usize::try_from(*arrival).unwrap()].split('#').next().unwrap();
        let mut all: Vec<(String, String)> = log
            .announced
            .values()
            .map(|members| (format!("{:>9}", &name(members.last().unwrap())[1..]), members.iter().map(name).collect()))
            .collect();
        all.sort();
        all.into_iter().map(|(_, text)| text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_elasticsearch_does() {
        let rows = [
            ("A1 B2", 2, 30_000, "A1B2"),
            ("A1 A2 B3", 2, 30_000, "A2B3"),
            ("A1 B2 B3", 2, 30_000, "A1B2"),
            ("A1 A2 B3 B4", 2, 30_000, "A2B3"),
            ("A1 B2 A3 B4", 2, 30_000, "A1B2 A3B4"),
            ("B1 A2", 2, 30_000, ""),
            ("A1 B2 A3 C4", 3, 30_000, "A1B2C4"),
            ("A1 B2 A3 B4 C5 C6", 3, 30_000, "A3B4C5"),
            ("A1 B2 A3 C4 B5 C6", 3, 30_000, "A1B2C4 A3B5C6"),
            ("A0 B30000", 2, 30_000, "A0B30000"),
            ("A0 B30001", 2, 30_000, ""),
            ("A0 A25000 B40000", 2, 30_000, "A25000B40000"),
            ("A0 B30500 B31000", 2, 30_000, ""),
            ("A0 B600 C1200", 3, 1000, ""),
            ("A5#1 B5#2", 2, 30_000, "A5B5"),
            ("A5#2 B5#1", 2, 30_000, ""),
            ("A5 B5#1", 2, 30_000, ""),
            ("B7473 A4510 A6049 A6489", 2, 30_000, "A6489B7473"),
            ("A8008 B11252 A10231 A10673", 2, 30_000, "A10673B11252"),
        ];
        for (text, stages, maxspan, expected) in rows {
            assert_eq!(sequences(text, stages, maxspan), expected, "{text}");
        }
    }

    #[test]
    fn updates_and_takeovers() {
        let mut log = Log::default();
        let mut told = |letter, time, arrival| log.insert(hit(letter, time, None, arrival), SHAPE).0;
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
        let mut log = Log::default();
        for number in 0..10_000 {
            log.insert(hit('A', number * 1000, None, number as u64), SHAPE);
        }
        assert!(log.len() <= 256, "{}", log.len());
        let mut log = Log::default();
        log.insert(hit('A', 1000, None, 0), SHAPE);
        log.insert(hit('A', i64::MAX / 4, None, 1), SHAPE);
        let (found, _) = log.insert(hit('B', 2000, None, 2), SHAPE);
        assert_eq!(found.len(), 1, "an event from the future does not evict");
    }

    #[test]
    fn a_silent_key_empties_itself() {
        let mut log = Log::default();
        log.insert(hit('A', 1000, None, 0), SHAPE);
        log.prune(40_000, SHAPE);
        assert_eq!(log.len(), 1);
        log.prune(46_000, SHAPE);
        assert_eq!(log.len(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the order of arrival, in the end every sequence of the sorted whole is there, with the same members.
        #[test]
        fn order_of_arrival_does_not_matter(trace in prop::collection::vec((0_usize..3, 0_i64..60_000, 0_u64..1000), 1..40), stages in 2_usize..4) {
            let shape = Shape { stages, ..SHAPE };
            let mut sorted: Vec<Hit<()>> = Vec::new();
            let mut log = Log::default();
            for (arrival, (stage, time, record)) in trace.iter().enumerate() {
                let letter = char::from(b'A' + (*stage % stages) as u8);
                sorted.push(hit(letter, *time, Some(*record), arrival as u64));
                log.insert(hit(letter, *time, Some(*record), arrival as u64), shape);
            }
            sorted.sort_by_key(|hit| hit.ordinal);
            for members in run(&sorted, shape) {
                let names: Vec<u64> = members.iter().map(|place| sorted[*place].ordinal.arrival).collect();
                let last = *names.last().unwrap();
                prop_assert_eq!(log.announced.get(&last), Some(&names));
            }
        }
    }
}
