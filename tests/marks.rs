//! Marked rows and acts on many alerts, from the outside.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use chrono::TimeDelta;
use scene::{Scene, id};
use wefwatch::console::keys::action::Action;
use wefwatch::console::model::triage::Dialog;
use wefwatch::console::model::{Effect, Message};
use wefwatch::feed::page::Horizons;
use wefwatch::feed::{Change, Request, Snapshot};
use wefwatch::triage::many::{Part, parts};
use wefwatch::triage::{Act, Deed, Status, Target, Verdict};

/// Six kinds on six hosts; of the kind on `h0` there are three, of the others one, but for `h5` with `many`.
fn scene(size: (u16, u16), many: usize) -> Scene {
    let mut scene = Scene::empty(size);
    scene.raise(0, &["h0", "h0", "h0", "h1", "h2", "h3", "h4"]);
    scene.raise(7, &vec!["h5"; many]);
    scene
}

fn status(scene: &Scene, number: usize) -> Status {
    scene.model.alerts.get(number as u64).expect("it is here").state.status
}

fn said(scene: &Scene) -> String {
    scene.model.said.clone().unwrap_or_default().0
}

/// Somebody else does something with one alert.
fn bob(scene: &mut Scene, deed: Deed, number: usize) {
    let revision = scene.ledger.state(&id(number)).revision;
    let targets = vec![Target { alert: id(number), revision }];
    scene.act(&Act { token: 1, who: "bob".to_owned(), deed, reason: String::new(), targets });
}

#[test]
fn marked_rows_are_acknowledged_together_and_taken_back_together() {
    for size in [(120, 36), (80, 24)] {
        let mut scene = scene(size, 2);
        scene.keys("x x");
        let text = scene.text();
        assert!(text.contains("2 marked"), "{text}");
        assert_eq!(text.lines().filter(|line| line.starts_with(" *") || line.starts_with("▌*")).count(), 2, "{text}");
        // The last but one has no mark; taking it off the first again goes on too.
        scene.keys("x up x");
        assert!(scene.text().contains("2 marked"), "{}", scene.text());
        scene.keys("g G x");
        assert!(scene.text().contains("3 marked"), "{}", scene.text());
        assert_eq!(scene.keys("a"), [], "it is asked first");
        let text = scene.text();
        assert!(text.contains("acknowledge 3 alerts, 6 with repeats?"), "{text}");
        scene.keys("esc");
        assert_eq!((scene.model.dialog.is_none(), status(&scene, 0)), (true, Status::Open));
        scene.keys("a enter");
        assert!(said(&scene).starts_with("acknowledged 6 alerts; u takes it back"), "{}", said(&scene));
        assert!(!scene.text().contains("marked"), "what was done is marked no more");
        assert_eq!(scene.model.alerts.acknowledged(), 6);
        scene.keys("u");
        assert_eq!(said(&scene), "took back: acknowledged 6 alerts");
        assert_eq!(scene.model.alerts.acknowledged(), 0);
    }
}

#[test]
fn all_that_match_are_marked_and_what_comes_later_is_not() {
    let mut scene = scene((120, 36), 30);
    scene.keys("2 X");
    assert!(scene.text().contains("37 marked"), "{}", scene.text());
    scene.raise(100, &["h9", "h9"]);
    assert!(scene.text().contains("37 marked"), "{}", scene.text());
    // But for one.
    scene.keys("G x");
    assert!(scene.text().contains("36 marked"), "{}", scene.text());
    scene.keys("v b");
    assert!(scene.text().contains("close 36 alerts as benign trigger?"), "{}", scene.text());
    scene.keys("enter");
    assert!(said(&scene).starts_with("closed as benign trigger 36 alerts"), "{}", said(&scene));
    assert_eq!(status(&scene, 0), Status::Open, "the last row");
    assert_eq!((status(&scene, 1), status(&scene, 37)), (Status::Closed(Verdict::BenignTrigger), Status::Open));
    // A filter narrows what all are, and marks belong to it.
    scene.keys("/");
    scene.type_line("is:open");
    scene.keys("X");
    assert!(scene.text().contains("3 marked"), "{}", scene.text());
    scene.keys("1");
    assert!(!scene.text().contains("marked"), "{}", scene.text());
    scene.keys("2 X");
    assert!(!scene.text().contains("marked"), "again is none: {}", scene.text());
}

