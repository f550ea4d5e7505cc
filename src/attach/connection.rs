//! One viewer: what it says is read and answered, and what it is told is written, each at its own pace. Whatever a viewer does,
//! it costs itself only.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::debug;

use crate::alert::AlertId;
use crate::attach::acts::{self, Acted};
use crate::attach::frame::{self, Deframer, MAX_SAID, MAX_TOLD};
use crate::attach::hall::{Door, Entered};
use crate::attach::peer::Peer;
use crate::attach::replica::Prepared;
use crate::attach::slot::Out;
use crate::attach::tail::Tail;
use crate::attach::way::{ACT_EVERY, Shared, Way, ask};
use crate::attach::{PROTOCOL, Said, Told, Wants};
use crate::feed::page::Listing;
use crate::feed::stored::{Stored, Wanted};
use crate::feed::{Change, Notice, NoticeLevel, Request, Update};
use crate::filter::Filter;
use crate::intake::Intake;
use crate::roster::happened::sieve;
use crate::roster::scan::Scan;
use crate::triage::viewer::{Role, Viewer};

/// How long the first word may take.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// How long it may take somebody who is not let in: nobody keeps the door from others.
const STRANGER_WITHIN: Duration = Duration::from_millis(500);
/// Where there is nothing to say for so long, that is said.
const BEAT: Duration = Duration::from_secs(1);
/// The shortest time between two questions of one viewer about all alerts.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// The same between two snapshots.
const SNAPSHOT_EVERY: Duration = Duration::from_millis(250);
/// How many answers may wait for a viewer; then it is not read until it reads.
const ANSWERS: usize = 16;

/// One viewer from its first word to its last; `peer` is who it is, or why it is not let in.
pub(super) async fn run(stream: UnixStream, peer: Result<Peer, String>, id: u64, shared: Shared) {
    let (read, mut write) = stream.into_split();
    let mut reader = Reader { read, deframer: Deframer::new(MAX_SAID) };
    let hello = timeout(if peer.is_ok() { HELLO_WITHIN } else { STRANGER_WITHIN }, reader.next()).await;
    let hello = match hello {
        Ok(Ok(Some(Said::Hello { proto: PROTOCOL, wants }))) => Ok(wants),
        Ok(Ok(Some(Said::Hello { proto, .. }))) => {
            Err(format!("you speak version {proto} of the protocol, the collector speaks {PROTOCOL}; use the same wefwatch"))
        }
        Ok(Ok(Some(Said::Request(_)))) => Err("the first word is hello".to_owned()),
        Ok(Err(problem)) => Err(problem),
        // Gone, or silent: there is nobody to tell.
        Ok(Ok(None)) | Err(_) => return,
    };
    let tail = match &hello {
        Ok(Wants::Tail { alerts, events }) => Tail::parse(alerts.as_deref(), events.as_deref()).map(Some),
        _ => Ok(None),
    };
    let (peer, wants, tail) = match (peer, hello, tail) {
        (Ok(peer), Ok(wants), Ok(tail)) => (peer, wants, tail),
        (Err(reason), ..) | (_, Err(reason), _) | (.., Err(reason)) => {
            debug!(reason, "viewer refused");
            let sorry = frame::frame(&Told::Sorry { reason }, MAX_TOLD).unwrap_or_default();
            let _ = timeout(HELLO_WITHIN, write.write_all(&sorry)).await;
            return;
        }
    };
    let wants_events = tail.as_ref().is_none_or(Tail::wants_events);
    let viewer = Viewer {
        id,
        who: peer.who.clone(),
        role: peer.role,
        is_console: tail.is_none(),
        wants_events,
        in_front: None,
        resyncs: 0,
    };
    tell_collector(&shared.way, id, Some(viewer.clone())).await;
    let (resyncs, resynced) = watch::channel(0);
    let (answers, answered) = mpsc::channel(ANSWERS);
    let (wish, wishes) = watch::channel(());
    let (doors, beat) = (shared.doors.clone(), Instant::now() + BEAT);
    let writer = Writer { write, id, peer: peer.clone(), wants, tail, doors, resyncs, wishes, beat };
    let result = tokio::select! {
        result = hear(reader, viewer, &peer, &shared, Back { answers, wish }, resynced) => result,
        result = writer.run(answered) => result.map_err(|error| error.to_string()),
    };
    if let Err(problem) = result {
        debug!(who = peer.who, problem, "viewer gone");
    }
    let _ = shared.doors.send(Door::Leave(id)).await;
    tell_collector(&shared.way, id, None).await;
}

async fn tell_collector(way: &Way, id: u64, viewer: Option<Viewer>) {
    if let Some(intake) = way.intake.upgrade() {
        let _ = intake.send(Intake::Viewer { id, viewer }).await;
    }
}

