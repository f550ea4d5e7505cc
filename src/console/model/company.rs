//! A console that is not alone: how the way to the collector fares, who else looks, and how a snapshot takes the place of what
//! was known while the user stays where they were.

use chrono::{DateTime, TimeDelta, Utc};

use crate::alert::AlertId;
use crate::console::keys::action::Action;
use crate::console::model::near::NearMisses;
use crate::console::model::older::Older;
use crate::console::model::screen::{Screen, Selection};
use crate::console::model::{Effect, Model};
use crate::feed::page::Horizons;
use crate::feed::{Link, Request, Snapshot};
use crate::triage::viewer::{Role, Viewer};

/// What is said when the collector did not wait for this console.
const RESYNCED: &str = "this console fell behind and was resynced";

/// The company.
#[derive(Debug, Default)]
pub struct Company {
    /// Everybody who looks, this console included.
    pub viewers: Vec<Viewer>,
    /// Which of them is this console.
    own: u64,
    role: Option<Role>,
    /// Since when nothing was heard from the collector, and why, where that is so.
    pub stale: Option<Stale>,
    /// How much of a snapshot is here: so many of so many alerts.
    pub loading: Option<(u64, u64)>,
    /// Where the user was before the snapshot.
    place: Option<Place>,
    looked: Option<AlertId>,
}

/// The collector is not heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// Since when.
    pub since: DateTime<Utc>,
    /// Why, where that is known.
    pub why: Option<String>,
    /// Whether it was never heard.
    pub is_first: bool,
}

/// Whether an action changes something for others too.
pub(super) fn is_act(action: Action) -> bool {
    matches!(
        action,
        Action::Acknowledge | Action::Own | Action::Undo | Action::Verdict | Action::Comment | Action::Mute | Action::Reload
    )
}

/// Where the user was, by the ids of alerts: their numbers may change.
#[derive(Debug)]
struct Place {
    selected: Option<AlertId>,
    stack: Vec<(Screen, Option<AlertId>)>,
    /// Where that led so far; who is elsewhere went there meanwhile, and stays.
    led_to: Option<(Selection<u64>, Vec<Screen>)>,
}

impl Company {
    /// A console that waits for a collector elsewhere.
    pub fn waiting(now: DateTime<Utc>) -> Self {
        Self { stale: Some(Stale { since: now, why: None, is_first: true }), ..Self::default() }
    }

    /// The people at other consoles.
    pub fn others(&self) -> impl Iterator<Item = &Viewer> {
        self.viewers.iter().filter(|viewer| viewer.is_console && viewer.id != self.own)
    }
}

impl Model {
    pub(super) fn hear_link(&mut self, link: Link) {
        match link {
            Link::Up { who, role, viewer } => {
                self.config.who = who;
                self.company.own = viewer;
                self.company.role = Some(role);
                if self.company.stale.take().is_some() {
                    // What failed for want of a collector is over.
                    self.said.take_if(|(text, is_wrong)| *is_wrong && text != RESYNCED);
                }
                self.company.looked = None;
            }
            Link::Silent(silent) => self.hear_silence(silent, None),
            Link::Down { why, silent } => {
                self.hear_silence(silent, Some(why));
                self.miss_answer();
            }
        }
    }

    fn hear_silence(&mut self, silent: std::time::Duration, why: Option<String>) {
        let since = self.now - TimeDelta::from_std(silent).unwrap_or_default();
        match &mut self.company.stale {
            Some(stale) => stale.why = why.or(stale.why.take()),
            None => self.company.stale = Some(Stale { since, why, is_first: false }),
        }
    }

    /// What the role does not allow is said at once, and not asked.
    pub(super) fn forbids(&mut self, action: Action) -> bool {
        let is_forbidden = is_act(action) && self.company.role == Some(Role::Viewer);
        if is_forbidden {
            self.said = Some(("your role is viewer: you can look, an analyst acts".to_owned(), true));
        }
        is_forbidden
    }

    /// Whether the role allows to act; if not, that is said.
    pub(super) fn may_act(&mut self) -> bool {
        !self.forbids(Action::Mute)
    }

    /// Tells those who look too which alert is open here.
    pub(super) fn look(&mut self) -> Option<Effect> {
        let in_front = match self.stack.last() {
            Some(Screen::Alert { number, .. }) => self.alerts.get(*number).map(|entry| entry.header.id.clone()),
            _ => None,
        };
        if in_front == self.company.looked || self.company.stale.is_some() || self.company.others().next().is_none() {
            return None;
        }
        self.company.looked.clone_from(&in_front);
        Some(Effect::Ask(Request::Look(in_front)))
    }

