//! The same answer by every way in: real recordings (where the folder with them is there) and our own samples, over TCP in
//! every framing, from several connections at once, and over UDP.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod harness;

use std::collections::BTreeMap;
use std::path::PathBuf;

use harness::{EQL, Fired, SIGMA, Server, lines, replay, root, text};
use serde_json::Value;

/// A recording and the alerts that it must give.
struct Recording {
    path: PathBuf,
    alerts: Vec<Fired>,
}

/// Real recordings with their truth, then our own samples with what a replay of them gives.
fn recordings() -> Vec<Recording> {
    let mut all = real_recordings();
    for name in ["attack_both_ends", "out_of_order", "near_misses", "skewed_clock"] {
        let path = root().join(format!("samples/{name}.xml"));
        let alerts = replay(&path).alerts();
        all.push(Recording { path, alerts });
    }
    all
}

fn real_recordings() -> Vec<Recording> {
    let folder = root().join("../shared/data");
    let Ok(truth) = std::fs::read_to_string(folder.join("truth.json")) else { return Vec::new() };
    let truth: Value = serde_json::from_str(&truth).unwrap();
    let fired = |rule: &str, events: &[&Value]| Fired {
        rule: rule.to_owned(),
        computer: text(&events.last().unwrap()[0]),
        evidence: events.iter().map(|event| text(&event[1])).collect(),
    };
    let recording = |set: &Value| {
        let singles = set["sigma"].as_array().unwrap().iter().map(|event| fired(SIGMA, &[event]));
        let pairs =
            set["eql"]["utctime"].as_array().unwrap().iter().map(|pair| fired(EQL, &[&pair["network"], &pair["process"]]));
        let mut alerts: Vec<Fired> = singles.chain(pairs).collect();
        alerts.sort();
        Recording { path: folder.join(text(&set["file"])), alerts }
    };
    truth["datasets"].as_object().unwrap().values().map(recording).collect()
}

const TCP: [&str; 2] = ["--listen", "tcp://127.0.0.1:0"];

fn over_tcp(name: &str, frame: impl Fn(&str) -> String) {
    for recording in recordings() {
        let server = Server::start(&TCP, 1);
        let stream: String = lines(&recording.path).iter().map(|line| frame(line)).collect();
        server.send(stream.as_bytes(), &[1, 700, 3, 65_536, 1460, 17]);
        let outcome = server.stop();
        let path = recording.path.display();
        assert!(outcome.status.success(), "{name} {path}");
        assert_eq!(outcome.alerts(), recording.alerts, "{name} {path}");
        let (events, rejected) = outcome.balance();
        let duplicates = outcome.rejected().get("duplicate").copied().unwrap_or(0);
        assert_eq!((events + duplicates, rejected), (lines(&recording.path).len() as u64, duplicates), "{name} {path}");
    }
}

#[test]
fn replayed() {
    for recording in recordings() {
        let outcome = replay(&recording.path);
        assert_eq!(outcome.alerts(), recording.alerts, "{}", recording.path.display());
        outcome.balance();
    }
}

#[test]
fn over_tcp_as_lines_with_a_header() {
    over_tcp("lines", |line| format!("<14>Sep 20 21:09:08 relay wef: {line}\n"));
}

#[test]
fn over_tcp_with_octet_counting() {
    over_tcp("counted", |line| {
        let message = format!("<14>1 2020-09-20T21:09:08Z relay wef - - - \u{feff}{line}");
        format!("{} {message}", message.len())
    });
}

#[test]
fn over_tcp_as_documents_over_many_lines() {
    over_tcp("documents", |line| line.replace("</System><", "</System>\r\n  <").replace("</Data><", "</Data>\r\n    <"));
}

#[test]
fn over_tcp_from_several_hosts_at_once() {
    for recording in recordings() {
        let server = Server::start(&TCP, 1);
        let mut by_host: BTreeMap<String, String> = BTreeMap::new();
        for line in lines(&recording.path) {
            let host = line.split_once("<Computer>").and_then(|(_, rest)| rest.split_once('<')).map_or("", |(host, _)| host);
            let stream = by_host.entry(host.to_owned()).or_default();
            stream.push_str(&line);
            stream.push('\n');
        }
        std::thread::scope(|scope| {
            for stream in by_host.values() {
                scope.spawn(|| server.send(stream.as_bytes(), &[4096, 1]));
            }
        });
        let outcome = server.stop();
        assert_eq!(outcome.alerts(), recording.alerts, "{}", recording.path.display());
        outcome.balance();
    }
}

#[test]
fn over_udp() {
    for recording in recordings() {
        let server = Server::start(&["--listen", "udp://127.0.0.1:0", "--metrics", "127.0.0.1:0"], 2);
        let datagrams: Vec<Vec<u8>> =
            lines(&recording.path).iter().map(|line| format!("<14>Sep 20 21:09:08 relay wef: {line}").into_bytes()).collect();
        // A whole recording takes long one burst at a time; what can fire and its neighbours are enough over UDP.
        let wanted: Vec<Vec<u8>> = datagrams
            .into_iter()
            .filter(|datagram| {
                let text = String::from_utf8_lossy(datagram);
                text.contains("<EventID>3<") || text.contains("<EventID>1<")
            })
            .collect();
        server.send_datagrams(&wanted);
        let outcome = server.stop();
        assert_eq!(outcome.alerts(), recording.alerts, "{}", recording.path.display());
        assert_eq!(outcome.total("wefwatch_frames_total"), wanted.len() as u64);
        outcome.balance();
    }
}
