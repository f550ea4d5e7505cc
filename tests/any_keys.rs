//! Whatever is pressed, clicked, pasted, told and lost in whatever order and at whatever size: what is selected is listed, what is
//! marked is listed, what is counted is there, and nothing panics. In the collector's process, and at the other end of its socket.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use chrono::TimeDelta;
use crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use proptest::prelude::*;
use wefwatch::alert::{Alert, AlertId, Severity};
use wefwatch::console::Config;
use wefwatch::console::keys::table::BINDINGS;
use wefwatch::console::model::marks::Listing;
use wefwatch::console::model::screen::{Screen, Tab};
use wefwatch::console::model::{Effect, Message, Model};
use wefwatch::feed::marked::{Marked, Which};
use wefwatch::feed::status::Status;
use wefwatch::feed::stored::{Side, Stored, Wanted};
use wefwatch::feed::{Change, Link, Request, Snapshot, Update};
use wefwatch::filter::Filter;
use wefwatch::intake::ArchiveHealth;
use wefwatch::roster::Roster;
use wefwatch::roster::happened::Happened;
use wefwatch::roster::marked::Gather;
use wefwatch::roster::scan::Scan;
use wefwatch::triage::decide::decide;
use wefwatch::triage::many::{Part, check, decide_each, parts};
use wefwatch::triage::mute::PREVIEW_BACK;
use wefwatch::triage::viewer::Role;
use wefwatch::triage::{Act, Deed, Entry, Target, Verdict};

use scene::{Scene, dawn, key, samples, updates};

/// All alerts that there are, and of what else is told every tenth.
static TOLD: LazyLock<Vec<Arc<Update>>> = LazyLock::new(|| {
    let all = updates(&samples(&["demo.xml", "attack_both_ends.xml", "hostile.xml"])).into_iter().enumerate();
    let is_kept = |(place, update): &(usize, Arc<Update>)| place % 10 == 0 || matches!(update.change, Change::Alert(_));
    let with_archive = |(_, update): (usize, Arc<Update>)| match &update.change {
        Change::Status(status) => {
            let status = Status { archive: Some(ArchiveHealth::default()), ..Status::clone(status) };
            Arc::new(Update { change: Change::Status(Box::new(status)), ..*update })
        }
        _ => update,
    };
    all.filter(is_kept).map(with_archive).collect()
});

const TEXTS: [&str; 6] = ["host:dc*", "sev>=high", "is:open -whoami", "a long enough reason\n", "since:1m", "⟨\u{1b}[2J語"];

/// A collector, and a console on it.
struct Desk {
    model: Model,
    /// What the collector knows, where the console is at the other end of its socket.
    whole: Option<Roster>,
    scene: Scene,
    entries: Vec<Arc<Entry>>,
    alerts: BTreeMap<AlertId, Arc<Alert>>,
    told: usize,
    is_up: bool,
}

impl Desk {
    fn new(is_attached: bool) -> Self {
        let scene = Scene::empty((120, 36));
        // So few that alerts and events have to go.
        let config =
            Config { is_attached, max_alerts: 6, max_evidence: 2, max_events: 40, mouse: true, ..scene.model.config.clone() };
        let whole = is_attached.then(|| Roster::of_whole(100_000));
        let model = Model::new(config, (120, 36), dawn());
        Self { model, whole, scene, entries: Vec::new(), alerts: BTreeMap::new(), told: 0, is_up: !is_attached }
    }

    fn tell(&mut self, change: Change) {
        if self.is_up {
            let update = Update { seq: 0, at: self.model.now, change };
            self.hear(Message::Update(Arc::new(update)));
        }
    }

    /// The console hears something, and what it asks is answered.
    fn hear(&mut self, message: Message) {
        let effects = self.model.update(message);
        for effect in effects {
            match effect {
                Effect::Ask(request) => self.answer(request),
                Effect::Write { .. } => self.hear(Message::Written(Ok(()))),
                _ => {}
            }
        }
    }

    fn apply(&mut self, entry: Entry) {
        self.scene.ledger.apply(&entry);
        let entry = Arc::new(entry);
        self.entries.push(entry.clone());
        if let Some(whole) = &mut self.whole {
            whole.apply(&entry, &Filter::default(), self.model.now);
        }
        self.tell(Change::Triage(entry));
        self.tally();
    }

