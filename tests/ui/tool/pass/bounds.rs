//! Bounds that are constants and expressions, of every type of numbers.
#![deny(warnings, clippy::pedantic, trivial_numeric_casts)]
#![allow(clippy::unused_async, clippy::too_many_arguments, reason = "the tool has all kinds of bounds")]

use serde_json::{Value, json};

const MOST: f64 = 99.5;
const PART: f32 = 0.1;

mod limits {
    pub const DAYS: i8 = -14;
}

/// Measure.
#[copilot::tool]
async fn measure(
    /// A float.
    #[arg(min = -MOST, max = MOST)]
    float: f64,
    /// A sum.
    #[arg(min = -(0.5 + 0.25), max = 0.5 + 0.25)]
    sum: f64,
    /// The range of a type.
    #[arg(min = f64::MIN, max = f64::MAX)]
    any: f64,
    /// A small float.
    #[arg(min = PART)]
    part: f32,
    /// The largest integer.
    #[arg(max = u64::MAX)]
    large: u64,
    /// The same as a literal.
    #[arg(max = 18_446_744_073_709_551_615, example = 18_446_744_073_709_551_615)]
    written: u64,
    /// The smallest integer.
    #[arg(min = i64::MIN, max = -9_223_372_036_854_775_808)]
    small: i64,
    /// Days.
    #[arg(min = limits::DAYS, max = 24 * 60)]
    days: i16,
    /// Depends on the build.
    #[arg(min = if cfg!(any()) { 1 } else { 2 }, max = 1 << 10)]
    chosen: usize,
    /// A whole float.
    #[arg(max = 2.0 * 50.0)]
    whole: u8,
) {
    let _ = (float, sum, any, part, large, written, small, days, chosen, whole);
}

struct Door;

impl Door {
    const WIDEST: f64 = 90.5;
}

#[copilot::tools]
impl Door {
    /// Open the door.
    #[tool]
    async fn open(
        &self,
        /// The angle.
        #[arg(max = Self::WIDEST)]
        angle: f64,
    ) {
        let _ = angle;
    }
}

macro_rules! counting {
    ($most:expr) => {
        /// Count.
        #[copilot::tool]
        async fn count(
            /// From a macro.
            #[arg(max = $most)]
            passed: u64,
            /// In parentheses.
            #[arg(max = (5_000_000_000), example = $most)]
            enclosed: u64,
        ) {
            let _ = (passed, enclosed);
        }
    };
}

counting!(5_000_000_000);

#[test]
fn literals_of_other_macros_and_in_parentheses_have_the_type_of_the_argument() {
    let schema: Value = serde_json::from_str(count::TOOL.schema().unwrap().unwrap().get()).unwrap();
    for name in ["passed", "enclosed"] {
        assert_eq!(schema["properties"][name]["maximum"], json!(5_000_000_000_u64), "{name}");
    }
    assert_eq!(schema["properties"]["enclosed"]["examples"], json!([5_000_000_000_u64]));
}

#[test]
fn bounds_keep_their_values() {
    let schema: Value = serde_json::from_str(measure::TOOL.schema().unwrap().unwrap().get()).unwrap();
    for (name, min, max) in [
        ("float", json!(-99.5), json!(99.5)),
        ("sum", json!(-0.75), json!(0.75)),
        ("any", json!(f64::MIN), json!(f64::MAX)),
        ("part", json!(0.1), Value::Null),
        ("large", json!(0), json!(u64::MAX)),
        ("written", json!(0), json!(u64::MAX)),
        ("small", json!(i64::MIN), json!(i64::MIN)),
        ("days", json!(-14), json!(1440)),
        ("chosen", json!(2), json!(1024)),
    ] {
        let property = &schema["properties"][name];
        assert_eq!((&property["minimum"], &property["maximum"]), (&min, &max), "{property}");
    }
    assert_eq!(schema["properties"]["written"]["examples"], json!([u64::MAX]));
    assert_eq!(schema["properties"]["whole"]["maximum"], json!(100.0));
    let open = &copilot::Toolset::into_tools(Door)[0];
    assert!(open.schema().unwrap().unwrap().get().contains("90.5"));
}
