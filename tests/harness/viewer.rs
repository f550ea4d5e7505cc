//! Somebody at the collector's socket, in the words of the protocol.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

pub(crate) fn frame(value: &Value) -> Vec<u8> {
    let body = value.to_string();
    [&(body.len() as u32).to_be_bytes(), body.as_bytes()].concat()
}

pub(crate) fn read_frame(stream: &mut UnixStream) -> Option<Value> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).ok()?;
    let mut body = vec![0; u32::from_be_bytes(length) as usize];
    stream.read_exact(&mut body).ok()?;
    Some(serde_json::from_slice(&body).expect("every frame is JSON"))
}

pub(crate) fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).expect("it is served");
    stream.set_read_timeout(Some(std::time::Duration::from_mins(1))).expect("a timeout");
    stream
}

pub(crate) fn hello() -> Vec<u8> {
    frame(&json!({"hello": {"proto": wefwatch::attach::PROTOCOL, "wants": {"console": {"most": 100_000}}}}))
}

/// Whether a change of this name is among the updates of a frame.
pub(crate) fn has(frame: &Value, change: &str) -> bool {
    frame["updates"].as_array().is_some_and(|updates| updates.iter().any(|update| update["change"].get(change).is_some()))
}

/// Reads on to the first change of this name.
pub(crate) fn read_until(stream: &mut UnixStream, change: &str) -> Value {
    loop {
        let frame = read_frame(stream).expect("it goes on");
        let updates = frame["updates"].as_array().cloned().unwrap_or_default();
        if let Some(found) = updates.iter().find_map(|update| update["change"].get(change)) {
            return found.clone();
        }
    }
}
