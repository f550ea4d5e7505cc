//! The mapping from Sysmon to the Elastic Common Schema, as one table that a person can read: which ECS field comes from
//! which Sysmon field of event 1 and event 3. It follows Elastic's own ingest pipeline (integrations, `windows`,
//! `sysmon_operational/default.yml`): empty values and `-` count as absent. Where the pipeline leaves a field empty that a
//! rule needs, a switch of [`Mapping`] derives it, and the alert says so.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::alert::Derived;
use crate::detect::fields;
use crate::detect::predicate::Value;
use crate::event::WindowsEvent;
use crate::event::sysmon::NetworkConnect;
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

/// The ECS categories that Sysmon 1 and 3 fall into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Process creations.
    Process,
    /// Network connections.
    Network,
}

impl Category {
    /// The category of an event, if it has one.
    pub fn of(event: &WindowsEvent, mapping: &Mapping) -> Option<Self> {
        match event.event_id().0 {
            1 if event.is_sysmon() => Some(Self::Process),
            3 if event.is_sysmon() => Some(Self::Network),
            4688 if mapping.security_4688 && fields::is_4688(event) => Some(Self::Process),
            _ => None,
        }
    }

    /// The category that EQL calls so (`process`, `network`), if its events are mapped.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "process" => Some(Self::Process),
            "network" => Some(Self::Network),
            _ => None,
        }
    }
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

