//! The signals that a service hears. They are counted on a thread of their own, and each that the kernel delivers is handed
//! over by itself: however busy everything else is, no request to stop is taken for one with the request before it. Tokio's own
//! streams, which merge what comes between two polls, lost the second one under load. What stays is the kernel's own merging of
//! equal signals that come before the process had a processor at all; SIGTERM and SIGINT are never merged.

use std::io;

use nix::sys::signal::Signal;
use signal_hook::iterator::SignalsInfo;
use signal_hook::iterator::exfiltrator::raw::WithRawSiginfo;
use tokio::sync::watch;

/// What was asked for by signals so far.
#[derive(Debug, Clone)]
pub struct Signals {
    /// How many SIGTERM and SIGINT there were.
    stops: watch::Receiver<u64>,
    /// How many SIGHUP there were.
    reloads: watch::Receiver<u64>,
    /// How many requests to stop were taken here.
    taken: u64,
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// SIGTERM or SIGINT: stop.
    Stop,
    /// SIGHUP: reload rules, reopen files.
    Reload,
}

impl Signals {
    /// Begins to listen, for the rest of the program.
    pub fn hear() -> io::Result<Self> {
        let (stops, reloads) = (watch::Sender::new(0), watch::Sender::new(0));
        let signals = Self { stops: stops.subscribe(), reloads: reloads.subscribe(), taken: 0 };
        let all = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].map(|signal| signal as i32);
        let mut heard = SignalsInfo::<WithRawSiginfo>::new(all)?;
        let count = move || {
            for signal in heard.forever() {
                let counter = if signal.si_signo == Signal::SIGHUP as i32 { &reloads } else { &stops };
                counter.send_modify(|count| *count += 1);
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(count)?;
        Ok(signals)
    }

    /// The next signal.
    pub async fn next(&mut self) -> Asked {
        let Self { stops, reloads, taken } = self;
        tokio::select! {
            biased;
            () = next_stop(stops, taken) => Asked::Stop,
            Ok(()) = reloads.changed() => Asked::Reload,
        }
    }

    /// The next request to stop.
    pub async fn stop(&mut self) {
        next_stop(&mut self.stops, &mut self.taken).await;
    }

    /// How many requests to stop were taken.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// Waits until one has come that is not to be waited for: the second, or, once the draining has begun, the first beyond
    /// those that began it.
    pub async fn at_once(mut self, mut drains: watch::Receiver<Option<u64>>) {
        while *self.stops.borrow_and_update() <= drains.borrow_and_update().unwrap_or(1) {
            tokio::select! {
                Ok(()) = self.stops.changed() => {}
                Ok(()) = drains.changed() => {}
                else => std::future::pending().await,
            }
        }
    }
}

async fn next_stop(stops: &mut watch::Receiver<u64>, taken: &mut u64) {
    if stops.wait_for(|count| count > taken).await.is_err() {
        // The thread ends with the program: this is never reached.
        std::future::pending::<()>().await;
    }
    *taken += 1;
}
