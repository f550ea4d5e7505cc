//! The log: on standard error, never on standard output.

use std::io::{IsTerminal as _, stderr};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::format::debug_fn;

use crate::app::session::Face;
use crate::console::printable::printable;

/// Begins to log; beside a console only if that is not the same terminal. Whatever a field brings in is made visible and
/// stays on its line.
pub(super) fn to_stderr(level: &str, face: Face) {
    if face == Face::Console && stderr().is_terminal() {
        return;
    }
    let filter = EnvFilter::try_from_env("WEFWATCH_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let fields = debug_fn(|writer, field, value| {
        let value = format!("{value:?}");
        let name = if field.name() == "message" { String::new() } else { format!("{field}=") };
        write!(writer, "{name}{}", printable(&value))
    });
    let subscriber = tracing_subscriber::fmt()
        .fmt_fields(fields.delimited(" "))
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(false)
        .with_target(false)
        // A terminal that closed over a collector is no reason to speak of it there.
        .log_internal_errors(false);
    // A second subscriber in one process (tests) is no reason to fail.
    let _ = subscriber.try_init();
}
