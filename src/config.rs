//! The configuration file: TOML, every key with a default, unknown keys are errors. As written (`written`) it becomes as
//! checked ([`Config`]), once; every complaint names file, line and key. `config.toml` at the top of the project holds every
//! key with its default, and a test keeps the two equal.

mod escape;
mod machine;
mod place;
pub mod units;
mod written;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::config::written::{Complaint, Written};
use crate::console::keys::Keymap;
use crate::console::notify::Notify;
use crate::console::printable::printable_lines;
use crate::console::theme::Theme;
use crate::detect::correlator;
use crate::detect::ecs::Mapping;
use crate::output::url::OutputUrl;

/// The port that is listened on where nothing else is said.
pub const DEFAULT_PORT: u16 = 1514;

/// The configuration, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Where to listen.
    pub inputs: Vec<ListenUrl>,
    /// Limits of the inputs and queues.
    pub limits: Limits,
    /// Where rules come from.
    pub rules: Rules,
    /// The switches of the mapping.
    pub mapping: Mapping,
    /// Sequence matching.
    pub sequence: correlator::Config,
    /// The host table.
    pub hosts: crate::hosts::Config,
    /// How connections of two hosts are linked.
    pub link: crate::alert::link::Config,
    /// What is kept over a restart.
    pub store: crate::store::Config,
    /// Where alerts go.
    pub outputs: Vec<OutputSetting>,
    /// Consoles elsewhere.
    pub attach: crate::attach::Config,
    /// The console.
    pub console: Console,
    /// Where the metrics are served.
    pub metrics: Option<SocketAddr>,
}

/// Limits of the inputs and queues (`[limits]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest message, in bytes.
    pub max_frame: usize,
    /// How many connections a listener takes.
    pub max_connections: usize,
    /// How long part of a message waits for the rest.
    pub idle_flush: Duration,
    /// How many events are remembered to tell duplicates; 0 is off.
    pub duplicate_window: usize,
    /// What the kernel is asked to buffer for a UDP listener, in bytes.
    pub udp_receive_buffer: usize,
    /// How many batches may wait for the collector.
    pub queue: usize,
    /// How long draining may take at the end.
    pub grace: Duration,
}

/// Where rules come from (`[rules]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Folders and files besides the built-in rules.
    pub directories: Vec<PathBuf>,
    /// Whether the built-in rules run.
    pub builtin: bool,
}

/// One output (`[[output]]`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputSetting {
    /// Where it writes to.
    pub url: OutputUrl,
    /// How many records may wait for it.
    pub queue: usize,
}

impl OutputSetting {
    /// An output with the default queue.
    pub fn new(url: OutputUrl) -> Self {
        Self { url, queue: 10_000 }
    }
}

/// The console (`[console]`).
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "settings that people switch one by one")]
pub struct Console {
    /// How many alerts are listed.
    pub max_alerts: usize,
    /// Of how many of them the evidence is kept.
    pub max_evidence: usize,
    /// How many events the tail keeps.
    pub max_events: usize,
    /// Whether times are shown in UTC (else local).
    pub utc: bool,
    /// The colours; `None` goes by what the environment says.
    pub theme: Option<Theme>,
    /// How it calls for attention where nobody sits.
    pub notify: Notify,
    /// Whether ASCII is all that is drawn, whatever the locale.
    pub ascii: bool,
    /// Whether there are plain lines instead of screens.
    pub plain: bool,
    /// Whether the mouse belongs to the console from the start.
    pub mouse: bool,
    /// Which key does what.
    pub keys: Keymap,
}

impl Default for Config {
    fn default() -> Self {
        let any = SocketAddr::from((Ipv4Addr::UNSPECIFIED, DEFAULT_PORT));
        Self {
            inputs: vec![ListenUrl::Tcp(any), ListenUrl::Udp(any)],
            limits: Limits {
                max_frame: 256 << 10,
                max_connections: 1024,
                idle_flush: Duration::from_secs(2),
                duplicate_window: 1 << 18,
                udp_receive_buffer: 4 << 20,
                queue: 128,
                grace: Duration::from_secs(5),
            },
            rules: Rules { directories: Vec::new(), builtin: true },
            mapping: Mapping::default(),
            sequence: correlator::Config::default(),
            hosts: crate::hosts::Config::default(),
            link: crate::alert::link::Config::default(),
            store: crate::store::Config::default(),
            outputs: Vec::new(),
            attach: crate::attach::Config::default(),
            console: Console {
                max_alerts: 100_000,
                max_evidence: 5000,
                max_events: 5000,
                utc: true,
                theme: None,
                notify: Notify::default(),
                ascii: false,
                plain: false,
                mouse: false,
                keys: Keymap::default(),
            },
            metrics: None,
        }
    }
}

