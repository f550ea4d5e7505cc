//! Only this value and not this value, for everything that an event has: what is offered finds the event that it came from, and
//! what the filter cannot look at says why.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use wefwatch::console::model::screen::Selection;
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
