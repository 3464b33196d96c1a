//! What stands in the report: what happened, by whom, what was checked, and what could not be.

use std::collections::BTreeMap;

use super::paper::{Ink, Paper, Text};
use super::phrases::{actor, clock, kind_title, yuan};
use crate::base::{Fen, Micros};
use crate::engine::event::{Failure, Noticed};
use crate::engine::rules::Method;
use crate::engine::{Actor, Fact};
use crate::review::case::{Summary, Told};
use crate::review::report::{CheckState, Language};

/// Sets the report.
pub fn tell(summary: &Summary<'_>) -> Result<Paper, String> {
    let last = summary.told.last().map_or_else(|| Micros::new(0).unwrap_or_default(), |told| told.at);
    let title = notice(summary).map_or_else(|| format!("标的 {}", summary.lot), |notice| notice.title.clone());
    let footer = format!("明鉴 案件报告 · {} · 前 {} 条", summary.manifest.origin, summary.manifest.size);
    let mut paper = Paper::new(&format!("案件报告：{title}"), &footer, last)?;
    front(&mut paper, summary, &title);
    about(&mut paper, summary);
    result(&mut paper, summary);
    people(&mut paper, summary);
    course(&mut paper, summary);
    checked(&mut paper, summary);
    unchecked(&mut paper, summary);
    yourself(&mut paper, summary);
    Ok(paper)
}

fn facts<'a>(summary: &'a Summary<'_>) -> impl Iterator<Item = (&'a Told, Actor, &'a Fact)> {
    summary.told.iter().filter_map(|told| told.what.as_ref().ok().map(|event| (told, event.actor, &event.fact)))
}

fn notice<'a>(summary: &'a Summary<'_>) -> Option<&'a Noticed> {
    facts(summary).find_map(|(_, _, fact)| if let Fact::Noticed(notice) = fact { Some(notice) } else { None })
}

fn front(paper: &mut Paper, summary: &Summary<'_>, title: &str) {
    paper.paragraph(&Text { words: "明鉴 · 案件报告".into(), size: 11.0, ink: Ink::Cinnabar });
    paper.paragraph(&Text { words: title.into(), size: 22.0, ink: Ink::Black });
    paper.paragraph(&Text::note(
        "Mingjian case report: what happened, by whom, what was checked, what could not be checked",
    ));
    paper.space(6.0);
    let holds = summary.report.holds();
    let big = |text: &str, ink| Text { words: text.into(), size: 13.0, ink };
    let mut lines = Vec::new();
    if let Some(failure) = &summary.report.first_failure {
        lines.push(big("核验不符", Ink::Cinnabar));
        let place = failure.seq.map_or_else(|| "整本账本".into(), |seq| format!("第 {seq} 条"));
        let (check, rule) = (failure.check.title(Language::Zh), &failure.rule);
        lines.push(Text::body(format!("第一处不符：{place}，{check}（{rule}）。")));
        lines.push(Text::note(format!("应为 {}；实为 {}", failure.expected, failure.found)));
    } else {
        lines.push(big("所检查的各项全部相符", Ink::Jade));
        let not_made = summary.report.checked.iter().filter(|check| check.state == CheckState::NotMade).count();
        lines.push(Text::body(format!(
            "共 {} 项，相符 {} 项，未能检查 {not_made} 项（见“未能检查的”一节）。",
            summary.report.checked.len(),
            summary.report.checked.len() - not_made
        )));
    }
    paper.verdict(holds, &lines);
    paper.paragraph(&Text::note(
        "本报告由制作案件文件的一方生成，只供阅读，本身不证明任何事；证明在同一文件的账本、签名和回执之中，请自行核验。",
    ));
}

fn about(paper: &mut Paper, summary: &Summary<'_>) {
    paper.heading("案件", "The case");
    let mut rows: Vec<(&str, String)> = Vec::new();
    if let Some(project) = summary.project {
        rows.push(("项目", format!("{}（{}）", project.title, project.code)));
        rows.push(("委托方", project.owner_name.clone()));
        rows.push(("地点", project.place.clone()));
    }
    rows.push(("标的编号", summary.lot.to_string()));
    if let Some(notice) = notice(summary) {
        rows.push(("估价", yuan(notice.estimate)));
        let (method, start, step) = match &notice.rules.method {
            Method::Ascending(rules) => ("网络竞价（价高者得）", rules.start, rules.step),
            Method::Descending(rules) => ("反向竞价（价低者得）", rules.start, rules.step),
            Method::Listing(rules) => ("挂牌", rules.start, rules.step),
        };
        rows.push(("交易方式", format!("{method}，起始价 {}，加价幅度 {}", yuan(start), yuan(step))));
        rows.push(("保证金", yuan(notice.rules.deposit)));
    }
    rows.push(("账本", summary.manifest.origin.to_string()));
    rows.push(("截至", format!("前 {} 条，树根 {}", summary.manifest.size, summary.manifest.root)));
    for key in &summary.report.log_keys {
        let since = key.announced.map_or_else(String::new, |seq| format!("（自第 {seq} 条换用）"));
        rows.push(("账本公钥", format!("{}{since}", key.key)));
    }
    let reader = if summary.manifest.reader == "reviewer" { "案件审查人员" } else { "公众" };
    rows.push(("读者类别", format!("{reader}；其无权阅读的内容不在文件中")));
    two_columns(paper, &rows);
}

