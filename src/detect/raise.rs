//! Makes the alert of a rule that fired: its id, its reason in one sentence, its evidence with the fields that matched and
//! the values that were derived, and who and what it is about. Generic over rules; only the kinds of events matter.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use crate::alert::{Action, Alert, AlertId, Derived, Endpoint, Evidence, Matched, Process, Proof, Subject};
use crate::detect::correlator::Completed;
use crate::detect::predicate::{Expr, FieldId, FieldName};
use crate::detect::rule::{Correlation, JoinField, Logic, PartOf, Rule};
use crate::detect::{JoinKey, Observation, RuleIndex, RuleSet, describe, ecs};
use crate::event::WindowsEvent;
use crate::event::names::ProcessGuid;
use crate::event::sysmon::{NetworkConnect, ProcessCreate, Sysmon};
use crate::event::time::{TimeSource, parse};

/// The alert of a single-event rule.
pub fn single(rules: &RuleSet, index: RuleIndex, observation: &Observation, now: DateTime<Utc>) -> Alert {
    let key = JoinKey(Box::default());
    alert(rules, index, &key, std::slice::from_ref(observation), now)
}

/// The alert of a sequence. `None` only if it has no members.
pub fn sequence(rules: &RuleSet, completed: &Completed, now: DateTime<Utc>) -> Option<Alert> {
    if completed.members.is_empty() {
        return None;
    }
    let mut alert = alert(rules, completed.rule, &completed.key, &completed.members, now);
    if let Logic::Correlation(correlation) = &rules.get(completed.rule).logic
        && correlation.counts()
    {
        alert.message = describe::count(correlation, completed.total, &completed.members);
    }
    if completed.is_update {
        alert.action = Action::Updated;
    }
    alert.supersedes.clone_from(&completed.supersedes);
    Some(alert)
}

/// The id of an alert: the first 16 bytes of SHA-256 over rule id, join key and completing event (computer and channel in
/// lower case, record id, event time), in hex. An event without a record id is told by its whole text.
pub fn alert_id(rule_id: &str, key: &JoinKey, completing: &Observation) -> AlertId {
    let event = &completing.event;
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update(part.as_bytes());
        hash.update([0]);
    };
    add(rule_id);
    key.0.iter().for_each(|part| add(part));
    add(event.host().as_str());
    add(&event.channel().to_lowercase());
    match event.record_id() {
        Some(id) => add(&id.to_string()),
        None => add(event.raw()),
    }
    add(&completing.time.at.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true));
    let digest = hash.finalize();
    AlertId(digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>().into())
}

fn alert(rules: &RuleSet, index: RuleIndex, key: &JoinKey, members: &[Observation], now: DateTime<Utc>) -> Alert {
    let rule = rules.get(index);
    let completing = members.last().expect("callers pass one member at least");
    let mut proofs = members.iter().enumerate().map(|(stage, member)| proof(rules, rule, stage, member));
    let first = proofs.next().expect("callers pass one member at least");
    let evidence = Evidence { first, rest: proofs.collect() };
    Alert {
        id: alert_id(&rule.info.id, key, completing),
        action: Action::Raised,
        rule: rule.info.clone(),
        time: completing.time.at,
        created: now,
        host: completing.event.host().clone(),
        computer: completing.event.computer().to_owned(),
        message: message(members),
        evidence,
        subject: subject(members),
        tree: Vec::new(),
        linked: Vec::new(),
        hops: Vec::new(),
        raised_to: None,
        names: Vec::new(),
        supersedes: None,
        muted: None,
        usual: Vec::new(),
    }
}

fn message(members: &[Observation]) -> String {
    let mut sentence = String::new();
    for (place, member) in members.iter().enumerate() {
        if place > 0 {
            sentence.push_str("; ");
            sentence.push_str(&describe::later(member.time.at - members[place - 1].time.at));
            sentence.push(' ');
        }
        sentence.push_str(&describe::phrase(&member.event));
    }
    sentence
}

fn proof(rules: &RuleSet, rule: &Rule, place: usize, member: &Observation) -> Proof {
    let event = &*member.event;
    let part = if let Logic::Sequence(sequence) = &rule.logic { sequence.events().nth(place) } else { None };
    let stage = part.map_or(place, |(stage, _)| stage);
    let (condition, by): (&Expr, &[JoinField]) = match (&rule.logic, part) {
        (Logic::Single { condition, .. }, _) => (condition, &[]),
        (Logic::Sequence(_), Some((_, part))) => (&part.condition, &part.by),
        (Logic::Sequence(_), None) => (&Expr::Constant(true), &[]),
        // An event of a correlation stands for the rule that it fired.
        (Logic::Correlation(correlation), _) => part_of(rules, correlation, event).unwrap_or((&Expr::Constant(true), &[])),
    };
    let matched: Vec<Matched> = rules.evaluation(event).explain(condition);
    Proof {
        stage,
        computer: event.computer().to_owned(),
        channel: event.channel().to_owned(),
        record_id: event.record_id(),
        event_id: event.event_id(),
        time: member.time.at,
        time_source: member.time.source,
        received_at: member.received_at,
        summary: describe::event(event),
        matched,
        derived: derived(rules, member, condition, by),
        fields: event.data().map(|(name, value)| (name.unwrap_or("Data").to_owned(), value.to_owned())).collect(),
        xml: event.raw().clone(),
    }
}

