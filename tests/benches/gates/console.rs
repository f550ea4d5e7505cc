//! An attached console in a pseudo-terminal. What it draws is read by a thread of its own, with the time at which it came.

use std::io::Read as _;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::figures::now;
use crate::server::Server;

/// Beyond this something is broken.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Console {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn std::io::Write + Send>,
    pieces: Receiver<(Instant, Vec<u8>)>,
    written: Arc<AtomicU64>,
    screen: vt100::Parser,
    /// When it was started.
    pub(crate) begin: Instant,
    modes: String,
}

impl Console {
    pub(crate) fn attach(server: &Server, size: (u16, u16)) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_wefwatch"));
        command.arg("attach");
        command.arg("--socket");
        command.arg(&server.socket);
        Self::start(command, size)
    }

    pub(crate) fn start(mut command: CommandBuilder, (columns, rows): (u16, u16)) -> Self {
        let pair = native_pty_system().openpty(sized(columns, rows)).expect("a pseudo-terminal");
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        let modes = modes(&*pair.master);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let keyboard = pair.master.take_writer().expect("a writer");
        let begin = now();
        let child = pair.slave.spawn_command(command).expect("the binary starts");
        drop(pair.slave);
        let (sender, pieces) = channel();
        let written = Arc::new(AtomicU64::new(0));
        let count = written.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 1 << 14];
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                let at = now();
                count.fetch_add(length as u64, Ordering::Relaxed);
                if sender.send((at, bytes[..length].to_vec())).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(side(rows), side(columns), 0);
        Self { child, master: pair.master, keyboard, pieces, written, screen, begin, modes }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.process_id().expect("it runs")
    }

    /// How many bytes it has written.
    pub(crate) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("it reads keys");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.id() as i32), signal).expect("it runs");
    }

    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.catch_up();
        self.master.resize(sized(columns, rows)).expect("it has a size");
        self.screen.screen_mut().set_size(side(rows), side(columns));
    }

    pub(crate) fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// The rows as they stand.
    pub(crate) fn rows(&self) -> Vec<String> {
        let width = self.screen.screen().size().1;
        self.screen.screen().rows(0, width.get()).collect()
    }

    /// Which alert is selected in the only list on the screen: the first word after the mark.
    pub(crate) fn selected(&self) -> Option<String> {
        let row = self.rows().into_iter().find(|row| row.starts_with('▌'))?;
        // Four digits of an id are not enough to tell neighbours apart.
        let host = row.split_whitespace().find(|word| word.starts_with("WS")).unwrap_or_default();
        row.split_whitespace().nth(1).map(|id| format!("{id} {host}"))
    }

    /// Takes in what was drawn until now.
    pub(crate) fn catch_up(&mut self) {
        while let Ok((_, bytes)) = self.pieces.try_recv() {
            self.screen.process(&bytes);
        }
    }

    /// Takes in what is drawn in so long a time, and looks after every piece.
    pub(crate) fn watch(&mut self, span: Duration, mut look: impl FnMut(&Self, Instant)) {
        let end = now() + span;
        while let Ok((at, bytes)) = self.pieces.recv_timeout(end.saturating_duration_since(now())) {
            self.screen.process(&bytes);
            look(self, at);
        }
    }

    /// When the screen came to be so, if it does in time.
    pub(crate) fn until_within(&mut self, patience: Duration, is_so: impl Fn(&Self) -> bool) -> Option<Instant> {
        let end = now() + patience;
        if is_so(self) {
            return Some(now());
        }
        while let Ok((at, bytes)) = self.pieces.recv_timeout(end.saturating_duration_since(now())) {
            self.screen.process(&bytes);
            if is_so(self) {
                return Some(at);
            }
        }
        None
    }

    /// When the screen came to be so.
    pub(crate) fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) -> Instant {
        self.until_within(PATIENCE, is_so).unwrap_or_else(|| panic!("{what} never shows:\n{}", self.text()))
    }

    /// Until every alert of the collector is counted; others may have come since it was filled.
    pub(crate) fn until_all_is_here(&mut self) -> Instant {
        self.until("the count of all alerts", |console| console.text().contains("HIGH 100,"))
    }

    /// Leaves by the key for it.
    pub(crate) fn quit(mut self) {
        self.press("q");
        self.end();
    }

    /// Reads to the end; whether the terminal is as it was before.
    pub(crate) fn end(mut self) -> bool {
        while let Ok((_, bytes)) = self.pieces.recv_timeout(PATIENCE) {
            self.screen.process(&bytes);
        }
        self.child.wait().expect("it ends");
        let screen = self.screen.screen();
        !screen.alternate_screen() && !screen.hide_cursor() && modes(&*self.master) == self.modes
    }
}

/// Echo, line by line, and all the other modes of the terminal.
fn modes(master: &dyn MasterPty) -> String {
    let modes = master.get_termios().expect("a terminal");
    format!("{:?} {:?} {:?}", modes.input_flags, modes.output_flags, modes.local_flags)
}

fn sized(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn side(length: u16) -> NonZero<u16> {
    NonZero::new(length).expect("no side is 0")
}
