//! Conditions that need a calculation for each event: `length(f) > 2`, `substring(f, 0, 3) : "abc"`, `a + b == 3`. A field
//! that is not there makes its function null, and a comparison with null neither holds nor does its contrary
//! (Elasticsearch's null-safe scripts); only `== null` asks for it.

use std::borrow::Cow;
use std::cmp::Ordering as Order;

use regex::Regex;

use crate::detect::eql::functions;
use crate::detect::eql::lex::Refused;
use crate::detect::eql::syntax::{Function, Literal, Operand, Operator, Term};
use crate::detect::predicate::pattern::{Case, Pattern};
use crate::detect::predicate::{FieldId, Ordering};

/// A value under calculation.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Datum<'v> {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Another number.
    Float(f64),
    /// A text.
    Text(Cow<'v, str>),
}

/// How a value is calculated.
#[derive(Debug, Clone)]
pub(super) enum Code {
    /// It is known.
    Constant(Datum<'static>),
    /// A field's value; whether that is a number.
    Field(FieldId, bool),
    /// A function of others; whether it folds case.
    Call(Function, bool, Vec<Self>),
}

/// What must hold of the value.
#[derive(Debug, Clone)]
pub(super) enum Check {
    /// It is true.
    Truth,
    /// It is nothing.
    IsNull,
    /// It compares so with any of these.
    Compare(Ordering, Vec<Code>),
    /// It is one of these, by the case rule.
    Text(Vec<Pattern>, Case),
    /// Any of these covers it.
    Regex(Vec<Regex>),
}

/// A condition that is calculated for each event.
#[derive(Debug, Clone)]
pub struct Script {
    pub(super) code: Code,
    pub(super) check: Check,
    pub(super) is_negative: bool,
}

impl Script {
    /// Whether it holds. `lookup` answers the values of a field; of several, the first in order counts.
    pub fn holds(&self, lookup: &mut dyn FnMut(FieldId) -> Vec<String>) -> bool {
        let value = calculate(&self.code, lookup);
        check(&value, &self.check, lookup).is_some_and(|truth| truth != self.is_negative)
    }

    /// Calls back for every field that it reads.
    pub fn each_field(&self, visit: &mut dyn FnMut(FieldId)) {
        self.code.each_field(visit);
        if let Check::Compare(_, others) = &self.check {
            others.iter().for_each(|other| other.each_field(visit));
        }
    }
}

impl Code {
    fn each_field(&self, visit: &mut dyn FnMut(FieldId)) {
        match self {
            Self::Constant(_) => {}
            Self::Field(field, _) => visit(*field),
            Self::Call(_, _, arguments) => arguments.iter().for_each(|argument| argument.each_field(visit)),
        }
    }

    /// From the syntax; `field` answers a field's id and whether its values are numbers.
    pub(super) fn of(term: &Term, field: &mut dyn FnMut(&str) -> (FieldId, bool)) -> Self {
        match &term.operand {
            Operand::Literal(literal) => Self::Constant(datum(literal)),
            Operand::Field(path) => {
                let (id, is_number) = field(&path.name);
                Self::Field(id, is_number)
            }
            Operand::Call { function, ignores_case, arguments } => {
                Self::Call(*function, *ignores_case, arguments.iter().map(|argument| Self::of(argument, field)).collect())
            }
        }
    }
}

pub(super) fn datum(literal: &Literal) -> Datum<'static> {
    match literal {
        Literal::Text(text) => Datum::Text(Cow::Owned(text.clone())),
        Literal::Number(number) => of_number(*number),
        Literal::Decimal(number) => Datum::Float(*number),
        Literal::Bool(truth) => Datum::Bool(*truth),
        Literal::Null => Datum::Null,
    }
}

/// A whole number where it is one that can be told exactly.
pub(super) fn of_number(number: f64) -> Datum<'static> {
    if number.fract() == 0.0 && number.abs() < 9e15 { Datum::Int(number as i64) } else { Datum::Float(number) }
}

fn calculate(code: &Code, lookup: &mut dyn FnMut(FieldId) -> Vec<String>) -> Datum<'static> {
    match code {
        Code::Constant(datum) => datum.clone(),
        Code::Field(field, is_number) => match lookup(*field).into_iter().min() {
            None => Datum::Null,
            Some(text) if *is_number => functions::parse_number(&text, 10).unwrap_or(Datum::Null),
            Some(text) => Datum::Text(Cow::Owned(text)),
        },
        Code::Call(function, ignores_case, arguments) => {
            let values: Vec<Datum<'static>> = arguments.iter().map(|argument| calculate(argument, lookup)).collect();
            functions::call(*function, *ignores_case, &values)
        }
    }
}

