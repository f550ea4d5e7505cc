//! EQL's grammar (Elasticsearch's `EqlBase.g4`), by recursive descent. What is refused is pointed at, with a hint where one
//! can be given; what Elasticsearch runs but this program does not yet is named as such.

use crate::detect::eql::lex::{Refused, Span, Token, tokens};

/// How deep brackets and `not` may nest: a rule file must not be able to exhaust the stack.
const MAX_DEPTH: usize = 128;

/// A query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Query {
    /// `process where …`
    Event(EventFilter),
    /// `sequence by … with maxspan=… [ … ] [ … ]`
    Sequence(SequenceFilter),
}

/// One event: category and condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct EventFilter {
    /// The category's name, `any` for all.
    pub(super) category: String,
    /// Where it stands.
    pub(super) span: Span,
    /// The condition.
    pub(super) condition: Node,
}

/// A sequence as written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SequenceFilter {
    /// Join fields of all stages.
    pub(super) by: Vec<FieldPath>,
    /// In milliseconds.
    pub(super) maxspan: Option<i64>,
    /// The stages.
    pub(super) stages: Vec<StageFilter>,
}

/// One stage as written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct StageFilter {
    /// The event.
    pub(super) event: EventFilter,
    /// Join fields of this stage.
    pub(super) by: Vec<FieldPath>,
    /// How many times it must come.
    pub(super) runs: usize,
}

/// A field's name and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FieldPath {
    /// With dots.
    pub(super) name: String,
    /// Where.
    pub(super) span: Span,
    /// Written `?name`.
    pub(super) is_optional: bool,
}

/// A constant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

/// How a field is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `==`, `in`: exactly.
    Equal,
    /// `in~`: exactly, letters without case.
    EqualFold,
    /// `:`, `like~`: wildcards, letters without case.
    LikeFold,
    /// `like`: wildcards.
    Like,
    /// `regex`.
    Regex,
    /// `regex~`.
    RegexFold,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

/// A condition.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    /// `true`, `false`
    Constant(bool),
    /// `not …`
    Not(Box<Self>),
    /// `… and …`
    And(Vec<Self>),
    /// `… or …`
    Or(Vec<Self>),
    /// A field against constants, any of which may match.
    Compare {
        /// The field.
        field: FieldPath,
        /// How.
        operator: Operator,
        /// With what.
        values: Vec<(Literal, Span)>,
    },
    /// `startsWith(field, "…")` and the like.
    Call {
        /// The function, in lower case, without `~`.
        function: String,
        /// Whether it ended with `~`.
        ignores_case: bool,
        /// The field.
        field: FieldPath,
        /// The constants.
        values: Vec<(Literal, Span)>,
    },
}

/// Parses a query.
pub(super) fn parse(query: &str) -> Result<Query, Refused> {
    let mut parser = Parser { tokens: tokens(query)?, at: 0, depth: 0 };
    let parsed = parser.query()?;
    parser.end()?;
    Ok(parsed)
}

/// The functions that can stand as a condition.
const FUNCTIONS: [&str; 4] = ["cidrmatch", "startswith", "endswith", "stringcontains"];
/// Functions of EQL that need a script per event.
const SCRIPTS: [&str; 12] = [
    "add",
    "between",
    "concat",
    "divide",
    "indexof",
    "length",
    "modulo",
    "multiply",
    "number",
    "string",
    "substring",
    "subtract",
];