#[test]
fn all_kinds_are_marked_with_their_repeats() {
    let mut scene = scene((120, 36), 30);
    scene.keys("X");
    assert!(scene.text().contains("6 marked"), "{}", scene.text());
    // One more of a kind that is marked is not marked itself, and a kind that is new is not.
    scene.raise(100, &["h0", "h9"]);
    assert!(scene.text().contains("6 marked"), "{}", scene.text());
    scene.keys("a");
    assert!(scene.text().contains("acknowledge 6 alerts, 37 with repeats?"), "{}", scene.text());
    scene.keys("enter");
    assert_eq!((scene.model.alerts.acknowledged(), scene.model.alerts.rows(true).len()), (37, 2));
}

#[test]
fn esc_takes_marks_off_before_anything_else() {
    let mut scene = scene((120, 36), 2);
    scene.keys("/");
    scene.type_line("h");
    scene.keys("x esc");
    assert!(!scene.text().contains("marked") && scene.model.filter_text == "h", "{}", scene.text());
    scene.keys("esc");
    assert_eq!(scene.model.filter_text, "");
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("tab enter X");
    assert!(scene.text().contains("marked"), "the list of a host has marks too: {}", scene.text());
    scene.keys("esc");
    assert!(!scene.model.stack.is_empty());
    scene.keys("esc");
    assert!(scene.model.stack.is_empty());
}

#[test]
fn what_was_taken_back_is_named() {
    let mut scene = scene((120, 36), 1);
    scene.keys("2 g v f");
    scene.keys("u");
    assert!(said(&scene).starts_with("took back: closed as false positive 7000"), "{}", said(&scene));
}

#[test]
fn what_somebody_else_did_meanwhile_stays_and_is_told() {
    let mut scene = scene((120, 36), 2);
    scene.keys("2 X v f");
    bob(&mut scene, Deed::Close(Verdict::TruePositive), 3);
    bob(&mut scene, Deed::Acknowledge, 4);
    scene.keys("enter");
    let said = said(&scene);
    assert!(said.starts_with("closed as false positive 7 of 9 alerts; 2 not: bob "), "{said}");
    assert!(
        said.contains("bob closed as true positive (1)")
            && said.contains("bob acknowledged (1)")
            && said.ends_with("u takes it back")
    );
    assert_eq!((status(&scene, 3), status(&scene, 4)), (Status::Closed(Verdict::TruePositive), Status::Acknowledged));
    bob(&mut scene, Deed::Own, 5);
    scene.keys("u");
    assert_eq!(self::said(&scene), "took back: closed as false positive 6 of 7 alerts; 1 not: bob took it");
    assert_eq!((status(&scene, 0), status(&scene, 5)), (Status::Open, Status::Closed(Verdict::FalsePositive)));
}

#[test]
fn what_was_marked_and_is_gone_from_the_list_is_marked_no_more() {
    let mut scene = scene((120, 36), 2);
    scene.keys("x x");
    let before = scene.model.alerts.rows(true).get(0).expect("a row").number;
    bob(&mut scene, Deed::Acknowledge, before as usize);
    bob(&mut scene, Deed::Acknowledge, before as usize - 1);
    assert!(scene.text().contains("1 marked"), "{}", scene.text());
}

#[test]
fn one_key_does_to_many_what_it_does_to_one() {
    let rows = [("o", "", "take 9 alerts?", "took 9 alerts"), ("c", "seen", "comment on 9 alerts: ", "commented on 9 alerts")];
    for (key, text, asked, done) in rows {
        let mut scene = scene((120, 36), 2);
        scene.keys("2 X");
        scene.keys(key);
        assert!(scene.text().contains(asked), "{}", scene.text());
        scene.type_line(text);
        assert!(said(&scene).starts_with(done), "{}", said(&scene));
    }
    let mut scene = scene((120, 36), 2);
    scene.keys("2 x x e");
    assert!(scene.text().contains("wefwatch-alerts-2026"), "{}", scene.text());
    scene.keys("esc esc X e");
    assert!(scene.text().contains("the 9 marked alerts"), "{}", scene.text());
    scene.keys("esc m");
    assert!(scene.text().contains("not like all that are marked"), "{}", scene.text());
}

