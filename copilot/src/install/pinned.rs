//! The pinned CLI version and the hashes of its packages.
//!
//! The hashes are the `dist.integrity` of `npm view @github/copilot-PLATFORM@VERSION`. A new version requires a new
//! table.

use std::borrow::Cow;

/// The pinned version of the Copilot CLI.
pub const VERSION: &str = "1.0.102";

/// npm's name of each platform, and the integrity of its tarball.
const PACKAGES: [(&str, &str); 8] = [
    (
        "darwin-arm64",
        "sha512-M4Jwxvw9CzxQUVoAz4UFbwFw9SpjUXbMzD481ifFJ+o/GXYJy5+sYxWRSfGhPA9e/w4DlWxdpkSQFnagl/AYbA==",
    ),
    (
        "darwin-x64",
        "sha512-n4jBdS+QxrXWiQ9v9tUBZUcJ0hlWVG75Qs3Gzo25BRzlWQSSd5eCNrfOVf4Cr95mAK/L54dne+8rSwASNRG7qA==",
    ),
    (
        "linux-arm64",
        "sha512-5rO0B2/AduCekrE+aUzipySKZxZY2b/tVRZ8Suy8ymPFNC0Q7HQiQ8DZhxj+3RhHR8rU2Z8KOJVAbtMlROX6+A==",
    ),
    (
        "linux-x64",
        "sha512-eGHPbsP0p2QgfVZCjtbGBFZPBOJQ0DN7xIbBRAo7oG8b1zfLirQIdfI4h8Iy68Dv2cKJGJZg2/EO7W7KpIMJOw==",
    ),
    (
        "linuxmusl-arm64",
        "sha512-PyuqTcgTKd4XrtSRKAQgfIK41cVzHArSNM8f8XS39dQc75aUsKG+MPd5rLwmqqhtbWVFgI+PSS/X18/Qo4EDTg==",
    ),
    (
        "linuxmusl-x64",
        "sha512-laj1/lFWwkX7P1jAVm2DNNxRljLkhfKI4XDONIA5njiU+PPvWVH38gIvYU+lNTgJ0QT7CSV6Jj2fuqPx0Go+5Q==",
    ),
    (
        "win32-arm64",
        "sha512-QhbEEfrAri+TA/S+xpUbOpWrzxfmQj5Ncgn6YF6SoI9zLdF57yt6Bd9sVAxWfsmmI0F2wmlQOHQ+s+7EjXQWgQ==",
    ),
    (
        "win32-x64",
        "sha512-ShdlICQu/Ei0mRX5J/ioaWUm7Kt6TpUvyQFuhFhS+Vb/7VVDi4/6pJAjcETeUJCHe9lkhF25swzcZXsun/i9Hg==",
    ),
];

/// The package of the pinned version for one platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Package {
    platform: &'static str,
    integrity: Cow<'static, str>,
}

impl Package {
    /// Returns the package of `platform`; `None` if the CLI is not published for it.
    pub(super) fn of(platform: &str) -> Option<Self> {
        let (platform, integrity) = PACKAGES.iter().find(|(name, _)| *name == platform)?;
        Some(Self { platform, integrity: Cow::Borrowed(integrity) })
    }

    /// Creates a package for tests, with the integrity of any tarball.
    #[cfg(test)]
    pub(super) fn with_integrity(platform: &'static str, integrity: String) -> Self {
        Self { platform, integrity: Cow::Owned(integrity) }
    }

    /// Returns npm's name of the platform, such as `linux-x64`.
    pub(super) fn platform(&self) -> &'static str {
        self.platform
    }

    /// Returns the package specifier for npm.
    pub(super) fn spec(&self) -> String {
        format!("@github/copilot-{}@{VERSION}", self.platform)
    }

    /// Returns the hash of the tarball in npm's format: `sha512-` and base64.
    pub(super) fn integrity(&self) -> &str {
        &self.integrity
    }

    /// Returns the path of the executable in the package.
    pub(super) fn executable(&self) -> &'static str {
        if self.platform.starts_with("win32-") { "copilot.exe" } else { "copilot" }
    }
}

/// Returns the names of all platforms of the CLI, for messages.
pub(super) fn platforms() -> impl Iterator<Item = &'static str> {
    PACKAGES.iter().map(|(platform, _)| *platform)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    #[test]
    fn every_hash_is_a_whole_sha512() {
        for (platform, integrity) in PACKAGES {
            let base64 =
                integrity.strip_prefix("sha512-").unwrap_or_else(|| panic!("{platform}: {integrity}"));
            assert_eq!(STANDARD.decode(base64).map(|hash| hash.len()), Ok(64), "{platform}");
        }
    }

    #[test]
    fn no_two_platforms_share_a_hash() {
        let mut hashes: Vec<_> = PACKAGES.iter().map(|(_, integrity)| integrity).collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), PACKAGES.len());
    }

    #[test]
    fn a_package_knows_its_spec_and_executable() {
        let linux = Package::of("linux-x64").unwrap();
        assert_eq!(linux.spec(), format!("@github/copilot-linux-x64@{VERSION}"));
        assert_eq!(linux.executable(), "copilot");
        assert_eq!(Package::of("win32-arm64").unwrap().executable(), "copilot.exe");
        assert_eq!(Package::of("freebsd-x64"), None);
    }
}
