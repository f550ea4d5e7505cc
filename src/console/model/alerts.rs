//! The alerts that the console knows: headers of many, evidence of the newest, kept sorted and filtered as they come, so
//! that drawing costs only what is visible. Where each stands follows from the triage log, folded here as the collector does.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::alert::header::Header;
use crate::alert::{Action, Alert, AlertId, Severity};
use crate::event::names::HostName;
use crate::feed::{Known, Standing};
use crate::filter::Filter;
use crate::filter::listed::Listed;
use crate::triage::ledger::Ledger;
use crate::triage::{self, State, Status};

/// The place of an alert in a list. Lists are kept with the worst and newest at the end, where a new alert is cheap to put,
/// and read from there.
type Key = (Severity, u64);

/// Of how many older alerts the evidence is kept that was asked for.
const FETCHED: usize = 64;
/// How many alerts before and after one are looked at for those near it.
const LOOKED_AT: usize = 2000;

/// An alert as the lists show it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number here, in order of raising.
    pub number: u64,
    /// What it is.
    pub header: Arc<Header>,
    /// Where it stands.
    pub state: State,
    /// Everything, while it is among the newest or was asked for.
    pub alert: Option<Arc<Alert>>,
}

impl Entry {
    fn key(&self) -> Key {
        (self.header.severity, self.number)
    }
}

/// Repeats of one another.
#[derive(Debug, Default)]
struct Group {
    /// Those that wait for somebody.
    waiting: BTreeSet<u64>,
    /// How the list shows it.
    shown: Option<Key>,
}

/// All alerts.
#[derive(Debug)]
pub struct Alerts {
    /// The triage log, folded.
    pub ledger: Ledger,
    entries: BTreeMap<u64, Entry>,
    by_id: HashMap<AlertId, u64>,
    groups: HashMap<u64, Group>,
    /// What the filter lets through: all, those that wait for somebody, and of these the newest of each group.
    all: Vec<Key>,
    open: Vec<Key>,
    kinds: Vec<Key>,
    counts: [u64; 5],
    acknowledged: u64,
    muted: u64,
    by_host: HashMap<HostName, [u64; 5]>,
    /// Those of which both ends of the connection were seen.
    linked: BTreeSet<u64>,
    fetched: VecDeque<u64>,
    next: u64,
    max_alerts: usize,
    max_evidence: usize,
    outside: [u64; 5],
}

impl Alerts {
    /// None yet.
    pub fn new(max_alerts: usize, max_evidence: usize) -> Self {
        Self {
            ledger: Ledger::new(max_alerts.max(1)),
            entries: BTreeMap::new(),
            by_id: HashMap::new(),
            groups: HashMap::new(),
            all: Vec::new(),
            open: Vec::new(),
            kinds: Vec::new(),
            counts: [0; 5],
            acknowledged: 0,
            muted: 0,
            by_host: HashMap::new(),
            linked: BTreeSet::new(),
            fetched: VecDeque::new(),
            next: 0,
            max_alerts: max_alerts.max(1),
            max_evidence: max_evidence.max(1),
            outside: [0; 5],
        }
    }

    /// Takes an alert in; true if it is new, waits for somebody, and the filter lets it through.
    pub fn add(&mut self, alert: &Arc<Alert>, filter: &Filter, now: DateTime<Utc>) -> bool {
        if let Some(number) = self.by_id.get(&alert.id).copied() {
            if alert.action == Action::Updated {
                self.replace(number, alert, filter, now);
            }
            return false;
        }
        self.insert(Arc::new(Header::of(alert)), alert.muted, Some(alert.clone()), filter, now)
    }

    /// An alert is told anew. A link may have raised it: then it has another place, and counts elsewhere.
    fn replace(&mut self, number: u64, alert: &Arc<Alert>, filter: &Filter, now: DateTime<Utc>) {
        self.count(number, false);
        let Some(entry) = self.entries.get_mut(&number) else { return };
        let before = entry.key();
        let created = entry.header.created;
        entry.header = Arc::new(Header { created, ..Header::of(alert) });
        entry.alert = Some(alert.clone());
        let (is_waiting, severity) = (entry.state.is_waiting(), entry.header.severity);
        self.ledger.know(&entry.header, alert.muted);
        if !entry.header.hops.is_empty() {
            self.linked.insert(number);
        }
        put(&mut self.all, before, false);
        put(&mut self.open, before, false);
        self.count(number, true);
        let is_visible = self.list(number, filter, now);
        // Behind a filter it counts as what it is now.
        if !is_visible && is_waiting && severity > before.0 {
            self.outside[before.0 as usize] = self.outside[before.0 as usize].saturating_sub(1);
            self.outside[severity as usize] += 1;
        }
    }

