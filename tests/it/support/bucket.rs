//! A small storage that speaks S3 on a loopback socket: keeps what is put, hands it out, lists it (three keys a page)
//! and removes it; records every request. It can refuse with a status or fall silent, from a chosen request on.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Keys on a page of a listing.
const PAGE: usize = 3;

/// One request.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `PUT`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// By name in lower case.
    pub headers: BTreeMap<String, String>,
}

/// What was put.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Headers of the request, by name in lower case.
    pub headers: BTreeMap<String, String>,
    /// The bytes.
    pub body: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Mood {
    Well,
    /// Refuses with this status after so many more requests.
    Refuses(u16, usize),
    /// Takes requests and says nothing.
    Silent,
}

struct Inside {
    objects: BTreeMap<String, Kept>,
    asked: Vec<Asked>,
    mood: Mood,
}

/// The storage, with one bucket of any name. Its threads end with their connections.
pub struct Storage {
    address: SocketAddr,
    inside: Arc<Mutex<Inside>>,
}

impl Storage {
    /// An empty one.
    pub fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let inside = Arc::new(Mutex::new(Inside {
            objects: BTreeMap::new(),
            asked: Vec::new(),
            mood: Mood::Well,
        }));
        let shared = Arc::clone(&inside);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, inside }
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Keys of what is there.
    pub fn keys(&self) -> Vec<String> {
        self.inside
            .lock()
            .unwrap()
            .objects
            .keys()
            .cloned()
            .collect()
    }

    /// An object that must be there.
    pub fn object(&self, key: &str) -> Kept {
        let inside = self.inside.lock().unwrap();
        inside
            .objects
            .get(key)
            .unwrap_or_else(|| panic!("no {key}"))
            .clone()
    }

    /// Puts something behind the back of whoever writes here.
    pub fn meddle(&self, key: &str, change: impl FnOnce(&mut Kept)) {
        change(self.inside.lock().unwrap().objects.get_mut(key).unwrap());
    }

    /// Requests since the last call.
    pub fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.inside.lock().unwrap().asked)
    }

    /// Refuses everything with `status`, after `more` requests.
    pub fn refuse(&self, status: u16, more: usize) {
        self.inside.lock().unwrap().mood = Mood::Refuses(status, more);
    }

    /// Answers nothing any more.
    pub fn fall_silent(&self) {
        self.inside.lock().unwrap().mood = Mood::Silent;
    }

    /// Answers again.
    pub fn recover(&self) {
        self.inside.lock().unwrap().mood = Mood::Well;
    }
}

/// Requests of one connection, until it ends.
fn serve(stream: &TcpStream, inside: &Mutex<Inside>) {
    let mut reader = BufReader::new(stream);
    while let Some((asked, body)) = read(&mut reader) {
        let Some((status, headers, body)) = inside.lock().unwrap().answer(asked, body) else {
            // Silence lasts until the other side has had enough.
            reader.read_to_end(&mut Vec::new()).ok();
            return;
        };
        let mut out = stream;
        let head = format!(
            "HTTP/1.1 {status} x\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        if out
            .write_all(head.as_bytes())
            .and_then(|()| out.write_all(&body))
            .is_err()
        {
            return;
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<(Asked, Vec<u8>)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.to_owned());
    }
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((
        Asked {
            method,
            target,
            headers,
        },
        body,
    ))
}

type Answer = (u16, String, Vec<u8>);

impl Inside {
    fn answer(&mut self, asked: Asked, body: Vec<u8>) -> Option<Answer> {
        self.asked.push(asked.clone());
        match &mut self.mood {
            Mood::Silent => return None,
            Mood::Refuses(status, 0) => {
                let text = format!(
                    "<?xml version=\"1.0\"?>\n<Error><Code>Refused{status}</Code><Message>no</Message></Error>"
                );
                return Some((*status, String::new(), text.into_bytes()));
            }
            Mood::Refuses(_, more) => *more -= 1,
            Mood::Well => {}
        }
        let (path, query) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
        let key = path
            .trim_start_matches('/')
            .split_once('/')
            .map_or("", |(_, key)| key);
        let key = percent_encoding::percent_decode_str(key)
            .decode_utf8()
            .unwrap()
            .into_owned();
        Some(match (asked.method.as_str(), key.as_str()) {
            ("GET", "") => (200, String::new(), self.list(query).into_bytes()),
            ("PUT", _) => {
                let headers = asked.headers;
                self.objects.insert(key, Kept { headers, body });
                (200, String::from("ETag: \"x\"\r\n"), Vec::new())
            }
            ("DELETE", _) => {
                self.objects.remove(&key);
                (204, String::new(), Vec::new())
            }
            _ => match self.objects.get(&key) {
                Some(kept) => (200, handed_out(kept), kept.body.clone()),
                None => (
                    404,
                    String::new(),
                    b"<Error><Code>NoSuchKey</Code></Error>".to_vec(),
                ),
            },
        })
    }

    fn list(&self, query: &str) -> String {
        let said = |name: &str| {
            let found = query
                .split('&')
                .find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
            let found = percent_encoding::percent_decode_str(found.unwrap_or_default());
            found.decode_utf8().unwrap().into_owned()
        };
        let (prefix, after) = (said("prefix"), said("continuation-token"));
        let keys = self
            .objects
            .keys()
            .filter(|key| key.starts_with(&prefix) && **key > after);
        let keys: Vec<&String> = keys.take(PAGE).collect();
        let mut text = String::from("<?xml version=\"1.0\"?><ListBucketResult>");
        for key in &keys {
            text.push_str(&format!(
                "<Contents><Key>{key}</Key><LastModified>2026-11-23T12:00:00.000Z</LastModified><ETag>\"x\"</ETag><Size>1</Size></Contents>"
            ));
        }
        let more = keys.len() == PAGE;
        text.push_str(&format!("<IsTruncated>{more}</IsTruncated>"));
        if more {
            text.push_str(&format!(
                "<NextContinuationToken>{}</NextContinuationToken>",
                keys[PAGE - 1]
            ));
        }
        text + "</ListBucketResult>"
    }
}

/// Headers that were put with the object.
fn handed_out(kept: &Kept) -> String {
    let mut text = String::from("ETag: \"x\"\r\nLast-Modified: Mon, 23 Nov 2026 12:00:00 GMT\r\n");
    for name in ["content-type", "content-encoding", "cache-control"] {
        if let Some(value) = kept.headers.get(name) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    text
}
