//! The collector under valgrind, which counts the instructions that it executes: a figure that nothing else on the machine moves.
//! It is some fifty times slower there, and what it does by the clock, such as telling its consoles ten times a second, weighs
//! fifty times as much an event. So a difference that consoles make shows larger than it is.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use crate::figures::now;
use crate::server::Server;

/// Beyond this something is broken.
const PATIENCE: Duration = Duration::from_mins(1);

/// A collector whose instructions are counted.
pub(crate) struct Counted {
    pub(crate) server: Server,
    folder: TempDir,
    dumps: u32,
}

impl Counted {
    /// Starts one; `None` where there is no valgrind.
    pub(crate) fn start() -> Option<Self> {
        let is_there = |tool| Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
        if !is_there("valgrind") || !is_there("callgrind_control") {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new("valgrind");
        command.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", folder.path().join("dump").display()));
        command.arg(env!("CARGO_BIN_EXE_wefwatch"));
        let server = Server::start_by(command, folder.path(), false);
        Some(Self { server, folder, dumps: 0 })
    }

    /// How many instructions it executed since it was asked last.
    pub(crate) fn instructions(&mut self) -> u64 {
        self.dumps += 1;
        let asked = Command::new("callgrind_control").args(["-d", &self.server.id().to_string()]).output().expect("it is there");
        let path = self.folder.path().join(format!("dump.{}", self.dumps));
        let begin = now();
        loop {
            if let Some(count) = total_of(&path) {
                return count;
            }
            assert!(begin.elapsed() < PATIENCE, "no dump {}: {asked:?}", path.display());
            sleep(Duration::from_millis(50));
        }
    }
}

/// The total of a dump, which stands at its end.
fn total_of(path: &PathBuf) -> Option<u64> {
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().rev().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}