fn two_columns(paper: &mut Paper, rows: &[(&str, String)]) {
    let rows: Vec<Vec<Text>> =
        rows.iter().map(|(name, value)| vec![Text::note(*name), Text::body(value.clone())]).collect();
    paper.table(&[16.0, 84.0], &[], &rows);
}

fn result(paper: &mut Paper, summary: &Summary<'_>) {
    let mut rows: Vec<(&str, String)> = Vec::new();
    let (mut accepted, mut refused, mut extended) = (0u32, 0u32, 0u32);
    for (_, _, fact) in facts(summary) {
        match fact {
            Fact::BidAccepted(_) => accepted += 1,
            Fact::BidRefused(_) => refused += 1,
            Fact::CountdownReset(_) => extended += 1,
            _ => {}
        }
    }
    rows.push(("出价", format!("有效 {accepted} 次，被拒 {refused} 次，倒计时重置 {extended} 次")));
    for (told, _, fact) in facts(summary) {
        let text = match fact {
            Fact::AuctionClosed(_)
            | Fact::LotFailed(_)
            | Fact::LotTerminated(_)
            | Fact::Awarded(_)
            | Fact::WinnerDisclosed(_)
            | Fact::Contracted(_) => tale(fact),
            _ => continue,
        };
        rows.push((kind_title(fact.kind()), format!("{text}（第 {} 条，{}）", told.seq, clock(told.at))));
    }
    paper.heading("结果", "The outcome");
    two_columns(paper, &rows);
}

#[derive(Default)]
struct Deeds {
    entries: u32,
    bids: u32,
    refused: u32,
    last: Option<Fen>,
}

fn people(paper: &mut Paper, summary: &Summary<'_>) {
    let mut all: BTreeMap<Actor, Deeds> = BTreeMap::new();
    for (_, who, fact) in facts(summary) {
        let deeds = all.entry(who).or_default();
        deeds.entries += 1;
        match fact {
            Fact::BidAccepted(bid) => {
                deeds.bids += 1;
                deeds.last = Some(bid.amount);
            }
            Fact::BidRefused(_) => deeds.refused += 1,
            _ => {}
        }
    }
    let row = |(who, deeds): (&Actor, &Deeds)| {
        let did = if matches!(who, Actor::Bidder(_)) {
            let last = deeds.last.map_or_else(String::new, |amount| format!("，最后一次有效出价 {}", yuan(amount)));
            format!("有效出价 {} 次，被拒 {} 次{last}", deeds.bids, deeds.refused)
        } else {
            String::new()
        };
        vec![Text::body(actor(*who)), Text::body(deeds.entries.to_string()), Text::body(did)]
    };
    paper.heading("何人", "By whom");
    paper.table(&[16.0, 12.0, 72.0], &["当事方", "条目数", "出价"], &all.iter().map(row).collect::<Vec<_>>());
    paper.paragraph(&Text::note(
        "竞买人在竞价中只有号牌，没有名字（招标投标法第二十二条）；成交后由“公布受让人”一条说明其为何人。「系统」的条目由规则和时钟自动产生。",
    ));
}

fn course(paper: &mut Paper, summary: &Summary<'_>) {
    paper.heading("经过", "What happened");
    let row = |told: &Told| {
        let (title, who, text, ink) = match &told.what {
            Ok(event) => {
                let loud = matches!(
                    event.fact,
                    Fact::BidRefused(_)
                        | Fact::LotSuspended(_)
                        | Fact::LotTerminated(_)
                        | Fact::LotFailed(_)
                        | Fact::DutyOverdue(_)
                        | Fact::QuestionOverdue(_)
                        | Fact::ObjectionOverdue(_)
                        | Fact::ComplaintOverdue(_)
                        | Fact::PauseOrdered(_)
                );
                let ink = if loud { Ink::Cinnabar } else { Ink::Black };
                (kind_title(event.fact.kind()).to_owned(), actor(event.actor), tale(&event.fact), ink)
            }
            Err(kind) => (kind_title(kind).to_owned(), String::new(), String::new(), Ink::Black),
        };
        vec![
            Text::note(told.seq.to_string()),
            Text::note(clock(told.at)),
            Text::body(title).in_ink(ink),
            Text::body(who),
            Text::body(text).in_ink(ink),
        ]
    };
    let rows: Vec<Vec<Text>> = summary.told.iter().map(row).collect();
    paper.table(&[9.0, 25.0, 17.0, 9.0, 40.0], &["条目", "北京时间", "事项", "何人", "内容"], &rows);
}

