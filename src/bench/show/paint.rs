//! Colours, if they are wanted.

use console::Style;

use crate::bench::verdict::scoring::Tier;

/// Whether and how texts are coloured.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    colour: bool,
}

impl Paint {
    /// Colours or none.
    pub fn new(colour: bool) -> Self {
        Paint { colour }
    }

    /// Whether there are colours.
    pub fn colour(self) -> bool {
        self.colour
    }

    pub(super) fn apply(self, style: Style, text: &str) -> String {
        style.force_styling(self.colour).apply_to(text).to_string()
    }

    /// A heading.
    pub fn heading(self, text: &str) -> String {
        self.apply(Style::new().bold(), text)
    }

    pub(super) fn good(self, text: &str) -> String {
        self.apply(Style::new().green().bold(), text)
    }

    /// Something bad.
    pub fn bad(self, text: &str) -> String {
        self.apply(Style::new().red().bold(), text)
    }

    /// Something to look at.
    pub fn warning(self, text: &str) -> String {
        self.apply(Style::new().yellow(), text)
    }

    /// One of many, told from its neighbours.
    pub fn one_of(self, which: usize, text: &str) -> String {
        const COLOURS: [u8; 6] = [39, 214, 43, 176, 220, 110];
        self.apply(Style::new().color256(COLOURS[which % COLOURS.len()]), text)
    }

    pub(super) fn tier(self, tier: Tier, text: &str) -> String {
        match tier {
            Tier::Bonus => self.apply(Style::new().green(), text),
            Tier::Full => text.to_owned(),
            Tier::Partial => self.apply(Style::new().yellow(), text),
            Tier::None => self.apply(Style::new().red(), text),
        }
    }
}
