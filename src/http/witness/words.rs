//! What a witness has found, in words for people who are no programmers: Chinese first, English below.

use std::fmt::Write as _;

use crate::base::{Micros, Span};
use crate::witness::{Alarm, AlarmKind, Log, Seen, Sight, Watch, Witness};

/// What is known of one log.
pub(super) struct Found<'a> {
    pub log: &'a Log,
    pub seen: Option<Seen>,
    /// The newest first.
    pub alarms: Vec<Alarm>,
    pub sight: Sight,
}

/// How a log stands.
enum Verdict {
    Good,
    Waiting,
    Bad,
}

impl Found<'_> {
    fn verdict(&self) -> Verdict {
        if self.alarms.iter().any(|alarm| alarm.ended.is_none()) {
            Verdict::Bad
        } else if self.seen.is_none() {
            Verdict::Waiting
        } else {
            Verdict::Good
        }
    }
}

impl Verdict {
    /// Class of the style sheet, Chinese, English.
    const fn words(&self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Good => ("good", "正常", "In order"),
            Self::Waiting => ("wait", "尚未见到账本", "Nothing seen yet"),
            Self::Bad => ("bad", "警报：请立即处理", "Alarm: act now"),
        }
    }
}

/// What an alarm means and what to do: Chinese, English.
pub const fn meaning(kind: AlarmKind) -> (&'static str, &'static str) {
    match kind {
        AlarmKind::Fork => (
            "账本运营方签署了两份互相矛盾的历史：同一本账被改写，或对不同的人出示不同内容。证据已保存，且无法抵赖。\
             请下载下方证据，通知监管部门，暂停采信该账本在此之后的结果。",
            "The operator has signed two histories that contradict each other: the ledger was rewritten, or different \
             people are shown different things. The evidence is kept and cannot be denied. Download it below, tell the \
             supervising authority, and do not rely on later results of this ledger.",
        ),
        AlarmKind::Shrank => (
            "账本变短了：现在出示的记录少于它先前出示或提交过的。可能是用旧备份恢复了系统，也可能有人删去了末尾的记录。\
             请联系运营方说明原因；在它重新出示全部记录之前，不要采信。",
            "The ledger became shorter: it now shows fewer entries than it had shown or submitted. An old backup may have been \
             restored, or the newest entries removed. Ask the operator; do not rely on it until everything is back.",
        ),
        AlarmKind::Stale => (
            "很久没有得到账本的有效签名：服务器可能中断，也可能有意不让本机看到新内容。请联系运营方，并从另一网络查看。",
            "No valid signature of the ledger for a long time: its server may be down, or new content is being kept from \
             this witness. Ask the operator, and look from another network.",
        ),
    }
}

