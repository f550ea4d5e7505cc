//! Bits that are cleared after every event, at the price of what was set.

/// Bits that know which of them are set, so that clearing costs what setting did.
#[derive(Debug, Default)]
pub(super) struct Bits {
    words: Vec<u64>,
    pub(super) set: Vec<u32>,
}

impl Bits {
    pub(super) fn resize(&mut self, count: usize) {
        self.words.resize(count.div_ceil(64), 0);
    }

    /// Sets a bit; true if it was not set.
    #[inline]
    pub(super) fn insert(&mut self, bit: u32) -> bool {
        let word = &mut self.words[bit as usize / 64];
        let mask = 1 << (bit % 64);
        let is_new = *word & mask == 0;
        if is_new {
            *word |= mask;
            self.set.push(bit);
        }
        is_new
    }

    #[inline]
    pub(super) fn has(&self, bit: u32) -> bool {
        self.words[bit as usize / 64] & (1 << (bit % 64)) != 0
    }

    pub(super) fn clear(&mut self) {
        for bit in self.set.drain(..) {
            self.words[bit as usize / 64] = 0;
        }
    }
}
