//! "Did you mean": the known name nearest to an unknown one.

/// From this likeness on (0 to 1) two names are taken for a slip of the finger.
const ALIKE: f64 = 0.7;

/// Ends a sentence about the `unknown` name with the known one that is nearest.
pub(super) fn hint<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> String {
    match nearest(unknown, known) {
        Some((likeness, name)) if likeness >= ALIKE => format!("did you mean {name}?"),
        Some((_, name)) => format!("the nearest known is {name}; `entrepot config reference` lists all"),
        None => "`entrepot config reference` lists what is known".to_owned(),
    }
}

/// Whether a known name is so near that it was probably meant.
pub(super) fn is_near<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> bool {
    nearest(unknown, known).is_some_and(|(likeness, _)| likeness >= ALIKE)
}

fn nearest<'a>(unknown: &str, known: impl Iterator<Item = &'a str>) -> Option<(f64, &'a str)> {
    let ranked = known.map(|name| (likeness(unknown, name), name));
    ranked.max_by(|(a, _), (b, _)| a.total_cmp(b))
}

/// From 0 to 1. A right name in the wrong section is as good as a small slip.
fn likeness(unknown: &str, known: &str) -> f64 {
    let end = |key: &str| key.rsplit('.').next().unwrap_or_default().to_owned();
    let moved = if end(unknown) == end(known) { 0.9 } else { 0.0 };
    strsim::normalized_damerau_levenshtein(unknown, known).max(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_and_moved_names_are_recognized() {
        let known = || ["listen", "data_dir", "limits.idle_timeout", "uploads.expire_after"].into_iter();
        for (unknown, meant) in [
            ("lisen", "listen"),
            ("limits.idle_timout", "limits.idle_timeout"),
            ("limit.idle_timeout", "limits.idle_timeout"),
            ("server.listen", "listen"),
            ("idle_timeout", "limits.idle_timeout"),
        ] {
            assert_eq!(hint(unknown, known()), format!("did you mean {meant}?"));
        }
        assert!(hint("colour", known()).starts_with("the nearest known is "));
    }
}
