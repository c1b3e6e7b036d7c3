//! The configuration: flags over environment over a TOML file over defaults, read into types that hold no nonsense.
//!
//! [`sections`] is the one table of settings. Parsing, environment names, flags and their help, the reference page,
//! `config show` and the hints for misspelt keys all come from it. Every mistake is reported, not the first one only.

mod access;
mod address;
mod database;
mod directory;
mod environment;
mod field;
mod file;
mod flags;
mod list;
mod logging;
mod mail;
mod mistake;
mod named;
mod nearest;
mod network;
mod origin;
mod place;
mod provider;
mod quantity;
mod rate;
mod reader;
mod reference;
mod secret;
mod secret_file;
mod section;
mod sections;
mod setting;
mod show;
mod stores;
mod text;
mod tls;
mod value;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use entrepot_access::{LoginProvider, PublicUrl, SignUp};
use entrepot_identity::directory::Directory;
use entrepot_mail::Mailer;
use entrepot_registry::ScrubOptions;
use entrepot_store::ObjectsConfig;

pub(crate) use self::access::Anonymous;
pub(crate) use self::address::ListenAddress;
pub(crate) use self::database::Database;
pub(crate) use self::directory::{Ldap, Oidc};
pub(crate) use self::flags::{DataFlags, Flags};
pub(crate) use self::logging::LogFormat;
use self::mail::Mail;
pub(crate) use self::mistake::Mistakes;
use self::origin::Origins;
pub(crate) use self::place::Places;
use self::provider::Provider;
pub(crate) use self::quantity::{Limit, duration, limit};
use self::reader::{Reader, Reported};
pub(crate) use self::reference::reference;
pub(crate) use self::sections::{
    Audit, Collection, Http, Limits, Log, Metrics, Rate, Registry, Scrub, Shutdown, Uploads,
};
pub(crate) use self::show::show;
pub(crate) use self::tls::TlsFiles;
use self::value::Value;

/// The whole configuration of the registry, checked.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where to listen.
    pub(crate) listen: ListenAddress,
    /// The directory of the database and the blobs; relative to the working directory.
    pub(crate) data_dir: PathBuf,
    /// Certificate and key; `None` means plain HTTP.
    pub(crate) tls: Option<TlsFiles>,
    /// Where the facts are.
    pub(crate) database: Database,
    /// What a client may do without logging in.
    pub(crate) access: Anonymous,
    /// Who may make an account for themselves.
    pub(crate) sign_up: SignUp,
    /// The company's directory, as it is written.
    pub(crate) ldap: Ldap,
    /// The directory that this means.
    pub(crate) directory: Option<Arc<Directory>>,
    /// OpenID providers.
    pub(crate) oidc: Oidc,
    /// Those at which people log in, as they are written.
    providers: BTreeMap<String, Provider>,
    /// Those that this means.
    pub(crate) login_providers: Vec<LoginProvider>,
    /// The way for letters, as it is written.
    mail: Mail,
    /// The way that this means.
    pub(crate) mailer: Option<Arc<Mailer>>,
    /// The place for bytes, and the sections of all others.
    pub(crate) places: Places,
    /// The object store that these sections mean; `None` is the disk.
    pub(crate) objects: Option<ObjectsConfig>,
    /// What the registry accepts.
    pub(crate) registry: Registry,
    /// What becomes of unfinished uploads.
    pub(crate) uploads: Uploads,
    /// What becomes of what nothing needs.
    pub(crate) gc: Collection,
    /// How blobs are read again.
    pub(crate) scrub: Scrub,
    /// What is between the clients and the registry.
    pub(crate) http: Http,
    /// What one client may take.
    pub(crate) limits: Limits,
    /// How often clients may ask.
    pub(crate) rate: Rate,
    /// How the process ends.
    pub(crate) shutdown: Shutdown,
    /// How long the log of who did what is kept.
    pub(crate) audit: Audit,
    /// What is logged and how.
    pub(crate) log: Log,
    /// What is measured.
    pub(crate) metrics: Metrics,
    /// Where each setting came from.
    origins: Origins,
}

impl Config {
    /// Reads flags, this process's environment and the file they name.
    ///
    /// Resolves the name in `listen`, opens the files of `tls` for a moment and reads those of `database`; creates and changes
    /// nothing.
    ///
    /// # Errors
    /// Every mistake there is, in the order file, environment, flags.
    pub(crate) fn load(flags: &Flags) -> Result<Self, Mistakes> {
        let mut reader = Reader::of(flags);
        let config = Self::read(&mut reader);
        reader.finish(config)
    }

    /// Reads a file and nothing else: what flags and environment say is of another registry.
    ///
    /// # Errors
    /// Every mistake in it.
    pub(crate) fn of_file(path: &Path, flag: &'static str) -> Result<Self, Mistakes> {
        let mut reader = Reader::of_file(path, flag);
        let config = Self::read(&mut reader);
        reader.finish(config)
    }

