//! People, and what they do by links that work once.

use super::{Routes, doc};
use crate::api::{accounts, links, me, second_factor, sessions};

pub(in crate::api) fn people(routes: Routes) -> Routes {
    use accounts::{AccountView, ChangeBody, NewAccountBody, OwnerBody, PasswordBody};
    routes
        .get("/api/v1/me", me::get, doc("Who you are, and what you showed may be used for.").gives::<me::Me>())
        .get("/api/v1/accounts", accounts::list, doc("People, by name; for administrators.").lists::<AccountView>())
        .post(
            "/api/v1/accounts",
            accounts::create,
            doc("Make an account; for administrators.").takes::<NewAccountBody>().makes::<AccountView>(),
        )
        .get("/api/v1/accounts/{account}", accounts::get, doc("Somebody; with an ETag.").gives::<AccountView>())
        .patch(
            "/api/v1/accounts/{account}",
            accounts::change,
            doc("Change somebody; takes If-Match.").takes::<ChangeBody>().gives::<AccountView>(),
        )
        .post(
            "/api/v1/accounts/{account}/password",
            accounts::password,
            doc("Set the password; what was issued for the old one ends.").takes::<PasswordBody>(),
        )
        .post(
            "/api/v1/accounts/{account}/disable",
            accounts::disable,
            doc("Take everything from somebody; nothing is removed."),
        )
        .post("/api/v1/accounts/{account}/enable", accounts::enable, doc("Give it back."))
        .get(
            "/api/v1/accounts/{account}/sessions",
            sessions::list,
            doc("Where somebody is logged in with a browser, youngest first.").lists_whole::<sessions::SessionView>(),
        )
        .delete("/api/v1/accounts/{account}/sessions", sessions::end_all, doc("Log somebody out of every browser."))
        .delete("/api/v1/accounts/{account}/sessions/{id}", sessions::end, doc("Log somebody out of one browser."))
        .get(
            "/api/v1/accounts/{account}/second-factor",
            second_factor::get,
            doc("Which second factor somebody has.").gives::<second_factor::SecondFactorView>(),
        )
        .post(
            "/api/v1/accounts/{account}/second-factor/remove",
            second_factor::remove,
            doc("Take the second factor away; who has it shows a code, administrators need none for others.")
                .takes::<second_factor::RemovalBody>(),
        )
        .put(
            "/api/v1/accounts/{account}/administrator",
            accounts::promote,
            doc("Let somebody govern the registry; for administrators."),
        )
        .delete(
            "/api/v1/accounts/{account}/administrator",
            accounts::demote,
            doc("Let somebody govern the registry no more; for administrators."),
        )
        .post(
            "/api/v1/accounts/{account}/to-organization",
            accounts::to_organization,
            doc("Make an organization out of an account; for administrators.").takes::<OwnerBody>(),
        )
}

pub(in crate::api) fn links(routes: Routes) -> Routes {
    use links::{
        ForgottenBody, JoinBody, LinkView, LookBody, MadeLink, ResetBody, SecretBody, SetUpBody, SignUpBody, UsedLink,
    };
    routes
        .post(
            "/api/v1/sign-up",
            links::sign_up,
            doc("Ask for an account, where that is allowed; a letter has the link that makes it.")
                .takes::<SignUpBody>(),
        )
        .post(
            "/api/v1/reset",
            links::forgotten,
            doc("Ask for a letter with a link to a new password. The answer is the same for every address.")
                .takes::<ForgottenBody>(),
        )
        .post(
            "/api/v1/links/look",
            links::look,
            doc("What a link is for; that uses nothing up.").takes::<LookBody>().gives::<LinkView>(),
        )
        .post(
            "/api/v1/links/set-up",
            links::set_up,
            doc("Make the first administrator by a link.").takes::<SetUpBody>().makes::<UsedLink>(),
        )
        .post(
            "/api/v1/links/sign-up",
            links::finish_sign_up,
            doc("Make the account that was asked for by a link.").takes::<SecretBody>().makes::<UsedLink>(),
        )
        .post(
            "/api/v1/links/confirm",
            links::confirm,
            doc("Confirm an address by a link.").takes::<SecretBody>().gives::<UsedLink>(),
        )
        .post(
            "/api/v1/links/reset",
            links::reset,
            doc("Choose a new password by a link; what was issued for the old one ends.")
                .takes::<ResetBody>()
                .gives::<UsedLink>(),
        )
        .post(
            "/api/v1/links/join",
            links::join,
            doc("Make an account by the link of an invitation, and accept with it.")
                .takes::<JoinBody>()
                .makes::<UsedLink>(),
        )
        .post(
            "/api/v1/accounts/{account}/confirmation",
            links::send_confirmation,
            doc("Send a letter with a link that confirms the account's address."),
        )
        .post(
            "/api/v1/accounts/{account}/reset-link",
            links::reset_link,
            doc("Make a link to a new password, to be handed to somebody; for administrators.").makes::<MadeLink>(),
        )
}
