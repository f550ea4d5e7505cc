//! The data of an event as a filter asks for it, by the filter's own words (`src:`) or by the name that Windows gives
//! (`data.IntegrityLevel:`). Consoles and scripts filter events by the same words.

use std::borrow::Cow;

use crate::filter::Field;

/// A field of the filter and its word.
type Named = (Field, &'static str);

/// Which data of an event a field of the filter stands for.
pub const FIELDS_OF_EVENTS: [(Named, &[&str]); 7] = [
    ((Field::Src, "src"), &["SourceIp"]),
    ((Field::Dst, "dst"), &["DestinationIp"]),
    ((Field::Port, "port"), &["SourcePort", "DestinationPort"]),
    ((Field::User, "user"), &["User"]),
    ((Field::Proc, "proc"), &["Image"]),
    ((Field::Parent, "parent"), &["ParentImage"]),
    ((Field::Cmd, "cmd"), &["CommandLine"]),
];

/// The values of an event that a field of the filter stands for; none for a field that is no data.
pub fn values_of(xml: &str, field: Field) -> Vec<Cow<'_, str>> {
    match field {
        Field::Channel => return channel_of(xml).into_iter().collect(),
        Field::Provider => return provider_of(xml).into_iter().collect(),
        _ => {}
    }
    let names = FIELDS_OF_EVENTS.iter().find(|((own, _), _)| *own == field).map_or(&[][..], |(_, names)| names);
    names.iter().filter_map(|name| data_of(xml, name)).collect()
}

/// The value of a data field of event XML. Looked for in the text: a filter asks this of every event that is kept, and
/// decoding them all would take longer than a frame.
pub fn data_of<'x>(xml: &'x str, name: &str) -> Option<Cow<'x, str>> {
    let places = xml.match_indices(name).map(|(at, _)| at);
    let is_name = |at: &usize| xml[..*at].ends_with(['\'', '"']) && xml[at + name.len()..].starts_with(['\'', '"']);
    let at = places.into_iter().find(|at| is_name(at) && xml[..*at - 1].trim_end_matches([' ', '=']).ends_with("Name"))?;
    let rest = &xml[at + name.len() + 1..];
    let value = rest.trim_start().strip_prefix('>')?;
    Some(unescaped(&value[..value.find('<')?]))
}

/// The channel of event XML.
pub fn channel_of(xml: &str) -> Option<Cow<'_, str>> {
    let (_, rest) = xml.split_once("<Channel>")?;
    rest.split_once('<').map(|(value, _)| unescaped(value))
}

/// The name of the provider of event XML.
pub fn provider_of(xml: &str) -> Option<Cow<'_, str>> {
    let (_, rest) = xml.split_once("<Provider")?;
    let (attributes, _) = rest.split_once('>')?;
    let at = attributes.match_indices("Name").map(|(at, _)| at).find(|at| attributes[..*at].ends_with(char::is_whitespace))?;
    let value = attributes[at + "Name".len()..].trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    value[1..].split_once(quote).map(|(value, _)| unescaped(value))
}

/// A value of XML as it reads.
fn unescaped(value: &str) -> Cow<'_, str> {
    if !value.contains('&') {
        return Cow::Borrowed(value);
    }
    let mut plain = value.to_owned();
    for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")] {
        plain = plain.replace(entity, character);
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_fields_of_any_spelling() {
        let rows = [
            ("<System><Provider Name='A &amp; B' Guid='{1}'/><Channel>Security</Channel>", Some("A & B"), Some("Security")),
            ("<Provider Guid=\"{Name}\" Name = \"Eventlog\" EventSourceName='x'/>", Some("Eventlog"), None),
            ("<Provider EventSourceName='x'/><Channel>A&amp;B</Channel>", None, Some("A&B")),
            ("<Provider Name='never ends", None, None),
            ("", None, None),
        ];
        for (xml, provider, channel) in rows {
            assert_eq!(provider_of(xml).as_deref(), provider, "{xml}");
            assert_eq!(channel_of(xml).as_deref(), channel, "{xml}");
        }
    }
}
