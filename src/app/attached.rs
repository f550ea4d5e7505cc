//! `wefwatch attach` and `wefwatch tail`: a console, or lines for scripts, on a collector that runs elsewhere. Leaving never
//! ends the collector.

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::SecondsFormat;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::app::desk::{self, Look};
use crate::app::failure::Failure;
use crate::app::signals::Signals;
use crate::attach::Wants;
use crate::attach::client::{self, Attached};
use crate::config;
use crate::console::printable::printable;
use crate::console::{self, Desk};
use crate::feed::{Change, EventLine, Link, Update};
use crate::filter::Filter;
use crate::output::format;

/// How many alerts a console elsewhere begins with, how many it holds, and of how many the evidence: it asks for others as they
/// are looked for.
const FIRST_ALERTS: usize = 2000;
const HELD_ALERTS: usize = 5000;
const HELD_EVIDENCE: usize = 200;

/// Runs it to the end.
pub fn run(runtime: tokio::runtime::Runtime, task: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let result = runtime.block_on(task);
    runtime.shutdown_background();
    result
}

/// The console.
pub async fn console(settings: config::Console, paths: Vec<PathBuf>) -> Result<(), Failure> {
    let max_alerts = settings.max_alerts.min(HELD_ALERTS);
    let wants = Wants::Console { most: max_alerts.min(FIRST_ALERTS) as u64 };
    if settings.plain {
        return plain(client::open(paths, wants), settings.utc).await;
    }
    let Attached { updates, requests, details, links, missed: _ } = client::open(paths, wants);
    let Look { keys, theme, has_truecolor, asks_ground, is_ascii } = desk::look_of(&settings);
    let config = console::Config {
        max_alerts,
        max_evidence: settings.max_evidence.min(HELD_EVIDENCE),
        max_events: settings.max_events,
        utc: settings.utc,
        listeners: Vec::new(),
        is_replay: false,
        is_attached: true,
        who: desk::user_name(),
        keys,
        theme,
        notify: settings.notify,
        has_truecolor,
        asks_ground,
        is_ascii,
        record: format::line,
        never_again: Some("only in a replay"),
        mouse: settings.mouse,
    };
    let mut signals = hear()?;
    let running = watch::Sender::new(false);
    // Over the socket all answers come with what happens.
    let (_, answers) = mpsc::channel(1);
    let console = console::run(updates, Desk { requests, details, links, answers }, running.subscribe(), config);
    tokio::pin!(console);
    let ended = tokio::select! {
        ended = &mut console => ended,
        () = signals.stop() => {
            running.send_replace(true);
            console.await
        }
    };
    ended.map(|_| ()).map_err(|error| Failure::Run(format!("console: {error}")))
}

/// The console as lines: what is raised from now on.
async fn plain(attached: Attached, is_utc: bool) -> Result<(), Failure> {
    // The way to the collector is open as long as there is somebody who could ask.
    let Attached { updates, requests: _requests, details: _details, mut links, missed: _missed } = attached;
    let mut signals = hear()?;
    let (_running, shutdown) = watch::channel(false);
    let lines = console::plain::run(updates, shutdown, is_utc);
    tokio::pin!(lines);
    loop {
        tokio::select! {
            () = signals.stop() => return Ok(()),
            ended = &mut lines => return ended.map_err(|error| Failure::Run(format!("console: {error}"))),
            Some(link) = links.recv() => tell_link(&link),
        }
    }
}

/// The lines.
pub async fn tail(paths: Vec<PathBuf>, filter: String, events: Option<String>, is_json: bool) -> Result<(), Failure> {
    for (flag, text) in std::iter::once(("--filter", &filter)).chain(events.iter().map(|text| ("--events", text))) {
        Filter::parse(text).map_err(|error| Failure::filter(flag, text, &error))?;
    }
    let mut signals = hear()?;
    let mut attached = client::open(paths, Wants::Tail { alerts: Some(filter), events });
    loop {
        tokio::select! {
            biased;
            () = signals.stop() => return Ok(()),
            Some(link) = attached.links.recv() => tell_link(&link),
            Some(count) = attached.missed.recv() => warn!(count, "not read fast enough: updates were lost"),
            update = attached.updates.recv() => {
                let Some(update) = update else { return Ok(()) };
                let mut text = String::new();
                lines(&update, is_json).iter().for_each(|line| text += &format!("{line}\n"));
                let mut out = std::io::stdout().lock();
                match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
                    Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
                    result => result.map_err(|error| Failure::Run(error.to_string()))?,
                }
            }
        }
    }
}

fn hear() -> Result<Signals, Failure> {
    Signals::hear().map_err(|error| Failure::Run(error.to_string()))
}

fn tell_link(link: &Link) {
    match link {
        Link::Up { who, .. } => info!(who, "attached"),
        Link::Silent(silent) => warn!(seconds = silent.as_secs(), "the collector is silent"),
        Link::Down { why, .. } => warn!("{why}; trying again"),
    }
}

fn lines(update: &Arc<Update>, is_json: bool) -> Vec<String> {
    match (&update.change, is_json) {
        (Change::Alert(alert), true) => vec![format::line(alert)],
        (Change::Alert(alert), false) => {
            let time = alert.time.to_rfc3339_opts(SecondsFormat::Millis, true);
            vec![printable(&format!("{time} {} {} {}", alert.severity().as_str(), alert.id.short(), alert.message)).into_owned()]
        }
        (Change::Events(lines), true) => lines.iter().map(|line| format::one_line(&event(line))).collect(),
        (Change::Events(lines), false) => {
            let text = |line: &EventLine| {
                let time = line.time.to_rfc3339_opts(SecondsFormat::Millis, true);
                printable(&format!("{time} event {} {} {}", line.event_id, line.computer, line.summary)).into_owned()
            };
            lines.iter().map(text).collect()
        }
        _ => Vec::new(),
    }
}

/// An event in the names of the alert record.
fn event(line: &EventLine) -> Value {
    json!({
        "@timestamp": line.time.to_rfc3339_opts(SecondsFormat::Millis, true),
        "event": {"kind": "event", "code": line.event_id.to_string(), "original": &*line.xml},
        "message": line.summary,
        "host": {"name": line.computer},
        "winlog": {"channel": line.channel},
        "wefwatch": {"alert": line.alert.as_ref().map(|(id, _)| id.to_string())},
    })
}
