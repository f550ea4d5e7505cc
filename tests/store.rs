//! What outlives the process, around the real binary: alerts are announced once across restarts, a sequence that was cut in two
//! by kill -9 still completes, and a file that is damaged, newer, foreign or in use is refused and left as it is.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod harness;

use std::path::Path;

use harness::{EQL, Server, binary, lines, replay, root, text};
use nix::sys::signal::Signal;
use serde_json::Value;

fn attack() -> Vec<String> {
    lines(&root().join("samples/attack_both_ends.xml"))
}

fn start(store: &Path) -> Server {
    Server::start(&["--store", store.to_str().unwrap(), "--listen", "tcp://127.0.0.1:0", "--metrics", "127.0.0.1:0"], 2)
}

/// What `wefwatch alerts` writes; the exit code must be 0.
fn alerts(store: &Path, arguments: &[&str]) -> String {
    let output = binary().args(["alerts", "--store", store.to_str().unwrap()]).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn ids(json_lines: &str) -> Vec<String> {
    let record = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    json_lines.lines().map(|line| text(&record(line)["event"]["id"])).collect()
}

#[test]
fn an_alert_is_shown_by_the_beginning_of_its_id() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("wefwatch.db");
    let server = start(&store);
    server.send(attack().join("\n").as_bytes(), &[4096]);
    server.wait_for("wefwatch_alerts_total", 2);
    server.stop();
    let ids = ids(&alerts(&store, &["--json"]));
    let show = |ids: &[&str]| binary().args(["show", "--store", store.to_str().unwrap()]).args(ids).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    for id in &ids {
        let (whole, short) = (show(&[id]), show(&[&id[..4].to_uppercase()]));
        assert!(whole.status.success() && whole.stdout == short.stdout, "{}", text(&short.stderr));
        let report = text(&whole.stdout);
        assert!(report.contains(&format!("- Alert: {id}\n")) && report.contains("### Why it fired"), "{report}");
        assert!(report.contains("<EventRecordID>"), "the evidence is there: {report}");
    }
    let report = text(&show(&[&ids[1]]).stdout);
    for expected in [
        "- Path over hosts: WKSTN-014 \\> SRV-FILE01\n".to_owned(),
        format!("- Linked to: {}, raised to critical by that; the rule itself says medium\n", ids[0]),
        "2.113 s from the first event to the last, of 30 s allowed.\n".to_owned(),
        "### Is it usual here?\n\n- 10.20.4.31: never before; 0 counted on this host since ".to_owned(),
    ] {
        assert!(report.contains(&expected), "{expected}: {report}");
    }
    let both = text(&show(&[&ids[0], &ids[1]]).stdout);
    assert!(both.starts_with("# 2 alerts\n") && ids.iter().all(|id| both.contains(id)), "{both}");
    for (id, code, expected) in [("zz", 1, "no stored alert has an id that begins with `zz`"), ("", 2, "ID")] {
        let output = show(&[id]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{id}");
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    }
}

/// The collector hears of what was written now and then; the summary has all of it.
#[test]
fn the_summary_has_what_the_store_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let attack = attack();
    let outbound = attack.iter().find(|line| line.contains("<EventRecordID>2371779<")).unwrap();
    let events: String = (1000..1300).map(|number: u64| outbound.replace("2371779", &number.to_string()) + "\n").collect();
    let server = start(&folder.path().join("w.db"));
    server.send(events.as_bytes(), &[64 << 10]);
    let outcome = server.stop();
    assert_eq!(outcome.total("wefwatch_alerts_total"), 300);
    assert_eq!(outcome.summary()["wefwatch_store_records_total"]["written"], 300);
}

