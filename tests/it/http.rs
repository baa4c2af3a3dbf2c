//! The server at the socket: a real store and shelf behind it, raw bytes in front of it. Deadlines are short where a
//! test waits for them and hours where it must not meet them, so no test measures time.

pub(crate) mod bench;
mod icons;
mod manners;
mod pages;
mod status;
mod tls;
