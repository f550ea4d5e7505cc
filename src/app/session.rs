//! One run from the first listener to the last record: starts all tasks, waits for whatever ends them, and drains in order:
//! inputs stop and hand over what they read, the collector finishes, the outputs flush.

mod bind;
mod drain;
mod keep;
mod wait;

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::Instant;
use tracing::{info, warn};

use crate::app::failure::Failure;
use crate::app::session::keep::Keeping;
use crate::app::signals::Signals;
use crate::app::{rule_files, variable};
use crate::attach;
use crate::attach::server::{self, Socket, SocketError};
use crate::attach::way::Way;
use crate::collector::{self, Collector};
use crate::config::{Config, OutputSetting};
use crate::detect::{ProblemKind, RuleSet};
use crate::feed::status::{Counters, Status};
use crate::feed::{Overflow, Update};
use crate::input::clock;
use crate::input::replay::Recording;
use crate::intake::{ArchiveHealth, Intake, Steer, StoreHealth};
use crate::location::Location;
use crate::output::url::OutputUrl;
use crate::output::{self, Outcome};
use crate::store::archive::Archive;
use crate::store::{Deliveries, Opened, Store};

/// What the run shows itself as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Face {
    /// The console.
    Console,
    /// Alerts as lines, logs on standard error.
    Headless,
}

/// Where events come from.
#[derive(Debug, Clone)]
pub enum Mode {
    /// Listeners.
    Live,
    /// A recording.
    Replay(Recording),
}

/// What is to be done.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The configuration, with what the command line changed.
    pub config: Config,
    /// Where events come from.
    pub mode: Mode,
    /// What it shows itself as.
    pub face: Face,
    /// How many alerts must be raised.
    pub expect_alerts: Option<u64>,
    /// Whether to end with the recording.
    pub exit_at_end: bool,
    /// What is logged, where nothing else is said in the environment.
    pub log_level: String,
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    /// The final counters.
    pub counters: Counters,
    /// What went wrong on the way, where something did.
    pub failure: Option<String>,
    /// Whether somebody wants the same once more.
    pub is_again: bool,
    /// Whether it went on without its console.
    pub is_detached: bool,
}

/// How many updates may wait for the console, and for an output.
const CONSOLE_QUEUE: usize = 1024;
const OUTPUT_QUEUE: usize = 1024;

/// Everything that was started.
struct Session {
    plan: Plan,
    shutdown: watch::Sender<bool>,
    reopen: watch::Sender<u64>,
    rules: watch::Sender<Arc<RuleSet>>,
    intake: mpsc::Sender<Intake>,
    inputs: JoinSet<Result<(), String>>,
    outputs: JoinSet<Outcome>,
    collector: JoinHandle<Counters>,
    store: Option<std::thread::JoinHandle<StoreHealth>>,
    /// Where the console's questions about evidence go.
    details: Option<Store>,
    /// Where its questions about older events go, and who writes them.
    archive: Option<Archive>,
    archive_thread: Option<std::thread::JoinHandle<ArchiveHealth>>,
    console: Option<mpsc::Receiver<Arc<Update>>>,
    /// Who asks for the rules to be read anew, and who hears it.
    reload: mpsc::Sender<()>,
    reloads: mpsc::Receiver<()>,
    attach: Option<JoinHandle<()>>,
    /// The way to the replay, where there is one.
    steer: Option<mpsc::Sender<Steer>>,
    taken: watch::Receiver<(u64, u64)>,
    /// What the collector last told of itself.
    status: watch::Receiver<Arc<Status>>,
    /// When the outputs must have ended, once somebody asked for the end.
    ends: watch::Sender<Option<Instant>>,
    is_again: bool,
    is_detached: bool,
}

/// Why the run is over.
#[derive(Debug)]
struct End {
    /// What went wrong, where something did.
    failure: Option<String>,
    /// When somebody asked for it: then it must come soon. A recording that is over takes the time that it takes.
    asked: Option<Instant>,
}

/// Runs to the end. `drains` is told when the draining begins, and how many requests to stop had come by then: at the next one
/// nobody waits any longer.
pub async fn run(plan: Plan, mut signals: Signals, drains: watch::Sender<Option<u64>>) -> Result<Ended, Failure> {
    let rules = load_rules(&plan.config).map_err(Failure::Usage)?;
    for problem in rules.problems().iter().filter(|problem| problem.kind == ProblemKind::Broken) {
        warn!("broken rule: {problem}");
    }
    let not_for_here = rules.problems().iter().filter(|problem| problem.kind != ProblemKind::Broken).count();
    if not_for_here > 0 {
        info!("{not_for_here} rules cannot match here; `wefwatch rules check` tells why");
    }
    for notice in rules.notices() {
        info!("{notice}");
    }
    let (kept, unkept) = keep::open(&plan)?;
    let socket = bind_socket(&plan)?;
    let mut session = Session::start(plan, rules, kept, socket)?;
    if let Some(problem) = unkept {
        session.tell(problem).await;
    }
    let started = session.bind().await;
    let metrics = match started {
        Ok(metrics) => metrics,
        Err(failure) => {
            let _ = session.shutdown.send(true);
            return Err(failure);
        }
    };
    let end = session.wait(&mut signals).await;
    drains.send_replace(Some(signals.taken()));
    let ended = session.drain(end).await;
    if let Some(metrics) = metrics {
        metrics.abort();
    }
    Ok(ended)
}

