//! The table of settings, section by section.
//!
//! A row of [`section!`] is at once the field of the section's struct, its documentation, and the entry of the
//! table, so that none can be forgotten. Settings that need more than a value of their own are written out.

use std::path::PathBuf;
use std::time::Duration;

use entrepot_access::{PublicUrl, SignUp};

use super::access::Anonymous;
use super::address::ListenAddress;
use super::database::DatabaseUrl;
use super::directory::{Ldap, Oidc};
use super::field::Field;
use super::logging::{LogFilter, LogFormat};
use super::mail::Mail;
use super::network::Networks;
use super::provider::Provider;
use super::quantity::{ByteSize, Limit, Span, Speed};
use super::rate::Figure;
use super::reader::{Reader, Reported};
use super::section::section;
use super::setting::{Fallback, Section, Setting};
use super::stores::{Azure, Gcs, Oss, S3, Store, Swift};

/// Every setting there is.
pub(super) static TABLE: [Section; 25] = [
    Section { name: "", about: "Where the registry is.", settings: &[LISTEN, DATA_DIR] },
    Section { name: "tls", about: "HTTPS. Without it the registry speaks plain HTTP.", settings: &[TLS_CERT, TLS_KEY] },
    Section {
        name: "database",
        about: "Where the facts are: in a SQLite file in `data_dir`, or on a PostgreSQL server.",
        settings: &[
            DATABASE_URL,
            DATABASE_PASSWORD_FILE,
            DATABASE_CA_FILE,
            DATABASE_CONNECTIONS,
            DATABASE_STATEMENT_TIMEOUT,
        ],
    },
    Section { name: "access", about: "Who may do what.", settings: &[ANONYMOUS, SIGN_UP] },
    Ldap::SECTION,
    Oidc::SECTION,
    Provider::SECTION,
    Mail::SECTION,
    Store::SECTION,
    S3::SECTION,
    Azure::SECTION,
    Gcs::SECTION,
    Swift::SECTION,
    Oss::SECTION,
    Registry::SECTION,
    Uploads::SECTION,
    Collection::SECTION,
    Scrub::SECTION,
    Http::SECTION,
    Limits::SECTION,
    Rate::SECTION,
    Shutdown::SECTION,
    Audit::SECTION,
    Log::SECTION,
    Metrics::SECTION,
];

/// Every setting there is, in the order of the table.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    TABLE.iter().flat_map(|section| section.settings)
}

/// The address to listen on.
pub(super) const LISTEN: Setting = Setting::new::<ListenAddress>(
    "listen",
    Fallback::Value("127.0.0.1:5000"),
    "Address and port to listen on. Port 0 takes a free one. Of a host name's addresses the first of IPv4 is taken, \
     otherwise the first.",
)
.flag("listen", "ADDRESS");

/// The directory of all data.
pub(super) const DATA_DIR: Setting = Setting::new::<PathBuf>(
    "data_dir",
    Fallback::Value("./entrepot-data"),
    "Directory of the database and the blobs, made if it is not there. Like every path it is relative to the working \
     directory.",
)
.flag("data-dir", "DIRECTORY");

/// The certificate chain.
pub(super) const TLS_CERT: Setting = Setting::new::<PathBuf>(
    "tls.cert",
    Fallback::Words("not set: plain HTTP"),
    "PEM file with the certificate and, after it, its intermediates. The file is read again when it changes and on \
     SIGHUP.",
)
.flag("tls-cert", "FILE");

/// The private key.
pub(super) const TLS_KEY: Setting = Setting::new::<PathBuf>(
    "tls.key",
    Fallback::Words("not set: plain HTTP"),
    "PEM file with the certificate's private key. The file is read again when it changes and on SIGHUP.",
)
.flag("tls-key", "FILE");

