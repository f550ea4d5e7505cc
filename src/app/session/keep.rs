//! What is kept: the store, without which an unattended run may go on only where nobody named one, and the archive of events
//! beside it, without which any run goes on.

use tracing::{info, warn};

use crate::app::failure::Failure;
use crate::app::session::{Mode, Plan};
use crate::app::variable;
use crate::config::Config;
use crate::input::clock;
use crate::location::Location;
use crate::store::archive::{self, OpenedArchive};
use crate::store::read::Kept;
use crate::store::{self, Opened, StoreError};

/// The store and what it keeps.
#[derive(Debug)]
pub(super) struct Keeping {
    pub(super) opened: Opened,
    pub(super) kept: Kept,
    /// Where events are kept too.
    pub(super) archive: Option<OpenedArchive>,
}

/// Opens the store, where one is kept; answers also why something is not kept, where that was not asked for. Where nobody named
/// a store, a place that cannot be used is no reason not to watch. What is damaged or newer is never passed over.
pub(super) fn open(plan: &Plan) -> Result<(Option<Keeping>, Option<String>), Failure> {
    let config = &plan.config;
    let by_custom = || store::location::by_custom(variable);
    let Some(path) = config.store.location.resolve(by_custom) else { return Ok((None, None)) };
    match store::open(&path, &config.store, clock::now()) {
        Ok((opened, kept)) => {
            info!(store = %path.display(), alerts = kept.columns.len(), "store opened");
            let (archive, problem) = if matches!(plan.mode, Mode::Live) { archive_of(&path, config) } else { (None, None) };
            Ok((Some(Keeping { opened, kept, archive }), problem))
        }
        Err(error @ (StoreError::Io { .. } | StoreError::InUse(_))) if config.store.location == Location::Default => {
            Ok((None, Some(format!("nothing is kept: {error}"))))
        }
        Err(error) => Err(Failure::Run(format!("store: {error}"))),
    }
}

/// The archive of events, or why there is none: no loss of events for scrolling back is worth a collector that does not run.
fn archive_of(store: &std::path::Path, config: &Config) -> (Option<OpenedArchive>, Option<String>) {
    match archive::open(store, &config.store) {
        Ok(archive) => (archive, None),
        Err(error @ StoreError::Damaged { .. }) => {
            // It has no name of its own that could be another.
            let text = error.to_string().replace("Move it away, or name another with --store PATH", "Move it away");
            (None, Some(format!("older events are not kept: {text}")))
        }
        Err(error) => (None, Some(format!("older events are not kept: {error}"))),
    }
}

/// Begins to write events; where that fails the run goes on.
pub(super) fn start_archive(
    archive: OpenedArchive,
    health: tokio::sync::mpsc::WeakSender<crate::intake::Intake>,
) -> Option<(archive::Archive, std::thread::JoinHandle<crate::intake::ArchiveHealth>)> {
    match archive.start(health) {
        Ok(started) => Some(started),
        Err(error) => {
            warn!("older events are not kept: {error}");
            None
        }
    }
}
