//! Reads the command line as it was typed.

use std::ffi::OsString;

use clap::{Error, Parser};

use crate::console::printable::{printable, printable_lines};

/// Reads it. An error quotes what was typed: made visible, so that nothing in it acts on the terminal.
pub(super) fn read<P: Parser>(arguments: impl IntoIterator<Item = OsString>) -> Result<P, Error> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    P::try_parse_from(&arguments).map_err(|error| {
        if !error.use_stderr() {
            return error;
        }
        // Spelled out it is as wrong as before, and quoted as spelled.
        let visible = arguments.iter().map(|argument| printable(&argument.to_string_lossy()).into_owned());
        let spelled = P::try_parse_from(visible).err().filter(Error::use_stderr);
        spelled.unwrap_or_else(|| Error::raw(error.kind(), printable_lines(&error.render().to_string())))
    })
}
