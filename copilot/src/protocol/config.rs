//! Values of members that `session.create` and `session.resume` share.

use serde::Serialize;

use crate::protocol::settings::settings;
use crate::protocol::vocabulary::vocabulary;

vocabulary! {
    /// The amount of its reasoning that the model summarises.
    ReasoningSummary {
        /// The model sends no summary.
        None = "none",
        /// The model sends a short summary.
        Concise = "concise",
        /// The model sends a long summary.
        Detailed = "detailed",
    }
}

vocabulary! {
    /// The size of the context window, for models that have several.
    ContextTier {
        /// The usual context window of the model.
        Default = "default",
        /// The long context window of the model.
        LongContext = "long_context",
    }
}

vocabulary! {
    /// The time for which the working directory is trusted.
    Trust {
        /// For this session only.
        Session = "session",
        /// From now on, for this user.
        User = "user",
    }
}

vocabulary! {
    /// Whether the session can be followed and steered from another device.
    RemoteSession {
        /// The session is not visible elsewhere.
        Off = "off",
        /// The session can be followed elsewhere.
        Export = "export",
        /// The session can be followed and steered elsewhere.
        On = "on",
    }
}

vocabulary! {
    /// The form in which the model asks the user.
    AskUserVariant {
        /// A question, with answers to choose from. It reaches
        /// [`on_user_input`](crate::SessionBuilder::on_user_input).
        Question = "legacy",
        /// A form. It reaches [`on_elicitation`](crate::SessionBuilder::on_elicitation).
        Form = "elicitation",
    }
}

/// The identity of the program towards the CLI's extensions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ExtensionInfo {
    pub(crate) source: String,
    pub(crate) name: String,
}

settings! {
    /// The handling of a conversation that outgrows the model's context window: it is summarised in the background
    /// before the window is full. Default: on. Wire: `infiniteSessions`.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    /// use copilot::memory::InfiniteSessions;
    ///
    /// let early = InfiniteSessions::new().background_compaction_threshold(0.5);
    /// let builder = Session::builder().infinite_sessions(early);
    /// let builder = builder.infinite_sessions(InfiniteSessions::disabled());
    /// # drop(builder);
    /// ```
    InfiniteSessions {
        /// Enables summaries of the conversation, and a directory for the session.
        enabled: flag,
        /// Sets the use of the window at which a summary starts, from 0 to 1. Default: 0.8.
        background_compaction_threshold: (f64),
        /// Sets the use of the window at which the agent waits for the summary, from 0 to 1. Default: 0.95.
        buffer_exhaustion_threshold: (f64),
    }
}

impl InfiniteSessions {
    /// Disables the summaries and the directory of the session.
    pub fn disabled() -> Self {
        Self::new().enabled(false)
    }
}

settings! {
    /// The handling of long output of tools, the program's own included: the CLI writes the text to a file, and the
    /// model reads its size, the path of the file and the first 500 characters. Failed results too; images and other
    /// content are not affected. Wire: `largeOutput`.
    ///
    /// The option `max_output` of a tool truncates the text before that, so that the file has the truncated text: a tool
    /// whose whole text should be in the file does not set it.
    ///
    /// - The model reads the file with tools of the CLI, such as `view` and `grep`, so the session's permissions must
    ///   allow [`Read`](crate::permissions::PermissionKind::Read).
    /// - The CLI deletes the file when the session is closed.
    /// - The CLI does not restrict who may read the file. By default it is in the directory for temporary files, where
    ///   other users of the machine may read it. [`output_dir`](Self::output_dir) prevents that.
    /// - When the CLI cannot write the file, the model reads the whole text.
    ///
    /// Observed on CLI 1.0.102.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use copilot::permissions::PermissionKind;
    /// use copilot::tool_filter::{LargeOutput, ToolOptions};
    /// use copilot::{Permissions, Session};
    ///
    /// # async fn example() -> copilot::Result<()> {
    /// let output = LargeOutput::new().max_size_bytes(8_000).output_dir("/var/lib/agent/output");
    /// let session = Session::builder()
    ///     .with_all_tools()
    ///     .tool_options(ToolOptions::new().large_output(output))
    ///     .permissions(Permissions::default().allow(PermissionKind::Read))
    ///     .start()
    ///     .await?;
    /// # drop(session);
    /// # Ok(())
    /// # }
    /// ```
    LargeOutput {
        /// Sets whether long output is written to a file. Default: `true`.
        enabled: flag,
        /// Sets the size above which output is written to a file, in bytes. Default: 20,480.
        max_size_bytes: (u64),
        /// Sets the directory of these files. A directory that does not exist is created when the session starts; on
        /// Unix only this user can enter it. An existing directory keeps its permissions. With `cli_url` or a
        /// `session_fs` the CLI creates it, and other users may be able to enter it. Default: that for temporary files.
        output_dir: text,
    }
}

