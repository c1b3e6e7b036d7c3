//! What every letter says, word for word.

use super::*;

fn registry() -> Registry {
    Registry { name: "Acme Registry".parse().unwrap(), url: "https://registry.acme.example".parse().unwrap() }
}

fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn link() -> Link {
    "https://registry.acme.example/go?token=abc&for=ann".parse().unwrap()
}

fn day() -> Duration {
    Duration::from_hours(24)
}

/// Subject and plain text of `letter` are these.
#[track_caller]
fn reads(letter: &Letter, subject: &str, text: &str) {
    let words = words(letter, &registry()).unwrap();
    assert_eq!(words.subject, subject);
    assert_eq!(words.text, text);
    // Both parts have the same sentences.
    let html = words.html.replace("&#38;", "&").replace("&amp;", "&");
    for line in text.lines().filter(|line| !line.is_empty() && *line != "-- ") {
        assert!(html.contains(line), "{line} is not in {html}");
    }
}

#[test]
fn confirm_an_address() {
    reads(
        &Letter::ConfirmAddress { account: name("ann"), link: link(), good_for: day() },
        "Confirm your e-mail address for Acme Registry",
        "Hello ann,

This address was given for the account ann on Acme Registry. Confirm that it is yours:

https://registry.acme.example/go?token=abc&for=ann

The link works once, and for 1 day.

If this was not you, do nothing: without the link the address is not used.

-- 
Acme Registry
https://registry.acme.example
",
    );
}

#[test]
fn reset_a_password() {
    let letter = Letter::ResetPassword { account: name("ann"), link: link(), good_for: Duration::from_mins(30) };
    reads(
        &letter,
        "Reset your password for Acme Registry",
        "Hello ann,

Somebody asked for a new password for the account ann on Acme Registry. Choose one here:

https://registry.acme.example/go?token=abc&for=ann

The link works once, and for 30 minutes.

If this was not you, do nothing: your password stays as it is.

-- 
Acme Registry
https://registry.acme.example
",
    );
    assert_eq!(
        words(&letter, &registry()).unwrap().html,
        r#"<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Reset your password for Acme Registry</title></head>
<body>
<p>Hello ann,</p>
<p>Somebody asked for a new password for the account ann on Acme Registry. Choose one here:</p>
<p><a href="https://registry.acme.example/go?token=abc&#38;for=ann">https://registry.acme.example/go?token=abc&#38;for=ann</a></p>
<p>The link works once, and for 30 minutes.</p>
<p>If this was not you, do nothing: your password stays as it is.</p>
<hr>
<p>Acme Registry<br>https://registry.acme.example</p>
</body>
</html>
"#
    );
}

#[test]
fn invitation() {
    let letter = |team: Option<&str>| Letter::Invitation {
        inviter: name("ann"),
        organization: name("acme"),
        team: team.map(name),
        link: link(),
        good_for: Duration::from_hours(24 * 7),
    };
    reads(
        &letter(None),
        "Invitation to acme on Acme Registry",
        "Hello,

ann invites you to the organization acme on Acme Registry. Accept the invitation here:

https://registry.acme.example/go?token=abc&for=ann

The link works once, and for 7 days.

If this was not meant for you, do nothing: without the link nobody joins.

-- 
Acme Registry
https://registry.acme.example
",
    );
    let words = words(&letter(Some("builders")), &registry()).unwrap();
    assert!(
        words
            .text
            .contains("\n\nann invites you to the team builders of the organization acme on Acme Registry. Accept"),
        "{}",
        words.text
    );
}

#[test]
fn a_password_was_changed() {
    let letter = Letter::PasswordChanged { account: name("ann") };
    reads(
        &letter,
        "Your password for Acme Registry was changed",
        "Hello ann,

The password of the account ann on Acme Registry was changed.

If this was not you, somebody else can sign in as you: reset your password, and tell the administrators of the registry.

-- 
Acme Registry
https://registry.acme.example
",
    );
    assert!(!words(&letter, &registry()).unwrap().html.contains("<a "), "a notice has no link");
}

