//! Texts against texts: how letters compare, what a value is compared with, and wildcards. A pattern is folded once, when
//! its atom is interned; a value is folded by whoever asks.

use std::borrow::Cow;

/// How letters compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Case {
    /// Exactly.
    Exact,
    /// ASCII letters without case (EQL's `:` and `~`).
    Ascii,
    /// All letters without case (Sigma).
    Unicode,
}

impl Case {
    /// Folds a text for comparison under this rule.
    pub fn fold(self, text: &str) -> Cow<'_, str> {
        let has_upper = match self {
            Self::Exact => false,
            Self::Ascii => text.bytes().any(|byte| byte.is_ascii_uppercase()),
            Self::Unicode => text.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()),
        };
        match self {
            _ if !has_upper => Cow::Borrowed(text),
            Self::Unicode => Cow::Owned(text.to_lowercase()),
            Self::Exact | Self::Ascii => Cow::Owned(text.to_ascii_lowercase()),
        }
    }
}

/// A piece of a wildcard pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Wild {
    /// These characters.
    Literal(String),
    /// `*`: any characters, none included, line breaks included.
    Many,
    /// `?`: exactly one character.
    One,
}

/// What a text is compared with. The texts stand as the rule wrote them until their atom is interned, which folds them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// The whole value.
    Equals(String),
    /// The beginning.
    StartsWith(String),
    /// The end.
    EndsWith(String),
    /// Anywhere.
    Contains(String),
    /// A wildcard pattern over the whole value.
    Glob(Vec<Wild>),
}

impl Pattern {
    /// The simplest pattern that means the same as these pieces.
    pub fn from_wild(pieces: Vec<Wild>) -> Self {
        match pieces.as_slice() {
            [] => Self::Equals(String::new()),
            [Wild::Literal(text)] => Self::Equals(text.clone()),
            [Wild::Literal(text), Wild::Many] => Self::StartsWith(text.clone()),
            [Wild::Many, Wild::Literal(text)] => Self::EndsWith(text.clone()),
            [Wild::Many, Wild::Literal(text), Wild::Many] => Self::Contains(text.clone()),
            _ => Self::Glob(pieces),
        }
    }

    /// The pattern folded for comparison under a rule of case.
    pub(in crate::detect) fn folded(self, case: Case) -> Self {
        let fold = |text: String| case.fold(&text).into_owned();
        match self {
            Self::Equals(text) => Self::Equals(fold(text)),
            Self::StartsWith(text) => Self::StartsWith(fold(text)),
            Self::EndsWith(text) => Self::EndsWith(fold(text)),
            Self::Contains(text) => Self::Contains(fold(text)),
            Self::Glob(pieces) => Self::Glob(
                pieces
                    .into_iter()
                    .map(|piece| if let Wild::Literal(text) = piece { Wild::Literal(fold(text)) } else { piece })
                    .collect(),
            ),
        }
    }

    /// Whether an already folded value matches.
    pub fn matches(&self, value: &str) -> bool {
        match self {
            Self::Equals(text) => value == text,
            Self::StartsWith(text) => value.starts_with(text.as_str()),
            Self::EndsWith(text) => value.ends_with(text.as_str()),
            Self::Contains(text) => memchr::memmem::find(value.as_bytes(), text.as_bytes()).is_some(),
            Self::Glob(pieces) => glob(pieces, value),
        }
    }
}

/// Where in a value another text must stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    /// It is the whole value.
    Whole,
    /// At the beginning.
    Start,
    /// At the end.
    End,
    /// Anywhere.
    Anywhere,
}

impl Place {
    /// Whether the other text stands there.
    pub fn holds(self, value: &str, other: &str) -> bool {
        match self {
            Self::Whole => value == other,
            Self::Start => value.starts_with(other),
            Self::End => value.ends_with(other),
            Self::Anywhere => value.contains(other),
        }
    }
}

/// Matches a whole value against wildcard pieces: greedy with one point to fall back to, so linear in practice and never
/// worse than pieces times value.
fn glob(pieces: &[Wild], value: &str) -> bool {
    let (mut piece, mut at) = (0, 0);
    let mut fallback: Option<(usize, usize)> = None;
    loop {
        let step = match pieces.get(piece) {
            None if at == value.len() => return true,
            None => None,
            Some(Wild::Many) => {
                fallback = Some((piece + 1, at));
                Some(0)
            }
            Some(Wild::One) => value[at..].chars().next().map(char::len_utf8),
            Some(Wild::Literal(text)) => value[at..].starts_with(text.as_str()).then_some(text.len()),
        };
        if let Some(length) = step {
            piece += 1;
            at += length;
            continue;
        }
        let Some((after, from)) = fallback else { return false };
        let Some(skipped) = value[from..].chars().next() else { return false };
        fallback = Some((after, from + skipped.len_utf8()));
        (piece, at) = (after, from + skipped.len_utf8());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wild(pattern: &str) -> Vec<Wild> {
        let mut pieces: Vec<Wild> = Vec::new();
        for character in pattern.chars() {
            match (character, pieces.last_mut()) {
                ('*', _) => pieces.push(Wild::Many),
                ('?', _) => pieces.push(Wild::One),
                (_, Some(Wild::Literal(text))) => text.push(character),
                _ => pieces.push(Wild::Literal(character.to_string())),
            }
        }
        pieces
    }

    #[test]
    fn wildcards() {
        let rows = [
            ("*a?", "xaab", true),
            ("*a?", "xa", false),
            ("*a?", "aaaa", true),
            ("a*b*c", "a\nb\nc", true),
            ("a*b*c", "acb", false),
            ("?", "ü", true),
            ("??", "ü", false),
            ("**", "", true),
            ("", "", true),
            ("", "x", false),
            (r"?:\windows\system32\conhost.exe", r"c:\windows\system32\conhost.exe", true),
        ];
        for (pattern, value, expected) in rows {
            assert_eq!(Pattern::from_wild(wild(pattern)).matches(value), expected, "{pattern} {value}");
            assert_eq!(glob(&wild(pattern), value), expected, "{pattern} {value} as glob");
        }
    }

    #[test]
    fn folding() {
        assert_eq!(Case::Unicode.fold("SYSTÈME"), "système");
        assert_eq!(Case::Ascii.fold("SYSTÈME"), "systÈme");
        assert_eq!(Case::Exact.fold("A"), "A");
    }
}
