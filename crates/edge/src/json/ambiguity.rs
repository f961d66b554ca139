//! Refuses what two JSON readers may understand differently: a key that stands twice, and nesting without end.

use std::{cell::RefCell, collections::HashSet, fmt};

use poem::http::StatusCode;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::malformed;
use crate::Problem;

/// The key under which serde_json hands over a number when it keeps all its digits.
const NUMBER: &str = "$serde_json::private::Number";

/// Refuses text that is no JSON, nests deeper than `deepest`, or holds a key twice in one object.
pub fn refuse_ambiguity(bytes: &[u8], deepest: usize) -> Result<(), Problem> {
    let reserved = b"$serde_json::private";
    if bytes.windows(reserved.len()).any(|window| window == reserved) {
        return Err(Problem::new(
            StatusCode::BAD_REQUEST,
            "body.not_json",
            "the body is not acceptable JSON",
        ));
    }
    let found = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let node = Node { path: Path::Root, depth: 0, deepest, found: &found };
    let read = node.deserialize(&mut reader).and_then(|()| reader.end());
    match (found.into_inner(), read) {
        (Some(problem), _) => Err(problem),
        (None, Err(error)) => Err(malformed(&error)),
        (None, Ok(())) => Ok(()),
    }
}

enum Path<'p> {
    Root,
    Key(&'p Path<'p>, &'p str),
    Place(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Key(parent, key) => write!(f, "{parent}/{}", escaped(key)),
            Self::Place(parent, place) => write!(f, "{parent}/{place}"),
        }
    }
}

/// A key as written in a JSON pointer (RFC 6901), bounded and without control characters.
pub(super) fn escaped(key: &str) -> String {
    bounded(key).replace('~', "~0").replace('/', "~1")
}

/// A name that a client chose, short and without control characters.
pub(crate) fn bounded(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(64).collect()
}

struct Node<'p> {
    path: Path<'p>,
    depth: usize,
    deepest: usize,
    found: &'p RefCell<Option<Problem>>,
}

impl Node<'_> {
    fn refuse<E: Error>(&self, problem: Problem) -> E {
        *self.found.borrow_mut() = Some(problem);
        E::custom("refused")
    }

    fn enter<E: Error>(&self) -> Result<(), E> {
        if self.depth < self.deepest {
            return Ok(());
        }
        let title = "the body nests too deep";
        Err(self.refuse(Problem::new(StatusCode::BAD_REQUEST, "body.too_deep", title)))
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! scalars {
    ($($name:ident($kind:ty)),*) => {$(
        fn $name<E: Error>(self, _value: $kind) -> Result<(), E> {
            Ok(())
        }
    )*};
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    scalars!(visit_bool(bool), visit_i64(i64), visit_u64(u64), visit_f64(f64), visit_str(&str));

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        self.enter()?;
        let mut place = 0;
        loop {
            let path = Path::Place(&self.path, place);
            let node = Node { path, depth: self.depth + 1, deepest: self.deepest, found: self.found };
            if items.next_element_seed(node)?.is_none() {
                return Ok(());
            }
            place += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut keys: HashSet<String> = HashSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            if key == NUMBER {
                entries.next_value::<IgnoredAny>()?;
                continue;
            }
            if keys.is_empty() {
                self.enter()?;
            }
            let path = Path::Key(&self.path, &key);
            if keys.contains(&key) {
                let title = "a field of the body stands twice";
                let problem = Problem::new(StatusCode::BAD_REQUEST, "body.ambiguous", title);
                return Err(self.refuse(problem.field(path.to_string(), "field.duplicate", "stands twice")));
            }
            entries.next_value_seed(Node {
                path,
                depth: self.depth + 1,
                deepest: self.deepest,
                found: self.found,
            })?;
            keys.insert(key);
        }
        Ok(())
    }
}