#[test]
fn alerts_are_kept_and_announced_once() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("deep/er/wefwatch.db");
    let first = start(&store);
    first.send(attack().join("\n").as_bytes(), &[4096]);
    first.wait_for("wefwatch_alerts_total", 2);
    // Beside the collector that writes.
    assert_eq!(ids(&alerts(&store, &["--json"])).len(), 2);
    let first = first.stop();
    assert!(first.status.success(), "{}", first.stderr);
    let announced: Vec<String> = first.records.iter().map(|record| text(&record["event"]["id"])).collect();

    let second = start(&store);
    second.send(attack().join("\n").as_bytes(), &[4096]);
    let second = second.stop();
    assert!(second.status.success(), "{}", second.stderr);
    assert_eq!(second.records, Vec::<Value>::new(), "what was announced is not announced again");

    let listed = alerts(&store, &["--json"]);
    let mut kept = ids(&listed);
    kept.sort();
    let mut announced = announced;
    announced.sort();
    announced.dedup();
    assert_eq!(kept, announced);
    let record: Value = serde_json::from_str(listed.lines().next().unwrap()).unwrap();
    let sent = first.records.iter().find(|sent| sent["event"]["id"] == record["event"]["id"]).unwrap();
    assert_eq!(record["wefwatch"]["evidence"], sent["wefwatch"]["evidence"]);
    assert_eq!(record["wefwatch"]["triage"]["status"], "open");
    for (filter, count) in [
        ("is:open", 2),
        ("is:muted", 0),
        ("sev>=high", 2),
        ("sev>=critical is:linked", 1),
        ("rule:incoming host:SRV*", 1),
        ("nowhere", 0),
    ] {
        assert_eq!(alerts(&store, &["--json", "--filter", filter]).lines().count(), count, "{filter}");
    }
    assert_eq!(alerts(&store, &["--json", "--since", "1h"]).lines().count(), 2);
    let table = alerts(&store, &[]);
    assert!(table.starts_with("ID ") && table.lines().count() == 3, "{table}");
}

#[test]
fn what_was_kept_but_not_announced_is_announced_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("wefwatch.db");
    let first = start(&store);
    first.send(attack().join("\n").as_bytes(), &[4096]);
    let first = first.stop();
    // As if it had been killed between the two.
    rusqlite::Connection::open(&store).unwrap().execute_batch("UPDATE alerts SET announced = 0").unwrap();
    let second = start(&store).stop();
    let ids = |outcome: &harness::Outcome| {
        outcome.records.iter().map(|record| text(&record["event"]["id"])).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(ids(&second), ids(&first));
    assert_eq!(start(&store).stop().records, Vec::<Value>::new());
}

#[test]
fn a_sequence_cut_in_two_by_a_kill_completes() {
    let outcome = replay(&root().join("samples/attack_both_ends.xml"));
    let sequence = outcome.records.iter().find(|record| text(&record["rule"]["id"]) == EQL).unwrap();
    let record_of = |stage: usize| format!("<EventRecordID>{}<", text(&sequence["wefwatch"]["evidence"][stage]["record_id"]));
    let find = |stage: usize| attack().into_iter().find(|line| line.contains(&record_of(stage))).unwrap() + "\n";

    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("wefwatch.db");
    let first = start(&store);
    first.send(find(0).as_bytes(), &[4096]);
    first.wait_for("wefwatch_store_records_total{result=\"written\"}", 1);
    first.signal(Signal::SIGKILL);
    assert_eq!(first.ended().records, Vec::<Value>::new());

    let second = start(&store);
    second.send(find(1).as_bytes(), &[4096]);
    let second = second.stop();
    let raised: Vec<&Value> = second.records.iter().filter(|record| text(&record["rule"]["id"]) == EQL).collect();
    assert_eq!(raised.len(), 1, "{}", second.stderr);
    assert_eq!(raised[0]["event"]["id"], sequence["event"]["id"]);
    assert_eq!(raised[0]["wefwatch"]["evidence"][0]["record_id"], sequence["wefwatch"]["evidence"][0]["record_id"]);
}

