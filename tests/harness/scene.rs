//! The console without a terminal: recordings go through the real pipeline into a model, keys are typed, screens are read.
//! Every clock in it is set by hand, so that a screen is the same on every run.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};
use tokio::sync::mpsc;
use wefwatch::alert::AlertId;
use wefwatch::alert::header::{Header, Likeness};
use wefwatch::collector::{self, Collector};
use wefwatch::console::keys::{Keymap, event_of};
use wefwatch::console::model::{Effect, Message, Model};
use wefwatch::console::notify::Notify;
use wefwatch::console::theme::Theme;
use wefwatch::console::{Config, view};
use wefwatch::decode::framing::{Framer, FramerConfig};
use wefwatch::detect::correlator;
use wefwatch::detect::ecs::Mapping;
use wefwatch::detect::{RuleSet, load};
use wefwatch::event::names::HostName;
use wefwatch::feed::{Change, Known, Overflow, Request, Update};
use wefwatch::hosts;
use wefwatch::input;
use wefwatch::intake::stages::{Stage, Timings};
use wefwatch::intake::{Batch, Intake, ListenerId, Peer};
use wefwatch::triage::Act;
use wefwatch::triage::decide::decide;
use wefwatch::triage::ledger::Ledger;
use wefwatch::triage::many::{Part, decide_each};

/// When the first event arrives.
pub(crate) fn dawn() -> DateTime<Utc> {
    "2026-03-17T10:40:00Z".parse().expect("a time")
}

/// What the collector tells about these bytes, an event every 20 ms.
pub(crate) fn updates(bytes: &[u8]) -> Vec<Arc<Update>> {
    let rules = Arc::new(RuleSet::compile(&load::builtin(), &Mapping::default()));
    let config = collector::Config {
        // A sample lasts some seconds here.
        hosts: hosts::Config { blind_after: TimeDelta::seconds(6), ..hosts::Config::default() },
        sequence: correlator::Config::default(),
        link: wefwatch::alert::link::Config::default(),
        duplicate_window: 1 << 16,
        is_replay: true,
    };
    let listener = ListenerId(0);
    let mut intakes = vec![Intake::Listening { listener, url: "tcp://0.0.0.0:1514".to_owned() }];
    let mut framer = Framer::new(FramerConfig { max_frame: 256 << 10 });
    framer.push(bytes);
    framer.finish();
    let mut at = dawn();
    let mut matcher = input::Matcher::default();
    loop {
        let mut batch = Batch {
            listener,
            peer: Peer(Arc::from("127.0.0.1:40000")),
            received_at: at,
            rules: rules.clone(),
            bytes: 0,
            observed: Vec::new(),
            rejected: Vec::new(),
            shed: Vec::new(),
        };
        let Some(framed) = framer.next() else { break };
        input::add(&mut batch, framed, &mut matcher);
        at += TimeDelta::milliseconds(20);
        intakes.push(Intake::Batch(Box::new(batch)));
    }
    for told in matcher.take_work() {
        let Intake::Work { rules, mut work } = told else { continue };
        // How long it took differs from run to run.
        work.iter_mut().for_each(|work| work.effort.nanoseconds = 0);
        intakes.push(Intake::Work { rules, work });
    }
    // How long it took is said to be the same on every run.
    let took = |stage, nanoseconds: [u64; 2]| {
        let mut timings = Timings::default();
        nanoseconds.into_iter().for_each(|own| timings.note(own));
        (stage, timings)
    };
    let timed = [(Stage::Frame, [800, 1_500]), (Stage::Parse, [4_000, 9_000]), (Stage::Detect, [700, 31_000])];
    intakes.push(Intake::Timed(timed.map(|(stage, own)| took(stage, own)).into()));
    intakes.push(Intake::Tick(at));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async move {
        let mut collector = Collector::new(&config, rules);
        let mut updates = collector.subscribe(Overflow::Shed, 1 << 16);
        let (sender, receiver) = mpsc::channel(intakes.len());
        for intake in intakes {
            sender.try_send(intake).expect("room for all");
        }
        drop(sender);
        collector.run(receiver).await;
        let mut all = Vec::new();
        while let Ok(update) = updates.try_recv() {
            all.push(update);
        }
        all
    })
}

