//! The middle of a run: waits for whatever ends it, with the console or without, and reads the rules anew when it is asked to.

use std::io::{Write as _, stderr};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::info;

use crate::app::desk::{self, Look};
use crate::app::log;
use crate::app::session::{End, Face, Mode, Session, load_rules};
use crate::app::signals::{Asked, Signals};
use crate::console::Exit;
use crate::detect::{ProblemKind, RuleProblem};
use crate::feed::Update;
use crate::intake::Intake;
use crate::location::Location;
use crate::output::{self, Outcome};

impl Session {
    /// Waits for whatever ends the run.
    pub(super) async fn wait(&mut self, signals: &mut Signals) -> End {
        if let Some(updates) = self.console.take() {
            match Box::pin(self.wait_console(updates, signals)).await {
                Some(end) => return end,
                None => self.detach(),
            }
        }
        let failure = self.wait_headless(signals).await;
        End { asked: (signals.taken() > 0).then(Instant::now), failure }
    }

    async fn wait_headless(&mut self, signals: &mut Signals) -> Option<String> {
        loop {
            tokio::select! {
                biased;
                asked = signals.next() => match asked {
                    Asked::Stop => {
                        info!("stopping; a second signal stops at once");
                        return None;
                    }
                    Asked::Reload => self.reload().await,
                },
                Some(()) = self.reloads.recv() => self.reload().await,
                Some(ended) = self.inputs.join_next(), if !self.inputs.is_empty() => match ended {
                    Ok(Err(problem)) => return Some(problem),
                    Ok(Ok(())) if self.inputs.is_empty() && self.plan.exit_at_end => return None,
                    Ok(Ok(())) => {}
                    Err(error) => return Some(format!("an input ended: {error}")),
                },
                Some(ended) = self.outputs.join_next(), if !self.outputs.is_empty() => {
                    // Only an output whose reader is gone ends before the feed does; without any there is nothing to do.
                    if matches!(ended, Ok(Outcome::ReaderGone)) && self.outputs.is_empty() {
                        return None;
                    }
                }
            }
        }
    }

    /// The console went alone: from here on this is a headless collector. The terminal may close over it: a hangup reads the
    /// rules anew, as with any service.
    fn detach(&mut self) {
        self.is_detached = true;
        log::to_stderr(&self.plan.log_level, Face::Headless);
        let id = std::process::id();
        let attach = match (&self.attach, &self.plan.config.attach.socket) {
            (None, _) => "nobody can attach".to_owned(),
            (Some(_), Location::Path(path)) => format!("`wefwatch attach --socket {}` opens a console", path.display()),
            (Some(_), _) => "`wefwatch attach` opens a console".to_owned(),
        };
        // A terminal that is gone hears nothing.
        let line = format!("wefwatch goes on without a console; {attach}, Ctrl-C or `kill {id}` ends it\n");
        let _ = stderr().write_all(line.as_bytes());
    }

    /// Until the end, or `None` when the console went alone.
    async fn wait_console(&mut self, updates: mpsc::Receiver<Arc<Update>>, signals: &mut Signals) -> Option<End> {
        let config = self.console_config();
        // Without a replay the console asks nothing of it.
        let steer = self.steer.clone().unwrap_or_else(|| mpsc::channel(1).0);
        let desk = desk::open(self.intake.clone(), (self.details.take(), self.archive.take()), self.reload.clone(), steer);
        let (is_plain, shutdown) = (self.plan.config.console.plain, self.shutdown.subscribe());
        let console = async move {
            if is_plain {
                return crate::console::plain::run(updates, shutdown, config.utc).await.map(|()| Exit::Quit);
            }
            crate::console::run(updates, desk, shutdown, config).await
        };
        tokio::pin!(console);
        let (mut problem, mut asked) = (None, None);
        loop {
            tokio::select! {
                ended = &mut console => {
                    if matches!(ended, Ok(Exit::Detach)) && problem.is_none() && asked.is_none() {
                        return None;
                    }
                    self.is_again = matches!(ended, Ok(Exit::Again));
                    let failure = problem.or_else(|| ended.err().map(|error| format!("console: {error}")));
                    return Some(End { failure, asked: asked.or_else(|| Some(Instant::now())) });
                }
                // The console goes, and the inputs stop already.
                () = signals.stop(), if asked.is_none() => {
                    asked = Some(Instant::now());
                    self.shutdown.send_replace(true);
                }
                Some(()) = self.reloads.recv() => self.reload().await,
                Some(ended) = self.inputs.join_next(), if !self.inputs.is_empty() => {
                    if let Ok(Err(failed)) = ended {
                        problem = Some(failed);
                        self.shutdown.send_replace(true);
                    } else if self.plan.exit_at_end && self.inputs.is_empty() {
                        self.shutdown.send_replace(true);
                    }
                }
            }
        }
    }

    fn console_config(&self) -> crate::console::Config {
        let settings = &self.plan.config.console;
        let never_again = match &self.plan.mode {
            Mode::Live => Some("only in a replay"),
            Mode::Replay(recording) if recording.is_standard_input() => Some("standard input cannot be read again"),
            Mode::Replay(_) if self.plan.config.store.location != Location::None => {
                Some("the store has these alerts already: again works without --store")
            }
            Mode::Replay(_) => None,
        };
        let Look { keys, theme, has_truecolor, asks_ground, is_ascii } = desk::look_of(settings);
        crate::console::Config {
            max_alerts: settings.max_alerts,
            max_evidence: settings.max_evidence,
            max_events: settings.max_events,
            utc: settings.utc,
            listeners: self.plan.config.inputs.iter().map(ToString::to_string).collect(),
            is_replay: matches!(self.plan.mode, Mode::Replay(_)),
            is_attached: false,
            who: desk::user_name(),
            keys,
            theme,
            notify: settings.notify,
            has_truecolor,
            asks_ground,
            is_ascii,
            record: output::format::line,
            never_again,
            mouse: settings.mouse,
        }
    }

    /// Reads the rules anew and reopens files. Rules that became broken change nothing.
    async fn reload(&mut self) {
        self.reopen.send_modify(|count| *count += 1);
        match load_rules(&self.plan.config) {
            Err(problem) => self.tell(format!("rules not reloaded: {problem}")).await,
            Ok(rules) => {
                let before = self.rules.borrow().clone();
                let is_new = |problem: &&RuleProblem| problem.kind == ProblemKind::Broken && !before.problems().contains(problem);
                if let Some(problem) = rules.problems().iter().find(is_new) {
                    let problem = format!("rules not reloaded: {problem}");
                    return self.tell(problem).await;
                }
                let rules = Arc::new(rules);
                info!(rules = rules.rules().count(), not_run = rules.problems().len(), "rules reloaded");
                self.rules.send_replace(rules.clone());
                let _ = self.intake.send(Intake::Rules(rules)).await;
            }
        }
    }
}
