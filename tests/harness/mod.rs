//! Runs the real binary: a collector on loopback, a replay, and what came of it.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

pub(crate) const SIGMA: &str = "c539afac-c12a-46ed-b1bd-5a5567c9f045";
pub(crate) const EQL: &str = "2772264c-6fb9-4d9d-9014-b416eed21254";

/// What a run wrote.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: ExitStatus,
    pub(crate) records: Vec<Value>,
    pub(crate) stderr: String,
}

impl Outcome {
    fn new(status: ExitStatus, stdout: &[u8], stderr: &[u8]) -> Self {
        let stdout = String::from_utf8(stdout.to_vec()).expect("standard output is UTF-8");
        let records = stdout.lines().map(|line| serde_json::from_str(line).expect("every line is a JSON object")).collect();
        Self { status, records, stderr: String::from_utf8_lossy(stderr).into_owned() }
    }

    /// The closing summary.
    pub(crate) fn summary(&self) -> Value {
        let line = self.stderr.lines().find_map(|line| line.strip_prefix("summary ")).expect("a summary line");
        serde_json::from_str(line).expect("the summary is JSON")
    }

    /// The sum of a metric over all its labels.
    pub(crate) fn total(&self, metric: &str) -> u64 {
        sum(&self.summary()[metric])
    }

    /// Checks frames = events + rejected + shed, and answers events and rejects.
    pub(crate) fn balance(&self) -> (u64, u64) {
        let [frames, events, rejected, shed] =
            ["frames", "events", "rejected", "shed"].map(|name| self.total(&format!("wefwatch_{name}_total")));
        assert_eq!(frames, events + rejected + shed, "{}", self.summary());
        (events, rejected)
    }

    /// The rejects by reason, without the zeroes.
    pub(crate) fn rejected(&self) -> BTreeMap<String, u64> {
        let summary = self.summary();
        let reasons = summary["wefwatch_rejected_total"].as_object().expect("an object").clone();
        reasons.into_iter().map(|(reason, count)| (reason, count.as_u64().unwrap_or(0))).filter(|(_, count)| *count > 0).collect()
    }

    /// The alerts in the end, each as rule, host and record ids in stage order; an update replaces what it betters, and an id
    /// is raised once.
    pub(crate) fn alerts(&self) -> Vec<Fired> {
        let mut last: BTreeMap<String, Fired> = BTreeMap::new();
        let mut raised = Vec::new();
        for record in &self.records {
            let id = record["event"]["id"].as_str().expect("an id").to_owned();
            if record["event"]["action"] == "raised" {
                assert!(!raised.contains(&id), "{id} is raised twice");
                raised.push(id.clone());
            }
            last.insert(id, Fired::of(record));
        }
        let mut all: Vec<Fired> = last.into_values().collect();
        all.sort();
        all
    }
}

fn sum(value: &Value) -> u64 {
    match value {
        Value::Object(map) => map.values().map(sum).sum(),
        other => other.as_u64().unwrap_or(0),
    }
}

/// An alert as the expectations name it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Fired {
    pub(crate) rule: String,
    pub(crate) computer: String,
    pub(crate) evidence: Vec<String>,
}

impl Fired {
    fn of(record: &Value) -> Self {
        let evidence = record["wefwatch"]["evidence"].as_array().expect("evidence");
        let last = evidence.last().expect("evidence is never empty");
        Self {
            rule: text(&record["rule"]["id"]),
            computer: text(&last["computer"]),
            evidence: evidence.iter().map(|proof| text(&proof["record_id"])).collect(),
        }
    }
}

/// A JSON text or number as text.
pub(crate) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wefwatch"));
    command.stdin(Stdio::null());
    command
}

/// Runs to the end.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let output = binary().args(arguments).output().expect("the binary runs");
    Outcome::new(output.status, &output.stdout, &output.stderr)
}

/// Replays a file flat out.
pub(crate) fn replay(path: &Path) -> Outcome {
    run(&["replay", "--headless", "--speed", "max", path.to_str().expect("a path in UTF-8")])
}

/// A headless collector on loopback.
pub(crate) struct Server {
    child: Child,
    addresses: Vec<(String, SocketAddr)>,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
    log: Mutex<mpsc::Receiver<String>>,
}

