//! A console that holds a part of the alerts: which pages of the lists it asks the collector for, and when. One question at a
//! time; the answer to an older one never moves what is shown.

use std::collections::HashSet;

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::AlertId;
use crate::console::model::screen::{Screen, Tab};
use crate::console::model::{Effect, Model};
use crate::event::names::HostName;
use crate::feed::Request;
use crate::feed::page::{Key, Listing, Page};

/// How many alerts are asked for at once, at least.
const PAGE: u64 = 500;
/// After how long a question is asked again that was not answered.
const PATIENCE: TimeDelta = TimeDelta::seconds(5);
/// How often the top of the lists is asked for anew at most because something is missing, and how often it is counted what a
/// filter lets through.
const REFRESH_EVERY: TimeDelta = TimeDelta::seconds(1);
const COUNT_EVERY: TimeDelta = TimeDelta::seconds(2);
/// How many rows below the selected one are always there, where there are any.
const AHEAD: usize = 100;

/// What a page is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Purpose {
    /// The next part of a list: of all alerts, or (`true`) of the kinds that wait.
    List(bool),
    /// Only how many alerts that list has.
    Count(bool),
    /// Alerts of a screen of its own.
    Besides,
    /// This alert is to be opened.
    Open(AlertId),
}

/// A question that is asked next.
#[derive(Debug)]
struct Question {
    purpose: Purpose,
    filter: String,
    host: Option<HostName>,
    below: Option<Key>,
}

/// A question that was asked.
#[derive(Debug, Clone)]
struct Asked {
    token: u64,
    purpose: Purpose,
    filter: String,
    below: Option<Key>,
    at: DateTime<Utc>,
}

impl Asked {
    /// Whether the answer is of use under this filter.
    fn is_of(&self, filter: &str) -> bool {
        !matches!(self.purpose, Purpose::List(_) | Purpose::Count(_)) || self.filter == filter
    }
}

/// The questions.
#[derive(Debug, Default)]
pub struct Pages {
    asked: Option<Asked>,
    /// Whether the top of each list is known under the filter: of all alerts, of the kinds that wait.
    is_top_known: [bool; 2],
    /// Whose alerts were asked for besides, and how many there are where that is more than one page.
    host: Option<HostName>,
    of_host: Option<u64>,
    has_linked: bool,
    wanted: Option<AlertId>,
    /// Whether a new snapshot is wanted, and when it was asked for.
    wants_snapshot: bool,
    snapshot_asked: Option<DateTime<Utc>>,
    refreshed: Option<DateTime<Utc>>,
    counted: Option<DateTime<Utc>>,
}

impl Pages {
    /// A snapshot came: it is the top of both lists where nothing is filtered.
    pub(super) fn begin_anew(&mut self, is_filtered: bool) {
        *self = Self { is_top_known: [!is_filtered; 2], ..Self::default() };
    }

    /// What is held is no longer what there is.
    pub(super) fn want_snapshot(&mut self) {
        (self.wants_snapshot, self.snapshot_asked) = (true, None);
    }

    /// Another filter.
    pub(super) fn refiltered(&mut self) {
        self.is_top_known = [false; 2];
    }

    /// What was not answered is missing as it was before.
    fn ask_again(&mut self, asked: Asked) {
        match asked.purpose {
            Purpose::List(list) => self.is_top_known[usize::from(list)] &= asked.below.is_some(),
            Purpose::Count(_) => self.counted = None,
            Purpose::Besides => (self.host, self.has_linked) = (None, false),
            Purpose::Open(id) => self.wanted = Some(id),
        }
    }

    /// Whether what the lists show may not be all yet.
    pub fn is_asking(&self) -> bool {
        self.asked.is_some()
    }

    /// How many alerts a host has, where more than one page of them was told.
    pub fn count_of(&self, host: &HostName) -> Option<u64> {
        self.of_host.filter(|_| self.host.as_ref() == Some(host))
    }
}

impl Model {
    /// Asks for a new snapshot, where too much waited behind a frozen picture; until it comes nothing else is asked.
    pub(super) fn missing_snapshot(&mut self) -> Option<Effect> {
        let is_wanted = self.pages.wants_snapshot && self.company.stale.is_none();
        if !is_wanted || !is_due(self.pages.snapshot_asked, self.now, PATIENCE) {
            return None;
        }
        self.pages.snapshot_asked = Some(self.now);
        Some(Effect::Ask(Request::Snapshot))
    }

    /// The next question to the collector, where something is missing here.
    pub(super) fn missing_page(&mut self) -> Option<Effect> {
        let is_elsewhere = self.company.stale.is_some() || self.company.loading.is_some() || self.has_held_snapshot();
        if !self.alerts.is_part() || is_elsewhere || self.pages.wants_snapshot {
            return None;
        }
        let kept = self.kept();
        self.alerts.shed(&kept);
        if let Some(asked) = self.pages.asked.take_if(|asked| asked.is_of(&self.in_force)) {
            if self.now - asked.at < PATIENCE {
                self.pages.asked = Some(asked);
                return None;
            }
            self.pages.ask_again(asked);
        }
        let Question { purpose, filter, host, below } = self.next_question()?;
        let token = self.next_token;
        self.next_token += 1;
        let kinds_only = matches!(purpose, Purpose::List(true) | Purpose::Count(true));
        let most = match purpose {
            Purpose::Count(_) => 1,
            // What is there already is asked for again with the top, so that nobody who scrolled down loses their place.
            Purpose::List(_) if below.is_none() => PAGE.max(self.alerts.rows(kinds_only).len() as u64),
            _ => PAGE,
        };
        self.pages.asked = Some(Asked { token, purpose, filter: filter.clone(), below, at: self.now });
        self.alerts.begin_page();
        Some(Effect::Ask(Request::List(Listing { token, filter, host, kinds_only, below, most })))
    }