#[test]
fn a_hundred_thousand_are_acted_on_in_parts() {
    let mut scene = scene((120, 36), 60_000);
    scene.keys("X a");
    assert!(scene.text().contains("acknowledge 6 alerts, 60,007 with repeats?"), "{}", scene.text());
    let effects = scene.keys("enter");
    let [Effect::Ask(Request::ActOnEach(parts))] = effects.as_slice() else { panic!("{}", effects.len()) };
    assert_eq!((parts.len(), parts[30].after, scene.model.alerts.acknowledged()), (31, 0, 60_007));
    assert!(said(&scene).starts_with("acknowledged 60,007 alerts"), "{}", said(&scene));
    scene.keys("u");
    assert_eq!((said(&scene).as_str(), scene.model.alerts.acknowledged()), ("took back: acknowledged 60,007 alerts", 0));
}

#[test]
fn what_somebody_else_does_to_many_is_told_once_it_is_done() {
    let mut scene = scene((120, 36), 5000);
    let all = |revision| (0..5000).map(|number| Target { alert: id(number), revision }).collect();
    let act = |token, deed, targets| Act { token, who: "carol".to_owned(), deed, reason: String::new(), targets };
    let mut told = Vec::new();
    for part in parts(&act(7, Deed::Acknowledge, all(0))) {
        scene.model.said = None;
        scene.act_on_each(&part);
        told.push(said(&scene));
    }
    assert_eq!(told, ["carol acknowledged 2,000 alerts", "", "carol acknowledged 5,000 alerts"]);
    for (place, number) in [(1, 3), (2, 2), (3, 1)] {
        scene.act_on_each(&Part { act: act(8, Deed::Undo(number), Vec::new()), after: 3 - place });
    }
    assert_eq!(said(&scene), "carol took back: acknowledged 5,000 alerts");
    // What is said between stays, and one alone is told at once.
    bob(&mut scene, Deed::Own, 3);
    assert_eq!(said(&scene), format!("bob took {}", id(3).short()));
}

#[test]
fn an_act_on_many_is_taken_back_when_all_of_it_is_done() {
    let mut scene = scene((120, 36), 3000);
    scene.keys("X a");
    let effects = scene.model.update(Message::Key(scene::key("enter")));
    let [Effect::Ask(Request::ActOnEach(parts))] = effects.as_slice() else { panic!("{}", effects.len()) };
    scene.act_on_each(&parts[0]);
    assert_eq!(scene.keys("u"), []);
    assert!(scene.text().contains("not done yet"), "{}", scene.text());
    scene.act_on_each(&parts[1]);
    assert_eq!(scene.model.alerts.acknowledged(), 3007);
    scene.keys("u");
    assert_eq!((said(&scene).as_str(), scene.model.alerts.acknowledged()), ("took back: acknowledged 3,007 alerts", 0));
}

#[test]
fn where_there_is_no_list_nothing_is_marked_and_it_says_why() {
    let mut scene = scene((120, 36), 2);
    for (keys, why) in [("n x", "rows are marked in a list"), ("esc tab x", "hosts are not marked"), ("3 x", "1 and 2 list")] {
        scene.keys(keys);
        assert!(scene.text().contains(why), "{keys}: {}", scene.text());
    }
    scene.model.update(Message::Tick(scene.model.now));
}

