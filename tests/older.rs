//! Scrolling back beyond what the tail holds: what is asked of the archive, and what is shown of its answers.

#[allow(dead_code, reason = "the screens use the rest")]
#[path = "harness/scene.rs"]
mod scene;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use scene::{Scene, dawn, golden, key};
use wefwatch::console::model::{Effect, Message};
use wefwatch::feed::status::Status;
use wefwatch::feed::stored::{Side, Stored, Wanted};
use wefwatch::feed::{Change, EventLine, Request, Update};
use wefwatch::filter::Filter;
use wefwatch::intake::{ArchiveHealth, StoreHealth};
use wefwatch::roster::happened::Happened;

/// How many events the archive answers with, and looks at, for one question.
const ANSWERED: usize = 500;
const LOOKED_AT: usize = 2000;

/// A console that holds the last few of many events, and the archive with all of them.
struct Past {
    scene: Scene,
    template: EventLine,
    stored: Vec<(DateTime<Utc>, EventLine)>,
    asked: Vec<Side>,
    has_archive: bool,
}

impl Past {
    /// So many events, of which the console holds the last.
    fn new(count: u64, held: usize) -> Self {
        let template = Scene::of(&["demo.xml"], (120, 36)).model.events[0].line.clone();
        let mut scene = Scene::empty((120, 36));
        scene.model.config.max_events = held;
        let mut past = Self { scene, template, stored: Vec::new(), asked: Vec::new(), has_archive: true };
        past.status(true);
        past.come(1..=count);
        past.scene.keys("3");
        past
    }

    /// What the collector tells of its store and its archive.
    fn status(&mut self, has_archive: bool) {
        self.has_archive = has_archive;
        let archive = has_archive.then(|| ArchiveHealth { begins: Some(dawn()), events: 1, ..ArchiveHealth::default() });
        let status = Status { store: Some(StoreHealth::default()), archive, ..Status::default() };
        self.scene.tell(Change::Status(Box::new(status)));
    }

    fn line(&self, number: u64) -> EventLine {
        let time = dawn() + TimeDelta::seconds(number as i64);
        EventLine { number, time, summary: format!("event number {number}."), ..self.template.clone() }
    }

    /// These happen.
    fn come(&mut self, numbers: std::ops::RangeInclusive<u64>) {
        let lines: Vec<EventLine> = numbers.map(|number| self.line(number)).collect();
        self.stored.extend(lines.iter().map(|line| (self.scene.model.now, line.clone())));
        let update = Update { seq: 0, at: self.scene.model.now, change: Change::Events(lines) };
        let effects = self.scene.model.update(Message::Update(Arc::new(update)));
        self.answer(effects);
    }

    /// Keys are typed one by one, and what the console asks is answered before the next.
    fn keys(&mut self, keys: &str) {
        for name in keys.split_whitespace() {
            let effects = self.scene.model.update(Message::Key(key(name)));
            self.answer(effects);
        }
    }

    fn answer(&mut self, mut effects: Vec<Effect>) {
        while let Some(effect) = effects.pop() {
            let Effect::Ask(Request::Events(wanted)) = effect else { continue };
            self.asked.push(wanted.side);
            let change = Change::Stored(Box::new(self.look(&wanted)));
            let update = Update { seq: 0, at: DateTime::UNIX_EPOCH, change };
            effects.extend(self.scene.model.update(Message::Update(Arc::new(update))));
        }
    }

    fn look(&self, wanted: &Wanted) -> Stored {
        if !self.has_archive {
            return Stored::absent(wanted.token, true);
        }
        let filter = Filter::parse(&wanted.filter).expect("a filter");
        let passes = |(at, line): &&(DateTime<Utc>, EventLine)| {
            filter.is_empty() || filter.matches(&Happened { line, at: *at, now: wanted.now })
        };
        let mut candidates: Vec<&(DateTime<Utc>, EventLine)> = match wanted.side {
            Side::Before(number) => self.stored.iter().rev().filter(|(_, line)| line.number < number).collect(),
            Side::After(number) => self.stored.iter().filter(|(_, line)| line.number > number).collect(),
        };
        let mut is_end = candidates.len() <= LOOKED_AT;
        candidates.truncate(LOOKED_AT);
        let mut lines: Vec<_> = candidates.iter().copied().filter(passes).collect();
        let mut last = candidates.last().copied();
        if lines.len() > ANSWERED {
            lines.truncate(ANSWERED);
            (is_end, last) = (false, lines.last().copied());
        }
        let mut lines: Vec<_> = lines.into_iter().cloned().collect();
        if matches!(wanted.side, Side::Before(_)) {
            lines.reverse();
        }
        let (reached, reached_at) = (last.map(|(_, line)| line.number), last.map(|(at, _)| *at));
        Stored { token: wanted.token, lines, reached, is_end, reached_at, ..Stored::default() }
    }

