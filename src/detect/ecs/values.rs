//! How each source of the table is read from an event.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::detect::ecs::arguments::split_arguments;
use crate::detect::ecs::table::{CONNECTION_ACTIONS, EventKind, From};
use crate::detect::ecs::{HostId, Mapping, UserId, WinrmProtocol, event_kind, kind_id};
use crate::detect::fields;
use crate::detect::predicate::Value;
use crate::detect::predicate::network::parse_address;
use crate::event::WindowsEvent;
use crate::event::sysmon::NetworkConnect;

/// The values that come from there.
pub(super) fn read<'e>(from: From, event: &'e WindowsEvent, mapping: &Mapping) -> Value<'e> {
    let owned = |text: String| Value::One(Cow::Owned(text));
    let word = |text: &'static str| Value::One(Cow::Borrowed(text));
    let of_kind = |pick: fn(&'static EventKind) -> &'static [&'static str]| {
        event_kind(kind_id(event, mapping)).map_or(Value::Absent, |kind| words(pick(kind)))
    };
    let data = |field: &str| present(event, field);
    match from {
        From::Always(all) => words(all),
        From::Categories => of_kind(|kind| kind.categories),
        From::Types => of_kind(|kind| kind.types),
        From::Actions => match (of_kind(|kind| kind.actions), NetworkConnect::read(event).is_outbound()) {
            (Value::One(action), Some(is_outbound)) if kind_id(event, mapping) == 3 => {
                let [attempted, accepted] = CONNECTION_ACTIONS;
                Value::Many(vec![action, Cow::Borrowed(if is_outbound { attempted } else { accepted })])
            }
            (actions, _) => actions,
        },
        From::Data(field) => Value::from_option(data(field)),
        From::FileName(field) => Value::from_option(data(field).and_then(split_path).map(|(_, name)| name)),
        From::Directory(field) => Value::from_option(data(field).and_then(split_path).map(|(directory, _)| directory)),
        From::Extension(field) => {
            let path = data(field).filter(|path| path.contains('\\'));
            Value::from_option(path.and_then(|path| path.rsplit_once('.')).map(|(_, extension)| extension))
        }
        From::Args(field) => data(field).map_or(Value::Absent, |line| list(split_arguments(line))),
        From::ArgsCount(field) => data(field).map_or(Value::Absent, |line| owned(split_arguments(line).len().to_string())),
        From::Domain(field) => Value::from_option(data(field).and_then(two_parts).map(|(domain, _)| domain)),
        From::UserName(field) => Value::from_option(data(field).and_then(two_parts).map(|(_, name)| name)),
        From::Hash(algorithm) => hash(event, algorithm).map_or(Value::Absent, owned),
        From::Computer => Value::from_option(Some(event.computer()).filter(|computer| !computer.is_empty())),
        From::HostId if mapping.host_id == HostId::None || event.host().as_str().is_empty() => Value::Absent,
        From::HostId => Value::One(Cow::Borrowed(event.host().as_str())),
        From::UserId => user_id(event, mapping),
        From::Direction => {
            let outbound = NetworkConnect::read(event).is_outbound();
            outbound.map_or(Value::Absent, |outbound| word(if outbound { "egress" } else { "ingress" }))
        }
        From::Protocol => protocol(event, mapping),
        From::NetworkType => data("SourceIsIpv6").map_or(Value::Absent, |is| word(if is_true(is) { "ipv6" } else { "ipv4" })),
        From::Provider => Value::from_option(Some(event.provider())),
        From::Channel => Value::from_option(Some(event.channel())),
        From::Code => owned(event.event_id().to_string()),
        From::RecordId => event.record_id().map_or(Value::Absent, |id| owned(id.to_string())),
        From::Side(field, other) => Value::from_option(data(if is_swapped(event, mapping) { other } else { field })),
        From::Hive => Value::from_option(registry(event).and_then(|(hive, _)| short_hive(hive))),
        From::Key => Value::from_option(registry(event).filter(|(hive, _)| short_hive(hive).is_some()).and_then(|(_, key)| key)),
        From::LastPart => Value::from_option(data("TargetObject").and_then(|path| path.rsplit('\\').next())),
        From::RegistryData => data("Details").map_or(Value::Absent, |details| Value::One(registry_data(details).0)),
        From::RegistryType => data("Details").map_or(Value::Absent, |details| word(registry_data(details).1)),
        From::ResolvedIps => data("QueryResults").map_or(Value::Absent, |results| list(addresses(results))),
        From::ValidOnly => data("SignatureStatus").filter(|status| *status == "Valid").map_or(Value::Absent, |_| word("true")),
        From::Signed => data("Signed").map_or(Value::Absent, |is| word(if is_true(is) { "true" } else { "false" })),
        From::Trusted => {
            data("SignatureStatus").map_or(Value::Absent, |status| word(if status == "Valid" { "true" } else { "false" }))
        }
        From::AgentStatus => match (data("Signed"), data("SignatureStatus")) {
            (_, Some("Valid")) => word("trusted"),
            (Some(is), _) if !is_true(is) => word("noSignature"),
            (_, status) => Value::from_option(status),
        },
    }
}

