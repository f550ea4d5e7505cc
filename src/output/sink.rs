//! The thing that an output writes to: standard output, a file, a connection. A file is opened at the start, the others at
//! the first write, and all again after a failure; a record that failed is written again.

use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _, AsyncWriteExt as _, Stdout, stdout};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use crate::output::url::OutputUrl;

/// Connecting may take this long.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// What is being written to.
#[derive(Debug)]
pub(super) struct Sink {
    url: OutputUrl,
    open: Option<Open>,
}

#[derive(Debug)]
enum Open {
    Stdout(Stdout),
    File(File),
    Tcp(OwnedReadHalf, OwnedWriteHalf),
}

impl Sink {
    /// Nothing is opened yet.
    pub(super) fn new(url: &OutputUrl) -> Self {
        Self { url: url.clone(), open: None }
    }

    /// Forgets what is open; the next write opens it anew.
    pub(super) fn close(&mut self) {
        self.open = None;
    }

    /// Opens a file anew (a log rotator moved the old one away). Nothing else is touched.
    pub(super) async fn reopen(&mut self) -> io::Result<()> {
        if matches!(self.url, OutputUrl::File(_)) {
            self.open = None;
            self.open = Some(open_sink(&self.url).await?);
        }
        Ok(())
    }

    /// Writes one whole record and flushes it.
    pub(super) async fn write(&mut self, record: &[u8]) -> io::Result<()> {
        let open = match &mut self.open {
            Some(open) => open,
            closed => closed.insert(open_sink(&self.url).await?),
        };
        match open {
            Open::Stdout(stdout) => {
                stdout.write_all(record).await?;
                stdout.flush().await
            }
            Open::File(file) => {
                file.write_all(record).await?;
                file.flush().await
            }
            Open::Tcp(_, connection) => connection.write_all(record).await,
        }
    }

    /// Waits until the peer closes its connection; for ever where there is none.
    pub(super) async fn wait_closed(&mut self) {
        let Some(Open::Tcp(reader, _)) = &mut self.open else { return std::future::pending().await };
        let mut ignored = [0; 256];
        // What a peer says is of no interest; that it went is.
        while reader.read(&mut ignored).await.is_ok_and(|length| length > 0) {}
    }

    /// Writes out what is buffered.
    pub(super) async fn flush(&mut self) {
        let _ = match &mut self.open {
            Some(Open::Tcp(_, connection)) => connection.shutdown().await,
            Some(Open::File(file)) => file.sync_data().await,
            Some(Open::Stdout(_)) | None => Ok(()),
        };
    }
}

/// The peer's closing of an idle connection, or never.
pub(super) async fn closed(sink: &mut Option<Sink>) {
    match sink {
        Some(sink) => sink.wait_closed().await,
        None => std::future::pending().await,
    }
}

/// Ends the half of a record that a full disk or a kill left at the end of a file: what follows it begins a line of its own.
async fn end_line(file: &mut File, path: &Path) -> io::Result<()> {
    let metadata = file.metadata().await?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(());
    }
    let mut written = File::open(path).await?;
    let mut last = [0];
    written.seek(io::SeekFrom::End(-1)).await?;
    written.read_exact(&mut last).await?;
    if last != *b"\n" {
        file.write_all(b"\n").await?;
        file.flush().await?;
    }
    Ok(())
}

async fn open_sink(url: &OutputUrl) -> io::Result<Open> {
    match url {
        OutputUrl::Stdout => Ok(Open::Stdout(stdout())),
        OutputUrl::File(path) => {
            let mut options = std::fs::OpenOptions::new();
            // Opening a named pipe that nobody reads would wait for its reader, and the feed with it; so it is an error.
            options.append(true).create(true).mode(0o640).custom_flags(OFlag::O_NONBLOCK.bits());
            let mut file = tokio::fs::OpenOptions::from(options).open(path).await?;
            // Writing may wait: half a record would be worse.
            fcntl(&file, FcntlArg::F_SETFL(OFlag::O_APPEND))?;
            end_line(&mut file, path).await?;
            Ok(Open::File(file))
        }
        OutputUrl::Tcp(address) | OutputUrl::SyslogTcp(address) => {
            let connection = timeout(CONNECT_LIMIT, TcpStream::connect(address.as_str()))
                .await
                .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "connecting took too long"))??;
            connection.set_nodelay(true)?;
            let (reader, writer) = connection.into_split();
            Ok(Open::Tcp(reader, writer))
        }
    }
}
