//! What the console knows and where the user is in it. Elm style: [`Model::update`] takes a message and answers effects;
//! there is no terminal, no clock and no I/O here, and views only read.

pub mod company;
pub mod copy;
pub mod export;
mod gather;
pub mod lateral;
pub mod listed;
pub mod mutes;
pub mod pages;
pub mod palette;
pub mod pick;
pub mod replay;
pub mod screen;
pub mod triage;
pub mod typing;

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::alert::{Alert, AlertId, Severity};
use crate::console::Config;
use crate::console::keys::{Action, Keymap, Place};
use crate::console::model::company::Company;
use crate::console::model::export::{ExportForm, WriteError};
use crate::console::model::gather::Gathering;
use crate::console::model::listed::{Listed, listed};
use crate::console::model::mutes::Offer;
use crate::console::model::pages::Pages;
use crate::console::model::palette::Palette;
use crate::console::model::screen::{HostRow, Pane, Screen, Section, Selection, Tab};
use crate::console::model::triage::Dialog;
use crate::console::model::typing::{Editor, Held};
use crate::console::theme::Theme;
use crate::event::names::HostName;
use crate::feed::{Change, EventLine, Link, Notice, RejectedLine, Request, Status, Update};
use crate::filter::Filter;
use crate::hosts::{HostState, Liveness};
use crate::intake::Steer;
use crate::roster::Roster;

/// How many rejected frames and notices are kept.
const KEPT_LINES: usize = 200;
/// How many updates wait behind a frozen picture; older events and statuses among them are dropped and counted.
const HELD: usize = 20_000;
/// How many bytes of event XML the tail keeps, and as many may wait behind a frozen picture.
const EVENT_BYTES: usize = 32 << 20;

/// What can happen to the console.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// A text was pasted.
    Paste(String),
    /// The collector told something.
    Update(Arc<Update>),
    /// Time passes.
    Tick(DateTime<Utc>),
    /// The terminal has another size: columns, rows.
    Resize(u16, u16),
    /// The evidence of an older alert, which was asked for.
    Detail(Arc<Alert>),
    /// The way to a collector elsewhere changed.
    Link(Link),
    /// What came of [`Effect::Write`].
    Written(Result<(), WriteError>),
}

/// What the shell has to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the collector.
    Ask(Request),
    /// Send a text to the terminal's clipboard.
    Copy(String),
    /// Write a file; one that is there already only if that was said.
    Write {
        /// Where.
        path: String,
        /// What.
        text: String,
        /// Whether it replaces what is there.
        is_overwriting: bool,
    },
    /// Leave, and begin the replay anew.
    Again,
    /// Leave.
    Quit,
    /// Go to the shell until it comes back.
    Suspend,
}

/// The open help.
#[derive(Debug, Clone, Default)]
pub struct Help {
    /// What is searched for.
    pub query: String,
    /// Which row is selected.
    pub selected: usize,
}

impl Help {
    /// The rows that the search leaves.
    pub fn rows(&self, keys: &Keymap, is_inside: bool) -> Vec<Listed> {
        let query = self.query.to_lowercase();
        let elsewhere = if is_inside { Place::Outside } else { Place::Inside };
        let has =
            |row: &Listed| [row.label, row.help, &row.keys, &row.typed()].iter().any(|text| text.to_lowercase().contains(&query));
        listed(keys).into_iter().filter(|row| row.place != elsewhere && has(row)).collect()
    }
}

/// An event of the tail, numbered.
#[derive(Debug, Clone)]
pub struct TailLine {
    /// Its number, in order of arrival.
    pub number: u64,
    /// The event.
    pub line: EventLine,
}

