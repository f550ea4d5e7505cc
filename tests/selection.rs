//! What is selected stays what it was, or stays near where it was; what is acted on is what is seen to be selected.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use chrono::TimeDelta;
use scene::{Scene, dawn, id};
use wefwatch::console::Config;
use wefwatch::console::model::{Effect, Message, Model};
use wefwatch::feed::{Link, Request};
use wefwatch::triage::viewer::Role;

/// Six kinds on six hosts, the newest, of `h5`, on top.
fn scene() -> Scene {
    let mut scene = Scene::empty((120, 36));
    scene.raise(0, &["h0", "h1", "h2", "h3", "h4", "h5"]);
    scene
}

fn host(scene: &Scene) -> &str {
    let alerts = &scene.model.alerts;
    scene.model.selected_alert().and_then(|number| alerts.get(number)).map_or("", |entry| entry.header.host.as_str())
}

/// The alerts that the first act of these effects is about.
fn targets(effects: &[Effect]) -> Vec<String> {
    let act = effects.iter().find_map(|effect| match effect {
        Effect::Ask(request) => Request::act(request),
        _ => None,
    });
    act.into_iter().flat_map(|act| &act.targets).map(|target| target.alert.0.to_string()).collect()
}

#[test]
fn a_folded_row_stays_selected_as_it_repeats() {
    let mut scene = scene();
    scene.keys("down down");
    assert_eq!(host(&scene), "h3");
    scene.raise(10, &["h3"]);
    assert_eq!(host(&scene), "h3", "its newest stands for it now, and further up");
    scene.raise(20, &["h9"]);
    assert_eq!(host(&scene), "h3");
    assert_eq!(targets(&scene.keys("a")).len(), 2);
    scene.keys("home down down");
    assert_eq!(host(&scene), "h4");
}

#[test]
fn what_was_done_inside_an_alert_leaves_the_user_near_it() {
    let mut scene = scene();
    scene.keys("down down down ⏎ v b esc");
    assert_eq!(host(&scene), "h1", "what stood below h2");
    scene.keys("down ⏎ v b esc");
    assert_eq!(host(&scene), "h1", "the last that is left there");
}

#[test]
fn the_next_alert_is_not_behind_one_that_was_not_looked_at() {
    let mut scene = scene();
    // The newest is done, and looked at again in the list of all.
    scene.keys("a 2 home ⏎ esc 1 n");
    assert_eq!(host(&scene), "h4");
}

#[test]
fn on_a_host_what_is_acted_on_is_what_is_selected() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.raise(0, &["dc01.corp.example"; 3]);
    scene.keys("/");
    scene.type_line("is:new host:dc01*");
    scene.keys("tab ⏎");
    let host =
        scene.model.selected_alert().and_then(|number| scene.model.alerts.get(number)).expect("it has one").header.host.clone();
    let count = scene.model.alerts.of_host(&host).len();
    assert!(count >= 2, "{}", scene.text());
    scene.keys("down");
    for left in (1..count).rev() {
        scene.keys("a");
        let rows: Vec<u64> = scene.model.alerts.of_host(&host).iter().map(|entry| entry.number).collect();
        assert_eq!(rows.len(), left);
        let selected = scene.model.selected_alert().expect("one is");
        assert!(rows.contains(&selected), "{selected} of {rows:?}\n{}", scene.text());
    }
}

#[test]
fn of_the_paths_what_is_acted_on_is_what_is_selected() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("[ [ [ [ [ L down");
    assert!(scene.model.selected_alert().is_some(), "{}", scene.text());
    scene.model.update(Message::Tick(dawn() + TimeDelta::minutes(20)));
    assert!(scene.model.lateral_rows().is_empty(), "{}", scene.text());
    assert_eq!(scene.model.selected_alert(), None);
}

#[test]
fn a_filter_that_is_not_changed_leaves_the_selection() {
    let mut scene = scene();
    scene.keys("down down / esc");
    assert_eq!((host(&scene), scene.model.alert.is_chosen), ("h3", true));
    scene.keys("/ enter");
    assert_eq!((host(&scene), scene.model.alert.is_chosen), ("h3", true));
}

#[test]
fn an_event_that_is_not_shown_is_not_selected() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("3 up up up");
    let number = scene.model.selected_event().expect("one is").number;
    let id = scene.model.selected_event().map(|row| row.line.event_id.to_string()).expect("one is");
    scene.keys("/");
    scene.type_line(&format!("-eid:{id}"));
    let selected = scene.model.selected_event().expect("others are shown");
    assert!(selected.number != number && scene.model.shows(selected), "{}", scene.text());
    let place = scene.text().lines().find(|line| line.starts_with("▌ ")).map(str::to_owned).expect("a row is drawn as selected");
    assert!(place.contains(selected.line.summary.split(' ').next().expect("a word")), "{place}");
    scene.keys("/ ctrl-u");
    scene.type_line("host:nobody");
    assert!(scene.model.selected_event().is_none(), "{}", scene.text());
}

#[test]
fn a_frozen_picture_does_not_grow_old() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("[ [ [ [ [ 3 space");
    let seen = |scene: &Scene| (scene.model.event_rows().len(), scene.model.lateral_rows().len());
    let before = seen(&scene);
    assert!(before.0 > 0 && before.1 > 0, "{before:?}");
    scene.model.update(Message::Tick(dawn() + TimeDelta::minutes(20)));
    assert_eq!(seen(&scene), before);
    scene.keys("space");
    scene.model.update(Message::Tick(dawn() + TimeDelta::minutes(21)));
    assert_eq!(seen(&scene), (0, 0));
}

#[test]
fn a_search_that_is_pasted_begins_at_its_first_row() {
    let paste = |scene: &mut Scene, text: &str| scene.model.update(Message::Paste(text.to_owned()));
    let mut scene = scene();
    scene.keys(": down down down down down");
    paste(&mut scene, "health");
    scene.keys("⏎");
    assert!(scene.model.dialog.is_none() && scene.text().contains("LISTENER"), "{}", scene.text());
    scene.keys("1 ? down down down");
    paste(&mut scene, "every event as it arrives");
    scene.keys("⏎");
    assert!(scene.text().contains("no events yet"), "{}", scene.text());
    scene.keys("1 = down down down down");
    paste(&mut scene, "severity");
    scene.keys("⏎");
    assert_eq!(scene.model.filter_text, "sev:critical");
}

#[test]
fn what_is_written_is_what_was_listed_when_that_was_asked_for() {
    let mut scene = Scene::empty((120, 36));
    let config = Config { is_attached: true, ..scene.model.config.clone() };
    scene.model = Model::new(config, (120, 36), dawn());
    scene.model.update(Message::Link(Link::Up { who: "alice".to_owned(), role: Role::Analyst, viewer: 1 }));
    scene.raise(0, &["h0", "h1", "h2"]);
    // Their evidence is elsewhere.
    scene.keys("2 e down enter / i d : 1 0 0 0 enter");
    assert_eq!(scene.model.alerts.rows(false).len(), 1);
    scene.keys("e enter");
    assert!(scene.text().contains("another file is being written"), "{}", scene.text());
    scene.keys("esc");
    let text = (1..10).find_map(|second| {
        let effects = scene.model.update(Message::Tick(dawn() + TimeDelta::seconds(second)));
        effects.into_iter().find_map(|effect| if let Effect::Write { text, .. } = effect { Some(text) } else { None })
    });
    let text = text.expect("nobody answers for long enough");
    for number in 0..3 {
        assert!(text.contains(&*id(number).0), "{number}\n{text}");
    }
}
