//! What changes from event to event, so that the engines need not: one scratch a reader of events, with the bits of every
//! engine, the kinds of event that were seen, and what the programs did.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::detect::engine::Engine;
use crate::detect::engine::bits::Bits;
use crate::event::WindowsEvent;

/// How many kinds of event a scratch remembers the engines of; beyond, it begins anew.
const KINDS: usize = 4096;
/// How long their names may be, in all: a sender chooses them.
const KIND_BYTES: usize = 256 << 10;

/// What one reader of events needs to match them: bits that are cleared after every event, and what it learnt of the form of
/// the events. Made once a connection; it fits any rule set.
#[derive(Debug, Default)]
pub struct Scratch {
    /// The engines of a kind of event, by a hash of channel, provider and id (kept beside it to be sure).
    pub(super) kinds: HashMap<u64, Kind, FixedState>,
    /// How long the names in `kinds` are, in bytes.
    kind_bytes: usize,
    pub(super) states: Vec<State>,
    pub(super) buffer: Vec<u8>,
    /// Which rule set this belongs to.
    generation: u64,
}

#[derive(Debug)]
pub(super) struct Kind {
    channel: Box<str>,
    provider: Box<str>,
    event_id: u32,
    pub(super) engines: Box<[u16]>,
}

/// One engine's part of a scratch.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) hits: Bits,
    pub(super) tested: Bits,
    pub(super) held: Bits,
    pub(super) woken: Bits,
    pub(super) candidates: Vec<u32>,
    pub(super) found: Bits,
    /// What every program did since it was last asked, and which did anything.
    pub(super) work: Vec<Effort>,
    pub(super) worked: Bits,
    /// The data of the event before, name by name, and the field that reads it: events of a kind have the same form.
    pub(super) form: Vec<(Box<str>, Option<u16>)>,
}

/// What a program did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Effort {
    /// How often its condition was evaluated: a text that it needs was seen.
    pub evaluated: u64,
    /// How often it held.
    pub held: u64,
    /// How long that took over the evaluations that were timed, in nanoseconds.
    pub nanoseconds: u64,
}

impl std::ops::AddAssign for Effort {
    fn add_assign(&mut self, other: Self) {
        self.evaluated += other.evaluated;
        self.held += other.held;
        self.nanoseconds += other.nanoseconds;
    }
}

pub(super) fn kind_key(event: &WindowsEvent) -> u64 {
    use std::hash::BuildHasher as _;
    FixedState::default().hash_one((event.channel(), event.provider(), event.event_id().0))
}

impl Kind {
    pub(super) fn is_of(&self, event: &WindowsEvent) -> bool {
        self.event_id == event.event_id().0 && *self.channel == *event.channel() && *self.provider == *event.provider()
    }
}

impl Scratch {
    /// Makes room for that many engines; what was learnt of another rule set is forgotten.
    pub(super) fn fit(&mut self, engines: usize, generation: u64) {
        if self.generation != generation || self.states.len() != engines {
            self.kinds.clear();
            self.kind_bytes = 0;
            self.states.clear();
            self.states.resize_with(engines, State::default);
            self.generation = generation;
        }
    }

    pub(super) fn remember(&mut self, key: u64, event: &WindowsEvent, engines: Box<[u16]>) {
        self.kind_bytes += event.channel().len() + event.provider().len();
        if self.kinds.len() >= KINDS || self.kind_bytes > KIND_BYTES {
            self.kinds.clear();
            self.kind_bytes = event.channel().len() + event.provider().len();
        }
        let kind =
            Kind { channel: event.channel().into(), provider: event.provider().into(), event_id: event.event_id().0, engines };
        self.kinds.insert(key, kind);
    }
}

impl State {
    pub(super) fn fit<T>(&mut self, engine: &Engine<T>) {
        self.hits.resize(engine.wakes.len());
        self.tested.resize(engine.lazies.len());
        self.held.resize(engine.lazies.len());
        self.woken.resize(engine.programs.len());
        self.found.resize(engine.readers.len());
        self.worked.resize(engine.programs.len());
        self.work.resize(engine.programs.len(), Effort::default());
    }

    pub(super) fn clear(&mut self) {
        self.hits.clear();
        self.tested.clear();
        self.held.clear();
        self.woken.clear();
        self.found.clear();
        self.candidates.clear();
    }
}
