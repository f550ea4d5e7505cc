//! Health from the outside: everything that is known of the collector can be reached, and whatever is lost, late or broken shows
//! on every tab at every size, at once.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use chrono::TimeDelta;
use wefwatch::console::model::Message;
use wefwatch::event::names::HostName;
use wefwatch::feed::stage::StageStatus;
use wefwatch::feed::status::{ListenerStatus, Status};
use wefwatch::feed::{Change, Link, Notice, NoticeLevel, RejectedLine};
use wefwatch::hosts::{HostState, Liveness};
use wefwatch::intake::stages::Stage;
use wefwatch::intake::{OutputHealth, StoreHealth};
use wefwatch::triage::viewer::{Role, Viewer};

use scene::{Scene, dawn, golden};

fn viewer(id: u64, who: &str, role: Role, resyncs: u64) -> Viewer {
    Viewer { id, who: who.to_owned(), role, is_console: true, wants_events: true, in_front: None, resyncs }
}

/// A host of the demo whose times are these.
fn host(scene: &Scene, name: &str, lag_ms: Option<i64>, clock_skew_ms: Option<i64>) -> HostState {
    let own = scene.model.hosts.get(&HostName::fold(name)).cloned().expect("the demo has it");
    HostState { lag_ms, clock_skew_ms, skewed_events: clock_skew_ms.map_or(0, |_| 12), ..own }
}

/// A collector with much to tell, as it was told.
fn busy(scene: &Scene) -> Status {
    let stage = |stage, queue, p99_ns, rates: (f64, f64), lost| StageStatus {
        stage,
        queue,
        p99_ns,
        in_per_second: rates.0,
        out_per_second: rates.1,
        lost,
    };
    let mut status = scene.model.status.clone();
    status.counters.rejected.insert("bad_xml".to_owned(), 2);
    status.stages = vec![
        stage(Stage::Frame, None, Some(900), (1284.0, 1284.0), 0),
        stage(Stage::Parse, None, Some(6_100), (1284.0, 1282.0), 2),
        stage(Stage::Detect, Some((45, 512)), Some(31_000), (1282.0, 0.2), 0),
        stage(Stage::Forward, Some((700, 1000)), Some(41_000_000), (0.2, 0.0), 3),
        stage(Stage::Store, Some((3, 256)), Some(2_400_000_000), (0.4, 0.4), 0),
    ];
    status.outputs = vec![OutputHealth {
        url: "syslog+tcp://siem.example.com:601".to_owned(),
        is_up: false,
        problem: Some("connection refused (os error 111): the machine is there, but nothing listens on that port now".to_owned()),
        delivered: 812,
        gave_up: 3,
        waiting: 700,
        capacity: 1000,
    }];
    status.store = Some(StoreHealth { path: "/var/lib/wefwatch/alerts.db".to_owned(), written: 815, ..StoreHealth::default() });
    status.listeners = vec![ListenerStatus {
        url: "tcp://0.0.0.0:1514".to_owned(),
        connections: 39,
        bytes: 12_345_678,
        frames: 98_112,
        rejected: 2,
        shed: 0,
        rate: 1284.0,
        byte_rate: 2_900_000.0,
    }];
    status.started_at = Some(dawn() - TimeDelta::hours(148));
    status.lag_ms = Some(400);
    status.hosts = vec![
        host(scene, "SRV-APP02.corp.example", Some(12_300), None),
        host(scene, "WKSTN-022.corp.example", Some(-3_200), Some(41_000)),
        host(scene, "DC01.corp.example", Some(300), None),
    ];
    status
}

