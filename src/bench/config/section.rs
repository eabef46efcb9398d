//! Reading one object of a config file: every value is there, of the right type and in its range, or
//! one line says what is wrong.
//!
//! Must never know which keys there are.

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value};

/// How much of a wrong value is quoted, in characters.
const QUOTED_CHARACTERS: usize = 60;
/// The longest `lifetime`, `start_wait` and `end_wait`, in seconds.
pub(super) const MAX_SECONDS: f64 = 86_400.0;

/// One line about what is wrong with a config file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError(pub(super) String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// An object inside a config file, and how errors call its keys.
pub(super) struct Section<'a> {
    pub(super) file: &'a str,
    /// What stands before its keys, e.g. `tests.`.
    pub(super) path: &'a str,
    pub(super) map: &'a Map<String, Value>,
}

impl<'a> Section<'a> {
    pub(super) fn wrong(&self, key: &str, value: &Value, allowed: &str) -> ConfigError {
        let Section { file, path, .. } = self;
        ConfigError(format!(
            "{file}: {path}{key} = {}: {allowed}",
            quoted(value)
        ))
    }

    pub(super) fn required(&self, key: &str, allowed: &str) -> Result<&'a Value, ConfigError> {
        let Section { file, path, .. } = self;
        self.map
            .get(key)
            .ok_or_else(|| ConfigError(format!("{file}: {path}{key} is missing: {allowed}")))
    }

    pub(super) fn only(&self, known: &[&str]) -> Result<(), ConfigError> {
        match self
            .map
            .iter()
            .find(|(key, _)| !known.contains(&key.as_str()))
        {
            None => Ok(()),
            Some((key, value)) => {
                let key: String = key.chars().take(QUOTED_CHARACTERS).collect();
                let allowed = format!("unknown key; known are {}", known.join(", "));
                Err(self.wrong(key.escape_default().to_string().as_str(), value, &allowed))
            }
        }
    }

    pub(super) fn section(&self, key: &str, path: &'a str) -> Result<Section<'a>, ConfigError> {
        match self.required(key, "an object")? {
            Value::Object(map) => Ok(Section {
                file: self.file,
                path,
                map,
            }),
            other => Err(self.wrong(key, other, "an object")),
        }
    }

    pub(super) fn number(
        &self,
        key: &str,
        default: Option<f64>,
        least: f64,
        most: f64,
        unit: &str,
    ) -> Result<f64, ConfigError> {
        let gap = if unit.is_empty() { "" } else { " " };
        let allowed = format!("a number from {least} to {most}{gap}{unit}");
        let value = match (self.map.get(key), default) {
            (None, Some(default)) => return Ok(default),
            _ => self.required(key, &allowed)?,
        };
        value
            .as_f64()
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.wrong(key, value, &allowed))
    }

    pub(super) fn seconds(
        &self,
        key: &str,
        default: Option<f64>,
        least: f64,
    ) -> Result<Duration, ConfigError> {
        self.number(key, default, least, MAX_SECONDS, "seconds")
            .map(Duration::from_secs_f64)
    }

    pub(super) fn fraction(&self, key: &str, default: f64) -> Result<f64, ConfigError> {
        self.number(key, Some(default), 0.0, 1.0, "")
    }

    pub(super) fn flag(&self, key: &str) -> Result<bool, ConfigError> {
        let Some(value) = self.map.get(key) else {
            return Ok(false);
        };
        value
            .as_bool()
            .ok_or_else(|| self.wrong(key, value, "true or false"))
    }

    pub(super) fn integer(
        &self,
        key: &str,
        default: Option<u64>,
        least: u64,
        most: u64,
    ) -> Result<u64, ConfigError> {
        let allowed = format!("a whole number from {least} to {most}");
        let value = match (self.map.get(key), default) {
            (None, Some(default)) => return Ok(default),
            _ => self.required(key, &allowed)?,
        };
        value
            .as_u64()
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| self.wrong(key, value, &allowed))
    }
}

/// A value as one short line.
pub(super) fn quoted(value: &Value) -> String {
    let text = value.to_string();
    let mut short: String = text.chars().take(QUOTED_CHARACTERS).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
