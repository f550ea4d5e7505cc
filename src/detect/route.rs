//! Which events a rule looks at at all: Sigma's logsource and EQL's category, each told by (channel or provider, event id).
//! Channel and provider names compare without case. Rules are grouped by route, so that an event wakes only the rules of its
//! own kind. The names are those of Sigma's taxonomy and of the channels in Microsoft's manifests.

use crate::detect::ecs::{Category, Mapping};
use crate::event::WindowsEvent;

/// Which events a rule looks at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Route {
    /// Every Windows event.
    Any,
    /// Events of any of these sources.
    Events(Vec<Source>),
    /// Events of an ECS category.
    Category(Category),
}

/// Events of some channels or providers: all of them, or those of some ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Source {
    /// The channels.
    pub channels: &'static [&'static str],
    /// The providers, for what is forwarded without its channel or comes through several.
    pub providers: &'static [&'static str],
    /// The event ids; none named means all.
    pub ids: &'static [u32],
}

impl Source {
    const fn channels(channels: &'static [&'static str], ids: &'static [u32]) -> Self {
        Self { channels, providers: &[], ids }
    }

    const fn sysmon(ids: &'static [u32]) -> Self {
        Self { channels: &["Microsoft-Windows-Sysmon/Operational"], providers: &["Microsoft-Windows-Sysmon"], ids }
    }

    /// Whether the event is one of these.
    pub fn takes(&self, event: &WindowsEvent) -> bool {
        if !self.ids.is_empty() && !self.ids.contains(&event.event_id().0) {
            return false;
        }
        let (channel, provider) = (event.channel(), event.provider());
        self.channels.iter().any(|own| own.eq_ignore_ascii_case(channel))
            || self.providers.iter().any(|own| own.eq_ignore_ascii_case(provider))
    }
}

impl Route {
    /// Whether the event goes this way.
    pub fn takes(&self, event: &WindowsEvent, mapping: &Mapping) -> bool {
        match self {
            Self::Any => true,
            Self::Events(sources) => sources.iter().any(|source| source.takes(event)),
            Self::Category(category) => category.takes(event, mapping),
        }
    }

    /// The source of its events, where there is only one.
    pub fn only_source(&self) -> Option<&Source> {
        match self {
            Self::Events(sources) => match sources.as_slice() {
                [only] => Some(only),
                _ => None,
            },
            Self::Any | Self::Category(_) => None,
        }
    }

    /// The route of a Sigma logsource.
    pub fn of_logsource(
        category: Option<&str>,
        product: Option<&str>,
        service: Option<&str>,
        mapping: &Mapping,
    ) -> Result<Self, NoRoute> {
        if let Some(other) = product.filter(|product| !product.eq_ignore_ascii_case("windows")) {
            return Err(NoRoute::Elsewhere(format!("logsource product `{other}`: only windows events come in here")));
        }
        let (Some(name), table) = (match category {
            Some(category) => (Some(category), CATEGORIES),
            None => (service, SERVICES),
        }) else {
            return match product {
                Some(_) => Ok(Self::Any),
                None => Err(NoRoute::Elsewhere("the logsource names neither category, product nor service".to_owned())),
            };
        };
        let mut sources: Vec<Source> = table.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|row| row.1).collect();
        if let (Some(category), Some(service)) = (category, service) {
            // Both named: the category says which events, the service narrows where they come from.
            let narrows = |source: &Source| {
                SERVICES.iter().any(|(own, wide)| {
                    own.eq_ignore_ascii_case(service) && wide.channels.iter().any(|channel| source.channels.contains(channel))
                })
            };
            sources.retain(narrows);
            if sources.is_empty() {
                return Err(NoRoute::Unknown(format!("logsource `{category}/{service}` is not known here")));
            }
        }
        if sources.is_empty() {
            return Err(if product.is_none() {
                NoRoute::Elsewhere(format!("logsource `{name}`: only windows events come in here"))
            } else {
                NoRoute::Unknown(format!("no Windows event log is known for the logsource `{name}`"))
            });
        }
        if category.is_some_and(|name| name.eq_ignore_ascii_case("process_creation")) && mapping.security_4688 {
            sources.push(Source::channels(&["Security"], &[4688]));
        }
        Ok(Self::Events(sources))
    }
}

