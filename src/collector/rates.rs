//! How much comes in on each listener a second, over the last seconds.

use std::collections::{BTreeMap, VecDeque};

use crate::feed::status::ListenerStatus;
use crate::intake::ListenerId;

/// How long the rates look back, in seconds.
const WINDOW_SECONDS: i64 = 5;

/// The listeners as they are.
type Listeners = BTreeMap<ListenerId, ListenerStatus>;
/// Bytes and frames so far.
type SoFar = BTreeMap<ListenerId, (u64, u64)>;

/// What had come in at the end of each second, oldest first.
#[derive(Debug, Default)]
pub struct Rates {
    past: VecDeque<(i64, SoFar)>,
}

impl Rates {
    /// Time passes.
    pub fn tick(&mut self, second: i64, listeners: &Listeners) {
        if self.past.back().is_none_or(|(last, _)| *last < second) {
            let so_far = listeners.iter().map(|(id, listener)| (*id, (listener.bytes, listener.frames))).collect();
            self.past.push_back((second, so_far));
        }
        while self.past.get(1).is_some_and(|(own, _)| *own <= second - WINDOW_SECONDS) {
            self.past.pop_front();
        }
    }

    /// The listeners with their rates.
    pub fn of(&self, second: i64, listeners: &Listeners) -> Vec<ListenerStatus> {
        let before = self.past.front().filter(|(own, _)| *own <= second - WINDOW_SECONDS).map(|(_, so_far)| so_far);
        let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / WINDOW_SECONDS as f64;
        let rated = |(id, listener): (&ListenerId, &ListenerStatus)| {
            let (bytes, frames) = before.and_then(|before| before.get(id)).copied().unwrap_or_default();
            ListenerStatus { rate: rate(listener.frames, frames), byte_rate: rate(listener.bytes, bytes), ..listener.clone() }
        };
        listeners.iter().map(rated).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_the_last_seconds() {
        let mut rates = Rates::default();
        let at = |frames: u64| {
            let listener = ListenerStatus { frames, bytes: frames * 100, ..ListenerStatus::default() };
            Listeners::from([(ListenerId(0), listener)])
        };
        for second in 0..=20 {
            rates.tick(second, &at(second.unsigned_abs() * 10));
        }
        let told = rates.of(20, &at(200));
        assert!((told[0].rate - 10.0).abs() < 1e-9 && (told[0].byte_rate - 1000.0).abs() < 1e-9, "{told:?}");
        for second in 21..=26 {
            rates.tick(second, &at(200));
        }
        assert!(rates.of(26, &at(200))[0].rate.abs() < 1e-9);
    }
}
