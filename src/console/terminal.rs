//! The terminal: taken over and given back on every way out (return, error, panic, signal), and the second of the two places
//! where the clock is read.

use std::io::{self, Stdout, Write as _, stdout};
use std::panic;

use base64::Engine as _;
use chrono::{DateTime, Utc};
use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, DisableFocusChange, EnableBracketedPaste, EnableFocusChange};
use crossterm::execute;
use crossterm::style::Print;
use crossterm::terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::{Backend as _, CrosstermBackend};

use crate::console::answer::QUESTION;

/// Now, for the ages on the screen.
#[expect(clippy::disallowed_methods, reason = "the console's clock is read here and nowhere else")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}

/// The wheel sends arrows on the second screen where nobody captures the mouse. Most terminals do that by themselves, so that it
/// is not switched off in the end: other programs would miss it. What was set before cannot be put back: asking the terminal to
/// remember it (`CSI ? 1007 s`, `r`) moves margins and cursor where that is not known.
const WHEEL_ON: &str = "\x1b[?1007h";
/// Buttons and the wheel, with places beyond column 223; not every move, which would be many and are of no use.
const MOUSE_ON: &str = "\x1b[?1000h\x1b[?1006h";
const MOUSE_OFF: &str = "\x1b[?1006l\x1b[?1000l";

/// The terminal while it is ours.
pub struct Guard {
    has_mouse: bool,
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Guard")
    }
}

impl Guard {
    /// Takes the terminal over. A panic gives it back before it speaks.
    pub fn take() -> io::Result<Self> {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |information| {
            give_back();
            before(information);
        }));
        enter()?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        Ok(Self { has_mouse: false, terminal })
    }

    /// The terminal to draw on.
    pub fn terminal(&mut self) -> &mut Terminal<CrosstermBackend<Stdout>> {
        &mut self.terminal
    }

    /// Sends a text to the terminal's clipboard (OSC 52). As Base64 no byte of it can act on the terminal.
    pub fn send_to_clipboard(&mut self, text: &str) -> io::Result<()> {
        let encoded = base64::engine::general_purpose::STANDARD.encode(text);
        self.send(&format!("\u{1b}]52;c;{encoded}\u{7}"))
    }

    /// Sends the terminal something that is not drawn.
    pub fn send(&mut self, sequence: &str) -> io::Result<()> {
        let mut out = stdout();
        out.write_all(sequence.as_bytes())?;
        out.flush()
    }

    /// Whether clicks and the wheel come to the console, or are the terminal's own.
    pub fn capture_mouse(&mut self, is_ours: bool) -> io::Result<()> {
        self.has_mouse = is_ours;
        execute!(stdout(), Print(if is_ours { MOUSE_ON } else { MOUSE_OFF }))
    }

    /// Gives the terminal to the shell and stops the process until it is continued, then takes it over again.
    pub fn suspend(&mut self) -> io::Result<()> {
        give_back();
        nix::sys::signal::raise(nix::sys::signal::Signal::SIGTSTP)?;
        enter()?;
        self.capture_mouse(self.has_mouse)?;
        // Cleared by the backend: asking the terminal for its cursor can fail.
        self.terminal.backend_mut().clear()?;
        self.terminal.swap_buffers();
        self.terminal.swap_buffers();
        Ok(())
    }
}

/// Asks the terminal what its background is like; it answers by the keyboard, if at all.
pub(super) fn ask_ground() -> io::Result<()> {
    let mut out = stdout();
    out.write_all(QUESTION.as_bytes())?;
    out.flush()
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    // Where there is no second screen to switch to, what stands there would show through.
    execute!(
        stdout(),
        EnterAlternateScreen,
        Clear(ClearType::All),
        Hide,
        EnableBracketedPaste,
        EnableFocusChange,
        Print(WHEEL_ON)
    )
}

/// Gives the terminal to the shell again. Every step is tried, whatever the one before said: the terminal may be gone already.
pub fn give_back() {
    let _ = disable_raw_mode();
    let _ = execute!(stdout(), Print(MOUSE_OFF), DisableFocusChange, DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = stdout().flush();
}

impl Drop for Guard {
    fn drop(&mut self) {
        give_back();
    }
}