/// A complaint about a configuration: file, line where it is known, and what is wrong (with the key).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: Option<usize>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(formatter, "{}:{line}: {}", self.file, self.reason),
            None => write!(formatter, "{}: {}", self.file, self.reason),
        }
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    fn of((key, reason): Complaint, text: &str, file: &str) -> Self {
        let reason = format!("{}: {reason}", place::as_written(&key));
        Self { file: file.to_owned(), line: place::line_of(text, &key), reason }
    }
}

impl Config {
    /// Reads a file.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Self::read(path, |_| Ok(()))
    }

    /// Reads a file whose rules are needed: its rule folders must be there.
    pub fn load_with_rules(path: &Path) -> Result<Self, ConfigError> {
        Self::read(path, machine::rules)
    }

    /// Reads a file; whatever it names on this machine must be there.
    pub fn check(path: &Path) -> Result<Self, ConfigError> {
        Self::read(path, |config| machine::rules(config).and_then(|()| machine::groups(config)))
    }

    fn read(path: &Path, check: impl Fn(&Self) -> Result<(), Complaint>) -> Result<Self, ConfigError> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| ConfigError { file: file.clone(), line: None, reason: error.to_string() })?;
        let config = Self::parse(&text, &file)?;
        check(&config).map_err(|complaint| ConfigError::of(complaint, &text, &file))?;
        Ok(config)
    }

    /// Reads a text; `file` is what complaints call it.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let written: Written = toml::from_str(text).map_err(|error| {
            let offset = error.span().map(|span| span.start);
            let key = offset.and_then(|offset| place::key_at(text, offset));
            let key = key.map_or(String::new(), |key| format!("{}: ", place::as_written(&key)));
            let line = offset.map(|offset| place::line_at(text, offset));
            ConfigError { file: file.to_owned(), line, reason: format!("{key}{}", error.message().trim()) }
        })?;
        written.check().map_err(|complaint| ConfigError::of(complaint, text, file))
    }

    /// The effective configuration as TOML, every key. What a terminal would act on is escaped.
    pub fn to_toml(&self) -> String {
        let written = Written::from(self);
        let text = toml::to_string(&written).unwrap_or_default();
        if printable_lines(&text) == text { text } else { escape::with_escapes(written).unwrap_or_default() }
    }
}

/// Where to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenUrl {
    /// `tcp://ADDR:PORT`
    Tcp(SocketAddr),
    /// `udp://ADDR:PORT`
    Udp(SocketAddr),
}

/// Why a listener URL is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenUrlError {
    /// A form that will come.
    #[error("`{0}`: {1} listeners are not supported yet; use tcp:// or udp://")]
    NotSupported(String, String),
    /// The address is none.
    #[error("`{0}` needs an IP address and a port: tcp://0.0.0.0:1514, udp://[::]:1514, tcp://*:1514")]
    Address(String),
    /// Not a listener URL at all.
    #[error("`{0}` is no listener; use tcp://ADDR:PORT or udp://ADDR:PORT")]
    Unknown(String),
}

