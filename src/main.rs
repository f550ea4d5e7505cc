//! Turns the command line into a run, and its end into an exit code; nothing else.

use std::io::Write as _;
use std::process::ExitCode;

use wefwatch::app;
use wefwatch::cli;

fn main() -> ExitCode {
    let cli = match cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and the version come this way too; a reader that went away is no failure.
            let _ = error.print();
            return ExitCode::from(error.exit_code() as u8);
        }
    };
    match app::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let _ = writeln!(std::io::stderr(), "wefwatch: {}", failure.told());
            ExitCode::from(failure.code())
        }
    }
}
