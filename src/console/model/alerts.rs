//! The alerts that the console knows: headers of many, evidence of the newest, kept sorted and filtered as they come, so
//! that drawing costs only what is visible.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::alert::{Action, Alert, AlertId, Severity};
use crate::console::filter::{Field, Filter, Filterable};
use crate::event::names::HostName;

/// The place of an alert in the list: worst first, then newest.
type Key = (Reverse<Severity>, Reverse<u64>);

/// An alert as the lists show it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number here, in order of raising.
    pub number: u64,
    /// Its id.
    pub id: AlertId,
    /// How bad it is.
    pub severity: Severity,
    /// When it was raised.
    pub created: DateTime<Utc>,
    /// Event time of the completing event.
    pub time: DateTime<Utc>,
    /// Where.
    pub host: HostName,
    /// From where to where, short.
    pub path: String,
    /// The rule's name.
    pub rule: String,
    /// What ran, and who ran it.
    pub what: String,
    /// The reason in one sentence.
    pub message: String,
    /// Everything, while it is among the newest.
    pub alert: Option<Arc<Alert>>,
    /// How many of the same kind there are (same rule, host, source, port, program), this one included.
    pub repeats: u64,
    facts: Vec<(Field, String)>,
}

/// An alert as a filter sees it.
#[derive(Debug)]
pub struct Seen<'a> {
    entry: &'a Entry,
    now: DateTime<Utc>,
}

impl Filterable for Seen<'_> {
    fn values(&self, field: Field) -> Vec<Cow<'_, str>> {
        let facts = self.entry.facts.iter().filter(|(own, _)| *own == field);
        facts.map(|(_, value)| Cow::Borrowed(value.as_str())).collect()
    }

    fn severity(&self) -> Option<Severity> {
        Some(self.entry.severity)
    }

    fn age_seconds(&self) -> Option<i64> {
        Some((self.now - self.entry.created).num_seconds())
    }

    fn texts(&self) -> Vec<Cow<'_, str>> {
        let Entry { path, rule, what, message, .. } = self.entry;
        [path, rule, what, message].into_iter().map(|text| Cow::Borrowed(text.as_str())).collect()
    }
}

/// All alerts.
#[derive(Debug)]
pub struct Alerts {
    entries: BTreeMap<u64, Entry>,
    by_id: HashMap<AlertId, u64>,
    newest_of_kind: HashMap<String, (u64, u64)>,
    /// What the filter lets through: all of them, and only the newest of each kind.
    all: Vec<Key>,
    kinds: Vec<Key>,
    counts: [u64; 5],
    by_host: HashMap<HostName, [u64; 5]>,
    next: u64,
    max_alerts: usize,
    max_evidence: usize,
    outside: [u64; 5],
}

impl Alerts {
    /// None yet.
    pub fn new(max_alerts: usize, max_evidence: usize) -> Self {
        Self {
            entries: BTreeMap::new(),
            by_id: HashMap::new(),
            newest_of_kind: HashMap::new(),
            all: Vec::new(),
            kinds: Vec::new(),
            counts: [0; 5],
            by_host: HashMap::new(),
            next: 0,
            max_alerts: max_alerts.max(1),
            max_evidence: max_evidence.max(1),
            outside: [0; 5],
        }
    }

    /// Takes an alert in; true if it is new and the filter lets it through.
    pub fn add(&mut self, alert: &Arc<Alert>, filter: &Filter, now: DateTime<Utc>) -> bool {
        if let Some(number) = self.by_id.get(&alert.id).copied() {
            if alert.action == Action::Updated
                && let Some(entry) = self.entries.get_mut(&number)
            {
                let repeats = entry.repeats;
                *entry = Entry { repeats, created: entry.created, ..entry_of(number, alert) };
            }
            return false;
        }
        let number = self.next;
        self.next += 1;
        let mut entry = entry_of(number, alert);
        let slot = severity_slot(entry.severity);
        self.counts[slot] += 1;
        self.by_host.entry(entry.host.clone()).or_default()[slot] += 1;
        let kind = kind_of(alert);
        let (before, count) = self.newest_of_kind.get(&kind).copied().unwrap_or((number, 0));
        entry.repeats = count + 1;
        self.newest_of_kind.insert(kind, (number, count + 1));
        if before != number
            && let Some(old) = self.entries.get(&before)
        {
            remove(&mut self.kinds, key_of(old));
        }
        let is_visible = filter.matches(&Seen { entry: &entry, now });
        if is_visible {
            insert(&mut self.all, key_of(&entry));
            insert(&mut self.kinds, key_of(&entry));
        } else {
            self.outside[slot] += 1;
        }
        self.by_id.insert(alert.id.clone(), number);
        self.entries.insert(number, entry);
        self.make_room();
        is_visible
    }

