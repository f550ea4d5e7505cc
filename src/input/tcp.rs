//! The TCP listener: one task a connection. When the collector is behind, the connection is not read, and the sender waits.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::{debug, warn};

use crate::decode::framing::Framer;
use crate::input::{Context, Matcher, add, clock, end_asked};
use crate::intake::{Intake, Peer};

/// How much is read at once, in bytes.
const READ: usize = 64 * 1024;

/// Accepts connections until the end is asked for; then each hands over what it has read, and reads no more.
pub async fn serve(listener: TcpListener, context: Context) {
    let mut connections = JoinSet::new();
    let mut shutdown = context.shutdown.clone();
    let mut refused = 0_u64;
    loop {
        tokio::select! {
            biased;
            () = end_asked(&mut shutdown) => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((_, address)) if connections.len() >= context.config.max_connections => {
                    refused += 1;
                    warn!(%address, refused, limit = context.config.max_connections, "connection refused: too many are open");
                }
                Ok((stream, address)) => {
                    connections.spawn(connection(stream, address, context.clone()));
                }
                Err(error) => {
                    // Out of file descriptors, mostly: a busy loop would not help.
                    warn!(%error, "cannot accept");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(mut stream: TcpStream, address: SocketAddr, context: Context) {
    let peer = Peer(address.to_string().into());
    let connected = Intake::Connected { listener: context.listener, peer: peer.clone() };
    if context.intake.send(connected).await.is_err() {
        return;
    }
    keep_alive(&stream);
    debug!(%peer, "connected");
    read_all(&mut stream, &peer, context.clone()).await;
    debug!(%peer, "disconnected");
    let _ = context.intake.send(Intake::Disconnected { listener: context.listener, peer }).await;
}

/// A sender that vanished without a word is noticed within minutes.
fn keep_alive(stream: &TcpStream) {
    let keepalive = socket2::TcpKeepalive::new().with_time(Duration::from_mins(2)).with_interval(Duration::from_secs(30));
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive) {
        debug!(%error, "no keep-alive");
    }
}

enum Next {
    Bytes(usize),
    Idle,
    End,
}

async fn read_all(stream: &mut TcpStream, peer: &Peer, mut context: Context) {
    let mut framer = Framer::new(context.framer());
    let mut buffer = vec![0; READ];
    let mut matcher = Matcher::default();
    let mut shutdown = context.shutdown.clone();
    loop {
        let next = tokio::select! {
            biased;
            () = end_asked(&mut shutdown) => Next::End,
            next = read(stream, &mut buffer, framer.is_waiting(), context.config.idle_flush) => next,
        };
        let mut batch = context.batch(peer, clock::now());
        match next {
            Next::Bytes(length) => {
                batch.bytes = length as u64;
                framer.push(&buffer[..length]);
            }
            Next::Idle => framer.give_up_waiting().into_iter().for_each(|framed| add(&mut batch, framed, &mut matcher)),
            Next::End => framer.finish(),
        }
        while let Some(framed) = matcher.next_frame(&mut framer) {
            add(&mut batch, framed, &mut matcher);
        }
        let is_end = matches!(next, Next::End);
        let is_open = context.send(batch).await;
        context.report(&mut matcher, is_end).await;
        if !is_open || is_end {
            return;
        }
        context.rules.mark_unchanged();
    }
}

async fn read(stream: &mut TcpStream, buffer: &mut [u8], is_waiting: bool, idle: Duration) -> Next {
    let read = stream.read(buffer);
    let result = if is_waiting { timeout(idle, read).await } else { Ok(read.await) };
    match result {
        Err(_) => Next::Idle,
        Ok(Ok(length)) if length > 0 => Next::Bytes(length),
        Ok(_) => Next::End,
    }
}
