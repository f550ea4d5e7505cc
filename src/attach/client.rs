//! The viewer's end of the socket: connects, says hello, hands on what it hears, carries requests, and begins anew when the
//! collector is gone, half a second later at first and five seconds at most. Silence is told, so that a stale picture never
//! looks live.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use crate::alert::Alert;
use crate::attach::frame::{self, Deframer, MAX_SAID, MAX_TOLD};
use crate::attach::{PROTOCOL, Said, Told, Wants};
use crate::feed::status::RuleStatus;
use crate::feed::{Change, Link, Request, Update};
use crate::triage::{Refusal, UNREACHED};

/// The first and the longest pause before the next try.
const RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(5));
/// After how long without a word the picture is stale.
const STALE: Duration = Duration::from_secs(3);
/// How many updates, requests and answers may wait.
const UPDATES: usize = 1024;
const REQUESTS: usize = 64;

/// What a viewer holds.
#[derive(Debug)]
pub struct Attached {
    /// What happened.
    pub updates: mpsc::Receiver<Arc<Update>>,
    /// What is asked.
    pub requests: mpsc::Sender<Request>,
    /// Evidence that was asked for.
    pub details: mpsc::Receiver<Arc<Alert>>,
    /// How the connection fares.
    pub links: mpsc::Receiver<Link>,
    /// Updates that were lost, for scripts.
    pub missed: mpsc::Receiver<u64>,
}

/// Begins to attach to the first of these sockets that answers; ends when the viewer lets go.
pub fn open(paths: Vec<PathBuf>, wants: Wants) -> Attached {
    let (updates_sender, updates) = mpsc::channel(UPDATES);
    let (requests, asked) = mpsc::channel(REQUESTS);
    let (details_sender, details) = mpsc::channel(REQUESTS);
    let (links_sender, links) = mpsc::channel(REQUESTS);
    let (missed_sender, missed) = mpsc::channel(REQUESTS);
    let client = Client {
        paths,
        wants,
        updates: updates_sender,
        asked,
        details: details_sender,
        links: links_sender,
        missed: missed_sender,
        last_heard: Instant::now(),
        rules: Vec::new(),
    };
    tokio::spawn(client.run());
    Attached { updates, requests, details, links, missed }
}

struct Client {
    paths: Vec<PathBuf>,
    wants: Wants,
    updates: mpsc::Sender<Arc<Update>>,
    asked: mpsc::Receiver<Request>,
    details: mpsc::Sender<Arc<Alert>>,
    links: mpsc::Sender<Link>,
    missed: mpsc::Sender<u64>,
    last_heard: Instant,
    rules: Vec<RuleStatus>,
}

/// Why a connection ended.
enum Ended {
    /// The viewer let go.
    Done,
    /// It broke; whether it had worked.
    Broken(String, bool),
}

impl Client {
    async fn run(mut self) {
        let mut pause = RETRY.0;
        loop {
            let (why, had_worked) = match self.connect().await {
                Ended::Done => return,
                Ended::Broken(why, had_worked) => (why, had_worked),
            };
            if had_worked {
                pause = RETRY.0;
            }
            let down = Link::Down { why, silent: self.last_heard.elapsed() };
            if self.links.send(down).await.is_err() || !self.wait(pause).await {
                return;
            }
            pause = (pause * 2).min(RETRY.1);
        }
    }

    /// Waits before the next try; what is asked meanwhile is not done. False when the viewer let go.
    async fn wait(&mut self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        loop {
            tokio::select! {
                () = sleep_until(until) => return !self.updates.is_closed(),
                () = self.updates.closed() => return false,
                request = self.asked.recv() => match request {
                    None => return false,
                    Some(request) => {
                        let Some(act) = request.act() else { continue };
                        let refusal = Refusal { token: act.token, who: act.who.clone(), reason: UNREACHED.to_owned() };
                        let change = Change::Refused(refusal);
                        let update = Update { seq: 0, at: chrono::DateTime::UNIX_EPOCH, change };
                        if self.updates.send(Arc::new(update)).await.is_err() {
                            return false;
                        }
                    }
                },
            }
        }
    }

    async fn connect(&mut self) -> Ended {
        let mut why = "no socket is named".to_owned();
        for path in &self.paths {
            match UnixStream::connect(path).await {
                Ok(stream) => return self.talk(stream).await,
                Err(error) => why = unreachable(path, &error),
            }
        }
        Ended::Broken(why, false)
    }

    async fn talk(&mut self, stream: UnixStream) -> Ended {
        let (read, mut write) = stream.into_split();
        let mut reader = Reader { read, deframer: Deframer::new(MAX_TOLD) };
        let hello = Said::Hello { proto: PROTOCOL, wants: self.wants.clone() };
        if let Err(error) = say(&mut write, &hello).await {
            return Ended::Broken(format!("the collector went away: {error}"), false);
        }
        let up = match timeout(STALE, reader.next()).await {
            Ok(Ok(Some(Told::Hello { proto: PROTOCOL, who, role, viewer }))) => Link::Up { who, role, viewer },
            Ok(Ok(Some(Told::Sorry { reason }))) => return Ended::Broken(format!("not let in: {reason}"), false),
            Ok(Ok(Some(_))) => return Ended::Broken("the collector speaks another version of the protocol".to_owned(), false),
            Ok(Ok(None)) => return Ended::Broken("the collector closed the connection".to_owned(), false),
            Ok(Err(error)) => return Ended::Broken(error, false),
            Err(_) => return Ended::Broken("the collector does not answer".to_owned(), false),
        };
        self.last_heard = Instant::now();
        if self.links.send(up.clone()).await.is_err() {
            return Ended::Done;
        }
        self.follow(reader, write, up).await
    }

