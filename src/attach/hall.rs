//! Where viewers meet the feed: the one owner of the [`Replica`] and of the queues to the viewers. What happened within a tenth
//! of a second becomes one frame, made once for all of them; alerts and acts do not wait while nothing else was just told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use crate::alert::{Alert, AlertId};
use crate::attach::frame::{self, MAX_TOLD};
use crate::attach::replica::{Prepared, Replica};
use crate::attach::{Told, Wants};
use crate::feed::{Change, EventLine, Listing, Page, Status, Update};
use crate::triage::Target;
use crate::triage::mute::{Preview, Scope};

/// How many frames may wait for a console; one that has more to read gets a new snapshot.
const FRAMES: usize = 64;
/// How many updates may wait for a script; beyond, they are lost to it and counted.
const UPDATES: usize = 4096;
/// The shortest time between two frames.
const FLUSH: Duration = Duration::from_millis(100);
/// How many events, and how many bytes of them, go into one frame; the rest is left out of the tail and counted.
const EVENTS: usize = 40;
const EVENT_BYTES: usize = 256 << 10;
/// How often a status is told at most, and how often with what every rule did.
const STATUS_EVERY: Duration = Duration::from_millis(500);
const RULES_EVERY: Duration = Duration::from_secs(2);
/// How many updates may wait for the next frame.
const WAITING: usize = 256;

/// What viewers ask of the hall.
#[derive(Debug)]
pub(super) enum Door {
    /// Let me hear; also from somebody who fell behind.
    Enter { viewer: u64, wants: Wants, is_resync: bool, entered: oneshot::Sender<Entered> },
    /// I go.
    Leave(u64),
    /// Is the evidence of this alert here?
    Evidence(AlertId, oneshot::Sender<Option<Arc<Alert>>>),
    /// What is in this part of a list?
    List { viewer: u64, listing: Listing },
    /// What would this mute have hidden?
    Preview(Scope, oneshot::Sender<Preview>),
    /// Which repeats of this alert wait for somebody, itself included?
    Repeats(AlertId, oneshot::Sender<Vec<Target>>),
}

/// What somebody who entered hears.
#[derive(Debug)]
pub(super) struct Entered {
    /// First.
    pub(super) prepared: Option<Prepared>,
    /// Then. It closes when the viewer fell behind.
    pub(super) queue: mpsc::Receiver<Out>,
}

/// Something for a viewer.
#[derive(Debug)]
pub(super) enum Out {
    /// A frame for consoles, the same for all.
    Frame(Bytes),
    /// An update for scripts, each with filters of its own.
    Update(Arc<Update>),
    /// So many updates were lost to this script.
    Missed(u64),
}

#[derive(Debug)]
struct Slot {
    sender: mpsc::Sender<Out>,
    is_console: bool,
    missed: u64,
    /// From which entry on it knows the triage log.
    log_from: u64,
}

/// The hall.
#[derive(Debug)]
struct Hall {
    replica: Replica,
    slots: HashMap<u64, Slot>,
    waiting: Vec<Arc<Update>>,
    events: Vec<EventLine>,
    left_out: u64,
    status: Option<Arc<Update>>,
    hosts: Vec<Arc<Update>>,
    last_flush: Instant,
    last_status: Instant,
    last_rules: Instant,
    seq: u64,
    /// Who came while the store was read back.
    early: Option<Vec<Door>>,
}

/// Runs until the collector ends.
pub(super) async fn run(mut updates: mpsc::Receiver<Arc<Update>>, mut doors: mpsc::Receiver<Door>) {
    let now = Instant::now();
    let mut hall = Hall {
        replica: Replica::new(),
        slots: HashMap::new(),
        waiting: Vec::new(),
        events: Vec::new(),
        left_out: 0,
        status: None,
        hosts: Vec::new(),
        last_flush: now,
        last_status: now,
        last_rules: now,
        seq: 0,
        early: None,
    };
    loop {
        tokio::select! {
            update = updates.recv() => match update {
                Some(update) => hall.hear(update),
                None => return,
            },
            Some(door) = doors.recv() => hall.answer(door),
            () = sleep_until(hall.last_flush + FLUSH), if hall.has_news() => hall.flush(),
        }
    }
}

