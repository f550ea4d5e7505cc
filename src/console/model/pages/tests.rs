//! A console that holds a part of the alerts, and what it asks.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::alert::Severity;
use crate::alert::header::testing::header;
use crate::console::Config;
use crate::console::keys::Keymap;
use crate::console::model::Message;
use crate::console::model::screen::Selection;
use crate::console::theme::Theme;
use crate::feed::marked::{MarkedCount, Which};
use crate::feed::page::{Horizons, Standing, Tally};
use crate::feed::{Change, Link, Snapshot, Update};
use crate::triage::many::Outcome;
use crate::triage::viewer::Role;
use crate::triage::{Deed, State};

fn standing(number: u64) -> Standing {
    let header = header(&format!("{number:032}"), &format!("h{number}"), "10.0.0.1", 0);
    Standing { number, header: Arc::new(header), base: State::default() }
}

fn page(token: u64, numbers: std::ops::Range<u64>, matches: Option<u64>, is_end: bool) -> Change {
    let alerts: Vec<Standing> = numbers.rev().map(standing).collect();
    let horizon = alerts.last().filter(|_| !is_end).map(|last| (Severity::High, last.number));
    Change::Listed(Box::new(Page { token, alerts, matches, horizon }))
}

fn tally(alerts: u64) -> Tally {
    Tally { alerts, kinds: alerts, ..Tally::default() }
}

/// A collector with 10,000 alerts has told the newest 500.
fn snapshot(is_resync: bool) -> Change {
    let place = Some((Severity::High, 9500));
    Change::Snapshot(Box::new(Snapshot {
        is_first: true,
        is_last: true,
        is_resync,
        total: 500,
        horizons: Horizons { all: place, kinds: place },
        tally: Some(Box::new(tally(10_000))),
        next: 10_000,
        per_minute: Vec::new(),
        entries: Vec::new(),
        alerts: (9500..10_000).map(standing).collect(),
    }))
}

/// A console, and the time.
struct Desk {
    model: Model,
    second: i64,
}

impl Desk {
    fn new() -> Self {
        let config = Config {
            max_alerts: 5000,
            max_evidence: 10,
            max_events: 10,
            utc: true,
            listeners: Vec::new(),
            is_replay: false,
            is_attached: true,
            who: "bob".to_owned(),
            keys: Keymap::default(),
            theme: Theme::Dark,
            notify: crate::console::notify::Notify::Off,
            has_truecolor: false,
            asks_ground: false,
            is_ascii: false,
            record: |_| String::new(),
            never_again: None,
            mouse: false,
        };
        let mut desk = Self { model: Model::new(config, (120, 36), DateTime::UNIX_EPOCH), second: 0 };
        let link = Link::Up { who: "bob".to_owned(), role: Role::Analyst, viewer: 1 };
        desk.lists(Message::Link(link));
        desk.tell(snapshot(false));
        desk
    }

    /// What it asks of the lists when that happens.
    fn lists(&mut self, message: Message) -> Vec<Listing> {
        let effects = self.model.update(message).into_iter();
        let lists =
            effects.filter_map(|effect| if let Effect::Ask(Request::List(listing)) = effect { Some(listing) } else { None });
        lists.collect()
    }

    fn tell(&mut self, change: Change) -> Vec<Listing> {
        let update = Update { seq: 0, at: DateTime::UNIX_EPOCH, change };
        self.lists(Message::Update(Arc::new(update)))
    }

    fn key(&mut self, code: KeyCode) -> Vec<Listing> {
        self.lists(Message::Key(KeyEvent::new(code, KeyModifiers::NONE)))
    }

    fn filter(&mut self, text: &str) -> Vec<Listing> {
        self.key(KeyCode::Char('/'));
        let asked = text.chars().flat_map(|letter| self.key(KeyCode::Char(letter))).collect();
        self.key(KeyCode::Enter);
        asked
    }

