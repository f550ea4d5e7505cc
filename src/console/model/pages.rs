//! A console that holds a part of the alerts: which pages of the lists it asks the collector for, and when. One question at a
//! time; the answer to an older one never moves what is shown.

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::AlertId;
use crate::console::model::screen::{Screen, Tab};
use crate::console::model::{Effect, Model};
use crate::event::names::HostName;
use crate::feed::{Key, Listing, Page, Request};

/// How many alerts are asked for at once, at least.
const PAGE: u64 = 500;
/// After how long a question is asked again that was not answered.
const PATIENCE: TimeDelta = TimeDelta::seconds(5);
/// How many rows below the selected one are always there, where there are any.
const AHEAD: usize = 100;

/// What a page is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Purpose {
    /// The next part of a list: of all alerts, or (`true`) of the kinds that wait.
    List(bool),
    /// Alerts of a screen of its own.
    Besides,
    /// This alert is to be opened.
    Open(AlertId),
}

/// A question that was asked.
#[derive(Debug, Clone)]
struct Asked {
    token: u64,
    purpose: Purpose,
    filter: String,
    at: DateTime<Utc>,
}

/// The questions.
#[derive(Debug, Default)]
pub struct Pages {
    asked: Option<Asked>,
    /// Whether the top of each list is known under the filter: of all alerts, of the kinds that wait.
    is_top_known: [bool; 2],
    /// Whose alerts were asked for besides.
    host: Option<HostName>,
    has_linked: bool,
    wanted: Option<AlertId>,
}

impl Pages {
    /// A snapshot came: it is the top of both lists where nothing is filtered.
    pub(super) fn begin_anew(&mut self, is_filtered: bool) {
        *self = Self { is_top_known: [!is_filtered; 2], ..Self::default() };
    }

    /// Another filter.
    pub(super) fn refiltered(&mut self) {
        self.is_top_known = [false; 2];
    }

    /// Whether what the list shows may not be all yet.
    pub fn is_asking(&self) -> bool {
        self.asked.is_some()
    }
}

impl Model {
    /// The next question to the collector, where something is missing here.
    pub(super) fn missing_page(&mut self) -> Option<Effect> {
        if !self.alerts.is_part() || self.company.stale.is_some() || self.company.loading.is_some() {
            return None;
        }
        let kept = self.kept();
        self.alerts.shed(&kept);
        if self.pages.asked.as_ref().is_some_and(|asked| self.now - asked.at < PATIENCE) {
            return None;
        }
        let (purpose, filter, below) = self.next_page()?;
        let token = self.next_token;
        self.next_token += 1;
        let kinds_only = purpose == Purpose::List(true);
        // What is there already is asked for again with the top, so that nobody who scrolled down loses their place.
        let most = PAGE.max(if below.is_none() { self.alerts.rows(kinds_only).len() as u64 } else { 0 });
        self.pages.asked = Some(Asked { token, purpose, filter: filter.clone(), at: self.now });
        Some(Effect::Ask(Request::List(Listing { token, filter, kinds_only, below, most })))
    }

    fn next_page(&mut self) -> Option<(Purpose, String, Option<Key>)> {
        if let Some(id) = self.pages.wanted.take() {
            let filter = format!("id:{id}");
            return Some((Purpose::Open(id), filter, None));
        }
        if self.alerts.take_missing() {
            self.pages.refiltered();
        }
        let is_lateral = matches!(self.stack.last(), Some(Screen::Lateral { .. }));
        if is_lateral && !std::mem::replace(&mut self.pages.has_linked, is_lateral) {
            return Some((Purpose::Besides, "is:linked".to_owned(), None));
        }
        if let Some(Screen::Host { host, .. }) = self.stack.last()
            && self.pages.host.as_ref() != Some(host)
        {
            let host = host.clone();
            let filter = format!("host:\"{host}\"");
            self.pages.host = Some(host);
            return Some((Purpose::Besides, filter, None));
        }
        let kinds_only = self.tab != Tab::Alerts;
        // The other list after the one in front: how many match is told of all.
        for list in [kinds_only, !kinds_only] {
            if !std::mem::replace(&mut self.pages.is_top_known[usize::from(list)], true) {
                return Some((Purpose::List(list), self.filter_text.clone(), None));
            }
        }
        let below = self.alerts.horizon(kinds_only)?;
        let rows = self.alerts.rows(kinds_only);
        let ahead = self.selected_alert().map_or(rows.len(), |number| rows.count_below(number));
        let is_wanted = ahead < AHEAD && !self.alerts.is_full();
        is_wanted.then(|| (Purpose::List(kinds_only), self.filter_text.clone(), Some(below)))
    }

    pub(super) fn hear_page(&mut self, page: &Page) {
        if page.token == 0 {
            // An alert that happened again, told unasked.
            return self.alerts.hear_page(page, &self.filter, self.now);
        }
        let Some(asked) = self.pages.asked.take_if(|asked| asked.token == page.token) else { return };
        self.alerts.hear_page(page, &self.filter, self.now);
        if let Purpose::List(kinds_only) = asked.purpose
            && asked.filter == self.filter_text
        {
            self.alerts.extend_to(page, kinds_only, None);
        }
        if let Purpose::Open(id) = asked.purpose {
            match self.alerts.number_of(&id) {
                Some(number) => self.open_alert(Some(number)),
                None => self.hint = Some("the collector holds this alert no more; wefwatch alerts finds stored ones"),
            }
        }
    }

    /// Asks for an alert that is not held here, and opens it then.
    pub(super) fn want(&mut self, id: AlertId) {
        self.hint = Some("asking the collector for this alert …");
        self.pages.wanted = Some(id);
    }

    /// The alerts that must not go while the user looks at them.
    fn kept(&self) -> Vec<u64> {
        let of_screen = |screen: &Screen| match screen {
            Screen::Alert { number, .. } => Some(*number),
            Screen::Host { alert, .. } | Screen::Lateral { alert } => *alert,
            Screen::Event { .. } | Screen::BadFrames { .. } => None,
        };
        self.stack.iter().filter_map(of_screen).chain(self.alert.what).collect()
    }
}
