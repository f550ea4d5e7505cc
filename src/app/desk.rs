//! Between the console and the collector: carries acts to the one, and questions about evidence to the store. A socket will
//! carry the same requests.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::console::Desk;
use crate::feed::Request;
use crate::intake::{Intake, Steer};
use crate::store::Store;

/// How many requests of the console may wait.
const REQUESTS: usize = 64;

/// Opens the way; it closes with the console. `reload` hears when the rules are to be read anew.
/// `steer` leads to the replay.
pub fn open(
    intake: mpsc::WeakSender<Intake>,
    store: Option<Store>,
    reload: mpsc::Sender<()>,
    steer: mpsc::Sender<Steer>,
) -> Desk {
    let (requests, mut asked) = mpsc::channel(REQUESTS);
    let (answers, details) = mpsc::channel(REQUESTS);
    tokio::spawn(async move {
        while let Some(request) = asked.recv().await {
            match request {
                Request::Act(act) => {
                    let Some(intake) = intake.upgrade() else { return };
                    // A collector that is gone ends the console soon.
                    let _ = intake.send(Intake::Act(act)).await;
                }
                // Who asks faster than it is done has asked already.
                Request::ReloadRules => drop(reload.try_send(())),
                Request::Replay(wish) => drop(steer.try_send(wish)),
                Request::Detail(id) => {
                    let Some(store) = &store else { continue };
                    if let Some(alert) = store.detail(id).await {
                        let _ = answers.send(Arc::new(alert)).await;
                    }
                }
            }
        }
    });
    Desk { requests, details }
}

/// Who sits at the terminal, for the triage log.
pub fn user_name() -> String {
    let id = nix::unistd::getuid();
    let user = nix::unistd::User::from_uid(id).ok().flatten();
    user.map_or_else(|| format!("uid {id}"), |user| user.name)
}
