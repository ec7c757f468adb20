//! The timeouts of a session's tools. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::tools::tool::Tool;

/// The timeout of a tool for which no other is set.
const DEFAULT: Duration = Duration::from_secs(120);

/// The timeouts that a session sets for tools without one of their own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeouts {
    pub(crate) session: Option<Duration>,
    pub(crate) groups: BTreeMap<String, Duration>,
}

impl Timeouts {
    /// Returns the timeout of a tool: its own, else that of its group, else that of the session, else two minutes.
    pub(crate) fn of(&self, tool: &Tool) -> Duration {
        let of_group = || tool.group().and_then(|group| self.groups.get(group).copied());
        tool.timeout().or_else(of_group).or(self.session).unwrap_or(DEFAULT)
    }

    /// Returns whether nothing is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.session.is_none() && self.groups.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::DynTool;

    #[test]
    fn the_narrowest_timeout_counts() {
        let [own, group, session] = [1, 2, 3].map(Duration::from_secs);
        let tool = || DynTool::new("x", "X.").group("g");
        let mut timeouts = Timeouts::default();
        assert_eq!(timeouts.of(&tool().declare()).as_secs(), 120);
        timeouts.session = Some(session);
        assert_eq!(timeouts.of(&tool().declare()), session);
        timeouts.groups.insert("g".to_owned(), group);
        assert_eq!(timeouts.of(&tool().declare()), group);
        assert_eq!(timeouts.of(&tool().declare().renamed("y")), group);
        assert_eq!(timeouts.of(&tool().group("other").declare()), session);
        assert_eq!(timeouts.of(&tool().timeout(own).declare()), own);
    }
}
