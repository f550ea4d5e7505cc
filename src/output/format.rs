//! The alert record: one JSON object under the names of the Elastic Common Schema, ours under `wefwatch`; and the same as a
//! syslog message. Pure. Whatever came from the network is escaped so far that a record is one line and nothing a terminal
//! would act on.

use std::fmt::Write as _;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};

use crate::alert::link::{Hop, Named, Side};
use crate::alert::{Action, Alert, Endpoint, Process, Proof, RuleLanguage, Severity};
use crate::event::time::TimeSource;

/// The record as one line of JSON, without the line end.
pub fn line(alert: &Alert) -> String {
    one_line(&record(alert))
}

/// A record as one line of JSON, without the line end.
pub fn one_line(record: &Value) -> String {
    escape_hidden(&record.to_string())
}

/// JSON over several lines, for people; strings are escaped as in a record.
pub fn pretty(value: &Value) -> String {
    escape_hidden(&format!("{value:#}\n"))
}

/// The record as an RFC 5424 message with octet counting (RFC 6587): facility 4 (security), the severity of the alert, the
/// JSON line as the message.
pub fn syslog(alert: &Alert, host_name: &str) -> Vec<u8> {
    let severity = match alert.severity() {
        Severity::Critical => 2,
        Severity::High => 3,
        Severity::Medium => 4,
        Severity::Low => 5,
        Severity::Informational => 6,
    };
    let time = stamp(alert.created);
    let host: String = host_name.chars().filter(char::is_ascii_graphic).take(255).collect();
    let host = if host.is_empty() { "-" } else { &host };
    let language = alert.rule.language.as_str();
    let message = format!("<{}>1 {time} {host} wefwatch - {language} - {}", 4 * 8 + severity, line(alert));
    format!("{} {message}", message.len()).into_bytes()
}

/// The record as JSON.
pub fn record(alert: &Alert) -> Value {
    let mut object = Map::new();
    object.insert("@timestamp".to_owned(), json!(stamp(alert.time)));
    object.insert("event".to_owned(), event(alert));
    object.insert("message".to_owned(), json!(alert.message));
    object.insert("rule".to_owned(), rule(alert));
    if !alert.rule.techniques.is_empty() || !alert.rule.tactics.is_empty() {
        object.insert("threat".to_owned(), threat(alert));
    }
    object.insert("host".to_owned(), json!({"name": alert.computer}));
    let subject = &alert.subject;
    put(&mut object, "user", subject.user.as_deref().map(user));
    put(&mut object, "process", subject.process.as_ref().map(|own| process(own, subject.parent.as_ref())));
    put(&mut object, "source", subject.source.as_ref().map(endpoint));
    put(&mut object, "destination", subject.destination.as_ref().map(endpoint));
    object.insert("related".to_owned(), related(alert));
    object.insert("wefwatch".to_owned(), ours(alert));
    Value::Object(object)
}

fn put(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value);
    }
}

/// RFC 3339, UTC, milliseconds.
fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn event(alert: &Alert) -> Value {
    let mut category: Vec<&str> = Vec::new();
    for proof in alert.evidence.iter() {
        if let Some(name) = category_of(proof).filter(|name| !category.contains(name)) {
            category.push(name);
        }
    }
    let action = match alert.action {
        Action::Raised => "raised",
        Action::Updated => "updated",
    };
    json!({
        "id": alert.id,
        "kind": "alert",
        "category": category,
        "module": "wefwatch",
        "dataset": "wefwatch.alert",
        "severity": alert.rule.risk_score,
        "created": stamp(alert.created),
        "ingested": stamp(alert.evidence.last().received_at),
        "action": action,
    })
}

/// What ECS calls events of this kind (Elastic's mapping of Sysmon, and of the Security log's best known events).
fn category_of(proof: &Proof) -> Option<&'static str> {
    let is_sysmon = proof.channel.eq_ignore_ascii_case("Microsoft-Windows-Sysmon/Operational");
    let is_security = proof.channel.eq_ignore_ascii_case("Security");
    Some(match proof.event_id.0 {
        1 | 5 | 8 | 10 | 25 if is_sysmon => "process",
        3 | 22 if is_sysmon => "network",
        2 | 11 | 15 | 23 | 26 | 27 | 28 | 29 if is_sysmon => "file",
        6 if is_sysmon => "driver",
        7 if is_sysmon => "library",
        12..=14 if is_sysmon => "registry",
        4688 | 4689 if is_security => "process",
        4624 | 4625 | 4634 | 4648 if is_security => "authentication",
        _ => return None,
    })
}

fn rule(alert: &Alert) -> Value {
    let info = &alert.rule;
    let mut object = Map::new();
    object.insert("id".to_owned(), json!(info.id));
    object.insert("name".to_owned(), json!(info.name));
    object.insert("ruleset".to_owned(), json!(info.language.as_str()));
    put(&mut object, "version", info.version.as_ref().map(|version| json!(version)));
    object.insert("author".to_owned(), json!(info.author));
    object.insert("reference".to_owned(), json!(info.references));
    if !info.description.is_empty() {
        object.insert("description".to_owned(), json!(info.description));
    }
    Value::Object(object)
}

fn threat(alert: &Alert) -> Value {
    let ids = |all: &[crate::alert::Technique]| all.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
    let names = |all: &[crate::alert::Technique]| all.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    let (tactics, techniques) = (&alert.rule.tactics, &alert.rule.techniques);
    json!({
        "framework": "MITRE ATT&CK",
        "tactic": {"id": ids(tactics), "name": names(tactics)},
        "technique": {"id": ids(techniques), "name": names(techniques)},
    })
}

