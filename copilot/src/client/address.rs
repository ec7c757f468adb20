//! The address of a CLI that another program started. Pure.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::secret::redacted;

/// Reads `PORT`, `host:port`, `:port`, `[ipv6]:port`, with or without `http://` in front; returns `host:port`.
pub(super) fn parse(url: &str) -> Result<String> {
    let refuse = |why: &str, remedy: &str| {
        let message = format!("`cli_url` is {:?}, {why}; {remedy}", redacted(url));
        Error::new(ErrorKind::Configuration, message)
    };
    let bad =
        |why: &str| refuse(why, "write `PORT`, `host:port` or `http://host:port`, such as `127.0.0.1:4321`");
    // The scheme of a URL is case-insensitive.
    let has_scheme =
        |scheme: &str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    if has_scheme("https://") {
        let why = "and the connection to a CLI is never encrypted: the connection token and every message would be sent \
                   as plain text";
        let remedy = "reach a CLI on another machine through a tunnel, such as `ssh -L 4321:127.0.0.1:4321 host`, and \
                      write `127.0.0.1:4321`; where the network itself is safe, write `http://host:port`";
        return Err(refuse(why, remedy));
    }
    let scheme = has_scheme("http://").then(|| &url["http://".len()..]);
    let address = scheme.unwrap_or(url);
    if address.contains("://") {
        return Err(bad("which has a scheme other than http"));
    }
    if address.contains('@') {
        return Err(bad("which has user information; the secret of a CLI is set with `connection_token`"));
    }
    if address.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err(bad("which has white space or control characters"));
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
    let port: u16 = port.parse().map_err(|_| bad("whose port is not a number from 1 to 65535"))?;
    if port == 0 {
        return Err(bad("whose port is not a number from 1 to 65535"));
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
            ("HTTP://host:80/", "host:80"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(parse(url).unwrap(), address, "{url}");
        }
    }

    #[test]
    fn bad_addresses_are_refused_with_the_reason() {
        for (url, why) in [
            ("", "not a number"),
            ("host", "no port"),
            ("host:0", "1 to 65535"),
            ("host:65536", "1 to 65535"),
            ("host:", "1 to 65535"),
            ("http://host:80/path", "path"),
            ("ws://host:80", "scheme"),
            ("::1:80", "brackets"),
            ("my host:80", "white space"),
            ("host\u{7f}:80", "control characters"),
            ("host:80/", "path"),
            ("host:80?a", "path"),
            ("host:80#a", "path"),
            ("[::1:80", "brackets"),
            ("::1]:80", "brackets"),
            ("user@host:80", "user information"),
            ("https://host:443", "plain text"),
            ("HTTPS://host:443/", "plain text"),
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(why), "{url}: {error}");
        }
    }

    #[test]
    fn a_refused_address_shows_no_secret() {
        for url in [
            "http://u:hunter2@host:80",
            "hunter2@host:80",
            "http://host:80/?t=hunter2",
            "https://hunter2@h:1",
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(
                !error.contains("hunter2") && error.contains("host") | error.contains("@h:1"),
                "{url}: {error}"
            );
        }
    }
}
