//! Who of a provider's people may come in.

use entrepot_identity::Person;

/// Those of a provider's people who may come in. What is empty is not asked for; what is not, has to hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// In one of these groups.
    pub groups: Vec<String>,
    /// With an address in one of these domains, which the provider has confirmed.
    pub domains: Vec<String>,
}

impl Admission {
    /// # Errors
    /// Why somebody may not: what their account there lacks.
    pub(crate) fn admit(&self, person: &Person) -> Result<(), &'static str> {
        if !self.groups.is_empty() && !self.groups.iter().any(|group| person.groups.contains(group)) {
            return Err("is in none of the groups that may come in");
        }
        let domain = person.email.as_deref().and_then(|email| email.rsplit_once('@')).map(|(_, domain)| domain);
        let fits = |domain: &str| self.domains.iter().any(|allowed| allowed.eq_ignore_ascii_case(domain));
        if !self.domains.is_empty() && !domain.is_some_and(fits) {
            return Err("has no confirmed address in the domains that may come in");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(groups: &[&str], email: Option<&str>) -> Person {
        Person {
            subject: "4711".to_owned(),
            username: "ann".to_owned(),
            email: email.map(str::to_owned),
            display_name: None,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        }
    }

    #[test]
    fn everything_that_is_asked_for_has_to_hold() {
        let admission = |groups: &[&str], domains: &[&str]| Admission {
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
        };
        let (dev, acme) = (&["dev", "all"][..], Some("ann@Acme.example"));
        for (admission, admitted, refused) in [
            (admission(&[], &[]), vec![person(dev, acme), person(&[], None)], vec![]),
            (
                admission(&["dev", "ops"], &[]),
                vec![person(dev, None)],
                vec![person(&["all"], acme), person(&["develop", "Dev"], None), person(&[], None)],
            ),
            (
                admission(&[], &["acme.example"]),
                vec![person(&[], acme)],
                vec![
                    person(dev, None),
                    person(dev, Some("ann@sub.acme.example")),
                    person(dev, Some("ann@evilacme.example")),
                    person(dev, Some("ann@acme.example@evil.example")),
                    person(dev, Some("acme.example")),
                ],
            ),
            (
                admission(&["dev"], &["acme.example"]),
                vec![person(dev, acme)],
                vec![person(dev, None), person(&[], acme)],
            ),
        ] {
            for one in admitted {
                assert_eq!(admission.admit(&one), Ok(()), "{one:?}");
            }
            for one in refused {
                assert!(admission.admit(&one).is_err(), "{one:?}");
            }
        }
    }
}
