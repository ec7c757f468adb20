//! The files and hosts that programs run by the agent may reach. Wire: `sandboxConfig`.

use serde::Serialize;

use crate::protocol::secret::Secret;
use crate::protocol::settings::{setter, settings};

/// A sandbox around what the agent runs: what its commands and servers may read, write and connect to. Wire:
/// `sandboxConfig`.
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
    /// A sandbox with the CLI's own rules.
    pub fn on() -> Self {
        Self::new(true)
    }

    /// No sandbox, whatever this machine is configured for.
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
        /// Whether the working directory may be written; it may unless set.
        working_directory: flag in add_current_working_directory
    }
    setter! {
        /// Whether the agent may ask for a command to be run outside of the sandbox; it may not unless set.
        bypass: flag in allow_bypass
    }
    setter! {
        /// Whether compilers, package managers and their caches may be used; they may unless set.
        dev_tools: flag in allow_dev_tool_access
    }
    setter! {
        /// Whether MCP servers run in the sandbox too; they do unless set.
        mcp_servers: flag in sandbox_mcp_servers
    }
    setter! {
        /// Whether language servers run in the sandbox too; they do unless set.
        lsp_servers: flag in sandbox_lsp_servers
    }
    setter! {
        /// Whether extensions run in the sandbox too; they do unless set.
        extensions: flag in sandbox_extensions
    }
    setter! {
        /// The logins that can be used inside without being seen there.
        logins: (SandboxLogins) in auth
    }

    /// The files that can be reached, besides those of the CLI's own rules.
    pub fn files(mut self, files: SandboxFiles) -> Self {
        self.policy().filesystem = Some(files);
        self
    }

    /// The network that can be reached.
    pub fn network(mut self, network: SandboxNetwork) -> Self {
        self.policy().network = Some(network);
        self
    }

    /// Whether the keychain of macOS can be reached.
    pub fn keychain(mut self, on: bool) -> Self {
        self.policy().seatbelt = Some(Seatbelt { keychain_access: on });
        self
    }

    fn policy(&mut self) -> &mut Policy {
        self.user_policy.get_or_insert_default()
    }
}

settings! {
    /// The logins that can be used inside a sandbox. The CLI puts them into requests on their way out.
    SandboxLogins {
        /// For git over HTTPS.
        git: flag,
        /// For GitHub's own command line.
        gh: flag,
    }
}

settings! {
    /// The files that can be reached from a sandbox.
    SandboxFiles {
        /// Paths that can be read.
        readonly: list as "readonlyPaths",
        /// Paths that can be read and written.
        readwrite: list as "readwritePaths",
        /// Paths that cannot be reached.
        denied: list as "deniedPaths",
    }
}

settings! {
    /// The network that can be reached from a sandbox.
    SandboxNetwork {
        /// Whether anything outside of this machine can be reached.
        outbound: flag as "allowOutbound",
        /// Whether this machine itself can be reached.
        local: flag as "allowLocalNetwork",
        /// The only hosts that can be reached, such as `example.com` or `*.example.com`.
        allowed_hosts: list,
        /// Hosts that cannot be reached, whatever is allowed.
        blocked_hosts: list,
        /// The proxy that everything goes through.
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
    /// The proxy at this URL, which has no user and no password in it.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), username: None, password: None }
    }

    /// The user and the password for it; the password does not show in `Debug`.
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
