//! Events that the tail holds no more, from the archive: which part of them is held, and what is asked for next.
//!
//! ```text
//! archive   |‥‥‥‥‥‥‥[ older rows ]‥‥‥‥‥‥‥‥‥‥‥‥|
//! tail                             gap?  [ held events ] <- what comes
//! ```
//!
//! What is held is bounded: where there is too much, what is further from the selected event goes. So there may be a gap up to
//! the held events; these are not shown then, as if nothing lay between, but read on to, or gone back to at once (`G`).

use std::collections::VecDeque;

use chrono::{DateTime, TimeDelta, Utc};

use crate::console::model::hearing::EVENT_BYTES;
use crate::console::model::screen::{Selection, Tab};
use crate::console::model::tail::TailLine;
use crate::console::model::{Effect, Model};
use crate::feed::Request;
use crate::feed::stored::{Side, Stored, Wanted};

/// How many older events are held at most, and how many are asked for at once.
const HELD: usize = 5000;
const PAGE: u64 = 500;
/// With how many rows above the selected one more is asked for.
const AHEAD: usize = 50;
/// After how long an answer is waited for no more.
const PATIENCE: TimeDelta = TimeDelta::seconds(5);

/// Which events are wanted next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    /// Those before the oldest that is shown.
    Older,
    /// Those that follow the newest of the older ones.
    Newer,
    /// The oldest of all.
    First,
}

/// A question that was asked.
#[derive(Debug)]
struct Asked {
    token: u64,
    wish: Wish,
    at: DateTime<Utc>,
}

/// The older events.
#[derive(Debug, Default)]
pub struct Older {
    rows: VecDeque<TailLine>,
    bytes: usize,
    /// Down to which number the archive was looked through, where that is further than the first row.
    reached: Option<u64>,
    /// Whether there is nothing older.
    is_start: bool,
    /// Up to which number it was looked through, where more may lie between that and the held events.
    gap: Option<u64>,
    wish: Option<Wish>,
    asked: Option<Asked>,
    /// How far the last question looked, while it goes on.
    looked_to: Option<DateTime<Utc>>,
    /// From where on the search for the first goes on.
    first_from: u64,
    /// Why there is no archive.
    absent: Option<String>,
}

impl Older {
    /// How many are held.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether none is held.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Whether there is nothing older than what is shown.
    pub fn is_start(&self) -> bool {
        self.is_start
    }

    /// Whether there are events between these and those of the tail.
    pub fn has_gap(&self) -> bool {
        self.gap.is_some()
    }

    /// Whether an answer is waited for.
    pub fn is_asking(&self) -> bool {
        self.asked.is_some() || self.wish.is_some()
    }

    /// How far a search has looked that has found nothing yet.
    pub fn looked_to(&self) -> Option<DateTime<Utc>> {
        self.looked_to
    }

    /// Those that are held, oldest first.
    pub(super) fn rows(&self) -> impl DoubleEndedIterator<Item = &TailLine> {
        self.rows.iter()
    }

    /// An event has left the tail; while older ones are looked at it joins them.
    pub(super) fn take_over(&mut self, oldest: TailLine, selected: Option<u64>) {
        if self.gap.is_some() {
            return;
        }
        if self.rows.is_empty() && !self.is_asking() {
            // Now there is something older than what is held.
            (self.reached, self.is_start) = (None, false);
            return;
        }
        self.bytes += oldest.line.xml.len();
        self.rows.push_back(oldest);
        self.bound(selected);
    }

    /// Events between these and the tail were never told here.
    pub(super) fn leave_gap(&mut self) {
        if self.rows.is_empty() {
            (self.reached, self.is_start) = (None, false);
        }
        if self.gap.is_none() {
            self.gap = self.rows.back().map(|row| row.number);
        }
    }

    /// Lets go of what is too much, away from the selected event.
    fn bound(&mut self, selected: Option<u64>) {
        while self.rows.len() > HELD || self.bytes > EVENT_BYTES {
            let middle = self.rows.get(self.rows.len() / 2).map_or(0, |row| row.number);
            let is_above = selected.is_none_or(|number| number < middle);
            let Some(gone) = (if is_above { self.rows.pop_back() } else { self.rows.pop_front() }) else { return };
            self.bytes -= gone.line.xml.len();
            if is_above {
                self.gap = self.rows.back().map(|row| row.number);
            } else {
                (self.reached, self.is_start) = (Some(gone.number + 1), false);
            }
        }
    }

    fn prepend(&mut self, lines: &Stored) {
        let front = self.rows.front().map_or(u64::MAX, |row| row.number);
        for row in rows_of(lines).rev().filter(|row| row.number < front) {
            self.bytes += row.line.xml.len();
            self.rows.push_front(row);
        }
    }

