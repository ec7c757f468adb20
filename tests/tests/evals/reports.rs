//! The report: its table, JUnit XML, and the comparison with a baseline.

use std::fs;
use std::process::{Command, Output};

use copilot::evals::{Case, CaseChangeKind, Report, Suite, expect};
use copilot::testing::FakeTurn;
use copilot_tests::panics::file_of_panic;

use crate::{client, good, shop, usage};

/// Plays a model that refunds with the detailed description, and often does not with the terse one.
async fn play(turn: FakeTurn) {
    let model = turn.cli().requests("session.create").iter().find_map(|params| {
        (params["sessionId"] == turn.session_id().as_str())
            .then(|| params["model"].as_str().unwrap().to_owned())
    });
    match model.unwrap().as_str() {
        "large refund terse 1" | "large refund terse 2" => {
            usage(&turn, 2_000, 100, 0.25);
            turn.say("Which order?");
        }
        "large refund terse 3" => turn.fail("overloaded"),
        "small refund terse 2" => {
            usage(&turn, 500, 30, 0.25);
            turn.say("I cannot refund.\nSorry.");
        }
        _ => good(turn).await,
    }
}

async fn report() -> Report {
    let (_cli, client) = client(play).await;
    let named = |session: copilot::SessionBuilder, run: &copilot::evals::Run| {
        shop(session).model(format!("{} {} {}", run.case, run.variant, run.number))
    };
    Suite::new("refunds")
        .client(client)
        .variant("terse", named)
        .variant("detailed", named)
        .case(
            Case::new("small refund")
                .prompt("Refund order 17, 4 euros.")
                .runs(3)
                .pass_at_least(2)
                .expect(expect::call("refund"))
                .expect(expect::answer().contains("refunded")),
        )
        .case(Case::new("large refund").prompt("Refund it.").runs(3).expect(expect::calls(["lookup_order"])))
        .run()
        .await
        .unwrap()
}

const FAILURES: &str = r#"small refund (terse), run 2 of 3:
  - expected a call of `refund`; no tool was called
  - expected an answer that contains "refunded"; the answer was "I cannot refund.\nSorry."
large refund (terse), run 1 of 3:
  - expected calls of `lookup_order`; no tool was called
large refund (terse), run 2 of 3:
  - expected calls of `lookup_order`; no tool was called
large refund (terse), run 3 of 3:
  - error: "#;

#[tokio::test]
async fn the_table_has_a_row_for_each_case_and_a_column_for_each_variant() {
    let report = report().await;
    assert_eq!(
        report.table(100),
        "\
refunds       terse                                  detailed
small refund  ok    2/3    976 tokens 0.42 requests  ok    3/3  1,200 tokens 0.50 requests
large refund  ERROR 0/3  2,100 tokens 0.25 requests  ok    3/3  1,200 tokens 0.50 requests
total         1/2 cases  3,076 tokens 0.67 requests  2/2 cases  2,400 tokens 1.00 requests
"
    );
    let narrow = report.table(60);
    assert!(narrow.lines().nth(1).unwrap().starts_with("small refund  ok"), "{narrow}");
    let failures = report.failures();
    assert!(failures.starts_with(FAILURES) && failures.contains("overloaded"), "{failures}");
    let text = report.to_string();
    assert!(text.starts_with(&report.table(100)) && text.trim_end().ends_with(&failures), "{text}");
}

#[tokio::test]
async fn sums_of_tokens_that_are_too_large_are_the_largest_number() {
    let (_cli, client) = client(async |turn: FakeTurn| {
        usage(&turn, u64::MAX, u64::MAX, 0.0);
        usage(&turn, u64::MAX, u64::MAX, 0.0);
        turn.say("Much.");
    })
    .await;
    let case = |name: &str| Case::new(name).prompt("?").runs(3).expect(expect::answer().contains("Much"));
    let suite = Suite::new("large").client(client).case(case("one")).case(case("two"));
    let report = suite.run().await.unwrap();
    assert!(report.cases().iter().all(|case| case.tokens() == u64::MAX), "{report}");
    assert!(report.table(200).contains("2/2 cases  18,446,744,073,709,551,615 tokens"), "{report}");
}

