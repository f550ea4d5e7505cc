//! What people want of a replay while it runs: hold it, let one event through, another pace, on to the next alert.

use tokio::sync::{mpsc, watch};

use crate::intake::Steer;

/// The paces that the keys go through; beyond the last it is flat out.
const PACES: [f64; 8] = [0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];

/// The ways from a console and from the collector to a replay.
#[derive(Debug)]
pub struct Controls {
    /// What somebody wants.
    pub wishes: mpsc::Receiver<Steer>,
    /// How many batches the collector has taken, and how many alerts it has raised.
    pub taken: watch::Receiver<(u64, u64)>,
}

/// How a replay is steered now.
#[derive(Debug)]
pub(super) struct Steering {
    controls: Controls,
    speed: Option<f64>,
    is_held: bool,
    /// How many events may pass although it is held.
    steps: u32,
    /// How many alerts there were when the next one was asked for.
    seeks_beyond: Option<u64>,
    sent: u64,
}

impl Steering {
    pub(super) fn new(speed: Option<f64>, controls: Controls) -> Self {
        Self { controls, speed, is_held: false, steps: 0, seeks_beyond: None, sent: 0 }
    }

    /// Times the recorded pace that events are due at; flat out on the way to an alert.
    pub(super) fn pace(&self) -> Option<f64> {
        if self.is_held || self.is_seeking() { None } else { self.speed }
    }

    pub(super) fn speed(&self) -> Option<f64> {
        self.speed
    }

    pub(super) fn is_held(&self) -> bool {
        self.is_held && self.steps == 0
    }

    pub(super) fn is_seeking(&self) -> bool {
        self.seeks_beyond.is_some()
    }

    /// A batch was handed over, if it was not empty.
    pub(super) fn sent(&mut self, is_any: bool) {
        self.sent += u64::from(is_any);
    }

    /// Heeds what waits.
    pub(super) fn hear(&mut self) {
        while let Ok(wish) = self.controls.wishes.try_recv() {
            self.heed(wish);
        }
    }

    /// Waits for a wish and heeds it; for ever where nobody can have any.
    pub(super) async fn wish(&mut self) {
        match self.controls.wishes.recv().await {
            Some(wish) => self.heed(wish),
            None => std::future::pending().await,
        }
    }

    /// Whether one event may pass.
    pub(super) fn take_turn(&mut self) -> bool {
        if !self.is_held {
            return true;
        }
        let may_pass = self.steps > 0;
        self.steps = self.steps.saturating_sub(1);
        may_pass
    }

    fn heed(&mut self, wish: Steer) {
        match wish {
            Steer::Hold => {
                self.is_held = !self.is_held;
                (self.steps, self.seeks_beyond) = (0, None);
            }
            Steer::Step => {
                self.steps = if self.is_held { self.steps + 1 } else { 1 };
                self.is_held = true;
                self.seeks_beyond = None;
            }
            Steer::Slower => {
                self.speed = match self.speed {
                    None => PACES.last().copied(),
                    Some(speed) => PACES.into_iter().rev().find(|pace| *pace < speed).or(Some(speed)),
                };
            }
            Steer::Faster => self.speed = self.speed.and_then(|speed| PACES.into_iter().find(|pace| *pace > speed)),
            Steer::NextAlert => {
                self.is_held = false;
                self.seeks_beyond = Some(self.controls.taken.borrow().1);
            }
        }
    }

    /// Waits until the collector has taken what was sent; holds if it raised the alert that is looked for.
    pub(super) async fn settled(&mut self) {
        let sent = self.sent;
        let alerts = match self.controls.taken.wait_for(|(batches, _)| *batches >= sent).await {
            Ok(taken) => taken.1,
            // The collector is gone: the next batch will find that out.
            Err(_) => return,
        };
        if self.seeks_beyond.is_some_and(|before| alerts > before) {
            self.seeks_beyond = None;
            (self.is_held, self.steps) = (true, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes() {
        let (keys, wishes) = mpsc::channel(8);
        let taken = watch::Sender::new((0, 3));
        let mut steering = Steering::new(Some(1.0), Controls { wishes, taken: taken.subscribe() });
        let wish = |steering: &mut Steering, wish| {
            keys.try_send(wish).expect("room");
            steering.hear();
        };
        assert!(steering.take_turn() && steering.pace() == Some(1.0));
        wish(&mut steering, Steer::Step);
        assert!(steering.take_turn() && !steering.take_turn() && steering.is_held());
        wish(&mut steering, Steer::Step);
        assert!(steering.take_turn() && !steering.take_turn());
        wish(&mut steering, Steer::Hold);
        assert!(steering.take_turn() && !steering.is_held());
        for (press, pace) in [
            (Steer::Faster, Some(2.0)),
            (Steer::Slower, Some(1.0)),
            (Steer::Slower, Some(0.5)),
            (Steer::Slower, Some(0.25)),
            (Steer::Slower, Some(0.25)),
        ] {
            wish(&mut steering, press);
            assert_eq!(steering.pace(), pace);
        }
        for _ in 0..8 {
            wish(&mut steering, Steer::Faster);
        }
        assert_eq!(steering.pace(), None);
        wish(&mut steering, Steer::Slower);
        assert_eq!(steering.pace(), Some(60.0));
        wish(&mut steering, Steer::NextAlert);
        assert!(steering.is_seeking() && steering.pace().is_none() && steering.seeks_beyond == Some(3));
        wish(&mut steering, Steer::Hold);
        assert!(!steering.is_seeking() && steering.is_held());
    }
}
