//! Statements that every connection to PostgreSQL prepares under a name when it is opened.
//!
//! sqlx sends one bound statement a trip. A call of a named statement is text, so that several can go in one trip
//! together with BEGIN or COMMIT, and PostgreSQL still plans each only once a connection. Values then stand in that text:
//! only what cannot carry SQL is let in (see [`Call::text`]), and a call with any other value is bound as usual.

use sea_orm::Value;

/// A statement with a name, `$1` being the tenant as everywhere.
#[derive(Debug)]
pub(crate) struct NamedStatement {
    pub(crate) name: &'static str,
    /// The types of its places, as PREPARE takes them.
    pub(crate) types: &'static str,
    pub(crate) text: &'static str,
}

impl NamedStatement {
    /// What makes it known to a connection.
    pub(crate) fn preparation(&self) -> String {
        format!("PREPARE {} ({}) AS {}", self.name, self.types, self.text)
    }

    pub(crate) const fn call(&'static self, values: Vec<Value>) -> Call {
        Call { statement: self, values }
    }
}

/// A named statement with its values.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) statement: &'static NamedStatement,
    pub(crate) values: Vec<Value>,
}

impl Call {
    /// The call as text, unless one of the values is of a kind that does not go into text: everything but ids, whole
    /// numbers, bytes, NULL, and words of lower-case letters, digits, hyphens, underscores and dots.
    pub(crate) fn text(&self) -> Option<String> {
        let mut text = format!("EXECUTE {}(", self.statement.name);
        for (index, value) in self.values.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            push_literal(&mut text, value)?;
        }
        text.push(')');
        Some(text)
    }
}

fn push_literal(text: &mut String, value: &Value) -> Option<()> {
    match value {
        Value::Uuid(None) | Value::BigInt(None) | Value::String(None) | Value::Bytes(None) => {
            text.push_str("NULL");
        }
        Value::Uuid(Some(id)) => push_quoted(text, id.hyphenated().encode_lower(&mut [0; 36])),
        Value::BigInt(Some(number)) => text.push_str(&number.to_string()),
        Value::String(Some(word)) if is_word(word) => push_quoted(text, word),
        Value::Bytes(Some(bytes)) => {
            text.push_str("'\\x");
            text.push_str(&const_hex::encode(bytes));
            text.push('\'');
        }
        _ => return None,
    }
    Some(())
}

fn push_quoted(text: &mut String, plain: &str) {
    text.push('\'');
    text.push_str(plain);
    text.push('\'');
}

fn is_word(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    static SAMPLE: NamedStatement = NamedStatement { name: "sample", types: "uuid", text: "SELECT $1" };

    #[test]
    fn plain_values_stand_in_the_text_of_a_call() {
        let call = SAMPLE.call(vec![
            Uuid::nil().into(),
            (-7i64).into(),
            "lab_result.read-1".into(),
            vec![0u8, 0xff].into(),
            Option::<Uuid>::None.into(),
        ]);
        assert_eq!(
            call.text().as_deref(),
            Some(
                "EXECUTE sample('00000000-0000-0000-0000-000000000000',-7,'lab_result.read-1','\\x00ff',NULL)"
            )
        );
        assert_eq!(SAMPLE.preparation(), "PREPARE sample (uuid) AS SELECT $1");
    }

    #[test]
    fn what_could_carry_sql_never_stands_in_the_text() {
        for word in ["it's", "a b", "A", "a\\", "a;b", "é", "--x'", "a\0"] {
            assert_eq!(SAMPLE.call(vec![word.into()]).text(), None, "{word:?}");
        }
        assert_eq!(SAMPLE.call(vec![1.5f64.into()]).text(), None);
        assert_eq!(SAMPLE.call(vec![true.into()]).text(), None);
    }
}
