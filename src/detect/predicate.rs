//! The one matching core. Sigma selections and EQL conditions both become an [`Expr`] over *atoms*: one test on one field.
//! Fields are interned, equal atoms are kept once, a field is read and folded at most once per event, an atom is tested at
//! most once per event. The same expressions answer "why": [`Evaluation::explain`] names the atoms that made them hold.
//!
//! The logic is two-valued: an absent field satisfies no positive test, and its negation holds (Elasticsearch's `must_not`,
//! Sigma's `not`).

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;

use regex::Regex;

use crate::alert::Matched;
use crate::detect::ecs::{self, Mapping};
use crate::detect::eql::script::Script;
use crate::detect::fields;
use crate::event::WindowsEvent;

/// A field, interned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldId(u16);

/// How a rule names a field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FieldName {
    /// As Windows names it (Sigma): `DestinationPort`, `EventID`, `Provider_Name`.
    Windows(Box<str>),
    /// As the Elastic Common Schema names it (EQL): `destination.port`.
    Ecs(Box<str>),
    /// Every value of the event at once (Sigma keywords).
    AnyValue,
}

/// How letters compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Case {
    /// Exactly.
    Exact,
    /// ASCII letters without case (EQL's `:` and `~`).
    Ascii,
    /// All letters without case (Sigma).
    Unicode,
}

impl Case {
    /// Folds a text for comparison under this rule.
    pub fn fold(self, text: &str) -> Cow<'_, str> {
        let has_upper = match self {
            Self::Exact => false,
            Self::Ascii => text.bytes().any(|byte| byte.is_ascii_uppercase()),
            Self::Unicode => text.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()),
        };
        match self {
            _ if !has_upper => Cow::Borrowed(text),
            Self::Unicode => Cow::Owned(text.to_lowercase()),
            Self::Exact | Self::Ascii => Cow::Owned(text.to_ascii_lowercase()),
        }
    }
}

/// A piece of a wildcard pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Wild {
    /// These characters.
    Literal(String),
    /// `*`: any characters, none included, line breaks included.
    Many,
    /// `?`: exactly one character.
    One,
}

/// What a text is compared with. The texts stand as the rule wrote them; [`Predicates::atom`] folds them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// The whole value.
    Equals(String),
    /// The beginning.
    StartsWith(String),
    /// The end.
    EndsWith(String),
    /// Anywhere.
    Contains(String),
    /// A wildcard pattern over the whole value.
    Glob(Vec<Wild>),
}

impl Pattern {
    /// The simplest pattern that means the same as these pieces.
    pub fn from_wild(pieces: Vec<Wild>) -> Self {
        match pieces.as_slice() {
            [] => Self::Equals(String::new()),
            [Wild::Literal(text)] => Self::Equals(text.clone()),
            [Wild::Literal(text), Wild::Many] => Self::StartsWith(text.clone()),
            [Wild::Many, Wild::Literal(text)] => Self::EndsWith(text.clone()),
            [Wild::Many, Wild::Literal(text), Wild::Many] => Self::Contains(text.clone()),
            _ => Self::Glob(pieces),
        }
    }

    /// The pattern folded for comparison under a rule of case.
    pub(super) fn folded(self, case: Case) -> Self {
        let fold = |text: String| case.fold(&text).into_owned();
        match self {
            Self::Equals(text) => Self::Equals(fold(text)),
            Self::StartsWith(text) => Self::StartsWith(fold(text)),
            Self::EndsWith(text) => Self::EndsWith(fold(text)),
            Self::Contains(text) => Self::Contains(fold(text)),
            Self::Glob(pieces) => Self::Glob(
                pieces
                    .into_iter()
                    .map(|piece| if let Wild::Literal(text) = piece { Wild::Literal(fold(text)) } else { piece })
                    .collect(),
            ),
        }
    }

