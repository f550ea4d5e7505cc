//! EQL's conditions: `or` below `and` below `not` below one comparison below `+ -` below `* / %`. A field compared with
//! constants, and a function of a field and constants, stay what they are; everything else becomes a script.

use crate::detect::eql::lex::{Refused, Span, Token};
use crate::detect::eql::parse::Parser;
use crate::detect::eql::script;
use crate::detect::eql::syntax::{FUNCTIONS, Function, Literal, Node, Operand, Operator, Term};

/// How a comparison was written: how, and whether its contrary is meant.
type Comparison = (Operator, bool);

impl Parser {
    /// A whole condition.
    pub(super) fn condition(&mut self) -> Result<Node, Refused> {
        self.deeper(|parser| {
            let mut parts = vec![parser.all_of()?];
            while parser.take_word("or") {
                parts.push(parser.all_of()?);
            }
            Ok(if parts.len() == 1 { parts.remove(0) } else { Node::Or(parts) })
        })
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
        // A bracket holds a value, not a condition, when a value's operator follows it.
        if matches!(self.peek(), Token::Symbol("(")) && !self.after_bracket().is_some_and(takes_a_value) {
            self.next();
            let inner = self.condition()?;
            self.expect_symbol(")", "to close the bracket")?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Node, Refused> {
        let start = self.span();
        let left = self.sum()?;
        let Some((operator, is_negative)) = self.operator()? else { return self.truth(left) };
        let values = if matches!(self.peek(), Token::Symbol("(")) && !self.after_bracket().is_some_and(takes_a_value) {
            self.next();
            self.list()?
        } else {
            vec![self.sum()?]
        };
        let span = self.span_from(start);
        let node = compare(left, operator, values, span)?;
        Ok(if is_negative { Node::Not(Box::new(node)) } else { node })
    }

    /// A value that stands where a condition should: a truth value, a field with one, or a function with one.
    fn truth(&self, term: Term) -> Result<Node, Refused> {
        let span = term.span;
        match term.operand {
            Operand::Literal(Literal::Bool(truth)) => Ok(Node::Constant(truth)),
            Operand::Literal(Literal::Null) => Ok(Node::Constant(false)),
            Operand::Field(field) => {
                if !matches!(self.peek(), Token::End | Token::Symbol(")" | "]" | "|"))
                    && !self.is_word("and")
                    && !self.is_word("or")
                {
                    return Err(Refused::new(
                        self.span(),
                        format!("expected a comparison after the field, found {}", self.peek().describe()),
                    ));
                }
                let values = vec![(Literal::Bool(true), span)];
                Ok(Node::Compare { field, operator: Operator::Equal, values, span })
            }
            Operand::Call { function, ignores_case, arguments } if function.is_condition() => {
                Ok(call(function, ignores_case, arguments, span))
            }
            Operand::Call { .. } => self.unexpected("a comparison: this function has a value, not a truth"),
            Operand::Literal(_) => Err(Refused::new(span, "this constant is no condition; compare a field with it")),
        }
    }

    fn operator(&mut self) -> Result<Option<Comparison>, Refused> {
        let comparison = match self.peek() {
            Token::Symbol("==") => (Operator::Equal, false),
            Token::Symbol("!=") => (Operator::Equal, true),
            Token::Symbol(":") => (Operator::LikeFold, false),
            Token::Symbol("<") => (Operator::Less, false),
            Token::Symbol("<=") => (Operator::LessOrEqual, false),
            Token::Symbol(">") => (Operator::Greater, false),
            Token::Symbol(">=") => (Operator::GreaterOrEqual, false),
            Token::Symbol("=") => return Err(Refused::new(self.span(), "`=` is no comparison; did you mean `==`?")),
            Token::Word(word) => match word.as_str() {
                "like" => (Operator::Like, false),
                "like~" => (Operator::LikeFold, false),
                "regex" => (Operator::Regex, false),
                "regex~" => (Operator::RegexFold, false),
                "in" => (Operator::Equal, false),
                "in~" => (Operator::EqualFold, false),
                "not" => match self.peek_after() {
                    Some(Token::Word(next)) if next == "in" || next == "in~" => {
                        let operator = if next == "in" { Operator::Equal } else { Operator::EqualFold };
                        self.next();
                        (operator, true)
                    }
                    _ => return Ok(None),
                },
                _ => return Ok(None),
            },
            _ => return Ok(None),
        };
        self.next();
        Ok(Some(comparison))
    }

    /// The rest of `( a, b, … )`.
    fn list(&mut self) -> Result<Vec<Term>, Refused> {
        let mut values = vec![self.sum()?];
        while self.take_symbol(",") {
            if matches!(self.peek(), Token::Symbol(")")) {
                break;
            }
            values.push(self.sum()?);
        }
        self.expect_symbol(")", "after the list")?;
        Ok(values)
    }

    fn sum(&mut self) -> Result<Term, Refused> {
        let mut left = self.product()?;
        loop {
            let function = match self.peek() {
                Token::Symbol("+") => Function::Add,
                Token::Symbol("-") => Function::Subtract,
                _ => return Ok(left),
            };
            self.step()?;
            left = arithmetic(function, left, self.product()?)?;
        }
    }

    fn product(&mut self) -> Result<Term, Refused> {
        let mut left = self.factor()?;
        loop {
            let function = match self.peek() {
                Token::Symbol("*") => Function::Multiply,
                Token::Symbol("/") => Function::Divide,
                Token::Symbol("%") => Function::Modulo,
                _ => return Ok(left),
            };
            self.step()?;
            left = arithmetic(function, left, self.factor()?)?;
        }
    }

    fn factor(&mut self) -> Result<Term, Refused> {
        self.deeper(Self::factor_inside)
    }

    fn factor_inside(&mut self) -> Result<Term, Refused> {
        let span = self.span();
        let literal = |literal| Ok(Term { operand: Operand::Literal(literal), span });
        match self.peek().clone() {
            Token::Symbol("(") => {
                self.next();
                let inner = self.sum()?;
                self.expect_symbol(")", "to close the bracket")?;
                Ok(inner)
            }
            Token::Symbol("-") => {
                self.next();
                let zero = Term { operand: Operand::Literal(Literal::Number(0.0)), span };
                arithmetic(Function::Subtract, zero, self.factor()?)
            }
            Token::Symbol("+") => {
                self.next();
                self.factor()
            }
            Token::Text(text) => {
                self.next();
                literal(Literal::Text(text))
            }
            Token::Number(number) => {
                self.next();
                literal(Literal::Number(number))
            }
            Token::Decimal(number) => {
                self.next();
                literal(Literal::Decimal(number))
            }
            Token::Word(word) if ["true", "false", "null"].contains(&word.as_str()) && !self.is_call() => {
                self.next();
                literal(if word == "null" { Literal::Null } else { Literal::Bool(word == "true") })
            }
            Token::Word(name) if self.is_call() => self.function(&name),
            Token::Word(_) | Token::QuotedName(_) | Token::Symbol("?") => {
                let field = self.field()?;
                Ok(Term { span: field.span, operand: Operand::Field(field) })
            }
            _ => self.unexpected("a field or a constant"),
        }
    }

    fn is_call(&self) -> bool {
        matches!(self.peek_after(), Some(Token::Symbol("(")))
    }

    fn function(&mut self, name: &str) -> Result<Term, Refused> {
        let start = self.span();
        let (plain, ignores_case) = name.strip_suffix('~').map_or((name, false), |plain| (plain, true));
        let known = FUNCTIONS.iter().find(|(_, own, ..)| own.eq_ignore_ascii_case(plain));
        let Some((function, own, least, most, can_fold)) = known else {
            let hint = nearest(plain).map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            return Err(Refused::new(start, format!("unknown function `{name}`{hint}")));
        };
        if ignores_case && !can_fold {
            return Err(Refused::new(start, format!("{own} has no form with `~`")));
        }
        self.next();
        self.next();
        let mut arguments = Vec::new();
        if !self.take_symbol(")") {
            loop {
                if matches!(self.peek(), Token::Symbol("(")) && !self.after_bracket().is_some_and(takes_a_value) {
                    self.next();
                    arguments.extend(self.list()?);
                } else {
                    arguments.push(self.sum()?);
                }
                if !self.take_symbol(",") {
                    break;
                }
            }
            self.expect_symbol(")", "after the arguments")?;
        }
        let span = self.span_from(start);
        if arguments.len() < *least || arguments.len() > *most {
            let counts = match (*least, *most) {
                (1, 1) => "one argument".to_owned(),
                (least, usize::MAX) => format!("{least} arguments or more"),
                (least, most) if least == most => format!("{least} arguments"),
                (least, most) => format!("{least} to {most} arguments"),
            };
            return Err(Refused::new(span, format!("{own} takes {counts}, not {}", arguments.len())));
        }
        script::fold(Term { operand: Operand::Call { function: *function, ignores_case, arguments }, span })
    }
}

/// Whether this token works on the value before it.
fn takes_a_value(token: &Token) -> bool {
    match token {
        Token::Symbol(symbol) => ["==", "!=", "<", "<=", ">", ">=", ":", "+", "-", "*", "/", "%", "="].contains(symbol),
        Token::Word(word) => ["like", "like~", "regex", "regex~", "in", "in~", "not"].contains(&word.as_str()),
        _ => false,
    }
}

fn arithmetic(function: Function, left: Term, right: Term) -> Result<Term, Refused> {
    let span = left.span.to(right.span);
    script::fold(Term { operand: Operand::Call { function, ignores_case: false, arguments: vec![left, right] }, span })
}

fn call(function: Function, ignores_case: bool, arguments: Vec<Term>, span: Span) -> Node {
    let constants: Option<Vec<(Literal, Span)>> = arguments[1..].iter().map(constant).collect();
    let texts = constants.filter(|values| values.iter().all(|(literal, _)| matches!(literal, Literal::Text(_))));
    if let (Operand::Field(field), Some(values)) = (&arguments[0].operand, texts) {
        return Node::Call { function, ignores_case, field: field.clone(), values, span };
    }
    Node::Script { left: Term { operand: Operand::Call { function, ignores_case, arguments }, span }, comparison: None, span }
}

fn constant(term: &Term) -> Option<(Literal, Span)> {
    if let Operand::Literal(literal) = &term.operand { Some((literal.clone(), term.span)) } else { None }
}

fn compare(left: Term, operator: Operator, values: Vec<Term>, span: Span) -> Result<Node, Refused> {
    let constants: Option<Vec<(Literal, Span)>> = values.iter().map(constant).collect();
    match (&left.operand, constants) {
        (Operand::Field(field), Some(values)) => Ok(Node::Compare { field: field.clone(), operator, values, span }),
        (Operand::Literal(_), Some(values)) => {
            let truth = script::compare_constants(&left, operator, &values)?;
            Ok(Node::Constant(truth))
        }
        (Operand::Literal(literal), None) => {
            if let ([Term { operand: Operand::Field(field), .. }], Some(operator)) = (values.as_slice(), turned(operator)) {
                let values = vec![(literal.clone(), left.span)];
                return Ok(Node::Compare { field: field.clone(), operator, values, span });
            }
            let turned = turned(operator).or((operator == Operator::LikeFold).then_some(operator));
            match (<[Term; 1]>::try_from(values), turned) {
                (Ok([value]), Some(operator)) => Ok(Node::Script { left: value, comparison: Some((operator, vec![left])), span }),
                (Ok([value]), None) => Ok(Node::Script { left, comparison: Some((operator, vec![value])), span }),
                (Err(values), _) => Ok(Node::Script { left, comparison: Some((operator, values)), span }),
            }
        }
        (Operand::Field(_), None) if values.iter().any(|value| matches!(value.operand, Operand::Field(_))) => {
            let field = values.iter().find(|value| matches!(value.operand, Operand::Field(_)));
            let place = field.map_or(span, |value| value.span);
            Err(Refused::new(place, "a field is compared with constants only, not with another field"))
        }
        _ => Ok(Node::Script { left, comparison: Some((operator, values)), span }),
    }
}

/// The comparison read from right to left, where that is one.
fn turned(operator: Operator) -> Option<Operator> {
    Some(match operator {
        Operator::Equal => Operator::Equal,
        Operator::Less => Operator::Greater,
        Operator::LessOrEqual => Operator::GreaterOrEqual,
        Operator::Greater => Operator::Less,
        Operator::GreaterOrEqual => Operator::LessOrEqual,
        _ => return None,
    })
}

/// The known function that a mistyped name most likely means: the one with the most letters in place.
fn nearest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    if name == "wildcard" || name == "match" {
        return Some("like");
    }
    let likeness = |known: &str| {
        let known = known.to_ascii_lowercase();
        let front = known.bytes().zip(name.bytes()).take_while(|(own, other)| own == other).count();
        let back = known.bytes().rev().zip(name.bytes().rev()).take_while(|(own, other)| own == other).count();
        front + back
    };
    let best = FUNCTIONS.iter().map(|(_, known, ..)| (likeness(known), *known)).max()?;
    (best.0 >= 4).then_some(best.1)
}