    /// The linked alerts that the filter lets through, newest first.
    pub fn linked<'a>(&'a self, filter: &'a Filter, now: DateTime<Utc>) -> impl Iterator<Item = &'a Entry> {
        let entries = self.linked.iter().rev().filter_map(|number| self.entries.get(number));
        entries.filter(move |entry| filter.matches(&Listed { header: &entry.header, state: &entry.state, now }))
    }

    /// Takes in what an earlier run left; an alert that is listed already changes nothing.
    pub fn know(&mut self, known: &Known, filter: &Filter, now: DateTime<Utc>) {
        match known {
            Known::Alert { header, muted } if !self.by_id.contains_key(&header.id) => {
                self.insert(header.clone(), *muted, None, filter, now);
            }
            Known::Alert { .. } => {}
            Known::Entry(entry) => self.apply(entry, filter, now),
        }
    }

    /// Takes the evidence of an older alert in, which was asked for.
    pub fn fetched(&mut self, alert: Arc<Alert>) {
        let Some(number) = self.by_id.get(&alert.id).copied() else { return };
        let Some(entry) = self.entries.get_mut(&number).filter(|entry| entry.alert.is_none()) else { return };
        entry.alert = Some(alert);
        self.fetched.push_back(number);
        if self.fetched.len() > FETCHED
            && let Some(entry) = self.fetched.pop_front().and_then(|old| self.entries.get_mut(&old))
        {
            entry.alert = None;
        }
    }

    /// Somebody did something: the alerts that it changed are counted and listed anew.
    pub fn apply(&mut self, entry: &triage::Entry, filter: &Filter, now: DateTime<Utc>) {
        self.ledger.apply(entry);
        for id in &entry.alerts {
            let Some(number) = self.by_id.get(id).copied() else { continue };
            self.count(number, false);
            if let Some(own) = self.entries.get_mut(&number) {
                own.state = self.ledger.state(id);
            }
            self.count(number, true);
            self.list(number, filter, now);
        }
    }

    fn insert(
        &mut self,
        header: Arc<Header>,
        muted: Option<u64>,
        alert: Option<Arc<Alert>>,
        filter: &Filter,
        now: DateTime<Utc>,
    ) -> bool {
        let number = self.next;
        self.next += 1;
        self.ledger.know(&header, muted);
        self.enter(number, header, alert, filter, now)
    }

    /// The number that the next alert gets, where others were given elsewhere.
    pub fn begin_at(&mut self, next: u64) {
        self.next = next;
    }

    /// Takes over an alert of a snapshot; one that is listed already changes nothing.
    pub fn take_over(&mut self, standing: &Standing, filter: &Filter, now: DateTime<Utc>) {
        let Standing { number, header, muted, again } = standing;
        if self.by_id.contains_key(&header.id) || self.entries.contains_key(number) {
            return;
        }
        self.ledger.take_over(header, *muted, again.clone());
        self.enter(*number, header.clone(), None, filter, now);
    }

    /// The snapshot is complete: nothing of it is new to the user.
    pub fn taken_over(&mut self) {
        self.ledger.sort();
        self.outside = [0; 5];
    }

    fn enter(
        &mut self,
        number: u64,
        header: Arc<Header>,
        alert: Option<Arc<Alert>>,
        filter: &Filter,
        now: DateTime<Utc>,
    ) -> bool {
        let state = self.ledger.state(&header.id);
        self.by_id.insert(header.id.clone(), number);
        let slot = header.severity as usize;
        let is_waiting = state.is_waiting();
        if !header.hops.is_empty() {
            self.linked.insert(number);
        }
        self.entries.insert(number, Entry { number, header, state, alert });
        self.count(number, true);
        let is_visible = self.list(number, filter, now);
        if !is_visible && is_waiting {
            self.outside[slot] += 1;
        }
        self.make_room(filter, now);
        is_visible && is_waiting
    }

