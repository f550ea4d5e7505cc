//! Marked rows: an act is about all of them at once. Marks belong to the list they were made in, as it is filtered: elsewhere they
//! are not seen, and not acted on. Where all that match are marked, it is all that there are, held here or not; what comes
//! later is not among them.

use std::collections::BTreeMap;

use crate::alert::AlertId;
use crate::console::model::Model;
use crate::console::model::screen::{Pane, Screen, Tab};
use crate::event::names::HostName;
use crate::feed::marked::{Marked, Which};
use crate::roster::Entry;
use crate::roster::marked::Gather;

/// A list of alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listing {
    /// Those that wait, repeats folded.
    Open,
    /// All.
    All,
    /// Those of a host.
    Host(HostName),
}

/// The marks of a list.
#[derive(Debug, Clone)]
pub(super) struct Marks {
    list: Listing,
    filter: String,
    /// Set where all that match are marked: what was raised before the alert of this number.
    all_before: Option<u64>,
    /// The rows that are marked; of all, those that are not. A row is told by its group where repeats are folded, else by the
    /// number of its alert.
    rows: BTreeMap<u64, AlertId>,
}

impl Model {
    /// The list that the keys move in.
    fn list_in_hand(&self) -> Option<Listing> {
        match (self.stack.last(), self.tab, self.pane) {
            (Some(Screen::Host { host, .. }), ..) => Some(Listing::Host(host.clone())),
            (None, Tab::Triage, Pane::Alerts) => Some(Listing::Open),
            (None, Tab::Alerts, _) => Some(Listing::All),
            _ => None,
        }
    }

    /// Whether there is anything to mark here.
    pub(super) fn has_list(&self) -> bool {
        self.list_in_hand().is_some() && self.front().is_some()
    }

    /// The marks that hold in a list as it is filtered now.
    fn marks_of(&self, list: &Listing) -> Option<&Marks> {
        self.marks.as_ref().filter(|marks| marks.list == *list && marks.filter == self.in_force)
    }

    fn row_of(&self, entry: &Entry, list: &Listing) -> Option<u64> {
        if *list == Listing::Open { self.alerts.ledger.group(&entry.header.id) } else { Some(entry.number) }
    }

    /// Whether a row of a list is marked.
    pub fn is_marked(&self, entry: &Entry, list: &Listing) -> bool {
        let Some(marks) = self.marks_of(list) else { return false };
        let Some(row) = self.row_of(entry, list) else { return false };
        match marks.all_before {
            Some(before) => !marks.rows.contains_key(&row) && self.is_before(entry, list, before),
            None => marks.rows.contains_key(&row),
        }
    }

    /// Whether a row was there when all were marked: of repeats, whether any was.
    fn is_before(&self, entry: &Entry, list: &Listing, before: u64) -> bool {
        entry.number < before || (*list == Listing::Open && self.alerts.repeats(entry).any(|own| own.number < before))
    }

    /// How many rows of a list are marked.
    pub fn marked_in(&self, list: &Listing) -> usize {
        let Some(marks) = self.marks_of(list) else { return 0 };
        let Some(before) = marks.all_before else { return marks.rows.len() };
        let except = marks.rows.keys().filter(|row| self.has_row(list, **row)).count();
        let is_new = |entry: &&Entry| !self.is_before(entry, list, before);
        let (new, total) = match list {
            Listing::Host(host) => {
                let held = self.alerts.of_host(host);
                let told = self.pages.count_of(host).and_then(|told| usize::try_from(told).ok()).unwrap_or(0);
                (held.iter().copied().filter(is_new).count(), held.len().max(told))
            }
            Listing::Open | Listing::All => {
                let is_folded = *list == Listing::Open;
                (self.alerts.rows(is_folded).raised_from(before).filter(is_new).count(), self.alerts.total(is_folded))
            }
        };
        total.saturating_sub(new + except)
    }

    /// Whether a list has a row.
    fn has_row(&self, list: &Listing, row: u64) -> bool {
        match list {
            Listing::Open => self.alerts.is_shown(row),
            Listing::All => self.alerts.rows(false).place_of(row).is_some(),
            Listing::Host(_) => self.alerts.is_listed(row),
        }
    }

    /// Marks go with the rows that they were on, while these are listed as they were then. What is left out of all stays left
    /// out: it may come back.
    pub(super) fn prune_marks(&mut self) {
        let is_current = |marks: &mut Marks| marks.filter == self.in_force && marks.all_before.is_none();
        let Some(mut marks) = self.marks.take_if(is_current) else { return };
        marks.rows.retain(|row, _| self.has_row(&marks.list, *row));
        self.marks = Some(marks);
    }