/// Removes the times, which vary.
fn without_times(xml: &str) -> String {
    let mut lines = Vec::new();
    for line in xml.lines() {
        let mut line = line.to_owned();
        while let Some(start) = line.find(" time=\"") {
            let end = start + 7 + line[start + 7..].find('"').unwrap() + 1;
            line.replace_range(start..end, "");
        }
        lines.push(line);
    }
    lines.join("\n")
}

#[tokio::test]
async fn the_report_is_junit_xml() {
    let report = report().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/evals.xml");
    report.write_junit(&path).unwrap();
    let xml = fs::read_to_string(&path).unwrap();
    assert_eq!(
        without_times(&xml),
        r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="refunds" tests="4" skipped="0" failures="0" errors="1">
    <testsuite name="refunds: terse" tests="2" skipped="0" errors="1" failures="0">
        <testcase name="small refund" classname="refunds: terse">
            <system-out>small refund (terse), run 2 of 3:
  - expected a call of `refund`; no tool was called
  - expected an answer that contains &quot;refunded&quot;; the answer was &quot;I cannot refund.\nSorry.&quot;
</system-out>
        </testcase>
        <testcase name="large refund" classname="refunds: terse">
            <error message="0 of 3 runs passed, 3 must" type="evals">large refund (terse), run 1 of 3:
  - expected calls of `lookup_order`; no tool was called
large refund (terse), run 2 of 3:
  - expected calls of `lookup_order`; no tool was called
large refund (terse), run 3 of 3:
  - error: the agent failed: overloaded
</error>
        </testcase>
    </testsuite>
    <testsuite name="refunds: detailed" tests="2" skipped="0" errors="0" failures="0">
        <testcase name="small refund" classname="refunds: detailed"/>
        <testcase name="large refund" classname="refunds: detailed"/>
    </testsuite>
</testsuites>"#
    );
    let parsed = quick_junit::Report::deserialize_from_str(&xml).unwrap();
    assert_eq!((parsed.tests, parsed.errors, parsed.failures), (4, 1, 0));
    let stdout = parsed.test_suites[0].test_cases[0].system_out.as_ref().unwrap();
    assert!(stdout.as_str().contains("the answer was \"I cannot refund.\\nSorry.\""), "{stdout:?}");
}

