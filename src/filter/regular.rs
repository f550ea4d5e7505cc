//! The regular expressions of a filter. Whoever attaches may ask with one, and the collector keeps what it compiles to: so one
//! may become so large, and all of a filter together.

use regex::{Regex, RegexBuilder};

/// What one may compile to, in bytes: the smallest of these that does is what it counts for.
const SIZES: [usize; 4] = [16 << 10, 64 << 10, 256 << 10, 1 << 20];
/// What all of a filter may count for. The smallest step bounds their number too.
const ALL: usize = 2 << 20;

/// What the expressions of a filter may still compile to.
#[derive(Debug)]
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(ALL)
    }
}

impl Room {
    /// Compiles one more; answers why not.
    pub(super) fn compile(&mut self, source: &str) -> Result<Regex, &'static str> {
        for size in SIZES.into_iter().filter(|size| *size <= self.0) {
            match RegexBuilder::new(source).case_insensitive(true).size_limit(size).build() {
                Ok(regex) => {
                    self.0 -= size;
                    return Ok(regex);
                }
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(_) => return Err("not a regular expression"),
            }
        }
        let is_alone_too_large = self.0 >= SIZES[SIZES.len() - 1];
        Err(if is_alone_too_large {
            "too large a regular expression: fewer repetitions, or [a-z] for \\w"
        } else {
            "too large together with the regular expressions before it"
        })
    }
}
