//! The socket: made, guarded, accepted on, and removed at the end. One task a viewer reads what it says and writes what it
//! is told; whatever it does, it costs itself only.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use nix::unistd::{Group, chown};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, warn};

use crate::alert::AlertId;
use crate::attach::frame::{self, Deframer, MAX_SAID, MAX_TOLD};
use crate::attach::hall::{self, Door, Entered, Out};
use crate::attach::peer::{self, Peer};
use crate::attach::replica::Prepared;
use crate::attach::tail::Tail;
use crate::attach::{Config, PROTOCOL, Said, Told, Wants};
use crate::feed::{Change, Notice, NoticeLevel, Request, Update};
use crate::intake::Intake;
use crate::store::Store;
use crate::triage::viewer::{Role, Viewer};
use crate::triage::{Act, Refusal};

/// How many may be connected at once.
const MAX_VIEWERS: usize = 64;
/// How long the first word may take.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// Where there is nothing to say for so long, that is said.
const BEAT: Duration = Duration::from_secs(1);
/// The shortest time between two acts of one viewer: nobody keeps the collector busy alone.
const ACT_EVERY: Duration = Duration::from_millis(10);
/// How many answers may wait for a viewer; then it is not read until it reads.
const ANSWERS: usize = 16;
/// How many viewers may wait at the door of the hall.
const DOORS: usize = 64;
/// The id of the console in the collector's own process; those of viewers follow.
pub const OWN_CONSOLE: u64 = 0;

/// Why the socket cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// Somebody serves it already.
    #[error("{}: another collector serves this socket; name another with --socket PATH, or none with --socket none", .0.display())]
    InUse(PathBuf),
    /// There is something else.
    #[error("{}: not a socket; it was left as it is", .0.display())]
    Foreign(PathBuf),
    /// The group does not exist.
    #[error("attach.group: there is no group `{0}`")]
    Group(String),
    /// It cannot be made.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The way from a viewer to the rest of the collector.
#[derive(Debug, Clone)]
pub struct Way {
    /// Acts, and who looks.
    pub intake: mpsc::WeakSender<Intake>,
    /// Evidence.
    pub store: Option<Store>,
    /// The rules are to be read anew.
    pub reload: mpsc::Sender<()>,
}

/// A socket that was made. It is removed when this goes.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Makes the socket; one that a collector left behind which did not end well is replaced.
    pub fn bind(path: &Path, config: &Config) -> Result<Self, SocketError> {
        let failed = |source: io::Error| SocketError::Io { path: path.to_owned(), source };
        match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(SocketError::InUse(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(failed)?,
            Err(_) if std::fs::symlink_metadata(path).is_ok() => return Err(SocketError::Foreign(path.to_owned())),
            Err(_) => {}
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed)?;
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        let socket = Self { listener, path: path.to_owned() };
        if !config.group.is_empty() {
            let group = Group::from_name(&config.group).ok().flatten();
            let group = group.ok_or_else(|| SocketError::Group(config.group.clone()))?;
            chown(path, None, Some(group.gid)).map_err(|error| failed(error.into()))?;
        }
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660)).map_err(failed)?;
        Ok(socket)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// What every connection needs.
#[derive(Debug, Clone)]
struct Shared {
    config: Arc<Config>,
    way: Way,
    doors: mpsc::Sender<Door>,
}

