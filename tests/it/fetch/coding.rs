//! R2.20, R2.21: content codings by hand, and bombs.

use std::io::Write as _;

use feedmill::fetch::{CodingFault, Decoder};
use feedmill::model::TroubleClass;
use proptest::prelude::*;

use super::{body, failure, fetcher, first};
use crate::support::origin::{Origin, Reply, gzip};

const TEXT: &[u8] = b"<rss><channel><title>T\xc3\xb3m t\xe1\xba\xaft</title></channel></rss>";
const CAP: u64 = 30 << 20;

fn zlib(body: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(body).unwrap();
    coder.finish().unwrap()
}

fn raw_deflate(body: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(body).unwrap();
    coder.finish().unwrap()
}

fn brotli(mut body: &[u8]) -> Vec<u8> {
    let mut coded = Vec::new();
    // Quality 11 takes most of a test's time and decodes no differently.
    let quick = brotli::enc::BrotliEncoderParams {
        quality: 3,
        ..Default::default()
    };
    brotli::BrotliCompress(&mut body, &mut coded, &quick).unwrap();
    coded
}

fn zstd(body: &[u8]) -> Vec<u8> {
    zstd::encode_all(body, 3).unwrap()
}

/// Pieces of `piece` bytes, as a network might deliver them.
fn decode(coding: &str, wire: &[u8], piece: usize) -> Result<Vec<u8>, CodingFault> {
    let mut decoder = Decoder::new([coding], CAP)?;
    wire.chunks(piece)
        .try_for_each(|chunk| decoder.push(chunk))?;
    decoder.finish()
}

#[track_caller]
fn check(coding: &str, wire: &[u8]) {
    for piece in [1, 2, 7, wire.len()] {
        assert_eq!(
            decode(coding, wire, piece).as_deref(),
            Ok(TEXT),
            "{coding} in pieces of {piece}"
        );
    }
}

#[test]
fn r2_20_every_coding_in_pieces_of_any_size() {
    check("", TEXT);
    check("identity", TEXT);
    check("gzip", &gzip(TEXT));
    check("X-GZIP", &gzip(TEXT));
    check("deflate", &zlib(TEXT));
    check("deflate", &raw_deflate(TEXT));
    check("br", &brotli(TEXT));
    check("zstd", &zstd(TEXT));
}

#[test]
fn r2_20_stacked_unlabelled_and_sloppy_bodies() {
    check("gzip, br", &brotli(&gzip(TEXT)));
    check("deflate, gzip", &gzip(&zlib(TEXT)));
    check("", &gzip(TEXT));
    check("gzip", TEXT);
    for coding in ["gzip", "br", "zstd", "deflate"] {
        let coded = match coding {
            "gzip" => gzip(TEXT),
            "br" => brotli(TEXT),
            "zstd" => zstd(TEXT),
            _ => zlib(TEXT),
        };
        check(coding, &[&coded[..], b"\0\0garbage after the end"].concat());
    }
    let (a, b) = TEXT.split_at(20);
    check("gzip", &[gzip(a), gzip(b)].concat());
    check("zstd", &[zstd(a), zstd(b)].concat());
    let named = [
        &[
            0x1f,
            0x8b,
            8,
            4 | 8 | 16 | 2,
            0,
            0,
            0,
            0,
            0,
            3,
            2,
            0,
            b'x',
            b'y',
        ][..],
        b"name\0comment\0\0\0",
    ]
    .concat();
    check("gzip", &[&named[..], &gzip(TEXT)[10..]].concat());
}

#[test]
fn r2_20_damage_is_named() {
    let unknown = CodingFault::Unknown("aes128gcm".into());
    assert_eq!(decode("aes128gcm", TEXT, 9), Err(unknown));
    assert_eq!(
        decode("gzip, gzip, gzip", TEXT, 9),
        Err(CodingFault::TooMany)
    );
    for (coding, coded) in [
        ("gzip", gzip(TEXT)),
        ("br", brotli(TEXT)),
        ("zstd", zstd(TEXT)),
        ("deflate", zlib(TEXT)),
    ] {
        for end in 1..coded.len() - usize::from(coding == "deflate") * 4 {
            assert!(
                decode(coding, &coded[..end], 5).is_err(),
                "{coding} cut at {end} of {}",
                coded.len()
            );
        }
    }
    let mut wrong_sum = gzip(TEXT);
    let sum_at = wrong_sum.len() - 8;
    wrong_sum[sum_at] ^= 1;
    assert_eq!(
        decode("gzip", &wrong_sum, 9),
        Err(CodingFault::Damaged("gzip"))
    );
}

