//! Fields as Sigma names them: the data of the event by name (blanks removed or as `_`, so `Threat Name` is `ThreatName`), the parts
//! of `<System>` under the names that the field uses, and unnamed `<Data>` as the list `Data`. Absent, empty and `-` stay
//! three different things.

use std::borrow::Cow;

use crate::detect::ecs::Mapping;
use crate::detect::predicate::Value;
use crate::event::WindowsEvent;
use crate::event::text::is_said;

/// Whether the event is Security 4688, "a new process has been created".
pub fn is_4688(event: &WindowsEvent) -> bool {
    event.event_id().0 == 4688 && event.channel().eq_ignore_ascii_case("Security")
}

/// What Security 4688 calls a field of Sysmon's process creation. `ProcessId` keeps its own meaning there (the creator's),
/// for the rules that are written for the Security log.
pub fn name_in_4688(name: &str) -> &str {
    match name {
        "Image" => "NewProcessName",
        "ParentImage" => "ParentProcessName",
        "ParentProcessId" => "ProcessId",
        "LogonId" => "SubjectLogonId",
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
    "Message",
];

/// The values that Security 4688 spells in another way than Sysmon: the account as `DOMAIN\name` (the one that the process
/// runs as, where that is another than its creator's) and the integrity level as a word.
fn value_in_4688<'e>(event: &'e WindowsEvent, name: &str) -> Option<Value<'e>> {
    let account = |user: &str, domain: &str| {
        let user = event.get(user).filter(|user| is_said(user))?;
        let domain = event.get(domain).filter(|domain| is_said(domain));
        Some(domain.map_or_else(|| user.to_owned(), |domain| format!("{domain}\\{user}")))
    };
    let text = match name {
        "User" => account("TargetUserName", "TargetDomainName").or_else(|| account("SubjectUserName", "SubjectDomainName"))?,
        "ParentUser" => account("SubjectUserName", "SubjectDomainName")?,
        "IntegrityLevel" => match event.get("MandatoryLabel")? {
            "S-1-16-4096" => "Low",
            "S-1-16-8192" => "Medium",
            "S-1-16-8448" => "Medium Plus",
            "S-1-16-12288" => "High",
            "S-1-16-16384" => "System",
            other => other,
        }
        .to_owned(),
        _ => return None,
    };
    Some(Value::One(Cow::Owned(text)))
}

/// All values of an event, for keywords: its data, and who wrote it where.
pub fn any_value(event: &WindowsEvent) -> Value<'_> {
    let system = [event.provider(), event.channel(), event.computer()];
    Value::Many(event.data().map(|(_, value)| value).chain(system).map(Cow::Borrowed).collect())
}

/// The values of a field, by its Sigma name.
pub fn value<'e>(event: &'e WindowsEvent, name: &str, mapping: &Mapping) -> Value<'e> {
    let is_mapped = mapping.security_4688 && is_4688(event);
    if is_mapped && let Some(value) = value_in_4688(event, name) {
        return value;
    }
    let name = if is_mapped { name_in_4688(name) } else { name };
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
        "Message" => message(event).map_or(Value::Absent, Value::One),
        UNNAMED => collect(event.data().filter(|(name, _)| name.is_none()).map(|(_, value)| value)),
        _ => Value::Absent,
    }
}

/// The rendered message, where the event came with one (a subscription for rendered text). Nothing but the field of that name
/// reads it: it repeats the other fields as prose, in the language of the host.
fn message(event: &WindowsEvent) -> Option<Cow<'_, str>> {
    let (_, rendering) = event.raw().split_once("<RenderingInfo")?;
    let (text, _) = rendering.split_once("<Message>")?.1.split_once("</Message>")?;
    Some(quick_xml::escape::unescape(text).unwrap_or(Cow::Borrowed(text)))
}

/// Rules write `Threat Name` as `ThreatName` and `Feature Name` as `Feature_Name`.
fn is_same(own: &str, name: &str) -> bool {
    own == name
        || (own.contains(' ')
            && (own.bytes().filter(|byte| *byte != b' ').eq(name.bytes())
                || own.bytes().map(|byte| if byte == b' ' { b'_' } else { byte }).eq(name.bytes())))
}

fn collect<'e>(mut values: impl Iterator<Item = &'e str>) -> Value<'e> {
    match (values.next(), values.next()) {
        (None, _) => Value::Absent,
        (Some(only), None) => Value::One(Cow::Borrowed(only)),
        (Some(first), Some(second)) => Value::Many([first, second].into_iter().chain(values).map(Cow::Borrowed).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::event;

    #[test]
    fn a_4688_reads_like_a_process_creation() {
        let created = event(
            "Security",
            "Microsoft-Windows-Security-Auditing",
            4688,
            "A",
            1,
            &[
                ("SubjectUserName", "jdoe"),
                ("SubjectDomainName", "CORP"),
                ("SubjectLogonId", "0x1"),
                ("NewProcessId", "0x20"),
                ("NewProcessName", "C:\\a.exe"),
                ("ProcessId", "0x10"),
                ("ParentProcessName", "C:\\b.exe"),
                ("MandatoryLabel", "S-1-16-12288"),
                ("TargetUserName", "-"),
            ],
        );
        let on = Mapping { security_4688: true, ..Mapping::default() };
        let rows = [
            ("Image", &on, "C:\\a.exe"),
            ("ParentImage", &on, "C:\\b.exe"),
            ("User", &on, "CORP\\jdoe"),
            ("IntegrityLevel", &on, "High"),
            ("ParentProcessId", &on, "0x10"),
            ("ProcessId", &on, "0x10"),
            ("NewProcessName", &on, "C:\\a.exe"),
            ("Image", &Mapping::default(), ""),
        ];
        for (name, mapping, expected) in rows {
            let value = value(&created, name, mapping);
            assert_eq!(value.iter().next().map_or("", |value| value), expected, "{name}");
        }
    }

    #[test]
    fn the_rendered_message_is_a_field() {
        let xml = "<Event><System><Provider Name='MsiInstaller'/><EventID>1033</EventID><Computer>A</Computer></System>\
            <EventData><Data>x</Data></EventData>\
            <RenderingInfo Culture='en-US'><Message>installed &lt;AteraAgent&gt;\nnow</Message></RenderingInfo></Event>";
        let event = crate::decode::windows_xml::parse(xml).unwrap();
        let told = value(&event, "Message", &Mapping::default());
        assert_eq!(told, Value::One("installed <AteraAgent>\nnow".into()));
        let plain = crate::event::testing::event("c", "p", 1, "A", 1, &[]);
        assert_eq!(value(&plain, "Message", &Mapping::default()), Value::Absent);
        assert!(!any_value(&event).iter().any(|value| value.contains("Atera")), "keywords do not read it");
    }

    #[test]
    fn names_with_blanks() {
        let event = event("c", "p", 1, "A", 1, &[("Threat Name", "x"), ("Feature Name", "y")]);
        for (name, expected) in [("ThreatName", true), ("Feature_Name", true), ("Threat Name", true), ("threatname", false)] {
            assert_eq!(value(&event, name, &Mapping::default()) != Value::Absent, expected, "{name}");
        }
    }
}
