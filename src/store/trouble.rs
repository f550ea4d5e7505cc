//! Which problems are worth a line in the log: each once, another one a minute later at the earliest, and that it is over. What
//! fails and works by turns, as on a disk that is just full, must not fill the log too.

use std::time::Duration;

use tokio::time::Instant;

/// The shortest time between two problems that are said.
const SAY_EVERY: Duration = Duration::from_mins(1);

/// What was said.
#[derive(Debug, Default)]
pub struct Trouble {
    /// The last problem that was said, unless it was said that it is over.
    said: Option<String>,
    at: Option<Instant>,
}

impl Trouble {
    /// It does not work; whether that is to be said.
    pub fn is_new(&mut self, problem: &str, now: Instant) -> bool {
        let is_said = self.said.as_deref() == Some(problem);
        if is_said || self.at.is_some_and(|at| now < at + SAY_EVERY) {
            return false;
        }
        (self.said, self.at) = (Some(problem.to_owned()), Some(now));
        true
    }

    /// It works; whether that is to be said.
    pub fn is_over(&mut self) -> bool {
        self.said.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_said_once_and_that_it_is_over() {
        let begin = Instant::now();
        // The second, what happens, and whether it is said.
        let rows = [
            (0, None, false),
            (1, Some("full"), true),
            (2, Some("full"), false),
            (3, None, true),
            (4, Some("full"), false),
            (5, None, false),
            (6, Some("full"), false),
            (61, Some("full"), true),
            (62, Some("broken"), false),
            (500, Some("full"), false),
            (501, Some("broken"), true),
            (502, None, true),
            (503, None, false),
        ];
        let mut trouble = Trouble::default();
        for (second, problem, expected) in rows {
            let now = begin + Duration::from_secs(second);
            let is_said = match problem {
                Some(problem) => trouble.is_new(problem, now),
                None => trouble.is_over(),
            };
            assert_eq!(is_said, expected, "{second}: {problem:?}");
        }
    }
}
