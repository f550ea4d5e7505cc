//! Where the store and the socket are, in one spelling for both: `none`, a path, or the place that custom gives them
//! (`default`, or nothing written). What custom says is each room's own.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Location {
    /// Nowhere: there is none.
    None,
    /// By the customs of the system.
    #[default]
    Default,
    /// There.
    Path(PathBuf),
}

impl FromStr for Location {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "none" => Self::None,
            "" | "default" => Self::Default,
            path => Self::Path(path.into()),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("none"),
            Self::Default => formatter.write_str("default"),
            Self::Path(path) => path.display().fmt(formatter),
        }
    }
}

impl Location {
    /// The path, where there is one; `custom` knows the place of what is not named.
    pub fn resolve(&self, custom: impl FnOnce() -> PathBuf) -> Option<PathBuf> {
        match self {
            Self::None => None,
            Self::Path(path) => Some(path.clone()),
            Self::Default => Some(custom()),
        }
    }
}

/// The folder that a variable names, if that is a whole path. systemd gives several folders with colons between them.
pub fn folder(name: &str, variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let text = variable(name)?;
    let first = if name.ends_with("_DIRECTORY") { text.split(':').next().unwrap_or_default() } else { &text };
    Some(PathBuf::from(first)).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        for (text, expected, shown) in [
            ("none", None, "none"),
            ("", Some("/by/custom"), "default"),
            ("default", Some("/by/custom"), "default"),
            ("/x/y", Some("/x/y"), "/x/y"),
            ("None", Some("None"), "None"),
        ] {
            let Ok(location) = text.parse::<Location>();
            assert_eq!(location.resolve(|| "/by/custom".into()), expected.map(PathBuf::from), "{text}");
            assert_eq!(location.to_string(), shown);
        }
    }
}
