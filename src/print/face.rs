//! The font: Noto Serif CJK SC, cut down to the characters of GB 2312 and what else our texts use (`ops/fonts/cut`), under the
//! SIL Open Font License (`OFL.txt` beside it). Only the glyphs of a report are embedded into it.
#![allow(clippy::float_arithmetic, reason = "places on paper")]

use std::fmt::Write as _;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::metrics::GlyphMetrics;
use skrifa::{FontRef, MetadataProvider as _, charmap::Charmap};

static NOTO: &[u8] = include_bytes!("noto-serif-sc.otf");

/// The font, ready to measure and to draw.
pub struct Face {
    pub font: Font,
    characters: Charmap<'static>,
    metrics: GlyphMetrics<'static>,
    units: f32,
}

impl Face {
    pub fn load() -> Result<Self, String> {
        let broken = || "the built-in font cannot be read".to_owned();
        let font = Font::new(NOTO.into(), 0).ok_or_else(broken)?;
        let read = FontRef::new(NOTO).map_err(|_| broken())?;
        let units = f32::from(read.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
        let (characters, metrics) = (read.charmap(), read.glyph_metrics(Size::unscaled(), LocationRef::default()));
        Ok(Self { font, characters, metrics, units })
    }

    /// The text with every character that the font lacks written as its number: nothing that stands in the ledger vanishes
    /// from the paper.
    pub fn printable(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for character in text.chars() {
            match character {
                '\n' | '\r' | '\t' | '\u{a0}' => out.push(' '),
                known if self.characters.map(known).is_some() => out.push(known),
                control if control.is_control() => out.push(' '),
                unknown => {
                    let _ = write!(out, "〔U+{:04X}〕", u32::from(unknown));
                }
            }
        }
        out
    }

    /// Width in parts of the font's size.
    pub fn width(&self, character: char) -> f32 {
        let glyph = self.characters.map(character);
        glyph.and_then(|glyph| self.metrics.advance_width(glyph)).unwrap_or(self.units) / self.units
    }

    pub fn width_of(&self, text: &str) -> f32 {
        text.chars().map(|character| self.width(character)).sum()
    }

    pub fn glyphs(&self, text: &str) -> Vec<KrillaGlyph> {
        let glyph = |(at, character): (usize, char)| KrillaGlyph {
            glyph_id: GlyphId::new(self.characters.map(character).map_or(0, skrifa::GlyphId::to_u32)),
            text_range: at..at + character.len_utf8(),
            x_advance: self.width(character),
            x_offset: 0.0,
            y_offset: 0.0,
            y_advance: 0.0,
            location: None,
        };
        text.char_indices().map(glyph).collect()
    }
}
