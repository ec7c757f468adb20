//! A connection to a CLI that listens on TCP.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Transport;
use crate::error::{Error, ErrorKind, Result};

/// Connects to `address` (`host:port`) within `limit`.
pub(crate) async fn connect(address: &str, limit: Duration) -> Result<Transport> {
    let stream = match timeout(limit, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(source)) => {
            let message = format!("cannot connect to the CLI at {address}; is it running there?");
            return Err(Error::with_source(ErrorKind::Transport, message, source));
        }
        Err(_) => {
            let message = format!("the CLI at {address} did not accept a connection within {limit:?}");
            return Err(Error::new(ErrorKind::Timeout, message));
        }
    };
    // A small frame must not wait for the acknowledgement of the previous one.
    stream.set_nodelay(true).map_err(|source| {
        Error::with_source(ErrorKind::Transport, format!("cannot set up the socket to {address}"), source)
    })?;
    let (reader, writer) = stream.into_split();
    Ok(Transport { address: Some(address.to_owned()), ..Transport::new(reader, writer) })
}