    fn append(&mut self, lines: &Stored, held_from: u64) {
        let back = self.rows.back().map(|row| row.number);
        for row in rows_of(lines).filter(|row| row.number < held_from && back.is_none_or(|back| row.number > back)) {
            self.bytes += row.line.xml.len();
            self.rows.push_back(row);
        }
        let is_all = lines.is_end || lines.reached.is_none_or(|reached| reached + 1 >= held_from);
        self.gap = if is_all { None } else { lines.reached };
    }
}

fn rows_of(stored: &Stored) -> impl DoubleEndedIterator<Item = TailLine> {
    stored.lines.iter().map(|(at, line)| TailLine { number: line.number, at: *at, line: line.clone() })
}

impl Model {
    /// The keys go up or down in the events, from a place to another: whether more of them is wanted.
    pub(super) fn want_events(&mut self, by: isize, place: Option<usize>, count: usize) {
        let is_first = by <= isize::MIN / 2;
        if by < 0 && !self.older.is_start && (is_first || place.is_none_or(|place| place < AHEAD)) {
            let is_there = self.newest_status().archive.is_some();
            if self.config.is_replay || (self.older.absent.is_some() && !is_there) {
                return self.say_not_kept();
            }
            self.older.wish = Some(if is_first { Wish::First } else { Wish::Older });
            self.older.first_from = 0;
        } else if by > 0 && self.older.has_gap() && place.is_some_and(|place| place + AHEAD > count) {
            self.older.wish = Some(Wish::Newer);
        }
    }

    /// At the oldest event that is held, it is told why there is nothing before it.
    fn say_not_kept(&mut self) {
        let rows = self.event_rows();
        let Some(oldest) = rows.first().filter(|_| self.event_place(&rows) == Some(0)) else { return };
        let time = crate::console::view::style::clock(oldest.line.time, self.is_utc, "%H:%M:%S");
        let why = self.older.absent.as_deref().unwrap_or("a replay stores no events");
        self.said = Some((format!("events before {time} are not kept ({why})"), false));
    }

    /// Lets go of older events once nobody looks at them, and asks for what is wanted.
    pub(super) fn missing_events(&mut self) -> Option<Effect> {
        if self.older.asked.take_if(|asked| self.now - asked.at >= PATIENCE).is_some() {
            self.said = Some(("the collector did not answer about older events; try again".to_owned(), true));
        }
        if !self.event.is_chosen && !self.older.is_asking() && !self.older.is_empty() {
            self.older = Older::default();
        }
        if self.older.asked.is_some() {
            return None;
        }
        let wish = self.older.wish.take().filter(|_| self.tab == Tab::Events)?;
        let oldest = self.older.rows.front().or(self.events.front()).map(|row| row.number);
        let side = match wish {
            Wish::Older => Side::Before(self.older.reached.or(oldest).unwrap_or(u64::MAX)),
            Wish::Newer => Side::After(self.older.gap?),
            Wish::First => Side::After(self.older.first_from),
        };
        let token = self.next_token;
        self.next_token += 1;
        self.older.asked = Some(Asked { token, wish, at: self.now });
        let (filter, now) = (self.in_force.clone(), self.filtered);
        Some(Effect::Ask(Request::Events(Wanted { token, filter, now, side, most: PAGE })))
    }

    pub(super) fn hear_stored(&mut self, stored: &Stored) {
        let Some(Asked { wish, .. }) = self.older.asked.take_if(|asked| asked.token == stored.token) else { return };
        if let Some(problem) = &stored.problem {
            self.said = Some((format!("the archive of events cannot be read: {problem}"), true));
            return;
        }
        self.older.absent.clone_from(&stored.absent);
        if stored.absent.is_some() {
            return self.say_not_kept();
        }
        let goes_on = stored.lines.is_empty() && !stored.is_end;
        self.older.looked_to = stored.reached_at.filter(|_| goes_on);
        let held_from = self.events.front().map_or(u64::MAX, |row| row.number);
        let older = &mut self.older;
        match wish {
            Wish::Older => {
                older.prepend(stored);
                older.reached = stored.reached.or(older.reached);
                older.is_start = stored.is_end;
            }
            Wish::Newer => older.append(stored, held_from),
            Wish::First if goes_on => older.first_from = stored.reached.unwrap_or(u64::MAX),
            Wish::First => {
                *older = Older { is_start: true, ..Older::default() };
                older.append(stored, held_from);
            }
        }
        // What was typed meanwhile counts; the same once more was answered now.
        if goes_on {
            self.older.wish.get_or_insert(wish);
            return;
        }
        self.older.wish.take_if(|own| *own == wish);
        self.select_stored(wish);
        self.older.bound(self.event.what);
    }

    /// The selected event stays the selected one, but for who wanted the first of all, or had none to select.
    fn select_stored(&mut self, wish: Wish) {
        let number = match wish {
            Wish::First => self.event_rows().first().map(|row| row.number),
            _ if self.event.is_chosen => return,
            _ => self.older.rows.back().map(|row| row.number),
        };
        if number.is_some() {
            self.event = Selection { what: number, is_chosen: true };
        }
    }
}
