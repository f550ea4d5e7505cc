//! Only this value and not this value, for everything that an event has: what is offered finds the event that it came from, and
//! what the filter cannot look at says why. And from an alert to what lies beside it.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use wefwatch::console::model::pick::Row;
use wefwatch::console::model::screen::{Screen, Selection, Tab};
use wefwatch::console::model::tail::TailLine;
use wefwatch::console::model::triage::Dialog;
use wefwatch::feed::{Change, EventLine};

use scene::{Scene, samples};

/// What is offered of the event in front: the field, its value, whether it can be filtered by.
fn offered(scene: &mut Scene, key: &str) -> Vec<(String, String, bool)> {
    scene.keys(key);
    let Some(Dialog::Pick(picker)) = &scene.model.dialog else { panic!("a list of values") };
    picker.values.iter().map(|value| (value.name.clone(), value.value.clone(), value.term.is_ok())).collect()
}

#[test]
fn every_field_of_an_event_is_offered_and_finds_it() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("3");
    let mut seen = std::collections::BTreeSet::new();
    let numbers: Vec<u64> = scene.model.events.iter().map(|row| row.number).collect();
    let select = |scene: &mut Scene, number| scene.model.event = Selection { what: Some(number), is_chosen: true };
    for front in numbers.into_iter().step_by(7) {
        select(&mut scene, front);
        let values = offered(&mut scene, "=");
        scene.keys("esc");
        for wanted in ["Computer", "EventID", "Provider"] {
            assert!(values.iter().any(|(name, _, can)| name == wanted && *can), "{wanted} of {values:?}");
        }
        for (name, value, can) in values {
            if !seen.insert(name.clone()) {
                continue;
            }
            assert!(can, "{name}: {value}");
            select(&mut scene, front);
            scene.keys("=");
            scene.type_line(&name);
            assert!(scene.model.event_rows().iter().any(|row| row.number == front), "{name}: {}", scene.model.filter_text);
            scene.keys("esc");
            select(&mut scene, front);
            scene.keys("!");
            scene.type_line(&name);
            let text = scene.model.filter_text.clone();
            assert!(text.starts_with('-') && !scene.model.event_rows().iter().any(|row| row.number == front), "{name}: {text}");
            scene.keys("esc");
        }
    }
    assert!(seen.contains("Channel") && seen.len() > 25, "{seen:?}");
}

#[test]
fn channel_and_provider_narrow_the_tail() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    let all = scene.model.event_rows().len();
    for (filter, least) in
        [("channel:Security", 1), ("channel:*Sysmon*", 100), ("provider:*Sysmon", 100), ("-provider:*Sysmon", 1)]
    {
        scene.keys("3 /");
        scene.type_line(filter);
        let rows = scene.model.event_rows().len();
        assert!((least..all).contains(&rows) || (filter.contains("Security") && rows == 0), "{filter}: {rows} of {all}");
        scene.keys("esc");
    }
}

#[test]
fn what_the_filter_cannot_look_at_says_why() {
    for size in [(120, 36), (80, 24)] {
        let mut scene = Scene::of(&["demo.xml"], size);
        let xml = String::from_utf8(samples(&["demo.xml"])).expect("UTF-8");
        let data = xml.find("<EventData>").expect("an event with data");
        let begin = xml[..data].rfind("<Event ").expect("it begins");
        let one = &xml[begin..begin + xml[begin..].find("</Event>").expect("it ends") + "</Event>".len()];
        let xml = one.replacen(
            "<EventData>",
            "<EventData><Data>unnamed value</Data><Data Name='odd name'>shown in the line</Data><Data Name='Odd'>a&#x41;b</Data>",
            1,
        );
        let line =
            EventLine { xml: xml.into(), summary: "x.exe shown in the line".to_owned(), ..scene.model.events[0].line.clone() };
        scene.tell(Change::Events(vec![line]));
        scene.keys("3");
        let values = offered(&mut scene, "=");
        let of = |name: &str| values.iter().find(|(own, ..)| own == name).map(|(_, value, can)| (value.as_str(), *can));
        assert_eq!(of("(no name)"), Some(("unnamed value", false)), "{values:?}");
        assert_eq!(of("odd name"), Some(("shown in the line", true)), "a text search finds it");
        assert_eq!(of("Odd"), Some(("aAb", false)), "{values:?}");
        // Choosing it says why, and leaves the list open.
        for letter in "unnamed".chars() {
            scene.keys(&letter.to_string());
        }
        scene.keys("⏎");
        assert!(scene.model.dialog.is_some() && scene.model.filter_text.is_empty());
        assert!(scene.text().contains("the filter has no word for this field"), "{}", scene.text());
        scene.keys("ctrl-u");
        scene.type_line("odd name");
        assert_eq!(scene.model.filter_text, "\"shown in the line\"");
        assert_eq!(scene.model.event_rows().len(), 1, "{}", scene.text());
    }
}

