//! A console that holds a part, beside the roster of all at the other end: whatever happens, what it shows is what is there.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::alert::Severity;
use crate::alert::header::testing::header;
use crate::feed::marked::{Marked, Which};
use crate::feed::page::{Horizons, Listing};
use crate::roster::marked::Gather;
use crate::roster::scan::Scan;
use crate::triage::{Deed, Verdict};

/// What can happen.
#[derive(Debug, Clone)]
enum Step {
    Raise {
        host: u8,
        severity: usize,
    },
    Link {
        which: usize,
        severity: usize,
    },
    /// A better pairing, which may be a repeat of others.
    Better {
        which: usize,
        source: u8,
    },
    /// So many seconds pass.
    Wait(i64),
    Do {
        which: usize,
        count: usize,
        deed: Deed,
    },
    Undo,
    Filter(&'static str),
    More {
        kinds_only: bool,
    },
    /// A page is asked for, and answered a while later.
    Ask {
        kinds_only: bool,
        is_top: bool,
    },
    Answer,
    Attach,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let deeds =
        prop_oneof![Just(Deed::Acknowledge), Just(Deed::Close(Verdict::BenignTrigger)), Just(Deed::Own), Just(Deed::Comment)];
    let step = prop_oneof![
        8 => (0..4_u8, 0..5_usize).prop_map(|(host, severity)| Step::Raise { host, severity }),
        2 => (any::<usize>(), 0..5_usize).prop_map(|(which, severity)| Step::Link { which, severity }),
        2 => (any::<usize>(), 1..4_u8).prop_map(|(which, source)| Step::Better { which, source }),
        1 => (1..40_i64).prop_map(Step::Wait),
        4 => (any::<usize>(), 1..6_usize, deeds).prop_map(|(which, count, deed)| Step::Do { which, count, deed }),
        1 => Just(Step::Undo),
        1 => prop::sample::select(vec!["", "host:h1", "is:open", "-sev:low", "is:acked", "owner:bob", "is:closed or is:new", "since:60s"]).prop_map(Step::Filter),
        2 => any::<bool>().prop_map(|kinds_only| Step::More { kinds_only }),
        1 => any::<(bool, bool)>().prop_map(|(kinds_only, is_top)| Step::Ask { kinds_only, is_top }),
        1 => Just(Step::Answer),
        1 => Just(Step::Attach),
    ];
    prop::collection::vec(step, 1..120)
}

struct Pair {
    whole: Roster,
    log: Vec<triage::Entry>,
    part: Roster,
    log_from: u64,
    text: &'static str,
    filter: Filter,
    all: Filter,
    /// The question that is being answered: for which list, from where on, and what was found.
    asked: Option<(bool, Option<Key>, Scan)>,
    now: DateTime<Utc>,
}

const HELD: usize = 12;

impl Pair {
    /// The whole remembers at most so many.
    fn new(most: usize) -> Self {
        let mut pair = Self {
            whole: Roster::of_whole(most),
            log: Vec::new(),
            part: Roster::of_part(HELD, 1),
            log_from: 0,
            text: "",
            filter: Filter::default(),
            all: Filter::default(),
            asked: None,
            now: DateTime::UNIX_EPOCH,
        };
        pair.attach();
        pair
    }

    /// A console comes, and hears the end of the log.
    fn attach(&mut self) {
        let _ = self.whole.take_tally();
        self.part = Roster::of_part(HELD, 1);
        self.part.begin_at(self.whole.next_number());
        self.part.hear_tally(&self.whole.tally(), false);
        let told = &self.log[self.log.len().saturating_sub(5)..];
        self.log_from = told.first().map_or(0, |entry| entry.number);
        told.iter().for_each(|entry| self.part.apply(entry, &self.all, self.now));
        let (numbers, horizons) = self.whole.beginning(HELD, 4);
        for number in numbers {
            let standing = self.whole.standing(number, self.log_from).expect("it is there");
            self.part.take_over(&standing, &self.all, self.now);
        }
        self.part.taken_over();
        self.part.set_horizons(horizons);
        (self.text, self.filter, self.asked) = ("", Filter::default(), None);
    }

    fn ask(&mut self, kinds_only: bool, below: Option<Key>) {
        let listing = Listing { token: 1, filter: self.text.to_owned(), host: None, kinds_only, below, most: 3 };
        self.asked = Some((kinds_only, below, Scan::new(listing, Some(self.filter.clone()))));
        self.part.begin_page();
    }