#[test]
fn r2_21_caps_bind_while_streaming() {
    let mut plain = Decoder::new([""], 10).unwrap();
    assert_eq!(plain.push(&[b'x'; 11]), Err(CodingFault::TooLarge(10)));
    let noise: Vec<u8> = (0..150_000_u32)
        .flat_map(|n| blake3::hash(&n.to_le_bytes()).as_bytes()[..2].to_vec())
        .collect();
    let mut coded = Decoder::new(["gzip"], 1 << 17).unwrap();
    let result = gzip(&noise)
        .chunks(4096)
        .try_for_each(|chunk| coded.push(chunk));
    assert_eq!(result, Err(CodingFault::TooLarge(1 << 17)));
}

#[test]
fn net_6_bombs() {
    let zeros = vec![0; 8 << 20];
    let mut nested = gzip(&gzip(&zeros));
    for (coding, bomb) in [
        ("gzip", gzip(&zeros)),
        ("br", brotli(&zeros)),
        ("zstd", zstd(&zeros)),
        ("deflate", zlib(&zeros)),
    ] {
        let fault = decode(coding, &bomb, 4096).unwrap_err();
        assert!(matches!(fault, CodingFault::Bomb), "{coding}: {fault}");
    }
    assert!(decode("gzip, gzip", &nested, 4096).is_err());
    nested.truncate(1000);
    assert!(decode("gzip, gzip", &nested, 4096).is_err());
}

/// Large-window brotli begins with the byte 0x11 (RFC 7932, 9.1 reserves it) and then names a window of up to 2^30; a
/// zstd frame names its window in its second header byte.
#[test]
fn net_6_windows_are_bounded() {
    for window in [25_u8, 28, 30] {
        assert_eq!(
            decode("br", &[0x11, window, 0, 0, 0, 0], 6),
            Err(CodingFault::Damaged("brotli"))
        );
    }
    for (log, accepted) in [(23_u8, true), (24, false), (27, false), (31, false)] {
        // Magic, descriptor without content size, window 2^log, one raw last block of one byte.
        let frame = [0x28, 0xb5, 0x2f, 0xfd, 0, (log - 10) << 3, 9, 0, 0, b'x'];
        assert_eq!(decode("zstd", &frame, 10).is_ok(), accepted, "2^{log}");
    }
}

#[tokio::test]
async fn r2_20_codings_over_the_wire() {
    let origin = Origin::start().await;
    origin
        .reply("/gzip", Reply::ok(TEXT).gzip())
        .reply("/br", Reply::ok(TEXT).br());
    origin
        .reply("/zstd", Reply::ok(TEXT).zstd())
        .reply("/both", Reply::ok(TEXT).gzip().br());
    for path in ["/gzip", "/br", "/zstd", "/both"] {
        let report = first(&fetcher(), &origin.url(path)).await;
        assert_eq!(body(&report), Some(TEXT), "{path}");
        assert_ne!(report.received_bytes, TEXT.len() as u64, "counts the wire");
    }
    let zeros = vec![0; 4 << 20];
    origin.reply("/bomb", Reply::ok(zeros).gzip());
    assert_eq!(
        failure(&first(&fetcher(), &origin.url("/bomb")).await).0,
        TroubleClass::TooLarge
    );
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn r2_20_what_was_coded_is_decoded(document: Vec<u8>, piece in 1_usize..64) {
        // An empty body stands for itself; a document that looks like gzip is gzip.
        prop_assume!(!document.starts_with(&[0x1f, 0x8b]));
        for (coding, coded) in [
            ("gzip", gzip(&document)), ("br", brotli(&document)), ("zstd", zstd(&document)), ("deflate", zlib(&document)),
        ] {
            let decoded = decode(coding, &coded, piece);
            prop_assert_eq!(decoded.as_ref(), Ok(&document));
        }
    }

    #[test]
    fn r2_20_garbage_never_panics(garbage: Vec<u8>, piece in 1_usize..64, coding in "(gzip|br|zstd|deflate)(, (gzip|br|zstd|deflate))?") {
        if let Ok(document) = decode(&coding, &garbage, piece) {
            prop_assert!(document.len() as u64 <= CAP);
        }
    }
}
