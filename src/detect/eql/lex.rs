//! EQL's tokens. Every token keeps its place in the query, so that whatever is refused later can be pointed at. Mistakes
//! that people bring from other languages (single quotes, `&&`) are named here, where they are seen first.

/// Where a piece of the query stands: byte offsets, `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// First byte.
    pub(super) start: usize,
    /// One past the last byte.
    pub(super) end: usize,
}

impl Span {
    /// From the beginning of this piece to the end of that one.
    pub(super) fn to(self, last: Self) -> Self {
        Self { start: self.start, end: last.end }
    }
}

/// Why a query is not run, and where that shows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(super) struct Refused {
    /// The piece that the reason speaks of.
    pub(super) span: Span,
    /// What is wrong, and a hint where there is one.
    pub(super) reason: String,
}

impl Refused {
    /// A query that is wrong, or that asks for what is not supported.
    pub(super) fn new(span: Span, reason: impl Into<String>) -> Self {
        Self { span, reason: reason.into() }
    }
}

/// A token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword, a part of a field's name or a function's name, with its `~` if it has one.
    Word(String),
    /// A name in back quotes.
    QuotedName(String),
    /// A text, decoded.
    Text(String),
    /// A whole number.
    Number(f64),
    /// A number with decimals.
    Decimal(f64),
    /// An operator or a bracket.
    Symbol(&'static str),
    /// The end of the query.
    End,
}

impl Token {
    /// The token as a message quotes it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Word(word) => format!("`{word}`"),
            Self::QuotedName(name) => format!("`{name}`"),
            Self::Text(text) => format!("the text \"{text}\""),
            Self::Number(number) | Self::Decimal(number) => format!("the number {number}"),
            Self::Symbol(symbol) => format!("`{symbol}`"),
            Self::End => "the end of the query".to_owned(),
        }
    }
}

/// Longer symbols first, so that `==` is not read as two `=`.
const SYMBOLS: [&str; 22] =
    ["==", "!=", "<=", ">=", "<", ">", "=", ":", "(", ")", "[", "]", ",", ".", "+", "-", "*", "/", "%", "|", "?", "!"];

