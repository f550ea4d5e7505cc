//! What must be seen at every size: ids, techniques, the key that leaves, what waits, and where the story goes on. Where there
//! is little room whole parts go, and never these.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use scene::{Scene, samples};

fn row(scene: &Scene, number: usize) -> String {
    scene.text().lines().nth(number).unwrap_or_default().to_owned()
}

fn footer(scene: &Scene) -> String {
    scene.text().lines().last().unwrap_or_default().to_owned()
}

#[test]
fn ids_and_techniques_are_whole() {
    for size in [(120, 36), (80, 24), (60, 16), (50, 12)] {
        let mut scene = Scene::of(&["demo.xml"], size);
        scene.keys("n");
        assert!(scene.text().contains("T1021.006  T1059.001") || size.0 >= 120, "{}", scene.text());
        assert!(!scene.text().contains("T1021.…") && !scene.text().contains("T1059.…"), "{}", scene.text());
    }
    for size in [(120, 36), (80, 24)] {
        let mut scene = Scene::of(&["demo.xml"], size);
        let text = scene.text();
        assert!(text.contains("T1021.006") && text.contains("also seen leaving SRV-FILE01"), "{text}");
        scene.keys("n");
        let text = scene.text();
        assert!(text.contains("record 1,390,572   DC01") && text.contains("not \"::1\"  = SRV-FILE01"), "{text}");
        assert!(text.contains("conhost.exe\""), "{text}");
    }
}

#[test]
fn a_sentence_is_not_cut_where_it_can_be_wrapped() {
    let scene = Scene::of(&["demo.xml"], (60, 16));
    let text = scene.text();
    assert!(text.contains("10.20.8.11; 1.685 s later wsmprovhost.exe started") && text.contains("  hostname.exe"), "{text}");
    let mut scene = Scene::of(&["demo.xml"], (80, 24));
    scene.keys("down");
    let text = scene.text();
    // Who went on as whom: the end of the line that was cut.
    assert!(text.contains("as CORP\\jdoe and here as") && text.contains("CORP\\svc-deploy"), "{text}");
    scene.keys("2 enter 6");
    assert!(scene.text().contains("takes it"), "{}", scene.text());
}

#[test]
fn a_filter_and_the_open_tab_are_seen_together() {
    for (columns, shown) in [(60, "filter: -host:DC"), (40, "filter")] {
        let mut scene = Scene::of(&["demo.xml"], (columns, 16));
        scene.keys("/ - h o s t : D C ⏎");
        let tabs = row(&scene, 2);
        assert!(tabs.starts_with(" 1 Triage   2   3   4  ") && tabs.contains(shown) && tabs.ends_with(" 7 of 8"), "{tabs}");
    }
}

#[test]
fn every_box_says_how_one_leaves_it() {
    for columns in [120, 80, 60, 40] {
        for keys in ["?", ":", "n y", "n e", "n =", "m", "M"] {
            let mut scene = Scene::of(&["demo.xml"], (columns, 16));
            if keys == "M" {
                scene.keys("m");
                scene.type_line("reason enough to mute");
            }
            scene.keys(keys);
            let text = scene.text();
            let foot = text.lines().find(|line| line.contains('╰')).unwrap_or_default();
            assert!(foot.contains(" esc "), "{keys} at {columns}: {text}");
        }
    }
}

#[test]
fn every_screen_says_how_one_goes_back() {
    for columns in [120, 80, 60] {
        for keys in ["n", "L", "tab enter", "3 enter", "2 x", "x x"] {
            let mut scene = Scene::of(&["demo.xml"], (columns, 24));
            assert!(!footer(&scene).contains("esc "), "there is nothing to go back from\n{}", scene.text());
            scene.keys(keys);
            let word = if keys.contains('x') { "esc unmark" } else { "esc back" };
            assert!(footer(&scene).contains(word), "{keys} at {columns}: {}", footer(&scene));
        }
    }
}

#[test]
fn a_key_that_does_nothing_here_says_where_it_does() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("tab");
    for key in ["a", "v", "m", "c"] {
        scene.keys(key);
        assert!(footer(&scene).contains("no alert is selected here; tab goes to the alerts"), "{key}: {}", footer(&scene));
    }
    // What works in every list has no other key before it.
    scene.keys("? a n y");
    assert!(scene.text().contains("any list: a page down"), "{}", scene.text());
    assert!(!scene.text().contains("?, "), "{}", scene.text());
}

