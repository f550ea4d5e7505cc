//! Lists of alerts from the outside: which columns there are, and that they stay where they are.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use std::sync::Arc;

use chrono::TimeDelta;
use wefwatch::alert::header::{Header, Likeness};
use wefwatch::alert::{Action, Alert, AlertId};
use wefwatch::console::model::Message;
use wefwatch::feed::{Change, Known};
use wefwatch::filter::Filter;
use wefwatch::roster::Roster;

use scene::Scene;

const RULE: &str = "Suspicious Child Process Created as System Account";

/// So many alerts of rules that look at processes, and one of a connection where that is wanted.
fn scene_of(size: (u16, u16), number: usize, has_path: bool) -> Scene {
    let demo = Scene::of(&["demo.xml"], size);
    let header = demo.model.chosen_alert().expect("one is selected").header.clone();
    let of = |place: usize, path: &str, rule: &str| Known::Alert {
        header: Arc::new(Header {
            id: AlertId(format!("{place:016x}").into()),
            is_linked: false,
            hops: Vec::new(),
            like: Arc::new(Likeness {
                path: path.to_owned(),
                rule: rule.to_owned(),
                rule_id: format!("rule-{place}"),
                source: None,
                destination: None,
                ..Likeness::clone(&header.like)
            }),
            ..Header::clone(&header)
        }),
        muted: None,
    };
    let mut known: Vec<Known> = (0..number).map(|place| of(place, "DC01", RULE)).collect();
    known.extend(has_path.then(|| of(number, "WKSTN-014 > DC01", "Remote session")));
    let mut scene = Scene::empty(size);
    scene.tell(Change::Known(known));
    scene
}

fn heads(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.starts_with("  ID ")).collect()
}

#[test]
fn without_connections_the_rule_has_the_room() {
    for (size, shown) in [((160, 40), RULE.len()), ((120, 36), 45), ((80, 24), 40)] {
        for tab in ["1", "2"] {
            let mut scene = scene_of(size, 3, false);
            scene.keys(tab);
            let text = scene.text();
            let head = heads(&text);
            assert!(head[0].contains("HOST") && head[0].contains("RULE") && !head[0].contains("FROM > TO"), "{text}");
            let least = if tab == "2" { shown - 8 } else { shown };
            assert!(text.contains(&RULE[..least.min(RULE.len())]), "{least} of the rule at {size:?} on {tab}\n{text}");
            assert!(text.contains("DC01  "), "{text}");
        }
    }
}

#[test]
fn a_list_that_is_cut_says_which_rows_are_seen() {
    for size in [(120, 36), (80, 24)] {
        for tab in ["1", "2"] {
            let heading = |scene: &Scene| {
                let text = scene.text();
                text.lines().find(|line| line.starts_with('▎') && line.contains("lerts")).expect("it has one").to_owned()
            };
            let mut scene = scene_of(size, 40, false);
            scene.keys(tab);
            assert!(heading(&scene).contains(" 1-") && heading(&scene).ends_with(" of 40"), "{}", scene.text());
            scene.keys("G");
            assert!(heading(&scene).ends_with("-40 of 40"), "{}", scene.text());
            let mut scene = scene_of(size, 3, false);
            scene.keys(tab);
            assert!(!heading(&scene).contains(" of 3"), "all of it is seen\n{}", scene.text());
        }
    }
    let mut scene = scene_of((40, 10), 40, false);
    assert!(scene.text().contains("Open alerts  40 ") && scene.text().contains(" 1-2 of 40\n"), "{}", scene.text());
    scene.keys("2");
    assert!(scene.text().contains(" of 40\n"), "{}", scene.text());
    // A host with three of which there is room for two.
    let mut scene = Scene::of(&["demo.xml"], (80, 24));
    scene.keys("tab down enter");
    assert!(scene.text().contains("Alerts  3, ") && scene.text().contains(" 1-2 of 3\n"), "{}", scene.text());
}

#[test]
fn the_open_alerts_are_as_many_as_the_header_counts() {
    for size in [(120, 36), (80, 24), (60, 16), (40, 10)] {
        let mut scene = Scene::of(&["demo.xml"], size);
        let text = scene.text();
        assert!(text.contains("CRIT 2  HIGH 6") && text.contains("Open alerts  8 in 7 rows"), "{text}");
        // Of a part of them nobody knows how many repeats it has.
        scene.keys("/ h o s t : D C 0 1 ⏎");
        assert!(scene.text().contains("Open alerts  1"), "{}", scene.text());
    }
}

#[test]
fn one_connection_in_the_list_brings_its_column() {
    for size in [(160, 40), (120, 36), (80, 24)] {
        let scene = scene_of(size, 3, true);
        let text = scene.text();
        assert!(heads(&text)[0].contains("FROM > TO") && text.contains("WKSTN-014 > DC01"), "{text}");
    }
}

#[test]
fn columns_stay_while_the_list_is_scrolled() {
    for (size, has_path) in [((120, 36), true), ((120, 36), false), ((80, 24), true), ((80, 24), false)] {
        let mut scene = scene_of(size, 200, has_path);
        scene.keys("2");
        let first = heads(&scene.text())[0].to_owned();
        for key in ["pgdn", "pgdn", "end", "pgup", "g"] {
            scene.keys(key);
            assert_eq!(heads(&scene.text())[0], first, "after {key} at {size:?}");
        }
    }
}

#[test]
fn the_evidence_of_old_alerts_that_are_told_anew_is_kept_of_the_last_ones_only() {
    let updates = scene::updates(&scene::samples(&["demo.xml"]));
    let mut alerts =
        updates.iter().filter_map(|update| if let Change::Alert(alert) = &update.change { Some(alert) } else { None });
    let one = alerts.next().expect("an alert");
    let mut roster = Roster::new(1000, 10);
    for action in [Action::Raised, Action::Updated, Action::Updated] {
        for number in 0..200 {
            let alert = Arc::new(Alert { id: AlertId(format!("{number:032}").into()), action, ..Alert::clone(one) });
            roster.add(&alert, true, &Filter::default(), alert.created);
        }
    }
    let kept = (0..200).filter(|number| roster.get(*number).is_some_and(|entry| entry.alert.is_some()));
    assert_eq!(kept.collect::<Vec<_>>(), (126..200).collect::<Vec<_>>());
}

#[test]
fn events_are_found_by_their_age() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    let all = scene.model.event_rows().len();
    // What counts is when they came, as with alerts: else what is replayed, or comes late, would never be found.
    scene.model.update(Message::Tick(scene.model.now + TimeDelta::minutes(90)));
    for (filter, expected) in [("since:2h", all), ("since:1h", 0), ("-since:1h", all)] {
        scene.keys("3 /");
        scene.type_line(filter);
        assert_eq!(scene.model.event_rows().len(), expected, "{filter}");
        scene.keys("esc");
    }
}
