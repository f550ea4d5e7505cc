//! What a detection item (`Field|modifiers: values`) means: the atoms that it becomes.

use regex::RegexBuilder;
use rsigma_parser::{Detection, DetectionItem, Modifier, SigmaString, SigmaValue, SpecialChar, StringPart};

use crate::detect::predicate::{Case, Expr, FieldId, FieldName, Network, Ordering, Pattern, Predicates, Test, Wild};

/// A compiled regular expression may take at most this much memory, in bytes; more is refused at load.
const REGEX_LIMIT: usize = 1 << 20;

/// Compiles one named detection: maps are all-of, lists of maps any-of, plain lists are keywords.
pub(super) fn compile_detection(detection: &Detection, predicates: &mut Predicates) -> Result<Expr, String> {
    match detection {
        Detection::AllOf(items) => {
            Ok(Expr::And(items.iter().map(|item| compile_item(item, predicates)).collect::<Result<_, _>>()?))
        }
        Detection::AnyOf(parts) => {
            Ok(Expr::Or(parts.iter().map(|part| compile_detection(part, predicates)).collect::<Result<_, _>>()?))
        }
        Detection::And(parts) => {
            Ok(Expr::And(parts.iter().map(|part| compile_detection(part, predicates)).collect::<Result<_, _>>()?))
        }
        Detection::Keywords(values) => {
            let field = predicates.field(FieldName::AnyValue);
            let texts: Vec<&SigmaValue> = values.iter().collect();
            Ok(text_atom(field, &texts, Some(Modifier::Contains), Case::Unicode, predicates))
        }
        Detection::ArrayMatch { .. } | Detection::Conditional { .. } => {
            Err("array matching is an extension that is not supported".to_owned())
        }
    }
}

/// One `field|modifiers: values`.
fn compile_item(item: &DetectionItem, predicates: &mut Predicates) -> Result<Expr, String> {
    let has = |modifier| item.field.has_modifier(modifier);
    if let Some(unsupported) = item.field.modifiers.iter().find(|modifier| !SUPPORTED.contains(modifier)) {
        return Err(format!("the modifier `{}` is not supported", format!("{unsupported:?}").to_lowercase()));
    }
    let field = predicates.field(match &item.field.name {
        Some(name) => FieldName::Windows(name.replace(' ', "").into()),
        None => FieldName::AnyValue,
    });
    if has(Modifier::Exists) {
        let exists = predicates.atom(field, Test::Exists, "is there");
        return match item.values.as_slice() {
            [SigmaValue::Bool(true)] => Ok(exists),
            [SigmaValue::Bool(false)] => Ok(!exists),
            _ => Err("`exists` takes true or false".to_owned()),
        };
    }
    let case = if has(Modifier::Cased) { Case::Exact } else { Case::Unicode };
    let placement = item
        .field
        .modifiers
        .iter()
        .copied()
        .find(|modifier| matches!(modifier, Modifier::Contains | Modifier::StartsWith | Modifier::EndsWith));
    let placement = placement.or(item.field.name.is_none().then_some(Modifier::Contains));
    let groups: Vec<Vec<&SigmaValue>> = if has(Modifier::All) {
        item.values.iter().map(|value| vec![value]).collect()
    } else {
        vec![item.values.iter().collect()]
    };
    let mut parts = Vec::with_capacity(groups.len());
    for values in groups {
        parts.push(if let Some(ordering) = ordering(&item.field.modifiers) {
            number_atom(field, &values, ordering, predicates)?
        } else if has(Modifier::Re) {
            regex_atom(field, &values, &item.field.modifiers, predicates)?
        } else if has(Modifier::Cidr) {
            cidr_atom(field, &values, predicates)?
        } else if has(Modifier::FieldRef) {
            same_as(field, &values, case, predicates)?
        } else {
            text_or_null(field, &values, placement, case, predicates)
        });
    }
    let expr = if parts.len() == 1 { parts.remove(0) } else { Expr::And(parts) };
    Ok(if has(Modifier::Neq) { !expr } else { expr })
}

const SUPPORTED: &[Modifier] = &[
    Modifier::Contains,
    Modifier::StartsWith,
    Modifier::EndsWith,
    Modifier::All,
    Modifier::Cased,
    Modifier::Re,
    Modifier::IgnoreCase,
    Modifier::Multiline,
    Modifier::DotAll,
    Modifier::Cidr,
    Modifier::Exists,
    Modifier::FieldRef,
    Modifier::Gt,
    Modifier::Gte,
    Modifier::Lt,
    Modifier::Lte,
    Modifier::Neq,
];

fn ordering(modifiers: &[Modifier]) -> Option<Ordering> {
    modifiers.iter().find_map(|modifier| match modifier {
        Modifier::Gt => Some(Ordering::Greater),
        Modifier::Gte => Some(Ordering::GreaterOrEqual),
        Modifier::Lt => Some(Ordering::Less),
        Modifier::Lte => Some(Ordering::LessOrEqual),
        _ => None,
    })
}

fn text_or_null(
    field: FieldId,
    values: &[&SigmaValue],
    placement: Option<Modifier>,
    case: Case,
    predicates: &mut Predicates,
) -> Expr {
    let (nulls, texts): (Vec<&SigmaValue>, Vec<&SigmaValue>) = values.iter().partition(|value| ***value == SigmaValue::Null);
    let mut parts = Vec::new();
    if !texts.is_empty() {
        parts.push(text_atom(field, &texts, placement, case, predicates));
    }
    if !nulls.is_empty() {
        parts.push(!predicates.atom(field, Test::Exists, "is there"));
    }
    if parts.len() == 1 { parts.remove(0) } else { Expr::Or(parts) }
}