    /// Whether an already folded value matches.
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Self::Equals(text) => value == text,
            Self::StartsWith(text) => value.starts_with(text.as_str()),
            Self::EndsWith(text) => value.ends_with(text.as_str()),
            Self::Contains(text) => memchr::memmem::find(value.as_bytes(), text.as_bytes()).is_some(),
            Self::Glob(pieces) => glob(pieces, value),
        }
    }
}

/// Where in a value another text must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Place {
    /// It is the whole value.
    Whole,
    /// At the beginning.
    Start,
    /// At the end.
    End,
    /// Anywhere.
    Anywhere,
}

impl Place {
    /// Whether the other text stands there.
    pub fn holds(self, value: &str, other: &str) -> bool {
        match self {
            Self::Whole => value == other,
            Self::Start => value.starts_with(other),
            Self::End => value.ends_with(other),
            Self::Anywhere => value.contains(other),
        }
    }
}

/// How numbers compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ordering {
    /// `==`
    Equal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A range of addresses; a single address has the full prefix length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Reads `10.0.0.0/8`, `::1`, `fe80::/10`. `None` when it is neither address nor network.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
        let address = parse_address(address)?;
        let bits = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(bits), |prefix| prefix.parse::<u8>().ok())?;
        (prefix <= bits).then_some(Self { address, prefix })
    }

    /// Whether the address lies inside.
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.prefix);
                shift == 32 || u32::from(own) >> shift == u32::from(other) >> shift
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.prefix);
                shift == 128 || u128::from(own) >> shift == u128::from(other) >> shift
            }
            _ => false,
        }
    }
}

/// Reads an address as Windows spells it (uncompressed, perhaps with a zone); IPv4-mapped IPv6 reads as IPv4.
pub fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.split('%').next().unwrap_or(text).trim();
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// One test on the values of one field. A list-valued field passes if any of its values does.
#[derive(Debug, Clone)]
pub enum Test {
    /// The field is there (an empty value is there, too).
    Exists,
    /// Any of the patterns matches.
    Text {
        /// The patterns; any may match.
        any: Vec<Pattern>,
        /// How letters compare.
        case: Case,
    },
    /// The value is a number that compares so with any of these.
    Number {
        /// How.
        ordering: Ordering,
        /// With what.
        any: Vec<f64>,
    },
    /// The value is an address inside any of these.
    Address {
        /// The networks.
        any: Vec<Network>,
    },
    /// Any of the expressions matches.
    Regex {
        /// The expressions, anchored or not as their language wants.
        any: Vec<Regex>,
    },
    /// Equal to another field of the same event, or with it at the beginning, the end, anywhere.
    SameAs {
        /// The other field.
        other: FieldId,
        /// Where in the value the other field's must stand.
        place: Place,
        /// How letters compare.
        case: Case,
    },
    /// A calculation, which may read other fields, too.
    Script(Script),
}

/// One test on one field, and the test in words.
#[derive(Debug, Clone)]
struct Atom {
    field: FieldId,
    test: Test,
    why: Box<str>,
}

/// An atom, interned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AtomId(u32);

/// A condition over atoms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expr {
    /// Always or never.
    Constant(bool),
    /// One atom.
    Atom(AtomId),
    /// The contrary.
    Not(Box<Expr>),
    /// All of these; empty is true.
    And(Vec<Expr>),
    /// Any of these; empty is false.
    Or(Vec<Expr>),
}

impl std::ops::Not for Expr {
    type Output = Self;

    fn not(self) -> Self {
        match self {
            Self::Constant(truth) => Self::Constant(!truth),
            Self::Not(inner) => *inner,
            other => Self::Not(Box::new(other)),
        }
    }
}

/// All fields and atoms of a rule set.
#[derive(Debug, Default)]
pub struct Predicates {
    fields: Vec<FieldName>,
    /// The rows of the mapping behind each field, where it is one of ECS: found once, read with every event.
    ecs_fields: Vec<Option<ecs::Field>>,
    field_ids: HashMap<FieldName, FieldId>,
    atoms: Vec<Atom>,
    atom_ids: HashMap<(FieldId, String), AtomId>,
}

