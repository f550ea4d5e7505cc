//! Finds needles anywhere in a text. Each needle is filed under one run of N bytes of it, the rarest; the text is slid over
//! once, and a bitmap that stays in the fastest cache turns nearly every position away. Measured against one Aho-Corasick
//! automaton over all needles: a fraction of its memory, and faster, because the automaton's table does not fit the cache.

use std::collections::HashMap;

use foldhash::fast::FixedState;

/// Needles of at least N bytes, filed under a run of N.
#[derive(Debug)]
pub(super) struct Grams<const N: usize> {
    bitmap: Box<[u64]>,
    shift: u32,
    /// Run -> where its needles stand in `entries`.
    table: HashMap<u32, (u32, u32), FixedState>,
    /// Needle and how far into it the run begins.
    entries: Vec<(u32, u32)>,
}

impl<const N: usize> Grams<N> {
    /// Files needles (text and number); `commonness` says how often a run is met in ordinary text.
    pub(super) fn new(needles: &[(&[u8], u32)], commonness: impl Fn(u32) -> u32) -> Self {
        let mut filed: HashMap<u32, Vec<(u32, u32)>> = HashMap::new();
        for (text, needle) in needles {
            let runs = text.windows(N).enumerate().map(|(at, bytes)| (run_of::<N>(bytes), at));
            let Some((run, at)) = runs.min_by_key(|(run, _)| commonness(*run)) else { continue };
            filed.entry(run).or_default().push((*needle, at as u32));
        }
        // Eight bits a run: one position in eight at the most is looked up for nothing.
        let bits = (filed.len() * 8).next_power_of_two().clamp(64, 1 << 17);
        let mut grams = Self {
            bitmap: vec![0; bits / 64].into_boxed_slice(),
            shift: 32 - bits.trailing_zeros(),
            table: HashMap::with_capacity_and_hasher(filed.len(), FixedState::default()),
            entries: Vec::with_capacity(needles.len()),
        };
        for (run, mut needles) in filed {
            needles.sort_unstable();
            let place = grams.place(run);
            grams.bitmap[place / 64] |= 1 << (place % 64);
            grams.table.insert(run, (grams.entries.len() as u32, needles.len() as u32));
            grams.entries.extend(needles);
        }
        grams
    }

    #[inline]
    fn place(&self, run: u32) -> usize {
        (run.wrapping_mul(0x9e37_79b1) >> self.shift) as usize
    }

    /// Calls back with every needle that may stand in the text, and where it would begin. The caller compares.
    #[inline]
    pub(super) fn scan(&self, text: &[u8], mut found: impl FnMut(u32, usize)) {
        if self.entries.is_empty() {
            return;
        }
        for (at, bytes) in text.windows(N).enumerate() {
            let run = run_of::<N>(bytes);
            let place = self.place(run);
            if self.bitmap[place / 64] & (1 << (place % 64)) == 0 {
                continue;
            }
            let Some((first, count)) = self.table.get(&run) else { continue };
            for (needle, offset) in &self.entries[*first as usize..(first + count) as usize] {
                if let Some(start) = at.checked_sub(*offset as usize) {
                    found(*needle, start);
                }
            }
        }
    }
}

/// N bytes as a number.
#[inline]
pub(super) fn run_of<const N: usize>(bytes: &[u8]) -> u32 {
    let mut run = [0; 4];
    run[..N].copy_from_slice(&bytes[..N]);
    u32::from_le_bytes(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needles_are_found_wherever_they_stand() {
        let needles: [&[u8]; 4] = [b"whoami", b"/all", b"hoam", b"exe"];
        let numbered: Vec<(&[u8], u32)> = needles.iter().zip(0..).map(|(text, number)| (*text, number)).collect();
        let four = Grams::<4>::new(&numbered[..3], |_| 0);
        let three = Grams::<3>::new(&numbered[3..], |_| 0);
        let text = b"c:\\whoami.exe /all";
        let mut found = Vec::new();
        let mut check = |needle: u32, start: usize| {
            if text[start..].starts_with(needles[needle as usize]) {
                found.push(needle);
            }
        };
        four.scan(text, &mut check);
        three.scan(text, &mut check);
        three.scan(b"x", &mut check);
        found.sort_unstable();
        assert_eq!(found, [0, 1, 2, 3]);
    }
}
