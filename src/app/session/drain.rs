//! The end of a run: the inputs hand over what they read, the collector finishes, the store and the outputs take what it told
//! them. Where the end was asked for, all of that has the grace time together.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::app::session::{End, Ended, Session};
use crate::output::Outcome;

/// What of the grace time belongs to the outputs alone, at most: what the collector told last must have time to go out.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long after their end the outputs may take to say how it went.
const REPORTS: Duration = Duration::from_millis(500);

impl Session {
    /// Stops accepting, hands over what was read, lets the collector finish and the outputs flush.
    pub(super) async fn drain(mut self, end: End) -> Ended {
        let End { mut failure, asked } = end;
        let grace = self.plan.config.limits.grace;
        let until = asked.map(|asked| asked + grace);
        let collected_by = until.map(|until| until - (grace / 4).min(LAST_WORDS));
        self.ends.send_replace(until);
        self.shutdown.send_replace(true);
        let handed_over_by = collected_by.unwrap_or_else(|| Instant::now() + grace);
        while let Ok(Some(ended)) = timeout_at(handed_over_by, self.inputs.join_next()).await {
            if let Ok(Err(problem)) = ended {
                failure.get_or_insert(problem);
            }
        }
        self.inputs.abort_all();
        while self.inputs.join_next().await.is_some() {}
        drop(self.intake);
        let mut counters = match before(collected_by, &mut self.collector).await {
            Some(counters) => counters.unwrap_or_default(),
            None => {
                self.collector.abort();
                failure.get_or_insert_with(|| "the grace time was too short for what was read".to_owned());
                self.status.borrow().counters.clone()
            }
        };
        let until = until.unwrap_or_else(|| Instant::now() + grace);
        // Viewers and their way to the store go first: the store ends with its last handle.
        drop((self.details, self.archive));
        if let Some(mut attach) = self.attach
            && timeout_at(until, &mut attach).await.is_err()
        {
            attach.abort();
        }
        while let Ok(Some(ended)) = timeout_at(until + REPORTS, self.outputs.join_next()).await {
            if let Ok(Outcome::Drained(health)) = ended {
                counters.output_records.insert((health.url.clone(), "delivered".to_owned()), health.delivered);
                if health.waiting > 0 {
                    counters.output_records.insert((health.url.clone(), "kept".to_owned()), health.waiting);
                }
                counters.output_records.insert((health.url, "gave_up".to_owned()), health.gave_up);
            }
        }
        if let Some(store) = self.store {
            // Everybody has let go of it; it only finishes what it was given, up to where outputs got at last.
            let finished = tokio::task::spawn_blocking(move || store.join());
            if let Ok(Ok(Ok(health))) = timeout_at((until + REPORTS).max(Instant::now() + REPORTS), finished).await {
                counters.store(&health);
            }
        }
        if let Some(archive) = self.archive_thread {
            // It may take as long; what is not written then is lost.
            let finished = tokio::task::spawn_blocking(move || archive.join());
            let _ = timeout_at((until + REPORTS).max(Instant::now() + REPORTS), finished).await;
        }
        Ended { counters, failure, is_again: self.is_again, is_detached: self.is_detached }
    }
}

/// What comes of it, if that is in time; `None` waits as long as it takes.
async fn before<T>(until: Option<Instant>, task: impl Future<Output = T>) -> Option<T> {
    match until {
        Some(until) => timeout_at(until, task).await.ok(),
        None => Some(task.await),
    }
}
