//! How a console calls for attention where nobody looks: not at all, by the terminal's bell, or by a notification of the desktop
//! behind the terminal (OSC 9).

use std::fmt;
use std::str::FromStr;

/// How.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Notify {
    /// Not at all.
    #[default]
    Off,
    /// The terminal's bell.
    Bell,
    /// OSC 9, with a sentence. Terminals that do not know it show nothing.
    Osc9,
}

impl Notify {
    /// What the terminal is sent; the text must be printable.
    pub fn sequence(self, text: &str) -> String {
        match self {
            Self::Off => String::new(),
            Self::Bell => "\u{7}".to_owned(),
            Self::Osc9 => format!("\u{1b}]9;{text}\u{7}"),
        }
    }
}

impl fmt::Display for Notify {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Off => "off",
            Self::Bell => "bell",
            Self::Osc9 => "osc9",
        })
    }
}

/// A word that is no way to call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no way to notify; there are off, bell and osc9")]
pub struct UnknownNotify(String);

impl FromStr for Notify {
    type Err = UnknownNotify;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "off" => Ok(Self::Off),
            "bell" => Ok(Self::Bell),
            "osc9" => Ok(Self::Osc9),
            _ => Err(UnknownNotify(text.to_owned())),
        }
    }
}
