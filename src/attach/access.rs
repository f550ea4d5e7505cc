//! Who can open the socket. A file has one group, `[attach]` names many: where several are let in, the socket is open to all, and
//! the collector asks the kernel who is there before anybody hears a word.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nix::unistd::Gid;

use crate::attach::Config;
use crate::attach::peer::group_id;

/// The group of the socket, where it is not the system's choice, and its mode; or the name of a group that does not exist.
pub(super) fn of(config: &Config) -> Result<(Option<Gid>, u32), String> {
    if !config.group.is_empty() {
        return group_id(&config.group).map(|group| (Some(group), 0o660)).ok_or_else(|| config.group.clone());
    }
    Ok((None, if config.names_groups() { 0o666 } else { 0o660 }))
}

/// Makes the folder of the socket, if there is none, so that whoever may attach can get through it, whatever the umask.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.as_os_str().is_empty() || folder.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder)?;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_open_as_the_groups_need() {
        let config = |group: &str, analysts: &[&str]| Config {
            group: group.to_owned(),
            analysts: analysts.iter().map(|name| (*name).to_owned()).collect(),
            ..Config::default()
        };
        let gid = |number| Some(Gid::from_raw(number));
        let rows = [
            ("nothing is named", config("", &[]), Ok((None, 0o660))),
            ("groups are named", config("", &["7"]), Ok((None, 0o666))),
            ("the socket has a group", config("7", &["8"]), Ok((gid(7), 0o660))),
            ("root's group, by its name", config("root", &[]), Ok((gid(0), 0o660))),
            ("a group that does not exist", config("no such group", &[]), Err("no such group".to_owned())),
        ];
        for (name, config, expected) in rows {
            assert_eq!(of(&config), expected, "{name}");
        }
    }
}
