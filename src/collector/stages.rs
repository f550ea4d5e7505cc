//! What each stage of an event's way takes in, gives out, loses, and how long it takes: told by the counters, which have it all,
//! and by the notes of those who do the work.

use std::collections::VecDeque;

use crate::feed::stage::StageStatus;
use crate::feed::status::Counters;
use crate::intake::stages::{Stage, Timings};

/// How long the rates look back, in seconds.
const WINDOW_SECONDS: i64 = 5;
/// After so many seconds older notes begin to go: a figure stands for the last one or two such times.
const TURN_SECONDS: i64 = 60;

/// What a stage took in, gave out and lost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Flow {
    taken: u64,
    given: u64,
    lost: u64,
}

/// All stages.
#[derive(Debug, Default)]
pub struct Stages {
    /// The notes of this time and of the one before.
    timings: [[Timings; 2]; Stage::ALL.len()],
    turned: i64,
    /// What had flowed at the end of each second, oldest first.
    past: VecDeque<(i64, [Flow; Stage::ALL.len()])>,
}

impl Stages {
    /// Somebody noted how long a stage took.
    pub fn timed(&mut self, stage: Stage, timings: &Timings) {
        self.timings[stage as usize][0].add(timings);
    }

    /// Time passes.
    pub fn tick(&mut self, second: i64, counters: &Counters) {
        if second - self.turned >= TURN_SECONDS {
            self.turned = second;
            for own in &mut self.timings {
                own[1] = std::mem::take(&mut own[0]);
            }
        }
        if self.past.back().is_none_or(|(last, _)| *last < second) {
            self.past.push_back((second, flows(counters)));
        }
        while self.past.get(1).is_some_and(|(own, _)| *own <= second - WINDOW_SECONDS) {
            self.past.pop_front();
        }
    }

    /// How they fare; `queues` is what waits before a stage and how much may.
    pub fn status(&self, second: i64, counters: &Counters, queues: impl Fn(Stage) -> Option<(u64, u64)>) -> Vec<StageStatus> {
        let now = flows(counters);
        let before = self.past.front().filter(|(own, _)| *own <= second - WINDOW_SECONDS);
        let before = before.map_or_else(Default::default, |(_, flows)| *flows);
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / WINDOW_SECONDS as f64;
        Stage::ALL
            .into_iter()
            .map(|stage| {
                let (now, before) = (now[stage as usize], before[stage as usize]);
                let [current, last] = &self.timings[stage as usize];
                let mut timings = current.clone();
                timings.add(last);
                StageStatus {
                    stage,
                    queue: queues(stage),
                    p99_ns: timings.p99(),
                    in_per_second: rate(now.taken, before.taken),
                    out_per_second: rate(now.given, before.given),
                    lost: now.lost,
                }
            })
            .collect()
    }
}

fn flows(counters: &Counters) -> [Flow; Stage::ALL.len()] {
    let rejected = |reasons: &[&str]| reasons.iter().filter_map(|reason| counters.rejected.get(*reason)).sum::<u64>();
    let by_kernel = counters.shed.get("udp_kernel_drop").copied().unwrap_or(0);
    let through = |taken: u64, lost: u64| Flow { taken, given: taken.saturating_sub(lost), lost };
    let frame = through(counters.frames_total(), by_kernel + rejected(&["oversize", "bad_frame"]));
    let parse = through(frame.given, rejected(&["bad_utf8", "bad_xml", "truncated", "not_windows"]));
    let detect = Flow { taken: parse.given, given: counters.alerts_total(), lost: counters.shed_total() - by_kernel };
    let records = |word: &str| counters.output_records.iter().filter(|((_, own), _)| own == word).map(|(_, count)| count).sum();
    let (delivered, gave_up): (u64, u64) = (records("delivered"), records("gave_up"));
    let waiting: u64 = counters
        .output_records
        .keys()
        .filter(|(_, own)| own == "delivered")
        .filter_map(|(url, _)| counters.queue_depth.get(url))
        .sum();
    let forward = Flow { taken: delivered + gave_up + waiting, given: delivered, lost: gave_up };
    let stored = |word: &str| counters.store_records.get(word).copied().unwrap_or(0);
    let unstored = stored("failed") + stored("shed");
    let store = Flow { taken: stored("written") + unstored, given: stored("written"), lost: unstored };
    [frame, parse, detect, forward, store]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(frames: u64) -> Counters {
        let mut counters = Counters::default();
        counters.frames.insert("tcp".to_owned(), frames);
        counters.rejected =
            [("oversize", 1), ("bad_xml", 2), ("duplicate", 9)].map(|(word, count)| (word.to_owned(), count)).into();
        counters.shed = [("udp_kernel_drop", 3), ("queue_full", 4)].map(|(word, count)| (word.to_owned(), count)).into();
        counters
    }

    #[test]
    fn what_is_lost_is_lost_once_and_where_it_was() {
        let rows = Stages::default().status(0, &counters(100), |_| None);
        let lost: Vec<u64> = rows.iter().map(|row| row.lost).collect();
        assert_eq!(lost, [4, 2, 4, 0, 0]);
        assert!((rows[1].in_per_second - 96.0 / 5.0).abs() < 1e-9 && (rows[1].out_per_second - 94.0 / 5.0).abs() < 1e-9);
    }

    #[test]
    fn rates_look_back_some_seconds_and_notes_a_minute_or_two() {
        let mut stages = Stages::default();
        let mut noted = Timings::default();
        noted.note(5000);
        stages.tick(1000, &counters(0));
        stages.timed(Stage::Parse, &noted);
        for second in 1001..=1010 {
            stages.tick(second, &counters((second.unsigned_abs() - 1000) * 10));
        }
        let frame = &stages.status(1010, &counters(100), |_| None)[0];
        assert!((frame.in_per_second - 10.0).abs() < 1e-9, "{frame:?}");
        let p99 = |stages: &Stages| stages.status(1010, &counters(100), |_| None)[Stage::Parse as usize].p99_ns;
        assert!(p99(&stages).is_some());
        stages.tick(1060, &counters(100));
        assert!(p99(&stages).is_some(), "the time before counts too");
        stages.tick(1121, &counters(100));
        assert_eq!(p99(&stages), None);
    }
}
