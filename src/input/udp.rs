//! The UDP listener: a datagram is a message (or several events). Nothing can make a UDP sender wait, so what does not fit is
//! shed and counted: by the kernel (its own count is read with every datagram) or at the queue into the collector.

use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;

use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::error::TrySendError;

use crate::decode::framing::datagram;
use crate::input::{Context, Matcher, add, clock, end_asked};
use crate::intake::{Batch, Intake, Peer, ShedReason};

/// No datagram is longer.
const LONGEST: usize = 65_536;
/// How many datagrams a batch takes at most.
const BATCH: usize = 256;

/// Prepares a socket: a large buffer, and the kernel's count of what it dropped.
pub fn prepare(socket: &UdpSocket, receive_buffer: usize) {
    let socket_ref = socket2::SockRef::from(socket);
    // As large as the system allows; less is no error.
    let _ = socket_ref.set_recv_buffer_size(receive_buffer);
    let _ = setsockopt(socket, sockopt::RxqOvfl, &1);
}

/// Reads datagrams until the end is asked for.
pub async fn serve(socket: UdpSocket, mut context: Context) {
    let mut state = State { dropped: 0, shed: Vec::new(), buffer: vec![0; LONGEST], matcher: Matcher::default() };
    loop {
        let is_ending = tokio::select! {
            biased;
            () = end_asked(&mut context.shutdown) => true,
            ready = socket.readable() => ready.is_err(),
        };
        if is_ending {
            // There is time to wait now: what was shed is told.
            let last = context.batch(&Peer("udp".into()), clock::now());
            state.hand_over(last, &context, true).await;
            context.report(&mut state.matcher, true).await;
            return;
        }
        while let Some(batch) = state.read_batch(&socket, &context) {
            state.hand_over(batch, &context, false).await;
            if context.intake.is_closed() {
                return;
            }
            // A flood never leaves the socket empty: others get their turn, and the end is heard.
            tokio::task::yield_now().await;
            if *context.shutdown.borrow() {
                break;
            }
        }
    }
}

struct State {
    /// The kernel's count so far.
    dropped: u32,
    /// What was shed and not reported yet.
    shed: Vec<(ShedReason, u64)>,
    buffer: Vec<u8>,
    matcher: Matcher,
}

struct Received {
    length: usize,
    from: Option<SocketAddr>,
    dropped: Option<u32>,
}

impl State {
    /// What can be read at once; `None` when there is nothing.
    fn read_batch(&mut self, socket: &UdpSocket, context: &Context) -> Option<Batch> {
        let mut batch: Option<Batch> = None;
        for _ in 0..BATCH {
            let Ok(received) = socket.try_io(Interest::READABLE, || receive(socket, &mut self.buffer)) else { break };
            let peer = Peer(received.from.map_or_else(|| "udp".to_owned(), |from| from.to_string()).into());
            let batch = batch.get_or_insert_with(|| context.batch(&peer, clock::now()));
            batch.bytes += received.length as u64;
            for framed in datagram(&self.buffer[..received.length], context.framer()) {
                add(batch, framed, &mut self.matcher);
            }
            if let Some(dropped) = received.dropped {
                // The count is the socket's own and wraps.
                let more = dropped.wrapping_sub(self.dropped);
                self.dropped = dropped;
                note(&mut self.shed, ShedReason::UdpKernelDrop, u64::from(more));
            }
        }
        batch
    }

    /// Hands a batch over. While the queue is full its frames are shed, unless this is the end: then there is time to wait.
    async fn hand_over(&mut self, mut batch: Batch, context: &Context, may_wait: bool) {
        batch.shed = std::mem::take(&mut self.shed);
        if may_wait {
            context.send(batch).await;
            return;
        }
        if self.matcher.is_due() {
            self.matcher.take_work().into_iter().for_each(|work| drop(context.intake.try_send(work)));
        }
        if let Err(TrySendError::Full(Intake::Batch(batch))) = context.intake.try_send(Intake::Batch(Box::new(batch))) {
            self.shed = batch.shed;
            note(&mut self.shed, ShedReason::QueueFull, (batch.observed.len() + batch.rejected.len()) as u64);
        }
    }
}

fn note(shed: &mut Vec<(ShedReason, u64)>, reason: ShedReason, count: u64) {
    if count == 0 {
        return;
    }
    match shed.iter_mut().find(|(own, _)| *own == reason) {
        Some((_, own)) => *own += count,
        None => shed.push((reason, count)),
    }
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
    let mut slices = [IoSliceMut::new(buffer)];
    let mut control = nix::cmsg_space!(u32);
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
    let dropped = message.cmsgs().ok().and_then(|mut messages| {
        messages.find_map(|message| if let ControlMessageOwned::RxqOvfl(count) = message { Some(count) } else { None })
    });
    let from = message.address.and_then(|address| {
        let v4 = address.as_sockaddr_in().map(|address| SocketAddr::from((address.ip(), address.port())));
        v4.or_else(|| address.as_sockaddr_in6().map(|address| SocketAddr::from((address.ip(), address.port()))))
    });
    Ok(Received { length: message.bytes, from, dropped })
}
