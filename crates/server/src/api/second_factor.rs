//! The second factor of an account. It is set up in a browser: what a token can do, whoever finds it can do too.

use axum::Json;
use axum::extract::State;
use entrepot_access::{Name, Proof, SecondFactor};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Api;
use super::extract::{At, Body, Who};
use super::problem::Problem;
use super::words::Parsed;

/// Which second factor an account has.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SecondFactor)]
pub(super) struct SecondFactorView {
    /// Whether it is asked for codes of an authenticator.
    authenticator: bool,
    /// How many passkeys it has.
    passkeys: u32,
    /// How many recovery codes are left.
    recovery_codes: u32,
}

/// What has to be shown to take it away.
#[derive(Deserialize, ToSchema)]
#[schema(as = SecondFactorRemoval)]
#[serde(deny_unknown_fields)]
pub(super) struct RemovalBody {
    /// A code of the authenticator, or a recovery code. Administrators need none for others who have lost theirs.
    code: Option<String>,
}

impl From<SecondFactor> for SecondFactorView {
    fn from(SecondFactor { authenticator, passkeys, recovery_codes }: SecondFactor) -> Self {
        Self { authenticator, passkeys, recovery_codes }
    }
}

/// `GET /api/v1/accounts/{account}/second-factor`
pub(super) async fn get(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
) -> Result<Json<SecondFactorView>, Problem> {
    let permit = api.access().permit_account(&caller, &name).await?;
    Ok(Json(api.access().second_factor(&permit).await?.into()))
}

/// `POST /api/v1/accounts/{account}/second-factor/remove`
pub(super) async fn remove(
    State(api): State<Api>,
    Who(caller): Who,
    At(Parsed(name)): At<Parsed<Name>>,
    Body(body): Body<RemovalBody>,
) -> Result<StatusCode, Problem> {
    let permit = api.access().permit_account(&caller, &name).await?;
    api.access().remove_second_factor(&permit, body.code.as_deref().map(Proof::of)).await?;
    Ok(StatusCode::NO_CONTENT)
}
