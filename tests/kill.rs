//! kill -9 at random moments while alerts and acts flow: nothing that was announced or confirmed is lost, no alert has a second
//! id, and the store opens. The collector runs in a child, which is this very test program started anew.
//!
//! `WEFWATCH_KILLS=100 cargo test --test kill` goes on for 100 rounds; by itself it is a few.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::mpsc;
use wefwatch::alert::AlertId;
use wefwatch::collector::{self, Collector};
use wefwatch::decode::framing::{Framer, FramerConfig};
use wefwatch::detect::{RuleSet, correlator, ecs::Mapping, load};
use wefwatch::feed::{Change, Known, Overflow};
use wefwatch::intake::{Batch, Intake, ListenerId, Peer};
use wefwatch::store::read::Reader;
use wefwatch::triage::{Act, Deed, Target};
use wefwatch::{hosts, input, store};

const STORE: &str = "WEFWATCH_KILL_STORE";
const ROUND: &str = "WEFWATCH_KILL_ROUND";
/// How many events the child sends; more than it lives to see.
const EVENTS: u64 = 4000;

fn outbound() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/attack_both_ends.xml");
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().find(|line| line.contains("<EventRecordID>2371779<")).unwrap().to_owned()
}

fn batch(rules: &Arc<RuleSet>, record: u64, at: DateTime<Utc>) -> Batch {
    let mut batch = Batch {
        listener: ListenerId(0),
        peer: Peer(Arc::from("127.0.0.1:40000")),
        received_at: at,
        rules: rules.clone(),
        bytes: 1,
        observed: Vec::new(),
        rejected: Vec::new(),
        shed: Vec::new(),
    };
    let mut framer = Framer::new(FramerConfig { max_frame: 256 << 10 });
    framer.push(outbound().replace("2371779", &record.to_string()).as_bytes());
    framer.finish();
    while let Some(framed) = framer.next() {
        input::add(&mut batch, framed, &mut input::Matcher::default());
    }
    batch
}

/// When a round begins; every round sees the events of the one before once more, and new ones.
fn dawn(round: u64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + TimeDelta::hours(round as i64)
}

fn record_of(round: u64, number: u64) -> u64 {
    1_000_000 + round * 50 + number
}

/// The child: a collector that announces to standard output until it is killed.
#[test]
fn child() {
    let Ok(path) = std::env::var(STORE) else { return };
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(live(Path::new(&path), round));
}

async fn live(path: &Path, round: u64) {
    let rules = Arc::new(RuleSet::compile(&load::builtin(), &Mapping::default()));
    let config = collector::Config {
        hosts: hosts::Config::default(),
        sequence: correlator::Config::default(),
        link: wefwatch::alert::link::Config::default(),
        duplicate_window: 1 << 16,
        is_replay: false,
    };
    let (opened, kept) = store::open(path, &store::Config::default(), dawn(round)).unwrap();
    let (sender, receiver) = mpsc::channel(4);
    let (handle, _thread) = opened.start(sender.downgrade()).unwrap();
    let mut collector = Collector::new(&config, rules.clone()).with_store(handle, kept);
    let mut updates = collector.subscribe(Overflow::Wait, 4);
    tokio::spawn(collector.run(receiver));
    let acts = sender.clone();
    tokio::spawn(async move {
        sender.send(Intake::Tick(dawn(round))).await.unwrap();
        for number in 0..EVENTS {
            let at = dawn(round) + TimeDelta::milliseconds(number as i64);
            let batch = batch(&rules, record_of(round, number), at);
            sender.send(Intake::Batch(Box::new(batch))).await.unwrap();
        }
    });
    let mut out = std::io::stdout();
    let mut heard = 0;
    while let Some(update) = updates.recv().await {
        // One write a line: what the parent reads was announced in full.
        match &update.change {
            Change::Alert(alert) => {
                let record = alert.evidence.last().record_id.unwrap().0;
                out.write_all(format!("\nalert {record} {}\n", alert.id).as_bytes()).unwrap();
                heard += 1;
                let deed = [Deed::Acknowledge, Deed::Own, Deed::Comment][heard % 3].clone();
                let targets = vec![Target { alert: alert.id.clone(), revision: 0 }];
                let act = Act { token: 0, who: "alice".to_owned(), deed, reason: format!("round {round}"), targets };
                let acts = acts.clone();
                // The feed must be read on while the collector has room for nothing else.
                tokio::spawn(async move { acts.send(Intake::Act(act)).await });
            }
            Change::Triage(entry) => {
                out.write_all(format!("\nact {} {}\n", entry.number, entry.alerts[0]).as_bytes()).unwrap();
            }
            _ => {}
        }
        out.flush().unwrap();
    }
}

/// What was told to the world.
#[derive(Default)]
struct Told {
    ids: BTreeMap<String, String>,
    acts: BTreeMap<u64, String>,
}

/// One round: reads so many lines, kills, reads what was written before the kill.
fn round(path: &Path, number: u64, lines: usize, told: &mut Told) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(STORE, path)
        .env(ROUND, number.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut seen = 0;
    let mut raised = BTreeSet::new();
    let mut reader = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while reader.read_line(&mut line).unwrap() > 0 {
        let words: Vec<&str> = line.trim_end_matches('\n').split(' ').collect();
        match (words.as_slice(), line.ends_with('\n')) {
            (["alert", record, id], true) => {
                let before = told.ids.insert((*record).to_owned(), (*id).to_owned());
                assert!(before.is_none_or(|before| before == *id), "record {record} has a second id");
                assert!(raised.insert((*id).to_owned()), "{id} was raised twice in one run");
            }
            (["act", entry, id], true) => {
                assert!(told.acts.insert(entry.parse().unwrap(), (*id).to_owned()).is_none(), "act {entry} was told twice");
            }
            _ => {}
        }
        line.clear();
        seen += 1;
        if seen == lines {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(seen >= lines, "the child ended by itself");
}

/// Another number each time, from 1 on.
fn random(below: u64) -> usize {
    1 + (RandomState::new().build_hasher().finish() % below) as usize
}

#[test]
fn nothing_is_lost() {
    let rounds: u64 = std::env::var("WEFWATCH_KILLS").ok().and_then(|count| count.parse().ok()).unwrap_or(5);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wefwatch.db");
    let mut told = Told::default();
    for number in 0..rounds {
        let lines = random(400);
        round(&path, number, lines, &mut told);
        let (mut kept, mut entries) = (BTreeSet::new(), BTreeMap::new());
        for known in Reader::open(&path).unwrap().past().unwrap() {
            match known {
                Known::Alert { header, .. } => drop(kept.insert(header.id.clone())),
                Known::Entry(entry) => drop(entries.insert(entry.number, entry.alerts[0].to_string())),
            }
        }
        for (record, id) in &told.ids {
            assert!(kept.contains(&AlertId(id.as_str().into())), "round {number}: record {record} was announced and is lost");
        }
        for (act, id) in &told.acts {
            assert_eq!(entries.get(act), Some(id), "round {number}: act {act} was confirmed and is lost");
        }
        assert_eq!(entries.keys().copied().collect::<Vec<_>>(), (1..=entries.len() as u64).collect::<Vec<_>>());
    }
    assert!(told.ids.len() as u64 > rounds && !told.acts.is_empty());
    eprintln!("{rounds} kills: {} alerts announced, {} acts confirmed, none lost", told.ids.len(), told.acts.len());
}