    /// A list with a filter is read while things happen.
    fn read_on(&mut self) {
        if let Some((.., scan)) = self.asked.as_mut().filter(|(.., scan)| scan.is_slow()) {
            scan.read(&self.whole, self.now, 2);
        }
    }

    fn answer(&mut self) {
        let Some((kinds_only, below, mut scan)) = self.asked.take() else { return };
        while !scan.read(&self.whole, self.now, 2) {}
        let page = scan.page(&self.whole, self.log_from);
        self.part.hear_page(&page, &self.filter, self.now);
        self.part.extend_to(&page, kinds_only, below);
    }

    fn tops(&mut self) {
        for kinds_only in [false, true] {
            self.ask(kinds_only, None);
            self.answer();
        }
    }

    fn raise(&mut self, number: usize, severity: usize, host: u8, action: Action) {
        let severity = Severity::ALL[severity];
        let header = header(&format!("{number:032}"), &format!("h{host}"), "10.0.0.1", number as i64);
        self.tell(Header { severity, created: self.now, ..header }, action);
    }

    fn tell(&mut self, header: Header, action: Action) {
        for roster in [&mut self.whole, &mut self.part] {
            let filter = if roster.is_part() { &self.filter } else { &self.all };
            roster.hear_header(&Arc::new(header.clone()), action, None, None, filter, self.now);
        }
        let id = header.id;
        let number = self.whole.number_of(&id).expect("it is there");
        if action == Action::Raised && self.whole.get(number).expect("it is there").state.again.is_some() {
            let alerts = vec![self.whole.standing(number, 0).expect("it is there")];
            let page = crate::feed::page::Page { token: 0, alerts, matches: None, horizon: None };
            self.part.hear_page(&page, &self.filter, self.now);
        }
    }

    fn entry(&mut self, deed: Deed, alerts: Vec<AlertId>) {
        let number = self.log.len() as u64 + 1;
        let entry = triage::Entry { number, at: self.now, who: "bob".to_owned(), deed, reason: String::new(), alerts, token: 0 };
        self.whole.apply(&entry, &self.all, self.now);
        self.part.apply(&entry, &self.filter, self.now);
        self.log.push(entry);
    }

    fn step(&mut self, step: &Step) {
        let (count, next) = (self.whole.len(), self.whole.next_number() as usize);
        let number_of = |which: usize| next - 1 - which % count;
        match step {
            Step::Raise { host, severity } => self.raise(next, *severity, *host, Action::Raised),
            Step::Link { which, severity } if count > 0 => {
                let number = number_of(*which);
                let header = self.whole.get(number as u64).expect("it is there").header.clone();
                let host = header.host.as_str().as_bytes()[1] - b'0';
                self.raise(number, *severity, host, Action::Updated);
            }
            Step::Better { which, source } if count > 0 => {
                let known = self.whole.get(number_of(*which) as u64).expect("it is there").header.clone();
                let source = format!("10.0.0.{source}");
                let like = header(&known.id.0, known.host.as_str(), &source, 0).like;
                self.tell(Header { like, ..Header::clone(&known) }, Action::Updated);
            }
            Step::Wait(seconds) => {
                let before = self.now;
                self.now += chrono::TimeDelta::seconds(*seconds);
                self.part.pass_time(&self.filter, before, self.now);
            }
            Step::Do { which, count: several, deed } if count > 0 => {
                let ids = (0..*several).filter_map(|place| self.whole.get((number_of(*which) + place) as u64));
                let ids = ids.map(|entry| entry.header.id.clone()).collect();
                self.entry(deed.clone(), ids);
            }
            Step::Undo => {
                let last = self.log.last().filter(|entry| !matches!(entry.deed, Deed::Undo(_)));
                if let Some((number, mut alerts)) = last.map(|entry| (entry.number, entry.alerts.clone())) {
                    // Of several, one may be left as it is.
                    alerts.truncate(alerts.len() - usize::from(alerts.len() > 2));
                    self.entry(Deed::Undo(number), alerts);
                }
            }
            Step::Filter(text) => {
                self.text = text;
                self.filter = Filter::parse(text).expect("a filter");
                self.part.refilter(&self.filter, self.now);
                self.tops();
            }
            Step::More { kinds_only } => {
                if let Some(below) = self.part.horizon(*kinds_only).filter(|_| !self.part.is_full()) {
                    self.ask(*kinds_only, Some(below));
                    self.answer();
                }
            }
            Step::Ask { kinds_only, is_top } => {
                let below = self.part.horizon(*kinds_only);
                if *is_top || below.is_some() {
                    self.ask(*kinds_only, below.filter(|_| !is_top));
                }
            }
            Step::Answer => self.answer(),
            Step::Attach => self.attach(),
            Step::Link { .. } | Step::Better { .. } | Step::Do { .. } => {}
        }
        if let Some(tally) = self.whole.take_tally() {
            self.part.hear_tally(&tally, !self.text.is_empty());
        }
        if self.part.take_missing() {
            self.answer();
            self.tops();
        }
        self.read_on();
        self.part.shed(&HashSet::new());
    }

