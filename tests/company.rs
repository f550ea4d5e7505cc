//! A console that is not alone, without a terminal: snapshots, presence, roles and a collector that is not heard.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use scene::{Scene, updates};
use wefwatch::alert::header::Header;
use wefwatch::console::model::alarm::Alarm;
use wefwatch::console::model::{Effect, Message};
use wefwatch::console::notify::Notify;
use wefwatch::feed::page::{Horizons, Standing};
use wefwatch::feed::status::Counters;
use wefwatch::feed::{Change, Link, Request, Snapshot, Update};
use wefwatch::triage::viewer::{Role, Viewer};
use wefwatch::triage::{Act, Entry, Refusal, State, UNREACHED};

/// A snapshot of the attack, in two pieces, with numbers that begin somewhere.
fn snapshot(from: u64) -> Vec<Snapshot> {
    let told = updates(&scene::samples(&["attack_both_ends.xml"]));
    let headers = told.iter().filter_map(|update| match &update.change {
        Change::Alert(alert) => Some(Arc::new(Header::of(alert))),
        _ => None,
    });
    let numbered = (from..).zip(headers);
    let mut alerts: Vec<Standing> =
        numbered.map(|(number, header)| Standing { number, header, base: State::default() }).collect();
    alerts.sort_by_key(|standing| std::cmp::Reverse((standing.header.severity, standing.number)));
    let next = from + alerts.len() as u64;
    let total = alerts.len() as u64;
    let last = alerts.split_off(1);
    let piece = |is_first, alerts| Snapshot {
        is_first,
        is_last: !is_first,
        is_resync: false,
        total,
        horizons: Horizons::default(),
        tally: None,
        next,
        per_minute: Vec::new(),
        entries: Vec::new(),
        alerts,
    };
    vec![piece(true, alerts), piece(false, last)]
}

fn tell_snapshot(scene: &mut Scene, from: u64) {
    for piece in snapshot(from) {
        scene.tell(Change::Snapshot(Box::new(piece)));
    }
}

fn up(role: Role) -> Message {
    Message::Link(Link::Up { who: "alice".to_owned(), role, viewer: 5 })
}

fn viewer(id: u64, who: &str, role: Role) -> Viewer {
    Viewer { id, who: who.to_owned(), role, is_console: true, wants_events: true, in_front: None, resyncs: 0 }
}

#[test]
fn a_snapshot_takes_the_place_of_what_was_known_and_the_user_stays() {
    let mut scene = Scene::empty((120, 36));
    scene.model.update(up(Role::Analyst));
    tell_snapshot(&mut scene, 0);
    assert_eq!(scene.model.alerts.len(), 2);
    scene.keys("/");
    scene.type_line("sev>=medium");
    scene.keys("down down enter 3");
    let before = scene.text();
    assert!(before.contains("3 Tree"), "{before}");
    let id = |scene: &Scene| {
        let number = scene.model.selected_alert().expect("an alert");
        scene.model.alerts.get(number).expect("it is known").header.id.clone()
    };
    let open = id(&scene);
    // Another collector, other numbers, the same alerts.
    tell_snapshot(&mut scene, 700);
    assert_eq!(id(&scene), open);
    assert_eq!(scene.model.filter_text, "sev>=medium");
    assert_eq!(scene.text(), before);
    assert_eq!(scene.model.alerts.rows(false).len(), 2);
}

#[test]
fn a_collector_that_is_not_heard_shows_with_its_age_on_every_tab_and_size() {
    for size in [(120, 36), (80, 24), (60, 16), (30, 5)] {
        let mut scene = Scene::of(&["attack_both_ends.xml"], size);
        scene.model.update(up(Role::Analyst));
        assert!(!scene.text().contains("STALE"));
        scene.model.update(Message::Link(Link::Silent(Duration::from_secs(3))));
        scene.model.update(Message::Tick(scene.model.now + TimeDelta::seconds(9)));
        for tab in ["1", "2", "3", "4"] {
            scene.keys(tab);
            assert!(scene.text().contains("STALE 12s"), "{size:?} {tab}:\n{}", scene.text());
        }
        scene.model.update(Message::Link(Link::Down { why: "no collector serves /x".to_owned(), silent: Duration::ZERO }));
        if size.0 > 40 {
            assert!(scene.text().contains("no collector serves /x"), "{}", scene.text());
        }
        scene.model.update(up(Role::Analyst));
        assert!(!scene.text().contains("STALE"));
    }
}

