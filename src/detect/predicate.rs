//! The one matching core. Sigma selections and EQL conditions both become an [`Expr`] over *atoms*: one test on one field.
//! Fields are interned, equal atoms are kept once, a field is read and folded at most once per event, an atom is tested at
//! most once per event. The same expressions answer "why": [`Evaluation::explain`] names the atoms that made them hold.
//!
//! The logic is two-valued: an absent field satisfies no positive test, and its negation holds (Elasticsearch's `must_not`,
//! Sigma's `not`).

pub mod network;
pub mod pattern;
mod why;

use std::borrow::Cow;
use std::collections::HashMap;

use regex::Regex;

use crate::detect::ecs::{self, Mapping};
use crate::detect::eql::script::Script;
use crate::detect::fields;
use crate::detect::predicate::network::{Network, parse_address};
use crate::detect::predicate::pattern::{Case, Pattern, Place};
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
