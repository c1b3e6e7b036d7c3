//! `entrepot serve`: builds each part from its section of the configuration and runs until it is told to stop.

use std::io::{IsTerminal, stdout};
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;

use anyhow::Context;
use entrepot_access::{LinkKind, Secret};
use entrepot_server::net::{Limits, Listener, Reloaded, TlsReloader};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::{Anonymous, Config, Flags};
use crate::data::Data;
use crate::logging::Logging;
use crate::{commands, data, process};

/// Threads for work that blocks (syncing files, long reads of the database); more than this many wait their turn.
const BLOCKING_THREADS: usize = 128;

/// Runs the registry.
pub(crate) fn run(flags: &Flags) -> ExitCode {
    commands::configured(flags, |config| begin(&config, flags))
}

fn begin(config: &Config, flags: &Flags) -> ExitCode {
    process::prepare();
    let logging = Logging::start(&config.log);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().max_blocking_threads(BLOCKING_THREADS).enable_all().build();
    let served = runtime
        .context("cannot start the threads of the server")
        .and_then(|runtime| runtime.block_on(serve(config, flags, &logging)));
    drop(logging);
    commands::conclude(served)
}

async fn serve(config: &Config, flags: &Flags, logging: &Logging) -> anyhow::Result<()> {
    // Before anybody can know of this process.
    let stop = Stop::listen()?;
    let tls = config.tls.as_ref().map(|files| TlsReloader::open(&files.cert, &files.key)).transpose()?;
    let listener = Listener::bind(&config.listen.socket.to_string()).await?;
    let Data { registry, access, lock } = data::open(config).await?;
    // Over SQLite the lock of the data directory says that no other process is at work, so whoever holds a job is dead.
    registry.database().release_jobs().await?;
    registry.read_quarantine().await?;
    match registry.join().await {
        // While writes are stopped it serves pulls, and joins when they go on.
        Err(error) if error.is_read_only() => tracing::warn!(error = &error as &dyn std::error::Error, "pulls only"),
        joined => joined?,
    }
    let stay = tokio::spawn({
        let registry = registry.clone();
        async move { registry.stay().await }
    });
    // What goes on for ever, and may be broken off anywhere.
    let mut background = JoinSet::new();
    background.spawn({
        let (registry, interval) = (registry.clone(), config.uploads.purge_interval);
        async move { registry.purge_regularly(interval).await }
    });
    background.spawn({
        let (registry, interval) = (registry.clone(), config.gc.interval);
        async move { registry.collect_regularly(interval).await }
    });
    background.spawn({
        let (registry, options) = (registry.clone(), config.scrub_options());
        async move { registry.scrub_regularly(&options).await }
    });
    background.spawn({
        let registry = registry.clone();
        async move { registry.follow_quarantine().await }
    });
    background.spawn({
        let registry = registry.clone();
        async move { registry.count_regularly().await }
    });
    background.spawn({
        let registry = registry.clone();
        async move { registry.note_pulls_regularly().await }
    });
    background.spawn({
        let (access, pause) = (access.clone(), config.ldap.sync_interval);
        async move { access.follow_directory(pause).await }
    });
    if let Some(kept) = config.audit.retention.0 {
        let access = access.clone();
        background.spawn(async move { access.forget_audit_regularly(kept).await });
    }
    let attend = tokio::spawn({
        let access = access.clone();
        async move { access.attend().await }
    });
    let (stopping, stopped) = watch::channel(());
    let recheck = tokio::spawn({
        let access = access.clone();
        async move { access.follow_providers(stopped).await }
    });
    announce(listener.addresses(), tls.is_some());
    if config.access != Anonymous::Push {
        match access.set_up_link().await {
            Ok(Some(secret)) => say_how_to_begin(&set_up_address(config, listener.addresses(), tls.is_some(), &secret)),
            Ok(None) => {}
            // While writes are stopped it serves pulls, and nobody can be made administrator.
            Err(error) => tracing::warn!(error = &error as &dyn std::error::Error, "there is no link to begin with"),
        }
    }

    let options = entrepot_server::Options {
        max_manifest_bytes: config.registry.max_manifest_bytes.0,
        limits: limits(config),
        access_log: config.log.access,
        metrics: config.metrics.enabled,
        trusted_proxies: config.http.trusted_proxies.0.clone(),
        bandwidth: entrepot_server::Bandwidth {
            per_address: config.limits.bandwidth_per_address.0.map(|size| size.0),
            per_account: config.limits.bandwidth_per_account.0.map(|size| size.0),
        },
        rate_exempt: config.rate.exempt.0.clone(),
        redirect: config.places.store.redirect.0.clone(),
        redirect_expiry: config.places.store.redirect_expiry,
    };
    let stop = async move {
        stop.asked().await;
        drop(stopping);
    };
    let reload = reload_on_hangup(flags, tls.clone(), logging);
    let report = tokio::select! {
        report = entrepot_server::serve(listener, tls.clone(), registry.clone(), access.clone(), options, stop) => report,
        failed = reload => return failed,
    };
    // Somebody whose token has just been renewed would be out without the new one.
    drop(recheck.await);
    background.abort_all();
    if let Err(error) = registry.note_pulls().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "the last pulls are not written down");
    }
    attend.abort();
    // So that the log of who did what can be ended here.
    drop(attend.await);
    access.finish().await;
    stay.abort();
    if let Err(error) = registry.leave().await {
        tracing::warn!(error = &error as &dyn std::error::Error, "this process is missed for half a minute");
    }
    drop(lock);
    tracing::info!(finished = report.finished, cut = report.cut, "stopped");
    Ok(())
}

