//! Where the store is: as named, or by the customs of the system: `$STATE_DIRECTORY` of a systemd service, the XDG state
//! directory of a user, `/var/lib/wefwatch` where there is neither.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where the store is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Location {
    /// Nothing is kept.
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
    /// The file; `None` where nothing is kept. `variable` reads the environment.
    pub fn resolve(&self, variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
        match self {
            Self::None => None,
            Self::Path(path) => Some(path.clone()),
            Self::Default => Some(by_custom(variable)),
        }
    }
}

fn by_custom(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    let folder = |name: &str| variable(name).filter(|path| Path::new(path).is_absolute());
    // systemd gives several folders with colons between them.
    if let Some(state) = folder("STATE_DIRECTORY") {
        return Path::new(state.split(':').next().unwrap_or_default()).join("wefwatch.db");
    }
    let state = folder("XDG_STATE_HOME").map(PathBuf::from);
    let state = state.or_else(|| folder("HOME").filter(|home| home != "/").map(|home| Path::new(&home).join(".local/state")));
    state.unwrap_or_else(|| PathBuf::from("/var/lib")).join("wefwatch/wefwatch.db")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customs() {
        type Variables = &'static [(&'static str, &'static str)];
        let rows: [(&str, Variables, Option<&str>); 8] = [
            ("none", &[("HOME", "/home/a")], None),
            ("/x/y.db", &[("HOME", "/home/a")], Some("/x/y.db")),
            ("default", &[("HOME", "/home/a")], Some("/home/a/.local/state/wefwatch/wefwatch.db")),
            ("", &[("HOME", "/home/a"), ("XDG_STATE_HOME", "/s")], Some("/s/wefwatch/wefwatch.db")),
            ("default", &[("HOME", "/home/a"), ("XDG_STATE_HOME", "s")], Some("/home/a/.local/state/wefwatch/wefwatch.db")),
            ("default", &[("STATE_DIRECTORY", "/var/lib/w:/var/lib/x"), ("HOME", "/")], Some("/var/lib/w/wefwatch.db")),
            ("default", &[("HOME", "/")], Some("/var/lib/wefwatch/wefwatch.db")),
            ("default", &[], Some("/var/lib/wefwatch/wefwatch.db")),
        ];
        for (text, environment, expected) in rows {
            let Ok(location) = text.parse::<Location>();
            let variable = |name: &str| environment.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(location.resolve(variable), expected.map(PathBuf::from), "{text} {environment:?}");
        }
    }
}
