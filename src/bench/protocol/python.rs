//! What Python makes of texts, where the course's program is more liberal than JSON and the web page.

/// The zeros of all scripts but ours; nine more digits follow each (Unicode 14, as Python 3.11 has it).
const ZEROS: [u32; 65] = [
    0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6,
    0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
    0x104a0, 0x10d30, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0, 0x11650,
    0x116c0, 0x11730, 0x118e0, 0x11950, 0x11c50, 0x11d50, 0x11da0, 0x16a60, 0x16ac0, 0x16b50,
    0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e950, 0x1fbf0,
];

/// Whether a text has four characters and `int(text, 16)` reads it: what the program takes for an ID.
///
/// White space around it is left out; a sign, then `0x`, may stand before the digits, of any script;
/// between two digits, and behind `0x`, there may be one `_`.
pub(super) fn reads_as_id(text: &str) -> bool {
    if text.chars().count() != 4 {
        return false;
    }
    let text = text.trim_matches(char::is_whitespace);
    let mut letters: Vec<char> = text.chars().map(plain).collect();
    if let Some('+' | '-') = letters.first() {
        letters.remove(0);
    }
    let mut may_be_underscore = false;
    if let ['0', 'x' | 'X', ..] = letters[..] {
        letters.drain(..2);
        may_be_underscore = true;
    }
    let mut ends_with_digit = false;
    for letter in letters {
        if letter == '_' && may_be_underscore {
            may_be_underscore = false;
            ends_with_digit = false;
        } else if letter.is_ascii_hexdigit() {
            may_be_underscore = true;
            ends_with_digit = true;
        } else {
            return false;
        }
    }
    ends_with_digit
}

/// A digit of any script as one of ours; all else as it is.
fn plain(letter: char) -> char {
    let number = u32::from(letter);
    let zeros_before = ZEROS.partition_point(|zero| *zero <= number);
    let value = zeros_before.checked_sub(1).map(|at| number - ZEROS[at]);
    let digit = value.and_then(|value| char::from_digit(value, 10));
    digit.unwrap_or(letter)
}

/// `text` with `null` for the numbers that Python writes and reads although JSON has none of them.
pub(super) fn without_odd_numbers(text: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let odd = ["NaN", "Infinity", "-Infinity"]
            .into_iter()
            .find(|odd| !in_string && rest.starts_with(odd));
        if let Some(odd) = odd {
            replaced.push_str("null");
            rest = &rest[odd.len()..];
            continue;
        }
        match next {
            _ if escaped => escaped = false,
            '\\' => escaped = in_string,
            '"' => in_string = !in_string,
            _ => {}
        }
        replaced.push(next);
        rest = &rest[next.len_utf8()..];
    }
    replaced
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::world::random::md5hex;

    /// Each was tried with Python 3.11.
    #[test]
    fn an_id_is_what_python_reads_as_one() {
        for text in [
            "0000",
            "001F",
            "00ff",
            "+001",
            "-001",
            " 1F ",
            "0x1F",
            "0X1f",
            "1_1F",
            "0x_1",
            "+0x1",
            " 0x1",
            "0x1 ",
            "0b11",
            "\n001",
            "\u{b}001",
            "\u{85}001",
            "\u{a0}001",
            "\u{2028}001",
            "1F\u{3000}\u{3000}",
            "\u{ff10}\u{ff10}\u{ff10}\u{ff10}",
            "\u{663}\u{663}\u{663}1",
            "\u{1d7ce}\u{1d7cf}\u{1d7ff}3",
            "\u{660}x11",
            "\u{ff11}_\u{ff11}F",
            "-000",
        ] {
            assert!(reads_as_id(text), "{text:?}");
        }
        for text in [
            "",
            "001",
            "00000",
            "00G0",
            "_11F",
            "11F_",
            "1__1",
            "+-01",
            "++01",
            "+_01",
            "x001",
            "0o11",
            "0_x1",
            "_0x1",
            "0x1_",
            "0x+1",
            "0x  ",
            "  0x",
            "1 1F",
            "    ",
            "+   ",
            "00\u{0}1",
            "\u{1c}1F1",
            "\u{1c}1F\u{a0}",
            "\u{200b}001",
            "\u{ff21}\u{ff22}\u{ff23}\u{ff24}",
            "\u{b2}001",
        ] {
            assert!(!reads_as_id(text), "{text:?}");
        }
    }

    /// All texts of four of these letters, and the sum that Python gives for those it reads:
    /// `print(md5("\n".join(t for t in map("".join, product(L, repeat=4)) if reads(t)).encode()).hexdigest())`.
    #[test]
    fn of_all_texts_of_these_letters_those_are_ids_that_python_reads() {
        let letters: Vec<char> = " +-_01xXfFg\t\u{1c}\u{a0}\u{ff11}".chars().collect();
        let count = letters.len();
        let texts = (0..count.pow(4)).map(|number| -> String {
            let place = |digit: u32| letters[number / count.pow(3 - digit) % count];
            (0..4).map(place).collect()
        });
        let read: Vec<String> = texts.filter(|text| reads_as_id(text)).collect();
        assert_eq!(read.len(), 4000);
        assert_eq!(md5hex(&read.join("\n")), "4c7e4162be6d50dfa2c56b7790b37e7f");
    }
}