fn text_atom(
    field: FieldId,
    values: &[&SigmaValue],
    placement: Option<Modifier>,
    case: Case,
    predicates: &mut Predicates,
) -> Expr {
    let any = values.iter().map(|value| pattern(value, placement)).collect();
    let why = in_words(placement, values);
    predicates.atom(field, Test::Text { any, case }, &why)
}

fn pattern(value: &SigmaValue, placement: Option<Modifier>) -> Pattern {
    let mut pieces = match value {
        SigmaValue::String(text) => wild_of(text),
        other => vec![Wild::Literal(other.to_string())],
    };
    if matches!(placement, Some(Modifier::Contains | Modifier::EndsWith)) && pieces.first() != Some(&Wild::Many) {
        pieces.insert(0, Wild::Many);
    }
    if matches!(placement, Some(Modifier::Contains | Modifier::StartsWith))
        && (pieces.len() < 2 || pieces.last() != Some(&Wild::Many))
    {
        pieces.push(Wild::Many);
    }
    Pattern::from_wild(pieces)
}

pub(super) fn wild_of(text: &SigmaString) -> Vec<Wild> {
    let piece = |part: &StringPart| match part {
        StringPart::Plain(text) => Wild::Literal(text.clone()),
        StringPart::Special(SpecialChar::WildcardMulti) => Wild::Many,
        StringPart::Special(SpecialChar::WildcardSingle) => Wild::One,
    };
    text.parts.iter().map(piece).collect()
}

fn in_words(placement: Option<Modifier>, values: &[&SigmaValue]) -> String {
    let text = |value: &&SigmaValue| match value {
        SigmaValue::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    };
    let verb = match placement {
        Some(Modifier::Contains) => "contains ",
        Some(Modifier::StartsWith) => "starts with ",
        Some(Modifier::EndsWith) => "ends with ",
        _ => "",
    };
    match values {
        [only] if verb.is_empty() => format!("= {}", text(only)),
        [only] => format!("{verb}{}", text(only)),
        _ => {
            let all: Vec<String> = values.iter().map(text).collect();
            let of = if verb.is_empty() { "in " } else { "any of " };
            format!("{verb}{of}({})", all.join(", "))
        }
    }
}

fn number_atom(field: FieldId, values: &[&SigmaValue], ordering: Ordering, predicates: &mut Predicates) -> Result<Expr, String> {
    let any = values.iter().map(|value| value.to_string().parse::<f64>().map_err(|_| format!("`{value}` is not a number")));
    let any = any.collect::<Result<Vec<f64>, String>>()?;
    let sign = match ordering {
        Ordering::Equal => "=",
        Ordering::Less => "<",
        Ordering::LessOrEqual => "<=",
        Ordering::Greater => ">",
        Ordering::GreaterOrEqual => ">=",
    };
    let why = format!("{sign} {}", values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "));
    Ok(predicates.atom(field, Test::Number { ordering, any }, &why))
}

fn regex_atom(
    field: FieldId,
    values: &[&SigmaValue],
    modifiers: &[Modifier],
    predicates: &mut Predicates,
) -> Result<Expr, String> {
    let flags = [(Modifier::IgnoreCase, 'i'), (Modifier::Multiline, 'm'), (Modifier::DotAll, 's')];
    let flags: String = flags.iter().filter(|(flag, _)| modifiers.contains(flag)).map(|(_, letter)| letter).collect();
    let build = |value: &&SigmaValue| {
        // Flags stand inside the expression: equal atoms are told by their source.
        let source = if flags.is_empty() { value.to_string() } else { format!("(?{flags}){value}") };
        RegexBuilder::new(&source)
            .size_limit(REGEX_LIMIT)
            .build()
            .map_err(|error| format!("the regular expression cannot be run (look-around is not supported): {error}"))
    };
    let any = values.iter().map(build).collect::<Result<Vec<_>, _>>()?;
    let why = values.iter().map(|value| format!("matches /{value}/{flags}")).collect::<Vec<_>>().join(" or ");
    Ok(predicates.atom(field, Test::Regex { any }, &why))
}

fn cidr_atom(field: FieldId, values: &[&SigmaValue], predicates: &mut Predicates) -> Result<Expr, String> {
    let parse = |value: &&SigmaValue| Network::parse(&value.to_string()).ok_or_else(|| format!("`{value}` is not a network"));
    let any = values.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
    let why = format!("in network {}", values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "));
    Ok(predicates.atom(field, Test::Address { any }, &why))
}

fn same_as(field: FieldId, values: &[&SigmaValue], case: Case, predicates: &mut Predicates) -> Result<Expr, String> {
    let mut parts = Vec::new();
    for value in values {
        let SigmaValue::String(name) = value else { return Err("`fieldref` takes the name of a field".to_owned()) };
        let other = predicates.field(FieldName::Windows(name.original.replace(' ', "").into()));
        parts.push(predicates.atom(field, Test::SameAs { other, case }, &format!("same as {name}")));
    }
    Ok(Expr::Or(parts))
}
