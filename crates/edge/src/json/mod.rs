//! JSON bodies read strictly: one spelling for each key, bounded depth, known fields only, and every complaint
//! names the field by its JSON pointer without quoting the value.

mod ambiguity;
mod shape;

use poem::{Request, RequestBody, http::StatusCode};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::{Json, Payload},
    registry::{MetaMediaType, MetaRequest, MetaSchemaRef, Registry},
    types::ParseFromJSON,
};

use crate::{
    Problem,
    body::{USUAL_LIMIT, read},
    framework::of_status,
};
pub(crate) use ambiguity::bounded;
pub use ambiguity::refuse_ambiguity;

/// How deep a body may nest where its route says nothing else.
const DEEPEST: usize = 32;

/// A JSON body of type `T`, at most `MOST` bytes. Use it in poem-openapi handlers instead of their `Json`.
#[derive(Debug)]
pub struct StrictJson<T, const MOST: usize = USUAL_LIMIT>(pub T);

impl<T: ParseFromJSON, const MOST: usize> StrictJson<T, MOST> {
    /// Parses a body that was read already.
    pub fn parse(bytes: &[u8]) -> Result<T, Problem> {
        refuse_ambiguity(bytes, DEEPEST)?;
        let value = serde_json::from_slice(bytes).map_err(|error| malformed(&error))?;
        let errors = shape::errors_in::<T>(&value);
        if !errors.is_empty() {
            let start = Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "body.invalid",
                "fields of the body are wrong",
            );
            return Err(errors
                .into_iter()
                .fold(start, |problem, error| problem.field(error.field, error.code, error.reason)));
        }
        T::parse_from_json(Some(value)).map_err(|_| {
            // The framework's message quotes the value, so it is not repeated.
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "body.invalid", "a field of the body is wrong")
                .field("", "field.malformed", "does not have the expected form")
        })
    }
}

pub(crate) fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "body.not_json", "the body is not JSON").field(
        "",
        "body.not_json",
        format!("at line {} column {}", error.line(), error.column()),
    )
}

