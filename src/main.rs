//! Turns the command line into a run, and its end into an exit code; nothing else.

use std::process::ExitCode;

use clap::Parser as _;
use wefwatch::app;
use wefwatch::cli::Cli;

fn main() -> ExitCode {
    match app::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("wefwatch: {failure}");
            ExitCode::from(failure.code())
        }
    }
}
