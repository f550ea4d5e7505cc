//! Reads a recording event by event, without a pipeline: for commands that look at events and are done.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::app::failure::Failure;
use crate::decode::framing::{Framed, Framer, FramerConfig};
use crate::decode::{Rejected, decode};
use crate::event::WindowsEvent;
use crate::input::clock;
use crate::input::source::{self, Source};

/// How many bytes are read at once.
const READ: usize = 256 << 10;

/// Calls back with every event of the recordings; answers how many messages could not be read as events.
pub fn each_event(paths: &[PathBuf], max_frame: usize, mut event: impl FnMut(WindowsEvent)) -> Result<u64, Failure> {
    let mut rejected = 0;
    for path in paths {
        let failed = |error: std::io::Error| failed(path, &error);
        match source::open(path).map_err(failed)? {
            Source::EventLog(mut parser) => {
                for record in source::records(&mut parser) {
                    take(record.and_then(|xml| read(xml.as_bytes())), &mut event, &mut rejected);
                }
            }
            Source::Stream(mut stream) => {
                let mut framer = Framer::new(FramerConfig { max_frame });
                let mut buffer = vec![0; READ];
                loop {
                    let length = stream.read(&mut buffer).map_err(failed)?;
                    if length == 0 {
                        framer.finish();
                    }
                    framer.push(&buffer[..length]);
                    while let Some(framed) = framer.next() {
                        let read = match framed {
                            Framed::Frame(frame) => read(&frame),
                            Framed::Rejected(rejected) => Err(rejected),
                        };
                        take(read, &mut event, &mut rejected);
                    }
                    if length == 0 {
                        break;
                    }
                }
            }
        }
    }
    Ok(rejected)
}

fn read(frame: &[u8]) -> Result<WindowsEvent, Rejected> {
    decode(frame, clock::now()).map(|decoded| decoded.event)
}

fn take(read: Result<WindowsEvent, Rejected>, event: &mut impl FnMut(WindowsEvent), rejected: &mut u64) {
    match read {
        Ok(read) => event(read),
        Err(_) => *rejected += 1,
    }
}

fn failed(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Run(format!("{}: {error}", path.display()))
}
