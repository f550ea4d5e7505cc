//! The first picture, and the picture at another size.

use std::time::Duration;

use crate::console::Console;
use crate::figures::{Report, Sample, cpu, milliseconds, note, now};
use crate::server::Server;
use crate::steady::{SETTLED, SIZE};

const STARTS: usize = 10;
const SIZES: [(u16, u16); 4] = [(160, 45), (100, 30), (240, 70), (120, 36)];
const ROUNDS: usize = 5;

pub(crate) fn paint(server: &Server, report: &mut Report) {
    let (mut first, mut usable, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    let (mut resynced, mut spent) = (0, Vec::new());
    for _ in 0..STARTS {
        let mut console = Console::attach(server, SIZE);
        let begin = console.begin;
        let painted = console.until("a frame", |console| !console.text().trim().is_empty());
        let listed = console.until("an alert", |console| {
            let text = console.text();
            text.contains("▎Open alerts") && text.contains("Potential Remote PowerShell")
        });
        let here = console.until_all_is_here();
        for (own, at) in [(&mut first, painted), (&mut usable, listed), (&mut whole, here)] {
            own.push(milliseconds(at - begin));
        }
        spent.push(cpu(console.id()));
        resynced += usize::from(console.text().contains("resynced"));
        console.quit();
    }
    tell(report, "paint", "first frame", first, 50.0);
    tell(report, "paint", "alerts on the screen", usable, 300.0);
    let whole = Sample::new(whole);
    let (p50, max, spent) = (whole.median(), whole.max(), Sample::new(spent).median());
    let measured = format!("p50 {p50:.0}, max {max:.0} ms; {spent:.1} s of CPU; {resynced} of {STARTS} were resynced");
    note("paint", "all alerts are counted", &measured);
}

/// The median has to meet the goal; the largest is shown.
fn tell(report: &mut Report, gate: &str, what: &str, values: Vec<f64>, goal: f64) {
    let sample = Sample::new(values);
    let (p50, max) = (sample.median(), sample.max());
    report.row(gate, what, &format!("p50 {p50:.1}, max {max:.1} ms"), &format!("p50 {goal:.0} ms"), p50 <= goal);
}

pub(crate) fn resize(server: &Server, report: &mut Report) {
    let mut console = Console::attach(server, SIZE);
    console.until_all_is_here();
    console.watch(SETTLED, |_, _| {});
    let mut times = Vec::new();
    for (columns, rows) in SIZES.iter().cycle().take(SIZES.len() * ROUNDS) {
        let begin = now();
        console.resize(*columns, *rows);
        let drawn = console.until("the other size", |console| is_drawn_at(console, *columns, *rows));
        times.push(milliseconds(drawn.saturating_duration_since(begin)));
        console.watch(Duration::from_millis(150), |_, _| {});
    }
    tell(report, "resize", "another size until it is drawn", times, 20.0);
    let mut storm = 0;
    for step in 0..200_u32 {
        let (columns, rows) = (1 + step * 173 % 400, 1 + step * 71 % 200);
        console.resize(columns as u16, rows as u16);
        console.watch(Duration::from_millis(5), |_, _| {});
        storm += 1;
    }
    for (columns, rows) in [(1, 1), (400, 200), (1, 200), (400, 1), SIZE] {
        console.resize(columns, rows);
        console.watch(Duration::from_millis(50), |_, _| {});
        storm += 1;
    }
    let is_alive = console.until_within(SETTLED, |console| is_drawn_at(console, SIZE.0, SIZE.1)).is_some();
    let measured = if is_alive { "draws on" } else { "dead" };
    report.row("resize", &format!("{storm} sizes, 1x1 to 400x200"), measured, "no panic", is_alive);
    console.quit();
}

/// The line under the title reaches the right edge, and the keys stand in the last row.
fn is_drawn_at(console: &Console, columns: u16, rows: u16) -> bool {
    let drawn = console.rows();
    let is_line = |row: &String| row.chars().count() == usize::from(columns) && row.ends_with('─');
    drawn.get(1).is_some_and(is_line) && drawn.get(usize::from(rows) - 1).is_some_and(|row| row.contains("q quit"))
}
