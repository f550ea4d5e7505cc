//! The triage log folded: where every alert stands, which mutes hold, and whether an act may be done. The collector decides
//! with it; consoles hear the entries and fold them in the same way, so that all see the same.

mod asked;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::alert::AlertId;
use crate::alert::header::Header;
use crate::triage::mute::{Facts, Pattern, Scope};
use crate::triage::{Again, Deed, Entry, State, Status};

/// A mute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mute {
    /// The number of its entry.
    pub number: u64,
    /// What it hides.
    pub scope: Scope,
    /// Until when; `None` is until it is removed.
    pub until: Option<DateTime<Utc>>,
    /// Who made it.
    pub who: String,
    /// When.
    pub at: DateTime<Utc>,
    /// Why.
    pub reason: String,
    /// How many alerts it has hidden.
    pub hidden: u64,
    /// Who gave it the expiry and the reason that it has now, and when, where somebody changed them.
    pub edited: Option<(String, DateTime<Utc>)>,
    has_ended: bool,
    pattern: Pattern,
}

impl Mute {
    /// Whether it holds.
    pub fn is_active(&self, now: DateTime<Utc>) -> bool {
        !self.has_ended && self.until.is_none_or(|until| until > now)
    }
}

#[derive(Debug)]
struct Known {
    facts: Facts,
    /// Where it stood before its entries: the mute that held when it was raised, whether its group was closed, and what older
    /// entries made of it that are not known here.
    base: Arc<State>,
    /// What people did with it; few alerts have any.
    #[expect(clippy::box_collection, reason = "a pointer for the many that have none")]
    entries: Option<Box<Vec<u64>>>,
    state: Arc<State>,
}

impl Known {
    fn entries(&self) -> &[u64] {
        self.entries.as_deref().map(Vec::as_slice).unwrap_or_default()
    }
}

#[derive(Debug, Default)]
struct Group {
    members: u64,
    unclosed: u64,
    closed: Option<Again>,
}

/// The log and what follows from it.
#[derive(Debug)]
pub struct Ledger {
    alerts: HashMap<AlertId, Known>,
    order: VecDeque<AlertId>,
    groups: HashMap<u64, Group>,
    entries: BTreeMap<u64, Entry>,
    /// Entries that were taken back, and by which.
    undone: HashMap<u64, u64>,
    /// Entries about alerts that are not known yet.
    early: HashMap<AlertId, Vec<u64>>,
    mutes: BTreeMap<u64, Mute>,
    next: u64,
    limit: usize,
    /// Where an alert stands that nobody touched: the same for all of them.
    untouched: Arc<State>,
    /// Whether others may be missing of a group that is known: then what follows from a group is told, not concluded.
    is_part: bool,
}

impl Ledger {
    /// Nothing known yet; at most `limit` alerts are remembered, the oldest go first.
    pub fn new(limit: usize) -> Self {
        Self {
            alerts: HashMap::new(),
            order: VecDeque::new(),
            groups: HashMap::new(),
            entries: BTreeMap::new(),
            undone: HashMap::new(),
            early: HashMap::new(),
            mutes: BTreeMap::new(),
            next: 1,
            limit: limit.max(1),
            untouched: Arc::default(),
            is_part: false,
        }
    }

    /// A ledger of a part of the alerts, without a limit of its own: they are [released](Self::release) by whoever keeps it.
    pub fn of_part() -> Self {
        Self { is_part: true, ..Self::new(usize::MAX) }
    }

    /// An alert was raised, hidden by a mute or not. One that is known already stays where it stands: a link or a better pairing
    /// changes what it says, and whose repeat it is.
    pub fn know(&mut self, header: &Header, muted: Option<u64>) {
        if let Some(known) = self.alerts.get_mut(&header.id) {
            let mut facts = Facts::of(header);
            facts.created_ms = known.facts.created_ms;
            let (group, is_closed) = (facts.group, known.state.status.is_closed());
            let before = std::mem::replace(&mut known.facts, facts).group;
            if group != before {
                self.leave(before, is_closed);
                self.enter(group, is_closed);
            }
            return;
        }
        let facts = Facts::of(header);
        let group = self.groups.entry(facts.group).or_default();
        let is_again = !self.is_part && group.members > 0 && group.unclosed == 0;
        let again = group.closed.clone().filter(|_| is_again).map(Box::new);
        self.add(header, facts, State { muted, again, ..State::default() });
        while self.order.len() > self.limit {
            if let Some(oldest) = self.order.pop_front() {
                self.forget(&oldest);
            }
        }
    }

