//! Keys: how long until what one does is seen, what a held one leaves behind, and how many it takes to see why.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::console::Console;
use crate::events::Paced;
use crate::figures::{Report, Sample, milliseconds, note, now};
use crate::server::Server;
use crate::steady::{LOAD, SETTLED, SIZE};

/// How many keys are timed.
const KEYS: u64 = 60;
/// How often a held key repeats, and how many times.
const REPEATS: (Duration, usize) = (Duration::from_micros(33_333), 200);

pub(crate) fn keys(server: &Server, report: &mut Report) {
    let mut console = Console::attach(server, SIZE);
    console.until_all_is_here();
    open_the_list(&mut console);
    console.watch(SETTLED, |_, _| {});
    one_by_one(&mut console, report, "idle", 5.0);
    held(&mut console, report, "idle");
    let paced = Paced::start(server.tcp(), LOAD.0, LOAD.1);
    console.watch(SETTLED, |_, _| {});
    let busy = "at 10,000 ev/s";
    one_by_one(&mut console, report, busy, 16.0);
    held(&mut console, report, busy);
    note("keys", "events taken", &format!("{:.0} a second", paced.end()));
    console.quit();
}

/// The list of all alerts, with one of them chosen: the selection then moves by keys alone.
fn open_the_list(console: &mut Console) {
    console.press("2");
    console.until("the list", |console| console.text().contains("▎Alerts"));
    let first = console.selected();
    console.press("j");
    console.until("the second alert", |console| console.selected() != first);
}

fn one_by_one(console: &mut Console, report: &mut Report, when: &str, goal: f64) {
    let mut latencies = Vec::new();
    for number in 0..KEYS {
        // At no fixed place between two frames.
        console.watch(Duration::from_millis(120 + number * 37 % 100), |_, _| {});
        let before = console.selected();
        let key = ["j", "j", "j", "j", "1", "2"][number as usize % 6];
        let pressed = now();
        console.press(key);
        let shown = console.until("what the key does", |console| match key {
            "1" => console.text().contains("▎Open alerts"),
            "2" => console.text().contains("▎Alerts"),
            _ => console.selected() != before,
        });
        latencies.push(milliseconds(shown.saturating_duration_since(pressed)));
    }
    let sample = Sample::new(latencies);
    let (p50, p95, max) = (sample.median(), sample.quantile(0.95), sample.max());
    let measured = format!("p50 {p50:.1}, p95 {p95:.1}, max {max:.1} ms");
    let is_met = p95 <= goal && max <= 50.0;
    report.row("keys", &format!("key to its effect, {when}"), &measured, &format!("p95 {goal:.0}, max 50 ms"), is_met);
}

/// After the last repeat the selection may move only as long as a key takes.
fn held(console: &mut Console, report: &mut Report, when: &str) {
    let (mut selected, mut moves, mut last): (Option<String>, usize, Option<Instant>) = (console.selected(), 0, None);
    let mut look = |console: &Console, at: Instant| {
        let own = console.selected();
        if own != selected {
            (selected, last) = (own, Some(at));
            moves += 1;
        }
    };
    for _ in 1..REPEATS.1 {
        console.press("j");
        console.watch(REPEATS.0, &mut look);
    }
    let released = now();
    console.press("j");
    console.watch(Duration::from_secs(2), &mut look);
    let after = last.map_or(0.0, |last| milliseconds(last.saturating_duration_since(released)));
    let measured = format!("{after:.1} ms after the last of {} keys; {moves} moves seen", REPEATS.1);
    report.row("keys", &format!("a held key runs on, {when}"), &measured, "50 ms", after <= 50.0 && moves > 0);
}

pub(crate) fn why(server: &Server, report: &mut Report) {
    // What the rule asked for, with its value, on the same screen as the lists; or the whole reason.
    for (size, goal) in [(SIZE, 0), ((80, 24), 1)] {
        let mut console = Console::attach(server, size);
        console.until_all_is_here();
        let keys = ["", "n", "1"].iter().position(|key| {
            console.press(key);
            let is_told = |console: &Console| {
                let text = console.text();
                text.contains("▎Why ") && text.contains("DestinationPort") || text.contains("Why it fired")
            };
            console.until_within(SETTLED, is_told).is_some()
        });
        let measured = keys.map_or("never".to_owned(), |keys| keys.to_string());
        let what = format!("keys from the start, {}x{}", size.0, size.1);
        report.row("why", &what, &measured, &goal.to_string(), keys.is_some_and(|keys| keys <= goal));
        console.quit();
        sleep(Duration::from_millis(100));
    }
}
