//! Real servers on loopback, each in a directory of its own and gone when dropped.
//!
//! `start` gives `None` where the server is not installed, after saying so; with the variable `CI` set it panics then. All
//! calls block: use them outside of async tasks, or on the blocking pool.

mod azurite;
mod curl;
mod distribution;
mod fake_gcs;
mod nginx;
mod oidc;
mod s3;
mod s3_contents;
mod samba;
mod seaweedfs;
mod site;
mod slapd;
mod smtp;
mod swift;
mod versitygw;
mod zot;

pub use self::azurite::{AzureContainer, Azurite};
pub use self::distribution::{Distribution, DistributionData, DistributionVersion};
pub use self::fake_gcs::FakeGcs;
pub use self::nginx::Nginx;
pub use self::oidc::{OidcProvider, OidcSettings};
pub use self::s3::S3Bucket;
pub use self::samba::Samba;
pub use self::seaweedfs::SeaweedFs;
pub use self::slapd::Slapd;
pub use self::smtp::{KeptLetter, Smtp, SmtpSecurity};
pub use self::swift::{Swift, SwiftContainer};
pub use self::versitygw::VersityGw;
pub use self::zot::Zot;
