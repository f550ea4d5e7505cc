//! The keys of dialogs from the outside: each does something, each is in the help and in the palette, and no dialog has one that
//! is not. And what those lists are drawn with where there is only ASCII.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use chrono::TimeDelta;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use wefwatch::console::keys::action::Action;
use wefwatch::console::model::listed::{INNER, listed};
use wefwatch::console::model::{Effect, Message};
use wefwatch::feed::Request;
use wefwatch::triage::{Deed, Verdict};

use scene::{Scene, key};

/// A console in which the dialog of an action has something to show; it is not open yet.
fn before(action: Action) -> Scene {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    match action {
        Action::Mutes => {
            scene.keys("m");
            scene.type_line("the backup does this");
            scene.keys("m");
            scene.type_line("the backup does that");
        }
        // An event of the tail has most.
        Action::Only | Action::Without => drop(scene.keys("3 up")),
        _ => drop(scene.keys("n")),
    }
    if matches!(action, Action::Filter) {
        scene.keys("esc");
    }
    scene
}

fn opener(scene: &Scene, action: Action) -> String {
    scene.model.config.keys.first_of(action).to_owned()
}

#[test]
fn every_key_of_a_dialog_does_something() {
    for inner in INNER {
        for name in inner.keys.split(' ') {
            let mut scene = before(inner.opener);
            if inner.keys == "p" {
                scene.keys("esc 3 g");
                // The first event that started a program.
                while !scene.model.copy_items().iter().any(|item| item.key == 'p') {
                    scene.keys("down");
                }
            }
            scene.keys(&opener(&scene, inner.opener));
            // Where it would stand still: text to delete, a reason that is long enough, a place to come back to.
            match (inner.opener, name) {
                (Action::Mute, "⏎") => drop(scene.keys("r e a s o n s r e a s o n s")),
                (Action::Filter, "tab") => drop(scene.keys("h o")),
                // The enter that opened it was let go.
                (Action::Pivot, _) => drop(scene.model.update(Message::Tick(scene.model.now + TimeDelta::milliseconds(100)))),
                (Action::Mute, "space") => drop(scene.keys("up up up")),
                (Action::Help, "→" | "ctrl-e" | "ctrl-k" | "delete") => drop(scene.keys("h m left left")),
                (Action::Comment, "⏎") | (Action::Filter, _) | (Action::Help, "←" | "ctrl-a" | "ctrl-u" | "ctrl-w") => {
                    drop(scene.keys("h m"));
                }
                (Action::Mute, "↓" | "tab") | (Action::Export, "↑") => drop(scene.keys("up up down")),
                (Action::Help, "pgup") => drop(scene.keys("pgdn pgdn")),
                _ => {}
            }
            if (inner.opener, name) == (Action::Export, "↑") {
                scene.keys("down");
            }
            let picture = scene.picture();
            let effects = scene.model.update(Message::Key(key(name)));
            assert!(!effects.is_empty() || scene.picture() != picture, "{} {name} does nothing\n{}", inner.name, scene.text());
        }
    }
}

#[test]
fn tab_completes_a_filter_as_far_as_there_is_one_way() {
    let rows = [
        ("ho", "host:"),
        ("host:d", "host:DC01.corp.example"),
        ("whoami -host:srv", "whoami -host:SRV-"),
        ("host:DC01,wkstn-02", "host:DC01,WKSTN-022.corp.example"),
        ("is:b", "is:benign_trigger"),
        ("sev>=c", "sev>=critical"),
        // Nothing goes on, or in several ways.
        ("s", "s"),
        ("host:x", "host:x"),
        ("whoami ", "whoami "),
        ("proc:who", "proc:who"),
        ("", ""),
    ];
    for (typed, completed) in rows {
        let mut scene = Scene::of(&["demo.xml"], (120, 36));
        scene.keys("/");
        for letter in typed.chars() {
            scene.model.update(Message::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)));
        }
        let text = scene.text();
        assert_eq!(text.contains("   tab completes   "), typed != completed, "{text}");
        scene.keys("tab");
        let editor = scene.model.editor.as_ref().expect("it is open");
        assert_eq!(editor.text.to_string(), completed, "{typed}");
    }
}

/// Every key that a person might try.
fn all_keys() -> Vec<KeyEvent> {
    let letters = (' '..='~').map(KeyCode::Char);
    let named = [
        KeyCode::Enter,
        KeyCode::Tab,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Delete,
        KeyCode::Insert,
        KeyCode::F(1),
        KeyCode::F(2),
    ];
    letters.chain(named).map(|code| KeyEvent::new(code, KeyModifiers::NONE)).collect()
}