/// What Windows calls the field behind a source, where it is one.
pub(super) fn native_name(from: From, event: &WindowsEvent) -> Option<&'static str> {
    match from {
        From::Data(field)
        | From::FileName(field)
        | From::Directory(field)
        | From::Extension(field)
        | From::Args(field)
        | From::ArgsCount(field)
        | From::Domain(field)
        | From::UserName(field)
        | From::Side(field, _) => Some(field),
        From::Hash(_) => Some(if present(event, "Hashes").is_some() { "Hashes" } else { "Hash" }),
        From::Computer => Some("Computer"),
        From::Direction => Some("Initiated"),
        From::NetworkType => Some("SourceIsIpv6"),
        From::Hive | From::Key | From::LastPart => Some("TargetObject"),
        From::RegistryData | From::RegistryType => Some("Details"),
        From::ResolvedIps => Some("QueryResults"),
        From::Signed => Some("Signed"),
        From::ValidOnly | From::Trusted | From::AgentStatus => Some("SignatureStatus"),
        From::Always(_)
        | From::Categories
        | From::Types
        | From::Actions
        | From::HostId
        | From::UserId
        | From::Protocol
        | From::Provider
        | From::Channel
        | From::Code
        | From::RecordId => None,
    }
}

fn words(all: &'static [&'static str]) -> Value<'static> {
    match all {
        [] => Value::Absent,
        [only] => Value::One(Cow::Borrowed(only)),
        many => Value::Many(many.iter().map(|text| Cow::Borrowed(*text)).collect()),
    }
}

fn is_true(text: &str) -> bool {
    text.eq_ignore_ascii_case("true")
}

/// A path's directory and file name; `None` without a backslash, or with nothing after the last one.
fn split_path(path: &str) -> Option<(&str, &str)> {
    path.rsplit_once('\\').filter(|(_, name)| !name.is_empty())
}

/// A registry path: its hive as written, and the rest.
fn registry(event: &WindowsEvent) -> Option<(&str, Option<&str>)> {
    let path = present(event, "TargetObject")?;
    Some(path.split_once('\\').map_or((path, None), |(hive, key)| (hive, Some(key))))
}

fn short_hive(hive: &str) -> Option<&'static str> {
    Some(match hive {
        "HKEY_CLASSES_ROOT" | "HKCR" => "HKCR",
        "HKEY_CURRENT_CONFIG" | "HKCC" => "HKCC",
        "HKEY_CURRENT_USER" | "HKCU" => "HKCU",
        "HKEY_DYN_DATA" | "HKDD" => "HKDD",
        "HKEY_LOCAL_MACHINE" | "HKLM" => "HKLM",
        "HKEY_PERFORMANCE_DATA" | "HKPD" => "HKPD",
        "HKEY_USERS" | "HKU" => "HKU",
        _ => return None,
    })
}