fn user(user: &str) -> Value {
    match user.split_once('\\') {
        Some((domain, name)) => json!({"name": name, "domain": domain}),
        None => json!({"name": user}),
    }
}

fn process(process: &Process, parent: Option<&Process>) -> Value {
    let mut object = Map::new();
    put(&mut object, "pid", process.pid.map(|pid| json!(pid)));
    put(&mut object, "entity_id", process.guid.as_ref().map(|guid| json!(format!("{{{}}}", guid.as_str()))));
    object.insert("name".to_owned(), json!(process.name()));
    object.insert("executable".to_owned(), json!(process.executable));
    put(&mut object, "command_line", process.command_line.as_ref().map(|line| json!(line)));
    put(&mut object, "parent", parent.map(|parent| self::process(parent, None)));
    Value::Object(object)
}

fn endpoint(endpoint: &Endpoint) -> Value {
    let mut object = Map::new();
    object.insert("ip".to_owned(), json!(endpoint.address().map_or_else(|| endpoint.ip.clone(), |ip| ip.to_string())));
    put(&mut object, "port", endpoint.port.map(|port| json!(port)));
    put(&mut object, "domain", endpoint.name.as_ref().map(|name| json!(name)));
    Value::Object(object)
}

fn related(alert: &Alert) -> Value {
    let mut hosts: Vec<String> = Vec::new();
    let mut ips: Vec<String> = Vec::new();
    let mut users: Vec<String> = Vec::new();
    let add = |list: &mut Vec<String>, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty() && value != "-" && !list.contains(value)) {
            list.push(value);
        }
    };
    for proof in alert.evidence.iter() {
        add(&mut hosts, Some(proof.computer.clone()));
        for name in ["SourceHostname", "DestinationHostname"] {
            add(&mut hosts, proof.field(name).map(str::to_owned));
        }
        for name in ["SourceIp", "DestinationIp"] {
            let address = proof.field(name).map(|ip| Endpoint { ip: ip.to_owned(), port: None, name: None });
            add(&mut ips, address.map(|end| end.address().map_or(end.ip, |ip| ip.to_string())));
        }
        add(&mut users, proof.field("User").map(str::to_owned));
    }
    for hop in &alert.hops {
        add(&mut hosts, Some(hop.from.computer.clone()));
        add(&mut hosts, Some(hop.to.computer.clone()));
    }
    alert.names.iter().for_each(|named| add(&mut hosts, Some(named.computer.clone())));
    json!({"hosts": hosts, "ip": ips, "user": users})
}

fn ours(alert: &Alert) -> Value {
    json!({
        "severity": alert.rule.severity,
        "risk_score": alert.rule.risk_score,
        "evidence": alert.evidence.iter().map(proof).collect::<Vec<_>>(),
        "span_ms": if alert.rule.language == RuleLanguage::Eql { json!(alert.evidence.span_ms()) } else { Value::Null },
        "linked": alert.linked,
        "path": path(&alert.hops),
        "hops": alert.hops.iter().map(hop).collect::<Vec<_>>(),
        "raised": alert.raised_to.map(|severity| json!({"severity": severity, "risk_score": severity.risk_score(), "by": "link"})),
        "names": alert.names.iter().map(named).collect::<Vec<_>>(),
        "supersedes": alert.supersedes,
        "muted": alert.muted.is_some(),
    })
}

/// The hosts of a path, in order, as they spell themselves.
fn path(hops: &[Hop]) -> Vec<&str> {
    hops.first()
        .map(|hop| hop.from.computer.as_str())
        .into_iter()
        .chain(hops.iter().map(|hop| hop.to.computer.as_str()))
        .collect()
}

fn hop(hop: &Hop) -> Value {
    let side = |side: &Side| {
        json!({"host": side.computer, "ip": side.ip.to_string(), "port": side.port, "time": stamp(side.at),
               "alerts": side.alerts.iter().map(|alert| &alert.id).collect::<Vec<_>>()})
    };
    json!({"from": side(&hop.from), "to": side(&hop.to)})
}

fn named(named: &Named) -> Value {
    json!({"ip": named.ip, "host": named.computer, "reason": "seen in its own events"})
}

fn proof(proof: &Proof) -> Value {
    let time_source = match proof.time_source {
        TimeSource::UtcTime => "UtcTime",
        TimeSource::TimeCreated | TimeSource::CorrectedToTimeCreated => "TimeCreated",
        TimeSource::ReceivedAt => "received",
    };
    let details: Vec<Value> = proof
        .derived
        .iter()
        .map(|derived| json!({"field": derived.field, "value": derived.value, "reason": derived.reason}))
        .collect();
    json!({
        "stage": proof.stage,
        "computer": proof.computer,
        "channel": proof.channel,
        "record_id": proof.record_id,
        "event_id": proof.event_id,
        "time": stamp(proof.time),
        "time_source": time_source,
        "summary": proof.summary,
        "matched": proof.matched,
        "derived": proof.derived.iter().map(|derived| &derived.field).collect::<Vec<_>>(),
        "derived_from": details,
    })
}

/// Escapes what JSON would let through: DEL, C1, line separators, bidirectional and zero-width characters. They only stand
/// inside strings, where `\u` means the same.
fn escape_hidden(json: &str) -> String {
    if json.is_ascii() && !json.contains('\x7f') {
        return json.to_owned();
    }
    let mut escaped = String::with_capacity(json.len());
    for character in json.chars() {
        if is_hidden(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(character);
        }
    }
    escaped
}

fn is_hidden(character: char) -> bool {
    matches!(character,
        '\u{7f}'..='\u{9f}' | '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
