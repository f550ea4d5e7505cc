//! EQL's grammar (Elasticsearch's `EqlBase.g4`), by recursive descent: events, sequences and pipes here, conditions in
//! `condition`. What is refused is pointed at, with a hint where one can be given.

use std::collections::HashMap;

use crate::detect::eql::lex::{Refused, Span, Token, tokens};
use crate::detect::eql::syntax::{Body, EventFilter, FieldPath, Pipe, Query, SequenceFilter, StageFilter};

/// How deep brackets, functions and `not` may nest: a rule file must not be able to exhaust the stack.
const MAX_DEPTH: usize = 128;
/// How many steps all calculations of a query may have, for the same reason: each one nests the one before.
const MAX_STEPS: usize = 1000;

/// Parses a query.
pub(super) fn parse(query: &str) -> Result<Query, Refused> {
    let tokens = tokens(query)?;
    let mut parser = Parser { closings: closings(&tokens), tokens, at: 0, depth: 0, steps: 0 };
    let body = parser.body()?;
    let pipes = parser.pipes()?;
    parser.end()?;
    Ok(Query { body, pipes })
}

/// Where each `(` is closed, by the places of the tokens.
fn closings(tokens: &[(Token, Span)]) -> HashMap<usize, usize> {
    let mut open = Vec::new();
    let mut closings = HashMap::new();
    for (place, (token, _)) in tokens.iter().enumerate() {
        match token {
            Token::Symbol("(") => open.push(place),
            Token::Symbol(")") => {
                if let Some(start) = open.pop() {
                    closings.insert(start, place);
                }
            }
            _ => {}
        }
    }
    closings
}

/// Tokens, and how far they were read.
pub(super) struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
    depth: usize,
    steps: usize,
    /// Where each opening bracket is closed.
    closings: HashMap<usize, usize>,
}

