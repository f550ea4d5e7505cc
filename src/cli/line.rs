//! Reads the command line as it was typed. Flags may stand before the command that they belong to, as in git and cargo: they
//! are moved behind it, so that each command says itself which flags it takes.

use std::ffi::OsString;

use clap::{Command, Error, Parser};

use crate::console::printable::{printable, printable_lines};

/// Reads it. An error quotes what was typed: made visible, so that nothing in it acts on the terminal.
pub(super) fn read<P: Parser>(arguments: impl IntoIterator<Item = OsString>) -> Result<P, Error> {
    let arguments = behind_the_command(arguments.into_iter().collect(), &P::command());
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

/// The words with the flags that stand before a command moved behind its name, and behind the name of what it is divided into.
fn behind_the_command(words: Vec<OsString>, root: &Command) -> Vec<OsString> {
    let mut known = Vec::new();
    flags(root, &mut known);
    let takes_value = |flag: &str| known.iter().find(|(own, _)| own == flag).map(|(_, takes_value)| *takes_value);
    let mut command = root;
    let mut words = words.into_iter().peekable();
    let mut placed: Vec<OsString> = words.next().into_iter().collect();
    let mut moved = Vec::new();
    while command.has_subcommands() {
        let Some(word) = words.peek().and_then(|word| word.to_str()) else { break };
        if let Some(inner) = command.find_subcommand(word) {
            command = inner;
            placed.extend(words.next());
            continue;
        }
        let (flag, has_value) = word.split_once('=').map_or((word, false), |(flag, _)| (flag, true));
        let Some(takes_value) = takes_value(flag) else { break };
        moved.extend(words.next());
        if takes_value && !has_value {
            moved.extend(words.next());
        }
    }
    placed.into_iter().chain(moved).chain(words).collect()
}

/// The flags of a command and of those below it, and whether they take a value; those that end the program stay where they are.
fn flags(command: &Command, known: &mut Vec<(String, bool)>) {
    for flag in command.get_arguments().filter(|flag| !flag.is_positional()) {
        let takes_value = flag.get_action().takes_values();
        known.extend(flag.get_long().map(|long| (format!("--{long}"), takes_value)));
        known.extend(flag.get_short().map(|short| (format!("-{short}"), takes_value)));
        known.extend(flag.get_short().map(|short| (format!("-{short}{short}"), takes_value)));
    }
    command.get_subcommands().for_each(|inner| flags(inner, known));
}
