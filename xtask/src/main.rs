//! The commands that build, test, measure and show fracas: `cargo xtask COMMAND`.

mod bench;
mod conformance;
mod demo;
mod models;
mod python;
mod shell;
#[path = "../../crates/fracas/tests/support/stage.rs"]
mod stage;
mod test;

use std::process::ExitCode;

use anyhow::Result;
use shell::Stop;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test              everything that must hold: format, lints, tests, docs, models, licences (set-up included)
  check             the quick part of it: format, lints, docs
  demo              run the walkthrough's experiment against a local AWS
  bench             measure fracas beside the reference and the floor
  conformance       compare every AWS operation with botocore, and print the numbers
  models [--check]  distil the AWS service models (or only check that they are current);
                    with --botocore VERSION move to that version and show what it changes
  advisories        check the dependencies against the public advisory database (needs the network)
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let work: fn(&Stop) -> Result<()> = match args.first().map(String::as_str) {
        Some("test") => test::everything,
        Some("check") => test::quick,
        Some("demo") => demo::run,
        Some("bench") => bench::run,
        Some("conformance") => conformance::run,
        Some("models") => return ended(models::run(args.get(1..).unwrap_or_default())),
        Some("advisories") => test::advisories,
        Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    ended(Stop::listen().and_then(|stop| work(&stop)))
}

fn ended(outcome: Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
