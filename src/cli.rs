//! The command line: commands, flags and their help. Nothing is done here.

mod help;
mod line;
pub mod values;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, CommandFactory as _, Parser, Subcommand};

use crate::cli::help::{AFTER, ALERTS_JSON, FILTERS};
use crate::cli::values::{Expect, Speed, since};
use crate::config::ListenUrl;
use crate::console::theme::Theme;
use crate::location::Location;
use crate::output::url::OutputUrl;

/// A Linux collector for Windows events (WEF XML over syslog, TCP and UDP) with a live console.
#[derive(Debug, Parser)]
#[command(name = "wefwatch", version, about, after_help = AFTER, args_conflicts_with_subcommands = true)]
pub struct Cli {
    /// What to do; `run` where nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of `run`.
    #[command(flatten)]
    pub run: RunArguments,
    /// Log more (standard error); twice for everything.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Log warnings only.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
}

impl Cli {
    /// The log level that was asked for.
    pub fn log_level(&self) -> &'static str {
        match (self.quiet, self.verbose) {
            (true, _) => "warn",
            (false, 0) => "info",
            (false, 1) => "debug",
            (false, _) => "trace",
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Listen for events and raise alerts (the default).
    Run(RunArguments),
    /// Replay recordings: event XML, Event Viewer exports, syslog captures, .evtx, compressed ones, or - for standard input.
    Replay(ReplayArguments),
    /// Show the built-in sample attack, through the real pipeline.
    Demo(DemoArguments),
    /// Open the console of a running collector; any number of people may. Closing it leaves the collector running.
    Attach(AttachArguments),
    /// Follow the alerts of a running collector, and its events if asked to, for scripts.
    Tail(TailArguments),
    /// List stored alerts and where they stand, beside a running collector or without one.
    Alerts(AlertsArguments),
    /// Print all about stored alerts as Markdown: why they fired, the evidence, and what people did.
    Show(ShowArguments),
    /// List or check rules.
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Check or print the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell.
    Completions(CompletionsArguments),
    /// Print the manual page.
    Man,
}

/// The flags of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArguments {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// No console: alerts as JSON lines (also when standard output is no terminal).
    #[arg(long, conflicts_with = "plain")]
    pub headless: bool,
    /// Listen here instead of what the file names: tcp://ADDR:PORT, udp://ADDR:PORT. May be repeated.
    #[arg(long, value_name = "URL")]
    pub listen: Vec<ListenUrl>,
    /// Write alerts here instead of what the file names: stdout, file:PATH, tcp://HOST:PORT, syslog+tcp://HOST:PORT.
    #[arg(long, value_name = "URL")]
    pub output: Vec<OutputUrl>,
    /// Load rules from this folder (or file) too. May be repeated.
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,
    /// Where to keep alerts, what people did, and sequences in the making; `none` for a throw-away run.
    #[arg(long, value_name = "PATH|none")]
    pub store: Option<Location>,
    /// Serve /metrics, /healthz and /readyz here.
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<SocketAddr>,
    /// The Unix socket for `attach` and `tail`; `none` serves nobody.
    #[arg(long, value_name = "PATH|none")]
    pub socket: Option<Location>,
    /// How the console looks.
    #[command(flatten)]
    pub look: LookArguments,
}

/// How the console looks.
#[derive(Debug, Clone, Default, Args)]
pub struct LookArguments {
    /// A line an alert instead of the console, for screen readers and terminals that can do no more.
    #[arg(long)]
    pub plain: bool,
    /// Draw with ASCII only (by itself where the locale is not UTF-8).
    #[arg(long)]
    pub ascii: bool,
    /// Colours for a dark or a light ground, or none; night and paper in 24-bit colours. T in the console changes them.
    #[arg(long, value_name = "dark|light|mono|night|paper")]
    pub theme: Option<Theme>,
}

