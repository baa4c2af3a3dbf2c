//! A fast origin for measurements: answers on every loopback address, 200 with gzip or 304, from bytes made before.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::documents::document;

/// Answers by path: whole responses, head included.
struct Pages {
    full: HashMap<String, Vec<u8>>,
    unchanged: HashMap<String, Vec<u8>>,
}

/// Serves `count` documents at `/0` … until killed; prints its port on standard output.
pub(crate) fn serve(count: usize) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
        let pages = Arc::new(pages(count));
        println!("{}", listener.local_addr().unwrap().port());
        let mut clients = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            clients.spawn(answer(stream, Arc::clone(&pages)));
            while clients.try_join_next().is_some() {}
        }
    });
}

fn pages(count: usize) -> Pages {
    let mut pages = Pages {
        full: HashMap::new(),
        unchanged: HashMap::new(),
    };
    for number in 0..count {
        let (kind, body) = document(number);
        let mut coder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(5));
        coder.write_all(body.as_bytes()).unwrap();
        let body = coder.finish().unwrap();
        let tags =
            format!("ETag: \"v1-{number}\"\r\nLast-Modified: Sun, 01 Nov 2026 10:00:00 GMT\r\n");
        let mut full = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Encoding: gzip\r\n{tags}Content-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        full.extend(body);
        pages.full.insert(format!("/{number}"), full);
        pages.unchanged.insert(
            format!("/{number}"),
            format!("HTTP/1.1 304 Not Modified\r\n{tags}\r\n").into_bytes(),
        );
    }
    pages
}

async fn answer(mut stream: TcpStream, pages: Arc<Pages>) {
    stream.set_nodelay(true).unwrap();
    let mut buffer = vec![0; 8192];
    let mut held = 0;
    loop {
        let Ok(read) = stream.read(&mut buffer[held..]).await else {
            return;
        };
        if read == 0 {
            return;
        }
        held += read;
        let Some(end) = buffer[..held]
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
        else {
            continue;
        };
        let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
        let path = head.split(' ').nth(1).unwrap_or_default();
        let shelf = if head.contains("\r\nif-none-match: ") {
            &pages.unchanged
        } else {
            &pages.full
        };
        let Some(bytes) = shelf.get(path) else { return };
        if stream.write_all(bytes).await.is_err() {
            return;
        }
        held = 0;
    }
}
