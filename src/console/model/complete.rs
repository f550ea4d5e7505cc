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
        let typed = word[end..].trim_start_matches([':', '>', '<', '=']).rsplit(',').next().unwrap_or_default().to_lowercase();
        let of = |values: Vec<String>| {
            let fitting: Vec<String> = values.into_iter().filter(|value| value.to_lowercase().starts_with(&typed)).collect();
            let is_done = fitting.iter().any(|value| value.to_lowercase() == typed);
            (!fitting.is_empty() && !is_done).then(|| format!("{name}: {}", fitting.join(" ")))
        };
        match name {
            "is" => of(states().map(str::to_owned).collect()),
            "sev" => of(Severity::ALL.map(|severity| severity.as_str().to_owned()).into()),
            "host" => {
                let hosts = self.hosts.values().map(|state| state.computer.clone());
                of(hosts.filter(|host| host.to_lowercase().starts_with(&typed)).take(HOSTS).collect())
            }
            "since" if typed.is_empty() => Some("since: 30s 15m 24h 7d".to_owned()),
            "eid" | "port" if typed.is_empty() => Some(format!("{name}: a number, or several: {name}:1,3")),
            "attack" if typed.is_empty() => Some("attack: a technique or tactic: T1021 TA0008".to_owned()),
            _ => None,
        }
    }
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
