//! How much may be asked for in how long.

use std::time::Duration;

use entrepot_access::Rate;

use super::quantity::OFF;
use super::value::{Form, Kind, Unfit, Value, toml_string};

/// So much in so long, or `None` for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Figure(pub(crate) Option<Rate>);

impl Value for Figure {
    const KIND: Kind =
        Kind { allowed: "a number and a time of at most 30d, such as 100/6h or 2000/1m, or off", form: Form::Quoted };

    fn parse(text: &str) -> Result<Self, Unfit> {
        if text == OFF {
            return Ok(Self(None));
        }
        let (most, window) = text.split_once('/').ok_or(Unfit::PLAIN)?;
        if !most.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Unfit::PLAIN);
        }
        let most = most.parse().map_err(|_| Unfit::PLAIN)?;
        let rate = Rate::new(most, Duration::parse(window)?);
        rate.map(|rate| Self(Some(rate)))
            .ok_or_else(|| Unfit::because("it takes at least one, in whole seconds from 1s to 30d"))
    }

    fn to_toml(&self) -> String {
        let Some(rate) = self.0 else { return toml_string(OFF) };
        let window = Duration::from_secs(rate.seconds().into()).to_toml();
        toml_string(&format!("{}/{}", rate.most(), window.trim_matches('"')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_a_number_and_a_time() {
        for (text, most, seconds, written) in [
            ("100/6h", 100, 21_600, "100/6h"),
            ("2000/60s", 2000, 60, "2000/1m"),
            ("1/30d", 1, 2_592_000, "1/30d"),
            ("1/1s", 1, 1, "1/1s"),
        ] {
            let figure = Figure::parse(text).unwrap();
            assert_eq!(figure, Figure(Rate::new(most, Duration::from_secs(seconds))), "{text}");
            assert_eq!(figure.to_toml(), toml_string(written));
        }
        assert_eq!(Figure::parse("off"), Ok(Figure(None)));
        for text in
            ["", "100", "/6h", "100/", "+1/6h", "-1/6h", "0/6h", "1/0s", "1/500ms", "1/31d", "5000000000/1h", "1 / 1h"]
        {
            assert!(Figure::parse(text).is_err(), "{text:?}");
        }
    }
}