impl Predicates {
    /// Interns a field.
    pub fn field(&mut self, name: FieldName) -> FieldId {
        if let Some(id) = self.field_ids.get(&name) {
            return *id;
        }
        let id = FieldId(u16::try_from(self.fields.len()).unwrap_or(u16::MAX));
        self.ecs_fields.push(if let FieldName::Ecs(name) = &name { ecs::Field::named(name) } else { None });
        self.fields.push(name.clone());
        self.field_ids.insert(name, id);
        id
    }

    /// Interns an atom. `why` is the test in words (`in (5985, 5986)`), shown on alerts.
    pub fn atom(&mut self, field: FieldId, test: Test, why: &str) -> Expr {
        let test = match test {
            Test::Text { any, case } => Test::Text { any: any.into_iter().map(|pattern| pattern.folded(case)).collect(), case },
            other => other,
        };
        // The debug form of a test is its identity: it names the variant and every value (a regex prints its source).
        let identity = (field, format!("{test:?}"));
        if let Some(id) = self.atom_ids.get(&identity) {
            return Expr::Atom(*id);
        }
        let id = AtomId(u32::try_from(self.atoms.len()).unwrap_or(u32::MAX));
        self.atoms.push(Atom { field, test, why: why.into() });
        self.atom_ids.insert(identity, id);
        Expr::Atom(id)
    }

    /// How many distinct atoms there are.
    pub fn atom_count(&self) -> usize {
        self.atoms.len()
    }

    /// The test of an atom.
    pub(super) fn test(&self, id: AtomId) -> &Test {
        &self.atoms[id.0 as usize].test
    }

    /// The field of an atom.
    pub(super) fn field_of(&self, id: AtomId) -> FieldId {
        self.atoms[id.0 as usize].field
    }

    /// The name of a field.
    pub fn field_name(&self, field: FieldId) -> &FieldName {
        self.fields.get(usize::from(field.0)).unwrap_or(&FieldName::AnyValue)
    }

    /// Calls back for every field that an expression reads.
    pub fn each_field(&self, expr: &Expr, visit: &mut impl FnMut(FieldId)) {
        match expr {
            Expr::Constant(_) => {}
            Expr::Atom(id) => {
                let atom = &self.atoms[id.0 as usize];
                match &atom.test {
                    Test::Script(script) => script.each_field(visit),
                    _ => visit(atom.field),
                }
            }
            Expr::Not(inner) => self.each_field(inner, visit),
            Expr::And(parts) | Expr::Or(parts) => parts.iter().for_each(|part| self.each_field(part, visit)),
        }
    }
}

/// The values of a field in one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value<'e> {
    /// The event has no such field.
    Absent,
    /// One value.
    One(Cow<'e, str>),
    /// Several.
    Many(Vec<Cow<'e, str>>),
}

impl<'e> Value<'e> {
    /// All values.
    pub fn iter(&self) -> impl Iterator<Item = &Cow<'e, str>> {
        match self {
            Self::Absent => [].iter(),
            Self::One(value) => std::slice::from_ref(value).iter(),
            Self::Many(values) => values.iter(),
        }
    }

    /// Some borrowed text or nothing.
    pub fn from_option(value: Option<&'e str>) -> Self {
        value.map_or(Self::Absent, |value| Self::One(Cow::Borrowed(value)))
    }
}

/// One event under test, one condition at a time: remembers the fields that were read.
#[derive(Debug)]
pub struct Evaluation<'a> {
    predicates: &'a Predicates,
    mapping: &'a Mapping,
    event: &'a WindowsEvent,
    /// Few of a rule set's fields are read for one event: a list is enough, and costs an event that reads none nothing.
    values: Vec<(FieldId, Value<'a>)>,
}