/// The server.
pub(super) const DATABASE_URL: Setting = Setting::new::<DatabaseUrl>(
    "database.url",
    Fallback::Words("not set: SQLite in `data_dir`"),
    "PostgreSQL database to use instead of SQLite: postgres://user@host:5432/database. It may have a password, which is \
     never shown, several hosts with commas between them, and parameters such as ?sslmode=require or ?sslmode=disable. \
     With sslmode=prefer, which holds otherwise, TLS is spoken if the server does. Its certificate is always verified.",
)
.secret();

/// The file with its password.
pub(super) const DATABASE_PASSWORD_FILE: Setting = Setting::new::<PathBuf>(
    "database.password_file",
    Fallback::Words("not set: the password in `database.url`, otherwise the environment variable PGPASSWORD"),
    "File with the password for the PostgreSQL server. A line break at its end does not count.",
);

/// Who signs its certificate.
pub(super) const DATABASE_CA_FILE: Setting = Setting::new::<PathBuf>(
    "database.ca_file",
    Fallback::Words("not set: the authorities that the system trusts"),
    "PEM file with the certificates of the authorities that may sign the PostgreSQL server's.",
);

/// How many at once.
pub(super) const DATABASE_CONNECTIONS: Setting = Setting::new::<u32>(
    "database.connections",
    Fallback::Value("16"),
    "Most connections to the PostgreSQL server that requests and jobs use at once. A request that gets none within two \
     seconds is answered with 503. The process keeps one more for itself.",
)
.within("1", "1000");

/// How long one statement may take.
pub(super) const DATABASE_STATEMENT_TIMEOUT: Setting = Setting::new::<Duration>(
    "database.statement_timeout",
    Fallback::Value("10s"),
    "How long the PostgreSQL server may take for one statement. After a second more without an answer the connection is \
     given up.",
)
.within("1s", "10m");

/// What the anonymous may do.
pub(super) const ANONYMOUS: Setting = Setting::new::<Anonymous>(
    "access.anonymous",
    Fallback::Words("push if only this machine can reach `listen`, otherwise none"),
    "What clients may do without logging in: none; pull, from public repositories; or push, which includes delete, in \
     namespaces that nobody owns. Where other machines can reach `listen`, push is refused.",
)
.flag("access-anonymous", "ACTION");

/// Who may make an account.
pub(super) const SIGN_UP: Setting = Setting::new::<SignUp>(
    "access.sign_up",
    Fallback::Value("off"),
    "Who may make an account for themselves: off, nobody; on, everybody who can be written to; or domains with spaces between, \
     such as acme.example, who has an address there. Addresses are confirmed by a letter, so this needs `mail.host`. \
     Invitations to an organization make accounts in any case.",
);

section! {
    /// What the registry accepts.
    "registry" => Registry {
        /// Whether manifests and blobs can be deleted.
        delete: bool = "true";
        /// Whether a manifest is accepted that names blobs or manifests which are not in the repository.
        sparse_manifests: bool = "false";
        /// Largest manifest that is accepted. Clients rely on 4MiB.
        max_manifest_bytes: ByteSize = "4MiB".within("4MiB", "64MiB");
    }
}

section! {
    /// What becomes of uploads that nobody finishes.
    "uploads" => Uploads {
        /// How long after its last byte an unfinished upload can be resumed; then it is purged.
        expire_after: Duration = "7d".within("1s", "365d");
        /// How often expired uploads are looked for.
        purge_interval: Duration = "1h".within("1s", "7d");
    }
}

section! {
    /// What becomes of what nothing needs any more.
    "gc" => Collection {
        /// How long what nothing needs is left alone, twice: before it is condemned, and before it goes. A push may take as long
        /// from its first blob to its manifest.
        grace: Duration = "1d".within("1s", "90d");
        /// How often is looked for what is due.
        interval: Duration = "10m".within("1s", "1d");
        /// After how long manifests go that no tag names, and no index, and that refer to no manifest. Otherwise all are kept.
        untagged_after: Span = "off";
        /// How long what was deleted can be restored; with 0s it cannot.
        trash_for: Duration = "7d".within("0s", "365d");
        /// How long is known what a tag showed, so that it can be rolled back.
        history_for: Duration = "90d".within("1h", "3650d");
    }
}

