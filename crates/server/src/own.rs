//! What people have to show once more before they change their own account.

use entrepot_access::{Access, AccountOwner, Error, Name, Permit, Principal};

/// That whoever changes their own account knows its password: who finds somebody's token, or their browser, is not to take the account
/// over with it.
///
/// # Errors
/// [`Error::Invalid`].
pub(crate) async fn prove(
    access: &Access,
    permit: &Permit<AccountOwner>,
    name: &Name,
    password: Option<&str>,
) -> Result<(), Error> {
    let own = matches!(permit.caller().principal(), Principal::Account { name: own, .. } if own == name);
    if own && !access.check_password(permit, password.unwrap_or_default()).await? {
        let why = "it has to be the password that counts now".to_owned();
        return Err(Error::Invalid { field: "current_password", why });
    }
    Ok(())
}
