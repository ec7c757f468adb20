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
    /// How large a context window the model gets, where it has several.
    ContextTier {
        /// The usual context window of the model.
        Default = "default",
        /// The long context window of the model.
        LongContext = "long_context",
    }
}

vocabulary! {
    /// For how long the working directory is trusted.
    Trust {
        /// For this session only.
        Session = "session",
        /// From now on, for this user.
        User = "user",
    }
}

vocabulary! {
    /// Whether the session can be followed and steered from elsewhere.
    RemoteSession {
        /// The session is not visible elsewhere.
        Off = "off",
        /// It can be followed.
        Export = "export",
        /// It can be followed and steered.
        On = "on",
    }
}

vocabulary! {
    /// In which form the model asks the user.
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
        /// How full the window is when summarising starts, from 0 to 1; 0.8 unless set.
        background_compaction_threshold: (f64),
        /// How full the window is when the agent waits for the summary, from 0 to 1; 0.95 unless set.
        buffer_exhaustion_threshold: (f64),
    }
}

impl InfiniteSessions {
    /// No summaries, and no directory for the session.
    pub fn disabled() -> Self {
        Self::new().enabled(false)
    }
}

settings! {
    /// The handling of a tool's long output: the model gets its beginning and the path of a file with all of it. Wire:
    /// `largeOutput`.
    LargeOutput {
        /// Whether long output goes to a file.
        enabled: flag,
        /// How long output may be before it does, in bytes.
        max_size_bytes: (u64),
        /// The directory for these files.
        output_dir: text,
    }
}

impl LargeOutput {
    /// All output goes to the model, however long.
    pub fn disabled() -> Self {
        Self::new().enabled(false)
    }
}

settings! {
    /// Tool search: where there are many tools, the model searches for them instead of getting all their definitions.
    /// Wire: `toolSearch`.
    ToolSearch {
        /// Whether it may search.
        enabled: flag,
        /// How many tools there are before it does; 30 unless set.
        defer_threshold: (u64),
    }
}

settings! {
    /// Whether the agent makes images. Wire: `imageGeneration`.
    ImageGeneration {
        /// Enables the generation of images.
        enabled: flag,
        /// Whether they are marked as made by a machine.
        watermark: flag,
        /// Whether they are saved.
        save_to_disk: flag,
    }
}

settings! {
    /// Whether the agent remembers things across sessions. Wire: `memory`.
    Memory {
        /// Sets whether the agent remembers facts across sessions.
        enabled: flag,
        /// Where the model reads what is remembered.
        mode: (MemoryMode),
    }
}

vocabulary! {
    /// Where the model reads what is remembered.
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
    /// How requests to Copilot's own models travel. Wire: `capi`.
    CopilotApi {
        /// The tier that `auto` picks a model from.
        auto_tier: text,
        /// Whether the responses API is spoken over a WebSocket.
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
