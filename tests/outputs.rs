//! Outputs that stall, move and come back, around the real binary.

mod harness;

use std::net::TcpListener;
use std::path::Path;

use nix::sys::signal::Signal;

use harness::{Server, lines, root};

/// The attack so often that its alerts fill every buffer on the way; record ids and times differ.
fn many_alerts(times: usize) -> String {
    let attack = lines(&root().join("samples/attack_both_ends.xml"));
    let outbound = attack.iter().find(|line| line.contains("<EventRecordID>2371779<")).expect("the outbound connection");
    (0..times).map(|number| outbound.replace("2371779", &(3_000_000 + number).to_string()) + "\n").collect()
}

#[test]
fn an_output_that_takes_nothing_holds_up_nobody() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("alerts.json");
    // It accepts (the kernel does) and never reads.
    let stalled = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let tcp = format!("tcp://{}", stalled.local_addr().expect("bound"));
    let config = folder.path().join("wefwatch.toml");
    let text = format!(
        "[limits]\ngrace = \"300ms\"\n[[output]]\nurl = \"{tcp}\"\nqueue = 100\n[[output]]\nurl = \"file:{}\"\n",
        file.display()
    );
    std::fs::write(&config, text).expect("a file");
    let server = Server::start(
        &["--config", config.to_str().expect("UTF-8"), "--listen", "tcp://127.0.0.1:0", "--metrics", "127.0.0.1:0"],
        2,
    );
    server.send(many_alerts(5000).as_bytes(), &[64 << 10]);
    server.wait_for("wefwatch_output_records_total{output=\"file", 5000);
    let outcome = server.stop();
    assert!(outcome.status.success());
    assert_eq!(outcome.balance(), (5000, 0));
    let counts = &outcome.summary()["wefwatch_output_records_total"][&tcp];
    let [delivered, gave_up] = ["delivered", "gave_up"].map(|name| counts[name].as_u64().expect("a count"));
    assert!(gave_up > 0, "{counts}");
    assert_eq!(delivered + gave_up, 5000, "{counts}");
    assert_eq!(written(&file), 5000);
}

/// How many alerts were raised in a file; that some are told anew when they are linked is beside the point.
fn written(file: &Path) -> usize {
    let text = std::fs::read_to_string(file).expect("the file is there");
    let records = text.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    records.filter(|record| record["event"]["action"] == "raised").count()
}

#[test]
fn a_file_that_was_moved_is_opened_anew() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, moved) = (folder.path().join("alerts.json"), folder.path().join("alerts.json.1"));
    let url = format!("file:{}", file.display());
    let server = Server::start(&["--listen", "tcp://127.0.0.1:0", "--output", &url, "--metrics", "127.0.0.1:0"], 2);
    server.send(many_alerts(1).as_bytes(), &[4096]);
    server.wait_for("wefwatch_output_records_total", 1);
    std::fs::rename(&file, &moved).expect("same folder");
    server.signal(Signal::SIGHUP);
    // The new file appears with the signal, not with the next alert: whoever rotates files waits for it.
    while !file.exists() {
        std::thread::yield_now();
    }
    server.send(lines(&root().join("samples/attack_both_ends.xml")).join("\n").as_bytes(), &[4096]);
    let outcome = server.stop();
    assert!(outcome.status.success());
    assert_eq!((written(&moved), written(&file)), (1, 2));
}

#[test]
fn a_peer_that_went_is_looked_for_without_another_alert() {
    let siem = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let url = format!("tcp://{}", siem.local_addr().expect("bound"));
    let server = Server::start(&["--listen", "tcp://127.0.0.1:0", "--output", &url, "--metrics", "127.0.0.1:0"], 2);
    let (sender, connections) = std::sync::mpsc::channel();
    // Waits for ever where nobody comes again; nobody waits for it.
    std::thread::spawn(move || siem.incoming().try_for_each(|stream| sender.send(stream)));
    server.send(many_alerts(1).as_bytes(), &[4096]);
    let patience = std::time::Duration::from_secs(20);
    drop(connections.recv_timeout(patience).expect("the alert brings a connection"));
    let again = connections.recv_timeout(patience).expect("and its loss another");
    server.wait_for("wefwatch_output_records_total", 1);
    let outcome = server.stop();
    assert!(outcome.status.success() && outcome.stderr.contains("output is back"), "{}", outcome.stderr);
    drop(again);
}
