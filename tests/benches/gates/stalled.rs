//! Eight consoles, one of them stopped: does the collector suffer? Two figures decide: what it takes in of 10,000 events a
//! second, which it would not if it waited for a console, and the instructions that an event costs it. How much it takes in flat
//! out, and the CPU time of that, are moved by everything else on the machine; they are noted, with their intervals. They are
//! measured in pairs that lie side by side in time (all run, one stopped, one stopped, all run …). That a stopped console also
//! costs less, itself and the collector, is no harm.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::console::Console;
use crate::counted::Counted;
use crate::events::{Events, Paced, connect};
use crate::figures::{Report, Sample, cpu, milliseconds, note, now};
use crate::server::Server;
use crate::steady::{LOAD, SETTLED, SIZE};

const CONSOLES: usize = 8;
const PAIRS: usize = 30;
/// How long one half of a pair should take: what else the machine does then is much the same in both.
const HALF: Duration = Duration::from_secs(1);
/// For how long the stopped one is left behind in the end.
const BEHIND: Duration = Duration::from_secs(12);
/// How long an even stream is looked at.
const PACED: Duration = Duration::from_secs(15);
/// Events and pairs whose instructions are counted.
const COUNTED: u64 = 20_000;
const COUNTED_PAIRS: usize = 20;
/// How long the consoles have between two halves.
const PAUSE: Duration = Duration::from_millis(300);

pub(crate) fn stalled(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), false);
    let mut consoles = attached(&server);
    let mut flood = Flood { source: Events::new(), taken: 0, count: 100_000 };
    flood.count = (flood.run(&server).0 * HALF.as_secs_f64()) as u64;
    flood.run(&server);
    let (mut rates, mut costs) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        let mut half = |is_stopped: bool| {
            if is_stopped {
                consoles[0].signal(Signal::SIGSTOP);
            }
            let told = flood.run(&server);
            consoles[0].signal(Signal::SIGCONT);
            // It has to catch up before the next begins.
            consoles[0].watch(PAUSE, |_, _| {});
            consoles.iter_mut().for_each(Console::catch_up);
            told
        };
        let (all, one_less) = if pair % 2 == 0 {
            let all = half(false);
            (all, half(true))
        } else {
            let one_less = half(true);
            (half(false), one_less)
        };
        rates.push((one_less.0 / all.0 - 1.0) * 100.0);
        costs.push((one_less.1 / all.1 - 1.0) * 100.0);
    }
    tell(rates, costs, flood.count);
    resync(&server, &mut consoles, &mut flood, report);
    paced(&server, &mut consoles, report);
    consoles.into_iter().for_each(Console::quit);
    server.stop();
}

/// How much it takes in flat out, and what an event costs then.
fn tell(rates: Vec<f64>, costs: Vec<f64>, count: u64) {
    for (what, values) in [("intake flat out", rates), ("collector CPU an event, flat out", costs)] {
        let sample = Sample::new(values);
        let ((low, high), median) = (sample.median_interval(), sample.median());
        note("stalled", what, &format!("{median:+.2} %  (95 %: {low:+.2} to {high:+.2}), {PAIRS} pairs of {count}"));
    }
}

/// Whether what it takes in of an even stream changes.
fn paced(server: &Server, consoles: &mut [Console], report: &mut Report) {
    let paced = Paced::start(server.tcp(), LOAD.0, LOAD.1);
    let mut taken = |is_stopped: bool| {
        if is_stopped {
            consoles[0].signal(Signal::SIGSTOP);
        }
        let (before, begin) = server.next_total("wefwatch_events_total");
        consoles[1].watch(PACED, |_, _| {});
        let (after, end) = server.next_total("wefwatch_events_total");
        consoles[0].signal(Signal::SIGCONT);
        consoles.iter_mut().for_each(Console::catch_up);
        (after - before) as f64 / (end - begin).as_secs_f64()
    };
    // What comes first is a little slower than what follows.
    let [_, all, stopped] = [false, false, true].map(&mut taken);
    paced.end();
    let change = (stopped / all - 1.0) * 100.0;
    let measured = format!("{all:.0} and {stopped:.0} a second: {change:+.2} %");
    report.row("stalled", "intake of 10,000 events a second", &measured, "changes by under 1 %", change.abs() < 1.0);
}

