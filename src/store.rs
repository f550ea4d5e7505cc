//! What outlives a restart: alerts with their evidence, the triage log, what is usual, and the events that sequences still wait
//! with. One SQLite file, written by one thread; whoever hands records over can wait until they are durable, and the
//! collector does so before anybody hears of an alert. A file that is damaged, newer or in use is refused and not touched.

pub mod archive;
pub mod dispatch;
pub mod location;
pub mod read;
mod schema;
pub mod trouble;
mod write;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use tokio::sync::{mpsc, oneshot};

use crate::alert::{Action, Alert, AlertId};
use crate::hosts::prevalence::Row;
use crate::intake::{Intake, StoreHealth};
use crate::location::Location;
use crate::store::dispatch::Page;
use crate::store::read::Kept;
use crate::store::writer::Job;
use crate::triage::{Entry, State, Status};

/// How the store is set up (`[store]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where it is.
    pub location: Location,
    /// How long alerts that are done with are kept.
    pub max_age: TimeDelta,
    /// How large it may grow, in bytes.
    pub max_size: u64,
    /// How large the archive of events beside it may grow, in bytes; 0 keeps none.
    pub events: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { location: Location::Default, max_age: TimeDelta::days(90), max_size: 2 << 30, events: 256 << 20 }
    }
}

/// Why a store cannot be used. Nothing in it was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is none.
    #[error("{}: no store there", .0.display())]
    Missing(PathBuf),
    /// The folder or the file cannot be made or opened.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another process writes to it.
    #[error("{}: another wefwatch uses this store; name another with --store PATH, or none with --store none", .0.display())]
    InUse(PathBuf),
    /// Not ours.
    #[error("{}: not a store of wefwatch; it was left as it is", .0.display())]
    Foreign(PathBuf),
    /// From a later version.
    #[error("{}: written by a newer wefwatch (schema {found}, this one reads up to {known}); it was left as it is", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u32,
        /// The newest schema that is known.
        known: u32,
    },
    /// Broken.
    #[error("{}: damaged: {reason}; it was left as it is. Move it away, or name another with --store PATH", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
}

/// One thing to keep.
#[derive(Debug, Clone)]
pub enum Record {
    /// An alert was raised, or a better pairing replaces what was kept.
    Alert(Arc<Alert>),
    /// A record goes out, in this order.
    Dispatch {
        /// Its number, one more than the last one's.
        number: u64,
        /// The alert.
        alert: AlertId,
        /// Whether it is raised or told again.
        action: Action,
    },
    /// An output has everything up to a number.
    Delivered {
        /// The output.
        name: String,
        /// The number.
        mark: u64,
    },
    /// These alerts were handed to everybody.
    Announced(Vec<AlertId>),
    /// Somebody did something.
    Triage(Arc<Entry>),
    /// Where alerts stand now.
    States(Vec<(AlertId, State)>),
    /// An event that a sequence may still need.
    StageHit {
        /// When it arrived.
        received_at: DateTime<Utc>,
        /// Its XML.
        xml: Arc<str>,
    },
    /// No sequence needs what arrived before.
    ForgetHits(DateTime<Utc>),
    /// Counts of what is usual.
    Usual(Vec<Row>),
    /// Time to delete what is too old or too much.
    Retain(DateTime<Utc>),
}

/// How far an output got in earlier runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deliveries {
    /// The output.
    pub name: String,
    /// It has everything up to this number.
    pub mark: u64,
    /// The last number that was given.
    pub last: u64,
    /// How many alerts with a number are told to everybody when the collector begins.
    pub untold: u64,
}

/// A store that was opened and read, and is not yet written to.
#[derive(Debug)]
pub struct Opened {
    path: PathBuf,
    connection: rusqlite::Connection,
    lock: std::fs::File,
    config: Config,
    outputs: Vec<String>,
}

/// Opens the store of a path, makes it where there is none, and reads what it keeps.
pub fn open(path: &Path, config: &Config, now: DateTime<Utc>) -> Result<(Opened, Kept), StoreError> {
    let (connection, lock) = schema::open_to_write(path)?;
    let kept = read::kept(&connection, now).map_err(|error| damaged(path, &error))?;
    Ok((Opened { path: path.to_owned(), connection, lock, config: config.clone(), outputs: Vec::new() }, kept))
}

