//! The setters that a server has in common with a session, and those for HTTP.

use super::Server;
use crate::tools::tool_setters;

tool_setters!(
    Server,
    "Requires a tool of each of these crates: [`handle`](Self::handle) fails if the server has none.",
    "Sets the visibility of foreign errors to clients.",
    "All clients share it.",
);

impl Server {
    /// Sets the names under which clients reach the service over HTTP, each with or without a port, such as
    /// `tools.example.com`. A request with another `Host` header is refused, so that a web page cannot reach a local
    /// server by a name that it resolves itself. Default: `localhost`, `127.0.0.1` and `::1`.
    pub fn allowed_hosts(mut self, hosts: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.http.hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the origins of web pages that may call the service over HTTP, such as `https://app.example.com:443`; `:*`
    /// stands for any port. A request with another `Origin` header is refused; one without the header is not from a web
    /// page. Default: pages of `localhost`, `127.0.0.1` and `::1`.
    pub fn allowed_origins(mut self, origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.http.origins = origins.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the largest request over HTTP, in bytes. Default: 4 MiB.
    pub fn max_request(mut self, bytes: usize) -> Self {
        self.http.max_request = bytes;
        self
    }
}
