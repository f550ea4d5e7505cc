//! The mouse from the outside: what is clicked on is what is drawn there, and while it is the terminal's nothing happens.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use wefwatch::console::model::screen::{Pane, Screen, Section, Tab};
use wefwatch::console::model::{Effect, Message};
use wefwatch::feed::Request;
use wefwatch::triage::{Act, Deed, Verdict};

use scene::Scene;

const SIZES: [(u16, u16); 3] = [(120, 36), (80, 24), (40, 10)];

/// A console that has the mouse.
fn scene_of(size: (u16, u16)) -> Scene {
    let mut scene = Scene::of(&["demo.xml"], size);
    assert_eq!(scene.keys("f2"), [Effect::Mouse(true)]);
    assert!(scene.text().contains("mouse"), "{}", scene.text());
    scene
}

fn mouse(scene: &mut Scene, kind: MouseEventKind, (column, row): (u16, u16)) -> Vec<Effect> {
    scene.model.update(Message::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }))
}

/// Where a text stands on the screen; a line that it must be on may be named.
fn place(scene: &Scene, line: &str, text: &str) -> (u16, u16) {
    let screen = scene.text();
    let mut lines = screen.lines().enumerate().filter(|(_, own)| own.contains(line));
    let found = lines.find_map(|(row, own)| Some((own[..own.find(text)?].chars().count() as u16, row as u16)));
    found.unwrap_or_else(|| panic!("no {text} in {line}\n{screen}"))
}

fn click(scene: &mut Scene, line: &str, text: &str) -> Vec<Effect> {
    let at = place(scene, line, text);
    mouse(scene, MouseEventKind::Down(MouseButton::Left), at)
}

#[test]
fn it_belongs_to_the_terminal_until_f2_and_after_it() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    assert!(click(&mut scene, "2 Alerts", "2 Alerts").is_empty() && scene.model.tab == Tab::Triage);
    scene.keys("f2");
    click(&mut scene, "2 Alerts", "2 Alerts");
    assert_eq!(scene.model.tab, Tab::Alerts);
    assert_eq!(scene.keys("f2"), [Effect::Mouse(false)]);
    click(&mut scene, "1 Triage", "1 Triage");
    assert!(scene.model.tab == Tab::Alerts && !scene.text().lines().next().is_some_and(|line| line.contains("mouse")));
}

#[test]
fn tabs_sections_and_crumbs_are_clicked_on() {
    for size in [(120, 36), (80, 24)] {
        let mut scene = scene_of(size);
        for (name, tab) in
            [("4 Health", Tab::Health), ("3 Events", Tab::Events), ("2 Alerts", Tab::Alerts), ("1 Triage", Tab::Triage)]
        {
            click(&mut scene, name, name);
            assert_eq!(scene.model.tab, tab, "{size:?}");
        }
        scene.keys("n");
        for (name, wanted) in [("4 XML", Section::Xml), ("6 History", Section::History), ("1 Why", Section::Why)] {
            click(&mut scene, name, name);
            assert!(matches!(scene.model.stack.last(), Some(Screen::Alert { section, .. }) if *section == wanted), "{name}");
        }
        click(&mut scene, "Triage ›", "Triage ›");
        assert!(scene.model.stack.is_empty());
    }
    // Where there is only room for numbers.
    let mut scene = scene_of((40, 10));
    click(&mut scene, "1 Triage", "4");
    assert_eq!(scene.model.tab, Tab::Health);
}

#[test]
fn a_row_is_selected_and_then_opened() {
    for size in SIZES {
        let mut scene = scene_of(size);
        click(&mut scene, " 3cde ", "3cde");
        assert!(scene.model.stack.is_empty() && scene.text().contains("▌ 3cde"), "{}", scene.text());
        click(&mut scene, "▌ 3cde", "3cde");
        let opened = scene.model.chosen_alert().expect("it is open").header.id.short().to_owned();
        assert!(scene.model.is_inside() && opened == "3cde", "{}", scene.text());
        // All alerts, with those that are folded above.
        scene.keys("esc 2");
        click(&mut scene, "3cde", "3cde");
        assert!(scene.model.is_inside(), "it is selected there already");
        // An event: the tail stops there.
        scene.keys("esc 3");
        let row = |scene: &Scene| scene.text().lines().nth(7).expect("a row")[2..].trim_start().to_owned();
        let before = row(&scene);
        mouse(&mut scene, MouseEventKind::Down(MouseButton::Left), (5, 7));
        let text = scene.text();
        assert!(text.lines().nth(7).is_some_and(|line| line.starts_with('▌') && line.ends_with(&before)), "{before}\n{text}");
        assert!(text.contains("G follows again") || size.0 < 60, "{text}");
        mouse(&mut scene, MouseEventKind::Down(MouseButton::Left), (5, 7));
        assert!(matches!(scene.model.stack.last(), Some(Screen::Event { .. })), "{}", scene.text());
    }
}

