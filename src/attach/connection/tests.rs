//! Viewers over a pair of sockets, with the hall behind them.

use super::*;
use crate::alert::header::testing::header;
use crate::attach::hall;
use crate::feed::Known;
use crate::triage::many::Part;
use crate::triage::mute::Scope;
use crate::triage::{Act, Deed, Entry, Refusal};

async fn say(stream: &mut UnixStream, said: &Said) {
    stream.write_all(&frame::frame(said, MAX_SAID).unwrap()).await.unwrap();
}

async fn hear(stream: &mut UnixStream, deframer: &mut Deframer) -> Told {
    loop {
        if let Some(frame) = deframer.cut().unwrap() {
            return serde_json::from_slice(&frame).unwrap();
        }
        assert!(stream.read_buf(&mut deframer.buffer).await.unwrap() > 0, "closed");
    }
}

/// What comes of an act that claims another name, by the role of the peer: what the collector is handed, or the refusal.
async fn act_as(role: Role, is_many: bool) -> Result<Act, Refusal> {
    let (_feed, updates) = mpsc::channel(8);
    let (doors, asked) = mpsc::channel(8);
    let (intake, mut taken) = mpsc::channel(8);
    let (reload, _reloads) = mpsc::channel(1);
    tokio::spawn(hall::run(updates, asked));
    let way = Way { intake: intake.downgrade(), store: None, archive: None, reload };
    let (mut viewer, stream) = UnixStream::pair().unwrap();
    let peer = Peer { who: "bob".to_owned(), role };
    tokio::spawn(run(stream, Ok(peer), 7, Shared { way, doors }));
    say(&mut viewer, &Said::Hello { proto: PROTOCOL, wants: Wants::Console { most: 10 } }).await;
    let act = Act { token: 3, who: "root".to_owned(), deed: Deed::Acknowledge, reason: String::new(), targets: Vec::new() };
    let request = if is_many { Request::ActOnEach(vec![Part { act, after: 0 }]) } else { Request::Act(act) };
    say(&mut viewer, &Said::Request(request)).await;
    let mut deframer = Deframer::new(MAX_TOLD);
    loop {
        tokio::select! {
            Some(intake) = taken.recv() => {
                if let Intake::Act(act) | Intake::ActOnEach(Part { act, .. }) = intake {
                    return Ok(act);
                }
            }
            told = hear(&mut viewer, &mut deframer) => {
                let Told::Updates(updates) = told else { continue };
                if let Some(Change::Refused(refusal)) = updates.first().map(|update| &update.change) {
                    return Err(refusal.clone());
                }
            }
        }
    }
}

#[tokio::test]
async fn a_viewer_may_look_only_and_nobody_acts_under_another_name() {
    for is_many in [false, true] {
        assert_eq!(act_as(Role::Analyst, is_many).await.map(|act| act.who), Ok("bob".to_owned()));
        let refusal = act_as(Role::Viewer, is_many).await.unwrap_err();
        assert_eq!((refusal.token, refusal.who.as_str()), (3, "bob"));
        assert!(refusal.reason.contains("your role is viewer"), "{}", refusal.reason);
    }
}

/// A collector with a hall, and somebody at its socket.
struct Visit {
    feed: mpsc::Sender<Arc<Update>>,
    viewer: UnixStream,
    deframer: Deframer,
    intake: mpsc::Sender<Intake>,
    taken: mpsc::Receiver<Intake>,
}

impl Visit {
    async fn new(past: Vec<Change>) -> Self {
        let (feed, updates) = mpsc::channel(1024);
        let (doors, asked) = mpsc::channel(8);
        let (intake, taken) = mpsc::channel(1024);
        let (reload, _) = mpsc::channel(1);
        let hall = tokio::spawn(hall::run(updates, asked));
        assert!(!hall.is_finished());
        let (viewer, stream) = UnixStream::pair().unwrap();
        let way = Way { intake: intake.downgrade(), store: None, archive: None, reload };
        let mut visit = Self { feed, viewer, deframer: Deframer::new(MAX_TOLD), intake, taken };
        for change in past {
            visit.happen(change).await;
        }
        // What the store had ends with the first thing that it had not.
        visit.happen(Change::Status(Box::default())).await;
        while visit.feed.capacity() < visit.feed.max_capacity() {
            tokio::task::yield_now().await;
        }
        let peer = Peer { who: "bob".to_owned(), role: Role::Analyst };
        tokio::spawn(run(stream, Ok(peer), 7, Shared { way, doors }));
        say(&mut visit.viewer, &Said::Hello { proto: PROTOCOL, wants: Wants::Console { most: 10 } }).await;
        visit
    }

