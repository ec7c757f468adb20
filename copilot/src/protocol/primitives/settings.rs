//! Groups of optional settings: structs whose members are left out of the wire unless they are set.

/// Declares one setter. Its argument is `text`, `url`, `secret`, `flag` or `list`; any other type stands in parentheses,
/// after `boxed` if it is kept in a box.
macro_rules! setter {
    ($(#[$doc:meta])* $name:ident: text in $($place:ident).+) => {
        $(#[$doc])*
        pub fn $name(mut self, text: impl Into<String>) -> Self {
            self.$($place).+ = Some(text.into());
            self
        }
    };
    ($(#[$doc:meta])* $name:ident: url in $($place:ident).+) => {
        $(#[$doc])*
        pub fn $name(mut self, url: impl Into<String>) -> Self {
            self.$($place).+ = Some($crate::protocol::secret::Url::from(url));
            self
        }
    };
    ($(#[$doc:meta])* $name:ident: secret in $($place:ident).+) => {
        $(#[$doc])*
        pub fn $name(mut self, text: impl Into<String>) -> Self {
            self.$($place).+ = Some($crate::protocol::secret::Secret::from(text));
            self
        }
    };
    ($(#[$doc:meta])* $name:ident: flag in $($place:ident).+) => {
        $(#[$doc])*
        pub fn $name(mut self, on: bool) -> Self {
            self.$($place).+ = Some(on);
            self
        }
    };
    ($(#[$doc:meta])* $name:ident: list in $($place:ident).+) => {
        $(#[$doc])*
        pub fn $name(mut self, items: impl IntoIterator<Item = impl Into<String>>) -> Self {
            self.$($place).+ = Some(items.into_iter().map(Into::into).collect());
            self
        }
    };
    ($(#[$doc:meta])* $name:ident: boxed ($type:ty) in $($place:ident).+) => {
        $(#[$doc])*
        pub fn $name(mut self, value: $type) -> Self {
            self.$($place).+ = Some(Box::new(value));
            self
        }
    };
    ($(#[$doc:meta])* $name:ident: ($type:ty) in $($place:ident).+) => {
        $(#[$doc])*
        pub fn $name(mut self, value: $type) -> Self {
            self.$($place).+ = Some(value);
            self
        }
    };
}
pub(crate) use setter;

/// The type of a setting, by the word that `setter!` knows it by.
macro_rules! setting_type {
    (text) => { String };
    (url) => { $crate::protocol::secret::Url };
    (flag) => { bool };
    (list) => { Vec<String> };
    (($type:ty)) => { $type };
}
pub(crate) use setting_type;

/// Declares a struct of optional settings with a setter for each; `as` gives the name on the wire where it is not
/// the field's own in camel case.
macro_rules! settings {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $kind:tt $(as $wire:literal)?,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, serde::Serialize)]
        #[serde(rename_all = "camelCase")]
        #[must_use]
        pub struct $name {
            $(
                #[serde($(rename = $wire,)? skip_serializing_if = "Option::is_none")]
                pub(crate) $field: Option<$crate::protocol::settings::setting_type!($kind)>,
            )*
        }

        impl $name {
            /// Creates the settings with nothing set.
            pub fn new() -> Self {
                Self::default()
            }

            $($crate::protocol::settings::setter! { $(#[$field_doc])* $field: $kind in $field })*
        }
    };
}
pub(crate) use settings;