    fn make_room(&mut self) {
        if let Some(old) = self.next.checked_sub(self.max_evidence as u64 + 1)
            && let Some(entry) = self.entries.get_mut(&old)
        {
            entry.alert = None;
        }
        while self.entries.len() > self.max_alerts {
            let Some((_, old)) = self.entries.pop_first() else { return };
            remove(&mut self.all, key_of(&old));
            remove(&mut self.kinds, key_of(&old));
            self.by_id.remove(&old.id);
        }
        if self.newest_of_kind.len() > 2 * self.max_alerts {
            let oldest = self.entries.first_key_value().map_or(0, |(number, _)| *number);
            self.newest_of_kind.retain(|_, (number, _)| *number >= oldest);
        }
    }

    /// Applies another filter to all.
    pub fn refilter(&mut self, filter: &Filter, now: DateTime<Utc>) {
        self.outside = [0; 5];
        self.all.clear();
        self.kinds.clear();
        let newest: std::collections::HashSet<u64> = self.newest_of_kind.values().map(|(number, _)| *number).collect();
        for entry in self.entries.values() {
            if filter.matches(&Seen { entry, now }) {
                self.all.push(key_of(entry));
                if newest.contains(&entry.number) {
                    self.kinds.push(key_of(entry));
                }
            }
        }
        self.all.sort_unstable();
        self.kinds.sort_unstable();
    }

    /// Alerts that came since the filter was set and that it hides, worst severity first.
    pub fn hidden_since(&self) -> Option<(Severity, u64)> {
        Severity::ALL.into_iter().map(|severity| (severity, self.outside[severity_slot(severity)])).find(|(_, count)| *count > 0)
    }

    /// The alerts that the filter lets through, worst first; `kinds_only` folds repeats into their newest.
    pub fn rows(&self, kinds_only: bool) -> Rows<'_> {
        Rows { alerts: self, keys: if kinds_only { &self.kinds } else { &self.all } }
    }

    /// The alerts of one host that the filter lets through, worst first.
    pub fn of_host(&self, host: &HostName) -> Vec<&Entry> {
        self.all.iter().filter_map(|key| self.entries.get(&key.1.0)).filter(|entry| entry.host == *host).collect()
    }

    /// The alert of a number.
    pub fn get(&self, number: u64) -> Option<&Entry> {
        self.entries.get(&number)
    }

    /// The number of an alert.
    pub fn number_of(&self, id: &AlertId) -> Option<u64> {
        self.by_id.get(id).copied()
    }

    /// The alert that follows (or precedes) in the list of all; without one, the first (or last).
    pub fn neighbour(&self, number: Option<u64>, forward: bool) -> Option<u64> {
        let place =
            number.and_then(|number| self.entries.get(&number)).and_then(|entry| self.all.binary_search(&key_of(entry)).ok());
        let next = match (place, forward) {
            (None, true) => 0,
            (None, false) => self.all.len().checked_sub(1)?,
            (Some(place), true) => place + 1,
            (Some(place), false) => place.checked_sub(1)?,
        };
        self.all.get(next).map(|key| key.1.0)
    }

    /// The place of an alert in the list of all, counted from 1, and how many there are.
    pub fn place(&self, number: u64) -> Option<(usize, usize)> {
        let entry = self.entries.get(&number)?;
        self.all.binary_search(&key_of(entry)).ok().map(|place| (place + 1, self.all.len()))
    }

    /// How many alerts there were of a severity.
    pub fn count(&self, severity: Severity) -> u64 {
        self.counts[severity_slot(severity)]
    }

    /// How many alerts a host had, by severity.
    pub fn count_of(&self, host: &HostName, severity: Severity) -> u64 {
        self.by_host.get(host).map_or(0, |counts| counts[severity_slot(severity)])
    }

    /// The worst severity that a host had.
    pub fn worst_of(&self, host: &HostName) -> Option<Severity> {
        Severity::ALL.into_iter().find(|severity| self.count_of(host, *severity) > 0)
    }

    /// How many are listed.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

/// A sorted list of alerts.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    alerts: &'a Alerts,
    keys: &'a [Key],
}