impl FromStr for ListenUrl {
    type Err = ListenUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((scheme, address)) = text.split_once("://") else { return Err(ListenUrlError::Unknown(text.to_owned())) };
        if matches!(scheme, "tls" | "wef" | "http" | "https") {
            return Err(ListenUrlError::NotSupported(text.to_owned(), scheme.to_owned()));
        }
        let spelled = match address.strip_prefix('*').unwrap_or(address) {
            port if port.starts_with(':') => format!("0.0.0.0{port}"),
            whole => whole.replace("localhost", "127.0.0.1"),
        };
        let address = spelled.parse().map_err(|_| ListenUrlError::Address(text.to_owned()))?;
        match scheme {
            "tcp" => Ok(Self::Tcp(address)),
            "udp" => Ok(Self::Udp(address)),
            _ => Err(ListenUrlError::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for ListenUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(formatter, "tcp://{address}"),
            Self::Udp(address) => write!(formatter, "udp://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../config.toml");

    #[test]
    fn the_shipped_file_is_the_defaults() {
        assert_eq!(Config::parse(SHIPPED, "config.toml"), Ok(Config::default()));
        let mut section = String::new();
        let shipped: Vec<(String, String)> = keys(SHIPPED, &mut section);
        // An empty list is written as `output = []` at the top; the shipped file shows the section as a comment.
        let effective = Config::default().to_toml().replace("output = []\n", "");
        for key in keys(&effective, &mut section) {
            assert!(shipped.contains(&key), "{key:?} is missing in config.toml");
        }
        let comments = SHIPPED.lines().zip(SHIPPED.lines().skip(1)).filter(|(_, line)| key_of(line).is_some());
        for (above, line) in comments {
            assert!(above.starts_with('#') || above.starts_with('['), "{line} has no comment");
        }
    }

    /// The key that a line sets.
    fn key_of(line: &str) -> Option<&str> {
        let key = line.split_once('=')?.0.trim();
        (!key.is_empty() && !key.starts_with('#')).then_some(key)
    }

    fn keys(text: &str, section: &mut String) -> Vec<(String, String)> {
        let mut keys = Vec::new();
        for line in text.lines() {
            if line.starts_with('[') {
                line.trim_matches(['[', ']']).clone_into(section);
            } else if let Some(key) = key_of(line) {
                keys.push((section.clone(), key.to_owned()));
            }
        }
        keys
    }

    #[test]
    fn printed_and_read_back() {
        let mut config = Config::default();
        config.outputs.push(OutputSetting::new("tcp://[::1]:5000".parse().unwrap()));
        config.mapping.swap_old_inbound = true;
        config.console.theme = Some(Theme::Light);
        config.console.keys = Keymap::with([("copy".to_owned(), "ctrl-y f4".to_owned())].into()).unwrap();
        config.store.location = crate::location::Location::Path("/x/y.db".into());
        config.attach.analysts.push("soc".to_owned());
        config.attach.socket = crate::location::Location::None;
        config.metrics = Some("127.0.0.1:9100".parse().unwrap());
        assert_eq!(Config::parse(&config.to_toml(), "x"), Ok(config));
    }

    #[test]
    fn complaints_name_the_place() {
        let rows = [
            ("[limits]\nmax_frame = \"256 parsecs\"\n", Some(2), "limits.max_frame: "),
            ("[limits]\n\nmax_frames = 1\n", Some(3), "limits.max_frames: "),
            ("[limits]\nqueue = \"x\"\n", Some(2), "limits.queue: "),
            ("limits = { queue = \"x\" }\n", Some(1), "limits.queue: "),
            ("limits.grace = \"1s\"\nlimits.queue = 0\n", Some(2), "limits.queue: "),
            ("limits = {\nqueue = 0 }\n", Some(2), "limits.queue: "),
            ("[[output]]\nqueue = 3\n", Some(1), "output: missing field `url`"),
            ("[attach]\nanalysts = [\n\"a\",\n3]\n", Some(4), "attach.analysts: "),
            ("[console]\nutc = 3\n", Some(2), "console.utc: "),
            ("[limit]\nx = 1\n", Some(1), "limit: unknown field"),
            ("[[input]]\nlisten = \"tcp://*:1\"\n[[input]]\nlisten = \"x\"\n", Some(4), "input.listen: `x`"),
            ("[console.keys]\nquit = \"ctrl-m\"\n", Some(2), "console.keys.quit: "),
            ("[[input]]\nlisten = \"tls://0.0.0.0:6514\"\n", Some(2), "not supported yet"),
            ("[[input]]\nlisten = \"tcp://example.com:1514\"\n", Some(2), "IP address"),
            ("[limits]\nqueue = 0\n", Some(2), "limits.queue"),
            ("[mapping]\nwinrm_protocol = \"guess\"\n", Some(2), "mapping.winrm_protocol: "),
            ("[store]\nmax_size = \"1KiB\"\n", Some(2), "store.max_size"),
            ("[sequence]\nallowed_lateness = 15\n", Some(2), "sequence.allowed_lateness: "),
            ("[metrics]\nlisten = \"nine\"\n", Some(2), "metrics.listen"),
            ("[[output]]\nurl = \"carrier-pigeon\"\n", Some(2), "no output"),
            ("[console]\ntheme = \"pink\"\n", Some(2), "console.theme"),
            ("[console.keys]\ncopy = \"Y\"\ndance = \"d\"\n", Some(3), "no action `dance`"),
            ("[console.keys]\ncopy = \"ctrl-shift-y\"\n", Some(2), "no key `ctrl-shift-y`"),
            ("[console.keys]\n\nnext-alert = \"ctrl-n v\"\n", Some(3), "`v` belongs to `verdict`"),
            ("[console.keys]\nquit = 3\n", Some(2), "console.keys.quit: "),
            ("nonsense", Some(1), ""),
        ];
        for (text, line, reason) in rows {
            let error = Config::parse(text, "c.toml").unwrap_err();
            assert_eq!(error.line, line, "{error}");
            assert!(error.to_string().contains(reason), "{error}");
        }
    }

    #[test]
    fn listener_urls() {
        let rows = [
            ("tcp://127.0.0.1:0", Some("tcp://127.0.0.1:0")),
            ("udp://[::]:1514", Some("udp://[::]:1514")),
            ("tcp://*:1514", Some("tcp://0.0.0.0:1514")),
            ("tcp://:1514", Some("tcp://0.0.0.0:1514")),
            ("tcp://localhost:1514", Some("tcp://127.0.0.1:1514")),
            ("tcp://127.0.0.1", None),
            ("1514", None),
            ("ftp://127.0.0.1:1", None),
        ];
        for (text, expected) in rows {
            assert_eq!(text.parse::<ListenUrl>().ok().map(|url| url.to_string()).as_deref(), expected, "{text}");
        }
    }
}
