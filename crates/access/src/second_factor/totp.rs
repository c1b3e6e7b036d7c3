//! Codes of an authenticator (TOTP, RFC 6238): SHA-1, six digits, 30 seconds. All authenticators know these, and some take no
//! others, whatever they are told.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use totp_rs::{Builder, Secret, Totp, TotpError};

use crate::Error;
use crate::secret::random;

/// As long as the hash, as RFC 4226 recommends (section 4, R6).
const SECRET_BYTES: usize = 20;
const STEP: Duration = Duration::from_secs(30);
/// How many steps the clock of an authenticator may be off, either way.
const SKEW: u64 = 1;
/// Longest text that is looked at for a code. Some authenticators show `123 456`.
const LONGEST_GIVEN: usize = 16;

/// What an authenticator and we know. It never prints.
#[derive(Clone, PartialEq, Eq)]
pub struct AuthenticatorSecret([u8; SECRET_BYTES]);

/// A span of 30 seconds, counted from 1970. Each has one code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Step(u64);

impl Step {
    /// The step of a number that was kept.
    pub(crate) fn from_kept(number: i64) -> Self {
        Self(number.max(0).cast_unsigned())
    }

    /// The number to keep.
    pub(crate) fn to_keep(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }

    /// None before 1970: of a clock that is not set.
    fn of(time: SystemTime) -> Option<Self> {
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        Some(Self(since.as_secs() / STEP.as_secs()))
    }

    fn begin(self) -> u64 {
        self.0 * STEP.as_secs()
    }
}

impl AuthenticatorSecret {
    /// A new one.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub(crate) fn generate() -> Result<Self, Error> {
        random().map(Self)
    }

    /// The secret of bytes that were kept.
    ///
    /// # Errors
    /// There are not as many as there were.
    pub(crate) fn from_kept(bytes: &[u8]) -> Result<Self, Error> {
        let damaged =
            |_| Error::Internal("the secret of an authenticator has another length than it was made with".into());
        bytes.try_into().map(Self).map_err(damaged)
    }

    /// The bytes to keep. They have to be kept as they are: codes are made from them.
    pub(crate) fn to_keep(&self) -> &[u8] {
        &self.0
    }

    /// For those who type it into the authenticator: in the letters and digits of base 32.
    pub fn reveal(&self) -> String {
        Secret::from(self.0).to_base32()
    }

    /// For the authenticator to read from a square code or a link: `otpauth://totp/…`. It has the secret in it. A `:` in
    /// `issuer` or `account` would end the name there, and becomes a space.
    ///
    /// # Errors
    /// `account` is empty.
    pub fn uri(&self, issuer: &str, account: &str) -> Result<String, Error> {
        let described = self.builder().with_issuer(Some(plain(issuer))).with_account_name(plain(account)).build();
        described.and_then(|totp| totp.to_url()).map_err(|error| defect(&error))
    }

    /// The step whose code `given` is, at `now` or one step before or after.
    ///
    /// A code is good once. No step up to `used`, the last that was taken, is looked at. The caller keeps the one that is
    /// returned, in a statement that fails if another one has been kept meanwhile that is not older.
    ///
    /// # Errors
    /// A defect.
    pub(crate) fn accept(&self, given: &str, now: SystemTime, used: Option<Step>) -> Result<Option<Step>, Error> {
        let Some(Step(middle)) = Step::of(now).filter(|_| given.len() <= LONGEST_GIVEN) else { return Ok(None) };
        let code: String = given.chars().filter(|c| !c.is_whitespace()).collect();
        let totp = self.codes()?;
        let mut steps = (middle.saturating_sub(SKEW)..=middle.saturating_add(SKEW)).map(Step);
        // The library compares in constant time.
        Ok(steps.find(|step| used < Some(*step) && totp.check(&code, step.begin()).is_some()))
    }

    fn codes(&self) -> Result<Totp, Error> {
        self.builder().build().map_err(|error| defect(&error))
    }

    /// Of one step alone: which of them are looked at, and which are used up, is decided in [`Self::accept`].
    fn builder(&self) -> Builder {
        Builder::new().with_secret(self.0).with_step_duration(STEP.as_secs()).with_skew(0)
    }
}

impl fmt::Debug for AuthenticatorSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

fn plain(text: &str) -> String {
    text.replace(':', " ")
}