#[test]
fn an_address_was_changed() {
    reads(
        &Letter::AddressChanged { account: name("ann") },
        "Letters from Acme Registry go elsewhere now",
        "Hello ann,

Another e-mail address was given for the account ann on Acme Registry.

If this was not you, somebody else can sign in as you: reset your password, and tell the administrators of the registry.

-- 
Acme Registry
https://registry.acme.example
",
    );
}

#[test]
fn a_second_factor_was_changed() {
    let table = [
        (
            SecondFactorChange::TurnedOn,
            "Two-factor sign-in for Acme Registry was turned on",
            "Two-factor sign-in was turned on for the account ann on Acme Registry.",
        ),
        (
            SecondFactorChange::TurnedOff,
            "Two-factor sign-in for Acme Registry was turned off",
            "Two-factor sign-in was turned off for the account ann on Acme Registry.",
        ),
        (
            SecondFactorChange::AuthenticatorAdded,
            "An authenticator was added for Acme Registry",
            "An authenticator app was added for the account ann on Acme Registry.",
        ),
        (
            SecondFactorChange::AuthenticatorRemoved,
            "The authenticator for Acme Registry was removed",
            "The authenticator app of the account ann on Acme Registry was removed.",
        ),
        (
            SecondFactorChange::PasskeyAdded,
            "A passkey for Acme Registry was added",
            "A passkey was added for the account ann on Acme Registry. It signs in without the password.",
        ),
        (
            SecondFactorChange::PasskeyRemoved,
            "A passkey for Acme Registry was removed",
            "A passkey of the account ann on Acme Registry was removed.",
        ),
        (
            SecondFactorChange::RecoveryCodesReplaced,
            "Your recovery codes for Acme Registry were replaced",
            "The account ann on Acme Registry has new recovery codes. The old ones do not work any more.",
        ),
        (
            SecondFactorChange::RecoveryCodeUsed { left: 7 },
            "A recovery code for Acme Registry was used",
            "Somebody signed in to the account ann on Acme Registry with a recovery code. 7 codes are left.",
        ),
        (
            SecondFactorChange::RecoveryCodeUsed { left: 1 },
            "A recovery code for Acme Registry was used",
            "Somebody signed in to the account ann on Acme Registry with a recovery code. 1 code is left.",
        ),
    ];
    for (change, subject, what) in table {
        let text = format!(
            "Hello ann,\n\n{what}\n\nIf this was not you, somebody else can sign in as you: reset your password, and tell \
             the administrators of the registry.\n\n-- \nAcme Registry\nhttps://registry.acme.example\n"
        );
        let letter = Letter::SecondFactorChanged { account: name("ann"), change };
        reads(&letter, subject, &text);
        assert!(!words(&letter, &registry()).unwrap().html.contains("<a "), "a notice has no link");
    }
}

#[test]
fn names_are_text_in_html() {
    let letter = Letter::Invitation {
        inviter: name("<script>alert(1)</script>"),
        organization: name("\"><a href='https://evil.example'>"),
        team: Some(name("R&D")),
        link: link(),
        good_for: day(),
    };
    let Words { text, html, .. } = words(&letter, &registry()).unwrap();
    assert!(text.contains("<script>alert(1)</script> invites you to the team R&D of"), "{text}");
    assert!(!html.contains("<script") && !html.contains("evil.example'>"), "{html}");
    assert_eq!(html.matches("<a ").count(), 1, "{html}");
}

#[test]
fn a_letter_prints_without_its_link() {
    let letter = Letter::ConfirmAddress { account: name("ann"), link: link(), good_for: day() };
    let shown = format!("{letter:?}");
    assert!(shown.contains("https://registry.acme.example/…") && !shown.contains("token"), "{shown}");
}
