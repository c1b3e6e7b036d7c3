//! The company's directory, and OpenID providers.

use std::path::PathBuf;
use std::time::Duration;

use entrepot_identity::directory::{Config as DirectoryConfig, Directory, Groups, Users};

use super::field::Field;
use super::reader::{Reader, Reported};
use super::secret::Secret;
use super::secret_file;
use super::section::section;
use super::setting::{Fallback, Section, Setting};
use super::text::Text;
use super::value::{Form, Kind, Unfit, Value, choose, toml_string};

/// What kind of directory it is: from that follow the names of its attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum DirectoryKind {
    OpenLdap,
    ActiveDirectory,
}

impl Value for DirectoryKind {
    const KIND: Kind = Kind { allowed: "openldap or active-directory", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        choose(text, &[("openldap", Self::OpenLdap), ("active-directory", Self::ActiveDirectory)])
    }

    fn to_toml(&self) -> String {
        toml_string(match self {
            Self::OpenLdap => "openldap",
            Self::ActiveDirectory => "active-directory",
        })
    }
}

section! {
    /// The company's directory: people in it may log in with the password that they have there.
    "ldap" => Ldap {
        /// Its servers, with spaces between, in the order in which they are asked: ldaps://host or ldap://host.
        urls: Option<Text> = "not set: there is no directory";
        /// What kind of directory it is: openldap or active-directory. The names of its attributes follow from that.
        kind: DirectoryKind = "openldap";
        /// Whether TLS begins by StartTLS, over ldap://.
        start_tls: bool = "false";
        /// Whether passwords may cross the network unencrypted, over ldap:// without StartTLS. To loopback they may in any case.
        allow_plain: bool = "false";
        /// PEM file with the certificates of the authorities that may sign the servers'.
        ca_file: Option<PathBuf> = "not set: the authorities that the system trusts";
        /// Entry of the service account that looks for people and groups.
        bind_dn: Option<Text> = "not set";
        /// File with its password. A line break at its end does not count.
        bind_password_file: Option<PathBuf> = "not set";
        /// Entry below which people are.
        user_base: Option<Text> = "not set";
        /// Filter that finds the one who logs in as {username} (RFC 4515). Nobody else may log in.
        user_filter: Option<Text> = "not set: that of the kind";
        /// Entry below which groups are.
        group_base: Option<Text> = "not set: nobody is in any group";
        /// Filter that finds the groups of the entry {dn}.
        group_filter: Option<Text> = "not set: that of the kind, with groups in groups";
        /// How many entries a server is asked for at once.
        page_size: u32 = "500".within("1", "1000");
        /// How often everybody who is known from the directory is looked for in it again: who is gone or disabled there, is disabled
        /// here, and teams follow groups.
        sync_interval: Duration = "15m".within("1s", "7d");
    }
}

section! {
    /// All OpenID providers: those whose tokens let jobs in by rules (`entrepot ci`), and those at which people log in.
    "oidc" => Oidc {
        /// PEM file with certificates that providers' may be signed with, besides those that the system trusts.
        ca_file: Option<PathBuf> = "not set";
    }
}

impl Ldap {
    /// The directory that the section means, if it means one.
    ///
    /// # Errors
    /// Something is missing, or is not as it has to be.
    pub(super) fn directory(&self, reader: &mut Reader) -> Result<Option<Directory>, Reported> {
        let Some(urls) = &self.urls else { return Ok(None) };
        let bind_dn = needed(reader, &Self::bind_dn, self.bind_dn.as_ref());
        let base = needed(reader, &Self::user_base, self.user_base.as_ref());
        let password = secret_file::read(reader, &Self::bind_password_file, self.bind_password_file.as_deref());
        let password = password.and_then(|password| match password {
            Some(password) => Ok(password),
            None => Err(lacks(reader, &Self::bind_password_file)),
        });
        let (bind_dn, base, password): (String, String, Secret) = (bind_dn?, base?, password?);
        let mut users = match self.kind {
            DirectoryKind::OpenLdap => Users::open_ldap(base),
            DirectoryKind::ActiveDirectory => Users::active_directory(base),
        };
        if let Some(filter) = &self.user_filter {
            users.filter.clone_from(&filter.0);
        }
        let urls = urls.0.split_whitespace().map(str::to_owned).collect();
        let mut config = DirectoryConfig::new(urls, bind_dn, password.expose().to_owned().into(), users);
        config.start_tls = self.start_tls;
        config.allow_plain = self.allow_plain;
        config.ca_file.clone_from(&self.ca_file);
        config.page_size = u16::try_from(self.page_size).unwrap_or(config.page_size);
        config.groups = self.groups();
        let made = Directory::new(config);
        made.map(Some).map_err(|error| reader.mistake(Self::urls.key, format!("ldap: {error}")))
    }

    fn groups(&self) -> Option<Groups> {
        let base = self.group_base.as_ref()?.0.clone();
        let mut groups = match self.kind {
            DirectoryKind::OpenLdap => Groups::open_ldap(base),
            DirectoryKind::ActiveDirectory => Groups::active_directory(base),
        };
        if let Some(filter) = &self.group_filter {
            groups.filter.clone_from(&filter.0);
        }
        Some(groups)
    }
}

fn needed(reader: &mut Reader, setting: &Setting, value: Option<&Text>) -> Result<String, Reported> {
    value.map(|text| text.0.clone()).ok_or_else(|| lacks(reader, setting))
}

fn lacks(reader: &mut Reader, setting: &Setting) -> Reported {
    reader.lack(Ldap::urls.key, format!("ldap.urls is set, and {} is not, which that needs", setting.key))
}
