//! The real binary in a pseudo-terminal: what a person at it sees, and that every way out gives the terminal back.

#[path = "harness/terminal.rs"]
mod pty;

use std::io::Write as _;

use base64::Engine as _;

use nix::sys::signal::Signal;
use portable_pty::PtySize;
use vt100::MouseProtocolMode;

use crate::pty::{Terminal, side};

#[test]
fn a_headless_collector_logs_on_a_terminal() {
    let mut headless =
        Terminal::start(&["run", "--headless", "--store", "none", "--listen", "tcp://127.0.0.1:0"], &[], (120, 36));
    headless.wait_for("listening tcp://127.0.0.1:");
    headless.signal(Signal::SIGTERM);
    let (status, text) = headless.end();
    assert!(status.success() && text.contains("summary {") && !text.contains("ansi"), "{text}");
}

#[test]
fn the_demo_looks_as_the_configuration_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    std::fs::write(&file, "[console.keys]\nquit = \"Q\"\n").expect("a file");
    let mut demo = Terminal::start(&["--config", file.to_str().expect("UTF-8"), "--theme", "mono", "demo"], &[], (120, 36));
    demo.wait_for("Q quit");
    demo.press("Q");
    assert!(demo.end().0.success());
}

#[test]
fn n_shows_why_and_q_gives_the_terminal_back() {
    for size in [(120, 36), (80, 24)] {
        let mut terminal = Terminal::replay(&[], size);
        terminal.wait_for("REPLAY ENDED");
        assert!(terminal.screen.screen().alternate_screen());
        terminal.press("n");
        terminal.wait_for("Why it fired");
        terminal.wait_for("(5985, 5986)");
        terminal.press("3");
        terminal.wait_for("◀ this alert");
        terminal.press("4");
        terminal.wait_for("<Provider Name='Microsoft-Windows-Sysmon'");
        terminal.press("q");
        let (status, _) = terminal.end();
        assert_eq!(status.exit_code(), 0);
    }
}

#[test]
fn every_way_out_gives_the_terminal_back() {
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT] {
        let mut terminal = Terminal::start(
            &["run", "--store", "none", "--listen", "tcp://127.0.0.1:0", "--listen", "udp://127.0.0.1:0"],
            &[],
            (100, 30),
        );
        terminal.wait_for("no events yet");
        terminal.signal(signal);
        let (status, _) = terminal.end();
        assert_eq!(status.exit_code(), 0, "{signal}");
    }
    // The end of a replay, when asked for.
    let terminal = Terminal::start(&["replay", "--speed", "max", "--exit-at-end", "samples/demo.xml"], &[], (100, 30));
    assert_eq!(terminal.end().0.exit_code(), 0);
    let terminal = Terminal::start(
        &["replay", "--speed", "max", "--exit-at-end", "--expect", "alerts=5", "samples/demo.xml"],
        &[],
        (100, 30),
    );
    let (status, text) = terminal.end();
    assert_eq!(status.exit_code(), 1);
    assert!(text.contains("expected 5 alerts, raised 8"), "{text}");
    // What is wrong with the configuration is said on the plain screen.
    let (status, text) = Terminal::start(&["run", "--listen", "tcp://nowhere"], &[], (100, 30)).end();
    assert_eq!(status.exit_code(), 2);
    assert!(text.contains("tcp://nowhere"), "{text}");
}

