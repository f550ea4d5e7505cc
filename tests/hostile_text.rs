//! Nothing that an argument, a file or an event brings in acts on a terminal: the real binary, every command, both streams.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on may stop")]

mod harness;

use std::path::Path;

use harness::{Server, binary, lines, root};

/// Sets the title of a terminal, rings, turns the writing around, colours by a C1 control, breaks the line, hides.
const HOSTILE: &str = "a\u{1b}]0;pwned\u{7}\u{202e}\u{9b}31m\u{2028}\u{7f}\n~b";

/// Characters that a terminal would act on or hide. Colours of our own are cut out first.
fn raw(text: &str) -> Vec<char> {
    let colours = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    let hidden = |letter: &char| {
        let is_hidden =
            matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        is_hidden || (letter.is_control() && *letter != '\n')
    };
    colours.replace_all(text, "").chars().filter(hidden).collect()
}

/// Runs it with colours, as on a terminal, and answers both streams.
fn told(arguments: &[&str]) -> String {
    let output = binary().args(arguments).env("CLICOLOR_FORCE", "1").env("WEFWATCH_LOG", "trace").output().unwrap();
    let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).concat();
    assert_eq!(raw(&text), [], "{arguments:?}: {text:?}");
    // A line of its own would pass for something that the program says.
    assert!(!text.lines().any(|line| line.starts_with('~')), "{arguments:?}: {text}");
    text
}

fn rules(folder: &Path) {
    let broken = "title: x\nlogsource: 7\n";
    std::fs::write(folder.join(format!("{}.yml", HOSTILE.replace('/', ""))), broken).unwrap();
    let whoami =
        "logsource: {category: process_creation, product: windows}\ndetection: {a: {Image|endswith: whoami.exe}, condition: a}";
    let yaml = HOSTILE.chars().map(|letter| format!("\\U{:08x}", letter as u32)).collect::<String>();
    std::fs::write(folder.join("runs.yml"), format!("title: \"{yaml}\"\nid: \"{yaml}\"\nlevel: high\n{whoami}")).unwrap();
}

#[test]
fn arguments() {
    let attack = root().join("samples/attack_both_ends.xml").display().to_string();
    let below = format!("/nonexistent/{HOSTILE}");
    let flag = format!("--{HOSTILE}");
    let filter = format!("is:{HOSTILE}");
    let rows: Vec<Vec<&str>> = vec![
        vec![HOSTILE],
        vec![&flag],
        vec!["replay", &flag],
        vec!["rules", HOSTILE],
        vec!["completions", HOSTILE],
        vec!["--listen", HOSTILE],
        vec!["--output", HOSTILE],
        vec!["--metrics", HOSTILE],
        vec!["demo", "--theme", HOSTILE],
        vec!["demo", "--speed", HOSTILE],
        vec!["replay", "--expect", HOSTILE, &attack],
        vec!["alerts", "--since", HOSTILE],
        vec!["alerts", "--filter", &filter],
        vec!["tail", "--filter", &filter],
        vec!["tail", "--events", &filter],
        vec!["alerts", "--store", &below],
        vec!["--headless", "--store", &below, "--listen", "tcp://127.0.0.1:0", "--config", &below],
        vec!["config", "check", &below],
        vec!["config", "print", &below],
        vec!["replay", "--headless", &below],
        vec!["replay", "--headless", "--output", "file:/nonexistent/\u{1b}c\u{202e}", &attack],
        vec!["replay", "--headless", "--rules", &below, &attack],
        vec!["rules", "check", &below],
        vec!["rules", "explain", HOSTILE, &attack],
        vec!["rules", "explain", "x", &below],
    ];
    for arguments in rows {
        told(&arguments);
    }
    assert!(told(&["alerts", "--filter", "x is:\u{202e}"]).contains("\n  x is:⟨U+202E⟩\n    ^^^^^^^^^^^"));
    assert!(told(&["dance\u{1b}"]).contains("dance⟨ESC⟩"));
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let attack = root().join("samples/attack_both_ends.xml").display().to_string();
    let own = folder.path().join("rules");
    std::fs::create_dir(&own).unwrap();
    rules(&own);
    let own = own.to_str().unwrap();
    for arguments in [
        vec!["rules", "check", own],
        vec!["rules", "list", own],
        vec!["rules", "explain", "--rules", own, HOSTILE, &attack],
        vec!["replay", "--headless", "--rules", own, &attack],
    ] {
        assert!(told(&arguments).contains("202"), "{arguments:?}");
    }
    for arguments in [vec!["rules", "check", "--json", own], vec!["rules", "explain", "--json", "--rules", own, HOSTILE, &attack]]
    {
        let text = told(&arguments);
        let json = text.split_once("wefwatch:").map_or(text.as_str(), |(json, _)| json);
        let value: serde_json::Value = serde_json::from_str(json).unwrap();
        assert!(value.to_string().contains(HOSTILE.split_once('\n').unwrap().0.split_once('\u{202e}').unwrap().1), "{text}");
    }
    // What is printed can be read again, and says the same.
    let file = folder.path().join("c.toml");
    let basic = HOSTILE.chars().map(|letter| format!("\\U{:08x}", letter as u32)).collect::<String>();
    std::fs::write(&file, format!("[rules]\ndirectories = [\"{basic}\", '\u{202e}\\\"', \"\\u0001\\u0002\"]\n")).unwrap();
    let printed = told(&["config", "print", file.to_str().unwrap()]);
    std::fs::write(&file, &printed).unwrap();
    assert_eq!(told(&["config", "print", file.to_str().unwrap()]), printed);
    for text in
        ["[limits]\n\u{202e}x = 1\n", "[console]\ntheme = \"\u{202e}\"\n", "[mapping]\nhost_id = \"\u{202e}\"", "[a\u{202e}]"]
    {
        std::fs::write(&file, text).unwrap();
        told(&["config", "check", file.to_str().unwrap()]);
    }
}

#[test]
fn events() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("w.db");
    let server = Server::start(&["--listen", "tcp://127.0.0.1:0", "--store", store.to_str().unwrap()], 1);
    let text = lines(&root().join("samples/attack_both_ends.xml")).join("\n");
    let hostile = text.replace("whoami", "who\u{202e}am\u{9b}i").replace("SRV-FILE01", "SRV\u{1b}[2J\u{202e}01");
    assert_ne!(hostile, text);
    server.send(hostile.as_bytes(), &[4096]);
    let outcome = server.stop();
    assert_eq!(raw(&outcome.stderr), []);
    let store = store.to_str().unwrap();
    let table = told(&["alerts", "--store", store]);
    assert!(table.contains("⟨U+202E⟩") && !table.contains("\\u202e"), "{table}");
    told(&["alerts", "--json", "--store", store]);
    let capture = folder.path().join("capture.xml");
    std::fs::write(&capture, &hostile).unwrap();
    told(&["rules", "explain", harness::EQL, capture.to_str().unwrap()]);
    told(&["replay", "--headless", capture.to_str().unwrap()]);
}
