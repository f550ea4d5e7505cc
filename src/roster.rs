//! The alerts as a console lists them: headers of many, evidence of the newest, kept sorted, folded, counted and filtered as they
//! come, so that drawing costs only what is visible. Where each stands follows from the triage log, folded here as the
//! collector does. A console in the collector's own process holds all; one elsewhere holds a part ([`part`]), and the other
//! end of its socket keeps a roster of all to tell it the rest ([`whole`], [`scan`]).

pub mod happened;
mod hidden;
pub mod marked;
pub mod part;
mod places;
pub mod rows;
pub mod scan;
pub mod whole;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::alert::header::{Header, Likes};
use crate::alert::{Action, Alert, AlertId};
use crate::event::names::HostName;
use crate::feed::Known;
use crate::feed::page::{Key, Standing};
use crate::filter::Filter;
use crate::filter::listed::Listed;
use crate::roster::part::Part;
use crate::roster::places::put;
use crate::roster::whole::News;
use crate::triage::ledger::Ledger;
use crate::triage::{self, Deed, State};

/// Of how many older alerts the evidence is kept that was asked for.
const FETCHED: usize = 64;

/// An alert as the lists show it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number here, in order of raising.
    pub number: u64,
    /// What it is.
    pub header: Arc<Header>,
    /// Where it stands.
    pub state: Arc<State>,
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
    /// Those that wait for somebody, the worst and newest last, and of these what the filter lets through.
    waiting: Vec<Key>,
    matching: Vec<Key>,
    /// How the list shows it.
    shown: Option<Key>,
}

/// All alerts.
#[derive(Debug)]
pub struct Roster {
    /// The triage log, folded.
    pub ledger: Ledger,
    entries: BTreeMap<u64, Entry>,
    likes: Likes,
    by_id: HashMap<AlertId, u64>,
    groups: HashMap<u64, Group>,
    /// What the filter lets through: all, those that wait for somebody, and of these the worst and newest of each group. The
    /// worst and newest stands at the end, where a new alert is cheap to put.
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
    /// Those that wait for somebody and that the filter hides, as far as that must not go unseen.
    outside: BTreeSet<Key>,
    /// What is beyond the part that is held, where a part is.
    part: Option<Part>,
    /// What was not told yet, where it is told on.
    news: Option<News>,
}

impl Roster {
    /// None yet.
    pub fn new(max_alerts: usize, max_evidence: usize) -> Self {
        Self {
            ledger: Ledger::new(max_alerts.max(1)),
            entries: BTreeMap::new(),
            likes: Likes::default(),
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
            outside: BTreeSet::new(),
            part: None,
            news: None,
        }
    }

    /// Takes an alert in, with its evidence if that is to be kept here; true if it is new, waits for somebody, and the filter
    /// lets it through.
    pub fn add(&mut self, alert: &Arc<Alert>, keeps_evidence: bool, filter: &Filter, now: DateTime<Utc>) -> bool {
        let evidence = keeps_evidence.then(|| alert.clone());
        if let (Action::Raised, Some(number)) = (alert.action, self.number_of(&alert.id)) {
            self.was_raised(number);
            return false;
        }
        self.hear_header(&Arc::new(Header::of(alert)), alert.action, alert.muted, evidence, filter, now)
    }

    /// Takes an alert in of which nobody has the evidence any more; true as [`add`](Self::add) says it.
    pub fn add_header(
        &mut self,
        header: &Arc<Header>,
        action: Action,
        muted: Option<u64>,
        filter: &Filter,
        now: DateTime<Utc>,
    ) -> bool {
        self.hear_header(header, action, muted, None, filter, now)
    }

    fn hear_header(
        &mut self,
        header: &Arc<Header>,
        action: Action,
        muted: Option<u64>,
        evidence: Option<Arc<Alert>>,
        filter: &Filter,
        now: DateTime<Utc>,
    ) -> bool {
        match (self.by_id.get(&header.id).copied(), action) {
            (Some(number), Action::Updated) => self.replace(number, header, evidence, filter, now),
            (Some(number), Action::Raised) => self.was_raised(number),
            // It is beyond what is held, and may belong further up now; or it is remembered no more, and is no new alert either.
            (None, Action::Updated) => self.miss(),
            (None, Action::Raised) => return self.insert(header.clone(), muted, evidence, filter, now),
        }
        false
    }