/// Why a logsource has no route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoRoute {
    /// It speaks of Windows, but no event of it comes in here.
    Unknown(String),
    /// It speaks of other platforms.
    Elsewhere(String),
}

const POWERSHELL: &[&str] = &["Microsoft-Windows-PowerShell/Operational", "PowerShellCore/Operational"];
/// Kernel file events come from a trace session, under no channel or under the analytic one.
const KERNEL_FILE: (&[&str], &[&str]) = (&["Microsoft-Windows-Kernel-File/Analytic"], &["Microsoft-Windows-Kernel-File"]);

/// Sigma's categories and the events that they mean; a name may stand in several rows.
#[rustfmt::skip]
const CATEGORIES: &[(&str, Source)] = &[
    ("process_creation", Source::sysmon(&[1])),
    ("file_change", Source::sysmon(&[2])),
    ("network_connection", Source::sysmon(&[3])),
    ("sysmon_status", Source::sysmon(&[4, 16])),
    ("process_termination", Source::sysmon(&[5])),
    ("driver_load", Source::sysmon(&[6])),
    ("image_load", Source::sysmon(&[7])),
    ("create_remote_thread", Source::sysmon(&[8])),
    ("raw_access_thread", Source::sysmon(&[9])),
    ("process_access", Source::sysmon(&[10])),
    ("file_event", Source::sysmon(&[11])),
    ("registry_add", Source::sysmon(&[12])),
    ("registry_delete", Source::sysmon(&[12])),
    ("registry_set", Source::sysmon(&[13])),
    ("registry_rename", Source::sysmon(&[14])),
    ("registry_event", Source::sysmon(&[12, 13, 14])),
    ("create_stream_hash", Source::sysmon(&[15])),
    ("pipe_created", Source::sysmon(&[17, 18])),
    ("wmi_event", Source::sysmon(&[19, 20, 21])),
    ("dns_query", Source::sysmon(&[22])),
    ("file_delete", Source::sysmon(&[23])),
    ("clipboard_capture", Source::sysmon(&[24])),
    ("clipboard_change", Source::sysmon(&[24])),
    ("process_tampering", Source::sysmon(&[25])),
    ("file_delete_detected", Source::sysmon(&[26])),
    ("file_block_executable", Source::sysmon(&[27])),
    ("file_block_shredding", Source::sysmon(&[28])),
    ("file_executable_detected", Source::sysmon(&[29])),
    ("sysmon_error", Source::sysmon(&[255])),
    ("ps_module", Source::channels(POWERSHELL, &[4103])),
    ("ps_script", Source::channels(POWERSHELL, &[4104])),
    ("ps_classic_start", Source::channels(&["Windows PowerShell"], &[400])),
    ("ps_classic_provider_start", Source::channels(&["Windows PowerShell"], &[600])),
    ("ps_classic_script", Source::channels(&["Windows PowerShell"], &[800])),
    ("file_access", Source { channels: KERNEL_FILE.0, providers: KERNEL_FILE.1, ids: &[] }),
    ("file_rename", Source { channels: KERNEL_FILE.0, providers: KERNEL_FILE.1, ids: &[] }),
];

