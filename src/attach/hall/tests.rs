//! The hall alone.

use super::*;
use crate::alert::header::testing::header;
use crate::feed::Known;
use crate::feed::page::Listing;
use crate::filter::Filter;

/// Something that ends what the store had.
fn status() -> Arc<Update> {
    Arc::new(Update { seq: 2, at: chrono::DateTime::UNIX_EPOCH, change: Change::Status(Box::default()) })
}

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
    hall.hear(status());
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

/// A part of what the store had.
fn known(from: u32) -> Arc<Update> {
    let header = |number| Arc::new(header(&format!("{number:032}"), "h1", "10.0.0.1", 1));
    let past = (from..from + 500).map(|number| Known::Alert { header: header(number), muted: None });
    Arc::new(Update { seq: 1, at: chrono::DateTime::UNIX_EPOCH, change: Change::Known(past.collect()) })
}

#[tokio::test]
async fn who_comes_while_the_store_is_read_back_hears_all_of_it_at_once() {
    let (feed, updates) = mpsc::channel(8);
    let (doors, asked) = mpsc::channel(8);
    tokio::spawn(run(updates, asked));
    let enter = |viewer| {
        let (entered, answer) = oneshot::channel();
        let door = Door::Enter { viewer, wants: Wants::Console { most: 10 }, is_resync: false, entered };
        (doors.send(door), answer)
    };
    let (sent, before) = enter(1);
    sent.await.unwrap();
    let mut before = before.await.unwrap();
    feed.send(known(0)).await.unwrap();
    // Somebody who was there begins anew.
    assert!(before.queue.recv().await.is_none());
    let (sent, mut during) = enter(2);
    sent.await.unwrap();
    feed.send(known(500)).await.unwrap();
    assert!(during.try_recv().is_err(), "the second half is not read yet");
    feed.send(status()).await.unwrap();
    let entered = during.await.unwrap();
    let piece = entered.prepared.unwrap().next_piece().unwrap();
    assert_eq!(piece.tally.map(|tally| tally.alerts), Some(1000));
}
