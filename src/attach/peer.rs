//! Who is at the other end of the socket, by what the kernel says of the peer, and what they may do: root and the user of the
//! collector everything; others by their groups.

use std::ffi::CString;

use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use tokio::net::UnixStream;

use crate::attach::Config;
use crate::triage::viewer::Role;

/// Somebody who attaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) who: String,
    pub(super) role: Role,
}

/// Who it is; or why they are not let in.
pub(super) fn of(stream: &UnixStream, config: &Config) -> Result<Peer, String> {
    let credentials = stream.peer_cred().map_err(|error| format!("the kernel does not tell who you are: {error}"))?;
    let (uid, gid) = (Uid::from_raw(credentials.uid()), Gid::from_raw(credentials.gid()));
    let user = User::from_uid(uid).ok().flatten();
    let who = user.as_ref().map_or_else(|| format!("uid {uid}"), |user| user.name.clone());
    let is_owner = uid.is_root() || uid == Uid::effective();
    let role = if is_owner { Some(Role::Analyst) } else { role_of(&groups(user.as_ref(), gid), config, &group_id) };
    role.map(|role| Peer { role, who: who.clone() })
        .ok_or_else(|| format!("{who} is in none of the groups that may attach; [attach] analysts and viewers name them"))
}

/// The groups that the system lists for the user, and the one that the process runs with: `newgrp` sets that, and the user's
/// own then is only in the list.
fn groups(user: Option<&User>, gid: Gid) -> Vec<Gid> {
    let listed = user.and_then(|user| {
        let name = CString::new(user.name.as_str()).ok()?;
        getgrouplist(&name, user.gid).ok()
    });
    listed.unwrap_or_default().into_iter().chain([gid]).collect()
}

/// The number of a group by its name, or as it stands; nothing for one that does not exist.
pub(super) fn group_id(name: &str) -> Option<Gid> {
    let group = Group::from_name(name).ok().flatten().map(|group| group.gid);
    group.or_else(|| name.parse().ok().map(Gid::from_raw))
}

/// What members of these groups may do. Where nobody is named who may look, whoever can open the socket may, unless that is
/// open to all because groups are named.
fn role_of(own: &[Gid], config: &Config, id: &dyn Fn(&str) -> Option<Gid>) -> Option<Role> {
    let is_in = |names: &[String]| names.iter().filter_map(|name| id(name)).any(|gid| own.contains(&gid));
    if is_in(&config.analysts) {
        return Some(Role::Analyst);
    }
    let is_guarded = !config.group.is_empty() || !config.names_groups();
    ((config.viewers.is_empty() && is_guarded) || is_in(&config.viewers)).then_some(Role::Viewer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_by_group() {
        let id = |name: &str| match name {
            "soc" => Some(Gid::from_raw(10)),
            "guests" => Some(Gid::from_raw(20)),
            _ => None,
        };
        let config = |analysts: &[&str], viewers: &[&str]| Config {
            analysts: analysts.iter().map(|name| (*name).to_owned()).collect(),
            viewers: viewers.iter().map(|name| (*name).to_owned()).collect(),
            ..Config::default()
        };
        let rows = [
            ("an analyst", config(&["soc"], &["guests"]), vec![5, 10], Some(Role::Analyst)),
            ("a viewer", config(&["soc"], &["guests"]), vec![20], Some(Role::Viewer)),
            ("both", config(&["soc"], &["guests"]), vec![20, 10], Some(Role::Analyst)),
            ("neither", config(&["soc"], &["guests"]), vec![5], None),
            ("nobody is named as a viewer", config(&["soc"], &[]), vec![5], None),
            ("the socket has a group", Config { group: "team".to_owned(), ..config(&["soc"], &[]) }, vec![5], Some(Role::Viewer)),
            (
                "the socket has a group, and viewers another",
                Config { group: "team".to_owned(), ..config(&["soc"], &["guests"]) },
                vec![5],
                None,
            ),
            ("nothing is set", config(&[], &[]), vec![5], Some(Role::Viewer)),
            ("a group that does not exist", config(&["gone"], &["gone"]), vec![5], None),
        ];
        for (name, config, own, expected) in rows {
            let own: Vec<Gid> = own.into_iter().map(Gid::from_raw).collect();
            assert_eq!(role_of(&own, &config, &id), expected, "{name}");
        }
    }
}