/// The events of some samples.
pub(crate) fn samples(names: &[&str]) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    names.iter().flat_map(|name| std::fs::read(folder.join(name)).expect("the sample is there")).collect()
}

/// A console, who sits at it, and a collector's log behind it.
pub(crate) struct Scene {
    pub(crate) model: Model,
    pub(crate) ledger: Ledger,
    pub(crate) refused: Vec<String>,
    /// Whether the last key was enter in a box.
    is_entered: bool,
}

impl Scene {
    /// A console that has heard nothing yet.
    pub(crate) fn empty(size: (u16, u16)) -> Self {
        let config = Config {
            max_alerts: 100_000,
            max_evidence: 5000,
            max_events: 5000,
            utc: true,
            listeners: vec!["tcp://0.0.0.0:1514".to_owned(), "udp://0.0.0.0:1514".to_owned()],
            is_replay: false,
            is_attached: false,
            who: "alice".to_owned(),
            keys: Keymap::default(),
            theme: Theme::Dark,
            notify: Notify::Off,
            has_truecolor: true,
            asks_ground: false,
            is_ascii: false,
            record: wefwatch::output::format::line,
            never_again: None,
            mouse: false,
        };
        Self { model: Model::new(config, size, dawn()), ledger: Ledger::new(100_000), refused: Vec::new(), is_entered: false }
    }

    /// A console that has seen these samples, looked at 15 s after the first event arrived.
    pub(crate) fn of(names: &[&str], size: (u16, u16)) -> Self {
        let mut scene = Self::empty(size);
        scene.hear(&samples(names));
        scene.model.update(Message::Tick(dawn() + TimeDelta::seconds(15)));
        scene
    }

    pub(crate) fn hear(&mut self, bytes: &[u8]) {
        for update in updates(bytes) {
            if let Change::Alert(alert) = &update.change {
                self.ledger.know(&Header::of(alert), alert.muted);
            }
            self.model.update(Message::Update(update));
        }
    }

    /// An earlier run left an alert of each of these hosts; those of one host are repeats of one another.
    pub(crate) fn raise(&mut self, from: usize, hosts: &[&str]) {
        let demo = Self::of(&["demo.xml"], (120, 36));
        let header = demo.model.chosen_alert().expect("one is selected").header.clone();
        let of = |(place, host): (usize, &&str)| {
            let host = HostName::fold(host);
            let like = Arc::new(Likeness { path: host.to_string(), host, ..Likeness::clone(&header.like) });
            Arc::new(Header { id: id(from + place), is_linked: false, hops: Vec::new(), like, ..Header::clone(&header) })
        };
        let headers: Vec<Arc<Header>> = hosts.iter().enumerate().map(of).collect();
        headers.iter().for_each(|header| self.ledger.know(header, None));
        let known = headers.into_iter().map(|header| Known::Alert { header, muted: None });
        self.tell(Change::Known(known.collect()));
    }

    /// Somebody acts, here or elsewhere; the console hears what came of it, as from the collector.
    pub(crate) fn act(&mut self, act: &Act) {
        let change = match decide(&self.ledger, act, self.model.now) {
            Ok(entry) => {
                self.ledger.apply(&entry);
                Change::Triage(Arc::new(entry))
            }
            Err(refusal) => {
                self.refused.push(refusal.reason.clone());
                Change::Refused(refusal)
            }
        };
        self.tell(change);
    }

    /// The same for a part of an act on many alerts.
    pub(crate) fn act_on_each(&mut self, part: &Part) {
        let (entry, outcome) = decide_each(&self.ledger, part, self.model.now);
        if let Some(entry) = entry {
            self.ledger.apply(&entry);
            self.tell(Change::Triage(Arc::new(entry)));
        }
        self.tell(Change::Outcome(outcome));
    }

    pub(crate) fn tell(&mut self, change: Change) {
        let update = Update { seq: 0, at: self.model.now, change };
        self.model.update(Message::Update(Arc::new(update)));
    }

