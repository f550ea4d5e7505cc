//! Lateral movement as it is drawn: an attacker who fans out, two ways to one host, a circle, and an alert on two hops.
//!
//! `UPDATE_SCREENS=1 cargo test --test lateral` writes the golden screens anew; look at the difference before committing it.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use std::sync::Arc;

use chrono::TimeDelta;
use wefwatch::alert::link::{AtEnd, Hop, Side};
use wefwatch::alert::{Action, Alert, AlertId, Severity};
use wefwatch::event::names::HostName;
use wefwatch::feed::Change;

use scene::{Scene, dawn, golden, samples, updates};

/// From, to, the second it left, and the alerts at both ends by the first letters of their ids.
type Leg = (&'static str, &'static str, i64, &'static str, &'static str);

fn id(short: &str) -> AlertId {
    AlertId(format!("{short:0<32}").into())
}

fn hop((from, to, second, left, reached): Leg) -> Hop {
    let side = |host: &str, later, port, alert: &str| Side {
        host: HostName::fold(host),
        computer: format!("{host}.corp.example"),
        at: dawn() + TimeDelta::seconds(second) + TimeDelta::milliseconds(later),
        ip: [10, 20, 0, host.bytes().fold(0, u8::wrapping_add)].into(),
        port,
        alerts: if alert.is_empty() { Vec::new() } else { vec![AtEnd { id: id(alert), severity: Severity::High }] },
    };
    Hop { protocol: "tcp".to_owned(), from: side(from, 0, 50_000, left), to: side(to, 12, 5985, reached) }
}

/// A console that has heard of these alerts, each with its path.
fn told(alerts: &[(&str, &str, &[Leg])], size: (u16, u16)) -> Scene {
    let template = updates(&samples(&["demo.xml"])).into_iter().find_map(|update| match &update.change {
        Change::Alert(alert) => Some(alert.clone()),
        _ => None,
    });
    let template = template.expect("the demo has alerts");
    let mut scene = Scene::empty(size);
    for (short, host, path) in alerts {
        let alert = Alert {
            id: id(short),
            action: Action::Raised,
            host: HostName::fold(host),
            computer: format!("{host}.corp.example"),
            hops: path.iter().copied().map(hop).collect(),
            time: dawn(),
            created: dawn(),
            ..Alert::clone(&template)
        };
        scene.tell(Change::Alert(Arc::new(alert)));
    }
    scene
}

const IN: Leg = ("WKSTN-014", "SRV-FILE01", 0, "a001", "b001");
const BESIDE: Leg = ("WKSTN-014", "SRV-APP02", 8, "a001", "c001");
const TO_DC: Leg = ("SRV-FILE01", "DC01", 30, "b002", "d001");
const TO_SQL: Leg = ("SRV-FILE01", "SRV-SQL01", 41, "b003", "e001");
const TO_SQL_TOO: Leg = ("SRV-APP02", "SRV-SQL01", 55, "c002", "e002");
const ON: Leg = ("SRV-SQL01", "SRV-BACKUP01", 70, "e003", "f001");
const BACK: Leg = ("DC01", "SRV-FILE01", 80, "d002", "b004");

const FAN: &[(&str, &str, &[Leg])] = &[
    ("a001", "WKSTN-014", &[IN, TO_DC, BACK]),
    ("b001", "SRV-FILE01", &[IN, TO_DC, BACK]),
    ("c001", "SRV-APP02", &[BESIDE, TO_SQL_TOO, ON]),
    ("b002", "SRV-FILE01", &[IN, TO_DC, BACK]),
    ("d001", "DC01", &[IN, TO_DC, BACK]),
    ("b003", "SRV-FILE01", &[IN, TO_SQL]),
    ("e001", "SRV-SQL01", &[IN, TO_SQL]),
    ("c002", "SRV-APP02", &[BESIDE, TO_SQL_TOO, ON]),
    ("e002", "SRV-SQL01", &[BESIDE, TO_SQL_TOO, ON]),
    ("e003", "SRV-SQL01", &[BESIDE, TO_SQL_TOO, ON]),
    ("f001", "SRV-BACKUP01", &[BESIDE, TO_SQL_TOO, ON]),
    ("d002", "DC01", &[IN, TO_DC, BACK]),
    ("b004", "SRV-FILE01", &[IN, TO_DC, BACK]),
];

#[test]
fn a_tree_with_its_branches() {
    for size in [(120, 36), (80, 24), (60, 16)] {
        let mut scene = told(FAN, size);
        scene.keys("L");
        golden("lateral-tree", &scene);
    }
    let mut scene = told(FAN, (120, 36));
    scene.model.config.is_ascii = true;
    scene.keys("L");
    let text = scene.text();
    assert!(text.contains("|  +- DC01 > SRV-FILE01:5985"), "{text}");
}

#[test]
fn keys_reach_every_row_once_and_stop_at_the_last() {
    let mut scene = told(FAN, (120, 36));
    scene.keys("L");
    let mut reached = Vec::new();
    for _ in 0..9 {
        let text = scene.text();
        let row = text.lines().find(|line| line.starts_with('▌')).expect("a row is selected").to_owned();
        let opens = scene.model.selected_alert();
        reached.push((row, opens));
        scene.keys("down");
    }
    reached.dedup();
    assert_eq!(reached.len(), 7, "{reached:?}");
    let alerts: std::collections::BTreeSet<_> = reached.iter().map(|(_, alert)| alert).collect();
    assert_eq!(alerts.len(), 7, "{reached:?}");
}

#[test]
fn an_alert_on_two_hops_is_drawn_as_one() {
    // It saw somebody come and somebody go on, and nothing fired where that went.
    let legs = [("WKSTN-014", "SRV-FILE01", 0, "a001", "b001"), ("SRV-FILE01", "DC01", 30, "b001", "")];
    let alerts: [(&str, &str, &[Leg]); 2] = [("a001", "WKSTN-014", &legs), ("b001", "SRV-FILE01", &legs)];
    let mut scene = told(&alerts, (120, 36));
    scene.keys("L down");
    let text = scene.text();
    assert_eq!(text.matches("b001 HIGH").count(), 1, "{text}");
    assert!(text.contains("b001 above > -"), "{text}");
    scene.keys("⏎");
    let text = scene.text();
    let path = text.lines().skip_while(|line| !line.contains("▎Path")).take(3).collect::<Vec<_>>().join("\n");
    assert!(path.contains("a001 HIGH > b001") && path.contains("b001 above > -  ◀ this"), "{path}");
}