fn checked(paper: &mut Paper, summary: &Summary<'_>) {
    paper.heading("检查了什么", "What was checked");
    let mut rows = Vec::new();
    for check in &summary.report.checked {
        let (state, ink) = match check.state {
            CheckState::Held => ("相符", Ink::Jade),
            CheckState::Failed => ("不符", Ink::Cinnabar),
            CheckState::NotMade => ("未检查", Ink::Grey),
        };
        let why = check.why_not.as_ref().map(|why| why.of(Language::Zh).to_owned()).unwrap_or_default();
        rows.push(vec![
            Text::body(check.name.title(Language::Zh)),
            Text::body(state).in_ink(ink),
            Text::body(check.count.to_string()),
            Text::note(why),
        ]);
    }
    paper.table(&[24.0, 12.0, 14.0, 50.0], &["项目", "结论", "件数", "说明"], &rows);
    let (enclosed, absent) = summary.media;
    paper.paragraph(&Text::body(format!(
        "文件另含：本标的每次出价（含被拒的）的回执 {} 份，检查点之间的一致性证明 {} 份，影像引用 {} 个（影像文件 {enclosed} 个，未附上 {absent} 个）。",
        summary.receipts, summary.consistency, summary.clips
    )));
    if !summary.policy.is_empty() {
        paper.paragraph(&Text::note("账本所载的见证规则："));
        for line in summary.policy.lines() {
            paper.paragraph(&Text::note(line));
        }
    }
}

fn unchecked(paper: &mut Paper, summary: &Summary<'_>) {
    paper.heading("未能检查的", "What could not be checked");
    let mut lines = vec![
        "公钥：本报告以账本第 0 条自称的公钥为准，只能说明账本前后一致。请把“账本公钥”与监管部门公布的、公告或印刷品上的公钥比对。"
            .to_owned(),
    ];
    let missing = summary.report.missing_payloads;
    if missing.withheld + missing.erased > 0 {
        lines.push(format!(
            "内容：全账本有 {} 条内容本读者无权阅读、{} 条已依法删除；其哈希仍在链上，内容本身未能检查。",
            missing.withheld, missing.erased
        ));
    }
    let undecided: u64 = summary.report.undecided.values().sum();
    if undecided > 0 {
        lines.push(format!("规则重演：因上述内容不在手边，有 {undecided} 处只能照录，未能重新判定。"));
    }
    for check in summary.report.checked.iter().filter(|check| check.state == CheckState::NotMade) {
        let why = check.why_not.as_ref().map_or("未检查", |why| why.of(Language::Zh));
        lines.push(format!("{}：{why}。", check.name.title(Language::Zh)));
    }
    if summary.media.1 > 0 {
        lines.push(format!("影像：影像引用所指的文件有 {} 个未附上，未能核对。", summary.media.1));
    }
    lines.push("账外之事：从未提交或从未入账的出价，账本无从知道；竞买人持有的回执可以证明其出价曾经入账。".into());
    for line in lines {
        paper.paragraph(&Text::body(format!("· {line}")));
    }
}

fn yourself(paper: &mut Paper, summary: &Summary<'_>) {
    paper.heading("如何自行核验", "How to check it yourself");
    for line in [
        "1. 在任何一台电脑上用浏览器打开 verify.html（无需联网），把整个案件文件拖进去；或运行 mingjian verify 案件文件。",
        "2. 填入您自己从可信渠道取得的账本公钥和见证方公钥。",
        "3. 核验程序重算每一条链接、签名和回执，并按交易规则把全过程重演一遍；哪一条不符，会指出是第几条。",
    ] {
        paper.paragraph(&Text::body(line));
    }
    if let Some(verifier) = summary.verifier {
        paper.paragraph(&Text::note(format!("案内 verify.html 的 SHA-256：{}", verifier.to_hex())));
    }
    paper.paragraph(&Text::note(
        "English: open verify.html from this file in any browser, without a network, and drop the whole case on it, or run `mingjian verify FILE`; give it the log's key from a source that you trust.",
    ));
}