#[test]
fn no_dialog_has_a_key_that_is_not_listed() {
    // Those in which nothing is typed. How one moves in a list is told for all of them.
    let moves = ["j", "k", "g", "G", "tab"].map(key);
    for action in [Action::Verdict, Action::Mutes, Action::Copy] {
        let listed: Vec<KeyEvent> =
            INNER.iter().filter(|inner| inner.opener == action).flat_map(|inner| inner.keys.split(' ')).map(key).collect();
        let opened = || {
            let mut scene = before(action);
            scene.keys(&opener(&scene, action));
            scene
        };
        let mut scene = opened();
        for press in all_keys() {
            let picture = scene.picture();
            let effects = scene.model.update(Message::Key(press));
            let does = !effects.is_empty() || scene.picture() != picture;
            let is_known =
                listed.contains(&press) || moves.contains(&press) || (action == Action::Copy && press.code == KeyCode::Enter);
            assert!(!does || is_known, "{action:?}: {press:?} is not listed");
            if does {
                scene = opened();
            }
        }
    }
}

#[test]
fn all_that_can_be_copied_is_listed() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    let mut letters = Vec::new();
    for place in ["n", "esc 1 tab", "tab 3 g"] {
        scene.keys(place);
        for _ in 0..60 {
            scene.keys("down");
            letters.extend(scene.model.copy_items().iter().map(|item| item.key.to_string()));
        }
    }
    for letter in letters {
        assert!(INNER.iter().any(|inner| inner.opener == Action::Copy && inner.keys == letter), "{letter} is not listed");
    }
}

#[test]
fn they_are_in_help_and_palette_and_run_from_there() {
    let all = listed(&Scene::empty((120, 36)).model.config.keys);
    assert_eq!(all.iter().filter(|row| row.is_inner).count(), INNER.len());
    for row in all.iter().filter(|row| row.is_inner) {
        let mut scene = before(row.action);
        if row.typed() == "y p" {
            continue;
        }
        scene.keys(":");
        let picture = scene.picture();
        let effects = scene.type_line(&row.name);
        assert!(!effects.is_empty() || scene.picture() != picture, "{} does nothing", row.name);
        match row.then {
            Some(_) => assert!(!effects.is_empty() && scene.model.dialog.is_none(), "{} has not run: {effects:?}", row.name),
            None => assert!(
                scene.model.dialog.is_some() || scene.model.editor.is_some() || scene.model.help.is_some(),
                "{} opened nothing",
                row.name
            ),
        }
        // In the help it is found by what it says.
        let mut scene = before(row.action);
        scene.keys("?");
        for letter in row.help.chars() {
            scene.model.update(Message::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)));
        }
        let rows = scene.model.help.as_ref().expect("it is open").rows(&scene.model.config.keys, scene.model.is_inside());
        assert!(rows.iter().any(|own| own.name == row.name), "{} is not in the help", row.name);
    }
}

#[test]
fn a_verdict_is_one_line_of_the_palette() {
    for (words, verdict) in
        [("v t", Verdict::TruePositive), ("verdict-benign", Verdict::BenignTrigger), ("false positive", Verdict::FalsePositive)]
    {
        let mut scene = Scene::of(&["demo.xml"], (80, 24));
        scene.keys(":");
        let effects = scene.type_line(words);
        let [Effect::Ask(Request::Act(act))] = effects.as_slice() else { panic!("{words}: {effects:?}") };
        assert_eq!(act.deed, Deed::Close(verdict), "{words}");
    }
}

const BOXES: &[&str] =
    &["?", "? end", ":", ": end", "m", "M", "M e", "y", "n e", "3 =", "3 !", "n ?", "v", "c h", "/ x", "4", "3 up ⏎"];

