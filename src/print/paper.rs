//! Lines on pages: A4, one column, tables with wrapped cells. What is to be printed is set first and drawn at the end, when it
//! is known how many pages there are.
#![allow(clippy::float_arithmetic, reason = "places on paper, in points")]

use krilla::color::rgb;
use krilla::configure::{Archival, ConfigurationBuilder};
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::{Document, SerializeSettings};

use super::face::Face;
use crate::base::Micros;
use crate::base::limits::REPORT_PAGES_MAX;

const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
const MARGIN: f32 = 54.0;
/// Where the text of a page ends; the footer is below.
const BOTTOM: f32 = HEIGHT - 64.0;
const TOP: f32 = 60.0;
const COLUMN: f32 = WIDTH - 2.0 * MARGIN;
const LEADING: f32 = 1.5;
/// Between the columns of a table.
const GUTTER: f32 = 10.0;

/// The colours of the interface, on paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    Black,
    Grey,
    Jade,
    Cinnabar,
}

impl Ink {
    fn colour(self) -> rgb::Color {
        match self {
            Self::Black => rgb::Color::new(0x10, 0x18, 0x28),
            Self::Grey => rgb::Color::new(0x56, 0x61, 0x76),
            Self::Jade => rgb::Color::new(0x0a, 0x5c, 0x4c),
            Self::Cinnabar => rgb::Color::new(0x9c, 0x22, 0x18),
        }
    }
}

enum Mark {
    Text { x: f32, base: f32, size: f32, ink: Ink, text: String },
    Box { x: f32, top: f32, width: f32, height: f32, colour: rgb::Color },
}

/// A text of one size and colour.
#[derive(Debug, Clone)]
pub struct Text {
    pub words: String,
    pub size: f32,
    pub ink: Ink,
}

impl Text {
    pub fn body(text: impl Into<String>) -> Self {
        Self { words: text.into(), size: 9.5, ink: Ink::Black }
    }

    pub fn note(text: impl Into<String>) -> Self {
        Self { words: text.into(), size: 8.5, ink: Ink::Grey }
    }

    #[must_use]
    pub fn in_ink(self, ink: Ink) -> Self {
        Self { ink, ..self }
    }
}

/// A report that is being set.
pub struct Paper {
    face: Face,
    title: String,
    /// Below each page.
    foot: String,
    /// When what it tells ends: the file bears this date, not that of its making, so that the same case gives the same bytes.
    at: Micros,
    pages: Vec<Vec<Mark>>,
    /// Where the next line begins.
    y: f32,
}

impl Paper {
    pub fn new(title: &str, footer: &str, at: Micros) -> Result<Self, String> {
        let face = Face::load()?;
        let foot = face.printable(footer);
        Ok(Self { face, title: title.to_owned(), foot, at, pages: vec![Vec::new()], y: TOP })
    }

    fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    /// Begins a new page unless so much room is left.
    fn need(&mut self, height: f32) {
        if self.y + height > BOTTOM {
            self.pages.push(Vec::new());
            self.y = TOP;
        }
    }

    pub fn space(&mut self, height: f32) {
        self.y += height;
    }

    /// A heading that stays with what follows it.
    pub fn heading(&mut self, chinese: &str, english: &str) {
        self.space(14.0);
        self.need(70.0);
        let (base, size) = (self.y + 14.0, 14.0);
        self.mark(Mark::Box { x: MARGIN, top: self.y + 2.0, width: 3.0, height: 14.0, colour: Ink::Cinnabar.colour() });
        let width = self.face.width_of(chinese) * size;
        self.mark(Mark::Text { x: MARGIN + 10.0, base, size, ink: Ink::Black, text: chinese.into() });
        let x = MARGIN + 18.0 + width;
        self.mark(Mark::Text { x, base, size: 8.5, ink: Ink::Grey, text: english.into() });
        self.y += 26.0;
    }

    /// A paragraph over the whole width.
    pub fn paragraph(&mut self, text: &Text) {
        self.paragraph_in(text, MARGIN, COLUMN);
        self.space(3.0);
    }

    fn paragraph_in(&mut self, text: &Text, x: f32, width: f32) {
        for line in self.wrap(&text.words, text.size, width) {
            self.need(text.size * LEADING);
            self.line(&line, text.size, text.ink, x, self.y);
            self.y += text.size * LEADING;
        }
    }

    fn line(&mut self, line: &str, size: f32, ink: Ink, x: f32, top: f32) {
        let base = top + size * 1.1;
        self.mark(Mark::Text { x, base, size, ink, text: line.to_owned() });
    }

