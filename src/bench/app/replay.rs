//! The commands that repeat runs, as a shell takes them.

use crate::course::arguments::OPTIONS_VARIABLE;

/// The command without its seed: what was called, with which replica's program (none: our own, or
/// embedded ones if `is_virtual`) and with which options of ours.
pub fn command(called: &str, replica: Option<&str>, options: &str, is_virtual: bool) -> String {
    let mut text = String::new();
    if !options.is_empty() {
        text.push_str(&format!("{OPTIONS_VARIABLE}={} ", quoted(options)));
    }
    text.push_str("./run ");
    if let Some(replica) = replica {
        text.push_str(&format!("-r {} ", quoted(replica)));
    }
    text.push_str(&quoted(called));
    if is_virtual {
        text.push_str(" --virtual");
    }
    text
}

/// A text as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./=,:+@%".contains(c);
    match !text.is_empty() && text.chars().all(plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_what_a_shell_takes() {
        assert_eq!(
            command("crash-3", None, "lease=1s,retry_saving=1s", true),
            "LEASEKV_OPTIONS=lease=1s,retry_saving=1s ./run crash-3 --virtual"
        );
        assert_eq!(
            command("a b/<i>'s.json", Some("/x/my replica"), "", false),
            r"./run -r '/x/my replica' 'a b/<i>'\''s.json'"
        );
    }
}
