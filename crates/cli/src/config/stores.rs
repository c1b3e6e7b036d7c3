//! The sections of the places for bytes.

use std::path::PathBuf;
use std::time::Duration;

use super::field::Field;
use super::network::Networks;
use super::quantity::ByteSize;
use super::reader::{Reader, Reported};
use super::secret::Secret;
use super::section::section;
use super::setting::{Fallback, Section, Setting};
use super::text::{Endpoint, ObjectPrefix, Text};
use super::value::{Form, Kind, Unfit, Value, choose, toml_string};

/// Where the bytes of blobs are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum BackendName {
    Disk,
    S3,
    Azure,
    Gcs,
    Swift,
    Oss,
}

const BACKENDS: [(&str, BackendName); 6] = [
    ("disk", BackendName::Disk),
    ("s3", BackendName::S3),
    ("azure", BackendName::Azure),
    ("gcs", BackendName::Gcs),
    ("swift", BackendName::Swift),
    ("oss", BackendName::Oss),
];

impl BackendName {
    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        BACKENDS.iter().find(|(_, backend)| *backend == self).map_or("disk", |(name, _)| name)
    }
}

impl Value for BackendName {
    const KIND: Kind = Kind { allowed: "disk, s3, azure, gcs, swift or oss", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        choose(text, &BACKENDS)
    }

    fn to_toml(&self) -> String {
        toml_string(self.name())
    }
}

section! {
    /// The place for the bytes of blobs: the local disk, or an object store, whose section then says where it is.
    "store" => Store {
        /// Where blobs are kept: on disk (in `data_dir`), or in s3, azure, gcs, swift or oss.
        backend: BackendName = "disk";
        /// Memory that all uploads to an object store share.
        upload_memory: ByteSize = "128MiB".within("32MiB", "64GiB");
        /// Requests to the object store that may be waiting for the beginning of an answer at once.
        max_requests: u32 = "64".within("1", "10000");
        /// How long one step of a transfer to or from the object store may take. A step that fails is tried again.
        timeout: Duration = "60s".within("1s", "1h");
        /// PEM file with certificates that the object store's may be signed with.
        ca_file: Option<PathBuf> = "not set: those that the system trusts";
        /// Networks whose clients are sent to the object store itself for the bytes of a blob, by a redirect to a signed address.
        /// They have to be able to reach it.
        redirect: Networks = "";
        /// How long such an address is good for.
        redirect_expiry: Duration = "10m".within("10s", "7d");
    }
}

section! {
    /// Amazon S3, or a store that speaks its protocol; for `store.backend = "s3"`. Without a key here, credentials come from where
    /// Amazon's own tools look: the environment, profiles, web identity, the container's or the instance's role.
    "s3" => S3 {
        /// Name of the bucket.
        bucket: Option<Text> = "not set";
        /// Address of the store.
        endpoint: Option<Endpoint> = "not set: Amazon's";
        /// Region of the bucket.
        region: Option<Text> = "not set: `AWS_REGION`, or else us-east-1";
        /// What the names of all objects begin with. Each registry needs its own.
        prefix: ObjectPrefix = "";
        /// Id of the access key.
        access_key_id: Option<Text> = "not set: Amazon's chain of credentials";
        /// Secret of the access key.
        secret_access_key: Option<Secret> = "not set".secret();
        /// File with the secret of the access key.
        secret_access_key_file: Option<PathBuf> = "not set";
        /// Token that temporary keys have besides.
        session_token: Option<Secret> = "not set".secret();
        /// Whether the bucket stands in the path of requests, and not in the name of the host.
        path_style: Option<bool> = "not set: in the name with Amazon, in the path with others";
        /// Profile in `~/.aws` to take credentials from.
        profile: Option<Text> = "not set: `AWS_PROFILE`, or else default";
        /// Role to take on with these credentials: arn:aws:iam::….
        role_arn: Option<Text> = "not set";
        /// What the owner of that role wants to hear.
        role_external_id: Option<Text> = "not set";
        /// Storage class of new objects.
        storage_class: Option<Text> = "not set: the bucket's";
        /// How the store encrypts new objects: AES256 or aws:kms.
        encryption: Option<Text> = "not set: the bucket's own setting";
        /// Id of the key for aws:kms.
        encryption_key_id: Option<Text> = "not set";
    }
}

