//! What a viewer wants done with alerts: under the name that the kernel knows, with all the alerts that it is about, and never
//! more of it at once than the collector takes in between two other things.

use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::attach::hall::Door;
use crate::attach::peer::Peer;
use crate::attach::way::{ACT_EVERY, Shared, ask};
use crate::feed::Request;
use crate::feed::marked::{Marked, Which};
use crate::filter::Filter;
use crate::intake::Intake;
use crate::roster::marked::Gather;
use crate::triage::many::{Part, check, parts};
use crate::triage::viewer::Role;
use crate::triage::{Act, Refusal};

/// What came of asking.
#[derive(Debug)]
pub(super) enum Acted {
    /// The collector was asked; it answers everybody.
    Asked,
    /// It was not.
    Refused(Refusal),
    /// There is no collector any more.
    Gone,
}

/// Asks the collector to do what a viewer wants done; to the end, though the viewer may leave in the middle of it.
pub(super) async fn act(request: Request, peer: &Peer, shared: &Shared) -> Acted {
    let (peer, shared) = (peer.clone(), shared.clone());
    tokio::spawn(async move { judge(request, &peer, &shared).await }).await.unwrap_or(Acted::Gone)
}

async fn judge(request: Request, peer: &Peer, shared: &Shared) -> Acted {
    let Some(act) = request.act() else { return Acted::Asked };
    let (token, who) = (act.token, peer.who.clone());
    let refused = |reason: String| Acted::Refused(Refusal { token, who: peer.who.clone(), reason });
    if peer.role == Role::Viewer {
        return refused("not done: your role is viewer; acts need a group of [attach] analysts".to_owned());
    }
    let asked = match request {
        Request::Act(act) => one(Act { who, ..act }, shared).await,
        Request::ActOnRepeats(act) => match with_repeats(act, shared).await {
            Some(act) => one(Act { who, ..act }, shared).await,
            None => None,
        },
        Request::ActOnEach(parts) => {
            let own = |part: Part| Part { act: Act { who: who.clone(), ..part.act }, ..part };
            each(parts.into_iter().map(own).collect(), shared).await
        }
        Request::ActOnMarked { act, marked, expected } => {
            let Some(gather) = gather(marked, shared).await else { return Acted::Gone };
            let targets = gather.into_targets();
            if let Err(reason) = check(targets.len(), expected) {
                return refused(reason);
            }
            each(parts(&Act { who, targets, ..act }), shared).await
        }
        _ => Some(()),
    };
    asked.map_or(Acted::Gone, |()| Acted::Asked)
}

async fn one(act: Act, shared: &Shared) -> Option<()> {
    hand_over(Intake::Act(act), shared).await
}

async fn each(parts: Vec<Part>, shared: &Shared) -> Option<()> {
    for part in parts {
        hand_over(Intake::ActOnEach(part), shared).await?;
    }
    Some(())
}

async fn hand_over(intake: Intake, shared: &Shared) -> Option<()> {
    // Kept no longer than that: while anybody has it the collector does not end.
    let _ = shared.way.intake.upgrade()?.send(intake).await;
    sleep(ACT_EVERY).await;
    Some(())
}

/// The act with all the alerts that its only target stands for.
async fn with_repeats(act: Act, shared: &Shared) -> Option<Act> {
    let first = act.targets.first().map(|target| target.alert.clone());
    let targets = match first {
        Some(id) => ask(shared, |answer| Door::Repeats(id, answer)).await?,
        None => Vec::new(),
    };
    // One that is not known has no repeats; then the act is judged by itself.
    Some(if targets.is_empty() { act } else { Act { targets, ..act } })
}

/// Which alerts are marked. A filter may take a while to be made: nobody else waits for that.
pub(super) async fn gather(marked: Marked, shared: &Shared) -> Option<Box<Gather>> {
    let filter = match &marked.which {
        Which::These(_) => None,
        Which::Listed { filter, .. } => {
            let text = filter.clone();
            spawn_blocking(move || Filter::parse(&text).ok()).await.ok().flatten()
        }
    };
    let gather = Box::new(Gather::new(marked, filter));
    ask(shared, |answer| Door::Gather(gather, answer)).await
}