#[test]
fn others_are_named_and_told_what_is_open_here() {
    let mut scene = Scene::of(&["attack_both_ends.xml"], (120, 36));
    scene.model.update(up(Role::Analyst));
    scene.tell(Change::Viewers(vec![viewer(5, "alice", Role::Analyst)]));
    assert!(!scene.text().contains("attached"));
    assert_eq!(scene.keys("n"), []);
    // Whoever comes is told what is open here, once.
    let mut bob = viewer(9, "b\u{202e}ob", Role::Viewer);
    let both = |bob: &Viewer| Change::Viewers(vec![viewer(5, "alice", Role::Analyst), bob.clone()]);
    let open = scene.model.selected_alert().and_then(|number| scene.model.alerts.get(number)).expect("open").header.id.clone();
    let update = wefwatch::feed::Update { seq: 0, at: scene.model.now, change: both(&bob) };
    let effects = scene.model.update(Message::Update(Arc::new(update)));
    assert_eq!(effects, [Effect::Ask(Request::Look(Some(open.clone())))]);
    assert!(scene.text().contains("alice +1 attached"), "{}", scene.text());
    bob.in_front = Some(open);
    scene.tell(both(&bob));
    assert!(scene.text().contains("b⟨U+202E⟩ob is here"), "{}", scene.text());
    assert_eq!(scene.keys("esc"), [Effect::Ask(Request::Look(None))]);
}

/// What cannot wait for the keyboard to come back to the terminal, and what can.
#[test]
fn a_critical_alert_and_a_loss_are_alarms() {
    let after = |tell: &dyn Fn(&mut Scene)| {
        let mut scene = Scene::empty((120, 36));
        tell(&mut scene);
        Alarm::of(&scene.model)
    };
    let status = |change: fn(&mut Counters)| {
        move |scene: &mut Scene| {
            let mut status = scene.model.status.clone();
            change(&mut status.counters);
            scene.tell(Change::Status(Box::new(status)));
        }
    };
    let none = after(&|_| {});
    assert_eq!(
        after(&status(|counters| {
            counters.frames.insert("tcp".to_owned(), 9);
        })),
        none
    );
    assert_ne!(after(&|scene| *scene = Scene::of(&["attack_both_ends.xml"], (120, 36))), none, "a critical alert");
    assert_ne!(
        after(&status(|counters| {
            counters.rejected.insert("bad_xml".to_owned(), 1);
        })),
        none
    );
    assert_ne!(
        after(&status(|counters| {
            counters.shed.insert("queue_full".to_owned(), 1);
        })),
        none
    );
    assert_ne!(after(&status(|counters| counters.console_shed += 1)), none);
    assert_ne!(after(&|scene| drop(scene.model.update(down()))), none);
    let mut scene = Scene::empty((120, 36));
    for is_here in [false, true] {
        scene.model.update(Message::Focus(is_here));
        assert_eq!(scene.model.has_focus(), is_here);
    }
}

#[test]
fn a_viewer_is_told_at_once_what_the_role_does_not_allow() {
    let mut scene = Scene::of(&["attack_both_ends.xml"], (120, 36));
    scene.model.update(up(Role::Viewer));
    for key in ["a", "v", "c", "o", "u", "m", "r"] {
        assert_eq!(scene.keys(key), [], "{key}");
        assert!(scene.text().contains("your role is viewer"), "{key}: {}", scene.text());
    }
}

