//! What outputs could not deliver goes out later: over a restart, over kill -9, over a full queue, around the real binary.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod harness;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use harness::{Outcome, Server, lines, root};
use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::net::TcpSocket;

/// The outbound connection of the attack as other events, by their record ids; each raises one alert.
fn events(from: u64, count: u64) -> String {
    let attack = lines(&root().join("samples/attack_both_ends.xml"));
    let outbound = attack.iter().find(|line| line.contains("<EventRecordID>2371779<")).unwrap();
    (from..from + count).map(|number| outbound.replace("2371779", &number.to_string()) + "\n").collect()
}

/// A place of its own for one test: a store, an address, a configuration.
struct Place {
    folder: tempfile::TempDir,
    address: SocketAddr,
    /// Until somebody listens, the address is taken and refuses connections.
    socket: std::cell::Cell<Option<TcpSocket>>,
}

impl Place {
    /// Nobody listens at the address yet.
    fn new() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = socket.local_addr().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), address, socket: Some(socket).into() }
    }

    fn url(&self) -> String {
        format!("tcp://{}", self.address)
    }

    fn store(&self) -> PathBuf {
        self.folder.path().join("w.db")
    }

    fn start_with(&self, outputs: &[(&str, usize)]) -> Server {
        let config = self.folder.path().join("w.toml");
        let output = |(url, queue): &(&str, usize)| format!("[[output]]\nurl = \"{url}\"\nqueue = {queue}\n");
        let text = format!("[limits]\ngrace = \"2s\"\n{}", outputs.iter().map(output).collect::<String>());
        std::fs::write(&config, text).unwrap();
        let (config, store) = (config.to_str().unwrap(), self.store());
        let always = ["--config", config, "--store", store.to_str().unwrap(), "--listen", "tcp://127.0.0.1:0"];
        Server::start(&[&always[..], &["--metrics", "127.0.0.1:0"]].concat(), 2)
    }

    fn start(&self) -> Server {
        self.start_with(&[(&self.url(), 100)])
    }

    /// Somebody listens from now on; answers the records as they come.
    fn listen(&self) -> mpsc::Receiver<Value> {
        let socket = self.socket.take().expect("nobody listens yet");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().unwrap();
        let listener = runtime.block_on(async { socket.listen(64).unwrap().into_std().unwrap() });
        listener.set_nonblocking(false).unwrap();
        let (sender, records) = mpsc::channel();
        // It ends with the test.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    let Ok(record) = serde_json::from_str(&line) else { continue };
                    if sender.send(record).is_err() {
                        return;
                    }
                }
            }
        });
        records
    }
}

fn record_of(record: &Value) -> u64 {
    record["wefwatch"]["evidence"][0]["record_id"].as_u64().unwrap()
}

/// The record ids of so many records, as they came; each is raised.
fn take(records: &mpsc::Receiver<Value>, count: usize) -> Vec<u64> {
    let next = |_| records.recv_timeout(Duration::from_mins(1)).expect("it is delivered");
    let taken: Vec<Value> = (0..count).map(next).collect();
    assert!(taken.iter().all(|record| record["event"]["action"] == "raised"));
    taken.iter().map(record_of).collect()
}

fn count(outcome: &Outcome, url: &str, result: &str) -> u64 {
    outcome.summary()["wefwatch_output_records_total"][url][result].as_u64().unwrap_or(0)
}

/// Alerts while nobody listens, then that end.
fn miss(place: &Place, from: u64, number: u64, signal: Signal) -> Option<Outcome> {
    let server = place.start();
    server.send(events(from, number).as_bytes(), &[64 << 10]);
    server.wait_for("wefwatch_alerts_total", number);
    server.signal(signal);
    if signal == Signal::SIGKILL {
        server.killed();
        return None;
    }
    Some(server.ended())
}

#[test]
fn what_nobody_took_is_sent_first_by_the_next_run() {
    for signal in [Signal::SIGTERM, Signal::SIGKILL] {
        let place = Place::new();
        if let Some(outcome) = miss(&place, 1000, 300, signal) {
            assert_eq!((count(&outcome, &place.url(), "kept"), count(&outcome, &place.url(), "gave_up")), (300, 0));
            assert!(outcome.stderr.contains("what the store has of them goes out first"), "{}", outcome.stderr);
        }
        // Twice: what is left over is kept with what comes.
        miss(&place, 1300, 100, signal);
        let records = place.listen();
        let server = place.start();
        server.send(events(1400, 5).as_bytes(), &[4096]);
        assert_eq!(take(&records, 405), (1000..1405).collect::<Vec<_>>(), "all, once, in order, {signal}");
        server.wait_for("wefwatch_output_records_total", 405);
        let outcome = server.stop();
        assert!(outcome.stderr.contains("sending first what was not delivered before"), "{}", outcome.stderr);
        assert_eq!((count(&outcome, &place.url(), "delivered"), count(&outcome, &place.url(), "gave_up")), (405, 0));
        // Nothing twice after a clean end.
        let server = place.start();
        server.send(events(2000, 1).as_bytes(), &[4096]);
        assert_eq!(take(&records, 1), [2000]);
        assert!(server.stop().status.success());
        assert!(records.try_recv().is_err());
    }
}