    fn act(&mut self, act: &Act) {
        match decide(&self.scene.ledger, act, self.model.now) {
            Ok(entry) => self.apply(entry),
            Err(refusal) => self.tell(Change::Refused(refusal)),
        }
    }

    fn act_on_each(&mut self, parts: &[Part]) {
        for part in parts {
            let (entry, outcome) = decide_each(&self.scene.ledger, part, self.model.now);
            if let Some(entry) = entry {
                self.apply(entry);
            }
            self.tell(Change::Outcome(outcome));
        }
    }

    fn gather(&self, marked: Marked) -> Option<Gather> {
        let filter = match &marked.which {
            Which::These(_) => None,
            Which::Listed { filter, .. } => Filter::parse(filter).ok(),
        };
        self.whole.as_ref().map(|whole| Gather::all(marked, filter, whole, self.model.now))
    }

    fn answer(&mut self, request: Request) {
        if !self.is_up {
            return;
        }
        match request {
            Request::Act(act) => self.act(&act),
            Request::ActOnEach(parts) => self.act_on_each(&parts),
            Request::ActOnRepeats(act) => {
                let targets = self.whole.as_ref().map(|whole| whole.targets_like(&act.targets[0].alert)).unwrap_or_default();
                assert!(!targets.is_empty(), "it is known");
                self.act(&Act { targets, ..act });
            }
            Request::ActOnMarked { act, marked, expected } => {
                let targets = self.gather(marked).expect("only over a socket").into_targets();
                if check(targets.len(), expected).is_ok() {
                    self.act_on_each(&parts(&Act { targets, ..act }));
                }
            }
            Request::CountMarked { token, marked } => {
                let count = self.gather(marked).expect("only over a socket").count();
                self.tell(Change::Counted { token, count });
            }
            Request::List(listing) => {
                let filter = Filter::parse(&listing.filter).expect("a filter");
                let Some(whole) = &self.whole else { panic!("it has all") };
                let mut scan = Scan::new(listing, Some(filter));
                while !scan.read(whole, self.model.now, 100) {}
                let page = scan.page(whole, 0);
                self.tell(Change::Listed(Box::new(page)));
            }
            Request::Detail(id) => {
                if let Some(alert) = self.alerts.get(&id).cloned() {
                    self.hear(Message::Detail(alert));
                }
            }
            Request::Preview { token, scope } => {
                let preview = self.scene.ledger.preview(&scope, self.model.now, PREVIEW_BACK);
                self.tell(Change::Previewed { token, preview });
            }
            Request::Snapshot => self.snapshot(true),
            Request::Events(wanted) => {
                let stored = self.stored(&wanted);
                self.tell(Change::Stored(Box::new(stored)));
            }
            Request::ReloadRules | Request::Look(_) | Request::Replay(_) => {}
        }
    }

    /// A few of all events that were told.
    fn stored(&self, wanted: &Wanted) -> Stored {
        let filter = Filter::parse(&wanted.filter).expect("a filter");
        let lines = TOLD[..self.told].iter().filter_map(|update| match &update.change {
            Change::Events(lines) => Some(lines.iter().map(|line| (update.at, line.clone()))),
            _ => None,
        });
        let mut lines: Vec<_> = lines.flatten().collect();
        match wanted.side {
            Side::Before(number) => {
                lines.retain(|(_, line)| line.number < number);
                lines.reverse();
            }
            Side::After(number) => lines.retain(|(_, line)| line.number > number),
        }
        let is_end = lines.len() <= 9;
        lines.truncate(9);
        let (reached, reached_at) = (lines.last().map(|(_, line)| line.number), lines.last().map(|(at, _)| *at));
        lines.retain(|(at, line)| filter.matches(&Happened { line, at: *at, now: wanted.now }));
        if matches!(wanted.side, Side::Before(_)) {
            lines.reverse();
        }
        Stored { token: wanted.token, lines, reached, is_end, reached_at, ..Stored::default() }
    }

    fn tally(&mut self) {
        if let Some(tally) = self.whole.as_mut().and_then(Roster::take_tally) {
            self.tell(Change::Tally(Box::new(tally)));
        }
    }