#[test]
fn what_is_clicked_on_stays_under_the_pointer() {
    for size in SIZES {
        let mut scene = scene_of(size);
        // The host list of 8, and a list of events that is far longer than the screen.
        for keys in ["3 up up up up up up up up up up up up up up up up up up up up", "3 g"] {
            scene.keys(keys);
            for row in [8, 7, 6] {
                let line = |scene: &Scene| scene.text().lines().nth(row).expect("a row").replace('▌', " ");
                let before = line(&scene);
                mouse(&mut scene, MouseEventKind::Down(MouseButton::Left), (12, row as u16));
                assert_eq!(line(&scene), before, "row {row} at {size:?}\n{}", scene.text());
            }
        }
    }
    // The wheel turns the list under it then.
    let mut scene = scene_of((120, 36));
    scene.keys("3 g");
    mouse(&mut scene, MouseEventKind::Down(MouseButton::Left), (12, 9));
    let below = scene.text().lines().nth(12).expect("a row").to_owned();
    mouse(&mut scene, MouseEventKind::ScrollDown, (12, 9));
    let text = scene.text();
    assert_eq!(text.lines().nth(9).map(|line| line.replace('▌', " ")), Some(below), "{text}");
}

#[test]
fn hosts_and_their_alerts_and_the_paths_are_clicked_on() {
    let mut scene = scene_of((120, 36));
    click(&mut scene, "  SRV-JUMP01   ", "SRV-JUMP01");
    assert!(scene.model.pane == Pane::Hosts && scene.text().contains("▌ SRV-JUMP01"), "{}", scene.text());
    click(&mut scene, "▌ SRV-JUMP01", "SRV-JUMP01");
    assert!(matches!(scene.model.stack.last(), Some(Screen::Host { .. })), "{}", scene.text());
    click(&mut scene, " 4052 ", "4052");
    assert!(!scene.model.is_inside() && scene.text().contains("▌ 4052"), "{}", scene.text());
    click(&mut scene, "▌ 4052", "4052");
    assert!(scene.model.is_inside());
    // A heading takes the keys to its list.
    scene.keys("esc esc");
    click(&mut scene, "▎Open alerts", "Open");
    assert_eq!(scene.model.pane, Pane::Alerts);
    // The host list without the keys: the first click brings them.
    click(&mut scene, "▌ SRV-JUMP01", "SRV-JUMP01");
    assert!(scene.model.pane == Pane::Hosts && scene.model.stack.is_empty());
    scene.keys("L");
    click(&mut scene, "> DC01:", "DC01:");
    assert!(!scene.model.is_inside(), "{}", scene.text());
    click(&mut scene, "> DC01:", "DC01:");
    assert!(scene.model.is_inside(), "{}", scene.text());
}

#[test]
fn a_hint_of_the_footer_runs_what_it_says() {
    for size in [(120, 36), (80, 24)] {
        let mut scene = scene_of(size);
        let effects = click(&mut scene, "? help", "a ack");
        assert!(matches!(&effects[..], [Effect::Ask(Request::Act(_))]), "{effects:?}");
        click(&mut scene, "? help", "/ filter");
        assert!(scene.model.editor.is_some());
        // Behind a line that is typed nothing is clicked on.
        click(&mut scene, "4 Health", "4 Health");
        assert!(scene.model.tab == Tab::Triage && scene.text().contains("/ "));
        scene.keys("esc");
        click(&mut scene, "? help", "? help");
        assert!(scene.model.help.is_some());
        scene.keys("esc");
        assert_eq!(click(&mut scene, "? help", "q quit"), []);
        let asked = scene.text().lines().last().map(str::to_owned).unwrap_or_default();
        assert!(asked.contains("stop collecting?") && asked.trim_end().ends_with("esc stay"), "{asked}");
    }
}

#[test]
fn a_click_on_mute_takes_what_is_offered() {
    let mut scene = scene_of((160, 36));
    let closed = scene.model.chosen_alert().expect("one is selected").header.id.short().to_owned();
    scene.keys("v f");
    assert!(scene.text().contains("m mutes alerts like this"), "{}", scene.text());
    // The key in the footer, behind what is said there.
    click(&mut scene, "? help", "m mute  ");
    assert!(scene.text().contains(&format!("Mute alerts like {closed}")), "{}", scene.text());
}

