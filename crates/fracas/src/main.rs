//! fracas: chaos experiments on AWS, from one static binary.

mod args;
mod commands;
mod host;
#[allow(dead_code, reason = "the commands that use it come with the command line")]
mod loading;
#[allow(dead_code, reason = "the commands that use it come with the command line")]
mod settings;
mod surroundings;
mod terminal;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Args, Command};
use crate::surroundings::Surroundings;
use crate::terminal::Terminal;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == fracas_providers::REAP) {
        fracas_providers::reap_main();
        return ExitCode::SUCCESS;
    }
    let args = Args::parse();
    let terminal = Terminal::new(args.color);
    let surroundings = Surroundings::of_this_process();
    let code = commands::block_on(async {
        match args.command {
            Command::Run(args) => commands::run(&args, &surroundings, &terminal).await,
            Command::Validate(args) => commands::validate(&args, &surroundings, &terminal).await,
            Command::Iam(args) => commands::iam(&args, &surroundings, &terminal).await,
            Command::Runs(args) => commands::runs(&args, &surroundings, &terminal),
            Command::Recover(args) => commands::recover(&args, &surroundings, &terminal).await,
        }
    });
    let code = code.unwrap_or_else(|problem| {
        terminal.problem(problem);
        fracas_model::ExitCode::Invalid
    });
    ExitCode::from(u8::from(code))
}
