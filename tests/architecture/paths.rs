//! Reads a Rust file as text: which paths stand in it, and which modules it declares.
//!
//! What belongs to tests does not count. It knows as much of Rust's syntax as it takes, and nothing of
//! rooms.

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Source {
    /// Every path, in `use` declarations and elsewhere.
    pub(crate) paths: Vec<Path>,
    /// The modules that it declares in files of their own.
    pub(crate) children: Vec<String>,
    /// Those of them that are for tests alone.
    pub(crate) test_children: Vec<String>,
}

/// A path as it is written, one for each leaf of a `use` declaration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    /// Its segments, e.g. `crate`, `id`, `Id`.
    pub(crate) segments: Vec<String>,
    /// The line on which it begins.
    pub(crate) line: usize,
    /// The names of the modules in this file around it, if they are written in the file itself.
    pub(crate) inside: Vec<String>,
    /// If a `use` declaration brings it in, under which name.
    pub(crate) called: Option<String>,
}

/// A name, `::`, or any other character that is no space.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    text: String,
    line: usize,
}

/// Reads a file.
pub(crate) fn read(text: &str) -> Source {
    let tokens = tokens(&without_texts(text));
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        source: Source::default(),
        inside: Vec::new(),
    };
    reader.items();
    reader.source
}

/// The text with spaces in the place of comments, strings and characters. Lines stay.
fn without_texts(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut kept = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = text_end(&chars, at);
        if end == at {
            kept.push(chars[at]);
            at += 1;
            continue;
        }
        kept.extend((at..end).map(|at| if chars[at] == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    kept
}

/// Where the comment, string or character that begins here is over; here, if none begins.
fn text_end(chars: &[char], at: usize) -> usize {
    let is = |at: usize, what: char| chars.get(at) == Some(&what);
    let in_name = at > 0 && (chars[at - 1].is_alphanumeric() || chars[at - 1] == '_');
    match chars[at] {
        '/' if is(at + 1, '/') => (at..chars.len())
            .find(|&at| chars[at] == '\n')
            .unwrap_or(chars.len()),
        '/' if is(at + 1, '*') => {
            let (mut depth, mut at) = (1, at + 2);
            while depth > 0 && at < chars.len() {
                match (chars[at], chars.get(at + 1)) {
                    ('/', Some('*')) => depth += 1,
                    ('*', Some('/')) => depth -= 1,
                    _ => {
                        at += 1;
                        continue;
                    }
                }
                at += 2;
            }
            at.min(chars.len())
        }
        '"' => quote_end(chars, at + 1, '"'),
        'r' if !in_name || is(at.wrapping_sub(1), 'b') || is(at.wrapping_sub(1), 'c') => {
            let quote = (at + 1..chars.len()).find(|&at| chars[at] != '#');
            let Some(quote) = quote.filter(|&quote| chars[quote] == '"') else {
                return at;
            };
            let hashes = quote - at - 1;
            let closes =
                |at: &usize| chars[*at] == '"' && (1..=hashes).all(|behind| is(at + behind, '#'));
            let end = (quote + 1..chars.len()).find(closes);
            end.map_or(chars.len(), |end| end + 1 + hashes)
        }
        '\'' if is(at + 1, '\\') || is(at + 2, '\'') => quote_end(chars, at + 1, '\''),
        // A lifetime.
        _ => at,
    }
}

/// Behind the closing quote.
fn quote_end(chars: &[char], mut at: usize, quote: char) -> usize {
    while at < chars.len() && chars[at] != quote {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

fn tokens(text: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let is_name = |c: char| c.is_alphanumeric() || c == '_';
            // `r#type` is a name, too.
            let raw = rest
                .strip_prefix("r#")
                .filter(|rest| rest.starts_with(is_name));
            let start = raw.unwrap_or(rest);
            let length = if start.starts_with(is_name) {
                start.find(|c| !is_name(c)).unwrap_or(start.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (text, behind) = start.split_at(length);
            tokens.push(Token {
                text: text.to_owned(),
                line: number + 1,
            });
            rest = behind.trim_start();
        }
    }
    tokens
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    source: Source,
    /// The modules around, with the number of braces that were open before each.
    inside: Vec<(String, usize)>,
}

impl Reader<'_> {
    fn text(&self, ahead: usize) -> &str {
        let token = self.tokens.get(self.at + ahead);
        token.map_or("", |token| &token.text)
    }

    fn items(&mut self) {
        let mut open = 0;
        while self.at < self.tokens.len() {
            match self.text(0) {
                "#" if self.is_for_tests() => self.skip_test_item(),
                "use" => self.use_declaration(),
                // What `pub(in crate::somewhere)` names is used by nobody.
                "pub" if self.text(1) == "(" => self.skip_to(")"),
                "mod" if self.text(2) == ";" => {
                    let name = self.text(1).to_owned();
                    self.source.children.push(name);
                    self.at += 3;
                }
                "mod" if self.text(2) == "{" => {
                    self.inside.push((self.text(1).to_owned(), open));
                    open += 1;
                    self.at += 3;
                }
                "{" => {
                    open += 1;
                    self.at += 1;
                }
                "}" => {
                    open = usize::saturating_sub(open, 1);
                    self.inside.pop_if(|(_, before)| *before == open);
                    self.at += 1;
                }
                _ if self.text(1) == "::" && is_name(self.text(0)) => self.inline_path(),
                _ => self.at += 1,
            }
        }
    }

    /// Whether an attribute `#[cfg(test)]` begins here.
    fn is_for_tests(&self) -> bool {
        let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
        (0..attribute.len()).all(|ahead| self.text(ahead) == attribute[ahead])
    }

    /// Goes behind what stands behind an attribute: behind its semicolon, its comma or its braces.
    fn skip_test_item(&mut self) {
        let mut depth = 0;
        while self.at < self.tokens.len() {
            match self.text(0) {
                "mod" if depth == 0 && self.text(2) == ";" => {
                    let name = self.text(1).to_owned();
                    self.source.test_children.push(name);
                }
                "(" | "[" | "{" => depth += 1,
                ")" | "]" => depth -= 1,
                "}" if depth == 0 => return,
                "}" if depth == 1 => break,
                "}" => depth -= 1,
                ";" | "," if depth == 0 => break,
                _ => {}
            }
            self.at += 1;
        }
        self.at += 1;
    }

    fn skip_to(&mut self, end: &str) {
        while self.at < self.tokens.len() && self.text(0) != end {
            self.at += 1;
        }
    }

    fn use_declaration(&mut self) {
        self.at += 1;
        self.use_tree(&mut Vec::new());
    }

    /// A path, perhaps with a list of trees in braces at its end; `before` is what stands before it.
    fn use_tree(&mut self, before: &mut Vec<String>) {
        let outer = before.len();
        let line = self.tokens.get(self.at).map_or(0, |token| token.line);
        loop {
            match self.text(0) {
                "{" => {
                    self.at += 1;
                    while !["}", ""].contains(&self.text(0)) {
                        self.use_tree(before);
                        if self.text(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    break;
                }
                "::" => self.at += 1,
                name if is_name(name) || name == "*" => {
                    // `a::{self}` is `a`.
                    if name != "self" || before.is_empty() {
                        let name = name.to_owned();
                        before.push(name);
                    }
                    self.at += 1;
                    let mut called = before.last().cloned();
                    if self.text(0) == "as" {
                        called = Some(self.text(1).to_owned());
                        self.at += 2;
                    }
                    if self.text(0) != "::" {
                        self.found(before.clone(), line, called);
                        break;
                    }
                }
                _ => {
                    // Nothing that could be a tree.
                    self.at += 1;
                    break;
                }
            }
        }
        before.truncate(outer);
    }

    fn inline_path(&mut self) {
        let line = self.tokens[self.at].line;
        let mut segments = vec![self.text(0).to_owned()];
        self.at += 1;
        while self.text(0) == "::" && is_name(self.text(1)) {
            segments.push(self.text(1).to_owned());
            self.at += 2;
        }
        if self.text(0) == "::" {
            // `Vec::<u8>`, or the like.
            self.at += 1;
        }
        self.found(segments, line, None);
    }

    fn found(&mut self, segments: Vec<String>, line: usize, called: Option<String>) {
        self.source.paths.push(Path {
            segments,
            line,
            inside: self.inside.iter().map(|(name, _)| name.clone()).collect(),
            called,
        });
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
}
