//! Borrowed typed views of the Sysmon events that the product understands: process creations (event 1) and network
//! connections (event 3). Field names are Sysmon's own (its event manifest); a field that the event lacks is `None`, an
//! empty one `Some("")`, and `-` stays `-`.

use crate::event::WindowsEvent;

/// One Sysmon event that has a typed view.
#[derive(Debug, Clone, Copy)]
pub enum Sysmon<'e> {
    /// Event 1.
    ProcessCreate(ProcessCreate<'e>),
    /// Event 3.
    NetworkConnect(NetworkConnect<'e>),
}

impl<'e> Sysmon<'e> {
    /// The typed view of an event, where there is one.
    pub fn of(event: &'e WindowsEvent) -> Option<Self> {
        if !event.is_sysmon() {
            return None;
        }
        match event.event_id().0 {
            1 => Some(Self::ProcessCreate(ProcessCreate::read(event))),
            3 => Some(Self::NetworkConnect(NetworkConnect::read(event))),
            _ => None,
        }
    }
}

macro_rules! view {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $field:ident = $data:literal),+ $(,)? }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, Default)]
        pub struct $name<'e> {
            $($(#[$doc])* pub $field: Option<&'e str>),+
        }

        impl<'e> $name<'e> {
            /// Reads the fields by name; the first of a name counts.
            pub fn read(event: &'e WindowsEvent) -> Self {
                let mut view = Self::default();
                for (name, value) in event.data() {
                    match name {
                        $(Some($data) => view.$field = view.$field.or(Some(value)),)+
                        _ => {}
                    }
                }
                view
            }
        }
    };
}

view! {
    /// Sysmon event 1: a process was created.
    ProcessCreate {
        /// `UtcTime`.
        utc_time = "UtcTime",
        /// `ProcessGuid`.
        process_guid = "ProcessGuid",
        /// `ProcessId`; some shippers lose it.
        process_id = "ProcessId",
        /// `Image`: the full path.
        image = "Image",
        /// `OriginalFileName`, absent before Sysmon 10.
        original_file_name = "OriginalFileName",
        /// `CommandLine`.
        command_line = "CommandLine",
        /// `CurrentDirectory`.
        current_directory = "CurrentDirectory",
        /// `User`, as `DOMAIN\name`.
        user = "User",
        /// `LogonId`.
        logon_id = "LogonId",
        /// `IntegrityLevel`.
        integrity_level = "IntegrityLevel",
        /// `Hashes`.
        hashes = "Hashes",
        /// `ParentProcessGuid`.
        parent_process_guid = "ParentProcessGuid",
        /// `ParentProcessId`.
        parent_process_id = "ParentProcessId",
        /// `ParentImage`.
        parent_image = "ParentImage",
        /// `ParentCommandLine`.
        parent_command_line = "ParentCommandLine",
        /// `ParentUser`, from Sysmon 13.30 on.
        parent_user = "ParentUser",
    }
}

view! {
    /// Sysmon event 3: a network connection.
    NetworkConnect {
        /// `UtcTime`.
        utc_time = "UtcTime",
        /// `ProcessGuid`.
        process_guid = "ProcessGuid",
        /// `ProcessId`.
        process_id = "ProcessId",
        /// `Image`; `System` for http.sys.
        image = "Image",
        /// `User`.
        user = "User",
        /// `Protocol`: `tcp` or `udp`.
        protocol = "Protocol",
        /// `Initiated`: `true` for outbound.
        initiated = "Initiated",
        /// `SourceIsIpv6`.
        source_is_ipv6 = "SourceIsIpv6",
        /// `SourceIp`; IPv6 is never compressed.
        source_ip = "SourceIp",
        /// `SourceHostname`.
        source_hostname = "SourceHostname",
        /// `SourcePort`.
        source_port = "SourcePort",
        /// `SourcePortName`.
        source_port_name = "SourcePortName",
        /// `DestinationIp`.
        destination_ip = "DestinationIp",
        /// `DestinationHostname`.
        destination_hostname = "DestinationHostname",
        /// `DestinationPort`.
        destination_port = "DestinationPort",
        /// `DestinationPortName`; empty or `-` for 5985 in real recordings.
        destination_port_name = "DestinationPortName",
    }
}

impl NetworkConnect<'_> {
    /// `Initiated` as a truth value: `Some(true)` for outbound, `Some(false)` for inbound.
    pub fn is_outbound(&self) -> Option<bool> {
        let initiated = self.initiated?;
        if initiated.eq_ignore_ascii_case("true") {
            Some(true)
        } else if initiated.eq_ignore_ascii_case("false") {
            Some(false)
        } else {
            None
        }
    }
}
