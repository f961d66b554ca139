//! Compares a JSON value with the schema that the OpenAPI file publishes for it, field by field.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, LazyLock, PoisonError, RwLock},
};

use cloister_kernel::FieldError;
use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef, Registry},
    types::Type,
};
use serde_json::Value;

use super::ambiguity::escaped;

/// How many wrong fields are named at once.
const MOST_ERRORS: usize = 20;

struct Shape {
    root: MetaSchemaRef,
    schemas: BTreeMap<String, MetaSchema>,
}

static SHAPES: LazyLock<RwLock<HashMap<&'static str, Arc<Shape>>>> = LazyLock::new(RwLock::default);

fn shape_of<T: Type>() -> Arc<Shape> {
    let name = std::any::type_name::<T>();
    if let Some(shape) = SHAPES.read().unwrap_or_else(PoisonError::into_inner).get(name) {
        return shape.clone();
    }
    let mut registry = Registry::new();
    T::register(&mut registry);
    let shape = Arc::new(Shape { root: T::schema_ref(), schemas: registry.schemas });
    SHAPES.write().unwrap_or_else(PoisonError::into_inner).insert(name, shape.clone());
    shape
}

/// What is wrong with the value, at most twenty fields of it.
pub(super) fn errors_in<T: Type>(value: &Value) -> Vec<FieldError> {
    let shape = shape_of::<T>();
    let mut errors = Vec::new();
    shape.check(value, &shape.root, "", &mut errors);
    errors.truncate(MOST_ERRORS);
    errors
}

impl Shape {
    fn check(&self, value: &Value, schema: &MetaSchemaRef, at: &str, errors: &mut Vec<FieldError>) {
        if errors.len() >= MOST_ERRORS {
            return;
        }
        let schema = match schema {
            MetaSchemaRef::Inline(schema) => schema,
            MetaSchemaRef::Reference(name) => match self.schemas.get(name) {
                Some(schema) => schema,
                None => return,
            },
        };
        for part in &schema.all_of {
            self.check(value, part, at, errors);
        }
        if value.is_null() && schema.nullable {
            return;
        }
        let mut refuse = |code, reason: String| errors.push(FieldError::new(at, code, reason));
        let fits = match schema.ty {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_i64() || value.is_u64(),
            "number" => value.is_number(),
            _ => true,
        };
        if !fits {
            return refuse("field.type", format!("must be of type {}", schema.ty));
        }
        if !schema.enum_items.is_empty() && !schema.enum_items.contains(value) {
            return refuse("field.unknown_value", "is not one of the values known here".to_owned());
        }
        if let Some((code, reason)) = scalar_error(value, schema) {
            return refuse(code, reason);
        }
        match value {
            Value::Object(object) if schema.ty == "object" => {
                self.check_object(object, schema, at, errors);
            }
            Value::Array(items) => {
                if let Some(of) = &schema.items {
                    for (place, item) in items.iter().enumerate() {
                        self.check(item, of, &format!("{at}/{place}"), errors);
                    }
                }
            }
            _ => {}
        }
    }

    fn check_object(
        &self,
        object: &serde_json::Map<String, Value>,
        schema: &MetaSchema,
        at: &str,
        errors: &mut Vec<FieldError>,
    ) {
        for (key, value) in object {
            let place = format!("{at}/{}", escaped(key));
            let known = schema.properties.iter().find(|(name, _)| name == key).map(|(_, of)| of);
            let required = schema.required.iter().any(|name| name == key);
            match known.or(schema.additional_properties.as_deref()) {
                None => errors.push(FieldError::new(place, "field.unknown", "is not a field known here")),
                Some(_) if value.is_null() && !required => {}
                Some(_) if value.is_null() => {
                    errors.push(FieldError::new(place, "field.missing", "is required"));
                }
                Some(of) => self.check(value, of, &place, errors),
            }
        }
        for name in schema.required.iter().filter(|name| !object.contains_key(**name)) {
            errors.push(FieldError::new(format!("{at}/{}", escaped(name)), "field.missing", "is required"));
        }
    }
}

fn scalar_error(value: &Value, schema: &MetaSchema) -> Option<(&'static str, String)> {
    match value {
        Value::String(text) => {
            let length = text.chars().count();
            if let Some(most) = schema.max_length.filter(|most| length > *most) {
                return Some(("field.too_long", format!("must have at most {most} characters")));
            }
            if let Some(least) = schema.min_length.filter(|least| length < *least) {
                return Some(("field.too_short", format!("must have at least {least} characters")));
            }
            let date = time::macros::format_description!("[year]-[month]-[day]");
            let fits = match schema.format {
                Some("uuid") => text.len() == 36 && uuid::Uuid::parse_str(text).is_ok(),
                // The framework's own word for a date; the document says `date`.
                Some("date" | "naive-date") => time::Date::parse(text, date).is_ok(),
                Some("date-time") => {
                    let standard = &time::format_description::well_known::Rfc3339;
                    time::OffsetDateTime::parse(text, standard).is_ok()
                }
                _ => true,
            };
            (!fits).then(|| {
                let format = match schema.format {
                    Some("date" | "naive-date") => "a date, YYYY-MM-DD",
                    format => format.unwrap_or_default(),
                };
                ("field.malformed", format!("must be written as {format}"))
            })
        }
        Value::Number(number) => {
            let held = match schema.format {
                Some("uint32") => number.as_u64().is_some_and(|number| u32::try_from(number).is_ok()),
                Some("int32") => number.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
                Some("uint64") => number.is_u64(),
                Some("int64") => number.is_i64(),
                _ => true,
            };
            if !held {
                return Some(("field.out_of_range", "is out of range".to_owned()));
            }
            let number = number.as_f64()?;
            let over = schema.maximum.is_some_and(|most| {
                number > most || (schema.exclusive_maximum == Some(true) && number >= most)
            });
            let under = schema.minimum.is_some_and(|least| {
                number < least || (schema.exclusive_minimum == Some(true) && number <= least)
            });
            (over || under).then(|| ("field.out_of_range", "is out of range".to_owned()))
        }
        Value::Array(items) => {
            if let Some(most) = schema.max_items.filter(|most| items.len() > *most) {
                return Some(("field.too_many", format!("must have at most {most} entries")));
            }
            let least = schema.min_items.filter(|least| items.len() < *least)?;
            Some(("field.too_few", format!("must have at least {least} entries")))
        }
        _ => None,
    }
}
