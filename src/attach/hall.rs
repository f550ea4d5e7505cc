//! Where viewers meet the feed: the one owner of the [`Replica`] and of the queues to the viewers. What happened within a tenth
//! of a second becomes one frame, made once for all of them; alerts and acts do not wait while nothing else was just told.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::yield_now;
use tokio::time::{Instant, sleep_until};

use crate::alert::{Action, Alert, AlertId};
use crate::attach::frame::{self, MAX_TOLD};
use crate::attach::replica::{Prepared, Replica};
use crate::attach::slot::{Out, Slot};
use crate::attach::{Told, Wants};
use crate::feed::page::Page;
use crate::feed::status::Status;
use crate::feed::{Change, EventLine, Update};
use crate::roster::marked::Gather;
use crate::roster::scan::Scan;
use crate::triage::Target;
use crate::triage::mute::{Preview, Scope};

/// How many frames may wait for a console; one that has more to read gets a new snapshot.
const FRAMES: usize = 64;
/// How many updates may wait for a script; beyond, they are lost to it and counted.
const UPDATES: usize = 4096;
/// How many alerts a console may begin with.
const MOST: usize = 10_000;
/// The shortest time between two frames.
const FLUSH: Duration = Duration::from_millis(100);
/// How many events, and how many bytes of them, go into one frame; the rest is left out of the tail and counted.
const EVENTS: usize = 40;
const EVENT_BYTES: usize = 256 << 10;
/// How often a status is told at most, and how often with what every rule did.
const STATUS_EVERY: Duration = Duration::from_millis(500);
const RULES_EVERY: Duration = Duration::from_secs(2);
/// For how long it reads lists before it hears what happened meanwhile, and how many alerts of a list at once.
const READING: Duration = Duration::from_millis(2);
const AT_ONCE: usize = 32;
/// How many updates are heard before it is asked what else there is.
const HEARD: usize = 256;
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
    List { viewer: u64, scan: Box<Scan> },
    /// What would this mute have hidden?
    Preview(Scope, oneshot::Sender<Preview>),
    /// Which repeats of this alert stand where it does, itself included?
    Repeats(AlertId, oneshot::Sender<Vec<Target>>),
    /// Which alerts are marked? It comes back when all are found.
    Gather(Box<Gather>, oneshot::Sender<Box<Gather>>),
}

/// What somebody who entered hears.
#[derive(Debug)]
pub(super) struct Entered {
    /// First.
    pub(super) prepared: Option<Prepared>,
    /// Then. It closes when the viewer fell behind.
    pub(super) queue: mpsc::Receiver<Out>,
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
    /// What viewers wait for, one at most for each.
    scans: VecDeque<(u64, Scan)>,
    /// What was found for viewers that have another part to read still: a part is large, and only one waits for each.
    found: Vec<(u64, Scan)>,
    /// What is marked, being gathered; each viewer waits for its own.
    gathers: VecDeque<(Box<Gather>, oneshot::Sender<Box<Gather>>)>,
    last_flush: Instant,
    last_status: Instant,
    last_rules: Instant,
    seq: u64,
    /// Who came while the store was read back.
    early: Option<Vec<Door>>,
}

/// Runs until the collector ends; what it told last still goes out.
pub(super) async fn run(mut updates: mpsc::Receiver<Arc<Update>>, mut doors: mpsc::Receiver<Door>) {
    let mut hall = Hall::new();
    loop {
        tokio::select! {
            update = updates.recv() => match update {
                Some(update) => {
                    hall.hear(update);
                    (1..HEARD).map_while(|_| updates.try_recv().ok()).for_each(|update| hall.hear(update));
                }
                None => return hall.flush(),
            },
            Some(door) = doors.recv() => hall.answer(door),
            () = sleep_until(hall.last_flush + FLUSH), if hall.has_news() => {
                hall.flush();
                hall.tell_found();
            }
            // After a moment for others.
            () = yield_now(), if !hall.scans.is_empty() || !hall.gathers.is_empty() => {
                hall.read_on();
                hall.gather_on();
            }
        }
    }
}

