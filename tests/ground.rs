//! The real binary asks a terminal for its background and hears the answer whenever it comes; an answer is never typed.

#[path = "harness/terminal.rs"]
mod pty;

use crate::pty::Terminal;

const QUESTION: &str = "\u{1b}]11;?\u{7}";
const SIZE: (u16, u16) = (120, 36);
/// What is cyan on a dark ground is blue on a light one.
const CYAN: u8 = 6;
const BLUE: u8 = 4;

/// Which of the two themes the screen is drawn in.
fn is_light(terminal: &Terminal) -> bool {
    let colours = terminal.colours();
    assert!(colours.contains(&CYAN) || colours.contains(&BLUE), "{colours:?}");
    !colours.contains(&CYAN)
}

/// A replay that has asked and shows its end.
fn asked() -> Terminal {
    let mut terminal = Terminal::replay(&[], SIZE);
    terminal.wait_for_bytes(QUESTION);
    terminal.wait_for("REPLAY ENDED");
    terminal
}

/// The time in the header.
fn clock(terminal: &Terminal) -> String {
    let text = terminal.text();
    let line = text.lines().next().unwrap_or_default();
    line.split_whitespace().find(|word| word.matches(':').count() == 2).unwrap_or_default().to_owned()
}

/// What is typed is heard as before, and nothing else was.
fn check_keys(mut terminal: Terminal, name: &str) {
    terminal.press("3");
    terminal.wait_for("of the last");
    let text = terminal.text();
    assert!(!text.contains("rgb:") && text.contains("filter: none"), "{name}:\n{text}");
    terminal.press("1n");
    terminal.wait_for("Why it fired");
    // Right after the question an Escape is held back for a moment, and no longer.
    terminal.press("\u{1b}");
    // A letter close behind it would make another key of both.
    terminal.wait_until("the list", |terminal| !terminal.text().contains("Why it fired"));
    terminal.press("q");
    assert_eq!(terminal.end().0.exit_code(), 0, "{name}");
}

#[test]
fn answers_are_heard_and_never_typed() {
    let rows: [(&str, &[&str], Option<bool>); 9] = [
        ("light", &["\u{1b}]11;rgb:ffff/ffff/ffff\u{7}"], Some(true)),
        ("light, ended by ST", &["\u{1b}]11;rgb:fdfd/f6f6/e3e3\u{1b}\\"], Some(true)),
        ("dark", &["\u{1b}]11;rgb:1e1e/1e1e/2e2e\u{7}"], None),
        ("in two halves", &["\u{1b}]11;rgb:ff", "ff/ffff/ffff\u{7}"], Some(true)),
        ("cut after the Escape", &["\u{1b}", "]11;rgb:ffff/ffff/ffff\u{7}"], Some(true)),
        ("twice", &["\u{1b}]11;rgb:ffff/ffff/ffff\u{7}", "\u{1b}]11;rgb:ffff/ffff/ffff\u{7}"], Some(true)),
        ("never", &[], None),
        ("device attributes only", &["\u{1b}[?62;22c"], None),
        ("garbage", &["\u{1b}]11;q/3/n/zzzz\u{7}"], None),
    ];
    for (name, pieces, light) in rows {
        let mut terminal = asked();
        assert!(!is_light(&terminal), "{name}: dark is the guess");
        pieces.iter().for_each(|piece| terminal.press(piece));
        terminal.wait_until("the ground", |terminal| is_light(terminal) == light.unwrap_or_default());
        assert_eq!(is_light(&terminal), light.unwrap_or_default(), "{name}");
        check_keys(terminal, name);
    }
}

#[test]
fn a_late_answer_is_heard_too() {
    let mut terminal = asked();
    terminal.press("4");
    terminal.wait_for("Listeners");
    // Until the clock has moved on twice.
    for _ in 0..2 {
        let before = clock(&terminal);
        terminal.wait_until("the next second", |terminal| clock(terminal) != before);
    }
    terminal.press("\u{1b}]11;rgb:ffff/ffff/ffff\u{7}");
    terminal.wait_until("the ground", is_light);
    assert!(terminal.text().contains("Listeners"), "the screen is still the same");
    check_keys(terminal, "late");
}

#[test]
fn a_theme_that_somebody_chose_stays() {
    let mut terminal = asked();
    terminal.press("T");
    terminal.wait_for("theme light");
    terminal.press("TT");
    terminal.wait_for("theme dark");
    terminal.press("T");
    terminal.wait_for("theme light");
    terminal.press("\u{1b}]11;rgb:0000/0000/0000\u{7}");
    terminal.press("3");
    terminal.wait_for("of the last");
    assert!(is_light(&terminal));
    terminal.press("q");
    assert_eq!(terminal.end().0.exit_code(), 0);
}

#[test]
fn nobody_is_asked_who_may_show_the_question_or_needs_no_answer() {
    let replay = ["replay", "--speed", "max", "samples/demo.xml"];
    let themed = ["replay", "--theme", "dark", "--speed", "max", "samples/demo.xml"];
    let rows: [(&[&str], (&str, &str)); 4] = [
        (&replay, ("NO_COLOR", "1")),
        (&replay, ("TERM", "linux")),
        (&replay, ("TERM", "vt220")),
        (&themed, ("TERM", "xterm-256color")),
    ];
    for (arguments, variable) in rows {
        let mut terminal = Terminal::start(arguments, &[variable], SIZE);
        terminal.wait_for("REPLAY ENDED");
        terminal.press("q");
        let (_, text) = terminal.end();
        assert!(!text.contains("\u{1b}]11;"), "{arguments:?} {variable:?}");
    }
}

#[test]
fn a_console_that_is_left_at_once_leaves_no_answer_to_the_shell() {
    let mut terminal = Terminal::start(&["replay", "--speed", "max", "--exit-at-end", "samples/demo.xml"], &[], SIZE);
    terminal.wait_for_bytes(QUESTION);
    terminal.press("\u{1b}]11;rgb:ffff/ffff/ffff\u{7}");
    let (status, text) = terminal.end();
    assert_eq!(status.exit_code(), 0);
    assert!(!text.contains("11;rgb:"), "{text}");
}