#[test]
fn an_alert_that_was_opened_from_a_folded_row_is_acted_on_as_the_row_is() {
    for size in [(120, 36), (80, 24)] {
        let mut scene = scene(size, 5);
        scene.keys("enter");
        let text = scene.text();
        assert!(text.contains("x5: 4 repeats, first "), "{text}");
        assert!(text.contains("an act is on all 5"), "{text}");
        scene.keys("a");
        assert!(said(&scene).starts_with("acknowledged 5 alerts; u takes it back"), "{}", said(&scene));
        // They stay together: what comes next is done to the same five, not to one that came meanwhile.
        scene.raise(100, &["h5"]);
        assert!(scene.text().contains("x5: 4 repeats"), "{}", scene.text());
        scene.keys("v");
        assert!(scene.text().contains("close 5 alerts as"), "{}", scene.text());
        scene.keys("t");
        assert_eq!((status(&scene, 11), status(&scene, 12)), (Status::Closed(Verdict::TruePositive), Status::Open));
        scene.keys("u");
        assert_eq!(
            (said(&scene).as_str(), status(&scene, 11)),
            ("took back: closed as true positive 5 alerts", Status::Acknowledged)
        );
        // The next is the next row, not the next repeat.
        for (keys, number) in [("n", 6), ("n n n n", 2), ("N", 3), ("esc g ⏎", 12), ("n", 6)] {
            scene.keys(keys);
            assert_eq!(scene.model.selected_alert(), Some(number), "{keys}: {}", scene.text());
        }
    }
}

#[test]
fn an_alert_that_was_opened_from_the_list_of_all_is_one() {
    let mut scene = scene((120, 36), 5);
    scene.keys("2 enter");
    assert!(!scene.text().contains("repeats"), "{}", scene.text());
    scene.keys("a");
    assert_eq!((scene.model.alerts.acknowledged(), status(&scene, 11)), (1, Status::Acknowledged));
}

#[test]
fn what_is_copied_of_an_open_alert_is_that_alert() {
    let mut scene = scene((120, 36), 5);
    scene.keys("enter");
    assert_eq!(scene.model.chosen_alert().map(|entry| entry.number), Some(11));
}

#[test]
fn a_comment_has_an_end_and_its_line_says_when_it_is_near() {
    let mut scene = scene((80, 24), 2);
    scene.keys("c");
    scene.model.update(Message::Paste("word ".repeat(180)));
    assert!(scene.text().contains("100 left"), "{}", scene.text());
    scene.model.update(Message::Paste("é".repeat(98)));
    for left in ["1 left", "0 left", "0 left"] {
        scene.keys("x");
        assert!(scene.text().contains(&format!("  {left}")), "{}", scene.text());
    }
    scene.keys("enter");
    assert!(said(&scene).starts_with("commented on "), "{}", said(&scene));
    // In the history it is wrapped, none of it is lost, and every entry has the number that others name.
    scene.keys("a 2 enter 6");
    let mut read = String::new();
    for _ in 0..60 {
        read += &scene.text();
        scene.keys("down");
    }
    assert!(read.matches("word word").count() > 50 && read.contains("ééxx") && read.contains("#1  alice"), "{}", scene.text());
    assert!(read.lines().all(|line| !line.contains("word") || !line.ends_with('…')), "{read}");
}

#[test]
fn an_entry_that_is_taken_back_names_the_one_that_did() {
    let mut scene = scene((120, 36), 2);
    scene.keys("a");
    scene.keys("u");
    scene.keys("2 g enter 6");
    let text = scene.text();
    assert!(text.contains("#1  alice       acknowledged  (taken back by alice, #2)"), "{text}");
    assert!(text.contains("#2  alice       took back #1"), "{text}");
}

#[test]
fn the_name_of_a_file_follows_what_is_exported_until_one_is_given() {
    let mut scene = scene((120, 36), 2);
    scene.keys("2 e");
    assert!(scene.text().contains("wefwatch-8000-"), "{}", scene.text());
    scene.keys("down");
    assert!(scene.text().contains("wefwatch-alerts-"), "{}", scene.text());
    scene.keys("tab up");
    let text = scene.text();
    assert!(text.contains("wefwatch-8000-") && text.contains(".json▏"), "{text}");
    scene.keys("ctrl-u x down");
    assert!(scene.text().contains("file x▏"), "{}", scene.text());
}

/// Six kinds on six hosts, the newest, of `h5`, on top.
fn six() -> Scene {
    let mut scene = Scene::empty((120, 36));
    scene.raise(0, &["h0", "h1", "h2", "h3", "h4", "h5"]);
    scene
}