/// Makes the socket for consoles elsewhere. One that was asked for by name must work; without, a collector works too.
fn bind_socket(plan: &Plan) -> Result<Option<Socket>, Failure> {
    let config = &plan.config.attach;
    if !matches!(plan.mode, Mode::Live) {
        return Ok(None);
    }
    let Some(path) = attach::location::candidates(&config.socket, variable).into_iter().next() else { return Ok(None) };
    for name in config.analysts.iter().chain(&config.viewers).filter(|name| !crate::attach::group_exists(name)) {
        // It may come; nobody is let in by it until then.
        warn!("[attach] names a group that does not exist: `{name}`");
    }
    match Socket::bind(&path, config) {
        Ok(socket) => {
            info!("serving consoles at {}", socket.path().display());
            Ok(Some(socket))
        }
        Err(error) if config.socket == Location::Default => {
            warn!("nobody can attach: {error}");
            Ok(None)
        }
        Err(error @ SocketError::Group(_)) => Err(Failure::Usage(error.to_string())),
        Err(error) => Err(Failure::Run(error.to_string())),
    }
}

/// How far each output got in earlier runs. Standard output has another reader each time, and a recording is not news: what they
/// lacked is nobody's any more.
fn register_outputs(plan: &Plan, opened: &mut Opened) -> Vec<Option<Deliveries>> {
    let now = clock::now();
    let mut names: Vec<String> = Vec::new();
    let register = |setting: &OutputSetting| {
        if setting.url == OutputUrl::Stdout || !matches!(plan.mode, Mode::Live) {
            return None;
        }
        let mut name = setting.url.to_string();
        while names.contains(&name) {
            name.push('+');
        }
        names.push(name.clone());
        match opened.register(&name, now) {
            Ok(deliveries) => Some(deliveries),
            Err(error) => {
                warn!("what {name} does not get is not remembered: {error}");
                None
            }
        }
    };
    plan.config.outputs.iter().map(register).collect()
}

fn load_rules(config: &Config) -> Result<RuleSet, String> {
    let (files, unreadable) = rule_files::read(&config.rules.directories).map_err(|error| error.to_string())?;
    let builtin = if config.rules.builtin { crate::detect::load::builtin() } else { Vec::new() };
    let files: Vec<_> = builtin.into_iter().chain(files).collect();
    Ok(RuleSet::compile(&files, &config.mapping).with_problems(unreadable))
}

impl Session {
    fn start(plan: Plan, rules: RuleSet, kept: Option<Keeping>, socket: Option<Socket>) -> Result<Self, Failure> {
        let rules = Arc::new(rules);
        let config = &plan.config;
        let (intake, intake_receiver) = mpsc::channel(config.limits.queue);
        let collector_config = collector::Config {
            hosts: config.hosts,
            sequence: config.sequence,
            link: config.link,
            duplicate_window: config.limits.duplicate_window,
            is_replay: matches!(plan.mode, Mode::Replay(_)),
        };
        let mut collector = Collector::new(&collector_config, rules.clone());
        let (mut store, mut details, mut archive, mut archive_thread) = (None, None, None, None);
        let mut memories = Vec::new();
        if let Some(Keeping { mut opened, kept, archive: opened_archive }) = kept {
            memories = register_outputs(&plan, &mut opened);
            let started = opened.start(intake.downgrade());
            let (handle, thread) = started.map_err(|error| Failure::Run(format!("store: {error}")))?;
            details = Some(handle.clone());
            collector = collector.with_store(handle, kept);
            store = Some(thread);
            if let Some(opened) = opened_archive {
                let last = opened.last();
                if let Some((handle, thread)) = keep::start_archive(opened, intake.downgrade()) {
                    collector = collector.with_archive(handle.clone(), last);
                    (archive, archive_thread) = (Some(handle), Some(thread));
                }
            }
        }
        let console = (plan.face == Face::Console).then(|| collector.subscribe(Overflow::Shed, CONSOLE_QUEUE));
        let reopen = watch::Sender::new(0);
        let ends = watch::Sender::new(None);
        let mut outputs = JoinSet::new();
        let mut memories = memories.into_iter();
        for setting in &config.outputs {
            let memory = memories.next().flatten();
            let updates = collector.subscribe(Overflow::Wait, OUTPUT_QUEUE);
            let output_config = output::Config {
                url: setting.url.clone(),
                queue: setting.queue,
                memory: details.clone().zip(memory),
                host_name: host_name(),
                grace: config.limits.grace,
                ends: ends.subscribe(),
            };
            let task = output::spawn(output_config, updates, reopen.subscribe(), intake.downgrade());
            outputs.spawn(async move { task.await.unwrap_or(Outcome::ReaderGone) });
        }
        let (status, taken) = (collector.status(), collector.taken());
        let shutdown = watch::Sender::new(false);
        let (reload, reloads) = mpsc::channel(1);
        let attach = socket.map(|socket| {
            let updates = collector.subscribe_server(CONSOLE_QUEUE);
            let way =
                Way { intake: intake.downgrade(), store: details.clone(), archive: archive.clone(), reload: reload.clone() };
            tokio::spawn(server::serve(socket, updates, config.attach.clone(), way, shutdown.subscribe()))
        });
        Ok(Self {
            shutdown,
            reload,
            reloads,
            attach,
            reopen,
            rules: watch::Sender::new(rules),
            intake,
            inputs: JoinSet::new(),
            outputs,
            collector: tokio::spawn(collector.run(intake_receiver)),
            console,
            steer: None,
            taken,
            status,
            ends,
            is_again: false,
            is_detached: false,
            store,
            details,
            archive,
            archive_thread,
            plan,
        })
    }

    /// Says what went wrong, in the log and on the screen.
    async fn tell(&self, problem: String) {
        warn!("{problem}");
        let _ = self.intake.send(Intake::Problem(problem)).await;
    }
}

/// The collector's own name, for the header of syslog records.
fn host_name() -> String {
    nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default()
}