    /// Adds an alert to the counts, or takes it out of them.
    fn count(&mut self, number: u64, is_in: bool) {
        let Some(entry) = self.entries.get(&number) else { return };
        let change = |count: &mut u64| *count = if is_in { *count + 1 } else { count.saturating_sub(1) };
        if entry.state.muted.is_some() {
            change(&mut self.muted);
        } else if entry.state.status == Status::Acknowledged {
            change(&mut self.acknowledged);
        } else if entry.state.is_waiting() {
            let slot = entry.header.severity as usize;
            change(&mut self.counts[slot]);
            change(&mut self.by_host.entry(entry.header.host.clone()).or_default()[slot]);
        }
    }

    /// Lists an alert where it belongs now; true if the filter lets it through.
    fn list(&mut self, number: u64, filter: &Filter, now: DateTime<Utc>) -> bool {
        let Some(entry) = self.entries.get(&number) else { return false };
        let key = entry.key();
        let is_visible = filter.matches(&Listed { header: &entry.header, state: &entry.state, now });
        let is_waiting = entry.state.is_waiting();
        put(&mut self.all, key, is_visible);
        put(&mut self.open, key, is_visible && is_waiting);
        if let Some(group) = self.ledger.group(&entry.header.id) {
            let waiting = &mut self.groups.entry(group).or_default().waiting;
            if is_waiting {
                waiting.insert(number)
            } else {
                waiting.remove(&number)
            };
            self.show_group(group, filter, now);
        }
        is_visible
    }

    /// A group is shown by the newest of those that wait.
    fn show_group(&mut self, group: u64, filter: &Filter, now: DateTime<Utc>) {
        let Some(own) = self.groups.get_mut(&group) else { return };
        let newest = own.waiting.last().and_then(|number| self.entries.get(number));
        let newest = newest.filter(|entry| filter.matches(&Listed { header: &entry.header, state: &entry.state, now }));
        let before = std::mem::replace(&mut own.shown, newest.map(Entry::key));
        let (after, is_empty) = (own.shown, own.waiting.is_empty());
        if let Some(before) = before.filter(|before| Some(*before) != after) {
            put(&mut self.kinds, before, false);
        }
        if let Some(after) = after {
            put(&mut self.kinds, after, true);
        }
        if is_empty {
            self.groups.remove(&group);
        }
    }

    fn make_room(&mut self, filter: &Filter, now: DateTime<Utc>) {
        if let Some(old) = self.next.checked_sub(self.max_evidence as u64 + 1)
            && let Some(entry) = self.entries.get_mut(&old)
        {
            entry.alert = None;
        }
        while self.entries.len() > self.max_alerts {
            let Some(number) = self.entries.first_key_value().map(|(number, _)| *number) else { return };
            self.count(number, false);
            let Some(old) = self.entries.remove(&number) else { return };
            put(&mut self.all, old.key(), false);
            put(&mut self.open, old.key(), false);
            self.by_id.remove(&old.header.id);
            self.linked.remove(&number);
            let group = crate::triage::mute::Facts::of(&old.header).group;
            if let Some(own) = self.groups.get_mut(&group) {
                own.waiting.remove(&number);
                self.show_group(group, filter, now);
            }
        }
    }

    /// Applies another filter to all.
    pub fn refilter(&mut self, filter: &Filter, now: DateTime<Utc>) {
        self.outside = [0; 5];
        self.all.clear();
        self.open.clear();
        self.kinds.clear();
        for entry in self.entries.values() {
            if filter.matches(&Listed { header: &entry.header, state: &entry.state, now }) {
                self.all.push(entry.key());
                if entry.state.is_waiting() {
                    self.open.push(entry.key());
                }
            }
        }
        self.all.sort_unstable();
        self.open.sort_unstable();
        for group in self.groups.values_mut() {
            let newest = group.waiting.last().and_then(|number| self.entries.get(number)).map(Entry::key);
            group.shown = newest.filter(|key| self.open.binary_search(key).is_ok());
            self.kinds.extend(group.shown);
        }
        self.kinds.sort_unstable();
    }

    /// Alerts that came since the filter was set and that it hides, worst severity first.
    pub fn hidden_since(&self) -> Option<(Severity, u64)> {
        Severity::ALL.into_iter().map(|severity| (severity, self.outside[severity as usize])).find(|(_, count)| *count > 0)
    }

