//! What a detection item (`Field|modifiers: values`) means: the atoms that it becomes.

use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaString, SigmaValue, SpecialChar, StringPart};

use crate::detect::predicate::network::Network;
use crate::detect::predicate::pattern::{Case, Pattern, Place, Wild};
use crate::detect::predicate::{Expr, FieldId, FieldName, Ordering, Predicates, Test};
use crate::detect::sigma::encode::spellings;
use crate::detect::sigma::refused::Refused;
use crate::detect::sigma::regular::Regexes;

/// How many values a test in words names, and how long each may be; the rest is counted.
const SHOWN_VALUES: usize = 24;
const SHOWN_LETTERS: usize = 120;

/// Compiles the detections of one rule.
#[derive(Debug)]
pub(super) struct Items<'a> {
    predicates: &'a mut Predicates,
    regexes: Regexes,
}

impl<'a> Items<'a> {
    /// Atoms go into these predicates.
    pub(super) fn new(predicates: &'a mut Predicates) -> Self {
        Self { predicates, regexes: Regexes::default() }
    }

    /// Compiles one named detection: maps are all-of, lists of maps any-of, plain lists are keywords.
    pub(super) fn detection(&mut self, detection: &Detection) -> Result<Expr, Refused> {
        match detection {
            Detection::AllOf(items) => Ok(Expr::And(items.iter().map(|item| self.item(item)).collect::<Result<_, _>>()?)),
            Detection::AnyOf(parts) => Ok(Expr::Or(parts.iter().map(|part| self.detection(part)).collect::<Result<_, _>>()?)),
            Detection::And(parts) => Ok(Expr::And(parts.iter().map(|part| self.detection(part)).collect::<Result<_, _>>()?)),
            Detection::Keywords(values) if values.is_empty() => Err("an empty list of keywords".into()),
            Detection::Keywords(values) => {
                let field = self.predicates.field(FieldName::AnyValue);
                self.text(field, &values.iter().collect::<Vec<_>>(), &[Modifier::Contains])
            }
            Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
                Err("array matching is an extension that is not supported".into())
            }
        }
    }

    /// One `field|modifiers: values`.
    fn item(&mut self, item: &DetectionItem) -> Result<Expr, Refused> {
        let mut modifiers = item.field.modifiers.clone();
        check(&modifiers)?;
        let has = |modifier| item.field.has_modifier(modifier);
        let field = self.predicates.field(match &item.field.name {
            // The reader escapes brackets, which mean something in later versions of the language.
            Some(name) => FieldName::Windows(name.replace(' ', "").replace("\\[", "[").replace("\\]", "]").into()),
            None => FieldName::AnyValue,
        });
        if item.values.is_empty() {
            return Err("an empty list of values".into());
        }
        if item.field.name.is_none() && !modifiers.iter().any(|modifier| is_place(*modifier)) {
            modifiers.push(Modifier::Contains);
        }
        let values: Vec<&SigmaValue> = item.values.iter().collect();
        let groups: Vec<&[&SigmaValue]> = if has(Modifier::All) { values.chunks(1).collect() } else { vec![&values] };
        let mut parts = Vec::with_capacity(groups.len());
        for values in groups {
            parts.push(if has(Modifier::Exists) {
                self.exists(field, values)?
            } else if let Some(ordering) = modifiers.iter().copied().find_map(ordering) {
                self.number(field, values, ordering)?
            } else if has(Modifier::Re) {
                self.regex(field, values, &modifiers)?
            } else if has(Modifier::Cidr) {
                self.cidr(field, values)?
            } else if has(Modifier::FieldRef) {
                self.same_as(field, values, &modifiers)?
            } else {
                self.text_or_null(field, values, &modifiers)?
            });
        }
        let expr = if parts.len() == 1 { parts.remove(0) } else { Expr::And(parts) };
        Ok(if has(Modifier::Neq) { !expr } else { expr })
    }

    fn exists(&mut self, field: FieldId, values: &[&SigmaValue]) -> Result<Expr, Refused> {
        let exists = self.predicates.atom(field, Test::Exists, "is there");
        match values {
            [SigmaValue::Bool(true)] => Ok(exists),
            [SigmaValue::Bool(false)] => Ok(!exists),
            _ => Err("`exists` takes true or false".into()),
        }
    }

    fn text_or_null(&mut self, field: FieldId, values: &[&SigmaValue], modifiers: &[Modifier]) -> Result<Expr, Refused> {
        let (nulls, texts): (Vec<&SigmaValue>, Vec<&SigmaValue>) = values.iter().partition(|value| ***value == SigmaValue::Null);
        let mut parts = Vec::new();
        if !nulls.is_empty() {
            parts.push(!self.predicates.atom(field, Test::Exists, "is there"));
        }
        if !texts.is_empty() {
            parts.push(self.text(field, &texts, modifiers)?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) })
    }

    fn text(&mut self, field: FieldId, values: &[&SigmaValue], modifiers: &[Modifier]) -> Result<Expr, Refused> {
        let mut any = Vec::with_capacity(values.len());
        for value in values {
            if modifiers.contains(&Modifier::Expand)
                && let Some(name) = placeholder(&value.to_string())
            {
                return Err(Refused::other(format!("the placeholder `%{name}%` has no values here (`expand`)")));
            }
            let pieces = match value {
                SigmaValue::String(text) => wild_of(text),
                other => vec![Wild::Literal(plain(other))],
            };
            any.extend(spellings(pieces, modifiers)?.into_iter().map(|pieces| pattern(pieces, modifiers)));
        }
        let why = in_words(verb(modifiers), values);
        Ok(self.predicates.atom(field, Test::Text { any, case: case(modifiers) }, &why))
    }

    fn number(&mut self, field: FieldId, values: &[&SigmaValue], ordering: Ordering) -> Result<Expr, Refused> {
        let number = |value: &&SigmaValue| {
            let number = plain(value).parse::<f64>().ok().filter(|number| number.is_finite());
            number.ok_or_else(|| format!("`{}` is not a number", plain(value)))
        };
        let any = values.iter().map(number).collect::<Result<Vec<f64>, String>>()?;
        let sign = match ordering {
            Ordering::Equal => "=",
            Ordering::Less => "<",
            Ordering::LessOrEqual => "<=",
            Ordering::Greater => ">",
            Ordering::GreaterOrEqual => ">=",
        };
        let why = format!("{sign} {}", any_of(values, " or ", plain));
        Ok(self.predicates.atom(field, Test::Number { ordering, any }, &why))
    }

    fn regex(&mut self, field: FieldId, values: &[&SigmaValue], modifiers: &[Modifier]) -> Result<Expr, Refused> {
        let flags = [(Modifier::IgnoreCase, 'i'), (Modifier::Multiline, 'm'), (Modifier::DotAll, 's')];
        let flags: String = flags.iter().filter(|(flag, _)| modifiers.contains(flag)).map(|(_, letter)| letter).collect();
        let any = values.iter().map(|value| self.regexes.compile(&plain(value), &flags)).collect::<Result<Vec<_>, _>>()?;
        let why = any_of(values, " or ", |value| format!("matches /{}/{flags}", plain(value)));
        Ok(self.predicates.atom(field, Test::Regex { any }, &why))
    }

    fn cidr(&mut self, field: FieldId, values: &[&SigmaValue]) -> Result<Expr, Refused> {
        let parse =
            |value: &&SigmaValue| Network::parse(&plain(value)).ok_or_else(|| format!("`{}` is not a network", plain(value)));
        let any = values.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let why = format!("in network {}", any_of(values, " or ", plain));
        Ok(self.predicates.atom(field, Test::Address { any }, &why))
    }

    fn same_as(&mut self, field: FieldId, values: &[&SigmaValue], modifiers: &[Modifier]) -> Result<Expr, Refused> {
        let has = |modifier| modifiers.contains(&modifier);
        let (place, verb) = match (has(Modifier::Contains), has(Modifier::StartsWith), has(Modifier::EndsWith)) {
            (false, false, false) => (Place::Whole, "same as"),
            (false, true, false) => (Place::Start, "starts with"),
            (false, false, true) => (Place::End, "ends with"),
            _ => (Place::Anywhere, "contains"),
        };
        let mut parts = Vec::new();
        for value in values {
            let name = match value {
                SigmaValue::String(text) => text.as_plain().filter(|name| !name.is_empty()),
                _ => None,
            };
            let name = name.ok_or("`fieldref` takes the name of a field")?;
            let other = self.predicates.field(FieldName::Windows(name.replace(' ', "").into()));
            let test = Test::SameAs { other, place, case: case(modifiers) };
            parts.push(self.predicates.atom(field, test, &format!("{verb} {name}")));
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) })
    }
}

