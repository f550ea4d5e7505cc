//! Long lines among the events: cut, or going on in the next rows; either way one event is one step.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use scene::{Scene, golden};
use wefwatch::console::model::Message;
use wefwatch::feed::{Change, EventLine};

/// A tail of events whose lines are so many words long.
fn scene(size: (u16, u16), words: &[usize]) -> Scene {
    let template = Scene::of(&["demo.xml"], (120, 36)).model.events[0].line.clone();
    let mut scene = Scene::empty(size);
    let line = |(number, words): (usize, &usize)| EventLine {
        number: number as u64 + 1,
        summary: format!("first{}{} last{}", number + 1, " and so on".repeat(words / 3), number + 1),
        near: None,
        ..template.clone()
    };
    scene.tell(Change::Events(words.iter().enumerate().map(line).collect()));
    scene.keys("3");
    scene
}

fn has(scene: &Scene, text: &str) -> bool {
    scene.text().contains(text)
}

fn click(scene: &mut Scene, column: u16, row: usize) {
    let kind = MouseEventKind::Down(MouseButton::Left);
    scene.model.update(Message::Mouse(MouseEvent { kind, column, row: row as u16, modifiers: KeyModifiers::NONE }));
}

#[test]
fn a_long_line_is_cut_until_it_is_wrapped() {
    for size in [(120, 36), (80, 24)] {
        let mut scene = scene(size, &[3, 60, 3, 30, 3]);
        assert!(!has(&scene, "last2") && has(&scene, "last3"), "{}", scene.text());
        scene.keys("w");
        assert!((1..=5).all(|number| has(&scene, &format!("last{number}"))), "{}", scene.text());
        golden("events-wrapped", &scene);
        // One step is one event, whatever its height, and all of it is marked.
        scene.keys("up up up");
        assert_eq!(scene.model.selected_event().map(|row| row.number), Some(2));
        let marked = scene.text().lines().filter(|line| line.starts_with('▌')).count();
        assert!(marked >= 3, "{}", scene.text());
        scene.keys("w");
        assert!(!has(&scene, "last2"), "{}", scene.text());
        assert_eq!(scene.model.selected_event().map(|row| row.number), Some(2));
    }
}

#[test]
fn the_newest_and_the_selected_are_seen_whole() {
    let mut scene = scene((80, 24), &[60; 40]);
    scene.keys("w");
    assert!(has(&scene, "first40 ") && has(&scene, "last40"), "{}", scene.text());
    scene.keys("up up up up up up up");
    assert!(has(&scene, "first33 ") && has(&scene, "last33"), "{}", scene.text());
    scene.keys("home");
    assert!(has(&scene, "first1 ") && has(&scene, "last1\n"), "{}", scene.text());
}

#[test]
fn of_a_line_without_end_only_a_part_is_shown() {
    let mut scene = scene((80, 24), &[3, 90_000, 3]);
    scene.keys("w");
    let text = scene.text();
    assert!(has(&scene, "first1 ") && has(&scene, "first3 "), "{text}");
    assert_eq!(text.lines().filter(|line| line.contains("and so on")).count(), 8 + 2, "{text}");
    assert!(text.lines().any(|line| line.ends_with('…')), "it says so: {text}");
}

#[test]
fn a_click_on_any_row_of_an_event_selects_it() {
    let mut scene = scene((120, 36), &[3, 60, 3, 3]);
    scene.keys("w f2");
    let row = scene.text().lines().position(|line| line.contains("last2")).expect("it is seen");
    click(&mut scene, 50, row);
    assert_eq!(scene.model.selected_event().map(|row| row.number), Some(2));
    let again = scene.text().lines().position(|line| line.contains("last2")).expect("it is seen");
    assert_eq!(again, row, "it stays under the pointer");
    click(&mut scene, 50, row);
    assert!(has(&scene, "XML"), "{}", scene.text());
}

#[test]
fn elsewhere_there_is_nothing_to_wrap() {
    let mut scene = scene((120, 36), &[3]);
    scene.keys("1 w");
    assert!(has(&scene, "only the list of events (3) is wrapped"), "{}", scene.text());
}
