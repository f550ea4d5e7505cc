//! The mapping from Sysmon to the Elastic Common Schema, as tables that a person can read: what kind of event each Sysmon id
//! is ([`KINDS`]), which data it carries ([`DATA`]), and which ECS field comes from where ([`TABLE`]). They follow Elastic's
//! own ingest pipeline (integrations, `windows`, `sysmon_operational/default.yml`); what goes beyond it is marked `(+)`:
//! event 7 is a library event, too, its `dll.*` fields say what Elastic's own agent says in them, and where that agent has a
//! word of its own for the same action (`start`, `creation`, `load`), `event.action` has both.

use crate::detect::ecs::Kind;

/// What kind of event a Sysmon id is: `event.category`, `event.type`, `event.action`.
#[derive(Debug)]
pub(super) struct EventKind {
    /// `EventID`.
    pub(super) id: u32,
    /// `event.category`.
    pub(super) categories: &'static [&'static str],
    /// `event.type`.
    pub(super) types: &'static [&'static str],
    /// `event.action`.
    pub(super) actions: &'static [&'static str],
}

const fn kind(
    id: u32,
    categories: &'static [&'static str],
    types: &'static [&'static str],
    actions: &'static [&'static str],
) -> EventKind {
    EventKind { id, categories, types, actions }
}

/// The id that stands for every event that is none of the kinds below: it has a code, a channel and data, no category.
pub(super) const OTHER: u32 = 0;

/// In order of id.
#[rustfmt::skip]
pub(super) const KINDS: &[EventKind] = &[
    kind(1,  &["process"],                   &["start"],                            &["Process creation", "start"]),
    kind(2,  &["file"],                      &["change"],                           &["A process changed a file creation time"]),
    // (+) and, by `Initiated`, one of CONNECTION_ACTIONS.
    kind(3,  &["network"],                   &["start", "connection", "protocol"],  &["Network connection"]),
    kind(4,  &["process"],                   &["change"],                           &["Sysmon service state changed"]),
    kind(5,  &["process"],                   &["end"],                              &["Process terminated", "end"]),
    kind(6,  &["driver"],                    &["start"],                            &["Driver loaded"]),
    // (+) Elastic's agent calls this a library event; the pipeline calls it a process event.
    kind(7,  &["process", "library"],        &["change"],                           &["Image loaded", "load"]),
    kind(8,  &["process"],                   &["change"],                           &["CreateRemoteThread"]),
    kind(9,  &["process"],                   &["access"],                           &["RawAccessRead"]),
    kind(10, &["process"],                   &["access"],                           &["ProcessAccess"]),
    kind(11, &["file"],                      &["creation"],                         &["FileCreate", "creation"]),
    kind(12, &["configuration", "registry"], &["change"],                           &["RegistryEvent (Object create and delete)"]),
    kind(13, &["configuration", "registry"], &["change"],                           &["RegistryEvent (Value Set)"]),
    kind(14, &["configuration", "registry"], &["change"],                           &["RegistryEvent (Key and Value Rename)"]),
    kind(15, &["file"],                      &["access"],                           &["FileCreateStreamHash"]),
    kind(16, &["configuration"],             &["change"],                           &["ServiceConfigurationChange"]),
    kind(17, &["file"],                      &["creation"],                         &["PipeEvent (Pipe Created)"]),
    kind(18, &["file"],                      &["access"],                           &["PipeEvent (Pipe Connected)"]),
    kind(19, &["process"],                   &["info"],                             &["WmiEvent (WmiEventFilter activity detected)"]),
    kind(20, &["process"],                   &["change"],                           &["WmiEvent (WmiEventConsumer activity detected)"]),
    kind(21, &["process"],                   &["access"],                           &["WmiEvent (WmiEventConsumerToFilter activity detected)"]),
    kind(22, &["network"],                   &["connection", "protocol", "info"],   &["DNSEvent (DNS query)", "lookup_requested"]),
    kind(23, &["file"],                      &["deletion"],                         &["FileDelete (File Delete archived)", "deletion"]),
    kind(24, &[],                            &["change"],                           &["ClipboardChange (New content in the clipboard)"]),
    kind(25, &["process"],                   &["change"],                           &["ProcessTampering (Process image change)"]),
    kind(26, &["file"],                      &["deletion"],                         &["FileDeleteDetected (File Delete logged)", "deletion"]),
    kind(27, &["file"],                      &["creation"],                         &["FileBlockExecutable"]),
    kind(28, &["file"],                      &["deletion"],                         &["FileBlockShredding"]),
    kind(29, &["file"],                      &["creation"],                         &["FileExecutableDetected"]),
    kind(255, &["process"],                  &[],                                   &["Error"]),
];

