//! Frames of the attach protocol: four bytes of length, big-endian, then as many bytes of JSON. Pure: bytes in, frames out. A
//! length beyond the limit ends the connection before a byte of that frame is kept.
//!
//! ```text
//! 0        4                4+n
//! | n (BE) | n bytes of JSON | next frame …
//! ```

use bytes::{Buf as _, Bytes, BytesMut};
use serde::Serialize;

/// The longest frame that a viewer may send: an act on the most alerts that one act may have.
pub const MAX_SAID: usize = 1 << 20;
/// The longest frame that the collector sends.
pub const MAX_TOLD: usize = 32 << 20;

/// How many bytes a length has.
const LENGTH: usize = 4;

/// Why a stream cannot go on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A frame that is too long.
    #[error("a frame of {length} bytes; at most {most} are taken")]
    TooLong {
        /// Its length.
        length: usize,
        /// The limit.
        most: usize,
    },
}

/// Cuts a stream into frames.
#[derive(Debug)]
pub struct Deframer {
    /// What was read and not yet cut.
    pub buffer: BytesMut,
    most: usize,
}

impl Deframer {
    /// Takes frames of `most` bytes at most.
    pub fn new(most: usize) -> Self {
        Self { buffer: BytesMut::new(), most }
    }

    /// The next whole frame, if there is one.
    pub fn cut(&mut self) -> Result<Option<Bytes>, FrameError> {
        let Some(length) = self.buffer.first_chunk::<LENGTH>() else { return Ok(None) };
        let length = u32::from_be_bytes(*length) as usize;
        if length > self.most {
            return Err(FrameError::TooLong { length, most: self.most });
        }
        if self.buffer.len() < LENGTH + length {
            return Ok(None);
        }
        self.buffer.advance(LENGTH);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }
}

/// The frame of a value; `None` if it would be too long.
pub fn frame<T: Serialize>(value: &T, most: usize) -> Option<Bytes> {
    let mut bytes = vec![0; LENGTH];
    serde_json::to_writer(&mut bytes, value).ok()?;
    let length = bytes.len() - LENGTH;
    if length > most {
        return None;
    }
    bytes[..LENGTH].copy_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
    Some(bytes.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn frames_and_what_is_none() {
        type Row = (&'static str, &'static [u8], Result<Option<&'static [u8]>, FrameError>);
        let rows: [Row; 6] = [
            ("nothing", b"", Ok(None)),
            ("half a length", b"\0\0", Ok(None)),
            ("half a frame", b"\0\0\0\x02{", Ok(None)),
            ("a frame", b"\0\0\0\x02{}\0", Ok(Some(b"{}"))),
            ("an empty frame", b"\0\0\0\0", Ok(Some(b""))),
            ("text of another protocol", b"GET / HTTP/1.1", Err(FrameError::TooLong { length: 0x4745_5420, most: 16 })),
        ];
        for (name, bytes, expected) in rows {
            let mut deframer = Deframer::new(16);
            deframer.buffer.extend_from_slice(bytes);
            let next = deframer.cut();
            assert_eq!(
                next.map(|frame| frame.map(|frame| frame.to_vec())),
                expected.map(|frame| frame.map(<[u8]>::to_vec)),
                "{name}"
            );
        }
        assert_eq!(frame(&"long", 5), None);
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_frames(texts in prop::collection::vec(".{0,40}", 0..8), step in 1_usize..32) {
            let stream: Vec<u8> = texts.iter().flat_map(|text| frame(text, 1 << 10).unwrap()).collect();
            let mut deframer = Deframer::new(1 << 10);
            let mut found: Vec<String> = Vec::new();
            for piece in stream.chunks(step) {
                deframer.buffer.extend_from_slice(piece);
                while let Some(frame) = deframer.cut().unwrap() {
                    found.push(serde_json::from_slice(&frame).unwrap());
                }
            }
            prop_assert_eq!(found, texts);
            prop_assert!(deframer.buffer.is_empty());
        }

        #[test]
        fn garbage_never_keeps_more_than_a_frame(bytes in prop::collection::vec(any::<u8>(), 0..4096)) {
            let mut deframer = Deframer::new(64);
            for piece in bytes.chunks(7) {
                deframer.buffer.extend_from_slice(piece);
                loop {
                    match deframer.cut() {
                        Ok(Some(frame)) => prop_assert!(frame.len() <= 64),
                        Ok(None) => break,
                        Err(_) => return Ok(()),
                    }
                }
                prop_assert!(deframer.buffer.len() < 64 + 4 + 7);
            }
        }
    }
}
