//! Durations and sizes: whole numbers that always carry their unit.

use std::fmt;
use std::time::Duration;

use super::value::{Form, Kind, Unfit, Value, toml_string};

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByteSize(
    /// Bytes.
    pub(crate) u64,
);

/// Units of a duration, longest first, in milliseconds.
const TIME_UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Units of a size in bytes. The binary ones come first, because sizes are written in the first that divides them.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

/// The word for "no limit".
pub(super) const OFF: &str = "off";

impl Value for Duration {
    const KIND: Kind = Kind { allowed: "a duration such as 30s, 5m, 1h30m or 7d", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        milliseconds(text).map(Self::from_millis).ok_or(Unfit::PLAIN)
    }

    fn to_toml(&self) -> String {
        // Exact: a duration is made of milliseconds that fit 64 bits.
        let mut rest = u64::try_from(self.as_millis()).unwrap_or(u64::MAX);
        let mut written = String::new();
        for (unit, size) in TIME_UNITS {
            if rest >= size {
                written.push_str(&format!("{}{unit}", rest / size));
                rest %= size;
            }
        }
        toml_string(if written.is_empty() { "0s" } else { &written })
    }
}

/// A duration as settings have it, for an argument that is no setting.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    Duration::parse(text).map_err(|_| format!("it has to be {}", Duration::KIND.allowed))
}

/// A size as settings have it, or off, for an argument that is no setting.
pub(crate) fn limit(text: &str) -> Result<Limit, String> {
    Limit::parse(text).map_err(|_| format!("it has to be {}", Limit::KIND.allowed))
}

/// The milliseconds of parts such as `1h30m`: each unit once at most, the longer one first.
fn milliseconds(mut text: &str) -> Option<u64> {
    let mut units = TIME_UNITS.iter();
    let mut total = 0_u64;
    while !text.is_empty() {
        let (number, rest) = leading_number(text)?;
        let end = rest.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(rest.len());
        let (unit, rest) = rest.split_at(end);
        let (_, size) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(*size)?)?;
        text = rest;
        if text.is_empty() {
            return Some(total);
        }
    }
    None
}

impl Value for ByteSize {
    const KIND: Kind = Kind { allowed: "a size such as 512KiB, 10MiB, 4GiB or 1000B", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        let (number, unit) = leading_number(text).ok_or(Unfit::PLAIN)?;
        let (_, size) = SIZE_UNITS.iter().find(|(name, _)| *name == unit).ok_or(Unfit::PLAIN)?;
        number.checked_mul(*size).map(Self).ok_or(Unfit::PLAIN)
    }

    fn to_toml(&self) -> String {
        toml_string(&self.to_string())
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exact = SIZE_UNITS.iter().find(|(_, size)| self.0 >= *size && self.0.is_multiple_of(*size));
        let (unit, size) = exact.unwrap_or(&("B", 1));
        write!(f, "{}{unit}", self.0 / size)
    }
}

/// A size that can be switched off; `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Limit(pub(crate) Option<ByteSize>);

impl Value for Limit {
    const KIND: Kind =
        Kind { allowed: "a size such as 512KiB, 10MiB, 4GiB or 1000B, or off for no limit", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        if text == OFF { Ok(Self(None)) } else { ByteSize::parse(text).map(|size| Self(Some(size))) }
    }

    fn to_toml(&self) -> String {
        self.0.map_or_else(|| toml_string(OFF), |size| size.to_toml())
    }
}

/// Bytes a second, or `None` for any number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Speed(pub(crate) Option<ByteSize>);

impl Speed {
    /// Below this a layer takes longer than clients wait.
    const LEAST: ByteSize = ByteSize(64 << 10);
}

impl Value for Speed {
    const KIND: Kind = Kind {
        allowed: "a size of at least 64KiB for each second, such as 10MiB, or off for no cap",
        form: Form::Quoted,
    };

