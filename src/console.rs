//! The console: a client of the feed and nothing else. It draws when something changed, at most ten times a second, but a key
//! shows at once; nothing happens while nothing changes except the clock.

mod answer;
pub mod counted;
mod keyboard;
pub mod keys;
pub mod model;
pub mod notify;
pub mod plain;
pub mod printable;
pub mod report;
mod shell;
pub mod terminal;
pub mod theme;
pub mod view;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::{Event, KeyEventKind};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::alert::Alert;
use crate::console::answer::{Answer, Heard};
use crate::console::keyboard::Keyboard;
use crate::console::keys::Keymap;
use crate::console::model::alarm::Alarm;
use crate::console::model::{Effect, Message, Model, pointing};
use crate::console::notify::Notify;
use crate::console::terminal::Guard;
use crate::console::theme::Theme;
use crate::feed::{Link, Request, Update};

/// The console's settings.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "settings that people switch one by one")]
pub struct Config {
    /// How many alerts are listed.
    pub max_alerts: usize,
    /// Of how many of them the evidence is kept.
    pub max_evidence: usize,
    /// How many events the tail keeps.
    pub max_events: usize,
    /// Whether times are shown in UTC.
    pub utc: bool,
    /// The listeners, for the empty screen.
    pub listeners: Vec<String>,
    /// Whether this is a replay.
    pub is_replay: bool,
    /// Whether the collector is another process.
    pub is_attached: bool,
    /// Who sits here.
    pub who: String,
    /// Which key does what.
    pub keys: Keymap,
    /// The colours to begin with.
    pub theme: Theme,
    /// How it calls for attention.
    pub notify: Notify,
    /// Whether the terminal has 24-bit colours.
    pub has_truecolor: bool,
    /// Whether the terminal is asked what its background is like.
    pub asks_ground: bool,
    /// Whether ASCII is all that the terminal can draw.
    pub is_ascii: bool,
    /// An alert as one line of JSON, as outputs write it.
    pub record: fn(&Alert) -> String,
    /// Why a replay cannot be begun anew, where it cannot.
    pub never_again: Option<&'static str>,
    /// Whether the mouse is the console's from the start.
    pub mouse: bool,
}

/// Why the console was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// To end the program.
    Quit,
    /// To go alone: the program goes on without a console.
    Detach,
    /// To replay from the beginning.
    Again,
}

/// The way to the collector and back, besides the feed.
#[derive(Debug)]
pub struct Desk {
    /// What the console asks.
    pub requests: mpsc::Sender<Request>,
    /// Evidence that it asked for.
    pub details: mpsc::Receiver<Arc<Alert>>,
    /// How the way to a collector elsewhere fares.
    pub links: mpsc::Receiver<Link>,
    /// What else it asked for, where that does not come with the feed.
    pub answers: mpsc::Receiver<Arc<Update>>,
}

/// The shortest time between two frames that no key asked for.
const FRAME: Duration = Duration::from_millis(100);
/// The same while the keyboard is at another terminal. What cannot wait is drawn at once all the same: see [`Alarm`].
const UNFOCUSED_FRAME: Duration = Duration::from_secs(1);
/// How often ages and the clock move on.
const CLOCK: Duration = Duration::from_secs(1);

/// Runs the console until the user leaves, the terminal goes away, or the end is asked for.
pub async fn run(
    updates: mpsc::Receiver<Arc<Update>>,
    desk: Desk,
    shutdown: watch::Receiver<bool>,
    config: Config,
) -> io::Result<Exit> {
    // From here on a hangup is heard.
    let hangup = signal(SignalKind::hangup())?;
    let mut guard = Guard::take()?;
    let size = guard.terminal().size()?;
    let mut answer = Answer::new();
    let asks_ground = config.asks_ground;
    // Boxed: every future around it would hold it, some of them twice.
    let model = Box::new(Model::new(config, (size.width, size.height), terminal::now()));
    if model.is_mouse {
        guard.capture_mouse(true)?;
    }
    draw(&mut guard, &model)?;
    // Asked after the first picture, so that nothing waits for it.
    if asks_ground {
        terminal::ask_ground()?;
        answer.expect(Instant::now());
    }
    let mut keyboard = Keyboard::new(answer);
    let exit = attend(&mut guard, &mut keyboard, model, updates, desk, (hangup, shutdown)).await;
    keyboard.settle().await;
    exit
}

