//! The address of a CLI that somebody else has started. Pure.

use crate::error::{Error, ErrorKind, Result};

/// Reads `PORT`, `host:port`, `:port`, `[ipv6]:port`, with or without `http://` in front; gives `host:port`.
pub(super) fn parse(url: &str) -> Result<String> {
    let bad = |why: &str| {
        let message = format!(
            "`cli_url` is {url:?}, {why}; write `PORT`, `host:port` or `http://host:port`, such as `127.0.0.1:4321`"
        );
        Error::new(ErrorKind::Config, message)
    };
    let scheme = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
    let address = scheme.unwrap_or(url);
    if address.contains("://") {
        return Err(bad("which has a scheme other than http"));
    }
    let address = if scheme.is_some() { address.strip_suffix('/').unwrap_or(address) } else { address };
    if address.contains(['/', '?', '#']) {
        return Err(bad("which has a path"));
    }
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) => (host, port),
        None if address.bytes().all(|byte| byte.is_ascii_digit()) => ("", address),
        None => return Err(bad("which has no port")),
    };
    let port: u16 = port.parse().map_err(|_| bad("whose port is no number from 1 to 65535"))?;
    if port == 0 {
        return Err(bad("whose port is no number from 1 to 65535"));
    }
    let bracketed = host.starts_with('[') && host.ends_with(']');
    if host.contains(':') && !bracketed {
        return Err(bad("in which an IPv6 address has no brackets"));
    }
    // The CLI binds to the IPv4 loopback only, and `localhost` may resolve to the other one.
    let host = if host.is_empty() || host == "localhost" { "127.0.0.1" } else { host };
    Ok(format!("{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (url, address) in [
            ("4321", "127.0.0.1:4321"),
            (":4321", "127.0.0.1:4321"),
            ("localhost:80", "127.0.0.1:80"),
            ("example.test:80", "example.test:80"),
            ("http://10.0.0.1:80", "10.0.0.1:80"),
            ("https://host:443/", "host:443"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(parse(url).unwrap(), address, "{url}");
        }
    }

    #[test]
    fn bad_addresses_say_what_is_wrong() {
        for (url, why) in [
            ("", "no number"),
            ("host", "no port"),
            ("host:0", "1 to 65535"),
            ("host:65536", "1 to 65535"),
            ("host:", "1 to 65535"),
            ("http://host:80/path", "path"),
            ("ws://host:80", "scheme"),
            ("::1:80", "brackets"),
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(why), "{url}: {error}");
        }
    }
}