section! {
    /// Azure Blob Storage; for `store.backend = "azure"`. Without a key or token here, credentials come from the environment, a
    /// workload's identity or the machine's managed identity.
    "azure" => Azure {
        /// Name of the container.
        container: Option<Text> = "not set";
        /// Name of the storage account.
        account: Option<Text> = "not set";
        /// Address of the account.
        endpoint: Option<Endpoint> = "not set: https://ACCOUNT.blob.core.windows.net";
        /// What the names of all objects begin with. Each registry needs its own.
        prefix: ObjectPrefix = "";
        /// One of the account's keys.
        key: Option<Secret> = "not set".secret();
        /// File with one of the account's keys.
        key_file: Option<PathBuf> = "not set";
        /// File with a shared access signature.
        sas_token_file: Option<PathBuf> = "not set";
    }
}

section! {
    /// Google Cloud Storage; for `store.backend = "gcs"`. Without a file here, credentials come from
    /// `GOOGLE_APPLICATION_CREDENTIALS`, from gcloud's own file or from the machine's service account.
    "gcs" => Gcs {
        /// Name of the bucket.
        bucket: Option<Text> = "not set";
        /// Address of the store.
        endpoint: Option<Endpoint> = "not set: Google's";
        /// What the names of all objects begin with. Each registry needs its own.
        prefix: ObjectPrefix = "";
        /// File with the key of a service account (JSON).
        credentials_file: Option<PathBuf> = "not set: where Google's own tools look";
        /// Whether to send no credentials at all, as emulators want it.
        anonymous: bool = "false";
        /// Storage class of new objects.
        storage_class: Option<Text> = "not set: the bucket's";
    }
}

section! {
    /// OpenStack Swift; for `store.backend = "swift"`. With a project the login is Keystone's (v3), without one Swift's own (v1).
    /// Without `auth_url`, the login comes from the environment: `ST_…` or `OS_…`.
    "swift" => Swift {
        /// Address to log in at: https://keystone.example.com/v3 or https://swift.example.com/auth/v1.0.
        auth_url: Option<Endpoint> = "not set: the environment";
        /// Name of the user; for Swift's own login account:user.
        user: Option<Text> = "not set";
        /// The user's password or key.
        password: Option<Secret> = "not set".secret();
        /// File with the user's password or key.
        password_file: Option<PathBuf> = "not set";
        /// Name of the project.
        project: Option<Text> = "not set: Swift's own login";
        /// Name of the domain of user and project.
        domain: Text = "Default";
        /// Region of the object store, if there are several.
        region: Option<Text> = "not set: the only one";
        /// Name of the container.
        container: Option<Text> = "not set";
        /// What the names of all objects begin with. Each registry needs its own.
        prefix: ObjectPrefix = "";
        /// Address of the account.
        storage_url: Option<Endpoint> = "not set: the one that comes with the login";
        /// File with the TempURL key of the account or container, for `store.redirect`.
        temp_url_key_file: Option<PathBuf> = "not set";
    }
}

section! {
    /// Aliyun Object Storage Service; for `store.backend = "oss"`. Without a key here, credentials come from the environment, an
    /// OIDC token or the instance's role.
    "oss" => Oss {
        /// Name of the bucket.
        bucket: Option<Text> = "not set";
        /// Address of the region: https://oss-cn-hangzhou.aliyuncs.com.
        endpoint: Option<Endpoint> = "not set";
        /// What the names of all objects begin with. Each registry needs its own.
        prefix: ObjectPrefix = "";
        /// Id of the access key.
        access_key_id: Option<Text> = "not set: Aliyun's chain of credentials";
        /// Secret of the access key.
        access_key_secret: Option<Secret> = "not set".secret();
        /// File with the secret of the access key.
        access_key_secret_file: Option<PathBuf> = "not set";
        /// Whether the bucket stands in the path of requests, and not in the name of the host.
        path_style: bool = "false";
        /// How the store encrypts new objects: AES256 or KMS.
        encryption: Option<Text> = "not set: the bucket's own setting";
    }
}