    fn snapshot(&mut self, is_resync: bool) {
        let Some(whole) = &self.whole else { return };
        let (numbers, horizons) = whole.beginning(4, 2);
        let snapshot = Snapshot {
            is_first: true,
            is_last: true,
            is_resync,
            total: numbers.len() as u64,
            horizons,
            tally: Some(Box::new(whole.tally())),
            next: whole.next_number(),
            per_minute: Vec::new(),
            entries: self.entries.clone(),
            alerts: numbers.into_iter().filter_map(|number| whole.standing(number, 0)).collect(),
        };
        self.tell(Change::Snapshot(Box::new(snapshot)));
    }

    fn link(&mut self, is_up: bool) {
        if self.whole.is_none() || self.is_up == is_up {
            return;
        }
        self.is_up = is_up;
        if is_up {
            self.hear(Message::Link(Link::Up { who: "alice".to_owned(), role: Role::Analyst, viewer: 1 }));
            self.snapshot(false);
        } else {
            self.hear(Message::Link(Link::Down { why: "gone".to_owned(), silent: std::time::Duration::from_secs(1) }));
        }
    }

    /// The next few things that the collector tells.
    fn go_on(&mut self, count: usize) {
        for _ in 0..count {
            let Some(update) = TOLD.get(self.told).cloned() else { return };
            self.told += 1;
            if let Change::Alert(alert) = &update.change {
                let header = wefwatch::alert::header::Header::of(alert);
                self.scene.ledger.know(&header, alert.muted);
                self.alerts.insert(alert.id.clone(), alert.clone());
                if let Some(whole) = &mut self.whole {
                    whole.add(alert, false, &Filter::default(), self.model.now);
                }
            }
            if self.is_up {
                self.hear(Message::Update(update));
            }
            self.tally();
        }
    }

    /// Somebody elsewhere acts.
    fn other(&mut self, choice: usize) {
        let Some(alert) = self.alerts.keys().nth(choice % self.alerts.len().max(1)).cloned() else { return };
        let deeds = [Deed::Acknowledge, Deed::Close(Verdict::FalsePositive), Deed::Own, Deed::Release, Deed::Comment];
        let deed = deeds[choice % deeds.len()].clone();
        let revision = self.scene.ledger.state(&alert).revision;
        let targets = vec![Target { alert, revision }];
        let last = self.entries.last().map(|entry| entry.number);
        let act = |deed, targets| Act { token: 3, who: "bob".to_owned(), deed, reason: "bob says so".to_owned(), targets };
        match last.filter(|_| choice.is_multiple_of(3)) {
            Some(last) => self.act(&act(Deed::Undo(last), Vec::new())),
            None => self.act(&act(deed, targets)),
        }
    }

    fn step(&mut self, (what, choice): (u8, u16)) -> String {
        let choice = usize::from(choice);
        match what {
            0..=51 => {
                let names: Vec<&str> = BINDINGS.iter().flat_map(|row| row.keys.split(' ')).collect();
                let name = names[choice % names.len()];
                if !["q", "ctrl-c", "ctrl-z"].contains(&name) {
                    self.hear(Message::Key(key(name)));
                }
                return name.to_owned();
            }
            52..=67 => {
                let name = ["⏎", "down", "X", "x", "esc", "tab", "up", "a", "t", "2"][choice % 10];
                self.hear(Message::Key(key(name)));
                return name.to_owned();
            }
            68..=71 => self.hear(Message::Paste(TEXTS[choice % TEXTS.len()].to_owned())),
            72..=75 => self.hear(Message::Tick(self.model.now + TimeDelta::seconds([0, 1, 5, 30, 400][choice % 5]))),
            76..=80 => self.go_on([1, 3, 20][choice % 3]),
            81..=84 => self.other(choice),
            85..=88 => {
                let (columns, rows) = self.model.size;
                let kinds = [MouseEventKind::Down(MouseButton::Left), MouseEventKind::ScrollUp, MouseEventKind::ScrollDown];
                let (column, row) = (choice as u16 % columns.max(1), choice as u16 / 7 % rows.max(1));
                self.hear(Message::Mouse(MouseEvent { kind: kinds[choice % 3], column, row, modifiers: KeyModifiers::NONE }));
            }
            89..=91 => {
                let (columns, rows) = ([1, 20, 40, 80, 120][choice % 5], [1, 5, 10, 24, 36][choice / 5 % 5]);
                self.hear(Message::Resize(columns, rows));
            }
            92 => self.link(false),
            93..=95 => self.link(true),
            96 => self.snapshot(true),
            _ => self.hear(Message::Key(key("esc"))),
        }
        format!("{what}/{choice}")
    }