#[test]
fn nothing_is_lost_by_a_kill_while_records_flow() {
    let place = Place::new();
    let records = place.listen();
    let mut taken = BTreeSet::new();
    for (round, count) in [(1, 3), (2, 400), (3, 1100)] {
        let server = place.start();
        server.send(events(1000, round * 600).as_bytes(), &[64 << 10]);
        taken.extend(take(&records, count));
        server.signal(Signal::SIGKILL);
        server.killed();
    }
    let server = place.start();
    // What the last one had read and not raised comes once more; what is known raises nothing.
    server.send(events(1000, 2001).as_bytes(), &[64 << 10]);
    while taken.len() < 2001 {
        taken.extend(take(&records, 1));
    }
    assert_eq!(taken, (1000..3001).collect());
    assert!(server.stop().status.success());
}

#[test]
fn what_finds_no_room_in_the_queue_is_read_from_the_store() {
    let place = Place::new();
    let server = place.start_with(&[(&place.url(), 10)]);
    server.send(events(1000, 1500).as_bytes(), &[64 << 10]);
    server.wait_for("wefwatch_alerts_total", 1500);
    let page = server.get("/metrics");
    assert!(page.contains("result=\"gave_up\"} 0"), "{page}");
    let records = place.listen();
    server.send(events(2500, 500).as_bytes(), &[64 << 10]);
    assert_eq!(take(&records, 2000), (1000..3000).collect::<Vec<_>>());
    let outcome = server.stop();
    assert_eq!((count(&outcome, &place.url(), "delivered"), count(&outcome, &place.url(), "gave_up")), (2000, 0));
}

/// The record ids in a file.
fn written(path: &Path) -> Vec<u64> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| record_of(&serde_json::from_str(line).unwrap())).collect()
}

#[test]
fn a_new_output_gets_no_past_and_each_has_its_own_mark() {
    let place = Place::new();
    miss(&place, 1000, 20, Signal::SIGTERM);
    let file = place.folder.path().join("alerts.json");
    let url = format!("file:{}", file.display());
    let server = place.start_with(&[(&place.url(), 100), (&url, 100)]);
    server.send(events(1020, 5).as_bytes(), &[4096]);
    server.wait_for(&format!("wefwatch_output_records_total{{output=\"{url}\",result=\"delivered\"}}"), 5);
    assert!(server.stop().status.success());
    assert_eq!(written(&file), (1020..1025).collect::<Vec<_>>());
    let records = place.listen();
    let server = place.start_with(&[(&url, 100), (&place.url(), 100)]);
    assert_eq!(take(&records, 25), (1000..1025).collect::<Vec<_>>());
    assert!(server.stop().status.success());
    assert_eq!(written(&file), (1020..1025).collect::<Vec<_>>());
}

#[test]
fn a_file_that_could_not_be_opened_has_it_all_later() {
    let place = Place::new();
    let folder = place.folder.path().join("mounted later");
    let url = format!("file:{}", folder.join("alerts.json").display());
    let server = place.start_with(&[(&url, 1)]);
    server.send(events(1000, 200).as_bytes(), &[64 << 10]);
    server.wait_for("wefwatch_alerts_total", 200);
    assert_eq!(count(&server.stop(), &url, "kept"), 200);
    std::fs::create_dir(&folder).unwrap();
    let server = place.start_with(&[(&url, 1)]);
    server.send(events(1200, 200).as_bytes(), &[64 << 10]);
    server.wait_for(&format!("wefwatch_output_records_total{{output=\"{url}\",result=\"delivered\"}}"), 400);
    assert_eq!(count(&server.stop(), &url, "kept"), 0);
    assert_eq!(written(&folder.join("alerts.json")), (1000..1400).collect::<Vec<_>>());
}