    /// A box with a verdict in it.
    pub fn verdict(&mut self, good: bool, lines: &[Text]) {
        let inner = COLUMN - 32.0;
        let set: Vec<(String, f32, Ink)> = lines
            .iter()
            .flat_map(|text| {
                self.wrap(&text.words, text.size, inner).into_iter().map(|line| (line, text.size, text.ink))
            })
            .collect();
        let height: f32 = set.iter().map(|(_, size, _)| size * LEADING).sum::<f32>() + 22.0;
        self.need(height + 8.0);
        let (edge, colour) = if good {
            (Ink::Jade.colour(), rgb::Color::new(0xdc, 0xf1, 0xeb))
        } else {
            (Ink::Cinnabar.colour(), rgb::Color::new(0xfb, 0xe6, 0xe3))
        };
        self.mark(Mark::Box { x: MARGIN, top: self.y, width: COLUMN, height, colour });
        self.mark(Mark::Box { x: MARGIN, top: self.y, width: 4.0, height, colour: edge });
        self.y += 10.0;
        for (line, size, ink) in set {
            self.line(&line, size, ink, MARGIN + 18.0, self.y);
            self.y += size * LEADING;
        }
        self.y += 12.0 + 8.0;
    }

    /// Rows of cells; `widths` are shares of the page. A row stays on one page unless it is longer than one.
    pub fn table(&mut self, widths: &[f32], head: &[&str], rows: &[Vec<Text>]) {
        let whole: f32 = widths.iter().sum();
        let widths: Vec<f32> = widths.iter().map(|width| width / whole * COLUMN).collect();
        let head: Vec<Text> = head.iter().map(|text| Text::note(*text)).collect();
        if !head.is_empty() {
            self.row(&widths, &head);
        }
        for row in rows {
            if self.row_needs_a_page(&widths, row) && !head.is_empty() {
                self.pages.push(Vec::new());
                self.y = TOP;
                self.row(&widths, &head);
            }
            self.row(&widths, row);
        }
        self.space(4.0);
    }

    /// The lines of each cell, and how high the row is.
    fn set_row(&self, widths: &[f32], cells: &[Text]) -> (Vec<Vec<String>>, f32) {
        let wrap = |(cell, width): (&Text, &f32)| self.wrap(&cell.words, cell.size, width - GUTTER);
        let set: Vec<Vec<String>> = cells.iter().zip(widths).map(wrap).collect();
        let count = |lines: &Vec<String>| f32::from(u16::try_from(lines.len()).unwrap_or(u16::MAX));
        let heights = set.iter().zip(cells).map(|(lines, cell)| count(lines) * cell.size * LEADING);
        let height = heights.fold(0.0, f32::max) + 7.0;
        (set, height)
    }

    fn row_needs_a_page(&self, widths: &[f32], cells: &[Text]) -> bool {
        self.y + self.set_row(widths, cells).1.min(BOTTOM - TOP) > BOTTOM
    }

    fn row(&mut self, widths: &[f32], cells: &[Text]) {
        let (set, height) = self.set_row(widths, cells);
        self.need(height.min(BOTTOM - TOP));
        let (top, largest) = (self.y, cells.iter().map(|cell| cell.size).fold(0.0, f32::max));
        let mut x = MARGIN;
        for ((lines, cell), width) in set.iter().zip(cells).zip(widths) {
            // Small print stands on the same line as the rest of its row.
            let mut y = top + 3.0 + (largest - cell.size) * 1.1;
            for line in lines {
                self.line(line, cell.size, cell.ink, x, y);
                y += cell.size * LEADING;
            }
            x += width;
        }
        self.y = top + height;
        let colour = rgb::Color::new(0xd9, 0xde, 0xe6);
        self.mark(Mark::Box { x: MARGIN, top: self.y - 0.5, width: COLUMN, height: 0.5, colour });
    }

