//! What the console knows and where the user is in it. Elm style: [`Model::update`] takes a message and answers effects;
//! there is no terminal, no clock and no I/O here, and views only read.

pub mod alarm;
mod attention;
pub mod company;
pub mod complete;
pub mod copy;
pub mod export;
mod filterable;
mod frozen;
mod gather;
mod hearing;
mod held;
pub mod lateral;
mod leaving;
pub mod legend;
pub mod line;
pub mod listed;
pub mod many;
pub mod marks;
mod moving;
pub mod mutes;
mod near;
pub mod older;
mod others;
pub mod pages;
pub mod palette;
pub mod pick;
pub mod pivot;
pub mod pointing;
pub mod pressing;
pub mod replay;
pub mod screen;
pub mod tail;
pub mod triage;
pub mod typing;
mod unsent;
pub mod window;

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use crossterm::event::{KeyEvent, MouseEvent};

use crate::alert::{Alert, AlertId, Severity};
use crate::console::Config;
use crate::console::model::attention::Attention;
use crate::console::model::company::Company;
use crate::console::model::export::{ExportForm, WriteError};
use crate::console::model::frozen::Frozen;
use crate::console::model::gather::Gathering;
use crate::console::model::held::Held;
use crate::console::model::line::TextLine;
use crate::console::model::many::Doing;
use crate::console::model::marks::Marks;
use crate::console::model::mutes::Offer;
use crate::console::model::near::NearMisses;
use crate::console::model::older::Older;
use crate::console::model::others::Elsewhere;
use crate::console::model::pages::Pages;
use crate::console::model::pressing::Help;
use crate::console::model::screen::{HostRow, Pane, Screen, Selection, Tab};
use crate::console::model::tail::{Summaries, TailLine};
use crate::console::model::triage::Dialog;
use crate::console::model::typing::Editor;
use crate::console::model::unsent::Sent;
use crate::console::model::window::Window;
use crate::console::theme::Theme;
use crate::event::names::HostName;
use crate::feed::status::Status;
use crate::feed::{Link, Notice, RejectedLine, Request, Update};
use crate::filter::Filter;
use crate::hosts::{HostState, Liveness};
use crate::roster::Roster;

/// What can happen to the console.
#[derive(Debug)]
pub enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse was clicked, or its wheel turned.
    Mouse(MouseEvent),
    /// A text was pasted.
    Paste(String),
    /// The collector told something.
    Update(Arc<Update>),
    /// Time passes.
    Tick(DateTime<Utc>),
    /// The terminal has another size: columns, rows.
    Resize(u16, u16),
    /// Whether the keyboard is at this terminal.
    Focus(bool),
    /// The terminal said what its background is like.
    Ground(Theme),
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
    /// Send this to the terminal: it calls for attention.
    Notify(String),
    /// Take the mouse, or give it back to the terminal.
    Mouse(bool),
    /// Leave, and begin the replay anew.
    Again,
    /// Leave.
    Quit,
    /// Leave, and let the collector of this process go on.
    Detach,
    /// Go to the shell until it comes back.
    Suspend,
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
    /// What was before it, as far as somebody looks at that.
    pub older: Older,
    /// Rejected frames, newest last.
    pub rejected: VecDeque<RejectedLine>,
    /// Notices, newest last.
    pub notices: VecDeque<(DateTime<Utc>, Notice)>,
    /// Alerts per minute: the minute and the count, newest last, a week at most.
    pub per_minute: VecDeque<(i64, u32)>,
    /// The filter in force: as typed, within the time window.
    pub filter: Filter,
    /// What of it was typed.
    pub filter_text: String,
    own_filter: Filter,
    /// The text of the filter in force, for the collector.
    in_force: String,
    /// When it was applied for the last time.
    filtered: DateTime<Utc>,
    /// How far back the lists go.
    pub window: Window,
    /// Since when it is known whether there were alerts.
    pub began: DateTime<Utc>,
    /// A filter being typed.
    pub editor: Option<Editor>,
    filters: Vec<String>,
    held_key: Held,
    attention: Attention,
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
    /// What becomes of long lines of the tail.
    pub summaries: Summaries,
    /// How far Health is scrolled.
    pub health_scroll: usize,
    /// Whether times are shown in UTC.
    pub is_utc: bool,
    /// Whether the mouse is the console's, not the terminal's.
    pub is_mouse: bool,
    /// The list that was clicked into last, and how many of its rows stood above the one that was clicked on.
    clicked: Option<(Pane, usize)>,
    /// The colours.
    pub theme: Theme,
    /// Alerts that came while the user looked further down.
    pub new_above: u64,
    /// A word on the last key that could not do anything.
    pub hint: Option<&'static str>,
    /// A mute of what was just closed, for a while.
    offer: Option<Offer>,
    /// Rows that are marked.
    marks: Option<Marks>,
    /// An act on many alerts that is being done.
    doing: Option<Doing>,
    /// What somebody else did last.
    elsewhere: Option<Elsewhere>,
    /// What waits behind a frozen picture.
    held: Option<Box<Frozen>>,
    event_bytes: usize,
    near_misses: NearMisses,
    next_event: u64,
    first_token: u64,
    next_token: u64,
    asked: Option<AlertId>,
    gathering: Option<Gathering>,
    sent: Option<Sent>,
    /// Words of a comment whose alerts were lost; the next one begins with them.
    draft: Option<TextLine>,
    /// What is being written, and what is said once it is.
    writing: Option<(ExportForm, String)>,
}