#[test]
fn what_the_store_deleted_meanwhile_is_counted() {
    let place = Place::new();
    miss(&place, 1000, 20, Signal::SIGTERM);
    let store = rusqlite::Connection::open(place.store()).unwrap();
    store.execute_batch("DELETE FROM alerts WHERE rowid IN (1, 7, 8, 20)").unwrap();
    drop(store);
    let records = place.listen();
    let server = place.start();
    assert_eq!(take(&records, 16).len(), 16);
    server.wait_for("wefwatch_output_records_total", 20);
    let outcome = server.stop();
    assert_eq!((count(&outcome, &place.url(), "delivered"), count(&outcome, &place.url(), "gave_up")), (16, 4));
    assert!(outcome.stderr.contains("the store has them no more"), "{}", outcome.stderr);
    // It is told once.
    assert_eq!(count(&place.start().stop(), &place.url(), "gave_up"), 0);
}

/// Nothing is promised for the next run that it will not find.
#[test]
fn what_waits_in_a_store_that_is_gone_is_given_up() {
    let place = Place::new();
    let server = place.start();
    server.send(events(1000, 20).as_bytes(), &[64 << 10]);
    server.wait_for("wefwatch_alerts_total", 20);
    std::fs::remove_file(place.store()).unwrap();
    server.send(events(1020, 5).as_bytes(), &[4096]);
    server.wait_for("wefwatch_alerts_total", 25);
    server.signal(Signal::SIGTERM);
    let outcome = server.ended();
    assert!(outcome.status.success(), "{}", outcome.stderr);
    assert_eq!((count(&outcome, &place.url(), "kept"), count(&outcome, &place.url(), "gave_up")), (0, 25));
    for line in ["the store cannot be written", "its file is gone", "given up at the end"] {
        assert!(outcome.stderr.contains(line), "{line}: {}", outcome.stderr);
    }
    assert!(!outcome.stderr.contains("goes out first next time"), "{}", outcome.stderr);
}

/// What is broken in one record keeps no other one back.
#[test]
fn what_the_store_cannot_read_is_stepped_over_and_counted() {
    let place = Place::new();
    miss(&place, 1000, 20, Signal::SIGTERM);
    let store = rusqlite::Connection::open(place.store()).unwrap();
    // Old enough for the start not to read it.
    let broken = "UPDATE alerts SET created = created - 7200000000;
                  UPDATE alerts SET body = '{' WHERE rowid IN (1, 7);
                  UPDATE alerts SET body = json_set(body, '$.rule', 'nowhere') WHERE rowid = 8;";
    store.execute_batch(broken).unwrap();
    drop(store);
    let records = place.listen();
    let server = place.start();
    let expected: Vec<u64> = (1001..1020).filter(|record| ![1006, 1007].contains(record)).collect();
    assert_eq!(take(&records, 17), expected);
    let outcome = server.stop();
    assert_eq!((count(&outcome, &place.url(), "delivered"), count(&outcome, &place.url(), "gave_up")), (17, 3));
    assert_eq!(outcome.stderr.matches("cannot be read").count(), 1, "{}", outcome.stderr);
    assert_eq!(count(&place.start().stop(), &place.url(), "gave_up"), 0);
}

/// More in a row than are read at once.
#[test]
fn many_that_the_store_deleted_are_stepped_over() {
    let place = Place::new();
    miss(&place, 1000, 210, Signal::SIGTERM);
    let store = rusqlite::Connection::open(place.store()).unwrap();
    store.execute_batch("DELETE FROM alerts WHERE rowid <= 200").unwrap();
    drop(store);
    let records = place.listen();
    let server = place.start();
    assert_eq!(take(&records, 10), (1200..1210).collect::<Vec<_>>());
    let outcome = server.stop();
    assert_eq!((count(&outcome, &place.url(), "delivered"), count(&outcome, &place.url(), "gave_up")), (10, 200));
}

#[test]
fn a_store_of_the_first_schema_goes_on() {
    let place = Place::new();
    miss(&place, 1000, 20, Signal::SIGTERM);
    let store = rusqlite::Connection::open(place.store()).unwrap();
    let first = "DROP TABLE dispatches; DROP TABLE outputs; PRAGMA user_version = 1;
                 UPDATE alerts SET announced = 0 WHERE rowid > 18;";
    store.execute_batch(first).unwrap();
    drop(store);
    let listed = || {
        let output = harness::binary().args(["alerts", "--json", "--store", place.store().to_str().unwrap()]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    // It is listed before it is brought up to date.
    let before = listed();
    assert_eq!(before.lines().count(), 20);
    let records = place.listen();
    let server = place.start();
    server.send(events(1020, 1).as_bytes(), &[4096]);
    assert_eq!(take(&records, 3), [1018, 1019, 1020], "what nobody was told, and what is new");
    assert!(server.stop().status.success());
    assert!(listed().starts_with(&before));
    let head = std::fs::read(place.store()).unwrap();
    assert_eq!(head[60..64], 2_u32.to_be_bytes());
}
