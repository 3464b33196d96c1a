//! `/companies` and `/activation`: how people without an account come to one. A company signs itself up; everybody else
//! is made an account and chooses its password with a one-time code.

use actix_web::http::StatusCode;
use actix_web::web::Data;
use actix_web::{HttpRequest, post};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::extract::{Body, network};
use super::offload::HashingPermits;
use super::private::{Answer, done, json};
use super::problem::Problem;
use super::throttle::Throttle;
use crate::base::{Code, Id};
use crate::desk::Desk;
use crate::identity::CreditCode;
use crate::identity::accounts::{self, login_name, title};

pub fn routes(config: &mut ServiceConfig) {
    config.service(sign_up).service(activate);
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCompany {
    login: String,
    password: String,
    /// The person who acts for the company.
    name: String,
    company: String,
    /// 统一社会信用代码, GB 32100-2015.
    credit_code: String,
}

#[derive(Serialize, ToSchema)]
pub struct NewBidder {
    account: Id,
}

/// A company signs itself up; the account is a bidder's.
#[utoipa::path(operation_id = "sign_up_company", tag = "companies", request_body = NewCompany,
    responses((status = 201, body = NewBidder), (status = 409, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem), (status = 503, body = Problem)))]
#[post("/companies")]
pub async fn sign_up(
    desk: Data<Desk>,
    permits: Data<HashingPermits>,
    sign_ups: Data<Throttle>,
    request: HttpRequest,
    body: Body<NewCompany>,
) -> Answer {
    let new = body.value;
    check_login(&new.login)?;
    check_title("name", &new.name)?;
    check_title("company", &new.company)?;
    check_credit_code(&new.credit_code)?;
    let network = network(&request);
    sign_ups.admit(&network, desk.now())?;
    let account = permits.ask(&desk, move |identity, now| {
        let new = accounts::NewCompany {
            login: &new.login,
            password: &new.password,
            name: &new.name,
            company: &new.company,
            credit_code: &new.credit_code,
        };
        identity.sign_up_company(new, &network, now)
    });
    Ok(json(StatusCode::CREATED, &NewBidder { account: account.await? }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Activation {
    login: String,
    /// The one-time code that the administrator handed over.
    code: String,
    password: String,
}

/// Chooses the password of an account that was made or reset by an administrator, who never knows it.
#[utoipa::path(operation_id = "activate_account", tag = "companies", request_body = Activation,
    responses((status = 204), (status = 401, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
#[post("/activation")]
pub async fn activate(
    desk: Data<Desk>,
    permits: Data<HashingPermits>,
    request: HttpRequest,
    body: Body<Activation>,
) -> Answer {
    let network = network(&request);
    let Activation { login, code, password } = body.value;
    permits.ask(&desk, move |identity, now| identity.activate(&login, &code, &password, &network, now)).await?;
    Ok(done())
}

// The identity room refuses a wrong field by its code alone; a form must know which one it is.

pub(super) fn check_login(login: &str) -> Result<(), Problem> {
    named("login: 3 to 64 of the letters a-z, digits and . _ @ + -", login_name(login).map(drop))
}

pub(super) fn check_title(field: &str, text: &str) -> Result<(), Problem> {
    named(&format!("{field}: one line of 1 to 200 characters"), title(text).map(drop))
}

pub(super) fn check_credit_code(text: &str) -> Result<CreditCode, Problem> {
    named("credit_code: 18 characters with a check character (GB 32100-2015)", text.parse())
}

pub(super) fn named<T>(rule: &str, checked: Result<T, Code>) -> Result<T, Problem> {
    checked.map_err(|code| if code == Code::InvalidField { Problem::new(code, rule) } else { code.into() })
}
