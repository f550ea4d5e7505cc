//! Where the socket is: as named, or by the customs of the system: `$RUNTIME_DIRECTORY` of a systemd service,
//! `$XDG_RUNTIME_DIR` of a user, `/run/wefwatch` where there is neither.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where the socket is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Location {
    /// Nowhere: nobody attaches.
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
            "" | "none" => Self::None,
            "default" => Self::Default,
            path => Self::Path(path.into()),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => Ok(()),
            Self::Default => formatter.write_str("default"),
            Self::Path(path) => path.display().fmt(formatter),
        }
    }
}

impl Location {
    /// Where a collector makes it; `None` where there is none. `variable` reads the environment.
    pub fn resolve(&self, variable: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
        self.candidates(variable).into_iter().next()
    }

    /// Where a viewer looks for it, the likeliest first: the collector may run as a service while the viewer does not.
    pub fn candidates(&self, variable: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
        match self {
            Self::None => Vec::new(),
            Self::Path(path) => vec![path.clone()],
            Self::Default => {
                // systemd gives several folders with colons between them.
                let folder = |name: &str| variable(name).and_then(|text| text.split(':').next().map(PathBuf::from));
                let own = [folder("RUNTIME_DIRECTORY"), folder("XDG_RUNTIME_DIR")];
                let own =
                    own.into_iter().flatten().filter(|folder| folder.is_absolute()).map(|folder| folder.join("wefwatch.sock"));
                own.chain([Path::new("/run/wefwatch/wefwatch.sock").to_owned()]).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customs() {
        type Variables = &'static [(&'static str, &'static str)];
        let rows: [(&str, Variables, Option<&str>); 7] = [
            ("", &[("XDG_RUNTIME_DIR", "/run/user/7")], None),
            ("none", &[], None),
            ("/x/y.sock", &[("XDG_RUNTIME_DIR", "/run/user/7")], Some("/x/y.sock")),
            ("default", &[("XDG_RUNTIME_DIR", "/run/user/7")], Some("/run/user/7/wefwatch.sock")),
            ("default", &[("XDG_RUNTIME_DIR", "user/7")], Some("/run/wefwatch/wefwatch.sock")),
            ("default", &[("RUNTIME_DIRECTORY", "/run/w:/run/x")], Some("/run/w/wefwatch.sock")),
            ("default", &[], Some("/run/wefwatch/wefwatch.sock")),
        ];
        for (text, environment, expected) in rows {
            let Ok(location) = text.parse::<Location>();
            let variable = |name: &str| environment.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(location.resolve(variable).as_deref(), expected.map(Path::new), "{text} {environment:?}");
        }
    }
}
