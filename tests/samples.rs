//! The samples through the real binary: exactly the expected alerts, with exactly their evidence, and every frame accounted
//! for.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod harness;

use std::collections::BTreeMap;

use harness::{Fired, replay, root, text};
use serde_json::Value;

fn expected(name: &str) -> (u64, BTreeMap<String, u64>, Vec<Fired>) {
    let file = root().join("samples/expected").join(format!("{name}.json"));
    let value: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let rejected = value["rejected"].as_object().cloned().unwrap_or_default();
    let mut alerts: Vec<Fired> = value["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| Fired {
            rule: text(&alert["rule"]),
            computer: text(&alert["computer"]),
            evidence: alert["evidence"].as_array().unwrap().iter().map(text).collect(),
        })
        .collect();
    alerts.sort();
    let rejected = rejected.into_iter().map(|(reason, count)| (reason, count.as_u64().unwrap())).collect();
    (value["events"].as_u64().unwrap(), rejected, alerts)
}

#[test]
fn every_sample_fires_what_it_should() {
    let mut seen = 0;
    for entry in std::fs::read_dir(root().join("samples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() || name == "README" {
            continue;
        }
        let outcome = replay(&path);
        assert!(outcome.status.success(), "{name}: {}", outcome.stderr);
        let (events, rejected, alerts) = expected(&name);
        assert_eq!(outcome.alerts(), alerts, "{name}");
        assert_eq!(outcome.rejected(), rejected, "{name}: {}", outcome.stderr);
        let (seen_events, _) = outcome.balance();
        assert_eq!(seen_events, events, "{name}");
        seen += 1;
    }
    assert!(seen >= 10, "only {seen} samples");
}

#[test]
fn paths_are_as_expected() {
    for name in ["demo", "attack_both_ends", "near_misses", "out_of_order"] {
        let file = root().join(format!("samples/expected/{name}.json"));
        let value: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let expected: BTreeMap<String, String> =
            value["paths"].as_object().into_iter().flatten().map(|(record, path)| (record.clone(), text(path))).collect();
        let outcome = replay(&root().join(format!("samples/{name}.xml")));
        let mut found = BTreeMap::new();
        // The last word on an alert counts.
        for record in &outcome.records {
            let ours = &record["wefwatch"];
            let hosts: Vec<String> = ours["path"].as_array().unwrap().iter().map(text).collect();
            let short: Vec<&str> = hosts.iter().map(|host| host.split('.').next().unwrap()).collect();
            let last = text(&ours["evidence"].as_array().unwrap().last().unwrap()["record_id"]);
            let is_raised = ours["raised"]["severity"] == "critical";
            assert_eq!(is_raised, !short.is_empty() && record["rule"]["ruleset"] == "eql", "{record}");
            assert_eq!(short.is_empty(), ours["linked"].as_array().unwrap().is_empty(), "{record}");
            found.insert(last, short.join(" > "));
        }
        found.retain(|_, path| !path.is_empty());
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn the_same_input_gives_the_same_ids() {
    let path = root().join("samples/attack_both_ends.xml");
    let ids = |outcome: &harness::Outcome| -> Vec<String> {
        outcome.records.iter().map(|record| text(&record["event"]["id"])).collect()
    };
    let first = replay(&path);
    assert!(!first.records.is_empty());
    assert_eq!(ids(&first), ids(&replay(&path)));
    let twice = harness::run(&["replay", "--headless", path.to_str().unwrap(), path.to_str().unwrap()]);
    assert_eq!(ids(&twice), ids(&first), "an event that arrives twice raises nothing twice");
    assert!(twice.rejected()["duplicate"] > 0);
    twice.balance();
}

#[test]
fn mapping_switches_change_what_can_match() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        ("", "attack_both_ends", true),
        ("winrm_protocol = \"elastic\"", "attack_both_ends", false),
        ("host_id = \"none\"", "attack_both_ends", false),
        ("", "skewed_clock", true),
        ("event_time = \"elastic\"", "skewed_clock", false),
    ];
    for (switch, sample, fires) in rows {
        let config = folder.path().join("config.toml");
        std::fs::write(&config, format!("[mapping]\n{switch}\n")).unwrap();
        let sample = root().join("samples").join(format!("{sample}.xml"));
        let outcome = harness::run(&["replay", "--headless", "--config", config.to_str().unwrap(), sample.to_str().unwrap()]);
        let has_sequence = outcome.alerts().iter().any(|alert| alert.rule == harness::EQL);
        assert_eq!(has_sequence, fires, "{switch} {}", sample.display());
    }
}

#[test]
fn derived_values_are_marked() {
    let outcome = replay(&root().join("samples/attack_both_ends.xml"));
    let sequence = outcome.records.iter().find(|record| record["rule"]["ruleset"] == "eql").unwrap();
    let derived: Vec<String> = sequence["wefwatch"]["evidence"][0]["derived"].as_array().unwrap().iter().map(text).collect();
    assert!(derived.contains(&"network.protocol".to_owned()), "{derived:?}");
    let skewed = replay(&root().join("samples/skewed_clock.xml"));
    let proof = &skewed.records[0]["wefwatch"]["evidence"][0];
    assert_eq!(proof["time_source"], "TimeCreated", "{proof}");
    assert!(proof["derived"].as_array().unwrap().contains(&Value::from("@timestamp")), "{proof}");
}

#[test]
fn the_record_is_what_the_contract_says() {
    let outcome = replay(&root().join("samples/attack_both_ends.xml"));
    let record = outcome.records.iter().find(|record| record["rule"]["ruleset"] == "eql").unwrap();
    let rows = [
        ("/event/kind", "alert"),
        ("/event/module", "wefwatch"),
        ("/event/dataset", "wefwatch.alert"),
        ("/event/action", "raised"),
        ("/event/severity", "47"),
        ("/rule/id", harness::EQL),
        ("/rule/version", "210"),
        ("/threat/framework", "MITRE ATT&CK"),
        ("/wefwatch/severity", "medium"),
        ("/wefwatch/risk_score", "47"),
        ("/wefwatch/muted", "false"),
        ("/wefwatch/supersedes", "null"),
        ("/wefwatch/evidence/0/stage", "0"),
        ("/wefwatch/evidence/0/event_id", "3"),
        ("/wefwatch/evidence/1/event_id", "1"),
        ("/destination/port", "5985"),
    ];
    for (pointer, expected) in rows {
        let value = record.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is missing in {record}"));
        assert_eq!(text(value), expected, "{pointer}");
    }
    assert_eq!(record["@timestamp"], record["wefwatch"]["evidence"][1]["time"]);
    let matched = record["wefwatch"]["evidence"][0]["matched"].as_array().unwrap();
    let port = matched.iter().find(|row| row["field"] == "DestinationPort").unwrap();
    assert_eq!((text(&port["value"]).as_str(), text(&port["why"]).as_str()), ("5985", "in (5985, 5986)"));
    assert!(text(&record["message"]).contains("accepted WinRM on 5985 from"), "{record}");
}

#[test]
fn hostile_text_stays_one_escaped_line() {
    let path = root().join("samples/hostile.xml");
    let output = harness::binary().args(["replay", "--headless", path.to_str().unwrap()]).output().unwrap();
    assert!(!output.stdout.is_empty());
    let shown = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    let is_bad = |character: &char| {
        (character.is_control() && *character != '\n')
            || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    assert_eq!(shown.chars().find(is_bad), None);
}
