//! Where events come in: one task a connection reads, frames, decodes and matches (all shared, without locks) and hands the
//! collector one batch a read. TCP and replay wait for a full queue; UDP sheds and counts.

pub mod clock;
pub mod replay;
pub mod source;
pub mod tcp;
pub mod udp;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, watch};

use crate::decode::framing::{Framed, FramerConfig};
use crate::decode::{Rejected, decode};
use crate::detect::RuleSet;
use crate::detect::engine::Scratch;
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
    /// How long connections are read on after the end was asked for.
    pub drain: Duration,
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
        Batch {
            listener: self.listener,
            peer: peer.clone(),
            received_at,
            rules: self.rules.borrow().clone(),
            bytes: 0,
            observed: Vec::new(),
            rejected: Vec::new(),
            shed: Vec::new(),
        }
    }

    /// Hands a batch over, waiting while the queue is full. False when the collector is gone.
    pub async fn send(&self, batch: Batch) -> bool {
        if batch.bytes == 0 && batch.frames() == 0 {
            return true;
        }
        self.intake.send(Intake::Batch(Box::new(batch))).await.is_ok()
    }
}

/// Decodes and matches one frame into the batch. The scratch is the input task's own.
pub fn add(batch: &mut Batch, framed: Framed<'_>, scratch: &mut Scratch) {
    let frame = match framed {
        Framed::Frame(frame) => frame,
        Framed::Rejected(rejected) => return batch.rejected.push(rejected),
    };
    match decode(&frame, batch.received_at) {
        Ok(decoded) => {
            let hits = batch.rules.observe_with(&decoded.event, scratch);
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
