//! All texts that rules compare one field with, under one rule of case: the value is folded once and asked of every needle
//! at once: whole (a hash), beginning and end (trees), anywhere ([`Grams`]). What a hit makes true is filed with the needle.

use std::collections::HashMap;

use foldhash::fast::FixedState;

use crate::detect::engine::grams::Grams;
use crate::detect::engine::trie::Trie;
use crate::detect::engine::typical::Typical;
use crate::detect::predicate::pattern::{Case, Pattern, Place};

/// Collects the needles of a column.
#[derive(Debug)]
pub(super) struct ColumnBuilder {
    case: Case,
    needles: HashMap<Needle, Vec<u32>>,
}

/// A text and where it must stand.
type Needle = (Place, Box<[u8]>);

/// The needles of one field and case, ready to be asked.
#[derive(Debug)]
pub(super) struct Column {
    case: Case,
    is_ascii: bool,
    texts: Box<[Box<[u8]>]>,
    /// Where the atoms of a needle stand in `atoms`.
    hits: Box<[(u32, u32)]>,
    atoms: Box<[u32]>,
    whole: HashMap<Box<[u8]>, u32, FixedState>,
    starts: Trie,
    ends: Trie,
    four: Grams<4>,
    three: Grams<3>,
    two: Grams<2>,
    one: Grams<1>,
}

/// Whether a pattern can be looked up; a glob cannot, and a text that stands everywhere need not.
pub(super) fn is_indexed(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Equals(_) => true,
        Pattern::StartsWith(text) | Pattern::EndsWith(text) | Pattern::Contains(text) => !text.is_empty(),
        Pattern::Glob(_) => false,
    }
}

impl ColumnBuilder {
    /// No needles yet.
    pub(super) fn new(case: Case) -> Self {
        Self { case, needles: HashMap::new() }
    }

    /// Files a pattern (folded already) whose hit makes the atom true.
    pub(super) fn add(&mut self, pattern: &Pattern, atom: u32) {
        let (place, text) = match pattern {
            Pattern::Equals(text) => (Place::Whole, text),
            Pattern::StartsWith(text) => (Place::Start, text),
            Pattern::EndsWith(text) => (Place::End, text),
            Pattern::Contains(text) => (Place::Anywhere, text),
            Pattern::Glob(_) => return,
        };
        let atoms = self.needles.entry((place, text.as_bytes().into())).or_default();
        if atoms.last() != Some(&atom) {
            atoms.push(atom);
        }
    }

    /// Makes the column.
    pub(super) fn build(self, typical: &Typical) -> Column {
        let mut needles: Vec<(Needle, Vec<u32>)> = self.needles.into_iter().collect();
        needles.sort();
        let mut hits = Vec::with_capacity(needles.len());
        let mut atoms = Vec::new();
        for (_, own) in &needles {
            hits.push((atoms.len() as u32, own.len() as u32));
            atoms.extend_from_slice(own);
        }
        let at = |wanted: Place| {
            let numbered = needles.iter().zip(0..);
            numbered.filter(move |(((place, _), _), _)| *place == wanted).map(|(((_, text), _), number)| (&**text, number))
        };
        let anywhere: Vec<(&[u8], u32)> = at(Place::Anywhere).collect();
        let of_length = |wanted: usize| -> Vec<(&[u8], u32)> {
            anywhere.iter().filter(|(text, _)| text.len() == wanted || (wanted == 4 && text.len() > 4)).copied().collect()
        };
        Column {
            case: self.case,
            is_ascii: needles.iter().all(|((_, text), _)| text.is_ascii()),
            whole: at(Place::Whole).map(|(text, number)| (text.into(), number)).collect(),
            starts: Trie::new(at(Place::Start).map(|(text, number)| (text.to_vec(), number)).collect()),
            ends: Trie::new(at(Place::End).map(|(text, number)| (text.iter().rev().copied().collect(), number)).collect()),
            four: Grams::new(&of_length(4), |run| typical.commonness(run)),
            three: Grams::new(&of_length(3), |_| 0),
            two: Grams::new(&of_length(2), |_| 0),
            one: Grams::new(&of_length(1), |_| 0),
            hits: hits.into(),
            atoms: atoms.into(),
            texts: needles.into_iter().map(|((_, text), _)| text).collect(),
        }
    }
}

impl Column {
    /// Asks a value of all needles; calls back with every atom that it makes true, perhaps more than once.
    #[inline]
    pub(super) fn scan(&self, value: &str, buffer: &mut Vec<u8>, mut hit: impl FnMut(u32)) {
        let folded = self.fold(value, buffer);
        let mut found = |needle: u32| {
            let (first, count) = self.hits[needle as usize];
            self.atoms[first as usize..(first + count) as usize].iter().for_each(|atom| hit(*atom));
        };
        if !self.whole.is_empty()
            && let Some(needle) = self.whole.get(folded)
        {
            found(*needle);
        }
        self.starts.walk(folded.iter().copied(), |needle| {
            if folded.starts_with(&self.texts[needle as usize]) {
                found(needle);
            }
        });
        self.ends.walk(folded.iter().rev().copied(), |needle| {
            if folded.ends_with(&self.texts[needle as usize]) {
                found(needle);
            }
        });
        let mut anywhere = |needle: u32, start: usize| {
            let text = &self.texts[needle as usize];
            if folded.get(start..start + text.len()) == Some(text) {
                found(needle);
            }
        };
        self.four.scan(folded, &mut anywhere);
        self.three.scan(folded, &mut anywhere);
        self.two.scan(folded, &mut anywhere);
        self.one.scan(folded, &mut anywhere);
    }

    /// Folds a value as the needles were. Beyond ASCII only two characters fold into it (the Kelvin sign, and the dotted
    /// capital I, whose first part is an i): without them, needles in ASCII are compared with the ASCII letters alone.
    fn fold<'b>(&self, value: &'b str, buffer: &'b mut Vec<u8>) -> &'b [u8] {
        buffer.clear();
        match self.case {
            Case::Exact => return value.as_bytes(),
            Case::Unicode if !value.is_ascii() => {
                if self.is_ascii && !value.contains(['\u{212a}', '\u{130}']) {
                    buffer.extend_from_slice(value.as_bytes());
                    buffer.make_ascii_lowercase();
                } else {
                    buffer.extend(value.to_lowercase().into_bytes());
                }
            }
            Case::Ascii | Case::Unicode => {
                buffer.extend_from_slice(value.as_bytes());
                buffer.make_ascii_lowercase();
            }
        }
        buffer
    }
}
