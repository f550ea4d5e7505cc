//! What a list shows of an alert and a filter asks of it: everything but the evidence. Small enough to be kept in memory for
//! every alert, and made once, so that the console, the store and the command line tell an alert in the same words.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::alert::link::{self, Hop};
use crate::alert::{Alert, AlertId, Endpoint, Severity};
use crate::event::names::HostName;
use crate::event::text::short_command;

/// An alert without its evidence. What it shares with its repeats stands in [`Likeness`], and is read as if it stood here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Flat", into = "Flat")]
pub struct Header {
    /// Its id.
    pub id: AlertId,
    /// How bad it is: what a link raised it to, else what the rule says.
    pub severity: Severity,
    /// What the rule says, where a link raised it.
    pub rule_severity: Option<Severity>,
    /// Event time of the completing event.
    pub time: DateTime<Utc>,
    /// When it was raised.
    pub created: DateTime<Utc>,
    /// The reason in one sentence.
    pub message: Box<str>,
    /// The port that the connection came from: another one each time.
    pub source_port: Option<u16>,
    /// Whether both ends of its connection were seen.
    pub is_linked: bool,
    /// The path that its connection is part of.
    pub hops: Vec<Hop>,
    /// What its repeats have too.
    pub like: Arc<Likeness>,
}

/// What many alerts say alike: kept once for all of them, which is most of what a header weighs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Likeness {
    /// The rule's id.
    pub rule_id: String,
    /// The rule's name.
    pub rule: String,
    /// Where, folded.
    pub host: HostName,
    /// Where, as the event spells it.
    pub computer: String,
    /// From where to where, short.
    pub path: String,
    /// What ran, and who ran it.
    pub what: String,
    /// Where the connection came from; its port is apart.
    pub source: Option<Endpoint>,
    /// Where it went.
    pub destination: Option<Endpoint>,
    /// The account.
    pub user: Option<String>,
    /// The full path of the process.
    pub image: Option<String>,
    /// The full path of its parent.
    pub parent: Option<String>,
    /// The command line of the process.
    pub command_line: Option<String>,
    /// ATT&CK techniques and tactics.
    pub attack: Vec<String>,
    /// The ids of its events.
    pub event_ids: Vec<u32>,
}

impl Deref for Header {
    type Target = Likeness;

    fn deref(&self) -> &Likeness {
        &self.like
    }
}

/// The likenesses of many alerts, each once.
#[derive(Debug, Default)]
pub struct Likes {
    known: HashSet<Arc<Likeness>>,
    /// How many there may be before those are looked for that no alert has any more.
    limit: usize,
}

impl Likes {
    /// The header with the likeness that others have too, if it is like others.
    pub fn share(&mut self, header: Arc<Header>) -> Arc<Header> {
        match self.known.get(&header.like) {
            Some(like) if Arc::ptr_eq(like, &header.like) => header,
            Some(like) => Arc::new(Header { like: like.clone(), ..Arc::unwrap_or_clone(header) }),
            None => {
                if self.known.len() >= self.limit {
                    self.known.retain(|like| Arc::strong_count(like) > 1);
                    self.limit = 2 * self.known.len() + 1024;
                }
                self.known.insert(header.like.clone());
                header
            }
        }
    }
}

/// A header as it is stored and told.
#[derive(Serialize, Deserialize)]
struct Flat {
    id: AlertId,
    severity: Severity,
    #[serde(default)]
    rule_severity: Option<Severity>,
    rule_id: String,
    rule: String,
    time: DateTime<Utc>,
    created: DateTime<Utc>,
    host: HostName,
    computer: String,
    path: String,
    what: String,
    message: Box<str>,
    source: Option<Endpoint>,
    destination: Option<Endpoint>,
    user: Option<String>,
    image: Option<String>,
    parent: Option<String>,
    command_line: Option<String>,
    attack: Vec<String>,
    event_ids: Vec<u32>,
    is_linked: bool,
    #[serde(default)]
    hops: Vec<Hop>,
}