    fn selected(&self) -> Option<u64> {
        self.scene.model.selected_event().map(|row| row.line.number)
    }

    /// The numbers of what is listed, from the first to the last; none may be missing between.
    fn listed(&self) -> (u64, u64) {
        let rows = self.scene.model.event_rows();
        let numbers: Vec<u64> = rows.iter().map(|row| row.line.number).collect();
        assert!(numbers.windows(2).all(|two| two[0] + 1 == two[1]), "{numbers:?}");
        (numbers[0], numbers[numbers.len() - 1])
    }

    fn has(&self, text: &str) {
        assert!(self.scene.text().contains(text), "{text}:\n{}", self.scene.text());
    }
}

#[test]
fn further_up_than_what_is_held_the_archive_goes_on() {
    let mut past = Past::new(1300, 100);
    assert_eq!(past.listed(), (1201, 1300));
    past.has("100 of the last 100");
    past.keys("pgup pgup pgup");
    assert_eq!(past.asked, [Side::Before(1201)], "well before the end of what is held");
    assert_eq!((past.listed(), past.selected()), ((701, 1300), Some(1300 - 3 * 26)), "the selected one stays");
    past.has("500 from the store + the last 100");
    past.has("the store goes back to 10:40");
    for _ in 0..60 {
        past.keys("pgup");
    }
    assert_eq!((past.listed(), past.selected()), ((1, 1300), Some(1)));
    assert_eq!(past.asked, [Side::Before(1201), Side::Before(701), Side::Before(201)]);
    past.has("oldest stored event; G follows again");
    past.has("event number 1.");
    golden("older-events", &past.scene);
    // There is nothing more to ask for.
    past.keys("up pgup home");
    assert_eq!((past.asked.len(), past.selected()), (3, Some(1)));
    // Whoever follows again holds no more than before.
    past.keys("G");
    assert_eq!((past.listed(), past.selected()), ((1201, 1300), Some(1300)));
    past.has("following");
}

#[test]
fn an_older_event_opens_and_filters_like_any_other() {
    let mut past = Past::new(300, 50);
    past.keys("g");
    assert_eq!(past.selected(), Some(1));
    past.keys("⏎");
    past.has("event number 1.");
    past.has("XML");
    past.keys("=");
    past.has("EventID");
    past.keys("esc esc");
    assert_eq!(past.selected(), Some(1));
}

#[test]
fn g_goes_to_the_very_first_and_down_leads_back_without_a_leap() {
    let mut past = Past::new(20_000, 100);
    past.keys("g");
    assert_eq!(past.asked, [Side::After(0)]);
    assert_eq!((past.listed(), past.selected()), ((1, 500), Some(1)), "what does not follow is not shown as if it did");
    past.has("500 from the store");
    past.has("oldest stored event");
    let mut before = 1;
    while past.selected() < Some(19_990) {
        past.keys("pgdn");
        let selected = past.selected().expect("one is selected");
        assert!(selected > before && selected <= before + 26, "{before} {selected}");
        assert!(past.scene.model.older.len() <= 5000);
        past.listed();
        before = selected;
    }
    assert_eq!(past.listed().1, 20_000);
    // And up again, though the first ones were let go of meanwhile.
    while past.selected() > Some(10) {
        past.keys("pgup");
        past.listed();
    }
    past.keys("G");
    assert_eq!((past.selected(), past.scene.model.older.len()), (Some(20_000), 0));
}