/// Serves until the collector ends or the end is asked for.
pub async fn serve(
    socket: Socket,
    updates: mpsc::Receiver<Arc<Update>>,
    config: Config,
    way: Way,
    mut shutdown: watch::Receiver<bool>,
) {
    let (doors, asked) = mpsc::channel(DOORS);
    let mut hall = tokio::spawn(hall::run(updates, asked));
    let shared = Shared { config: Arc::new(config), way, doors };
    let mut connections = JoinSet::new();
    let mut next = OWN_CONSOLE;
    loop {
        tokio::select! {
            biased;
            () = end_asked(&mut shutdown) => break,
            _ = &mut hall => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = socket.listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() >= MAX_VIEWERS => refuse(&stream),
                Ok((stream, _)) => {
                    next += 1;
                    connections.spawn(connection(stream, next, shared.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, mostly: a busy loop would not help.
                    warn!(%error, "cannot accept viewers");
                    sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    connections.abort_all();
    hall.abort();
}

async fn end_asked(shutdown: &mut watch::Receiver<bool>) {
    let _ = shutdown.wait_for(|is_asked| *is_asked).await;
}

/// Says so as far as the socket takes it at once; nobody waits for somebody who is not let in.
fn refuse(stream: &UnixStream) {
    let reason = format!("{MAX_VIEWERS} are attached already; try again later");
    if let Some(sorry) = frame::frame(&Told::Sorry { reason }, MAX_TOLD) {
        let _ = stream.try_write(&sorry);
    }
}

async fn connection(stream: UnixStream, id: u64, shared: Shared) {
    let peer = peer::of(&stream, &shared.config);
    let (read, mut write) = stream.into_split();
    let mut reader = Reader { read, deframer: Deframer::new(MAX_SAID) };
    let hello = timeout(HELLO_WITHIN, reader.next()).await;
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
    let viewer = Viewer { id, who: peer.who.clone(), role: peer.role, is_console: tail.is_none(), in_front: None, resyncs: 0 };
    tell_collector(&shared.way, id, Some(viewer.clone())).await;
    let (resyncs, resynced) = watch::channel(0);
    let (answers, answered) = mpsc::channel(ANSWERS);
    let writer =
        Writer { write, id, peer: peer.clone(), wants, tail, doors: shared.doors.clone(), resyncs, beat: Instant::now() + BEAT };
    let result = tokio::select! {
        result = hear(reader, viewer, &peer, &shared, answers, resynced) => result,
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

/// Hears what a viewer asks, one after the other: whoever asks more than is answered waits.
async fn hear(
    mut reader: Reader,
    mut viewer: Viewer,
    peer: &Peer,
    shared: &Shared,
    answers: mpsc::Sender<Told>,
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
            Request::Act(act) if peer.role == Role::Viewer => Some(refused(&act, peer)),
            Request::Act(act) => {
                let act = Act { who: peer.who.clone(), ..act };
                let Some(intake) = shared.way.intake.upgrade() else { return Ok(()) };
                let _ = intake.send(Intake::Act(act)).await;
                drop(intake);
                sleep(ACT_EVERY).await;
                None
            }
            Request::ReloadRules if peer.role == Role::Viewer => Some(not_reloaded()),
            Request::ReloadRules => {
                // Who asks faster than it is done has asked already.
                let _ = shared.way.reload.try_send(());
                None
            }
            Request::Detail(id) => detail(id, shared).await,
            Request::Look(in_front) => {
                viewer.in_front = in_front;
                tell_collector(&shared.way, viewer.id, Some(viewer.clone())).await;
                sleep(ACT_EVERY).await;
                None
            }
        };
        if let Some(answer) = answer {
            answers.send(answer).await.map_err(|_| "it does not listen".to_owned())?;
        }
    }
}

/// An update for one viewer alone.
fn told(change: Change) -> Told {
    Told::Updates(vec![Arc::new(Update { seq: 0, at: chrono::DateTime::UNIX_EPOCH, change })])
}

fn refused(act: &Act, peer: &Peer) -> Told {
    let reason = "not done: your role is viewer; acts need a group of [attach] analysts".to_owned();
    told(Change::Refused(Refusal { token: act.token, who: peer.who.clone(), reason }))
}

fn not_reloaded() -> Told {
    let text = "rules not reloaded: your role is viewer".to_owned();
    told(Change::Notice(Notice { level: NoticeLevel::Warning, text }))
}

/// Everything about an alert: of the newest at hand, of others from the store.
async fn detail(id: AlertId, shared: &Shared) -> Option<Told> {
    let (answer, answered) = oneshot::channel();
    shared.doors.send(Door::Evidence(id.clone(), answer)).await.ok()?;
    if let Some(alert) = answered.await.ok()? {
        return Some(Told::Detail(alert));
    }
    let alert = shared.way.store.as_ref()?.detail(id).await?;
    Some(Told::Detail(Arc::new(alert)))
}

struct Writer {
    write: OwnedWriteHalf,
    id: u64,
    peer: Peer,
    wants: Wants,
    tail: Option<Tail>,
    doors: mpsc::Sender<Door>,
    resyncs: watch::Sender<u64>,
    beat: Instant,
}

impl Writer {
    async fn run(mut self, mut answers: mpsc::Receiver<Told>) -> io::Result<()> {
        let Peer { who, role } = self.peer.clone();
        self.tell(&Told::Hello { proto: PROTOCOL, who, role, viewer: self.id }).await?;
        let mut is_resync = false;
        loop {
            let Some(entered) = self.enter(is_resync).await else { return Ok(()) };
            self.follow(entered, &mut answers).await?;
            if self.doors.is_closed() {
                return Ok(());
            }
            is_resync = true;
            self.resyncs.send_modify(|count| *count += 1);
        }
    }

    async fn enter(&mut self, is_resync: bool) -> Option<Entered> {
        let (entered, answer) = oneshot::channel();
        let door = Door::Enter { viewer: self.id, wants: self.wants.clone(), is_resync, entered };
        self.doors.send(door).await.ok()?;
        answer.await.ok()
    }

    /// Tells everything until the queue closes: the viewer fell behind, or the collector ends.
    async fn follow(&mut self, entered: Entered, answers: &mut mpsc::Receiver<Told>) -> io::Result<()> {
        let Entered { mut prepared, mut queue } = entered;
        while let Some(pieces) = &mut prepared {
            if !self.tell_piece(pieces).await? {
                prepared = None;
            }
            // What happens meanwhile does not wait for the end of the snapshot.
            while let Ok(answer) = answers.try_recv() {
                self.tell(&answer).await?;
            }
            loop {
                match queue.try_recv() {
                    Ok(out) => self.pass(out).await?,
                    Err(mpsc::error::TryRecvError::Empty) => break,
                    Err(mpsc::error::TryRecvError::Disconnected) => return Ok(()),
                }
            }
        }
        loop {
            tokio::select! {
                out = queue.recv() => match out {
                    Some(out) => self.pass(out).await?,
                    None => return Ok(()),
                },
                Some(answer) = answers.recv() => self.tell(&answer).await?,
                () = sleep_until(self.beat) => self.tell(&Told::Beat).await?,
            }
        }
    }

    /// Tells a piece of the snapshot; false after the last.
    async fn tell_piece(&mut self, prepared: &mut Prepared) -> io::Result<bool> {
        let Some(piece) = prepared.next_piece() else { return Ok(false) };
        let update = |change: Change| Arc::new(Update { seq: 0, at: chrono::DateTime::UNIX_EPOCH, change });
        let is_first = piece.is_first;
        let mut updates = vec![update(Change::Snapshot(Box::new(piece)))];
        if is_first {
            updates.extend(std::mem::take(&mut prepared.state).into_iter().map(update));
        }
        self.tell(&Told::Updates(updates)).await?;
        Ok(true)
    }

    async fn pass(&mut self, out: Out) -> io::Result<()> {
        match out {
            Out::Frame(frame) => self.write(&frame).await,
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