#[test]
fn a_link_over_a_restart() {
    let expected = replay(&root().join("samples/attack_both_ends.xml"));
    let out = expected.records.iter().find(|record| record["rule"]["ruleset"] == "sigma").unwrap();
    let mark = format!("<EventRecordID>{}<", text(&out["wefwatch"]["evidence"][0]["record_id"]));
    let (before, after): (Vec<String>, Vec<String>) = attack().into_iter().partition(|line| line.contains(&mark));
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("wefwatch.db");
    let first = start(&store);
    first.send(before.join("\n").as_bytes(), &[4096]);
    first.wait_for("wefwatch_alerts_total", 1);
    let first = first.stop();
    assert_eq!(first.records[0]["wefwatch"]["linked"], serde_json::json!([]));

    let second = start(&store);
    second.send(after.join("\n").as_bytes(), &[4096]);
    second.wait_for("wefwatch_links_total{result=\"linked\"}", 1);
    let second = second.stop();
    let told: Vec<(String, String)> =
        second.records.iter().map(|record| (text(&record["rule"]["ruleset"]), text(&record["event"]["action"]))).collect();
    let told: Vec<(&str, &str)> = told.iter().map(|(rules, action)| (&**rules, &**action)).collect();
    assert_eq!(told, [("eql", "raised"), ("sigma", "updated")], "{}", second.stderr);
    assert_eq!(second.records[0]["wefwatch"]["linked"][0], first.records[0]["event"]["id"]);
    assert_eq!(second.records[0]["wefwatch"]["raised"]["severity"], "critical");
    assert_eq!(second.records[0]["wefwatch"]["severity"], "medium", "the rule's own");
    assert_eq!(second.records[1]["event"]["id"], first.records[0]["event"]["id"], "ids never change");
    assert_eq!(second.records[1]["wefwatch"]["evidence"], first.records[0]["wefwatch"]["evidence"]);
    // A third run knows both, and has nothing to tell.
    let third = start(&store);
    third.send(attack().join("\n").as_bytes(), &[4096]);
    let third = third.stop();
    assert_eq!(third.records, Vec::<Value>::new());
    assert_eq!(alerts(&store, &["--json", "--filter", "is:linked"]).lines().count(), 2);
}

#[test]
fn what_is_no_store_of_ours_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let good = folder.path().join("good.db");
    let server = start(&good);
    server.send(attack().join("\n").as_bytes(), &[4096]);
    assert!(server.stop().status.success());
    let good = std::fs::read(&good).unwrap();
    let changed = |at: usize, bytes: &[u8]| {
        let mut copy = good.clone();
        copy[at..at + bytes.len()].copy_from_slice(bytes);
        copy
    };
    let rows = [
        ("newer", changed(60, &99_u32.to_be_bytes()), "newer wefwatch (schema 99"),
        ("other application", changed(68, &7_u32.to_be_bytes()), "not a store of wefwatch"),
        ("text", b"dear diary".to_vec(), "not a store of wefwatch"),
        ("damaged", changed(100, &[0xff; 400]), "damaged"),
        ("cut", good[..good.len() / 2].to_vec(), "damaged"),
    ];
    for (name, bytes, message) in rows {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let arguments = ["--headless", "--listen", "tcp://127.0.0.1:0", "--store", path.to_str().unwrap()];
        let output = binary().args(arguments).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {stderr}");
        assert!(stderr.contains(message) && stderr.contains(path.to_str().unwrap()), "{name}: {stderr}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "{name} was touched");
    }
}

#[test]
fn a_store_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("wefwatch.db");
    let server = start(&store);
    let arguments = ["--headless", "--listen", "tcp://127.0.0.1:0", "--store", store.to_str().unwrap()];
    let output = binary().args(arguments).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(stderr.contains("another wefwatch uses this store"), "{stderr}");
    assert!(server.stop().status.success());
}

#[test]
fn the_default_place_follows_the_customs() {
    let folder = tempfile::tempdir().unwrap();
    for (variable, file) in [("STATE_DIRECTORY", "wefwatch.db"), ("XDG_STATE_HOME", "wefwatch/wefwatch.db")] {
        let state = folder.path().join(variable);
        let output = binary()
            .args(["replay", "--headless", "--store", "default"])
            .arg(root().join("samples/attack_both_ends.xml"))
            .env_remove("STATE_DIRECTORY")
            .env(variable, &state)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(alerts(&state.join(file), &["--json"]).lines().count(), 2);
    }
}

#[test]
fn a_default_place_that_cannot_be_used_is_no_reason_not_to_watch() {
    let folder = tempfile::tempdir().unwrap();
    let busy = folder.path().join("busy");
    let server = start(&busy.join("wefwatch.db"));
    std::fs::write(folder.path().join("a file"), "").unwrap();
    let rows = [(busy, "another wefwatch uses this store"), (folder.path().join("a file/below"), "Not a directory")];
    for (state, reason) in rows {
        let output = binary()
            .args(["replay", "--headless", "--store", "default"])
            .arg(root().join("samples/attack_both_ends.xml"))
            .env("STATE_DIRECTORY", &state)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{stderr}");
        assert!(stderr.contains("nothing is kept") && stderr.contains(reason), "{stderr}");
        let raised = String::from_utf8_lossy(&output.stdout).matches("\"action\":\"raised\"").count();
        assert_eq!(raised, 2);
    }
    assert!(server.stop().status.success());
}