impl From<Flat> for Header {
    fn from(mut flat: Flat) -> Self {
        let source_port = flat.source.as_mut().and_then(|source| source.port.take());
        let like = Likeness {
            rule_id: flat.rule_id,
            rule: flat.rule,
            host: flat.host,
            computer: flat.computer,
            path: flat.path,
            what: flat.what,
            source: flat.source,
            destination: flat.destination,
            user: flat.user,
            image: flat.image,
            parent: flat.parent,
            command_line: flat.command_line,
            attack: flat.attack,
            event_ids: flat.event_ids,
        };
        Self {
            id: flat.id,
            severity: flat.severity,
            rule_severity: flat.rule_severity,
            time: flat.time,
            created: flat.created,
            message: flat.message,
            source_port,
            is_linked: flat.is_linked,
            hops: flat.hops,
            like: Arc::new(like),
        }
    }
}

impl From<Header> for Flat {
    fn from(header: Header) -> Self {
        let Likeness {
            rule_id,
            rule,
            host,
            computer,
            path,
            what,
            source,
            destination,
            user,
            image,
            parent,
            command_line,
            attack,
            event_ids,
        } = Arc::unwrap_or_clone(header.like);
        let port = header.source_port;
        Self {
            id: header.id,
            severity: header.severity,
            rule_severity: header.rule_severity,
            rule_id,
            rule,
            time: header.time,
            created: header.created,
            host,
            computer,
            path,
            what,
            message: header.message,
            source: source.map(|source| Endpoint { port, ..source }),
            destination,
            user,
            image,
            parent,
            command_line,
            attack,
            event_ids,
            is_linked: header.is_linked,
            hops: header.hops,
        }
    }
}

impl Header {
    /// The header of an alert.
    pub fn of(alert: &Alert) -> Self {
        let subject = &alert.subject;
        let process = subject.process.as_ref();
        let what = process.map_or(String::new(), |process| {
            let line = process.command_line.as_deref();
            line.map_or_else(|| process.name().to_owned(), |line| short_command(line, &process.executable))
        });
        let who = subject.user.as_deref().map_or(String::new(), |user| format!("  {user}"));
        let like = Likeness {
            rule_id: alert.rule.id.clone(),
            rule: alert.rule.name.clone(),
            host: alert.host.clone(),
            computer: alert.computer.clone(),
            path: path_of(alert),
            what: format!("{what}{who}"),
            source: subject.source.clone().map(|source| Endpoint { port: None, ..source }),
            destination: subject.destination.clone(),
            user: subject.user.clone(),
            image: process.map(|process| process.executable.clone()),
            parent: subject.parent.as_ref().map(|parent| parent.executable.clone()),
            command_line: process.and_then(|process| process.command_line.clone()),
            attack: alert.rule.techniques.iter().chain(&alert.rule.tactics).map(|one| one.id.clone()).collect(),
            event_ids: alert.evidence.iter().map(|proof| proof.event_id.0).collect(),
        };
        Self {
            id: alert.id.clone(),
            severity: alert.severity(),
            rule_severity: alert.raised_to.map(|_| alert.rule.severity),
            time: alert.time,
            created: alert.created,
            message: alert.message.as_str().into(),
            source_port: subject.source.as_ref().and_then(|source| source.port),
            is_linked: !alert.hops.is_empty(),
            hops: alert.hops.clone(),
            like: Arc::new(like),
        }
    }

    /// The ports of its connection.
    pub fn ports(&self) -> impl Iterator<Item = u16> {
        self.source_port.into_iter().chain(self.destination.as_ref().and_then(|end| end.port))
    }

    /// What repeats of one another share: rule, host, both ends, program and account. The destination is part of it, because
    /// one source that goes on to many hosts is a spreading attack and no repetition.
    pub fn group(&self) -> String {
        let ip = |end: &Option<Endpoint>| {
            end.as_ref().map_or(String::new(), |end| end.address().map_or_else(|| end.ip.clone(), |ip| ip.to_string()))
        };
        let port = self.destination.as_ref().and_then(|end| end.port).unwrap_or_default();
        let [image, user] = [&self.image, &self.user].map(|text| text.as_deref().unwrap_or_default().to_lowercase());
        [&self.rule_id, self.host.as_str(), &ip(&self.source), &ip(&self.destination), &port.to_string(), &image, &user].join("|")
    }
}

