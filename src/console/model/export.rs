//! Writing alerts or events into a file: which ones, in which form, under which name. The shell writes; a file that is there
//! already is overwritten only after a second Enter.

use chrono::{DateTime, Utc};
use crossterm::event::{KeyCode, KeyEvent};

use crate::alert::AlertId;
use crate::console::counted::{count_of, grouped};
use crate::console::model::line::TextLine;
use crate::console::model::screen::{Screen, Tab};
use crate::console::model::triage::{Dialog, MAX_LINE, Targets};
use crate::console::model::window::Window;
use crate::console::model::{Effect, Model};
use crate::console::report;
use crate::roster::Entry;

/// The forms, by the ending of the file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A report for people, with all evidence.
    Markdown,
    /// One JSON array of records.
    Json,
    /// A record a line.
    Ndjson,
}

impl Form {
    /// All, in the order of the tab key.
    pub const ALL: [Self; 3] = [Self::Markdown, Self::Json, Self::Ndjson];

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Markdown => "Markdown",
            Self::Json => "JSON",
            Self::Ndjson => "NDJSON",
        }
    }

    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Markdown => "md",
            Self::Json => "json",
            Self::Ndjson => "ndjson",
        }
    }

    /// The form of a file's name.
    pub fn of(path: &str) -> Option<Self> {
        let ending = path.rsplit_once('.').map(|(_, ending)| ending.to_lowercase())?;
        match ending.as_str() {
            "md" | "markdown" => Some(Self::Markdown),
            "json" => Some(Self::Json),
            "ndjson" | "jsonl" => Some(Self::Ndjson),
            _ => None,
        }
    }
}

/// What is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// The selected alerts: those that are held here, and how many there are.
    Alerts(Vec<AlertId>, usize),
    /// Those that are marked: what is held here of them, and how many there are.
    Marked(Vec<AlertId>, usize),
    /// All alerts that the filter lets through: how many are held here, and how many there are.
    Listed(usize, usize),
    /// The event with that number.
    Event(u64),
    /// All events that the filter lets through.
    Events(usize),
}

impl Subject {
    /// In words.
    pub fn words(&self, window: Window) -> String {
        let within = if window == Window::All { String::new() } else { format!(" of the last {}", window.words()) };
        let many = |count: usize, word: &str| count_of(count as u64, word);
        match self {
            Self::Alerts(numbers, all) if numbers.len() < *all => {
                format!("what is here of what is selected: {} of {}", grouped(numbers.len() as u64), many(*all, "alert"))
            }
            Self::Marked(numbers, all) if numbers.len() < *all => {
                format!("what is here of all that are marked: {} of {}", grouped(numbers.len() as u64), many(*all, "alert"))
            }
            Self::Alerts(numbers, _) if numbers.len() == 1 => "the selected alert".to_owned(),
            Self::Alerts(numbers, _) => format!("the selected {}", many(numbers.len(), "alert")),
            Self::Marked(numbers, _) if numbers.len() == 1 => "the marked alert".to_owned(),
            Self::Marked(numbers, _) => format!("the {} marked alerts", grouped(numbers.len() as u64)),
            Self::Listed(count, all) if count < all => {
                let (here, all) = (grouped(*count as u64), many(*all, "alert"));
                format!("what is here of all{within} that the filter lets through: {here} of {all}")
            }
            Self::Listed(count, _) => format!("all{within} that the filter lets through, done or not: {}", many(*count, "alert")),
            Self::Event(_) => "the selected event".to_owned(),
            Self::Events(count) => format!("all{within} that the filter lets through: {}", many(*count, "event")),
        }
    }
}

impl Subject {
    /// How many alerts would belong into the file that this console does not hold.
    fn beyond(&self) -> usize {
        match self {
            Self::Alerts(here, all) | Self::Marked(here, all) => all.saturating_sub(here.len()),
            Self::Listed(here, all) => all.saturating_sub(*here),
            Self::Event(_) | Self::Events(_) => 0,
        }
    }
}

/// The open prompt.
#[derive(Debug, Clone)]
pub struct ExportForm {
    /// What could be written.
    pub subjects: Vec<Subject>,
    /// Which of them is.
    pub subject: usize,
    /// The file.
    pub path: TextLine,
    /// Why it was not written.
    pub problem: Option<String>,
    /// When it was opened; a part of the file's name.
    at: DateTime<Utc>,
    /// The file that is there already and that a second Enter overwrites.
    overwrites: Option<String>,
}

impl ExportForm {
    /// Whether it writes events.
    pub(super) fn is_of_events(&self) -> bool {
        self.subjects.iter().any(|subject| matches!(subject, Subject::Event(_) | Subject::Events(_)))
    }

