//! The pinned CLI comes from the user's own npm into the user's cache, once, and runs from there.

use std::process::Command;

use copilot::install::{Installer, VERSION};

#[tokio::test]
async fn the_fetched_cli_runs() -> copilot::Result<()> {
    let cli = Installer::new().ensure().await?;
    assert_eq!(Installer::new().cached().await?.as_deref(), Some(cli.as_path()));

    let home = std::env::temp_dir().join(format!("copilot-install-test-{}", std::process::id()));
    let output =
        Command::new(&cli).args(["--no-auto-update", "--version"]).env("COPILOT_HOME", &home).output();
    let output = output.expect("the CLI could not be started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains(VERSION), "{output:?}");
    // Whether `--version` makes a home at all is the CLI's affair.
    let _ = std::fs::remove_dir_all(home);
    Ok(())
}
