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

use crate::arguments::{Arguments, Command, DatabaseCommand, LdapCommand, MailCommand, OidcCommand};
use crate::commands::accounts::{
    audit, ci, explain, keys, maintenance, org, quota, repo, retention, robot, tag, team, token, trash, user,
};

fn main() -> ExitCode {
    // Until the process ends.
    #[cfg(feature = "failpoints")]
    let _armed = fail_points::arm();
    match Arguments::parse().command {
        Command::Serve(flags) => commands::serve::run(&flags),
        Command::Login(arguments) => commands::login::login(&arguments),
        Command::Logout(place) => commands::login::logout(&place),
        Command::User(noun) => user::run(noun),
        Command::Org(noun) => noun.run(org::run),
        Command::Team(noun) => noun.run(team::run),
        Command::Robot(noun) => noun.run(robot::run),
        Command::Token(noun) => noun.run(token::run),
        Command::Repo(noun) => noun.run(repo::run),
        Command::Quota(noun) => noun.run(quota::run),
        Command::Ci(noun) => noun.run(ci::run),
        Command::Ldap(LdapCommand::Check(flags)) => commands::ldap::check(&flags),
        Command::Oidc(OidcCommand::Check(flags)) => commands::oidc::check(&flags),
        Command::Mail(MailCommand::Check(flags)) => commands::mail::check(&flags),
        Command::Keys(noun) => noun.run(keys::run),
        Command::Access(noun) => explain::run(noun),
        Command::Audit(arguments) => audit::print(arguments),
        Command::Maintenance(noun) => noun.run(maintenance::run),
        Command::Gc(command) => command.run(),
        Command::Trash(noun) => noun.run(trash::run),
        Command::Tag(noun) => noun.run(tag::run),
        Command::Backup(arguments) => commands::backup::run(&arguments),
        Command::Restore(arguments) => commands::restore::run(&arguments),
        Command::Scrub(arguments) => commands::scrub::run(&arguments),
        Command::Retention(noun) => noun.run(retention::run),
        Command::Purge(flags) => commands::purge::run(&flags),
        Command::Import(command) => commands::import::run(&command),
        Command::Database(DatabaseCommand::Move(arguments)) => commands::database::run(&arguments),
        Command::Doctor(arguments) => commands::doctor::run(&arguments),
        Command::Store(command) => commands::store::run(&command),
        Command::Config(command) => commands::config::run(&command),
    }
}
