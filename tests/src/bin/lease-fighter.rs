//! Fights for a session in a directory: `lease-fighter DIRECTORY SESSION NAME SEED`, until it is killed; or
//! `lease-fighter DIRECTORY ROUNDS`, which starts two of them and reports.

#[cfg(unix)]
fn main() {
    use std::time::Duration;

    use copilot::host::object_store::object_store::local::LocalFileSystem;
    use copilot_tests::fight::{fight, judge, referee};

    let args: Vec<String> = std::env::args().collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("it starts");
    let store =
        |directory: &str| LocalFileSystem::new_with_prefix(directory).expect("the directory is there");
    match &args[1..] {
        [directory, session, name, seed] => {
            runtime.block_on(fight(store(directory), session, name, seed.parse().expect("a number")));
        }
        [directory, rounds] => {
            let rounds = rounds.parse().expect("a number");
            let command = [args[0].clone(), directory.clone(), "fought-over".into()];
            let (outcome, heard) = referee(&command, rounds, Duration::from_secs(3600), 1);
            let outcome = runtime.block_on(judge(store(directory), "fought-over", &heard, outcome));
            println!("{:#?}", outcome.expect("one process at a time has written"));
        }
        _ => panic!("lease-fighter DIRECTORY SESSION NAME SEED, or lease-fighter DIRECTORY ROUNDS"),
    }
}

#[cfg(not(unix))]
fn main() {
    panic!("processes are stopped by signals, which only Unix has");
}
