//! Where the socket is by custom: `$RUNTIME_DIRECTORY` of a systemd service, `$XDG_RUNTIME_DIR` of a user, `/run/wefwatch` where
//! there is neither.

use std::path::PathBuf;

use crate::location::{Location, folder};

/// Where a viewer looks for it, the likeliest first: the collector may run as a service while the viewer does not. A collector
/// makes it at the first. None where there is no socket; `variable` reads the environment.
pub fn candidates(location: &Location, variable: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    if *location != Location::Default {
        return location.resolve(PathBuf::new).into_iter().collect();
    }
    let own = ["RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"].into_iter().filter_map(|name| folder(name, &variable));
    own.map(|folder| folder.join("wefwatch.sock")).chain([PathBuf::from("/run/wefwatch/wefwatch.sock")]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customs() {
        type Variables = &'static [(&'static str, &'static str)];
        let rows: [(&str, Variables, &[&str]); 6] = [
            ("none", &[("XDG_RUNTIME_DIR", "/run/user/7")], &[]),
            ("/x/y.sock", &[("XDG_RUNTIME_DIR", "/run/user/7")], &["/x/y.sock"]),
            ("", &[("XDG_RUNTIME_DIR", "/run/user/7")], &["/run/user/7/wefwatch.sock", "/run/wefwatch/wefwatch.sock"]),
            ("default", &[("XDG_RUNTIME_DIR", "user/7")], &["/run/wefwatch/wefwatch.sock"]),
            ("default", &[("RUNTIME_DIRECTORY", "/run/w:/run/x")], &["/run/w/wefwatch.sock", "/run/wefwatch/wefwatch.sock"]),
            ("default", &[], &["/run/wefwatch/wefwatch.sock"]),
        ];
        for (text, environment, expected) in rows {
            let Ok(location) = text.parse::<Location>();
            let variable = |name: &str| environment.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
            let expected: Vec<PathBuf> = expected.iter().map(PathBuf::from).collect();
            assert_eq!(candidates(&location, variable), expected, "{text} {environment:?}");
        }
    }
}
