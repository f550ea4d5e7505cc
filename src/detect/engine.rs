//! Runs many rules over an event in one pass. All rules that look at the same kind of event form one engine. Its fields are
//! found by name in the event, each value is folded once and asked of all needles of all rules at once (`column`), and what
//! is hit wakes the rules that it could make hold; only these are evaluated (`program`). The meaning is that of
//! [`Evaluation`], which evaluates one rule at a time and explains it; a test holds the two equal.

mod bits;
mod column;
mod grams;
mod program;
pub mod scratch;
mod trie;
mod typical;

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::detect::ecs::Mapping;
use crate::detect::engine::column::Column;
use crate::detect::engine::program::{Lowering, Node};
use crate::detect::engine::scratch::{Effort, Scratch, State, kind_key};
use crate::detect::engine::typical::Typical;
use crate::detect::fields;
use crate::detect::predicate::{AtomId, Evaluation, Expr, FieldId, FieldName, Predicates};
use crate::detect::route::Route;
use crate::event::WindowsEvent;

/// A longer name of data is looked up every time and not remembered.
const LONGEST_NAME: usize = 128;

/// A rule, or a stage of one, and what it looks for.
#[derive(Debug, Clone, Copy)]
pub struct Program<'r, T> {
    /// What it is called by whoever asked.
    pub target: T,
    /// Which events it looks at.
    pub route: &'r Route,
    /// What must hold.
    pub condition: &'r Expr,
}

/// All engines of a rule set. Immutable and shared; what changes from event to event is in the caller's [`Scratch`].
#[derive(Debug)]
pub struct Engines<T> {
    engines: Box<[Engine<T>]>,
}

/// One field of an engine: its columns, one for each rule of case.
#[derive(Debug)]
struct Reader {
    field: FieldId,
    columns: Box<[u16]>,
}

/// The rules that look at one kind of event.
#[derive(Debug)]
struct Engine<T> {
    route: Route,
    targets: Box<[T]>,
    programs: Box<[Node]>,
    /// Programs that no hit announces.
    always: Box<[u32]>,
    /// For every hit bit the programs that it wakes.
    wakes: Box<[Box<[u32]>]>,
    lazies: Box<[AtomId]>,
    readers: Box<[Reader]>,
    columns: Box<[Column]>,
    /// Fields of the event's data, by name without blanks.
    by_name: HashMap<Box<str>, u16, FixedState>,
    /// Fields that are no data, or not only: their values are asked for.
    asked: Box<[u16]>,
    /// Whether Security 4688 is read as a process creation: its names and values differ, so all of its fields are asked for.
    maps_4688: bool,
}

