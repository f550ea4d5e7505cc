//! Events: those of the samples, each with a record id, a time and a host of its own. Numbered from the microsecond at which
//! their source began: none makes a million a second, so that no two events are the same.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::figures::now;

/// How many hosts there are.
const HOSTS: u64 = 200;
/// How often a paced source sends.
const BEAT: Duration = Duration::from_millis(10);

/// What differs from event to event.
const SLOTS: [(&str, &str); 6] = [
    ("<EventRecordID>", "<"),
    ("<TimeCreated SystemTime='", "'"),
    ("<Data Name='UtcTime'>", "<"),
    ("<Computer>", "<"),
    ("<Data Name='SourceIp'>", "<"),
    ("<Data Name='DestinationIp'>", "<"),
];

/// An event cut where it differs: each piece, and the slot that follows it.
struct Template(Vec<(String, Option<usize>)>);

impl Template {
    fn of(line: &str) -> Self {
        let mut cuts: Vec<(usize, usize, usize)> = Vec::new();
        for (slot, (before, after)) in SLOTS.iter().enumerate() {
            let Some(from) = line.find(before).map(|at| at + before.len()) else { continue };
            let length = line[from..].find(after).expect("it ends");
            cuts.push((from, from + length, slot));
        }
        cuts.sort_unstable();
        let (mut pieces, mut at) = (Vec::new(), 0);
        for (from, to, slot) in cuts {
            pieces.push((line[at..from].to_owned(), Some(slot)));
            at = to;
        }
        pieces.push((format!("{}\n", line[at..].trim_end()), None));
        Self(pieces)
    }
}

#[allow(clippy::disallowed_methods, reason = "events happen now")]
fn utc_now() -> DateTime<Utc> {
    Utc::now()
}

/// A source of events.
pub(crate) struct Events {
    noise: Vec<Template>,
    alert: Template,
    first: u64,
    number: u64,
    times: [String; 2],
}

impl Events {
    pub(crate) fn new() -> Self {
        let read = |name: &str| {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples").join(name);
            std::fs::read_to_string(path).expect("the sample is there")
        };
        let noise = read("noise.xml");
        // Sysmon's: the others have no time of their own.
        let noise = noise.lines().filter(|line| line.contains("<Data Name='UtcTime'>")).map(Template::of).collect();
        let attack = read("attack_both_ends.xml");
        let outbound = attack.lines().find(|line| line.contains("<EventRecordID>2371779<")).expect("the outbound connection");
        let first = utc_now().timestamp_micros() as u64;
        Self { noise, alert: Template::of(outbound), first, number: 0, times: Default::default() }
    }

    /// From here on events happen now.
    fn tell_time(&mut self) {
        let now = utc_now();
        self.times = ["%Y-%m-%dT%H:%M:%S%.3fZ", "%Y-%m-%d %H:%M:%S%.3f"].map(|form| now.format(form).to_string());
    }

    fn write(&mut self, out: &mut Vec<u8>, is_alert: bool) {
        let number = self.number;
        self.number += 1;
        let template = if is_alert { &self.alert } else { &self.noise[number as usize % self.noise.len()] };
        let host = number % HOSTS;
        for (piece, slot) in &template.0 {
            out.extend_from_slice(piece.as_bytes());
            let _ = match slot {
                Some(0) => write!(out, "{}", self.first + number),
                Some(1) => out.write_all(self.times[0].as_bytes()),
                Some(2) => out.write_all(self.times[1].as_bytes()),
                Some(3) => write!(out, "WS{host:04}.corp.example"),
                Some(4) => write!(out, "10.20.{}.{}", host / 250, host % 250),
                Some(5) => write!(out, "10.200.8.{}", number % 250),
                _ => Ok(()),
            };
        }
    }

    /// So many alerts as fast as they are taken.
    pub(crate) fn alerts(&mut self, stream: &mut TcpStream, count: u64) {
        self.send(stream, count, true);
    }

    fn send(&mut self, stream: &mut TcpStream, count: u64, is_alert: bool) {
        let mut text = Vec::new();
        for number in 0..count {
            if number % 200 == 0 {
                stream.write_all(&text).expect("it reads");
                text.clear();
                self.tell_time();
            }
            self.write(&mut text, is_alert);
        }
        stream.write_all(&text).expect("it reads");
    }

    /// So many events over a connection of their own, as fast as they are taken; how long until all were.
    pub(crate) fn flood(&mut self, address: SocketAddr, count: u64) -> Duration {
        let begin = now();
        let mut stream = connect(address);
        self.send(&mut stream, count, false);
        stream.shutdown(Shutdown::Write).expect("open until now");
        // The collector closes its side when it has taken everything.
        let _ = stream.read(&mut [0]);
        begin.elapsed()
    }
}

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("it listens");
    stream.set_nodelay(true).expect("TCP");
    stream
}

/// Events at an even pace, until told to end.
pub(crate) struct Paced {
    is_over: Arc<AtomicBool>,
    source: JoinHandle<f64>,
}

impl Paced {
    /// So many events and alerts a second, over one connection.
    pub(crate) fn start(address: SocketAddr, events: f64, alerts: f64) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let told = is_over.clone();
        let source = std::thread::spawn(move || {
            let (mut source, mut stream, mut text) = (Events::new(), connect(address), Vec::new());
            let (mut sent, mut raised) = (0_u64, 0_u64);
            let begin = now();
            while !told.load(Ordering::Relaxed) {
                source.tell_time();
                let elapsed = begin.elapsed().as_secs_f64();
                while (raised as f64) < elapsed * alerts {
                    source.write(&mut text, true);
                    raised += 1;
                }
                while (sent as f64) < elapsed * events {
                    source.write(&mut text, false);
                    sent += 1;
                }
                stream.write_all(&text).expect("it reads");
                text.clear();
                sleep(BEAT);
            }
            (sent + raised) as f64 / begin.elapsed().as_secs_f64()
        });
        Self { is_over, source }
    }

    /// Ends it; how many a second it came to.
    pub(crate) fn end(self) -> f64 {
        self.is_over.store(true, Ordering::Relaxed);
        self.source.join().expect("it sends")
    }
}
