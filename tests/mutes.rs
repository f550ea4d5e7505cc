//! Mutes from the outside: changing one, and the offer to mute what turned out to be harmless.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use chrono::TimeDelta;
use wefwatch::console::model::{Effect, Message};
use wefwatch::feed::{Link, Request};
use wefwatch::triage::viewer::Role;
use wefwatch::triage::{Act, Deed};

use scene::Scene;

/// The only act that was asked for.
fn act(effects: &[Effect]) -> Act {
    let [Effect::Ask(Request::Act(act))] = effects else { panic!("one act: {effects:?}") };
    act.clone()
}

fn muted(size: (u16, u16)) -> Scene {
    let mut scene = Scene::of(&["demo.xml"], size);
    scene.keys("m");
    scene.type_line("the backup does this");
    scene
}

#[test]
fn a_mute_gets_another_reason_and_expiry() {
    for size in [(120, 36), (80, 24)] {
        let mut scene = muted(size);
        scene.keys("M ⏎");
        let text = scene.text();
        for part in ["Change mute #1", "alice: Incoming Execution", "▸as it is", "the backup does this"] {
            assert!(text.contains(part), "{part}\n{text}");
        }
        // Unchanged it is refused, and says so.
        scene.keys("⏎");
        assert!(scene.text().contains("mute #1 is like that already"), "{}", scene.text());
        scene.keys("M e ctrl-u");
        scene.type_line("short");
        assert!(scene.text().contains("the reason needs 5 more characters"), "{}", scene.text());
        scene.keys("ctrl-u up space space down");
        let change = act(&scene.type_line("ticket CHG-2291, until the move"));
        let until = scene.model.now + TimeDelta::hours(8);
        assert_eq!(
            (change.deed, change.reason.as_str()),
            (Deed::EditMute { mute: 1, until: Some(until) }, "ticket CHG-2291, until the move")
        );
        assert!(scene.text().contains("changed mute #1; u takes it back"), "{}", scene.text());
        scene.keys("M");
        assert!(scene.text().contains("for 8h00m more") && scene.text().contains("CHG-2291"), "{}", scene.text());
        scene.keys("esc u M");
        assert!(scene.text().contains("the backup does this") && scene.text().contains("for 7d more"), "{}", scene.text());
        // Somebody else's change names both.
        let bob = Act {
            token: 0,
            who: "bob".to_owned(),
            deed: Deed::EditMute { mute: 1, until: None },
            reason: "for good, see the wiki".to_owned(),
            targets: Vec::new(),
        };
        scene.act(&bob);
        let text = scene.text();
        assert!(text.contains("until removed") && text.contains("alice, changed by bob: for good"), "{text}");
        // esc goes back to the list, and one that ended is not changed.
        scene.keys("⏎ esc");
        assert!(scene.text().contains("Mutes"), "{}", scene.text());
        scene.keys("x");
        scene.keys("M e");
        assert!(scene.text().contains("it has ended; mute anew"), "{}", scene.text());
        assert!(!scene.text().contains("Change mute"), "{}", scene.text());
    }
}

#[test]
fn many_mutes_are_paged_and_say_how_many_there_are() {
    let mut scene = Scene::of(&["demo.xml"], (80, 24));
    for number in 0..12 {
        let scope =
            wefwatch::triage::mute::Scope { conditions: vec![(wefwatch::triage::mute::Aspect::User, format!("user{number}"))] };
        let deed = Deed::Mute { scope, until: None };
        scene.act(&Act {
            token: 0,
            who: "bob".to_owned(),
            deed,
            reason: "a reason that is long".to_owned(),
            targets: Vec::new(),
        });
    }
    scene.keys("M");
    assert!(scene.text().contains("↓ ") && !scene.text().contains("↑ "), "{}", scene.text());
    scene.keys("pgdn");
    assert!(scene.text().contains(" more "), "{}", scene.text());
    scene.keys("end");
    assert!(scene.text().contains("↑ ") && !scene.text().contains("↓ "), "{}", scene.text());
    scene.keys("pgup pgup pgup");
    assert!(scene.text().contains("#12"), "{}", scene.text());
}

#[test]
fn what_was_harmless_is_offered_to_be_muted() {
    for size in [(120, 36), (80, 24), (60, 16)] {
        for verdict in ["b", "f"] {
            let mut scene = Scene::of(&["demo.xml"], size);
            let number = scene.model.selected_alert().expect("one is selected");
            let closed = scene.model.alerts.get(number).expect("it is listed").header.id.short().to_owned();
            scene.keys("v");
            scene.keys(verdict);
            let text = scene.text();
            assert!(text.contains(if size.0 >= 100 { "m mutes alerts like this" } else { "m mutes its like" }), "{text}");
            // It is about the one that was closed, not about the one that took its place.
            scene.keys("m");
            assert!(scene.text().contains(&format!("Mute alerts like {closed}")), "{}", scene.text());
            // Any other key declines.
            scene.keys("esc v");
            scene.keys(verdict);
            scene.keys("down m");
            assert!(!scene.text().contains(&format!("Mute alerts like {closed}")), "{}", scene.text());
        }
    }
}

#[test]
fn an_offer_is_for_the_harmless_alone_and_passes() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("v t");
    assert!(scene.text().contains("closed as true positive") && !scene.text().contains("m mutes"), "{}", scene.text());
    scene.keys("v f");
    assert!(scene.text().contains("m mutes"), "{}", scene.text());
    scene.model.update(Message::Tick(scene.model.now + TimeDelta::seconds(21)));
    assert!(!scene.text().contains("m mutes"), "{}", scene.text());
    let next = scene.model.selected_alert().and_then(|number| scene.model.alerts.get(number)).expect("one is left");
    let next = next.header.id.short().to_owned();
    scene.keys("m");
    assert!(scene.text().contains(&format!("Mute alerts like {next}")), "{}", scene.text());
}

#[test]
fn who_may_only_look_changes_no_mute() {
    let mut scene = muted((120, 36));
    scene.model.update(Message::Link(Link::Up { who: "carol".to_owned(), role: Role::Viewer, viewer: 3 }));
    for key in ["⏎", "e", "x"] {
        scene.keys("M");
        assert!(scene.keys(key).is_empty(), "{key}");
        assert!(!scene.text().contains("Change mute"), "{}", scene.text());
        scene.keys("esc");
    }
}
