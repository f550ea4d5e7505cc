//! The way from a viewer to the rest of the collector.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::attach::hall::Door;
use crate::intake::Intake;
use crate::store::Store;
use crate::store::archive::Archive;

/// The shortest time between two acts of one viewer: nobody keeps the collector busy alone.
pub(super) const ACT_EVERY: Duration = Duration::from_millis(10);

/// The way from a viewer to the rest of the collector.
#[derive(Debug, Clone)]
pub struct Way {
    /// Acts, and who looks.
    pub intake: mpsc::WeakSender<Intake>,
    /// Evidence.
    pub store: Option<Store>,
    /// Older events.
    pub archive: Option<Archive>,
    /// The rules are to be read anew.
    pub reload: mpsc::Sender<()>,
}

/// What every connection needs.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) way: Way,
    pub(super) doors: mpsc::Sender<Door>,
}

/// Asks the hall; `None` if there is no answer.
pub(super) async fn ask<T>(shared: &Shared, door: impl FnOnce(oneshot::Sender<T>) -> Door) -> Option<T> {
    let (answer, answered) = oneshot::channel();
    shared.doors.send(door(answer)).await.ok()?;
    answered.await.ok()
}
