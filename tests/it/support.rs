//! What tests stand on: an origin and a mail peer on loopback sockets, a made-up planet of feeds, a reader on a raw
//! socket, the built binary as a process, a world for flows without a process.

pub(crate) mod bucket;
pub(crate) mod client;
pub(crate) mod dns;
pub(crate) mod mailroom;
pub(crate) mod origin;
pub(crate) mod planet;
pub(crate) mod process;
pub(crate) mod roster;
pub(crate) mod smtp;
pub(crate) mod world;
