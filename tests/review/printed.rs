//! The case's report on paper, read back by a program that is not ours: poppler's `pdftotext`, `pdffonts`, `pdfinfo`.

use std::io::Cursor;
use std::path::Path;
use std::process::Command;

use crate::book::*;
use crate::cases::{case_of, contents, filmed};
use mingjian::print::Press;
use mingjian::review::case::{CaseReader, Contents};

/// The report of a case, in a file; `PRINTED` names a place where it stays.
fn printed(folder: &Path, case: &[u8]) -> String {
    let report = CaseReader::open(Cursor::new(case)).unwrap().file("report.pdf").unwrap();
    let path = std::env::var_os("PRINTED").map_or_else(|| folder.join("report.pdf"), Into::into);
    std::fs::write(&path, report).unwrap();
    path.to_str().unwrap().to_owned()
}

fn poppler(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("poppler-utils is missing: ops/ci/install");
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn it_says_what_happened_by_whom_what_was_checked_and_what_could_not_be() {
    let (book, footage) = filmed();
    let with_report = Contents { printer: Some(&Press), ..contents(Some(&footage)) };
    let case = case_of(&book, &with_report);
    assert_eq!(case_of(&book, &with_report), case, "the same source gives the same bytes");
    let folder = tempfile::tempdir().unwrap();
    let path = printed(folder.path(), &case);
    // Where a line breaks, and how wide a gap is, is poppler's opinion.
    let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let text = squeezed(&poppler("pdftotext", &["-layout", &path, "-"]));
    for words in [
        "案件报告",
        "所检查的各项全部相符",
        "经过",
        "何人",
        "检查了什么",
        "未能检查的",
        "如何自行核验",
        "竞价开始",
        "出价有效",
        "出价被拒",
        "竞价结束",
        "影像引用",
        "规则重演",
        "没有时间戳",
        "条内容本读者无权阅读",
        &verifier_key().to_string(),
    ] {
        assert!(text.contains(&squeezed(words)), "{words}: {text}");
    }
    // Every bid on the lot, with its number and price.
    let accepted = book.pages.iter().filter(|page| String::from_utf8_lossy(&page.payload).contains("bid_accepted"));
    assert!(text.matches("出价有效").count() >= accepted.count());

    let fonts = poppler("pdffonts", &[&path]);
    assert!(fonts.contains("NotoSerifCJK"), "{fonts}");
    for line in fonts.lines().skip(2) {
        let columns: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(
            columns[columns.len() - 5..columns.len() - 2],
            ["yes", "yes", "yes"],
            "embedded, a subset, to Unicode"
        );
    }
    let info = poppler("pdfinfo", &[&path]);
    assert!(info.contains("Title:") && info.contains("案件报告"), "{info}");
    assert!(info.contains("595 x 842 pts (A4)") || info.contains("Page size:       595 x 842"), "{info}");
}

#[test]
fn a_ledger_that_does_not_hold_is_printed_as_such() {
    let book = full_auction();
    let mut pages = book.pages.clone();
    let at = book.find("auction.bid_accepted", 0);
    pages[at].payload = {
        let text = String::from_utf8(pages[at].payload.clone()).unwrap();
        text.replacen("auction.bid_accepted", "auction.bid_acceptee", 1).into_bytes()
    };
    let forged = Book::forged(pages);
    let case = case_of(&forged, &Contents { printer: Some(&Press), ..contents(None) });
    let folder = tempfile::tempdir().unwrap();
    let text = poppler("pdftotext", &["-layout", &printed(folder.path(), &case), "-"]);
    assert!(text.contains("核验不符") && !text.contains("所检查的各项全部相符"), "{text}");
    assert!(text.contains("第一处不符"), "{text}");
}
