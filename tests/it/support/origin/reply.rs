//! What the fake origin answers: one scripted reply, well or badly behaved.

use std::io::Write as _;

use super::Recorded;

/// One scripted answer. `Reply::ok("body")` is a plain 200; the other methods bend it.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) length: Option<usize>,
    pub(super) conditional: bool,
    pub(super) fault: Fault,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    None,
    Cut(usize),
    HoldAfter(usize),
    Hold,
    Close,
    Raw(Vec<u8>),
    Endless(Vec<u8>, Vec<u8>),
}

impl Reply {
    /// A bare answer with `status` and no body.
    pub fn status(status: u16) -> Self {
        let (headers, body) = (Vec::new(), Vec::new());
        Self {
            status,
            headers,
            body,
            length: None,
            conditional: false,
            fault: Fault::None,
        }
    }

    /// 200 with a body.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: body.into(),
            ..Self::status(200)
        }
    }

    /// A redirect.
    pub fn redirect(status: u16, location: &str) -> Self {
        Self::status(status).header("Location", location)
    }

    /// These very bytes, then the connection is closed.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            fault: Fault::Raw(bytes.into()),
            ..Self::status(0)
        }
    }

    /// These very bytes, then `chunk` again and again until the client goes away: endless headers, bodies, 1xx.
    pub fn endless(begin: impl Into<Vec<u8>>, chunk: impl Into<Vec<u8>>) -> Self {
        Self {
            fault: Fault::Endless(begin.into(), chunk.into()),
            ..Self::status(0)
        }
    }

    /// The connection is closed without an answer.
    pub fn close() -> Self {
        Self {
            fault: Fault::Close,
            ..Self::status(0)
        }
    }

    /// Adds a header line; any bytes.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers
            .push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// Sets the body.
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self {
            body: body.into(),
            ..self
        }
    }

    /// Encodes the body and says so; may be stacked.
    pub fn gzip(mut self) -> Self {
        self.body = gzip(&self.body);
        self.header("Content-Encoding", "gzip")
    }

    /// As [`Reply::gzip`].
    pub fn br(mut self) -> Self {
        let mut coded = Vec::new();
        let mut body = self.body.as_slice();
        brotli::BrotliCompress(
            &mut body,
            &mut coded,
            &brotli::enc::BrotliEncoderParams::default(),
        )
        .unwrap();
        self.body = coded;
        self.header("Content-Encoding", "br")
    }

    /// As [`Reply::gzip`].
    pub fn zstd(mut self) -> Self {
        self.body = zstd::encode_all(self.body.as_slice(), 3).unwrap();
        self.header("Content-Encoding", "zstd")
    }

    /// Declares this Content-Length, whatever the body is.
    pub fn length(self, length: usize) -> Self {
        Self {
            length: Some(length),
            ..self
        }
    }

    /// Declares the whole length, sends only so many bytes of the body, and closes.
    pub fn cut_at(self, bytes: usize) -> Self {
        Self {
            fault: Fault::Cut(bytes),
            ..self
        }
    }

    /// Says nothing until [`Origin::release`].
    pub fn hold(self) -> Self {
        Self {
            fault: Fault::Hold,
            ..self
        }
    }

    /// Sends the head and so many bytes of the body, the rest only after [`Origin::release`].
    pub fn hold_after(self, bytes: usize) -> Self {
        Self {
            fault: Fault::HoldAfter(bytes),
            ..self
        }
    }

    /// Answers 304 (with the validators) to a request that repeats this reply's ETag, or, without If-None-Match, its
    /// Last-Modified; byte for byte, as strict servers do.
    pub fn honouring_validators(self) -> Self {
        Self {
            conditional: true,
            ..self
        }
    }

    fn sent(&self, name: &str) -> Option<&[u8]> {
        self.headers
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_slice())
    }

    pub(super) fn matches(&self, request: &Recorded) -> bool {
        match request.header_bytes("if-none-match") {
            Some(tag) => self.sent("etag") == Some(tag),
            None => request
                .header_bytes("if-modified-since")
                .is_some_and(|date| self.sent("last-modified") == Some(date)),
        }
    }

    pub(super) fn head(&self, status: u16, length: Option<usize>) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {status} scripted\r\n").into_bytes();
        for (name, value) in &self.headers {
            head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        if let Some(length) = length {
            head.extend(format!("Content-Length: {length}\r\n").into_bytes());
        }
        head.extend(b"\r\n");
        head
    }
}

/// `body` as one gzip member.
pub fn gzip(body: &[u8]) -> Vec<u8> {
    let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    coder.write_all(body).unwrap();
    coder.finish().unwrap()
}
