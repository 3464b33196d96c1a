//! How a copy stands, in words for people who are no programmers: Chinese first, English below.

use std::fmt::Write as _;

use crate::http::witness::words::{alarm_section, beijing, escape};
use crate::ledger::SignedCheckpoint;
use crate::mirror::Mirror;
use crate::witness::Alarm;

pub(super) fn page(title: &str, mirror: &Mirror, kept: Option<&(u64, String)>, alarms: &[Alarm]) -> String {
    let (title, origin, sight) = (escape(title), escape(&mirror.log().origin), mirror.sight());
    let mut out = format!(
        "<!doctype html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · 账本镜像</title><link rel=\"stylesheet\" href=\"style.css\"></head><body>\
         <h1>{title} · 账本镜像</h1><p class=\"en\">Ledger mirror</p>\
         <p>本机保存整本账的完整副本。每一条记录都先核对（链接、树根、签名、内容指纹），核对无误才保存。\
         即使运营方的数据全部丢失，任何人仍可从本机读取并核验这本账。</p>\
         <p class=\"en\">This machine keeps a full copy of the ledger. Every entry is checked (chain, tree root, signatures, \
         fingerprint of the content) before it is kept. Should all of the operator's data be lost, anybody can still read and \
         verify the ledger from here.</p>"
    );
    let bad = alarms.iter().any(|alarm| alarm.ended.is_none());
    let (class, zh, en) = match (bad, kept, &sight.trouble) {
        (true, ..) => ("bad", "警报：请立即处理", "Alarm: act now"),
        (_, None, _) => ("wait", "尚未取得账本", "Nothing copied yet"),
        (_, _, Some(_)) => ("wait", "副本完好，但暂时无法跟上", "The copy is whole, but cannot follow at the moment"),
        _ => ("good", "正常", "In order"),
    };
    let _ = write!(
        out,
        "<section class=\"{class}\"><h2>{origin}</h2><p class=\"verdict\">{zh}</p><p class=\"en\">{en}</p>"
    );
    if let Some((size, note)) = kept {
        let root = SignedCheckpoint::parse(note).map(|signed| signed.unverified().root.to_string()).unwrap_or_default();
        let _ = write!(
            out,
            "<p>已核对并保存：共 <b>{size}</b> 条记录。</p><p class=\"en\">Checked and kept: {size} entries.</p>\
             <p>指纹：<code>{root}</code></p><p class=\"en\">Fingerprint (root hash).</p>"
        );
    }
    if let Some(sound) = sight.sound {
        let _ = write!(out, "<p>最近一次核对：{at}</p><p class=\"en\">Last checked: {at}</p>", at = beijing(sound));
    }
    if let Some(trouble) = &sight.trouble {
        let trouble = escape(trouble);
        let _ = write!(
            out,
            "<p>最近一次查看没有成功：<code>{trouble}</code></p><p class=\"en\">The last look was not successful.</p>"
        );
    }
    for alarm in alarms {
        let _ = alarm_section(&mut out, alarm);
    }
    let key = escape(&mirror.key().to_string());
    let _ = write!(
        out,
        "</section><footer><p>本镜像的公钥：</p><p class=\"en\">This mirror's public key:</p><p><code>{key}</code></p>\
         <p class=\"en\">{} (北京时间 Beijing time)</p></footer></body></html>",
        beijing(mirror.now())
    );
    out
}
