//! Content codings, decoded by hand while the body streams in: takes wire bytes, gives the document. Refuses more than
//! two codings, unknown ones, more than the caps, bombs (over 1 MiB at more than 200 : 1), and decoder windows beyond
//! 2^24 (brotli) and 2^23 (zstd, RFC 9659), so that no few bytes can make us allocate much.

mod gzip;

use brotli::enc::StandardAlloc;
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use flate2::{Decompress, FlushDecompress, Status};
use zstd::stream::raw::{DParameter, Decoder as Zstd, Operation};

use gzip::Gzip;

/// Wire cap of a coded body.
const WIRE_CAP: u64 = 10 << 20;
const BOMB_FLOOR: u64 = 1 << 20;
const BOMB_RATIO: u64 = 200;
const ZSTD_WINDOW_LOG: u32 = 23;
const STEP: usize = 16 << 10;

/// Why a body could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodingFault {
    /// A coding that we did not offer.
    #[error("content coding {0:?} was not offered")]
    Unknown(String),
    /// More than two codings on top of each other.
    #[error("more than two content codings")]
    TooMany,
    /// Not what its label says.
    #[error("the {0} body is damaged")]
    Damaged(&'static str),
    /// Ended in the middle.
    #[error("the {0} body ends early")]
    Incomplete(&'static str),
    /// Over a cap.
    #[error("the body is larger than {0} bytes")]
    TooLarge(u64),
    /// Small on the wire, huge when decoded.
    #[error("the body is a decompression bomb")]
    Bomb,
}

/// Decodes one body.
pub struct Decoder {
    /// Outermost coding first: the last one that the header lists.
    stages: Vec<Stage>,
    document: Vec<u8>,
    head: Vec<u8>,
    settled: bool,
    wire: u64,
    cap: u64,
}

struct Stage {
    codec: Codec,
    made: u64,
}

enum Codec {
    Gzip(Box<Gzip>),
    Deflate(Decompress, bool),
    Brotli(
        Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
        bool,
    ),
    Zstd(Zstd<'static>, bool),
}

impl Decoder {
    /// A decoder for the codings that `Content-Encoding` lists, for a document of at most `cap` bytes.
    pub fn new<'a>(
        codings: impl IntoIterator<Item = &'a str>,
        cap: u64,
    ) -> Result<Self, CodingFault> {
        let mut stages = Vec::new();
        for coding in codings.into_iter().flat_map(|line| line.split(',')) {
            let codec = match coding.trim().to_ascii_lowercase().as_str() {
                "" | "identity" => continue,
                "gzip" | "x-gzip" => Codec::Gzip(Box::default()),
                "deflate" => Codec::Deflate(Decompress::new(true), false),
                "br" => Codec::Brotli(Box::new(strict_brotli()), false),
                "zstd" => Codec::Zstd(narrow_zstd()?, false),
                other => return Err(CodingFault::Unknown(other.chars().take(32).collect())),
            };
            if stages.len() == 2 {
                return Err(CodingFault::TooMany);
            }
            stages.insert(0, Stage { codec, made: 0 });
        }
        Ok(Self {
            stages,
            document: Vec::new(),
            head: Vec::new(),
            settled: false,
            wire: 0,
            cap,
        })
    }

    /// Takes the next bytes from the wire.
    pub fn push(&mut self, chunk: &[u8]) -> Result<(), CodingFault> {
        self.wire += chunk.len() as u64;
        let wire_cap = if self.stages.is_empty() {
            self.cap
        } else {
            WIRE_CAP.min(self.cap)
        };
        if self.wire > wire_cap {
            return Err(CodingFault::TooLarge(wire_cap));
        }
        if self.settled {
            return self.run(chunk);
        }
        self.head.extend_from_slice(chunk);
        if self.head.len() < 2 {
            Ok(())
        } else {
            self.settle()
        }
    }

    /// The document, once the wire has ended.
    pub fn finish(mut self) -> Result<Vec<u8>, CodingFault> {
        if !self.settled {
            self.settle()?;
        }
        if self.wire > 0 {
            self.stages
                .iter()
                .try_for_each(|stage| stage.codec.ended())?;
        }
        Ok(self.document)
    }

    /// Bytes taken from the wire so far.
    #[must_use]
    pub fn wire(&self) -> u64 {
        self.wire
    }

    /// The first two bytes overrule the label where servers are known to lie: gzip without a label, a gzip label on
    /// plain text, raw deflate under the name of zlib (RFC 9110, 8.4.1.2 tells of it).
    fn settle(&mut self) -> Result<(), CodingFault> {
        self.settled = true;
        let head = std::mem::take(&mut self.head);
        match self.stages.first_mut().map(|stage| &mut stage.codec) {
            None if head.starts_with(&[0x1f, 0x8b]) => {
                self.stages.push(Stage {
                    codec: Codec::Gzip(Box::default()),
                    made: 0,
                });
            }
            Some(Codec::Gzip(_)) if matches!(head.first(), Some(b'<' | b'{' | 0xef)) => {
                self.stages.remove(0);
            }
            Some(Codec::Deflate(inflate, _)) if !is_zlib(&head) => {
                *inflate = Decompress::new(false)
            }
            _ => {}
        }
        self.run(&head)
    }

    fn run(&mut self, chunk: &[u8]) -> Result<(), CodingFault> {
        let limits = Limits {
            cap: self.cap,
            wire: self.wire,
        };
        run(&mut self.stages, chunk, &mut self.document, &limits)
    }
}

struct Limits {
    cap: u64,
    wire: u64,
}

impl Limits {
    fn check(&self, made: u64) -> Result<(), CodingFault> {
        if made > BOMB_FLOOR && made > self.wire.saturating_mul(BOMB_RATIO) {
            Err(CodingFault::Bomb)
        } else if made > self.cap {
            Err(CodingFault::TooLarge(self.cap))
        } else {
            Ok(())
        }
    }
}

fn run(
    stages: &mut [Stage],
    mut input: &[u8],
    out: &mut Vec<u8>,
    limits: &Limits,
) -> Result<(), CodingFault> {
    let Some((stage, inner)) = stages.split_first_mut() else {
        out.extend_from_slice(input);
        return Ok(());
    };
    let mut buffer = [0; STEP];
    loop {
        let (used, made) = stage.codec.step(input, &mut buffer)?;
        if used == 0 && made == 0 {
            return Ok(());
        }
        input = &input[used..];
        stage.made += made as u64;
        limits.check(stage.made)?;
        run(inner, &buffer[..made], out, limits)?;
    }
}

impl Codec {
    /// Bytes used and made. What follows a complete body is swallowed: trailing garbage is common and harmless.
    fn step(&mut self, input: &[u8], out: &mut [u8]) -> Result<(usize, usize), CodingFault> {
        match self {
            Self::Gzip(gzip) => gzip.step(input, out),
            Self::Deflate(_, true) | Self::Brotli(_, true) => Ok((input.len(), 0)),
            Self::Deflate(inflate, ended) => {
                let (used, made, status) =
                    inflate_step(inflate, input, out).ok_or(CodingFault::Damaged("deflate"))?;
                *ended = status == Status::StreamEnd;
                Ok((used, made))
            }
            Self::Brotli(state, ended) => brotli_step(state, ended, input, out),
            Self::Zstd(zstd, frame_ended) => zstd_step(zstd, frame_ended, input, out),
        }
    }

    fn ended(&self) -> Result<(), CodingFault> {
        let (ended, name) = match self {
            Self::Gzip(gzip) => (gzip.ended(), "gzip"),
            Self::Deflate(_, ended) => (*ended, "deflate"),
            Self::Brotli(_, ended) => (*ended, "brotli"),
            Self::Zstd(_, ended) => (*ended, "zstd"),
        };
        if ended {
            Ok(())
        } else {
            Err(CodingFault::Incomplete(name))
        }
    }
}

fn inflate_step(
    inflate: &mut Decompress,
    input: &[u8],
    out: &mut [u8],
) -> Option<(usize, usize, Status)> {
    let (used_before, made_before) = (inflate.total_in(), inflate.total_out());
    let status = inflate.decompress(input, out, FlushDecompress::None).ok()?;
    let used = usize::try_from(inflate.total_in() - used_before).ok()?;
    let made = usize::try_from(inflate.total_out() - made_before).ok()?;
    Some((used, made, status))
}

/// The strict constructor refuses large windows: 414 bytes could otherwise take half a gigabyte.
fn strict_brotli() -> BrotliState<StandardAlloc, StandardAlloc, StandardAlloc> {
    BrotliState::new_strict(
        StandardAlloc::default(),
        StandardAlloc::default(),
        StandardAlloc::default(),
    )
}

fn brotli_step(
    state: &mut BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>,
    ended: &mut bool,
    input: &[u8],
    out: &mut [u8],
) -> Result<(usize, usize), CodingFault> {
    let (mut left, mut used, mut room, mut made, mut total) = (input.len(), 0, out.len(), 0, 0);
    match BrotliDecompressStream(
        &mut left, &mut used, input, &mut room, &mut made, out, &mut total, state,
    ) {
        BrotliResult::ResultFailure => return Err(CodingFault::Damaged("brotli")),
        result => *ended = matches!(result, BrotliResult::ResultSuccess),
    }
    Ok((used, made))
}

fn narrow_zstd() -> Result<Zstd<'static>, CodingFault> {
    let narrow = || {
        let mut zstd = Zstd::new()?;
        zstd.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW_LOG))?;
        Ok::<_, std::io::Error>(zstd)
    };
    narrow().map_err(|_| CodingFault::Damaged("zstd"))
}

fn zstd_step(
    zstd: &mut Zstd<'static>,
    frame_ended: &mut bool,
    input: &[u8],
    out: &mut [u8],
) -> Result<(usize, usize), CodingFault> {
    if input.is_empty() && *frame_ended {
        return Ok((0, 0));
    }
    match zstd.run_on_buffers(input, out) {
        Ok(status) => {
            *frame_ended = status.remaining == 0;
            Ok((status.bytes_read, status.bytes_written))
        }
        Err(_) if *frame_ended => Ok((input.len(), 0)),
        Err(_) => Err(CodingFault::Damaged("zstd")),
    }
}

/// RFC 1950: method 8, and the two header bytes are a multiple of 31.
fn is_zlib(head: &[u8]) -> bool {
    matches!(head, [a, b, ..] if a & 0x0f == 8 && (u16::from(*a) << 8 | u16::from(*b)).is_multiple_of(31))
}
