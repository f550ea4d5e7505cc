//! Fields as Sigma names them: the data of the event by name (blanks removed, so `Threat Name` is `ThreatName`), the parts
//! of `<System>` under the names that the field uses, and unnamed `<Data>` as the list `Data`. Absent, empty and `-` stay
//! three different things.

use std::borrow::Cow;

use crate::detect::ecs::Mapping;
use crate::detect::predicate::Value;
use crate::event::WindowsEvent;

/// Whether the event is Security 4688, "a new process has been created".
pub fn is_4688(event: &WindowsEvent) -> bool {
    event.event_id().0 == 4688 && event.channel().eq_ignore_ascii_case("Security")
}

/// What Security 4688 calls a field of Sysmon's process creation.
pub fn name_in_4688(name: &str) -> &str {
    match name {
        "Image" => "NewProcessName",
        "ParentImage" => "ParentProcessName",
        "ProcessId" => "NewProcessId",
        "ParentProcessId" => "ProcessId",
        "User" => "SubjectUserName",
        "LogonId" => "SubjectLogonId",
        "IntegrityLevel" => "MandatoryLabel",
        other => other,
    }
}

/// The name of the list of all unnamed `<Data>`.
pub const UNNAMED: &str = "Data";

/// A name of data as rules write it: without blanks.
pub fn without_blanks(name: &str) -> Cow<'_, str> {
    if name.contains(' ') { Cow::Owned(name.replace(' ', "")) } else { Cow::Borrowed(name) }
}

/// Whether a field is read from `<System>` where the event's data has none of that name.
pub fn is_system(name: &str) -> bool {
    SYSTEM.contains(&name)
}

const SYSTEM: &[&str] = &[
    "EventID",
    "Channel",
    "Provider_Name",
    "ProviderName",
    "SourceName",
    "Provider_Guid",
    "Computer",
    "ComputerName",
    "Level",
    "Task",
    "Opcode",
    "Version",
    "Keywords",
    "EventRecordID",
    "Execution_ProcessID",
    "Execution_ThreadID",
    "Security_UserID",
];

/// The values of a field, by its Sigma name.
pub fn value<'e>(event: &'e WindowsEvent, name: &str, mapping: &Mapping) -> Value<'e> {
    let name = if mapping.security_4688 && is_4688(event) { name_in_4688(name) } else { name };
    let named = collect(event.data().filter(|(own, _)| own.is_some_and(|own| is_same(own, name))).map(|(_, value)| value));
    if named != Value::Absent {
        return named;
    }
    let system = event.system();
    let number = |number: Option<u32>| number.map_or(Value::Absent, |number| Value::One(Cow::Owned(number.to_string())));
    let text = |text: Option<&'e crate::event::Text>| Value::from_option(text.map(|text| event.text(text)));
    match name {
        "EventID" => number(Some(event.event_id().0)),
        "Channel" => text(system.channel.as_ref()),
        "Provider_Name" | "ProviderName" | "SourceName" => Value::from_option(Some(event.provider())),
        "Provider_Guid" => text(system.provider_guid.as_ref()),
        "Computer" | "ComputerName" => Value::from_option(Some(event.computer())),
        "Level" => number(system.level),
        "Task" => number(system.task),
        "Opcode" => number(system.opcode),
        "Version" => number(system.version),
        "Keywords" => text(system.keywords.as_ref()),
        "EventRecordID" => event.record_id().map_or(Value::Absent, |id| Value::One(Cow::Owned(id.to_string()))),
        "Execution_ProcessID" => number(system.process_id),
        "Execution_ThreadID" => number(system.thread_id),
        "Security_UserID" => text(system.user_sid.as_ref()),
        UNNAMED => collect(event.data().filter(|(name, _)| name.is_none()).map(|(_, value)| value)),
        _ => Value::Absent,
    }
}

fn is_same(own: &str, name: &str) -> bool {
    own == name || (own.contains(' ') && own.bytes().filter(|byte| *byte != b' ').eq(name.bytes()))
}

fn collect<'e>(mut values: impl Iterator<Item = &'e str>) -> Value<'e> {
    match (values.next(), values.next()) {
        (None, _) => Value::Absent,
        (Some(only), None) => Value::One(Cow::Borrowed(only)),
        (Some(first), Some(second)) => Value::Many([first, second].into_iter().chain(values).map(Cow::Borrowed).collect()),
    }
}
