//! The console for screen readers and terminals that can only write lines: a line an alert, nothing is drawn over, no keys.

use std::io::{self, Write as _, stdout};
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::alert::header::Header;
use crate::alert::{Action, Alert};
use crate::console::printable::printable;
use crate::console::view::style::clock;
use crate::feed::{Change, NoticeLevel, Update};

/// What the collector still makes of what was read is written before the end: so long it may take.
const GRACE: Duration = Duration::from_millis(500);

/// Writes lines until the end is asked for.
pub async fn run(mut updates: mpsc::Receiver<Arc<Update>>, mut shutdown: watch::Receiver<bool>, is_utc: bool) -> io::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    let (mut is_ending, mut end) = (false, Instant::now());
    loop {
        let update = tokio::select! {
            biased;
            _ = hangup.recv() => return Ok(()),
            // What waits is written before the end.
            update = updates.recv() => match update {
                Some(update) => update,
                None => return Ok(()),
            },
            _ = shutdown.changed(), if !is_ending => {
                (is_ending, end) = (true, Instant::now() + GRACE);
                continue;
            }
            () = sleep_until(end), if is_ending => return Ok(()),
        };
        let Some(line) = line(&update, is_utc) else { continue };
        match writeln!(stdout(), "{line}").and_then(|()| stdout().flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
            written => written?,
        }
    }
}

/// The line of an update, for those that have one.
fn line(update: &Update, is_utc: bool) -> Option<String> {
    match &update.change {
        Change::Alert(alert) => Some(of_alert(alert, is_utc)),
        Change::Notice(notice) if notice.level == NoticeLevel::Warning => {
            Some(format!("{} warning: {}", clock(update.at, is_utc, "%H:%M:%S"), printable(&notice.text)))
        }
        _ => None,
    }
}

/// `14:28:57 high a7f3 10.20.4.31 > SRV-FILE01, Rule: what happened`.
fn of_alert(alert: &Alert, is_utc: bool) -> String {
    let header = Header::of(alert);
    let time = clock(alert.time, is_utc, "%Y-%m-%d %H:%M:%S");
    let again = if alert.action == Action::Updated { "updated, " } else { "" };
    let muted = if alert.muted.is_some() { ", muted" } else { "" };
    format!(
        "{time} {} {}{muted}, {again}{}, {}: {}",
        header.severity.as_str(),
        header.id.short(),
        printable(&header.path),
        printable(&header.rule),
        printable(&header.message)
    )
}
