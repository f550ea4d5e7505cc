//! Many rules over events, and what loading them costs: `cargo bench --bench rules`
//!
//! `WEFWATCH_RULES` names a folder of Sigma rules (SigmaHQ's `rules/windows`, say) and `WEFWATCH_RECORDINGS` one of recordings
//! (`.evtx`, `.xml`, `.gz`); where they are absent, a generated set of the same shape and the samples stand in. Time is CPU time of
//! the measuring thread. rsigma-eval runs over the same rules and events, and the matches of the two are compared.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::{Path, PathBuf};

use rsigma_eval::{Engine, Event, EventValue};
use wefwatch::app::{recording, rule_files};
use wefwatch::detect::ecs::Mapping;
use wefwatch::detect::engine::scratch::Scratch;
use wefwatch::detect::{RuleFile, RuleSet, load};
use wefwatch::event::WindowsEvent;

/// Each figure is the best of so many rounds: other work on the machine only ever adds time.
const ROUNDS: usize = 5;
/// How many events a round looks at, at least.
const EVENTS: usize = 100_000;

fn main() {
    let events = events();
    let of = |id: u32| events.iter().filter(move |event| event.is_sysmon() && event.event_id().0 == id);
    let connections: Vec<&WindowsEvent> = of(3).collect();
    let both: Vec<&WindowsEvent> = of(1).chain(of(3)).collect();
    println!("events: {} process creations, {} network connections", both.len() - connections.len(), connections.len());

    let builtin = RuleSet::compile(&load::builtin(), &Mapping::default());
    println!("built-in rules, network connections: {:.0} events a second and core", rate(&builtin, &connections));

    let files = rule_files();
    // First, while nothing that was freed can be used again.
    loading(&files);
    let wanted = ["category: process_creation", "category: network_connection"];
    let is_wanted =
        |file: &&RuleFile| file.text.contains("product: windows") && wanted.iter().any(|category| file.text.contains(category));
    let sysmon: Vec<RuleFile> = files.iter().filter(is_wanted).cloned().collect();
    let rules = RuleSet::compile(&sysmon, &Mapping::default());
    let ours = rate(&rules, &both);
    println!("{} rules, both: {ours:.0} events a second and core", rules.rules().count());
    against_rsigma(&rules, &sysmon, &both, ours);
}

fn cpu_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).unwrap_or_default() / 1e9
}

fn resident_megabytes() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<f64>().ok()).unwrap_or_default() * 4096.0 / 1e6
}

/// The best rate of a few rounds over the events, in events a second of CPU time.
fn best(events: usize, mut round: impl FnMut()) -> f64 {
    let times = EVENTS.div_ceil(events.max(1));
    let rates = (0..ROUNDS).map(|_| {
        let begun = cpu_seconds();
        (0..times).for_each(|_| round());
        (events * times) as f64 / (cpu_seconds() - begun)
    });
    rates.fold(0.0, f64::max)
}

fn rate(rules: &RuleSet, events: &[&WindowsEvent]) -> f64 {
    let mut scratch = Scratch::default();
    best(events.len(), || {
        for event in events {
            black_box(rules.observe_with(event, &mut scratch, None));
        }
    })
}

fn loading(files: &[RuleFile]) {
    let (before, begun) = (resident_megabytes(), cpu_seconds());
    let rules = RuleSet::compile(files, &Mapping::default());
    let (seconds, megabytes) = (cpu_seconds() - begun, resident_megabytes() - before);
    let (run, not) = (rules.rules().count(), rules.problems().len());
    println!("loading {} files: {run} rules run, {not} do not, {seconds:.2} s of CPU time, {megabytes:.0} MB more", files.len());
}

/// An event as rsigma-eval reads it.
struct Pairs<'e>(Vec<(&'e str, &'e str)>);

impl Event for Pairs<'_> {
    fn get_field(&self, path: &str) -> Option<EventValue<'_>> {
        self.0.iter().find(|(name, _)| *name == path).map(|(_, value)| EventValue::Str(Cow::Borrowed(value)))
    }

    fn any_string_value(&self, holds: &dyn Fn(&str) -> bool) -> bool {
        self.0.iter().any(|(_, value)| holds(value))
    }

    fn all_string_values(&self) -> Vec<Cow<'_, str>> {
        self.0.iter().map(|(_, value)| Cow::Borrowed(*value)).collect()
    }

    fn to_json(&self) -> serde_json::Value {
        self.0.iter().map(|(name, value)| ((*name).to_owned(), serde_json::Value::from(*value))).collect()
    }
}