    /// What a list shows: the number, where it stands, and how many repeats there are.
    fn rows(roster: &Roster, kinds_only: bool) -> Vec<(u64, Severity, State, usize)> {
        let rows = roster.rows(kinds_only);
        let row = |entry: &Entry| {
            let repeats = if kinds_only { roster.repeat_count(entry) } else { 0 };
            (entry.number, entry.header.severity, State::clone(&entry.state), repeats)
        };
        (0..rows.len()).filter_map(|place| rows.get(place)).map(row).collect()
    }

    fn check(&mut self) -> Result<(), TestCaseError> {
        self.whole.refilter(&self.filter, self.now);
        for kinds_only in [false, true] {
            let (all, here) = (Self::rows(&self.whole, kinds_only), Self::rows(&self.part, kinds_only));
            prop_assert_eq!(&all[..here.len().min(all.len())], &here[..]);
            if self.part.horizon(kinds_only).is_none() {
                prop_assert_eq!(all.len(), here.len());
            }
            if self.text.is_empty() {
                prop_assert_eq!(self.part.total(kinds_only), all.len());
            }
        }
        for severity in Severity::ALL {
            prop_assert_eq!(self.part.count_of_severity(severity), self.whole.count_of_severity(severity));
            for host in (0..4).map(|host| HostName::fold(&format!("h{host}"))) {
                prop_assert_eq!(self.part.count_of(&host, severity), self.whole.count_of(&host, severity));
            }
        }
        prop_assert!(self.part.len() <= HELD + HELD / 10 + 1);
        self.whole.refilter(&self.all, self.now);
        for with_repeats in [false, true] {
            self.check_marked(with_repeats)?;
        }
        Ok(())
    }