/// The flags of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// The recordings, in order; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Times the recorded pace, or `max`; headless replays go flat out where nothing is said.
    #[arg(long, value_name = "N|max")]
    pub speed: Option<Speed>,
    /// No console: alerts as JSON lines; ends with the recording.
    #[arg(long, conflicts_with = "plain")]
    pub headless: bool,
    /// Load rules from this folder (or file) too. May be repeated.
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,
    /// The configuration file (its listeners and outputs are not used).
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Exit with 1 unless so many alerts are raised.
    #[arg(long, value_name = "alerts=N")]
    pub expect: Option<Expect>,
    /// Close the console at the end of the recording.
    #[arg(long)]
    pub exit_at_end: bool,
    /// Write alerts here. May be repeated.
    #[arg(long, value_name = "URL")]
    pub output: Vec<OutputUrl>,
    /// Where to keep alerts; a replay keeps nothing unless this is said.
    #[arg(long, value_name = "PATH|none")]
    pub store: Option<Location>,
    /// Serve /metrics, /healthz and /readyz here.
    #[arg(long, value_name = "ADDR")]
    pub metrics: Option<SocketAddr>,
    /// How the console looks.
    #[command(flatten)]
    pub look: LookArguments,
}

/// The flags of `demo`.
#[derive(Debug, Args)]
pub struct DemoArguments {
    /// Times the recorded pace, or `max`.
    #[arg(long, value_name = "N|max")]
    pub speed: Option<Speed>,
    /// No console: alerts as JSON lines.
    #[arg(long, conflicts_with = "plain")]
    pub headless: bool,
    /// Close the console at the end.
    #[arg(long)]
    pub exit_at_end: bool,
    /// The configuration file; of it only `[console]` counts here.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How the console looks.
    #[command(flatten)]
    pub look: LookArguments,
}

/// The flags of `attach`.
#[derive(Debug, Args)]
pub struct AttachArguments {
    /// The collector's socket.
    #[arg(long, value_name = "PATH")]
    pub socket: Option<Location>,
    /// The configuration file that names the socket and how the console looks.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How the console looks.
    #[command(flatten)]
    pub look: LookArguments,
}

/// The flags of `tail`.
#[derive(Debug, Args)]
#[command(after_help = FILTERS)]
pub struct TailArguments {
    /// As JSON lines: the alert record, and events with their XML.
    #[arg(long)]
    pub json: bool,
    /// Which alerts, as the console filters: `sev>=high host:DC*`.
    #[arg(long, value_name = "EXPR", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub filter: String,
    /// Events too, those that this filter lets through: `host:DC* eid:1`; "" for all.
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub events: Option<String>,
    /// The collector's socket.
    #[arg(long, value_name = "PATH")]
    pub socket: Option<Location>,
    /// The configuration file that names the socket.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The flags of `alerts`.
#[derive(Debug, Args)]
#[command(after_help = format!("{FILTERS}\n\n{ALERTS_JSON}"))]
pub struct AlertsArguments {
    /// Which alerts, as the console filters: `is:open sev>=high host:DC*`.
    #[arg(long, value_name = "EXPR", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub filter: String,
    /// How far back: 30s, 15m, 24h, 7d.
    #[arg(long, value_name = "24h", value_parser = since)]
    pub since: Option<i64>,
    /// As JSON lines: the alert record, and where the alert stands under `wefwatch.triage`.
    #[arg(long)]
    pub json: bool,
    /// The store.
    #[arg(long, value_name = "PATH")]
    pub store: Option<Location>,
    /// The configuration file that names the store.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// The flags of `show`.
#[derive(Debug, Args)]
pub struct ShowArguments {
    /// Which: an id, or how it begins (a7f3), as the console and `alerts` list them.
    #[arg(required = true, value_name = "ID", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub ids: Vec<String>,
    /// The store.
    #[arg(long, value_name = "PATH")]
    pub store: Option<Location>,
    /// The configuration file that names the store.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `rules list`, `rules check`.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    /// List the built-in rules and those of the paths.
    List(RulesArguments),
    /// Check rule files; exit code 1 if one is broken.
    Check(RulesArguments),
    /// Tell why a rule fired on recorded events, or how near it came and what was lacking.
    Explain(ExplainArguments),
}

/// The flags of `rules explain`.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// A rule file, or the id or name of a rule that is built in or loaded with --rules.
    #[arg(value_name = "RULE")]
    pub rule: String,
    /// Recordings, as for replay; - is standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Look for the rule in this folder (or file) too. May be repeated.
    #[arg(long, value_name = "DIR")]
    pub rules: Vec<PathBuf>,
    /// The configuration file: its mapping and rule directories hold.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// The flags of `rules list` and `rules check`.
#[derive(Debug, Args)]
pub struct RulesArguments {
    /// Folders and files.
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The configuration file: its mapping holds, and its rule directories where no path is given.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    pub json: bool,
}

/// `config check`, `config print`.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a configuration file.
    Check(ConfigArguments),
    /// Print the configuration in force: the defaults, or those of a file.
    Print(ConfigArguments),
}

/// The flags of `config`.
#[derive(Debug, Args)]
pub struct ConfigArguments {
    /// The file.
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The file.
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    config: Option<PathBuf>,
}

impl ConfigArguments {
    /// The file, however it was named.
    pub fn path(&self) -> Option<&Path> {
        self.file.as_deref().or(self.config.as_deref())
    }
}

/// The flags of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArguments {
    /// Which shell.
    pub shell: clap_complete::Shell,
}

