//! The short queue to a viewer. A console that does not drain it falls behind, which is noticed by whoever fills it; what a script
//! misses is counted.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::feed::Update;

/// Something for a viewer.
#[derive(Debug)]
pub(super) enum Out {
    /// A frame for consoles, the same for all.
    Frame(Bytes),
    /// A part of a list that was asked for.
    Page(Arc<Bytes>),
    /// An update for scripts, each with filters of its own.
    Update(Arc<Update>),
    /// So many updates were lost to this script.
    Missed(u64),
}

/// What leads to a viewer.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) sender: mpsc::Sender<Out>,
    pub(super) is_console: bool,
    pub(super) missed: u64,
    /// From which entry on it knows the triage log.
    pub(super) log_from: u64,
    /// The last part of a list that was told, until it is written.
    pub(super) page: Weak<Bytes>,
}

impl Slot {
    pub(super) fn hand_page(&mut self, frame: Bytes) {
        let page = Arc::new(frame);
        self.page = Arc::downgrade(&page);
        self.missed += u64::from(self.sender.try_send(Out::Page(page)).is_err());
    }

    pub(super) fn hand(&mut self, frame: &Bytes) {
        if self.is_console && self.sender.try_send(Out::Frame(frame.clone())).is_err() {
            self.missed += 1;
        }
    }

    pub(super) fn tell(&mut self, update: &Arc<Update>) {
        if self.missed > 0 && self.sender.try_send(Out::Missed(self.missed)).is_ok() {
            self.missed = 0;
        }
        if self.missed > 0 || self.sender.try_send(Out::Update(update.clone())).is_err() {
            self.missed += 1;
        }
    }
}