    /// All that a list has is marked, as a roster of all finds it a few at a time, and one that is filtered at once.
    fn check_marked(&mut self, with_repeats: bool) -> Result<(), TestCaseError> {
        let which = Which::Listed { filter: self.text.to_owned(), host: None, except: Vec::new() };
        let marked = Marked { which, with_repeats, before: u64::MAX, seen: 0 };
        let mut gather = Gather::new(marked.clone(), Some(self.filter.clone()));
        while !gather.read(&self.whole, self.now, 3) {}
        self.whole.refilter(&self.filter, self.now);
        let here = Gather::all(marked, Some(self.filter.clone()), &self.whole, self.now);
        let rows = self.whole.rows(with_repeats);
        prop_assert_eq!(here.count().rows, rows.len() as u64);
        let alerts = (0..rows.len()).filter_map(|place| rows.get(place));
        let alerts: usize = alerts.map(|entry| if with_repeats { self.whole.repeat_count(entry) } else { 1 }).sum();
        prop_assert_eq!(here.count().alerts, alerts as u64);
        prop_assert_eq!(gather.into_targets(), here.into_targets());
        self.whole.refilter(&self.all, self.now);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_part_shows_what_the_whole_has(steps in steps()) {
        let mut pair = Pair::new(40);
        for step in &steps {
            pair.step(step);
            pair.check()?;
        }
    }
}

#[test]
fn a_part_begins_with_kinds_and_ends_at_its_horizon() {
    let mut pair = Pair::new(1000);
    (0..100).for_each(|number| pair.raise(number, number % 3, (number % 2) as u8, Action::Raised));
    pair.attach();
    assert_eq!(pair.part.len(), HELD);
    assert_eq!(pair.part.rows(true).len(), 2);
    assert_eq!(pair.part.horizon(true), None);
    // Both kinds are shown by their newest of the worst severity; then the worst of all.
    assert_eq!(pair.part.rows(false).len(), HELD);
    assert_eq!((pair.part.total(false), pair.part.known()), (100, 100));
    assert_ne!(pair.part.horizon(false), None);
    pair.part.set_horizons(Horizons::default());
    assert_eq!(pair.part.rows(false).len(), HELD);
}

#[test]
fn what_was_acted_on_together_stays_together() {
    let mut pair = Pair::new(1000);
    (0..6).for_each(|number| pair.raise(number, 1, 1, Action::Raised));
    pair.raise(6, 1, 2, Action::Raised);
    let id = |number: u64| AlertId(format!("{number:032}").into());
    let alike = |pair: &Pair, number| pair.whole.targets_like(&id(number)).into_iter().map(|own| own.alert).collect::<Vec<_>>();
    assert_eq!(alike(&pair, 0), (0..6).rev().map(id).collect::<Vec<_>>());
    pair.entry(Deed::Acknowledge, vec![id(0), id(1), id(2), id(6)]);
    assert_eq!(alike(&pair, 1), [id(2), id(1), id(0)], "another kind is not of them");
    assert_eq!(alike(&pair, 3), [id(5), id(4), id(3)]);
    pair.entry(Deed::Own, vec![id(1)]);
    assert_eq!((alike(&pair, 1), alike(&pair, 2)), (vec![id(1)], vec![id(2), id(0)]));
}

#[test]
fn an_alert_that_a_page_told_of_before_it_is_raised_keeps_the_numbers_in_step() {
    let (filter, now) = (Filter::default(), DateTime::UNIX_EPOCH);
    let told = |number: u64| Arc::new(header(&format!("{number:032}"), "h", "10.0.0.1", 0));
    let mut part = Roster::of_part(HELD, 1);
    part.begin_at(7);
    part.take_over(&Standing { number: 8, header: told(8), base: State::default() }, &filter, now);
    for number in 7..10 {
        part.add_header(&told(number), Action::Raised, None, &filter, now);
    }
    let number_of = |number: u64| part.number_of(&told(number).id);
    assert_eq!([7, 8, 9].map(number_of), [Some(7), Some(8), Some(9)]);
    assert_eq!((part.len(), part.rows(false).len()), (3, 3));
}

#[test]
fn a_console_may_begin_with_nothing() {
    let mut pair = Pair::new(1000);
    assert_eq!(pair.whole.beginning(0, 4), (Vec::new(), Horizons::default()));
    (0..3).for_each(|number| pair.raise(number, 1, 1, Action::Raised));
    let above_all = Some((Severity::Critical, u64::MAX));
    assert_eq!(pair.whole.beginning(0, 4), (Vec::new(), Horizons { all: above_all, kinds: above_all }));
}

#[test]
fn an_alert_that_is_forgotten_and_told_anew_is_no_new_one() {
    let mut pair = Pair::new(3);
    (0..5).for_each(|number| pair.raise(number, 1, 1, Action::Raised));
    let forgotten = Arc::new(header(&format!("{:032}", 0), "h1", "10.0.0.1", 0));
    for roster in [&mut pair.whole, &mut pair.part] {
        assert!(!roster.add_header(&forgotten, Action::Updated, None, &pair.all, pair.now));
    }
    assert_eq!((pair.whole.len(), pair.whole.next_number(), pair.part.next_number()), (3, 5, 5));
}

#[test]
fn a_link_that_is_no_more_is_listed_no_more() {
    let (filter, now) = (Filter::default(), DateTime::UNIX_EPOCH);
    let plain = header("a", "h", "10.0.0.1", 0);
    let end = |host: &str| crate::alert::link::Side {
        host: HostName::fold(host),
        computer: host.to_owned(),
        at: now,
        ip: [10, 0, 0, 1].into(),
        port: 5985,
        alerts: Vec::new(),
    };
    let hop = crate::alert::link::Hop { protocol: "tcp".to_owned(), from: end("g"), to: end("h") };
    let mut roster = Roster::new(10, 10);
    for (hops, count) in [(vec![hop], 1), (Vec::new(), 0)] {
        let header = Arc::new(Header { hops, ..plain.clone() });
        let action = if count == 1 { Action::Raised } else { Action::Updated };
        roster.add_header(&header, action, None, &filter, now);
        assert_eq!(roster.linked(&filter, now).count(), count);
    }
}

#[test]
fn a_kind_stays_in_a_time_window_with_what_is_left_of_it() {
    let mut pair = Pair::new(1000);
    // The first and worst of its kind is held; what came later is beyond the horizon.
    pair.raise(0, 0, 0, Action::Raised);
    pair.step(&Step::Wait(40));
    pair.raise(1, 3, 0, Action::Raised);
    (2..30).for_each(|number| pair.raise(number, 1, 1, Action::Raised));
    pair.attach();
    pair.step(&Step::Filter("since:60s"));
    assert_eq!(pair.part.rows(true).len(), 2);
    pair.step(&Step::Wait(30));
    assert_eq!(pair.part.rows(true).len(), 2, "the other one waits still");
}
