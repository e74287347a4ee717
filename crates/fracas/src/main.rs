//! fracas: chaos experiments on AWS, from one static binary.

mod args;
mod commands;
mod host;
mod loading;
mod notifications;
mod python;
mod session;
mod settings;
mod surroundings;
mod terminal;

use std::process::ExitCode;

use clap::CommandFactory;

use crate::args::{Args, Command};
use crate::session::Session;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == fracas_providers::REAP) {
        fracas_providers::reap_main();
        return ExitCode::SUCCESS;
    }
    clap_complete::CompleteEnv::with_factory(Args::command).var(commands::VARIABLE).complete();
    let args = args::read();
    if let Err(error) = commands::enter_environment(&args) {
        eprintln!("error: the variables of the var files cannot be set: {error}");
        return ExitCode::from(u8::from(fracas_model::ExitCode::Invalid));
    }
    let code = Session::begin(&args.global, args.command.name()).map_or_else(
        |code| code,
        |session| {
            args.require_files();
            session.answer(answer(&args.command, &session))
        },
    );
    ExitCode::from(u8::from(code))
}

fn answer(command: &Command, session: &Session) -> fracas_model::ExitCode {
    let code = commands::block_on(async {
        match command {
            Command::Run(args) => commands::run(args, session).await,
            Command::Validate(args) => commands::validate(args, session).await,
            Command::Plan(args) => commands::plan(args, session).await,
            Command::Iam(args) => commands::iam(args, session).await,
            Command::Runs(args) => commands::runs(args, session),
            Command::Recover(args) => commands::recover(args, session).await,
            Command::Discover(args) => commands::discover(args, session).await,
            Command::Init(args) => commands::init(args, session).await,
            Command::Settings(args) => commands::settings(args, session),
            Command::Info(args) => commands::info(args, session),
            Command::Activity(args) => commands::activity(args, session).await,
            Command::Aws(args) => commands::aws(args, session).await,
            Command::Completions(args) => commands::completions(args, session),
        }
    });
    code.unwrap_or_else(|problem| {
        session.terminal.problem(problem);
        fracas_model::ExitCode::Invalid
    })
}
