//! An output that takes nothing for a while, and one that ended in the middle of a record.

use std::io::{BufRead as _, BufReader};
use std::path::Path;

use chrono::DateTime;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::*;
use crate::detect::ecs::Mapping;
use crate::detect::{Observation, RuleFile, RuleSet, raise};
use crate::event::testing::sysmon;
use crate::event::time::{EventTimeRule, event_time};

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