/// The ways and values that the open list has, by name.
fn pivots(scene: &Scene) -> Vec<(String, String)> {
    let Some(Dialog::Pick(picker)) = &scene.model.dialog else { panic!("a list of ways: {}", scene.text()) };
    let rows = picker.rows();
    let text = |row: &Row<'_>| match row {
        Row::Way(way) => (way.name.to_owned(), way.value.clone()),
        Row::Value(value) => (picker.name_of(value), value.value.clone()),
    };
    rows.iter().map(text).collect()
}

/// Opens the worst alert and goes one of its ways.
fn gone(name: &str) -> Scene {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("n ⏎");
    scene.type_line(name);
    assert!(scene.model.dialog.is_none(), "{name} leads nowhere\n{}", scene.text());
    scene
}

#[test]
fn enter_in_an_alert_leads_on_from_it() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("n");
    let front = scene.model.chosen_alert().expect("it is open").clone();
    assert!(scene.text().contains("⏎ pivot"), "{}", scene.text());
    scene.keys("⏎");
    let offered = pivots(&scene);
    let first: Vec<&str> = offered.iter().map(|(name, _)| name.as_str()).take(5).collect();
    assert_eq!(first, ["events around it", "linked alert", "its host", "host at the other end", "lateral movement"]);
    for name in ["alerts, same rule", "only host", "only source address", "only account"] {
        assert!(offered.iter().any(|(own, _)| own == name), "{name} of {offered:?}");
    }
    // The events: those of its host, and the one that it rests on is in front.
    let events = gone("events around");
    let row = events.model.selected_event().expect("one is selected");
    assert_eq!((events.model.tab, &row.line.host), (Tab::Events, &front.header.host));
    assert_eq!(row.line.time, front.header.time);
    let of_host = |row: &&TailLine| row.line.host == front.header.host;
    assert!(events.model.event_rows().iter().all(of_host), "{}", events.text());
    // The other end; esc leads back.
    let mut linked = gone("linked alert");
    let other = linked.model.chosen_alert().expect("it is open").header.clone();
    assert!(linked.model.is_inside() && other.id != front.header.id);
    assert_eq!(other.source.as_ref().map(|end| &end.ip), front.header.source.as_ref().map(|end| &end.ip));
    linked.keys("esc");
    assert_eq!(linked.model.chosen_alert().map(|entry| entry.number), Some(front.number));
    let host = gone("its host");
    assert!(matches!(host.model.stack.last(), Some(Screen::Host { host, .. }) if *host == front.header.host));
    let other_end = gone("other end");
    assert!(matches!(other_end.model.stack.last(), Some(Screen::Host { host, .. }) if *host != front.header.host));
    let lateral = gone("lateral");
    assert!(matches!(lateral.model.stack.last(), Some(Screen::Lateral { alert: Some(_) })), "{}", lateral.text());
    // All with the same rule, folded or not, this one selected.
    let alike = gone("same rule");
    assert_eq!(alike.model.tab, Tab::Alerts);
    assert!(alike.model.filter_text.starts_with("rule:") && alike.model.alerts.rows(false).len() > 1, "{}", alike.text());
    assert_eq!(alike.model.selected_alert(), Some(front.number));
    let only = gone("only host");
    assert!(only.model.filter_text.starts_with("host:") && only.model.stack.is_empty());
}

#[test]
fn a_way_that_leads_nowhere_is_not_offered() {
    // An earlier run left it: no event of it is here, its host was not heard, and there is no other alert.
    let mut scene = Scene::empty((80, 24));
    scene.raise(1, &["OTHER"]);
    scene.keys("n ⏎");
    let ways = pivots(&scene);
    assert!(!ways.is_empty() && ways.iter().all(|(name, _)| name.starts_with("only ")), "{ways:?}");
    // One more with the same account, and whoever goes there sees both, though a window and a filter hid them.
    scene.keys("esc esc");
    scene.raise(2, &["ANOTHER"]);
    scene.keys("g n ⏎");
    let ways = pivots(&scene);
    assert!(ways.iter().any(|(name, value)| name == "alerts, same account" && value.ends_with("1 other")), "{ways:?}");
    scene.keys("esc esc / i d : 1 0 0 0 0 0 0 0 ⏎ g n ⏎");
    scene.type_line("same account");
    assert!(scene.model.filter_text.starts_with("user:"), "{}", scene.model.filter_text);
    assert_eq!(scene.model.alerts.rows(false).len(), 2, "{}", scene.text());
}
