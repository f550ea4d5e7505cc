//! A condition made ready to run: its atoms are bits that the columns set (*hits*) or tests that are made when they are asked
//! for (*lazies*), cheap parts first. From it follows the *witness*: atoms of which one at least must be hit before the
//! condition can hold. A condition whose witness is not seen is never looked at.

use std::collections::HashMap;

use crate::detect::engine::column::{ColumnBuilder, is_indexed};
use crate::detect::engine::typical::Typical;
use crate::detect::predicate::pattern::{Case, Pattern, Wild};
use crate::detect::predicate::{AtomId, Expr, FieldId, Predicates, Test};

/// A condition, ready to run. Numbers are the engine's own.
#[derive(Debug, Clone)]
pub(super) enum Node {
    /// Always or never.
    Constant(bool),
    /// True if a column has hit it.
    Hit(u32),
    /// A test to be made.
    Lazy(u32),
    /// The contrary.
    Not(Box<Node>),
    /// All of these.
    And(Box<[Node]>),
    /// Any of these.
    Or(Box<[Node]>),
}

/// What an atom became.
#[derive(Debug, Clone)]
struct Lowered {
    node: Node,
}

/// Lowers the conditions of one engine.
#[derive(Debug)]
pub(super) struct Lowering<'p> {
    predicates: &'p Predicates,
    typical: &'p Typical,
    atoms: HashMap<AtomId, Lowered>,
    /// The needles by field and case.
    pub(super) columns: HashMap<(FieldId, Case), ColumnBuilder>,
    /// The expected hits of every hit bit, by number.
    pub(super) costs: Vec<f32>,
    /// The atoms behind the lazies, by number.
    pub(super) lazies: Vec<AtomId>,
}

impl<'p> Lowering<'p> {
    /// Nothing lowered yet.
    pub(super) fn new(predicates: &'p Predicates, typical: &'p Typical) -> Self {
        Self { predicates, typical, atoms: HashMap::new(), columns: HashMap::new(), costs: Vec::new(), lazies: Vec::new() }
    }

    /// Lowers a condition.
    pub(super) fn lower(&mut self, expr: &Expr) -> Node {
        match expr {
            Expr::Constant(truth) => Node::Constant(*truth),
            Expr::Atom(id) => self.atom(*id),
            Expr::Not(inner) => Node::Not(Box::new(self.lower(inner))),
            Expr::And(parts) => self.parts(parts, true),
            Expr::Or(parts) => self.parts(parts, false),
        }
    }

    fn parts(&mut self, parts: &[Expr], is_and: bool) -> Node {
        let mut nodes: Vec<Node> = parts.iter().map(|part| self.lower(part)).collect();
        nodes.sort_by_key(Node::effort);
        match (nodes.len(), is_and) {
            (1, _) => nodes.remove(0),
            (_, true) => Node::And(nodes.into()),
            (_, false) => Node::Or(nodes.into()),
        }
    }

    fn atom(&mut self, id: AtomId) -> Node {
        if let Some(lowered) = self.atoms.get(&id) {
            return lowered.node.clone();
        }
        let node = match self.predicates.test(id) {
            Test::Text { any, case } => self.text(id, any, *case),
            _ => self.lazy(id),
        };
        self.atoms.insert(id, Lowered { node: node.clone() });
        node
    }

    fn lazy(&mut self, id: AtomId) -> Node {
        self.lazies.push(id);
        Node::Lazy(self.lazies.len() as u32 - 1)
    }

    /// A list of patterns: those that can be looked up become one hit bit; if others are among them, they are tested when a
    /// text that each of them must contain was seen (or always, where one has none).
    fn text(&mut self, id: AtomId, any: &[Pattern], case: Case) -> Node {
        let (indexed, others): (Vec<&Pattern>, Vec<&Pattern>) = any.iter().partition(|pattern| is_indexed(pattern));
        let mut nodes = Vec::new();
        if !indexed.is_empty() {
            nodes.push(self.hit(id, &indexed.into_iter().cloned().collect::<Vec<_>>(), case));
        }
        if !others.is_empty() {
            let gates: Option<Vec<Pattern>> = others.iter().map(|pattern| gate(pattern)).collect();
            let lazy = self.lazy(id);
            nodes.push(match gates {
                Some(gates) => Node::And(Box::new([self.hit(id, &gates, case), lazy])),
                None => lazy,
            });
        }
        if nodes.len() == 1 { nodes.remove(0) } else { Node::Or(nodes.into()) }
    }

    fn hit(&mut self, id: AtomId, patterns: &[Pattern], case: Case) -> Node {
        let bit = self.costs.len() as u32;
        let field = self.predicates.field_of(id);
        let column = self.columns.entry((field, case)).or_insert_with(|| ColumnBuilder::new(case));
        patterns.iter().for_each(|pattern| column.add(pattern, bit));
        self.costs.push(patterns.iter().map(|pattern| self.typical.cost(pattern)).sum());
        Node::Hit(bit)
    }

    /// The cheapest set of hit bits of which one must be set before the node can hold; `None` where there is none.
    pub(super) fn witness(&self, node: &Node) -> Option<(f32, Vec<u32>)> {
        match node {
            Node::Constant(false) => Some((0.0, Vec::new())),
            Node::Constant(true) | Node::Lazy(_) | Node::Not(_) => None,
            Node::Hit(bit) => Some((self.costs[*bit as usize], vec![*bit])),
            Node::And(parts) => parts.iter().filter_map(|part| self.witness(part)).min_by(|one, other| one.0.total_cmp(&other.0)),
            Node::Or(parts) => parts.iter().try_fold((0.0, Vec::new()), |(cost, mut bits), part| {
                let (own, others) = self.witness(part)?;
                bits.extend(others);
                Some((cost + own, bits))
            }),
        }
    }
}

impl Node {
    /// Bits before tests, and tests before trees of them.
    fn effort(&self) -> u32 {
        match self {
            Self::Constant(_) => 0,
            Self::Hit(_) => 1,
            Self::Lazy(_) => 100,
            Self::Not(inner) => inner.effort() + 1,
            Self::And(parts) | Self::Or(parts) => parts.iter().map(Self::effort).fold(1, u32::saturating_add),
        }
    }
}

/// A text that whatever matches the pattern must contain: its longest literal. `None` where it has none worth a look.
fn gate(pattern: &Pattern) -> Option<Pattern> {
    let Pattern::Glob(pieces) = pattern else { return None };
    let literals = pieces.iter().filter_map(|piece| if let Wild::Literal(text) = piece { Some(text) } else { None });
    literals.max_by_key(|text| text.len()).filter(|text| text.len() > 1).map(|text| Pattern::Contains(text.clone()))
}
