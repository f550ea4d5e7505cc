//! Consoles on a collector that runs elsewhere: the real binary on both sides of a real socket.

mod harness;
#[path = "harness/terminal.rs"]
mod pty;
#[path = "harness/viewer.rs"]
mod viewer;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;

use harness::{Server, binary, lines, root};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pty::Terminal;
use serde_json::{Value, json};
use viewer::{connect, frame, has, hello, read_frame, read_until};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().expect("UTF-8").to_owned()
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("w.sock")
    }

    /// A headless collector with a store and a socket.
    fn serve(&self) -> Server {
        self.serve_with(&self.path("w.db"))
    }

    fn serve_with(&self, store: &str) -> Server {
        let socket = self.path("w.sock");
        let arguments = ["--store", store, "--socket", &socket, "--listen", "tcp://127.0.0.1:0", "--metrics", "127.0.0.1:0"];
        Server::start(&arguments, 2)
    }

    fn attach(&self, size: (u16, u16)) -> Terminal {
        Terminal::start(&["attach", "--socket", &self.path("w.sock")], &[], size)
    }
}

/// The connection that leaves the first host of the sample, as another event each time.
fn outbound(number: u32) -> String {
    let text = lines(&root().join("samples/attack_both_ends.xml"));
    let line = text.iter().find(|line| line.contains("<EventRecordID>2371779<")).expect("the outbound connection");
    line.replace("2371779", &number.to_string()) + "\n"
}

fn send(server: &Server, events: &str) {
    let mut stream = TcpStream::connect(server.address("tcp")).expect("it listens");
    stream.write_all(events.as_bytes()).expect("it reads");
}

#[test]
fn two_people_see_what_each_does_and_outlive_the_collector() {
    let place = Place::new();
    let server = place.serve();
    let mode = std::fs::metadata(place.socket()).expect("it is served").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let (mut one, mut other) = (place.attach((120, 36)), place.attach((80, 24)));
    one.wait_for("LIVE");
    other.wait_for("LIVE");
    send(&server, &(outbound(1) + &outbound(2)));
    one.wait_for("HIGH 2");
    other.wait_for("HIGH 2");
    one.wait_for("+1 attached");
    other.wait_for("+1 attached");
    // The alert that both have open.
    one.press("n");
    one.wait_for("(5985, 5986)");
    other.press("n");
    other.wait_for("is here");
    one.wait_for("is here");
    // An act of one is seen by the other, and one that rests on an older picture changes nothing.
    one.press("a");
    one.wait_for("acknowledged");
    other.wait_for("acknowledged");
    one.wait_for("ACKED");
    other.press("cthe backup does");
    other.wait_for("the backup does");
    // The collector dies: what is shown is old and says so; an act is not done.
    server.signal(Signal::SIGKILL);
    server.killed();
    one.wait_for("STALE");
    one.wait_for("no collector serves");
    other.wait_for("STALE");
    one.press("o");
    one.wait_for("not done");
    other.press(" this\r");
    other.wait_for("not sent");
    // It comes back, with what it had kept, and everybody stays where they were.
    let server = place.serve();
    one.wait_for("LIVE");
    one.wait_for("(5985, 5986)");
    one.wait_for("ACKED");
    other.wait_for("LIVE");
    // What was being typed is still there, and can be sent now.
    other.wait_for("the backup does this");
    other.press("\r");
    one.wait_for("commented on");
    // It was opened from a row of two, and acted on as that.
    send(&server, &outbound(3));
    one.wait_for("HIGH 1");
    one.wait_for("acked 2");
    // Leaving ends no collector.
    one.press("q");
    assert_eq!(one.end().0.exit_code(), 0);
    other.signal(Signal::SIGHUP);
    assert_eq!(other.end().0.exit_code(), 0);
    send(&server, &outbound(4));
    server.wait_for("wefwatch_alerts_total", 2);
    assert!(server.stop().status.success());
    assert!(!place.socket().exists(), "the socket is left behind");
}