/// `DWORD (0x00000001)` is 1 and a `SZ_DWORD`, and so on; other text is itself.
fn registry_data(details: &str) -> (Cow<'_, str>, &'static str) {
    let inside = |name: &str| {
        let start = details.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name))?;
        details[start.len()..].strip_prefix(" (0x").or_else(|| details[start.len()..].strip_prefix(" (0X"))?.strip_suffix(')')
    };
    let hex = |digits: &str| u64::from_str_radix(digits, 16).ok();
    if let Some(number) = inside("DWORD").and_then(hex) {
        return (Cow::Owned(number.to_string()), "SZ_DWORD");
    }
    let halves = inside("QWORD").and_then(|halves| halves.split_once("-0x"));
    if let Some((high, low)) = halves.and_then(|(high, low)| Some((hex(high)?, hex(low)?))) {
        return (Cow::Owned(((high << 32) | low).to_string()), "SZ_QWORD");
    }
    (Cow::Borrowed(details), if details == "Binary Data" { "REG_BINARY" } else { "REG_SZ" })
}

/// The addresses in `type:  5 name;::ffff:192.0.2.1;`.
fn addresses(results: &str) -> Vec<String> {
    results.split(';').filter_map(parse_address).map(|address: IpAddr| address.to_string()).collect()
}

/// A data field that is there and says something: Elastic's pipeline drops empty values and `-` first.
pub(super) fn present<'e>(event: &'e WindowsEvent, field: &str) -> Option<&'e str> {
    let field = if fields::is_4688(event) { fields::name_in_4688(field) } else { field };
    event.get(field).filter(|value| is_said(value))
}

/// All values of a data field, as it stands.
pub(super) fn data<'e>(event: &'e WindowsEvent, field: &str) -> Value<'e> {
    let Some(first) = present(event, field) else { return Value::Absent };
    let is_4688 = fields::is_4688(event);
    let mut others = event.data().filter(|(name, _)| !is_4688 && *name == Some(field)).map(|(_, value)| value);
    if others.by_ref().nth(1).is_none() {
        return Value::One(Cow::Borrowed(first));
    }
    let all = event.data().filter(|(name, value)| *name == Some(field) && is_said(value));
    Value::Many(all.map(|(_, value)| Cow::Borrowed(value)).collect())
}

fn is_said(value: &str) -> bool {
    !value.is_empty() && value != "-" && value != "{00000000-0000-0000-0000-000000000000}"
}

fn two_parts(user: &str) -> Option<(&str, &str)> {
    user.split_once('\\').filter(|(_, name)| !name.contains('\\'))
}

fn list<'e>(values: Vec<String>) -> Value<'e> {
    if values.is_empty() { Value::Absent } else { Value::Many(values.into_iter().map(Cow::Owned).collect()) }
}

fn hash(event: &WindowsEvent, algorithm: &str) -> Option<String> {
    let hashes = present(event, "Hashes").or_else(|| present(event, "Hash"))?;
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

pub(super) fn named_protocol(event: &WindowsEvent) -> Option<Cow<'_, str>> {
    present(event, "DestinationPortName").or_else(|| present(event, "SourcePortName")).map(|name| {
        if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            Cow::Owned(name.to_ascii_lowercase())
        } else {
            Cow::Borrowed(name)
        }
    })
}

pub(super) fn is_wsman(name: &str) -> bool {
    matches!(name, "wsman" | "wsmans" | "winrm")
}

/// The WinRM port that the connection goes to, if it is tcp and goes to one.
pub(super) fn winrm_port<'e>(event: &'e WindowsEvent, mapping: &Mapping) -> Option<&'e str> {
    let is_tcp = present(event, "Protocol").is_some_and(|protocol| protocol.eq_ignore_ascii_case("tcp"));
    let port = present(event, if is_swapped(event, mapping) { "SourcePort" } else { "DestinationPort" })?;
    (is_tcp && matches!(port, "5985" | "5986")).then_some(port)
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
pub(super) fn is_swapped(event: &WindowsEvent, mapping: &Mapping) -> bool {
    mapping.swap_old_inbound
        && event.get("Initiated").is_some_and(|initiated| initiated.eq_ignore_ascii_case("false"))
        && matches!(event.get("SourcePort"), Some("5985" | "5986"))
        && event.get("DestinationPort").and_then(|port| port.parse::<u16>().ok()).is_some_and(|port| port >= 1024)
}
