//! The socket: made, guarded, accepted on, and removed at the end. Each viewer has a task of its own.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::warn;

use crate::attach::connection;
use crate::attach::frame::{self, MAX_TOLD};
use crate::attach::way::{Shared, Way};
use crate::attach::{Config, Told, access, hall, peer};
use crate::feed::Update;

/// How many may be connected at once.
const MAX_VIEWERS: usize = 64;
/// How many viewers may wait at the door of the hall.
const DOORS: usize = 64;
/// How long viewers have to read what they were told when the collector ends.
const LAST_WORDS: Duration = Duration::from_millis(500);
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

/// A socket that was made. It is removed when this goes.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// Makes the socket; one that a collector left behind which did not end well is replaced.
    pub fn bind(path: &Path, config: &Config) -> Result<Self, SocketError> {
        let access = access::of(config).map_err(SocketError::Group)?;
        let failed = |source: io::Error| SocketError::Io { path: path.to_owned(), source };
        match std::os::unix::net::UnixStream::connect(path) {
            Ok(_) => return Err(SocketError::InUse(path.to_owned())),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => std::fs::remove_file(path).map_err(failed)?,
            Err(_) if std::fs::symlink_metadata(path).is_ok() => return Err(SocketError::Foreign(path.to_owned())),
            Err(_) => {}
        }
        if let Some(folder) = path.parent() {
            access::make_folder(folder).map_err(failed)?;
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        let socket = Self { listener, path: path.to_owned() };
        access.grant(path).map_err(failed)?;
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

/// Serves until the collector ends. When the end is asked for nobody is let in any more, but who is there hears the last words.
pub async fn serve(
    socket: Socket,
    updates: mpsc::Receiver<Arc<Update>>,
    config: Config,
    way: Way,
    mut shutdown: watch::Receiver<bool>,
) {
    let (doors, asked) = mpsc::channel(DOORS);
    let mut hall = tokio::spawn(hall::run(updates, asked));
    let shared = Shared { way, doors };
    let mut connections = JoinSet::new();
    let mut next = OWN_CONSOLE;
    loop {
        tokio::select! {
            biased;
            () = end_asked(&mut shutdown) => break,
            _ = &mut hall => return said_by(&mut connections).await,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = socket.listener.accept() => match accepted {
                Ok((stream, _)) if connections.len() >= MAX_VIEWERS => refuse(&stream),
                Ok((stream, _)) => {
                    next += 1;
                    let peer = peer::of(&stream, &config);
                    connections.spawn(connection::run(stream, peer, next, shared.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, mostly: a busy loop would not help.
                    warn!(%error, "cannot accept viewers");
                    sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    // The way in is closed, and gone from the file system.
    drop(socket);
    drop(shared);
    // It ends when the collector is done.
    let _ = hall.await;
    said_by(&mut connections).await;
}

/// Gives viewers a moment to read what they were told; those who do not are left.
async fn said_by(connections: &mut JoinSet<()>) {
    let _ = timeout(LAST_WORDS, async { while connections.join_next().await.is_some() {} }).await;
    connections.abort_all();
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
