//! A part of a list, found a piece at a time: a filter over all alerts takes a while, and alerts come and change meanwhile. What
//! comes and changes is told to whoever asked as it happens; here it is enough that nothing is missed that stays as it is.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use crate::feed::page::{Key, Listing, Page};
use crate::filter::Filter;
use crate::filter::listed::Listed;
use crate::roster::Roster;

/// How many alerts a page has at most: as many as a console holds.
const PAGE: u64 = 6000;

/// A part of a list that is being looked for.
#[derive(Debug)]
pub struct Scan {
    listing: Listing,
    /// `None` lets nothing through.
    filter: Option<Filter>,
    /// Down to which place it has been read.
    at: Option<Key>,
    /// The groups that were met.
    groups: HashSet<u64>,
    found: Vec<Key>,
    /// How many there are beyond those, as far as it was read.
    more: u64,
}

impl Scan {
    /// Nothing read yet; without a filter nothing will be found.
    pub fn new(listing: Listing, filter: Option<Filter>) -> Self {
        let mut scan = Self { listing, filter, at: None, groups: HashSet::new(), found: Vec::new(), more: 0 };
        // Which of a group is shown follows from those above it.
        scan.at = scan.listing.below.filter(|_| !scan.is_folded());
        scan
    }

    /// Whether repeats are folded here: a filter may hide the one that stands for all.
    fn is_folded(&self) -> bool {
        self.listing.kinds_only && self.is_slow()
    }

    /// Whether every alert has to be looked at.
    pub fn is_slow(&self) -> bool {
        self.listing.host.is_some() || self.filter.as_ref().is_some_and(|filter| !filter.is_empty())
    }

    /// Answers a question that was asked again under its new token; false if it is another question.
    pub fn goes_on_as(&mut self, again: &Self) -> bool {
        let Listing { token, most, .. } = again.listing;
        let is_same = Listing { token, most, ..self.listing.clone() } == again.listing;
        if is_same {
            self.listing.token = token;
        }
        is_same
    }

    fn keys<'a>(&self, alerts: &'a Roster) -> &'a [Key] {
        match (self.listing.kinds_only, self.is_slow()) {
            (false, _) => &alerts.all,
            (true, false) => &alerts.kinds,
            // Of a group the worst and newest is shown that the filter lets through.
            (true, true) => &alerts.open,
        }
    }

    /// Reads on, so many alerts at most; true where there is no more to read.
    pub fn read(&mut self, alerts: &Roster, now: DateTime<Utc>, count: usize) -> bool {
        if self.filter.is_none() {
            return true;
        }
        let keys = self.keys(alerts);
        let end = self.at.map_or(keys.len(), |at| keys.partition_point(|key| *key < at));
        let most = usize::try_from(self.listing.most.min(PAGE)).unwrap_or_default().max(1);
        let is_counted = self.listing.below.is_none() && self.is_slow();
        for key in keys[..end].iter().rev().take(count) {
            self.at = Some(*key);
            match self.is_wanted(*key, alerts, now) {
                false => {}
                true if self.found.len() < most => self.found.push(*key),
                true => self.more += 1,
            }
            if self.more > 0 && !is_counted {
                return true;
            }
        }
        end <= count
    }

    fn is_wanted(&mut self, key: Key, alerts: &Roster, now: DateTime<Utc>) -> bool {
        let (Some(filter), Some(entry)) = (&self.filter, alerts.entries.get(&key.1)) else { return false };
        let is_on_host = self.listing.host.as_ref().is_none_or(|host| entry.header.host == *host);
        if !is_on_host || !filter.matches(&Listed { header: &entry.header, state: &entry.state, now }) {
            return false;
        }
        let is_first = !self.is_folded() || alerts.ledger.group(&entry.header.id).is_some_and(|group| self.groups.insert(group));
        is_first && self.listing.below.is_none_or(|below| key < below)
    }

    /// What was found, for somebody who knows the triage log from an entry on.
    pub fn page(&self, alerts: &Roster, log_from: u64) -> Page {
        let found = self.found.len() as u64;
        let matches = if self.is_slow() || self.filter.is_none() { found + self.more } else { self.keys(alerts).len() as u64 };
        Page {
            token: self.listing.token,
            alerts: self.found.iter().filter_map(|key| alerts.standing(key.1, log_from)).collect(),
            matches: self.listing.below.is_none().then_some(matches),
            horizon: self.found.last().copied().filter(|_| self.more > 0),
        }
    }
}