#[test]
fn a_console_goes_and_its_collector_goes_on() {
    let place = Place::new();
    let (store, socket) = (place.path("w.db"), place.path("w.sock"));
    let arguments = ["--store", &store, "--socket", &socket, "--listen", "tcp://127.0.0.1:0"];
    let mut run = Terminal::start(&arguments, &[], (120, 36));
    run.wait_for("no events yet");
    run.press("4");
    let port = |text: &str| {
        let (_, rest) = text.split_once("tcp://127.0.0.1:")?;
        rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse::<u16>().ok()
    };
    run.wait_until("the port", |terminal| port(&terminal.text()).is_some_and(|port| port > 0));
    let port = port(&run.text()).expect("it is there");
    let send = |number| {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
        stream.write_all(outbound(number).as_bytes()).expect("it reads");
    };
    send(1);
    run.wait_for("HIGH 1");
    // Something would be lost: it is asked first, and no other key answers.
    run.press("qx");
    run.wait_for("stop collecting?");
    run.press("\u{1b}");
    run.wait_until("the keys", |terminal| !terminal.text().contains("stop collecting?"));
    run.press("qd");
    run.wait_for_bytes(&format!("wefwatch goes on without a console; `wefwatch attach --socket {socket}` opens a console"));
    // The terminal closes; a service would read its rules anew.
    run.signal(Signal::SIGHUP);
    run.wait_for_bytes("rules reloaded");
    send(2);
    let mut other = place.attach((120, 36));
    other.wait_for("HIGH 2");
    assert!(!other.text().contains("attached"), "nobody sits there any more:\n{}", other.text());
    other.press("q");
    assert_eq!(other.end().0.exit_code(), 0);
    run.signal(Signal::SIGTERM);
    let (status, text) = run.end();
    assert!(status.success() && text.contains("summary {"), "{text}");
}

#[test]
fn attach_says_that_nobody_serves_and_waits_for_a_collector() {
    let place = Place::new();
    let mut console = place.attach((100, 30));
    console.wait_for("no collector serves");
    console.wait_for("CONNECTING");
    let server = place.serve();
    console.wait_for("LIVE");
    // What a collector left that did not end well is no obstacle to the next, one that lives is.
    server.signal(Signal::SIGKILL);
    server.killed();
    assert!(place.socket().exists());
    let server = place.serve();
    console.wait_for("LIVE");
    let socket = place.path("w.sock");
    let second = binary().args(["--headless", "--store", "none", "--listen", "tcp://127.0.0.1:0", "--socket", &socket]).output();
    let second = second.expect("it runs");
    assert_eq!(second.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&second.stderr).contains("another collector serves this socket"));
    console.press("q");
    assert_eq!(console.end().0.exit_code(), 0);
    server.stop();
}