    fn wait(&mut self, seconds: i64) -> Vec<Listing> {
        self.second += seconds;
        let now = DateTime::from_timestamp(self.second, 0).unwrap();
        self.lists(Message::Tick(now))
    }
}

/// Answers the one question that was asked.
fn one(mut asked: Vec<Listing>) -> Listing {
    assert_eq!(asked.len(), 1, "{asked:?}");
    asked.remove(0)
}

#[test]
fn what_is_not_answered_is_asked_again() {
    let mut desk = Desk::new();
    let first = desk.filter("host:h1").pop().unwrap();
    assert_eq!((first.below, desk.wait(4).len()), (None, 0));
    let again = one(desk.wait(2));
    assert_eq!((&again.filter, again.kinds_only, again.below), (&first.filter, first.kinds_only, None));
    // The answer to the first is late, and moves nothing.
    assert_eq!(desk.tell(page(first.token, 1..2, Some(1), true)).len(), 0);
    assert_eq!(desk.model.alerts.rows(true).len(), 0);
    let other = one(desk.tell(page(again.token, 1..2, Some(1), true)));
    assert_eq!((desk.model.alerts.rows(true).len(), other.kinds_only), (1, false));
}

#[test]
fn another_filter_does_not_wait_for_the_answer_to_the_first() {
    let mut desk = Desk::new();
    let filters: Vec<String> = desk.filter("h12").into_iter().map(|listing| listing.filter).collect();
    assert_eq!(filters, ["h", "h1", "h12"]);
}

#[test]
fn a_frozen_picture_piles_no_answers_up() {
    let mut desk = Desk::new();
    desk.key(KeyCode::Char(' '));
    let mut asked = desk.filter("host:h1").pop();
    let mut count = 0;
    while let Some(listing) = asked {
        count += 1;
        asked = desk.tell(page(listing.token, 1..2, Some(1), true)).pop();
    }
    assert_eq!((count, desk.model.paused(), desk.model.alerts.rows(true).len()), (2, Some((0, 0)), 1));
    assert_eq!(desk.wait(60).len(), 0);
    // What the collector tells of another run waits, and nothing is asked about it before it shows.
    desk.tell(snapshot(true));
    assert_eq!(desk.filter("h2").len(), 0);
}

#[test]
fn what_a_filter_lets_through_is_counted_as_alerts_come() {
    let mut desk = Desk::new();
    let kinds = desk.filter("h").pop().unwrap();
    let all = one(desk.tell(page(kinds.token, 9000..9500, Some(10_000), false)));
    assert_eq!(desk.tell(page(all.token, 9000..9500, Some(10_000), false)).len(), 0);
    assert_eq!((desk.model.alerts.total(false), desk.wait(9).len()), (10_000, 0));
    let all = one(desk.tell(Change::Tally(Box::new(tally(10_001)))));
    assert_eq!((all.kinds_only, all.below, all.most), (false, None, 1));
    desk.tell(page(all.token, 9999..10_000, Some(10_001), false));
    assert_eq!(desk.model.alerts.total(false), 10_001);
    // Only its end was asked for: the list goes as far as before.
    assert_eq!(desk.model.alerts.rows(false).len(), 1000);
}

#[test]
fn an_alert_that_was_open_is_open_after_a_resync() {
    let mut desk = Desk::new();
    desk.model.want(AlertId(format!("{:032}", 3).into()));
    let wanted = one(desk.wait(1));
    desk.tell(page(wanted.token, 3..4, Some(1), true));
    assert_eq!(desk.model.selected_alert(), Some(3));
    let wanted = one(desk.tell(snapshot(true)));
    assert_eq!(wanted.filter, format!("id:{:032}", 3));
    desk.tell(page(wanted.token, 3..4, Some(1), true));
    assert!(matches!(desk.model.stack.last(), Some(Screen::Alert { number: 3, .. })));
    // Where it stands in the list of all is known only once the list goes down to it.
    assert_eq!(desk.model.alerts.place(3), None);
}

