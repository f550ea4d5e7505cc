//! Hands every update to every subscriber, each by the overflow that it chose.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::feed::{Change, Overflow, Update};
use crate::store::archive::Archive;

/// How many alerts are held for a console that does not keep up.
const HELD_ALERTS: usize = 10_000;

/// How long they have to take what is held, at the end.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// All subscribers.
#[derive(Debug, Default)]
pub struct Hub {
    subscribers: Vec<Subscriber>,
    seq: u64,
    /// Whether anybody looks through the subscriber that serves others.
    is_watched: bool,
    /// Where events are kept for those who scroll back, and how many found no room there.
    archive: Option<Archive>,
    unarchived: u64,
}

#[derive(Debug)]
struct Subscriber {
    overflow: Overflow,
    /// Whether it serves others, who may come and go.
    is_server: bool,
    sender: mpsc::Sender<Arc<Update>>,
    /// Alerts and acts that did not fit. The tail and the status are superseded soon; they are not.
    held: VecDeque<Arc<Update>>,
}

impl Hub {
    /// A new subscriber with a queue of `capacity` updates.
    pub fn subscribe(&mut self, overflow: Overflow, capacity: usize) -> mpsc::Receiver<Arc<Update>> {
        self.add(overflow, capacity, false)
    }

    /// A subscriber that serves consoles elsewhere. It may shed, and wants single events only while somebody looks.
    pub fn subscribe_server(&mut self, capacity: usize) -> mpsc::Receiver<Arc<Update>> {
        self.add(Overflow::Shed, capacity, true)
    }

    fn add(&mut self, overflow: Overflow, capacity: usize, is_server: bool) -> mpsc::Receiver<Arc<Update>> {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        self.subscribers.push(Subscriber { overflow, is_server, sender, held: VecDeque::new() });
        receiver
    }

    /// Somebody looks from elsewhere, or nobody does any more.
    pub fn set_watched(&mut self, is_watched: bool) {
        self.is_watched = is_watched;
    }

    /// Keeps all events from now on.
    pub fn keep_events(&mut self, archive: Archive) {
        self.archive = Some(archive);
    }

    /// How many events the archive had no room for.
    pub fn unarchived(&self) -> u64 {
        self.unarchived
    }

    /// Whether single events are made at all: for people, or for the archive.
    pub fn makes_events(&self) -> bool {
        self.archive.is_some() || self.wants_events()
    }

    /// Whether anybody shows single events and hosts: only those who may shed do.
    pub fn wants_events(&self) -> bool {
        let wants = |subscriber: &Subscriber| subscriber.overflow == Overflow::Shed && (!subscriber.is_server || self.is_watched);
        self.subscribers.iter().any(wants)
    }

    /// Publishes a change; answers how many subscribers missed it. One that is gone is forgotten.
    pub async fn publish(&mut self, change: Change, at: DateTime<Utc>) -> u64 {
        self.seq += 1;
        let update = Arc::new(Update { seq: self.seq, at, change });
        let mut shed = 0;
        let is_events = matches!(update.change, Change::Events(_));
        if let Some(archive) = self.archive.as_ref().filter(|_| is_events) {
            self.unarchived += archive.offer(&update);
        }
        for subscriber in &mut self.subscribers {
            if is_events && subscriber.is_server && !self.is_watched {
                continue;
            }
            shed += subscriber.hand(&update).await;
        }
        self.subscribers.retain(|subscriber| !subscriber.sender.is_closed());
        shed
    }

    /// Hands out what is held, at the end: nothing follows that would bring it along. One that does not take it goes without.
    pub async fn finish(&mut self) {
        if self.subscribers.iter().all(|subscriber| subscriber.held.is_empty()) {
            return;
        }
        let all = async {
            for subscriber in &mut self.subscribers {
                while let Some(update) = subscriber.held.pop_front() {
                    if subscriber.sender.send(update).await.is_err() {
                        break;
                    }
                }
            }
        };
        let _ = tokio::time::timeout(LAST_WORDS, all).await;
    }
}

impl Subscriber {
    /// Hands the update on; 1 if it was shed. A subscriber that is gone sheds nothing.
    async fn hand(&mut self, update: &Arc<Update>) -> u64 {
        if self.overflow == Overflow::Wait {
            // Outputs hear of alerts, not of every event and status, and not of what an earlier run told them.
            if !matches!(update.change, Change::Events(_) | Change::Status(_) | Change::Known(_) | Change::Viewers(_)) {
                let _ = self.sender.send(update.clone()).await;
            }
            return 0;
        }
        while let Some(first) = self.held.pop_front() {
            if let Err(TrySendError::Full(first)) = self.sender.try_send(first) {
                self.held.push_front(first);
                break;
            }
        }
        let is_full = !self.held.is_empty() || matches!(self.sender.try_send(update.clone()), Err(TrySendError::Full(_)));
        if is_full && update.change.is_lasting() && self.held.len() < HELD_ALERTS {
            self.held.push_back(update.clone());
            return 0;
        }
        u64::from(is_full)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::{Notice, NoticeLevel};

    fn notice() -> Change {
        Change::Notice(Notice { level: NoticeLevel::Info, text: "x".to_owned() })
    }

    #[tokio::test]
    async fn a_slow_console_sheds_and_a_gone_one_is_forgotten() {
        let mut hub = Hub::default();
        let mut slow = hub.subscribe(Overflow::Shed, 2);
        let gone = hub.subscribe(Overflow::Shed, 2);
        drop(gone);
        let mut shed = 0;
        for _ in 0..5 {
            shed += hub.publish(notice(), DateTime::UNIX_EPOCH).await;
        }
        assert_eq!(shed, 3);
        assert_eq!(hub.subscribers.len(), 1);
        assert_eq!(slow.recv().await.map(|update| update.seq), Some(1));
    }

    #[tokio::test]
    async fn what_is_held_is_handed_out_in_the_end() {
        let mut hub = Hub::default();
        let mut slow = hub.subscribe(Overflow::Shed, 1);
        let lasting = || Change::Known(Vec::new());
        assert!(lasting().is_lasting());
        for _ in 0..3 {
            assert_eq!(hub.publish(lasting(), DateTime::UNIX_EPOCH).await, 0);
        }
        let read = tokio::spawn(async move {
            let mut seen = Vec::new();
            while let Some(update) = slow.recv().await {
                seen.push(update.seq);
            }
            seen
        });
        hub.finish().await;
        drop(hub);
        assert_eq!(read.await.expect("it ends"), [1, 2, 3]);
    }

    #[tokio::test]
    async fn a_server_wants_events_only_while_somebody_looks() {
        let mut hub = Hub::default();
        let _server = hub.subscribe_server(1);
        assert!(!hub.wants_events());
        hub.set_watched(true);
        assert!(hub.wants_events());
    }

    #[tokio::test]
    async fn outputs_do_not_hear_every_event() {
        let mut hub = Hub::default();
        let mut output = hub.subscribe(Overflow::Wait, 1);
        hub.publish(Change::Events(Vec::new()), DateTime::UNIX_EPOCH).await;
        hub.publish(notice(), DateTime::UNIX_EPOCH).await;
        assert_eq!(output.recv().await.map(|update| update.seq), Some(2));
        assert!(!hub.wants_events());
    }
}
