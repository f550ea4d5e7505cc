//! Whole archives: what goes in comes back, in order, no more than may be, and never from a file that is not fit.

use chrono::DateTime;

use super::*;
use crate::alert::{AlertId, Severity};
use crate::event::names::{EventId, HostName};
use crate::feed::EventLine;
use crate::feed::stored::Side;

fn line(number: u64, xml: &str) -> EventLine {
    EventLine {
        number,
        time: DateTime::from_timestamp(number as i64, 0).unwrap(),
        host: HostName::fold("SRV"),
        computer: "Srv".to_owned(),
        event_id: EventId(1),
        channel: "Microsoft-Windows-Sysmon/Operational".to_owned(),
        summary: format!("event {number}"),
        alert: (number == 7).then(|| (AlertId("a7".into()), Severity::High)),
        near: None,
        xml: xml.into(),
    }
}

/// What one read brought, a second for each event.
fn update(numbers: std::ops::RangeInclusive<u64>, xml: &str) -> Arc<Update> {
    let at = DateTime::from_timestamp(*numbers.start() as i64, 0).unwrap();
    Arc::new(Update { seq: 0, at, change: Change::Events(numbers.map(|number| line(number, xml)).collect()) })
}

fn config(events: u64) -> Config {
    Config { events, ..Config::default() }
}

fn start(store: &Path, config: &Config) -> (u64, Archive, std::thread::JoinHandle<ArchiveHealth>) {
    let opened = open(store, config).unwrap().unwrap();
    let (last, (health, _)) = (opened.last(), mpsc::channel(1));
    let (archive, thread) = opened.start(health.downgrade()).unwrap();
    (last, archive, thread)
}

/// Writes events to the end.
fn write(store: &Path, config: &Config, updates: impl Iterator<Item = Arc<Update>>) -> ArchiveHealth {
    let (_, archive, thread) = start(store, config);
    for update in updates {
        // Whoever must not lose any waits here.
        while archive.offer(&update) > 0 {
            std::thread::yield_now();
        }
    }
    drop(archive);
    thread.join().unwrap()
}

fn wanted(side: Side, most: u64) -> Wanted {
    Wanted { token: 9, filter: String::new(), now: DateTime::UNIX_EPOCH, side, most }
}

fn numbers(stored: &Stored) -> Vec<u64> {
    stored.lines.iter().map(|(_, line)| line.number).collect()
}

#[test]
fn the_file_beside_the_store() {
    for (store, expected) in [("/x/y.db", "/x/y-events.db"), ("y", "y-events"), ("/x/y.z.sqlite", "/x/y.z-events.sqlite")] {
        assert_eq!(path_of(Path::new(store)), Path::new(expected));
    }
}

#[tokio::test]
async fn events_come_back_in_order_and_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("x.db");
    let (last, archive, thread) = start(&store, &config(8 << 20));
    assert_eq!(last, 0);
    assert_eq!(archive.offer(&update(1..=300, "<Event/>")), 0);
    assert_eq!(archive.offer(&update(301..=600, "<Event>é</Event>")), 0);
    // Those that were told just now are there.
    let stored = archive.look(wanted(Side::Before(600), 3), Box::new(|_, _| true)).await;
    assert_eq!((numbers(&stored), stored.reached, stored.is_end, stored.token), (vec![597, 598, 599], Some(597), false, 9));
    let (at, own) = &stored.lines[0];
    let expected = line(597, "<Event>é</Event>");
    assert_eq!(serde_json::to_value(own).unwrap(), serde_json::to_value(&expected).unwrap());
    assert_eq!(*at, DateTime::from_timestamp(301, 0).unwrap());
    let first = archive.look(wanted(Side::Before(3), 10), Box::new(|_, _| true)).await;
    assert_eq!((numbers(&first), first.is_end), (vec![1, 2], true));
    let after = archive.look(wanted(Side::After(0), 2), Box::new(|_, _| true)).await;
    assert_eq!((numbers(&after), after.reached, after.is_end), (vec![1, 2], Some(2), false));
    // Across a block, and to the end.
    let after = archive.look(wanted(Side::After(255), 2), Box::new(|_, _| true)).await;
    assert_eq!(numbers(&after), [256, 257]);
    let after = archive.look(wanted(Side::After(598), 10), Box::new(|_, _| true)).await;
    assert_eq!((numbers(&after), after.is_end), (vec![599, 600], true));
    let alerts = archive.look(wanted(Side::Before(u64::MAX), 10), Box::new(|line, _| line.alert.is_some())).await;
    assert_eq!((numbers(&alerts), alerts.is_end), (vec![7], true));
    drop(archive);
    let health = thread.join().unwrap();
    assert_eq!((health.written, health.events, health.failed), (600, 600, 0));
}