fn scene_of(size: (u16, u16)) -> Scene {
    let mut scene = Scene::of(&["demo.xml"], size);
    let status = busy(&scene);
    scene.tell(Change::Status(Box::new(status)));
    scene.tell(Change::Viewers(vec![
        viewer(1, "alice", Role::Analyst, 0),
        viewer(2, "bob", Role::Analyst, 1),
        viewer(3, "carol", Role::Viewer, 0),
        Viewer { is_console: false, ..viewer(4, "alice", Role::Analyst, 0) },
    ]));
    scene.tell(Change::Rejected(RejectedLine {
        at: dawn(),
        peer: "10.20.4.90:50000".to_owned(),
        reason: "bad_xml".to_owned(),
        detail: "XML ends inside <EventData>".to_owned(),
        excerpt: "<Event>".to_owned(),
        bytes: Box::default(),
    }));
    scene
}

#[test]
fn a_collector_with_much_to_tell() {
    for size in [(120, 36), (80, 24)] {
        let mut scene = scene_of(size);
        scene.keys("4");
        golden("health-busy", &scene);
        let text = scene.text();
        for part in ["3 attached: alice (analyst), bob (analyst), carol (viewer)", "bob resynced 1x", "up 6d", "XML ends inside"]
        {
            assert!(text.contains(part), "{part} at {size:?}\n{text}");
        }
        scene.keys("pgdn");
        golden("health-busy-below", &scene);
    }
}

/// All that can be seen of Health by going down a line at a time.
fn all_of(scene: &mut Scene) -> String {
    scene.keys("4 g");
    let mut all = scene.text();
    loop {
        let before = scene.text();
        scene.keys("down");
        let now = scene.text();
        if now == before {
            return all;
        }
        all += &now;
    }
}

#[test]
fn everything_on_health_is_reached_at_80_columns() {
    let mut scene = scene_of((80, 24));
    let long =
        "the rules of /etc/wefwatch/rules were not taken over: a file in them is broken, and nothing was changed: win.yml:12";
    scene.tell(Change::Notice(Notice { level: NoticeLevel::Warning, text: long.to_owned() }));
    let all = all_of(&mut scene);
    let rule = scene.model.status.rules[0].facts.name.clone();
    assert!(all.contains(&rule), "{rule} is cut in\n{all}");
    let words = "connection refused machine nothing listens port now /var/lib/wefwatch/alerts.db SRV-APP02.corp.example win.yml:12 \
                 12 s 3.2 s 41 s UtcTime BLIND bob";
    for word in words.split(' ').chain(["given up 3", "XML ends inside <EventData>", "script"]) {
        assert!(all.contains(word), "{word} is nowhere in\n{all}");
    }
    assert!(!all.contains('…') || all.lines().filter(|line| line.contains("Listeners")).count() > 0);
}

#[test]
fn lag_and_clock_are_two_things() {
    let mut scene = scene_of((120, 36));
    let all = all_of(&mut scene);
    let line = |name: &str| {
        all.lines()
            .rev()
            .find(|line| line.contains(name) && !line.contains("BLIND") && !line.contains("script"))
            .unwrap_or_default()
            .to_owned()
    };
    let late = line("SRV-APP02");
    assert!(late.contains("12 s") && late.contains("ok"), "{late}");
    let off = line("WKSTN-022");
    assert!(off.contains("3.2 s ahead of ours") && off.contains("UtcTime 41 s ahead of TimeCreated"), "{off}");
    assert!(!all.lines().any(|line| line.contains("DC01.corp.example") && line.contains("0.3 s")), "{all}");
    // The host says so too, in the list and by itself.
    scene.keys("1");
    let listed = scene.text();
    assert!(listed.contains("LATE 12 s") && listed.contains("SKEW"), "{listed}");
    scene.keys("1 tab");
    let mut text = String::new();
    for _ in 0..8 {
        scene.keys("⏎");
        text += &scene.text();
        scene.keys("esc down");
    }
    assert!(text.contains("lag 12 s") && text.contains("clock 3.2 s ahead of ours"), "{text}");
}

