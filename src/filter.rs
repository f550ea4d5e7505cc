//! The filter language of the console and of `wefwatch alerts`: words narrow, `or` widens, `-` or `!` excludes, `field:value`
//! looks at one field.
//!
//! ```text
//! host:DC* sev>=high -user:svc-scom      (dst:10.20.8.11 or port:5986)      "Domain Admins"      /net\d?\.exe/      since:15m
//! data.IntegrityLevel:System   (any field of an event, by its own name)      channel:Security      provider:*Sysmon
//! is:open is:new is:acked is:closed is:muted is:linked is:again is:false_positive      owner:alice
//! is:near   (an event that part of a rule matched, and no alert rests on)
//! ```

pub mod data;
pub mod listed;
mod parse;
mod regular;

use std::borrow::Cow;

use regex::Regex;

use crate::alert::Severity;

/// The fields that a filter knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The host's name.
    Host,
    /// The source address.
    Src,
    /// The destination address.
    Dst,
    /// A port.
    Port,
    /// The account.
    User,
    /// The process.
    Proc,
    /// Its parent.
    Parent,
    /// The command line.
    Cmd,
    /// The rule's name or id.
    Rule,
    /// An ATT&CK technique or tactic.
    Attack,
    /// The severity.
    Sev,
    /// The event id.
    Eid,
    /// Not older than.
    Since,
    /// The alert's id.
    Id,
    /// Where an alert stands.
    Is,
    /// Who works on it.
    Owner,
    /// The channel of an event.
    Channel,
    /// The provider of an event.
    Provider,
}

/// What a filter looks at.
pub trait Filterable {
    /// The values of a field; none for a field that this thing does not have.
    fn values(&self, field: Field) -> Vec<Cow<'_, str>>;
    /// The severity, where it has one.
    fn severity(&self) -> Option<Severity>;
    /// How old it is, in seconds.
    fn age_seconds(&self) -> Option<i64>;
    /// The value of a data field by its own name; nothing for a thing that is no event.
    fn data(&self, _name: &str) -> Option<Cow<'_, str>> {
        None
    }
    /// Everything that is shown of it.
    fn texts(&self) -> Vec<Cow<'_, str>>;
}

/// A filter, ready to use. The default lets everything through.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    root: Option<Node>,
}

#[derive(Debug, Clone)]
enum Node {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Text(Vec<String>),
    Regex(Regex),
    Field(Field, Vec<String>),
    Data(String, Vec<String>),
    Number(Field, Relation, f64),
    Severity(Relation, Severity),
    Since(i64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Relation {
    Is,
    Above,
    AtLeast,
    Below,
    AtMost,
}

impl Relation {
    fn holds<T: PartialOrd>(self, own: &T, other: &T) -> bool {
        match self {
            Self::Is => own == other,
            Self::Above => own > other,
            Self::AtLeast => own >= other,
            Self::Below => own < other,
            Self::AtMost => own <= other,
        }
    }
}

/// Where a filter is wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct FilterError {
    /// The byte at which the wrong word begins.
    pub at: usize,
    /// How many bytes it has.
    pub length: usize,
    /// What is wrong.
    pub reason: String,
}

impl Filter {
    /// Reads a filter.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        Ok(Self { root: parse::filter(text)? })
    }

    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The ages in seconds at which it may let something through no more, or only then.
    pub fn spans(&self) -> Vec<i64> {
        let mut spans = Vec::new();
        let mut nodes: Vec<&Node> = self.root.iter().collect();
        while let Some(node) = nodes.pop() {
            match node {
                Node::All(parts) | Node::Any(parts) => nodes.extend(parts),
                Node::Not(inner) => nodes.push(inner),
                Node::Since(seconds) => spans.push(*seconds),
                _ => {}
            }
        }
        spans
    }

    /// Whether it lets this through.
    pub fn matches(&self, thing: &impl Filterable) -> bool {
        self.root.as_ref().is_none_or(|root| holds(root, thing))
    }
}

