//! Who can open the socket: its mode is 0660, its group what `[attach]` says. A file has one group and `[attach]` names many, so
//! those who may look and act are let in by an access control list. Where the file system has none, the socket is open to all;
//! the collector asks the kernel who is there in any case, before anybody hears a word.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use nix::unistd::{Gid, chown};
use rustix::fs::{XattrFlags, setxattr};
use tracing::warn;

use crate::attach::Config;
use crate::attach::peer::group_id;

/// Where Linux keeps the list of a file.
const LIST: &str = "system.posix_acl_access";
/// The layout of a list: `linux/posix_acl_xattr.h`.
const VERSION: u32 = 2;
/// Who an entry is about: `linux/posix_acl.h`.
const OWNER: u16 = 0x01;
const OWN_GROUP: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHERS: u16 = 0x20;
/// Entries that are about nobody by number.
const NO_ID: u32 = u32::MAX;
const READ_AND_WRITE: u16 = 6;

/// Who can open the socket besides its owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Access {
    /// Its group; else it is the system's choice.
    group: Option<Gid>,
    /// The groups that are let in besides.
    others: Vec<Gid>,
}

/// What the configuration says; or the name of a group that does not exist.
pub(super) fn of(config: &Config) -> Result<Access, String> {
    if !config.group.is_empty() {
        let group = group_id(&config.group).ok_or_else(|| config.group.clone())?;
        return Ok(Access { group: Some(group), others: Vec::new() });
    }
    let mut others: Vec<Gid> = config.analysts.iter().chain(&config.viewers).filter_map(|name| group_id(name)).collect();
    others.sort_unstable_by_key(|group| group.as_raw());
    others.dedup();
    Ok(Access { group: None, others })
}

impl Access {
    /// Lets them in.
    pub(super) fn grant(&self, socket: &Path) -> io::Result<()> {
        let set_mode = |mode| std::fs::set_permissions(socket, std::fs::Permissions::from_mode(mode));
        if self.group.is_some() {
            chown(socket, None, self.group)?;
        }
        set_mode(0o660)?;
        if self.others.is_empty() {
            return Ok(());
        }
        if let Err(error) = setxattr(socket, LIST, &list(&self.others), XattrFlags::empty()) {
            let why = "no access control list here: the socket is open to all, and the collector asks the kernel who is there";
            warn!(socket = %socket.display(), %error, "{why}");
            set_mode(0o666)?;
        }
        Ok(())
    }
}

/// The list that lets these groups read and write, in ascending order, next to owner and group.
fn list(groups: &[Gid]) -> Vec<u8> {
    let entry = |tag: u16, permissions: u16, id: u32| {
        let mut bytes = Vec::from(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
        bytes
    };
    let mut bytes = Vec::from(VERSION.to_le_bytes());
    bytes.extend(entry(OWNER, READ_AND_WRITE, NO_ID));
    bytes.extend(entry(OWN_GROUP, READ_AND_WRITE, NO_ID));
    bytes.extend(groups.iter().flat_map(|group| entry(GROUP, READ_AND_WRITE, group.as_raw())));
    bytes.extend(entry(MASK, READ_AND_WRITE, NO_ID));
    bytes.extend(entry(OTHERS, 0, NO_ID));
    bytes
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
        let config = |group: &str, analysts: &[&str], viewers: &[&str]| {
            let [analysts, viewers] = [analysts, viewers].map(|names| names.iter().map(|name| (*name).to_owned()).collect());
            Config { group: group.to_owned(), analysts, viewers, ..Config::default() }
        };
        let access = |group: Option<u32>, others: &[u32]| {
            let others = others.iter().map(|number| Gid::from_raw(*number)).collect();
            Ok(Access { group: group.map(Gid::from_raw), others })
        };
        let rows = [
            ("nothing is named", config("", &[], &[]), access(None, &[])),
            ("groups are named", config("", &["9", "7"], &["8", "7"]), access(None, &[7, 8, 9])),
            ("the socket has a group", config("7", &["8"], &[]), access(Some(7), &[])),
            ("root's group, by its name", config("root", &[], &[]), access(Some(0), &[])),
            ("a group that does not exist", config("no such group", &[], &[]), Err("no such group".to_owned())),
            ("nor does one that may act", config("", &["no such group"], &[]), access(None, &[])),
        ];
        for (name, config, expected) in rows {
            assert_eq!(of(&config), expected, "{name}");
        }
    }
}
