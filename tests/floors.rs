//! The house stands on its floors: imports only fall. The allowed ones are this table; any other fails with
//! `src/alert.rs: alert -> console`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which rooms a room may import.
const ALLOWED: &[(&str, &[&str])] = &[
    ("location", &[]),
    ("event", &[]),
    ("alert", &["event"]),
    ("triage", &["event", "alert"]),
    ("filter", &["event", "alert", "triage"]),
    ("decode", &["event"]),
    ("detect", &["event", "alert"]),
    ("hosts", &["event", "alert"]),
    ("intake", &["event", "decode", "detect", "triage"]),
    ("feed", &["event", "alert", "hosts", "intake", "triage"]),
    ("roster", &["event", "alert", "triage", "filter", "feed"]),
    ("store", &["location", "event", "alert", "triage", "hosts", "intake", "feed"]),
    ("input", &["event", "decode", "detect", "intake"]),
    ("collector", &["event", "alert", "decode", "detect", "hosts", "intake", "feed", "triage", "store"]),
    ("output", &["event", "alert", "intake", "feed", "store"]),
    ("attach", &["location", "event", "alert", "hosts", "intake", "feed", "triage", "filter", "roster", "store"]),
    ("console", &["event", "alert", "decode", "hosts", "intake", "feed", "triage", "filter", "roster"]),
    ("config", &["location", "alert", "detect", "hosts", "output", "store", "attach", "console"]),
    ("cli", &["location", "config", "output", "store", "filter", "attach", "console"]),
    (
        "app",
        &[
            "location",
            "alert",
            "event",
            "decode",
            "detect",
            "hosts",
            "intake",
            "feed",
            "input",
            "triage",
            "filter",
            "roster",
            "store",
            "collector",
            "output",
            "attach",
            "console",
            "config",
            "cli",
        ],
    ),
    ("main", &["app", "cli"]),
    ("lib", &[]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("src is there") {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The rooms that a source names as `crate::room`, tests and comments left out.
fn imports(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    let mut lines = text.lines();
    let product = std::iter::from_fn(|| {
        let line = lines.next()?;
        // Tests of their own file have one line here; those in it stand at the end.
        let is_rest_test = line.trim() == "#[cfg(test)]" && !lines.next()?.ends_with(';');
        (!is_rest_test).then_some(line)
    });
    for line in product.filter(|line| !line.trim_start().starts_with("//")) {
        for (at, path) in line.match_indices("crate::").chain(line.match_indices("wefwatch::")) {
            let rest = &line[at + path.len()..];
            let names = rest.strip_prefix('{').map_or_else(|| vec![rest], |list| list.split(',').collect());
            for name in names {
                let room: String =
                    name.trim().chars().take_while(|character| character.is_ascii_alphanumeric() || *character == '_').collect();
                rooms.insert(room);
            }
        }
    }
    rooms
}

#[test]
fn imports_only_fall() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&root).expect("below src");
        let room =
            inside.components().next().expect("a name").as_os_str().to_str().expect("UTF-8").trim_end_matches(".rs").to_owned();
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("src/{}: a room without a floor", inside.display()));
            continue;
        };
        for target in imports(&std::fs::read_to_string(&file).expect("readable")) {
            let is_known = ALLOWED.iter().any(|(name, _)| *name == target);
            if is_known && target != room && !allowed.contains(&target.as_str()) {
                wrong.push(format!("src/{}: {room} -> {target}", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that do not fall:\n{}", wrong.join("\n"));
}

#[test]
fn the_table_has_no_circle() {
    let floor = |room: &str| ALLOWED.iter().position(|(name, _)| *name == room);
    for (room, targets) in ALLOWED.iter().filter(|(room, _)| !matches!(*room, "main" | "lib")) {
        for target in *targets {
            assert!(floor(target) < floor(room), "{room} -> {target} does not fall");
        }
    }
}

#[test]
fn no_file_is_a_mod_rs_and_each_says_what_it_is_for() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    for file in files {
        assert_ne!(file.file_name().and_then(|name| name.to_str()), Some("mod.rs"), "{}", file.display());
        let text = std::fs::read_to_string(&file).expect("readable");
        assert!(text.starts_with("//!"), "{} does not say what it is for", file.display());
    }
}