/// One engine an event id, as its authors advise for speed.
fn against_rsigma(rules: &RuleSet, files: &[RuleFile], events: &[&WindowsEvent], ours: f64) {
    let mut engines: HashMap<u32, Engine> = [1, 3].map(|id| (id, Engine::new())).into();
    for file in files {
        let Ok(collection) = rsigma_parser::parse_sigma_yaml(&file.text) else { continue };
        for rule in &collection.rules {
            let id = if rule.logsource.category.as_deref() == Some("process_creation") { 1 } else { 3 };
            let _ = engines.entry(id).or_default().add_rule(rule);
        }
    }
    let pairs = |event: &WindowsEvent| -> (u32, Vec<(String, String)>) {
        let data = event.data().map(|(name, value)| (name.unwrap_or("Data").to_owned(), value.to_owned()));
        (event.event_id().0, data.collect())
    };
    let owned: Vec<(u32, Vec<(String, String)>)> = events.iter().map(|event| pairs(event)).collect();
    let theirs: Vec<(u32, Pairs<'_>)> = owned
        .iter()
        .map(|(id, data)| (*id, Pairs(data.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect())))
        .collect();
    let rate = best(theirs.len(), || {
        for (id, event) in &theirs {
            black_box(engines[id].evaluate(event));
        }
    });
    println!("rsigma-eval, the same rules and events: {rate:.0} events a second and core; ratio {:.1}", ours / rate);
    let mut scratch = Scratch::default();
    let mut differences: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    let mut matches = 0;
    for (event, (id, pairs)) in events.iter().zip(&theirs) {
        let hits = rules.observe_with(event, &mut scratch, None).rules;
        let own: BTreeSet<String> = hits.into_iter().map(|index| rules.get(index).info.name.clone()).collect();
        let other: BTreeSet<String> = engines[id].evaluate(pairs).iter().map(|found| found.header.rule_title.clone()).collect();
        matches += own.len();
        own.difference(&other).for_each(|rule| differences.entry(rule.clone()).or_default().0 += 1);
        other.difference(&own).for_each(|rule| differences.entry(rule.clone()).or_default().1 += 1);
    }
    println!("matches: {matches}; rules on which the two differ: {}", differences.len());
    for (rule, (own, other)) in differences {
        println!("  {rule}: {own} here only, {other} there only");
    }
}

fn events() -> Vec<WindowsEvent> {
    let mut paths = Vec::new();
    match std::env::var_os("WEFWATCH_RECORDINGS") {
        Some(folder) => walk(Path::new(&folder), &mut paths),
        None => walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join("samples"), &mut paths),
    }
    paths.retain(|path| path.extension().is_some_and(|ending| ["xml", "evtx", "gz"].iter().any(|own| ending == *own)));
    let mut events = Vec::new();
    for path in paths {
        if let Err(error) = recording::each_event(&[path], 256 << 10, |event| events.push(event)) {
            println!("left out: {error}");
        }
    }
    events
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("readable").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() { walk(&path, paths) } else { paths.push(path) }
    }
}

fn rule_files() -> Vec<RuleFile> {
    match std::env::var_os("WEFWATCH_RULES") {
        Some(folders) => {
            let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
            rule_files::read(&folders).expect("a folder of rules").0
        }
        None => (0..3000).map(generated).collect(),
    }
}

/// A rule of the shape that most public ones have: a program by its ending, words that must all be there, a few exceptions.
fn generated(number: u64) -> RuleFile {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = |most: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % most
    };
    let syllables = ["ra", "ke", "to", "mi", "su", "lo", "ne", "pa", "vi", "do", "cu", "be", "st", "or", "an", "ix"];
    let mut word = |least: u64| -> String {
        let length = least + next(3);
        (0..length).map(|_| syllables[next(16) as usize]).collect()
    };
    let mut text = format!("title: Generated {number}\nid: generated-{number}\nlogsource:\n  product: windows\n");
    let is_network = number.is_multiple_of(24);
    let (category, field) =
        if is_network { ("network_connection", "DestinationHostname") } else { ("process_creation", "CommandLine") };
    let _ = write!(text, "  category: {category}\ndetection:\n  image:\n    Image|endswith:\n");
    (0..=number % 4).for_each(|_| text.push_str(&format!("      - '\\{}.exe'\n", word(2))));
    let _ = write!(text, "  words:\n    {field}|contains|all:\n");
    (0..=number % 3).for_each(|_| text.push_str(&format!("      - '{}'\n", word(2))));
    let _ = write!(text, "  any:\n    {field}|contains:\n");
    (0..=number % 8).for_each(|_| text.push_str(&format!("      - ' -{}'\n", word(1))));
    let _ = write!(
        text,
        "  but:\n    {}|startswith: 'C:\\Program Files\\{}'\n",
        if is_network { "Image" } else { "ParentImage" },
        word(2)
    );
    text.push_str(match number % 3 {
        0 => "  condition: image and words and not but\n",
        1 => "  condition: words and any\n",
        _ => "  condition: image and any and not but\n",
    });
    RuleFile { origin: format!("generated-{number}.yml"), text }
}
