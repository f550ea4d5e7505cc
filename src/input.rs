//! Where events come in: one task a connection reads, frames, decodes and matches (all shared, without locks) and hands the
//! collector one batch a read. TCP and replay wait for a full queue; UDP sheds and counts.

pub mod clock;
pub mod replay;
pub mod source;
pub mod steering;
pub mod tcp;
pub mod udp;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use crate::decode::framing::{Framed, Framer, FramerConfig};
use crate::decode::{Rejected, decode};
use crate::detect::engine::scratch::Scratch;
use crate::detect::{Hits, RuleSet};
use crate::event::WindowsEvent;
use crate::intake::stages::{Stage, Timings};
use crate::intake::{Batch, Intake, ListenerId, Observed, Peer};

/// What all inputs share.
#[derive(Debug, Clone)]
pub struct Config {
    /// The longest message, in bytes.
    pub max_frame: usize,
    /// How many connections a listener takes.
    pub max_connections: usize,
    /// How long part of a message may wait for the rest.
    pub idle_flush: Duration,
    /// What the kernel is asked to buffer for a UDP listener, in bytes.
    pub udp_receive_buffer: usize,
}

/// What an input task needs.
#[derive(Debug, Clone)]
pub struct Context {
    /// Its listener.
    pub listener: ListenerId,
    /// The limits.
    pub config: Arc<Config>,
    /// The way to the collector.
    pub intake: mpsc::Sender<Intake>,
    /// The rules as they are now.
    pub rules: watch::Receiver<Arc<RuleSet>>,
    /// True once the end was asked for.
    pub shutdown: watch::Receiver<bool>,
}

impl Context {
    /// The framing limits.
    pub fn framer(&self) -> FramerConfig {
        FramerConfig { max_frame: self.config.max_frame }
    }

    /// An empty batch, to be filled.
    pub fn batch(&self, peer: &Peer, received_at: DateTime<Utc>) -> Batch {
        Batch::new(self.listener, peer.clone(), received_at, self.rules.borrow().clone())
    }

    /// Hands a batch over, waiting while the queue is full. False when the collector is gone.
    pub async fn send(&self, batch: Batch) -> bool {
        if batch.bytes == 0 && batch.frames() == 0 {
            return true;
        }
        self.intake.send(Intake::Batch(Box::new(batch))).await.is_ok()
    }

    /// Tells what the rules did, at most once a second, and at the end.
    pub async fn report(&self, matcher: &mut Matcher, is_end: bool) {
        if is_end || matcher.is_due() {
            for work in matcher.take_work() {
                let _ = self.intake.send(work).await;
            }
        }
    }
}

/// How often an input tells what the rules did.
const REPORT_EVERY: Duration = Duration::from_secs(1);
/// Of how many events one has its rules timed: the clock costs more than most rules do.
const TIMED: u32 = 256;
/// Of how many messages one has its stages timed; that takes three looks at the clock.
const STAGED: u32 = 16;

/// What one input task matches with, its own and no other's.
#[derive(Debug)]
pub struct Matcher {
    scratch: Scratch,
    /// The rules that the scratch has counts of.
    rules: Option<Arc<RuleSet>>,
    /// Counts of rules that were replaced meanwhile.
    kept: Vec<Intake>,
    events: u32,
    frames: u32,
    /// How long stages took, as far as nobody was told.
    timings: Vec<(Stage, Timings)>,
    begun: Instant,
    reported: Instant,
}

impl Default for Matcher {
    fn default() -> Self {
        let now = Instant::now();
        Self {
            scratch: Scratch::default(),
            rules: None,
            kept: Vec::new(),
            events: 0,
            frames: 0,
            timings: Vec::new(),
            begun: now,
            reported: now,
        }
    }
}

impl Matcher {
    fn observe(&mut self, rules: &Arc<RuleSet>, event: &WindowsEvent) -> Hits {
        if self.rules.as_ref().is_none_or(|own| !Arc::ptr_eq(own, rules)) {
            self.keep_work();
            self.rules = Some(rules.clone());
        }
        self.events = self.events.wrapping_add(1);
        if self.events % TIMED != 1 {
            return rules.observe_with(event, &mut self.scratch, None);
        }
        let begun = self.begun;
        rules.observe_with(event, &mut self.scratch, Some(&mut || begun.elapsed().as_nanos() as u64))
    }

