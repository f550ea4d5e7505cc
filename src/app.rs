//! Joins the rooms: reads rules, binds listeners, starts the tasks, waits for the end and drains. No logic of detection or
//! display is here.

pub mod attached;
pub mod desk;
pub mod failure;
mod log;
pub mod metrics_server;
pub mod recording;
pub mod rule_files;
pub mod rules;
pub mod session;
pub mod signals;
pub mod stored;

use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::app::failure::Failure;
use crate::app::session::{Ended, Face, Mode, Plan};
use crate::app::signals::Signals;
use crate::cli::{Cli, Command, ConfigCommand};
use crate::config::Config;
use crate::console::counted::count_of;
use crate::console::printable::printable;
use crate::input::replay::{Piece, Recording};
use crate::location::Location;

/// The built-in sample attack.
const DEMO: &[u8] = include_bytes!("../samples/demo.xml");

/// Does what the command line asks for.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match cli.command {
        None => run_live(&cli.run, cli.log_level()),
        Some(Command::Run(ref arguments)) => run_live(arguments, cli.log_level()),
        Some(Command::Replay(ref arguments)) => {
            let mut config = config_of(arguments.config.as_deref(), &arguments.rules)?;
            let headless = is_headless(arguments.headless, &arguments.look, &mut config);
            let speed = arguments.speed.map_or(if headless { None } else { Some(1.0) }, crate::cli::values::Speed::times);
            let sources = arguments.files.iter().cloned().map(Piece::File).collect();
            let mut plan = replay_plan(
                config,
                Recording { sources, speed },
                headless,
                &arguments.output,
                arguments.metrics,
                cli.log_level(),
            );
            plan.config.store.location = arguments.store.clone().unwrap_or(Location::None);
            plan.expect_alerts = arguments.expect.map(|expect| expect.alerts);
            plan.exit_at_end = headless || arguments.exit_at_end;
            start(plan)
        }
        Some(Command::Demo(ref arguments)) => {
            let console = load_config(arguments.config.as_deref())?.console;
            let mut config = Config { console, ..Config::default() };
            let headless = is_headless(arguments.headless, &arguments.look, &mut config);
            let speed = arguments.speed.map_or(if headless { None } else { Some(1.0) }, crate::cli::values::Speed::times);
            let sources = vec![Piece::Embedded("demo", DEMO)];
            // A day goes by in a minute here.
            config.hosts.blind_after = chrono::TimeDelta::seconds(30);
            let mut plan = replay_plan(config, Recording { sources, speed }, headless, &[], None, cli.log_level());
            plan.exit_at_end = headless || arguments.exit_at_end;
            start(plan)
        }
        Some(Command::Attach(ref arguments)) => {
            let mut config = load_config(arguments.config.as_deref())?;
            if is_headless(false, &arguments.look, &mut config) {
                return Err(Failure::Usage("attach needs a terminal; `wefwatch tail --json` is for scripts".to_owned()));
            }
            let paths = sockets(arguments.socket.as_ref(), &config)?;
            // Plain lines draw over nothing, and who reads them wants to hear that the collector is gone.
            log::to_stderr(cli.log_level(), if config.console.plain { Face::Headless } else { Face::Console });
            attached::run(runtime()?, attached::console(config.console, paths))
        }
        Some(Command::Tail(ref arguments)) => {
            let paths = sockets(arguments.socket.as_ref(), &load_config(arguments.config.as_deref())?)?;
            log::to_stderr(cli.log_level(), Face::Headless);
            let (filter, events) = (arguments.filter.clone(), arguments.events.clone());
            attached::run(runtime()?, attached::tail(paths, filter, events, arguments.json))
        }
        Some(Command::Alerts(ref arguments)) => {
            let path = store_of("alerts", arguments.store.as_ref(), arguments.config.as_deref())?;
            stored::list(arguments, &path, crate::input::clock::now())
        }
        Some(Command::Show(ref arguments)) => {
            let path = store_of("show", arguments.store.as_ref(), arguments.config.as_deref())?;
            print(&stored::show(&arguments.ids, &path)?)
        }
        Some(Command::Rules(command)) => rules::run(&command),
        Some(Command::Config(ConfigCommand::Check(arguments))) => {
            let path = arguments.path().ok_or_else(|| Failure::Usage("config check needs a file".to_owned()))?;
            Config::check(path).map_err(|error| Failure::Usage(error.to_string()))?;
            print(&format!("{}: fine\n", printable(&path.display().to_string())))
        }
        Some(Command::Config(ConfigCommand::Print(arguments))) => print(&load_config(arguments.path())?.to_toml()),
        Some(Command::Completions(arguments)) => {
            let mut script = Vec::new();
            clap_complete::generate(arguments.shell, &mut crate::cli::command(), "wefwatch", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
        Some(Command::Man) => {
            let mut page = Vec::new();
            let rendered = clap_mangen::Man::new(crate::cli::command()).render(&mut page);
            rendered.map_err(|error| Failure::Run(error.to_string()))?;
            print(&String::from_utf8_lossy(&page))
        }
    }
}