    /// What must hold whatever happened.
    fn check(&self) -> Result<(), String> {
        let model = &self.model;
        let that = |holds: bool, what: &str| if holds { Ok(()) } else { Err(what.to_owned()) };
        let selected = model.selected_alert();
        match model.stack.last() {
            None => {
                let rows = model.alerts.rows(model.tab == Tab::Triage);
                that(selected.is_some() != rows.is_empty(), "something is selected where there is anything")?;
                that(selected.is_none_or(|number| rows.place_of(number).is_some()), "what is selected is listed")?;
            }
            Some(Screen::Host { host, .. }) => {
                let rows: Vec<u64> = model.alerts.of_host(host).iter().map(|entry| entry.number).collect();
                that(selected.is_some() != rows.is_empty(), "something is selected on the host")?;
                that(selected.is_none_or(|number| rows.contains(&number)), "what is selected is of the host")?;
            }
            Some(Screen::Lateral { .. }) => {
                let rows = model.lateral_rows();
                that(
                    selected.is_none_or(|number| rows.iter().any(|row| row.number == Some(number))),
                    "what is selected is a hop",
                )?;
            }
            Some(_) => {}
        }
        if model.stack.is_empty() && model.tab == Tab::Events {
            let rows = model.event_rows();
            let event = model.selected_event().map(|row| row.number);
            that(event.is_some() != rows.is_empty(), "an event is selected where there is any")?;
            that(event.is_none_or(|number| rows.iter().any(|row| row.number == number)), "the selected event is shown")?;
            that(rows.windows(2).all(|two| two[0].number < two[1].number), "events are in order")?;
        }
        that(!(model.dialog.is_some() && model.editor.is_some()), "one line is typed at a time")?;
        self.check_marks()?;
        self.check_counts()
    }

    fn check_marks(&self) -> Result<(), String> {
        let model = &self.model;
        for (list, is_folded) in [(Listing::Open, true), (Listing::All, false)] {
            let rows = model.alerts.rows(is_folded);
            let marked = (0..rows.len()).filter_map(|place| rows.get(place)).filter(|row| model.is_marked(row, &list)).count();
            let told = model.marked_in(&list);
            // Of a part there may be more.
            if told != marked && !(model.alerts.is_part() && told > marked && model.alerts.horizon(is_folded).is_some()) {
                return Err(format!("{told} marked are told of, {marked} are seen in {list:?}"));
            }
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), String> {
        let model = &self.model;
        let rows = model.alerts.rows(false);
        let entries: Vec<_> = (0..rows.len()).filter_map(|place| rows.get(place)).collect();
        if entries.len() != rows.len() {
            return Err("a row has no alert".to_owned());
        }
        if model.filter.is_empty() && model.alerts.horizon(false).is_none() && model.paused().is_none() && self.is_up {
            let waiting = entries.iter().filter(|entry| entry.state.is_waiting()).count() as u64;
            let told: u64 = Severity::ALL.iter().map(|severity| model.alerts.count_of_severity(*severity)).sum();
            if waiting != told {
                return Err(format!("{told} wait, {waiting} are listed"));
            }
            if let Some(whole) = &self.whole
                && model.alerts.total(false) != whole.known()
            {
                return Err(format!("{} are told of, there are {}", model.alerts.total(false), whole.known()));
            }
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens(is_attached: bool, steps in prop::collection::vec((0_u8..100, any::<u16>()), 0..250)) {
        let mut desk = Desk::new(is_attached);
        desk.link(true);
        desk.go_on(TOLD.len() * 2 / 3);
        let mut trace = Vec::new();
        for step in steps {
            trace.push(desk.step(step));
            let (columns, rows) = desk.model.size;
            let area = ratatui::layout::Rect::new(0, 0, columns, rows);
            let mut buffer = ratatui::buffer::Buffer::empty(area);
            wefwatch::console::view::render(&desk.model, area, &mut buffer);
            if let Err(reason) = desk.check() {
                prop_assert!(false, "{reason} after {trace:?}");
            }
        }
    }
}
