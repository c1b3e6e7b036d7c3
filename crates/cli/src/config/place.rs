//! What `store.backend` and the section that it names mean together: a place for bytes.

use entrepot_store::{
    AccessKey, Addressing, AssumedRole, Azure as AzureStore, Backend, Gcs as GcsStore, ObjectsConfig, Oss as OssStore,
    S3 as S3Store, Swift as SwiftStore, SwiftLogin,
};

use super::reader::{Reader, Reported};
use super::secret::Secret;
use super::secret_file::{either, read as read_file};
use super::setting::Setting;
use super::stores::{Azure, BackendName, Gcs, Oss, S3, Store, Swift};
use super::text::{Endpoint, ObjectPrefix, Text};

/// The sections of all places, of which one holds.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// Which one, and limits.
    pub(crate) store: Store,
    s3: S3,
    azure: Azure,
    gcs: Gcs,
    swift: Swift,
    oss: Oss,
}

impl Places {
    /// Reads all sections.
    pub(super) fn read(reader: &mut Reader) -> Result<Self, Reported> {
        let store = Store::read(reader);
        let s3 = S3::read(reader);
        let azure = Azure::read(reader);
        let gcs = Gcs::read(reader);
        let swift = Swift::read(reader);
        let oss = Oss::read(reader);
        Ok(Self { store: store?, s3: s3?, azure: azure?, gcs: gcs?, swift: swift?, oss: oss? })
    }

    /// Every value as TOML, in the order of the table.
    pub(super) fn values(&self) -> Vec<Option<String>> {
        let mut values = self.store.values();
        values.extend(self.s3.values());
        values.extend(self.azure.values());
        values.extend(self.gcs.values());
        values.extend(self.swift.values());
        values.extend(self.oss.values());
        values
    }

    /// The object store that is configured; `None` means the disk.
    ///
    /// # Errors
    /// If something is missing that `store.backend` needs, or a secret cannot be read.
    pub(super) fn objects(&self, reader: &mut Reader) -> Result<Option<ObjectsConfig>, Reported> {
        let (backend, prefix) = match self.store.backend {
            BackendName::Disk => return Ok(None),
            BackendName::S3 => (Backend::S3(self.s3.backend(reader)?), &self.s3.prefix),
            BackendName::Azure => (Backend::Azure(self.azure.backend(reader)?), &self.azure.prefix),
            BackendName::Gcs => (Backend::Gcs(self.gcs.backend(reader)?), &self.gcs.prefix),
            BackendName::Swift => (Backend::Swift(self.swift.backend(reader)?), &self.swift.prefix),
            BackendName::Oss => (Backend::Oss(self.oss.backend(reader)?), &self.oss.prefix),
        };
        let ObjectPrefix(prefix) = prefix;
        Ok(Some(ObjectsConfig {
            backend,
            prefix: prefix.parse().unwrap_or_default(),
            upload_memory: usize::try_from(self.store.upload_memory.0).unwrap_or(usize::MAX),
            requests: usize::try_from(self.store.max_requests).unwrap_or(usize::MAX),
            timeout: self.store.timeout,
            ca_file: self.store.ca_file.clone(),
        }))
    }
}

impl S3 {
    fn backend(&self, reader: &mut Reader) -> Result<S3Store, Reported> {
        let bucket = required(reader, BackendName::S3, &Self::bucket, self.bucket.as_ref());
        let secret = either(
            reader,
            (&Self::secret_access_key, self.secret_access_key.as_ref()),
            (&Self::secret_access_key_file, self.secret_access_key_file.as_deref()),
        );
        let key = secret.and_then(|secret| {
            let id = (&Self::access_key_id, self.access_key_id.as_ref());
            access_key(reader, id, (&Self::secret_access_key, secret), self.session_token.as_ref())
        });
        Ok(S3Store {
            bucket: bucket?,
            region: text(self.region.as_ref()),
            endpoint: address(self.endpoint.as_ref()),
            addressing: self.path_style.map(addressing),
            key: key?,
            profile: text(self.profile.as_ref()),
            role: self.role_arn.as_ref().map(|arn| AssumedRole {
                arn: arn.0.clone(),
                external_id: text(self.role_external_id.as_ref()),
                session_name: None,
            }),
            storage_class: text(self.storage_class.as_ref()),
            encryption: text(self.encryption.as_ref()),
            encryption_key_id: text(self.encryption_key_id.as_ref()),
        })
    }
}

impl Azure {
    fn backend(&self, reader: &mut Reader) -> Result<AzureStore, Reported> {
        let container = required(reader, BackendName::Azure, &Self::container, self.container.as_ref());
        let account = required(reader, BackendName::Azure, &Self::account, self.account.as_ref());
        let key = either(reader, (&Self::key, self.key.as_ref()), (&Self::key_file, self.key_file.as_deref()));
        let token = read_file(reader, &Self::sas_token_file, self.sas_token_file.as_deref());
        Ok(AzureStore {
            account: account?,
            container: container?,
            endpoint: address(self.endpoint.as_ref()),
            key: key?.map(secret),
            sas_token: token?.map(secret),
        })
    }
}

