//! Events as the Elastic Common Schema tells them: what category an event is of, and the value of an ECS field in it. What
//! comes from where stands in `table`, for people to read; empty values and `-` count as absent. Where Elastic's pipeline
//! leaves a field empty that a rule needs, a switch of [`Mapping`] derives it, and the alert says so.

mod arguments;
mod table;
mod values;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::alert::Derived;
use crate::detect::ecs::table::{DATA, EventKind, From, KINDS, OTHER, Row, TABLE};
use crate::detect::ecs::values::{is_swapped, is_wsman, named_protocol, present, winrm_port};
use crate::detect::fields;
use crate::detect::predicate::Value;
use crate::event::WindowsEvent;
use crate::event::time::EventTimeRule;

/// Where `network.protocol` of a WinRM connection comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WinrmProtocol {
    /// tcp 5985 or 5986 without a port name, or with `wsman`, `wsmans` or `winrm`, counts as `http`.
    #[default]
    Derive,
    /// Only what Sysmon's port names say, as Elastic maps it.
    Elastic,
}

/// Where `host.id` comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostId {
    /// `<Computer>`, case folded.
    #[default]
    Computer,
    /// Nowhere: what a stock collector of forwarded events does.
    None,
}

/// Where `user.id` comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserId {
    /// S-1-5-18, -19 and -20 for the three service accounts, else absent.
    #[default]
    Derive,
    /// The SID of the account that wrote the event (always S-1-5-18 for Sysmon), as Elastic maps it.
    Elastic,
}

/// The switches of the mapping (`[mapping]`).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// Where `network.protocol` of a WinRM connection comes from.
    pub winrm_protocol: WinrmProtocol,
    /// Where `host.id` comes from.
    pub host_id: HostId,
    /// Where `user.id` comes from.
    pub user_id: UserId,
    /// Which clock an event's time is read from.
    pub event_time: EventTimeRule,
    /// Whether to swap the sides of inbound connections as Sysmon before 2019-12 wrote them (source = the local side).
    pub swap_old_inbound: bool,
    /// Whether Security 4688 counts as a process creation.
    pub security_4688: bool,
}

/// The ECS categories that events fall into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Processes: created, ended, accessed, tampered with.
    Process,
    /// Network connections and DNS queries.
    Network,
    /// Files and pipes.
    File,
    /// Registry keys and values.
    Registry,
    /// Libraries that a process loaded.
    Library,
    /// Drivers.
    Driver,
    /// Settings of the system or of Sysmon.
    Configuration,
}

impl Category {
    const ALL: [Self; 7] =
        [Self::Process, Self::Network, Self::File, Self::Registry, Self::Library, Self::Driver, Self::Configuration];

    /// The name in ECS.
    pub fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Network => "network",
            Self::File => "file",
            Self::Registry => "registry",
            Self::Library => "library",
            Self::Driver => "driver",
            Self::Configuration => "configuration",
        }
    }

    /// The category that EQL calls so (`process`, `network`), if any events here are of it.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.name() == name)
    }

    /// Whether the event is of this category; it may be of several.
    pub fn takes(self, event: &WindowsEvent, mapping: &Mapping) -> bool {
        event_kind(kind_id(event, mapping)).is_some_and(|kind| kind.categories.contains(&self.name()))
    }

    /// The Sysmon ids of the category's events.
    pub fn event_ids(self) -> impl Iterator<Item = u32> {
        KINDS.iter().filter(move |kind| kind.categories.contains(&self.name())).map(|kind| kind.id)
    }
}

/// The Sysmon id whose kind the event is of: Security 4688 counts as a process creation where the mapping says so.
fn kind_id(event: &WindowsEvent, mapping: &Mapping) -> u32 {
    let id = event.event_id().0;
    if event.is_sysmon() {
        if event_kind(id).is_some() { id } else { OTHER }
    } else if id == 4688 && mapping.security_4688 && fields::is_4688(event) {
        1
    } else {
        OTHER
    }
}

fn event_kind(id: u32) -> Option<&'static EventKind> {
    KINDS.binary_search_by_key(&id, |kind| kind.id).ok().map(|place| &KINDS[place])
}

/// How the values of an ECS field compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As text.
    Keyword,
    /// As numbers.
    Number,
    /// As addresses.
    Ip,
}

/// An ECS field, found once by its name.
#[derive(Debug, Clone, Copy)]
pub struct Field(&'static [Row]);

impl Field {
    /// Finds a field of the table.
    pub fn named(name: &str) -> Option<Self> {
        let start = TABLE.iter().position(|row| row.name == name)?;
        let length = TABLE[start..].iter().take_while(|row| row.name == name).count();
        Some(Self(&TABLE[start..start + length]))
    }

    /// Its values in an event.
    pub fn value<'e>(self, event: &'e WindowsEvent, mapping: &Mapping) -> Value<'e> {
        self.from(kind_id(event, mapping)).map_or(Value::Absent, |from| values::read(from, event, mapping))
    }

    fn from(self, id: u32) -> Option<From> {
        self.0.iter().find(|row| row.ids.contains(&id)).map(|row| row.from)
    }
}

