//! Declares setters of [`SessionBuilder`](crate::SessionBuilder), and of groups of rare settings, together with the
//! members that they set.

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
///
/// Rare settings stand behind `@group` (a struct of their own, with the builder's method that takes it) or behind
/// `@unstable` (methods of the struct that is named there).
macro_rules! members {
    (
        $($(#[$doc:meta])* $setter:ident: $kind:tt in $place:ident $wire:literal;)*
        $(@also $($also:literal $by:ident,)+)?
        $(@group $(#[$group_doc:meta])* $group:ident $(#[$via_doc:meta])* $via:ident {
            $($(#[$in_doc:meta])* $in_setter:ident: $in_kind:tt in $in_place:ident $in_wire:literal;)*
            $(@also $($in_also:literal $in_by:ident,)+)?
        })?
        $(@unstable $unstable:ident {
            $($(#[$un_doc:meta])* $un_setter:ident: $un_kind:tt in $un_place:ident $un_wire:literal;)*
            $(@also $($un_also:literal $un_by:ident,)+)?
        })?
    ) => {
        impl $crate::SessionBuilder {
            $($crate::session::core::setters::member_setter! { $(#[$doc])* $setter: $kind in $place $wire })*
        }

        $(
            $(#[$group_doc])*
            #[derive(Clone, Debug, Default)]
            #[must_use]
            pub struct $group {
                pub(crate) settings: $crate::session::core::Settings,
            }

            impl $group {
                /// Creates settings in which nothing is set.
                pub fn new() -> Self {
                    Self::default()
                }

                $($crate::session::core::setters::member_setter! { $(#[$in_doc])* $in_setter: $in_kind in $in_place $in_wire })*
            }

            impl $crate::SessionBuilder {
                $(#[$via_doc])*
                ///
                /// A second call keeps the settings of the first that it does not set itself.
                pub fn $via(mut self, settings: $group) -> Self {
                    self.settings.merge(settings.settings);
                    self
                }
            }
        )?

        $(
            impl $unstable {
                $($crate::session::core::setters::member_setter! { $(#[$un_doc])* $un_setter: $un_kind in $un_place $un_wire })*
            }
        )?

        const MEMBERS: &[(&str, &str)] = &[
            $(($crate::session::core::setters::member(stringify!($place), $wire), stringify!($setter)),)*
            $($(($also, stringify!($by)),)+)?
            $(
                $((
                    $crate::session::core::setters::member(stringify!($in_place), $in_wire),
                    concat!(stringify!($via), "(", stringify!($group), "::new().", stringify!($in_setter)),
                ),)*
                $($((
                    $in_also,
                    concat!(stringify!($via), "(", stringify!($group), "::new().", stringify!($in_by)),
                ),)+)?
            )?
            $(
                $((
                    $crate::session::core::setters::member(stringify!($un_place), $un_wire),
                    concat!("unstable(Unstable::new().", stringify!($un_setter)),
                ),)*
                $($(($un_also, concat!("unstable(Unstable::new().", stringify!($un_by))),)+)?
            )?
        ];
    };
}
pub(crate) use members;