impl Gcs {
    fn backend(&self, reader: &mut Reader) -> Result<GcsStore, Reported> {
        Ok(GcsStore {
            bucket: required(reader, BackendName::Gcs, &Self::bucket, self.bucket.as_ref())?,
            endpoint: address(self.endpoint.as_ref()),
            credentials: self.credentials_file.clone(),
            anonymous: self.anonymous,
            storage_class: text(self.storage_class.as_ref()),
        })
    }
}

impl Swift {
    fn backend(&self, reader: &mut Reader) -> Result<SwiftStore, Reported> {
        let container = required(reader, BackendName::Swift, &Self::container, self.container.as_ref());
        let login = self.auth_url.as_ref().map(|url| self.login(reader, url)).transpose();
        let temp_url_key = read_file(reader, &Self::temp_url_key_file, self.temp_url_key_file.as_deref());
        Ok(SwiftStore {
            container: container?,
            login: login?,
            storage_url: address(self.storage_url.as_ref()),
            region: text(self.region.as_ref()),
            temp_url_key: temp_url_key?.map(secret),
        })
    }

    fn login(&self, reader: &mut Reader, url: &Endpoint) -> Result<SwiftLogin, Reported> {
        let user = required(reader, BackendName::Swift, &Self::user, self.user.as_ref());
        let password = either(
            reader,
            (&Self::password, self.password.as_ref()),
            (&Self::password_file, self.password_file.as_deref()),
        )?;
        let password = required_secret(reader, BackendName::Swift, &Self::password_file, password);
        let (url, user, password) = (url.0.clone(), user?, password?);
        let domain = self.domain.0.clone();
        Ok(match &self.project {
            None => SwiftLogin::V1 { url, user, key: secret(password) },
            Some(project) => SwiftLogin::Password {
                url,
                user: (user, domain.clone()),
                password: secret(password),
                project: (project.0.clone(), domain),
            },
        })
    }
}

impl Oss {
    fn backend(&self, reader: &mut Reader) -> Result<OssStore, Reported> {
        let bucket = required(reader, BackendName::Oss, &Self::bucket, self.bucket.as_ref());
        let endpoint = self.endpoint.as_ref().map(|endpoint| Text(endpoint.0.clone()));
        let endpoint = required(reader, BackendName::Oss, &Self::endpoint, endpoint.as_ref());
        let secret = either(
            reader,
            (&Self::access_key_secret, self.access_key_secret.as_ref()),
            (&Self::access_key_secret_file, self.access_key_secret_file.as_deref()),
        );
        let key = secret.and_then(|secret| {
            let id = (&Self::access_key_id, self.access_key_id.as_ref());
            access_key(reader, id, (&Self::access_key_secret, secret), None)
        });
        Ok(OssStore {
            bucket: bucket?,
            endpoint: endpoint?,
            addressing: addressing(self.path_style),
            key: key?,
            encryption: text(self.encryption.as_ref()),
        })
    }
}

/// A setting that the chosen place cannot do without.
fn required(
    reader: &mut Reader,
    backend: BackendName,
    setting: &Setting,
    value: Option<&Text>,
) -> Result<String, Reported> {
    value.map(|text| text.0.clone()).ok_or_else(|| lacks(reader, backend, setting))
}

fn required_secret(
    reader: &mut Reader,
    backend: BackendName,
    setting: &Setting,
    value: Option<Secret>,
) -> Result<Secret, Reported> {
    value.ok_or_else(|| lacks(reader, backend, setting))
}

fn lacks(reader: &mut Reader, backend: BackendName, setting: &Setting) -> Reported {
    let sentence = format!("store.backend is \"{}\", and {} is not set, which that needs", backend.name(), setting.key);
    reader.lack(Store::backend.key, sentence)
}

/// A key of which both halves are set, or none.
fn access_key(
    reader: &mut Reader,
    (id_setting, id): (&Setting, Option<&Text>),
    (secret_setting, value): (&Setting, Option<Secret>),
    session_token: Option<&Secret>,
) -> Result<Option<AccessKey>, Reported> {
    match (id, value) {
        (Some(id), Some(value)) => Ok(Some(AccessKey {
            id: id.0.clone(),
            secret: secret(value),
            session_token: session_token.cloned().map(secret),
        })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(reader.lack(
            id_setting.key,
            format!("{} is set, and neither {} nor its file is", id_setting.key, secret_setting.key),
        )),
        (None, Some(_)) => Err(reader
            .lack(secret_setting.key, format!("the secret of an access key is set, and {} is not", id_setting.key))),
    }
}

fn addressing(path_style: bool) -> Addressing {
    if path_style { Addressing::Path } else { Addressing::Host }
}

fn text(value: Option<&Text>) -> Option<String> {
    value.map(|text| text.0.clone())
}

fn address(value: Option<&Endpoint>) -> Option<String> {
    value.map(|endpoint| endpoint.0.clone())
}

fn secret(value: Secret) -> entrepot_store::Secret {
    value.expose().into()
}
