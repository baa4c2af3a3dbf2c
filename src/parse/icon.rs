//! What a picture is, by its first bytes: takes bytes as they came, gives the kind that may be shown. Refuses whatever
//! is none of the five, SVG among it, and pictures that would be larger in a reader's memory than they let on.

use crate::model::IconKind;

/// Longest side, pixels: what stands beside a name needs no more.
const LONGEST_SIDE: u32 = 1024;

/// What `bytes` are, when they are a picture of fitting size.
#[must_use]
pub fn icon_kind(bytes: &[u8]) -> Option<IconKind> {
    let (kind, sides) = match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => (IconKind::Png, png(bytes)),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => (IconKind::Gif, little(bytes, 6)),
        [0xff, 0xd8, 0xff, ..] => (IconKind::Jpeg, jpeg(bytes)),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => (IconKind::Webp, webp(bytes)),
        [0, 0, 1, 0, ..] => (IconKind::Ico, ico(bytes)),
        _ => return None,
    };
    let fits = |side: u32| (1..=LONGEST_SIDE).contains(&side);
    sides
        .filter(|(width, height)| fits(*width) && fits(*height))
        .map(|_| kind)
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

/// Two little-endian halves.
fn little(bytes: &[u8], at: usize) -> Option<(u32, u32)> {
    let side = |at| array(bytes, at).map(u16::from_le_bytes).map(u32::from);
    Some((side(at)?, side(at + 2)?))
}

/// The header chunk comes first.
fn png(bytes: &[u8]) -> Option<(u32, u32)> {
    let side = |at| array(bytes, at).map(u32::from_be_bytes);
    (array(bytes, 12)? == *b"IHDR").then_some(())?;
    Some((side(16)?, side(20)?))
}

/// The sides stand in the frame's header, behind segments that tell their own length.
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut at = 2;
    loop {
        let [mark, kind, high, low] = array(bytes, at)?;
        (mark == 0xff).then_some(())?;
        let frame = matches!(kind, 0xc0..=0xcf) && !matches!(kind, 0xc4 | 0xc8 | 0xcc);
        if frame {
            let side = |at| array(bytes, at).map(u16::from_be_bytes).map(u32::from);
            return Some((side(at + 7)?, side(at + 5)?));
        }
        at += 2 + usize::from(u16::from_be_bytes([high, low]));
    }
}

fn webp(bytes: &[u8]) -> Option<(u32, u32)> {
    match &array(bytes, 12)? {
        b"VP8 " => {
            let (width, height) = little(bytes, 26)?;
            Some((width & 0x3fff, height & 0x3fff))
        }
        b"VP8L" => {
            let bits = u32::from_le_bytes(array(bytes, 21)?);
            Some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            let side = |at| {
                let [a, b, c] = array(bytes, at)?;
                Some(u32::from_le_bytes([a, b, c, 0]) + 1)
            };
            Some((side(24)?, side(27)?))
        }
        _ => None,
    }
}

/// The longest sides of the pictures in it, each a bitmap of at most 256 pixels or a PNG.
fn ico(bytes: &[u8]) -> Option<(u32, u32)> {
    let count = u16::from_le_bytes(array(bytes, 4)?);
    let mut longest = None;
    for index in 0..usize::from(count) {
        let entry: [u8; 16] = array(bytes, 6 + 16 * index)?;
        let side = |written: u8| {
            if written == 0 {
                256
            } else {
                u32::from(written)
            }
        };
        let start = u32::from_le_bytes(array(&entry, 12)?) as usize;
        let inside = bytes.get(start..)?;
        let sides = if inside.starts_with(b"\x89PNG") {
            png(inside)?
        } else {
            (side(entry[0]), side(entry[1]))
        };
        let (width, height) = longest.unwrap_or(sides);
        longest = Some((sides.0.max(width), sides.1.max(height)));
    }
    longest
}