    pub(super) fn hear_snapshot(&mut self, snapshot: &Snapshot) {
        if snapshot.is_first {
            self.begin_anew(snapshot);
        }
        if let Some(tally) = &snapshot.tally {
            self.alerts.hear_tally(tally, !self.filter.is_empty());
        }
        for entry in &snapshot.entries {
            self.alerts.apply(entry, &self.filter, self.now);
        }
        for standing in &snapshot.alerts {
            self.alerts.take_over(standing, &self.filter, self.now);
        }
        let here = self.alerts.len() as u64;
        self.company.loading = (!snapshot.is_last).then_some((here, snapshot.total));
        self.restore_place();
        self.find_done(snapshot);
        if snapshot.is_last {
            self.alerts.taken_over();
            self.count_older();
            self.settle_dialog();
            self.alerts.set_horizons(if self.filter.is_empty() { snapshot.horizons } else { Horizons::default() });
            self.want_place();
        }
    }

    /// The alert that was open may be further down than a snapshot goes.
    fn want_place(&mut self) {
        let Some((Screen::Alert { .. }, Some(id))) = self.company.place.take().and_then(|place| place.stack.into_iter().last())
        else {
            return;
        };
        if self.alerts.number_of(&id).is_none() && self.alerts.is_missing_some() {
            self.want(id);
        }
    }

    fn begin_anew(&mut self, snapshot: &Snapshot) {
        self.company.place = Some(self.place());
        self.alerts = super::roster_of(&self.config);
        self.pages.begin_anew(!self.filter.is_empty());
        self.alerts.begin_at(snapshot.next);
        self.hosts.clear();
        self.events.clear();
        self.older = Older::default();
        self.event_bytes = 0;
        self.near_misses = NearMisses::default();
        self.left_out = 0;
        self.rejected.clear();
        self.notices.clear();
        self.per_minute = snapshot.per_minute.iter().copied().collect();
        self.asked = None;
        (self.marks, self.doing) = (None, None);
        self.alert = Selection::default();
        self.new_above = 0;
        if snapshot.is_resync {
            self.said = Some((RESYNCED.to_owned(), true));
        }
        self.keep_dialog();
    }

    fn place(&self) -> Place {
        let id = |number: u64| self.alerts.get(number).map(|entry| entry.header.id.clone());
        let of_screen = |screen: &Screen| match screen {
            Screen::Alert { number, .. } => id(*number),
            Screen::Host { alert, .. } | Screen::Lateral { alert } => alert.and_then(id),
            Screen::Event { .. } | Screen::BadFrames { .. } => None,
        };
        Place {
            selected: self.alert.what.filter(|_| self.alert.is_chosen).and_then(id),
            stack: self.stack.iter().map(|screen| (screen.clone(), of_screen(screen))).collect(),
            led_to: None,
        }
    }

    /// Puts the user back where they were, as far as the alerts are here already.
    fn restore_place(&mut self) {
        let Some(place) = &self.company.place else { return };
        if place.led_to.as_ref().is_some_and(|(alert, stack)| (alert, stack) != (&self.alert, &self.stack)) {
            self.company.place = None;
            return;
        }
        let number = |id: &Option<AlertId>| id.as_ref().and_then(|id| self.alerts.number_of(id));
        if let Some(number) = number(&place.selected) {
            self.alert = Selection { what: Some(number), is_chosen: true };
        }
        let screens = place.stack.iter().filter_map(|(screen, id)| match screen {
            Screen::Alert { with_repeats, section, scroll, .. } => {
                number(id).map(|number| Screen::Alert { number, with_repeats: *with_repeats, section: *section, scroll: *scroll })
            }
            Screen::Host { host, .. } => Some(Screen::Host { host: host.clone(), alert: number(id) }),
            Screen::Lateral { .. } => Some(Screen::Lateral { alert: number(id) }),
            // The tail began anew.
            Screen::Event { .. } | Screen::BadFrames { .. } => None,
        });
        self.stack = screens.collect();
        if let Some(place) = &mut self.company.place {
            place.led_to = Some((self.alert.clone(), self.stack.clone()));
        }
    }
}