#[test]
fn the_mouse_is_the_terminals_unless_asked_for_and_always_in_the_end() {
    let run = || {
        let mut terminal = Terminal::start(&["run", "--store", "none", "--listen", "tcp://127.0.0.1:0"], &[], (100, 30));
        terminal.wait_for("no events yet");
        assert_eq!(terminal.screen.screen().mouse_protocol_mode(), MouseProtocolMode::None);
        // F2, and a click on the last tab.
        terminal.press("\u{1b}OQ");
        terminal.wait_for("mouse on");
        assert_eq!(terminal.screen.screen().mouse_protocol_mode(), MouseProtocolMode::PressRelease);
        terminal.press("\u{1b}[<0;49;1M\u{1b}[<0;49;1m");
        terminal.wait_for("Listeners");
        terminal
    };
    let mut terminal = run();
    terminal.press("q");
    let (status, text) = terminal.end();
    assert_eq!(status.exit_code(), 0);
    // The wheel sends arrows where nobody captures it; most terminals had that before, and keep it.
    assert!(text.contains("\u{1b}[?1007h") && !text.contains("\u{1b}[?1007l"));
    for signal in [Signal::SIGTERM, Signal::SIGHUP] {
        let terminal = run();
        terminal.signal(signal);
        assert_eq!(terminal.end().0.exit_code(), 0, "{signal}");
    }
    let mut terminal = run();
    terminal.press("\u{1b}OQ");
    terminal.wait_for("mouse off");
    assert_eq!(terminal.screen.screen().mouse_protocol_mode(), MouseProtocolMode::None);
    terminal.press("q");
    terminal.end();
    // While the shell has the terminal it has the mouse too. Nobody is here who would stop this process: it goes on at once.
    let mut terminal = run();
    terminal.press("\u{1a}1");
    terminal.wait_for("Open alerts");
    terminal.press("q");
    let (_, text) = terminal.end();
    let parts: Vec<&str> = text.split("\u{1b}[?1000h").collect();
    assert!(parts.len() == 3 && parts[1].contains("\u{1b}[?1000l"), "{} times", parts.len() - 1);
    // From the start, where the configuration says so.
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("c.toml");
    std::fs::write(&file, "[console]\nmouse = true\n").expect("a file");
    let mut demo = Terminal::start(&["--config", file.to_str().expect("UTF-8"), "demo"], &[], (120, 36));
    demo.wait_for("UTC  mouse");
    assert_eq!(demo.screen.screen().mouse_protocol_mode(), MouseProtocolMode::PressRelease);
    demo.press("q");
    demo.end();
}

/// The numbers of the graphic renditions that were set.
fn renditions(text: &str) -> Vec<u16> {
    text.split("\u{1b}[")
        .skip(1)
        .filter_map(|rest| rest.split_once('m'))
        .filter(|(codes, _)| codes.chars().all(|character| character.is_ascii_digit() || character == ';'))
        .flat_map(|(codes, _)| codes.split(';').filter_map(|code| code.parse().ok()))
        .collect()
}

#[test]
fn no_color_is_heard() {
    let colours = |environment: &[(&str, &str)]| {
        let mut terminal = Terminal::replay(environment, (120, 36));
        terminal.wait_for("REPLAY ENDED");
        terminal.press("n");
        terminal.wait_for("Why it fired");
        terminal.press("q");
        let (_, text) = terminal.end();
        renditions(&text).into_iter().filter(|code| matches!(code, 30..=38 | 40..=48 | 90..=107)).count()
    };
    assert_eq!(colours(&[("NO_COLOR", "1")]), 0);
    assert!(colours(&[]) > 0);
}

#[test]
fn any_size_while_it_runs() {
    let mut terminal = Terminal::replay(&[], (120, 36));
    terminal.wait_for("REPLAY ENDED");
    for (cols, rows) in [(1, 1), (400, 200), (40, 8), (39, 7), (2, 50), (200, 2), (80, 24)] {
        terminal.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).expect("it has a size");
        terminal.screen.screen_mut().set_size(side(rows), side(cols));
    }
    terminal.press("n");
    terminal.wait_for("Why it fired");
    terminal.press("q");
    assert_eq!(terminal.end().0.exit_code(), 0);
}

#[test]
fn hostile_values_stay_text() {
    let mut terminal = Terminal::start(&["replay", "--speed", "max", "samples/hostile.xml"], &[], (120, 36));
    terminal.wait_for("REPLAY ENDED");
    for keys in ["n", "2", "3", "4", "G", "n", "4"] {
        terminal.press(keys);
    }
    // An escape with a letter close behind would be another key.
    terminal.press("h");
    terminal.wait_for("1 Triage");
    terminal.press("3");
    terminal.wait_for("of the last");
    terminal.press("q");
    let (status, text) = terminal.end();
    assert_eq!(status.exit_code(), 0);
    // What the sample carries: a screen clear, a window title, and characters that reorder or hide.
    for bad in ["\u{1b}[2J\u{1b}[31m", "\u{1b}]0;", "\u{202e}", "\u{200b}", "\u{9b}"] {
        assert!(!text.contains(bad), "{bad:?} reached the terminal");
    }
}

