//! The YAML documents of a rule file, apart: a mistake in one costs no other, and every line number is the file's. What the
//! rule reader would take for something else without a word (values in values, names that are no text) is refused here.

use yaml_serde::Value;

use crate::detect::sigma::condition;

/// One document of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Document<'a> {
    /// Its text.
    pub(super) text: &'a str,
    /// How many lines of the file stand before it.
    pub(super) lines_before: usize,
}

/// The documents of a file. A line that begins with `---` or `...` parts documents wherever it stands: YAML allows it
/// nowhere else.
pub(super) fn split(text: &str) -> Vec<Document<'_>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let is_mark = |line: &str, mark: &str| {
        line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
    };
    let mut documents = Vec::new();
    let (mut start, mut at, mut lines_before, mut line_number) = (0, 0, 0, 0);
    for line in text.split_inclusive('\n') {
        if is_mark(line, "---") && at > start {
            documents.push(Document { text: &text[start..at], lines_before });
            (start, lines_before) = (at, line_number);
        }
        at += line.len();
        line_number += 1;
        if is_mark(line, "...") {
            documents.push(Document { text: &text[start..at], lines_before });
            (start, lines_before) = (at, line_number);
        }
    }
    documents.push(Document { text: &text[start..], lines_before });
    documents.retain(|document| !is_blank(document.text));
    documents
}

/// Whether there is nothing but comments, marks and directives.
fn is_blank(text: &str) -> bool {
    let says_nothing = |line: &str| line.is_empty() || line.starts_with(['#', '%']) || matches!(line, "---" | "...");
    text.lines().all(|line| says_nothing(line.trim()))
}

/// How many brackets may be open at once, and how many may open in all. Both count brackets in texts, too.
const MAX_OPEN: usize = 1000;
const MAX_BRACKETS: usize = 20_000;

/// Refuses what costs the YAML reader time beyond measure: it looks through all open brackets for every new one.
fn check_brackets(text: &str) -> Result<(), String> {
    let (mut open, mut all) = (0_usize, 0_usize);
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => {
                open += 1;
                all += 1;
            }
            b']' | b'}' => open = open.saturating_sub(1),
            _ => {}
        }
        if open > MAX_OPEN || all > MAX_BRACKETS {
            return Err(format!("YAML: more than {MAX_OPEN} brackets inside each other, or {MAX_BRACKETS} in all"));
        }
    }
    Ok(())
}

/// Reads a document as plain YAML and checks its shape; its title is told even where something is wrong. `Err` says what, with
/// YAML's own place in it.
pub(super) fn read(document: Document<'_>, title: &mut Option<String>) -> Result<Value, String> {
    check_brackets(document.text)?;
    let value: Value = yaml_serde::from_str(document.text).map_err(|error| format!("YAML: {error}"))?;
    let Some(mapping) = value.as_mapping() else { return Err("the document is no mapping of keys to values".to_owned()) };
    *title = value.get("title").and_then(Value::as_str).map(str::to_owned);
    for (key, part) in mapping {
        let Some(key) = key.as_str() else { return Err("a key of the rule is no text".to_owned()) };
        match (key, part) {
            ("detection", detection) => check_detection(detection)?,
            ("filter", filter) => {
                check_detection(filter)?;
                if filter.get("rules").is_none() {
                    return Err("the filter names no `rules` (a list of ids or names, or `any`)".to_owned());
                }
            }
            ("level", level) if !level.as_str().is_some_and(|level| LEVELS.contains(&level)) => {
                let said = level.as_str().unwrap_or("which is no text");
                return Err(format!("the level `{said}` is none of {}", LEVELS.join(", ")));
            }
            ("correlation", correlation) => check_correlation(correlation)?,
            _ => {}
        }
    }
    Ok(value)
}

const LEVELS: &[&str] = &["informational", "low", "medium", "high", "critical"];