impl<'a> Rows<'a> {
    /// How many.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The alert at a place.
    pub fn get(&self, place: usize) -> Option<&'a Entry> {
        self.alerts.entries.get(&self.keys.get(place)?.1.0)
    }

    /// Where an alert stands.
    pub fn place_of(&self, number: u64) -> Option<usize> {
        let entry = self.alerts.entries.get(&number)?;
        self.keys.binary_search(&key_of(entry)).ok()
    }
}

fn severity_slot(severity: Severity) -> usize {
    severity as usize
}

fn key_of(entry: &Entry) -> Key {
    (Reverse(entry.severity), Reverse(entry.number))
}

fn insert(keys: &mut Vec<Key>, key: Key) {
    if let Err(place) = keys.binary_search(&key) {
        keys.insert(place, key);
    }
}

fn remove(keys: &mut Vec<Key>, key: Key) {
    if let Ok(place) = keys.binary_search(&key) {
        keys.remove(place);
    }
}

/// What makes two alerts repeats of one another.
fn kind_of(alert: &Alert) -> String {
    let subject = &alert.subject;
    let source = subject.source.as_ref().map_or("", |source| &source.ip);
    let destination = subject.destination.as_ref();
    let target = destination.map_or("", |destination| &destination.ip);
    let port = destination.and_then(|destination| destination.port).unwrap_or_default();
    let process = subject.process.as_ref().map_or("", |process| process.name());
    format!("{}|{}|{source}|{target}|{port}|{process}", alert.rule.id, alert.host)
}

fn entry_of(number: u64, alert: &Arc<Alert>) -> Entry {
    let subject = &alert.subject;
    let process = subject.process.as_ref();
    let what = process.map_or(String::new(), |process| {
        let line = process.command_line.as_deref();
        line.map_or_else(|| process.name().to_owned(), |line| crate::event::text::short_command(line, &process.executable))
    });
    let who = subject.user.as_deref().map_or(String::new(), |user| format!("  {user}"));
    Entry {
        number,
        id: alert.id.clone(),
        severity: alert.rule.severity,
        created: alert.created,
        time: alert.time,
        host: alert.host.clone(),
        path: path_of(alert),
        rule: alert.rule.name.clone(),
        what: format!("{what}{who}"),
        message: alert.message.clone(),
        alert: Some(alert.clone()),
        repeats: 1,
        facts: facts_of(alert),
    }
}

/// `WKSTN-014 > 10.20.8.11:5985` for what went out, `10.20.4.31 > SRV-FILE01` for what came in.
fn path_of(alert: &Alert) -> String {
    let host = short_host(&alert.computer);
    let subject = &alert.subject;
    let is_inbound =
        alert.evidence.iter().any(|proof| proof.field("Initiated").is_some_and(|is| is.eq_ignore_ascii_case("false")));
    match (&subject.source, &subject.destination) {
        (Some(source), _) if is_inbound => format!("{} > {host}", source.ip),
        (_, Some(destination)) => {
            format!("{host} > {}{}", destination.ip, destination.port.map_or(String::new(), |port| format!(":{port}")))
        }
        _ => host.to_owned(),
    }
}

/// The first label of a host name; an address stays whole.
pub fn short_host(computer: &str) -> &str {
    let is_address = computer.split('.').all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    if is_address { computer } else { computer.split('.').next().filter(|label| !label.is_empty()).unwrap_or(computer) }
}

fn facts_of(alert: &Alert) -> Vec<(Field, String)> {
    let mut facts = vec![
        (Field::Host, alert.computer.clone()),
        (Field::Rule, alert.rule.name.clone()),
        (Field::Rule, alert.rule.id.clone()),
        (Field::Id, alert.id.to_string()),
    ];
    let subject = &alert.subject;
    for (field, end) in [(Field::Src, &subject.source), (Field::Dst, &subject.destination)] {
        if let Some(end) = end {
            facts.push((field, end.ip.clone()));
            facts.extend(end.port.map(|port| (Field::Port, port.to_string())));
        }
    }
    for (field, process) in [(Field::Proc, &subject.process), (Field::Parent, &subject.parent)] {
        if let Some(process) = process {
            facts.push((field, process.executable.clone()));
        }
    }
    facts.extend(subject.process.as_ref().and_then(|process| process.command_line.clone()).map(|line| (Field::Cmd, line)));
    facts.extend(subject.user.clone().map(|user| (Field::User, user)));
    facts.extend(alert.rule.techniques.iter().chain(&alert.rule.tactics).map(|one| (Field::Attack, one.id.clone())));
    facts.extend(alert.evidence.iter().map(|proof| (Field::Eid, proof.event_id.to_string())));
    facts
}
