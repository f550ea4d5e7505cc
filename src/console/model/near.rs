//! Near misses among the events: a stage of a sequence held. What an alert rests on is none any more.

use crate::alert::Alert;
use crate::feed::EventLine;

/// How many near misses there are, so that nobody looks for them where there are none.
#[derive(Debug, Default)]
pub(super) struct NearMisses(usize);

impl NearMisses {
    /// An event came.
    pub(super) fn come(&mut self, line: &EventLine) {
        self.0 += usize::from(line.near.is_some());
    }

    /// An event went.
    pub(super) fn go(&mut self, line: &EventLine) {
        self.0 = self.0.saturating_sub(usize::from(line.near.is_some()));
    }

    /// An alert was raised: which of the events it rests on.
    pub(super) fn prove<'e>(&mut self, lines: impl Iterator<Item = &'e mut EventLine>, alert: &Alert) {
        if self.0 == 0 {
            return;
        }
        for line in lines.filter(|line| line.near.is_some()) {
            if alert.evidence.iter().any(|proof| *proof.xml == *line.xml) {
                self.go(line);
                line.near = None;
            }
        }
    }
}