/// Everything.
#[derive(Debug)]
pub struct Model {
    /// The settings.
    pub config: Config,
    /// The time, as last told.
    pub now: DateTime<Utc>,
    /// Columns and rows.
    pub size: (u16, u16),
    /// The alerts.
    pub alerts: Roster,
    /// What of them is asked for, where a part is held.
    pub pages: Pages,
    /// The hosts.
    pub hosts: BTreeMap<HostName, HostState>,
    /// The collector's state.
    pub status: Status,
    /// Who else looks, and whether the collector is heard.
    pub company: Company,
    /// Events that were left out of the tail, because there were too many to be told one by one.
    pub left_out: u64,
    /// The live tail, oldest first.
    pub events: VecDeque<TailLine>,
    /// Rejected frames, newest last.
    pub rejected: VecDeque<RejectedLine>,
    /// Notices, newest last.
    pub notices: VecDeque<(DateTime<Utc>, Notice)>,
    /// Alerts per minute: the minute and the count, newest last, an hour at most.
    pub per_minute: VecDeque<(i64, u32)>,
    /// The filter.
    pub filter: Filter,
    /// Its text.
    pub filter_text: String,
    /// A filter being typed.
    pub editor: Option<Editor>,
    filters: Vec<String>,
    held_key: Held,
    /// The open help.
    pub help: Option<Help>,
    /// What is asked before an act.
    pub dialog: Option<Dialog>,
    /// What came of the last act, and whether it went wrong.
    pub said: Option<(String, bool)>,
    /// The tab.
    pub tab: Tab,
    /// What was opened on top of the tab, outermost first.
    pub stack: Vec<Screen>,
    /// Which list of Triage has the keys.
    pub pane: Pane,
    /// Whether that list has all the room.
    pub is_expanded: bool,
    /// The selected host.
    pub host: Selection<HostName>,
    /// The selected alert of Triage and Alerts, by number.
    pub alert: Selection<u64>,
    /// The selected event, by number; `None` follows the newest.
    pub event: Selection<u64>,
    /// How far Health is scrolled.
    pub health_scroll: usize,
    /// Whether times are shown in UTC.
    pub is_utc: bool,
    /// The colours.
    pub theme: Theme,
    /// Alerts that came while the user looked further down.
    pub new_above: u64,
    /// A word on the last key that could not do anything.
    pub hint: Option<&'static str>,
    /// A mute of what was just closed, for a while.
    offer: Option<Offer>,
    held: Option<VecDeque<Arc<Update>>>,
    held_bytes: usize,
    held_dropped: u64,
    event_bytes: usize,
    next_event: u64,
    last_seq: u64,
    first_token: u64,
    next_token: u64,
    asked: Option<AlertId>,
    gathering: Option<Gathering>,
    /// What is being written, and what is said once it is.
    writing: Option<(ExportForm, String)>,
}

impl Model {
    /// An empty console of that size.
    pub fn new(config: Config, size: (u16, u16), now: DateTime<Utc>) -> Self {
        let alerts = roster_of(&config);
        let (is_utc, theme) = (config.utc, config.theme);
        let company = if config.is_attached { Company::waiting(now) } else { Company::default() };
        Self {
            config,
            now,
            size,
            alerts,
            pages: Pages::default(),
            hosts: BTreeMap::new(),
            status: Status::default(),
            company,
            left_out: 0,
            events: VecDeque::new(),
            rejected: VecDeque::new(),
            notices: VecDeque::new(),
            per_minute: VecDeque::new(),
            filter: Filter::default(),
            filter_text: String::new(),
            editor: None,
            filters: Vec::new(),
            held_key: Held::default(),
            help: None,
            dialog: None,
            said: None,
            tab: Tab::Triage,
            stack: Vec::new(),
            pane: Pane::Alerts,
            is_expanded: false,
            host: Selection::default(),
            alert: Selection::default(),
            event: Selection::default(),
            health_scroll: 0,
            is_utc,
            theme,
            new_above: 0,
            hint: None,
            offer: None,
            held: None,
            held_bytes: 0,
            held_dropped: 0,
            event_bytes: 0,
            next_event: 0,
            last_seq: 0,
            // Tokens of two consoles must not meet.
            first_token: now.timestamp_micros().unsigned_abs(),
            next_token: now.timestamp_micros().unsigned_abs(),
            asked: None,
            gathering: None,
            writing: None,
        }
    }