/// Where the value of an ECS field comes from in one kind of event.
#[derive(Debug, Clone, Copy)]
enum From {
    /// Nowhere.
    Nothing,
    /// The same for every event of the kind.
    Always(&'static [&'static str]),
    /// A data field, as it stands.
    Data(&'static str),
    /// The file name at the end of a path; absent without a backslash.
    FileName(&'static str),
    /// A command line, split as Windows splits it.
    Args(&'static str),
    /// How many arguments a command line has.
    ArgsCount(&'static str),
    /// `DOMAIN\name`: the domain, the name.
    Domain(&'static str),
    /// See `Domain`.
    UserName(&'static str),
    /// One of the hashes in `Hashes`.
    Hash(&'static str),
    /// `<Computer>`.
    Computer,
    /// `<Computer>` folded, by `mapping.host_id`.
    HostId,
    /// By `mapping.user_id`.
    UserId,
    /// `Initiated`: egress or ingress.
    Direction,
    /// The port names, or by `mapping.winrm_protocol`.
    Protocol,
    /// `SourceIsIpv6`: ipv4 or ipv6.
    NetworkType,
    /// `Provider/@Name`.
    Provider,
    /// `EventID`.
    Code,
    /// A side of the connection, swapped by `mapping.swap_old_inbound`: this field, or the other.
    Side(&'static str, &'static str),
}

struct Row {
    name: &'static str,
    kind: Kind,
    process: From,
    network: From,
}

const fn row(name: &'static str, kind: Kind, process: From, network: From) -> Row {
    Row { name, kind, process, network }
}

#[rustfmt::skip]
const TABLE: &[Row] = &[
    //  ECS field                          compares as    Sysmon 1                            Sysmon 3
    row("event.category",                  Kind::Keyword, From::Always(&["process"]),         From::Always(&["network"])),
    row("event.type",                      Kind::Keyword, From::Always(&["start"]),           From::Always(&["start", "connection", "protocol"])),
    row("event.action",                    Kind::Keyword, From::Always(&["Process creation"]), From::Always(&["Network connection"])),
    row("event.kind",                      Kind::Keyword, From::Always(&["event"]),           From::Always(&["event"])),
    row("event.module",                    Kind::Keyword, From::Always(&["sysmon"]),          From::Always(&["sysmon"])),
    row("event.dataset",                   Kind::Keyword, From::Always(&["windows.sysmon_operational"]), From::Always(&["windows.sysmon_operational"])),
    row("event.provider",                  Kind::Keyword, From::Provider,                     From::Provider),
    row("event.code",                      Kind::Keyword, From::Code,                         From::Code),
    row("host.os.type",                    Kind::Keyword, From::Always(&["windows"]),         From::Always(&["windows"])),
    row("host.os.family",                  Kind::Keyword, From::Always(&["windows"]),         From::Always(&["windows"])),
    row("host.name",                       Kind::Keyword, From::Computer,                     From::Computer),
    row("host.id",                         Kind::Keyword, From::HostId,                       From::HostId),
    row("process.executable",              Kind::Keyword, From::Data("Image"),                From::Data("Image")),
    row("process.name",                    Kind::Keyword, From::FileName("Image"),            From::FileName("Image")),
    row("process.command_line",            Kind::Keyword, From::Data("CommandLine"),          From::Nothing),
    row("process.args",                    Kind::Keyword, From::Args("CommandLine"),          From::Nothing),
    row("process.args_count",              Kind::Number,  From::ArgsCount("CommandLine"),     From::Nothing),
    row("process.pid",                     Kind::Number,  From::Data("ProcessId"),            From::Data("ProcessId")),
    row("process.entity_id",               Kind::Keyword, From::Data("ProcessGuid"),          From::Data("ProcessGuid")),
    row("process.working_directory",       Kind::Keyword, From::Data("CurrentDirectory"),     From::Nothing),
    row("process.parent.executable",       Kind::Keyword, From::Data("ParentImage"),          From::Nothing),
    row("process.parent.name",             Kind::Keyword, From::FileName("ParentImage"),      From::Nothing),
    row("process.parent.command_line",     Kind::Keyword, From::Data("ParentCommandLine"),    From::Nothing),
    row("process.parent.args",             Kind::Keyword, From::Args("ParentCommandLine"),    From::Nothing),
    row("process.parent.args_count",       Kind::Number,  From::ArgsCount("ParentCommandLine"), From::Nothing),
    row("process.parent.pid",              Kind::Number,  From::Data("ParentProcessId"),      From::Nothing),
    row("process.parent.entity_id",        Kind::Keyword, From::Data("ParentProcessGuid"),    From::Nothing),
    row("process.pe.original_file_name",   Kind::Keyword, From::Data("OriginalFileName"),     From::Nothing),
    row("process.pe.company",              Kind::Keyword, From::Data("Company"),              From::Nothing),
    row("process.pe.description",          Kind::Keyword, From::Data("Description"),          From::Nothing),
    row("process.pe.file_version",         Kind::Keyword, From::Data("FileVersion"),          From::Nothing),
    row("process.pe.product",              Kind::Keyword, From::Data("Product"),              From::Nothing),
    row("process.pe.imphash",              Kind::Keyword, From::Hash("IMPHASH"),              From::Nothing),
    row("process.hash.md5",                Kind::Keyword, From::Hash("MD5"),                  From::Nothing),
    row("process.hash.sha1",               Kind::Keyword, From::Hash("SHA1"),                 From::Nothing),
    row("process.hash.sha256",             Kind::Keyword, From::Hash("SHA256"),               From::Nothing),
    row("user.domain",                     Kind::Keyword, From::Domain("User"),               From::Domain("User")),
    row("user.name",                       Kind::Keyword, From::UserName("User"),             From::UserName("User")),
    row("user.id",                         Kind::Keyword, From::UserId,                       From::UserId),
    row("network.direction",               Kind::Keyword, From::Nothing,                      From::Direction),
    row("network.transport",               Kind::Keyword, From::Nothing,                      From::Data("Protocol")),
    row("network.protocol",                Kind::Keyword, From::Nothing,                      From::Protocol),
    row("network.type",                    Kind::Keyword, From::Nothing,                      From::NetworkType),
    row("source.ip",                       Kind::Ip,      From::Nothing,                      From::Side("SourceIp", "DestinationIp")),
    row("source.port",                     Kind::Number,  From::Nothing,                      From::Side("SourcePort", "DestinationPort")),
    row("source.domain",                   Kind::Keyword, From::Nothing,                      From::Side("SourceHostname", "DestinationHostname")),
    row("destination.ip",                  Kind::Ip,      From::Nothing,                      From::Side("DestinationIp", "SourceIp")),
    row("destination.port",                Kind::Number,  From::Nothing,                      From::Side("DestinationPort", "SourcePort")),
    row("destination.domain",              Kind::Keyword, From::Nothing,                      From::Side("DestinationHostname", "SourceHostname")),
    row("rule.name",                       Kind::Keyword, From::Data("RuleName"),             From::Data("RuleName")),
];

fn find(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

/// How a field's values compare; fields that the table lacks compare as text.
pub fn kind(name: &str) -> Kind {
    find(name).map_or(Kind::Keyword, |row| row.kind)
}

/// Whether events of the category can ever carry the field.
pub fn is_available(name: &str, category: Option<Category>) -> bool {
    let has = |row: &Row, category| !matches!(source(row, category), From::Nothing);
    name.starts_with("winlog.event_data.")
        || find(name).is_some_and(|row| match category {
            Some(category) => has(row, category),
            None => has(row, Category::Process) || has(row, Category::Network),
        })
}

fn source(row: &Row, category: Category) -> From {
    match category {
        Category::Process => row.process,
        Category::Network => row.network,
    }
}

/// The values of an ECS field in an event.
pub fn value<'e>(event: &'e WindowsEvent, name: &str, mapping: &Mapping) -> Value<'e> {
    if let Some(data) = name.strip_prefix("winlog.event_data.") {
        return Value::from_option(present(event, data));
    }
    let Some((row, category)) = find(name).zip(Category::of(event, mapping)) else { return Value::Absent };
    let owned = |text: String| Value::One(Cow::Owned(text));
    match source(row, category) {
        From::Nothing => Value::Absent,
        From::Always([only]) => Value::One(Cow::Borrowed(only)),
        From::Always(many) => Value::Many(many.iter().map(|text| Cow::Borrowed(*text)).collect()),
        From::Data(field) => Value::from_option(present(event, field)),
        From::FileName(field) => {
            Value::from_option(present(event, field).and_then(|path| path.rsplit_once('\\')).map(|(_, name)| name))
        }
        From::Args(field) => present(event, field).map_or(Value::Absent, |line| list(split_arguments(line))),
        From::ArgsCount(field) => {
            present(event, field).map_or(Value::Absent, |line| owned(split_arguments(line).len().to_string()))
        }
        From::Domain(field) => Value::from_option(present(event, field).and_then(two_parts).map(|(domain, _)| domain)),
        From::UserName(field) => Value::from_option(present(event, field).and_then(two_parts).map(|(_, name)| name)),
        From::Hash(algorithm) => hash(event, algorithm).map_or(Value::Absent, owned),
        From::Computer => Value::from_option(Some(event.computer()).filter(|computer| !computer.is_empty())),
        From::HostId if mapping.host_id == HostId::None || event.host().as_str().is_empty() => Value::Absent,
        From::HostId => Value::One(Cow::Borrowed(event.host().as_str())),
        From::UserId => user_id(event, mapping),
        From::Direction => {
            let outbound = NetworkConnect::read(event).is_outbound();
            Value::from_option(outbound.map(|outbound| if outbound { "egress" } else { "ingress" }))
        }
        From::Protocol => protocol(event, mapping),
        From::NetworkType => Value::from_option(
            present(event, "SourceIsIpv6").map(|is_ipv6| if is_ipv6.eq_ignore_ascii_case("true") { "ipv6" } else { "ipv4" }),
        ),
        From::Provider => Value::from_option(Some(event.provider())),
        From::Code => owned(event.event_id().to_string()),
        From::Side(field, other) => Value::from_option(present(event, if is_swapped(event, mapping) { other } else { field })),
    }
}

/// What Sysmon calls the field that an ECS field comes from, for people; `None` for what is the same for every event.
pub fn native_name(event: &WindowsEvent, name: &str, mapping: &Mapping) -> Option<String> {
    if let Some(data) = name.strip_prefix("winlog.event_data.") {
        return Some(data.to_owned());
    }
    let Some((row, category)) = find(name).zip(Category::of(event, mapping)) else { return Some(name.to_owned()) };
    match source(row, category) {
        From::Always(_) => None,
        From::Data(field)
        | From::FileName(field)
        | From::Args(field)
        | From::ArgsCount(field)
        | From::Domain(field)
        | From::UserName(field)
        | From::Side(field, _) => Some(field.to_owned()),
        From::Hash(_) => Some("Hashes".to_owned()),
        From::Computer => Some("Computer".to_owned()),
        From::Direction => Some("Initiated".to_owned()),
        From::NetworkType => Some("SourceIsIpv6".to_owned()),
        From::Nothing | From::HostId | From::UserId | From::Protocol | From::Provider | From::Code => Some(name.to_owned()),
    }
}

/// How the event itself spells the value of a field that the mapping translates: the path behind a file name, `false`
/// behind `ingress`. `None` where nothing is translated, or where a value is split or picked.
pub fn spelled<'e>(event: &'e WindowsEvent, name: &str, mapping: &Mapping) -> Option<&'e str> {
    let (row, category) = find(name).zip(Category::of(event, mapping))?;
    match source(row, category) {
        From::FileName(field) => present(event, field),
        From::Direction => present(event, "Initiated"),
        From::NetworkType => present(event, "SourceIsIpv6"),
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

/// A data field that is there and says something: Elastic's pipeline drops empty values and `-` first.
fn present<'e>(event: &'e WindowsEvent, field: &str) -> Option<&'e str> {
    let field = if fields::is_4688(event) { fields::name_in_4688(field) } else { field };
    event.get(field).filter(|value| !value.is_empty() && *value != "-" && *value != "{00000000-0000-0000-0000-000000000000}")
}

fn two_parts(user: &str) -> Option<(&str, &str)> {
    user.split_once('\\').filter(|(_, name)| !name.contains('\\'))
}

fn list<'e>(values: Vec<String>) -> Value<'e> {
    if values.is_empty() { Value::Absent } else { Value::Many(values.into_iter().map(Cow::Owned).collect()) }
}

fn hash(event: &WindowsEvent, algorithm: &str) -> Option<String> {
    let hashes = present(event, "Hashes")?;
    let value = hashes.split(',').find_map(|hash| hash.split_once('=').filter(|(name, _)| *name == algorithm))?.1;
    value.bytes().any(|byte| byte != b'0').then(|| value.to_ascii_lowercase())
}

fn user_id<'e>(event: &'e WindowsEvent, mapping: &Mapping) -> Value<'e> {
    if mapping.user_id == UserId::Elastic {
        return Value::from_option(event.system().user_sid.as_ref().map(|sid| event.text(sid)));
    }
    let name = present(event, "User").map(|user| two_parts(user).map_or(user, |(_, name)| name));
    let is = |spellings: &[&str]| name.is_some_and(|name| spellings.iter().any(|spelling| name.to_lowercase() == *spelling));
    if is(&["system", "système", "sistema", "система"]) {
        Value::One(Cow::Borrowed("S-1-5-18"))
    } else if is(&["local service", "lokaler dienst", "service local", "servicio local", "servizio locale"]) {
        Value::One(Cow::Borrowed("S-1-5-19"))
    } else if is(&["network service", "netzwerkdienst", "service réseau", "servicio de red", "servizio di rete"]) {
        Value::One(Cow::Borrowed("S-1-5-20"))
    } else {
        Value::Absent
    }
}

fn named_protocol(event: &WindowsEvent) -> Option<Cow<'_, str>> {
    present(event, "DestinationPortName").or_else(|| present(event, "SourcePortName")).map(|name| {
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        }
    })
}