/// Text in HTML, also within a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Beijing time to the second.
pub fn beijing(at: Micros) -> String {
    let text = at.plus(Span::hours(8)).to_string();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

pub(super) fn page(title: &str, witness: &Witness, logs: &[Found<'_>]) -> String {
    let mut out = String::new();
    let title = escape(title);
    let _ = write!(
        out,
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · 账本见证</title><link rel=\"stylesheet\" href=\"style.css\"></head><body>\
         <h1>{title} · 账本见证</h1><p class=\"en\">Ledger witness</p>\
         <p>本机由见证单位独立运行，使用自己的密钥。账本每增加记录，本机都核对：先前的记录是否一字未改、一条未少；\
         核对无误才签名，并记住所签内容。运营方若改写历史，本机不会签名，并在此报警。</p>\
         <p class=\"en\">This machine is run by the witnessing agency with its own key. Whenever the ledger grows, it checks \
         that everything before is unchanged and complete; only then does it sign, and it remembers what it signed. If the \
         operator rewrites history, it does not sign and raises an alarm here.</p>"
    );
    for found in logs {
        let _ = section(&mut out, found);
    }
    let key = escape(&witness.key().to_string());
    let _ = write!(
        out,
        "<footer><p>本见证人的公钥（请与书面公布的核对）：</p><p class=\"en\">This witness's public key; compare it with the \
         printed one:</p><p><code>{key}</code></p><p class=\"en\">{} (北京时间 Beijing time)</p></footer></body></html>",
        beijing(witness.now())
    );
    out
}

fn section(out: &mut String, found: &Found<'_>) -> std::fmt::Result {
    let (class, zh, en) = found.verdict().words();
    let origin = escape(&found.log.origin);
    write!(out, "<section class=\"{class}\"><h2>{origin}</h2><p class=\"verdict\">{zh}</p><p class=\"en\">{en}</p>")?;
    match &found.seen {
        Some(seen) => {
            let at = beijing(seen.at);
            write!(
                out,
                "<p>已核对并签名：共 <b>{size}</b> 条记录，最近一次在 {at}。</p>\
                 <p class=\"en\">Checked and cosigned: {size} entries, last at {at}.</p>\
                 <p>指纹：<code>{root}</code></p><p class=\"en\">Fingerprint (root hash). Equal fingerprints mean equal \
                 ledgers: compare it with what another witness shows for the same number of entries.</p>",
                size = seen.size,
                root = seen.root
            )?;
        }
        None => write!(
            out,
            "<p>该账本还没有提交过内容，本机也还没有取到。</p>\
             <p class=\"en\">This ledger has not handed in anything, and this machine has not fetched anything yet.</p>"
        )?,
    }
    if let Some(trouble) = &found.sight.trouble {
        let trouble = escape(trouble);
        write!(
            out,
            "<p>最近一次查看没有成功：<code>{trouble}</code></p><p class=\"en\">The last look was not successful.</p>"
        )?;
    }
    for alarm in &found.alarms {
        alarm_section(out, alarm)?;
    }
    if !found.alarms.is_empty() {
        let hash = super::origin_hash(&found.log.origin);
        write!(
            out,
            "<p><a href=\"{hash}/evidence\" download=\"evidence.txt\">下载证据</a></p>\
             <p class=\"en\">Download the evidence (above).</p>"
        )?;
    }
    write!(out, "</section>")
}

pub fn alarm_section(out: &mut String, alarm: &Alarm) -> std::fmt::Result {
    let (zh, en) = meaning(alarm.kind);
    let class = if alarm.ended.is_some() { "alarm over" } else { "alarm" };
    let time = match alarm.ended {
        Some(ended) => format!("{} – {} 已解除 over", beijing(alarm.began), beijing(ended)),
        None => format!("自 since {}", beijing(alarm.began)),
    };
    write!(out, "<div class=\"{class}\"><p><b>{time}</b></p><p>{zh}</p><p class=\"en\">{en}</p></div>")
}

/// A text file with both sides of every alarm, which anyone with the keys can check.
pub(super) fn evidence(watch: &Watch, log: &Log, alarms: &[Alarm]) -> String {
    let mut out = format!(
        "# 见证人 witness: {}\n# 账本 ledger: {}\n# 核对方法：以下每一份都是 C2SP signed-note，可用所列公钥验证。\n\
         # Each note below is a C2SP signed-note and can be checked with these keys:\n",
        watch.witness().key(),
        log.origin
    );
    for key in &log.keys {
        let _ = writeln!(out, "#   {key}");
    }
    for alarm in alarms {
        let ended = alarm.ended.map_or_else(String::new, |ended| format!(" – {ended}"));
        let _ = write!(
            out,
            "\n=== {} {}{ended}\n--- 本机已签名的 what this witness had cosigned:\n{}\n--- 与之不符的 what does not fit it:\n{}\n",
            alarm.kind.name(),
            alarm.began,
            alarm.ours,
            alarm.theirs
        );
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_log_is_taken_for_html() {
        assert_eq!(escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
    }

    #[test]
    fn times_are_those_of_beijing() {
        assert_eq!(beijing("2026-11-23T16:05:06.123456Z".parse().unwrap()), "2026-11-24 00:05:06");
    }
}
