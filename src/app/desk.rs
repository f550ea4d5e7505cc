//! Between the console of this process and the collector: carries acts to the one, and questions about evidence to the store.
//! A socket carries the same requests for consoles elsewhere.

use std::io::{IsTerminal as _, stdin, stdout};
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::alert::AlertId;
use crate::app::variable;
use crate::attach::server::OWN_CONSOLE;
use crate::config;
use crate::console::Desk;
use crate::console::keys::Keymap;
use crate::console::theme::{self, Theme};
use crate::feed::stored::{Stored, Wanted};
use crate::feed::{Change, Request, Update};
use crate::intake::{Intake, Steer};
use crate::roster::happened::sieve;
use crate::store::Store;
use crate::store::archive::Archive;
use crate::triage::viewer::{Role, Viewer};

/// How many requests of the console may wait.
const REQUESTS: usize = 64;

/// Opens the way; it closes with the console. `reload` hears when the rules are to be read anew.
/// `steer` leads to the replay.
pub fn open(
    intake: mpsc::Sender<Intake>,
    (store, archive): (Option<Store>, Option<Archive>),
    reload: mpsc::Sender<()>,
    steer: mpsc::Sender<Steer>,
) -> Desk {
    let (requests, mut asked) = mpsc::channel(REQUESTS);
    let (answers, details) = mpsc::channel(REQUESTS);
    let (_, links) = mpsc::channel(1);
    let (told, answered) = mpsc::channel(REQUESTS);
    // The collector ends no sooner than this way: what was asked for before the console quits is done, to its last part.
    tokio::spawn(async move {
        look(&intake, None).await;
        while let Some(request) = asked.recv().await {
            match request {
                // A console here holds all repeats.
                Request::Act(act) | Request::ActOnRepeats(act) => {
                    // A collector that is gone ends the console soon.
                    let _ = intake.send(Intake::Act(act)).await;
                }
                Request::ActOnEach(parts) => {
                    for part in parts {
                        let _ = intake.send(Intake::ActOnEach(part)).await;
                    }
                }
                // Who asks faster than it is done has asked already.
                Request::ReloadRules => drop(reload.try_send(())),
                Request::Look(in_front) => look(&intake, in_front).await,
                Request::Replay(wish) => drop(steer.try_send(wish)),
                // It holds all alerts: there is nothing to ask.
                Request::List(_)
                | Request::Preview { .. }
                | Request::Snapshot
                | Request::ActOnMarked { .. }
                | Request::CountMarked { .. } => {}
                Request::Events(wanted) => {
                    // Nothing else waits for it.
                    tokio::spawn(look_up(archive.clone(), store.is_some(), wanted, told.clone()));
                }
                Request::Detail(id) => {
                    let Some(store) = &store else { continue };
                    if let Some(alert) = store.detail(id).await {
                        let _ = answers.send(Arc::new(alert)).await;
                    }
                }
            }
        }
        // Others who attach see that nobody sits here any more.
        let _ = intake.send(Intake::Viewer { id: OWN_CONSOLE, viewer: None }).await;
    });
    Desk { requests, details, links, answers: answered }
}

/// Looks for older events.
async fn look_up(archive: Option<Archive>, has_store: bool, wanted: Wanted, told: mpsc::Sender<Arc<Update>>) {
    let stored = match archive {
        None => Stored::absent(wanted.token, has_store),
        Some(archive) => {
            let (text, now) = (wanted.filter.clone(), wanted.now);
            let Ok(Some(sieve)) = tokio::task::spawn_blocking(move || sieve(&text, now)).await else { return };
            archive.look(wanted, sieve).await
        }
    };
    let change = Change::Stored(Box::new(stored));
    let _ = told.send(Arc::new(Update { seq: 0, at: chrono::DateTime::UNIX_EPOCH, change })).await;
}

/// Tells others who attach that somebody sits here.
async fn look(intake: &mpsc::Sender<Intake>, in_front: Option<AlertId>) {
    let viewer = Viewer {
        id: OWN_CONSOLE,
        who: user_name(),
        role: Role::Analyst,
        is_console: true,
        wants_events: true,
        in_front,
        resyncs: 0,
    };
    let _ = intake.send(Intake::Viewer { id: OWN_CONSOLE, viewer: Some(viewer) }).await;
}

/// How a console looks on this terminal.
#[derive(Debug)]
pub struct Look {
    /// Which key does what.
    pub keys: Keymap,
    /// The colours to begin with.
    pub theme: Theme,
    /// Whether the terminal has 24-bit colours.
    pub has_truecolor: bool,
    /// Whether the terminal is asked for its background.
    pub asks_ground: bool,
    /// Whether ASCII is all that can be drawn.
    pub is_ascii: bool,
}

/// How the console looks by its settings and the environment.
pub fn look_of(settings: &config::Console) -> Look {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].map(variable);
    let is_ascii = settings.ascii || !theme::is_utf8(locale.each_ref().map(Option::as_deref));
    let is_colourless = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    let has_truecolor = theme::has_truecolor(variable("COLORTERM").as_deref());
    let asks_ground = settings.theme.is_none() && !is_colourless && theme::can_be_asked(variable("TERM").as_deref());
    let named = settings.theme.or(is_colourless.then_some(Theme::Mono));
    Look {
        keys: if is_ascii { settings.keys.clone().in_words() } else { settings.keys.clone() },
        theme: named.unwrap_or_else(|| Theme::of_environment(variable("COLORFGBG").as_deref())),
        has_truecolor,
        asks_ground: asks_ground && stdin().is_terminal() && stdout().is_terminal(),
        is_ascii,
    }
}

/// Who sits at the terminal, for the triage log.
pub fn user_name() -> String {
    let id = nix::unistd::getuid();
    let user = nix::unistd::User::from_uid(id).ok().flatten();
    user.map_or_else(|| format!("uid {id}"), |user| user.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::many::Part;
    use crate::triage::{Act, Deed};

    #[tokio::test]
    async fn what_was_asked_for_is_handed_over_though_the_console_quits() {
        let (intake, mut handed) = mpsc::channel(1);
        let desk = open(intake, (None, None), mpsc::channel(1).0, mpsc::channel(1).0);
        let act = |token| Act { token, who: "bob".to_owned(), deed: Deed::Own, reason: String::new(), targets: Vec::new() };
        let parts = (0..5).map(|after| Part { act: act(1), after }).collect();
        desk.requests.send(Request::ActOnEach(parts)).await.unwrap();
        desk.requests.send(Request::Act(act(2))).await.unwrap();
        // The console goes; nobody else has a way to the collector.
        drop(desk);
        let mut tokens = Vec::new();
        while let Some(next) = handed.recv().await {
            match next {
                Intake::ActOnEach(part) => tokens.push(part.act.token),
                Intake::Act(act) => tokens.push(act.token),
                _ => {}
            }
        }
        assert_eq!(tokens, [1, 1, 1, 1, 1, 2]);
    }
}