    /// A snapshot came: of what could be written that stays which is still here, and all that is listed is counted anew. Whether
    /// what was chosen is still there.
    pub(super) fn keep(&mut self, is_here: impl Fn(&AlertId) -> bool, listed: (usize, usize)) -> bool {
        for subject in &mut self.subjects {
            match subject {
                Subject::Alerts(ids, _) | Subject::Marked(ids, _) => ids.retain(&is_here),
                Subject::Listed(here, all) => (*here, *all) = listed,
                Subject::Event(_) | Subject::Events(_) => {}
            }
        }
        match self.subjects.get(self.subject) {
            Some(Subject::Alerts(ids, _) | Subject::Marked(ids, _)) => !ids.is_empty(),
            Some(Subject::Listed(here, _)) => *here > 0,
            _ => false,
        }
    }
}

/// Why a file was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriteError {
    /// It is there already.
    Exists,
    /// Something else.
    Other(String),
}

impl Model {
    pub(super) fn ask_export(&mut self) {
        let mut subjects = Vec::new();
        let chosen: Vec<AlertId> = self.chosen().iter().map(|entry| entry.header.id.clone()).collect();
        let is_events =
            matches!(self.stack.last(), Some(Screen::Event { .. })) || (self.stack.is_empty() && self.tab == Tab::Events);
        if is_events {
            subjects.extend(self.selected_event().map(|event| Subject::Event(event.number)));
            subjects.push(Subject::Events(self.event_rows().len()));
        } else {
            match self.marked_targets() {
                Some(Targets { list, many, .. }) => {
                    let ids = list.into_iter().map(|target| target.alert);
                    let held: Vec<AlertId> = ids.filter(|id| self.alerts.number_of(id).is_some()).collect();
                    let all = many.and_then(|many| many.count).map_or(0, |count| count.alerts);
                    let all = held.len().max(usize::try_from(all).unwrap_or(usize::MAX)).max(self.marked_alerts());
                    subjects.push(Subject::Marked(held, all));
                }
                None if chosen.is_empty() => {}
                None => {
                    let all = chosen.len() + self.targets().beyond;
                    subjects.push(Subject::Alerts(chosen, all));
                }
            }
            subjects.push(Subject::Listed(self.alerts.rows(false).len(), self.alerts.total(false)));
        }
        subjects.retain(|subject| !matches!(subject, Subject::Listed(0, _) | Subject::Events(0)));
        if subjects.is_empty() {
            self.hint = Some("nothing to export yet");
            return;
        }
        let ending = if is_events { Form::Ndjson } else { Form::Markdown }.ending();
        let path = TextLine::of(&format!("{}.{ending}", Self::stem_of(&subjects[0], self.now)), MAX_LINE);
        let form = ExportForm { subjects, subject: 0, path, problem: None, at: self.now, overwrites: None };
        self.dialog = Some(Dialog::Export(form));
    }

    /// The name of the file where nobody gave another, without its ending.
    fn stem_of(subject: &Subject, at: DateTime<Utc>) -> String {
        let what = match subject {
            Subject::Alerts(ids, _) | Subject::Marked(ids, 0..=1) => ids.first().map_or("alerts", AlertId::short),
            Subject::Marked(..) | Subject::Listed(..) => "alerts",
            Subject::Event(_) | Subject::Events(_) => "events",
        };
        format!("wefwatch-{what}-{}", at.format("%Y%m%d-%H%M%S"))
    }

    /// Chooses another subject; the name follows, unless somebody gave another.
    fn choose_subject(form: &mut ExportForm, by: isize) {
        let before = Self::stem_of(&form.subjects[form.subject], form.at);
        form.subject = form.subject.saturating_add_signed(by).min(form.subjects.len() - 1);
        if let Some(rest) = form.path.strip_prefix(&before) {
            let path = format!("{}{rest}", Self::stem_of(&form.subjects[form.subject], form.at));
            form.path = TextLine::of(&path, MAX_LINE);
        }
    }

    pub(super) fn export_key(&mut self, key: KeyEvent, mut form: ExportForm) -> Vec<Effect> {
        match key.code {
            KeyCode::Enter => return self.write(form),
            KeyCode::Up => Self::choose_subject(&mut form, -1),
            KeyCode::Down => Self::choose_subject(&mut form, 1),
            KeyCode::Tab => {
                let place = Form::of(&form.path).and_then(|form| Form::ALL.iter().position(|own| *own == form));
                let next = Form::ALL[place.map_or(0, |place| (place + 1) % Form::ALL.len())];
                let stem = if place.is_some() { form.path.rsplit_once('.').map_or("", |(stem, _)| stem) } else { &form.path };
                let path = format!("{stem}.{}", next.ending());
                form.path.set(&path);
            }
            _ => drop(form.path.key(key)),
        }
        form.problem = None;
        form.overwrites = form.overwrites.filter(|path| *path == *form.path);
        self.dialog = Some(Dialog::Export(form));
        Vec::new()
    }

    fn write(&mut self, mut form: ExportForm) -> Vec<Effect> {
        let Some(kind) = Form::of(&form.path) else {
            form.problem = Some("the name must end in .md, .json or .ndjson; tab changes it".to_owned());
            self.dialog = Some(Dialog::Export(form));
            return Vec::new();
        };
        if self.gathering.is_some() || self.writing.is_some() {
            form.problem = Some("another file is being written; ⏎ again once it is".to_owned());
            self.dialog = Some(Dialog::Export(form));
            return Vec::new();
        }
        let numbers = self.numbers_of(&form.subjects[form.subject]);
        if self.begin_gathering(&form, &numbers) {
            return Vec::new();
        }
        self.write_as(form, kind, &numbers)
    }