/// How the column of an alert spells its status.
pub fn status_number(status: Status) -> i64 {
    match status {
        Status::Open => 0,
        Status::Acknowledged => 1,
        Status::Closed(_) => 2,
    }
}

fn damaged(path: &Path, error: &dyn std::fmt::Display) -> StoreError {
    StoreError::Damaged { path: path.to_owned(), reason: error.to_string() }
}

impl Opened {
    /// How far an output got. From now on what it gets is noted.
    pub fn register(&mut self, name: &str, now: DateTime<Utc>) -> Result<Deliveries, StoreError> {
        self.outputs.push(name.to_owned());
        dispatch::register(&self.connection, name, now).map_err(|error| damaged(&self.path, &error))
    }

    /// Begins to write. The thread ends when the last handle is gone, and answers how it fared; `health` hears of that before.
    pub fn start(self, health: mpsc::WeakSender<Intake>) -> std::io::Result<(Store, std::thread::JoinHandle<StoreHealth>)> {
        let (sender, receiver) = mpsc::channel(writer::QUEUE);
        let path: Arc<Path> = self.path.as_path().into();
        let thread = std::thread::Builder::new().name("store".to_owned()).spawn(move || writer::run(self, receiver, &health))?;
        Ok((Store { sender, path }, thread))
    }
}

/// The way to the store.
#[derive(Debug, Clone)]
pub struct Store {
    sender: mpsc::Sender<Job>,
    path: Arc<Path>,
}