#[test]
fn a_collector_that_has_nothing_to_do_causes_no_drawing() {
    let scene = Scene::of(&["attack_both_ends.xml"], (80, 24));
    let status = |scene: &Scene, rate| wefwatch::feed::status::Status { events_per_second: rate, ..scene.model.status.clone() };
    let update = |status| wefwatch::feed::Update { seq: 1, at: scene.model.now, change: Change::Status(Box::new(status)) };
    assert!(!scene.model.is_news(&update(status(&scene, scene.model.status.events_per_second))));
    assert!(scene.model.is_news(&update(status(&scene, 7.5))));
    let hosts = scene.model.hosts.values().cloned().collect();
    assert!(scene.model.is_news(&update(wefwatch::feed::status::Status { hosts, ..scene.model.status.clone() })));
}

#[test]
fn a_critical_alert_calls_where_nobody_sits() {
    let told = updates(&scene::samples(&["attack_both_ends.xml"]));
    let muted = told.iter().map(|update| match &update.change {
        Change::Alert(alert) => {
            let alert = wefwatch::alert::Alert { muted: Some(1), ..(**alert).clone() };
            Arc::new(Update { change: Change::Alert(Arc::new(alert)), ..(**update).clone() })
        }
        _ => update.clone(),
    });
    let muted: Vec<_> = muted.collect();
    // Twice the same: known alerts call no second time. Two of them are critical, raised by the link.
    let called = |notify, told: &[Arc<Update>], prepare: &dyn Fn(&mut Scene)| {
        let mut scene = Scene::empty((120, 36));
        scene.model.config.notify = notify;
        prepare(&mut scene);
        let mut calls = Vec::new();
        for update in told.iter().chain(told) {
            for effect in scene.model.update(Message::Update(update.clone())) {
                if let Effect::Notify(sequence) = effect {
                    calls.push(sequence);
                }
            }
        }
        calls
    };
    let nothing = |_: &mut Scene| {};
    let just_typed = |scene: &mut Scene| drop(scene.keys("j"));
    let paused_long_ago = |scene: &mut Scene| {
        scene.keys("space");
        scene.model.update(Message::Tick(scene.model.now + TimeDelta::seconds(31)));
    };
    assert_eq!(called(Notify::Off, &told, &nothing), Vec::<String>::new());
    assert_eq!(called(Notify::Bell, &told, &nothing), ["\u{7}"]);
    assert_eq!(called(Notify::Bell, &told, &just_typed), Vec::<String>::new());
    assert_eq!(called(Notify::Bell, &told, &paused_long_ago), ["\u{7}"]);
    assert_eq!(called(Notify::Bell, &muted, &nothing), Vec::<String>::new());
    let sentence =
        "SRV-FILE01.corp.example accepted WinRM on 5985 from 10.20.4.31; 2.113 s later wsmprovhost.exe started whoami.exe";
    assert_eq!(called(Notify::Osc9, &told, &nothing), [format!("\u{1b}]9;wefwatch: CRIT e9a2 SRV-FILE01: {sentence}\u{7}")]);
}

fn down() -> Message {
    Message::Link(Link::Down { why: "no collector serves /x".to_owned(), silent: Duration::ZERO })
}

/// A console on a collector elsewhere that has told the attack.
fn attached(size: (u16, u16)) -> Scene {
    let mut scene = Scene::empty(size);
    scene.model.update(up(Role::Analyst));
    tell_snapshot(&mut scene, 0);
    scene
}

fn letters(scene: &mut Scene, text: &str) {
    for letter in text.chars() {
        scene.model.update(Message::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)));
    }
}

/// The acts that were asked for.
fn acts(effects: &[Effect]) -> Vec<Act> {
    let act = |effect: &Effect| match effect {
        Effect::Ask(Request::Act(act)) => Some(act.clone()),
        _ => None,
    };
    effects.iter().filter_map(act).collect()
}