#[test]
fn a_gap_too_short_to_tell_is_not_nothing() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("tab enter");
    assert!(!scene.text().contains("every 0.0 s"), "{}", scene.text());
}

#[test]
fn below_the_help_stand_no_keys_that_do_something_else() {
    let mut scene = Scene::of(&["demo.xml"], (80, 24));
    scene.keys("?");
    assert!(footer(&scene).ends_with("esc closes") && !footer(&scene).contains("ack"), "{}", footer(&scene));
}

#[test]
fn a_frozen_picture_says_what_waits_and_how_it_goes_on() {
    for size in [(120, 36), (80, 24), (60, 16)] {
        let mut scene = Scene::of(&["attack_both_ends.xml"], size);
        scene.keys("space");
        scene.hear(&samples(&["demo.xml"]));
        let head = row(&scene, 0);
        assert!(head.contains("PAUSED") && head.contains(" wait"), "{head}");
        assert!(size.0 < 80 || head.contains("8 alerts"), "{head}");
        assert!(footer(&scene).contains("space go on"), "{}", footer(&scene));
    }
}

#[test]
fn the_path_has_a_key_where_there_is_one_to_show() {
    let linked = Scene::of(&["demo.xml"], (120, 36));
    assert!(footer(&linked).contains("L lateral"), "{}", footer(&linked));
    assert!(linked.text().contains("L shows the path"), "{}", linked.text());
    let narrow = Scene::of(&["demo.xml"], (80, 24));
    assert!(narrow.text().contains("L shows the path"), "{}", narrow.text());
    let none = Scene::of(&["noise.xml"], (120, 36));
    assert!(!none.text().contains("L lateral") && !none.text().contains("L shows"), "{}", none.text());
}

#[test]
fn a_long_path_hides_neither_the_program_nor_how_usual_it_is() {
    let deep = format!("C:\\Users\\{}\\whoami.exe", "very-long-folder\\".repeat(30).trim_end_matches('\\'));
    let text = String::from_utf8(samples(&["attack_both_ends.xml"])).expect("text");
    let text = text.replace("C:\\Windows\\System32\\whoami.exe", &deep);
    for size in [(120, 60), (80, 60), (60, 60)] {
        let mut scene = Scene::empty(size);
        scene.hear(text.as_bytes());
        scene.keys("n");
        let text = scene.text();
        let usual = text.lines().find(|line| line.contains("program started")).unwrap_or_default();
        assert!(usual.contains("whoami.exe  never before"), "{size:?}: {text}");
    }
}