    /// The alerts that the filter lets through, worst first. `kinds_only`: only those that wait for somebody, repeats folded
    /// into their newest.
    pub fn rows(&self, kinds_only: bool) -> Rows<'_> {
        Rows { alerts: self, keys: if kinds_only { &self.kinds } else { &self.all } }
    }

    /// The alerts of one host that the filter lets through, worst first.
    pub fn of_host(&self, host: &HostName) -> Vec<&Entry> {
        self.all.iter().rev().filter_map(|key| self.entries.get(&key.1)).filter(|entry| entry.header.host == *host).collect()
    }

    /// The alert of a number.
    pub fn get(&self, number: u64) -> Option<&Entry> {
        self.entries.get(&number)
    }

    /// The number of an alert.
    pub fn number_of(&self, id: &AlertId) -> Option<u64> {
        self.by_id.get(id).copied()
    }

    /// The repeats of an alert that wait for somebody, itself included, newest first.
    pub fn repeats(&self, entry: &Entry) -> impl Iterator<Item = &Entry> {
        let group = self.ledger.group(&entry.header.id).and_then(|group| self.groups.get(&group));
        group.into_iter().flat_map(|group| group.waiting.iter().rev()).filter_map(|number| self.entries.get(number))
    }

    /// How many repeats of an alert wait for somebody.
    pub fn repeat_count(&self, entry: &Entry) -> usize {
        let group = self.ledger.group(&entry.header.id).and_then(|group| self.groups.get(&group));
        group.map_or(0, |group| group.waiting.len())
    }

    /// How many other alerts of its host were raised close to an alert, and whether there may be more: a flood is not counted
    /// to its end for every frame.
    pub fn near(&self, entry: &Entry, within: chrono::TimeDelta) -> (usize, bool) {
        let is_close = |other: &&Entry| (other.header.created - entry.header.created).abs() <= within;
        let before = self.entries.range(..entry.number).rev().map(|(_, other)| other).take_while(is_close).take(LOOKED_AT);
        let after = self.entries.range(entry.number + 1..).map(|(_, other)| other).take_while(is_close).take(LOOKED_AT);
        let (mut count, mut seen) = (0, [0, 0]);
        for (side, other) in before.map(|other| (0, other)).chain(after.map(|other| (1, other))) {
            seen[side] += 1;
            count += usize::from(other.header.host == entry.header.host);
        }
        (count, seen.contains(&LOOKED_AT))
    }

    /// The open alert that follows (or precedes) in the list; without one, the first (or last).
    pub fn neighbour(&self, number: Option<u64>, forward: bool) -> Option<u64> {
        // An alert that waits no more still has a place between others.
        let place = number.and_then(|number| self.entries.get(&number)).map(|entry| self.open.binary_search(&entry.key()));
        let next = match (place, forward) {
            (None, true) => self.open.len().checked_sub(1)?,
            (None, false) => 0,
            (Some(Ok(place) | Err(place)), true) => place.checked_sub(1)?,
            (Some(Ok(place)), false) => place + 1,
            (Some(Err(place)), false) => place,
        };
        self.open.get(next).map(|key| key.1)
    }

    /// The place of an alert in the list of all, counted from 1, and how many there are.
    pub fn place(&self, number: u64) -> Option<(usize, usize)> {
        let entry = self.entries.get(&number)?;
        self.all.binary_search(&entry.key()).ok().map(|place| (self.all.len() - place, self.all.len()))
    }

    /// How many alerts of a severity wait for somebody.
    pub fn count_of_severity(&self, severity: Severity) -> u64 {
        self.counts[severity as usize]
    }

    /// How many alerts somebody looks at.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// How many alerts a mute hides.
    pub fn muted(&self) -> u64 {
        self.muted
    }

    /// How many alerts of a host wait for somebody, by severity.
    pub fn count_of(&self, host: &HostName, severity: Severity) -> u64 {
        self.by_host.get(host).map_or(0, |counts| counts[severity as usize])
    }

    /// The worst severity that waits on a host.
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

    /// How many open alerts the filter lets through.
    pub fn open_count(&self) -> usize {
        self.open.len()
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
        self.alerts.entries.get(&self.keys.iter().nth_back(place)?.1)
    }

    /// Where an alert stands.
    pub fn place_of(&self, number: u64) -> Option<usize> {
        let entry = self.alerts.entries.get(&number)?;
        self.keys.binary_search(&entry.key()).ok().map(|place| self.keys.len() - 1 - place)
    }
}

/// Puts a key into a sorted list, or takes it out.
fn put(keys: &mut Vec<Key>, key: Key, is_in: bool) {
    match (keys.binary_search(&key), is_in) {
        (Err(place), true) => keys.insert(place, key),
        (Ok(place), false) => drop(keys.remove(place)),
        _ => {}
    }
}