impl<'a> Evaluation<'a> {
    /// Puts an event under test.
    pub fn new(predicates: &'a Predicates, mapping: &'a Mapping, event: &'a WindowsEvent) -> Self {
        Self { predicates, mapping, event, values: Vec::new() }
    }

    /// The values of a field.
    pub fn value(&mut self, field: FieldId) -> &Value<'a> {
        let known = self.values.iter().position(|(own, _)| *own == field);
        let place = known.unwrap_or_else(|| {
            let value = match &self.predicates.fields[usize::from(field.0)] {
                FieldName::Windows(name) => fields::value(self.event, name, self.mapping),
                FieldName::Ecs(name) => match self.predicates.ecs_fields[usize::from(field.0)] {
                    Some(known) => known.value(self.event, self.mapping),
                    None => ecs::value(self.event, name, self.mapping),
                },
                FieldName::AnyValue => fields::any_value(self.event),
            };
            self.values.push((field, value));
            self.values.len() - 1
        });
        &self.values[place].1
    }

    /// Whether an expression holds for the event.
    pub fn holds(&mut self, expr: &Expr) -> bool {
        match expr {
            Expr::Constant(truth) => *truth,
            Expr::Atom(id) => self.atom_holds(*id),
            Expr::Not(inner) => !self.holds(inner),
            Expr::And(parts) => parts.iter().all(|part| self.holds(part)),
            Expr::Or(parts) => parts.iter().any(|part| self.holds(part)),
        }
    }

    /// Whether one atom holds for the event.
    pub(super) fn atom_holds(&mut self, id: AtomId) -> bool {
        let predicates = self.predicates;
        let atom = &predicates.atoms[id.0 as usize];
        if let Test::SameAs { other, place, case } = &atom.test {
            let others: Vec<String> = self.value(*other).iter().map(|value| case.fold(value).into_owned()).collect();
            self.value(atom.field).iter().any(|value| {
                let value = case.fold(value);
                others.iter().any(|other| place.holds(&value, other))
            })
        } else if let Test::Script(script) = &atom.test {
            script.holds(&mut |field| self.value(field).iter().map(|value| value.clone().into_owned()).collect())
        } else {
            let value = self.value(atom.field);
            test(&atom.test, value)
        }
    }

    /// The atoms that make a holding expression hold, in the order of the rule: field, value and the test in words. What is
    /// true of every event of its kind (`host.os.type`) is left out.
    pub fn explain(&mut self, expr: &Expr) -> Vec<Matched> {
        let mut matched = Vec::new();
        self.gather(expr, true, &mut matched);
        matched
    }

    fn gather(&mut self, expr: &Expr, wanted: bool, matched: &mut Vec<Matched>) {
        match expr {
            Expr::Constant(_) => {}
            Expr::Atom(id) => {
                if let Some(row) = self.tell(*id, wanted).filter(|row| !matched.contains(row)) {
                    matched.push(row);
                }
            }
            Expr::Not(inner) => self.gather(inner, !wanted, matched),
            Expr::And(parts) if wanted => parts.iter().for_each(|part| self.gather(part, wanted, matched)),
            Expr::Or(parts) if !wanted => parts.iter().for_each(|part| self.gather(part, wanted, matched)),
            // Here one part decides: the first that came out as wanted.
            Expr::And(parts) | Expr::Or(parts) => {
                if let Some(part) = parts.iter().find(|part| self.holds(part) == wanted) {
                    self.gather(part, wanted, matched);
                }
            }
        }
    }

    /// The atoms that keep an expression from holding: of several ways to hold, the one that lacks
    /// the least. Each row names the field, the event's value and what was wanted. Empty when the expression holds.
    pub fn blame(&mut self, expr: &Expr) -> Vec<Matched> {
        let mut blamed = Vec::new();
        if !self.holds(expr) {
            self.blame_for(expr, true, &mut blamed);
        }
        blamed
    }

    /// Blames what keeps an expression, which is not as wanted, from being so.
    fn blame_for(&mut self, expr: &Expr, wanted: bool, blamed: &mut Vec<Matched>) {
        match expr {
            Expr::Constant(_) => {
                blamed.push(Matched { field: String::new(), value: String::new(), why: "can never be".to_owned() });
            }
            Expr::Atom(id) => {
                let constant =
                    || Matched { field: String::new(), value: String::new(), why: "is fixed for this kind of event".to_owned() };
                let row = self.tell(*id, wanted).unwrap_or_else(constant);
                if !blamed.contains(&row) {
                    blamed.push(row);
                }
            }
            Expr::Not(inner) => self.blame_for(inner, !wanted, blamed),
            Expr::And(parts) if wanted => self.blame_all(parts, wanted, blamed),
            Expr::Or(parts) if !wanted => self.blame_all(parts, wanted, blamed),
            // Any one part would do: the one that lacks the least.
            Expr::And(parts) | Expr::Or(parts) => {
                let mut least: Option<Vec<Matched>> = None;
                for part in parts {
                    let mut own = Vec::new();
                    self.blame_for(part, wanted, &mut own);
                    if least.as_ref().is_none_or(|least| own.len() < least.len()) {
                        least = Some(own);
                    }
                }
                blamed.extend(least.unwrap_or_default());
            }
        }
    }

    fn blame_all(&mut self, parts: &[Expr], wanted: bool, blamed: &mut Vec<Matched>) {
        for part in parts {
            if self.holds(part) != wanted {
                self.blame_for(part, wanted, blamed);
            }
        }
    }

    fn tell(&mut self, id: AtomId, wanted: bool) -> Option<Matched> {
        let predicates = self.predicates;
        let atom = &predicates.atoms[id.0 as usize];
        let (field, spelled) = match predicates.field_name(atom.field) {
            FieldName::Windows(name) => (name.to_string(), None),
            FieldName::Ecs(name) => {
                let field = ecs::native_name(self.event, name, self.mapping)?;
                // The event's own spelling is the evidence: a path for a file name, `false` for `ingress`.
                let spelled = ecs::spelled(self.event, name, self.mapping).map(str::to_owned);
                (field, spelled)
            }
            FieldName::AnyValue => ("any value".to_owned(), None),
        };
        let mut values: Vec<Cow<'a, str>> = self.value(atom.field).iter().cloned().collect();
        if wanted && values.len() > 1 && !matches!(atom.test, Test::Script(_)) {
            values.retain(|value| test(&atom.test, &Value::One(value.clone())));
        }
        let value = if matches!(predicates.field_name(atom.field), FieldName::AnyValue) && !wanted {
            String::new()
        } else {
            values.join(" ")
        };
        let is_translated = spelled.as_ref().is_some_and(|spelled| !spelled.ends_with(&value));
        let mapped = if is_translated { format!("{value}: ") } else { String::new() };
        let value = spelled.unwrap_or(value);
        let contrary = || format!("not {}", atom.why.strip_prefix("= ").unwrap_or(&atom.why));
        let why = format!("{mapped}{}", if wanted { atom.why.to_string() } else { contrary() });
        Some(Matched { field, value, why })
    }
}

