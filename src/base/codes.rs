//! The one table of error codes: stable name, HTTP status, and what a person should do, in Chinese and in English.
//! A code, once released, keeps its name and meaning for ever: refused bids carry it in the ledger.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

macro_rules! codes {
    ($($variant:ident $name:literal $status:literal $zh:literal $en:literal;)*) => {
        /// Why something was refused.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $($variant,)* }

        impl Code {
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The stable name, used in problems (`code`), in the ledger (`rule`) and in the documentation.
            pub const fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// The HTTP status of a problem with this code.
            pub const fn status(self) -> u16 {
                match self { $(Code::$variant => $status,)* }
            }

            /// What happened and what to do, in Chinese.
            pub const fn zh(self) -> &'static str {
                match self { $(Code::$variant => $zh,)* }
            }

            /// What happened and what to do, in English.
            pub const fn en(self) -> &'static str {
                match self { $(Code::$variant => $en,)* }
            }
        }
    };
}

codes! {
    // Requests
    Malformed "malformed" 400 "请求内容无法识别，请检查格式。" "The request cannot be read; check its form.";
    InvalidField "invalid_field" 422 "有一项填写不符合要求，请按提示修改。" "A field does not meet its rule; change it as the detail says.";
    TooLarge "too_large" 413 "提交的内容过大。" "The request is larger than allowed.";
    UnsupportedMedia "unsupported_media" 415 "请以 application/json 提交。" "Send application/json.";
    NotFound "not_found" 404 "没有找到，或您无权查看。" "Not found, or not yours to see.";
    MethodNotAllowed "method_not_allowed" 405 "此地址不支持该操作。" "This address does not support that method.";
    KeyReused "idempotency_key_reused" 409 "同一幂等键已用于另一内容，请换新的键。" "This idempotency key was used with another body; use a fresh key.";
    KeyMissing "idempotency_key_missing" 400 "请在请求头 Idempotency-Key 中提供一次性编号。" "Send an Idempotency-Key header with a fresh UUID.";
    RateLimited "rate_limited" 429 "操作过于频繁，请稍候再试。" "Too many requests; wait and try again.";
    Busy "busy" 503 "系统繁忙，本次未受理，请立即重试。" "The system is busy and took nothing; try again at once.";
    LedgerStopped "ledger_stopped" 503 "账本已停止写入，本次未受理；平台人员正在处理。" "The ledger has stopped writing and took nothing; the operators are on it.";
    OutcomeUnknown "outcome_unknown" 503 "结果未知，请用同一编号重试查询。" "The outcome is unknown; retry with the same nonce or key to learn it.";
    NotLeader "not_leader" 503 "账本正在切换主节点，本次未受理，请用同一编号立即重试。" "The ledger is changing its writing node and took nothing; retry at once with the same nonce or key.";
    ShuttingDown "shutting_down" 503 "服务正在重启，请稍候重试。" "The server is restarting; try again shortly.";
    Internal "internal" 500 "系统内部错误，已记录。" "An internal error; it has been recorded.";
    // Identity
    NotSignedIn "not_signed_in" 401 "请先登录。" "Sign in first.";
    BadCredentials "bad_credentials" 401 "账号、口令或动态码不正确。" "Account, password or one-time code is wrong.";
    TotpRequired "totp_required" 401 "请输入动态验证码。" "Enter the one-time code.";
    SessionOver "session_over" 401 "会话已结束，请重新登录。" "The session is over; sign in again.";
    CsrfMismatch "csrf_mismatch" 403 "页面已过期，请刷新后重试。" "The page is stale; reload and try again.";
    Forbidden "forbidden" 403 "您的角色无权进行此操作。" "Your role may not do this.";
    ReauthRequired "reauth_required" 403 "此操作需要再次验证身份。" "Confirm your identity again for this.";
    NotYetReadable "not_yet_readable" 403 "该内容目前对您不公开。" "This content is not open to you now.";
    Erased "erased" 410 "该内容已依法删除，哈希仍在账本中。" "The content was erased by law; its hash remains.";
    EntryDamaged "entry_damaged" 500 "该条目在存储中已损坏，与写入时不符；请留存证据并告知监督部门。" "This entry is damaged in storage: it is not what was committed. Keep what you have and tell the supervisors.";
    TotpNotEnrolled "totp_not_enrolled" 403 "您的角色须先绑定动态验证码。" "Your role needs a one-time code; enrol one first.";
    AccountExists "account_exists" 409 "该账号已存在。" "This account exists already.";
    WeakPassword "weak_password" 422 "口令过短或过于常见，请至少使用 12 个字符。" "The password is too short or too common; use at least 12 characters.";
    BadTicket "bad_ticket" 401 "连接凭证无效或已使用。" "The ticket is invalid or was used.";
    BadOrigin "bad_origin" 403 "来源不被允许。" "This origin is not allowed.";
    // Bid statements (ledger format §5)
    StatementMalformed "statement_malformed" 400 "报价声明格式不正确。" "The bid statement is malformed.";
    StatementMismatch "statement_mismatch" 422 "声明内容与请求不一致。" "The statement does not match what it was sent for.";
    SignatureInvalid "signature_invalid" 422 "签名无效。" "The signature does not hold.";
    KeyUnknown "key_unknown" 422 "签名所用密钥不是该号牌登记的密钥。" "The key that signed is not the one registered for this number.";
    KeyWeak "key_weak" 422 "该公钥不可用，请重新生成。" "This public key is unusable; make a new one.";
    NonceReplayed "nonce_reused" 409 "该一次性编号已用于另一报价。" "This nonce was used for another bid.";
    SeenUnknown "seen_unknown" 422 "声明所见的账本检查点不存在。" "The checkpoint that the statement claims to have seen does not exist.";
    CaseExists "case_exists" 409 "您对该标的已有未结的案件。" "You have an open case on this lot already.";
    KeyTaken "key_taken" 409 "该公钥已登记过，请重新生成。" "This public key is registered already; make a new one.";
    // Things and their lives
    ProjectUnknown "project_unknown" 404 "没有这个项目。" "There is no such project.";
    ProjectExists "project_exists" 409 "该项目编号已存在。" "This project exists already.";
    ProjectCodeInvalid "project_code_invalid" 422 "项目统一编码不符合格式或校验码错误。" "The project code has the wrong form or check character.";
    LotUnknown "lot_unknown" 404 "没有这个标的。" "There is no such lot.";
    LotExists "lot_exists" 409 "该标的编号已存在。" "This lot exists already.";
    TooMany "too_many" 422 "数量超过上限。" "There are more than allowed.";
    RulesInvalid "rules_invalid" 422 "竞价规则自相矛盾或超出范围。" "The rules contradict each other or leave their range.";
    NoticeTooShort "notice_too_short" 422 "公告至截止的期限短于法定期限。" "The time from notice to deadline is shorter than the law allows.";
    DepositTooHigh "deposit_too_high" 422 "保证金超过法定比例。" "The deposit is above the legal share.";
    WrongPhase "wrong_phase" 409 "标的当前阶段不允许此操作。" "The lot is not in a phase that allows this.";
    SignUpNotOpen "sign_up_not_open" 409 "报名尚未开始。" "Sign-up has not opened.";
    SignUpClosed "sign_up_closed" 409 "报名已经截止。" "Sign-up is closed.";
    AlreadySignedUp "already_signed_up" 409 "您已报名该标的。" "You have signed up for this lot already.";
    BidderFull "bidders_full" 409 "号牌已发完。" "All bidder numbers are dealt.";
    DepositUnknown "deposit_unknown" 404 "没有找到该保证金编号。" "There is no such deposit reference.";
    DepositLate "deposit_late" 409 "保证金到账时间已过截止时间。" "The deposit deadline has passed.";
    DepositMismatch "deposit_mismatch" 422 "到账金额与应缴保证金不一致。" "The amount received differs from the deposit due.";
    DepositState "deposit_state" 409 "保证金当前状态不允许此操作。" "The deposit is not in a state that allows this.";
    PublicityNotOver "publicity_not_over" 409 "公示期尚未届满。" "The publicity period is not over.";
    PublicityTooShort "publicity_too_short" 422 "公示期短于法定期限。" "The publicity period is shorter than the law allows.";
    HoldUnknown "hold_unknown" 404 "没有这项中止。" "There is no such suspension.";
    HoldNotYours "hold_not_yours" 403 "监督部门责令的中止只能由监督部门解除。" "A pause ordered by the supervisor can only be lifted by the supervisor.";
    AlreadySuspended "already_suspended" 409 "标的已处于中止状态。" "The lot is suspended already.";
    ReasonMissing "reason_missing" 422 "请填写理由。" "Give a reason.";
    QuestionUnknown "question_unknown" 404 "没有这项质询。" "There is no such question.";
    QuestionExists "question_exists" 409 "该质询编号已存在。" "This question exists already.";
    QuestionAnswered "question_answered" 409 "该质询已经答复。" "This question is answered already.";
    DueInPast "due_in_past" 422 "期限必须在将来。" "The due time must lie in the future.";
    NotSignedUp "not_signed_up" 409 "您未报名该标的，或已撤回。" "You have not signed up for this lot, or took it back.";
    ObjectionUnknown "objection_unknown" 404 "没有这项异议。" "There is no such objection.";
    ObjectionExists "objection_exists" 409 "该异议编号已存在。" "This objection exists already.";
    ObjectionPending "objection_pending" 409 "您对该标的的上一项异议尚未答复，请等待答复。" "Your last objection on this lot is not answered yet; wait for the answer.";
    ObjectionLate "objection_late" 409 "提出该类异议的法定期限已过。" "The legal time for this kind of objection has passed.";
    ObjectionAnswered "objection_answered" 409 "该异议已经答复。" "This objection is answered already.";
    ComplaintTooEarly "complaint_too_early" 409 "须先经异议答复，或答复期满后，方可投诉。" "A complaint comes after the objection's answer, or after the time for it.";
    ComplaintExists "complaint_exists" 409 "对该异议已经投诉。" "There is a complaint on this objection already.";
    ComplaintLate "complaint_late" 409 "投诉的法定期限已过。" "The legal time for a complaint has passed.";
    ComplaintUnknown "complaint_unknown" 404 "没有这项投诉。" "There is no such complaint.";
    ComplaintState "complaint_state" 409 "该投诉当前状态不允许此操作。" "The complaint is not in a state that allows this.";
    ReserveNotDue "reserve_not_due" 409 "现在不是公开底价的时候。" "The reserve is not to be disclosed now.";
    ReserveMismatch "reserve_mismatch" 422 "公开的底价与公告时的承诺不符。" "The disclosed reserve does not match its commitment.";
    NotConfirming "not_confirming" 409 "现在不是确认参加限时竞价的时候。" "This is not the confirmation window.";
    NotEligible "not_eligible" 409 "只有挂牌期内报过价的号牌可以确认参加。" "Only numbers that quoted may confirm.";
    AlreadyConfirmed "already_confirmed" 409 "该号牌已确认参加。" "This number has confirmed already.";
    // Rooms, cameras, footage
    RoomUnknown "room_unknown" 404 "没有这个场所。" "There is no such room.";
    RoomExists "room_exists" 409 "同名场所已存在。" "A room of this name exists already.";
    CameraUnknown "camera_unknown" 404 "没有这台摄像机。" "There is no such camera.";
    CameraAddress "camera_address" 422 "摄像机地址不被接受，请按提示修改；用户名和口令请填在专门的栏目中。" "The camera's address is not accepted; change it as the detail says, and put user and password into their own fields.";
    BookingUnknown "booking_unknown" 404 "没有这项场所预约。" "There is no such booking.";
    CameraElsewhere "camera_elsewhere" 409 "这台摄像机由其他系统录像，此处没有实时画面。" "Another system records this camera; there is no live picture here.";
    RecorderTaken "recorder_taken" 409 "另一台录像机正以此名称录像。" "Another recorder records under this name.";
    FootageLate "footage_late" 409 "影像摘要送达过晚，不予收录。" "The digests of this footage came too late to prove anything; they are not taken.";
    KeepingUnknown "footage_hold_unknown" 404 "没有这项保全。" "There is no such hold.";
    KeepingLifted "footage_hold_lifted" 409 "该保全已解除。" "This hold is lifted already.";
    ClipUnknown "clip_unknown" 404 "没有这段影像。" "There is no such clip.";
    ClipPending "clip_pending" 409 "该影像尚未收录完毕，请稍候再试。" "The clip's footage is not all in yet; try again in a moment.";
    ViewingOver "viewing_over" 403 "查看许可已到期或不属于您，请重新申请查看。" "Leave to look has run out or is not yours; ask for it again.";
    FootageGone "footage_gone" 410 "影像已不在此处：已按保存期限删除，或摄像机当前没有画面。" "The footage is not here: it was deleted when its time was over, or the camera gives no picture now.";
    ElsewhereSilent "elsewhere_silent" 502 "保存这段影像的系统没有给出影像，请稍后再试，或到该系统中查看。" "The system that keeps this footage does not give it; try again later, or look at it there.";
    RoomTaken "room_taken" 409 "该场所在这段时间已被预约。" "The room is booked at that time already.";
    // Bids, in order of precedence
    NumberUnknown "number_unknown" 422 "该标的没有这个号牌。" "This lot has no such bidder number.";
    NotOpen "not_open" 409 "竞价尚未开始。" "The auction has not opened.";
    Closed "closed" 409 "竞价已经结束。" "The auction is closed.";
    Suspended "suspended" 409 "竞价已中止，恢复后补足剩余时间。" "The auction is suspended; the remaining time is credited on resumption.";
    NotAdmittedToStage "not_admitted_to_stage" 409 "该号牌未确认参加限时竞价。" "This number did not confirm for the timed auction.";
    WrongRung "wrong_rung" 409 "竞价已进入下一阶梯，请按新的标的量报价。" "The auction is on another rung; bid in its unit.";
    AlreadyLeading "already_leading" 409 "您已领先，无需再报。" "You are leading already.";
    BelowStart "below_start" 409 "报价低于起始价。" "The bid is below the start price.";
    AboveCeiling "above_ceiling" 409 "报价高于最高限价。" "The bid is above the ceiling price.";
    AboveCap "above_cap" 409 "报价超过限价。" "The bid is past the price cap.";
    AmountZero "amount_zero" 409 "报价不能为零。" "Nothing is traded for nothing: bid more than zero.";
    NotBetter "not_better" 409 "报价未优于当前领先价。" "The bid does not improve on the leading one.";
    StepNotMet "step_not_met" 409 "加价幅度不足一档。" "The bid improves by less than one step.";
    OffStep "off_step" 409 "报价不是阶梯的整数倍。" "The bid is not a whole number of steps.";
    StepTooLarge "step_too_large" 409 "一次加价超过允许的最多档数。" "The bid is more steps than one bid may take.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text is not the name of a code of this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a known code")]
