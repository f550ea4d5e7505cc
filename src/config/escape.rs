//! Configuration that is printed: what a terminal would act on, or hide, becomes `\uXXXX`, which reads back as the same.

use serde::Serialize;
use toml::Value;

use crate::console::printable::printable;

/// Around the number of a character that is to be escaped. Control characters: a string that has one is written between `"`,
/// where escapes mean something, whatever else it holds.
const MARKS: [char; 2] = ['\u{1}', '\u{2}'];

/// As TOML in which nothing is hidden.
pub(super) fn with_escapes(written: impl Serialize) -> Result<String, toml::ser::Error> {
    let text = toml::to_string(&mark(Value::try_from(written)?))?;
    // The marks as the writer spells them.
    Ok(text.replace("\\u0001", "\\U").replace("\\u0002", ""))
}

/// Every hidden character of every string as a number between marks.
fn mark(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.chars().map(mark_one).collect()),
        Value::Array(items) => Value::Array(items.into_iter().map(mark).collect()),
        Value::Table(table) => Value::Table(table.into_iter().map(|(key, value)| (key, mark(value))).collect()),
        other => other,
    }
}

fn mark_one(character: char) -> String {
    let own = character.to_string();
    let is_hidden = printable(&own) != own;
    if is_hidden { format!("{}{:08X}{}", MARKS[0], character as u32, MARKS[1]) } else { own }
}