    /// How many rows are marked in the list in hand: acts are about them.
    pub fn marked_rows(&self) -> usize {
        self.list_in_hand().map_or(0, |list| self.marked_in(&list))
    }

    /// How many alerts are marked, repeats and those that are not held here included, as far as that is known.
    pub(super) fn marked_alerts(&self) -> usize {
        let Some(list) = self.list_in_hand() else { return 0 };
        let with_repeats = |marks: &&Marks| list == Listing::Open && marks.all_before.is_none();
        let Some(marks) = self.marks_of(&list).filter(with_repeats) else { return self.marked_in(&list) };
        let entries = marks.rows.values().filter_map(|id| self.alerts.get(self.alerts.number_of(id)?));
        entries.map(|entry| self.alerts.alike_count(entry)).sum()
    }

    /// Marks the selected row, or takes its mark off, and goes on to the next.
    pub(super) fn mark(&mut self) {
        let (Some(list), Some(entry)) = (self.list_in_hand(), self.front()) else {
            self.hint = Some(self.no_mark());
            return;
        };
        let (Some(row), id) = (self.row_of(entry, &list), entry.header.id.clone()) else { return };
        let all_before = self.marks_of(&list).and_then(|marks| marks.all_before);
        if all_before.is_some_and(|before| !self.is_before(entry, &list, before)) {
            self.hint = Some("this came after all were marked; X takes the marks off, and again marks it too");
            return;
        }
        if self.marks_of(&list).is_none() {
            let filter = self.in_force.clone();
            self.marks = Some(Marks { list, filter, all_before: None, rows: BTreeMap::new() });
        }
        if let Some(marks) = &mut self.marks
            && marks.rows.remove(&row).is_none()
        {
            marks.rows.insert(row, id);
        }
        self.move_by(1);
    }

    /// A key that is held goes over the rows and toggles nothing back.
    pub(super) fn mark_on(&mut self) {
        let is_marked = match (self.list_in_hand(), self.front()) {
            (Some(list), Some(entry)) => self.is_marked(entry, &list),
            _ => true,
        };
        if is_marked { self.move_by(1) } else { self.mark() }
    }

    fn no_mark(&self) -> &'static str {
        match (self.stack.last(), self.tab) {
            (Some(Screen::Alert { .. }), _) => "rows are marked in a list; what is done here is done to this alert",
            (None, Tab::Triage) if self.pane == Pane::Hosts => "hosts are not marked; tab goes to the alerts",
            (None, Tab::Triage | Tab::Alerts) | (Some(Screen::Host { .. }), _) => "nothing to mark here yet",
            _ => "nothing to mark here: 1 and 2 list alerts",
        }
    }

    /// Marks all that the list has, as it is filtered; again: none.
    pub(super) fn mark_all(&mut self) {
        let (Some(list), true) = (self.list_in_hand(), self.front().is_some()) else {
            self.hint = Some(self.no_mark());
            return;
        };
        if self.marks_of(&list).is_some_and(|marks| marks.all_before.is_some()) {
            self.marks = None;
            return;
        }
        let (filter, next) = (self.in_force.clone(), self.alerts.next_number());
        self.marks = Some(Marks { list, filter, all_before: Some(next), rows: BTreeMap::new() });
    }

    /// Takes all marks off; whether there were any here.
    pub(super) fn unmark(&mut self) -> bool {
        let had = self.marked_rows() > 0;
        if had {
            self.marks = None;
        }
        had
    }

    /// What is marked here, as the collector is told of it.
    pub(super) fn marked(&self) -> Option<Marked> {
        let list = self.list_in_hand()?;
        let marks = self.marks_of(&list).filter(|_| self.marked_in(&list) > 0)?;
        let ids = marks.rows.values().cloned().collect();
        let host = if let Listing::Host(host) = &list { Some(host.clone()) } else { None };
        let which = match marks.all_before {
            None => Which::These(ids),
            Some(_) => Which::Listed { filter: self.in_force.clone(), host, except: ids },
        };
        Some(Marked {
            which,
            with_repeats: list == Listing::Open,
            before: marks.all_before.unwrap_or_else(|| self.alerts.next_number()),
            seen: self.alerts.ledger.next_number().saturating_sub(1),
        })
    }

    /// The marked alerts as far as they are held here.
    pub(super) fn gather_marked(&self, marked: Marked) -> Gather {
        Gather::all(marked, Some(self.filter.clone()), &self.alerts, self.now)
    }

    /// Alerts with which it would be lost that they are marked, or are not.
    pub(super) fn marked_numbers(&self) -> impl Iterator<Item = u64> {
        let ids = self.marks.iter().flat_map(|marks| marks.rows.values());
        ids.filter_map(|id| self.alerts.number_of(id))
    }
}