fn test(test: &Test, value: &Value<'_>) -> bool {
    match test {
        Test::Exists => *value != Value::Absent,
        Test::Text { any, case } => value.iter().any(|value| {
            let folded = case.fold(value);
            any.iter().any(|pattern| pattern.matches(&folded))
        }),
        Test::Number { ordering, any } => value
            .iter()
            .filter_map(|value| value.trim().parse::<f64>().ok())
            .any(|value| any.iter().any(|other| compare(value, *ordering, *other))),
        Test::Address { any } => value
            .iter()
            .filter_map(|value| parse_address(value))
            .any(|address| any.iter().any(|network| network.contains(address))),
        Test::Regex { any } => value.iter().any(|value| any.iter().any(|regex| regex.is_match(value))),
        Test::SameAs { .. } | Test::Script(_) => false,
    }
}

fn compare(value: f64, ordering: Ordering, other: f64) -> bool {
    match ordering {
        Ordering::Equal => (value - other).abs() < f64::EPSILON,
        Ordering::Less => value < other,
        Ordering::LessOrEqual => value <= other,
        Ordering::Greater => value > other,
        Ordering::GreaterOrEqual => value >= other,
    }
}

/// Matches a whole value against wildcard pieces: greedy with one point to fall back to, so linear in practice and never
/// worse than pieces times value.
fn glob(pieces: &[Wild], value: &str) -> bool {
    let (mut piece, mut at) = (0, 0);
    let mut fallback: Option<(usize, usize)> = None;
    loop {
        let step = match pieces.get(piece) {
            None if at == value.len() => return true,
            None => None,
            Some(Wild::Many) => {
                fallback = Some((piece + 1, at));
                Some(0)
            }
            Some(Wild::One) => value[at..].chars().next().map(char::len_utf8),
            Some(Wild::Literal(text)) => value[at..].starts_with(text.as_str()).then_some(text.len()),
        };
        if let Some(length) = step {
            piece += 1;
            at += length;
            continue;
        }
        let Some((after, from)) = fallback else { return false };
        let Some(skipped) = value[from..].chars().next() else { return false };
        fallback = Some((after, from + skipped.len_utf8()));
        (piece, at) = (after, from + skipped.len_utf8());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wild(pattern: &str) -> Vec<Wild> {
        let mut pieces: Vec<Wild> = Vec::new();
        for character in pattern.chars() {
            match (character, pieces.last_mut()) {
                ('*', _) => pieces.push(Wild::Many),
                ('?', _) => pieces.push(Wild::One),
                (_, Some(Wild::Literal(text))) => text.push(character),
                _ => pieces.push(Wild::Literal(character.to_string())),
            }
        }
        pieces
    }

    #[test]
    fn wildcards() {
        let rows = [
            ("*a?", "xaab", true),
            ("*a?", "xa", false),
            ("*a?", "aaaa", true),
            ("a*b*c", "a\nb\nc", true),
            ("a*b*c", "acb", false),
            ("?", "ü", true),
            ("??", "ü", false),
            ("**", "", true),
            ("", "", true),
            ("", "x", false),
            (r"?:\windows\system32\conhost.exe", r"c:\windows\system32\conhost.exe", true),
        ];
        for (pattern, value, expected) in rows {
            assert_eq!(Pattern::from_wild(wild(pattern)).matches(value), expected, "{pattern} {value}");
            assert_eq!(glob(&wild(pattern), value), expected, "{pattern} {value} as glob");
        }
    }

    #[test]
    fn networks() {
        let rows = [
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "11.1.2.3", false),
            ("::1", "0:0:0:0:0:0:0:1", true),
            ("127.0.0.1", "::ffff:127.0.0.1", true),
            ("0.0.0.0/0", "8.8.8.8", true),
            ("fe80::/10", "fe80:0:0:0:3b31:a8fa:5adc:7b9e%4", true),
            ("0.0.0.0/0", "::1", false),
        ];
        for (network, address, expected) in rows {
            let found = Network::parse(network).unwrap().contains(parse_address(address).unwrap());
            assert_eq!(found, expected, "{network} {address}");
        }
        for broken in ["10.0.0.0/33", "10.0.0", "", "/8", "::/129"] {
            assert_eq!(Network::parse(broken), None, "{broken}");
        }
    }

    #[test]
    fn folding() {
        assert_eq!(Case::Unicode.fold("SYSTÈME"), "système");
        assert_eq!(Case::Ascii.fold("SYSTÈME"), "systÈme");
        assert_eq!(Case::Exact.fold("A"), "A");
    }
}