#[test]
fn who_moves_while_a_snapshot_comes_stays_where_they_went() {
    for (keys, is_moved) in [(&[][..], false), (&[KeyCode::Down], true), (&[KeyCode::Enter], true)] {
        let mut desk = Desk::new();
        desk.model.alert = Selection { what: Some(9990), is_chosen: true };
        let Change::Snapshot(whole) = snapshot(true) else { unreachable!() };
        let piece = |first: bool, numbers: std::ops::Range<u64>| {
            Change::Snapshot(Box::new(Snapshot {
                is_first: first,
                is_last: !first,
                alerts: numbers.map(standing).collect(),
                ..(*whole).clone()
            }))
        };
        desk.tell(piece(true, 9900..10_000));
        assert_eq!(desk.model.selected_alert(), Some(9990));
        for key in keys {
            desk.key(*key);
        }
        let went = (desk.model.selected_alert(), desk.model.stack.clone());
        desk.tell(piece(false, 9500..9900));
        assert_eq!((desk.model.selected_alert(), desk.model.stack.clone()), went, "{keys:?}");
        assert_eq!(went != (Some(9990), Vec::new()), is_moved, "{keys:?}");
    }
}

#[test]
fn the_alerts_of_a_host_are_asked_for_by_its_name() {
    let mut desk = Desk::new();
    let host = HostName::fold("h1\" or h2");
    desk.model.stack.push(Screen::Host { host: host.clone(), alert: None });
    let asked = one(desk.wait(1));
    assert_eq!((asked.host.as_ref(), asked.filter.as_str()), (Some(&host), ""));
    desk.tell(page(asked.token, 1..1, Some(0), true));
    assert_eq!(desk.model.pages.count_of(&host), None);
}

#[test]
fn an_export_says_how_many_alerts_are_not_here() {
    let mut desk = Desk::new();
    desk.key(KeyCode::Char('2'));
    desk.key(KeyCode::Char('e'));
    desk.key(KeyCode::Down);
    desk.key(KeyCode::Enter);
    // The collector has no evidence of any of them.
    (0..5).for_each(|_| drop(desk.wait(1)));
    desk.lists(Message::Written(Ok(())));
    let said = desk.model.said.map(|(text, _)| text).unwrap_or_default();
    assert!(said.starts_with("wrote 500 ") && said.contains("; 9500 more are not here"), "{said}");
}

#[test]
fn the_time_window_is_part_of_what_is_asked_for() {
    let mut desk = Desk::new();
    let [asked] = &desk.key(KeyCode::Char('['))[..] else { panic!("one question") };
    assert_eq!(asked.filter, "since:10080m");
    let token = asked.token;
    let asked = desk.tell(page(token, 9990..10_000, Some(10), true));
    // The other list.
    let [asked] = &asked[..] else { panic!("one question") };
    desk.tell(page(asked.token, 9990..10_000, Some(10), true));
    let asked = desk.filter("host:dc or host:h");
    let last = asked.last().expect("it is asked for");
    assert!(last.filter.starts_with("since:10080m (host:"), "{}", last.filter);
}

