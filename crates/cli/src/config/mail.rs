//! The way for letters to people.

use std::path::PathBuf;
use std::time::Duration;

use entrepot_access::PublicUrl;
use entrepot_mail::{Account, Address, Config, Link, Mailer, Name, Registry, Security};

use super::field::Field;
use super::reader::{Reader, Reported};
use super::secret_file;
use super::section::section;
use super::sections::Http;
use super::setting::{Fallback, Section, Setting};
use super::text::Text;
use super::value::{Form, Kind, Unfit, Value, choose, toml_string};

/// How the connection to the mail server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum MailSecurity {
    Tls,
    StartTls,
    Open,
}

impl Value for MailSecurity {
    const KIND: Kind = Kind { allowed: "tls, starttls or none", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        choose(text, &[("tls", Self::Tls), ("starttls", Self::StartTls), ("none", Self::Open)])
    }

    fn to_toml(&self) -> String {
        toml_string(match self {
            Self::Tls => "tls",
            Self::StartTls => "starttls",
            Self::Open => "none",
        })
    }
}

section! {
    /// The way for letters to people: an SMTP server that takes them. Without it nobody is written to. Links in letters begin with
    /// `http.public_url`, which has to be set too.
    "mail" => Mail {
        /// Host of the server.
        host: Option<Text> = "not set: no letters";
        /// Its port.
        port: Option<u32> = "not set: 465 for tls, 587 for starttls, 25 for none".within("1", "65535");
        /// How the connection is kept from others: tls, starttls, or none, which only a server on this machine may have.
        security: MailSecurity = "tls";
        /// Name to log in with there.
        user: Option<Text> = "not set: without logging in";
        /// File with the password for it. A line break at its end does not count.
        password_file: Option<PathBuf> = "not set";
        /// Address that letters come from.
        from: Option<Text> = "not set";
        /// PEM file with the certificates of the authorities that may sign the server's.
        ca_file: Option<PathBuf> = "not set: the authorities that the system trusts";
        /// What letters call the registry.
        registry: Text = "Entrepot";
        /// How long the server may take to take a letter.
        timeout: Duration = "30s".within("1s", "5m");
    }
}

impl Mail {
    /// The way that the section means, if it means one.
    ///
    /// # Errors
    /// Something is missing, or is not as it has to be.
    pub(super) fn mailer(&self, reader: &mut Reader, url: Option<&PublicUrl>) -> Result<Option<Mailer>, Reported> {
        let Some(host) = &self.host else { return Ok(None) };
        let from = self.from.as_ref().map(|from| from.0.as_str());
        let from = parsed::<Address>(reader, &Self::from, from);
        let url = parsed::<Link>(reader, &Http::public_url, url.map(PublicUrl::origin));
        let name = parsed::<Name>(reader, &Self::registry, Some(&self.registry.0));
        let account = self.account(reader);
        let config = Config {
            host: host.0.clone(),
            port: self.port.and_then(|port| u16::try_from(port).ok()),
            security: match self.security {
                MailSecurity::Tls => Security::Tls,
                MailSecurity::StartTls => Security::StartTls,
                MailSecurity::Open => Security::None,
            },
            account: account?,
            from: from?,
            ca_file: self.ca_file.clone(),
            connect_timeout: self.timeout,
            send_timeout: self.timeout,
            registry: Registry { name: name?, url: url? },
        };
        let mailer = Mailer::new(&config);
        mailer.map(Some).map_err(|error| reader.mistake(Self::host.key, format!("mail: {error}")))
    }

    fn account(&self, reader: &mut Reader) -> Result<Option<Account>, Reported> {
        let password = secret_file::read(reader, &Self::password_file, self.password_file.as_deref())?;
        match (&self.user, password) {
            (Some(user), Some(password)) => {
                Ok(Some(Account { user: user.0.clone(), password: password.expose().to_owned().into() }))
            }
            (None, None) => Ok(None),
            _ => Err(reader.lack(Self::user.key, "mail.user and mail.password_file go together".to_owned())),
        }
    }
}

fn parsed<T>(reader: &mut Reader, setting: &Setting, text: Option<&str>) -> Result<T, Reported>
where
    T: std::str::FromStr<Err = entrepot_mail::Error>,
{
    match text {
        None => {
            Err(reader.lack(Mail::host.key, format!("mail.host is set, and {} is not, which that needs", setting.key)))
        }
        Some(text) => text.parse().map_err(|error| reader.mistake(setting.key, format!("{}: {error}", setting.key))),
    }
}
