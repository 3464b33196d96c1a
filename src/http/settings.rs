//! `/settings`: what the rules leave to the city. A change is an entry of the ledger and binds what is noticed after it.

use actix_web::web::{Data, Json};
use actix_web::{get, put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use super::act::{Recorded, act};
use super::extract::{Body, Key, Who};
use super::problem::Problem;
use crate::base::Code;
use crate::base::limits::HOLIDAYS_MAX;
use crate::desk::Desk;
use crate::engine::calendar::{CityPeriods, Holidays, parse_day};
use crate::engine::code::CodeFormat;
use crate::engine::event::PlatformConfigured;
use crate::engine::{Action, Subject};
use crate::identity::{Action as Right, ObjectRef, may};

pub fn routes(config: &mut ServiceConfig) {
    config.service(read).service(write);
}

#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How project codes look: `C` category, `Y` year, `9` digit, `X` digit or capital, `#` the check character.
    code_format: String,
    periods: Periods,
    /// Weekdays that are free by the State Council's notice, `YYYY-MM-DD`.
    free: Vec<String>,
    /// Weekend days that are worked in exchange, `YYYY-MM-DD`.
    worked: Vec<String>,
}

/// What the law leaves to the city for land (B) and state property (C): days, and percent of the estimate.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Periods {
    land_notice_days: u32,
    land_publicity_days: u32,
    land_deposit_percent: u32,
    property_notice_days: u32,
    property_publicity_days: u32,
    property_deposit_percent: u32,
}

/// The settings that hold now.
#[utoipa::path(operation_id = "read_settings", tag = "administration",
    responses((status = 200, body = Settings), (status = 401, body = Problem), (status = 403, body = Problem)))]
#[get("/settings")]
pub async fn read(desk: Data<Desk>, who: Who) -> Result<Json<Settings>, Problem> {
    may(&who.0, Right::SettingsRead, ObjectRef::NONE)?;
    let now = desk.sequencer.read(|committed| committed.state.settings.clone());
    let CityPeriods {
        land_notice_days,
        land_publicity_days,
        land_deposit_percent,
        property_notice_days,
        property_publicity_days,
        property_deposit_percent,
    } = now.periods;
    let periods = Periods {
        land_notice_days,
        land_publicity_days,
        land_deposit_percent,
        property_notice_days,
        property_publicity_days,
        property_deposit_percent,
    };
    let (free, worked) = (now.holidays.free.into_iter().collect(), now.holidays.worked.into_iter().collect());
    Ok(Json(Settings { code_format: now.code_format.0, periods, free, worked }))
}

/// Changes them. The ledger keeps who did it and what held before.
#[utoipa::path(operation_id = "write_settings", tag = "administration", request_body = Settings,
    responses((status = 200, body = Recorded), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 422, body = Problem)))]
#[put("/settings")]
pub async fn write(desk: Data<Desk>, who: Who, key: Key, body: Body<Settings>) -> Result<Json<Recorded>, Problem> {
    let Settings { code_format, periods, free, worked } = body.value;
    let days = |name: &str, days: Vec<String>| {
        if days.len() > HOLIDAYS_MAX {
            return Err(Problem::new(Code::InvalidField, format!("{name}: at most {HOLIDAYS_MAX} days")));
        }
        match days.iter().find(|day| parse_day(day).is_none()) {
            Some(day) => Err(Problem::new(Code::InvalidField, format!("{name}: {day:?} is not YYYY-MM-DD"))),
            None => Ok(days.into_iter().collect()),
        }
    };
    may(&who.0, Right::SettingsWrite, ObjectRef::NONE)?;
    let holidays = Holidays { free: days("free", free)?, worked: days("worked", worked)? };
    let periods = CityPeriods {
        land_notice_days: periods.land_notice_days,
        land_publicity_days: periods.land_publicity_days,
        land_deposit_percent: periods.land_deposit_percent,
        property_notice_days: periods.property_notice_days,
        property_publicity_days: periods.property_publicity_days,
        property_deposit_percent: periods.property_deposit_percent,
    };
    let action = Action::Configure(PlatformConfigured { code_format: CodeFormat(code_format), holidays, periods });
    act(&desk, who, key, body.digest, Right::SettingsWrite, Subject::Platform, action).await
}
