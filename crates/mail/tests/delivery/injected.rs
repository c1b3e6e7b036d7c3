//! Names and addresses that try to be more than that. What is refused when it is made is in the tests beside each type; here
//! is what gets through, and has to be harmless.

use std::time::Duration;

use anyhow::{Context as _, Result};
use entrepot_mail::{Letter, Mailer};
use entrepot_test_support::servers::{Smtp, SmtpSecurity};

use crate::certificates::Certificates;
use crate::setting::{address, open_config, wait_for};

/// Headers that every letter has, in any order.
const HEADERS: [&str; 8] =
    ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"];

#[test]
fn names_add_no_header_no_recipient_and_no_part() -> Result<()> {
    let certificates = Certificates::of("127.0.0.1")?;
    let Some(server) = Smtp::start(SmtpSecurity::Open)? else { return Ok(()) };
    let hostile = [
        "Bcc: eve@acme.example",
        "x\" <eve@evil.example>, \"y",
        "<eve@evil.example>",
        "eve@evil.example,",
        "=0D=0ABcc: eve@acme.example",
        ".",
        "--boundary",
        "ä\\r\\nBcc: eve@acme.example",
        &"x".repeat(100),
        &"ä, \"".repeat(25),
        &"a ".repeat(50),
    ];
    for (index, name) in hostile.into_iter().enumerate() {
        let mut config = open_config(server.address(), &certificates);
        // Of a registry this one is refused.
        if name != "." {
            config.registry.name = name.parse()?;
        }
        let letter = Letter::Invitation {
            inviter: name.parse()?,
            organization: name.parse()?,
            team: Some(name.parse()?),
            link: "https://registry.acme.example/invitations/abc".parse()?,
            good_for: Duration::from_hours(72),
        };
        let to = format!("ann-{index}@acme.example");
        wait_for(Mailer::new(&config)?.send(&address(&to), &letter)).context(name.to_owned())?;
        let kept = server.wait_for_letter(&to)?;
        assert_eq!(kept.to, std::slice::from_ref(&to), "{name}");
        let mut names: Vec<&str> = kept.headers.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        assert_eq!(names, HEADERS, "{name}");
        assert_eq!(kept.header("To"), Some(&*to), "{name}");
        let from = kept.header("From").context("no From")?;
        assert!(from.ends_with("<registry@acme.example>"), "{name}: {from}");
        assert!(kept.text.contains(&format!("invites you to the team {name} of the organization {name}")), "{name}");
        assert!(kept.html.ends_with("</html>\n"), "{name}: {}", kept.html);
        // Lines that every server has to take (RFC 5321, section 4.5.3.1.6).
        let longest = kept.raw.split(|byte| *byte == b'\n').map(<[u8]>::len).max();
        assert!(longest < Some(998), "{name}: {longest:?}");
    }
    assert_eq!(server.letters()?.len(), hostile.len());
    Ok(())
}
