//! Eight consoles, one of them stopped: does the collector suffer? Two figures tell, in pairs that lie side by side in time (all
//! run, one stopped, one stopped, all run …): events a second, which everything else on the machine moves too, and CPU time an
//! event. That a stopped console also costs less, itself and the collector, is no harm.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::console::Console;
use crate::events::{Events, connect};
use crate::figures::{Report, Sample, cpu, milliseconds, note, now};
use crate::server::Server;
use crate::steady::{SETTLED, SIZE};

const CONSOLES: usize = 8;
const PAIRS: usize = 30;
/// How long one half of a pair should take: what else the machine does then is much the same in both.
const HALF: Duration = Duration::from_secs(1);
/// For how long the stopped one is left behind in the end.
const BEHIND: Duration = Duration::from_secs(12);
/// How long the consoles have between two halves.
const PAUSE: Duration = Duration::from_millis(300);

pub(crate) fn stalled(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), false);
    let mut consoles: Vec<Console> = (0..CONSOLES).map(|_| Console::attach(&server, SIZE)).collect();
    for console in &mut consoles {
        console.until("LIVE", |console| console.text().contains("LIVE"));
    }
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
    tell(report, &rates, &costs, flood.count);
    resync(&server, &mut consoles, &mut flood, report);
    consoles.into_iter().for_each(Console::quit);
    server.stop();
}

/// The figure that moves less by itself decides.
fn tell(report: &mut Report, rates: &[f64], costs: &[f64], count: u64) {
    let [rate, cost] = [rates, costs].map(|values| Sample::new(values.to_vec()));
    let width = |sample: &Sample| {
        let (low, high) = sample.median_interval();
        high - low
    };
    let is_cost_steadier = width(&cost) <= width(&rate);
    let rows = [
        ("intake rate", &rate, !is_cost_steadier, -rate.median()),
        ("collector CPU an event", &cost, is_cost_steadier, cost.median()),
    ];
    for (what, sample, is_steadier, harm) in rows {
        let ((low, high), median) = (sample.median_interval(), sample.median());
        let measured = format!("{median:+.2} %  (95 %: {low:+.2} to {high:+.2}), {PAIRS} pairs of {count}");
        if is_steadier {
            report.row("stalled", what, &measured, "worse by under 1 %", harm < 1.0);
            if width(sample) > 2.0 {
                note("stalled", "", "the interval is wider than the goal: too noisy a machine to be sure");
            }
        } else {
            note("stalled", &format!("{what} (noisier)"), &measured);
        }
    }
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
