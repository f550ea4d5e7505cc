//! Only this value, or not this value: a list of the values of what is selected; Enter puts the chosen one into the filter. In an
//! alert the list has ways on top that lead elsewhere.

use crossterm::event::{KeyCode, KeyEvent};

use crate::alert::AlertId;
use crate::console::model::line::TextLine;
use crate::console::model::pivot::Way;
use crate::console::model::screen::Selection;
use crate::console::model::tail::{TailLine, event_fields};
use crate::console::model::triage::Dialog;
use crate::console::model::{Effect, Model};
use crate::event::text::is_said;
use crate::feed::EventLine;
use crate::filter::Filter;
use crate::filter::data::{FIELDS_OF_EVENTS, provider_of};
use crate::roster::Entry;
use crate::roster::happened::Happened;

/// A longer value is compared by its beginning.
const LONGEST: usize = 200;

/// A value that can be filtered by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The field, as it is shown.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The filter's word for it, or why it has none.
    pub term: Result<String, &'static str>,
}

/// What is done with the value that is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aim {
    /// The lists keep only what has it.
    Only,
    /// The lists drop what has it.
    Without,
    /// The same as only, besides the ways that lead elsewhere.
    Pivot,
}

/// A row of the open list.
#[derive(Debug, Clone, Copy)]
pub enum Row<'a> {
    /// Something to go to.
    Way(&'a Way),
    /// Something to filter by.
    Value(&'a Value),
}

/// The open list.
#[derive(Debug, Clone)]
pub struct Picker {
    /// What it is for.
    pub aim: Aim,
    /// The alert whose values these are.
    pub about: Option<AlertId>,
    /// Where one can go.
    pub ways: Vec<Way>,
    /// The values.
    pub values: Vec<Value>,
    /// What is searched for.
    pub query: TextLine,
    /// Which row is selected.
    pub selected: usize,
}

impl Picker {
    /// The rows that the search leaves.
    pub fn rows(&self) -> Vec<Row<'_>> {
        let query = self.query.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&query);
        let ways = self.ways.iter().filter(|way| has(way.name) || has(&way.value)).map(Row::Way);
        let values = self.values.iter().filter(|value| has(&self.name_of(value)) || has(&value.value)).map(Row::Value);
        ways.chain(values).collect()
    }

    /// The name of a value; beside ways it says what is done with it.
    pub fn name_of(&self, value: &Value) -> String {
        if self.aim == Aim::Pivot { format!("only {}", value.name) } else { value.name.clone() }
    }
}

impl Model {
    /// The values of what is selected here.
    fn values_here(&self) -> Vec<Value> {
        if let Some(event) = self.selected_event() {
            return of_event(event);
        }
        if let Some(entry) = self.chosen_alert() {
            return of_alert(entry);
        }
        let state = self.chosen_host().and_then(|host| self.hosts.get(&host));
        state.map_or_else(Vec::new, |state| vec![value("host", "host", &state.computer)])
    }

    pub(super) fn ask_value(&mut self, aim: Aim) {
        let values = self.values_here();
        if values.is_empty() {
            self.hint = Some("nothing is selected here whose values could be filtered by");
        } else {
            let about = self.alert_of_values();
            let query = TextLine::default();
            self.dialog = Some(Dialog::Pick(Picker { aim, about, ways: Vec::new(), values, query, selected: 0 }));
        }
    }

    pub(super) fn pick_key(&mut self, key: KeyEvent, mut picker: Picker) -> Vec<Effect> {
        let last = picker.rows().len().saturating_sub(1);
        match key.code {
            KeyCode::Enter => {
                match picker.rows().get(picker.selected) {
                    Some(Row::Way(way)) => self.go((*way).clone()),
                    Some(Row::Value(Value { term: Ok(term), .. })) => self.narrow(term, picker.aim == Aim::Without),
                    Some(Row::Value(Value { term: Err(why), .. })) => {
                        self.said = Some(((*why).to_owned(), true));
                        self.dialog = Some(Dialog::Pick(picker));
                    }
                    None => {}
                }
                return Vec::new();
            }
            KeyCode::Up => picker.selected = picker.selected.saturating_sub(1),
            KeyCode::Down | KeyCode::Tab => picker.selected = (picker.selected + 1).min(last),
            KeyCode::PageUp => picker.selected = picker.selected.saturating_sub(10),
            KeyCode::PageDown => picker.selected = (picker.selected + 10).min(last),
            _ => {
                if picker.query.key(key) {
                    picker.selected = 0;
                }
            }
        }
        self.dialog = Some(Dialog::Pick(picker));
        Vec::new()
    }