    fn next_question(&mut self) -> Option<Question> {
        self.next_besides().or_else(|| self.next_page()).or_else(|| self.next_count())
    }

    /// What is asked for besides the lists.
    fn next_besides(&mut self) -> Option<Question> {
        let question = |purpose, filter| Question { purpose, filter, host: None, below: None };
        if let Some(id) = self.pages.wanted.take() {
            let filter = format!("id:{id}");
            return Some(question(Purpose::Open(id), filter));
        }
        let is_lateral = matches!(self.stack.last(), Some(Screen::Lateral { .. }));
        if is_lateral && !std::mem::replace(&mut self.pages.has_linked, true) {
            return Some(question(Purpose::Besides, "is:linked".to_owned()));
        }
        let Some(Screen::Host { host, .. }) = self.stack.last() else { return None };
        if self.pages.host.as_ref() == Some(host) {
            return None;
        }
        self.pages.of_host = None;
        self.pages.host = Some(host.clone());
        Some(Question { host: Some(host.clone()), ..question(Purpose::Besides, String::new()) })
    }

    /// What the lists lack.
    fn next_page(&mut self) -> Option<Question> {
        if is_due(self.pages.refreshed, self.now, REFRESH_EVERY) && self.alerts.take_missing() {
            self.pages.refreshed = Some(self.now);
            self.pages.is_top_known = [false; 2];
        }
        let question = |list, below| {
            let filter = self.in_force.clone();
            Some(Question { purpose: Purpose::List(list), filter, host: None, below })
        };
        let kinds_only = self.tab != Tab::Alerts;
        // The other list after the one in front: how many match is told of all.
        for list in [kinds_only, !kinds_only] {
            if !std::mem::replace(&mut self.pages.is_top_known[usize::from(list)], true) {
                return question(list, None);
            }
        }
        let below = self.alerts.horizon(kinds_only)?;
        let rows = self.alerts.rows(kinds_only);
        let ahead = self.selected_alert().map_or(rows.len(), |number| rows.count_below(number));
        let is_wanted = ahead < AHEAD && !self.alerts.is_full();
        if is_wanted { question(kinds_only, Some(below)) } else { None }
    }

    /// What a filter lets through is counted anew as alerts come and go, where more of it is elsewhere.
    fn next_count(&mut self) -> Option<Question> {
        if self.in_force.is_empty() || !is_due(self.pages.counted, self.now, COUNT_EVERY) {
            return None;
        }
        let list = [false, true].into_iter().find(|list| self.alerts.is_count_old(*list))?;
        self.pages.counted = Some(self.now);
        Some(Question { purpose: Purpose::Count(list), filter: self.in_force.clone(), host: None, below: None })
    }

    pub(super) fn hear_page(&mut self, page: &Page) {
        if page.is_unasked() {
            return self.alerts.hear_page(page, &self.filter, self.now);
        }
        let Some(asked) = self.pages.asked.take_if(|asked| asked.token == page.token) else { return };
        self.alerts.hear_page(page, &self.filter, self.now);
        let is_current = asked.is_of(&self.in_force);
        match asked.purpose {
            Purpose::List(kinds_only) if is_current => self.alerts.extend_to(page, kinds_only, asked.below),
            Purpose::Count(kinds_only) if is_current => self.alerts.count_matches(page, kinds_only),
            Purpose::List(_) | Purpose::Count(_) => {}
            Purpose::Besides => {
                if matches!(self.stack.last(), Some(Screen::Host { .. })) {
                    self.pages.of_host = page.matches.filter(|_| page.horizon.is_some());
                }
            }
            Purpose::Open(id) => match self.alerts.number_of(&id) {
                Some(number) => self.open_alert(Some(number)),
                None => self.hint = Some("the collector holds this alert no more; wefwatch alerts finds stored ones"),
            },
        }
    }

    /// Asks for an alert that is not held here, and opens it then.
    pub(super) fn want(&mut self, id: AlertId) {
        self.hint = Some("asking the collector for this alert …");
        self.pages.wanted = Some(id);
    }

    /// The alerts that must not go while the user looks at them.
    fn kept(&self) -> HashSet<u64> {
        let of_screen = |screen: &Screen| match screen {
            Screen::Alert { number, .. } => Some(*number),
            Screen::Host { alert, .. } | Screen::Lateral { alert } => *alert,
            Screen::Event { .. } | Screen::BadFrames { .. } => None,
        };
        self.stack.iter().filter_map(of_screen).chain(self.alert.what).chain(self.marked_numbers()).collect()
    }
}

/// Whether something that is done every so often may be done now.
fn is_due(last: Option<DateTime<Utc>>, now: DateTime<Utc>, every: TimeDelta) -> bool {
    last.is_none_or(|last| now - last >= every)
}

#[cfg(test)]
mod tests;