section! {
    /// Reading every blob again, to find what a disk or an object store has lost or changed: `entrepot scrub`.
    "scrub" => Scrub {
        /// How long after the end of one the next begins, or off: only when it is asked for.
        every: Span = "30d";
        /// Most bytes a second that are read for it.
        bytes_per_second: Speed = "16MiB";
        /// Directory of backups of this registry from which damaged blobs are copied back.
        repair_from: Option<PathBuf> = "not set";
    }
}

section! {
    /// What is between the clients and the registry.
    "http" => Http {
        /// Networks of reverse proxies that are trusted to tell in X-Forwarded-For who the client is. What others send there is
        /// ignored.
        trusted_proxies: Networks = "";
        /// Address under which people reach the registry, such as https://registry.acme.example. Links in letters begin with it, and
        /// OpenID providers send people back to it. Passkeys belong to its name.
        public_url: Option<PublicUrl> = "not set";
    }
}

section! {
    /// What a client may take of the server.
    "limits" => Limits {
        /// How long a client may take to send the head of a request, and to finish the TLS handshake.
        header_timeout: Duration = "30s".within("100ms", "1h");
        /// How long a connection may go without a byte in either direction. A slow transfer is not idle.
        idle_timeout: Duration = "2m".within("100ms", "1d");
        /// Most connections at once; more wait to be accepted.
        max_connections: u32 = "4096".within("1", "1000000");
        /// Largest head of a request: its first line and all headers.
        max_header_bytes: ByteSize = "64KiB".within("8KiB", "1MiB");
        /// Most bytes a second that all transfers of an address, or of a /64 of IPv6, may take together, in each direction and
        /// in each process.
        bandwidth_per_address: Speed = "off";
        /// The same for all transfers of somebody who logged in, from wherever.
        bandwidth_per_account: Speed = "off";
        /// Largest blob that is accepted.
        max_blob_bytes: Limit = "off";
    }
}

section! {
    /// How often clients may ask. Who is over a limit is answered with 429, and told when to come again.
    "rate" => Rate {
        /// Pulls of clients that did not log in, by address, or by /64 of IPv6. A pull is a GET of a manifest; HEAD is none.
        pulls_anonymous: Figure = "off";
        /// Pulls of a person, whatever they log in with.
        pulls_account: Figure = "off";
        /// Pulls with one token, also where the person has a limit. The tokens of a robot count as one, and so do the jobs of a rule.
        pulls_token: Figure = "off";
        /// Requests of any kind by address, or by /64 of IPv6, as far as one process sees them. `/healthz` and `/readyz` do not
        /// count.
        requests_address: Figure = "off";
        /// Networks for whose clients nothing is counted.
        exempt: Networks = "";
    }
}

section! {
    /// How the registry ends on SIGTERM and SIGINT.
    "shutdown" => Shutdown {
        /// How long transfers under way may go on before they are cut; nothing new is accepted meanwhile.
        grace: Duration = "30s".within("100ms", "1d");
    }
}

section! {
    /// The log of who did what, which is in the database: `entrepot audit`.
    "audit" => Audit {
        /// How long an entry is kept; then it is removed, within an hour or two. Otherwise all are kept.
        retention: Span = "off";
    }
}

section! {
    /// What is logged, to standard error.
    "log" => Log {
        /// Least severe events to log: error, warn, info, debug or trace, or levels by target such as
        /// info,entrepot_store=debug.
        level: LogFilter = "info".flag("log-level", "LEVEL").reloadable();
        /// How events are written: text, json, or auto, which is text on a terminal and JSON otherwise.
        format: LogFormat = "auto".flag("log-format", "FORMAT");
        /// Whether every request is logged when it ends.
        access: bool = "true";
    }
}

section! {
    /// Measurements in Prometheus form.
    "metrics" => Metrics {
        /// Whether `/metrics` is served, on the port of the registry.
        enabled: bool = "true";
    }
}
