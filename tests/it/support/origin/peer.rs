//! The server side of the fake origin: accepts, records, answers by the script.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::reply::Fault;
use super::{Recorded, Reply, Script, head_len};

#[derive(Clone)]
pub(super) struct Peer {
    pub(super) script: Arc<Mutex<Script>>,
    pub(super) release: watch::Receiver<bool>,
    pub(super) noted: Arc<watch::Sender<usize>>,
    pub(super) acceptor: Option<TlsAcceptor>,
}

impl Peer {
    pub(super) async fn accept(self, listener: TcpListener) {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let mut connections = JoinSet::new();
        while let Ok((mut socket, _)) = listener.accept().await {
            let peer = self.clone();
            connections.spawn(async move {
                let greeting = {
                    let mut script = peer.script.lock().unwrap();
                    script.connections += 1;
                    script.greeting.clone()
                };
                if let Some(greeting) = greeting {
                    socket.write_all(&greeting).await.ok();
                    // Reading to the end keeps the reset away that would swallow the greeting.
                    socket.shutdown().await.ok();
                    socket.read_to_end(&mut Vec::new()).await.ok();
                } else if let Some(acceptor) = peer.acceptor.clone() {
                    let Ok(mut socket) = acceptor.accept(socket).await else {
                        return;
                    };
                    if socket.get_ref().1.alpn_protocol() == Some(b"h2") {
                        socket.write_all(&[0xff; 64]).await.ok();
                        // As above: a reset would look like a broken network, not like a broken HTTP/2.
                        socket.shutdown().await.ok();
                        socket.read_to_end(&mut Vec::new()).await.ok();
                    } else {
                        peer.talk(socket).await;
                    }
                } else {
                    peer.talk(socket).await;
                }
            });
        }
    }

    async fn talk(mut self, mut socket: impl AsyncRead + AsyncWrite + Unpin) {
        while let Some(request) = read_request(&mut socket).await {
            let reply = self.next_reply(request);
            if self.answer(&mut socket, reply).await.is_none() {
                socket.shutdown().await.ok();
                return;
            }
        }
    }

    fn next_reply(&self, request: Recorded) -> Reply {
        let mut script = self.script.lock().unwrap();
        let path = request.target.split('?').next().unwrap_or_default();
        let key = if script.replies.contains_key(&request.target) {
            request.target.as_str()
        } else {
            path
        };
        let reply = match script.replies.get_mut(key) {
            Some(replies) if replies.len() > 1 => replies.remove(0),
            Some(replies) => replies[0].clone(),
            None => Reply::status(404),
        };
        let unchanged = reply.conditional && reply.matches(&request);
        script.requests.push(request);
        self.noted.send_replace(script.requests.len());
        if unchanged {
            Reply {
                status: 304,
                body: Vec::new(),
                ..reply
            }
        } else {
            reply
        }
    }

    /// None when the connection is to be closed.
    async fn answer(&mut self, socket: &mut (impl AsyncWrite + Unpin), reply: Reply) -> Option<()> {
        let length = reply.length.unwrap_or(reply.body.len());
        let head = reply.head(reply.status, (reply.status != 304).then_some(length));
        let (sent, rest) = match reply.fault {
            Fault::Close => return None,
            Fault::Raw(bytes) => {
                socket.write_all(&bytes).await.ok()?;
                return None;
            }
            Fault::Endless(begin, chunk) => {
                socket.write_all(&begin).await.ok()?;
                while socket.write_all(&chunk).await.is_ok() {}
                return None;
            }
            Fault::Hold => {
                self.release.wait_for(|released| *released).await.ok()?;
                (reply.body.len(), true)
            }
            Fault::Cut(bytes) => (bytes, false),
            Fault::HoldAfter(bytes) => (bytes, true),
            Fault::None => (reply.body.len(), true),
        };
        socket.write_all(&head).await.ok()?;
        socket.write_all(&reply.body[..sent]).await.ok()?;
        if sent < reply.body.len() && rest {
            socket.flush().await.ok()?;
            self.release.wait_for(|released| *released).await.ok()?;
            socket.write_all(&reply.body[sent..]).await.ok()?;
        }
        socket.flush().await.ok()?;
        (rest && reply.length.is_none()).then_some(())
    }
}

async fn read_request(socket: &mut (impl AsyncRead + Unpin)) -> Option<Recorded> {
    let mut raw = Vec::new();
    let head = loop {
        if let Some(head) = head_len(&raw) {
            break head;
        }
        if socket.read_buf(&mut raw).await.ok()? == 0 {
            return None;
        }
    };
    let line = String::from_utf8_lossy(&raw[..raw.iter().position(|b| *b == b'\r')?]).into_owned();
    let mut words = line.split(' ').map(str::to_owned);
    let mut request = Recorded {
        method: words.next()?,
        target: words.next()?,
        raw,
        at: std::time::Instant::now(),
    };
    let body = request
        .header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    while request.raw.len() < head + body {
        if socket.read_buf(&mut request.raw).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}