/// Reads the command line, its first word the program; the error is ready to be printed.
pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, clap::Error> {
    line::read(arguments)
}

/// The whole command line, for completions and the manual page.
pub fn command() -> clap::Command {
    Cli::command()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines() {
        Cli::command().debug_assert();
        let good = [
            "wefwatch",
            "wefwatch --headless --listen tcp://127.0.0.1:0 --listen udp://127.0.0.1:0 --store none",
            "wefwatch run --headless --output stdout --output file:/tmp/x --metrics 127.0.0.1:0",
            "wefwatch replay --headless --speed max --expect alerts=2 a.xml b.evtx",
            "wefwatch replay --speed 10x -",
            "wefwatch demo --speed 4",
            "wefwatch demo --plain --theme light --ascii",
            "wefwatch rules check --json /tmp",
            "wefwatch config print",
            "wefwatch completions bash",
            "wefwatch man",
            "wefwatch attach --socket /run/x",
            "wefwatch run --headless --socket none",
            "wefwatch tail --json --filter sev>=high --events host:DC*",
            "wefwatch alerts --since 24h --json --filter is:open",
            "wefwatch --store /var/lib/x",
            "wefwatch alerts --filter -is:muted --json",
            "wefwatch tail --filter -is:muted --events -host:DC*",
        ];
        for line in good {
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
        let alike = [
            ("wefwatch --theme light demo", "wefwatch demo --theme light"),
            ("wefwatch --config F config print", "wefwatch config print --config F"),
            ("wefwatch config --config F print", "wefwatch config print --config F"),
            ("wefwatch -v replay FILE", "wefwatch replay -v FILE"),
            ("wefwatch -vv replay FILE", "wefwatch replay -v -v FILE"),
            ("wefwatch --config=F -q alerts --json", "wefwatch alerts --config F -q --json"),
            ("wefwatch --config run rules list x", "wefwatch rules list --config run x"),
            ("wefwatch --headless --rules D replay --speed max x", "wefwatch replay --headless --rules D --speed max x"),
            ("wefwatch --listen tcp://127.0.0.1:0 run", "wefwatch run --listen tcp://127.0.0.1:0"),
            ("wefwatch --json rules check x", "wefwatch rules check --json x"),
            ("wefwatch --config F --plain", "wefwatch --plain --config F"),
        ];
        let read = |line: &str| read(line.split(' ').map(OsString::from));
        for (line, same) in alike {
            let told = |line| format!("{:?}", read(line).unwrap_or_else(|error| panic!("{line}: {error}")));
            assert_eq!(told(line), told(same));
        }
        for (line, reason) in [
            ("wefwatch --listen tcp://127.0.0.1:0 alerts", "'--listen'"),
            ("wefwatch --theme light man", "'--theme'"),
            ("wefwatch --nonsense demo", "'--nonsense'"),
            ("wefwatch --config", "a value is required"),
            ("wefwatch --config F --config G replay x", "cannot be used multiple times"),
            ("wefwatch --headless dance", "'dance'"),
        ] {
            let error = read(line).expect_err(line);
            assert!(error.to_string().contains(reason) && error.exit_code() == 2, "{line}: {error}");
        }
        for line in
            ["wefwatch --help", "wefwatch --help replay", "wefwatch replay --help", "wefwatch help rules", "wefwatch --version"]
        {
            assert_eq!(read(line).expect_err(line).exit_code(), 0, "{line}");
        }
        let bad = [
            "wefwatch replay",
            "wefwatch --listen tls://0.0.0.0:1",
            "wefwatch --listen 1514",
            "wefwatch alerts --since yesterday",
            "wefwatch replay --speed 0 x",
            "wefwatch replay --expect 2 x",
            "wefwatch --output http://x:1",
            "wefwatch demo --plain --headless",
            "wefwatch demo --theme pink",
            "wefwatch dance",
        ];
        for line in bad {
            assert!(Cli::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }
}
