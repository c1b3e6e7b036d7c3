//! `entrepot login` and `entrepot logout`: a registry's login, kept where docker, podman and skopeo find it.

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Args;
use entrepot_client::{Codes, Kept, Logins, Registry, Server};
use nix::unistd::{gethostname, getuid};

use super::accounts::elsewhere::docker_directory;
use super::accounts::password::shown;
use super::accounts::{conclude, done};

pub(crate) const EXAMPLES: &str = "\
Examples:
  Log docker in by your browser; podman and skopeo find the login too:
    entrepot login registry.acme.example
    docker pull registry.acme.example/acme/app

  In a job, with a token:
    entrepot login --username acme+deploy --password-stdin registry.acme.example < token

  Log out, which ends the token too:
    entrepot logout registry.acme.example";

/// Longest name of this machine that is told, in characters.
const MAX_LABEL: usize = 100;

/// Which registry, and where its login is kept.
#[derive(Debug, Args)]
pub(crate) struct Where {
    /// The registry, as docker names it: registry.acme.example or localhost:5000
    ///
    /// It is asked over https, and over http on this machine, unless --ca-file is given or https:// stands before it.
    #[arg(value_name = "REGISTRY")]
    registry: String,
    /// The file with the logins [default: docker's own, or what keeps its logins for it]
    #[arg(long, value_name = "FILE")]
    authfile: Option<PathBuf>,
    /// File with the certificates that the registry is checked against (PEM) [default: the system's]
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// How to log in.
#[derive(Debug, Args)]
pub(crate) struct LoginArguments {
    /// Where
    #[command(flatten)]
    place: Where,
    /// Log in with a password or a token, and without a browser
    #[arg(long, short, value_name = "NAME")]
    username: Option<String>,
    /// Read the password or token from standard input
    #[arg(long, requires = "username")]
    password_stdin: bool,
}

impl Where {
    fn server(&self) -> anyhow::Result<Server> {
        let server = Server::of_registry(&self.registry, self.ca_file.is_some());
        server.with_context(|| format!("{:?} is no registry", self.registry))
    }

    async fn registry(&self, server: Server) -> anyhow::Result<Registry> {
        Ok(Registry::find(server, self.ca_file.as_deref()).await?)
    }

    fn logins(&self) -> anyhow::Result<Logins> {
        if let Some(path) = &self.authfile {
            return Ok(Logins::at(path.clone()));
        }
        let directory = docker_directory();
        let none = || anyhow!("there is no place for logins: set HOME or DOCKER_CONFIG, or give --authfile FILE");
        Ok(Logins::of_docker(&directory.ok_or_else(none)?))
    }
}

/// Logs in.
pub(crate) fn login(arguments: &LoginArguments) -> ExitCode {
    conclude(ExitCode::FAILURE, async || {
        let place = &arguments.place;
        let (server, logins) = (place.server()?, place.logins()?);
        let registry = place.registry(server.clone()).await?;
        let kept = match &arguments.username {
            Some(name) => registry.check(name, &shown(name, arguments.password_stdin)?).await?,
            None => by_browser(&registry).await?,
        };
        let file = match logins.keep(server.authority(), &kept) {
            Ok(file) => file,
            // What nobody keeps nobody is to have.
            Err(error) => {
                let ended = registry.end(&kept).await;
                return Err(error).context(if ended.is_ok() { "nobody is logged in" } else { "the login is not kept" });
            }
        };
        if place.authfile.is_none() {
            warn_of_others(server.authority());
        }
        done(&format!("logged in to {} as {}; the login is kept in {file}", server.authority(), kept.username()))
    })
}

async fn by_browser(registry: &Registry) -> anyhow::Result<Kept> {
    let codes = registry.begin(&this_machine()).await?;
    let Codes { user_code, page, link, lifetime, .. } = &codes;
    eprintln!("Open this in a browser in which you are logged in, or log in there:\n\n    {link}\n");
    eprintln!("It has to show the code {user_code}; if you are asked for one, at {page}, that is it.");
    eprintln!("Waiting, for {} minutes at most…", lifetime.as_secs().div_ceil(60));
    Ok(registry.wait(&codes).await?)
}

/// Says where else there is a login, of which podman and skopeo would take no notice of this one.
fn warn_of_others(registry: &str) {
    for path in before_docker().filter(|path| Logins::at(path.clone()).has(registry)) {
        let file = path.display();
        eprintln!("podman and skopeo take another login, from {file}; this ends it: podman logout {registry}");
    }
}

/// Where podman and skopeo look before they look into docker's file.
fn before_docker() -> impl Iterator<Item = PathBuf> {
    let variable = |name| env::var_os(name).map(PathBuf::from);
    let run = variable("XDG_RUNTIME_DIR").map(|directory| directory.join("containers"));
    let run = run.unwrap_or_else(|| PathBuf::from(format!("/run/containers/{}", getuid())));
    let settings = variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
    let settings = settings.map(|directory| directory.join("containers"));
    [run].into_iter().chain(settings).map(|directory| directory.join("auth.json"))
}

/// What people call this machine.
fn this_machine() -> String {
    let name = gethostname().unwrap_or_default();
    let readable = |c: &char| c.is_alphanumeric() || c.is_ascii_punctuation();
    name.to_string_lossy().chars().filter(readable).take(MAX_LABEL).collect()
}

/// Logs out.
pub(crate) fn logout(place: &Where) -> ExitCode {
    conclude(ExitCode::FAILURE, async || {
        let (server, logins) = (place.server()?, place.logins()?);
        let name = server.authority().to_owned();
        let Some(kept) = logins.forget(&name)? else { return Err(anyhow!("nobody is logged in to {name}")) };
        let ended = async { place.registry(server).await?.end(&kept).await.map_err(anyhow::Error::from) };
        match ended.await {
            Ok(true) => done(&format!("logged out of {name}; the login counts no more")),
            Ok(false) => done(&format!(
                "logged out of {name}; what was kept is still good: a password, or a token that its owner made themselves"
            )),
            Err(error) => Err(error.context(format!(
                "the login for {name} is gone from here, but what was kept still counts; a token can be ended at /settings/tokens"
            ))),
        }
    })
}
