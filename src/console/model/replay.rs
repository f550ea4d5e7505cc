//! The controls of a replay. They ask the task that reads the recording; what it answers with is its progress.

use crate::console::model::{Effect, Model};
use crate::feed::Request;
use crate::intake::Steer;

impl Model {
    /// Whether a recording is being read.
    pub fn is_replaying(&self) -> bool {
        self.config.is_replay && !self.status.replay.as_ref().is_some_and(|replay| replay.done)
    }

    /// Asks the replay for something; where there is none, says so.
    pub(super) fn steer(&mut self, steer: Steer) -> Vec<Effect> {
        if !self.config.is_replay {
            self.hint = Some("only in a replay");
        } else if !self.is_replaying() {
            self.hint = Some("the recording is at its end");
        } else {
            let (is_held, speed) = self.status.replay.as_ref().map_or((false, None), |replay| (replay.is_held, replay.speed));
            let word = match (steer, speed) {
                (Steer::Hold, _) if is_held => "the replay goes on",
                (Steer::Hold, _) => "the replay holds",
                (Steer::Step, _) => "one event more; the replay holds",
                (Steer::Slower, None) => "no longer flat out",
                (Steer::Slower, _) => "slower",
                (Steer::Faster, None) => "it runs flat out already",
                (Steer::Faster, _) => "faster",
                (Steer::NextAlert, _) => "on to the next alert",
            };
            self.said = Some((word.to_owned(), false));
            return vec![Effect::Ask(Request::Replay(steer))];
        }
        Vec::new()
    }

    pub(super) fn replay_again(&mut self) -> Vec<Effect> {
        if !self.config.is_replay {
            self.hint = Some("only in a replay");
        } else if let Some(reason) = self.config.never_again {
            self.hint = Some(reason);
        } else {
            return vec![Effect::Again];
        }
        Vec::new()
    }

    /// The next open alert of the list; where a recording is being read and the list has no more, the next one of the
    /// recording.
    pub(super) fn next_alert(&mut self) -> Vec<Effect> {
        if self.is_replaying() && self.alerts.neighbour(self.step_from(), true, self.steps_over_kinds()).is_none() {
            return self.steer(Steer::NextAlert);
        }
        self.step_alert(true);
        Vec::new()
    }
}