impl Store {
    /// Keeps records, all or none, and waits until they are durable.
    pub async fn keep(&self, records: Vec<Record>) -> Result<(), String> {
        let (done, answer) = oneshot::channel();
        let gone = || "the store has stopped".to_owned();
        self.sender.send(Job { records, done: Some(done) }).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Keeps records soon; waits only while the queue is full.
    pub async fn push(&self, records: Vec<Record>) {
        // A store that has stopped was reported by whoever waits for it.
        let _ = self.sender.send(Job { records, done: None }).await;
    }

    /// Keeps records soon, where there is room for them now; whether there is.
    pub fn try_push(&self, records: Vec<Record>) -> bool {
        self.sender.try_send(Job { records, done: None }).is_ok()
    }

    /// How many jobs wait to be written, and how many may.
    pub fn queue(&self) -> (u64, u64) {
        let most = self.sender.max_capacity();
        ((most - self.sender.capacity()) as u64, most as u64)
    }

    /// Everything about one alert; reads beside the writer.
    pub async fn detail(&self, id: AlertId) -> Option<Alert> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || read::detail(&path, &id)).await.ok()?.ok()?
    }

    /// What goes out after a number; reads beside the writer.
    pub async fn dispatches(&self, after: u64, most: usize) -> Result<Page, String> {
        let path = self.path.clone();
        let read = tokio::task::spawn_blocking(move || read::dispatches(&path, after, most)).await;
        read.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }

    /// How many records between two numbers the next run will find, the second included; `None` where that cannot be told.
    pub async fn remembered(&self, after: u64, up_to: u64) -> Option<u64> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || read::remembered(&path, after, up_to)).await.ok()?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::Known;
    use crate::triage::mute::{Aspect, Scope};
    use crate::triage::{Deed, Verdict};

    /// An alert of a rule that fired on this record of this host, on that day.
    fn alert(record: u64, day: i64) -> Arc<Alert> {
        let fields =
            [("DestinationPort", "5985"), ("Initiated", "true"), ("SourceIp", "10.0.0.1"), ("DestinationIp", "10.0.0.2")];
        let event = crate::event::testing::sysmon(3, "SRV", record, &fields);
        let text = "title: x\nid: 1\nlogsource:\n  category: network_connection\n  product: windows\ndetection:\n  a:\n    DestinationPort: 5985\n  condition: a\n";
        let file = crate::detect::RuleFile { origin: "x.yml".to_owned(), text: text.to_owned() };
        let rules = crate::detect::RuleSet::compile(&[file], &crate::detect::ecs::Mapping::default());
        let at = DateTime::from_timestamp(day * 86_400, 0).unwrap();
        let time = crate::event::time::event_time(&event, crate::event::time::EventTimeRule::Robust, at);
        let hits = rules.observe(&event);
        let observation = crate::detect::Observation { event: Arc::new(event), time, received_at: at };
        Arc::new(crate::detect::raise::single(&rules, hits.rules[0], &observation, at))
    }

    fn write(connection: &mut rusqlite::Connection, records: &[Record]) {
        let transaction = connection.transaction().unwrap();
        records.iter().for_each(|record| write::record(&transaction, record).unwrap());
        transaction.commit().unwrap();
    }

    fn entry(number: u64, day: i64, deed: Deed, alerts: Vec<AlertId>) -> Record {
        let at = DateTime::from_timestamp(day * 86_400, 0).unwrap();
        Record::Triage(Arc::new(Entry { number, at, who: "bob".to_owned(), deed, reason: "x".to_owned(), alerts, token: 0 }))
    }

    #[test]
    fn what_was_written_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let (opened, _) = open(&path, &Config::default(), DateTime::UNIX_EPOCH).unwrap();
        let mut connection = opened.connection;
        let (one, two) = (alert(1, 1), alert(2, 2));
        let scope = Scope { conditions: vec![(Aspect::Host, "srv".to_owned())] };
        let records = [
            Record::Alert(one.clone()),
            Record::Alert(two.clone()),
            Record::Announced(vec![one.id.clone()]),
            entry(1, 3, Deed::Acknowledge, vec![one.id.clone()]),
            entry(2, 3, Deed::Mute { scope: scope.clone(), until: None }, Vec::new()),
            Record::StageHit { received_at: DateTime::from_timestamp(5, 0).unwrap(), xml: "<Event>1</Event>".into() },
            Record::StageHit { received_at: DateTime::from_timestamp(6, 0).unwrap(), xml: "<Event>2</Event>".into() },
            Record::ForgetHits(DateTime::from_timestamp(6, 0).unwrap()),
        ];
        write(&mut connection, &records);
        let kept = read::kept(&connection, DateTime::UNIX_EPOCH).unwrap();
        let order: Vec<String> = kept
            .past
            .iter()
            .map(|known| match known {
                Known::Alert { header, .. } => header.id.to_string(),
                Known::Entry(entry) => format!("#{}", entry.number),
            })
            .collect();
        assert_eq!(order, [one.id.to_string(), two.id.to_string(), "#1".to_owned(), "#2".to_owned()]);
        assert_eq!(kept.unannounced, [(*two).clone()]);
        assert_eq!(kept.stage_hits, [(DateTime::from_timestamp(6, 0).unwrap(), "<Event>2</Event>".to_owned())]);
        assert_eq!(read::detail(&path, &one.id).unwrap(), Some((*one).clone()));
        assert_eq!(read::detail(&path, &AlertId("x".into())).unwrap(), None);
        let muted: String = connection.query_row("SELECT scope FROM mutes", [], |row| row.get(0)).unwrap();
        assert_eq!(muted, serde_json::to_string(&scope.conditions).unwrap());
    }

    /// What is kept is told with what was written, not once it is measured again.
    #[tokio::test]
    async fn how_many_alerts_there_are_is_told_as_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let (opened, _) = open(&folder.path().join("x.db"), &Config::default(), DateTime::UNIX_EPOCH).unwrap();
        let (health, mut told) = mpsc::channel(8);
        let (store, thread) = opened.start(health.downgrade()).unwrap();
        let better = Arc::new(Alert { action: crate::alert::Action::Updated, ..(*alert(1, 1)).clone() });
        store.keep(vec![Record::Alert(alert(1, 1)), Record::Alert(alert(2, 1)), Record::Alert(better)]).await.unwrap();
        drop(store);
        let ended = thread.join().unwrap();
        assert_eq!((ended.written, ended.alerts), (3, 2));
        drop(health);
        let mut last = None;
        while let Some(intake) = told.recv().await {
            if let Intake::Store(health) = intake {
                last = Some((health.written, health.alerts));
            }
        }
        assert_eq!(last, Some((3, 2)));
    }

    /// What needs no room may work while nothing can be kept.
    #[tokio::test]
    async fn a_store_that_takes_something_is_not_well_for_that() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let (opened, _) = open(&path, &Config::default(), DateTime::UNIX_EPOCH).unwrap();
        let (health, mut told) = mpsc::channel(64);
        let (store, thread) = opened.start(health.downgrade()).unwrap();
        let alter = |sql: &str| rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let delivered = || vec![Record::Delivered { name: "x".to_owned(), mark: 1 }];
        alter("ALTER TABLE triage RENAME TO gone");
        for _ in 0..3 {
            assert!(store.keep(vec![entry(1, 1, Deed::Comment, Vec::new())]).await.is_err());
            assert!(store.keep(delivered()).await.is_ok());
        }
        alter("ALTER TABLE gone RENAME TO triage");
        store.keep(vec![entry(1, 1, Deed::Comment, Vec::new())]).await.unwrap();
        alter("ALTER TABLE outputs RENAME TO gone");
        assert!(store.keep(delivered()).await.is_err());
        alter("ALTER TABLE gone RENAME TO outputs");
        assert!(store.keep(delivered()).await.is_ok());
        drop(store);
        assert_eq!(thread.join().unwrap().problem, None);
        drop(health);
        let mut problems = Vec::new();
        while let Some(Intake::Store(health)) = told.recv().await {
            problems.push(health.problem.is_some());
        }
        problems.dedup();
        assert_eq!(problems, [false, true, false, true, false]);
    }

    /// What is written to a file that nobody finds any more is not kept.
    #[tokio::test]
    async fn a_store_whose_file_is_gone_keeps_nothing_until_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let (path, away) = (folder.path().join("x.db"), folder.path().join("away"));
        let (opened, _) = open(&path, &Config::default(), DateTime::UNIX_EPOCH).unwrap();
        let (health, _told) = mpsc::channel(64);
        let (store, thread) = opened.start(health.downgrade()).unwrap();
        let mut number = 0;
        let mut keep = || {
            number += 1;
            store.keep(vec![entry(number, 1, Deed::Comment, Vec::new())])
        };
        assert_eq!(keep().await, Ok(()));
        std::fs::rename(&path, &away).unwrap();
        assert!(keep().await.unwrap_err().starts_with("its file is gone"));
        std::fs::write(&path, "something else").unwrap();
        assert!(keep().await.unwrap_err().starts_with("another file is in its place"));
        std::fs::rename(&away, &path).unwrap();
        assert_eq!(keep().await, Ok(()));
        drop(store);
        let state = thread.join().unwrap();
        assert_eq!((state.written, state.failed, state.problem), (2, 2, None));
    }

    #[test]
    fn what_an_output_lacks_is_remembered_and_its_deletion_counted() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { max_age: TimeDelta::days(10), ..Config::default() };
        let (mut opened, kept) = open(&folder.path().join("x.db"), &config, DateTime::UNIX_EPOCH).unwrap();
        assert_eq!(kept.last_dispatch, 0);
        let day = |day: i64| DateTime::from_timestamp(day * 86_400, 0).unwrap();
        for name in ["gone", "slow", "swift"] {
            let deliveries = Deliveries { name: name.to_owned(), mark: 0, last: 0, untold: 0 };
            assert_eq!(opened.register(name, day(1)).unwrap(), deliveries);
        }
        let configured = ["slow".to_owned(), "swift".to_owned()];
        let connection = &mut opened.connection;
        let alerts: Vec<Arc<Alert>> = (1..=6).map(|record| alert(record, record as i64)).collect();
        let dispatch = |(number, alert): (u64, &Arc<Alert>)| {
            let (alert, action) = (alert.id.clone(), if number == 7 { Action::Updated } else { Action::Raised });
            Record::Dispatch { number, alert, action }
        };
        write(connection, &alerts.iter().cloned().map(Record::Alert).collect::<Vec<_>>());
        write(connection, &[Record::Announced(alerts.iter().map(|alert| alert.id.clone()).collect())]);
        write(connection, &(1..=7).zip(alerts.iter().chain([&alerts[1]])).map(dispatch).collect::<Vec<_>>());
        let delivered = |name: &str, mark| Record::Delivered { name: name.to_owned(), mark };
        write(connection, &[delivered("slow", 1), delivered("swift", 7), delivered("unheard of", 3)]);
        let page = dispatch::page(connection, 1, 3).unwrap();
        assert_eq!(page.alerts.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [2, 3, 4]);
        assert!(!page.is_end);
        let page = dispatch::page(connection, 4, 64).unwrap();
        assert_eq!(page.alerts.last().unwrap(), &(7, Alert { action: Action::Updated, ..(*alerts[1]).clone() }));
        // The first three are done with and too old; `slow` has the first of them alone.
        let closed = State { status: Status::Closed(Verdict::FalsePositive), ..State::default() };
        write(connection, &[Record::States(alerts[..3].iter().map(|alert| (alert.id.clone(), closed.clone())).collect())]);
        let deleted = write::retain(connection, &config, &configured, day(15)).unwrap();
        assert_eq!((deleted.done, deleted.open, deleted.undelivered), (3, 0, 2));
        // An output that nobody configures any more is forgotten, and what all have is.
        let rows = |connection: &rusqlite::Connection, table: &str, column: &str| {
            let mut select = connection.prepare(&format!("SELECT {column} FROM {table} ORDER BY 1")).unwrap();
            let rows = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
            rows.map(Result::unwrap).collect::<Vec<_>>()
        };
        assert_eq!(rows(connection, "outputs", "name"), ["slow", "swift"]);
        write(connection, &[delivered("slow", 6)]);
        write::retain(connection, &config, &configured, day(15)).unwrap();
        assert_eq!(rows(connection, "dispatches", "cast(number AS TEXT)"), ["6", "7"]);
        // A new one has no past, but what nobody was told.
        let deliveries = |name: &str, mark, untold| Deliveries { name: name.to_owned(), mark, last: 7, untold };
        assert_eq!(dispatch::register(connection, "new", day(15)).unwrap(), deliveries("new", 7, 0));
        connection.execute_batch("UPDATE alerts SET announced = 0 WHERE rowid = 6").unwrap();
        assert_eq!(dispatch::register(connection, "newer", day(15)).unwrap(), deliveries("newer", 5, 1));
        assert_eq!(dispatch::register(connection, "slow", day(15)).unwrap(), deliveries("slow", 6, 1));
    }

    #[test]
    fn open_alerts_outlive_closed_ones() {
        let folder = tempfile::tempdir().unwrap();
        let config = Config { max_age: TimeDelta::days(10), ..Config::default() };
        let (opened, _) = open(&folder.path().join("x.db"), &config, DateTime::UNIX_EPOCH).unwrap();
        let mut connection = opened.connection;
        let alerts: Vec<Arc<Alert>> = (1..=6).map(|record| alert(record, record as i64)).collect();
        write(&mut connection, &alerts.iter().cloned().map(Record::Alert).collect::<Vec<_>>());
        let closed = State { status: Status::Closed(Verdict::FalsePositive), ..State::default() };
        let muted = State { muted: Some(1), ..State::default() };
        let states = vec![(alerts[0].id.clone(), closed.clone()), (alerts[1].id.clone(), muted), (alerts[5].id.clone(), closed)];
        write(&mut connection, &[Record::States(states), entry(1, 1, Deed::Acknowledge, vec![alerts[0].id.clone()])]);
        let now = DateTime::from_timestamp(15 * 86_400, 0).unwrap();
        let ids = |connection: &rusqlite::Connection| {
            read::kept(connection, now).unwrap().columns.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
        };
        // By age: the closed and the muted one of the first days; their entries go with them.
        let deleted = write::retain(&mut connection, &config, &[], now).unwrap();
        assert_eq!((deleted.done, deleted.open), (2, 0));
        assert_eq!(ids(&connection), alerts[2..].iter().map(|alert| alert.id.clone()).collect::<Vec<_>>());
        assert_eq!(read::kept(&connection, now).unwrap().past.len(), 4);
        // By size: first the closed one, and the open ones only because nothing else is left; each is counted.
        let deleted = write::retain(&mut connection, &Config { max_size: 1, ..config }, &[], now).unwrap();
        assert_eq!((deleted.done, deleted.open), (1, 3));
        assert!(ids(&connection).is_empty());
    }
}