    /// Takes over an alert that another ledger knows, in any order: `base` is where it stood there before the entries that are
    /// told too. Afterwards [`sort`](Self::sort) puts them into theirs.
    pub fn take_over(&mut self, header: &Header, base: State) {
        if !self.alerts.contains_key(&header.id) {
            self.add(header, Facts::of(header), base);
        }
    }

    /// The group of an alert had been closed before it was raised, as another ledger knows.
    pub fn happened_again(&mut self, id: &AlertId, again: Box<Again>) {
        if let Some(known) = self.alerts.get_mut(id) {
            Arc::make_mut(&mut known.base).again = Some(again);
            self.refold(id);
        }
    }

    /// Where an alert stood before the entry of that number, what was taken back since left out, for [`take_over`](Self::take_over) elsewhere.
    pub fn base_of(&self, id: &AlertId, before: u64) -> State {
        let Some(known) = self.alerts.get(id) else { return State::default() };
        self.fold(known, |number| number < before).0
    }

    /// Lets alerts go that may be taken over again later.
    pub fn release(&mut self, ids: &HashSet<AlertId>) {
        for id in ids {
            let entries = self.alerts.get_mut(id).and_then(|known| known.entries.take());
            if let Some(entries) = entries {
                self.early.insert(id.clone(), *entries);
            }
            self.forget(id);
        }
        self.order.retain(|id| !ids.contains(id));
    }

    /// Puts alerts that were taken over into the order of their raising.
    pub fn sort(&mut self) {
        let created = |id: &AlertId| self.alerts.get(id).map_or(0, |known| known.facts.created_ms);
        self.order.make_contiguous().sort_by_key(created);
    }

    fn add(&mut self, header: &Header, facts: Facts, base: State) {
        self.enter(facts.group, base.status.is_closed());
        if let Some(mute) = base.muted.and_then(|number| self.mutes.get_mut(&number)) {
            mute.hidden += 1;
        }
        let entries = self.early.remove(&header.id).map(Box::new);
        let has_entries = entries.is_some();
        let base = if base == *self.untouched { self.untouched.clone() } else { Arc::new(base) };
        let state = base.clone();
        self.alerts.insert(header.id.clone(), Known { facts, base, entries, state });
        self.order.push_back(header.id.clone());
        if has_entries {
            self.refold(&header.id);
        }
    }

    fn forget(&mut self, id: &AlertId) {
        if let Some(known) = self.alerts.remove(id) {
            self.leave(known.facts.group, known.state.status.is_closed());
        }
    }

    fn enter(&mut self, group: u64, is_closed: bool) {
        let group = self.groups.entry(group).or_default();
        group.members += 1;
        group.unclosed += u64::from(!is_closed);
    }

    fn leave(&mut self, name: u64, is_closed: bool) {
        let Some(group) = self.groups.get_mut(&name) else { return };
        group.members -= 1;
        group.unclosed -= u64::from(!is_closed);
        if group.members == 0 {
            self.groups.remove(&name);
        }
    }

    /// Takes an entry over. One that is known already changes nothing.
    pub fn apply(&mut self, entry: &Entry) {
        if self.entries.contains_key(&entry.number) {
            return;
        }
        self.next = self.next.max(entry.number + 1);
        match &entry.deed {
            Deed::Mute { scope, until } => {
                let mute = Mute {
                    number: entry.number,
                    scope: scope.clone(),
                    until: *until,
                    who: entry.who.clone(),
                    at: entry.at,
                    reason: entry.reason.clone(),
                    hidden: entry.alerts.len() as u64,
                    edited: None,
                    has_ended: false,
                    pattern: scope.pattern(),
                };
                self.mutes.insert(entry.number, mute);
            }
            Deed::Undo(number) => drop(self.undone.insert(*number, entry.number)),
            _ => {}
        }
        if let Deed::Unmute(number) | Deed::Undo(number) = &entry.deed
            && let Some(mute) = self.mutes.get_mut(number)
        {
            mute.has_ended = true;
        }
        self.entries.insert(entry.number, entry.clone());
        self.edit_mute(entry);
        for id in &entry.alerts {
            match self.alerts.get_mut(id) {
                Some(known) => {
                    known.entries.get_or_insert_default().push(entry.number);
                    self.refold(id);
                }
                None => self.early.entry(id.clone()).or_default().push(entry.number),
            }
        }
    }