fn holds(node: &Node, thing: &impl Filterable) -> bool {
    match node {
        Node::All(parts) => parts.iter().all(|part| holds(part, thing)),
        Node::Any(parts) => parts.iter().any(|part| holds(part, thing)),
        Node::Not(inner) => !holds(inner, thing),
        Node::Text(pieces) => thing.texts().iter().any(|text| matches_pieces(&text.to_lowercase(), pieces, Anchor::Nowhere)),
        Node::Regex(regex) => thing.texts().iter().any(|text| regex.is_match(text)),
        Node::Field(field, pieces) => {
            let anchor = match field {
                Field::Id | Field::Attack => Anchor::Start,
                Field::Port | Field::Eid | Field::Is => Anchor::Both,
                _ if pieces.len() > 1 => Anchor::Both,
                _ => Anchor::Nowhere,
            };
            thing.values(*field).iter().any(|value| matches_pieces(&value.to_lowercase(), pieces, anchor))
        }
        Node::Data(name, pieces) => {
            let anchor = if pieces.len() > 1 { Anchor::Both } else { Anchor::Nowhere };
            thing.data(name).is_some_and(|value| matches_pieces(&value.to_lowercase(), pieces, anchor))
        }
        Node::Number(field, relation, number) => {
            thing.values(*field).iter().filter_map(|value| value.parse::<f64>().ok()).any(|value| relation.holds(&value, number))
        }
        Node::Severity(relation, severity) => thing.severity().is_some_and(|own| relation.holds(&own, severity)),
        Node::Since(seconds) => thing.age_seconds().is_some_and(|age| age <= *seconds),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    Nowhere,
    Start,
    Both,
}

/// Matches the pieces between `*` in order.
fn matches_pieces(text: &str, pieces: &[String], anchor: Anchor) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return true };
    let is_exact = anchor == Anchor::Both && rest.is_empty();
    if is_exact {
        return text == first;
    }
    let mut at = match anchor {
        Anchor::Nowhere => match text.find(first.as_str()) {
            Some(found) => found + first.len(),
            None => return false,
        },
        Anchor::Start | Anchor::Both if text.starts_with(first.as_str()) => first.len(),
        Anchor::Start | Anchor::Both => return false,
    };
    for (place, piece) in rest.iter().enumerate() {
        let is_last = place + 1 == rest.len();
        if is_last && anchor == Anchor::Both {
            return text.len() >= at + piece.len() && text.ends_with(piece.as_str());
        }
        match text[at..].find(piece.as_str()) {
            Some(found) => at += found + piece.len(),
            None => return false,
        }
    }
    true
}

/// The names of all fields, in the order in which they are told.
pub fn field_names() -> impl Iterator<Item = &'static str> {
    parse::FIELDS.iter().map(|(name, _)| *name)
}

/// What `is:` takes.
pub fn states() -> impl Iterator<Item = &'static str> {
    parse::STATES.into_iter()
}