/// What Elastic's agent calls an outgoing and an incoming connection.
pub(super) const CONNECTION_ACTIONS: [&str; 2] = ["connection_attempted", "connection_accepted"];

/// Which data events carry (Sysmon's manifest); what is not here never stands in `winlog.event_data` of that id.
#[rustfmt::skip]
pub(super) const DATA: &[(&str, &[u32])] = &[
    ("Image",                      IMAGE),
    ("ProcessGuid",                &[1, 2, 3, 5, 7, 9, 11, 12, 13, 14, 15, 17, 18, 22, 23, 24, 25, 26, 27, 28, 29]),
    ("ProcessId",                  &[1, 2, 3, 5, 7, 9, 11, 12, 13, 14, 15, 17, 18, 22, 23, 24, 25, 26, 27, 28, 29]),
    ("User",                       USER),
    ("RuleName",                   ALL),
    ("UtcTime",                    ALL),
    ("CommandLine",                &[1]),
    ("CurrentDirectory",           &[1]),
    ("LogonGuid",                  &[1]),
    ("LogonId",                    &[1]),
    ("TerminalSessionId",          &[1]),
    ("IntegrityLevel",             &[1]),
    ("ParentProcessGuid",          &[1]),
    ("ParentProcessId",            &[1]),
    ("ParentImage",                &[1]),
    ("ParentCommandLine",          &[1]),
    ("ParentUser",                 &[1]),
    ("FileVersion",                &[1, 7]),
    ("Description",                &[1, 7]),
    ("Product",                    &[1, 7]),
    ("Company",                    &[1, 7]),
    ("OriginalFileName",           &[1, 7]),
    ("Hashes",                     &[1, 6, 7, 23, 24, 26, 27, 28, 29]),
    ("Hash",                       &[15]),
    ("Contents",                   &[15]),
    ("TargetFilename",             FILE),
    ("CreationUtcTime",            &[2, 11, 15]),
    ("PreviousCreationUtcTime",    &[2]),
    ("Protocol",                   &[3]),
    ("Initiated",                  &[3]),
    ("SourceIsIpv6",               &[3]),
    ("SourceIp",                   &[3]),
    ("SourceHostname",             &[3]),
    ("SourcePort",                 &[3]),
    ("SourcePortName",             &[3]),
    ("DestinationIsIpv6",          &[3]),
    ("DestinationIp",              &[3]),
    ("DestinationHostname",        &[3]),
    ("DestinationPort",            &[3]),
    ("DestinationPortName",        &[3]),
    ("State",                      &[4]),
    ("Version",                    &[4]),
    ("SchemaVersion",              &[4]),
    ("ImageLoaded",                &[6, 7]),
    ("Signed",                     &[6, 7]),
    ("Signature",                  &[6, 7]),
    ("SignatureStatus",            &[6, 7]),
    ("SourceProcessGuid",          &[8]),
    ("TargetProcessGuid",          &[8]),
    ("SourceProcessGUID",          &[10]),
    ("TargetProcessGUID",          &[8, 10]),
    ("SourceProcessId",            &[8, 10]),
    ("SourceImage",                &[8, 10]),
    ("TargetProcessId",            &[8, 10]),
    ("TargetImage",                &[8, 10]),
    ("SourceUser",                 &[8, 10]),
    ("TargetUser",                 &[8, 10]),
    ("NewThreadId",                &[8]),
    ("StartAddress",               &[8]),
    ("StartModule",                &[8]),
    ("StartFunction",              &[8]),
    ("SourceThreadId",             &[10]),
    ("GrantedAccess",              &[10]),
    ("CallTrace",                  &[10]),
    ("Device",                     &[9]),
    ("TargetObject",               REGISTRY),
    ("EventType",                  &[12, 13, 14, 17, 18, 19, 20, 21]),
    ("Details",                    &[13]),
    ("NewName",                    &[14]),
    ("Configuration",              &[16]),
    ("ConfigurationFileHash",      &[16]),
    ("PipeName",                   &[17, 18]),
    ("Operation",                  &[19, 20, 21]),
    ("EventNamespace",             &[19]),
    ("Name",                       &[19, 20]),
    ("Query",                      &[19]),
    ("Destination",                &[20]),
    ("Consumer",                   &[21]),
    ("Filter",                     &[21]),
    ("Type",                       &[20, 25]),
    ("QueryName",                  &[22]),
    ("QueryStatus",                &[22]),
    ("QueryResults",               &[22]),
    ("IsExecutable",               &[23, 26, 28]),
    ("Archived",                   &[23, 24]),
    ("Session",                    &[24]),
    ("ClientInfo",                 &[24]),
    ("ID",                         &[255]),
];

