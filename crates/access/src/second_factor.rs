//! The second factor: what an account asks for beside the password. Codes of an authenticator, and recovery codes for when that
//! is lost. Here is only how they are made and compared; what is kept of them, and that each is taken once, is the caller's.

mod recovery;
mod totp;

pub use self::recovery::RecoveryCode;
pub(crate) use self::recovery::{RECOVERY_CODES, RecoveryHash};
pub use self::totp::AuthenticatorSecret;
pub(crate) use self::totp::Step;
