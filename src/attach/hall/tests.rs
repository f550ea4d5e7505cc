//! The hall alone.

use super::*;
use crate::alert::header::testing::header;
use crate::feed::{Known, Listing};
use crate::filter::Filter;

fn alert(number: i64) -> Arc<Update> {
    let header = Arc::new(header(&format!("{number:032}"), &format!("h{number}"), "10.0.0.1", number));
    let change = Change::Known(vec![Known::Alert { header, muted: None }]);
    Arc::new(Update { seq: 1, at: chrono::DateTime::UNIX_EPOCH, change })
}

#[tokio::test]
async fn what_changes_while_nobody_looks_does_not_pile_up() {
    let mut hall = Hall::new();
    (0..10).for_each(|number| hall.hear(alert(number)));
    assert_eq!(hall.replica.take_tally(), None);
}

#[tokio::test]
async fn one_page_at_most_waits_for_a_viewer_and_the_next_comes_when_it_was_read() {
    let mut hall = Hall::new();
    (0..10).for_each(|number| hall.hear(alert(number)));
    let (entered, answer) = oneshot::channel();
    hall.answer(Door::Enter { viewer: 1, wants: Wants::Console { most: 1 }, is_resync: false, entered });
    let Entered { mut queue, .. } = answer.await.unwrap();
    let ask = |hall: &mut Hall, token| {
        let listing = Listing { token, filter: String::new(), host: None, kinds_only: false, below: None, most: 5 };
        let scan = Box::new(Scan::new(listing, Some(Filter::default())));
        hall.answer(Door::List { viewer: 1, scan });
        hall.read_on();
    };
    (1..=3).for_each(|token| ask(&mut hall, token));
    let token_of = |out: Out| {
        let Out::Page(frame) = out else { panic!("{out:?}") };
        let told: Told = serde_json::from_slice(&frame[4..]).unwrap();
        let Told::Updates(updates) = told else { panic!("{told:?}") };
        let Change::Listed(page) = &updates[0].change else { panic!("{updates:?}") };
        (page.token, page.alerts.len(), page.matches)
    };
    assert_eq!(token_of(queue.try_recv().unwrap()), (1, 5, Some(10)));
    assert!(queue.try_recv().is_err());
    // It was read: the newest question is answered, the one between is of no use any more.
    hall.tell_found();
    assert_eq!(token_of(queue.try_recv().unwrap()), (3, 5, Some(10)));
    hall.tell_found();
    assert!(queue.try_recv().is_err());
}