pub struct NotACode;

impl FromStr for Code {
    type Err = NotACode;

    fn from_str(text: &str) -> Result<Self, NotACode> {
        Self::ALL.iter().copied().find(|code| code.name() == text).ok_or(NotACode)
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `docs/problems.md` is this table for people. `UPDATE_DOCS=1 cargo test problems` writes it anew.
    #[test]
    fn the_page_of_problems_is_this_table() {
        let mut page = String::from(
            "# Problems\n\nEvery refusal is an RFC 9457 problem with one of these codes; refused bids carry theirs in the \
             ledger as `rule`.\nA code keeps its name and meaning for ever. Made from `src/base/codes.rs`.\n\n\
             | code | status | 说明 | meaning |\n|---|---|---|---|\n",
        );
        for code in Code::ALL {
            let row = [&format!("`{}`", code.name()), &code.status().to_string(), code.zh(), code.en()].join(" | ");
            page.push_str(&["| ", &row, " |\n"].concat());
        }
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/problems.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &page).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), page, "run UPDATE_DOCS=1 cargo test problems");
    }

    #[test]
    fn names_are_unique_and_round_trip() {
        let mut seen = std::collections::BTreeSet::new();
        for code in Code::ALL {
            assert!(seen.insert(code.name()), "{} stands twice", code.name());
            assert_eq!(code.name().parse(), Ok(*code));
            assert!((400..600).contains(&code.status()));
            assert!(!code.zh().is_empty() && !code.en().is_empty());
        }
    }
}
