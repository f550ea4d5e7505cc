//! Figures: percentiles, an interval for a median, the clock, what the kernel knows of a process, and the table.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

#[allow(clippy::disallowed_methods, reason = "real time is what is measured")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// The CPU time of all threads of a process, those that ended too, in seconds.
pub(crate) fn cpu(process: u32) -> f64 {
    let clock = clock_getcpuclockid(Pid::from_raw(process as i32)).expect("it runs");
    Duration::from(clock.now().expect("it runs")).as_secs_f64()
}

/// Resident memory in bytes: now, and at its highest.
pub(crate) fn resident(process: u32) -> (u64, u64) {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let kilobytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("Linux tells it");
        line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
    };
    (kilobytes("VmRSS:") * 1024, kilobytes("VmHWM:") * 1024)
}

/// As people count memory.
pub(crate) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

pub(crate) fn milliseconds(span: Duration) -> f64 {
    span.as_secs_f64() * 1000.0
}

/// Sorted figures.
pub(crate) struct Sample(Vec<f64>);

impl Sample {
    pub(crate) fn new(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        Self(values)
    }

    /// The smallest value that so large a share does not exceed.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let place = (share * self.0.len() as f64).ceil() as usize;
        self.0[place.clamp(1, self.0.len()) - 1]
    }

    pub(crate) fn max(&self) -> f64 {
        self.quantile(1.0)
    }

    pub(crate) fn median(&self) -> f64 {
        f64::midpoint(self.0[(self.0.len() - 1) / 2], self.0[self.0.len() / 2])
    }

    /// Between which two of the values the median lies with at least 95 % confidence, by ranks; so it asks for no distribution.
    pub(crate) fn median_interval(&self) -> (f64, f64) {
        let count = self.0.len();
        // How likely it is that at most `rank` of the values lie below the median.
        let (mut term, mut tail, mut rank) = (0.5_f64.powi(count as i32), 0.0, 0);
        while tail + term <= 0.025 {
            tail += term;
            term *= (count - rank) as f64 / (rank + 1) as f64;
            rank += 1;
        }
        let outside = rank.saturating_sub(1);
        (self.0[outside], self.0[count - 1 - outside])
    }
}

/// The table, printed as it grows.
pub(crate) struct Report {
    missed: Vec<String>,
}

impl Report {
    pub(crate) fn begin() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        println!("{cores} cores, load {}", load());
        println!("{:<9} {:<36} {:<58} {:<22} met", "gate", "what", "measured", "goal");
        Self { missed: Vec::new() }
    }

    /// A measured value with its goal.
    pub(crate) fn row(&mut self, gate: &str, what: &str, measured: &str, goal: &str, is_met: bool) {
        println!("{gate:<9} {what:<36} {measured:<58} {goal:<22} {}", if is_met { "yes" } else { "NO" });
        if !is_met {
            self.missed.push(format!("{gate}: {what}"));
        }
    }

    pub(crate) fn end(self) -> ExitCode {
        println!("load {} at the end", load());
        if self.missed.is_empty() {
            println!("every goal is met");
            return ExitCode::SUCCESS;
        }
        println!("missed: {}", self.missed.join("; "));
        ExitCode::FAILURE
    }
}

/// A row of the table with no goal.
pub(crate) fn note(gate: &str, what: &str, measured: &str) {
    println!("{gate:<9} {what:<36} {measured}");
}

/// How many wanted to run in the last minute, five and fifteen.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}
