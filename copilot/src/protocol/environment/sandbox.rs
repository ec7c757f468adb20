//! The files and hosts that programs run by the agent may reach. Wire: `sandboxConfig`.

use serde::Serialize;

use crate::protocol::secret::Secret;
use crate::protocol::settings::{setter, settings};

/// A sandbox for the programs that the agent runs: the files that its commands and servers may read and write, and the
/// hosts that they may connect to. Wire: `sandboxConfig`.
///
/// # Examples
///
/// ```
/// use copilot::Session;
/// use copilot::sandbox::{Sandbox, SandboxFiles, SandboxNetwork};
///
/// let sandbox = Sandbox::on()
///     .files(SandboxFiles::new().readonly(["/usr/share/dict"]).denied(["/srv/secrets"]))
///     .network(SandboxNetwork::new().outbound(false));
/// let builder = Session::builder().sandbox(sandbox);
/// # drop(builder);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct Sandbox {
    enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    add_current_working_directory: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_bypass: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    allow_dev_tool_access: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox_mcp_servers: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox_lsp_servers: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sandbox_extensions: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<SandboxLogins>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_policy: Option<Policy>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    #[serde(skip_serializing_if = "Option::is_none")]
    filesystem: Option<SandboxFiles>,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<SandboxNetwork>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seatbelt: Option<Seatbelt>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Seatbelt {
    keychain_access: bool,
}

impl Sandbox {
    /// Creates a sandbox with the CLI's own rules.
    pub fn on() -> Self {
        Self::new(true)
    }

    /// Disables the sandbox, even where this machine is configured for one.
    pub fn off() -> Self {
        Self::new(false)
    }

    fn new(enabled: bool) -> Self {
        Self {
            enabled,
            add_current_working_directory: None,
            allow_bypass: None,
            allow_dev_tool_access: None,
            sandbox_mcp_servers: None,
            sandbox_lsp_servers: None,
            sandbox_extensions: None,
            auth: None,
            user_policy: None,
        }
    }

    setter! {
        /// Sets whether the working directory may be written. Default: true.
        working_directory: flag in add_current_working_directory
    }
    setter! {
        /// Sets whether the agent may ask to run a command outside the sandbox. Default: false.
        bypass: flag in allow_bypass
    }
    setter! {
        /// Sets whether compilers, package managers and their caches may be used. Default: true.
        dev_tools: flag in allow_dev_tool_access
    }
    setter! {
        /// Sets whether MCP servers run in the sandbox too. Default: true.
        mcp_servers: flag in sandbox_mcp_servers
    }
    setter! {
        /// Sets whether language servers run in the sandbox too. Default: true.
        lsp_servers: flag in sandbox_lsp_servers
    }
    setter! {
        /// Sets whether extensions run in the sandbox too. Default: true.
        extensions: flag in sandbox_extensions
    }
    setter! {
        /// Sets the logins that can be used inside without being visible there.
        logins: (SandboxLogins) in auth
    }

    /// Sets the files that can be reached, besides those of the CLI's own rules.
    pub fn files(mut self, files: SandboxFiles) -> Self {
        self.policy().filesystem = Some(files);
        self
    }

    /// Sets the network that can be reached.
    pub fn network(mut self, network: SandboxNetwork) -> Self {
        self.policy().network = Some(network);
        self
    }

    /// Sets whether the keychain of macOS can be reached.
    pub fn keychain(mut self, on: bool) -> Self {
        self.policy().seatbelt = Some(Seatbelt { keychain_access: on });
        self
    }

    fn policy(&mut self) -> &mut Policy {
        self.user_policy.get_or_insert_default()
    }
}

settings! {
    /// The logins that can be used inside a sandbox. The CLI adds them to requests that leave the sandbox.
    SandboxLogins {
        /// Sets whether git over HTTPS has the user's login.
        git: flag,
        /// Sets whether GitHub's command line tool has the user's login.
        gh: flag,
    }
}

settings! {
    /// The files that can be reached from a sandbox.
    SandboxFiles {
        /// Sets the paths that can be read.
        readonly: list as "readonlyPaths",
        /// Sets the paths that can be read and written.
        readwrite: list as "readwritePaths",
        /// Sets the paths that cannot be reached.
        denied: list as "deniedPaths",
    }
}

settings! {
    /// The network that can be reached from a sandbox.
    SandboxNetwork {
        /// Sets whether hosts outside this machine can be reached.
        outbound: flag as "allowOutbound",
        /// Sets whether this machine itself can be reached.
        local: flag as "allowLocalNetwork",
        /// Sets the only hosts that can be reached, such as `example.com` or `*.example.com`.
        allowed_hosts: list,
        /// Sets the hosts that cannot be reached, even where they are allowed.
        blocked_hosts: list,
        /// Sets the proxy for all traffic.
        proxy: (SandboxProxy),
    }
}

/// The proxy that a sandbox's traffic goes through.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[must_use]
pub struct SandboxProxy {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<Secret>,
}

impl SandboxProxy {
    /// Creates the proxy at this URL, which must not hold a user or a password.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), username: None, password: None }
    }

    /// Sets the user and the password of the proxy; the password does not show in `Debug`.
    pub fn login(mut self, username: impl Into<String>, password: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self.password = Some(Secret::from(password));
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_sandbox_reaches_the_wire() {
        let wire = |sandbox| serde_json::to_value::<Sandbox>(sandbox).unwrap();
        assert_eq!(wire(Sandbox::off()), json!({"enabled": false}));
        let full = Sandbox::on()
            .working_directory(false)
            .bypass(false)
            .dev_tools(true)
            .mcp_servers(true)
            .lsp_servers(false)
            .extensions(true)
            .keychain(false)
            .logins(SandboxLogins::new().git(true).gh(false))
            .files(SandboxFiles::new().readonly(["/r"]).readwrite(["/w"]).denied(["/d"]))
            .network(
                SandboxNetwork::new()
                    .outbound(true)
                    .local(false)
                    .allowed_hosts(["a.example"])
                    .blocked_hosts(["b.example"])
                    .proxy(SandboxProxy::new("http://p.example:1").login("u", "p")),
            );
        assert_eq!(
            wire(full),
            json!({
                "enabled": true, "addCurrentWorkingDirectory": false, "allowBypass": false,
                "allowDevToolAccess": true, "sandboxMcpServers": true, "sandboxLspServers": false,
                "sandboxExtensions": true, "auth": {"git": true, "gh": false},
                "userPolicy": {
                    "filesystem": {"readonlyPaths": ["/r"], "readwritePaths": ["/w"], "deniedPaths": ["/d"]},
                    "network": {
                        "allowOutbound": true, "allowLocalNetwork": false, "allowedHosts": ["a.example"],
                        "blockedHosts": ["b.example"],
                        "proxy": {"url": "http://p.example:1", "username": "u", "password": "p"},
                    },
                    "seatbelt": {"keychainAccess": false},
                },
            })
        );
    }

    #[test]
    fn the_password_of_a_proxy_does_not_show() {
        let shown = format!("{:?}", SandboxProxy::new("http://p").login("u", "hunter2"));
        assert!(shown.contains("redacted") && !shown.contains("hunter2"), "{shown}");
    }
}