#[test]
fn the_wheel_moves_what_is_under_it() {
    let mut scene = scene_of((120, 36));
    let at = place(&scene, "SRV-APP02", "SRV-APP02");
    mouse(&mut scene, MouseEventKind::ScrollDown, at);
    assert!(scene.model.pane == Pane::Alerts && scene.text().contains("▌ WKSTN-014 "), "{}", scene.text());
    let at = place(&scene, " 3cde ", "3cde");
    mouse(&mut scene, MouseEventKind::ScrollDown, at);
    assert!(scene.text().contains("▌ 4052"), "{}", scene.text());
    mouse(&mut scene, MouseEventKind::ScrollUp, at);
    assert!(scene.text().contains("▌ afe8"), "{}", scene.text());
    // The header and the reasons have nothing to scroll.
    let picture = scene.picture();
    for line in ["WEFWATCH", "▎Why", "? help"] {
        let at = place(&scene, line, line);
        mouse(&mut scene, MouseEventKind::ScrollDown, at);
        assert_eq!(scene.picture(), picture, "{line}");
    }
    scene.keys("n");
    mouse(&mut scene, MouseEventKind::ScrollDown, (10, 20));
    assert!(matches!(scene.model.stack.last(), Some(Screen::Alert { scroll: 3, .. })));
    // A list in a box.
    scene.keys("?");
    mouse(&mut scene, MouseEventKind::ScrollDown, (10, 20));
    assert_eq!(scene.model.help.as_ref().map(|help| help.selected), Some(1));
    scene.keys("esc esc 4");
    mouse(&mut scene, MouseEventKind::ScrollDown, (10, 20));
    assert!(scene.model.health_scroll > 0);
}

#[test]
fn a_click_anywhere_at_any_size_does_no_harm() {
    for size in [(120, 36), (80, 24), (40, 8), (39, 7), (1, 1), (60, 16)] {
        for keys in ["", "2", "3", "4", "tab ⏎", "L", "+", "n", "3 up ⏎", "?", ":", "m", "/", "[ [ [ [ ["] {
            for (column, row) in
                [(0, 0), (size.0 - 1, size.1 - 1), (size.0 / 2, size.1 / 2), (5, 3), (size.0, size.1), (u16::MAX, u16::MAX)]
            {
                let mut scene = Scene::of(&["attack_both_ends.xml"], size);
                scene.model.is_mouse = true;
                scene.keys(keys);
                for kind in [MouseEventKind::ScrollDown, MouseEventKind::Down(MouseButton::Left), MouseEventKind::ScrollUp] {
                    mouse(&mut scene, kind, (column, row));
                    scene.text();
                }
            }
        }
    }
}

#[test]
fn rows_of_a_box_are_clicked_on() {
    for size in [(120, 36), (80, 24)] {
        let mut scene = scene_of(size);
        scene.keys(":");
        click(&mut scene, "│ acknowledge", "acknowledge");
        assert!(scene.model.dialog.is_some(), "{}", scene.text());
        let effects = click(&mut scene, "│ acknowledge", "acknowledge");
        assert!(matches!(&effects[..], [Effect::Ask(Request::Act(_))]) && scene.model.dialog.is_none(), "{effects:?}");
        scene.keys("y");
        click(&mut scene, "alert id", "alert id");
        assert!(matches!(&click(&mut scene, "alert id", "alert id")[..], [Effect::Copy(_)]), "{}", scene.text());
        scene.keys("?");
        click(&mut scene, "every event as it arrives", "every");
        assert!(scene.model.help.is_some());
        click(&mut scene, "every event as it arrives", "every");
        assert!(scene.model.help.is_none() && scene.model.tab == Tab::Events, "{}", scene.text());
        scene.keys("1 v");
        let effects = click(&mut scene, "close ", "benign");
        let is_benign = |act: &Act| act.deed == Deed::Close(Verdict::BenignTrigger);
        assert!(matches!(&effects[..], [Effect::Ask(Request::Act(act))] if is_benign(act)), "{effects:?}");
        scene.keys("n ⏎");
        click(&mut scene, "│ its host", "its host");
        // Beside the rows nothing is chosen.
        click(&mut scene, "│ search", "search");
        assert!(scene.model.dialog.is_some() && scene.text().contains("esc closes"), "{}", scene.text());
        click(&mut scene, "│ its host", "its host");
        assert!(matches!(scene.model.stack.last(), Some(Screen::Host { .. })), "{}", scene.text());
    }
}

#[test]
fn a_click_on_the_crumb_of_a_host_takes_no_mark_off() {
    let mut scene = scene_of((120, 36));
    scene.keys("tab down ⏎ x");
    assert_eq!(scene.model.marked_rows(), 1, "{}", scene.text());
    click(&mut scene, "Triage ›", "Triage ›");
    assert!(scene.model.stack.is_empty());
    scene.keys("⏎");
    assert_eq!(scene.model.marked_rows(), 1, "{}", scene.text());
}