#[test]
fn what_is_marked_is_counted_by_the_collector_before_it_is_acted_on() {
    let mut desk = Desk::new();
    let ask = |desk: &mut Desk, key| {
        let effects = desk.model.update(Message::Key(KeyEvent::new(key, KeyModifiers::NONE)));
        effects.into_iter().find_map(|effect| if let Effect::Ask(request) = effect { Some(request) } else { None })
    };
    desk.key(KeyCode::Char('X'));
    let marked_here = |desk: &Desk| desk.model.marked_in(&crate::console::model::marks::Listing::Open);
    assert_eq!(marked_here(&desk), 10_000, "all that there are, not what is here");
    desk.key(KeyCode::Char('x'));
    assert_eq!(marked_here(&desk), 9_999);
    let Some(Request::CountMarked { token, marked }) = ask(&mut desk, KeyCode::Char('a')) else { panic!("it is counted") };
    assert_eq!((marked.before, marked.with_repeats), (10_000, true));
    let Which::Listed { except, .. } = &marked.which else { panic!("{marked:?}") };
    assert_eq!(except.len(), 1);
    // Nothing is done before it was said how many it is.
    assert_eq!(ask(&mut desk, KeyCode::Enter), None);
    desk.tell(Change::Counted { token, count: MarkedCount { rows: 9_999, alerts: 12_000 } });
    let Some(Request::ActOnMarked { act, expected, marked: acted }) = ask(&mut desk, KeyCode::Enter) else { panic!("an act") };
    assert_eq!((act.deed, act.targets.len(), expected, acted), (Deed::Acknowledge, 0, 12_000, marked));
    let part = |done, left, after| Outcome { token: act.token, who: "bob".to_owned(), done, left, after };
    desk.tell(Change::Outcome(part(2000, Vec::new(), 9_900)));
    assert_eq!(desk.model.said.clone().unwrap().0, "acknowledge 12,000 alerts: 2,000 so far …");
    desk.tell(Change::Outcome(part(9_800, vec![("eve acknowledged".to_owned(), 100)], 0)));
    let said = desk.model.said.clone().unwrap().0;
    assert!(
        said.starts_with("acknowledged 11,800 of 12,000 alerts; 200 not: eve acknowledged (100), not as they were (100); u "),
        "{said}"
    );
    assert_eq!(marked_here(&desk), 0);
}

#[test]
fn too_much_behind_a_frozen_picture_is_told_anew_instead() {
    let mut desk = Desk::new();
    desk.key(KeyCode::Char(' '));
    for number in 1..=2500 {
        desk.tell(Change::Tally(Box::new(tally(10_000 + number))));
    }
    let waiting = |desk: &Desk| desk.model.held.as_ref().map(|held| held.lasting.len());
    assert_eq!((desk.model.paused(), waiting(&desk)), (Some((2500, 0)), Some(0)), "counted, and not kept");
    let snapshots = |effects: Vec<Effect>| effects.iter().filter(|effect| **effect == Effect::Ask(Request::Snapshot)).count();
    let space = || Message::Key(KeyEvent::new(KeyCode::Char(' '), KeyModifiers::NONE));
    assert_eq!(snapshots(desk.model.update(space())), 1);
    // Nothing else is asked until it comes; where it does not, it is asked for again.
    assert_eq!(desk.filter("h1").len(), 0);
    let later = |second| Message::Tick(DateTime::from_timestamp(second, 0).unwrap());
    assert_eq!(snapshots(desk.model.update(later(4))), 0);
    assert_eq!(snapshots(desk.model.update(later(5))), 1);
    assert_eq!(desk.tell(snapshot(false)).len(), 1);
    assert_eq!(snapshots(desk.model.update(later(20))), 0);
    // A snapshot that comes by itself takes the place of what waits, and little waits by itself.
    desk.key(KeyCode::Char(' '));
    (0..2500).for_each(|number| drop(desk.tell(Change::Tally(Box::new(tally(number))))));
    desk.tell(snapshot(true));
    desk.tell(Change::Tally(Box::new(tally(10_007))));
    assert_eq!((waiting(&desk), desk.model.paused_alerts()), (Some(2), (0, true)));
    assert_eq!(snapshots(desk.model.update(space())), 0);
    assert_eq!(desk.model.alerts.known(), 10_007);
}

#[test]
fn a_snapshot_within_a_time_window_tells_what_that_hides() {
    let mut desk = Desk::new();
    for _ in 0..5 {
        desk.key(KeyCode::Char('['));
    }
    desk.wait(24 * 3600);
    assert_eq!((desk.model.alerts.rows(false).len(), desk.model.outside_filter()), (0, Some((Severity::High, 500))));
    desk.tell(snapshot(true));
    assert_eq!((desk.model.alerts.rows(false).len(), desk.model.outside_filter()), (0, Some((Severity::High, 500))));
}
