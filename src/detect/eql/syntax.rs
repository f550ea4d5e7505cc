//! What a query says, as a tree: the parser makes it, the compiler and the verdict read it. Every piece that something can
//! be said about keeps its place.

use crate::detect::eql::lex::Span;

/// A query and what its pipes do to the results.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Query {
    /// What it looks for.
    pub(super) body: Body,
    /// Its pipes, in order.
    pub(super) pipes: Vec<Pipe>,
}

/// What a query looks for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    /// `process where …`
    Event(EventFilter),
    /// `sequence by … with maxspan=… [ … ] [ … ]`
    Sequence(SequenceFilter),
}

/// One pipe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pipe {
    /// The first results.
    Head(u32),
    /// The last results.
    Tail(u32),
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
    /// Where the condition stands.
    pub(super) condition_span: Span,
}

/// A sequence as written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SequenceFilter {
    /// Where the word `sequence` stands.
    pub(super) span: Span,
    /// Join fields of all stages.
    pub(super) by: Vec<FieldPath>,
    /// In milliseconds.
    pub(super) maxspan: Option<i64>,
    /// The stages.
    pub(super) stages: Vec<StageFilter>,
    /// What ends a sequence that is not complete yet.
    pub(super) until: Option<StageFilter>,
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
    /// `![ … ]`: it must not come.
    pub(super) is_missing: bool,
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
    /// A whole number.
    Number(f64),
    /// A number with decimals, which divides as such.
    Decimal(f64),
    /// `true` or `false`.
    Bool(bool),
    /// `null`.
    Null,
}

/// How values are compared.
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

/// The functions of EQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    /// `add(a, b)`
    Add,
    /// `between(text, left, right[, greedy])`
    Between,
    /// `cidrMatch(address, network, …)`
    CidrMatch,
    /// `concat(a, …)`
    Concat,
    /// `divide(a, b)`
    Divide,
    /// `endsWith(text, end, …)`
    EndsWith,
    /// `indexOf(text, part[, start])`
    IndexOf,
    /// `length(text)`
    Length,
    /// `modulo(a, b)`
    Modulo,
    /// `multiply(a, b)`
    Multiply,
    /// `number(text[, base])`
    Number,
    /// `startsWith(text, start, …)`
    StartsWith,
    /// `string(value)`
    String,
    /// `stringContains(text, part, …)`
    StringContains,
    /// `substring(text, start[, end])`
    Substring,
    /// `subtract(a, b)`
    Subtract,
}

/// Every function: its name, how many arguments it takes, whether there is a form with `~`.
#[rustfmt::skip]
pub(super) const FUNCTIONS: [(Function, &str, usize, usize, bool); 16] = [
    (Function::Add,            "add",            2, 2,          false),
    (Function::Between,        "between",        3, 4,          true),
    (Function::CidrMatch,      "cidrMatch",      2, usize::MAX, false),
    (Function::Concat,         "concat",         1, usize::MAX, false),
    (Function::Divide,         "divide",         2, 2,          false),
    (Function::EndsWith,       "endsWith",       2, usize::MAX, true),
    (Function::IndexOf,        "indexOf",        2, 3,          true),
    (Function::Length,         "length",         1, 1,          false),
    (Function::Modulo,         "modulo",         2, 2,          false),
    (Function::Multiply,       "multiply",       2, 2,          false),
    (Function::Number,         "number",         1, 2,          false),
    (Function::StartsWith,     "startsWith",     2, usize::MAX, true),
    (Function::String,         "string",         1, 1,          false),
    (Function::StringContains, "stringContains", 2, usize::MAX, true),
    (Function::Substring,      "substring",      2, 3,          false),
    (Function::Subtract,       "subtract",       2, 2,          false),
];

impl Function {
    /// Whether it answers true or false, so that it can stand as a condition.
    pub(super) fn is_condition(self) -> bool {
        matches!(self, Self::CidrMatch | Self::EndsWith | Self::StartsWith | Self::StringContains)
    }
}

/// An expression with a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    /// What it is.
    pub(super) operand: Operand,
    /// Where it stands.
    pub(super) span: Span,
}

/// What an expression is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    /// A constant.
    Literal(Literal),
    /// A field.
    Field(FieldPath),
    /// A function of others; `+`, `-`, `*`, `/` and `%` are written as the functions that they are.
    Call {
        /// Which function.
        function: Function,
        /// Whether it was written with `~`.
        ignores_case: bool,
        /// Of what.
        arguments: Vec<Term>,
    },
}

impl Term {
    /// Whether it reads no field.
    pub(super) fn is_constant(&self) -> bool {
        match &self.operand {
            Operand::Literal(_) => true,
            Operand::Field(_) => false,
            Operand::Call { arguments, .. } => arguments.iter().all(Self::is_constant),
        }
    }

    /// Calls back for every field that it reads.
    pub(super) fn each_field<'t>(&'t self, visit: &mut impl FnMut(&'t FieldPath)) {
        match &self.operand {
            Operand::Literal(_) => {}
            Operand::Field(field) => visit(field),
            Operand::Call { arguments, .. } => arguments.iter().for_each(|argument| argument.each_field(visit)),
        }
    }
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
        /// The whole comparison.
        span: Span,
    },
    /// `startsWith(field, "…")` and the like: a function of a field and constants that holds or not.
    Call {
        /// The function.
        function: Function,
        /// Whether it was written with `~`.
        ignores_case: bool,
        /// The field.
        field: FieldPath,
        /// The constants.
        values: Vec<(Literal, Span)>,
        /// The whole call.
        span: Span,
    },
    /// What needs a calculation for each event.
    Script {
        /// What is calculated.
        left: Term,
        /// What it is compared with; `None` is a condition by itself.
        comparison: Option<(Operator, Vec<Term>)>,
        /// The whole expression.
        span: Span,
    },
}