    /// Adds a word to the filter and goes to the list, where its effect is seen.
    fn narrow(&mut self, term: &str, is_not: bool) {
        let own = if is_not { format!("-{term}") } else { term.to_owned() };
        let before = self.filter_text.trim();
        let text = match before {
            "" => own,
            // Words bind closer than `or`.
            _ if before.split_whitespace().any(|word| word == "or") => format!("({before}) {own}"),
            _ => format!("{before} {own}"),
        };
        match Filter::parse(&text) {
            Ok(_) => {
                self.stack.clear();
                self.set_filter(&text);
                self.event = Selection::default();
                self.said = Some((format!("filter: {text}"), false));
            }
            Err(error) => self.said = Some((format!("this value cannot be filtered by: {}", error.reason), true)),
        }
    }
}

fn value(name: &str, field: &str, text: &str) -> Value {
    Value { name: name.to_owned(), value: text.to_owned(), term: Ok(format!("{field}:{}", quoted(text))) }
}

/// A value as the filter reads it. What its grammar cannot spell is left to a wildcard.
pub(super) fn quoted(text: &str) -> String {
    let spelled = |letter: char| if letter == '"' || letter == ',' || letter.is_control() { '*' } else { letter };
    let mut word: String = text.chars().take(LONGEST).map(spelled).collect();
    if text.chars().nth(LONGEST).is_some() {
        word.push('*');
    }
    let is_plain = |letter: char| letter.is_alphanumeric() || ".-_:*\\".contains(letter);
    if word.chars().all(is_plain) { word } else { format!("\"{word}\"") }
}

pub(super) fn of_alert(entry: &Entry) -> Vec<Value> {
    let header = &entry.header;
    let mut values = vec![value("host", "host", &header.computer), value("rule", "rule", &header.rule)];
    values.push(value("severity", "sev", header.severity.as_str()));
    let ports = [("source port", header.source_port), ("destination port", header.destination.as_ref().and_then(|end| end.port))];
    let rows = [
        ("source address", "src", header.source.as_ref().map(|end| &end.ip)),
        ("destination address", "dst", header.destination.as_ref().map(|end| &end.ip)),
        ("account", "user", header.user.as_ref()),
        ("program", "proc", header.image.as_ref()),
        ("parent", "parent", header.parent.as_ref()),
        ("command line", "cmd", header.command_line.as_ref()),
        ("owner", "owner", entry.state.owner.as_ref()),
    ];
    values
        .extend(rows.into_iter().filter_map(|(name, field, text)| Some(value(name, field, text.filter(|text| is_said(text))?))));
    values.extend(ports.into_iter().filter_map(|(name, port)| Some(value(name, "port", &port?.to_string()))));
    values.extend(header.attack.iter().map(|id| value("technique", "attack", id)));
    values
}

/// What the filter cannot look at.
const NO_WORD: &str = "the filter has no word for this field, and the line of the event does not show its value";

fn of_event(row: &TailLine) -> Vec<Value> {
    let event = &row.line;
    let mut values = vec![value("Computer", "host", &event.computer), value("EventID", "eid", &event.event_id.to_string())];
    values.extend(is_said(&event.channel).then(|| value("Channel", "channel", &event.channel)));
    values.extend(provider_of(&event.xml).map(|provider| value("Provider", "provider", &provider)));
    for (name, text) in event_fields(&event.xml).into_iter().filter(|(_, text)| is_said(text)) {
        let field = match FIELDS_OF_EVENTS.iter().find(|(_, names)| names.contains(&name.as_str())) {
            Some((field, _)) => field.1.to_owned(),
            None => format!("data.{name}"),
        };
        let name = if name.is_empty() { "(no name)" } else { &name };
        values.push(value(name, &field, &text));
    }
    values.iter_mut().for_each(|value| check(value, event));
    values
}

/// Offers only what finds the event that it came from: a field without a name, or with one that the grammar cannot spell, is
/// looked for as text, where the line shows it.
fn check(value: &mut Value, line: &EventLine) {
    let now = line.time;
    let finds = |term: &str| Filter::parse(term).is_ok_and(|filter| filter.matches(&Happened { line, at: now, now }));
    if value.term.as_deref().is_ok_and(finds) {
        return;
    }
    let text = value.value.replace(['"', '*'], "");
    let bare = format!("\"{text}\"");
    value.term = if !text.trim().is_empty() && text.len() <= LONGEST && finds(&bare) { Ok(bare) } else { Err(NO_WORD) };
}