/// Draws what changed and does what is typed, to the end.
async fn attend(
    guard: &mut Guard,
    keyboard: &mut Keyboard,
    mut model: Box<Model>,
    mut updates: mpsc::Receiver<Arc<Update>>,
    mut desk: Desk,
    (mut hangup, mut shutdown): (Signal, watch::Receiver<bool>),
) -> io::Result<Exit> {
    let mut last_frame = Instant::now();
    let mut next_clock = last_frame + CLOCK;
    let mut is_dirty = false;
    // Whether it cannot wait for somebody to look.
    let (mut is_urgent, mut alarm) = (false, Alarm::of(&model));
    let mut is_feed_open = true;
    let (writer, mut written) = mpsc::channel(1);
    loop {
        let mut is_input = false;
        let mut effects = Vec::new();
        let frame = if model.has_focus() || is_urgent { FRAME } else { UNFOCUSED_FRAME };
        tokio::select! {
            biased;
            _ = hangup.recv() => return Ok(Exit::Quit),
            _ = shutdown.changed() => return Ok(Exit::Quit),
            heard = keyboard.next() => {
                // Else the terminal is gone.
                let Some(heard) = heard else { return Ok(Exit::Quit) };
                is_input = type_all(keyboard, heard, &mut model, &mut effects).await;
            }
            update = updates.recv(), if is_feed_open => match update {
                Some(update) => {
                    is_dirty |= model.is_news(&update);
                    effects = model.update(Message::Update(update));
                    is_urgent |= !model.has_focus() && alarm != Alarm::of(&model);
                }
                None => is_feed_open = false,
            },
            Some(alert) = desk.details.recv() => {
                effects = model.update(Message::Detail(alert));
                is_dirty = true;
            }
            Some(answer) = desk.answers.recv() => {
                effects = model.update(Message::Update(answer));
                is_dirty = true;
            }
            Some(link) = desk.links.recv() => {
                effects = model.update(Message::Link(link));
                (is_dirty, is_urgent) = (true, true);
            }
            Some(result) = written.recv() => {
                effects = model.update(Message::Written(result));
                is_input = true;
            }
            () = sleep_until(last_frame + frame), if is_dirty => {}
            () = sleep_until(next_clock) => {
                next_clock = Instant::now() + CLOCK;
                is_dirty = true;
            }
        }
        effects.extend(model.update(Message::Tick(terminal::now())));
        for effect in effects {
            match effect {
                Effect::Quit => return Ok(Exit::Quit),
                Effect::Detach => return Ok(Exit::Detach),
                Effect::Again => return Ok(Exit::Again),
                Effect::Copy(text) => guard.send_to_clipboard(&text)?,
                Effect::Notify(sequence) => guard.send(&sequence)?,
                Effect::Write { path, text, is_overwriting } => shell::write(path, text, is_overwriting, writer.clone()),
                Effect::Ask(request) => ask(&desk, &mut model, request),
                Effect::Mouse(is_ours) => guard.capture_mouse(is_ours)?,
                Effect::Suspend => keyboard.leave_for(|| guard.suspend()).await?,
            }
        }
        let frame = if model.has_focus() || is_urgent { FRAME } else { UNFOCUSED_FRAME };
        if is_input || (is_dirty && last_frame.elapsed() >= frame) {
            draw(guard, &model)?;
            last_frame = Instant::now();
            (is_dirty, is_urgent, alarm) = (false, false, Alarm::of(&model));
        }
    }
}

/// Tells the model what was typed, and all that was typed meanwhile, for one picture of it; whether anything was.
async fn type_all(keyboard: &mut Keyboard, first: Heard, model: &mut Model, effects: &mut Vec<Effect>) -> bool {
    effects.extend(model.update(Message::Tick(terminal::now())));
    let mut is_input = false;
    let mut heard = Some(first);
    while let Some(message) = heard.take().map(message_of) {
        if let Some(message) = message {
            is_input = true;
            effects.extend(model.update(message));
        }
        let leaves = |effect: &Effect| matches!(effect, Effect::Quit | Effect::Detach | Effect::Suspend | Effect::Again);
        let leaves = effects.iter().any(leaves);
        heard = if leaves { None } else { keyboard.waiting().await };
    }
    is_input
}

/// What the terminal tells the model; nothing where that is of no interest.
fn message_of(heard: Heard) -> Option<Message> {
    match heard {
        Heard::Ground(theme) => Some(Message::Ground(theme)),
        Heard::Event(Event::Key(key)) if key.kind != KeyEventKind::Release => Some(Message::Key(key)),
        Heard::Event(Event::Mouse(event)) if pointing::is_heard(&event) => Some(Message::Mouse(event)),
        Heard::Event(Event::Paste(text)) => Some(Message::Paste(text)),
        Heard::Event(Event::Resize(columns, rows)) => Some(Message::Resize(columns, rows)),
        Heard::Event(Event::FocusGained) => Some(Message::Focus(true)),
        Heard::Event(Event::FocusLost) => Some(Message::Focus(false)),
        Heard::Event(_) => None,
    }
}

/// The picture must not wait for the collector; the user hears that it does not keep up.
fn ask(desk: &Desk, model: &mut Model, request: Request) {
    if let Err(error) = desk.requests.try_send(request) {
        model.not_asked(&error.into_inner());
    }
}

fn draw(guard: &mut Guard, model: &Model) -> io::Result<()> {
    guard.terminal().draw(|frame| view::render(model, frame.area(), frame.buffer_mut()))?;
    Ok(())
}
