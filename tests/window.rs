//! The time window from the outside: every list follows it, time passes, and nothing open goes unseen behind it.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use chrono::TimeDelta;
use wefwatch::console::model::window::Window;
use wefwatch::console::model::{Effect, Message};

use scene::{Scene, dawn};

/// A console that has seen the demo, whose alerts came within the first seconds, so many minutes later.
fn after(minutes: i64, size: (u16, u16)) -> Scene {
    let mut scene = Scene::of(&["demo.xml"], size);
    wait(&mut scene, minutes);
    scene
}

fn wait(scene: &mut Scene, minutes: i64) {
    scene.model.update(Message::Tick(dawn() + TimeDelta::minutes(minutes)));
}

/// What each list shows: Triage, Alerts, a host, the paths, the events.
fn lists(scene: &mut Scene) -> Vec<(&'static str, String)> {
    let keys = ["1", "2", "1 tab ⏎", "esc tab L", "esc 3"];
    ["Triage", "Alerts", "host", "lateral", "events"]
        .into_iter()
        .zip(keys)
        .map(|(name, keys)| {
            scene.keys(keys);
            (name, scene.text())
        })
        .collect()
}

#[test]
fn the_keys_step_through_the_windows() {
    let mut scene = after(0, (120, 36));
    assert!(scene.text().contains("filter: none") && scene.text().contains(" 40 min"));
    for words in ["7 d", "24 h", "4 h", "1 h", "15 min"] {
        scene.keys("[");
        let text = scene.text();
        assert!(text.contains(&format!(" last {words}  8 of 8")) && text.contains(&format!("█ {words}")), "{words}\n{text}");
    }
    scene.keys("[");
    assert!(scene.text().contains("there is no narrower window") && scene.model.window == Window::Quarter);
    scene.keys("] ] ] ] ]");
    assert!(scene.text().contains("filter: none") && scene.model.window == Window::All, "{}", scene.text());
    scene.keys("]");
    assert!(scene.text().contains("all is shown"), "{}", scene.text());
}

#[test]
fn every_list_shows_what_is_within_and_time_passes() {
    let mut scene = after(14, (120, 36));
    scene.keys("[ [ [ [ [");
    for (name, text) in lists(&mut scene) {
        assert!(!text.contains("widens"), "{name} has all of it\n{text}");
    }
    wait(&mut scene, 16);
    for (name, text) in lists(&mut scene) {
        assert!(text.contains("in the last 15 min; ] widens the window"), "{name} has nothing\n{text}");
        // The number is of alerts, which is said over a list of something else.
        let what = if name == "events" { "alerts " } else { "" };
        assert!(
            text.contains(&format!(" last 15 min  {what}0 of 8")) && text.contains("2 CRIT outside last 15 min"),
            "{name}\n{text}"
        );
    }
    // The hosts stay: how they are is not a matter of when.
    scene.keys("1");
    assert!(scene.text().contains("Hosts  8, worst first") && scene.text().contains("SRV-FILE01"), "{}", scene.text());
    scene.keys("n");
    assert!(scene.text().contains("in this time window"), "{}", scene.text());
    scene.keys("]");
    for (name, text) in lists(&mut scene) {
        assert!(!text.contains("widens"), "{name} has all of it again\n{text}");
    }
}

#[test]
fn a_filter_holds_within_the_window_and_esc_lifts_one_after_the_other() {
    let mut scene = after(1, (120, 36));
    scene.keys("/ h o s t : D C 0 1 space o r space s e v > = c r i t ⏎ [ [ [");
    assert_eq!(scene.model.filter_text, "host:DC01 or sev>=crit");
    let text = scene.text();
    assert!(text.contains(" last 4 h  filter: host:DC01 or sev>=crit  2 of 8"), "{text}");
    wait(&mut scene, 4 * 60 + 1);
    assert!(scene.text().contains("nothing matches the filter in the last 4 h; ] widens the window"), "{}", scene.text());
    scene.keys("esc");
    assert!(scene.model.filter_text.is_empty() && scene.text().contains(" last 4 h  0 of 8"), "{}", scene.text());
    scene.keys("esc");
    assert!(scene.model.window == Window::All && scene.text().contains("filter: none"), "{}", scene.text());
}

