//! Tells what was seen lately, in bounded memory: 64-bit hashes in order of arrival, the oldest forgotten first.

use std::collections::{HashSet, VecDeque};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash as _, Hasher as _};

use crate::event::WindowsEvent;

/// What was seen lately.
#[derive(Debug)]
pub struct Recent {
    limit: usize,
    seen: HashSet<u64, BuildHasherDefault<DefaultHasher>>,
    order: VecDeque<u64>,
}

impl Recent {
    /// Remembers the last `limit` things; 0 remembers nothing, and then everything is new.
    pub fn new(limit: usize) -> Self {
        Self { limit, seen: HashSet::default(), order: VecDeque::new() }
    }

    /// Notes a thing; false if it was seen before. What has no key is always new.
    pub fn is_new(&mut self, key: Option<u64>) -> bool {
        let Some(key) = key.filter(|_| self.limit > 0) else { return true };
        if !self.seen.insert(key) {
            return false;
        }
        self.order.push_back(key);
        if self.order.len() > self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.seen.remove(&oldest);
        }
        true
    }
}

/// A hash of bytes that is the same in every run.
pub fn hash(bytes: &[u8]) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(bytes)
}

/// What names an event for good: computer, channel, record id, event id and time of writing. `None` for an event without a
/// record id: it cannot be told from its twin.
pub fn key_of(event: &WindowsEvent) -> Option<u64> {
    let record = event.record_id()?;
    let mut hasher = DefaultHasher::new();
    event.host().hash(&mut hasher);
    event.channel().to_ascii_lowercase().hash(&mut hasher);
    (record, event.event_id(), event.system().time_created).hash(&mut hasher);
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::sysmon;

    #[test]
    fn the_same_event_is_told_by_its_names() {
        let base = key_of(&sysmon(1, "HR001", 7, &[("UtcTime", "2020-01-01 00:00:00.000")]));
        let rows = [
            (sysmon(1, "hr001", 7, &[("UtcTime", "2020-01-01 00:00:00.000"), ("x", "y")]), true),
            (sysmon(1, "hr001", 8, &[("UtcTime", "2020-01-01 00:00:00.000")]), false),
            (sysmon(3, "hr001", 7, &[("UtcTime", "2020-01-01 00:00:00.000")]), false),
            (sysmon(1, "hr001", 7, &[("UtcTime", "2020-01-01 00:00:01.000")]), false),
        ];
        for (event, is_same) in rows {
            assert_eq!(key_of(&event) == base, is_same);
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut recent = Recent::new(2);
        assert!(recent.is_new(Some(1)) && recent.is_new(Some(2)) && !recent.is_new(Some(1)));
        assert!(recent.is_new(Some(3)) && recent.is_new(Some(1)), "1 was forgotten for 3");
        assert!(recent.is_new(None) && recent.is_new(None));
        let mut off = Recent::new(0);
        assert!(off.is_new(Some(1)) && off.is_new(Some(1)));
    }
}
