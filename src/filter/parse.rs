//! From the text of a filter to what it asks: words first, then brackets, `or` and exclusions, then what one word says.

use crate::filter::regular::Room;
use crate::filter::{Field, FilterError, Node, Relation, since};

/// A filter may be this long, in bytes, and nest this deep.
const MAX_LENGTH: usize = 4096;
const MAX_DEPTH: usize = 64;

/// What `is:` takes.
pub(super) const STATES: [&str; 11] =
    ["open", "new", "acked", "closed", "muted", "linked", "again", "true_positive", "benign_trigger", "false_positive", "near"];

/// The fields by their names.
pub(super) const FIELDS: [(&str, Field); 18] = [
    ("host", Field::Host),
    ("src", Field::Src),
    ("dst", Field::Dst),
    ("port", Field::Port),
    ("user", Field::User),
    ("proc", Field::Proc),
    ("parent", Field::Parent),
    ("cmd", Field::Cmd),
    ("rule", Field::Rule),
    ("attack", Field::Attack),
    ("sev", Field::Sev),
    ("eid", Field::Eid),
    ("since", Field::Since),
    ("id", Field::Id),
    ("is", Field::Is),
    ("owner", Field::Owner),
    ("channel", Field::Channel),
    ("provider", Field::Provider),
];

/// Reads a filter; nothing where it asks for nothing.
pub(super) fn filter(text: &str) -> Result<Option<Node>, FilterError> {
    if text.len() > MAX_LENGTH {
        return Err(FilterError { at: 0, length: text.len(), reason: format!("longer than {MAX_LENGTH} bytes") });
    }
    let mut parser = Parser { words: words(text)?, at: 0, depth: 0, end: text.len(), room: Room::default() };
    let root = parser.any()?;
    match parser.words.get(parser.at) {
        None => Ok(root),
        Some(word) => Err(word.error("a bracket that closes nothing")),
    }
}

#[derive(Debug, Clone)]
struct Word {
    kind: WordKind,
    at: usize,
    length: usize,
}

#[derive(Debug, Clone, PartialEq)]
enum WordKind {
    Open,
    Close,
    Or,
    Not,
    Quoted(String),
    Regex(String),
    Plain(String),
}

impl Word {
    fn error(&self, reason: impl Into<String>) -> FilterError {
        FilterError { at: self.at, length: self.length, reason: reason.into() }
    }
}

/// Cuts the text into words. A quote or slash opens a text only at the beginning of a word or after `field:`.
fn words(text: &str) -> Result<Vec<Word>, FilterError> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let at = text.len() - rest.len();
        let Some(first) = rest.chars().next() else { return Ok(words) };
        let mut push = |kind, length| words.push(Word { kind, at, length });
        match first {
            '(' | ')' => {
                push(if first == '(' { WordKind::Open } else { WordKind::Close }, 1);
                rest = &rest[1..];
            }
            '-' | '!' => {
                push(WordKind::Not, 1);
                rest = &rest[1..];
            }
            '"' | '/' => {
                let Some((inside, after)) = rest[1..].split_once(first) else {
                    return Err(FilterError { at, length: rest.len(), reason: format!("{first} is not closed") });
                };
                let length = inside.len() + 2;
                push(if first == '"' { WordKind::Quoted(inside.to_owned()) } else { WordKind::Regex(inside.to_owned()) }, length);
                rest = after;
            }
            _ => {
                let length = plain_length(rest);
                let word = rest[..length].replace('"', "");
                push(if word == "or" { WordKind::Or } else { WordKind::Plain(word) }, length);
                rest = &rest[length..];
            }
        }
    }
}

/// The length of a plain word: to the next blank or bracket outside quotes.
fn plain_length(text: &str) -> usize {
    let mut in_quotes = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' => in_quotes = !in_quotes,
            _ if in_quotes => {}
            ')' | '(' => return at,
            _ if character.is_whitespace() => return at,
            _ => {}
        }
    }
    text.len()
}

struct Parser {
    words: Vec<Word>,
    at: usize,
    depth: usize,
    end: usize,
    room: Room,
}

