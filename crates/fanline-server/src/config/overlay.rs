//! Laying one source of values over another. The reference file is the schema: a key that it does not
//! have does not exist.

use toml::{Table, Value};

use super::{DEFAULTS, Environment, InvalidConfig};

/// What every variable of ours begins with.
const PREFIX: &str = "FANLINE_";
/// Tables whose values may also be given as the name of a file that holds them.
const SECRET_TABLES: [&str; 1] = ["secrets"];

/// The reference, parsed.
pub(super) fn defaults() -> Result<Table, InvalidConfig> {
    parse(DEFAULTS)
}

/// Lays a file over the table.
pub(super) fn file(table: &mut Table, text: &str) -> Result<(), InvalidConfig> {
    lay(table, parse(text)?, "")
}

/// Lays the environment over the table.
pub(super) fn environment(
    table: &mut Table,
    environment: Environment<'_>,
) -> Result<(), InvalidConfig> {
    for (section, value) in table.iter_mut() {
        match value {
            Value::Table(keys) => {
                let secret = SECRET_TABLES.contains(&section.as_str());
                for (key, value) in keys.iter_mut() {
                    let name = variable(&format!("{section}_{key}"));
                    set(value, &name, secret, environment)?;
                }
            }
            value => set(value, &variable(section), false, environment)?,
        }
    }
    Ok(())
}

fn parse(text: &str) -> Result<Table, InvalidConfig> {
    text.parse().map_err(InvalidConfig::Syntax)
}

fn lay(known: &mut Table, given: Table, path: &str) -> Result<(), InvalidConfig> {
    for (key, value) in given {
        let full = format!("{path}{key}");
        let Some(place) = known.get_mut(&key) else {
            let neighbour = nearest(known, &key).map(|near| format!("{path}{near}"));
            return Err(InvalidConfig::UnknownKey {
                key: full,
                neighbour,
            });
        };
        match (place, value) {
            (Value::Table(known), Value::Table(given)) => lay(known, given, &format!("{full}."))?,
            (Value::Table(_), _) => return Err(InvalidConfig::NotASection(full)),
            (place, value) => *place = value,
        }
    }
    Ok(())
}

fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.to_ascii_uppercase())
}

fn set(
    value: &mut Value,
    name: &str,
    secret: bool,
    environment: Environment<'_>,
) -> Result<(), InvalidConfig> {
    let file_name = format!("{name}_FILE");
    let file = secret.then(|| environment(&file_name)).flatten();
    match (environment(name), file) {
        (Some(_), Some(_)) => Err(InvalidConfig::SetTwice(name.to_owned())),
        (Some(text), None) => {
            *value = Value::String(text);
            Ok(())
        }
        (None, Some(path)) => {
            let text =
                std::fs::read_to_string(&path).map_err(|error| InvalidConfig::SecretFile {
                    variable: file_name,
                    path,
                    error,
                })?;
            *value = Value::String(text.trim().to_owned());
            Ok(())
        }
        (None, None) => Ok(()),
    }
}

/// The known key that is at most two edits away.
fn nearest<'a>(known: &'a Table, key: &str) -> Option<&'a str> {
    let distances = known.keys().map(|name| (edits(name, key), name.as_str()));
    let (distance, name) = distances.min()?;
    (distance <= 2).then_some(name)
}

/// How many letters must be put in, left out or exchanged (Levenshtein).
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let exchanged = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = exchanged.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (a, b, count) in [
            ("", "", 0),
            ("a", "", 1),
            ("listen", "lisen", 1),
            ("ab", "ba", 2),
        ] {
            assert_eq!(edits(a, b), count, "{a} {b}");
        }
    }
}