impl Hall {
    fn hear(&mut self, update: Arc<Update>) {
        self.replica.hear(&update);
        self.seq = update.seq;
        if matches!(update.change, Change::Known(_)) {
            // Much at once, and nobody's news: who is there begins anew when all of it is here, and who comes waits for that.
            self.slots.retain(|_, slot| !slot.is_console);
            self.early.get_or_insert_default();
            return;
        }
        self.early.take().into_iter().flatten().for_each(|door| self.answer(door));
        self.tell_scripts(&update);
        if !self.slots.values().any(|slot| slot.is_console) {
            return;
        }
        match &update.change {
            Change::Events(lines) => self.hear_events(lines),
            Change::Status(status) => {
                if !status.hosts.is_empty() || !status.forgotten.is_empty() {
                    self.hosts.push(update.clone());
                }
                self.status = Some(update);
            }
            _ => {
                let again = match &update.change {
                    Change::Alert(alert) => self.replica.happened_again(&alert.id),
                    _ => None,
                };
                let (seq, at) = (update.seq, update.at);
                self.waiting.push(update);
                if let Some(standing) = again {
                    let page = Page { token: 0, alerts: vec![standing], matches: None, horizon: None };
                    self.waiting.push(Arc::new(Update { seq, at, change: Change::Listed(Box::new(page)) }));
                }
                if self.last_flush.elapsed() >= FLUSH || self.waiting.len() >= WAITING {
                    self.flush();
                }
            }
        }
    }

    fn hear_events(&mut self, lines: &[EventLine]) {
        let mut bytes: usize = self.events.iter().map(|line| line.xml.len()).sum();
        for line in lines {
            bytes += line.xml.len();
            if self.events.len() >= EVENTS || bytes > EVENT_BYTES {
                self.left_out += 1;
            } else {
                self.events.push(line.clone());
            }
        }
    }

    fn has_news(&self) -> bool {
        let is_due = self.status.is_some() && self.last_status.elapsed() >= STATUS_EVERY;
        is_due || !self.waiting.is_empty() || !self.events.is_empty()
    }

    /// Makes one frame of what waits and gives it to every console.
    fn flush(&mut self) {
        let mut updates = std::mem::take(&mut self.waiting);
        let at = updates.last().or(self.status.as_ref()).map_or_else(chrono::DateTime::default, |update| update.at);
        let seq = self.seq;
        let mut tell = |change: Change| updates.push(Arc::new(Update { seq, at, change }));
        if !self.events.is_empty() {
            tell(Change::Events(std::mem::take(&mut self.events)));
        }
        if let Some(tally) = self.replica.take_tally() {
            tell(Change::Tally(Box::new(tally)));
        }
        if self.left_out > 0 {
            tell(Change::LeftOut(std::mem::take(&mut self.left_out)));
        }
        if self.last_status.elapsed() >= STATUS_EVERY
            && let Some(status) = self.status.take()
            && let Change::Status(status) = &status.change
        {
            self.last_status = Instant::now();
            tell(Change::Status(Box::new(merged(status, &std::mem::take(&mut self.hosts), &mut self.last_rules))));
        }
        self.last_flush = Instant::now();
        if updates.is_empty() {
            return;
        }
        match frame::frame(&Told::Updates(updates), MAX_TOLD) {
            Some(frame) => self.slots.values_mut().for_each(|slot| slot.hand(&frame)),
            // Nothing that large is made on purpose; everybody begins anew rather than miss it.
            None => self.slots.retain(|_, slot| !slot.is_console),
        }
        // One that fell behind hears nothing more until it has read all that it has and asks anew.
        self.slots.retain(|_, slot| !slot.is_console || slot.missed == 0);
    }

    fn tell_scripts(&mut self, update: &Arc<Update>) {
        for slot in self.slots.values_mut().filter(|slot| !slot.is_console) {
            if matches!(update.change, Change::Alert(_) | Change::Events(_)) {
                slot.tell(update);
            }
        }
    }

    /// Tells a part of a list after all that happened before, so that a console counts alerts as they are counted here.
    fn list(&mut self, viewer: u64, listing: &Listing) {
        self.flush();
        // Somebody who fell behind asks anew after the next snapshot.
        let Some(slot) = self.slots.get_mut(&viewer) else { return };
        let change = Change::Listed(Box::new(self.replica.page(listing, slot.log_from)));
        let update = Update { seq: self.seq, at: self.replica.now(), change };
        if let Some(frame) = frame::frame(&Told::Updates(vec![Arc::new(update)]), MAX_TOLD) {
            slot.hand(&frame);
        }
    }