/// What an event costs the collector, in instructions.
pub(crate) fn counted(report: &mut Report) {
    let Some(mut counted) = Counted::start() else {
        return note("counted", "instructions an event", "not counted: valgrind is not installed");
    };
    let mut consoles = attached(&counted.server);
    let mut source = Events::new();
    let mut taken = 0;
    let mut half = |is_stopped: bool| {
        if is_stopped {
            consoles[0].signal(Signal::SIGSTOP);
        }
        counted.instructions();
        source.flood(counted.server.tcp(), COUNTED);
        taken += COUNTED;
        counted.server.wait_for("wefwatch_events_total", taken);
        let count = counted.instructions() as f64 / COUNTED as f64;
        consoles[0].signal(Signal::SIGCONT);
        consoles[0].watch(SETTLED, |_, _| {});
        consoles.iter_mut().for_each(Console::catch_up);
        count
    };
    half(false);
    let mut pair = |number: usize| {
        let is_turned = number.is_multiple_of(2);
        let (first, second) = (half(is_turned), half(!is_turned));
        if is_turned { (second, first) } else { (first, second) }
    };
    let pairs: Vec<(f64, f64)> = (0..COUNTED_PAIRS).map(&mut pair).collect();
    let changes = Sample::new(pairs.iter().map(|(all, stopped)| (stopped / all - 1.0) * 100.0).collect());
    let (all, median) = (Sample::new(pairs.iter().map(|(all, _)| *all).collect()).median(), changes.median());
    let (low, high) = changes.median_interval();
    let measured = format!("{median:+.2} % of {all:.0}  (95 %: {low:+.2} to {high:+.2}), {COUNTED_PAIRS} pairs");
    report.row("counted", "instructions an event", &measured, "more by under 1 %", high < 1.0);
    consoles.into_iter().for_each(Console::quit);
    counted.server.stop();
}

fn attached(server: &Server) -> Vec<Console> {
    let mut consoles: Vec<Console> = (0..CONSOLES).map(|_| Console::attach(server, SIZE)).collect();
    for console in &mut consoles {
        console.until("LIVE", |console| console.text().contains("LIVE"));
    }
    consoles
}

/// Stopped for long, with an alert in the meantime, it knows of it soon after it goes on.
fn resync(server: &Server, consoles: &mut [Console], flood: &mut Flood, report: &mut Report) {
    let before = consoles[1].text();
    consoles[0].signal(Signal::SIGSTOP);
    let begin = now();
    while begin.elapsed() < BEHIND {
        flood.run(server);
        consoles.iter_mut().for_each(Console::catch_up);
    }
    Events::new().alerts(&mut connect(server.tcp()), 1);
    let is_told = |console: &Console| console.text().contains("HIGH 1") && console.text().contains("Potential Remote");
    assert!(!before.contains("HIGH 1"), "the flood raises alerts:\n{before}");
    consoles[1].until("the alert", is_told);
    let begin = now();
    consoles[0].signal(Signal::SIGCONT);
    let told = consoles[0].until_within(BEHIND, is_told).map(|at| milliseconds(at - begin));
    let said = consoles[0].until_within(SETTLED, |console| console.text().contains("resynced"));
    let measured = match told {
        Some(after) if said.is_some() => format!("newest alert after {after:.0} ms, and says that it was resynced"),
        Some(after) => format!("newest alert after {after:.0} ms, without a resync"),
        None => "never shows the newest alert".to_owned(),
    };
    report.row("stalled", "the stopped console goes on", &measured, "resyncs", told.is_some() && said.is_some());
}

/// As many events as fit, again and again.
struct Flood {
    source: Events,
    taken: u64,
    count: u64,
}

impl Flood {
    /// Events a second, and microseconds of the collector's CPU an event.
    fn run(&mut self, server: &Server) -> (f64, f64) {
        let before = cpu(server.id());
        let span = self.source.flood(server.tcp(), self.count);
        self.taken += self.count;
        server.wait_for("wefwatch_events_total", self.taken);
        let spent = cpu(server.id()) - before;
        (self.count as f64 / span.as_secs_f64(), spent * 1e6 / self.count as f64)
    }
}
