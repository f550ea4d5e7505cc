//! The hall alone.

use super::*;
use crate::alert::header::testing::header;
use crate::feed::Known;

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