/// `WKSTN-014 > SRV-FILE01` where both ends told of the connection; else `WKSTN-014 > 10.20.8.11:5985` for what went out and
/// `10.20.4.31 > SRV-FILE01` for what came in, with the name of the other host where it is known.
fn path_of(alert: &Alert) -> String {
    if let Some(hop) = alert.hops.iter().find(|hop| hop.has(&alert.id)) {
        return link::path(std::slice::from_ref(hop));
    }
    let name = |ip: &str| {
        alert.names.iter().find(|named| named.ip == ip).map_or(ip.to_owned(), |named| short_host(&named.computer).to_owned())
    };
    let host = short_host(&alert.computer);
    let subject = &alert.subject;
    let is_inbound =
        alert.evidence.iter().any(|proof| proof.field("Initiated").is_some_and(|is| is.eq_ignore_ascii_case("false")));
    match (&subject.source, &subject.destination) {
        (Some(source), _) if is_inbound => format!("{} > {host}", name(&source.ip)),
        (_, Some(destination)) => {
            format!("{host} > {}{}", name(&destination.ip), destination.port.map_or(String::new(), |port| format!(":{port}")))
        }
        _ => host.to_owned(),
    }
}

/// The first label of a host name; an address stays whole.
pub fn short_host(computer: &str) -> &str {
    let is_address = computer.split('.').all(|label| label.bytes().all(|byte| byte.is_ascii_digit()));
    if is_address { computer } else { computer.split('.').next().filter(|label| !label.is_empty()).unwrap_or(computer) }
}

/// Headers made by hand, for the tests of all rooms.
#[cfg(test)]
pub mod testing {
    use std::sync::Arc;

    use super::{AlertId, Endpoint, Header, HostName, Likeness, Severity};

    /// The header of an alert with this id, from that source on that host, raised at that second.
    pub fn header(id: &str, host: &str, source: &str, second: i64) -> Header {
        let at = chrono::DateTime::from_timestamp(second, 0).unwrap_or_default();
        let like = Likeness {
            rule_id: "rule-1".to_owned(),
            rule: "Rule one".to_owned(),
            host: HostName::fold(host),
            computer: host.to_owned(),
            path: format!("{source} > {host}"),
            what: "whoami.exe  CORP\\a".to_owned(),
            source: Some(Endpoint { ip: source.to_owned(), port: None, name: None }),
            destination: None,
            user: Some("CORP\\a".to_owned()),
            image: Some("C:\\Windows\\whoami.exe".to_owned()),
            parent: None,
            command_line: Some("whoami /all".to_owned()),
            attack: vec!["T1021.006".to_owned()],
            event_ids: vec![1, 3],
        };
        Header {
            id: AlertId(id.into()),
            severity: Severity::High,
            rule_severity: None,
            time: at,
            created: at,
            message: "something happened".into(),
            source_port: Some(50_000),
            is_linked: false,
            hops: Vec::new(),
            like: Arc::new(like),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is stored and told stays as it is, byte by byte; what an older version wrote, with less in it, is read.
    #[test]
    fn the_stored_form() {
        let expected = concat!(
            r#"{"id":"a7f3","severity":"high","rule_severity":null,"rule_id":"rule-1","rule":"Rule one","#,
            r#""time":"1970-01-01T00:00:07Z","created":"1970-01-01T00:00:07Z","host":"srv","computer":"SRV","path":"10.0.0.1 > SRV","#,
            r#""what":"whoami.exe  CORP\\a","message":"something happened","source":{"ip":"10.0.0.1","port":50000,"name":null},"destination":null,"#,
            r#""user":"CORP\\a","image":"C:\\Windows\\whoami.exe","parent":null,"command_line":"whoami /all","#,
            r#""attack":["T1021.006"],"event_ids":[1,3],"is_linked":false,"hops":[]}"#,
        );
        let header = testing::header("a7f3", "SRV", "10.0.0.1", 7);
        assert_eq!(serde_json::to_string(&header).unwrap(), expected);
        let older = expected.replace(r#","hops":[]"#, "").replace(r#""rule_severity":null,"#, "");
        for text in [expected, &older] {
            assert_eq!(serde_json::from_str::<Header>(text).unwrap(), header);
        }
    }
}