#[test]
fn ascii_has_words_for_keys_and_a_glyph_for_everything_else() {
    for size in [(120, 36), (80, 24)] {
        for keys in BOXES {
            let pictures = [false, true].map(|is_ascii| {
                let mut scene = before(if keys.starts_with('M') { Action::Mutes } else { Action::Palette });
                scene.model.size = size;
                scene.model.config.is_ascii = is_ascii;
                if is_ascii {
                    scene.model.config.keys = scene.model.config.keys.clone().in_words();
                }
                scene.keys("esc");
                scene.keys(keys);
                scene.text()
            });
            let [whole, plain] = &pictures;
            assert!(plain.is_ascii(), "{keys}\n{plain}");
            // `?` stands for a glyph that has no other form.
            let marks = |text: &str| text.matches('?').count();
            assert!(marks(plain) <= marks(whole), "{keys} at {size:?}\n{plain}");
            assert!(!whole.contains('⏎') || plain.contains("Enter"), "{keys} at {size:?}\n{plain}");
            for wrong in ["< run", "< keep", "< change", "< mute", "< write", "< filter", "or <", "< hex", "< opens"] {
                assert!(!plain.contains(wrong), "{wrong} after {keys} at {size:?}\n{plain}");
            }
        }
    }
}

#[test]
fn long_lists_say_that_they_go_on() {
    for (keys, size) in [("?", (120, 36)), (":", (120, 36)), ("?", (80, 24)), (":", (80, 24)), ("n ?", (60, 16)), (":", (40, 10))]
    {
        for is_ascii in [false, true] {
            let mut scene = Scene::of(&["demo.xml"], size);
            scene.model.config.is_ascii = is_ascii;
            let (up, down) = if is_ascii { ("^ ", "v ") } else { ("↑ ", "↓ ") };
            let says = |scene: &Scene, arrow: &str| {
                let text = scene.text();
                text.lines().any(|line| {
                    line.split(arrow).skip(1).any(|rest| {
                        let (number, rest) = rest.split_once(' ').unwrap_or_default();
                        number.parse::<u32>().is_ok() && rest.starts_with("more ") && !rest.trim_end().ends_with("more")
                    })
                })
            };
            scene.keys(keys);
            assert!(says(&scene, down) && !says(&scene, up), "{keys} at {size:?}\n{}", scene.text());
            scene.keys("pgdn pgdn");
            assert!(says(&scene, down) && says(&scene, up), "{keys} at {size:?}\n{}", scene.text());
            scene.keys("end");
            assert!(!says(&scene, down) && says(&scene, up), "{keys} at {size:?}\n{}", scene.text());
            scene.keys("home");
            assert!(says(&scene, down) && !says(&scene, up), "{keys} at {size:?}\n{}", scene.text());
        }
    }
}

#[test]
fn ctrl_c_leaves_from_everywhere() {
    let places = ["", "n", "3 up ⏎", "L", "/", "/ h o", "?", ":", "m", "M", "v", "c h", "y", "e", "=", "n ⏎", "X v b"];
    for place in places {
        let mut scene = before(if place == "M" { Action::Mutes } else { Action::Filter });
        scene.keys(place);
        assert_eq!(scene.keys("ctrl-c"), [Effect::Quit], "after {place}");
    }
}

#[test]
fn the_help_begins_with_how_one_moves() {
    for (size, keys) in [((80, 24), "?"), ((80, 24), "n ?"), ((120, 36), "?"), ((120, 36), "n ?")] {
        let mut scene = Scene::of(&["demo.xml"], size);
        scene.keys(keys);
        let text = scene.text();
        for wanted in ["f2 ", "⏎ confirms, esc leaves", "esc ← h", "↑ k", "this list"] {
            assert!(text.contains(wanted), "{wanted} at {size:?}\n{text}");
        }
        for inner in INNER.iter().filter(|inner| inner.name != "in-boxes") {
            assert!(!text.contains(inner.help), "{} at {size:?}\n{text}", inner.help);
        }
        let place = |wanted: &str| text.find(wanted).unwrap_or(usize::MAX);
        assert!(place("↑ k") < place("acknowledge") && place("esc ← h") < place("acknowledge"), "{text}");
    }
}

#[test]
fn no_text_of_the_palette_is_cut() {
    for row in listed(&Scene::empty((80, 24)).model.config.keys) {
        let mut scene = Scene::of(&["demo.xml"], (80, 24));
        scene.keys(":");
        for letter in row.name.chars() {
            scene.model.update(Message::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)));
        }
        let text = scene.text();
        let lines = text.lines().filter_map(|line| line.split('│').nth(1)).filter(|line| !line.contains("run: "));
        let words: Vec<&str> = lines.flat_map(str::split_whitespace).collect();
        assert!(words.iter().all(|word| !word.ends_with('…')), "{}\n{text}", row.name);
        let wanted: Vec<&str> = row.help.split_whitespace().collect();
        assert!(words.windows(wanted.len()).any(|own| own == wanted), "{}\n{text}", row.name);
    }
}
