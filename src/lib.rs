//! wefwatch: a Linux collector for Windows events with a live terminal console.
//!
//! ```text
//! floor                                        imports only fall; data runs left to right
//!   7  main                     exit codes, nothing else
//!   6  app, cli                 app joins the rooms with channels, starts and drains them
//!   5  config                   each room's own Config, composed and checked
//!  --- async shell: sockets, files, keys, the clock ------------------------------------------
//!   4  input ========> collector <=> store, and then ==> output, attach, console
//!           \         /    |     \                       /
//!   3        > intake <    |      > feed <              the two doors
//!  --- pure: no tokio, no clock, no I/O ------------------------------------------------------
//!   3                   detect   hosts                  rules, hosts and events in; alerts and host states out
//!   2  decode             filter, triage, alert         bytes in, events out; what a fired rule leaves behind, and what people do
//!   1             event, location                       the words of the domain, plain data; where store and socket are
//! ```
//!
//! One event's way: an input task reads bytes, [`decode`] frames and decodes them, [`detect`] says which rules and sequence
//! stages the event hits (all shared, without locks), and one [`intake::Batch`] a read goes to the [`collector`]. It owns
//! all state that detection needs, joins sequences by event time, makes alerts and acts durable in the [`store`], and only then
//! tells everybody downstream through [`feed`]. An alert whose connection turns up at another host too is told anew, with the path
//! that it is part of ([`collector::links`]). What people do with alerts comes in as an act and goes out as an entry of the log
//! that [`triage`] folds; the collector and every console fold the same log. A console is a client of the feed, in the
//! collector's own process or, by [`attach`], over a Unix socket in another.
//! `tests/floors.rs` holds the imports that are allowed, and fails on any other.

pub mod alert;
pub mod app;
pub mod attach;
pub mod cli;
pub mod collector;
pub mod config;
pub mod console;
pub mod decode;
pub mod detect;
pub mod event;
pub mod feed;
pub mod filter;
pub mod hosts;
pub mod input;
pub mod intake;
pub mod location;
pub mod output;
pub mod roster;
pub mod store;
pub mod triage;