impl<T: Copy> Engines<T> {
    /// Groups the programs by route and makes an engine for each.
    pub fn new<'r>(programs: impl IntoIterator<Item = Program<'r, T>>, predicates: &Predicates, mapping: &Mapping) -> Self {
        let mut groups: Vec<(&Route, Vec<Program<'r, T>>)> = Vec::new();
        let mut places: HashMap<&Route, usize> = HashMap::new();
        for program in programs {
            let place = *places.entry(program.route).or_insert_with(|| {
                groups.push((program.route, Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(program);
        }
        let typical = Typical::new();
        let engine =
            |(route, programs): &(&Route, Vec<Program<'r, T>>)| Engine::new(route, programs, predicates, mapping, &typical);
        Self { engines: groups.iter().map(engine).collect() }
    }

    /// Calls back with every program that holds for the event. With a clock (nanoseconds) each evaluation is timed.
    pub fn run(
        &self,
        event: &WindowsEvent,
        world: World<'_>,
        scratch: &mut Scratch,
        mut clock: Option<&mut dyn FnMut() -> u64>,
        mut found: impl FnMut(T, &mut Evaluation<'_>),
    ) {
        scratch.fit(self.engines.len(), world.generation);
        let key = kind_key(event);
        let is_known = scratch.kinds.get(&key).is_some_and(|kind| kind.is_of(event));
        if !is_known {
            let engines = self.engines.iter().zip(0..).filter(|(engine, _)| engine.route.takes(event, world.mapping));
            let engines = engines.map(|(_, place)| place).collect();
            scratch.remember(key, event, engines);
        }
        let Some(kind) = scratch.kinds.get(&key) else { return };
        let mut evaluation = Evaluation::new(world.predicates, world.mapping, event);
        for place in &kind.engines {
            let place = usize::from(*place);
            let (engine, state) = (&self.engines[place], &mut scratch.states[place]);
            engine.scan_event(event, state, &mut scratch.buffer, &mut evaluation);
            engine.evaluate(state, &mut evaluation, &mut clock, &mut found);
            state.clear();
        }
    }

    /// What the programs did with this scratch since it was last asked; those that did nothing are left out.
    pub fn take_work(&self, generation: u64, scratch: &mut Scratch) -> Vec<(T, Effort)> {
        scratch.fit(self.engines.len(), generation);
        let mut all = Vec::new();
        for (engine, state) in self.engines.iter().zip(&mut scratch.states) {
            for program in &state.worked.set {
                let program = *program as usize;
                all.push((engine.targets[program], std::mem::take(&mut state.work[program])));
            }
            state.worked.clear();
        }
        all
    }
}

/// What the engines were compiled with.
#[derive(Debug, Clone, Copy)]
pub struct World<'w> {
    /// Fields and atoms.
    pub predicates: &'w Predicates,
    /// The mapping.
    pub mapping: &'w Mapping,
    /// Names the rule set within this process.
    pub generation: u64,
}

impl<T: Copy> Engine<T> {
    fn new(route: &Route, programs: &[Program<'_, T>], predicates: &Predicates, mapping: &Mapping, typical: &Typical) -> Self {
        let mut lowering = Lowering::new(predicates, typical);
        let nodes: Box<[Node]> = programs.iter().map(|program| lowering.lower(program.condition)).collect();
        let mut wakes = vec![Vec::new(); lowering.costs.len()];
        let mut always = Vec::new();
        for (node, place) in nodes.iter().zip(0..) {
            match lowering.witness(node) {
                Some((_, bits)) => bits.into_iter().for_each(|bit| wakes[bit as usize].push(place)),
                None => always.push(place),
            }
        }
        let lazies = std::mem::take(&mut lowering.lazies).into();
        let mut builders: Vec<_> = lowering.columns.into_iter().collect();
        builders.sort_by_key(|((field, case), _)| (*field, *case as u8));
        let mut readers: Vec<(FieldId, Vec<u16>)> = Vec::new();
        for (((field, _), _), place) in builders.iter().zip(0..) {
            match readers.last_mut() {
                Some((own, columns)) if own == field => columns.push(place),
                _ => readers.push((*field, vec![place])),
            }
        }
        let columns = builders.into_iter().map(|(_, builder)| builder.build(typical)).collect();
        let mut engine = Self {
            route: route.clone(),
            targets: programs.iter().map(|program| program.target).collect(),
            programs: nodes,
            always: always.into(),
            wakes: wakes.into_iter().map(Vec::into_boxed_slice).collect(),
            lazies,
            readers: readers.into_iter().map(|(field, columns)| Reader { field, columns: columns.into() }).collect(),
            columns,
            by_name: HashMap::default(),
            asked: Box::default(),
            maps_4688: mapping.security_4688,
        };
        engine.name_fields(predicates);
        engine
    }

    /// Files the fields by the names that the event's data has them under.
    fn name_fields(&mut self, predicates: &Predicates) {
        let mut asked = Vec::new();
        for (reader, place) in self.readers.iter().zip(0..) {
            let FieldName::Windows(name) = predicates.field_name(reader.field) else {
                asked.push(place);
                continue;
            };
            self.by_name.insert(name.clone(), place);
            if fields::is_system(name) {
                asked.push(place);
            }
        }
        self.asked = asked.into();
    }

    /// Reads the event's fields: sets what is hit and wakes whom it concerns.
    fn scan_event(&self, event: &WindowsEvent, state: &mut State, buffer: &mut Vec<u8>, evaluation: &mut Evaluation<'_>) {
        state.fit(self);
        if self.maps_4688 && fields::is_4688(event) {
            self.readers.iter().for_each(|reader| self.ask(reader, state, buffer, evaluation));
            return;
        }
        self.read_data(event, state, buffer);
        for place in &self.asked {
            if !state.found.has(u32::from(*place)) {
                self.ask(&self.readers[usize::from(*place)], state, buffer, evaluation);
            }
        }
    }

    fn ask(&self, reader: &Reader, state: &mut State, buffer: &mut Vec<u8>, evaluation: &mut Evaluation<'_>) {
        evaluation.value(reader.field).iter().for_each(|value| self.scan(reader, value, state, buffer));
    }

    /// Evaluates the programs that were woken, and those that always run.
    fn evaluate(
        &self,
        state: &mut State,
        evaluation: &mut Evaluation<'_>,
        clock: &mut Option<&mut dyn FnMut() -> u64>,
        found: &mut impl FnMut(T, &mut Evaluation<'_>),
    ) {
        for place in 0..state.candidates.len() + self.always.len() {
            let program = match place.checked_sub(state.candidates.len()) {
                Some(place) => self.always[place],
                None => state.candidates[place],
            };
            let begun = clock.as_mut().map(|clock| clock());
            let holds = self.holds(&self.programs[program as usize], state, evaluation);
            let work = &mut state.work[program as usize];
            work.evaluated += 1;
            work.held += u64::from(holds);
            if let (Some(begun), Some(clock)) = (begun, clock.as_mut()) {
                work.nanoseconds += clock().saturating_sub(begun);
            }
            state.worked.insert(program);
            if holds {
                found(self.targets[program as usize], evaluation);
            }
        }
    }

    /// Scans the data of the event. A name that repeats is a list: any value may match.
    fn read_data(&self, event: &WindowsEvent, state: &mut State, buffer: &mut Vec<u8>) {
        if self.by_name.is_empty() {
            return;
        }
        for (at, (name, value)) in event.data().enumerate() {
            let name = name.unwrap_or(fields::UNNAMED);
            let reader = match state.form.get(at) {
                Some((known, reader)) if **known == *name => *reader,
                _ => {
                    let reader = self.by_name.get(&*fields::without_blanks(name)).copied();
                    state.form.truncate(at);
                    let is_short = name.len() <= LONGEST_NAME;
                    state.form.push(if is_short { (name.into(), reader) } else { (Box::default(), None) });
                    reader
                }
            };
            if let Some(place) = reader {
                state.found.insert(u32::from(place));
                self.scan(&self.readers[usize::from(place)], value, state, buffer);
            }
        }
    }

    #[inline]
    fn scan(&self, reader: &Reader, value: &str, state: &mut State, buffer: &mut Vec<u8>) {
        let State { hits, woken, candidates, .. } = state;
        for column in &reader.columns {
            self.columns[usize::from(*column)].scan(value, buffer, |bit| {
                if hits.insert(bit) {
                    for program in &self.wakes[bit as usize] {
                        if woken.insert(*program) {
                            candidates.push(*program);
                        }
                    }
                }
            });
        }
    }

    fn holds(&self, node: &Node, state: &mut State, evaluation: &mut Evaluation<'_>) -> bool {
        match node {
            Node::Constant(truth) => *truth,
            Node::Hit(bit) => state.hits.has(*bit),
            Node::Lazy(lazy) => {
                if state.tested.insert(*lazy) && evaluation.atom_holds(self.lazies[*lazy as usize]) {
                    state.held.insert(*lazy);
                }
                state.held.has(*lazy)
            }
            Node::Not(inner) => !self.holds(inner, state, evaluation),
            Node::And(parts) => parts.iter().all(|part| self.holds(part, state, evaluation)),
            Node::Or(parts) => parts.iter().any(|part| self.holds(part, state, evaluation)),
        }
    }
}

#[cfg(test)]
mod tests;
