//! The release gates of the console, measured on the real binary: consoles in pseudo-terminals, events over loopback TCP, CPU
//! time and memory as the kernel counts them. `cargo bench --bench gates` measures all and prints a table; names after `--`
//! choose some (`cargo bench --bench gates -- keys paint`). Exit code 1 if a goal is missed.
//!
//! | name | measures |
//! |---|---|
//! | `idle` | CPU and output of an attached console, and CPU of the collector, while nothing happens |
//! | `load` | the same at 10,000 events and three alerts a second |
//! | `keys` | a key until its effect is on the screen, idle and at 10,000 events a second; and what a held key leaves behind |
//! | `memory` | the console and the collector with 100,000 alerts |
//! | `paint` | start of `attach` until the first frame, and until alerts are on it |
//! | `resize` | another size until all is drawn anew; then a storm of sizes |
//! | `why` | how many keys until a reason shows |
//! | `stalled` | eight consoles, one stopped: what the collector takes in, and what an event costs it |
//! | `counted` | the same in instructions, where valgrind is installed; some ten minutes |
//! | `restored` | quit, panic, TERM, HUP and server loss give the terminal back |
//!
//! All but the last three look at a collector whose store holds 100,000 open alerts of 200 hosts. Other programs on the machine
//! show in every time; run it on a quiet one. Percentages are of one core.

#![allow(missing_docs, reason = "a program, not an interface")]

#[path = "gates/console.rs"]
mod console;
#[path = "gates/counted.rs"]
mod counted;
#[path = "gates/events.rs"]
mod events;
#[path = "gates/figures.rs"]
mod figures;
#[path = "gates/keys.rs"]
mod keys;
#[path = "gates/paint.rs"]
mod paint;
#[path = "gates/restored.rs"]
mod restored;
#[path = "gates/server.rs"]
mod server;
#[path = "gates/stalled.rs"]
mod stalled;
#[path = "gates/steady.rs"]
mod steady;

use std::process::ExitCode;

use figures::Report;
use server::{Fill, Server};

type Crowded = fn(&Server, &mut Report);
type Alone = fn(&mut Report);

/// How many alerts the collector has.
const ALERTS: u64 = 100_000;
/// Gates that look at the collector with many alerts. What changes it least comes first.
const CROWDED: [(&str, Crowded); 6] = [
    ("idle", steady::idle),
    ("why", keys::why),
    ("paint", paint::paint),
    ("resize", paint::resize),
    ("load", steady::load),
    ("keys", keys::keys),
];
/// Gates with collectors of their own.
const ALONE: [(&str, Alone); 3] =
    [("stalled", stalled::stalled), ("counted", stalled::counted), ("restored", restored::restored)];

fn main() -> ExitCode {
    if std::env::var_os(restored::PANIC).is_some() {
        restored::panic_in_the_terminal();
    }
    // cargo adds `--bench`.
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let names: Vec<&str> = CROWDED.iter().map(|(name, _)| *name).chain(["memory"]).chain(ALONE.map(|(name, _)| name)).collect();
    if let Some(unknown) = chosen.iter().find(|name| !names.contains(&name.as_str())) {
        eprintln!("there is no gate `{unknown}`; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let is_chosen = |name: &str| chosen.is_empty() || chosen.iter().any(|own| own == name);
    let mut report = Report::begin();
    if is_chosen("memory") || CROWDED.iter().any(|(name, _)| is_chosen(name)) {
        let folder = tempfile::tempdir().expect("a folder");
        let fill = Fill::make(folder.path(), ALERTS);
        let server = Server::start(folder.path(), true);
        server.wait_until_idle();
        if is_chosen("memory") {
            steady::memory_of_server(&fill, &server, &mut report);
        }
        for (_, measure) in CROWDED.iter().filter(|(name, _)| is_chosen(name)) {
            measure(&server, &mut report);
        }
        if is_chosen("memory") {
            steady::memory_of_console(&server, &mut report);
        }
        server.stop();
    }
    for (_, measure) in ALONE.iter().filter(|(name, _)| is_chosen(name)) {
        measure(&mut report);
    }
    report.end()
}
