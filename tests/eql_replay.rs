//! EQL rules that rest on what did not happen, and on events of every kind, through the real binary: nothing that waits for
//! late events is lost at the end of a recording.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod harness;

use harness::binary;

fn event(id: u32, record: u32, time: &str, data: &[(&str, &str)]) -> String {
    let data: String = data.iter().map(|(name, value)| format!("<Data Name='{name}'>{value}</Data>")).collect();
    format!(
        "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon'/>\
         <EventID>{id}</EventID><TimeCreated SystemTime='2026-03-17T{time}Z'/><EventRecordID>{record}</EventRecordID>\
         <Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>SRV.corp.example</Computer></System><EventData>\
         <Data Name='UtcTime'>2026-03-17 {time}</Data>{data}</EventData></Event>"
    )
}

#[test]
fn what_waits_is_told_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let image = r"C:\a\tool.exe";
    let process = |guid| vec![("ProcessGuid", guid), ("Image", image)];
    let (first, second) = ("{00000000-0000-0000-0000-000000000001}", "{00000000-0000-0000-0000-000000000002}");
    let events = [
        event(1, 1, "10:00:00.000", &process(first)),
        event(11, 2, "10:00:01.000", &[("ProcessGuid", first), ("Image", image), ("TargetFilename", r"C:\a\b.txt")]),
        event(5, 3, "10:00:02.000", &process(first)),
        event(1, 4, "10:00:10.000", &process(second)),
        event(
            13,
            5,
            "10:00:11.000",
            &[("ProcessGuid", second), ("Image", image), ("TargetObject", r"HKLM\Software\K\V"), ("Details", "x")],
        ),
    ];
    std::fs::write(folder.path().join("events.xml"), events.join("\n")).unwrap();
    let rows = [
        (
            "sequence by process.entity_id with maxspan=5s [process where event.type == \"start\"] ![process where event.type == \"end\"]",
            1,
        ),
        (
            "sequence by process.entity_id [process where event.type == \"start\"] [file where true] until [process where event.type == \"end\"]",
            1,
        ),
        (
            "sequence by process.entity_id [process where event.type == \"start\"] [process where event.type == \"end\"] until [file where true]",
            0,
        ),
        (
            "sequence by process.entity_id with maxspan=5s [process where event.type == \"start\"] ![file where true] [registry where registry.value : \"v\"]",
            1,
        ),
        ("any where event.category in (\"file\", \"registry\") | head 1", 1),
        ("file where file.extension == \"txt\" and length(file.name) == 5", 1),
    ];
    for (query, expected) in rows {
        std::fs::write(folder.path().join("rule.eql"), query).unwrap();
        let path = folder.path().display().to_string();
        let file = format!("{path}/events.xml");
        let expect = format!("alerts={expected}");
        let output = binary().args(["replay", "--headless", "--rules", &path, "--expect", &expect, &file]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{query}: {}", String::from_utf8_lossy(&output.stderr));
        if query.starts_with("file") {
            let alert: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(alert["message"], "SRV.corp.example: file created: tool.exe > b.txt");
            assert_eq!(alert["process"]["executable"], image);
        }
    }
}