#[test]
fn what_somebody_looks_at_is_not_hidden() {
    let mut scene = after(16, (120, 36));
    scene.keys("[ [ [ [ [");
    assert!(scene.text().contains("2 CRIT outside last 15 min"), "{}", scene.text());
    scene.keys("]");
    assert!(!scene.text().contains("outside"), "{}", scene.text());
    scene.keys("a n esc [");
    assert!(scene.text().contains("1 CRIT outside last 15 min"), "{}", scene.text());
    scene.keys("] n a [");
    assert!(scene.text().contains("6 HIGH outside last 15 min"), "{}", scene.text());
}

#[test]
fn what_is_exported_is_what_is_listed() {
    let mut scene = after(16, (120, 36));
    scene.keys("[ [ [ [ 2 e down tab");
    assert!(scene.text().contains("all of the last 1 h that the filter lets through, done or not: 8 alerts"), "{}", scene.text());
    let [Effect::Write { text, .. }] = &scene.keys("⏎")[..] else { panic!("a file") };
    assert_eq!(serde_json::from_str::<Vec<serde_json::Value>>(text).expect("an array").len(), 8);
    scene.model.update(Message::Written(Ok(())));
    scene.keys("[ e");
    assert!(scene.text().contains("nothing to export yet"), "{}", scene.text());
}

#[test]
fn a_frozen_picture_stands_and_catches_up() {
    let mut scene = after(1, (120, 36));
    scene.keys("[ [ [ [ [ space");
    wait(&mut scene, 16);
    assert!(scene.text().contains(" last 15 min  8 of 8"), "{}", scene.text());
    scene.keys("space");
    wait(&mut scene, 17);
    assert!(scene.text().contains(" last 15 min  0 of 8"), "{}", scene.text());
}

#[test]
fn the_selection_stays_near_where_it_was() {
    let mut scene = after(1, (120, 36));
    scene.keys("2 [ [ [ [ [ down down");
    let chosen = scene.model.selected_alert().expect("one is selected");
    wait(&mut scene, 14);
    assert_eq!(scene.model.selected_alert(), Some(chosen));
    // An alert that is open stays so.
    scene.keys("⏎");
    wait(&mut scene, 20);
    assert!(scene.text().contains("Why it fired"), "{}", scene.text());
}

#[test]
fn the_window_shows_at_every_size() {
    // Where there is little room, how many and which gives way.
    let rows = [
        ((120, 36), " last 15 min  8 of 8", "last 15 min  filter: host:"),
        ((80, 24), " last 15 min  8 of 8", "last 15 min  filter: host:"),
        ((40, 10), " last 15 min\n", "filter, 15 min\n"),
    ];
    for (size, words, both) in rows {
        let mut scene = after(1, size);
        scene.keys("[ [ [ [ [");
        assert!(scene.text().contains(words), "{size:?}\n{}", scene.text());
        scene.keys("/ h o s t : S R V - F I L E 0 1 ⏎");
        assert!(scene.text().contains(both), "{size:?}\n{}", scene.text());
    }
}

#[test]
fn where_nothing_is_known_no_bar_claims_that_nothing_was() {
    let mut scene = after(30, (120, 36));
    scene.keys("[ [ [ [");
    let text = scene.text();
    // 30 bars of 2 minutes; the console is here for 30 minutes.
    let bars = text.lines().find_map(|line| line.split("alerts ").nth(1)?.strip_suffix(" 1 h")).expect("a histogram").to_owned();
    assert_eq!(bars, format!("{}█{}", " ".repeat(14), "▁".repeat(15)), "{text}");
}