impl Model {
    /// An empty console of that size.
    pub fn new(config: Config, size: (u16, u16), now: DateTime<Utc>) -> Self {
        let alerts = roster_of(&config);
        let (is_utc, is_mouse, theme) = (config.utc, config.mouse, config.theme.or_nearest(config.has_truecolor));
        let why_other = (theme != config.theme)
            .then(|| (format!("theme {theme}: {} needs 24-bit colours, and COLORTERM says of none", config.theme), true));
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
            older: Older::default(),
            rejected: VecDeque::new(),
            notices: VecDeque::new(),
            per_minute: VecDeque::new(),
            filter: Filter::default(),
            filter_text: String::new(),
            own_filter: Filter::default(),
            in_force: String::new(),
            filtered: now,
            window: Window::default(),
            began: now,
            editor: None,
            filters: Vec::new(),
            held_key: Held::default(),
            attention: Attention::default(),
            help: None,
            dialog: None,
            said: why_other,
            tab: Tab::Triage,
            stack: Vec::new(),
            pane: Pane::Alerts,
            is_expanded: false,
            host: Selection::default(),
            alert: Selection::default(),
            event: Selection::default(),
            summaries: Summaries::default(),
            health_scroll: 0,
            is_utc,
            is_mouse,
            clicked: None,
            theme,
            new_above: 0,
            hint: None,
            offer: None,
            marks: None,
            doing: None,
            elsewhere: None,
            held: None,
            event_bytes: 0,
            near_misses: NearMisses::default(),
            next_event: 0,
            // Tokens of two consoles must not meet.
            first_token: now.timestamp_micros().unsigned_abs(),
            next_token: now.timestamp_micros().unsigned_abs(),
            asked: None,
            gathering: None,
            sent: None,
            draft: None,
            writing: None,
        }
    }

    /// Takes a message in.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        let mut effects = Vec::new();
        match message {
            Message::Key(key) => {
                self.attention.key = Some(self.now);
                effects = self.key(key);
            }
            Message::Mouse(event) => {
                self.attention.key = Some(self.now);
                effects = self.point(event);
            }
            Message::Paste(text) => self.paste(&text),
            Message::Resize(columns, rows) => self.size = (columns, rows),
            Message::Focus(is_here) => self.attention.is_elsewhere = !is_here,
            Message::Ground(theme) => {
                // What somebody chose stays.
                if std::mem::replace(&mut self.config.theme, theme) == self.theme {
                    self.theme = theme;
                }
            }
            Message::Tick(now) => {
                self.now = self.now.max(now);
                self.withdraw_offer();
                self.pass_time();
            }
            Message::Update(update) => {
                effects.extend(self.call(&update));
                self.hear(update);
            }
            Message::Detail(alert) => {
                self.gathered(&alert);
                self.alerts.fetched(alert);
            }
            Message::Link(link) => self.hear_link(link),
            Message::Written(result) => self.written(result),
        }
        effects.extend(self.missing_evidence());
        effects.extend(self.look());
        effects.extend(self.missing_snapshot());
        effects.extend(self.missing_page());
        effects.extend(self.missing_events());
        effects.extend(self.missing_preview());
        effects.extend(self.missing_count());
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
            .filter(|row| {
                self.own_filter.is_empty() || self.own_filter.matches(row) || !self.alerts.of_host(&row.state.name).is_empty()
            })
            .collect();
        // Of hosts with alerts alike, one that cannot be relied on is worse.
        let trouble = |row: &HostRow<'_>| (row.state.blind.is_some(), row.state.liveness == Liveness::Silent);
        let key = |row: &HostRow<'_>| Reverse((row.worst, trouble(row)));
        rows.sort_by(|one, other| key(one).cmp(&key(other)).then_with(|| one.state.name.cmp(&other.state.name)));
        rows
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
