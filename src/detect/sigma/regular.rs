//! Regular expressions of Sigma rules: the common subset that the specification names, run by an engine whose time is linear
//! in the value and whose memory is bounded. Look-around and back references need another kind of engine; a rule with them
//! is refused at load.

use regex::{Regex, RegexBuilder};

/// How much memory the expressions of one rule may take in all, in bytes.
const RULE_LIMIT: usize = 32 << 20;
/// The sizes that are tried for an expression; the last is the most that one may take.
const SIZES: [usize; 3] = [1 << 16, 1 << 19, 1 << 22];

/// Compiles the expressions of one rule, within its share of memory.
#[derive(Debug, Default)]
pub(super) struct Regexes {
    used: usize,
}

impl Regexes {
    /// Compiles an expression with flags (`i`, `m`, `s`).
    pub(super) fn compile(&mut self, source: &str, flags: &str) -> Result<Regex, String> {
        let translated = translate(source)?;
        // Flags stand inside the expression: equal atoms are told by their source.
        let whole = if flags.is_empty() { translated } else { format!("(?{flags}){translated}") };
        let mut problem = String::new();
        for size in SIZES {
            match RegexBuilder::new(&whole).size_limit(size).dfa_size_limit(size).build() {
                Ok(_) if self.used + size > RULE_LIMIT => {
                    return Err(format!("the regular expressions of the rule take more than {RULE_LIMIT} bytes"));
                }
                Ok(regex) => {
                    self.used += size;
                    return Ok(regex);
                }
                Err(regex::Error::CompiledTooBig(_)) => "it takes too much memory".clone_into(&mut problem),
                Err(error) => {
                    // The engine draws the place over several lines; the last one says what is wrong.
                    let said = error.to_string();
                    said.lines().last().unwrap_or_default().trim_start_matches("error: ").clone_into(&mut problem);
                    break;
                }
            }
        }
        Err(format!("the regular expression `{}` cannot be run: {problem}", super::item::shortened(source)))
    }
}

/// Puts an expression into our engine's words where the same letters mean something else: `\<` and `\>` are letters, `\Z` is
/// the end, a class holds `[`, `&` and `~` as letters, and a brace that counts nothing is a letter.
fn translate(source: &str) -> Result<String, String> {
    let mut result = String::with_capacity(source.len() + 8);
    let mut rest = source;
    let mut in_class = false;
    let mut class_is_new = false;
    while let Some(character) = rest.chars().next() {
        let after = &rest[character.len_utf8()..];
        let was_new = std::mem::take(&mut class_is_new);
        rest = after;
        match character {
            '\\' => {
                let Some(escaped) = after.chars().next() else { return Err("the expression ends with a backslash".to_owned()) };
                rest = &after[escaped.len_utf8()..];
                match escaped {
                    '<' | '>' => result.push(escaped),
                    'Z' => result.push_str("\\z"),
                    '1'..='9' if !in_class => return Err("back references are not supported".to_owned()),
                    _ => result.extend(['\\', escaped]),
                }
            }
            '[' if in_class && !after.starts_with(':') => result.push_str("\\["),
            '[' if !in_class => {
                in_class = true;
                class_is_new = true;
                result.push('[');
            }
            '^' if was_new => {
                class_is_new = true;
                result.push('^');
            }
            ']' if was_new => result.push_str("\\]"),
            ']' => {
                in_class = false;
                result.push(']');
            }
            '&' | '~' if in_class => result.extend(['\\', character]),
            '{' if !in_class && !counts(after) => result.push_str("\\{"),
            '(' if !in_class && ["?=", "?!", "?<=", "?<!"].iter().any(|sign| after.starts_with(sign)) => {
                return Err("look-around in a regular expression is not supported".to_owned());
            }
            other => result.push(other),
        }
    }
    Ok(result)
}

/// Whether what follows a brace is a count: `3}`, `3,}`, `3,5}`.
fn counts(after: &str) -> bool {
    let Some((inside, _)) = after.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    !least.is_empty() && least.bytes().chain(most.bytes()).all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_letters_mean_the_same() {
        let rows = [
            (r"\s-\s*<", "", "a - <b", true),
            (r"a\<b\>", "", "a<b>", true),
            (r"[[x]", "", "[", true),
            (r"[]x]", "", "]", true),
            (r"[^]x]", "", "]", false),
            (r"[a&&b]", "", "&", true),
            (r"\$\{?e{b", "", "${e{b", true),
            (r"x{2}y{1,}z{0,3}", "", "xxy", true),
            (r"\\[0-9a-f]{8}\.tmp$", "", r"c:\0badcafe.tmp", true),
            ("whoami", "", "WHOAMI", false),
            ("whoami", "i", "WHOAMI", true),
            ("(?i)who|ami", "", "AMI", true),
            ("a.b", "", "a\nb", false),
            ("a.b", "s", "a\nb", true),
            ("^b", "m", "a\nb", true),
            (r"\bA\Z", "", "x A", true),
            (r"\/\-\_\#\ ", "", "/-_# ", true),
        ];
        for (source, flags, value, expected) in rows {
            let regex = Regexes::default().compile(source, flags).unwrap_or_else(|error| panic!("{source}: {error}"));
            assert_eq!(regex.is_match(value), expected, "{source} {flags} {value}");
        }
    }

    #[test]
    fn refused_and_harmless() {
        for (source, reason) in [
            ("(?=x)", "look-around"),
            ("a(?<!x)", "look-around"),
            (r"(a)\1", "back references"),
            ("(", "unclosed"),
            (r"(\w{500}){500}", "memory"),
            (r"x\", "backslash"),
        ] {
            let error = Regexes::default().compile(source, "").unwrap_err();
            assert!(error.contains(reason), "{source}: {error}");
        }
        let regex = Regexes::default().compile("(a+)+$", "").unwrap();
        assert!(!regex.is_match(&format!("{}b", "a".repeat(100_000))), "linear, not catastrophic");
        let mut regexes = Regexes::default();
        let refused = (0..600).map(|number| regexes.compile(&format!("a{{{number}}}"), "")).find_map(Result::err);
        assert!(refused.unwrap().contains("of the rule"), "the memory of a rule is bounded");
    }
}
