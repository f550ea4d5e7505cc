//! The collector, headless on loopback, and a store full of alerts for it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use wefwatch::alert::header::Header;

use crate::events::{Events, connect};
use crate::figures::{cpu, now, resident};

/// Beyond this something is broken.
const PATIENCE: Duration = Duration::from_mins(5);
/// A collector with nothing to do: so little CPU time in so long.
const IDLE: (f64, Duration) = (0.005, Duration::from_millis(500));

pub(crate) struct Server {
    child: Child,
    tcp: SocketAddr,
    http: SocketAddr,
    pub(crate) socket: PathBuf,
}

impl Server {
    /// Starts one; it listens and is ready. Its socket, and its store if it has one, are in the folder.
    pub(crate) fn start(folder: &Path, has_store: bool) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_wefwatch")), folder, has_store)
    }

    /// The same by a command that ends in the program.
    pub(crate) fn start_by(mut command: Command, folder: &Path, has_store: bool) -> Self {
        let socket = folder.join("w.sock");
        let store = if has_store { folder.join("w.db") } else { "none".into() };
        let mut child = command
            .args(["run", "--headless", "--listen", "tcp://127.0.0.1:0", "--metrics", "127.0.0.1:0"])
            .arg("--store")
            .arg(store)
            .arg("--socket")
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = child.stderr.take().expect("piped");
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(log).lines().map_while(Result::ok) {
                let url = line.split_once("listening ").and_then(|(_, url)| url.trim().split_once("://"));
                if let Some((scheme, address)) = url {
                    // Only the first two are waited for.
                    let _ = sender.send((scheme == "http", address.parse().expect("an address")));
                }
            }
        });
        let listeners: [(bool, SocketAddr); 2] = [(); 2].map(|()| receiver.recv_timeout(PATIENCE).expect("it listens"));
        let address = |is_http| listeners.iter().find(|(own, _)| *own == is_http).expect("both are there").1;
        let server = Self { child, tcp: address(false), http: address(true), socket };
        server.wait("a socket", |server| server.socket.exists());
        server.wait("readiness", |server| server.get("/readyz").contains("200 OK"));
        server
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where it takes events.
    pub(crate) fn tcp(&self) -> SocketAddr {
        self.tcp
    }

    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.http).expect("it serves");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }

    /// A counter, the sum over its labels.
    pub(crate) fn total(&self, metric: &str) -> u64 {
        let page = self.get("/metrics");
        let own = page.lines().filter(|line| line.strip_prefix(metric).is_some_and(|rest| rest.starts_with(['{', ' '])));
        own.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum()
    }

    /// A counter when it next changes: counts are told twice a second, so that in between nobody knows how old one is.
    pub(crate) fn next_total(&self, metric: &str) -> (u64, Instant) {
        let before = self.total(metric);
        self.wait(metric, |server| server.total(metric) != before);
        (self.total(metric), now())
    }

    fn wait(&self, what: &str, is_there: impl Fn(&Self) -> bool) {
        let begin = now();
        while !is_there(self) {
            assert!(begin.elapsed() < PATIENCE, "{what} never comes");
            sleep(Duration::from_millis(10));
        }
    }

    /// Until a counter has come so far.
    pub(crate) fn wait_for(&self, metric: &str, value: u64) {
        self.wait(metric, |server| server.total(metric) >= value);
    }

    /// Until it has done what it had to do, such as telling the alerts of its store.
    pub(crate) fn wait_until_idle(&self) {
        self.wait("idleness", |server| {
            let before = cpu(server.id());
            sleep(IDLE.1);
            cpu(server.id()) - before < IDLE.0
        });
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("it runs");
    }

    /// Has it drain and end.
    pub(crate) fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        assert!(self.child.wait().expect("it ends").success(), "the collector did not end well");
    }

    /// Waits for its end after it was killed.
    pub(crate) fn killed(mut self) {
        self.child.wait().expect("it ends");
    }
}

/// What it took to fill a store.
pub(crate) struct Fill {
    /// How many alerts are in it.
    pub(crate) alerts: u64,
    /// Resident memory of a fresh collector, and of the same one after it raised them, in bytes.
    pub(crate) empty: u64,
    pub(crate) all: u64,
    /// One of the alerts.
    pub(crate) header: Header,
}

impl Fill {
    /// Makes a store with so many open alerts, six hours old: younger ones show their age by the second.
    pub(crate) fn make(folder: &Path, alerts: u64) -> Self {
        let server = Server::start(folder, true);
        let (empty, _) = resident(server.id());
        Events::new().alerts(&mut connect(server.tcp()), alerts);
        server.wait_for("wefwatch_alerts_total", alerts);
        server.wait_until_idle();
        let (all, _) = resident(server.id());
        server.stop();
        let store = rusqlite::Connection::open(folder.join("w.db")).expect("the store");
        store
            .execute_batch(
                "UPDATE alerts SET created = created - 21600000000;
                 UPDATE alerts SET header =
                     json_set(header, '$.created', strftime('%Y-%m-%dT%H:%M:%fZ', created / 1000000.0, 'unixepoch'));",
            )
            .expect("the store has this schema");
        let header = store.query_row("SELECT header FROM alerts LIMIT 1", [], |row| row.get::<_, String>(0)).expect("an alert");
        Self { alerts, empty, all, header: serde_json::from_str(&header).expect("a header") }
    }
}