    /// Folds what was done with a mute anew, where the entry changes it or takes a change back.
    fn edit_mute(&mut self, entry: &Entry) {
        let changed = match &entry.deed {
            Deed::EditMute { .. } => Some(&entry.deed),
            Deed::Undo(number) => self.entries.get(number).map(|entry| &entry.deed),
            _ => None,
        };
        let Some(Deed::EditMute { mute: number, .. }) = changed else { return };
        let (Some(mute), Some(made)) = (self.mutes.get_mut(number), self.entries.get(number)) else { return };
        let Deed::Mute { until, .. } = &made.deed else { return };
        (mute.until, mute.edited) = (*until, None);
        mute.reason.clone_from(&made.reason);
        for (own, entry) in self.entries.range(*number..) {
            if let Deed::EditMute { mute: of, until } = &entry.deed
                && of == number
                && !self.undone.contains_key(own)
            {
                (mute.until, mute.edited) = (*until, Some((entry.who.clone(), entry.at)));
                mute.reason.clone_from(&entry.reason);
            }
        }
    }

    /// Folds the entries of one alert anew.
    fn refold(&mut self, id: &AlertId) {
        let Some(known) = self.alerts.get(id) else { return };
        let (state, closed) = self.fold(known, |_| true);
        let Some(known) = self.alerts.get_mut(id) else { return };
        let was_closed = known.state.status.is_closed();
        let is_closed = state.status.is_closed();
        known.state = if state == *self.untouched { self.untouched.clone() } else { Arc::new(state) };
        if let Some(group) = self.groups.get_mut(&known.facts.group) {
            group.unclosed = group.unclosed + u64::from(was_closed && !is_closed) - u64::from(is_closed && !was_closed);
            if is_closed {
                group.closed = closed;
            }
        }
    }

    /// Where an alert stands by the entries that are wanted, and who closed it.
    fn fold(&self, known: &Known, is_wanted: impl Fn(u64) -> bool) -> (State, Option<Again>) {
        let mut state = State::clone(&known.base);
        let mut closed = None;
        let wanted = known.entries().iter().filter(|number| is_wanted(**number));
        for entry in wanted.filter_map(|number| self.entries.get(number)) {
            if entry.deed != Deed::Comment {
                state.revision = entry.number;
            }
            if self.is_undone_on(known, entry) {
                continue;
            }
            match &entry.deed {
                Deed::Acknowledge => state.status = Status::Acknowledged,
                Deed::Close(verdict) => {
                    state.status = Status::Closed(*verdict);
                    closed = Some(Again { since: entry.at, who: entry.who.clone(), verdict: *verdict });
                }
                Deed::Comment => state.comments += 1,
                Deed::Own => state.owner = Some(entry.who.clone()),
                Deed::Release => state.owner = None,
                Deed::Mute { .. } => state.muted = Some(entry.number),
                Deed::Unmute(_) => state.muted = None,
                Deed::EditMute { .. } => {}
                // What it takes back is skipped above; a mute that held at the raising is not an entry of the alert.
                Deed::Undo(number) => state.muted = state.muted.filter(|muted| muted != number),
            }
        }
        (state, closed)
    }

    /// The mutes that ran out since they were asked for the last time.
    pub fn expire(&mut self, now: DateTime<Utc>) -> Vec<Mute> {
        let mut ended = Vec::new();
        for mute in self.mutes.values_mut().filter(|mute| !mute.has_ended && mute.until.is_some_and(|until| until <= now)) {
            mute.has_ended = true;
            ended.push(mute.clone());
        }
        ended
    }
}