    fn read(reader: &mut Reader) -> Result<Self, Reported> {
        // Each is read before the first `?`, so that every mistake is found.
        let listen = reader.value::<ListenAddress>(&sections::LISTEN);
        let data_dir = reader.value::<PathBuf>(&sections::DATA_DIR);
        let tls = TlsFiles::read(reader);
        let database = Database::read(reader);
        let access = Anonymous::read(reader, listen.as_ref().ok());
        let ldap = Ldap::read(reader);
        let directory = ldap.as_ref().map_err(|reported| *reported).and_then(|ldap| ldap.directory(reader));
        let oidc = Oidc::read(reader);
        let mail = Mail::read(reader);
        let http = Http::read(reader);
        let public_url = http.as_ref().ok().and_then(|http| http.public_url.as_ref());
        let providers = reader.each(&Provider::SECTION, Provider::read);
        let login_providers = login_providers(reader, providers.as_ref().ok(), public_url);
        let mailer = mail.as_ref().map_err(|reported| *reported).and_then(|mail| mail.mailer(reader, public_url));
        let sign_up = access::sign_up(reader, mailer.as_ref().is_ok_and(Option::is_none));
        let places = Places::read(reader);
        let objects = places.as_ref().map_err(|reported| *reported).and_then(|places| places.objects(reader));
        let registry = Registry::read(reader);
        let uploads = Uploads::read(reader);
        let gc = Collection::read(reader);
        let scrub = Scrub::read(reader);
        let limits = Limits::read(reader);
        let rate = Rate::read(reader);
        let shutdown = Shutdown::read(reader);
        let audit = Audit::read(reader);
        let log = Log::read(reader);
        let metrics = Metrics::read(reader);
        Ok(Self {
            listen: listen?,
            data_dir: data_dir?,
            tls: tls?,
            database: database?,
            access: access?,
            sign_up: sign_up?,
            ldap: ldap?,
            directory: directory?.map(Arc::new),
            oidc: oidc?,
            providers: providers?,
            login_providers: login_providers?,
            mail: mail?,
            mailer: mailer?.map(Arc::new),
            places: places?,
            objects: objects?,
            registry: registry?,
            uploads: uploads?,
            gc: gc?,
            scrub: scrub?,
            http: http?,
            limits: limits?,
            rate: rate?,
            shutdown: shutdown?,
            audit: audit?,
            log: log?,
            metrics: metrics?,
            origins: reader.origins(),
        })
    }

    /// The same with all data in a directory.
    pub(crate) fn within(self, data_dir: PathBuf) -> Self {
        Self { data_dir, database: self.database.without_server(), objects: None, ..self }
    }

    /// The scrub, as the core takes it.
    pub(crate) fn scrub_options(&self) -> ScrubOptions {
        ScrubOptions {
            every: self.scrub.every.0,
            bytes_per_second: self.scrub.bytes_per_second.0.map(|size| size.0),
            repair_from: self.scrub.repair_from.clone(),
        }
    }

    /// The effective value of every setting as TOML, in the order of [`sections::TABLE`], but for the sections of which there may be
    /// several; `None` if it is not set.
    fn values(&self) -> Vec<Option<String>> {
        let mut values = vec![Some(Value::to_toml(&self.listen)), Some(Value::to_toml(&self.data_dir))];
        values.extend(TlsFiles::values(self.tls.as_ref()));
        values.extend(self.database.values());
        values.extend([Some(Value::to_toml(&self.access)), Some(Value::to_toml(&self.sign_up))]);
        values.extend(self.ldap.values());
        values.extend(self.oidc.values());
        values.extend(self.mail.values());
        values.extend(self.places.values());
        values.extend(self.registry.values());
        values.extend(self.uploads.values());
        values.extend(self.gc.values());
        values.extend(self.scrub.values());
        values.extend(self.http.values());
        values.extend(self.limits.values());
        values.extend(self.rate.values());
        values.extend(self.shutdown.values());
        values.extend(self.audit.values());
        values.extend(self.log.values());
        values.extend(self.metrics.values());
        values
    }

    /// The same of the sections of which there may be several, by their names.
    fn named_values(&self) -> impl Iterator<Item = (&str, Vec<Option<String>>)> {
        self.providers.iter().map(|(name, provider)| (name.as_str(), provider.values()))
    }
}

/// The providers that their sections mean. Each is looked at, so that every mistake is found.
fn login_providers(
    reader: &mut Reader,
    providers: Option<&BTreeMap<String, Provider>>,
    url: Option<&PublicUrl>,
) -> Result<Vec<LoginProvider>, Reported> {
    let meant: Vec<_> = providers
        .into_iter()
        .flatten()
        .map(|(name, provider)| reader.within(name, |reader| provider.login_provider(reader, name, url)))
        .collect();
    meant.into_iter().collect()
}
