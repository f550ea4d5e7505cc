//! The configuration as people write it; only the way from here to [`Config`] knows the units and the spellings.

use std::collections::BTreeMap;
use std::fmt::Display;

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::config::units::{Size, Span};
use crate::config::{Config, Console, Limits, OutputSetting, Rules};
use crate::console::keys::Keymap;
use crate::detect::correlator;
use crate::detect::ecs::Mapping;

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Written {
    input: Vec<Input>,
    limits: WrittenLimits,
    rules: WrittenRules,
    mapping: Mapping,
    sequence: WrittenSequence,
    hosts: WrittenHosts,
    link: WrittenLink,
    store: WrittenStore,
    output: Vec<Output>,
    attach: WrittenAttach,
    console: WrittenConsole,
    metrics: Metrics,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Input {
    listen: String,
}

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenLimits {
    max_frame: Size,
    max_connections: usize,
    idle_flush: Span,
    duplicate_window: usize,
    udp_receive_buffer: Size,
    queue: usize,
    grace: Span,
}

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenRules {
    directories: Vec<std::path::PathBuf>,
    builtin: bool,
}

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenSequence {
    allowed_lateness: Span,
    max_partials_per_key: usize,
    max_keys: usize,
}

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenHosts {
    max_hosts: usize,
    max_processes: usize,
    silent_after: Span,
    blind_after: Span,
}

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenLink {
    raise: bool,
    window: Span,
    chain_within: Span,
    max_connections: usize,
}

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenStore {
    path: String,
    max_age: Span,
    max_size: Size,
    events: Size,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Output {
    url: String,
    #[serde(default = "output_queue")]
    queue: usize,
}

fn output_queue() -> usize {
    10_000
}

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
struct WrittenAttach {
    socket: String,
    group: String,
    analysts: Vec<String>,
    viewers: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "settings that people switch one by one")]
struct WrittenConsole {
    max_alerts: usize,
    max_evidence: usize,
    max_events: usize,
    utc: bool,
    theme: String,
    notify: String,
    ascii: bool,
    plain: bool,
    mouse: bool,
    keys: BTreeMap<String, String>,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(default, deny_unknown_fields)]
struct Metrics {
    listen: String,
}

macro_rules! default_from_config {
    ($($section:ident = $field:ident),+ $(,)?) => {
        $(impl Default for $section {
            fn default() -> Self {
                Written::from(&Config::default()).$field
            }
        })+
    };
}

default_from_config!(
    WrittenLimits = limits,
    WrittenRules = rules,
    WrittenSequence = sequence,
    WrittenHosts = hosts,
    WrittenLink = link,
    WrittenStore = store,
    WrittenAttach = attach,
    WrittenConsole = console,
);

impl Default for Written {
    fn default() -> Self {
        Self::from(&Config::default())
    }
}

fn span_of(delta: TimeDelta) -> Span {
    Span(delta.to_std().unwrap_or_default())
}

impl From<&Config> for Written {
    fn from(config: &Config) -> Self {
        let Limits { max_frame, max_connections, idle_flush, duplicate_window, udp_receive_buffer, queue, grace } = config.limits;
        Self {
            input: config.inputs.iter().map(|url| Input { listen: url.to_string() }).collect(),
            limits: WrittenLimits {
                max_frame: Size(max_frame),
                max_connections,
                idle_flush: Span(idle_flush),
                duplicate_window,
                udp_receive_buffer: Size(udp_receive_buffer),
                queue,
                grace: Span(grace),
            },
            rules: WrittenRules { directories: config.rules.directories.clone(), builtin: config.rules.builtin },
            mapping: config.mapping.clone(),
            sequence: WrittenSequence {
                allowed_lateness: span_of(config.sequence.allowed_lateness),
                max_partials_per_key: config.sequence.max_partials_per_key,
                max_keys: config.sequence.max_keys,
            },
            hosts: WrittenHosts {
                max_hosts: config.hosts.max_hosts,
                max_processes: config.hosts.max_processes,
                silent_after: span_of(config.hosts.silent_after),
                blind_after: span_of(config.hosts.blind_after),
            },
            link: WrittenLink {
                raise: config.link.raise,
                window: span_of(config.link.window),
                chain_within: span_of(config.link.chain_within),
                max_connections: config.link.max_connections,
            },
            store: WrittenStore {
                path: config.store.location.to_string(),
                max_age: span_of(config.store.max_age),
                max_size: Size(config.store.max_size as usize),
                events: Size(config.store.events as usize),
            },
            output: config.outputs.iter().map(|output| Output { url: output.url.to_string(), queue: output.queue }).collect(),
            attach: WrittenAttach {
                socket: config.attach.socket.to_string(),
                group: config.attach.group.clone(),
                analysts: config.attach.analysts.clone(),
                viewers: config.attach.viewers.clone(),
            },
            console: WrittenConsole {
                max_alerts: config.console.max_alerts,
                max_evidence: config.console.max_evidence,
                max_events: config.console.max_events,
                utc: config.console.utc,
                theme: config.console.theme.map_or_else(|| "auto".to_owned(), |theme| theme.to_string()),
                notify: config.console.notify.to_string(),
                ascii: config.console.ascii,
                plain: config.console.plain,
                mouse: config.console.mouse,
                keys: config.console.keys.changed().clone(),
            },
            metrics: Metrics { listen: config.metrics.map_or(String::new(), |address| address.to_string()) },
        }
    }
}

/// A dotted key, in which entries of a list are counted (`input.1.listen`), and what is wrong with it.
pub(super) type Complaint = (String, String);

pub(super) fn complain<T>(key: &str, reason: &dyn Display) -> Result<T, Complaint> {
    Err((key.to_owned(), reason.to_string()))
}

fn within(key: &str, value: usize, least: usize, most: usize) -> Result<usize, Complaint> {
    if (least..=most).contains(&value) { Ok(value) } else { complain(key, &format!("{value} is not between {least} and {most}")) }
}

fn delta(key: &str, span: Span) -> Result<TimeDelta, Complaint> {
    TimeDelta::from_std(span.0).or_else(|error| complain(key, &error))
}

impl Written {
    /// Checks everything; the first complaint counts.
    pub(super) fn check(self) -> Result<Config, Complaint> {
        let inputs = self
            .input
            .iter()
            .enumerate()
            .map(|(number, input)| input.listen.parse().or_else(|error| complain(&format!("input.{number}.listen"), &error)));
        let metrics = match self.metrics.listen.as_str() {
            "" => None,
            text => Some(text.parse().or_else(|_| complain("metrics.listen", &format!("`{text}` is no ADDRESS:PORT")))?),
        };
        let sequence = correlator::Config {
            allowed_lateness: delta("sequence.allowed_lateness", self.sequence.allowed_lateness)?,
            max_partials_per_key: within("sequence.max_partials_per_key", self.sequence.max_partials_per_key, 2, 1 << 16)?,
            max_keys: within("sequence.max_keys", self.sequence.max_keys, 1, 1 << 24)?,
        };
        let hosts = crate::hosts::Config {
            max_hosts: within("hosts.max_hosts", self.hosts.max_hosts, 1, 1 << 24)?,
            max_processes: within("hosts.max_processes", self.hosts.max_processes, 1, 1 << 24)?,
            silent_after: delta("hosts.silent_after", self.hosts.silent_after)?,
            blind_after: delta("hosts.blind_after", self.hosts.blind_after)?,
        };
        let link = crate::alert::link::Config {
            raise: self.link.raise,
            window: delta("link.window", self.link.window)?,
            chain_within: delta("link.chain_within", self.link.chain_within)?,
            max_connections: within("link.max_connections", self.link.max_connections, 1, 1 << 22)?,
        };
        let store = crate::store::Config {
            location: self.store.path.parse().unwrap_or_default(),
            max_age: delta("store.max_age", self.store.max_age)?,
            max_size: within("store.max_size", self.store.max_size.0, 1 << 20, 1 << 44)? as u64,
            events: match self.store.events.0 {
                0 => 0,
                events => within("store.events", events, 1 << 20, 1 << 44)? as u64,
            },
        };
        let attach = crate::attach::Config {
            socket: self.attach.socket.parse().unwrap_or_default(),
            group: self.attach.group,
            analysts: self.attach.analysts,
            viewers: self.attach.viewers,
        };
        Ok(Config {
            inputs: inputs.collect::<Result<_, _>>()?,
            limits: self.limits.check()?,
            rules: Rules { directories: self.rules.directories, builtin: self.rules.builtin },
            mapping: self.mapping,
            sequence,
            hosts,
            link,
            store,
            attach,
            outputs: self
                .output
                .into_iter()
                .enumerate()
                .map(|(number, output)| output.check(number))
                .collect::<Result<_, _>>()?,
            console: Console {
                max_alerts: within("console.max_alerts", self.console.max_alerts, 1, 1 << 24)?,
                max_evidence: within("console.max_evidence", self.console.max_evidence, 1, 1 << 20)?,
                max_events: within("console.max_events", self.console.max_events, 1, 1 << 20)?,
                utc: self.console.utc,
                theme: match self.console.theme.as_str() {
                    "auto" => None,
                    text => Some(text.parse().or_else(|error| complain("console.theme", &error))?),
                },
                notify: self.console.notify.parse().or_else(|error| complain("console.notify", &error))?,
                ascii: self.console.ascii,
                plain: self.console.plain,
                mouse: self.console.mouse,
                keys: Keymap::with(self.console.keys)
                    .or_else(|(name, error)| complain(&format!("console.keys.{name}"), &error))?,
            },
            metrics,
        })
    }
}

impl WrittenLimits {
    fn check(self) -> Result<Limits, Complaint> {
        Ok(Limits {
            max_frame: within("limits.max_frame", self.max_frame.0, 1024, 16 << 20)?,
            max_connections: within("limits.max_connections", self.max_connections, 1, 1 << 20)?,
            idle_flush: self.idle_flush.0,
            duplicate_window: within("limits.duplicate_window", self.duplicate_window, 0, 1 << 26)?,
            udp_receive_buffer: within("limits.udp_receive_buffer", self.udp_receive_buffer.0, 4096, 1 << 30)?,
            queue: within("limits.queue", self.queue, 1, 1 << 20)?,
            grace: self.grace.0,
        })
    }
}

impl Output {
    fn check(self, number: usize) -> Result<OutputSetting, Complaint> {
        let url = self.url.parse().or_else(|error| complain(&format!("output.{number}.url"), &error))?;
        Ok(OutputSetting { url, queue: within(&format!("output.{number}.queue"), self.queue, 1, 1 << 24)? })
    }
}
