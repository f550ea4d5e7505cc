//! UTF-16 at the front of a stream, converted as it comes: bytes and surrogates may be split over reads.

/// A UTF-16 stream.
#[derive(Debug)]
pub(super) struct Utf16 {
    is_big_endian: bool,
    odd: Option<u8>,
    high: Option<u16>,
}

impl Utf16 {
    /// Tells UTF-16 by its byte order mark, or by a zero byte beside `<`.
    pub(super) fn detect(bytes: &[u8]) -> Option<Self> {
        let is_big_endian = match bytes {
            [0xff, 0xfe, ..] | [b'<', 0, ..] => false,
            [0xfe, 0xff, ..] | [0, b'<', ..] => true,
            _ => return None,
        };
        Some(Self { is_big_endian, odd: None, high: None })
    }

    /// Appends the text of the bytes to `out` as UTF-8; unpaired surrogates become U+FFFD.
    pub(super) fn convert(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let mut bytes = bytes.iter().copied();
        while let Some(first) = self.odd.take().or_else(|| bytes.next()) {
            let Some(second) = bytes.next() else {
                self.odd = Some(first);
                return;
            };
            let unit = if self.is_big_endian { [second, first] } else { [first, second] };
            self.add(u16::from_le_bytes(unit), out);
        }
    }

    /// The stream has ended: half a character becomes U+FFFD.
    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        if self.odd.take().is_some() || self.high.take().is_some() {
            append(char::REPLACEMENT_CHARACTER, out);
        }
    }

    fn add(&mut self, unit: u16, out: &mut Vec<u8>) {
        let decoded = match self.high.take() {
            Some(high) => char::decode_utf16([high, unit]).collect::<Vec<_>>(),
            None if (0xd800..0xdc00).contains(&unit) => {
                self.high = Some(unit);
                return;
            }
            None => char::decode_utf16([unit]).collect(),
        };
        for character in decoded {
            append(character.unwrap_or(char::REPLACEMENT_CHARACTER), out);
        }
    }
}

fn append(character: char, out: &mut Vec<u8>) {
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
}
