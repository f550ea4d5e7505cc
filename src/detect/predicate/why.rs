//! Why an expression holds for an event, and why it does not: the same expressions, told as rows of field, value and the test
//! in words.

use std::borrow::Cow;

use crate::alert::Matched;
use crate::detect::ecs;
use crate::detect::predicate::{AtomId, Evaluation, Expr, FieldName, Test, Value, test};

/// How many rows an explanation has at most: a rule may list thousands of exceptions, which all held.
const MOST_ROWS: usize = 64;

impl<'a> Evaluation<'a> {
    /// The atoms that make a holding expression hold, in the order of the rule: field, value and the test in words. What is
    /// true of every event of its kind (`host.os.type`) is left out.
    pub fn explain(&mut self, expr: &Expr) -> Vec<Matched> {
        let mut matched = Vec::new();
        self.gather(expr, true, &mut matched);
        matched
    }

    fn gather(&mut self, expr: &Expr, wanted: bool, matched: &mut Vec<Matched>) {
        match expr {
            _ if matched.len() >= MOST_ROWS => {}
            Expr::Constant(_) => {}
            Expr::Atom(id) => {
                if let Some(row) = self.tell(*id, wanted).filter(|row| !matched.contains(row)) {
                    matched.push(row);
                }
                if matched.len() == MOST_ROWS {
                    let why = "more conditions held than are listed".to_owned();
                    matched.push(Matched { field: "…".to_owned(), value: String::new(), why });
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
            _ if blamed.len() >= MOST_ROWS => {}
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
