//! Search filters with places for what somebody typed.

use ldap3::{ldap_escape, parse_filter};

/// What a place in a filter stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// `{username}`: the name that somebody logs in with.
    Username,
    /// `{dn}`: the distinguished name of a person or group.
    Dn,
}

impl Place {
    fn named(name: &str) -> Option<Self> {
        match name {
            "username" => Some(Self::Username),
            "dn" => Some(Self::Dn),
            _ => None,
        }
    }
}

/// A filter as RFC 4515 has it, in which places are filled with values. Whatever a value is, it stays a value: nobody can
/// end it and go on with a filter of their own.
#[derive(Debug, Clone)]
pub(super) struct Template(Vec<Piece>);

#[derive(Debug, Clone)]
enum Piece {
    Text(String),
    Place(Place),
}

impl Template {
    /// Reads a filter that has at least one of the places in `allowed` and no other.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub(super) fn parse(text: &str, allowed: &[Place]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').ok_or("a { is not closed")?;
            let place = Place::named(name).filter(|place| allowed.contains(place));
            let place = place.ok_or_else(|| format!("{{{name}}} means nothing here"))?;
            pieces.extend([Piece::Text(before.to_owned()), Piece::Place(place)]);
            rest = after;
        }
        if pieces.is_empty() {
            return Err("it is the same for everybody: {username} or {dn} is missing".to_owned());
        }
        pieces.push(Piece::Text(rest.to_owned()));
        let template = Self(pieces);
        // These characters are only possible where a value is, so nothing else can be filled in.
        let sample = template.fill("(*)", "(*)");
        if !sample.starts_with('(') || parse_filter(&sample).is_err() {
            return Err("it is no filter like (uid={username})".to_owned());
        }
        Ok(template)
    }

    /// The filter for this name and this distinguished name.
    pub(super) fn fill(&self, username: &str, dn: &str) -> String {
        self.fill_with(|place| match place {
            Place::Username => ldap_escape(username).into_owned(),
            Place::Dn => ldap_escape(dn).into_owned(),
        })
    }

    /// The filter that matches everybody whom this one could match; none if there is no such filter.
    pub(super) fn anybody(&self) -> Option<String> {
        Some(self.fill_with(|_| "*".to_owned())).filter(|filter| parse_filter(filter).is_ok())
    }

    fn fill_with(&self, value: impl Fn(Place) -> String) -> String {
        self.0
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Place(place) => value(*place),
            })
            .collect()
    }
}

/// A filter that matches what any of these matches.
pub(super) fn any_of(filters: impl IntoIterator<Item = String>) -> String {
    format!("(|{})", filters.into_iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: &[Place] = &[Place::Username];
    const GROUP: &[Place] = &[Place::Username, Place::Dn];

    #[test]
    fn values_stay_values() {
        let template = Template::parse("(&(objectClass=person)(uid={username}))", USER).unwrap();
        let cases = [
            ("alice", "alice"),
            ("*", "\\2a"),
            ("*)(uid=*", "\\2a\\29\\28uid=\\2a"),
            ("a\\2ab", "a\\5c2ab"),
            ("a\0b", "a\\00b"),
            ("zoë {dn}", "zoë {dn}"),
        ];
        for (typed, written) in cases {
            let filter = template.fill(typed, "");
            assert_eq!(filter, format!("(&(objectClass=person)(uid={written}))"));
            assert!(parse_filter(&filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn several_places_and_the_rule_in_chain() {
        let rule = "(|(member:1.2.840.113556.1.4.1941:={dn})(memberUid={username}))";
        let template = Template::parse(rule, GROUP).unwrap();
        let filter = template.fill("al*", "cn=Ames\\, Alice (a),dc=acme");
        assert_eq!(
            filter,
            "(|(member:1.2.840.113556.1.4.1941:=cn=Ames\\5c, Alice \\28a\\29,dc=acme)(memberUid=al\\2a))"
        );
        assert!(parse_filter(&filter).is_ok());
        assert_eq!(template.anybody(), None);
    }

    #[test]
    fn what_is_no_filter_is_refused() {
        let cases = [
            ("(uid=alice)", "same for everybody"),
            ("", "same for everybody"),
            ("(uid={name})", "{name} means nothing"),
            ("(member={dn})", "{dn} means nothing"),
            ("(uid={username)", "not closed"),
            ("(uid={username}", "no filter"),
            ("uid={username}", "no filter"),
            ("({username}=alice)", "no filter"),
            ("(uid={username})(a=b)", "no filter"),
        ];
        for (text, why) in cases {
            let error = Template::parse(text, USER).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn anybody_and_any() {
        let template = Template::parse("(mail={username}@acme.example)", USER).unwrap();
        assert_eq!(template.anybody().as_deref(), Some("(mail=*@acme.example)"));
        let any = any_of(["a", "b"].map(|name| template.fill(name, "")));
        assert_eq!(any, "(|(mail=a@acme.example)(mail=b@acme.example))");
    }
}