impl Server {
    /// Starts one; waits until everything listens.
    pub(crate) fn start(arguments: &[&str], listeners: usize) -> Self {
        // Tests must not meet in one store.
        let store: &[&str] = if arguments.contains(&"--store") { &[] } else { &["--store", "none"] };
        let socket: &[&str] = if arguments.contains(&"--socket") { &[] } else { &["--socket", "none"] };
        let mut child = binary()
            .arg("--headless")
            .args(store)
            .args(socket)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut out = child.stdout.take().expect("piped");
        let err = child.stderr.take().expect("piped");
        let (sender, receiver) = mpsc::channel();
        let (lines, log) = mpsc::channel();
        let stderr = std::thread::spawn(move || {
            let mut all = Vec::new();
            for line in BufReader::new(err).split(b'\n').map_while(Result::ok) {
                let text = String::from_utf8_lossy(&line);
                if let Some((_, url)) = text.split_once("listening ") {
                    let url = url.trim();
                    if let Some((scheme, address)) = url.split_once("://")
                        && let Ok(address) = address.parse()
                    {
                        let _ = sender.send((scheme.to_owned(), address));
                    }
                }
                let _ = lines.send(text.into_owned());
                all.extend_from_slice(&line);
                all.push(b'\n');
            }
            all
        });
        let stdout = std::thread::spawn(move || {
            let mut all = Vec::new();
            let _ = out.read_to_end(&mut all);
            all
        });
        let addresses = (0..listeners).map(|_| receiver.recv_timeout(Duration::from_secs(20)).expect("it listens")).collect();
        Self { child, addresses, stdout, stderr, log: Mutex::new(log) }
    }

    /// The bound address of a scheme (`tcp`, `udp`, `http`).
    pub(crate) fn address(&self, scheme: &str) -> SocketAddr {
        self.addresses.iter().find(|(own, _)| own == scheme).expect("a listener of that kind").1
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id() as i32), signal).expect("the process is there");
    }

    /// Stops it with SIGTERM and answers what it wrote.
    pub(crate) fn stop(self) -> Outcome {
        self.signal(Signal::SIGTERM);
        self.ended()
    }

    /// Waits for its end after it was killed.
    pub(crate) fn killed(mut self) {
        self.child.wait().expect("it ends");
    }

    /// Waits for its end and answers what it wrote.
    pub(crate) fn ended(mut self) -> Outcome {
        let status = self.child.wait().expect("it ends");
        Outcome::new(status, &self.stdout.join().expect("read"), &self.stderr.join().expect("read"))
    }

    /// Sends bytes over one connection, in pieces of the given sizes, and waits until the other side has read them all.
    pub(crate) fn send(&self, bytes: &[u8], sizes: &[usize]) {
        let mut stream = TcpStream::connect(self.address("tcp")).expect("it accepts");
        let mut rest = bytes;
        for size in sizes.iter().cycle() {
            let (piece, later) = rest.split_at((*size).min(rest.len()));
            stream.write_all(piece).expect("it reads");
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        stream.shutdown(std::net::Shutdown::Write).expect("open until now");
        // The collector closes its side when it has taken everything.
        let mut end = [0; 1];
        let _ = stream.read(&mut end);
    }

    /// Sends datagrams, each once the one before was counted: loopback UDP may drop what a busy machine does not read.
    pub(crate) fn send_datagrams(&self, datagrams: &[Vec<u8>]) {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback");
        for (number, burst) in datagrams.chunks(16).enumerate() {
            for datagram in burst {
                socket.send_to(datagram, self.address("udp")).expect("loopback takes it");
            }
            let sent = (number * 16 + burst.len()) as u64;
            self.wait_for("wefwatch_frames_total", sent);
        }
    }

    /// Waits for a line of the log that holds this.
    pub(crate) fn wait_for_log(&self, wanted: &str) {
        let log = self.log.lock().expect("one at a time");
        while !log.recv_timeout(Duration::from_mins(1)).expect("it logs").contains(wanted) {}
    }

    /// Waits until a metric has come to a value.
    pub(crate) fn wait_for(&self, metric: &str, value: u64) {
        for _ in 0..100_000 {
            let page = self.get("/metrics");
            let total: u64 = page
                .lines()
                .filter(|line| line.starts_with(metric))
                .filter_map(|line| line.rsplit(' ').next().and_then(|number| number.parse::<u64>().ok()))
                .sum();
            if total >= value {
                return;
            }
            std::thread::yield_now();
        }
        panic!("{metric} never came to {value}: {}", self.get("/metrics"));
    }

    /// A page of the metrics server.
    pub(crate) fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address("http")).expect("it serves");
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        answer
    }
}

/// The event lines of a recording, decompressed.
pub(crate) fn lines(path: &Path) -> Vec<String> {
    let mut bytes = std::fs::read(path).expect("the file is there");
    if path.extension().is_some_and(|extension| extension == "gz") {
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_end(&mut text).expect("gzip");
        bytes = text;
    }
    String::from_utf8(bytes).expect("UTF-8").lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}