    async fn happen(&mut self, change: Change) {
        let update = Update { seq: 0, at: chrono::DateTime::UNIX_EPOCH, change };
        self.feed.send(Arc::new(update)).await.unwrap();
    }

    async fn ask(&mut self, request: Request) {
        say(&mut self.viewer, &Said::Request(request)).await;
    }

    /// The changes of the next frame that has some.
    async fn changes(&mut self) -> Vec<Change> {
        loop {
            if let Told::Updates(updates) = hear(&mut self.viewer, &mut self.deframer).await {
                return updates.iter().map(|update| update.change.clone()).collect();
            }
        }
    }
}

fn entry(number: u64, reason: &str) -> Change {
    let at = chrono::DateTime::UNIX_EPOCH;
    let (deed, reason) = (Deed::Comment, reason.to_owned());
    Change::Triage(Arc::new(Entry { number, at, who: "bob".to_owned(), deed, reason, alerts: Vec::new(), token: 0 }))
}

#[tokio::test]
async fn what_is_done_now_is_told_after_what_was_done_before() {
    // More than one piece of a snapshot, and more than a socket takes while nobody reads.
    let words = "x".repeat(2000);
    let mut visit = Visit::new((1..=1200).map(|number| entry(number, &words)).collect()).await;
    let (mut numbers, mut has_happened) = (Vec::new(), false);
    while numbers.len() < 1500 {
        for change in visit.changes().await {
            match change {
                Change::Snapshot(snapshot) => numbers.extend(snapshot.entries.iter().map(|entry| entry.number)),
                Change::Triage(entry) => numbers.push(entry.number),
                _ => {}
            }
        }
        if numbers.last() == Some(&500) && !std::mem::replace(&mut has_happened, true) {
            // So many that they are not kept back for others.
            for number in 1201..=1500 {
                visit.happen(entry(number, "now")).await;
            }
        }
    }
    assert!(numbers.is_sorted(), "{numbers:?}");
}

#[tokio::test]
async fn a_list_that_takes_long_keeps_nobody_waiting() {
    let alert =
        |number: i64| Known::Alert { header: Arc::new(header(&format!("{number:032}"), "srv", "10.0.0.1", number)), muted: None };
    let mut visit = Visit::new(vec![Change::Known((0..3000).map(alert).collect())]).await;
    let filter = (0..400).map(|number| format!("-zz{number}")).collect::<Vec<_>>().join(" ");
    let listing = Listing { token: 5, filter, host: None, kinds_only: false, below: None, most: 10 };
    visit.ask(Request::List(listing)).await;
    visit.ask(Request::Preview { token: 6, scope: Scope::default() }).await;
    let mut heard = Vec::new();
    while heard.len() < 2 {
        for change in visit.changes().await {
            match change {
                Change::Listed(page) => heard.push((page.token, page.matches)),
                Change::Previewed { token, .. } => heard.push((token, None)),
                _ => {}
            }
        }
    }
    assert_eq!(heard, [(6, None), (5, Some(3000))]);
}

#[tokio::test]
async fn everything_is_told_anew_to_whoever_asks() {
    let mut visit = Visit::new((1..=3).map(|number| entry(number, "x")).collect()).await;
    let mut told = Vec::new();
    while told.len() < 3 {
        for change in visit.changes().await {
            let Change::Snapshot(snapshot) = change else { continue };
            assert!(!snapshot.is_resync, "it did not fall behind");
            if snapshot.is_last {
                told.push(snapshot.entries.len());
                visit.happen(entry(3 + told.len() as u64, "x")).await;
                visit.ask(Request::Snapshot).await;
            }
        }
    }
    assert_eq!(told.len(), 3);
}

#[tokio::test]
async fn what_was_asked_for_is_done_though_who_asked_leaves() {
    let mut visit = Visit::new(Vec::new()).await;
    let act = |token| Act { token, who: String::new(), deed: Deed::Own, reason: String::new(), targets: Vec::new() };
    visit.ask(Request::ActOnEach((1..=20).map(|token| Part { act: act(token), after: 20 - token }).collect())).await;
    let Visit { feed, viewer, intake: _intake, mut taken, .. } = visit;
    let mut viewer = Some(viewer);
    loop {
        let next = timeout(Duration::from_secs(10), taken.recv()).await.expect("the rest follows");
        match next.expect("it goes on") {
            Intake::ActOnEach(part) if part.after == 0 => break,
            Intake::ActOnEach(_) => {
                // What is told to nobody ends the visit.
                drop(viewer.take());
                let update = Update { seq: 0, at: chrono::DateTime::UNIX_EPOCH, change: entry(1, "x") };
                feed.send(Arc::new(update)).await.unwrap();
            }
            _ => {}
        }
    }
}