#[tokio::test]
async fn a_baseline_is_written_and_compared() {
    let report = report().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("evals/refunds.json");
    let first = report.compare(&path).unwrap();
    assert!(first.is_new && first.changes.is_empty());
    assert_eq!(first.to_string(), "the baseline is written");
    let written = fs::read_to_string(&path).unwrap();
    assert_eq!(
        written,
        r#"{
  "suite": "refunds",
  "cases": {
    "large refund": {
      "detailed": {
        "passed": 3,
        "runs": 3,
        "tokens": 1200,
        "cost": 0.5
      },
      "terse": {
        "passed": 0,
        "runs": 3,
        "tokens": 2100,
        "cost": 0.25
      }
    },
    "small refund": {
      "detailed": {
        "passed": 3,
        "runs": 3,
        "tokens": 1200,
        "cost": 0.5
      },
      "terse": {
        "passed": 2,
        "runs": 3,
        "tokens": 976,
        "cost": 0.4167
      }
    }
  }
}
"#
    );
    let same = report.compare(&path).unwrap();
    assert_eq!((same.to_string().as_str(), same.is_new), ("no changes against the baseline", false));
    same.assert_no_regressions();

    let earlier = written
        .replacen(r#""passed": 0"#, r#""passed": 2"#, 1)
        .replacen(r#""tokens": 976"#, r#""tokens": 500"#, 1)
        .replacen(
            r#""passed": 2,
        "runs": 3,
        "tokens": 500"#,
            r#""passed": 1,
        "runs": 3,
        "tokens": 500"#,
            1,
        )
        .replacen(r#""cost": 0.4167"#, r#""cost": 0.2"#, 1)
        .replacen("\"tokens\": 1200", "\"tokens\": 1201", 1)
        .replace("\"small refund\": {\n      \"detailed\"", "\"small refund\": {\n      \"old\"");
    fs::write(&path, earlier).unwrap();
    let changed = report.compare(&path).unwrap();
    assert_eq!(
        changed.to_string(),
        "\
large refund (terse): worse, 2/3 runs passed and now 0/3 runs
small refund (detailed): added, 3/3 runs passed
small refund (old): removed, 3/3 runs passed
small refund (terse): better, 1/3 runs passed and now 2/3 runs
small refund (terse): 500 tokens and now 976
small refund (terse): 0.20 premium requests and now 0.42"
    );
    let regressions: Vec<_> = changed.regressions().collect();
    assert!(
        matches!(regressions[..], [change] if matches!(change.kind, CaseChangeKind::PassRate(was, is) if (was.passed, is.passed) == (2, 0)))
    );
    let panicked = std::panic::catch_unwind(|| changed.assert_no_regressions()).unwrap_err();
    assert_eq!(
        panicked.downcast_ref::<String>().unwrap(),
        "cases pass less often than in the baseline:\nlarge refund (terse): worse, 2/3 runs passed and now 0/3 runs"
    );
    report.write_baseline(&path).unwrap();
    assert_eq!(fs::read_to_string(&path).unwrap(), written);
}

#[tokio::test]
async fn a_file_that_is_not_the_baseline_of_the_suite_is_an_error() {
    let report = report().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refunds.json");
    for (content, problem) in [
        ("{", "EOF while parsing"),
        (r#"{"suite": "orders", "cases": {}}"#, "it is that of the suite `orders`, not of `refunds`"),
    ] {
        fs::write(&path, content).unwrap();
        let error = report.compare(&path).unwrap_err().to_string();
        assert!(error.contains("cannot compare with the baseline") && error.contains(problem), "{error}");
    }
}

#[tokio::test]
async fn the_environment_accepts_new_results() {
    /// Set in the run that accepts them.
    const PATH: &str = "COPILOT_TEST_BASELINE";
    let report = report().await;
    if let Some(path) = std::env::var_os(PATH) {
        assert!(report.compare(path).unwrap().is_new);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refunds.json");
    fs::write(&path, r#"{"suite": "refunds", "cases": {}}"#).unwrap();
    let run = |value: &str| {
        let mut test = Command::new(std::env::current_exe().unwrap());
        test.args(["--exact", "reports::the_environment_accepts_new_results"]).env(PATH, &path);
        test.env("COPILOT_EVALS", value).output().unwrap()
    };
    let message = |output: &Output| {
        assert!(!output.status.success());
        [&output.stdout[..], &output.stderr].concat().escape_ascii().to_string()
    };
    assert!(message(&run("compare")).contains("assertion failed"));
    let unknown = message(&run("everything"));
    assert!(unknown.contains("which is neither `compare` nor `accept`"), "{unknown}");
    assert_eq!(report.compare(&path).unwrap().changes.len(), 4);
    assert!(run("accept").status.success());
    let same = report.compare(&path).unwrap();
    assert!(!same.is_new && same.changes.is_empty(), "{same}");
    // The run that compares does not write a file that is missing.
    fs::remove_file(&path).unwrap();
    let missing = message(&run("compare"));
    assert!(missing.contains("run the suite without `COPILOT_EVALS` to write the file"), "{missing}");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_failed_check_is_reported_where_it_is_called() {
    let report = report().await;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refunds.json");
    report.write_baseline(&path).unwrap();
    let better = fs::read_to_string(&path).unwrap().replacen("\"passed\": 0", "\"passed\": 2", 1);
    fs::write(&path, better).unwrap();
    let changed = report.compare(&path).unwrap();
    let checks: [&dyn Fn(); 3] = [&|| report.assert_passed(), &|| changed.assert_no_regressions(), &|| {
        drop(expect::answer().matches("(["));
    }];
    for check in checks {
        assert_eq!(file_of_panic(check), file!());
    }
}

#[tokio::test]
async fn the_last_row_of_short_names_is_readable() {
    let (_cli, client) = client(good).await;
    let case = Case::new("a").prompt("Refund order 17, 4 euros.").expect(expect::answer());
    let report = Suite::new("s").client(client).session(|session, _| shop(session)).case(case).run().await;
    let table = report.unwrap().table(100);
    assert!(table.lines().last().unwrap().starts_with("total  1/1 cases"), "{table}");
}