fn check_correlation(correlation: &Value) -> Result<(), String> {
    if let Some(condition) = correlation.get("condition").and_then(Value::as_str) {
        condition::check(condition)?;
    }
    let is_text = |value: &Value| value.is_string();
    for key in ["rules", "group-by"] {
        match correlation.get(key) {
            None | Some(Value::String(_)) => {}
            Some(Value::Sequence(list)) if list.iter().all(is_text) => {}
            Some(_) => return Err(format!("`{key}` is a list of names")),
        }
    }
    Ok(())
}

fn check_detection(detection: &Value) -> Result<(), String> {
    let Some(mapping) = detection.as_mapping() else { return Err("`detection` maps names to detections".to_owned()) };
    for (name, part) in mapping {
        let Some(name) = name.as_str() else { return Err("the name of a detection is no text: put it in quotes".to_owned()) };
        match name {
            "condition" => {
                let list = part.as_sequence().map_or(std::slice::from_ref(part), Vec::as_slice);
                list.iter().filter_map(Value::as_str).try_for_each(condition::check)?;
            }
            "timeframe" | "rules" => {}
            name => check_part(part).map_err(|reason| format!("in `{name}`: {reason}"))?,
        }
    }
    Ok(())
}

/// A detection is a map of items, a list of maps, or keywords.
fn check_part(part: &Value) -> Result<(), String> {
    match part {
        Value::Mapping(items) => items.iter().try_for_each(|(field, values)| {
            let Some(field) = field.as_str() else { return Err("the name of a field is no text: put it in quotes".to_owned()) };
            if field.split('|').next() == Some(".") {
                return Err("`.` is no name of a field".to_owned());
            }
            let list = values.as_sequence().map_or(std::slice::from_ref(values), Vec::as_slice);
            list.iter().try_for_each(|value| check_value(value).map_err(|reason| format!("`{field}`: {reason}")))
        }),
        Value::Sequence(parts) if parts.iter().any(|part| part.is_mapping() || part.is_sequence()) => {
            parts.iter().try_for_each(check_part)
        }
        Value::Sequence(values) => values.iter().try_for_each(check_value),
        value => check_value(value),
    }
}

fn check_value(value: &Value) -> Result<(), String> {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => Ok(()),
        Value::Number(number) if number.is_i64() || number.is_f64() => Ok(()),
        Value::Number(number) => Err(format!("the number {number} is too large: put it in quotes")),
        _ => Err("a value is a text, a number, true, false or null, or a list of these".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_know_their_lines() {
        let text = "# head\n---\ntitle: a\n---\ntitle: |\n  x\n  --- y\n...\n%YAML 1.2\n---\r\ntitle: c\n";
        let told: Vec<(usize, &str)> =
            split(text).iter().map(|document| (document.lines_before, document.text.lines().nth(1).unwrap())).collect();
        assert_eq!(told, [(1, "title: a"), (3, "title: |"), (9, "title: c")]);
        assert_eq!(split("title: a").len(), 1);
        assert_eq!(split("\n# nothing\n").len(), 0);
    }

    #[test]
    fn shapes() {
        let rows = [
            ("detection: {s: {A: [1, null, x, true, 1.5]}, condition: s}", ""),
            ("detection: {s: [{A: 1}, {B: 2}], condition: s}", ""),
            ("detection: {s: {A: [[1]]}, condition: s}", "`A`: a value is"),
            ("detection: {s: {A: {B: 1}}, condition: s}", "`A`: a value is"),
            ("detection: {s: {1: x}, condition: s}", "field is no text"),
            ("detection: {1: {A: x}, condition: s}", "detection is no text"),
            ("detection: {s: {A: 18446744073709551615}, condition: s}", "too large"),
            ("detection: {s: {'.|contains': x}, condition: s}", "no name of a field"),
            ("detection: [a]", "maps names"),
            ("- a", "no mapping"),
            ("level: urgent", "urgent"),
            ("filter: {selection: {A: 1}, condition: not selection}", "names no `rules`"),
            ("a: [", "YAML"),
        ];
        for (text, reason) in rows {
            match read(Document { text, lines_before: 0 }, &mut None) {
                Ok(_) => assert_eq!(reason, "", "{text}"),
                Err(error) => assert!(!reason.is_empty() && error.contains(reason), "{text}: {error}"),
            }
        }
    }
}