#[test]
fn hostile_viewers_cost_nobody_anything() {
    let place = Place::new();
    let server = place.serve();
    let socket = place.socket();
    let rows: [(&str, Vec<u8>, Option<&str>); 7] = [
        ("text of another protocol", b"GET / HTTP/1.1\r\n\r\n".to_vec(), Some("a frame of")),
        ("a huge frame", [0xff; 64].to_vec(), Some("a frame of")),
        ("no JSON", frame(&json!("x"))[..4].iter().copied().chain(*b"\xff\0{").collect(), Some("not understood")),
        ("another version", frame(&json!({"hello": {"proto": 99, "wants": {"console": {"most": 1}}}})), Some("version 99")),
        ("no hello first", frame(&json!({"request": "ReloadRules"})), Some("the first word is hello")),
        (
            "a filter that is none",
            frame(
                &json!({"hello": {"proto": wefwatch::attach::PROTOCOL, "wants": {"tail": {"alerts": "sev>=", "events": null}}}}),
            ),
            Some(""),
        ),
        ("nothing but the end", Vec::new(), None),
    ];
    for (name, bytes, expected) in rows {
        let mut stream = connect(&socket);
        stream.write_all(&bytes).expect("it reads");
        stream.shutdown(std::net::Shutdown::Write).expect("it ends");
        let answer = read_frame(&mut stream);
        let reason = answer.as_ref().and_then(|answer| answer["sorry"]["reason"].as_str());
        match expected {
            Some(expected) => assert!(reason.is_some_and(|reason| reason.contains(expected)), "{name}: {answer:?}"),
            None => assert_eq!(answer, None, "{name}"),
        }
    }
    // Many who say nothing; those beyond the limit are told so, and the collector goes on.
    let crowd: Vec<UnixStream> = (0..100).map(|_| connect(&socket)).collect();
    let mut last = crowd.last().expect("many").try_clone().expect("a handle");
    assert!(
        read_frame(&mut last).expect("an answer")["sorry"]["reason"].as_str().expect("a reason").contains("attached already")
    );
    send(&server, &outbound(1));
    server.wait_for("wefwatch_alerts_total", 1);
    drop(crowd);
    // Somebody who says hello, then claims to be root by another name: the peer's credentials count.
    let mut stream = loop {
        let mut stream = connect(&socket);
        stream.write_all(&hello()).expect("it reads");
        let first = read_frame(&mut stream).expect("an answer");
        // The crowd leaves one after the other.
        if first.get("hello").is_some() {
            break stream;
        }
    };
    let id = loop {
        let frame = read_frame(&mut stream).expect("it goes on");
        if has(&frame, "Snapshot") {
            break frame["updates"][0]["change"]["Snapshot"]["alerts"][0]["header"]["id"].clone();
        }
    };
    let act =
        json!({"token": 7, "who": "mallory", "deed": "acknowledge", "reason": "", "targets": [{"alert": id, "revision": 0}]});
    stream.write_all(&frame(&json!({"request": {"Act": act}}))).expect("it reads");
    let entry = loop {
        let frame = read_frame(&mut stream).expect("it goes on");
        let updates = frame["updates"].as_array().cloned().unwrap_or_default();
        if let Some(entry) = updates.iter().find_map(|update| update["change"].get("Triage").cloned()) {
            break entry;
        }
    };
    assert_eq!(entry["token"], 7);
    assert_ne!(entry["who"], "mallory");
    // The same act again rests on an older picture.
    stream.write_all(&frame(&json!({"request": {"Act": act}}))).expect("it reads");
    loop {
        let frame = read_frame(&mut stream).expect("it goes on");
        if has(&frame, "Refused") {
            break;
        }
    }
    let outcome = server.stop();
    outcome.balance();
    assert!(outcome.status.success());
}

#[test]
fn a_viewer_that_does_not_read_is_cut_off_and_resynced() {
    let place = Place::new();
    let server = place.serve();
    let mut slow = connect(&place.socket());
    slow.write_all(&hello()).expect("it reads");
    assert!(read_frame(&mut slow).expect("an answer").get("hello").is_some());
    // Another one reads all the while: each of its frames is one that waits for the slow one, whose socket and queue fill.
    let mut quick = connect(&place.socket());
    quick.write_all(&hello()).expect("it reads");
    let mut stream = TcpStream::connect(server.address("tcp")).expect("it listens");
    let event = outbound(0).replace("powershell.exe", &"x".repeat(8000));
    for number in 0..200 {
        stream.write_all(event.replace("<EventRecordID>0<", &format!("<EventRecordID>{number}<")).as_bytes()).expect("it reads");
        while !has(&read_frame(&mut quick).expect("it goes on"), "Events") {}
    }
    // It reads again: first what it had, then a new snapshot that says why.
    loop {
        let frame = read_frame(&mut slow).expect("it goes on");
        let updates = frame["updates"].as_array().cloned().unwrap_or_default();
        let snapshot = updates.iter().find_map(|update| update["change"].get("Snapshot"));
        if snapshot.is_some_and(|snapshot| snapshot["is_resync"] == true) {
            break;
        }
    }
    server.stop().balance();
}