#[test]
fn copying_sends_osc_52_and_exporting_writes_a_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("evidence.md").to_str().expect("UTF-8").to_owned();
    let mut terminal = Terminal::replay(&[], (120, 36));
    terminal.wait_for("REPLAY ENDED");
    terminal.press("n");
    terminal.wait_for("Why it fired");
    terminal.press("y");
    terminal.wait_for("source address");
    terminal.press("h");
    terminal.wait_for("sent to the terminal's clipboard: host");
    terminal.press("e");
    terminal.wait_for("only you will be able to read it");
    terminal.press(&format!("\u{15}{path}\r"));
    terminal.wait_for("wrote 1 as Markdown");
    let written = std::fs::read_to_string(&path).expect("the file is there");
    assert!(written.contains("### Why it fired") && written.contains("DestinationPort"), "{written}");
    std::fs::write(&path, "mine").expect("it can be written");
    terminal.press("e");
    terminal.wait_for("only you will be able to read it");
    terminal.press(&format!("\u{15}{path}\r"));
    terminal.wait_for("this file is there already");
    assert_eq!(std::fs::read_to_string(&path).expect("the file is there"), "mine");
    // An enter that is only held overwrites nothing; any other key ends that.
    terminal.press("\u{1b}[C\r");
    terminal.wait_for("wrote 1 as Markdown");
    assert_eq!(std::fs::read_to_string(&path).expect("the file is there"), written);
    terminal.press("q");
    let (_, text) = terminal.end();
    let sent = text.split("\u{1b}]52;c;").nth(1).and_then(|rest| rest.split_once('\u{7}')).expect("OSC 52").0;
    let copied = base64::engine::general_purpose::STANDARD.decode(sent).expect("Base64");
    assert!(written.contains(&format!("- Host: {}", String::from_utf8(copied).expect("UTF-8"))), "{written}");
}

#[test]
fn a_replay_holds_steps_looks_for_alerts_and_begins_again() {
    let mut terminal = Terminal::start(&["replay", "--speed", "0.01", "samples/demo.xml"], &[], (120, 36));
    terminal.wait_for("REPLAY 0.01x");
    terminal.press(" ");
    terminal.wait_for("REPLAY HELD");
    terminal.press("3");
    terminal.wait_for("of the last");
    let before = events_listed(&terminal.text());
    terminal.press(".");
    terminal.wait_for(&format!("{} of the last {}", before + 1, before + 1));
    terminal.press(".");
    terminal.wait_for(&format!("{} of the last {}", before + 2, before + 2));
    terminal.press(">");
    terminal.wait_for("REPLAY 0.25x");
    terminal.press("n");
    terminal.wait_for("HIGH 1");
    terminal.wait_for("REPLAY HELD");
    terminal.wait_for("◆573a");
    terminal.press("R");
    terminal.wait_for("REPLAY 0.01x");
    terminal.wait_for("HIGH 0");
    terminal.press("q");
    assert_eq!(terminal.end().0.exit_code(), 0);
}

/// How many events the tail says it has.
fn events_listed(text: &str) -> u32 {
    let words: Vec<&str> = text.split_whitespace().collect();
    let place = words.windows(3).position(|own| own == ["of", "the", "last"]).expect("the tail says it");
    words[place - 1].parse().expect("a number")
}

