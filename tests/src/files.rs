//! Files that tests offer to the CLI.

use std::fs;
use std::path::Path;

/// A PNG image of one red pixel. It is valid: the CLI leaves out an image that it cannot decode, and then cannot resume
/// the session.
pub const RED_DOT_PNG: &[u8] =
    b"\x89\x50\x4e\x47\x0d\x0a\x1a\x0a\x00\x00\x00\x0d\x49\x48\x44\x52\x00\x00\x00\x01\x00\x00\
    \x00\x01\x08\x02\x00\x00\x00\x90\x77\x53\xde\x00\x00\x00\x0c\x49\x44\x41\x54\x78\x9c\x63\
    \xf8\xcf\xc0\x00\x00\x03\x01\x01\x00\xc9\xfe\x92\xef\x00\x00\x00\x00\x49\x45\x4e\x44\xae\
    \x42\x60\x82";

/// Writes a skill of each name into the folder, with the description "How NAME goes."
///
/// # Panics
///
/// Panics if a file cannot be written.
pub fn write_skills(folder: &Path, names: &[&str]) {
    for name in names {
        let skill = folder.join(name);
        fs::create_dir_all(&skill).expect("the folder of the test can be written");
        let text = format!("---\nname: {name}\ndescription: How {name} goes.\n---\nPractise.\n");
        fs::write(skill.join("SKILL.md"), text).expect("the folder of the test can be written");
    }
}