/// Refuses modifiers that are unknown here or do not go together.
fn check(modifiers: &[Modifier]) -> Result<(), Refused> {
    use Modifier as M;
    let spelled = |modifier: &M| format!("{modifier:?}").to_lowercase();
    let alone: &[M] = &[M::All, M::Neq];
    let with: &[(M, &[M])] = &[
        (M::Exists, &[M::Neq]),
        (M::Re, &[M::All, M::Neq, M::IgnoreCase, M::Multiline, M::DotAll, M::Contains]),
        (M::Cidr, alone),
        (M::FieldRef, &[M::All, M::Neq, M::Cased, M::Contains, M::StartsWith, M::EndsWith]),
        (M::Gt, alone),
        (M::Gte, alone),
        (M::Lt, alone),
        (M::Lte, alone),
    ];
    let text: &[M] = &[
        M::All,
        M::Neq,
        M::Cased,
        M::Contains,
        M::StartsWith,
        M::EndsWith,
        M::WindAsh,
        M::Wide,
        M::Utf16,
        M::Utf16be,
        M::Base64,
        M::Base64Offset,
        M::Expand,
    ];
    let (kind, allowed) =
        with.iter().find(|(kind, _)| modifiers.contains(kind)).map_or((None, text), |(kind, allowed)| (Some(kind), *allowed));
    let is_part_of_time = |modifier: &&M| matches!(modifier, M::Minute | M::Hour | M::Day | M::Week | M::Month | M::Year);
    if let Some(modifier) = modifiers.iter().find(is_part_of_time) {
        return Err(format!("the modifier `{}` (parts of a time) is not supported", spelled(modifier)).into());
    }
    let wrong = modifiers.iter().find(|modifier| Some(*modifier) != kind && !allowed.contains(modifier));
    match (wrong, kind) {
        (None, _) => Ok(()),
        (Some(wrong), Some(kind)) => {
            Err(format!("the modifier `{}` does not go with `{}`", spelled(wrong), spelled(kind)).into())
        }
        (Some(wrong), None) => Err(format!("the modifier `{}` needs `re`", spelled(wrong)).into()),
    }
}