#[test]
fn plain_lines_and_ascii_where_there_is_no_more() {
    for (arguments, environment) in [(vec!["--plain"], vec![]), (vec![], vec![("TERM", "dumb")])] {
        let all = [&["replay", "--speed", "max", "--exit-at-end", "samples/demo.xml"], &arguments[..]].concat();
        let (status, text) = Terminal::start(&all, &environment, (120, 36)).end();
        assert_eq!(status.exit_code(), 0);
        let is_raised = |line: &&str| {
            [" critical ", " high ", " medium "].iter().any(|severity| line.contains(severity)) && !line.contains(", updated,")
        };
        assert_eq!(text.lines().filter(is_raised).count(), 8, "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }
    for (arguments, environment) in [(vec!["--ascii"], vec![]), (vec![], vec![("LC_ALL", "C")])] {
        let all = [&["replay", "--speed", "max", "samples/demo.xml"], &arguments[..]].concat();
        let mut terminal = Terminal::start(&all, &environment, (120, 36));
        terminal.wait_for("REPLAY ENDED");
        terminal.press("n");
        terminal.wait_for("Why it fired");
        terminal.press("q");
        let (_, text) = terminal.end();
        assert!(text.is_ascii(), "{text}");
    }
}

#[test]
fn r_reads_the_rules_anew_and_says_what_came_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (rules, own) = (folder.path().to_str().expect("UTF-8"), folder.path().join("own.eql"));
    let arguments = ["replay", "--speed", "max", "--rules", rules, "samples/attack_both_ends.xml"];
    let mut terminal = Terminal::start(&arguments, &[], (120, 36));
    terminal.wait_for("alerts  2");
    std::fs::write(&own, "process where process.name : \"whoami.exe\"").expect("a file");
    terminal.press("r");
    terminal.wait_for("3 run");
    std::fs::write(&own, "process where process.name = \"x\"").expect("a file");
    terminal.press("r");
    terminal.wait_for("rules not reloaded");
    terminal.wait_for("did you mean `==`");
    terminal.wait_for("3 run");
    terminal.press("q");
}

/// The connection that leaves the first host of the sample, as another event each time.
fn outbound(number: u32) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/attack_both_ends.xml");
    let text = std::fs::read_to_string(path).expect("the sample is there");
    let line = text.lines().find(|line| line.contains("<EventRecordID>2371779<")).expect("the outbound connection");
    line.replace("2371779", &number.to_string()) + "\n"
}

/// Sends events to the listener that the screen names.
fn send(terminal: &mut Terminal, events: &str) {
    terminal.press("4");
    // The empty screen before it names what was asked for; this one what was bound.
    terminal.wait_for("Listeners");
    terminal.wait_for("tcp://127.0.0.1:");
    let mut stream = loop {
        let text = terminal.text();
        let address = text.split("tcp://").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
        // Half an address may be drawn so far.
        if let Ok(stream) = std::net::TcpStream::connect(address) {
            break stream;
        }
        terminal.read_on();
    };
    stream.write_all(events.as_bytes()).expect("it reads");
    drop(stream);
    terminal.press("1");
    // Keys that follow are for the list, not for what stands here.
    terminal.wait_for("Open alerts");
}

#[test]
fn what_people_did_outlives_the_console() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_str().expect("UTF-8").to_owned();
    let (store, output) = (path("wefwatch.db"), format!("file:{}", path("alerts.json")));
    let arguments = ["run", "--store", &store, "--listen", "tcp://127.0.0.1:0", "--output", &output];

    let mut terminal = Terminal::start(&arguments, &[], (120, 36));
    send(&mut terminal, &outbound(1));
    terminal.wait_for("HIGH 1");
    terminal.press("m");
    terminal.wait_for("Would have hidden 1 of 1 alert in 7 d");
    terminal.press("the jump host does this\r");
    terminal.wait_for("muted 1");
    send(&mut terminal, &outbound(2));
    terminal.wait_for("muted 2");
    terminal.press("2c");
    terminal.wait_for("comment on");
    terminal.press("asked jdoe\r");
    terminal.wait_for("commented on");
    terminal.press("qq");
    assert_eq!(terminal.end().0.exit_code(), 0);
    let sent = std::fs::read_to_string(path("alerts.json")).expect("the output was written");
    let muted: Vec<bool> = sent.lines().map(|line| line.contains("\"muted\":true")).collect();
    assert_eq!(muted, [false, true], "{sent}");

    let mut terminal = Terminal::start(&arguments, &[], (120, 36));
    terminal.wait_for("muted 2");
    terminal.press("M");
    terminal.wait_for("the jump host does this");
    // An escape with a letter close behind would be another key.
    terminal.press("\u{1b}");
    terminal.wait_for("? help");
    terminal.press("2\r");
    // The evidence comes from the store.
    terminal.wait_for("(5985, 5986)");
    terminal.press("6");
    terminal.wait_for("asked jdoe");
    terminal.press("q\r");
    assert_eq!(terminal.end().0.exit_code(), 0);
}
