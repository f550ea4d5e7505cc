//! The real binary in a pseudo-terminal.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::collections::BTreeSet;
use std::io::Read as _;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// Long enough for the slowest machine; nothing here waits for time to pass.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn side(length: u16) -> NonZero<u16> {
    NonZero::new(length).expect("no side is 0")
}

/// How many pieces of output are read before a text counts as missing.
const PIECES: usize = 100;
/// How many, before a program counts as one that does not end.
const MOST_PIECES: usize = 1000;

pub(crate) struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    pub(crate) master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn std::io::Write + Send>,
    output: Receiver<Vec<u8>>,
    pub(crate) screen: vt100::Parser,
    raw: Vec<u8>,
}

impl Terminal {
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)], (columns, rows): (u16, u16)) -> Self {
        let size = PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_wefwatch"));
        command.args(arguments);
        if arguments.first() == Some(&"run") {
            // Tests must not meet at one socket.
            command.args(["--socket", "none"]);
        }
        command.cwd(env!("CARGO_MANIFEST_DIR"));
        command.env("TERM", "xterm-256color");
        command.env_remove("NO_COLOR");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).expect("the binary starts");
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().expect("a reader");
        let keyboard = pair.master.take_writer().expect("a writer");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = reader.read(&mut bytes) {
                if sender.send(bytes[..length].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            master: pair.master,
            keyboard,
            output,
            screen: vt100::Parser::new(side(rows), side(columns), 0),
            raw: Vec::new(),
        }
    }

    pub(crate) fn replay(environment: &[(&str, &str)], size: (u16, u16)) -> Self {
        Self::start(&["replay", "--speed", "max", "samples/demo.xml"], environment, size)
    }

    pub(crate) fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Reads on until the screen holds a text.
    pub(crate) fn wait_for(&mut self, wanted: &str) {
        self.wait_until(wanted, |terminal| terminal.text().contains(wanted));
    }

    /// Reads on until this holds.
    pub(crate) fn wait_until(&mut self, wanted: &str, holds: impl Fn(&Self) -> bool) {
        // The clock on the screen writes once a second, so that silence alone does not tell that nothing will come.
        for _ in 0..PIECES {
            if holds(self) {
                return;
            }
            let Ok(bytes) = self.output.recv_timeout(PATIENCE) else { break };
            self.screen.process(&bytes);
            self.raw.extend(bytes);
        }
        panic!("{wanted} never shows:\n{}", self.text());
    }

    /// Reads on until the program has written this, be it drawn or not.
    pub(crate) fn wait_for_bytes(&mut self, wanted: &str) {
        self.wait_until(&format!("{wanted:?}"), |terminal| String::from_utf8_lossy(&terminal.raw).contains(wanted));
    }

    /// The colours of the palette in which something is written.
    pub(crate) fn colours(&self) -> BTreeSet<u8> {
        let screen = self.screen.screen();
        let (rows, columns) = (screen.size().0.get(), screen.size().1.get());
        let cells = (0..rows).flat_map(|row| (0..columns).filter_map(move |column| screen.cell(row, column)));
        cells.filter_map(|cell| if let vt100::Color::Idx(colour) = cell.fgcolor() { Some(colour) } else { None }).collect()
    }

    /// Reads one more piece of what is drawn.
    pub(crate) fn read_on(&mut self) {
        let bytes = self.output.recv_timeout(PATIENCE).expect("more is drawn");
        self.screen.process(&bytes);
        self.raw.extend(bytes);
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).expect("it reads keys");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.process_id().expect("it runs");
        kill(Pid::from_raw(id as i32), signal).expect("it runs");
    }

    /// Reads to the end: how it ended and all that it wrote.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        // One that does not end draws its clock for ever.
        let mut pieces = 0;
        while let Ok(bytes) = self.output.recv_timeout(PATIENCE) {
            self.screen.process(&bytes);
            self.raw.extend(bytes);
            pieces += 1;
            if pieces > MOST_PIECES {
                let _ = self.child.kill();
                panic!("it does not end:\n{}", self.text());
            }
        }
        let status = self.child.wait().expect("it ends");
        assert!(!self.screen.screen().alternate_screen(), "the alternate screen is still on");
        assert!(!self.screen.screen().hide_cursor(), "the cursor is still hidden");
        assert_eq!(self.screen.screen().mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is still captured");
        let text = String::from_utf8_lossy(&self.raw).into_owned();
        let [asked, left] = ["\u{1b}[?1004h", "\u{1b}[?1004l"].map(|sequence| text.rfind(sequence));
        assert!(asked <= left, "the terminal still tells of its focus");
        (status, text)
    }
}
