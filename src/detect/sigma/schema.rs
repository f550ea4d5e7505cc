//! Which fields the events of Sysmon and of the kernel's file trace carry (their manifests, all versions taken together), and
//! what follows for a rule: a condition on a field that the events of its logsource never carry never holds.

use std::collections::BTreeMap;

use crate::detect::fields;
use crate::detect::predicate::{Expr, FieldId, FieldName, Predicates};
use crate::detect::route::{Route, Source};

/// What Sysmon's event ids carry (schema 4.90), besides the System fields.
#[rustfmt::skip]
const FIELDS: &[(u32, &str)] = &[
    (1, "RuleName UtcTime ProcessGuid ProcessId Image FileVersion Description Product Company OriginalFileName CommandLine \
         CurrentDirectory User LogonGuid LogonId TerminalSessionId IntegrityLevel Hashes ParentProcessGuid ParentProcessId \
         ParentImage ParentCommandLine ParentUser"),
    (2, "RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime PreviousCreationUtcTime User"),
    (3, "RuleName UtcTime ProcessGuid ProcessId Image User Protocol Initiated SourceIsIpv6 SourceIp SourceHostname SourcePort \
         SourcePortName DestinationIsIpv6 DestinationIp DestinationHostname DestinationPort DestinationPortName"),
    (4, "UtcTime State Version SchemaVersion"),
    (5, "RuleName UtcTime ProcessGuid ProcessId Image User"),
    (6, "RuleName UtcTime ImageLoaded Hashes Signed Signature SignatureStatus"),
    (7, "RuleName UtcTime ProcessGuid ProcessId Image ImageLoaded FileVersion Description Product Company OriginalFileName \
         Hashes Signed Signature SignatureStatus User"),
    (8, "RuleName UtcTime SourceProcessGuid SourceProcessId SourceImage TargetProcessGuid TargetProcessId TargetImage \
         NewThreadId StartAddress StartModule StartFunction SourceUser TargetUser"),
    (9, "RuleName UtcTime ProcessGuid ProcessId Image Device User"),
    (10, "RuleName UtcTime SourceProcessGUID SourceProcessId SourceThreadId SourceImage TargetProcessGUID TargetProcessId \
          TargetImage GrantedAccess CallTrace SourceUser TargetUser"),
    (11, "RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime User"),
    (12, "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject User"),
    (13, "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject Details User"),
    (14, "RuleName EventType UtcTime ProcessGuid ProcessId Image TargetObject NewName User"),
    (15, "RuleName UtcTime ProcessGuid ProcessId Image TargetFilename CreationUtcTime Hash Contents User"),
    (16, "UtcTime Configuration ConfigurationFileHash"),
    (17, "RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image User"),
    (18, "RuleName EventType UtcTime ProcessGuid ProcessId PipeName Image User"),
    (19, "RuleName EventType UtcTime Operation User EventNamespace Name Query"),
    (20, "RuleName EventType UtcTime Operation User Name Type Destination"),
    (21, "RuleName EventType UtcTime Operation User Consumer Filter"),
    (22, "RuleName UtcTime ProcessGuid ProcessId QueryName QueryStatus QueryResults Image User"),
    (23, "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable Archived"),
    (24, "RuleName UtcTime ProcessGuid ProcessId Image Session ClientInfo Hashes Archived User"),
    (25, "RuleName UtcTime ProcessGuid ProcessId Image Type User"),
    (26, "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable"),
    (27, "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes"),
    (28, "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes IsExecutable"),
    (29, "RuleName UtcTime ProcessGuid ProcessId User Image TargetFilename Hashes"),
    (255, "UtcTime ID Description"),
];

/// What the events of Microsoft-Windows-Kernel-File carry.
const KERNEL_FILE: &str = "Irp IrpPtr FileObject FileKey IssuingThreadId ThreadId CreateOptions CreateAttributes ShareAccess \
    FileName FilePath ByteOffset IOSize IOFlags ExtraFlags ExtraInformation InfoClass Length FileIndex Status";

/// What the events of one source carry, besides the System fields, and what to call them.
struct Schema {
    fields: Vec<&'static str>,
    name: String,
}

impl Schema {
    fn of(source: &Source) -> Option<Self> {
        let words = |text: &'static str| text.split(' ').collect::<Vec<_>>();
        match source.providers {
            ["Microsoft-Windows-Sysmon"] => {
                let rows = FIELDS.iter().filter(|(id, _)| source.ids.is_empty() || source.ids.contains(id));
                let ids: String = source.ids.iter().map(|id| format!(" {id}")).collect();
                Some(Self { fields: rows.flat_map(|(_, fields)| words(fields)).collect(), name: format!("Sysmon{ids}") })
            }
            [provider @ "Microsoft-Windows-Kernel-File"] => {
                Some(Self { fields: words(KERNEL_FILE), name: (*provider).to_owned() })
            }
            _ => None,
        }
    }

    fn carries(&self, name: &str) -> bool {
        fields::is_system(name) || self.fields.contains(&name)
    }
}

/// What of a rule can never hold, or never exclude, on the events that go its way.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// One line for each field that is missing.
    pub(super) limits: Vec<String>,
    /// Whether nothing of it can ever match.
    pub(super) is_impossible: bool,
}

/// Looks for conditions on fields that the events of the route never carry.
pub(super) fn verdict(route: &Route, condition: &Expr, predicates: &Predicates) -> Verdict {
    let Some(schema) = route.only_source().and_then(Schema::of) else { return Verdict::default() };
    let mut missing: BTreeMap<String, FieldId> = BTreeMap::new();
    predicates.each_field(condition, &mut |field| {
        if let FieldName::Windows(name) = predicates.field_name(field)
            && !schema.carries(name)
        {
            missing.insert(name.to_string(), field);
        }
    });
    let is_missing = |field: FieldId| missing.values().any(|own| *own == field);
    let line = |name: &String| format!("no event of {} carries `{name}`: what rests on it never holds", schema.name);
    let is_impossible = !missing.is_empty() && known(condition, &is_missing, predicates) == Some(false);
    Verdict { limits: missing.keys().map(line).collect(), is_impossible }
}

/// What an expression comes to when some fields are absent; `None` where that depends on the event.
fn known(expr: &Expr, is_missing: &impl Fn(FieldId) -> bool, predicates: &Predicates) -> Option<bool> {
    match expr {
        Expr::Constant(truth) => Some(*truth),
        Expr::Atom(_) => {
            let mut reads_missing = false;
            predicates.each_field(expr, &mut |field| reads_missing |= is_missing(field));
            reads_missing.then_some(false)
        }
        Expr::Not(inner) => known(inner, is_missing, predicates).map(|truth| !truth),
        Expr::And(parts) => all(parts, true, is_missing, predicates),
        Expr::Or(parts) => all(parts, false, is_missing, predicates),
    }
}

/// `neutral` if all parts come to it, the contrary if one does.
fn all(parts: &[Expr], neutral: bool, is_missing: &impl Fn(FieldId) -> bool, predicates: &Predicates) -> Option<bool> {
    let mut result = Some(neutral);
    for part in parts {
        match known(part, is_missing, predicates) {
            Some(truth) if truth == neutral => {}
            Some(truth) => return Some(truth),
            None => result = None,
        }
    }
    result
}
