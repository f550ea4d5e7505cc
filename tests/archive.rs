//! Events that a console holds no more: the real binary keeps them, and people scroll back to them, here and over the socket.

mod harness;
#[path = "harness/terminal.rs"]
mod pty;

use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};

use harness::Server;
use nix::sys::signal::Signal;
use pty::Terminal;

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().expect("a folder") };
        std::fs::write(place.path("c.toml"), "[console]\nmax_events = 100\n").expect("a file");
        place
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    fn serve(&self) -> Server {
        let (store, socket) = (self.path("w.db"), self.path("w.sock"));
        Server::start(&["--store", &store, "--socket", &socket, "--listen", "tcp://127.0.0.1:0"], 1)
    }

    fn attach(&self) -> Terminal {
        Terminal::start(&["attach", "--config", &self.path("c.toml"), "--socket", &self.path("w.sock")], &[], (120, 36))
    }
}

/// A process start that no rule fires on.
fn event(number: u64) -> String {
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon'/>\
         <EventID>1</EventID><TimeCreated SystemTime='2026-03-17T10:40:00.000Z'/><EventRecordID>{number}</EventRecordID>\
         <Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>SRV</Computer></System><EventData>\
         <Data Name='Image'>C:\\tool{number}.exe</Data><Data Name='ParentImage'>C:\\Windows\\explorer.exe</Data>\
         <Data Name='CommandLine'>tool{number}.exe --first</Data></EventData></Event>\n"
    )
}

fn send(address: SocketAddr, numbers: std::ops::RangeInclusive<u64>) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let events: String = numbers.map(event).collect();
    stream.write_all(events.as_bytes()).expect("it reads");
}

/// The bound address, as the console tells it.
fn address(console: &Terminal) -> Option<SocketAddr> {
    let text = console.text();
    let rest = text.split("tcp://").nth(1)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != ':').unwrap_or(rest.len());
    rest[..end].trim_end_matches('.').parse().ok().filter(|address: &SocketAddr| address.port() != 0)
}

#[test]
fn whoever_attaches_scrolls_back_to_the_very_first_event_also_after_a_restart() {
    let place = Place::new();
    let server = place.serve();
    let mut console = place.attach();
    console.wait_for("LIVE");
    send(server.address("tcp"), 1..=6000);
    console.press("4");
    console.wait_for("6,000 events since");
    console.press("3");
    // What this console was told one by one, and what it was not.
    console.wait_for("left out");
    console.wait_for("tool");
    console.press("g");
    console.wait_for("oldest stored event");
    console.wait_for("tool1.exe");
    console.press("\r");
    console.wait_for("tool1.exe --first");
    console.press("q");
    assert!(console.end().0.success());
    let ended = server.stop();
    assert!(ended.status.success(), "{}", ended.stderr);
    // Another run goes on behind it; whoever comes has heard of no event.
    let server = place.serve();
    let mut console = place.attach();
    console.wait_for("LIVE");
    console.press("3");
    console.wait_for("no events yet; ↑ reads those that were stored");
    console.press("k");
    console.wait_for("tool6000.exe");
    send(server.address("tcp"), 6001..=6001);
    console.press("G");
    console.wait_for("tool6001.exe");
    console.press("k");
    console.wait_for("from the store");
    console.wait_for("tool6000.exe");
    console.press("q");
    assert!(console.end().0.success());
    server.stop();
}

#[test]
fn the_collectors_own_console_reads_them_too() {
    let place = Place::new();
    let (config, store) = (place.path("c.toml"), place.path("w.db"));
    let arguments = ["run", "--config", &config, "--store", &store, "--listen", "tcp://127.0.0.1:0"];
    let mut console = Terminal::start(&arguments, &[], (120, 36));
    console.wait_until("where it listens", |console| address(console).is_some());
    send(address(&console).expect("it listens"), 1..=6000);
    console.press("3");
    console.wait_for("tool6000.exe");
    console.wait_for("of the last 100");
    console.press("g");
    console.wait_for("oldest stored event");
    console.wait_for("tool1.exe");
    // Page by page on, where the archive is read further.
    console.press(&"\u{1b}[6~".repeat(18));
    console.wait_for("1,000 from the store");
    console.press(&"\u{1b}[6~".repeat(8));
    console.wait_for("tool677.exe");
    console.press("4");
    console.wait_for("6,000 events since");
    console.signal(Signal::SIGTERM);
    assert!(console.end().0.success());
}

#[test]
fn an_archive_that_is_not_fit_stops_nothing_and_is_left_as_it_is() {
    let place = Place::new();
    std::fs::write(place.path("w-events.db"), "somebody's notes").expect("a file");
    let server = place.serve();
    let mut console = place.attach();
    console.wait_for("LIVE");
    send(server.address("tcp"), 1..=300);
    console.press("3");
    console.wait_for("tool");
    console.press("gk");
    console.wait_for("are not kept (no archive of events");
    console.press("q");
    assert!(console.end().0.success());
    let ended = server.stop();
    assert!(ended.status.success());
    assert!(ended.stderr.contains("older events are not kept: ") && ended.stderr.contains("w-events.db"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(place.path("w-events.db")).expect("it is there"), "somebody's notes");
}