/// What can go wrong, and the words for it.
fn losses(scene: &Scene) -> Vec<(&'static str, Status)> {
    let healthy = scene.model.status.clone();
    let with = |change: &dyn Fn(&mut Status)| {
        let mut status = healthy.clone();
        change(&mut status);
        status
    };
    let output = |is_up, gave_up| OutputHealth {
        url: "tcp://siem:1".to_owned(),
        is_up,
        problem: None,
        delivered: 0,
        gave_up,
        waiting: 0,
        capacity: 10,
    };
    let late = HostState { lag_ms: Some(9000), ..scene.model.hosts.values().next().cloned().expect("a host") };
    vec![
        ("dropped 7", with(&|status| _ = status.counters.shed.insert("queue_full".to_owned(), 7))),
        ("rejected 3", with(&|status| _ = status.counters.rejected.insert("bad_xml".to_owned(), 3))),
        ("lag 2.1 s", with(&|status| status.lag_ms = Some(2100))),
        ("1 late", with(&|status| status.hosts = vec![late.clone()])),
        ("missed here 5", with(&|status| status.counters.console_shed = 5)),
        ("given up 4", with(&|status| _ = status.counters.output_records.insert(("o".to_owned(), "gave_up".to_owned()), 4))),
        ("not stored 6", with(&|status| _ = status.counters.store_records.insert("failed".to_owned(), 6))),
        ("output down", with(&|status| status.outputs = vec![output(false, 0)])),
        ("2 outputs down", with(&|status| status.outputs = vec![output(false, 0), output(false, 0)])),
        (
            "store cannot be written",
            with(&|status| status.store = Some(StoreHealth { problem: Some("full".to_owned()), ..StoreHealth::default() })),
        ),
    ]
}

#[test]
fn whatever_is_lost_shows_on_every_tab_at_every_size() {
    // Tabs, what is opened over them, what is typed, and a frozen picture.
    let places = ["1", "2", "3", "4", "n", "n 3", "L", "tab ⏎", "3 up ⏎", "/ x", "space", "?", ":", "m", "M"];
    for size in [(120, 36), (80, 24), (60, 16), (40, 10), (39, 7)] {
        for keys in places {
            let mut scene = Scene::of(&["demo.xml"], size);
            scene.model.hosts.values_mut().for_each(|host| host.blind = None);
            let hosts = scene.model.hosts.values().cloned().collect();
            let healthy = Status { hosts, ..scene.model.status.clone() };
            let losses = losses(&scene);
            scene.keys(keys);
            for (words, status) in losses {
                scene.tell(Change::Status(Box::new(healthy.clone())));
                scene.tell(Change::Status(Box::new(status)));
                let text = scene.text();
                let is_said = text.contains(words) || (size.0 <= 60 && text.contains('▲'));
                let is_host = words == "1 late" && keys == "space";
                assert!(is_said || is_host, "{words} after {keys} at {size:?}\n{text}");
            }
        }
    }
}

#[test]
fn a_lost_collector_shows_on_every_tab_at_every_size() {
    for size in [(120, 36), (80, 24), (60, 16), (40, 10), (39, 7)] {
        for keys in ["1", "2", "3", "4", "n", "?", ":", "space"] {
            let mut scene = Scene::of(&["demo.xml"], size);
            scene.keys(keys);
            scene.model.update(Message::Link(Link::Down { why: "gone".to_owned(), silent: std::time::Duration::from_secs(1) }));
            assert!(scene.text().contains("STALE"), "after {keys} at {size:?}\n{}", scene.text());
        }
    }
}

#[test]
fn a_silent_host_is_not_late_too() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    let own = host(&scene, "DC01.corp.example", Some(9000), None);
    let status = Status { hosts: vec![HostState { liveness: Liveness::Silent, ..own }], ..scene.model.status.clone() };
    scene.tell(Change::Status(Box::new(status)));
    let text = scene.text();
    assert!(text.contains("1 silent") && !text.contains("1 late"), "{text}");
}
