//! How long the stages of an event's way take. Whoever does the work reads the clock and notes nanoseconds, for some of the
//! events only; the collector adds the notes up. The buckets are fixed, so that noting is one addition and memory never grows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A stage of an event's way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Bytes become messages.
    Frame,
    /// Messages become events.
    Parse,
    /// Events meet the rules.
    Detect,
    /// Alerts go to the outputs.
    Forward,
    /// Alerts and acts become durable.
    Store,
}

impl Stage {
    /// All, in the order of an event's way.
    pub const ALL: [Self; 5] = [Self::Frame, Self::Parse, Self::Detect, Self::Forward, Self::Store];

    /// Its name on the screen.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Parse => "parse",
            Self::Detect => "detect",
            Self::Forward => "forward",
            Self::Store => "store",
        }
    }
}

/// Four buckets for each power of two, up to some 18 minutes: a figure is at most a quarter too high.
const BUCKETS: usize = 160;

/// How often something took how long.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Timings {
    /// One for each bucket; none at all until something is noted.
    counts: Vec<u32>,
}

impl fmt::Debug for Timings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.counts.iter().enumerate().filter(|(_, count)| **count > 0).map(|(place, count)| (upper(place), *count));
        formatter.debug_map().entries(own).finish()
    }
}

impl Timings {
    /// Something took so many nanoseconds.
    pub fn note(&mut self, nanoseconds: u64) {
        self.counts.resize(BUCKETS, 0);
        let own = &mut self.counts[place(nanoseconds)];
        *own = own.saturating_add(1);
    }

    /// Takes over what was noted elsewhere.
    pub fn add(&mut self, other: &Self) {
        self.counts.resize(self.counts.len().max(other.counts.len()), 0);
        for (own, more) in self.counts.iter_mut().zip(&other.counts) {
            *own = own.saturating_add(*more);
        }
    }

    /// Whether nothing was noted.
    pub fn is_empty(&self) -> bool {
        self.counts.iter().all(|count| *count == 0)
    }

    /// What 99 of 100 did not exceed, in nanoseconds; `None` where nothing was noted.
    pub fn p99(&self) -> Option<u64> {
        let total: u64 = self.counts.iter().map(|count| u64::from(*count)).sum();
        let rank = (total * 99).div_ceil(100);
        let mut seen = 0;
        let reaches = |count: &u32| {
            seen += u64::from(*count);
            seen >= rank
        };
        if total == 0 { None } else { self.counts.iter().position(reaches).map(upper) }
    }
}

/// The bucket of a duration: itself below 4, then the power of two and the two bits after its first.
fn place(nanoseconds: u64) -> usize {
    let Some(power) = nanoseconds.checked_ilog2().filter(|power| *power >= 2) else { return nanoseconds as usize };
    let bits = (nanoseconds >> (power - 2)) as usize & 3;
    ((power as usize - 1) * 4 + bits).min(BUCKETS - 1)
}

/// The largest duration of a bucket.
fn upper(place: usize) -> u64 {
    if place < 4 {
        return place as u64;
    }
    let (power, bits) = (place / 4 + 1, place as u64 % 4);
    ((bits + 5) << (power - 2)) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_what_it_says() {
        for nanoseconds in (0..5000).chain([1 << 20, (1 << 30) + 12_345, 999_999_999]) {
            let place = place(nanoseconds);
            assert!(upper(place) >= nanoseconds, "{nanoseconds}");
            assert!(place == 0 || upper(place - 1) < nanoseconds, "{nanoseconds}");
            assert!(upper(place) <= nanoseconds + nanoseconds / 4, "{nanoseconds} {}", upper(place));
        }
        assert_eq!(place(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn ninety_nine_of_a_hundred() {
        let mut timings = Timings::default();
        assert_eq!((timings.p99(), timings.is_empty()), (None, true));
        (0..99).for_each(|_| timings.note(1000));
        timings.note(1 << 30);
        let usual = timings.p99().expect("a hundred");
        assert!((1000..=1250).contains(&usual), "{usual}");
        let mut two = Timings::default();
        two.note(1 << 30);
        two.add(&timings);
        assert!(two.p99() >= Some(1 << 30), "{two:?}");
    }
}