fn is_place(modifier: Modifier) -> bool {
    matches!(modifier, Modifier::Contains | Modifier::StartsWith | Modifier::EndsWith | Modifier::Re | Modifier::Cidr)
}

fn case(modifiers: &[Modifier]) -> Case {
    if modifiers.contains(&Modifier::Cased) { Case::Exact } else { Case::Unicode }
}

fn ordering(modifier: Modifier) -> Option<Ordering> {
    match modifier {
        Modifier::Gt => Some(Ordering::Greater),
        Modifier::Gte => Some(Ordering::GreaterOrEqual),
        Modifier::Lt => Some(Ordering::Less),
        Modifier::Lte => Some(Ordering::LessOrEqual),
        _ => None,
    }
}

/// The name in `%name%`, if there is one.
fn placeholder(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once('%')?;
    rest.split_once('%').map(|(name, _)| name).filter(|name| !name.is_empty())
}

fn pattern(mut pieces: Vec<Wild>, modifiers: &[Modifier]) -> Pattern {
    let has = |modifier| modifiers.contains(&modifier);
    if (has(Modifier::Contains) || has(Modifier::EndsWith)) && pieces.first() != Some(&Wild::Many) {
        pieces.insert(0, Wild::Many);
    }
    if (has(Modifier::Contains) || has(Modifier::StartsWith)) && pieces.last() != Some(&Wild::Many) {
        pieces.push(Wild::Many);
    }
    Pattern::from_wild(pieces)
}

/// The wildcards and texts of a value.
pub(super) fn wild_of(text: &SigmaString) -> Vec<Wild> {
    let piece = |part: &StringPart| match part {
        StringPart::Plain(text) => Wild::Literal(text.clone()),
        StringPart::Special(SpecialChar::WildcardMulti) => Wild::Many,
        StringPart::Special(SpecialChar::WildcardSingle) => Wild::One,
    };
    text.parts.iter().map(piece).collect()
}

/// A value as text; a whole float keeps its point, as it was written.
fn plain(value: &SigmaValue) -> String {
    match value {
        SigmaValue::Float(number) => format!("{number:?}"),
        other => other.to_string(),
    }
}

fn verb(modifiers: &[Modifier]) -> &'static str {
    let has = |modifier| modifiers.contains(&modifier);
    match (has(Modifier::Contains), has(Modifier::StartsWith), has(Modifier::EndsWith)) {
        (false, false, false) => "",
        (false, true, false) => "starts with ",
        (false, false, true) => "ends with ",
        _ => "contains ",
    }
}

fn in_words(verb: &str, values: &[&SigmaValue]) -> String {
    let text = |value: &SigmaValue| match value {
        SigmaValue::String(text) => format!("\"{}\"", shortened(&text.original)),
        other => plain(other),
    };
    match values {
        [only] if verb.is_empty() => format!("= {}", text(only)),
        [only] => format!("{verb}{}", text(only)),
        _ => {
            let of = if verb.is_empty() { "in " } else { "any of " };
            format!("{verb}{of}({})", any_of(values, ", ", text))
        }
    }
}

fn any_of(values: &[&SigmaValue], between: &str, text: impl Fn(&SigmaValue) -> String) -> String {
    let mut all: Vec<String> = values.iter().take(SHOWN_VALUES).map(|value| shortened(&text(value))).collect();
    if values.len() > SHOWN_VALUES {
        all.push(format!("{} more", values.len() - SHOWN_VALUES));
    }
    all.join(between)
}

/// A text for people, cut where it is long.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_LETTERS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