/// Sigma's services and the channels that they mean.
#[rustfmt::skip]
const SERVICES: &[(&str, Source)] = &[
    ("sysmon", Source::sysmon(&[])),
    ("security", Source::channels(&["Security"], &[])),
    ("system", Source::channels(&["System"], &[])),
    ("application", Source::channels(&["Application"], &[])),
    ("applocker", Source::channels(&[
        "Microsoft-Windows-AppLocker/MSI and Script", "Microsoft-Windows-AppLocker/EXE and DLL",
        "Microsoft-Windows-AppLocker/Packaged app-Deployment", "Microsoft-Windows-AppLocker/Packaged app-Execution"], &[])),
    ("application-experience", Source::channels(&[
        "Microsoft-Windows-Application-Experience/Program-Telemetry",
        "Microsoft-Windows-Application-Experience/Program-Compatibility-Assistant"], &[])),
    ("appmodel-runtime", Source::channels(&["Microsoft-Windows-AppModel-Runtime/Admin"], &[])),
    ("appxdeployment-server", Source::channels(&["Microsoft-Windows-AppXDeploymentServer/Operational"], &[])),
    ("appxpackaging-om", Source::channels(&["Microsoft-Windows-AppxPackaging/Operational"], &[])),
    ("bitlocker", Source::channels(&["Microsoft-Windows-BitLocker/BitLocker Management"], &[])),
    ("bits-client", Source::channels(&["Microsoft-Windows-Bits-Client/Operational"], &[])),
    ("capi2", Source::channels(&["Microsoft-Windows-CAPI2/Operational"], &[])),
    ("certificateservicesclient-lifecycle-system",
        Source::channels(&["Microsoft-Windows-CertificateServicesClient-Lifecycle-System/Operational"], &[])),
    ("codeintegrity-operational", Source::channels(&["Microsoft-Windows-CodeIntegrity/Operational"], &[])),
    ("dhcp", Source::channels(&["Microsoft-Windows-DHCP-Server/Operational"], &[])),
    ("diagnosis-scripted", Source::channels(&["Microsoft-Windows-Diagnosis-Scripted/Operational"], &[])),
    ("dns-client", Source::channels(&["Microsoft-Windows-DNS Client Events/Operational"], &[])),
    ("dns-server", Source::channels(&["DNS Server"], &[])),
    ("dns-server-analytic", Source::channels(
        &["Microsoft-Windows-DNS-Server/Analytical", "Microsoft-Windows-DNSServer/Analytical"], &[])),
    ("dns-server-audit", Source::channels(
        &["Microsoft-Windows-DNS-Server/Audit", "Microsoft-Windows-DNSServer/Audit"], &[])),
    ("driver-framework", Source::channels(&["Microsoft-Windows-DriverFrameworks-UserMode/Operational"], &[])),
    ("firewall-as", Source::channels(&["Microsoft-Windows-Windows Firewall With Advanced Security/Firewall"], &[])),
    ("hyper-v-worker", Source::channels(
        &["Microsoft-Windows-Hyper-V-Worker", "Microsoft-Windows-Hyper-V-Worker-Admin"], &[])),
    ("iis-configuration", Source::channels(&["Microsoft-IIS-Configuration/Operational"], &[])),
    ("kernel-event-tracing", Source::channels(
        &["Microsoft-Windows-Kernel-EventTracing", "Microsoft-Windows-Kernel-EventTracing/Admin"], &[])),
    ("kernel-shimengine", Source::channels(
        &["Microsoft-Windows-Kernel-ShimEngine/Operational", "Microsoft-Windows-Kernel-ShimEngine/Diagnostic"], &[])),
    ("ldap", Source::channels(&["Microsoft-Windows-LDAP-Client/Debug"], &[])),
    ("ldap_debug", Source::channels(&["Microsoft-Windows-LDAP-Client/Debug"], &[])),
    ("lsa-server", Source::channels(&["Microsoft-Windows-LSA/Operational"], &[])),
    ("microsoft-servicebus-client", Source::channels(
        &["Microsoft-ServiceBus-Client", "Microsoft-ServiceBus-Client/Admin", "Microsoft-ServiceBus-Client/Operational"], &[])),
    ("msexchange-management", Source::channels(&["MSExchange Management"], &[])),
    ("ntfs", Source::channels(&["Microsoft-Windows-Ntfs/Operational"], &[])),
    ("ntlm", Source::channels(&["Microsoft-Windows-NTLM/Operational"], &[])),
    ("openssh", Source::channels(&["OpenSSH/Operational"], &[])),
    ("powershell", Source::channels(POWERSHELL, &[])),
    ("powershell-classic", Source::channels(&["Windows PowerShell"], &[])),
    ("printservice-admin", Source::channels(&["Microsoft-Windows-PrintService/Admin"], &[])),
    ("printservice-operational", Source::channels(&["Microsoft-Windows-PrintService/Operational"], &[])),
    ("security-mitigations", Source::channels(&[
        "Microsoft-Windows-Security-Mitigations/KernelMode", "Microsoft-Windows-Security-Mitigations/UserMode",
        "Microsoft-Windows-Security-Mitigations/Kernel Mode", "Microsoft-Windows-Security-Mitigations/User Mode"], &[])),
    ("sense", Source::channels(&["Microsoft-Windows-SENSE/Operational"], &[])),
    ("servicebus-client", Source::channels(
        &["Microsoft-ServiceBus-Client", "Microsoft-ServiceBus-Client/Admin", "Microsoft-ServiceBus-Client/Operational"], &[])),
    ("shell-core", Source::channels(&["Microsoft-Windows-Shell-Core/Operational"], &[])),
    ("smbclient-connectivity", Source::channels(&["Microsoft-Windows-SmbClient/Connectivity"], &[])),
    ("smbclient-security", Source::channels(&["Microsoft-Windows-SmbClient/Security"], &[])),
    ("smbserver-connectivity", Source::channels(&["Microsoft-Windows-SMBServer/Connectivity"], &[])),
    ("taskscheduler", Source::channels(&["Microsoft-Windows-TaskScheduler/Operational"], &[])),
    ("terminalservices-localsessionmanager",
        Source::channels(&["Microsoft-Windows-TerminalServices-LocalSessionManager/Operational"], &[])),
    ("vhdmp", Source::channels(&["Microsoft-Windows-VHDMP/Operational", "Microsoft-Windows-VHDMP-Operational"], &[])),
    ("windefend", Source::channels(&["Microsoft-Windows-Windows Defender/Operational"], &[])),
    ("winrm", Source::channels(&["Microsoft-Windows-WinRM/Operational"], &[])),
    ("wmi", Source::channels(&["Microsoft-Windows-WMI-Activity/Operational"], &[])),
];

