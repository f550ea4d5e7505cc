//! The end of the real binary by signals, while senders do not stop sending.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]
#![expect(clippy::disallowed_methods, reason = "it is the clock on the wall that must not run on")]

mod harness;
#[path = "harness/terminal.rs"]
mod pty;

use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use harness::{Outcome, Server, binary, root};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pty::Terminal;

/// The address of nobody: an output that cannot be delivered to holds up the end as long as the grace time.
fn nobody() -> String {
    let dead = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("tcp://{}", dead.local_addr().unwrap())
}

/// Sends without end from several connections while something is done; answers what came of that.
fn under_load<T>(address: SocketAddr, what: impl FnOnce() -> T) -> T {
    let events = std::fs::read(root().join("samples/demo.xml")).unwrap();
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (events, is_over) = (&events, &is_over);
        let started: Vec<_> = (0..3)
            .map(|_| {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.write_all(events).unwrap();
                scope.spawn(move || while !is_over.load(Ordering::Relaxed) && stream.write_all(events).is_ok() {})
            })
            .collect();
        let result = what();
        is_over.store(true, Ordering::Relaxed);
        started.into_iter().for_each(|thread| thread.join().unwrap());
        result
    })
}

#[test]
fn a_second_signal_stops_at_once_however_busy_it_is() {
    // Two that are alike may be one to the kernel: the second is sent once the first was heard.
    for second in [Signal::SIGINT, Signal::SIGTERM] {
        let server = Server::start(&["--listen", "tcp://127.0.0.1:0", "--output", &nobody(), "--metrics", "127.0.0.1:0"], 2);
        let address = server.address("tcp");
        let outcome: Outcome = under_load(address, move || {
            server.wait_for("wefwatch_alerts_total", 1);
            server.signal(Signal::SIGTERM);
            if second == Signal::SIGTERM {
                server.wait_for_log("stopping");
            }
            server.signal(second);
            server.ended()
        });
        assert_eq!(outcome.status.code(), Some(1), "{second}: {}", outcome.stderr);
        assert!(outcome.stderr.contains("stopped at once by a second signal"), "{second}: {}", outcome.stderr);
    }
}

#[test]
fn a_second_signal_stops_at_once_while_the_rules_are_still_read() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("slow.yml");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let arguments = ["--headless", "--store", "none", "--socket", "none", "--listen", "tcp://127.0.0.1:0", "--rules"];
    let child = binary().args(arguments).arg(folder.path()).stderr(Stdio::piped()).spawn().unwrap();
    let id = Pid::from_raw(child.id() as i32);
    // The pipe opens once the collector reads it, and never gives it anything.
    let _rule = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    kill(id, Signal::SIGTERM).unwrap();
    kill(id, Signal::SIGINT).unwrap();
    let (sender, ended) = channel();
    std::thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
    let output = ended.recv_timeout(Duration::from_secs(20)).inspect_err(|_| kill(id, Signal::SIGKILL).unwrap());
    let output = output.expect("it ends");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("stopped at once by a second signal"), "{stderr}");
}

#[test]
fn busy_connections_are_not_read_on_after_a_signal() {
    let server = Server::start(&["--listen", "tcp://127.0.0.1:0", "--output", &nobody(), "--metrics", "127.0.0.1:0"], 2);
    let address = server.address("tcp");
    let (outcome, took): (Outcome, Duration) = under_load(address, move || {
        server.wait_for("wefwatch_alerts_total", 1);
        let asked = Instant::now();
        server.signal(Signal::SIGTERM);
        (server.ended(), asked.elapsed())
    });
    assert!(outcome.status.success(), "{}", outcome.stderr);
    // 5 s are the grace time, all of it waited for the output that is down.
    assert!(took < Duration::from_secs(7), "{took:?}");
    let (events, _) = outcome.balance();
    assert!(events > 0 && outcome.stderr.contains("given up at the end"), "{}", outcome.stderr);
}

#[test]
fn what_was_read_is_counted_and_what_was_not_is_not() {
    let server = Server::start(&["--listen", "tcp://127.0.0.1:0", "--metrics", "127.0.0.1:0"], 2);
    let mut stream = TcpStream::connect(server.address("tcp")).unwrap();
    let events = std::fs::read_to_string(root().join("samples/attack_both_ends.xml")).unwrap();
    // One event, and a part of another that the connection still waits with.
    let length = events.find('\n').unwrap() + 1 + 500;
    stream.write_all(&events.as_bytes()[..length]).unwrap();
    server.wait_for("wefwatch_received_bytes_total", length as u64);
    let asked = Instant::now();
    let outcome = server.stop();
    assert!(asked.elapsed() < Duration::from_secs(2), "an open connection holds up nothing: {:?}", asked.elapsed());
    assert_eq!(outcome.balance(), (1, 1));
    assert_eq!(outcome.rejected().into_keys().collect::<Vec<_>>(), ["truncated"]);
}

#[test]
fn a_second_signal_gives_the_terminal_back() {
    let output = nobody();
    let arguments = ["run", "--store", "none", "--listen", "tcp://127.0.0.1:0", "--output", &output];
    for signals in [[Signal::SIGTERM, Signal::SIGINT], [Signal::SIGINT, Signal::SIGTERM]] {
        let mut console = Terminal::start(&arguments, &[], (120, 36));
        console.wait_for("LIVE");
        signals.into_iter().for_each(|signal| console.signal(signal));
        // Whether the console was gone already when the second came: the terminal is as it was.
        let _ = console.end();
    }
}