    fn answer(&mut self, door: Door) {
        match door {
            Door::Leave(viewer) => drop(self.slots.remove(&viewer)),
            Door::Evidence(id, answer) => drop(answer.send(self.replica.evidence(&id))),
            Door::List { viewer, listing } => self.list(viewer, &listing),
            Door::Preview(scope, answer) => drop(answer.send(self.replica.preview(&scope))),
            Door::Repeats(id, answer) => drop(answer.send(self.replica.targets_like(&id))),
            Door::Enter { .. } if self.early.is_some() => self.early.get_or_insert_default().push(door),
            Door::Enter { viewer, wants, is_resync, entered } => {
                let (prepared, capacity) = match wants {
                    Wants::Console { most } => {
                        // What waits is part of the snapshot; the others get it before this one is there.
                        self.flush();
                        let most = usize::try_from(most).unwrap_or(usize::MAX);
                        (Some(self.replica.prepare(most, is_resync)), FRAMES)
                    }
                    Wants::Tail { .. } => (None, UPDATES),
                };
                let (sender, queue) = mpsc::channel(capacity);
                let is_console = prepared.is_some();
                let log_from = prepared.as_ref().map_or(0, |prepared| prepared.log_from);
                if entered.send(Entered { prepared, queue }).is_ok() {
                    self.slots.insert(viewer, Slot { sender, is_console, missed: 0, log_from });
                }
            }
        }
    }
}

/// The status with all hosts that changed since it was told last; what every rule did comes less often.
fn merged(status: &Status, hosts: &[Arc<Update>], last_rules: &mut Instant) -> Status {
    let mut changed = HashMap::new();
    let mut forgotten = Vec::new();
    for update in hosts {
        let Change::Status(status) = &update.change else { continue };
        for host in &status.forgotten {
            changed.remove(host);
        }
        forgotten.extend(status.forgotten.iter().cloned());
        changed.extend(status.hosts.iter().map(|host| (host.name.clone(), host)));
    }
    let has_rules = last_rules.elapsed() >= RULES_EVERY;
    if has_rules {
        *last_rules = Instant::now();
    }
    let mut told = Status { hosts: changed.into_values().cloned().collect(), forgotten, ..status.clone() };
    told.forgotten.retain(|host| !told.hosts.iter().any(|own| own.name == *host));
    if !has_rules {
        told.rules.clear();
    }
    told
}

impl Slot {
    fn hand(&mut self, frame: &Bytes) {
        if self.is_console && self.sender.try_send(Out::Frame(frame.clone())).is_err() {
            self.missed += 1;
        }
    }

    fn tell(&mut self, update: &Arc<Update>) {
        if self.missed > 0 && self.sender.try_send(Out::Missed(self.missed)).is_ok() {
            self.missed = 0;
        }
        if self.missed > 0 || self.sender.try_send(Out::Update(update.clone())).is_err() {
            self.missed += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::header::testing::header;
    use crate::feed::Known;

    fn known(from: u32) -> Arc<Update> {
        let header = |number| Arc::new(header(&format!("{number:032}"), "h1", "10.0.0.1", 1));
        let past = (from..from + 500).map(|number| Known::Alert { header: header(number), muted: None });
        Arc::new(Update { seq: 1, at: chrono::DateTime::UNIX_EPOCH, change: Change::Known(past.collect()) })
    }

    #[tokio::test]
    async fn who_comes_while_the_store_is_read_back_hears_all_of_it_at_once() {
        let (feed, updates) = mpsc::channel(8);
        let (doors, asked) = mpsc::channel(8);
        tokio::spawn(run(updates, asked));
        let enter = |viewer| {
            let (entered, answer) = oneshot::channel();
            let door = Door::Enter { viewer, wants: Wants::Console { most: 10 }, is_resync: false, entered };
            (doors.send(door), answer)
        };
        let (sent, before) = enter(1);
        sent.await.unwrap();
        let mut before = before.await.unwrap();
        feed.send(known(0)).await.unwrap();
        // Somebody who was there begins anew.
        assert!(before.queue.recv().await.is_none());
        let (sent, mut during) = enter(2);
        sent.await.unwrap();
        feed.send(known(500)).await.unwrap();
        assert!(during.try_recv().is_err(), "the second half is not read yet");
        let change = Change::Status(Box::default());
        feed.send(Arc::new(Update { seq: 2, at: chrono::DateTime::UNIX_EPOCH, change })).await.unwrap();
        let entered = during.await.unwrap();
        let piece = entered.prepared.unwrap().next_piece().unwrap();
        assert_eq!(piece.tally.map(|tally| tally.alerts), Some(1000));
    }
}