#[tokio::test]
async fn a_question_looks_at_a_part_only_and_tells_how_far() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("x.db");
    let (_, archive, thread) = start(&store, &config(64 << 20));
    for first in (1..=25_000).step_by(1000) {
        while archive.offer(&update(first..=first + 999, "<Event/>")) > 0 {
            std::thread::yield_now();
        }
    }
    let stored = archive.look(wanted(Side::Before(25_001), 10), Box::new(|_, _| false)).await;
    assert_eq!((numbers(&stored), stored.reached, stored.is_end), (vec![], Some(5001), false));
    let stored = archive.look(wanted(Side::Before(5001), 10), Box::new(|line, _| line.number == 4)).await;
    assert_eq!((numbers(&stored), stored.is_end), (vec![4], true));
    drop(archive);
    thread.join().unwrap();
}

#[test]
fn it_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("x.db");
    write(&store, &config(8 << 20), std::iter::once(update(1..=10, "<Event/>")));
    let (last, archive, thread) = start(&store, &config(8 << 20));
    assert_eq!(last, 10);
    drop(archive);
    assert_eq!(thread.join().unwrap().events, 10);
    assert!(open(&store, &config(0)).unwrap().is_none(), "it is switched off");
}

/// Text that does not compress.
fn noise(seed: u64, length: usize) -> String {
    let mut state = seed | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'!' + (state >> 58) as u8)
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn it_grows_no_larger_than_it_may_and_loses_the_oldest() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("x.db");
    let most = 1 << 20;
    let updates = (1..=2000).map(|number| update(number..=number, &noise(number, 2000)));
    let health = write(&store, &config(most), updates);
    assert_eq!((health.written, health.events + health.deleted), (2000, 2000));
    assert!(health.deleted > 0 && health.events > 0, "{health:?}");
    assert!(health.bytes <= most, "{health:?}");
    // What waits for a transaction may be there for a moment on top of it.
    let size = std::fs::metadata(path_of(&store)).unwrap().len();
    assert!(size <= most + (9 << 20), "{size}");
    let all: Sieve = Box::new(|_, _| true);
    let stored = file::look(&path_of(&store), &wanted(Side::After(0), 1), &all).unwrap();
    assert!(numbers(&stored)[0] > health.deleted, "the oldest went: {stored:?}");
    assert_eq!(stored.reached, Some(health.deleted + 1));
}

#[test]
fn what_is_too_old_goes() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("x.db");
    let config = Config { max_age: TimeDelta::seconds(100), ..config(8 << 20) };
    write(&store, &config, std::iter::once(update(1..=10, "<Event/>")));
    let health = write(&store, &config, std::iter::once(update(1000..=1009, "<Event/>")));
    assert_eq!((health.deleted, health.events), (10, 10));
}

#[test]
fn a_file_that_is_not_fit_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("x.db");
    let path = path_of(&store);
    let refused = |bytes: &[u8], expected: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = open(&store, &config(8 << 20)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
    };
    refused(b"no database, but a text that somebody wrote", "not a store");
    std::fs::remove_file(&path).unwrap();
    write(&store, &config(8 << 20), (0..40).map(|piece| update(piece * 10 + 1..=piece * 10 + 10, &noise(piece, 500))));
    let good = std::fs::read(&path).unwrap();
    let mut newer = good.clone();
    newer[60..64].copy_from_slice(&9_u32.to_be_bytes());
    refused(&newer, "newer");
    let mut scribbled = good.clone();
    scribbled[100..3000].fill(0x55);
    refused(&scribbled, "damaged");
    // The first page is well, the newest block is not.
    let mut torn = good;
    let length = torn.len();
    torn[length - 4000..].fill(0x55);
    refused(&torn, "damaged");
    // A store is no archive.
    std::fs::remove_file(&path).unwrap();
    drop(crate::store::open(&path, &config(0), DateTime::UNIX_EPOCH).unwrap());
    assert!(matches!(open(&store, &config(8 << 20)), Err(StoreError::Foreign(_))));
}

#[test]
fn what_finds_no_room_is_left_out_and_counted() {
    let (sender, receiver) = sync_channel(2);
    let path: Arc<Path> = Path::new("x").into();
    let archive = Archive { sender, path, readers: Arc::new(Semaphore::new(1)) };
    let shed: Vec<u64> = (0..4).map(|_| archive.offer(&update(1..=5, "<Event/>"))).collect();
    assert_eq!(shed, [0, 0, 5, 5]);
    drop(receiver);
    assert_eq!(archive.offer(&update(1..=5, "<Event/>")), 5, "nobody writes any more");
}