fn limits(config: &Config) -> Limits {
    let limits = &config.limits;
    Limits {
        header_timeout: limits.header_timeout,
        idle_timeout: limits.idle_timeout,
        max_connections: usize::try_from(limits.max_connections).unwrap_or(usize::MAX),
        max_header_bytes: usize::try_from(limits.max_header_bytes.0).unwrap_or(usize::MAX),
        drain_grace: config.shutdown.grace,
        ..Limits::default()
    }
}

/// The one line that says where the registry is and what to do next.
fn announce(addresses: &[SocketAddr], tls: bool) {
    let all: Vec<_> = addresses.iter().map(|address| format!("{}://{address}", scheme(tls))).collect();
    let Some(host) = host(addresses) else { return };
    println!("entrepot listens on {}; push with: docker push {host}/NAME", all.join(" and "));
}

fn scheme(tls: bool) -> &'static str {
    if tls { "https" } else { "http" }
}

/// Where the registry is, as it is called from this machine.
fn host(addresses: &[SocketAddr]) -> Option<String> {
    let address = addresses.first()?;
    Some(if is_here(address.ip()) { format!("localhost:{}", address.port()) } else { address.to_string() })
}

/// Where the first administrator is made: under the public address if there is one, and otherwise where the registry listens.
fn set_up_address(config: &Config, addresses: &[SocketAddr], tls: bool, secret: &Secret) -> String {
    let path = LinkKind::SetUp.path(secret);
    match &config.http.public_url {
        Some(url) => url.at(&path),
        None => format!("{}://{}{path}", scheme(tls), host(addresses).unwrap_or_default()),
    }
}

/// Says how to make the first administrator. The link is a secret that works once and for an hour, and every start makes a new one.
fn say_how_to_begin(link: &str) {
    let how = format!(
        "nobody governs the registry yet: make the first administrator at {link} within an hour, or with `entrepot user create NAME \
         --admin`, on this machine and with the same --config or --data-dir; the registry can go on running"
    );
    if stdout().is_terminal() {
        println!("{how}");
    } else {
        tracing::warn!("{how}");
    }
}

fn is_here(ip: IpAddr) -> bool {
    ip.is_loopback() || ip.is_unspecified()
}

/// SIGTERM and SIGINT, from when this is made: then they do not end the process by themselves, not even one that just starts.
struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    fn listen() -> anyhow::Result<Self> {
        let listen = |kind, name: &str| signal(kind).with_context(|| format!("cannot listen for {name}"));
        Ok(Self {
            terminate: listen(SignalKind::terminate(), "SIGTERM")?,
            interrupt: listen(SignalKind::interrupt(), "SIGINT")?,
        })
    }

    async fn received(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// Ready when the process is asked to end. A second time it ends at once.
    async fn asked(mut self) {
        self.received().await;
        tracing::info!("stopping: no new connections, transfers may finish; a second signal ends at once");
        tokio::spawn(async move {
            self.received().await;
            std::process::exit(1);
        });
    }
}

/// On SIGHUP takes what can change while running: certificates and the log level. Runs for ever.
async fn reload_on_hangup(flags: &Flags, tls: Option<TlsReloader>, logging: &Logging) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup()).context("cannot listen for SIGHUP")?;
    loop {
        hangup.recv().await;
        match tls.as_ref().map(TlsReloader::reload) {
            Some(Ok(Reloaded::Replaced)) => tracing::info!("new connections get the new certificate"),
            Some(Ok(Reloaded::Unchanged)) => tracing::info!("the certificate has not changed"),
            Some(Err(error)) => tracing::error!(%error, "the certificate stays as it was"),
            None => {}
        }
        match Config::load(flags) {
            Ok(config) => logging.set_level(&config.log),
            Err(mistakes) => tracing::error!(%mistakes, "the configuration stays as it was"),
        }
    }
}