/// Writes to standard output; a reader that went away is no failure.
fn print(text: &str) -> Result<(), Failure> {
    match stdout().write_all(text.as_bytes()).and_then(|()| stdout().flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::Run(error.to_string())),
        _ => Ok(()),
    }
}

fn load_config(path: Option<&std::path::Path>) -> Result<Config, Failure> {
    path.map_or_else(|| Ok(Config::default()), |path| Config::load(path).map_err(|error| Failure::Usage(error.to_string())))
}

/// The configuration where rules are needed, with those of the command line.
fn config_of(path: Option<&std::path::Path>, rules: &[std::path::PathBuf]) -> Result<Config, Failure> {
    let loaded = path.map_or_else(|| Ok(Config::default()), Config::load_with_rules);
    let mut config = loaded.map_err(|error| Failure::Usage(error.to_string()))?;
    config.rules.directories.extend(rules.iter().cloned());
    Ok(config)
}

/// The store that a command reads.
fn store_of(command: &str, named: Option<&Location>, config: Option<&std::path::Path>) -> Result<std::path::PathBuf, Failure> {
    let config = load_config(config)?;
    let path = named.unwrap_or(&config.store.location).resolve(|| crate::store::location::by_custom(variable));
    path.ok_or_else(|| Failure::Usage(format!("{command} needs a store, not none")))
}

/// Where a collector may serve.
fn sockets(named: Option<&Location>, config: &Config) -> Result<Vec<std::path::PathBuf>, Failure> {
    let paths = crate::attach::location::candidates(named.unwrap_or(&config.attach.socket), variable);
    if paths.is_empty() { Err(Failure::Usage("attaching needs a socket, not none".to_owned())) } else { Ok(paths) }
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::Run(format!("cannot start: {error}")))
}

fn run_live(arguments: &crate::cli::RunArguments, level: &str) -> Result<(), Failure> {
    let mut config = config_of(arguments.config.as_deref(), &arguments.rules)?;
    if !arguments.listen.is_empty() {
        config.inputs.clone_from(&arguments.listen);
    }
    if !arguments.output.is_empty() {
        config.outputs = arguments.output.iter().cloned().map(crate::config::OutputSetting::new).collect();
    }
    config.metrics = arguments.metrics.or(config.metrics);
    if let Some(location) = &arguments.store {
        config.store.location.clone_from(location);
    }
    if let Some(socket) = &arguments.socket {
        config.attach.socket.clone_from(socket);
    }
    let headless = is_headless(arguments.headless, &arguments.look, &mut config);
    if headless && config.outputs.is_empty() {
        config.outputs.push(crate::config::OutputSetting::new(crate::output::url::OutputUrl::Stdout));
    }
    let face = if headless { Face::Headless } else { Face::Console };
    start(Plan { config, mode: Mode::Live, face, expect_alerts: None, exit_at_end: false, log_level: level.to_owned() })
}

/// Takes over how the console shall look, and answers whether there is none. Plain lines need no terminal; a terminal that
/// can only write lines gets them unasked.
fn is_headless(headless: bool, look: &crate::cli::LookArguments, config: &mut Config) -> bool {
    let console = &mut config.console;
    let is_dumb = variable("TERM").is_some_and(|term| term == "dumb");
    console.plain |= look.plain || (is_dumb && stdout().is_terminal());
    console.ascii |= look.ascii;
    console.theme = look.theme.or(console.theme);
    headless || (!look.plain && !stdout().is_terminal())
}