/// What lies under `winlog.event_data`.
const EVENT_DATA: &str = "winlog.event_data.";

/// How a field's values compare; fields that the table lacks compare as text.
pub fn kind(name: &str) -> Kind {
    Field::named(name).map_or(Kind::Keyword, |field| field.0[0].kind)
}

/// What is known beforehand of a field's values in one kind of event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// The field is never there.
    Never,
    /// The field is always there, and its values are these.
    Always(Vec<Cow<'static, str>>),
    /// The value, where there is one, is one of these.
    OneOf(&'static [&'static str]),
    /// Nothing is known.
    Varies,
}

/// The kinds of events of a category, or of all: Sysmon's ids, and 0 for every event that is not of Sysmon.
pub fn kinds(category: Option<Category>) -> Vec<u32> {
    match category {
        Some(category) => category.event_ids().collect(),
        None => std::iter::once(OTHER).chain(KINDS.iter().map(|kind| kind.id)).collect(),
    }
}

/// What is known beforehand of a field in events of the kind (see [`kinds`]).
pub fn known(name: &str, id: u32, mapping: &Mapping) -> Known {
    let always = |values: &'static [&'static str]| Known::Always(values.iter().map(|value| Cow::Borrowed(*value)).collect());
    if let Some(data) = name.strip_prefix(EVENT_DATA) {
        let is_there = id == OTHER || (id == 1 && mapping.security_4688);
        let is_there = is_there || DATA.iter().any(|(own, ids)| *own == data && ids.contains(&id));
        return if is_there { Known::Varies } else { Known::Never };
    }
    let kind = event_kind(id);
    match Field::named(name).and_then(|field| field.from(id)) {
        None => Known::Never,
        Some(From::HostId) if mapping.host_id == HostId::None => Known::Never,
        Some(From::Always(values)) => always(values),
        Some(From::Categories) => always(kind.map_or(&[], |kind| kind.categories)),
        Some(From::Types) => always(kind.map_or(&[], |kind| kind.types)),
        Some(From::Actions) if id == 3 => Known::OneOf(&["Network connection", "connection_attempted", "connection_accepted"]),
        Some(From::Actions) => always(kind.map_or(&[], |kind| kind.actions)),
        Some(From::Code) if id != OTHER && !(id == 1 && mapping.security_4688) => Known::Always(vec![Cow::Owned(id.to_string())]),
        Some(From::Provider) if id != OTHER && !mapping.security_4688 => always(&["Microsoft-Windows-Sysmon"]),
        Some(From::Channel) if id != OTHER && !mapping.security_4688 => always(&["Microsoft-Windows-Sysmon/Operational"]),
        Some(From::Direction) => Known::OneOf(&["egress", "ingress"]),
        Some(From::NetworkType) => Known::OneOf(&["ipv4", "ipv6"]),
        Some(From::ValidOnly) => Known::OneOf(&["true"]),
        Some(From::Signed | From::Trusted) => Known::OneOf(&["true", "false"]),
        Some(_) => Known::Varies,
    }
}

/// The values of an ECS field in an event.
pub fn value<'e>(event: &'e WindowsEvent, name: &str, mapping: &Mapping) -> Value<'e> {
    if let Some(data) = name.strip_prefix(EVENT_DATA) {
        return values::data(event, data);
    }
    Field::named(name).map_or(Value::Absent, |field| field.value(event, mapping))
}

/// What Windows calls the field that an ECS field comes from, for people; `None` for what is the same for every event.
pub fn native_name(event: &WindowsEvent, name: &str, mapping: &Mapping) -> Option<String> {
    if let Some(data) = name.strip_prefix(EVENT_DATA) {
        return Some(data.to_owned());
    }
    let from = Field::named(name).and_then(|field| field.from(kind_id(event, mapping)));
    let Some(from) = from else { return Some(name.to_owned()) };
    match from {
        From::Always(_) | From::Categories | From::Types | From::Actions => None,
        _ => Some(values::native_name(from, event).unwrap_or(name).to_owned()),
    }
}

/// How the event itself spells the value of a field that the mapping translates: the path behind a file name, `false`
/// behind `ingress`. `None` where nothing is translated, or where a value is split or picked.
pub fn spelled<'e>(event: &'e WindowsEvent, name: &str, mapping: &Mapping) -> Option<&'e str> {
    match Field::named(name)?.from(kind_id(event, mapping))? {
        From::FileName(field) | From::Directory(field) | From::Extension(field) => present(event, field),
        From::Direction => present(event, "Initiated"),
        From::NetworkType => present(event, "SourceIsIpv6"),
        From::Hive | From::Key | From::LastPart => present(event, "TargetObject"),
        From::RegistryData => present(event, "Details"),
        _ => None,
    }
}

