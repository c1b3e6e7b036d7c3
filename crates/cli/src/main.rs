#![doc = include_str!("../README.md")]

mod arguments;
mod commands;
mod config;
mod data;
#[cfg(feature = "failpoints")]
mod fail_points;
mod logging;
mod process;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, Command, DatabaseCommand, LdapCommand, MailCommand};
use crate::commands::accounts::{audit, ci, explain, keys, org, quota, repo, robot, team, token, user};

fn main() -> ExitCode {
    // Until the process ends.
    #[cfg(feature = "failpoints")]
    let _armed = fail_points::arm();
    match Arguments::parse().command {
        Command::Serve(flags) => commands::serve::run(&flags),
        Command::User(local) => local.run(user::run),
        Command::Org(local) => local.run(org::run),
        Command::Team(local) => local.run(team::run),
        Command::Robot(local) => local.run(robot::run),
        Command::Token(local) => local.run(token::run),
        Command::Repo(local) => local.run(repo::run),
        Command::Quota(local) => local.run(quota::run),
        Command::Ci(local) => local.run(ci::run),
        Command::Ldap(LdapCommand::Check(flags)) => commands::ldap::check(&flags),
        Command::Mail(MailCommand::Check(flags)) => commands::mail::check(&flags),
        Command::Keys(local) => local.run(keys::run),
        Command::Access(local) => explain::run(local),
        Command::Audit(arguments) => audit::print(arguments),
        Command::Purge(flags) => commands::purge::run(&flags),
        Command::Database(DatabaseCommand::Move(arguments)) => commands::database::run(&arguments),
        Command::Doctor(arguments) => commands::doctor::run(&arguments),
        Command::Store(command) => commands::store::run(&command),
        Command::Config(command) => commands::config::run(&command),
    }
}