#[test]
fn a_console_holds_a_part_and_finds_the_rest() {
    let place = Place::new();
    let server = place.serve_with("none");
    let hosts = ["alpha", "beta", "gamma"];
    let events = (0..3000).map(|number| outbound(number).replace("WKSTN-014", hosts[number as usize % 3]));
    send(&server, &events.collect::<String>());
    server.wait_for("wefwatch_alerts_total", 3000);
    let mut stream = connect(&place.socket());
    let most = json!({"hello": {"proto": wefwatch::attach::PROTOCOL, "wants": {"console": {"most": 100}}}});
    stream.write_all(&frame(&most)).expect("it reads");
    let mut seen = std::collections::BTreeSet::new();
    let mut take = |alerts: &Value| -> Vec<String> {
        let alerts = alerts.as_array().expect("alerts").clone();
        let ids = alerts.iter().map(|alert| alert["header"]["id"].as_str().expect("an id").to_owned());
        seen.extend(alerts.iter().map(|alert| alert["number"].as_u64().expect("a number")));
        ids.collect()
    };
    let snapshot = read_until(&mut stream, "Snapshot");
    assert_eq!((&snapshot["tally"]["alerts"], &snapshot["tally"]["kinds"]), (&json!(3000), &json!(3)));
    let newest = take(&snapshot["alerts"]);
    assert_eq!((snapshot["is_last"].as_bool(), newest.len()), (Some(true), 100));
    // The rest, page by page, none twice and none missing.
    let mut below = snapshot["horizons"]["all"].clone();
    for token in 1.. {
        let listing = json!({"token": token, "filter": "", "kinds_only": false, "below": below, "most": 700});
        stream.write_all(&frame(&json!({"request": {"List": listing}}))).expect("it reads");
        let page = read_until(&mut stream, "Listed");
        assert_eq!(page["token"], token);
        take(&page["alerts"]);
        below = page["horizon"].clone();
        if below.is_null() {
            break;
        }
    }
    assert_eq!(seen.len(), 3000);
    // An act on one that stands for its repeats is an act on all of them, which this viewer never heard of.
    let act = json!({
        "token": 9, "who": "nobody", "deed": "acknowledge", "reason": "",
        "targets": [{"alert": newest[0], "revision": 0}],
    });
    stream.write_all(&frame(&json!({"request": {"ActOnRepeats": act}}))).expect("it reads");
    let entry = read_until(&mut stream, "Triage");
    assert_eq!(entry["alerts"].as_array().map(Vec::len), Some(1000));
    let scope = json!({"conditions": [["host", "alpha.corp.example"]]});
    stream.write_all(&frame(&json!({"request": {"Preview": {"token": 7, "scope": scope}}}))).expect("it reads");
    let previewed = read_until(&mut stream, "Previewed");
    assert_eq!((&previewed["preview"]["hidden"], &previewed["preview"]["of"]), (&json!(1000), &json!(3000)));
    // So it is in a console, which begins with a part too.
    let mut console = place.attach((120, 36));
    console.wait_for("HIGH 2,000");
    console.wait_for("acked 1,000");
    console.press("/");
    console.press("host:beta");
    console.wait_for("1,000 of 3,000");
    console.press("\r");
    console.wait_for("x1000");
    console.press("v");
    console.wait_for("close 1,000 alerts as");
    console.press("b");
    console.wait_for("HIGH 1,000");
    console.press("\u{1b}");
    console.wait_for("filter: none");
    console.press("2");
    console.wait_for("3,000, severity then newest");
    console.press("q");
    assert_eq!(console.end().0.exit_code(), 0);
    server.stop().balance();
}

