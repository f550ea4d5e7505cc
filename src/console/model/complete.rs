//! A filter while it is typed: what of it holds already, and how its last word can go on. A word that may yet become a field
//! (`is`, `is:op`) empties no list: until it is complete, what stands before it holds.

use crate::alert::Severity;
use crate::console::model::Model;
use crate::filter::{Filter, field_names, states};

/// How many hosts are told of those that a word may mean.
const HOSTS: usize = 8;

/// Where the last word begins, without what excludes it.
fn last_word(text: &str) -> (usize, &str) {
    let at = text.rfind(|letter: char| letter.is_whitespace() || letter == '(').map_or(0, |at| {
        let letter = text[at..].chars().next().map_or(1, char::len_utf8);
        at + letter
    });
    let word = text[at..].trim_start_matches(['-', '!']);
    (text.len() - word.len(), word)
}

/// The part of a text that holds while it is typed, as far as it is a filter at all.
pub fn so_far(text: &str) -> &str {
    let (at, word) = last_word(text);
    // Of one letter nobody knows, and it hides little.
    let may_be_field = word.len() > 1 && field_names().any(|name| name.starts_with(word));
    if Filter::parse(text).is_ok() && !may_be_field {
        return text;
    }
    // What is left open by the word that is missing goes with it.
    let before = text[..at].trim_end_matches(|letter: char| letter.is_whitespace() || ['-', '!', '('].contains(&letter));
    before.strip_suffix(" or").unwrap_or(before)
}

impl Model {
    /// How the last word of a filter that is typed can go on; nothing where nobody knows.
    pub fn completion(&self, text: &str) -> Option<String> {
        let (_, word) = last_word(text);
        let all = || format!("fields: {} data.NAME:", field_names().map(|name| format!("{name}:")).collect::<Vec<_>>().join(" "));
        if word.is_empty() {
            return Some(all());
        }
        let Some(end) = word.find([':', '>', '<', '=']) else {
            let names: Vec<String> = field_names().filter(|name| name.starts_with(word)).map(|name| format!("{name}:")).collect();
            return (!names.is_empty()).then(|| format!("{}   or ⏎ to look for {word}", names.join(" ")));
        };
        let name = &word[..end];
        let typed = value_of(word, end);
        match name {
            "is" | "sev" | "host" => {
                let shown = if name == "host" { HOSTS } else { usize::MAX };
                let fitting: Vec<String> = self.values(name, typed).take(shown).collect();
                let is_done = fitting.iter().any(|value| value.eq_ignore_ascii_case(typed));
                (!fitting.is_empty() && !is_done).then(|| format!("{name}: {}", fitting.join(" ")))
            }
            "since" if typed.is_empty() => Some("since: 30s 15m 24h 7d".to_owned()),
            "eid" | "port" if typed.is_empty() => Some(format!("{name}: a number, or several: {name}:1,3")),
            "attack" if typed.is_empty() => Some("attack: a technique or tactic: T1021 TA0008".to_owned()),
            _ => None,
        }
    }

    /// The values that a field can have and that begin with what is typed.
    fn values<'m>(&'m self, name: &str, typed: &str) -> impl Iterator<Item = String> + use<'m> {
        let typed = typed.to_lowercase();
        let all: Box<dyn Iterator<Item = String> + 'm> = match name {
            "is" => Box::new(states().map(str::to_owned)),
            "sev" => Box::new(Severity::ALL.into_iter().map(|severity| severity.as_str().to_owned())),
            "host" => Box::new(self.hosts.values().map(|state| state.computer.clone())),
            _ => Box::new(std::iter::empty()),
        };
        all.filter(move |value| value.to_lowercase().starts_with(&typed))
    }

    /// The text with its last word as far as it can go on in one way only; nothing where that is no further.
    pub fn completed(&self, text: &str) -> Option<String> {
        let (_, word) = last_word(text);
        let (typed, common) = match word.find([':', '>', '<', '=']) {
            Some(end) => (value_of(word, end), common(self.values(&word[..end], value_of(word, end)))),
            None => (word, common(field_names().filter(|name| name.starts_with(word)).map(|name| format!("{name}:")))),
        };
        let common = common.filter(|common| common.len() > typed.len())?;
        Some(format!("{}{common}", &text[..text.len() - typed.len()]))
    }
}

/// What is typed of the value of a field, the last of several.
fn value_of(word: &str, end: usize) -> &str {
    word[end..].trim_start_matches([':', '>', '<', '=']).rsplit(',').next().unwrap_or_default()
}

/// What words begin with, all of them; `None` without any.
fn common(mut words: impl Iterator<Item = String>) -> Option<String> {
    let first = words.next()?;
    Some(words.fold(first, |common, word| {
        let is_same = |(own, other): &(char, char)| own.to_lowercase().eq(other.to_lowercase());
        common.chars().zip(word.chars()).take_while(is_same).map(|(own, _)| own).collect()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_not_complete_changes_nothing() {
        let rows = [
            ("is", ""),
            ("is:", ""),
            ("is:op", ""),
            ("is:open", "is:open"),
            ("whoami is:o", "whoami"),
            ("whoami -is:", "whoami"),
            ("whoami or ho", "whoami"),
            ("(whoami or se", "(whoami"),
            ("whoami", "whoami"),
            ("user ", "user "),
            ("host:D", "host:D"),
            ("ä is", "ä"),
            ("sev>=", ""),
        ];
        for (text, expected) in rows {
            assert_eq!(so_far(text), expected, "{text}");
        }
    }
}