/// A variable of the environment, if it is text.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A replay forwards and keeps nothing unless it is asked to: outputs and store of the configuration are for live alerts.
fn replay_plan(
    mut config: Config,
    recording: Recording,
    headless: bool,
    outputs: &[crate::output::url::OutputUrl],
    metrics: Option<std::net::SocketAddr>,
    level: &str,
) -> Plan {
    config.outputs = outputs.iter().cloned().map(crate::config::OutputSetting::new).collect();
    config.store.location = Location::None;
    config.metrics = metrics;
    if headless && config.outputs.is_empty() {
        config.outputs.push(crate::config::OutputSetting::new(crate::output::url::OutputUrl::Stdout));
    }
    let face = if headless { Face::Headless } else { Face::Console };
    Plan { config, mode: Mode::Replay(recording), face, expect_alerts: None, exit_at_end: true, log_level: level.to_owned() }
}

/// How long a console may take to go when it has to go at once.
const GIVE_BACK_WITHIN: Duration = Duration::from_millis(200);

/// Runs to the end, or to the request to stop at once: this waits beside all work, so that nothing keeps it from hearing that.
async fn run_once(plan: Plan, signals: &Signals) -> Result<Ended, Failure> {
    let has_screen = plan.face == Face::Console && !plan.config.console.plain;
    let drains = watch::Sender::new(None);
    let draining = drains.subscribe();
    let mut session = tokio::spawn(session::run(plan, signals.clone(), drains));
    tokio::select! {
        biased;
        () = signals.clone().at_once(draining.clone()) => {
            session.abort();
            // A console gives the terminal back as it goes, and draws no more then; one that is stuck cannot.
            if has_screen && draining.borrow().is_none() && timeout(GIVE_BACK_WITHIN, &mut session).await.is_err() {
                crate::console::terminal::give_back();
            }
            Err(Failure::Run("stopped at once by a second signal".to_owned()))
        }
        ended = &mut session => ended.unwrap_or_else(|error| Err(Failure::Run(format!("it broke down: {error}")))),
    }
}

fn start(mut plan: Plan) -> Result<(), Failure> {
    if plan.face == Face::Console {
        // Two writers on one terminal would draw over each other.
        plan.config.outputs.retain(|output| output.url != crate::output::url::OutputUrl::Stdout);
    }
    log::to_stderr(&plan.log_level, plan.face);
    let runtime = runtime()?;
    let expect = plan.expect_alerts;
    let is_headless = plan.face == Face::Headless;
    let is_replay = matches!(plan.mode, Mode::Replay(_));
    let signals = Signals::hear().map_err(|error| Failure::Run(error.to_string()))?;
    let result = loop {
        let result = runtime.block_on(run_once(plan.clone(), &signals));
        // Once more from the beginning, with nothing left over of this time.
        if !result.as_ref().is_ok_and(|ended| ended.is_again) {
            break result;
        }
    };
    // A thread that waits for standard input must not hold up the end.
    runtime.shutdown_background();
    let ended = result?;
    if is_headless || ended.is_detached {
        let summary = crate::collector::metrics::summary(&ended.counters);
        let _ = writeln!(stderr(), "summary {}", crate::output::format::one_line(&summary));
    }
    if let Some(failure) = ended.failure {
        return Err(Failure::Run(failure));
    }
    let lost: u64 =
        ended.counters.output_records.iter().filter(|((_, result), _)| result == "gave_up").map(|(_, count)| count).sum();
    match expect {
        // A live collector goes on without an output; a replay that lost its records did not do what it was asked to.
        _ if is_replay && lost > 0 => Err(Failure::Run(format!("{} could not be delivered", count_of(lost, "record")))),
        Some(expected) if expected != ended.counters.alerts_total() => {
            Err(Failure::Run(format!("expected {}, raised {}", count_of(expected, "alert"), ended.counters.alerts_total())))
        }
        _ => Ok(()),
    }
}
