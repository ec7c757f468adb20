//! A proxy between a client and a CLI over TCP that loses or repeats events.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use copilot::testing::Delivery;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Decides about an event of a session: the id of the session, and the event.
type Rule = Arc<dyn Fn(&str, &Value) -> Delivery + Send + Sync>;

/// Starts a proxy for one connection to the CLI at this port, and returns the address of the proxy.
///
/// Frames that are not events pass as they are. `Delivery::Late` is not supported.
///
/// # Panics
///
/// Panics if the loopback interface has no port.
pub async fn start(cli: u16, rule: impl Fn(&str, &Value) -> Delivery + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    let rule: Rule = Arc::new(rule);
    #[expect(clippy::disallowed_methods, reason = "the proxy ends with the runtime of its test")]
    tokio::spawn(async move {
        let (client, _) = listener.accept().await?;
        let cli = TcpStream::connect((Ipv4Addr::LOCALHOST, cli)).await?;
        client.set_nodelay(true)?;
        cli.set_nodelay(true)?;
        let (mut from_client, to_client) = client.into_split();
        let (from_cli, mut to_cli) = cli.into_split();
        let requests = async move { tokio::io::copy(&mut from_client, &mut to_cli).await.map(drop) };
        tokio::try_join!(requests, forward(from_cli, to_client, rule)).map(drop)
    });
    address
}

/// Passes the frames of the CLI on.
async fn forward(mut cli: OwnedReadHalf, mut client: OwnedWriteHalf, rule: Rule) -> io::Result<()> {
    let mut received = Vec::new();
    while cli.read_buf(&mut received).await? > 0 {
        let mut start = 0;
        while let Some(length) = frame(&received[start..]) {
            let whole = &received[start..start + length];
            for _ in 0..times(whole, &rule) {
                client.write_all(whole).await?;
            }
            start += length;
        }
        received.drain(..start);
    }
    client.shutdown().await
}

/// The length of the first frame with its header, once it is complete.
fn frame(received: &[u8]) -> Option<usize> {
    let body = received.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let header = std::str::from_utf8(&received[..body]).expect("a header is text");
    let length = header.lines().find_map(|line| line.strip_prefix("Content-Length: "));
    let length: usize = length.expect("a frame has a length").parse().expect("a length is a number");
    (received.len() >= body + length).then_some(body + length)
}

/// How often a frame is passed on.
fn times(whole: &[u8], rule: &Rule) -> usize {
    let body = whole.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |at| at + 4);
    let message: Value = serde_json::from_slice(&whole[body..]).expect("the CLI sends JSON");
    if message["method"] != "session.event" {
        return 1;
    }
    let session = message["params"]["sessionId"].as_str().unwrap_or_default();
    match rule(session, &message["params"]["event"]) {
        Delivery::Once => 1,
        Delivery::Twice => 2,
        Delivery::Lost => 0,
        other => panic!("the proxy does not support {other:?}"),
    }
}