#[test]
fn what_is_half_typed_outlives_the_collector() {
    for size in [(120, 36), (80, 24), (60, 16)] {
        for (key, deed) in [("c", "comment"), ("m", "mute")] {
            let mut scene = attached(size);
            scene.keys(key);
            letters(&mut scene, "the backup d");
            scene.model.update(down());
            letters(&mut scene, "oes this");
            assert!(acts(&scene.keys("enter")).is_empty(), "{deed}");
            let text = scene.text();
            assert!(text.contains("not sent: the collector is"), "{deed} {size:?}:\n{text}");
            scene.model.update(up(Role::Analyst));
            // Another collector, other numbers, the same alerts.
            tell_snapshot(&mut scene, 700);
            let text = scene.text();
            assert!(text.contains("does this") && !text.contains("not sent"), "{deed} {size:?}:\n{text}");
            let effects = scene.keys("enter");
            let [act] = &acts(&effects)[..] else { panic!("{deed}: {effects:?}") };
            assert_eq!(act.reason, "the backup does this");
            assert!(act.targets.iter().all(|target| scene.model.alerts.number_of(&target.alert) >= Some(700)));
            assert_eq!(act.targets.len(), usize::from(deed == "comment"));
        }
    }
    let mut scene = attached((120, 36));
    scene.keys("/");
    letters(&mut scene, "sev>=");
    scene.model.update(down());
    tell_snapshot(&mut scene, 700);
    scene.model.update(up(Role::Analyst));
    scene.type_line("high");
    assert_eq!(scene.model.filter_text, "sev>=high");
}

#[test]
fn a_list_of_mutes_and_a_verdict_stay_too_and_an_alert_that_is_gone_is_told() {
    let mut scene = attached((120, 36));
    scene.keys("v");
    scene.model.update(down());
    assert!(acts(&scene.keys("f")).is_empty());
    assert!(scene.text().contains("not sent") && scene.model.dialog.is_some(), "{}", scene.text());
    scene.model.update(up(Role::Analyst));
    tell_snapshot(&mut scene, 700);
    // This collector has forgotten the alert.
    scene.keys("f");
    assert!(scene.text().contains("is not in memory any more"), "{}", scene.text());
}

