//! A CLI that misbehaves on command, over everything that carries bytes: memory, the pipes of a process, TCP.
//!
//! [`FakeCli`] decides every byte; a [`Carrier`] brings them to a client. `messages` lists what may be wrong with what
//! is sent, `mix` strews it among good messages, `endings` are the ways in which a connection ends.

pub mod endings;
pub mod messages;
pub mod mix;

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use copilot::testing::{FakeCli, memory_client};
use copilot::{Client, ClientBuilder};
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::fake::Fake;

/// The message that closes the CLI's input once it has arrived.
const DEAFENS: &str = "x.deafen";
/// How much a pipe in memory holds.
const PIPE: usize = 64 << 10;

/// The transport between the CLI and the client.
#[derive(Clone, Copy, Debug)]
pub enum Carrier {
    /// Pipes inside the process.
    Memory,
    /// The pipes of a process; this program is started, and does with bytes what `src/bin/relay.rs` says.
    Pipes(&'static str),
    /// A socket on the loopback interface.
    Tcp,
}

impl Carrier {
    /// All of them.
    pub fn all(relay: &'static str) -> [Self; 3] {
        [Self::Memory, Self::Pipes(relay), Self::Tcp]
    }

    /// A client of this CLI.
    pub async fn connect(self, cli: FakeCli) -> Fake {
        self.connect_with(cli, &Manner::default()).await
    }

    /// A client of this CLI, which behaves like this.
    pub async fn connect_with(self, cli: FakeCli, manner: &Manner) -> Fake {
        let Self::Memory = self else {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            let address = listener.local_addr().expect("it is bound").to_string();
            let builder = match self {
                Self::Pipes(relay) => Client::builder()
                    .cli_path(relay)
                    .env("RELAY_TO", &address)
                    .env("RELAY_DEAFENED_BY", DEAFENS),
                _ => Client::builder().cli_url(&address),
            };
            let accept = async {
                let (stream, _) = listener.accept().await.expect("the client connects");
                stream.set_nodelay(true).expect("a socket can be set up");
                if manner.resets {
                    stream.set_zero_linger().expect("a socket can be set up");
                }
                if manner.resets {
                    // Unlike the halves of a socket these say no farewell when they are dropped.
                    let (reader, writer) = tokio::io::split(stream);
                    manner.serve(&cli, reader, writer);
                } else {
                    let (reader, writer) = stream.into_split();
                    manner.serve(&cli, reader, writer);
                }
            };
            let (client, ()) = tokio::join!(manner.start(builder), accept);
            return Fake { cli, client };
        };
        let (builder, far) = memory_client(PIPE);
        manner.serve(&cli, Deafened(Some(far.reader)), far.writer);
        let client = manner.start(builder).await;
        Fake { cli, client }
    }
}

/// How a CLI behaves from the start.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// The bytes that it sends first.
    pub greeting: Vec<u8>,
    /// The number of bytes of each write, used in turn; empty: as many as possible.
    pub pieces: Vec<usize>,
    /// A TCP connection ends with a reset.
    pub resets: bool,
}

impl Manner {
    fn serve(
        &self,
        cli: &FakeCli,
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) {
        if self.pieces.is_empty() {
            cli.serve(reader, writer);
        } else {
            cli.serve(reader, Pieces { writer, sizes: self.pieces.clone(), at: 0 });
        }
        cli.raw(&self.greeting);
    }

    async fn start(&self, builder: ClientBuilder) -> Client {
        builder.auto_restart(false).start().await.expect("the fake CLI accepts every client")
    }
}

/// Writes at most this many bytes in one call.
struct Pieces<W> {
    writer: W,
    sizes: Vec<usize>,
    at: usize,
}

impl<W: AsyncWrite + Unpin> AsyncWrite for Pieces<W> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let size = self.sizes[self.at % self.sizes.len()].min(bytes.len());
        let written = Pin::new(&mut self.writer).poll_write(cx, &bytes[..size]);
        self.at += usize::from(written.is_ready());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.writer).poll_shutdown(cx)
    }
}

/// Closes what it reads from after [`DEAFENS`] has passed, as the process does.
struct Deafened(Option<DuplexStream>);

impl AsyncRead for Deafened {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Some(reader) = &mut self.0 else { return Poll::Pending };
        let read = Pin::new(reader).poll_read(cx, buf);
        if buf.filled().windows(DEAFENS.len()).any(|text| text == DEAFENS.as_bytes()) {
            self.0 = None;
        }
        read
    }
}

/// How many tasks the runtime has.
pub fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

/// Waits until the runtime has at most so many tasks: a dropped task ends when it is polled again.
pub async fn tasks_fall_to(most: usize) {
    while tasks() > most {
        tokio::task::yield_now().await;
    }
}