/// Where the value of an ECS field comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum From {
    /// The same for every event.
    Always(&'static [&'static str]),
    /// [`EventKind::categories`].
    Categories,
    /// [`EventKind::types`].
    Types,
    /// [`EventKind::actions`].
    Actions,
    /// A data field, as it stands.
    Data(&'static str),
    /// A path: the file name at its end; absent without a backslash.
    FileName(&'static str),
    /// A path: all before the file name.
    Directory(&'static str),
    /// A path: what follows its last dot.
    Extension(&'static str),
    /// A command line, split as Windows splits it.
    Args(&'static str),
    /// How many arguments a command line has.
    ArgsCount(&'static str),
    /// `DOMAIN\name`: the domain, the name.
    Domain(&'static str),
    /// See `Domain`.
    UserName(&'static str),
    /// One of the hashes in `Hashes` (event 15: `Hash`).
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
    /// `Channel`.
    Channel,
    /// `EventID`.
    Code,
    /// `EventRecordID`.
    RecordId,
    /// A side of the connection, swapped by `mapping.swap_old_inbound`: this field, or the other.
    Side(&'static str, &'static str),
    /// A registry path: its hive, in short.
    Hive,
    /// A registry path: all after the hive.
    Key,
    /// A registry path: its last part.
    LastPart,
    /// `Details`: numbers in decimal.
    RegistryData,
    /// `Details`: its type.
    RegistryType,
    /// The addresses in `QueryResults`.
    ResolvedIps,
    /// `true` where `SignatureStatus` is `Valid`, else nothing.
    ValidOnly,
    /// `Signed`: true or false.
    Signed,
    /// `SignatureStatus`: true where it is `Valid`, else false.
    Trusted,
    /// `SignatureStatus` as Elastic's agent spells it: `trusted`, `noSignature`.
    AgentStatus,
}

/// One ECS field in some kinds of events. Rows of the same field stand together.
#[derive(Debug)]
pub(super) struct Row {
    /// The field.
    pub(super) name: &'static str,
    /// How its values compare.
    pub(super) kind: Kind,
    /// Where they come from.
    pub(super) from: From,
    /// In events of which ids.
    pub(super) ids: &'static [u32],
}

const fn row(name: &'static str, kind: Kind, from: From, ids: &'static [u32]) -> Row {
    Row { name, kind, from, ids }
}

/// Every id of [`KINDS`].
pub(super) const ALL: &[u32] =
    &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 255];
/// Every id of [`KINDS`], and every other event.
const ANY: &[u32] =
    &[OTHER, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 255];
/// Events that a process made, told in `Image`.
const IMAGE: &[u32] = &[1, 2, 3, 5, 7, 9, 11, 12, 13, 14, 15, 17, 18, 22, 23, 24, 25, 26, 27, 28, 29];
/// Events with a `User`.
const USER: &[u32] = &[1, 2, 3, 5, 7, 9, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29];
/// Events about a file, told in `TargetFilename`.
const FILE: &[u32] = &[2, 11, 15, 23, 26, 27, 28, 29];
/// Events whose hashes are those of a process.
const PROCESS_HASH: &[u32] = &[1, 23, 24, 25];
/// Events whose hashes are those of a file.
const FILE_HASH: &[u32] = &[6, 7, 15, 26, 29];
/// Events about the registry.
const REGISTRY: &[u32] = &[12, 13, 14];

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    //  ECS field                          compares as    comes from                          in events
    row("event.category",                    Kind::Keyword, From::Categories,                   ALL),
    row("event.type",                        Kind::Keyword, From::Types,                        ALL),
    row("event.action",                      Kind::Keyword, From::Actions,                      ALL),
    row("event.kind",                        Kind::Keyword, From::Always(&["event"]),           ANY),
    row("event.outcome",                     Kind::Keyword, From::Always(&["failure"]),         &[27, 255]),
    row("event.module",                      Kind::Keyword, From::Always(&["sysmon"]),          ALL),
    row("event.dataset",                     Kind::Keyword, From::Always(&["windows.sysmon_operational"]), ALL),
    row("data_stream.dataset",               Kind::Keyword, From::Always(&["windows.sysmon_operational"]), ALL),
    row("event.provider",                    Kind::Keyword, From::Provider,                     ANY),
    row("event.code",                        Kind::Keyword, From::Code,                         ANY),
    row("host.os.type",                      Kind::Keyword, From::Always(&["windows"]),         ANY),
    row("host.os.family",                    Kind::Keyword, From::Always(&["windows"]),         ANY),
    row("host.os.platform",                  Kind::Keyword, From::Always(&["windows"]),         ANY),
    row("host.name",                         Kind::Keyword, From::Computer,                     ANY),
    row("host.id",                           Kind::Keyword, From::HostId,                       ANY),
    row("winlog.channel",                    Kind::Keyword, From::Channel,                      ANY),
    row("winlog.computer_name",              Kind::Keyword, From::Computer,                     ANY),
    row("winlog.event_id",                   Kind::Keyword, From::Code,                         ANY),
    row("winlog.provider_name",              Kind::Keyword, From::Provider,                     ANY),
    row("winlog.record_id",                  Kind::Keyword, From::RecordId,                     ANY),
    row("process.executable",                Kind::Keyword, From::Data("Image"),                IMAGE),
    row("process.executable",                Kind::Keyword, From::Data("SourceImage"),          &[8, 10]),
    row("process.name",                      Kind::Keyword, From::FileName("Image"),            IMAGE),
    row("process.name",                      Kind::Keyword, From::FileName("SourceImage"),      &[8, 10]),
    row("process.pid",                       Kind::Number,  From::Data("ProcessId"),            IMAGE),
    row("process.pid",                       Kind::Number,  From::Data("SourceProcessId"),      &[8, 10]),
    row("process.entity_id",                 Kind::Keyword, From::Data("ProcessGuid"),          IMAGE),
    row("process.entity_id",                 Kind::Keyword, From::Data("SourceProcessGuid"),    &[8]),
    row("process.entity_id",                 Kind::Keyword, From::Data("SourceProcessGUID"),    &[10]),
    row("process.thread.id",                 Kind::Number,  From::Data("SourceThreadId"),       &[10]),
    row("process.command_line",              Kind::Keyword, From::Data("CommandLine"),          &[1]),
    row("process.args",                      Kind::Keyword, From::Args("CommandLine"),          &[1]),
    row("process.args_count",                Kind::Number,  From::ArgsCount("CommandLine"),     &[1]),
    row("process.working_directory",         Kind::Keyword, From::Data("CurrentDirectory"),     &[1]),
    row("process.parent.executable",         Kind::Keyword, From::Data("ParentImage"),          &[1]),
    row("process.parent.name",               Kind::Keyword, From::FileName("ParentImage"),      &[1]),
    row("process.parent.command_line",       Kind::Keyword, From::Data("ParentCommandLine"),    &[1]),
    row("process.parent.args",               Kind::Keyword, From::Args("ParentCommandLine"),    &[1]),
    row("process.parent.args_count",         Kind::Number,  From::ArgsCount("ParentCommandLine"), &[1]),
    row("process.parent.pid",                Kind::Number,  From::Data("ParentProcessId"),      &[1]),
    row("process.parent.entity_id",          Kind::Keyword, From::Data("ParentProcessGuid"),    &[1]),
    row("process.pe.original_file_name",     Kind::Keyword, From::Data("OriginalFileName"),     &[1]),
    row("process.pe.company",                Kind::Keyword, From::Data("Company"),              &[1]),
    row("process.pe.description",            Kind::Keyword, From::Data("Description"),          &[1]),
    row("process.pe.file_version",           Kind::Keyword, From::Data("FileVersion"),          &[1]),
    row("process.pe.product",                Kind::Keyword, From::Data("Product"),              &[1]),
    row("process.pe.imphash",                Kind::Keyword, From::Hash("IMPHASH"),              PROCESS_HASH),
    row("process.hash.md5",                  Kind::Keyword, From::Hash("MD5"),                  PROCESS_HASH),
    row("process.hash.sha1",                 Kind::Keyword, From::Hash("SHA1"),                 PROCESS_HASH),
    row("process.hash.sha256",               Kind::Keyword, From::Hash("SHA256"),               PROCESS_HASH),
    row("user.domain",                       Kind::Keyword, From::Domain("User"),               USER),
    row("user.name",                         Kind::Keyword, From::UserName("User"),             USER),
    row("user.id",                           Kind::Keyword, From::UserId,                       USER),
    row("file.path",                         Kind::Keyword, From::Data("TargetFilename"),       FILE),
    row("file.path",                         Kind::Keyword, From::Data("ImageLoaded"),          &[6, 7]),
    row("file.path",                         Kind::Keyword, From::Data("Device"),               &[9]),
    row("file.name",                         Kind::Keyword, From::FileName("TargetFilename"),   FILE),
    row("file.name",                         Kind::Keyword, From::FileName("ImageLoaded"),      &[6, 7]),
    row("file.name",                         Kind::Keyword, From::Data("PipeName"),             &[17, 18]),
    row("file.directory",                    Kind::Keyword, From::Directory("TargetFilename"),  FILE),
    row("file.directory",                    Kind::Keyword, From::Directory("ImageLoaded"),     &[6, 7]),
    row("file.extension",                    Kind::Keyword, From::Extension("TargetFilename"),  FILE),
    row("file.extension",                    Kind::Keyword, From::Extension("ImageLoaded"),     &[6, 7]),
    row("file.hash.md5",                     Kind::Keyword, From::Hash("MD5"),                  FILE_HASH),
    row("file.hash.sha1",                    Kind::Keyword, From::Hash("SHA1"),                 FILE_HASH),
    row("file.hash.sha256",                  Kind::Keyword, From::Hash("SHA256"),               FILE_HASH),
    row("file.pe.imphash",                   Kind::Keyword, From::Hash("IMPHASH"),              FILE_HASH),
    row("file.pe.original_file_name",        Kind::Keyword, From::Data("OriginalFileName"),     &[7]),
    row("file.pe.company",                   Kind::Keyword, From::Data("Company"),              &[7]),
    row("file.pe.description",               Kind::Keyword, From::Data("Description"),          &[7]),
    row("file.pe.file_version",              Kind::Keyword, From::Data("FileVersion"),          &[7]),
    row("file.pe.product",                   Kind::Keyword, From::Data("Product"),              &[7]),
    row("file.code_signature.subject_name",  Kind::Keyword, From::Data("Signature"),            &[6, 7]),
    row("file.code_signature.status",        Kind::Keyword, From::Data("SignatureStatus"),      &[6, 7]),
    row("file.code_signature.valid",         Kind::Keyword, From::ValidOnly,                    &[6, 7]),
    // (+) as Elastic's agent fills them
    row("dll.path",                          Kind::Keyword, From::Data("ImageLoaded"),          &[7]),
    row("dll.name",                          Kind::Keyword, From::FileName("ImageLoaded"),      &[7]),
    row("dll.hash.md5",                      Kind::Keyword, From::Hash("MD5"),                  &[7]),
    row("dll.hash.sha1",                     Kind::Keyword, From::Hash("SHA1"),                 &[7]),
    row("dll.hash.sha256",                   Kind::Keyword, From::Hash("SHA256"),               &[7]),
    row("dll.pe.imphash",                    Kind::Keyword, From::Hash("IMPHASH"),              &[7]),
    row("dll.pe.original_file_name",         Kind::Keyword, From::Data("OriginalFileName"),     &[7]),
    row("dll.pe.company",                    Kind::Keyword, From::Data("Company"),              &[7]),
    row("dll.pe.description",                Kind::Keyword, From::Data("Description"),          &[7]),
    row("dll.pe.file_version",               Kind::Keyword, From::Data("FileVersion"),          &[7]),
    row("dll.pe.product",                    Kind::Keyword, From::Data("Product"),              &[7]),
    row("dll.code_signature.subject_name",   Kind::Keyword, From::Data("Signature"),            &[7]),
    row("dll.code_signature.exists",         Kind::Keyword, From::Signed,                       &[7]),
    row("dll.code_signature.trusted",        Kind::Keyword, From::Trusted,                      &[7]),
    row("dll.code_signature.valid",          Kind::Keyword, From::Trusted,                      &[7]),
    row("dll.code_signature.status",         Kind::Keyword, From::AgentStatus,                  &[7]),
    row("registry.path",                     Kind::Keyword, From::Data("TargetObject"),         REGISTRY),
    row("registry.hive",                     Kind::Keyword, From::Hive,                         REGISTRY),
    row("registry.key",                      Kind::Keyword, From::Key,                          REGISTRY),
    row("registry.value",                    Kind::Keyword, From::LastPart,                     REGISTRY),
    row("registry.data.strings",             Kind::Keyword, From::RegistryData,                 &[13]),
    row("registry.data.type",                Kind::Keyword, From::RegistryType,                 &[13]),
    row("network.direction",                 Kind::Keyword, From::Direction,                    &[3]),
    row("network.transport",                 Kind::Keyword, From::Data("Protocol"),             &[3]),
    row("network.protocol",                  Kind::Keyword, From::Protocol,                     &[3]),
    row("network.protocol",                  Kind::Keyword, From::Always(&["dns"]),             &[22]),
    row("network.type",                      Kind::Keyword, From::NetworkType,                  &[3]),
    row("source.ip",                         Kind::Ip,      From::Side("SourceIp", "DestinationIp"), &[3]),
    row("source.port",                       Kind::Number,  From::Side("SourcePort", "DestinationPort"), &[3]),
    row("source.domain",                     Kind::Keyword, From::Side("SourceHostname", "DestinationHostname"), &[3]),
    row("destination.ip",                    Kind::Ip,      From::Side("DestinationIp", "SourceIp"), &[3]),
    row("destination.port",                  Kind::Number,  From::Side("DestinationPort", "SourcePort"), &[3]),
    row("destination.domain",                Kind::Keyword, From::Side("DestinationHostname", "SourceHostname"), &[3]),
    row("dns.question.name",                 Kind::Keyword, From::Data("QueryName"),            &[22]),
    row("dns.resolved_ip",                   Kind::Ip,      From::ResolvedIps,                  &[22]),
    row("sysmon.file.archived",              Kind::Keyword, From::Data("Archived"),             &[23, 24]),
    row("sysmon.file.is_executable",         Kind::Keyword, From::Data("IsExecutable"),         &[23, 26, 28]),
    row("rule.name",                         Kind::Keyword, From::Data("RuleName"),             ALL),
];
