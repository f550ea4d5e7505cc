//! What a configuration names on this machine and that must be there: rule folders, groups.

use crate::config::Config;
use crate::config::written::{Complaint, complain};

/// Whether the rule folders and files are there and can be opened.
pub(super) fn rules(config: &Config) -> Result<(), Complaint> {
    for (number, path) in config.rules.directories.iter().enumerate() {
        let opened = std::fs::metadata(path).and_then(|about| {
            if about.is_dir() { std::fs::read_dir(path).map(drop) } else { std::fs::File::open(path).map(drop) }
        });
        opened.or_else(|error| complain(&format!("rules.directories.{number}"), &format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

/// Whether the groups exist.
pub(super) fn groups(config: &Config) -> Result<(), Complaint> {
    let attach = &config.attach;
    let group = Some(&attach.group).filter(|name| !name.is_empty()).map(|name| ("attach.group".to_owned(), name));
    let listed = [("analysts", &attach.analysts), ("viewers", &attach.viewers)]
        .into_iter()
        .flat_map(|(key, names)| names.iter().enumerate().map(move |(number, name)| (format!("attach.{key}.{number}"), name)));
    for (key, name) in group.into_iter().chain(listed) {
        if !crate::attach::group_exists(name) {
            complain(&key, &format!("there is no group `{name}`"))?;
        }
    }
    Ok(())
}
