//! What a replay reads: a file or standard input, told by its first bytes, never by its name. Compression is undone as it is
//! read; event log files (`.evtx`) give their records as XML, everything else goes through the same framing as a socket.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;

use crate::decode::{RejectReason, Rejected};

/// An event log file beginning with this.
const EVTX_MAGIC: &[u8] = b"ElfFile\0";

/// How deep compression may be nested.
const MAX_NESTING: usize = 4;

/// A source that was opened.
pub enum Source {
    /// Bytes for the framer.
    Stream(Box<dyn Read + Send>),
    /// The records of an event log file.
    EventLog(Box<evtx::EvtxParser<Cursor<Vec<u8>>>>),
}

impl std::fmt::Debug for Source {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Stream(_) => "Stream",
            Self::EventLog(_) => "EventLog",
        })
    }
}

/// Opens a file, or standard input for `-`.
pub fn open(path: &Path) -> io::Result<Source> {
    if path.as_os_str() == "-" {
        return identify(Box::new(io::stdin()), 0);
    }
    let metadata = std::fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder; name its files"));
    }
    identify(Box::new(File::open(path)?), 0)
}

/// Tells the form by the first bytes and unwraps compression.
fn identify(reader: Box<dyn Read + Send>, nesting: usize) -> io::Result<Source> {
    let mut reader = BufReader::with_capacity(256 * 1024, reader);
    let start = reader.fill_buf()?;
    let inner: Box<dyn Read + Send> = match start {
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x04, 0x22, 0x4d, 0x18, ..] if nesting >= MAX_NESTING => {
            return Err(io::Error::other(format!("compressed more than {MAX_NESTING} times")));
        }
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(reader)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(Frames::new(reader, open_zstd)),
        [0x04, 0x22, 0x4d, 0x18, ..] => Box::new(Frames::new(reader, open_lz4)),
        _ if start.starts_with(EVTX_MAGIC) => {
            let mut bytes = Vec::new();
            reader.read_to_end(&mut bytes)?;
            let parser =
                evtx::EvtxParser::from_read_seek(Cursor::new(bytes)).map_err(|error| io::Error::other(error.to_string()))?;
            return Ok(Source::EventLog(Box::new(parser)));
        }
        _ => return Ok(Source::Stream(Box::new(reader))),
    };
    identify(inner, nesting + 1)
}

/// A decoder of one compressed frame, and how to get the reader back from it.
trait Frame: Read + Send {
    /// The reader behind the frame.
    fn into_reader(self: Box<Self>) -> Compressed;
}

type Compressed = BufReader<Box<dyn Read + Send>>;
type OpenFrame = fn(Compressed) -> io::Result<Box<dyn Frame>>;

impl Frame for ruzstd::decoding::StreamingDecoder<Compressed, ruzstd::decoding::FrameDecoder> {
    fn into_reader(self: Box<Self>) -> Compressed {
        self.into_inner()
    }
}

impl Frame for lz4_flex::frame::FrameDecoder<Compressed> {
    fn into_reader(self: Box<Self>) -> Compressed {
        self.into_inner()
    }
}

fn open_zstd(reader: Compressed) -> io::Result<Box<dyn Frame>> {
    let decoder = ruzstd::decoding::StreamingDecoder::new(reader).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Box::new(decoder))
}

#[expect(clippy::unnecessary_wraps, reason = "one of two of the same kind")]
fn open_lz4(reader: Compressed) -> io::Result<Box<dyn Frame>> {
    Ok(Box::new(lz4_flex::frame::FrameDecoder::new(reader)))
}

/// Compressed frames one after the other, as `cat` and parallel compressors make them; the decoders stop after the first.
struct Frames {
    open: OpenFrame,
    waiting: Option<Compressed>,
    frame: Option<Box<dyn Frame>>,
}

impl Frames {
    fn new(reader: Compressed, open: OpenFrame) -> Self {
        Self { open, waiting: Some(reader), frame: None }
    }
}

impl Read for Frames {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(mut reader) = self.waiting.take() {
                if reader.fill_buf()?.is_empty() {
                    return Ok(0);
                }
                self.frame = Some((self.open)(reader)?);
            }
            let Some(frame) = &mut self.frame else { return Ok(0) };
            let length = frame.read(buffer)?;
            if length > 0 || buffer.is_empty() {
                return Ok(length);
            }
            self.waiting = self.frame.take().map(Frame::into_reader);
        }
    }
}

/// The records of an event log as XML, each or why it cannot be read.
pub fn records(parser: &mut evtx::EvtxParser<Cursor<Vec<u8>>>) -> impl Iterator<Item = Result<String, Rejected>> {
    parser.records().map(|record| {
        record.map(|record| record.data).map_err(|error| Rejected {
            reason: RejectReason::BadFrame,
            detail: format!("event log record: {error}"),
            excerpt: Box::default(),
        })
    })
}