impl Hall {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            replica: Replica::new(),
            slots: HashMap::new(),
            waiting: Vec::new(),
            events: Vec::new(),
            left_out: 0,
            status: None,
            hosts: Vec::new(),
            scans: VecDeque::new(),
            found: Vec::new(),
            gathers: VecDeque::new(),
            last_flush: now,
            last_status: now,
            last_rules: now,
            seq: 0,
            early: None,
        }
    }

    fn hear(&mut self, update: Arc<Update>) {
        self.replica.hear(&update);
        self.seq = update.seq;
        if matches!(update.change, Change::Known(_)) {
            // Much at once, and nobody's news: who is there begins anew when all of it is here, and who comes waits for that.
            self.slots.retain(|_, slot| !slot.is_console);
            self.early.get_or_insert_default();
            drop(self.replica.take_tally());
            return;
        }
        self.early.take().into_iter().flatten().for_each(|door| self.answer(door));
        self.tell_scripts(&update);
        if !self.slots.values().any(|slot| slot.is_console) {
            // Nobody is told what changed; it must not pile up.
            drop(self.replica.take_tally());
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
                    Change::Alert(alert) if alert.action == Action::Raised => self.replica.happened_again(&alert.id),
                    _ => None,
                };
                let (seq, at) = (update.seq, update.at);
                self.waiting.push(update);
                if let Some(standing) = again {
                    let page = Page::unasked(standing);
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
        is_due || !self.waiting.is_empty() || !self.events.is_empty() || !self.found.is_empty()
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

    /// Begins to look for a part of a list. Whoever asks for another waits for the first no more.
    fn list(&mut self, viewer: u64, scan: Scan) {
        self.found.retain(|(own, _)| *own != viewer);
        match self.scans.iter_mut().find(|(own, _)| *own == viewer) {
            Some((_, old)) => {
                if !old.goes_on_as(&scan) {
                    *old = scan;
                }
            }
            None => self.scans.push_back((viewer, scan)),
        }
    }

    /// Reads on for a moment in the list that waits longest.
    fn read_on(&mut self) {
        let Some((viewer, mut scan)) = self.scans.pop_front() else { return };
        // Somebody who fell behind asks anew after the next snapshot.
        if !self.slots.contains_key(&viewer) {
            return;
        }
        let until = Instant::now() + READING;
        let at_once = if scan.is_slow() { AT_ONCE } else { usize::MAX };
        while !self.replica.read(&mut scan, at_once) {
            if Instant::now() >= until {
                return self.scans.push_back((viewer, scan));
            }
        }
        self.tell_page(viewer, scan);
    }

    /// Gathers on for a moment what is marked.
    fn gather_on(&mut self) {
        let Some((mut gather, answer)) = self.gathers.pop_front() else { return };
        // Whoever asked may have gone.
        if answer.is_closed() {
            return;
        }
        let until = Instant::now() + READING;
        while !self.replica.gather(&mut gather, AT_ONCE) {
            if Instant::now() >= until {
                return self.gathers.push_back((gather, answer));
            }
        }
        drop(answer.send(gather));
    }

    /// Tells what was found to those who have read what they had before.
    fn tell_found(&mut self) {
        let found = std::mem::take(&mut self.found);
        found.into_iter().for_each(|(viewer, scan)| self.tell_page(viewer, scan));
    }

    /// Tells a part of a list after all that happened before, so that a console counts alerts as they are counted here.
    fn tell_page(&mut self, viewer: u64, scan: Scan) {
        self.flush();
        let Some(slot) = self.slots.get_mut(&viewer) else { return };
        if slot.page.strong_count() > 0 {
            return self.found.push((viewer, scan));
        }
        let mut page = Some(self.replica.page(&scan, slot.log_from));
        while let Some(told) = page {
            let change = Change::Listed(Box::new(told.clone()));
            let update = Update { seq: self.seq, at: self.replica.now(), change };
            match frame::frame(&Told::Updates(vec![Arc::new(update)]), MAX_TOLD) {
                Some(frame) => return slot.hand_page(frame),
                None => page = told.halved(),
            }
        }
    }

    fn answer(&mut self, door: Door) {
        match door {
            Door::Leave(viewer) => drop(self.slots.remove(&viewer)),
            Door::Evidence(id, answer) => drop(answer.send(self.replica.evidence(&id))),
            Door::List { viewer, scan } => self.list(viewer, *scan),
            Door::Preview(scope, answer) => drop(answer.send(self.replica.preview(&scope))),
            Door::Repeats(id, answer) => drop(answer.send(self.replica.targets_like(&id))),
            Door::Gather(gather, answer) => self.gathers.push_back((gather, answer)),
            Door::Enter { .. } if self.early.is_some() => self.early.get_or_insert_default().push(door),
            Door::Enter { viewer, wants, is_resync, entered } => {
                let (prepared, capacity) = match wants {
                    Wants::Console { most } => {
                        // What waits is part of the snapshot; the others get it before this one is there.
                        self.flush();
                        let most = usize::try_from(most).unwrap_or(usize::MAX).min(MOST);
                        (Some(self.replica.prepare(most, is_resync)), FRAMES)
                    }
                    Wants::Tail { .. } => (None, UPDATES),
                };
                let (sender, queue) = mpsc::channel(capacity);
                let is_console = prepared.is_some();
                let log_from = prepared.as_ref().map_or(0, |prepared| prepared.log_from);
                if entered.send(Entered { prepared, queue }).is_ok() {
                    self.slots.insert(viewer, Slot { sender, is_console, missed: 0, log_from, page: Weak::new() });
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

#[cfg(test)]
mod tests;
