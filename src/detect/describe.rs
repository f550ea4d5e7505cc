//! One line of what an event says, for the live tail and for the reason sentence of an alert. Made from the kind of event
//! alone, never from a rule. The text holds values from the network as they came; whoever shows it makes it printable.

use chrono::TimeDelta;

use crate::detect::Observation;
use crate::detect::rule::{Correlation, Wanted};
use crate::event::WindowsEvent;
use crate::event::sysmon::{NetworkConnect, ProcessCreate, Sysmon};
use crate::event::text::{file_name, is_said, short_command};

/// What Sysmon calls its event ids (Sysmon's event manifest).
const SYSMON: &[(u32, &str, &[&str])] = &[
    (2, "file time changed", &["Image", "TargetFilename"]),
    (4, "Sysmon state", &["State"]),
    (5, "process ended", &["Image"]),
    (6, "driver loaded", &["ImageLoaded"]),
    (7, "image loaded", &["Image", "ImageLoaded"]),
    (8, "remote thread", &["SourceImage", "TargetImage"]),
    (9, "raw disk read", &["Image", "Device"]),
    (10, "process access", &["SourceImage", "TargetImage", "GrantedAccess"]),
    (11, "file created", &["Image", "TargetFilename"]),
    (12, "registry key", &["Image", "EventType", "TargetObject"]),
    (13, "registry value", &["Image", "TargetObject", "Details"]),
    (14, "registry rename", &["Image", "TargetObject"]),
    (15, "stream created", &["Image", "TargetFilename"]),
    (16, "Sysmon configuration", &["Configuration"]),
    (17, "pipe created", &["Image", "PipeName"]),
    (18, "pipe connected", &["Image", "PipeName"]),
    (19, "WMI filter", &["Name", "Query"]),
    (20, "WMI consumer", &["Name", "Destination"]),
    (21, "WMI binding", &["Consumer", "Filter"]),
    (22, "DNS query", &["Image", "QueryName", "QueryResults"]),
    (23, "file deleted", &["Image", "TargetFilename"]),
    (25, "process tampering", &["Image", "Type"]),
    (26, "file deleted", &["Image", "TargetFilename"]),
];

/// One line of what happened.
pub fn event(event: &WindowsEvent) -> String {
    match Sysmon::of(event) {
        Some(Sysmon::ProcessCreate(process)) => process_line(&process),
        Some(Sysmon::NetworkConnect(connection)) => connection_line(&connection),
        None => other_line(event),
    }
}

fn process_line(process: &ProcessCreate<'_>) -> String {
    let started = process.command_line.filter(|line| is_said(line)).map_or_else(
        || file_name(process.image.unwrap_or("?")).to_owned(),
        |line| short_command(line, process.image.unwrap_or_default()),
    );
    match process.parent_image.filter(|image| is_said(image)) {
        Some(parent) => format!("{} > {started}", file_name(parent)),
        None => started,
    }
}

fn connection_line(connection: &NetworkConnect<'_>) -> String {
    let text = |value: Option<&str>| value.unwrap_or("?").to_owned();
    let source = format!("{}:{}", text(connection.source_ip), text(connection.source_port));
    let destination = format!("{}:{}", text(connection.destination_ip), text(connection.destination_port));
    let image = file_name(connection.image.unwrap_or("?"));
    match connection.is_outbound() {
        Some(true) => format!("out {image} > {destination}"),
        Some(false) => format!("in  {source} > :{} {image}", text(connection.destination_port)),
        None => format!("connection {source} > {destination} {image}"),
    }
}

fn other_line(event: &WindowsEvent) -> String {
    let id = event.event_id().0;
    if let Some((_, name, fields)) = SYSMON.iter().find(|(own, ..)| *own == id && event.is_sysmon()) {
        let values = fields
            .iter()
            .filter_map(|field| event.get(field))
            .filter(|value| is_said(value))
            .map(|value| if value.contains('\\') && !value.starts_with('\\') { file_name(value) } else { value });
        return format!("{name}: {}", values.collect::<Vec<_>>().join(" > "));
    }
    let source = if event.provider().is_empty() { event.channel() } else { event.provider() };
    let source = source.strip_prefix("Microsoft-Windows-").unwrap_or(source);
    let mut line = format!("{source} {id}");
    for (name, value) in event.data().filter(|(_, value)| is_said(value)).take(4) {
        let value: String = value.chars().take(60).collect();
        match name {
            Some(name) => line.push_str(&format!("  {name}={value}")),
            None => line.push_str(&format!("  {value}")),
        }
    }
    line
}