/// A span of time in seconds: `30s`, `15m`, `24h`, `7d`.
pub fn since(text: &str) -> Option<i64> {
    let number: i64 = text.get(..text.len().checked_sub(1)?)?.parse().ok()?;
    let factor = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Thing;

    impl Filterable for Thing {
        fn values(&self, field: Field) -> Vec<Cow<'_, str>> {
            let values: &[&str] = match field {
                Field::Host => &["SRV-FILE01.corp.example"],
                Field::Src => &["10.20.4.31"],
                Field::Port => &["51544", "5985"],
                Field::User => &["CORP\\svc-deploy"],
                Field::Proc => &["C:\\Windows\\System32\\whoami.exe"],
                Field::Attack => &["T1021.006", "TA0008"],
                Field::Eid => &["3", "1"],
                Field::Id => &["a7f3c0"],
                Field::Is => &["open", "linked"],
                _ => &[],
            };
            values.iter().map(|value| Cow::Borrowed(*value)).collect()
        }

        fn severity(&self) -> Option<Severity> {
            Some(Severity::Medium)
        }

        fn data(&self, name: &str) -> Option<Cow<'_, str>> {
            (name == "IntegrityLevel").then_some(Cow::Borrowed("System"))
        }

        fn age_seconds(&self) -> Option<i64> {
            Some(600)
        }

        fn texts(&self) -> Vec<Cow<'_, str>> {
            vec!["SRV-FILE01 accepted WinRM".into(), "net.exe group \"Domain Admins\"".into()]
        }
    }

    #[test]
    fn filters() {
        let rows = [
            ("data.IntegrityLevel:system", true),
            ("data.IntegrityLevel:High,Sys*", true),
            ("-data.IntegrityLevel:System", false),
            ("data.integritylevel:System", false),
            ("data.Image:x", false),
            ("", true),
            ("winrm", true),
            ("winrm net.exe", true),
            ("winrm nothing", false),
            ("winrm or nothing", true),
            ("nothing or winrm nothing", false),
            ("(nothing or winrm) net.exe", true),
            ("-nothing", true),
            ("!winrm", false),
            ("-(nothing or winrm)", false),
            ("\"domain admins\"", true),
            ("\"admins domain\"", false),
            ("/net\\.exe\\s+group/", true),
            ("/^nothing/", false),
            ("host:srv", true),
            ("host:SRV-*", true),
            ("host:*01", false),
            ("host:*.example", true),
            ("src:10.20.4.31", true),
            ("src:10.20.*", true),
            ("dst:10.20.4.31", false),
            ("-dst:10.20.4.31", true),
            ("port:5985", true),
            ("port:598", false),
            ("port:1,5985", true),
            ("user:svc-deploy", true),
            ("user:\"corp\\svc\"", true),
            ("proc:whoami.exe", true),
            ("attack:T1021", true),
            ("attack:1021", false),
            ("sev>=medium", true),
            ("sev>=high", false),
            ("sev:med", true),
            ("sev<high", true),
            ("eid:1,3", true),
            ("eid:2", false),
            ("eid>2", true),
            ("since:15m", true),
            ("since:5m", false),
            ("id:a7f3", true),
            ("id:7f3", false),
            ("is:open", true),
            ("is:closed,linked", true),
            ("-is:muted", true),
            ("is:acked", false),
            ("C:\\Windows", false),
            ("srv*winrm", true),
        ];
        for (text, expected) in rows {
            let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(filter.matches(&Thing), expected, "{text}");
        }
    }

    #[test]
    fn mistakes() {
        let rows = [
            ("winrm hots:x", 6, 6, "no field `hots`"),
            ("(winrm", 0, 1, "not closed"),
            ("winrm)", 5, 1, "closes nothing"),
            ("winrm or", 8, 0, "both sides"),
            ("or winrm", 0, 2, "both sides"),
            ("\"winrm", 0, 6, "not closed"),
            ("/(/", 0, 3, "regular expression"),
            ("sev>=loud", 0, 9, "unknown severity"),
            ("since:soon", 0, 10, "span of time"),
            ("host>x", 0, 6, "no order"),
            ("host:", 0, 5, "needs a value"),
            ("x -", 2, 1, "nothing to exclude"),
            ("()", 0, 1, "nothing in the brackets"),
            ("eid>x", 0, 5, "not a number"),
            ("is:opened", 0, 9, "takes open new acked"),
        ];
        for (text, at, length, reason) in rows {
            let error = Filter::parse(text).err().unwrap_or_else(|| panic!("{text} was taken"));
            assert!(error.reason.contains(reason), "{text}: {error}");
            assert_eq!((error.at, error.length), (at, length), "{text}: {error}");
        }
    }

    #[test]
    fn regular_expressions_have_one_room_together() {
        let joined = |source: &str, count: usize| vec![format!("/{source}/"); count].join(" or ");
        let rows = [
            (joined("net\\d?\\.exe", 100), Ok(())),
            (joined("\\w{20}", 2), Ok(())),
            // Where it becomes too much is where it says so.
            (joined("\\w{20}", 3), Err((2 * 12, 8, "together"))),
            (joined("\\w{20}", 250), Err((2 * 12, 8, "together"))),
            (joined("x", 129), Err((128 * 7, 3, "together"))),
            (joined("\\w{100}", 1), Err((0, 9, "too large a regular expression"))),
            (format!("host:a {} b", joined("\\w{100}", 1)), Err((7, 9, "too large a regular expression"))),
        ];
        for (text, expected) in rows {
            let result = Filter::parse(&text).map(drop).map_err(|error| (error.at, error.length, error.reason));
            match (&result, expected) {
                (Ok(()), Ok(())) => {}
                (Err((at, length, reason)), Err((wrong_at, wrong_length, part))) => {
                    assert!(reason.contains(part), "{text}: {reason}");
                    assert_eq!((*at, *length), (wrong_at, wrong_length), "{text}");
                }
                _ => panic!("{text}: {result:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn anything_is_a_filter_or_an_error(text in "[a-z:()\"/ !*<>=,-]{0,60}|\\PC{0,40}") {
            if let Ok(filter) = Filter::parse(&text) {
                filter.matches(&Thing);
            }
        }
    }
}
