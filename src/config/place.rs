//! Where in the text of a configuration a key stands, however it is written: under a `[section]`, dotted, or within `{ }`. A
//! text that is no TOML is searched as far as it can be read.

use std::ops::Range;

use toml::de::{DeTable, DeValue};

/// The dotted key that stands at a byte of the text, or whose value does; entries of a list are counted: `input.1.listen`.
pub(super) fn key_at(text: &str, offset: usize) -> Option<String> {
    let (table, _) = DeTable::parse_recoverable(text);
    within_table(table.get_ref(), offset)
}

fn within_table(table: &DeTable<'_>, offset: usize) -> Option<String> {
    let inside = table.iter().find_map(|(key, value)| {
        let inner = within(value.get_ref(), offset)?;
        Some(format!("{}.{inner}", key.get_ref()))
    });
    // What is nearest to the place: the value of a section begins at its header.
    inside.or_else(|| {
        let is_here = |span: Range<usize>| span.contains(&offset);
        let found = table.iter().find(|(key, value)| is_here(key.span()) || is_here(value.span()));
        found.map(|(key, _)| key.get_ref().to_string())
    })
}

fn within(value: &DeValue<'_>, offset: usize) -> Option<String> {
    match value {
        DeValue::Table(table) => within_table(table, offset),
        DeValue::Array(items) => items.iter().enumerate().find_map(|(number, item)| {
            let inner = within(item.get_ref(), offset).map(|inner| format!("{number}.{inner}"));
            inner.or_else(|| item.span().contains(&offset).then(|| number.to_string()))
        }),
        _ => None,
    }
}

/// The line of a dotted key, or of as much of it as there is.
pub(super) fn line_of(text: &str, dotted: &str) -> Option<usize> {
    let (table, _) = DeTable::parse_recoverable(text);
    let root = DeValue::Table(table.into_inner());
    let (mut value, mut offset) = (&root, None);
    for part in dotted.split('.') {
        let found = match value {
            DeValue::Table(table) => {
                table.iter().find(|(key, _)| key.get_ref() == part).map(|(key, value)| (key.span(), value.get_ref()))
            }
            DeValue::Array(items) => {
                let item = part.parse().ok().and_then(|number: usize| items.get(number));
                item.map(|item| (item.span(), item.get_ref()))
            }
            _ => None,
        };
        let Some((span, inner)) = found else { break };
        (value, offset) = (inner, Some(span.start));
    }
    offset.map(|offset| line_at(text, offset))
}

/// The line of a byte, counted from 1.
pub(super) fn line_at(text: &str, offset: usize) -> usize {
    memchr::memchr_iter(b'\n', &text.as_bytes()[..offset.min(text.len())]).count() + 1
}

/// The key as people write it: without the numbers of list entries.
pub(super) fn as_written(dotted: &str) -> String {
    dotted.split('.').filter(|part| !part.bytes().all(|byte| byte.is_ascii_digit())).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_lines() {
        let text = "limits.queue = 0\nhosts = {\n  max_hosts = 1 }\n[[input]]\nlisten = \"a\"\n[[input]]\n\"listen\" = \"b\"\n\
                    [attach]\nviewers = [\n \"x\",\n \"y\"]\n[console.keys]\nquit = 'ä'\n[store\n";
        for (dotted, line) in [
            ("limits.queue", 1),
            ("hosts.max_hosts", 3),
            ("input.0.listen", 5),
            ("input.1.listen", 7),
            ("attach.viewers.1", 11),
            ("attach.group", 8),
            ("console.keys.quit", 13),
        ] {
            assert_eq!(line_of(text, dotted), Some(line), "{dotted}");
        }
        assert_eq!(line_of(text, "metrics.listen"), None);
        for (piece, dotted) in [
            ("0\nhosts", "limits.queue"),
            ("1 }", "hosts.max_hosts"),
            ("\"b\"", "input.1.listen"),
            ("\"y\"", "attach.viewers.1"),
            ("'ä'", "console.keys.quit"),
            ("[[input]]", "input"),
        ] {
            let offset = text.find(piece).expect("it is there");
            assert_eq!(key_at(text, offset).as_deref().map(as_written), Some(as_written(dotted)), "{piece}");
        }
    }
}
