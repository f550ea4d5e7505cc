//! A frozen picture: what waits behind it is bounded, and once it goes on it shows what it would show had it never stood still.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use std::sync::{Arc, LazyLock};

use chrono::TimeDelta;
use proptest::prelude::*;
use wefwatch::alert::Action;
use wefwatch::alert::header::Header;
use wefwatch::console::Config;
use wefwatch::console::model::{Message, Model};
use wefwatch::feed::{Change, Update};
use wefwatch::triage::{Act, Deed, Target};

use scene::{Scene, dawn, samples, updates};

/// What the collector tells of the demo and of the attack, on hosts of five domains.
static TOLD: LazyLock<Vec<Arc<Update>>> = LazyLock::new(|| {
    let mut bytes = samples(&["demo.xml", "hostile.xml"]);
    let attack = String::from_utf8(samples(&["attack_both_ends.xml"])).unwrap();
    for domain in ["corp.example", "a.example", "b.example", "c.example", "d.example"] {
        bytes.extend(attack.replace("corp.example", domain).into_bytes());
    }
    updates(&bytes)
});

/// How much a picture may hold.
#[derive(Debug, Clone, Copy)]
struct Room {
    alerts: usize,
    evidence: usize,
    events: usize,
}

const AMPLE: Room = Room { alerts: 100_000, evidence: 5000, events: 5000 };

fn scene(room: Room) -> Scene {
    let mut scene = Scene::empty((120, 36));
    let config =
        Config { max_alerts: room.alerts, max_evidence: room.evidence, max_events: room.events, ..scene.model.config.clone() };
    scene.model = Model::new(config, (120, 36), dawn());
    scene
}

fn hear(scene: &mut Scene, update: &Arc<Update>) {
    if let Change::Alert(alert) = &update.change {
        scene.ledger.know(&Header::of(alert), alert.muted);
    }
    scene.model.update(Message::Update(update.clone()));
}

/// Somebody elsewhere does something with the alert that was raised last.
fn act(scene: &mut Scene, heard: &[Arc<Update>], deed: Deed) {
    let last = heard.iter().rev().find_map(|update| match &update.change {
        Change::Alert(alert) => Some(alert.id.clone()),
        _ => None,
    });
    let Some(alert) = last else { return };
    let revision = scene.ledger.state(&alert).revision;
    let targets = vec![Target { alert, revision }];
    scene.act(&Act { token: 0, who: "bob".to_owned(), deed, reason: "x".to_owned(), targets });
}

/// An alert that is told again when it is listed no more is listed anew; behind a frozen picture nobody knows when that is so.
fn is_late(room: Room, update: &Update) -> bool {
    room.alerts < AMPLE.alerts && matches!(&update.change, Change::Alert(alert) if alert.action == Action::Updated)
}

/// All screens, once everything was heard; paused between two places or never. What is not news any more by then is not told.
fn screens(room: Room, pause: Option<(usize, usize)>, acts: &[usize]) -> Vec<String> {
    let mut scene = scene(room);
    for (place, update) in TOLD.iter().enumerate() {
        if pause.is_some_and(|(from, to)| place == from || place == to) {
            scene.keys("space");
        }
        if !is_late(room, update) {
            hear(&mut scene, update);
        }
        if acts.contains(&place) {
            let deed = [Deed::Acknowledge, Deed::Own, Deed::Comment][place % 3].clone();
            act(&mut scene, &TOLD[..=place], deed);
        }
    }
    if pause.is_some_and(|(_, to)| to >= TOLD.len()) {
        scene.keys("space");
    }
    scene.model.said = None;
    scene.model.update(Message::Tick(dawn() + TimeDelta::seconds(40)));
    let keys = ["1", "2", "3", "4", "end", "1 tab ⏎", "esc 2 ⏎", "2", "3", "4", "6", "esc L", "esc 3 ⏎"];
    let screen = |keys: &&str| {
        scene.keys(keys);
        scene.text()
    };
    keys.iter().map(screen).collect()
}

fn compare(room: Room, pause: (usize, usize), acts: &[usize]) {
    for (paused, live) in screens(room, Some(pause), acts).iter().zip(screens(room, None, acts)) {
        let differing = paused.lines().zip(live.lines()).find(|(paused, live)| paused != live);
        assert_eq!(differing, None, "{room:?} {pause:?} {acts:?}");
    }
}

#[test]
fn nothing_is_missed() {
    let all = TOLD.len();
    let tight = Room { alerts: 6, evidence: 2, events: 40 };
    for room in [AMPLE, tight, Room { alerts: 1, evidence: 1, events: 1 }] {
        for pause in [(0, all), (all / 3, all), (all / 4, all / 2), (10, 11)] {
            compare(room, pause, &[]);
            compare(room, pause, &[all / 5, all / 3 + 1, all / 2 + 3, all - 1]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whenever_it_stands_still(
        (alerts, evidence, events) in (1..16_usize, 1..8_usize, 1..200_usize),
        (from, length) in (0..TOLD.len(), 1..TOLD.len()),
        acts in prop::collection::vec(0..TOLD.len(), 0..6),
    ) {
        compare(Room { alerts, evidence, events }, (from, from + length), &acts);
    }
}

#[test]
fn what_waits_is_bounded_and_the_count_is_true() {
    let room = Room { alerts: 50, evidence: 5, events: 40 };
    let mut scene = scene(room);
    TOLD.iter().for_each(|update| hear(&mut scene, update));
    let raised = TOLD.iter().find_map(|update| match &update.change {
        Change::Alert(alert) => Some(alert.clone()),
        _ => None,
    });
    let raised = raised.unwrap();
    scene.keys("space");
    let watched: Vec<_> = (0..1000)
        .map(|number| {
            let mut alert = wefwatch::alert::Alert::clone(&raised);
            alert.id = wefwatch::alert::AlertId(format!("{number:032x}").into());
            let alert = Arc::new(alert);
            let held = Arc::downgrade(&alert);
            scene.tell(Change::Alert(alert));
            held
        })
        .collect();
    assert!(scene.text().contains("1,000 alerts"), "{}", scene.text());
    let held = watched.iter().filter(|alert| alert.strong_count() > 0).count();
    assert_eq!(held, room.evidence, "the others are headers");
    scene.keys("space");
    assert_eq!(scene.model.alerts.len(), room.alerts);
    let held = watched.iter().filter(|alert| alert.strong_count() > 0).count();
    assert_eq!(held, room.evidence);
}