impl Parser {
    pub(super) fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    pub(super) fn peek_after(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1).map(|(token, _)| token)
    }

    pub(super) fn span(&self) -> Span {
        self.tokens[self.at].1
    }

    pub(super) fn next(&mut self) -> (Token, Span) {
        let next = self.tokens[self.at].clone();
        // The last token is the end, which is never left behind.
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        next
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(own) if own == word)
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.is_word(word);
        if is_it {
            self.next();
        }
        is_it
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Symbol(own) if *own == symbol);
        if is_it {
            self.next();
        }
        is_it
    }

    pub(super) fn expect_symbol(&mut self, symbol: &str, what_for: &str) -> Result<(), Refused> {
        if self.take_symbol(symbol) { Ok(()) } else { self.unexpected(&format!("`{symbol}` {what_for}")) }
    }

    pub(super) fn unexpected<T>(&self, wanted: &str) -> Result<T, Refused> {
        Err(Refused::new(self.span(), format!("expected {wanted}, found {}", self.peek().describe())))
    }

    /// The token after the bracket that opens here, where it is closed.
    pub(super) fn after_bracket(&self) -> Option<&Token> {
        let close = self.closings.get(&self.at)?;
        self.tokens.get(close + 1).map(|(token, _)| token)
    }

    /// From there to the last token that was read.
    pub(super) fn span_from(&self, start: Span) -> Span {
        start.to(self.tokens[self.at.saturating_sub(1)].1)
    }

    /// Goes one level deeper, within bounds.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Refused>) -> Result<T, Refused> {
        if self.depth >= MAX_DEPTH {
            return Err(Refused::new(self.span(), format!("conditions nest deeper than {MAX_DEPTH}")));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Takes an operator of arithmetic, within bounds.
    pub(super) fn step(&mut self) -> Result<(), Refused> {
        if self.steps >= MAX_STEPS {
            return Err(Refused::new(self.span(), format!("calculations of more than {MAX_STEPS} steps")));
        }
        self.steps += 1;
        self.next();
        Ok(())
    }

    fn end(&self) -> Result<(), Refused> {
        match self.peek() {
            Token::End => Ok(()),
            Token::Symbol(")") => self.unexpected("the end of the query; this bracket was never opened"),
            _ => self.unexpected("`and`, `or` or the end of the query"),
        }
    }

    fn body(&mut self) -> Result<Body, Refused> {
        if self.is_word("sample") && matches!(self.peek_after(), Some(Token::Word(word)) if word == "by") {
            return Err(Refused::new(self.span(), "`sample` is not run here: events in no order have no meaning in a stream"));
        }
        let is_sequence = self.is_word("sequence") && !matches!(self.peek_after(), Some(Token::Word(word)) if word == "where");
        if is_sequence { self.sequence().map(Body::Sequence) } else { self.event().map(Body::Event) }
    }

    fn pipes(&mut self) -> Result<Vec<Pipe>, Refused> {
        let mut pipes = Vec::new();
        while self.take_symbol("|") {
            let (name, span) = self.next();
            let make = match &name {
                Token::Word(word) if word == "head" => Pipe::Head,
                Token::Word(word) if word == "tail" => Pipe::Tail,
                other => {
                    let reason = format!("the pipes are `head` and `tail`, not {}", other.describe());
                    return Err(Refused::new(span, reason));
                }
            };
            match self.next() {
                (Token::Number(number), _) if (0.0..=1e6).contains(&number) && number.fract() == 0.0 => {
                    pipes.push(make(number as u32));
                }
                (other, span) => {
                    return Err(Refused::new(span, format!("a pipe takes a number of results, not {}", other.describe())));
                }
            }
        }
        Ok(pipes)
    }

    fn sequence(&mut self) -> Result<SequenceFilter, Refused> {
        let span = self.next().1;
        let by = self.join_fields()?;
        let mut maxspan = None;
        if self.take_word("with") {
            maxspan = Some(self.maxspan()?);
            if self.is_word("by") {
                return Err(Refused::new(self.span(), "`by` stands before `with maxspan`: sequence by … with maxspan=…"));
            }
        }
        let mut stages = Vec::new();
        while matches!(self.peek(), Token::Symbol("[" | "!")) {
            stages.push(self.stage()?);
        }
        if stages.iter().map(|stage| stage.runs).sum::<usize>() < 2 {
            return self.unexpected("a stage in square brackets; a sequence has two at least");
        }
        if stages.iter().all(|stage| stage.is_missing) {
            return Err(Refused::new(span, "a sequence needs one event at least that is there; all of these are missing"));
        }
        if let Some(missing) = stages.iter().find(|stage| stage.is_missing).filter(|_| maxspan.is_none()) {
            return Err(Refused::new(missing.event.span, "an event can only be missing within a time: add `with maxspan=…`"));
        }
        let mut until = None;
        if self.is_word("until") {
            self.next();
            let stage = self.stage()?;
            if stage.is_missing || stage.runs > 1 {
                return Err(Refused::new(stage.event.span, "`until` takes one event, neither missing nor with runs"));
            }
            until = Some(stage);
        }
        Ok(SequenceFilter { span, by, maxspan, stages, until })
    }

    fn stage(&mut self) -> Result<StageFilter, Refused> {
        let is_missing = self.take_symbol("!");
        self.expect_symbol("[", "before a stage")?;
        let event = self.event()?;
        self.expect_symbol("]", "after a stage")?;
        let by = self.join_fields()?;
        let mut runs = 1;
        if self.take_word("with") {
            if !self.take_word("runs") || !(self.take_symbol("=") || self.take_symbol("==")) {
                return self.unexpected("`runs=` and a number");
            }
            runs = match self.next() {
                (Token::Number(number), _) if (1.0..=100.0).contains(&number) && number.fract() == 0.0 => number as usize,
                (other, span) => return Err(Refused::new(span, format!("runs takes 1 to 100, not {}", other.describe()))),
            };
        }
        Ok(StageFilter { event, by, runs, is_missing })
    }

    fn join_fields(&mut self) -> Result<Vec<FieldPath>, Refused> {
        let mut fields = Vec::new();
        if self.take_word("by") {
            loop {
                fields.push(self.field()?);
                if !self.take_symbol(",") {
                    break;
                }
            }
        }
        Ok(fields)
    }

    fn maxspan(&mut self) -> Result<i64, Refused> {
        if !self.take_word("maxspan") || !(self.take_symbol("=") || self.take_symbol("==")) {
            return self.unexpected("`maxspan=` and a duration");
        }
        let (number, span) = self.next();
        let Token::Number(number) = number else {
            return Err(Refused::new(span, format!("expected a duration like 30s, found {}", number.describe())));
        };
        let (unit, unit_span) = self.next();
        let factor = match &unit {
            Token::Word(unit) => match unit.as_str() {
                "ms" => 1.0,
                "s" => 1000.0,
                "m" => 60_000.0,
                "h" => 3_600_000.0,
                "d" => 86_400_000.0,
                other => return Err(Refused::new(unit_span, format!("`{other}` is no unit of time; ms, s, m, h and d are"))),
            },
            other => return Err(Refused::new(unit_span, format!("a duration needs a unit (30s), found {}", other.describe()))),
        };
        Ok((number * factor).clamp(0.0, 1e13) as i64)
    }

    fn event(&mut self) -> Result<EventFilter, Refused> {
        let (category, span) = match self.next() {
            (Token::Word(word) | Token::QuotedName(word) | Token::Text(word), span) => (word, span),
            (other, span) => return Err(Refused::new(span, format!("expected an event category, found {}", other.describe()))),
        };
        if !self.take_word("where") {
            return self.unexpected("`where`");
        }
        let start = self.span();
        let condition = self.condition()?;
        Ok(EventFilter { category, span, condition, condition_span: self.span_from(start) })
    }

    /// A field's name, perhaps with `?` before it.
    pub(super) fn field(&mut self) -> Result<FieldPath, Refused> {
        let start = self.span();
        let is_optional = self.take_symbol("?");
        let mut name = self.name()?;
        loop {
            if self.take_symbol(".") {
                name.push('.');
                name.push_str(&self.name()?);
            } else if matches!((self.peek(), self.peek_after()), (Token::Symbol("["), Some(Token::Number(_)))) {
                return Err(Refused::new(self.span(), "a list has no index in EQL; a condition holds if any of its values does"));
            } else {
                break;
            }
        }
        Ok(FieldPath { name, span: self.span_from(start), is_optional })
    }

    fn name(&mut self) -> Result<String, Refused> {
        match self.next() {
            (Token::Word(word), span) if ["and", "or", "not", "in", "where", "by", "with"].contains(&word.as_str()) => {
                Err(Refused::new(span, format!("expected a field, found the keyword `{word}`")))
            }
            (Token::Word(word) | Token::QuotedName(word), _) => Ok(word),
            (other, span) => Err(Refused::new(span, format!("expected a field, found {}", other.describe()))),
        }
    }
}
