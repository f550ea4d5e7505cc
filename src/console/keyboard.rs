//! The keyboard, on which the terminal itself may type too: what it answers is told apart from what people do.

use std::collections::VecDeque;
use std::task::Poll;
use std::time::Duration;

use crossterm::event::{Event, EventStream};
use futures_util::StreamExt as _;
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::console::answer::{Answer, Heard};

/// How long after the question the console is not left without its answer: what comes later would be typed to the shell.
const BEFORE_LEAVING: Duration = Duration::from_millis(150);

/// What comes from the terminal.
#[derive(Debug)]
pub(super) struct Keyboard {
    /// None before the first key is waited for, and while somebody else has the terminal.
    stream: Option<EventStream>,
    answer: Answer,
    ready: VecDeque<Heard>,
}

impl Keyboard {
    /// Begins to listen.
    pub(super) fn new(answer: Answer) -> Self {
        Self { stream: None, answer, ready: VecDeque::new() }
    }

    /// Listens to nothing while somebody else has the terminal.
    pub(super) async fn leave_for<T>(&mut self, other: impl FnOnce() -> T) -> T {
        self.settle().await;
        self.stream = None;
        other()
    }

    /// What comes next; `None` when the terminal is gone. Nothing is lost where this is not waited for to its end.
    pub(super) async fn next(&mut self) -> Option<Heard> {
        loop {
            if let Some(heard) = self.ready.pop_front() {
                return Some(heard);
            }
            let until = self.answer.until();
            let stream = self.stream.get_or_insert_with(EventStream::new);
            tokio::select! {
                biased;
                event = stream.next() => {
                    let Some(Ok(event)) = event else { return None };
                    self.hear(event);
                }
                () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => self.answer.give_up(&mut self.ready),
            }
        }
    }

    /// What is there already. It is asked for as this task, for the stream wakes whoever asked first and nobody else.
    pub(super) async fn waiting(&mut self) -> Option<Heard> {
        loop {
            if let Some(heard) = self.ready.pop_front() {
                return Some(heard);
            }
            let stream = self.stream.get_or_insert_with(EventStream::new);
            let asked = std::future::poll_fn(|context| Poll::Ready(stream.poll_next_unpin(context))).await;
            let Poll::Ready(Some(Ok(event))) = asked else { return None };
            self.hear(event);
        }
    }

    fn hear(&mut self, event: Event) {
        self.answer.hear(event, Instant::now(), &mut self.ready);
    }

    /// Waits for an answer that is still on its way when the console is left right after it was asked for.
    pub(super) async fn settle(&mut self) {
        let Some(until) = self.answer.outstanding().map(|asked| asked + BEFORE_LEAVING) else { return };
        // What is typed meanwhile is heard when the terminal is ours again.
        let mut typed = VecDeque::new();
        while self.answer.outstanding().is_some() && Instant::now() < until {
            let Ok(Some(heard)) = timeout_at(until, self.next()).await else { break };
            typed.push_back(heard);
        }
        typed.append(&mut self.ready);
        self.ready = typed;
    }
}