    /// Chinese breaks anywhere but before closing marks and behind opening ones; other words stay whole where they fit.
    fn wrap(&self, text: &str, size: f32, width: f32) -> Vec<String> {
        let text = self.face.printable(text);
        let room = width / size;
        let (mut lines, mut line, mut used) = (Vec::new(), String::new(), 0.0);
        for piece in pieces(&text) {
            let wide = self.face.width_of(piece.trim_end());
            if used + wide > room && !line.is_empty() {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
                used = 0.0;
            }
            if wide <= room {
                line.push_str(piece);
                used += self.face.width_of(piece);
                continue;
            }
            // A digest or key that fits on no line.
            for character in piece.chars() {
                let wide = self.face.width(character);
                if used + wide > room && !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                    used = 0.0;
                }
                line.push(character);
                used += wide;
            }
        }
        lines.push(line.trim_end().to_owned());
        lines
    }

    /// The file.
    pub fn print(self) -> Result<Vec<u8>, String> {
        if self.pages.len() > REPORT_PAGES_MAX {
            return Err(format!(
                "the report has {} pages, more than the {REPORT_PAGES_MAX} of its limit",
                self.pages.len()
            ));
        }
        let configuration = ConfigurationBuilder::new().with_archival_validator(Archival::A2_U).finish();
        let configuration = configuration.map_err(|error| format!("{error:?}"))?;
        let mut document = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
        let metadata = Metadata::new().title(self.title.clone()).language("zh-CN".into()).creator("Mingjian".into());
        document.set_metadata(metadata.creation_date(date(self.at)));
        let count = self.pages.len();
        for (index, marks) in self.pages.iter().enumerate() {
            let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or("no page of that size")?;
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            for mark in marks {
                draw(&mut surface, &self.face, mark);
            }
            let place = format!("{} / {count}", index + 1);
            let x = WIDTH - MARGIN - self.face.width_of(&place) * 8.0;
            for (x, text) in [(MARGIN, self.foot.clone()), (x, place)] {
                draw(&mut surface, &self.face, &Mark::Text { x, base: HEIGHT - 36.0, size: 8.0, ink: Ink::Grey, text });
            }
            surface.finish();
            page.finish();
        }
        document.finish().map_err(|error| format!("the report cannot be printed: {error:?}"))
    }
}

fn draw(surface: &mut Surface<'_>, face: &Face, mark: &Mark) {
    let fill =
        |colour: rgb::Color| Some(Fill { paint: colour.into(), opacity: NormalizedF32::ONE, rule: FillRule::NonZero });
    match mark {
        Mark::Text { x, base, size, ink, text } => {
            surface.set_fill(fill(ink.colour()));
            let glyphs = face.glyphs(text);
            surface.draw_glyphs(Point::from_xy(*x, *base), &glyphs, face.font.clone(), text, *size, false);
        }
        Mark::Box { x, top, width, height, colour } => {
            surface.set_fill(fill(*colour));
            let Some(rect) = Rect::from_xywh(*x, *top, *width, *height) else { return };
            let mut path = PathBuilder::new();
            path.push_rect(rect);
            if let Some(path) = path.finish() {
                surface.draw_path(&path);
            }
        }
    }
}

fn date(at: Micros) -> DateTime {
    let text = at.to_string();
    let number = |from: usize, to: usize| text.get(from..to).and_then(|digits| digits.parse::<u16>().ok()).unwrap_or(0);
    let small = |from: usize, to: usize| u8::try_from(number(from, to)).unwrap_or(0);
    DateTime::new(number(0, 4))
        .month(small(5, 7))
        .day(small(8, 10))
        .hour(small(11, 13))
        .minute(small(14, 16))
        .second(small(17, 19))
        .utc_offset_hour(0)
        .utc_offset_minute(0)
}

/// What a line may not begin with, and not end with.
const CLOSING: &str = "，。、；：？！）》」』】〕”’％%,.;:!?)]}";
const OPENING: &str = "（《「『【〔“‘¥";

fn is_wide(character: char) -> bool {
    u32::from(character) >= 0x2e80
}

/// Pieces between which a line may break.
fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let (mut start, mut before) = (0, None::<char>);
    for (at, character) in text.char_indices() {
        let may_break = before.is_some_and(|before| {
            let free = before == ' ' || is_wide(before) || is_wide(character);
            free && !CLOSING.contains(character) && !OPENING.contains(before) && character != ' '
        });
        if may_break {
            pieces.extend(text.get(start..at));
            start = at;
        }
        before = Some(character);
    }
    pieces.extend(text.get(start..).filter(|piece| !piece.is_empty()));
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chinese_breaks_where_it_may() {
        assert_eq!(pieces("出价，有效"), ["出", "价，", "有", "效"]);
        assert_eq!(pieces("（甲）乙 word two"), ["（甲）", "乙 ", "word ", "two"]);
        let paper = Paper::new("t", "f", Micros::new(0).unwrap()).unwrap();
        let lines = paper.wrap("一二三四五六七，八九十", 10.0, 70.0);
        assert_eq!(lines, ["一二三四五六", "七，八九十"]);
        assert_eq!(paper.wrap(&"a".repeat(100), 10.0, 70.0).concat(), "a".repeat(100));
        assert_eq!(paper.wrap("", 10.0, 70.0), [""]);
    }

    #[test]
    fn what_the_font_lacks_is_spelled_by_number() {
        let face = Face::load().unwrap();
        assert_eq!(face.printable("𠮷田\tA"), "〔U+20BB7〕田 A");
    }
}