/// The phrase that an event adds to the reason sentence of an alert.
pub fn phrase(event: &WindowsEvent) -> String {
    let host = event.computer();
    match Sysmon::of(event) {
        Some(Sysmon::ProcessCreate(process)) => {
            let image = file_name(process.image.unwrap_or("a process"));
            match process.parent_image.filter(|image| is_said(image)) {
                Some(parent) => format!("{} started {image}", file_name(parent)),
                None => format!("{image} was started"),
            }
        }
        Some(Sysmon::NetworkConnect(connection)) => connection_phrase(host, &connection),
        None if is_told(event) => format!("{host}: {}", other_line(event)),
        None => format!("{host} wrote event {} to {}", event.event_id(), event.channel()),
    }
}

/// Whether this kind of event has words of its own.
fn is_told(event: &WindowsEvent) -> bool {
    event.is_sysmon() && SYSMON.iter().any(|(id, ..)| *id == event.event_id().0)
}

fn connection_phrase(host: &str, connection: &NetworkConnect<'_>) -> String {
    let port = connection.destination_port.unwrap_or("?");
    let service = service(port).map_or(String::new(), |name| format!("{name} on "));
    let image = file_name(connection.image.unwrap_or("a process"));
    if connection.is_outbound() == Some(false) {
        let source = connection.source_ip.unwrap_or("?");
        let what = if service.is_empty() { "a connection on " } else { &service };
        return format!("{host} accepted {what}{port} from {source}");
    }
    let destination = connection.destination_ip.unwrap_or("?");
    let user = connection.user.filter(|user| is_said(user)).map_or(String::new(), |user| format!(" as {user}"));
    match service.strip_suffix(" on ") {
        Some(name) => format!("{image} on {host} connected to {name} at {destination}:{port}{user}"),
        None => format!("{image} on {host} connected to {destination}:{port}{user}"),
    }
}

/// The usual name of a service port (IANA's registry; the ones that lateral movement uses).
fn service(port: &str) -> Option<&'static str> {
    Some(match port {
        "22" => "SSH",
        "80" => "HTTP",
        "88" => "Kerberos",
        "135" => "RPC",
        "389" => "LDAP",
        "443" => "HTTPS",
        "445" => "SMB",
        "1433" => "SQL",
        "3389" => "RDP",
        "5985" | "5986" => "WinRM",
        _ => return None,
    })
}

/// How much later, in words: `2.113 s later`, `at the same time`.
pub fn later(gap: TimeDelta) -> String {
    let milliseconds = gap.num_milliseconds();
    if milliseconds == 0 {
        "at the same time".to_owned()
    } else {
        format!("{}.{:03} s later", milliseconds / 1000, milliseconds % 1000)
    }
}

/// The reason sentence of an alert about a number of events or values.
pub fn count(correlation: &Correlation, total: u64, members: &[Observation]) -> String {
    let things = if matches!(correlation.wanted, Wanted::Values(_)) { "different values" } else { "events" };
    let (Some(first), Some(last)) = (members.first(), members.last()) else { return format!("{total} {things}") };
    let span = (last.time.at - first.time.at).num_milliseconds();
    format!("{total} {things} in {}.{:03} s, the last: {}", span / 1000, span % 1000, phrase(&last.event))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps() {
        assert_eq!(later(TimeDelta::milliseconds(2113)), "2.113 s later");
        assert_eq!(later(TimeDelta::milliseconds(0)), "at the same time");
        assert_eq!(later(TimeDelta::milliseconds(30_000)), "30.000 s later");
    }
}