impl Parser {
    fn any(&mut self) -> Result<Option<Node>, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(FilterError { at: 0, length: self.end, reason: "too many brackets".to_owned() });
        }
        let mut parts = Vec::new();
        loop {
            let part = self.all()?;
            let is_or = self.words.get(self.at).is_some_and(|word| word.kind == WordKind::Or);
            match part {
                Some(part) => parts.push(part),
                None if is_or || !parts.is_empty() => {
                    let word = self.words.get(self.at).cloned();
                    let nowhere =
                        FilterError { at: self.end, length: 0, reason: "`or` needs something on both sides".to_owned() };
                    return Err(word.map_or(nowhere, |word| word.error("`or` needs something on both sides")));
                }
                None => {}
            }
            if !is_or {
                break;
            }
            self.at += 1;
        }
        self.depth -= 1;
        Ok(match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ => Some(Node::Any(parts)),
        })
    }

    fn all(&mut self) -> Result<Option<Node>, FilterError> {
        let mut parts = Vec::new();
        while let Some(word) = self.words.get(self.at).cloned() {
            if matches!(word.kind, WordKind::Close | WordKind::Or) {
                break;
            }
            parts.push(self.one(&word)?);
        }
        Ok(match parts.len() {
            0 => None,
            1 => parts.pop(),
            _ => Some(Node::All(parts)),
        })
    }

    fn one(&mut self, word: &Word) -> Result<Node, FilterError> {
        self.at += 1;
        match &word.kind {
            WordKind::Not => match self.words.get(self.at).cloned() {
                Some(next) if !matches!(next.kind, WordKind::Close | WordKind::Or) => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(next.error("too many exclusions"));
                    }
                    let inner = self.one(&next)?;
                    self.depth -= 1;
                    Ok(Node::Not(Box::new(inner)))
                }
                _ => Err(word.error("nothing to exclude")),
            },
            WordKind::Open => {
                let inner = self.any()?;
                match self.words.get(self.at) {
                    Some(close) if close.kind == WordKind::Close => self.at += 1,
                    _ => return Err(word.error("the bracket is not closed")),
                }
                inner.ok_or_else(|| word.error("nothing in the brackets"))
            }
            WordKind::Quoted(text) => Ok(Node::Text(vec![text.to_lowercase()])),
            WordKind::Regex(source) => {
                let regex = self.room.compile(source);
                regex.map(Node::Regex).map_err(|reason| word.error(reason))
            }
            WordKind::Plain(text) => plain(word, text),
            WordKind::Close | WordKind::Or => Err(word.error("not expected here")),
        }
    }
}

/// `field:value`, `sev>=high`, or a word to look for everywhere.
fn plain(word: &Word, text: &str) -> Result<Node, FilterError> {
    let Some(at) = text.find([':', '>', '<', '=']) else { return Ok(Node::Text(pieces(text))) };
    let name = &text[..at];
    if let Some(own) = name.strip_prefix("data.").filter(|own| !own.is_empty() && text[at..].starts_with(':')) {
        let value = &text[at + 1..];
        let parts = value.split(',').map(|value| Node::Data(own.to_owned(), pieces(value)));
        return if value.is_empty() {
            Err(word.error(format!("`{name}` needs a value")))
        } else {
            Ok(Node::Any(parts.collect()))
        };
    }
    let is_name = !name.is_empty() && name.chars().all(|character| character.is_ascii_lowercase());
    // `C:\Windows` and `10.0.0.1:5985` are words, not fields.
    let Some((_, field)) = FIELDS.iter().find(|(own, _)| *own == name) else {
        if is_name && text[at..].starts_with([':', '>', '<']) && !text[at + 1..].starts_with(['\\', '/']) {
            let known: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
            return Err(word.error(format!("no field `{name}`; there are {}", known.join(" "))));
        }
        return Ok(Node::Text(pieces(text)));
    };
    let (relation, value) = relation(&text[at..]);
    if value.is_empty() {
        return Err(word.error(format!("`{name}` needs a value")));
    }
    match field {
        Field::Sev => value
            .parse()
            .map(|severity| Node::Severity(relation, severity))
            .map_err(|error: crate::alert::UnknownSeverity| word.error(error.to_string())),
        Field::Since => since(value).map(Node::Since).ok_or_else(|| word.error("a span of time is 30s, 15m, 24h or 7d")),
        Field::Is if value.split(',').any(|value| !STATES.contains(&value.to_lowercase().as_str())) => {
            Err(word.error(format!("`is:` takes {}", STATES.join(" "))))
        }
        _ if relation == Relation::Is => {
            let mut parts: Vec<Node> = value.split(',').map(|value| Node::Field(*field, pieces(value))).collect();
            Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Any(parts) })
        }
        Field::Eid | Field::Port => value
            .parse()
            .map(|number| Node::Number(*field, relation, number))
            .map_err(|_| word.error(format!("`{value}` is not a number"))),
        _ => Err(word.error(format!("`{name}` has no order; write {name}:{value}"))),
    }
}

fn relation(text: &str) -> (Relation, &str) {
    for (sign, relation) in [
        (">=", Relation::AtLeast),
        ("<=", Relation::AtMost),
        (">", Relation::Above),
        ("<", Relation::Below),
        (":=", Relation::Is),
    ] {
        if let Some(value) = text.strip_prefix(sign) {
            return (relation, value);
        }
    }
    (Relation::Is, &text[1..])
}

fn pieces(text: &str) -> Vec<String> {
    text.to_lowercase().split('*').map(str::to_owned).collect()
}
