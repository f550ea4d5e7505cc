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

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::sync::Arc;

    use chrono::DateTime;
    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use tokio::sync::{mpsc, watch};
    use tokio::task::JoinHandle;
    use tokio::time::Instant;

    use super::*;
    use crate::alert::Alert;
    use crate::detect::ecs::Mapping;
    use crate::detect::{Observation, RuleFile, RuleSet, raise};
    use crate::event::testing::sysmon;
    use crate::event::time::{EventTimeRule, event_time};
    use crate::feed::{Change, Update};
    use crate::intake::{Intake, OutputHealth};
    use crate::output::{Config, FIRST_PAUSE, Outcome, WRITE_LIMIT, spawn};

    const RULE: &str = "title: x\nid: 1\nlogsource:\n  category: network_connection\n  product: windows\ndetection:\n  a:\n    DestinationPort: 5985\n  condition: a\n";

    /// An alert whose record is at least so long.
    fn alert(record: u64, length: usize) -> Arc<Update> {
        let event = sysmon(3, "SRV", record, &[("DestinationPort", "5985"), ("SourceIp", "10.0.0.1")]);
        let rules = RuleSet::compile(&[RuleFile { origin: "x.yml".to_owned(), text: RULE.to_owned() }], &Mapping::default());
        let at = DateTime::UNIX_EPOCH;
        let (time, hits) = (event_time(&event, EventTimeRule::Robust, at), rules.observe(&event));
        let observation = Observation { event: Arc::new(event), time, received_at: at };
        let alert = raise::single(&rules, hits.rules[0], &observation, at);
        let alert = Alert { message: "x".repeat(length), ..alert };
        Arc::new(Update { seq: 0, at, change: Change::Alert(Arc::new(alert)) })
    }

    /// What an output that writes to a file is handed, and its end.
    struct Scene {
        updates: mpsc::Sender<Arc<Update>>,
        health: mpsc::Receiver<Intake>,
        output: JoinHandle<Outcome>,
        _reopen: watch::Sender<u64>,
        _ends: watch::Sender<Option<Instant>>,
        _intake: mpsc::Sender<Intake>,
    }

    fn start(path: &Path) -> Scene {
        let (updates, told) = mpsc::channel(8);
        let (intake, health) = mpsc::channel(64);
        let (reopen, ends) = (watch::Sender::new(0), watch::Sender::new(None));
        let config = Config {
            url: OutputUrl::File(path.to_owned()),
            queue: 10,
            memory: None,
            host_name: String::new(),
            grace: Duration::from_secs(5),
            ends: ends.subscribe(),
        };
        let output = spawn(config, told, reopen.subscribe(), intake.downgrade());
        Scene { updates, health, output, _reopen: reopen, _ends: ends, _intake: intake }
    }

    impl Scene {
        /// Waits until the output says so of itself.
        async fn until(&mut self, is_so: impl Fn(&OutputHealth) -> bool) {
            loop {
                match self.health.recv().await {
                    Some(Intake::Output(health)) if is_so(&health) => return,
                    Some(_) => {}
                    None => panic!("it ended"),
                }
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_record_that_is_taken_late_is_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        mkfifo(&path, Mode::S_IRWXU).unwrap();
        // A reader that does not read yet; writing too, so that opening waits for nobody.
        let pipe = std::fs::OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let mut scene = start(&path);
        // More than a pipe holds.
        scene.updates.send(alert(1, 200_000)).await.unwrap();
        while scene.updates.capacity() < 8 {
            tokio::task::yield_now().await;
        }
        for _ in 0..6 {
            tokio::time::advance(WRITE_LIMIT + FIRST_PAUSE).await;
            tokio::task::yield_now().await;
        }
        scene.until(|health| !health.is_up).await;
        scene.updates.send(alert(2, 10)).await.unwrap();
        let read = tokio::task::spawn_blocking(move || BufReader::new(pipe).lines().map_while(Result::ok).take(2).collect());
        let lines: Vec<String> = read.await.unwrap();
        assert!(lines[0].len() > 200_000 && lines[1].len() < 200_000, "{}", lines[1].len());
        scene.until(|health| health.is_up && health.delivered == 2).await;
        drop(scene.updates);
        assert!(matches!(scene.output.await.unwrap(), Outcome::Drained(health) if health.delivered == 2));
    }

    #[tokio::test]
    async fn half_a_record_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("alerts.json");
        for (before, expected) in [("", 1), ("{}\n", 2), ("{}\n{\"event\": {\"id\"", 3)] {
            std::fs::write(&path, before).unwrap();
            let scene = start(&path);
            scene.updates.send(alert(1, 10)).await.unwrap();
            drop(scene.updates);
            scene.output.await.unwrap();
            let text = std::fs::read_to_string(&path).unwrap();
            let last: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).expect("a whole record");
            assert_eq!((text.lines().count(), last["message"].as_str()), (expected, Some("xxxxxxxxxx")), "{text}");
        }
    }
}