/// The condition and the fields of the rule that an event fired, in a correlation or in one that feeds it.
fn part_of<'r>(rules: &'r RuleSet, correlation: &'r Correlation, event: &WindowsEvent) -> Option<(&'r Expr, &'r [JoinField])> {
    correlation.parts.iter().find_map(|part| match &part.of {
        PartOf::Events { route, condition } => {
            let fires = route.takes(event, rules.mapping()) && rules.evaluation(event).holds(condition);
            fires.then_some((condition, part.by.as_slice()))
        }
        PartOf::Correlation(id) => rules.rules().find_map(|(_, rule)| match &rule.logic {
            Logic::Correlation(inner) if *rule.info.id == **id => part_of(rules, inner, event),
            _ => None,
        }),
    })
}

fn derived(rules: &RuleSet, member: &Observation, condition: &Expr, by: &[JoinField]) -> Vec<Derived> {
    let mut all: Vec<Derived> = Vec::new();
    let mut look_at = |field: FieldId| {
        if let FieldName::Ecs(name) = rules.predicates().field_name(field)
            && let Some(derived) = ecs::derived(&member.event, name, rules.mapping())
            && !all.contains(&derived)
        {
            all.push(derived);
        }
    };
    rules.predicates().each_field(condition, &mut look_at);
    by.iter().for_each(|join| look_at(join.field));
    if member.time.source == TimeSource::CorrectedToTimeCreated {
        let offset = member.time.offset.unwrap_or_default().num_milliseconds();
        all.push(Derived {
            field: "@timestamp".to_owned(),
            value: member.time.at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            reason: format!("TimeCreated; UtcTime lies {}.{:03} s off", offset / 1000, (offset % 1000).abs()),
        });
    }
    all
}

/// Who and what: the process that was created (else the one that connected), and the ends of the connection.
fn subject(members: &[Observation]) -> Subject {
    let mut subject = Subject::default();
    for member in members {
        match Sysmon::of(&member.event) {
            Some(Sysmon::NetworkConnect(connection)) => {
                let (source, destination) = endpoints(&connection);
                subject.source = subject.source.or(source);
                subject.destination = subject.destination.or(destination);
                if subject.process.is_none() {
                    subject.process = Some(connecting(&connection));
                    subject.user = said(connection.user);
                }
            }
            Some(Sysmon::ProcessCreate(process)) => {
                subject.process = Some(created(&process, &member.event));
                subject.parent = parent(&process);
                subject.user = said(process.user).or(subject.user);
            }
            None if member.event.is_sysmon() && subject.process.is_none() => {
                subject.process = acting(&member.event);
                subject.user = said(member.event.get("User")).or(subject.user);
            }
            None => {}
        }
    }
    subject
}

/// The process behind any other event of Sysmon: what wrote the file, loaded the library, looked the name up.
fn acting(event: &WindowsEvent) -> Option<Process> {
    let first = |names: &[&str]| names.iter().find_map(|name| said(event.get(name)));
    Some(Process {
        guid: first(&["ProcessGuid", "SourceProcessGuid", "SourceProcessGUID"]).as_deref().and_then(ProcessGuid::parse),
        pid: first(&["ProcessId", "SourceProcessId"]).and_then(|pid| pid.trim().parse().ok()),
        executable: first(&["Image", "SourceImage"])?,
        command_line: None,
        user: said(event.get("User")),
        started: None,
    })
}

fn said(value: Option<&str>) -> Option<String> {
    value.filter(|value| crate::event::text::is_said(value)).map(str::to_owned)
}

fn endpoints(connection: &NetworkConnect<'_>) -> (Option<Endpoint>, Option<Endpoint>) {
    let end = |ip: Option<&str>, port: Option<&str>, name: Option<&str>| {
        said(ip).map(|ip| Endpoint { ip, port: port.and_then(|port| port.trim().parse().ok()), name: said(name) })
    };
    (
        end(connection.source_ip, connection.source_port, connection.source_hostname),
        end(connection.destination_ip, connection.destination_port, connection.destination_hostname),
    )
}

fn connecting(connection: &NetworkConnect<'_>) -> Process {
    Process {
        guid: connection.process_guid.and_then(ProcessGuid::parse),
        pid: connection.process_id.and_then(|pid| pid.trim().parse().ok()),
        executable: said(connection.image).unwrap_or_default(),
        command_line: None,
        user: said(connection.user),
        started: None,
    }
}

fn created(process: &ProcessCreate<'_>, event: &WindowsEvent) -> Process {
    Process {
        guid: process.process_guid.and_then(ProcessGuid::parse),
        pid: process.process_id.and_then(|pid| pid.trim().parse().ok()),
        executable: said(process.image).unwrap_or_default(),
        command_line: said(process.command_line),
        user: said(process.user),
        started: process.utc_time.and_then(parse).or(event.system().time_created),
    }
}

fn parent(process: &ProcessCreate<'_>) -> Option<Process> {
    Some(Process {
        guid: process.parent_process_guid.and_then(ProcessGuid::parse),
        pid: process.parent_process_id.and_then(|pid| pid.trim().parse().ok()),
        executable: said(process.parent_image)?,
        command_line: said(process.parent_command_line),
        user: said(process.parent_user),
        started: None,
    })
}