#[test]
fn an_act_on_all_that_match_is_done_to_what_no_console_holds() {
    let place = Place::new();
    let server = place.serve();
    let hosts = ["alpha", "beta", "gamma"];
    let event = |number: u32| outbound(number).replace("WKSTN-014", hosts[number as usize % 3]);
    send(&server, &(0..6000).map(event).collect::<String>());
    server.wait_for("wefwatch_alerts_total", 6000);
    let mut stream = connect(&place.socket());
    let most = json!({"hello": {"proto": wefwatch::attach::PROTOCOL, "wants": {"console": {"most": 10}}}});
    stream.write_all(&frame(&most)).expect("it reads");
    let snapshot = read_until(&mut stream, "Snapshot");
    let (next, known) = (snapshot["next"].clone(), snapshot["alerts"][0]["header"]["id"].clone());
    let marked = |filter: &str, except: &Value| {
        let listed = json!({"filter": filter, "host": null, "except": except});
        json!({"which": {"listed": listed}, "with_repeats": false, "before": next, "seen": 0})
    };
    let ask = |stream: &mut UnixStream, request: Value| stream.write_all(&frame(&json!({"request": request}))).expect("it reads");
    ask(&mut stream, json!({"CountMarked": {"token": 1, "marked": marked("beta or gamma", &json!([]))}}));
    assert_eq!(read_until(&mut stream, "Counted"), json!({"token": 1, "count": {"rows": 4000, "alerts": 4000}}));
    let act = |token: u64, deed: Value| json!({"token": token, "who": "x", "deed": deed, "reason": "", "targets": []});
    let on_marked = |stream: &mut UnixStream, token, expected: u64, filter: &str, except: Value| {
        let request = json!({"act": act(token, json!("acknowledge")), "marked": marked(filter, &except), "expected": expected});
        ask(stream, json!({"ActOnMarked": request}));
    };
    // Never to more than was said, and not where nothing is.
    on_marked(&mut stream, 2, 3999, "beta or gamma", json!([]));
    let refused = read_until(&mut stream, "Refused");
    assert!(refused["reason"].as_str().expect("a reason").contains("4000 alerts now, not 3999"), "{refused}");
    on_marked(&mut stream, 3, 5, "host:nowhere", json!([]));
    assert_eq!(read_until(&mut stream, "Refused")["token"], 3);
    // All but one, in parts, each of them an entry of the log.
    on_marked(&mut stream, 4, 6000, "", json!([known]));
    let mut told = Vec::new();
    while told.last().is_none_or(|(_, after)| *after != Some(0)) {
        // One frame may tell of several.
        let frame = read_frame(&mut stream).expect("it goes on");
        let updates = frame["updates"].as_array().cloned().unwrap_or_default();
        let outcomes = updates.iter().filter_map(|update| update["change"].get("Outcome"));
        told.extend(outcomes.map(|own| (own["done"].as_u64(), own["after"].as_u64())));
    }
    assert_eq!(told, [(Some(2000), Some(3999)), (Some(2000), Some(1999)), (Some(1999), Some(0))]);
    server.stop().balance();
    // It is durable.
    let store = place.path("w.db");
    let list = binary().args(["alerts", "--store", &store, "--json", "--filter", "is:acked"]).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&list.stdout).lines().count(), 5999);
    // The same with keys.
    let server = place.serve();
    let mut console = place.attach((120, 36));
    console.wait_for("acked 5,999");
    console.press("2");
    console.wait_for("6,000, severity then newest");
    console.press("X");
    console.wait_for("6,000 marked");
    console.press("v");
    console.press("b");
    console.wait_for("close 6,000 alerts as benign trigger?");
    console.press("\r");
    console.wait_for("closed as benign trigger 6,000 alerts");
    console.wait_for("acked 0");
    console.press("u");
    console.wait_for("took back: closed as benign trigger 6,000 alerts");
    console.wait_for("acked 5,999");
    console.press("q");
    assert_eq!(console.end().0.exit_code(), 0);
    server.stop();
}

#[test]
fn an_export_brings_evidence_that_only_the_store_has() {
    let place = Place::new();
    let server = place.serve();
    send(&server, &(0..20).map(outbound).collect::<String>());
    server.wait_for("wefwatch_alerts_total", 20);
    server.stop();
    let server = place.serve();
    let mut console = place.attach((120, 36));
    console.wait_for("HIGH 20");
    console.press("2");
    console.wait_for("20, severity then newest");
    for (ending, wrote) in [("json", "wrote 20 as JSON"), ("md", "wrote 20 as Markdown")] {
        let path = place.path(&format!("all.{ending}"));
        console.press("e");
        console.wait_for("only you will be able to read it");
        // What the filter lets through, not the one alert that is selected.
        console.press("\u{1b}[B");
        console.press(&format!("\u{15}{path}\r"));
        console.wait_for(wrote);
        let written = std::fs::read_to_string(&path).expect("the file is there");
        // 2371779 became the record ids 0 to 19.
        let wanted = if ending == "json" { "\"record_id\":19" } else { "record 19" };
        assert!(written.contains(wanted), "{written}");
        assert!(!written.contains("not in memory"), "{written}");
    }
    console.press("q");
    assert_eq!(console.end().0.exit_code(), 0);
    server.stop();
}

#[test]
fn plain_lines_of_a_collector_elsewhere() {
    let place = Place::new();
    let server = place.serve();
    let mut lines = Terminal::start(&["--plain", "attach", "--socket", &place.path("w.sock")], &[], (200, 36));
    lines.wait_for("attached");
    send(&server, &outbound(1));
    lines.wait_for("Potential Remote PowerShell Session Initiated");
    server.signal(Signal::SIGKILL);
    server.killed();
    lines.wait_for("trying again");
    lines.signal(Signal::SIGTERM);
    let (status, text) = lines.end();
    assert!(status.success() && !text.contains("\u{1b}[?1049h"), "{text}");
}

