//! The timeouts of a session's tools. Pure.

use std::time::Duration;

use crate::sorted::SortedMap;

/// The timeouts that a session sets for tools without one of their own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Timeouts {
    pub(crate) session: Option<Duration>,
    pub(crate) groups: SortedMap<Duration>,
}

impl Timeouts {
    /// The timeout of a tool for which no other is set.
    pub(crate) const DEFAULT: Duration = Duration::from_secs(120);

    /// Returns the timeout of a tool that sets none: that of its group, else that of the session, else two minutes.
    pub(crate) fn of(&self, group: Option<&str>) -> Duration {
        let of_group = group.and_then(|group| self.groups.get(group).copied());
        of_group.or(self.session).unwrap_or(Self::DEFAULT)
    }

    /// Returns whether nothing is set.
    pub(crate) fn is_empty(&self) -> bool {
        self.session.is_none() && self.groups.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_timeout_of_a_group_comes_before_that_of_the_session() {
        let [group, session] = [2, 3].map(Duration::from_secs);
        let mut timeouts = Timeouts::default();
        assert_eq!(timeouts.of(Some("g")).as_secs(), 120);
        timeouts.session = Some(session);
        assert_eq!((timeouts.of(Some("g")), timeouts.of(None)), (session, session));
        timeouts.groups.insert("g".to_owned(), group);
        assert_eq!((timeouts.of(Some("g")), timeouts.of(Some("h"))), (group, session));
    }
}
