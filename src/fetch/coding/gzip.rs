//! A gzip body (RFC 1952) in pieces of any size: takes wire bytes, gives what is inside all its members. Refuses a
//! wrong checksum and a header beyond 64 KiB; ignores whatever follows the last member.

use flate2::{Crc, Decompress, Status};

use super::{CodingFault, inflate_step};

const HEADER_CAP: usize = 64 << 10;
const DAMAGED: CodingFault = CodingFault::Damaged("gzip");

/// Where in the stream we are.
#[derive(Default)]
pub(super) struct Gzip {
    place: Place,
    members: u32,
}

enum Place {
    Header(Vec<u8>),
    Body(Decompress, Crc),
    Trailer(Vec<u8>, u32),
    Garbage,
}

impl Default for Place {
    fn default() -> Self {
        Self::Header(Vec::new())
    }
}

impl Gzip {
    /// Bytes used and made.
    pub(super) fn step(
        &mut self,
        input: &[u8],
        out: &mut [u8],
    ) -> Result<(usize, usize), CodingFault> {
        match &mut self.place {
            Place::Garbage => Ok((input.len(), 0)),
            Place::Header(held) => {
                let before = held.len();
                held.extend_from_slice(&input[..input.len().min(HEADER_CAP)]);
                match header_len(held) {
                    Header::Complete(len) => {
                        self.place = Place::Body(Decompress::new(false), Crc::new());
                        Ok((len - before, 0))
                    }
                    Header::Partial if held.len() < HEADER_CAP => Ok((held.len() - before, 0)),
                    _ if self.members > 0 => {
                        self.place = Place::Garbage;
                        Ok((input.len(), 0))
                    }
                    _ => Err(DAMAGED),
                }
            }
            Place::Body(inflate, crc) => {
                let (used, made, status) = inflate_step(inflate, input, out).ok_or(DAMAGED)?;
                crc.update(&out[..made]);
                if status == Status::StreamEnd {
                    self.place = Place::Trailer(Vec::new(), crc.sum());
                }
                Ok((used, made))
            }
            Place::Trailer(held, sum) => {
                let used = input.len().min(8 - held.len());
                held.extend_from_slice(&input[..used]);
                if held.len() == 8 {
                    if held[..4] != sum.to_le_bytes() {
                        return Err(DAMAGED);
                    }
                    self.members += 1;
                    self.place = Place::default();
                }
                Ok((used, 0))
            }
        }
    }

    /// True once at least one member is complete and no further one has visibly begun.
    pub(super) fn ended(&self) -> bool {
        match &self.place {
            Place::Garbage => true,
            Place::Header(held) => self.members > 0 && held.len() < 10,
            Place::Body(..) | Place::Trailer(..) => false,
        }
    }
}

enum Header {
    Complete(usize),
    Partial,
    Foreign,
}

fn header_len(bytes: &[u8]) -> Header {
    let magic = [0x1f, 0x8b, 8];
    let known = bytes.len().min(3);
    if bytes[..known] != magic[..known] {
        return Header::Foreign;
    }
    optional_fields(bytes).map_or(Header::Partial, Header::Complete)
}

/// Length with FEXTRA, FNAME, FCOMMENT and FHCRC; none while bytes are missing.
fn optional_fields(bytes: &[u8]) -> Option<usize> {
    let flags = *bytes.get(3)?;
    let mut at = 10;
    if flags & 4 != 0 {
        let len = u16::from_le_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]);
        at += 2 + usize::from(len);
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            at += bytes.get(at..)?.iter().position(|b| *b == 0)? + 1;
        }
    }
    if flags & 2 != 0 {
        at += 2;
    }
    (bytes.len() >= at).then_some(at)
}
