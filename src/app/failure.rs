//! Why the program ends without having done what it was asked to, and how that is told: one line, in which nothing that an
//! argument or a file brought in acts on the terminal or passes for a line of its own.

use crate::console::printable::{printable, width};
use crate::filter::FilterError;

/// Why the program ends without having done what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Bad usage or bad configuration: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Bad usage that takes several lines to show.
    #[error("{}", .0.join("\n"))]
    Shown(Vec<String>),
    /// It failed while running, or an expectation was not met: exit code 1.
    #[error("{0}")]
    Run(String),
}

impl Failure {
    /// A filter that is none: what is wrong, the filter, and a mark under the wrong word.
    pub fn filter(flag: &str, text: &str, error: &FilterError) -> Self {
        let columns = |text: Option<&str>| width(&printable(text.unwrap_or_default()));
        let before = columns(text.get(..error.at));
        let length = columns(text.get(error.at..error.at + error.length)).max(1);
        let mark = format!("  {}{}", " ".repeat(before), "^".repeat(length));
        Self::Shown(vec![format!("{flag}: {}", error.reason), format!("  {text}"), mark])
    }

    /// The exit code.
    pub fn code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Shown(_) => 2,
            Self::Run(_) => 1,
        }
    }

    /// What the user is told.
    pub fn told(&self) -> String {
        match self {
            Self::Usage(text) | Self::Run(text) => printable(text).into_owned(),
            Self::Shown(lines) => lines.iter().map(|line| printable(line)).collect::<Vec<_>>().join("\n"),
        }
    }
}
