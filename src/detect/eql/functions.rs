//! EQL's functions, one by one. A null among the arguments makes null of any of them; what cannot be calculated (a text
//! that is no number, a division by zero) is null, too.

use std::borrow::Cow;

use crate::detect::eql::script::Datum;
use crate::detect::eql::syntax::Function;
use crate::detect::predicate::network::{Network, parse_address};
use crate::detect::predicate::pattern::Case;

/// A function's value.
pub(super) fn call(function: Function, ignores_case: bool, arguments: &[Datum<'_>]) -> Datum<'static> {
    // A null where an argument may be left out is as good as none.
    let optional_from = match function {
        Function::Number => 1,
        Function::IndexOf | Function::Substring => 2,
        Function::Between => 3,
        _ => arguments.len(),
    };
    let needed = arguments.len().min(optional_from);
    let given = needed + arguments[needed..].iter().take_while(|argument| **argument != Datum::Null).count();
    let [first, rest @ ..] = &arguments[..given] else { return Datum::Null };
    // Of several texts to look for, a missing one only takes itself away; everything else needs all it is given.
    let is_null = if function.is_condition() { *first == Datum::Null } else { arguments[..given].contains(&Datum::Null) };
    if is_null {
        return Datum::Null;
    }
    let case = if ignores_case { Case::Ascii } else { Case::Exact };
    match function {
        Function::Add | Function::Subtract | Function::Multiply | Function::Divide | Function::Modulo => {
            rest.first().map_or(Datum::Null, |second| arithmetic(function, first, second))
        }
        Function::Concat => Datum::Text(Cow::Owned(arguments.iter().map(text).collect())),
        Function::String => Datum::Text(Cow::Owned(text(first).into_owned())),
        // Java counts in UTF-16.
        Function::Length => Datum::Int(text(first).encode_utf16().count() as i64),
        Function::Number => match rest.first() {
            None => number(first),
            Some(base) => int(base)
                .and_then(|base| u32::try_from(base).ok())
                .and_then(|base| parse_number(&text(first), base))
                .unwrap_or(Datum::Null),
        },
        Function::Substring => substring(&text(first), rest),
        Function::IndexOf => index_of(&text(first), rest, case),
        Function::Between => between(&text(first), rest, case),
        Function::CidrMatch => {
            let Some(address) = parse_address(&text(first)) else { return Datum::Null };
            any(rest, |network| Network::parse(network).is_some_and(|network| network.contains(address)))
        }
        Function::StartsWith | Function::EndsWith | Function::StringContains => {
            let value = text(first);
            let value = case.fold(&value);
            any(rest, |part| {
                let part = case.fold(part);
                match function {
                    Function::StartsWith => value.starts_with(&*part),
                    Function::EndsWith => value.ends_with(&*part),
                    _ => value.contains(&*part),
                }
            })
        }
    }
}

fn any(parts: &[Datum<'_>], is_it: impl Fn(&str) -> bool) -> Datum<'static> {
    let mut known = parts.iter().filter(|part| **part != Datum::Null).map(text).peekable();
    if known.peek().is_none() { Datum::Null } else { Datum::Bool(known.any(|part| is_it(&part))) }
}

/// A value as text.
pub(super) fn text<'v>(value: &'v Datum<'_>) -> Cow<'v, str> {
    match value {
        Datum::Null => Cow::Borrowed("null"),
        Datum::Bool(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
        Datum::Int(number) => Cow::Owned(number.to_string()),
        Datum::Float(number) => Cow::Owned(number.to_string()),
        Datum::Text(text) => Cow::Borrowed(text),
    }
}

/// A value as a number.
pub(super) fn float(value: &Datum<'_>) -> Option<f64> {
    match value {
        Datum::Int(number) => Some(*number as f64),
        Datum::Float(number) => Some(*number),
        Datum::Text(text) => text.trim().parse().ok(),
        Datum::Null | Datum::Bool(_) => None,
    }
}

fn int(value: &Datum<'_>) -> Option<i64> {
    if let Datum::Int(number) = number(value) { Some(number) } else { None }
}

fn number(value: &Datum<'_>) -> Datum<'static> {
    match value {
        Datum::Int(number) => Datum::Int(*number),
        Datum::Float(number) => Datum::Float(*number),
        Datum::Text(text) => parse_number(text, 10).unwrap_or(Datum::Null),
        Datum::Null | Datum::Bool(_) => Datum::Null,
    }
}

/// Reads a number to that base; `0x` before it makes it 16.
pub(super) fn parse_number(text: &str, base: u32) -> Option<Datum<'static>> {
    let text = text.trim();
    if !(2..=36).contains(&base) {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x").filter(|_| base == 16 || base == 10) {
        return i64::from_str_radix(digits, 16).ok().map(Datum::Int);
    }
    if let Ok(number) = i64::from_str_radix(text, base) {
        return Some(Datum::Int(number));
    }
    if base == 10 { text.parse().ok().filter(|number: &f64| number.is_finite()).map(Datum::Float) } else { None }
}

fn arithmetic(function: Function, left: &Datum<'_>, right: &Datum<'_>) -> Datum<'static> {
    let (left, right) = (number(left), number(right));
    if let (Datum::Int(left), Datum::Int(right)) = (&left, &right) {
        let (left, right) = (*left, *right);
        let exact = match function {
            Function::Add => left.checked_add(right),
            Function::Subtract => left.checked_sub(right),
            Function::Multiply => left.checked_mul(right),
            Function::Divide => left.checked_div(right),
            _ => left.checked_rem(right),
        };
        return exact.map_or(Datum::Null, Datum::Int);
    }
    let (Some(left), Some(right)) = (float(&left), float(&right)) else { return Datum::Null };
    let value = match function {
        Function::Add => left + right,
        Function::Subtract => left - right,
        Function::Multiply => left * right,
        Function::Divide => left / right,
        _ => left % right,
    };
    if value.is_finite() { Datum::Float(value) } else { Datum::Null }
}

/// Places count characters; a negative one counts from the end.
fn substring(text: &str, places: &[Datum<'_>]) -> Datum<'static> {
    let characters: Vec<char> = text.chars().collect();
    let length = characters.len() as i64;
    let place = |value: i64| (if value < 0 { value + length } else { value }).clamp(0, length) as usize;
    let Some(start) = places.first().and_then(int) else { return Datum::Null };
    let end = match places.get(1) {
        None => length,
        Some(end) => match int(end) {
            Some(end) => end,
            None => return Datum::Null,
        },
    };
    let part = characters.get(place(start)..place(end)).unwrap_or_default();
    Datum::Text(Cow::Owned(part.iter().collect()))
}

fn index_of(text: &str, rest: &[Datum<'_>], case: Case) -> Datum<'static> {
    let Some(part) = rest.first().map(self::text) else { return Datum::Null };
    let start = rest.get(1).map_or(Some(0), int).unwrap_or_default().max(0) as usize;
    let (text, part) = (case.fold(text), case.fold(&part));
    let Some(from) = text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(start) else { return Datum::Null };
    text[from..].find(&*part).map_or(Datum::Null, |at| Datum::Int(text[..from + at].chars().count() as i64))
}

/// What stands between two texts; empty where they do not stand there. Greedy takes the last right one.
fn between(text: &str, rest: &[Datum<'_>], case: Case) -> Datum<'static> {
    let [left, right, greedy @ ..] = rest else { return Datum::Null };
    let is_greedy = greedy.first() == Some(&Datum::Bool(true));
    let (left, right) = (self::text(left), self::text(right));
    // Folding ASCII letters keeps all places.
    let (folded, left, right) = (case.fold(text), case.fold(&left), case.fold(&right));
    let inside = folded.find(&*left).map(|at| at + left.len()).and_then(|start| {
        let rest = &folded[start..];
        let length = if is_greedy { rest.rfind(&*right) } else { rest.find(&*right) };
        length.map(|length| start..start + length)
    });
    Datum::Text(Cow::Owned(inside.map_or(String::new(), |range| text[range].to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::eql::script::of_number;

    fn told(value: &Datum<'_>) -> String {
        text(value).into_owned()
    }

    #[test]
    fn functions() {
        let text = |text: &'static str| Datum::Text(Cow::Borrowed(text));
        let number = of_number;
        let yes = Datum::Bool(true);
        let welcome = || text("welcome to event query language");
        let rows: Vec<(Function, bool, Vec<Datum<'_>>, &str)> = vec![
            (Function::Add, false, vec![number(4.0), number(0.5)], "4.5"),
            (Function::Divide, false, vec![number(4.0), number(3.0)], "1"),
            (Function::Divide, false, vec![number(-4.0), number(3.0)], "-1"),
            (Function::Divide, false, vec![number(4.0), number(0.0)], "null"),
            (Function::Divide, false, vec![number(4.0), number(0.5)], "8"),
            (Function::Modulo, false, vec![number(10.0), number(6.0)], "4"),
            (Function::Modulo, false, vec![number(-10.0), number(6.0)], "-4"),
            (Function::Subtract, false, vec![text("10"), number(2.0)], "8"),
            (Function::Between, false, vec![welcome(), text(" "), text(" ")], "to"),
            (Function::Between, false, vec![welcome(), text(" "), text(" "), yes.clone()], "to event query"),
            (Function::Between, false, vec![welcome(), text("WELCOME "), text(" ")], ""),
            (Function::Between, true, vec![welcome(), text("WELCOME "), text(" ")], "to"),
            (Function::Between, false, vec![welcome(), text("event "), text("missing")], ""),
            (Function::Concat, false, vec![text("process is "), text("x"), number(3.0), yes.clone()], "process is x3true"),
            (Function::Concat, false, vec![text("a"), Datum::Null], "null"),
            (Function::IndexOf, false, vec![text("subdomain.example.com"), text(".")], "9"),
            (Function::IndexOf, false, vec![text("subdomain.example.com"), text("."), number(10.0)], "17"),
            (Function::IndexOf, false, vec![text("subdomain"), text("DOMAIN")], "null"),
            (Function::IndexOf, true, vec![text("subdomain"), text("DOMAIN")], "3"),
            (Function::IndexOf, false, vec![text("a"), text("a"), number(9.0)], "null"),
            (Function::Length, false, vec![text("explorer.exe")], "12"),
            (Function::Length, false, vec![text("")], "0"),
            (Function::Length, false, vec![Datum::Null], "null"),
            (Function::Number, false, vec![text("1337")], "1337"),
            (Function::Number, false, vec![text("0xdeadbeef"), number(16.0)], "3735928559"),
            (Function::Number, false, vec![text("101"), number(2.0)], "5"),
            (Function::Number, false, vec![text("x")], "null"),
            (Function::Number, false, vec![text("7"), Datum::Null], "7"),
            (Function::IndexOf, false, vec![text("foobar"), text("o"), Datum::Null], "1"),
            (Function::Substring, false, vec![text("foobar"), number(3.0), Datum::Null], "bar"),
            (Function::Substring, false, vec![text("start regsvr32.exe"), number(6.0)], "regsvr32.exe"),
            (Function::Substring, false, vec![text("start regsvr32.exe"), number(0.0), number(5.0)], "start"),
            (Function::Substring, false, vec![text("start regsvr32.exe"), number(6.0), number(14.0)], "regsvr32"),
            (Function::Substring, false, vec![text("start regsvr32.exe"), number(-4.0)], ".exe"),
            (Function::Substring, false, vec![text("start regsvr32.exe"), number(-4.0), number(-1.0)], ".ex"),
            (Function::Substring, false, vec![text("ab"), number(5.0)], ""),
            (Function::StartsWith, false, vec![text("regsvr32.exe"), text("reg")], "true"),
            (Function::StartsWith, false, vec![text("regsvr32.exe"), text("REG")], "false"),
            (Function::StartsWith, true, vec![text("regsvr32.exe"), text("REG")], "true"),
            (Function::EndsWith, false, vec![text("a.exe"), Datum::Null], "null"),
            (Function::StringContains, false, vec![text("start regsvr32.exe"), text("x"), text("svr")], "true"),
            (Function::CidrMatch, false, vec![text("192.0.2.9"), text("192.0.2.0/24")], "true"),
            (Function::String, false, vec![number(42.0)], "42"),
        ];
        for (function, ignores_case, arguments, expected) in rows {
            assert_eq!(told(&call(function, ignores_case, &arguments)), expected, "{function:?} {arguments:?}");
        }
    }
}