    /// Writes the alerts that were asked for with the evidence that could be had: their numbers, and what is listed, may be others
    /// by now.
    pub(super) fn write_now(&mut self, form: ExportForm, alerts: &[AlertId]) -> Vec<Effect> {
        let numbers: Vec<u64> = alerts.iter().filter_map(|id| self.alerts.number_of(id)).collect();
        Form::of(&form.path).map_or_else(Vec::new, |kind| self.write_as(form, kind, &numbers))
    }

    /// The alerts that are to be written.
    fn numbers_of(&self, subject: &Subject) -> Vec<u64> {
        match subject {
            Subject::Alerts(ids, _) | Subject::Marked(ids, _) => ids.iter().filter_map(|id| self.alerts.number_of(id)).collect(),
            Subject::Listed(..) => {
                let rows = self.alerts.rows(false);
                (0..rows.len()).filter_map(|place| rows.get(place)).map(|entry| entry.number).collect()
            }
            Subject::Event(_) | Subject::Events(_) => Vec::new(),
        }
    }

    fn write_as(&mut self, form: ExportForm, kind: Form, numbers: &[u64]) -> Vec<Effect> {
        let (text, count, left_out) = match &form.subjects[form.subject] {
            Subject::Alerts(..) | Subject::Marked(..) | Subject::Listed(..) => {
                self.alerts_as(kind, &numbers.iter().filter_map(|number| self.alerts.get(*number)).collect::<Vec<_>>())
            }
            Subject::Event(number) => self.events_as(kind, |own| own == *number),
            Subject::Events(_) => {
                let shown: std::collections::HashSet<u64> = self.event_rows().iter().map(|row| row.number).collect();
                self.events_as(kind, |own| shown.contains(&own))
            }
        };
        let is_overwriting = form.overwrites.as_deref() == Some(&form.path);
        let mut left = if left_out == 0 {
            String::new()
        } else {
            format!("; {left_out} left out, their evidence is not to be had; wefwatch alerts --json reads a store")
        };
        let beyond = form.subjects[form.subject].beyond();
        if beyond > 0 {
            left += &format!("; {beyond} more are not here, wefwatch alerts has stored ones");
        }
        let done = format!("wrote {count} as {} to {}{left}", kind.as_str(), &*form.path);
        let effect = Effect::Write { path: form.path.to_string(), text, is_overwriting };
        self.said = Some((format!("writing {} …", &*form.path), false));
        self.writing = Some((form, done));
        vec![effect]
    }

    /// The file was written, or not: then the prompt comes back with the reason.
    pub(super) fn written(&mut self, result: Result<(), WriteError>) {
        let Some((mut form, done)) = self.writing.take() else { return };
        match result {
            Ok(()) => self.said = Some((done, false)),
            Err(error) => {
                self.said = None;
                form.problem = Some(match error {
                    WriteError::Exists => {
                        form.overwrites = Some(form.path.to_string());
                        "this file is there already: ⏎ overwrites it, or give another name".to_owned()
                    }
                    WriteError::Other(reason) => format!("not written: {reason}"),
                });
                // Whoever is in another dialog by now is not interrupted.
                if self.dialog.is_none() {
                    self.dialog = Some(Dialog::Export(form));
                } else {
                    self.said = form.problem.map(|problem| (problem, true));
                }
            }
        }
    }

    /// Alerts in a form: the text, how many there are, and how many had to be left out.
    fn alerts_as(&self, form: Form, entries: &[&Entry]) -> (String, usize, usize) {
        if form == Form::Markdown {
            let told: Vec<_> = entries.iter().map(|entry| (*entry, self.evidence_of(entry))).collect();
            return (report::markdown(&self.alerts.ledger, &told), entries.len(), 0);
        }
        let records: Vec<String> = entries.iter().filter_map(|entry| self.evidence_of(entry)).map(self.config.record).collect();
        let (count, left_out) = (records.len(), entries.len() - records.len());
        (join(form, &records), count, left_out)
    }

    fn events_as(&self, form: Form, is_wanted: impl Fn(u64) -> bool) -> (String, usize, usize) {
        let rows = self.older.rows().chain(&self.events).filter(|row| is_wanted(row.number)).map(|row| &row.line);
        let pieces: Vec<String> = match form {
            Form::Markdown => rows.map(report::event).collect(),
            _ => rows.map(report::event_record).collect(),
        };
        let count = pieces.len();
        (if form == Form::Markdown { pieces.concat() } else { join(form, &pieces) }, count, 0)
    }
}

fn join(form: Form, records: &[String]) -> String {
    match form {
        Form::Json => format!("[\n{}\n]\n", records.join(",\n")),
        _ => records.iter().map(|record| format!("{record}\n")).collect(),
    }
}