#[test]
fn marks_wait_for_their_filter_and_stay_as_they_were() {
    let mut scene = six();
    // All but h4.
    scene.keys("X down x");
    assert!(scene.text().contains("5 marked"), "{}", scene.text());
    scene.keys("/");
    scene.type_line("host:h1");
    let targets = vec![Target { alert: id(1), revision: 0 }];
    scene.act(&Act { token: 1, who: "bob".to_owned(), deed: Deed::Comment, reason: "x".to_owned(), targets });
    scene.keys("esc");
    assert!(scene.text().contains("5 marked"), "{}", scene.text());
    // Of an exception that was gone meanwhile, too.
    let act = |deed, revision| Act {
        token: 1,
        who: "bob".to_owned(),
        deed,
        reason: String::new(),
        targets: vec![Target { alert: id(4), revision }],
    };
    scene.act(&act(Deed::Acknowledge, 0));
    assert!(scene.text().contains("5 marked"), "{}", scene.text());
    let last = scene.ledger.next_number() - 1;
    scene.act(&Act { token: 2, who: "bob".to_owned(), deed: Deed::Undo(last), reason: String::new(), targets: Vec::new() });
    assert!(scene.text().contains("5 marked"), "it was taken off once: {}", scene.text());
    scene.keys("esc x x /");
    scene.type_line("host:h1");
    scene.act(&Act {
        token: 3,
        who: "bob".to_owned(),
        deed: Deed::Comment,
        reason: "x".to_owned(),
        targets: vec![Target { alert: id(1), revision: 1 }],
    });
    scene.keys("esc");
    assert!(scene.text().contains("2 marked"), "{}", scene.text());
}

#[test]
fn esc_is_offered_while_rows_are_marked() {
    let mut scene = six();
    assert!(!scene.text().contains("esc back"), "{}", scene.text());
    scene.keys("X");
    assert!(scene.model.can_do(Action::Back), "{}", scene.text());
    scene.keys("esc");
    assert!(!scene.text().contains("marked"));
}

#[test]
fn a_key_that_is_held_marks_each_row_once() {
    let mut scene = six();
    scene.keys("x x x x x x x x x");
    assert!(scene.text().contains("6 marked"), "{}", scene.text());
    scene.model.update(Message::Tick(scene.model.now + TimeDelta::seconds(1)));
    scene.keys("x");
    assert!(scene.text().contains("5 marked"), "{}", scene.text());
    scene.model.update(Message::Tick(scene.model.now + TimeDelta::seconds(1)));
    scene.keys("X X");
    assert!(scene.text().contains("6 marked"), "{}", scene.text());
}

#[test]
fn what_came_after_all_were_marked_is_none_that_was_taken_off() {
    let mut scene = six();
    scene.keys("X");
    scene.raise(20, &["h9"]);
    scene.keys("x");
    let text = scene.text();
    assert!(text.contains("6 marked") && text.contains("this came after all were marked"), "{text}");
    scene.keys("X");
    scene.model.update(Message::Tick(scene.model.now + TimeDelta::seconds(1)));
    scene.keys("X");
    assert!(scene.text().contains("7 marked"), "{}", scene.text());
}

#[test]
fn the_words_on_many_outlive_a_snapshot() {
    let mut scene = six();
    scene.keys("x x c h i");
    let snapshot = Snapshot {
        is_first: true,
        is_last: true,
        is_resync: false,
        total: 0,
        horizons: Horizons::default(),
        tally: None,
        next: 0,
        per_minute: Vec::new(),
        entries: Vec::new(),
        alerts: Vec::new(),
    };
    scene.tell(Change::Snapshot(Box::new(snapshot)));
    assert!(said(&scene).ends_with("is to be marked anew; c has the words"), "{}", said(&scene));
    scene.raise(20, &["h7"]);
    scene.keys("c");
    assert!(matches!(&scene.model.dialog, Some(Dialog::Comment(_, words)) if words.as_str() == "hi"), "{}", scene.text());
    scene.keys("esc c");
    assert!(matches!(&scene.model.dialog, Some(Dialog::Comment(_, words)) if words.is_empty()), "{}", scene.text());
}