    fn parse(text: &str) -> Result<Self, Unfit> {
        match Limit::parse(text)?.0 {
            Some(size) if size < Self::LEAST => Err(Unfit::PLAIN),
            size => Ok(Self(size)),
        }
    }

    fn to_toml(&self) -> String {
        Limit(self.0).to_toml()
    }
}

/// How long something is kept, or `None` for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(pub(crate) Option<Duration>);

impl Span {
    /// What is shorter was meant in another unit.
    const LEAST: Duration = Duration::from_secs(3600);
}

impl Value for Span {
    const KIND: Kind = Kind { allowed: "a duration of at least 1h, such as 90d, or off", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        if text == OFF {
            return Ok(Self(None));
        }
        let span = Duration::parse(text)?;
        if span < Self::LEAST { Err(Unfit::PLAIN) } else { Ok(Self(Some(span))) }
    }

    fn to_toml(&self) -> String {
        self.0.map_or_else(|| toml_string(OFF), |span| span.to_toml())
    }
}

/// Splits `30s` into 30 and `s`. Without a digit in front, or beyond 64 bits, there is none.
fn leading_number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_carry_units_in_falling_order() {
        for (text, milliseconds, written) in [
            ("30s", 30_000, "30s"),
            ("5m", 300_000, "5m"),
            ("1h30m", 5_400_000, "1h30m"),
            ("90m", 5_400_000, "1h30m"),
            ("7d", 604_800_000, "7d"),
            ("250ms", 250, "250ms"),
            ("1m250ms", 60_250, "1m250ms"),
            ("0s", 0, "0s"),
        ] {
            let duration = Duration::parse(text).unwrap();
            assert_eq!(duration, Duration::from_millis(milliseconds), "{text}");
            assert_eq!(duration.to_toml(), toml_string(written), "{text}");
        }
        for text in ["", "0", "90", "s", "1.5s", "-1s", "+1s", "30 s", "30S", "5min", "30m1h", "1s1s", "1h30", "7w"] {
            assert_eq!(Duration::parse(text), Err(Unfit::PLAIN), "{text:?}");
        }
        assert_eq!(Duration::parse("18446744073709551615d"), Err(Unfit::PLAIN), "overflow");
    }

    #[test]
    fn sizes_carry_a_unit() {
        for (text, bytes, written) in [
            ("1000B", 1_000, "1KB"),
            ("512KiB", 524_288, "512KiB"),
            ("10MiB", 10_485_760, "10MiB"),
            ("1024MiB", 1 << 30, "1GiB"),
            ("4GiB", 4 << 30, "4GiB"),
            ("5GB", 5_000_000_000, "5GB"),
            ("1TiB", 1 << 40, "1TiB"),
            ("1023B", 1_023, "1023B"),
            ("0B", 0, "0B"),
        ] {
            let size = ByteSize::parse(text).unwrap();
            assert_eq!(size, ByteSize(bytes), "{text}");
            assert_eq!(size.to_string(), written, "{text}");
            assert_eq!(ByteSize::parse(&size.to_string()), Ok(size), "{text}");
        }
        for text in ["", "0", "4096", "MiB", "1.5GiB", "-1B", "10 MiB", "10mib", "10M", "10MiBs", "99999999TiB"] {
            assert_eq!(ByteSize::parse(text), Err(Unfit::PLAIN), "{text:?}");
        }
        assert_eq!(Limit::parse("off"), Ok(Limit(None)));
        assert_eq!(Limit::parse("none"), Err(Unfit::PLAIN));
        assert_eq!(Speed::parse("10MiB").map(|speed| speed.to_toml()), Ok(toml_string("10MiB")));
        assert_eq!(Speed::parse("off"), Ok(Speed(None)));
        assert_eq!(Speed::parse("63KiB"), Err(Unfit::PLAIN));
        assert_eq!(Span::parse("90d").map(|span| span.to_toml()), Ok(toml_string("90d")));
        assert_eq!(Span::parse("off"), Ok(Span(None)));
        assert_eq!(Span::parse("59m"), Err(Unfit::PLAIN));
    }
}
