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
        _ if nesting >= MAX_NESTING => Box::new(reader),
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(reader)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            Box::new(ruzstd::decoding::StreamingDecoder::new(reader).map_err(|error| io::Error::other(error.to_string()))?)
        }
        [0x04, 0x22, 0x4d, 0x18, ..] => Box::new(lz4_flex::frame::FrameDecoder::new(reader)),
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