/// Cuts a query into tokens; the last one is [`Token::End`].
pub(super) fn tokens(query: &str) -> Result<Vec<(Token, Span)>, Refused> {
    let mut lexer = Lexer { query, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks()?;
        let start = lexer.at;
        let token = lexer.next_token()?;
        let is_end = token == Token::End;
        tokens.push((token, Span { start, end: lexer.at }));
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'q> {
    query: &'q str,
    at: usize,
}

fn is_word_start(character: char) -> bool {
    character.is_ascii_alphabetic() || matches!(character, '_' | '@')
}

fn is_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

impl<'q> Lexer<'q> {
    fn rest(&self) -> &'q str {
        &self.query[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn refuse<T>(&self, start: usize, reason: impl Into<String>) -> Result<T, Refused> {
        Err(Refused::new(Span { start, end: self.at.max(start) }, reason))
    }

    fn take_while(&mut self, is_in: impl Fn(char) -> bool) -> &'q str {
        let rest = self.rest();
        let length = rest.find(|character| !is_in(character)).unwrap_or(rest.len());
        self.at += length;
        &rest[..length]
    }

    fn skip_blanks(&mut self) -> Result<(), Refused> {
        loop {
            self.take_while(char::is_whitespace);
            let rest = self.rest();
            if rest.starts_with("//") {
                self.take_while(|character| character != '\n');
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let Some(length) = comment.find("*/") else { return self.refuse(self.at, "the comment `/*` is not closed") };
                self.at += length + 4;
            } else {
                return Ok(());
            }
        }
    }

    fn next_token(&mut self) -> Result<Token, Refused> {
        let Some(first) = self.peek() else { return Ok(Token::End) };
        let start = self.at;
        let rest = self.rest();
        match first {
            _ if is_word_start(first) => Ok(self.word()),
            '0'..='9' => self.number(),
            '"' if rest.starts_with("\"\"\"") => self.raw_text(),
            '"' => self.text(),
            '`' => self.quoted_name(),
            '\'' => self.refuse(start, "text stands in double quotes in EQL; single quotes are not supported"),
            '?' if rest[1..].starts_with(['"', '\'']) => {
                self.refuse(start, "raw text is written \"\"\"…\"\"\"; the old form ?\"…\" is not supported")
            }
            '&' => self.refuse(start, "`&` is no operator; did you mean `and`?"),
            '|' if rest.starts_with("||") => self.refuse(start, "`||` is no operator; did you mean `or`?"),
            '<' if rest.starts_with("<>") => self.refuse(start, "`<>` is no operator; did you mean `!=`?"),
            '=' if rest.starts_with("=~") => self.refuse(start, "`=~` is no operator; did you mean `:` or `regex~`?"),
            _ => {
                let Some(symbol) = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) else {
                    return self.refuse(start, format!("the character {first:?} has no meaning here"));
                };
                self.at += symbol.len();
                Ok(Token::Symbol(symbol))
            }
        }
    }

    fn word(&mut self) -> Token {
        let start = self.at;
        self.at += 1;
        self.take_while(is_word);
        if self.peek() == Some('~') {
            self.at += 1;
        }
        Token::Word(self.query[start..self.at].to_owned())
    }

    fn number(&mut self) -> Result<Token, Refused> {
        let start = self.at;
        self.take_while(|character| character.is_ascii_digit());
        let starts_with_digit = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
        if self.rest().strip_prefix('.').is_some_and(starts_with_digit) {
            self.at += 1;
            self.take_while(|character| character.is_ascii_digit());
        }
        if let Some(exponent) = self.rest().strip_prefix(['e', 'E']) {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            if starts_with_digit(digits) {
                self.at += 1 + exponent.len() - digits.len();
                self.take_while(|character| character.is_ascii_digit());
            }
        }
        let text = &self.query[start..self.at];
        text.parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map(if text.contains('.') { Token::Decimal } else { Token::Number })
            .map_or_else(|| self.refuse(start, format!("`{text}` is not a number that can be compared")), Ok)
    }

    fn text(&mut self) -> Result<Token, Refused> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            text.push_str(self.take_while(|character| !matches!(character, '"' | '\\' | '\n' | '\r')));
            match self.peek() {
                Some('"') => {
                    self.at += 1;
                    return Ok(Token::Text(text));
                }
                Some('\\') => text.push(self.escape()?),
                _ => return self.refuse(start, "the text is not closed on its line; a `\"` inside is written `\\\"`"),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Refused> {
        let start = self.at;
        self.at += 1;
        let Some(letter) = self.peek() else { return self.refuse(start, "the text ends within an escape") };
        self.at += letter.len_utf8();
        let hint = "a backslash itself is written `\\\\`";
        match letter {
            'n' => Ok('\n'),
            'r' => Ok('\r'),
            't' => Ok('\t'),
            'b' => Ok('\u{8}'),
            'f' => Ok('\u{c}'),
            '\\' | '"' | '\'' => Ok(letter),
            'u' => {
                let digits = self.rest().strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(digits, _)| digits);
                let code = digits.filter(|digits| (2..=8).contains(&digits.len()));
                let code = code.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
                let Some(character) = code else {
                    return self
                        .refuse(start, format!("`\\u` takes 2 to 8 hex digits of a character in braces: \\u{{200f}}; {hint}"));
                };
                self.at += digits.map_or(0, |digits| digits.len() + 2);
                Ok(character)
            }
            other => self.refuse(start, format!("`\\{other}` is no escape; {hint}")),
        }
    }

    /// `"""…"""`: nothing is an escape; up to two more quotes at the end belong to the text.
    fn raw_text(&mut self) -> Result<Token, Refused> {
        let start = self.at;
        let inside = &self.rest()[3..];
        let line = &inside[..inside.find(['\n', '\r']).unwrap_or(inside.len())];
        let Some(length) = line.find("\"\"\"") else {
            return self.refuse(start, "the raw text \"\"\" is not closed on its line");
        };
        let more = line[length + 3..].chars().take(2).take_while(|character| *character == '"').count();
        self.at += 3 + length + more + 3;
        Ok(Token::Text(line[..length + more].to_owned()))
    }

    fn quoted_name(&mut self) -> Result<Token, Refused> {
        let start = self.at;
        let inside = &self.rest()[1..];
        let Some((name, _)) = inside.split_once('`').filter(|(name, _)| !name.is_empty() && !name.contains(['\n', '\r'])) else {
            return self.refuse(start, "the name in back quotes is not closed on its line, or empty");
        };
        self.at += name.len() + 2;
        Ok(Token::QuotedName(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(query: &str) -> Vec<Token> {
        tokens(query).unwrap().into_iter().map(|(token, _)| token).collect()
    }

    #[test]
    fn texts() {
        let rows = [
            (r#""C:\\Windows\\*""#, r"C:\Windows\*"),
            (r#""a\"b\tc\nd""#, "a\"b\tc\nd"),
            (r#""\u{200f}\u{41}""#, "\u{200f}A"),
            (r#""""C:\Windows\*""""#, r"C:\Windows\*"),
            (r#"""""quoted"""""#, r#""quoted""#),
            (r#"""""quoted""""""#, r#""quoted"""#),
            (r#""""""""#, ""),
            (r#""""#, ""),
            ("\"ünï\"", "ünï"),
        ];
        for (query, expected) in rows {
            assert_eq!(words(query), [Token::Text(expected.to_owned()), Token::End], "{query}");
        }
    }

    #[test]
    fn numbers_words_and_symbols() {
        let word = |word: &str| Token::Word(word.to_owned());
        assert_eq!(words("30s"), [Token::Number(30.0), word("s"), Token::End]);
        assert_eq!(words("1.5e3 2"), [Token::Decimal(1500.0), Token::Number(2.0), Token::End]);
        assert_eq!(words("in~ like~"), [word("in~"), word("like~"), Token::End]);
        assert_eq!(
            words("a.b // c\n/* d\n */ >= `e-f`"),
            [word("a"), Token::Symbol("."), word("b"), Token::Symbol(">="), Token::QuotedName("e-f".to_owned()), Token::End]
        );
    }

    #[test]
    fn mistakes_are_named() {
        let rows = [
            ("a == 'x'", 5, "double quotes"),
            ("a && b", 2, "did you mean `and`"),
            ("a || b", 2, "did you mean `or`"),
            ("a == \"x", 5, "not closed"),
            ("a == \"x\ny\"", 5, "not closed"),
            ("a == \"\"\"x", 5, "not closed"),
            (r#"a == "C:\Windows""#, 8, "`\\W` is no escape"),
            (r#"a == "\u{}""#, 6, "hex digits"),
            (r#"a == "\u{d800}""#, 6, "hex digits"),
            ("/* a", 0, "not closed"),
            ("a == ?\"x\"", 5, "raw text"),
            ("a ; b", 2, "no meaning"),
            ("1e999", 0, "not a number"),
        ];
        for (query, at, reason) in rows {
            let refused = tokens(query).unwrap_err();
            assert!(refused.reason.contains(reason), "{query}: {refused}");
            assert_eq!(refused.span.start, at, "{query}: {refused}");
        }
    }

    proptest::proptest! {
        #[test]
        fn garbage_never_panics(query in "\\PC*", tail in "[\"\\\\u{}`'/*?a0-9.~ \\n]{0,40}") {
            let _ = tokens(&query);
            let _ = tokens(&tail);
        }
    }
}
