//! Where an output writes to, as the user says it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// A parsed output URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputUrl {
    /// `stdout`: JSON lines on standard output.
    Stdout,
    /// `file:PATH`: JSON lines appended to a file, reopened on SIGHUP.
    File(PathBuf),
    /// `tcp://HOST:PORT`: JSON lines over TCP.
    Tcp(String),
    /// `syslog+tcp://HOST:PORT`: RFC 5424 messages with octet counting.
    SyslogTcp(String),
}

/// Why an output URL is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputUrlError {
    /// A form that exists elsewhere, not here.
    #[error("output `{0}` is not supported yet; use stdout, file:PATH, tcp://HOST:PORT or syslog+tcp://HOST:PORT")]
    NotSupported(String),
    /// Not a URL of any known form.
    #[error("`{0}` is no output; use stdout, file:PATH, tcp://HOST:PORT or syslog+tcp://HOST:PORT")]
    Unknown(String),
    /// The address lacks a host or a port.
    #[error("output `{0}` needs HOST:PORT")]
    Address(String),
}

impl OutputUrl {
    /// Whether it is a connection to a peer.
    pub fn is_connection(&self) -> bool {
        matches!(self, Self::Tcp(_) | Self::SyslogTcp(_))
    }
}

impl FromStr for OutputUrl {
    type Err = OutputUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let address = |rest: &str| {
            let is_whole = rest.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
            if is_whole { Ok(rest.to_owned()) } else { Err(OutputUrlError::Address(text.to_owned())) }
        };
        if matches!(text, "stdout" | "stdout:" | "-") {
            return Ok(Self::Stdout);
        }
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() { Err(OutputUrlError::Unknown(text.to_owned())) } else { Ok(Self::File(path.into())) };
        }
        match text.split_once("://") {
            Some(("tcp", rest)) => address(rest).map(Self::Tcp),
            Some(("syslog+tcp", rest)) => address(rest).map(Self::SyslogTcp),
            Some(("tls" | "syslog+tls" | "syslog+udp" | "udp" | "http" | "https", _)) => {
                Err(OutputUrlError::NotSupported(text.to_owned()))
            }
            _ => Err(OutputUrlError::Unknown(text.to_owned())),
        }
    }
}

impl fmt::Display for OutputUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => formatter.write_str("stdout"),
            Self::File(path) => write!(formatter, "file:{}", path.display()),
            Self::Tcp(address) => write!(formatter, "tcp://{address}"),
            Self::SyslogTcp(address) => write!(formatter, "syslog+tcp://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for text in ["stdout", "file:/var/log/alerts.json", "tcp://siem:5000", "tcp://[::1]:5000", "syslog+tcp://127.0.0.1:601"] {
            assert_eq!(text.parse::<OutputUrl>().map(|url| url.to_string()).as_deref(), Ok(text));
        }
        let rows = [
            ("tcp://siem", OutputUrlError::Address("tcp://siem".to_owned())),
            ("tcp://:5000", OutputUrlError::Address("tcp://:5000".to_owned())),
            ("tls://siem:1", OutputUrlError::NotSupported("tls://siem:1".to_owned())),
            ("file:", OutputUrlError::Unknown("file:".to_owned())),
            ("ftp://x:1", OutputUrlError::Unknown("ftp://x:1".to_owned())),
        ];
        for (text, error) in rows {
            assert_eq!(text.parse::<OutputUrl>(), Err(error));
        }
    }
}