impl<'a, T: ParseFromJSON + 'a, const MOST: usize> ApiExtractor<'a> for StrictJson<T, MOST> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    const PARAM_IS_REQUIRED: bool = true;
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let schema: MetaSchemaRef = T::schema_ref();
        let content = vec![MetaMediaType { content_type: "application/json", schema }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> poem::Result<Self> {
        let kind = request.content_type().unwrap_or_default();
        if !<Json<T> as Payload>::check_content_type(kind) {
            let problem = of_status(StatusCode::UNSUPPORTED_MEDIA_TYPE);
            return Err(problem
                .field("Content-Type", "body.content_type", "must be application/json")
                .into());
        }
        let bytes = read(request, body, MOST).await?;
        Ok(Self(Self::parse(&bytes)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poem_openapi::{Enum, Object};

    #[derive(Debug, Object)]
    struct Contact {
        #[oai(validator(max_length = 10))]
        name: String,
        email: Option<String>,
    }

    #[derive(Debug, Enum)]
    #[oai(rename_all = "snake_case")]
    enum Size {
        Small,
        Large,
    }

    #[derive(Debug, Object)]
    struct Order {
        id: uuid::Uuid,
        #[oai(validator(minimum(value = "1"), maximum(value = "9")))]
        count: i32,
        contacts: Vec<Contact>,
        size: Size,
        due: Option<poem_openapi::types::Any<serde_json::Value>>,
    }

    #[derive(Debug, Object)]
    struct Person {
        birth_date: Option<time::Date>,
    }

    #[test]
    fn a_wrong_date_is_named() {
        for date in ["\"1980-02-30\"", "\"03.02.1980\"", "\"\""] {
            let text = format!("{{\"birth_date\":{date}}}");
            assert_eq!(fields::<Person>(&text), ["/birth_date field.malformed"], "{date}");
        }
        let sound = StrictJson::<Person>::parse(br#"{"birth_date":"1980-02-03"}"#).unwrap();
        assert_eq!(sound.birth_date.map(time::Date::year), Some(1980));
    }

    #[derive(Debug, Object)]
    struct Nothing {}

    fn fields<T: ParseFromJSON + std::fmt::Debug>(text: &str) -> Vec<String> {
        let problem = StrictJson::<T>::parse(text.as_bytes()).unwrap_err();
        let response = problem.response(None);
        let body = futures_util::FutureExt::now_or_never(response.into_body().into_string());
        let body: serde_json::Value = serde_json::from_str(&body.unwrap().unwrap()).unwrap();
        let errors = body["errors"].as_array().unwrap();
        errors
            .iter()
            .map(|error| format!("{} {}", error["field"].as_str().unwrap(), error["code"].as_str().unwrap()))
            .collect()
    }

    const GOOD: &str = r#"{"id":"018f3c1e-7b1a-7cc0-9d3e-2f1a5b6c7d8e","count":3,"contacts":[{"name":"Ana","email":null}],"size":"small"}"#;

    #[test]
    fn what_fits_is_taken_and_what_does_not_is_named() {
        assert_eq!(StrictJson::<Order>::parse(GOOD.as_bytes()).unwrap().contacts[0].name, "Ana");
        StrictJson::<Nothing>::parse(b"{}").unwrap();
        let with = |from: &str, to: &str| fields::<Order>(&GOOD.replace(from, to));
        assert_eq!(with(r#""count":3"#, r#""count":"x""#), ["/count field.type"]);
        assert_eq!(with(r#""count":3"#, r#""count":3.5"#), ["/count field.type"]);
        assert_eq!(with(r#""count":3"#, r#""count":10"#), ["/count field.out_of_range"]);
        assert_eq!(with(r#""count":3,"#, ""), ["/count field.missing"]);
        assert_eq!(with(r#""count":3"#, r#""count":null"#), ["/count field.missing"]);
        assert_eq!(with(r#""count":3"#, r#""count":3,"is_admin":true"#), ["/is_admin field.unknown"]);
        assert_eq!(with(r#""email":null"#, r#""e~/mail":null"#), ["/contacts/0/e~0~1mail field.unknown"]);
        assert_eq!(with("Ana", "0123456789a"), ["/contacts/0/name field.too_long"]);
        assert_eq!(with(r#""small""#, r#""huge""#), ["/size field.unknown_value"]);
        assert_eq!(with("018f3c1e", "xyz"), ["/id field.malformed"]);
        assert_eq!(with(r#"[{"name":"Ana","email":null}]"#, "{}"), ["/contacts field.type"]);
        assert_eq!(fields::<Order>("[]"), [" field.type"]);
        assert_eq!(fields::<Nothing>(r#"{"x":1}"#), ["/x field.unknown"]);
        let twice = with(r#""count":3"#, r#""count":3,"contacts":[{"name":"A","n\u0061me":"B"}]"#);
        assert_eq!(twice, ["/contacts/0/name field.duplicate"]);
        for broken in ["", "{", "nul", r#"{"a":1}x"#, "{'a':1}", "\u{feff}{}"] {
            assert_eq!(fields::<Order>(broken), [" body.not_json"], "{broken}");
        }
    }

    #[test]
    fn a_depth_bomb_is_refused_without_a_stack() {
        for bomb in
            ["[".repeat(100_000), r#"{"a":"#.repeat(100_000), format!("{}{}", "[".repeat(33), "]".repeat(33))]
        {
            let problem = StrictJson::<Order>::parse(bomb.as_bytes()).unwrap_err();
            assert_eq!(problem.code(), "body.too_deep");
        }
    }

    #[test]
    fn no_answer_quotes_a_value() {
        for text in [r#"{"id":"CANARY","count":"CANARY"}"#, r#"{"id":CANARY}"#, r#"{"size":"CANARY"}"#] {
            let problem = StrictJson::<Order>::parse(text.as_bytes()).unwrap_err();
            assert!(!format!("{problem:?}").contains("CANARY"), "{problem:?}");
        }
    }
}