fn is_wsman(name: &str) -> bool {
    matches!(name, "wsman" | "wsmans" | "winrm")
}

/// The WinRM port that the connection goes to, if it is tcp and goes to one.
fn winrm_port<'e>(event: &'e WindowsEvent, mapping: &Mapping) -> Option<Cow<'e, str>> {
    let is_tcp = present(event, "Protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("tcp"));
    let Value::One(port) = value(event, "destination.port", mapping) else { return None };
    (is_tcp && matches!(port.as_ref(), "5985" | "5986")).then_some(port)
}

fn protocol<'e>(event: &'e WindowsEvent, mapping: &Mapping) -> Value<'e> {
    let name = named_protocol(event);
    let may_derive = mapping.winrm_protocol == WinrmProtocol::Derive && name.as_deref().is_none_or(is_wsman);
    if may_derive && winrm_port(event, mapping).is_some() {
        return Value::One(Cow::Borrowed("http"));
    }
    name.map_or(Value::Absent, Value::One)
}

/// Whether the sides of this connection stand in the old order: `Initiated` false with the local WinRM port as source.
fn is_swapped(event: &WindowsEvent, mapping: &Mapping) -> bool {
    mapping.swap_old_inbound
        && event.get("Initiated").is_some_and(|initiated| initiated.eq_ignore_ascii_case("false"))
        && matches!(event.get("SourcePort"), Some("5985" | "5986"))
        && event.get("DestinationPort").and_then(|port| port.parse::<u16>().ok()).is_some_and(|port| port >= 1024)
}

