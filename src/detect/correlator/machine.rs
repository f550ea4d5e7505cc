//! Elasticsearch's state machine for sequences (`SequenceMatcher`), run over hits in order of time: which events make a
//! sequence, what `until` ends, what a missing event (`![ … ]`) rules out.
//!
//! ```text
//!   leading       first         gap           last        trailing
//!   ![L]          [A]           ![M]          [B]          ![T]
//!   |<-- within maxspan of the last -->|      |<-- within maxspan of the first -->|
//! ```

use crate::detect::correlator::log::Hit;
use crate::detect::rule::{Role, Sequence};

/// A sequence, as the machine needs it: stages are bits of [`Hit::stages`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// The events that must come, in order.
    events: Vec<u128>,
    /// What must not come: before each event, and after the last.
    missing: Vec<u128>,
    /// What ends a sequence in the making.
    until: u128,
    /// How far the last event may lie from the first, in milliseconds.
    pub(super) maxspan: i64,
    /// Whether it depends on what did not happen: then it is certain only behind the watermark.
    pub(super) is_exact: bool,
}

impl Plan {
    /// The plan of a sequence.
    pub(super) fn of(sequence: &Sequence) -> Self {
        let roles = sequence.stages.iter().map(|stage| stage.role);
        Self::new(roles, sequence.maxspan.num_milliseconds())
    }

    /// The plan of stages in these roles. More than 128 cannot be told apart; the compiler refuses them.
    pub(super) fn new(roles: impl Iterator<Item = Role>, maxspan: i64) -> Self {
        let mut plan = Self { events: Vec::new(), missing: vec![0], until: 0, maxspan, is_exact: false };
        for (stage, role) in roles.enumerate().take(128) {
            let bit = 1_u128 << stage;
            plan.is_exact |= role != Role::Event;
            match role {
                Role::Event => {
                    plan.events.push(bit);
                    plan.missing.push(0);
                }
                Role::Missing => *plan.missing.last_mut().unwrap_or(&mut plan.until) |= bit,
                Role::Until => plan.until |= bit,
            }
        }
        plan
    }

    /// How many events it takes.
    pub(super) fn length(&self) -> usize {
        self.events.len()
    }

    /// Whether a hit can complete it.
    pub(super) fn completes(&self, stages: u128) -> bool {
        self.events.last().is_some_and(|last| stages & last != 0)
    }

    /// How far back hits matter, in milliseconds, seen from the watermark. A leading missing event counts up to a maxspan
    /// before the last event, and a trailing one keeps a sequence open for another.
    pub(super) fn reach(&self) -> i64 {
        if self.is_exact { self.maxspan.saturating_mul(2) } else { self.maxspan }
    }

    fn trailing(&self) -> u128 {
        self.missing.last().copied().unwrap_or_default()
    }

    /// From when on, in milliseconds, a sequence of these events is certain.
    pub(super) fn closes_at<E>(&self, hits: &[Hit<E>], members: &[usize]) -> i64 {
        let time = |place: Option<&usize>| place.map_or(i64::MIN, |place| hits[*place].ordinal.time);
        if self.trailing() != 0 { time(members.first()).saturating_add(self.maxspan) } else { time(members.last()) }
    }

    /// When everything that these hits can make is certain, in milliseconds.
    pub(super) fn settles_at(&self, newest: i64) -> i64 {
        if self.trailing() != 0 { newest.saturating_add(self.maxspan) } else { newest }
    }

    /// All sequences of the hits, as places of their events, in order of the last.
    pub(super) fn run<E>(&self, hits: &[Hit<E>]) -> Vec<Vec<usize>> {
        let length = self.events.len();
        let mut pending: Vec<Vec<Vec<usize>>> = vec![Vec::new(); length];
        let mut complete = Vec::new();
        let mut last_until: Option<usize> = None;
        for (place, hit) in hits.iter().enumerate() {
            // From the last stage down, so that an event never fills two stages of one sequence.
            for step in (0..length).rev().filter(|step| hit.stages & self.events[*step] != 0) {
                let mut members = Vec::new();
                if step > 0 {
                    // The latest one is taken; it and all older ones are used up, even if it is then refused.
                    let Some(latest) = pending[step - 1].pop() else { continue };
                    pending[step - 1].clear();
                    let is_too_long = hit.ordinal.time - hits[latest[0]].ordinal.time > self.maxspan;
                    // An end that is itself an `until` event is fine; a start that is one is not.
                    let is_over = last_until >= latest.last().copied() && last_until.is_some();
                    if is_too_long || is_over {
                        continue;
                    }
                    members = latest;
                }
                members.push(place);
                if step + 1 == length { complete.push(members) } else { pending[step].push(members) }
            }
            if hit.stages & self.until != 0 {
                last_until = Some(place);
            }
        }
        if self.missing.iter().any(|stages| *stages != 0) {
            complete.retain(|members| self.is_clean(hits, members));
        }
        complete
    }

    /// Whether nothing came that must be missing.
    fn is_clean<E>(&self, hits: &[Hit<E>], members: &[usize]) -> bool {
        let (Some(first), Some(last)) = (members.first().copied(), members.last().copied()) else { return false };
        let gaps = members.windows(2).zip(&self.missing[1..]);
        for (pair, stages) in gaps {
            if hits[pair[0] + 1..pair[1]].iter().any(|hit| hit.stages & stages != 0) {
                return false;
            }
        }
        let leading = self.missing[0];
        let before = hits[..first].iter().rev().find(|hit| hit.stages & leading != 0).map(|hit| hit.ordinal.time);
        let after = hits[last + 1..].iter().find(|hit| hit.stages & self.trailing() != 0).map(|hit| hit.ordinal.time);
        match (leading != 0, self.trailing() != 0) {
            (false, false) => true,
            (true, false) => before.is_none_or(|before| before < hits[last].ordinal.time - self.maxspan),
            (false, true) => after.is_none_or(|after| after > hits[first].ordinal.time + self.maxspan),
            // One window of maxspan around the events must be clean: between the two there must be room for it.
            (true, true) => before.zip(after).is_none_or(|(before, after)| after - before > self.maxspan),
        }
    }
}