struct Reader {
    read: OwnedReadHalf,
    deframer: Deframer,
}

impl Reader {
    /// The next word; `None` at the end.
    async fn next(&mut self) -> Result<Option<Said>, String> {
        loop {
            if let Some(frame) = self.deframer.cut().map_err(|error| error.to_string())? {
                return serde_json::from_slice(&frame).map(Some).map_err(|error| format!("not understood: {error}"));
            }
            match self.read.read_buf(&mut self.deframer.buffer).await {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

/// The way from what a viewer says to what it is told.
struct Back {
    answers: mpsc::Sender<Told>,
    /// It wants to be told everything anew.
    wish: watch::Sender<()>,
}

/// Hears what a viewer asks, one after the other: whoever asks more than is answered waits.
async fn hear(
    mut reader: Reader,
    mut viewer: Viewer,
    peer: &Peer,
    shared: &Shared,
    back: Back,
    mut resynced: watch::Receiver<u64>,
) -> Result<(), String> {
    loop {
        let said = tokio::select! {
            said = reader.next() => said?,
            Ok(()) = resynced.changed() => {
                viewer.resyncs = *resynced.borrow_and_update();
                tell_collector(&shared.way, viewer.id, Some(viewer.clone())).await;
                continue;
            }
        };
        let Some(said) = said else { return Ok(()) };
        let Said::Request(request) = said else { return Err("hello is said once".to_owned()) };
        let answer = match request {
            Request::Act(_) | Request::ActOnRepeats(_) | Request::ActOnEach(_) | Request::ActOnMarked { .. } => {
                match acts::act(request, peer, shared).await {
                    Acted::Asked => None,
                    Acted::Refused(refusal) => Some(told(Change::Refused(refusal))),
                    Acted::Gone => return Ok(()),
                }
            }
            Request::CountMarked { token, marked } => {
                let gather = acts::gather(marked, shared).await;
                sleep(ASK_EVERY).await;
                gather.map(|gather| told(Change::Counted { token, count: gather.count() }))
            }
            Request::ReloadRules if peer.role == Role::Viewer => Some(not_reloaded()),
            Request::ReloadRules => {
                // Who asks faster than it is done has asked already.
                let _ = shared.way.reload.try_send(());
                None
            }
            // A socket is served by live collectors only: there is nothing to steer.
            Request::Replay(_) => None,
            Request::Detail(id) => detail(id, shared).await,
            Request::List(listing) => {
                // The answer comes between the updates, in order.
                let scan = Box::new(scan_of(listing).await);
                let _ = shared.doors.send(Door::List { viewer: viewer.id, scan }).await;
                sleep(ASK_EVERY).await;
                None
            }
            Request::Events(wanted) => {
                let stored = stored(wanted, shared).await;
                sleep(ASK_EVERY).await;
                stored
            }
            Request::Snapshot => {
                back.wish.send_replace(());
                sleep(SNAPSHOT_EVERY).await;
                None
            }
            Request::Preview { token, scope } => {
                let preview = ask(shared, |answer| Door::Preview(scope, answer)).await;
                sleep(ASK_EVERY).await;
                preview.map(|preview| told(Change::Previewed { token, preview }))
            }
            Request::Look(in_front) => {
                viewer.in_front = in_front;
                tell_collector(&shared.way, viewer.id, Some(viewer.clone())).await;
                sleep(ACT_EVERY).await;
                None
            }
        };
        if let Some(answer) = answer {
            back.answers.send(answer).await.map_err(|_| "it does not listen".to_owned())?;
        }
    }
}

/// An update for one viewer alone.
fn told(change: Change) -> Told {
    Told::Updates(vec![Arc::new(Update { seq: 0, at: chrono::DateTime::UNIX_EPOCH, change })])
}

/// The list that is asked for. A filter may take a while to be made: nobody else waits for that. Consoles ask what they could
/// read themselves; anything else lets nothing through.
async fn scan_of(listing: Listing) -> Scan {
    let text = listing.filter.clone();
    let filter = spawn_blocking(move || Filter::parse(&text).ok()).await;
    Scan::new(listing, filter.ok().flatten())
}

fn not_reloaded() -> Told {
    let text = "rules not reloaded: your role is viewer".to_owned();
    told(Change::Notice(Notice { level: NoticeLevel::Warning, text }))
}

/// Everything about an alert: of the newest at hand, of others from the store.
async fn detail(id: AlertId, shared: &Shared) -> Option<Told> {
    if let Some(alert) = ask(shared, |answer| Door::Evidence(id.clone(), answer)).await? {
        return Some(Told::Detail(alert));
    }
    let alert = shared.way.store.as_ref()?.detail(id).await?;
    Some(Told::Detail(Arc::new(alert)))
}

/// Older events. A filter may take a while to be made, and to look: nobody else waits for that.
async fn stored(wanted: Wanted, shared: &Shared) -> Option<Told> {
    let Some(archive) = &shared.way.archive else {
        let absent = Stored::absent(wanted.token, shared.way.store.is_some());
        return Some(told(Change::Stored(Box::new(absent))));
    };
    let (text, now) = (wanted.filter.clone(), wanted.now);
    let sieve = spawn_blocking(move || sieve(&text, now)).await.ok()??;
    Some(told(Change::Stored(Box::new(archive.look(wanted, sieve).await))))
}

struct Writer {
    write: OwnedWriteHalf,
    id: u64,
    peer: Peer,
    wants: Wants,
    tail: Option<Tail>,
    doors: mpsc::Sender<Door>,
    resyncs: watch::Sender<u64>,
    wishes: watch::Receiver<()>,
    beat: Instant,
}

impl Writer {
    async fn run(mut self, mut answers: mpsc::Receiver<Told>) -> io::Result<()> {
        let Peer { who, role } = self.peer.clone();
        self.tell(&Told::Hello { proto: PROTOCOL, who, role, viewer: self.id }).await?;
        let mut is_resync = false;
        loop {
            let Some(entered) = self.enter(is_resync).await else { return Ok(()) };
            let is_wished = self.follow(entered, &mut answers).await?;
            if self.doors.is_closed() {
                return Ok(());
            }
            is_resync = !is_wished;
            if is_resync {
                self.resyncs.send_modify(|count| *count += 1);
            }
        }
    }

    async fn enter(&mut self, is_resync: bool) -> Option<Entered> {
        let (entered, answer) = oneshot::channel();
        let door = Door::Enter { viewer: self.id, wants: self.wants.clone(), is_resync, entered };
        self.doors.send(door).await.ok()?;
        answer.await.ok()
    }

    /// Tells everything until the queue closes: the viewer fell behind, or the collector ends. Or until the viewer wants to hear
    /// it all anew; then that is answered.
    async fn follow(&mut self, entered: Entered, answers: &mut mpsc::Receiver<Told>) -> io::Result<bool> {
        let Entered { mut prepared, mut queue } = entered;
        while let Some(pieces) = &mut prepared {
            if !self.tell_piece(pieces).await? {
                prepared = None;
            }
            // What happens meanwhile does not wait for the end of the snapshot, but for what was done before.
            if prepared.as_ref().is_some_and(|prepared| !prepared.is_log_told()) {
                continue;
            }
            while let Ok(answer) = answers.try_recv() {
                self.tell(&answer).await?;
            }
            loop {
                match queue.try_recv() {
                    Ok(out) => self.pass(out).await?,
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => return Ok(false),
                }
            }
        }
        loop {
            tokio::select! {
                out = queue.recv() => match out {
                    Some(out) => self.pass(out).await?,
                    None => return Ok(false),
                },
                Ok(()) = self.wishes.changed() => return Ok(true),
                Some(answer) = answers.recv() => self.tell(&answer).await?,
                () = sleep_until(self.beat) => self.tell(&Told::Beat).await?,
            }
        }
    }

    /// Tells a piece of the snapshot; false after the last.
    async fn tell_piece(&mut self, prepared: &mut Prepared) -> io::Result<bool> {
        let Some(piece) = prepared.next_piece() else { return Ok(false) };
        let update = |(at, change)| Arc::new(Update { seq: 0, at, change });
        let is_first = piece.is_first;
        let snapshot = (chrono::DateTime::UNIX_EPOCH, Change::Snapshot(Box::new(piece)));
        let state = if is_first { std::mem::take(&mut prepared.state) } else { Vec::new() };
        for told in std::iter::once(snapshot).chain(state) {
            self.tell(&Told::Updates(vec![update(told)])).await?;
        }
        Ok(true)
    }

    async fn pass(&mut self, out: Out) -> io::Result<()> {
        match out {
            Out::Frame(frame) => self.write(&frame).await,
            Out::Page(frame) => self.write(&frame).await,
            Out::Missed(count) => self.tell(&Told::Missed(count)).await,
            Out::Update(update) => match self.tail.as_ref().and_then(|tail| tail.of(&update)) {
                Some(update) => self.tell(&Told::Updates(vec![update])).await,
                None => Ok(()),
            },
        }
    }

    async fn tell(&mut self, told: &Told) -> io::Result<()> {
        match frame::frame(told, MAX_TOLD) {
            Some(frame) => self.write(&frame).await,
            None => Ok(()),
        }
    }

    async fn write(&mut self, frame: &Bytes) -> io::Result<()> {
        self.write.write_all(frame).await?;
        self.beat = Instant::now() + BEAT;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