/// Splits a command line as the Microsoft C runtime does ("Parsing C command-line arguments"): the program name ends at its
/// closing quote or the first blank; later, backslashes are literal unless they stand before a quote.
pub fn split_arguments(line: &str) -> Vec<String> {
    let line = line.trim();
    if line.is_empty() {
        return Vec::new();
    }
    let (program, rest) = match line.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
        Some((program, rest)) => (program, rest),
        None => line.split_once([' ', '\t']).unwrap_or((line, "")),
    };
    let mut arguments = vec![program.to_owned()];
    let mut characters = rest.trim_start().chars().peekable();
    while characters.peek().is_some() {
        let mut argument = String::new();
        let mut in_quotes = false;
        while let Some(character) = characters.next() {
            match character {
                '\\' => {
                    let mut backslashes = 1;
                    while characters.next_if_eq(&'\\').is_some() {
                        backslashes += 1;
                    }
                    let before_quote = characters.peek() == Some(&'"');
                    argument.extend(std::iter::repeat_n('\\', if before_quote { backslashes / 2 } else { backslashes }));
                    if before_quote && backslashes % 2 == 1 {
                        characters.next();
                        argument.push('"');
                    }
                }
                '"' if in_quotes && characters.next_if_eq(&'"').is_some() => argument.push('"'),
                '"' => in_quotes = !in_quotes,
                ' ' | '\t' if !in_quotes => break,
                other => argument.push(other),
            }
        }
        arguments.push(argument);
        while characters.next_if(|character| matches!(character, ' ' | '\t')).is_some() {}
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::sysmon;

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
    fn arguments_split_as_windows_does() {
        let rows: [(&str, &[&str]); 8] = [
            (r#""C:\Program Files\a.exe" /x "b c" d"#, &[r"C:\Program Files\a.exe", "/x", "b c", "d"]),
            (r#"a.exe "a\\b" c\d"#, &["a.exe", r"a\\b", r"c\d"]),
            (r#"a.exe a\\\"b c"#, &["a.exe", r#"a\"b"#, "c"]),
            (r#"a.exe a\\\\"b c" d"#, &["a.exe", r"a\\b c", "d"]),
            (r#"a.exe "a""b""#, &["a.exe", r#"a"b"#]),
            ("a.exe", &["a.exe"]),
            ("  ", &[]),
            (r#"a.exe """#, &["a.exe", ""]),
        ];
        for (line, expected) in rows {
            assert_eq!(split_arguments(line), expected, "{line}");
        }
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