#[test]
fn what_comes_meanwhile_moves_nothing() {
    let mut past = Past::new(300, 100);
    past.keys("up pgup pgup pgup");
    let selected = past.selected();
    assert_eq!(past.listed(), (1, 300));
    // What leaves the tail is still there.
    past.come(301..=700);
    assert_eq!((past.listed(), past.selected()), ((1, 700), selected));
    // Of too much, what is far away goes, and is read again on the way.
    past.come(701..=9000);
    assert_eq!((past.listed().0, past.selected()), (1, selected));
    assert!(past.listed().1 <= 5001, "{:?}", past.listed());
    while past.selected() < Some(8990) {
        past.keys("pgdn");
        past.listed();
    }
    assert_eq!(past.listed().1, 9000);
}

#[test]
fn only_what_the_filter_lets_through_is_read_however_far_back_it_is() {
    let mut past = Past::new(20_000, 100);
    past.scene.keys("/");
    past.scene.type_line("\"number 77.\"");
    past.keys("up");
    assert_eq!(past.asked.len(), 10, "question after question: {:?}", past.asked);
    assert_eq!(past.scene.model.event_rows().len(), 1);
    assert_eq!(past.selected(), Some(77));
    // Another filter, another past.
    past.keys("esc");
    assert_eq!(past.listed(), (19_901, 20_000));
}

#[test]
fn a_window_of_time_is_for_older_ones_too() {
    let mut past = Past::new(300, 100);
    past.scene.model.update(Message::Tick(dawn() + TimeDelta::hours(2)));
    past.come(301..=390);
    past.keys("[ [ [ [ g");
    assert_eq!(past.listed(), (301, 390));
}

#[test]
fn an_answer_that_nobody_waits_for_any_more_changes_nothing() {
    let mut past = Past::new(300, 100);
    let effects = past.scene.model.update(Message::Key(key("g")));
    past.has("reading older events …");
    past.keys("G");
    past.answer(effects);
    assert_eq!((past.listed(), past.selected()), ((201, 300), Some(300)));
    // One that does not come is waited for no longer than this.
    past.scene.model.update(Message::Key(key("g")));
    past.scene.model.update(Message::Tick(dawn() + TimeDelta::seconds(6)));
    past.has("did not answer about older events");
    assert!(!past.scene.text().contains("reading older"), "{}", past.scene.text());
}

#[test]
fn what_was_the_first_of_all_may_leave_the_tail() {
    let mut past = Past::new(50, 100);
    past.keys("g");
    past.has("oldest stored event");
    past.come(51..=200);
    assert_eq!(past.listed(), (101, 200));
    past.keys("g");
    assert_eq!((past.listed(), past.selected()), ((1, 200), Some(1)));
}

#[test]
fn what_was_stored_before_this_console_came_can_be_read() {
    let mut past = Past::new(300, 100);
    past.scene.model.events.clear();
    past.has("no events yet; ↑ reads those that were stored");
    past.keys("up");
    assert_eq!((past.listed(), past.selected()), ((1, 300), Some(300)));
}

#[test]
fn without_an_archive_it_says_that_nothing_older_is_kept() {
    let mut past = Past::new(300, 100);
    past.status(false);
    past.keys("g");
    past.has("events before 10:43:21 are not kept (no archive of events");
    past.keys("up");
    assert_eq!(past.asked.len(), 1, "it was told once");
    past.has("events before 10:43:21 are not kept (no archive of events");
    let mut demo = Scene::of(&["demo.xml"], (120, 36));
    demo.model.config.is_replay = true;
    demo.keys("3 g up");
    assert!(demo.text().contains("are not kept (a replay stores no events)"), "{}", demo.text());
}

#[test]
fn what_cannot_be_read_is_said() {
    let mut past = Past::new(300, 100);
    let effects = past.scene.model.update(Message::Key(key("g")));
    let Some(Effect::Ask(Request::Events(wanted))) = effects.last() else { panic!("{effects:?}") };
    let problem = Some("x-events.db: damaged: bad block".to_owned());
    past.scene.tell(Change::Stored(Box::new(Stored { token: wanted.token, problem, is_end: true, ..Stored::default() })));
    past.has("the archive of events cannot be read: x-events.db: damaged: bad block");
    assert_eq!(past.listed(), (201, 300));
}
