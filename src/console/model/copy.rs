//! What of the selected thing can be copied: single values, records, a report. The terminal's clipboard takes it, if the
//! terminal allows that; whether it did cannot be known, so that nobody is told "copied".

use crossterm::event::{KeyCode, KeyEvent};

use crate::alert::AlertId;
use crate::console::model::screen::{Pane, Screen, Tab};
use crate::console::model::tail::{TailLine, event_fields};
use crate::console::model::triage::Dialog;
use crate::console::model::{Effect, Model};
use crate::console::printable::{fit, printable, printable_lines};
use crate::console::report;
use crate::event::names::HostName;
use crate::roster::Entry;

/// More than this many bytes many terminals drop without a word (as Base64 they are 100,000).
const MOST: usize = 74_000;

/// Something that can be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its key in the menu.
    pub key: char,
    /// What it is.
    pub what: &'static str,
    /// The text, made printable line by line.
    pub text: String,
}

/// The open menu.
#[derive(Debug, Clone)]
pub struct CopyMenu {
    /// The alert that it is of, if it is one.
    pub about: Option<AlertId>,
    /// What there is.
    pub items: Vec<Item>,
    /// Which is selected.
    pub selected: usize,
}

impl Model {
    /// The alert that a key is about; of repeats the one that is shown.
    pub fn chosen_alert(&self) -> Option<&Entry> {
        self.front()
    }

    /// The host that is selected where hosts are.
    pub(super) fn chosen_host(&self) -> Option<HostName> {
        match (self.stack.last(), self.tab, self.pane) {
            (Some(Screen::Host { host, .. }), ..) => Some(host.clone()),
            (None, Tab::Triage, Pane::Hosts) => self.selected_host(),
            _ => None,
        }
    }

    /// Whether an event, an alert or a host is selected.
    pub(super) fn has_selection(&self) -> bool {
        self.has_chosen() || self.chosen_host().is_some() || self.selected_event().is_some()
    }

    /// The alert whose values are copied or filtered by here.
    pub(super) fn alert_of_values(&self) -> Option<AlertId> {
        let is_event = self.selected_event().is_some();
        self.chosen_alert().filter(|_| !is_event).map(|entry| entry.header.id.clone())
    }

    /// What can be copied here.
    pub fn copy_items(&self) -> Vec<Item> {
        if let Some(event) = self.selected_event() {
            return of_event(event);
        }
        if let Some(entry) = self.chosen_alert() {
            return self.of_alert(entry);
        }
        let Some(state) = self.chosen_host().and_then(|host| self.hosts.get(&host)) else { return Vec::new() };
        let mut items = vec![one('h', "host", &state.computer)];
        items.extend(state.address.as_deref().map(|address| one('i', "address", address)));
        items
    }

    fn of_alert(&self, entry: &Entry) -> Vec<Item> {
        let header = &entry.header;
        let mut items = vec![one('h', "host", &header.computer)];
        items.extend(header.source.as_ref().map(|end| one('i', "source address", &end.ip)));
        items.extend(header.destination.as_ref().map(|end| one('d', "destination address", &end.ip)));
        items.extend(header.user.as_deref().map(|user| one('u', "account", user)));
        items.extend(header.command_line.as_deref().map(|line| one('c', "command line", line)));
        items.push(one('s', "sentence", &header.message));
        items.push(one('n', "alert id", &header.id.0));
        if let Some(alert) = &entry.alert {
            items.push(Item { key: 'j', what: "JSON record", text: (self.config.record)(alert) });
            let xml = alert.evidence.iter().map(|proof| &*proof.xml).collect::<Vec<_>>().join("\n");
            items.push(Item { key: 'x', what: "event XML", text: printable_lines(&xml) });
        }
        let text = report::markdown(&self.alerts.ledger, &[(entry, entry.alert.as_deref())]);
        items.push(Item { key: 'm', what: "Markdown report", text });
        items
    }

    pub(super) fn ask_copy(&mut self) {
        let items = self.copy_items();
        if items.is_empty() {
            self.hint = Some("nothing to copy here: select an alert, an event or a host");
        } else {
            let about = self.alert_of_values();
            self.dialog = Some(Dialog::Copy(CopyMenu { about, items, selected: 0 }));
        }
    }

    pub(super) fn copy_key(&mut self, key: KeyEvent, mut menu: CopyMenu) -> Vec<Effect> {
        let last = menu.items.len() - 1;
        let chosen = match key.code {
            KeyCode::Enter => Some(menu.selected),
            KeyCode::Char(letter) => menu.items.iter().position(|item| item.key == letter),
            KeyCode::Up => {
                menu.selected = menu.selected.saturating_sub(1);
                None
            }
            KeyCode::Down | KeyCode::Tab => {
                menu.selected = (menu.selected + 1).min(last);
                None
            }
            _ => None,
        };
        let Some(item) = chosen.map(|place| menu.items.swap_remove(place)) else {
            self.dialog = Some(Dialog::Copy(menu));
            return Vec::new();
        };
        if item.text.len() > MOST {
            let text = format!("{} kB are too much for a terminal's clipboard; export writes a file", item.text.len() / 1000);
            self.said = Some((text, true));
            return Vec::new();
        }
        let shown = item.text.lines().next().unwrap_or_default();
        self.said = Some((format!("sent to the terminal's clipboard: {} {}", item.what, fit(shown, 60)), false));
        vec![Effect::Copy(item.text)]
    }
}

fn one(key: char, what: &'static str, text: &str) -> Item {
    Item { key, what, text: printable(text).into_owned() }
}

fn of_event(row: &TailLine) -> Vec<Item> {
    let event = &row.line;
    let fields = event_fields(&event.xml);
    let mut items = vec![one('h', "host", &event.computer)];
    let known = [
        ('i', "source address", "SourceIp"),
        ('d', "destination address", "DestinationIp"),
        ('u', "account", "User"),
        ('c', "command line", "CommandLine"),
        ('p', "program", "Image"),
    ];
    for (key, what, name) in known {
        let value = fields.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str());
        items.extend(value.filter(|value| crate::event::text::is_said(value)).map(|value| one(key, what, value)));
    }
    items.push(one('s', "summary", &event.summary));
    items.push(Item { key: 'x', what: "event XML", text: printable_lines(&event.xml) });
    items
}