struct Parser {
    tokens: Vec<(Token, Span)>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        &self.tokens[self.at].0
    }

    fn peek_after(&self) -> Option<&Token> {
        self.tokens.get(self.at + 1).map(|(token, _)| token)
    }

    fn span(&self) -> Span {
        self.tokens[self.at].1
    }

    fn next(&mut self) -> (Token, Span) {
        let next = self.tokens[self.at].clone();
        // The last token is the end, which is never left behind.
        self.at = (self.at + 1).min(self.tokens.len() - 1);
        next
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(own) if own == word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = self.is_word(word);
        if is_it {
            self.next();
        }
        is_it
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Symbol(own) if *own == symbol);
        if is_it {
            self.next();
        }
        is_it
    }

    fn expect_symbol(&mut self, symbol: &str, what_for: &str) -> Result<(), Refused> {
        if self.take_symbol(symbol) { Ok(()) } else { self.unexpected(&format!("`{symbol}` {what_for}")) }
    }

    fn unexpected<T>(&self, wanted: &str) -> Result<T, Refused> {
        Err(Refused::new(self.span(), format!("expected {wanted}, found {}", self.peek().describe())))
    }

    fn not_yet<T>(&self, what: &str) -> Result<T, Refused> {
        Err(Refused::not_for_us(self.span(), format!("not supported yet: {what}")))
    }

    fn end(&self) -> Result<(), Refused> {
        match self.peek() {
            Token::End => Ok(()),
            Token::Symbol("|") => self.not_yet("pipes"),
            Token::Word(word) if word == "until" => self.not_yet("until"),
            _ => self.unexpected("`and`, `or` or the end of the query"),
        }
    }

    fn query(&mut self) -> Result<Query, Refused> {
        if self.is_word("sample") && matches!(self.peek_after(), Some(Token::Word(word)) if word == "by") {
            return self.not_yet("sample");
        }
        let is_sequence = self.is_word("sequence") && !matches!(self.peek_after(), Some(Token::Word(word)) if word == "where");
        if is_sequence { self.sequence().map(Query::Sequence) } else { self.event().map(Query::Event) }
    }

    fn sequence(&mut self) -> Result<SequenceFilter, Refused> {
        self.next();
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
        if self.is_word("until") {
            return self.not_yet("until");
        }
        if stages.iter().map(|stage| stage.runs).sum::<usize>() < 2 {
            return self.unexpected("a stage in square brackets; a sequence has two at least");
        }
        Ok(SequenceFilter { by, maxspan, stages })
    }

    fn stage(&mut self) -> Result<StageFilter, Refused> {
        if matches!(self.peek(), Token::Symbol("!")) {
            return self.not_yet("missing events (![ … ])");
        }
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
        Ok(StageFilter { event, by, runs })
    }

    fn join_fields(&mut self) -> Result<Vec<FieldPath>, Refused> {
        let mut fields = Vec::new();
        if self.take_word("by") {
            loop {
                let field = self.field()?;
                if field.is_optional {
                    return Err(Refused::not_for_us(field.span, "not supported yet: an optional join field (?…)"));
                }
                fields.push(field);
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
        Ok(EventFilter { category, span, condition: self.any_of()? })
    }

    fn any_of(&mut self) -> Result<Node, Refused> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(Refused::new(self.span(), format!("conditions nest deeper than {MAX_DEPTH}")));
        }
        let mut parts = vec![self.all_of()?];
        while self.take_word("or") {
            parts.push(self.all_of()?);
        }
        self.depth -= 1;
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Or(parts) })
    }

    fn all_of(&mut self) -> Result<Node, Refused> {
        let mut parts = vec![self.negation()?];
        while self.take_word("and") {
            parts.push(self.negation()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Node::And(parts) })
    }

    fn negation(&mut self) -> Result<Node, Refused> {
        let mut is_negative = false;
        while self.take_word("not") {
            is_negative = !is_negative;
        }
        let inner = self.primary()?;
        Ok(if is_negative { Node::Not(Box::new(inner)) } else { inner })
    }

    fn primary(&mut self) -> Result<Node, Refused> {
        if self.take_symbol("(") {
            let inner = self.any_of()?;
            self.expect_symbol(")", "to close the bracket")?;
            return Ok(inner);
        }
        match self.peek().clone() {
            Token::Word(word) if word == "true" || word == "false" => {
                self.next();
                Ok(Node::Constant(word == "true"))
            }
            Token::Word(name) if matches!(self.peek_after(), Some(Token::Symbol("("))) => self.call(&name),
            Token::Text(_) | Token::Number(_) => {
                Err(Refused::new(self.span(), "a condition begins with a field; write `field == value`, not `value == field`"))
            }
            _ => self.comparison(),
        }
    }

    fn call(&mut self, name: &str) -> Result<Node, Refused> {
        let lower = name.to_ascii_lowercase();
        let function = lower.trim_end_matches('~').to_owned();
        if SCRIPTS.contains(&function.as_str()) {
            return self.not_yet(&format!("the function {name}"));
        }
        if !FUNCTIONS.contains(&function.as_str()) {
            let hint = nearest(&function).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            return Err(Refused::new(self.span(), format!("unknown function `{name}`{hint}")));
        }
        self.next();
        self.next();
        let field = self.field()?;
        let mut values = Vec::new();
        while self.take_symbol(",") {
            if self.take_symbol("(") {
                values.extend(self.list()?);
            } else {
                values.push(self.literal()?);
            }
        }
        self.expect_symbol(")", "after the arguments")?;
        if values.is_empty() {
            return self.unexpected(&format!("a constant: {name}(field, \"…\")"));
        }
        Ok(Node::Call { function, ignores_case: lower.ends_with('~'), field, values })
    }

    fn comparison(&mut self) -> Result<Node, Refused> {
        let field = self.field()?;
        let (token, span) = self.next();
        let (operator, is_negative) = match &token {
            Token::Symbol("==") => (Operator::Equal, false),
            Token::Symbol("!=") => (Operator::Equal, true),
            Token::Symbol(":") => (Operator::LikeFold, false),
            Token::Symbol("<") => (Operator::Less, false),
            Token::Symbol("<=") => (Operator::LessOrEqual, false),
            Token::Symbol(">") => (Operator::Greater, false),
            Token::Symbol(">=") => (Operator::GreaterOrEqual, false),
            Token::Symbol("=") => return Err(Refused::new(span, "`=` is no comparison; did you mean `==`?")),
            Token::Symbol("+" | "-" | "*" | "/" | "%") => return Err(Refused::not_for_us(span, "not supported yet: arithmetic")),
            Token::Word(word) => match (word.as_str(), self.peek()) {
                ("like", _) => (Operator::Like, false),
                ("like~", _) => (Operator::LikeFold, false),
                ("regex", _) => (Operator::Regex, false),
                ("regex~", _) => (Operator::RegexFold, false),
                ("in", _) => (Operator::Equal, false),
                ("in~", _) => (Operator::EqualFold, false),
                ("not", Token::Word(next)) if next == "in" || next == "in~" => {
                    let operator = if next == "in" { Operator::Equal } else { Operator::EqualFold };
                    self.next();
                    (operator, true)
                }
                _ => {
                    return Err(Refused::new(span, format!("expected a comparison after the field, found {}", token.describe())));
                }
            },
            _ => return Err(Refused::new(span, format!("expected a comparison after the field, found {}", token.describe()))),
        };
        let values = if self.take_symbol("(") { self.list()? } else { vec![self.literal()?] };
        let node = Node::Compare { field, operator, values };
        Ok(if is_negative { Node::Not(Box::new(node)) } else { node })
    }

    /// The rest of `( a, b, … )`.
    fn list(&mut self) -> Result<Vec<(Literal, Span)>, Refused> {
        let mut values = vec![self.literal()?];
        while self.take_symbol(",") {
            if matches!(self.peek(), Token::Symbol(")")) {
                break;
            }
            values.push(self.literal()?);
        }
        self.expect_symbol(")", "after the list")?;
        Ok(values)
    }

    fn literal(&mut self) -> Result<(Literal, Span), Refused> {
        let (token, span) = self.next();
        let literal = match token {
            Token::Text(text) => Literal::Text(text),
            Token::Number(number) => Literal::Number(number),
            Token::Symbol("-") if matches!(self.peek(), Token::Number(_)) => match self.next().0 {
                Token::Number(number) => Literal::Number(-number),
                _ => Literal::Null,
            },
            Token::Word(word) if word == "true" => Literal::Bool(true),
            Token::Word(word) if word == "false" => Literal::Bool(false),
            Token::Word(word) if word == "null" => Literal::Null,
            Token::Word(_) | Token::QuotedName(_) => {
                return Err(Refused::new(span, "a field is compared with constants only, not with another field"));
            }
            other => return Err(Refused::new(span, format!("expected a constant, found {}", other.describe()))),
        };
        Ok((literal, span))
    }

    fn field(&mut self) -> Result<FieldPath, Refused> {
        let start = self.span();
        let is_optional = self.take_symbol("?");
        let mut name = self.name()?;
        let mut end = self.tokens[self.at.saturating_sub(1)].1;
        loop {
            if self.take_symbol(".") {
                name.push('.');
                name.push_str(&self.name()?);
            } else if matches!((self.peek(), self.peek_after()), (Token::Symbol("["), Some(Token::Number(_)))) {
                return self.not_yet("an index into a list ([0])");
            } else {
                break;
            }
            end = self.tokens[self.at.saturating_sub(1)].1;
        }
        Ok(FieldPath { name, span: start.to(end), is_optional })
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

/// The known function that a mistyped name most likely means: the one with the most letters in place.
fn nearest(name: &str) -> Option<&'static str> {
    const SPELLED: [&str; 4] = ["cidrMatch", "startsWith", "endsWith", "stringContains"];
    if name == "wildcard" || name == "match" {
        return Some("like");
    }
    let likeness = |known: &str| {
        let known = known.to_ascii_lowercase();
        let front = known.bytes().zip(name.bytes()).take_while(|(own, other)| own == other).count();
        let back = known.bytes().rev().zip(name.bytes().rev()).take_while(|(own, other)| own == other).count();
        front + back
    };
    SPELLED.into_iter().map(|known| (likeness(known), known)).max().filter(|(score, _)| *score >= 4).map(|(_, known)| known)
}
