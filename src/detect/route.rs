//! Which events a rule looks at at all: Sigma's logsource and EQL's category, each told by (channel or provider, event id).
//! Channel names compare without case. Rules are grouped by route, so that an event wakes only the rules of its own kind.

use crate::detect::ecs::{Category, Mapping};
use crate::detect::fields;
use crate::event::WindowsEvent;

/// Which events a rule looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Route {
    /// Every Windows event.
    Any,
    /// Sysmon events of these ids; none named means all of Sysmon.
    Sysmon(Vec<u32>),
    /// Events of these channels.
    Channel(Vec<&'static str>),
    /// Events of an ECS category.
    Category(Category),
    /// Process creations, whoever wrote them: Sysmon 1 and Security 4688.
    ProcessCreation,
}

impl Route {
    /// Whether the event goes this way.
    pub fn takes(&self, event: &WindowsEvent, mapping: &Mapping) -> bool {
        match self {
            Self::Any => true,
            Self::Sysmon(ids) => event.is_sysmon() && (ids.is_empty() || ids.contains(&event.event_id().0)),
            Self::Channel(channels) => channels.iter().any(|channel| channel.eq_ignore_ascii_case(event.channel())),
            Self::Category(category) => Category::of(event, mapping) == Some(*category),
            Self::ProcessCreation => fields::is_4688(event) || (event.is_sysmon() && event.event_id().0 == 1),
        }
    }

    /// The route of a Sigma logsource. `Err` says why there is none.
    pub fn of_logsource(
        category: Option<&str>,
        product: Option<&str>,
        service: Option<&str>,
        mapping: &Mapping,
    ) -> Result<Self, String> {
        if let Some(other) = product.filter(|product| !product.eq_ignore_ascii_case("windows")) {
            return Err(format!("logsource product `{other}`: only windows events come in here"));
        }
        let route = match (category, service) {
            (Some("process_creation"), _) if mapping.security_4688 => Some(Self::ProcessCreation),
            (Some(category), _) => {
                CATEGORIES.iter().find(|(name, _)| *name == category).map(|(_, ids)| Self::Sysmon(ids.to_vec()))
            }
            (None, Some("sysmon")) => Some(Self::Sysmon(Vec::new())),
            (None, Some(service)) => {
                SERVICES.iter().find(|(name, _)| *name == service).map(|(_, channels)| Self::Channel(channels.to_vec()))
            }
            (None, None) if product.is_some() => Some(Self::Any),
            (None, None) => return Err("the logsource names neither category, product nor service".to_owned()),
        };
        route.ok_or_else(|| {
            let words: Vec<&str> = [category, service].into_iter().flatten().collect();
            format!("logsource `{}` is not known here", words.join("/"))
        })
    }
}

/// Sigma's categories and the Sysmon events that they mean.
#[rustfmt::skip]
const CATEGORIES: &[(&str, &[u32])] = &[
    ("process_creation", &[1]),
    ("file_change", &[2]),
    ("network_connection", &[3]),
    ("sysmon_status", &[4, 16]),
    ("process_termination", &[5]),
    ("driver_load", &[6]),
    ("image_load", &[7]),
    ("create_remote_thread", &[8]),
    ("raw_access_thread", &[9]),
    ("process_access", &[10]),
    ("file_event", &[11]),
    ("registry_add", &[12]),
    ("registry_delete", &[12]),
    ("registry_set", &[13]),
    ("registry_rename", &[14]),
    ("registry_event", &[12, 13, 14]),
    ("create_stream_hash", &[15]),
    ("pipe_created", &[17, 18]),
    ("wmi_event", &[19, 20, 21]),
    ("dns_query", &[22]),
    ("file_delete", &[23, 26]),
    ("clipboard_capture", &[24]),
    ("process_tampering", &[25]),
    ("file_block_executable", &[27]),
    ("file_block_shredding", &[28]),
    ("file_executable_detected", &[29]),
    ("sysmon_error", &[255]),
];

/// Sigma's services and the channels that they mean.
#[rustfmt::skip]
const SERVICES: &[(&str, &[&str])] = &[
    ("security", &["Security"]),
    ("system", &["System"]),
    ("application", &["Application"]),
    ("powershell", &["Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational"]),
    ("powershell-classic", &["Windows PowerShell"]),
    ("windefend", &["Microsoft-Windows-Windows Defender/Operational"]),
    ("taskscheduler", &["Microsoft-Windows-TaskScheduler/Operational"]),
    ("wmi", &["Microsoft-Windows-WMI-Activity/Operational"]),
    ("ntlm", &["Microsoft-Windows-NTLM/Operational"]),
    ("dns-server", &["DNS Server"]),
    ("dns-client", &["Microsoft-Windows-DNS Client Events/Operational"]),
    ("driver-framework", &["Microsoft-Windows-DriverFrameworks-UserMode/Operational"]),
    ("firewall-as", &["Microsoft-Windows-Windows Firewall With Advanced Security/Firewall"]),
    ("bits-client", &["Microsoft-Windows-Bits-Client/Operational"]),
    ("codeintegrity-operational", &["Microsoft-Windows-CodeIntegrity/Operational"]),
    ("printservice-admin", &["Microsoft-Windows-PrintService/Admin"]),
    ("printservice-operational", &["Microsoft-Windows-PrintService/Operational"]),
    ("smbclient-security", &["Microsoft-Windows-SmbClient/Security"]),
    ("terminalservices-localsessionmanager", &["Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"]),
    ("openssh", &["OpenSSH/Operational"]),
    ("msexchange-management", &["MSExchange Management"]),
];