    async fn follow(&mut self, mut reader: Reader, mut write: OwnedWriteHalf, up: Link) -> Ended {
        let mut is_silent = false;
        let closed = self.updates.clone();
        loop {
            let told = tokio::select! {
                told = reader.next() => told,
                () = closed.closed() => return Ended::Done,
                request = self.asked.recv() => {
                    let Some(request) = request else { return Ended::Done };
                    match timeout(STALE, say(&mut write, &Said::Request(request))).await {
                        Ok(Ok(())) => continue,
                        Ok(Err(error)) => return Ended::Broken(format!("the collector went away: {error}"), true),
                        Err(_) => return Ended::Broken("the collector does not read".to_owned(), true),
                    }
                }
                () = sleep_until(self.last_heard + STALE), if !is_silent => {
                    is_silent = true;
                    let _ = self.links.send(Link::Silent(STALE)).await;
                    continue;
                }
            };
            self.last_heard = Instant::now();
            if std::mem::take(&mut is_silent) {
                let _ = self.links.send(up.clone()).await;
            }
            match told {
                Ok(Some(told)) => {
                    if !self.hear(told).await {
                        return Ended::Done;
                    }
                }
                Ok(None) => return Ended::Broken("the collector went away".to_owned(), true),
                Err(problem) => return Ended::Broken(problem, true),
            }
        }
    }

    /// Hands on what was told; false when the viewer let go.
    async fn hear(&mut self, told: Told) -> bool {
        match told {
            Told::Updates(updates) => {
                for update in updates {
                    let update = self.with_rules(update);
                    if self.updates.send(update).await.is_err() {
                        return false;
                    }
                }
                true
            }
            Told::Detail(alert) => self.details.send(alert).await.is_ok(),
            Told::Missed(count) => self.missed.send(count).await.is_ok(),
            Told::Hello { .. } | Told::Sorry { .. } | Told::Beat => true,
        }
    }

    /// What every rule did is not told with every status: then it is as it was.
    fn with_rules(&mut self, mut update: Arc<Update>) -> Arc<Update> {
        if let Some(Update { change: Change::Status(status), .. }) = Arc::get_mut(&mut update) {
            if status.rules.is_empty() {
                status.rules.clone_from(&self.rules);
            } else {
                self.rules.clone_from(&status.rules);
            }
        }
        update
    }
}

fn unreachable(path: &std::path::Path, error: &io::Error) -> String {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::NotFound => format!("no collector serves {path}"),
        io::ErrorKind::ConnectionRefused => format!("no collector serves {path} any more"),
        io::ErrorKind::PermissionDenied => format!(
            "{path}: you may not attach here: you are in none of the groups that may (a new one counts from the next login)"
        ),
        _ => format!("{path}: {error}"),
    }
}

async fn say(write: &mut OwnedWriteHalf, said: &Said) -> io::Result<()> {
    let frame = frame::frame(said, MAX_SAID).ok_or_else(|| io::Error::other("too much at once"))?;
    write.write_all(&frame).await
}

struct Reader {
    read: OwnedReadHalf,
    deframer: Deframer,
}

impl Reader {
    /// The next word; `None` at the end. Can be given up at any time without a loss.
    async fn next(&mut self) -> Result<Option<Told>, String> {
        loop {
            if let Some(frame) = self.deframer.cut().map_err(|error| error.to_string())? {
                return serde_json::from_slice(&frame)
                    .map(Some)
                    .map_err(|error| format!("the collector is not understood: {error}"));
            }
            match self.read.read_buf(&mut self.deframer.buffer).await {
                Ok(0) => return Ok(None),
                Ok(_) => {}
                Err(error) => return Err(format!("the collector went away: {error}")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::{Act, Deed};

    #[tokio::test]
    async fn what_cannot_be_done_without_a_collector_is_refused() {
        let attached = open(vec![PathBuf::from("/nowhere/w.sock")], Wants::Console { most: 1 });
        let Attached { requests, mut updates, .. } = attached;
        let act = |token| Act { token, who: "bob".to_owned(), deed: Deed::Own, reason: String::new(), targets: Vec::new() };
        for request in [Request::Act(act(1)), Request::ActOnRepeats(act(2))] {
            requests.send(request).await.unwrap();
        }
        drop(requests);
        for token in [1, 2] {
            let update = updates.recv().await.unwrap();
            let Change::Refused(refusal) = &update.change else { panic!("{update:?}") };
            assert_eq!(refusal.token, token);
        }
    }
}
