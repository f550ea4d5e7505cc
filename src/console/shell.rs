//! Files that the console writes, away from the task that draws.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use tokio::sync::mpsc;

use crate::console::model::export::WriteError;

/// Writes a file and tells what came of it. Evidence is nobody else's business: only the owner may read it.
pub(super) fn write(path: String, text: String, is_overwriting: bool, done: mpsc::Sender<Result<(), WriteError>>) {
    tokio::task::spawn_blocking(move || {
        // A console that is gone needs no answer.
        let _ = done.blocking_send(write_now(&path, &text, is_overwriting));
    });
}

fn write_now(path: &str, text: &str, is_overwriting: bool) -> Result<(), WriteError> {
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if is_overwriting {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let written = options.open(home(path)).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => WriteError::Exists,
        _ => WriteError::Other(error.to_string()),
    })
}

/// `~/` as a shell reads it.
fn home(path: &str) -> PathBuf {
    match (path.strip_prefix("~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => PathBuf::from(home).join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten_unasked() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.md").to_str().expect("UTF-8").to_owned();
        assert_eq!(write_now(&path, "one", false), Ok(()));
        assert_eq!(write_now(&path, "two", false), Err(WriteError::Exists));
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "one");
        assert_eq!(write_now(&path, "two", true), Ok(()));
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), "two");
        let lost = folder.path().join("no/such/folder.md");
        assert!(matches!(write_now(lost.to_str().expect("UTF-8"), "", false), Err(WriteError::Other(_))));
    }
}