#[test]
fn what_a_mute_hides_is_told_alike_in_table_json_and_filter() {
    let place = Place::new();
    let server = place.serve();
    send(&server, &outbound(1));
    server.wait_for("wefwatch_alerts_total", 1);
    let mut stream = connect(&place.socket());
    stream.write_all(&hello()).expect("it reads");
    let scope = json!({"conditions": [["rule", harness::SIGMA]]});
    let act = json!({"token": 1, "who": "", "deed": {"mute": {"scope": scope, "until": null}}, "reason": "an administrator at work",
                     "targets": []});
    stream.write_all(&frame(&json!({"request": {"Act": act}}))).expect("it reads");
    let _ = read_until(&mut stream, "Triage");
    server.stop();
    let store = place.path("w.db");
    let list = |arguments: &[&str]| {
        let output = binary().args(["alerts", "--store", &store]).args(arguments).output().expect("it runs");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let record: Value = serde_json::from_str(&list(&["--json"])).expect("one record");
    let stands = &record["wefwatch"]["triage"];
    assert_eq!(record["wefwatch"]["muted"], true);
    assert_eq!((&stands["is"], &stands["status"], &stands["muted"]), (&json!(["muted"]), &json!("open"), &json!(true)));
    assert!(list(&[]).contains(" muted "), "{}", list(&[]));
    for (filter, count) in [("is:muted", 1), ("is:open", 0), ("is:new", 0), ("-is:open", 1)] {
        assert_eq!(list(&["--json", "--filter", filter]).lines().count(), count, "{filter}");
    }
}

#[test]
fn tail_follows_alerts_and_events() {
    let place = Place::new();
    let server = place.serve();
    let socket = place.path("w.sock");
    let mut tail = binary()
        .args(["tail", "--json", "--socket", &socket, "--filter", "sev>=high", "--events", "eid:3 port:5985 data.Initiated:true"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut log = BufReader::new(tail.stderr.take().expect("piped")).lines();
    assert!(log.by_ref().map_while(Result::ok).any(|line| line.contains("attached")));
    send(&server, &outbound(1));
    let mut out = BufReader::new(tail.stdout.take().expect("piped")).lines();
    let mut read = || serde_json::from_str::<Value>(&out.next().expect("a line").expect("text")).expect("JSON");
    let both = [read(), read()];
    let kinds: Vec<&str> = both.iter().filter_map(|record| record["event"]["kind"].as_str()).collect();
    assert!(kinds.contains(&"alert") && kinds.contains(&"event"), "{both:?}");
    let alert = both.iter().find(|record| record["event"]["kind"] == "alert").expect("an alert");
    assert_eq!(alert["wefwatch"]["severity"], "high");
    kill(Pid::from_raw(tail.id() as i32), Signal::SIGTERM).expect("it runs");
    assert!(tail.wait().expect("it ends").success());
    server.stop();
}

/// What was read before the end was asked for still raises alerts; whoever follows them must not miss the last ones.
#[test]
fn who_follows_hears_the_last_words() {
    let place = Place::new();
    let server = place.serve();
    let mut stream = connect(&place.socket());
    let wants = json!({"tail": {"alerts": "", "events": null}});
    stream.write_all(&frame(&json!({"hello": {"proto": wefwatch::attach::PROTOCOL, "wants": wants}}))).expect("it reads");
    send(&server, &outbound(1));
    read_until(&mut stream, "Alert");
    send(&server, &(2..2000).map(outbound).collect::<String>());
    let follower = std::thread::spawn(move || {
        let frames = std::iter::from_fn(|| read_frame(&mut stream));
        1 + frames.map(|frame| frame["updates"].as_array().map_or(0, Vec::len)).sum::<usize>()
    });
    let outcome = server.stop();
    let heard = follower.join().expect("it ends with the collector");
    let raised = outcome.records.iter().filter(|record| record["event"]["action"] == "raised").count();
    assert_eq!(heard, raised, "{}", outcome.stderr);
}