#[test]
fn a_host_tells_how_it_is_what_fired_and_what_it_did_last() {
    let mut scene = Scene::of(&["demo.xml"], (120, 36));
    scene.keys("tab down ⏎");
    let text = scene.text();
    for words in [
        "SRV-FILE01.corp.example  live",
        "events    115, first heard 14s ago, last 1s ago, usually every",
        "coverage  1 process starts ok, ",
        "3in inbound connections ok, ",
        "rate      7.9 ev/s  █",
        "alerts    CRIT 1  HIGH 2   acked 0  closed 0  muted 0",
        "paths     WKSTN-014 > SRV-FILE01 > DC01",
        "Why 3cde",
        "Last events",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    // Who works on what is counted here too, and a blind host says why.
    scene.keys("a");
    assert!(scene.text().contains("acked 1"), "{}", scene.text());
    let mut scene = Scene::of(&["demo.xml"], (80, 24));
    scene.keys("/ h o s t : H R 0 2 ⏎ tab ⏎");
    let text = scene.text();
    assert!(text.contains("BLIND") && text.contains("blind     no inbound EID 3 for") && text.contains("EID"), "{text}");
}

#[test]
fn the_help_says_what_every_sign_means() {
    for size in [(120, 36), (80, 24), (60, 16)] {
        for (query, about) in [
            ("3 i n", "outbound"),
            ("B L I N D", "proves"),
            ("S I L E N T", "silent_after"),
            ("◆", "completed"),
            ("x 6", "acts"),
            ("n e a r", "explain"),
            ("b e n i g n _", "again"),
        ] {
            let mut scene = Scene::of(&["demo.xml"], size);
            scene.keys("?");
            scene.keys(query);
            let text = scene.text();
            assert!(text.contains(about), "{query} at {size:?}: {text}");
            // It is no key: choosing it runs nothing, and the help stays open.
            scene.keys("tab");
            let effects = scene.keys("enter");
            assert!(effects.is_empty() && scene.text().contains(about), "{}", scene.text());
        }
        let mut scene = Scene::of(&["demo.xml"], size);
        scene.keys("? tab");
        assert!(scene.text().contains("COVERAGE of a host"), "{}", scene.text());
    }
}

#[test]
fn a_word_half_typed_empties_no_list_and_says_how_it_goes_on() {
    for size in [(120, 36), (80, 24), (60, 16)] {
        let mut scene = Scene::of(&["demo.xml"], size);
        scene.keys("/");
        assert!(scene.text().contains("fields: host: src:"), "{}", scene.text());
        for letter in ["i", "s", ":", "o", "p"] {
            scene.keys(letter);
            assert!(scene.text().contains("▌ afe8"), "after {letter}: {}", scene.text());
        }
        let text = scene.text();
        assert!(text.contains("is: open") && !text.contains("is: open new"), "{text}");
        scene.keys("backspace backspace");
        assert!(scene.text().contains("is: open new acked closed muted linked again"), "{}", scene.text());
        // A word that is a field's name too is looked for once it is meant.
        scene.keys("ctrl-u u s e r");
        assert!(scene.text().contains("user:") && scene.text().contains("▌ afe8"), "{}", scene.text());
        scene.keys("enter");
        assert_eq!(scene.model.filter_text, "user");
    }
}

#[test]
fn a_near_miss_is_marked_and_found_among_the_events() {
    let mut scene = Scene::of(&["near_misses.xml"], (120, 36));
    scene.keys("3");
    assert!(scene.text().contains("◇stage 1"), "{}", scene.text());
    scene.keys("/ i s : n e a r ⏎");
    let near = scene.model.event_rows().len();
    assert!(near > 0 && near < scene.model.events.len(), "{near}");
    scene.keys("up ⏎");
    assert!(scene.text().contains("near miss: stage"), "{}", scene.text());
    // What an alert rests on is none, whether it came before the alert or with it.
    let scene = Scene::of(&["attack_both_ends.xml"], (120, 36));
    let proofs: Vec<String> = (0..9)
        .filter_map(|number| scene.model.alerts.get(number)?.alert.clone())
        .flat_map(|alert| alert.evidence.iter().map(|proof| proof.xml.to_string()).collect::<Vec<_>>())
        .collect();
    assert!(proofs.len() >= 3, "{}", proofs.len());
    assert!(!scene.model.events.iter().any(|row| row.line.near.is_some() && proofs.contains(&row.line.xml.to_string())));
}

#[test]
fn the_state_of_a_host_and_what_was_lost_are_seen_at_every_width() {
    for columns in [120, 80, 60, 50, 40] {
        let mut scene = Scene::of(&["demo.xml"], (columns, 20));
        scene.keys("tab +");
        assert!(scene.text().contains("  live") || scene.text().contains("3out ok"), "{}", scene.text());
        assert!(scene.text().contains("BLIND"), "{}", scene.text());
        if columns >= 60 {
            scene.keys("4");
            assert!(scene.text().contains("  LOST") && !scene.text().contains("0…"), "{}", scene.text());
            scene.keys("pgdn");
            assert!(scene.text().contains("SHED"), "{}", scene.text());
        }
    }
    let mut scene = Scene::of(&["demo.xml"], (60, 16));
    scene.keys("L");
    assert!(scene.text().contains("3cde CRIT"), "{}", scene.text());
}

#[test]
fn a_command_line_without_end_pushes_nothing_away() {
    let text = String::from_utf8(samples(&["attack_both_ends.xml"])).expect("text");
    let text = text.replace("whoami.exe\" /all", &format!("whoami.exe\" {}", "/all ".repeat(2000)));
    assert!(text.len() > 10_000, "the sample has that command line");
    let mut scene = Scene::empty((80, 120));
    scene.hear(text.as_bytes());
    // Who ran it, in the list; the fields behind it, in the section with all of them.
    assert!(scene.text().contains("svc-deploy"), "{}", scene.text());
    scene.keys("n 2");
    let text = scene.text();
    assert!(text.contains("characters; the XML has all") && text.contains("CurrentDirectory"), "{text}");
}