fn defect(error: &TotpError) -> Error {
    Error::Internal(format!("the codes of an authenticator: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 6238, appendix B.
    fn of_the_rfc() -> AuthenticatorSecret {
        AuthenticatorSecret::from_kept(b"12345678901234567890").unwrap()
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    /// RFC 6238, appendix B, for SHA-1: of its eight digits the last six.
    const OF_THE_RFC: [(u64, &str); 6] = [
        (59, "287082"),
        (1_111_111_109, "081804"),
        (1_111_111_111, "050471"),
        (1_234_567_890, "005924"),
        (2_000_000_000, "279037"),
        (20_000_000_000, "353130"),
    ];

    #[test]
    fn codes_of_the_rfc() {
        for (seconds, code) in OF_THE_RFC {
            let step = of_the_rfc().accept(code, at(seconds), None).unwrap();
            assert_eq!(step, Some(Step(seconds / 30)), "{code}");
            let spaced = format!(" {} {} ", &code[..3], &code[3..]);
            assert_eq!(of_the_rfc().accept(&spaced, at(seconds), None).unwrap(), step);
            let other = AuthenticatorSecret::generate().unwrap();
            // One in a million secrets has this code too, and there are three steps.
            let again = AuthenticatorSecret::generate().unwrap();
            assert!([other, again].iter().any(|secret| secret.accept(code, at(seconds), None).unwrap().is_none()));
        }
    }

    #[test]
    fn a_clock_may_be_one_step_off() {
        // The code of the step that began at 1,234,567,890.
        let (code, step) = ("005924", Some(Step(41_152_263)));
        for (seconds, accepted) in [
            (1_234_567_859, false),
            (1_234_567_860, true),
            (1_234_567_889, true),
            (1_234_567_890, true),
            (1_234_567_919, true),
            (1_234_567_920, true),
            (1_234_567_949, true),
            (1_234_567_950, false),
        ] {
            let found = of_the_rfc().accept(code, at(seconds), None).unwrap();
            assert_eq!(found, step.filter(|_| accepted), "at {seconds}");
        }
    }

    #[test]
    fn a_code_is_good_once() {
        let (secret, now) = (of_the_rfc(), at(1_111_111_109));
        let step = secret.accept("081804", now, None).unwrap().unwrap();
        assert_eq!(secret.accept("081804", now, Some(step)).unwrap(), None);
        // Nor is one that came before, which somebody may have read over a shoulder; the next one is.
        assert_eq!(secret.accept("081804", now, Some(Step(step.0 + 1))).unwrap(), None);
        assert_eq!(secret.accept("081804", now, Some(Step(step.0 - 1))).unwrap(), Some(step));
        assert_eq!(secret.accept("050471", now, Some(step)).unwrap(), Some(Step(step.0 + 1)));
    }

    #[test]
    fn what_is_no_code() {
        let long = format!("{}287082", " ".repeat(LONGEST_GIVEN));
        for given in
            ["", "28708", "2870820", "94287082", "+87082", "-87082", "28708a", "２８７０８２", "287082\0", &long]
        {
            assert_eq!(of_the_rfc().accept(given, at(59), None).unwrap(), None, "{given}");
        }
        assert_eq!(of_the_rfc().accept("287082", UNIX_EPOCH - Duration::from_secs(1), None).unwrap(), None);
    }

    #[test]
    fn what_authenticators_read() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        assert_eq!(of_the_rfc().reveal(), secret);
        for (issuer, account, label, shown) in [
            ("Acme", "ann", "Acme:ann", "Acme"),
            ("Acme Registry", "ann", "Acme%20Registry:ann", "Acme%20Registry"),
            ("localhost:5000", "a&b?c", "localhost%205000:a%26b%3Fc", "localhost%205000"),
        ] {
            let uri = of_the_rfc().uri(issuer, account).unwrap();
            assert_eq!(uri, format!("otpauth://totp/{label}?secret={secret}&issuer={shown}"));
        }
        assert!(of_the_rfc().uri("Acme", "").is_err());
    }

    #[test]
    fn secrets_differ_are_kept_whole_and_do_not_print() {
        let (a, b) = (AuthenticatorSecret::generate().unwrap(), AuthenticatorSecret::generate().unwrap());
        assert_ne!(a.to_keep(), b.to_keep());
        assert!(AuthenticatorSecret::from_kept(a.to_keep()).unwrap() == a);
        assert!(AuthenticatorSecret::from_kept(&a.to_keep()[1..]).is_err());
        assert_eq!(format!("{a:?}"), "(secret)");
        assert_eq!(Step::from_kept(Step(7).to_keep()), Step(7));
        assert_eq!(Step::from_kept(-1), Step(0));
    }
}
