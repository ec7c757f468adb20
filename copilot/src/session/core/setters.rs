//! Declares setters of [`SessionBuilder`](crate::session::SessionBuilder) together with the members that they set.

/// Declares one setter: `text`, `flag` and `list` say what it takes, any other type stands in parentheses.
macro_rules! member_setter {
    ($(#[$doc:meta])* $setter:ident: text in $place:ident $wire:literal) => {
        $(#[$doc])*
        pub fn $setter(mut self, text: impl Into<String>) -> Self {
            self.settings.$place.set::<String>($wire, text.into());
            self
        }
    };
    ($(#[$doc:meta])* $setter:ident: url in $place:ident $wire:literal) => {
        $(#[$doc])*
        pub fn $setter(mut self, url: impl Into<String>) -> Self {
            self.settings.$place.set::<$crate::protocol::secret::Url>($wire, url.into().into());
            self
        }
    };
    ($(#[$doc:meta])* $setter:ident: flag in $place:ident $wire:literal) => {
        $(#[$doc])*
        pub fn $setter(mut self, on: bool) -> Self {
            self.settings.$place.set::<bool>($wire, on);
            self
        }
    };
    ($(#[$doc:meta])* $setter:ident: list in $place:ident $wire:literal) => {
        $(#[$doc])*
        pub fn $setter(mut self, items: impl IntoIterator<Item = impl Into<String>>) -> Self {
            let items = items.into_iter().map(Into::into).collect();
            self.settings.$place.set::<Vec<String>>($wire, items);
            self
        }
    };
    ($(#[$doc:meta])* $setter:ident: ($type:ty) in $place:ident $wire:literal) => {
        $(#[$doc])*
        pub fn $setter(mut self, value: $type) -> Self {
            self.settings.$place.set::<$type>($wire, value);
            self
        }
    };
}
pub(crate) use member_setter;

/// The name of a member of the open request; empty for one that is set right after.
pub(crate) const fn member(place: &str, wire: &'static str) -> &'static str {
    match place.as_bytes() {
        b"members" => wire,
        _ => "",
    }
}

/// Declares the setters of a topic, and `MEMBERS`, the list of the members that the topic sets; those set by hand
/// stand behind `@also`. A setter is in `members` (of the open request) or in `options` (set right after).
macro_rules! members {
    (
        $($(#[$doc:meta])* $setter:ident: $kind:tt in $place:ident $wire:literal;)*
        $(@also $($also:literal $by:ident,)+)?
    ) => {
        impl $crate::SessionBuilder {
            $($crate::session::core::setters::member_setter! { $(#[$doc])* $setter: $kind in $place $wire })*
        }

        const MEMBERS: &[(&str, &str)] =
            &[$(($crate::session::core::setters::member(stringify!($place), $wire), stringify!($setter)),)* $($(($also, stringify!($by)),)+)?];
    };
}
pub(crate) use members;