#[test]
fn a_form_without_an_answer_comes_back_unless_it_was_done() {
    for is_done in [false, true] {
        let mut scene = attached((120, 36));
        scene.keys("c");
        letters(&mut scene, "seen by the team");
        let effects = scene.model.update(Message::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
        let [act] = &acts(&effects)[..] else { panic!("{effects:?}") };
        assert!(scene.model.dialog.is_none());
        scene.model.update(down());
        assert!(scene.text().contains("seen by the team") && scene.text().contains("no answer came"), "{}", scene.text());
        scene.model.update(up(Role::Analyst));
        let mut pieces = snapshot(700);
        if is_done {
            let alerts = act.targets.iter().map(|target| target.alert.clone()).collect();
            let (at, who, reason) = (scene.model.now, act.who.clone(), act.reason.clone());
            pieces[0].entries.push(Arc::new(Entry {
                number: 1,
                at,
                who,
                deed: act.deed.clone(),
                reason,
                alerts,
                token: act.token,
            }));
        }
        pieces.into_iter().for_each(|piece| scene.tell(Change::Snapshot(Box::new(piece))));
        assert_eq!(scene.model.dialog.is_none(), is_done, "{}", scene.text());
        assert_eq!(scene.text().contains("commented on"), is_done, "{}", scene.text());
    }
    // Whoever closed it does not get it again, and keeps what is open by then.
    let mut scene = attached((120, 36));
    scene.keys("c");
    letters(&mut scene, "seen by the team");
    let effects = scene.model.update(Message::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
    let [act] = &acts(&effects)[..] else { panic!("{effects:?}") };
    scene.model.update(down());
    scene.keys("esc");
    scene.model.update(down());
    assert!(scene.model.dialog.is_none());
    scene.keys("m");
    scene.model.update(up(Role::Analyst));
    let mut pieces = snapshot(700);
    let (at, who) = (scene.model.now, act.who.clone());
    let (deed, reason, token) = (act.deed.clone(), act.reason.clone(), act.token);
    pieces[0].entries.push(Arc::new(Entry { number: 1, at, who, deed, reason, alerts: Vec::new(), token }));
    pieces.into_iter().for_each(|piece| scene.tell(Change::Snapshot(Box::new(piece))));
    assert!(scene.text().contains("Mute alerts like") && scene.text().contains("commented on"), "{}", scene.text());
    // It did not even get on its way.
    let mut scene = attached((120, 36));
    scene.keys("c");
    letters(&mut scene, "seen by the team");
    let effects = scene.model.update(Message::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
    let [Effect::Ask(request)] = &effects[..] else { panic!("{effects:?}") };
    scene.model.not_asked(request);
    assert!(scene.text().contains("seen by the team") && scene.text().contains("does not keep up"), "{}", scene.text());
    // The way to the collector found it closed and says so: then too.
    let mut scene = attached((120, 36));
    scene.keys("c");
    letters(&mut scene, "seen by the team");
    let effects = scene.model.update(Message::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
    let [act] = &acts(&effects)[..] else { panic!("{effects:?}") };
    let (token, who) = (act.token, act.who.clone());
    scene.tell(Change::Refused(Refusal { token, who, reason: UNREACHED.to_owned() }));
    scene.model.update(down());
    assert!(scene.text().contains("seen by the team") && scene.text().contains("not sent"), "{}", scene.text());
}

#[test]
fn a_refusal_for_want_of_a_collector_is_not_told_when_it_is_back() {
    let mut scene = attached((120, 36));
    scene.model.update(down());
    let effects = scene.model.update(Message::Key(KeyEvent::new(KeyCode::Char('o'), KeyModifiers::NONE)));
    let [act] = &acts(&effects)[..] else { panic!("{effects:?}") };
    let (token, who) = (act.token, act.who.clone());
    scene.tell(Change::Refused(Refusal { token, who, reason: UNREACHED.to_owned() }));
    assert!(scene.text().contains("not done"), "{}", scene.text());
    scene.model.update(up(Role::Analyst));
    tell_snapshot(&mut scene, 700);
    assert!(!scene.text().contains("not done"), "{}", scene.text());
}

#[test]
fn a_resync_is_told_though_the_collector_seemed_silent() {
    let mut scene = attached((120, 36));
    // A console that was stopped hears of the silence, of what it missed, and that all is well, in any order.
    scene.model.update(Message::Link(Link::Silent(Duration::from_secs(12))));
    let pieces = snapshot(700).into_iter().map(|piece| Snapshot { is_resync: true, ..piece });
    pieces.for_each(|piece| scene.tell(Change::Snapshot(Box::new(piece))));
    scene.model.update(up(Role::Analyst));
    assert!(scene.text().contains("fell behind and was resynced"), "{}", scene.text());
}

#[test]
fn a_box_about_an_alert_outlives_a_snapshot_that_has_it() {
    for (keys, then) in [("y", "n"), ("e", "⏎"), ("=", "⏎"), ("n ⏎", "⏎")] {
        let open = || {
            let mut scene = Scene::empty((120, 36));
            scene.model.update(up(Role::Analyst));
            tell_snapshot(&mut scene, 0);
            scene.keys(keys);
            assert!(scene.model.dialog.is_some(), "{keys}");
            scene.model.update(Message::Tick(scene.model.now + TimeDelta::seconds(1)));
            scene
        };
        // Other numbers, the same alerts: what is done then is what would have been.
        let mut scene = open();
        tell_snapshot(&mut scene, 700);
        let text = scene.text();
        assert!(scene.model.dialog.is_some(), "{keys} is closed\n{text}");
        let told = scene.keys(then);
        let expected = open().keys(then);
        assert_eq!((told, scene.model.dialog.is_some()), (expected, false), "{keys}");
        // A collector that has none of them.
        let mut scene = open();
        let none = Snapshot { is_last: true, alerts: Vec::new(), total: 0, ..snapshot(0).remove(0) };
        scene.tell(Change::Snapshot(Box::new(none)));
        assert!(scene.model.dialog.is_none() && scene.text().contains("closed: its alert"), "{keys}\n{}", scene.text());
    }
}