/// Some of Sysmon's events, for the tests of other rooms.
#[cfg(test)]
pub fn of_sysmon(ids: &'static [u32]) -> Route {
    Route::Events(vec![Source::sysmon(ids)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::testing::event;

    #[test]
    fn logsources_lead_to_their_events() {
        let rows = [
            (Some("process_creation"), None, "Microsoft-Windows-Sysmon/Operational", 1, true),
            (Some("process_creation"), None, "Security", 4688, false),
            (Some("process_creation"), Some("sysmon"), "microsoft-windows-sysmon/operational", 1, true),
            (Some("ps_script"), None, "PowerShellCore/Operational", 4104, true),
            (Some("ps_script"), None, "Microsoft-Windows-PowerShell/Operational", 4103, false),
            (Some("ps_classic_start"), None, "Windows PowerShell", 400, true),
            (Some("registry_event"), None, "Microsoft-Windows-Sysmon/Operational", 14, true),
            (Some("registry_set"), None, "Microsoft-Windows-Sysmon/Operational", 12, false),
            (None, Some("applocker"), "Microsoft-Windows-AppLocker/EXE and DLL", 8004, true),
            (None, Some("security"), "SECURITY", 4625, true),
            (None, Some("system"), "Security", 7045, false),
            (None, Some("sysmon"), "Microsoft-Windows-Sysmon/Operational", 255, true),
            (None, None, "Anything", 7, true),
        ];
        for (category, service, channel, id, expected) in rows {
            let route = Route::of_logsource(category, Some("windows"), service, &Mapping::default()).unwrap();
            let event = event(channel, "x", id, "A", 1, &[]);
            assert_eq!(route.takes(&event, &Mapping::default()), expected, "{category:?} {service:?} {channel} {id}");
        }
        let kernel = event("", "Microsoft-Windows-Kernel-File", 12, "A", 1, &[]);
        let route = Route::of_logsource(Some("file_access"), Some("windows"), None, &Mapping::default()).unwrap();
        assert!(route.takes(&kernel, &Mapping::default()), "by provider");
    }

    #[test]
    fn what_has_no_route_says_why() {
        let rows = [
            (Some("process_creation"), Some("linux"), None, false, "linux"),
            (Some("proxy"), None, None, false, "proxy"),
            (None, None, None, false, "neither"),
            (Some("telepathy"), Some("windows"), None, true, "telepathy"),
            (None, Some("windows"), Some("telepathy"), true, "telepathy"),
            (Some("process_creation"), Some("windows"), Some("security"), true, "process_creation/security"),
        ];
        for (category, product, service, is_unknown, word) in rows {
            let refused = Route::of_logsource(category, product, service, &Mapping::default()).unwrap_err();
            let (NoRoute::Unknown(reason) | NoRoute::Elsewhere(reason)) = &refused;
            assert_eq!(matches!(refused, NoRoute::Unknown(_)), is_unknown, "{reason}");
            assert!(reason.contains(word), "{reason}");
        }
    }
}