    /// Takes a message in.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        let mut effects = Vec::new();
        match message {
            Message::Key(key) => effects = self.key(key),
            Message::Paste(text) => self.paste(&text),
            Message::Resize(columns, rows) => self.size = (columns, rows),
            Message::Tick(now) => {
                self.now = self.now.max(now);
                self.withdraw_offer();
            }
            Message::Update(update) => self.hear(update),
            Message::Detail(alert) => {
                self.gathered(&alert);
                self.alerts.fetched(alert);
            }
            Message::Link(link) => self.hear_link(link),
            Message::Written(result) => self.written(result),
        }
        effects.extend(self.missing_evidence());
        effects.extend(self.look());
        effects.extend(self.missing_page());
        effects.extend(self.missing_preview());
        effects.extend(self.gather());
        effects
    }

    /// Asks for the evidence of the alert in front, once, where only the store has it.
    fn missing_evidence(&mut self) -> Option<Effect> {
        if self.status.store.is_none() && !self.config.is_attached {
            return None;
        }
        let entry = self.selected_alert().and_then(|number| self.alerts.get(number))?;
        let id = entry.header.id.clone();
        if entry.alert.is_some() || self.asked.as_ref() == Some(&id) {
            return None;
        }
        self.asked = Some(id.clone());
        Some(Effect::Ask(Request::Detail(id)))
    }

    /// How many updates wait behind a frozen picture, and how many of those were dropped; `None` while it is live.
    pub fn paused(&self) -> Option<(usize, u64)> {
        self.held.as_ref().map(|held| (held.len(), self.held_dropped))
    }

    /// The collector's state as told last, also behind a frozen picture: what is lost is told at once.
    pub fn newest_status(&self) -> &Status {
        let told = self.held.iter().flatten().rev().find_map(|update| match &update.change {
            Change::Status(status) => Some(&**status),
            _ => None,
        });
        told.unwrap_or(&self.status)
    }

    /// How many alerts wait behind a frozen picture.
    pub fn paused_alerts(&self) -> usize {
        self.held
            .iter()
            .flatten()
            .filter(|update| matches!(&update.change, Change::Alert(alert) if alert.action == crate::alert::Action::Raised))
            .count()
    }

    /// Whether an update can change the picture. A collector that has nothing to do says so twice a second.
    pub fn is_news(&self, update: &Update) -> bool {
        !matches!(&update.change, Change::Status(status) if **status == self.status)
    }

    fn hear(&mut self, update: Arc<Update>) {
        // Acts and answers show at once even on a frozen picture: whoever acted or asked waits for them.
        let is_awaited = match &update.change {
            Change::Triage(_) | Change::Refused(_) | Change::Viewers(_) | Change::Previewed { .. } => true,
            Change::Listed(page) => !page.is_unasked(),
            _ => false,
        };
        let Some(held) = self.held.as_mut().filter(|_| !is_awaited) else { return self.apply(&update) };
        if matches!(&update.change, Change::Snapshot(snapshot) if snapshot.is_first) {
            // It takes the place of everything that waits.
            held.clear();
            self.held_bytes = 0;
        }
        self.held_bytes += bytes_of(&update);
        held.push_back(update);
        while held.len() > HELD || self.held_bytes > EVENT_BYTES {
            let is_passing = |update: &Arc<Update>| !update.change.is_lasting();
            let Some(dropped) = held.iter().position(is_passing).and_then(|place| held.remove(place)) else { return };
            self.held_bytes -= bytes_of(&dropped);
            self.held_dropped += 1;
        }
    }

    /// Whether what is shown is void, and what takes its place waits behind a frozen picture.
    fn has_held_snapshot(&self) -> bool {
        let first = self.held.as_ref().and_then(VecDeque::front);
        first.is_some_and(|update| matches!(update.change, Change::Snapshot(_)))
    }

    fn apply(&mut self, update: &Update) {
        self.last_seq = update.seq;
        match &update.change {
            Change::Alert(alert) => self.add_alert(alert),
            Change::Events(lines) => {
                for line in lines {
                    self.event_bytes += line.xml.len();
                    self.events.push_back(TailLine { number: self.next_event, line: line.clone() });
                    self.next_event += 1;
                }
                while self.events.len() > self.config.max_events || self.event_bytes > EVENT_BYTES {
                    let Some(oldest) = self.events.pop_front() else { break };
                    self.event_bytes -= oldest.line.xml.len();
                }
            }
            Change::Status(status) => self.set_status(status),
            Change::Known(known) => known.iter().for_each(|known| self.alerts.know(known, &self.filter, self.now)),
            Change::Triage(entry) => self.hear_act(entry),
            Change::Refused(refusal) => self.hear_refusal(refusal),
            Change::Viewers(viewers) => self.company.viewers.clone_from(viewers),
            Change::Snapshot(snapshot) => self.hear_snapshot(snapshot),
            Change::LeftOut(count) => self.left_out += count,
            Change::Tally(tally) => self.alerts.hear_tally(tally, !self.filter_text.is_empty()),
            Change::Listed(page) => self.hear_page(page),
            Change::Previewed { token, preview } => self.hear_preview(*token, *preview),
            Change::Rejected(line) => push_bounded(&mut self.rejected, line.clone()),
            Change::Notice(notice) => push_bounded(&mut self.notices, (update.at, notice.clone())),
        }
    }

    fn add_alert(&mut self, alert: &Arc<Alert>) {
        let before = self.alerts.len();
        let is_visible = self.alerts.add(alert, true, &self.filter, self.now);
        if self.alerts.len() == before && !is_visible {
            return;
        }
        let minute = alert.created.timestamp() / 60;
        match self.per_minute.back_mut() {
            Some((last, count)) if *last == minute => *count += 1,
            _ => push_bounded(&mut self.per_minute, (minute, 1)),
        }
        if is_visible && self.alert.is_chosen {
            self.new_above += 1;
        }
    }

    fn set_status(&mut self, status: &Status) {
        for host in &status.hosts {
            self.hosts.insert(host.name.clone(), host.clone());
        }
        for host in &status.forgotten {
            self.hosts.remove(host);
        }
        self.status = Status { hosts: Vec::new(), forgotten: Vec::new(), ..status.clone() };
    }

    /// Whether an alert is open.
    pub fn is_inside(&self) -> bool {
        matches!(self.stack.last(), Some(Screen::Alert { .. }))
    }

    /// The hosts that the filter lets through, worst first: by alerts, then by what is wrong with them, then by name.
    pub fn host_rows(&self) -> Vec<HostRow<'_>> {
        let mut rows: Vec<HostRow<'_>> = self
            .hosts
            .values()
            .map(|state| HostRow { state, worst: self.alerts.worst_of(&state.name) })
            .filter(|row| self.filter.is_empty() || self.filter.matches(row) || !self.alerts.of_host(&row.state.name).is_empty())
            .collect();
        // Of hosts with alerts alike, one that cannot be relied on is worse.
        let trouble = |row: &HostRow<'_>| (row.state.blind.is_some(), row.state.liveness == Liveness::Silent);
        let key = |row: &HostRow<'_>| Reverse((row.worst, trouble(row)));
        rows.sort_by(|one, other| key(one).cmp(&key(other)).then_with(|| one.state.name.cmp(&other.state.name)));
        rows
    }

    /// The events that the filter lets through, oldest first.
    pub fn event_rows(&self) -> Vec<&TailLine> {
        self.events.iter().filter(|line| self.filter.is_empty() || self.filter.matches(*line)).collect()
    }

    fn key(&mut self, key: KeyEvent) -> Vec<Effect> {
        self.hint = None;
        self.said = None;
        let offer = self.offer.take();
        let is_held = self.held_key.press(key, self.now);
        let action = self.config.keys.action_of(key, self.is_inside());
        if action == Some(Action::Suspend) && key.modifiers.contains(KeyModifiers::CONTROL) {
            // Whatever is being typed.
            return vec![Effect::Suspend];
        }
        if self.help.is_some() {
            return self.help_key(key);
        }
        if self.dialog.is_some() {
            return self.dialog_key(key);
        }
        if self.editor.is_some() {
            self.editor_key(key);
            return Vec::new();
        }
        match action {
            Some(action) if is_held && company::is_act(action) => {
                self.hint = Some("a key that is held acts once; press it again for the next");
                Vec::new()
            }
            Some(Action::Mute) if offer.is_some() && !self.forbids(Action::Mute) => {
                self.ask_mute(offer);
                Vec::new()
            }
            Some(action) => self.act(action),
            None => {
                self.hint = Some("no such key here; ? shows them all");
                Vec::new()
            }
        }
    }

    fn help_key(&mut self, key: KeyEvent) -> Vec<Effect> {
        let is_inside = self.is_inside();
        let Some(help) = &mut self.help else { return Vec::new() };
        let count = help.rows(&self.config.keys, is_inside).len();
        match key.code {
            KeyCode::Char('c') if key.modifiers.contains(KeyModifiers::CONTROL) => return vec![Effect::Quit],
            KeyCode::Esc => self.help = None,
            KeyCode::Up => help.selected = help.selected.saturating_sub(1),
            KeyCode::Down => help.selected = (help.selected + 1).min(count.saturating_sub(1)),
            KeyCode::Home => help.selected = 0,
            KeyCode::End => help.selected = count.saturating_sub(1),
            KeyCode::PageUp => help.selected = help.selected.saturating_sub(10),
            KeyCode::PageDown => help.selected = (help.selected + 10).min(count.saturating_sub(1)),
            KeyCode::Backspace => {
                help.query.pop();
                help.selected = 0;
            }
            KeyCode::Char('?') if help.query.is_empty() => self.help = None,
            KeyCode::Char(letter) if !letter.is_control() && help.query.len() < 40 => {
                help.query.push(letter);
                help.selected = 0;
            }
            KeyCode::Enter => {
                let row = help.rows(&self.config.keys, is_inside).into_iter().nth(help.selected);
                self.help = None;
                return row.map_or_else(Vec::new, |row| self.run(&row));
            }
            _ => {}
        }
        Vec::new()
    }

    fn act(&mut self, action: Action) -> Vec<Effect> {
        if self.forbids(action) {
            return Vec::new();
        }
        match action {
            Action::Quit => return vec![Effect::Quit],
            Action::Suspend => return vec![Effect::Suspend],
            Action::Lateral => self.toggle_lateral(),
            Action::Reload => {
                self.open_tab(Tab::Health);
                return vec![Effect::Ask(Request::ReloadRules)];
            }
            Action::Triage => self.open_tab(Tab::Triage),
            Action::Alerts => self.open_tab(Tab::Alerts),
            Action::Events => self.open_tab(Tab::Events),
            Action::Health => self.open_tab(Tab::Health),
            Action::Why => self.open_section(Section::Why),
            Action::Evidence => self.open_section(Section::Events),
            Action::Tree => self.open_section(Section::Tree),
            Action::Xml => self.open_section(Section::Xml),
            Action::Steps => self.open_section(Section::Steps),
            Action::History => self.open_section(Section::History),
            Action::Acknowledge => return self.acknowledge(),
            Action::Own => return self.own(),
            Action::Undo => return self.undo(),
            Action::Verdict => self.ask_verdict(),
            Action::Comment => self.ask_comment(),
            Action::Mute => self.ask_mute(None),
            Action::Mutes => self.list_mutes(),
            Action::NextSection => self.next_section(),
            Action::Copy => self.ask_copy(),
            Action::Export => self.ask_export(),
            Action::Only => self.ask_value(false),
            Action::Without => self.ask_value(true),
            Action::Palette => self.dialog = Some(Dialog::Palette(Palette::default())),
            Action::Theme => self.next_theme(),
            Action::ReplayStep => return self.steer(Steer::Step),
            Action::ReplaySlower => return self.steer(Steer::Slower),
            Action::ReplayFaster => return self.steer(Steer::Faster),
            Action::ReplayAgain => return self.replay_again(),
            Action::Help => self.help = Some(Help::default()),
            Action::TimeZone => self.is_utc = !self.is_utc,
            Action::Pause if self.is_replaying() => return self.steer(Steer::Hold),
            Action::Pause => self.pause(),
            Action::Expand if self.can_do(Action::Expand) => self.is_expanded = !self.is_expanded,
            Action::Expand => self.hint = Some("one list here"),
            Action::NextPane => self.next_pane(),
            Action::Filter => {
                self.editor = Some(Editor::of(&self.filter_text));
            }
            Action::Back => self.back(),
            Action::Enter => self.enter(),
            Action::NextAlert => return self.next_alert(),
            Action::PreviousAlert => self.step_alert(false),
            Action::Up => self.move_by(-1),
            Action::Down => self.move_by(1),
            Action::PageUp => self.move_by(-self.page()),
            Action::PageDown => self.move_by(self.page()),
            Action::First => self.move_by(isize::MIN / 2),
            Action::Last => self.move_by(isize::MAX / 2),
        }
        Vec::new()
    }

    fn next_theme(&mut self) {
        self.theme = self.theme.next();
        self.said = Some((format!("theme {}", self.theme), false));
    }

    fn pause(&mut self) {
        match self.held.take() {
            None => self.held = Some(VecDeque::new()),
            Some(held) => {
                (self.held_bytes, self.held_dropped) = (0, 0);
                held.iter().for_each(|update| self.apply(update));
            }
        }
    }

    fn page(&self) -> isize {
        isize::from(self.size.1 as i16).saturating_sub(10).clamp(3, 1000)
    }

    /// Where it listens: as bound, or, before that is known, as configured.
    pub fn listeners(&self) -> Vec<&str> {
        let bound: Vec<&str> = self.status.listeners.iter().map(|listener| listener.url.as_str()).collect();
        if bound.is_empty() { self.config.listeners.iter().map(String::as_str).collect() } else { bound }
    }

    /// The worst severity outside the filter, and how many.
    pub fn outside_filter(&self) -> Option<(Severity, u64)> {
        if self.filter.is_empty() { None } else { self.alerts.hidden_since() }
    }
}

/// Where the alerts are listed: all of them, or a part where the collector is another process.
fn roster_of(config: &Config) -> Roster {
    if config.is_attached {
        Roster::of_part(config.max_alerts, config.max_evidence)
    } else {
        Roster::new(config.max_alerts, config.max_evidence)
    }
}

/// The data fields of event XML, name and value in document order; none where it cannot be decoded.
pub(crate) fn event_fields(xml: &str) -> Vec<(String, String)> {
    let Ok(decoded) = crate::decode::decode(xml.as_bytes(), DateTime::UNIX_EPOCH) else { return Vec::new() };
    let own = |(name, value): (Option<&str>, &str)| (name.unwrap_or_default().to_owned(), value.to_owned());
    decoded.event.data().map(own).collect()
}

/// How much event XML an update carries.
fn bytes_of(update: &Update) -> usize {
    if let Change::Events(lines) = &update.change { lines.iter().map(|line| line.xml.len()).sum() } else { 0 }
}

fn push_bounded<T>(lines: &mut VecDeque<T>, line: T) {
    if lines.len() == KEPT_LINES {
        lines.pop_front();
    }
    lines.push_back(line);
}