    /// An alert is raised that a page told of before, as one does behind a frozen picture: the next one comes after it.
    fn was_raised(&mut self, number: u64) {
        self.next = self.next.max(number + 1);
    }

    /// An alert is told anew. A link may have raised it: then it has another place, and counts elsewhere.
    fn replace(&mut self, number: u64, header: &Arc<Header>, evidence: Option<Arc<Alert>>, filter: &Filter, now: DateTime<Utc>) {
        self.count(number, false);
        let Some(entry) = self.entries.get_mut(&number) else { return };
        let before = entry.key();
        let created = entry.header.created;
        entry.header = self.likes.share(Arc::new(Header { created, ..Header::clone(header) }));
        let is_old = number + (self.max_evidence as u64) < self.next;
        let is_kept_anew = is_old && entry.alert.is_none() && evidence.is_some();
        entry.alert = evidence;
        let (is_waiting, severity) = (entry.state.is_waiting(), entry.header.severity);
        let group = self.ledger.group(&header.id);
        self.ledger.know(&entry.header, None);
        if entry.header.hops.is_empty() {
            self.linked.remove(&number);
        } else {
            self.linked.insert(number);
        }
        if is_kept_anew {
            self.keep_for_a_while(number);
        }
        put(&mut self.all, before, false);
        put(&mut self.open, before, false);
        if let Some(own) = group.and_then(|group| self.groups.get_mut(&group)) {
            put(&mut own.waiting, before, false);
            put(&mut own.matching, before, false);
        }
        // A better pairing may be the repeat of others; what it leaves is shown otherwise before it is listed anew.
        if let Some(group) = group.filter(|group| self.ledger.group(&header.id) != Some(*group)) {
            self.show_anew(group);
        }
        self.count(number, true);
        let is_visible = self.list(number, filter, now);
        // Behind a filter it counts as what it is now.
        let was_outside = self.outside.remove(&before);
        if !is_visible && is_waiting && (was_outside || severity > before.0) {
            self.outside.insert((severity, number));
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
        self.keep_for_a_while(number);
    }

    /// The evidence of an older alert goes when that of enough others has come.
    fn keep_for_a_while(&mut self, number: u64) {
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
            let Some(number) = self.by_id.get(id).copied() else {
                // It may wait again now, or be let through.
                if !filter.is_empty() || matches!(entry.deed, Deed::Undo(_) | Deed::Unmute(_)) {
                    self.miss();
                }
                continue;
            };
            self.restate(number, filter, now);
        }
    }

    /// Where an alert stands has changed: it is counted and listed anew.
    fn restate(&mut self, number: u64, filter: &Filter, now: DateTime<Utc>) {
        self.count(number, false);
        if let Some(own) = self.entries.get_mut(&number) {
            own.state = self.ledger.shared_state(&own.header.id);
        }
        self.count(number, true);
        self.list(number, filter, now);
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

    /// Takes over an alert that was told from elsewhere; of one that is listed already, that it happened again.
    pub fn take_over(&mut self, standing: &Standing, filter: &Filter, now: DateTime<Utc>) {
        let Standing { number, header, base } = standing;
        if let Some(number) = self.by_id.get(&header.id).copied() {
            if let Some(again) = &base.again {
                self.ledger.happened_again(&header.id, again.clone());
                self.restate(number, filter, now);
            }
            return;
        }
        if self.entries.contains_key(number) {
            return;
        }
        self.ledger.take_over(header, base.clone());
        self.enter(*number, header.clone(), None, filter, now);
    }

    /// The snapshot is complete: nothing of it is new to the user.
    pub fn taken_over(&mut self) {
        self.ledger.sort();
        self.outside.clear();
    }

    fn enter(
        &mut self,
        number: u64,
        header: Arc<Header>,
        alert: Option<Arc<Alert>>,
        filter: &Filter,
        now: DateTime<Utc>,
    ) -> bool {
        let header = self.likes.share(header);
        let state = self.ledger.shared_state(&header.id);
        self.by_id.insert(header.id.clone(), number);
        let key = (header.severity, number);
        let is_waiting = state.is_waiting();
        if !header.hops.is_empty() {
            self.linked.insert(number);
        }
        self.entries.insert(number, Entry { number, header, state, alert });
        self.count(number, true);
        let is_visible = self.list(number, filter, now);
        if !is_visible && is_waiting {
            self.outside.insert(key);
        }
        self.make_room();
        is_visible && is_waiting
    }
}

#[cfg(test)]
mod tests;