impl LargeOutput {
    /// Sends all output to the model, however long.
    pub fn disabled() -> Self {
        Self::new().enabled(false)
    }
}

settings! {
    /// Tool search: where there are many tools, the model searches for them instead of getting all their definitions.
    /// Wire: `toolSearch`.
    ToolSearch {
        /// Enables the search for tools.
        enabled: flag,
        /// Sets the number of tools from which on the model searches. Default: 30.
        defer_threshold: (u64),
    }
}

settings! {
    /// The generation of images by the agent. Wire: `imageGeneration`.
    ImageGeneration {
        /// Enables the generation of images.
        enabled: flag,
        /// Sets whether images are marked as generated.
        watermark: flag,
        /// Sets whether images are saved to disk.
        save_to_disk: flag,
    }
}

settings! {
    /// The memory of the agent across sessions. Wire: `memory`.
    Memory {
        /// Sets whether the agent remembers facts across sessions.
        enabled: flag,
        /// Sets the place where the model reads the remembered facts.
        mode: (MemoryMode),
    }
}

vocabulary! {
    /// The place where the model reads the remembered facts.
    MemoryMode {
        /// In the system message.
        SystemPrompt = "system-prompt",
        /// With the user's message.
        UserPrompt = "user-prompt",
    }
}

settings! {
    /// The agent's work without messages of the user. Wire: `autopilot`.
    Autopilot {
        /// Sets whether the agent continues when it considers a step done.
        continuation_enabled: flag,
        /// Sets how often the agent continues without a message of the user.
        max_continues: (u64),
    }
}

settings! {
    /// The transport of requests to Copilot's own models. Wire: `capi`.
    CopilotApi {
        /// Sets the tier that `auto` selects a model from.
        auto_tier: text,
        /// Sets whether the responses API is used over a WebSocket.
        enable_web_socket_responses: flag,
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionLimits {
    pub(crate) max_ai_credits: f64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn groups_reach_the_wire() {
        let wire = |value: &dyn erased::ToJson| value.to_json();
        assert_eq!(wire(&InfiniteSessions::disabled()), json!({"enabled": false}));
        assert_eq!(
            wire(
                &InfiniteSessions::new()
                    .background_compaction_threshold(0.5)
                    .buffer_exhaustion_threshold(0.75)
            ),
            json!({"backgroundCompactionThreshold": 0.5, "bufferExhaustionThreshold": 0.75})
        );
        assert_eq!(
            wire(&LargeOutput::new().max_size_bytes(9).output_dir("/o")),
            json!({"maxSizeBytes": 9, "outputDir": "/o"})
        );
        assert_eq!(wire(&Memory::new().mode(MemoryMode::UserPrompt)), json!({"mode": "user-prompt"}));
        assert_eq!(wire(&ToolSearch::new().defer_threshold(3)), json!({"deferThreshold": 3}));
        assert_eq!(wire(&Autopilot::new().max_continues(2)), json!({"maxContinues": 2}));
        assert_eq!(
            wire(&CopilotApi::new().enable_web_socket_responses(false)),
            json!({"enableWebSocketResponses": false})
        );
    }

    /// `Serialize` as an object, to hold values of several types against JSON.
    mod erased {
        pub(super) trait ToJson {
            fn to_json(&self) -> serde_json::Value;
        }

        impl<T: serde::Serialize> ToJson for T {
            fn to_json(&self) -> serde_json::Value {
                serde_json::to_value(self).unwrap()
            }
        }
    }
}
