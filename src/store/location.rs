//! Where the store is by custom: `$STATE_DIRECTORY` of a systemd service, the XDG state directory of a user,
//! `/var/lib/wefwatch` where there is neither.

use std::path::PathBuf;

use crate::location::folder;

/// The file; `variable` reads the environment.
pub fn by_custom(variable: impl Fn(&str) -> Option<String>) -> PathBuf {
    if let Some(state) = folder("STATE_DIRECTORY", &variable) {
        return state.join("wefwatch.db");
    }
    let home = || folder("HOME", &variable).filter(|home| home.parent().is_some()).map(|home| home.join(".local/state"));
    let state = folder("XDG_STATE_HOME", &variable).or_else(home);
    state.unwrap_or_else(|| PathBuf::from("/var/lib")).join("wefwatch/wefwatch.db")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn customs() {
        type Variables = &'static [(&'static str, &'static str)];
        let rows: [(Variables, &str); 6] = [
            (&[("HOME", "/home/a")], "/home/a/.local/state/wefwatch/wefwatch.db"),
            (&[("HOME", "/home/a"), ("XDG_STATE_HOME", "/s")], "/s/wefwatch/wefwatch.db"),
            (&[("HOME", "/home/a"), ("XDG_STATE_HOME", "s")], "/home/a/.local/state/wefwatch/wefwatch.db"),
            (&[("STATE_DIRECTORY", "/var/lib/w:/var/lib/x"), ("HOME", "/")], "/var/lib/w/wefwatch.db"),
            (&[("HOME", "/")], "/var/lib/wefwatch/wefwatch.db"),
            (&[], "/var/lib/wefwatch/wefwatch.db"),
        ];
        for (environment, expected) in rows {
            let variable = |name: &str| environment.iter().find(|(own, _)| *own == name).map(|(_, value)| (*value).to_owned());
            assert_eq!(by_custom(variable), PathBuf::from(expected), "{environment:?}");
        }
    }
}