    /// The next message of a stream.
    pub fn next_frame<'f>(&mut self, framer: &'f mut Framer) -> Option<Framed<'f>> {
        let begun = self.frames.is_multiple_of(STAGED).then(Instant::now);
        let framed = framer.next()?;
        self.lap(Stage::Frame, begun);
        Some(framed)
    }

    /// A message is taken up; answers when, if its stages are timed.
    fn begin(&mut self) -> Option<Instant> {
        self.frames = self.frames.wrapping_add(1);
        (self.frames % STAGED == 1).then(Instant::now)
    }

    /// A stage is done; answers when.
    fn lap(&mut self, stage: Stage, begun: Option<Instant>) -> Option<Instant> {
        let begun = begun?;
        let now = Instant::now();
        let took = now.duration_since(begun).as_nanos() as u64;
        match self.timings.iter_mut().find(|(own, _)| *own == stage) {
            Some((_, timings)) => timings.note(took),
            None => {
                let mut timings = Timings::default();
                timings.note(took);
                self.timings.push((stage, timings));
            }
        }
        Some(now)
    }

    /// Whether it is time to tell what the rules did.
    pub fn is_due(&self) -> bool {
        self.reported.elapsed() >= REPORT_EVERY
    }

    fn keep_work(&mut self) {
        let Some(rules) = &self.rules else { return };
        let work = rules.take_work(&mut self.scratch);
        if !work.is_empty() {
            self.kept.push(Intake::Work { rules: rules.clone(), work });
        }
    }

    /// What the rules did, and how long stages took, since this was last asked, for the collector.
    pub fn take_work(&mut self) -> Vec<Intake> {
        self.reported = Instant::now();
        self.keep_work();
        if !self.timings.is_empty() {
            self.kept.push(Intake::Timed(std::mem::take(&mut self.timings)));
        }
        std::mem::take(&mut self.kept)
    }
}

/// Decodes and matches one frame into the batch.
pub fn add(batch: &mut Batch, framed: Framed<'_>, matcher: &mut Matcher) {
    let frame = match framed {
        Framed::Frame(frame) => frame,
        Framed::Rejected(rejected) => return batch.rejected.push(rejected),
    };
    let begun = matcher.begin();
    let decoded = decode(&frame, batch.received_at);
    let begun = matcher.lap(Stage::Parse, begun);
    match decoded {
        Ok(decoded) => {
            let hits = matcher.observe(&batch.rules, &decoded.event);
            matcher.lap(Stage::Detect, begun);
            let relay_host = decoded
                .header
                .and_then(|header| header.host_name)
                .filter(|host| !host.eq_ignore_ascii_case(decoded.event.computer()));
            batch.observed.push(Observed { event: Arc::new(decoded.event), hits, relay_host });
        }
        Err(rejected) => batch.rejected.push(rejected),
    }
}

/// A frame that could not be read from its source at all.
pub fn add_rejected(batch: &mut Batch, rejected: Rejected) {
    batch.rejected.push(rejected);
}

/// Waits until the end is asked for (or whoever could ask is gone).
pub async fn end_asked(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|is_ending| *is_ending).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ecs::Mapping;
    use crate::detect::load;

    #[test]
    fn some_messages_have_their_stages_timed() {
        let rules = Arc::new(RuleSet::compile(&load::builtin(), &Mapping::default()));
        let mut batch = Batch::new(ListenerId(0), Peer("test".into()), DateTime::UNIX_EPOCH, rules);
        let event = "<Event><System><Provider Name='x'/><EventID>1</EventID><Computer>a</Computer></System></Event>\n";
        let mut framer = Framer::new(FramerConfig { max_frame: 1 << 16 });
        framer.push(event.repeat(40).as_bytes());
        let mut matcher = Matcher::default();
        while let Some(framed) = matcher.next_frame(&mut framer) {
            add(&mut batch, framed, &mut matcher);
        }
        assert_eq!((batch.observed.len(), batch.rejected.len()), (40, 0));
        let timed: Vec<Intake> = matcher.take_work().into_iter().filter(|told| matches!(told, Intake::Timed(_))).collect();
        let [Intake::Timed(rows)] = timed.as_slice() else { panic!("told once: {timed:?}") };
        for stage in [Stage::Frame, Stage::Parse, Stage::Detect] {
            assert!(rows.iter().any(|(own, timings)| *own == stage && timings.p99().is_some()), "{stage:?} of {rows:?}");
        }
        // Told once, and nothing is left to tell.
        assert!(!matcher.take_work().iter().any(|told| matches!(told, Intake::Timed(_))));
    }
}
