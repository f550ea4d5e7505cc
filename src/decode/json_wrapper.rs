//! JSON that carries event XML as a string: OpenWEC's RawJson (`data`), Fluent Bit's winevtlog (`System`), Vector (`xml`),
//! Elastic (`event.original`), Splunk and Cribl (`_raw`), and whatever else has an event in one of its strings.

use serde_json::Value;

/// The keys that are looked at first.
const KEYS: [&str; 8] = ["data", "xml", "System", "event.original", "_raw", "Event", "message", "EventXML"];

/// How deep an object may be searched.
const MAX_DEPTH: usize = 4;

/// The event XML in a JSON object; what follows the object is ignored. `None` when the text is no JSON object or no string
/// of it holds an event.
pub fn event_xml(text: &[u8]) -> Option<String> {
    let object = serde_json::Deserializer::from_slice(text).into_iter::<Value>().next()?.ok()?;
    let known = KEYS.iter().find_map(|key| object.get(key).and_then(as_event));
    let original = || object.get("event").and_then(|event| event.get("original")).and_then(as_event);
    known.or_else(original).or_else(|| search(&object, MAX_DEPTH)).map(str::to_owned)
}

fn search(value: &Value, depth: usize) -> Option<&str> {
    match value {
        Value::String(_) => as_event(value),
        Value::Object(map) if depth > 0 => map.values().find_map(|value| search(value, depth - 1)),
        Value::Array(list) if depth > 0 => list.iter().find_map(|value| search(value, depth - 1)),
        _ => None,
    }
}

fn as_event(value: &Value) -> Option<&str> {
    let text = value.as_str()?;
    let start = crate::decode::framing::tags::event_start(text.as_bytes(), 0)?;
    Some(&text[start..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers() {
        let rows = [
            (r#"{"meta":{"IpAddress":"1.2.3.4"},"data":"<Event xmlns='x'>\n</Event>"}"#, Some("<Event xmlns='x'>\n</Event>")),
            (r#"{"System":"<Event xmlns=\"x\"/>","Message":"m"}"#, Some("<Event xmlns=\"x\"/>")),
            (r#"{"event":{"original":"<?xml version='1.0'?><Event></Event>"}}"#, Some("<Event></Event>")),
            (r#"{"event.original":"<Event></Event>"}"#, Some("<Event></Event>")),
            (r#"{"_raw":"<Event></Event>"} trailing"#, Some("<Event></Event>")),
            (r#"{"a":{"b":["<Event >\u00e9</Event>"]}}"#, Some("<Event >é</Event>")),
            (r#"{"event":"login","user":"x"}"#, None),
            (r#"{"data":"<EventID>"}"#, None),
            (r#"{"data":"<Event>"#, None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(event_xml(text.as_bytes()).as_deref(), expected, "{text}");
        }
    }
}