    /// Types keys, separated by blanks: names as in the key table, or letters.
    pub(crate) fn keys(&mut self, keys: &str) -> Vec<Effect> {
        let press = |name| {
            // Nobody presses a key that acts twice faster than that.
            if ["a", "o", "u"].contains(&name) {
                self.model.update(Message::Tick(self.model.now + TimeDelta::milliseconds(60)));
            }
            let is_enter = key(name).code == KeyCode::Enter;
            let is_in_box = self.model.help.is_some() || self.model.dialog.is_some() || self.model.editor.is_some();
            if std::mem::replace(&mut self.is_entered, is_enter && is_in_box) && is_enter {
                // It was let go in between.
                self.model.update(Message::Tick(self.model.now + TimeDelta::milliseconds(600)));
            }
            self.model.update(Message::Key(key(name)))
        };
        let effects: Vec<Effect> = keys.split_whitespace().flat_map(press).collect();
        for effect in &effects {
            match effect {
                Effect::Ask(Request::Act(act)) => self.act(act),
                Effect::Ask(Request::ActOnEach(parts)) => parts.iter().for_each(|part| self.act_on_each(part)),
                _ => {}
            }
        }
        effects
    }

    /// Types a text, then Enter.
    pub(crate) fn type_line(&mut self, text: &str) -> Vec<Effect> {
        for letter in text.chars() {
            self.is_entered = false;
            self.model.update(Message::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)));
        }
        self.keys("enter")
    }

    pub(crate) fn buffer(&self) -> Buffer {
        let area = Rect::new(0, 0, self.model.size.0, self.model.size.1);
        let mut buffer = Buffer::empty(area);
        view::render(&self.model, area, &mut buffer);
        buffer
    }

    /// The rows as text.
    pub(crate) fn text(&self) -> String {
        let buffer = self.buffer();
        let rows = buffer.content().chunks(usize::from(buffer.area.width.max(1)));
        rows.map(|row| row.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned() + "\n").collect()
    }

    /// The rows, then for each row a letter for the style of each cell, then what the letters mean.
    pub(crate) fn picture(&self) -> String {
        let buffer = self.buffer();
        let mut letters: BTreeMap<String, char> = BTreeMap::new();
        let mut styles = String::new();
        for row in buffer.content().chunks(usize::from(buffer.area.width)) {
            let mut line = String::new();
            for cell in row {
                let name = style_name(cell.fg, cell.bg, cell.modifier);
                let next = char::from(b'a' + letters.len() as u8);
                line.push(if name.is_empty() { '.' } else { *letters.entry(name).or_insert(next) });
            }
            styles += line.trim_end_matches('.');
            styles.push('\n');
        }
        let mut legend: Vec<_> = letters.into_iter().map(|(name, letter)| format!("{letter} {name}\n")).collect();
        legend.sort();
        format!("{}--- styles\n{styles}--- meaning\n{}", self.text(), legend.concat())
    }
}

/// Compares with the golden screen of that name, or writes it where the environment has `UPDATE_SCREENS`.
pub(crate) fn golden(name: &str, scene: &Scene) {
    let (columns, rows) = scene.model.size;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/screens/{name}-{columns}x{rows}.txt"));
    let picture = scene.picture();
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        std::fs::write(&path, &picture).expect("the folder is there");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(picture == expected, "{} differs; it shows now:\n{picture}", path.display());
}

fn style_name(fg: Color, bg: Color, modifier: Modifier) -> String {
    let mut words = Vec::new();
    if fg != Color::Reset {
        words.push(fg.to_string());
    }
    if bg != Color::Reset {
        words.push(format!("on {bg}"));
    }
    words.extend(modifier.iter_names().map(|(name, _)| name.to_lowercase()));
    words.join(" ")
}

/// The id of an alert that was [raised](Scene::raise).
pub(crate) fn id(number: usize) -> AlertId {
    AlertId(format!("{number:08}").chars().rev().collect::<String>().into())
}

/// A key by its name.
pub(crate) fn key(name: &str) -> KeyEvent {
    event_of(name).unwrap_or_else(|| panic!("no key is called {name}"))
}
