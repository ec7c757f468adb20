//! The decision whether a call needs approval, from its arguments.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::tools::call::start::{decode, validate};
use crate::tools::compiled::Compiled;
use crate::tools::def::Approval;
use crate::tools::tool::Tool;

impl Tool {
    /// Returns whether a call with these arguments needs approval, as decided by the option `needs_approval`. Default:
    /// destructive tools need approval.
    ///
    /// The function of the option reads arguments with safe mistakes as a call does, corrected. It is not called for
    /// arguments that it cannot read: such a call needs approval.
    pub fn needs_approval(&self, arguments: &Value) -> bool {
        if !self.decides_approval() {
            return self.def().destructive;
        }
        let Ok(compiled) = self.compiled() else { return true };
        let text = if arguments.is_null() { "{}".to_owned() } else { arguments.to_string() };
        if let Some(decides) = self.dynamic().and_then(|dynamic| dynamic.needs_approval.as_ref()) {
            return self.decide_on_object(compiled, &text, decides).unwrap_or(true);
        }
        match self.def().needs_approval {
            Some(Approval::Object(decides)) => {
                self.decide_on_object(compiled, &text, decides).unwrap_or(true)
            }
            Some(Approval::Params(decides)) => decode(self, compiled, None, &text, decides).unwrap_or(true),
            None => true,
        }
    }

    fn decide_on_object(
        &self,
        compiled: &Compiled,
        text: &str,
        decides: impl Fn(&str) -> Option<bool>,
    ) -> Option<bool> {
        // The arguments that the call will see: a name in another case style must not hide its value.
        let decide = |keeps_null| decides(&validate(self, compiled, text, keeps_null).ok()?.text());
        // A type of the function may not take the `null` of an omitted argument, as the type of the tool does.
        decide(true).or_else(|| decide(false))
    }
}

/// A function that decides whether a call needs approval.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as `needs_approval`",
    label = "expected a function `fn(&Args) -> bool`",
    note = "`Args` is any type that implements `serde::Deserialize` and is read from the arguments object, such as the \
            struct of the tool's arguments or `serde_json::Value`",
    note = "to read single arguments, write a closure with their names: `needs_approval = |path| path.starts_with(\"/etc\")`"
)]
pub trait DecidesApproval<Args> {
    /// Returns whether a call with these arguments needs approval; `None` if they cannot be read.
    fn decide(&self, arguments: &str) -> Option<bool>;
}

#[diagnostic::do_not_recommend]
impl<F: Fn(&Args) -> bool, Args: DeserializeOwned> DecidesApproval<Args> for F {
    fn decide(&self, arguments: &str) -> Option<bool> {
        serde_json::from_str(arguments).ok().map(|arguments| self(&arguments))
    }
}

/// Decides with a function of the arguments object.
#[expect(clippy::needless_pass_by_value, reason = "the expansion passes a path or a closure")]
pub fn decide<Args>(function: impl DecidesApproval<Args>, arguments: &str) -> Option<bool> {
    function.decide(arguments)
}