/// An entry in a line of words.
fn tale(fact: &Fact) -> String {
    match fact {
        Fact::Noticed(fact) => format!("估价 {}，附件 {} 份", yuan(fact.estimate), fact.documents.len()),
        Fact::SignedUp(fact) => format!("{}（{}）", fact.company, fact.credit_code),
        Fact::NumberDealt(fact) => format!("{} 号", fact.number),
        Fact::NumberWithdrawn(fact) => format!("{} 号", fact.number),
        Fact::DepositConfirmed(fact) => format!("{}，附言 {}", yuan(fact.amount), fact.reference),
        Fact::DepositReturned(fact) => fact.reason.clone(),
        Fact::DepositForfeited(fact) => fact.reason.clone(),
        Fact::AuctionOpened(fact) => format!("号牌 {}；至 {}", numbers(&fact.numbers), clock(fact.until)),
        Fact::BidAccepted(fact) => yuan(fact.amount),
        Fact::BidRefused(fact) => format!("{}；{}", yuan(fact.amount), fact.rule.zh()),
        Fact::CountdownReset(fact) => format!("至 {}", clock(fact.until)),
        Fact::TimedPeriodStarted(fact) => format!("至 {}", clock(fact.until)),
        Fact::ConfirmationOpened(fact) => format!("号牌 {}；至 {}", numbers(&fact.eligible), clock(fact.until)),
        Fact::RungStarted(fact) => format!("第 {} 级；至 {}", fact.rung, clock(fact.until)),
        Fact::AuctionClosed(fact) => match fact.ranking.first() {
            Some(best) if best.rung == 0 => {
                format!("{} 家出价，第一名 {} 号 {}", fact.ranking.len(), best.number, yuan(best.amount))
            }
            Some(best) => format!("{} 家出价，第一名 {} 号（第 {} 级）", fact.ranking.len(), best.number, best.rung),
            None => "无人出价".into(),
        },
        Fact::ReserveDisclosed(fact) => yuan(fact.amount),
        Fact::LotSuspended(fact) => fact.reason.clone(),
        Fact::LotResumed(fact) if fact.running => {
            format!("{}；各期限顺延 {} 秒", fact.reason, fact.credit.get() / 1_000_000)
        }
        Fact::LotResumed(fact) => format!("{}；另有中止事由未消", fact.reason),
        Fact::LotTerminated(fact) => fact.reason.clone(),
        Fact::LotFailed(fact) => {
            let why = match fact.why {
                Failure::TooFewBidders => "竞买人不足",
                Failure::NoBids => "无人出价",
                Failure::ReserveNotMet => "未达底价",
                Failure::WinnerWithdrew => "受让人放弃",
            };
            if fact.reason.is_empty() { why.into() } else { format!("{why}：{}", fact.reason) }
        }
        Fact::PublicityStarted(fact) => format!("至 {}", clock(fact.until)),
        Fact::Awarded(fact) => format!("{} 号，{}", fact.number, yuan(fact.price)),
        Fact::WinnerDisclosed(fact) => format!("{} 号为 {}（{}）", fact.number, fact.company, fact.credit_code),
        Fact::Contracted(fact) => format!("合同 SHA-256 {}", fact.sha256.to_hex()),
        Fact::DutyOverdue(fact) => format!("期限 {}", clock(fact.due)),
        Fact::QuestionRaised(fact) => format!("{}（须于 {} 前答复）", fact.text, clock(fact.due)),
        Fact::QuestionAnswered(fact) => late(&fact.text, fact.late),
        Fact::PauseOrdered(fact) => fact.reason.clone(),
        Fact::PauseLifted(fact) => fact.reason.clone(),
        Fact::ObjectionFiled(fact) => fact.text.clone(),
        Fact::ObjectionReceived(fact) => format!("{}（须于 {} 前答复）", fact.text, clock(fact.due)),
        Fact::ObjectionAnswered(fact) => {
            late(&format!("{}：{}", if fact.upheld { "成立" } else { "不成立" }, fact.text), fact.late)
        }
        Fact::ComplaintFiled(fact) => fact.text.clone(),
        Fact::ComplaintReceived(fact) => fact.text.clone(),
        Fact::ComplaintAdmitted(fact) => {
            late(&format!("{}：{}", if fact.admitted { "受理" } else { "不予受理" }, fact.reason), fact.late)
        }
        Fact::ComplaintDecided(fact) => {
            late(&format!("{}：{}", if fact.upheld { "成立" } else { "不成立" }, fact.text), fact.late)
        }
        _ => String::new(),
    }
}

fn late(text: &str, late: bool) -> String {
    if late { format!("{text}（逾期）") } else { text.to_owned() }
}

fn numbers(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join("、")
}
