//! The time window: all lists show only what is not older. It is part of the filter in force, so that counts, pages, exports and
//! what is hidden follow. The hosts stay: they tell how things are now.

use chrono::TimeDelta;

use crate::console::model::Model;
use crate::console::model::older::Older;
use crate::console::model::screen::Selection;
use crate::filter::Filter;

/// How far back the lists go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Window {
    /// The last 15 minutes.
    Quarter,
    /// The last hour.
    Hour,
    /// The last 4 hours.
    FourHours,
    /// The last day.
    Day,
    /// The last week.
    Week,
    /// As far as there is anything.
    #[default]
    All,
}

impl Window {
    const ALL: [Self; 6] = [Self::Quarter, Self::Hour, Self::FourHours, Self::Day, Self::Week, Self::All];

    /// How long it is, in minutes; nothing where it has no end.
    pub fn minutes(self) -> Option<usize> {
        match self {
            Self::Quarter => Some(15),
            Self::Hour => Some(60),
            Self::FourHours => Some(4 * 60),
            Self::Day => Some(24 * 60),
            Self::Week => Some(7 * 24 * 60),
            Self::All => None,
        }
    }

    /// How long it is, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Quarter => "15 min",
            Self::Hour => "1 h",
            Self::FourHours => "4 h",
            Self::Day => "24 h",
            Self::Week => "7 d",
            Self::All => "all",
        }
    }

    fn span(self) -> Option<TimeDelta> {
        self.minutes().map(|minutes| TimeDelta::minutes(minutes as i64))
    }

    /// A filter, within the window.
    fn with(self, filter: &str) -> String {
        match (self.minutes(), filter) {
            (None, _) => filter.to_owned(),
            (Some(minutes), "") => format!("since:{minutes}m"),
            // Words bind closer than `or`.
            (Some(minutes), _) => format!("since:{minutes}m ({filter})"),
        }
    }
}

impl Model {
    /// The next narrower or wider window.
    pub(super) fn step_window(&mut self, is_wider: bool) {
        let place = Window::ALL.iter().position(|own| *own == self.window).unwrap_or_default();
        let next = if is_wider { Some(place + 1) } else { place.checked_sub(1) };
        match next.and_then(|place| Window::ALL.get(place)) {
            Some(window) => self.set_window(*window),
            None if is_wider => self.hint = Some("all is shown, whatever its age"),
            None => self.hint = Some("there is no narrower window"),
        }
    }

    pub(super) fn set_window(&mut self, window: Window) {
        self.window = window;
        self.apply_filter();
        let text = window.minutes().map_or_else(
            || "all is shown, whatever its age".to_owned(),
            |_| format!("the lists show the last {}", window.words()),
        );
        self.said = Some((text, false));
    }

    /// Puts the filter as typed and the window into force.
    pub(super) fn apply_filter(&mut self) {
        let text = self.window.with(&self.filter_text);
        let (Ok(own), Ok(filter)) = (Filter::parse(&self.filter_text), Filter::parse(&text)) else { return };
        (self.own_filter, self.filter, self.in_force) = (own, filter, text);
        self.alerts.refilter(&self.filter, self.now);
        self.count_older();
        self.filtered = self.now;
        self.older = Older::default();
        self.pages.refiltered();
        self.alert = Selection::default();
        self.new_above = 0;
        self.prune_marks();
    }

    /// What the window hides and what waits for somebody is told.
    pub(super) fn count_older(&mut self) {
        if let Some(span) = self.window.span() {
            self.alerts.hide_older(span, self.now);
        }
    }

    /// What has become too old leaves the lists, once a second, unless the picture is frozen.
    pub(super) fn pass_time(&mut self) {
        if self.held.is_some() || self.now - self.filtered < TimeDelta::seconds(1) {
            return;
        }
        let before = std::mem::replace(&mut self.filtered, self.now);
        self.stay_near(|model| model.alerts.pass_time(&model.filter, before, model.now));
    }
}