/// Tells of a value that the mapping supplied, if it did.
pub fn derived(event: &WindowsEvent, name: &str, mapping: &Mapping) -> Option<Derived> {
    let Value::One(value) = value(event, name, mapping) else { return None };
    let reason = match name {
        "host.id" => "Computer".to_owned(),
        "user.id" if mapping.user_id == UserId::Derive => format!("account {}", present(event, "User")?),
        "network.protocol" if named_protocol(event).is_none_or(|name| is_wsman(&name)) => {
            format!("{} {}", present(event, "Protocol")?, winrm_port(event, mapping)?)
        }
        _ if is_swapped(event, mapping) && (name.starts_with("source.") || name.starts_with("destination.")) => {
            "sides swapped: old inbound form".to_owned()
        }
        _ => return None,
    };
    Some(Derived { field: name.to_owned(), value: value.into_owned(), reason })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::sysmon;

    #[test]
    fn the_tables_agree() {
        let ids: Vec<u32> = KINDS.iter().map(|kind| kind.id).collect();
        assert!(ids.is_sorted(), "kinds are found by their order");
        assert_eq!(ids, table::ALL);
        let mut seen: Vec<&str> = Vec::new();
        for row in TABLE {
            if seen.last() != Some(&row.name) {
                assert!(!seen.contains(&row.name), "the rows of {} stand together", row.name);
                seen.push(row.name);
            }
            let field = Field::named(row.name).expect("it stands in the table");
            assert_eq!(field.0[0].kind, row.kind, "{}: one kind", row.name);
            for id in row.ids {
                let rows = field.0.iter().filter(|row| row.ids.contains(id)).count();
                assert_eq!(rows, 1, "{} of event {id}: one source", row.name);
                let (From::Data(data)
                | From::FileName(data)
                | From::Directory(data)
                | From::Extension(data)
                | From::Args(data)
                | From::ArgsCount(data)
                | From::Domain(data)
                | From::UserName(data)
                | From::Side(data, _)) = row.from
                else {
                    continue;
                };
                let is_carried = DATA.iter().any(|(own, ids)| *own == data && ids.contains(id));
                assert!(is_carried, "{}: event {id} carries {data}", row.name);
            }
        }
    }

    fn told(event: &WindowsEvent, name: &str, mapping: &Mapping) -> String {
        value(event, name, mapping).iter().map(AsRef::as_ref).collect::<Vec<&str>>().join("|")
    }

    #[test]
    fn network_protocol_is_derived_only_where_nothing_is_said() {
        let rows = [
            ("tcp", "5985", "-", "derive", "http"),
            ("tcp", "5986", "", "derive", "http"),
            ("tcp", "5985", "wsman", "derive", "http"),
            ("tcp", "5985", "WINRM", "derive", "http"),
            ("tcp", "5985", "ftp", "derive", "ftp"),
            ("udp", "5985", "-", "derive", ""),
            ("tcp", "80", "http", "derive", "http"),
            ("tcp", "80", "-", "derive", ""),
            ("tcp", "5985", "-", "elastic", ""),
            ("tcp", "5985", "http", "elastic", "http"),
        ];
        for (protocol, port, name, switch, expected) in rows {
            let winrm_protocol = if switch == "derive" { WinrmProtocol::Derive } else { WinrmProtocol::Elastic };
            let mapping = Mapping { winrm_protocol, ..Mapping::default() };
            let event = sysmon(
                3,
                "A",
                1,
                &[("Protocol", protocol), ("DestinationPort", port), ("DestinationPortName", name), ("SourcePortName", "-")],
            );
            assert_eq!(told(&event, "network.protocol", &mapping), expected, "{protocol} {port} {name} {switch}");
        }
    }

    #[test]
    fn switches() {
        let old = sysmon(
            3,
            "HR001.Shire.com",
            1,
            &[
                ("Initiated", "false"),
                ("SourcePort", "5985"),
                ("DestinationPort", "50000"),
                ("User", "NT AUTHORITY\\SYSTEM"),
                ("Image", "System"),
            ],
        );
        let on = Mapping { swap_old_inbound: true, host_id: HostId::None, ..Mapping::default() };
        let off = Mapping::default();
        assert_eq!(told(&old, "destination.port", &off), "50000");
        assert_eq!(told(&old, "destination.port", &on), "5985");
        assert_eq!(told(&old, "host.id", &off), "hr001.shire.com");
        assert_eq!(told(&old, "host.id", &on), "");
        assert_eq!(told(&old, "user.id", &off), "S-1-5-18");
        assert_eq!(told(&old, "network.direction", &off), "ingress");
        assert_eq!(told(&old, "process.executable", &off), "System");
        assert_eq!(told(&old, "process.name", &off), "", "no path, no name");
        assert_eq!(told(&old, "user.name", &off), "SYSTEM");
    }

    #[test]
    fn derived_values_say_from_what() {
        let event = sysmon(3, "A", 1, &[("Protocol", "tcp"), ("DestinationPort", "5985"), ("DestinationPortName", "-")]);
        let derived = derived(&event, "network.protocol", &Mapping::default()).unwrap();
        assert_eq!((derived.value.as_str(), derived.reason.as_str()), ("http", "tcp 5985"));
        let named = sysmon(3, "A", 1, &[("Protocol", "tcp"), ("DestinationPort", "80"), ("DestinationPortName", "http")]);
        assert_eq!(super::derived(&named, "network.protocol", &Mapping::default()), None);
    }
}