/// Whether the value is as it should be; `None` where null has a part in it.
fn check(value: &Datum<'_>, check: &Check, lookup: &mut dyn FnMut(FieldId) -> Vec<String>) -> Option<bool> {
    if matches!(check, Check::IsNull) {
        return Some(*value == Datum::Null);
    }
    if *value == Datum::Null {
        return None;
    }
    match check {
        Check::IsNull => None,
        Check::Truth => Some(*value == Datum::Bool(true)),
        Check::Compare(ordering, others) => {
            let mut is_known = false;
            for other in others {
                let Some(order) = compare(value, &calculate(other, lookup)) else { continue };
                is_known = true;
                if fits(order, *ordering) {
                    return Some(true);
                }
            }
            is_known.then_some(false)
        }
        Check::Text(any, case) => {
            let text = functions::text(value);
            let folded = case.fold(&text);
            Some(any.iter().any(|pattern| pattern.matches(&folded)))
        }
        Check::Regex(any) => {
            let text = functions::text(value);
            Some(any.iter().any(|regex| regex.is_match(&text)))
        }
    }
}

/// How two values compare; `None` where they do not. A text beside a number is read as one.
fn compare(left: &Datum<'_>, right: &Datum<'_>) -> Option<Order> {
    match (left, right) {
        (Datum::Null, _) | (_, Datum::Null) => None,
        (Datum::Text(left), Datum::Text(right)) => Some(left.cmp(right)),
        (Datum::Bool(left), Datum::Bool(right)) => Some(left.cmp(right)),
        (Datum::Bool(truth), Datum::Text(text)) => Some(truth.to_string().as_str().cmp(text)),
        (Datum::Text(text), Datum::Bool(truth)) => Some((**text).cmp(truth.to_string().as_str())),
        (Datum::Int(left), Datum::Int(right)) => Some(left.cmp(right)),
        _ => functions::float(left)?.partial_cmp(&functions::float(right)?),
    }
}

fn fits(order: Order, ordering: Ordering) -> bool {
    match ordering {
        Ordering::Equal => order.is_eq(),
        Ordering::Less => order.is_lt(),
        Ordering::LessOrEqual => order.is_le(),
        Ordering::Greater => order.is_gt(),
        Ordering::GreaterOrEqual => order.is_ge(),
    }
}

/// A function of constants becomes the constant that it is.
pub(super) fn fold(term: Term) -> Result<Term, Refused> {
    if !term.is_constant() {
        return Ok(term);
    }
    let Operand::Call { function, ignores_case, arguments } = &term.operand else { return Ok(term) };
    let values: Vec<Datum<'static>> = arguments
        .iter()
        .map(|argument| if let Operand::Literal(literal) = &argument.operand { datum(literal) } else { Datum::Null })
        .collect();
    let has_null = values.contains(&Datum::Null);
    let literal = match functions::call(*function, *ignores_case, &values) {
        Datum::Null if has_null => Literal::Null,
        Datum::Null if *function == Function::IndexOf => Literal::Null,
        Datum::Null => return Err(Refused::new(term.span, "this cannot be calculated")),
        Datum::Bool(truth) => Literal::Bool(truth),
        Datum::Int(number) => Literal::Number(number as f64),
        Datum::Float(number) => Literal::Decimal(number),
        Datum::Text(text) => Literal::Text(text.into_owned()),
    };
    Ok(Term { operand: Operand::Literal(literal), span: term.span })
}

/// Compares constants with a constant, once and for all.
pub(super) fn compare_constants(left: &Term, operator: Operator, right: &[(Literal, super::lex::Span)]) -> Result<bool, Refused> {
    let Operand::Literal(literal) = &left.operand else { return Ok(false) };
    let left_value = datum(literal);
    let ordering = match operator {
        Operator::Equal => Ordering::Equal,
        Operator::Less => Ordering::Less,
        Operator::LessOrEqual => Ordering::LessOrEqual,
        Operator::Greater => Ordering::Greater,
        Operator::GreaterOrEqual => Ordering::GreaterOrEqual,
        _ => return Err(Refused::new(left.span, "a condition begins with a field; these are constants only")),
    };
    Ok(right.iter().any(|(literal, _)| compare(&left_value, &datum(literal)).is_some_and(|order| fits(order, ordering))))
}
