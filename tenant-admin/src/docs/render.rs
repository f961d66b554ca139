//! OpenAPI document in, HTML text out.

use std::fmt::Write as _;

use serde_json::Value;

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Renders an OpenAPI 3 document as a page. Every text of the document is escaped.
pub fn render(document: &Value) -> String {
    let title = text(&document["info"]["title"]);
    let mut page = String::new();
    push(&mut page, "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    push(&mut page, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    push(
        &mut page,
        &format!("<title>{title}</title><link rel=\"stylesheet\" href=\"/docs/style.css\"></head><body>"),
    );
    push(&mut page, &format!("<header><h1>{title}</h1><p>{}</p>", text(&document["info"]["description"])));
    push(&mut page, "<p>The same as a document: <a href=\"/openapi.json\">openapi.json</a></p></header>");
    push(&mut page, "<nav aria-label=\"Operations\"><ul>");
    for operation in operations(document) {
        let (id, method, path) = (operation.id(), operation.method.to_uppercase(), escape(operation.path));
        push(
            &mut page,
            &format!(
                "<li><a href=\"#{id}\"><span class=\"method\">{method}</span> <code>{path}</code></a></li>"
            ),
        );
    }
    push(&mut page, "</ul></nav><main>");
    for operation in operations(document) {
        operation.render(document, &mut page);
    }
    push(&mut page, "</main></body></html>");
    page
}

struct Operation<'a> {
    path: &'a str,
    method: &'static str,
    value: &'a Value,
}

fn operations(document: &Value) -> impl Iterator<Item = Operation<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        METHODS
            .into_iter()
            .filter_map(move |method| item.get(method).map(|value| Operation { path, method, value }))
    })
}

impl Operation<'_> {
    fn id(&self) -> String {
        match self.value["operationId"].as_str() {
            Some(id) => escape(id),
            None => escape(&format!("{}{}", self.method, self.path)),
        }
    }

    fn render(&self, document: &Value, page: &mut String) {
        let heading = format!(
            "<h2 id=\"{}\"><span class=\"method\">{}</span> <code>{}</code></h2>",
            self.id(),
            self.method.to_uppercase(),
            escape(self.path)
        );
        push(page, &heading);
        for part in [&self.value["summary"], &self.value["description"]] {
            if part.is_string() {
                push(page, &format!("<p>{}</p>", text(part)));
            }
        }
        let scopes: Vec<String> = self.value["security"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .flat_map(|schemes| schemes.values())
            .flat_map(|scopes| scopes.as_array().into_iter().flatten())
            .map(|scope| format!("<code>{}</code>", text(scope)))
            .collect();
        if !scopes.is_empty() {
            push(page, &format!("<p>Scope: {}</p>", scopes.join(", ")));
        }
        self.render_parameters(page);
        if let Some((content_type, schema)) = content(&self.value["requestBody"]) {
            push(page, &format!("<h3>Body <span class=\"soft\">{}</span></h3>", escape(content_type)));
            properties(document, schema, page);
        }
        push(
            page,
            "<h3>Answers</h3><div class=\"scroll\"><table><tr><th>Status</th><th>Meaning</th><th>Body</th></tr>",
        );
        for (status, answer) in self.value["responses"].as_object().into_iter().flatten() {
            let body = content(answer).map(|(_, schema)| type_name(schema)).unwrap_or_default();
            let meaning = text(&answer["description"]);
            push(page, &format!("<tr><td>{}</td><td>{meaning}</td><td>{body}</td></tr>", escape(status)));
        }
        push(page, "</table></div>");
    }

    fn render_parameters(&self, page: &mut String) {
        let Some(parameters) = self.value["parameters"].as_array().filter(|list| !list.is_empty()) else {
            return;
        };
        push(page, "<h3>Parameters</h3><div class=\"scroll\"><table>");
        push(page, "<tr><th>Name</th><th>In</th><th>Type</th><th>Meaning</th></tr>");
        for parameter in parameters {
            let required = if parameter["required"] == Value::Bool(true) { "" } else { " (optional)" };
            let row = format!(
                "<tr><td><code>{}</code>{required}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
                text(&parameter["name"]),
                text(&parameter["in"]),
                type_name(&parameter["schema"]),
                text(&parameter["description"])
            );
            push(page, &row);
        }
        push(page, "</table></div>");
    }
}

/// The first content type of a body and its schema.
fn content(body: &Value) -> Option<(&str, &Value)> {
    let (content_type, media) = body["content"].as_object()?.iter().next()?;
    Some((content_type, &media["schema"]))
}

/// The table of an object's properties, those of nested objects by their full names.
fn properties(document: &Value, schema: &Value, page: &mut String) {
    push(page, "<div class=\"scroll\"><table><tr><th>Field</th><th>Type</th><th>Meaning</th></tr>");
    rows(document, schema, "", 0, page);
    push(page, "</table></div>");
}

fn rows(document: &Value, schema: &Value, prefix: &str, depth: u8, page: &mut String) {
    let schema = resolve(document, schema);
    let required =
        |name: &str| schema["required"].as_array().is_some_and(|list| list.iter().any(|one| one == name));
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let optional = if required(name) { "" } else { " (optional)" };
        let described =
            if property["description"].is_string() { property } else { resolve(document, property) };
        let row = format!(
            "<tr><td><code>{prefix}{}</code>{optional}</td><td>{}</td><td>{}</td></tr>",
            escape(name),
            type_name(property),
            text(&described["description"])
        );
        push(page, &row);
        if depth < 4 {
            rows(document, property, &format!("{prefix}{}.", escape(name)), depth + 1, page);
        }
    }
}

/// Follows a reference, also one wrapped in `allOf` or `anyOf` with a single member.
fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let inner =
        ["allOf", "anyOf"].iter().find_map(|key| schema[*key].as_array().and_then(|list| list.first()));
    let schema = inner.unwrap_or(schema);
    match schema["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        Some(pointer) => document.pointer(pointer).unwrap_or(schema),
        None => schema,
    }
}

fn type_name(schema: &Value) -> String {
    let inner =
        ["allOf", "anyOf"].iter().find_map(|key| schema[*key].as_array().and_then(|list| list.first()));
    let schema = inner.unwrap_or(schema);
    if let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next()) {
        return escape(name);
    }
    if schema["type"] == "array" {
        return format!("list of {}", type_name(&schema["items"]));
    }
    let format = schema["format"].as_str().map(|format| format!(" ({})", escape(format))).unwrap_or_default();
    let choices: Vec<String> = schema["enum"].as_array().into_iter().flatten().map(text).collect();
    let choices = if choices.is_empty() { String::new() } else { format!(": {}", choices.join(", ")) };
    format!("{}{format}{choices}", text(&schema["type"]))
}

fn push(page: &mut String, part: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(page, "{part}");
}

fn text(value: &Value) -> String {
    value.as_str().map(escape).unwrap_or_default()
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document() -> Value {
        json!({
            "info": { "title": "Clinics <b>", "description": "Notes & rules" },
            "paths": { "/v1/things/{id}": {
                "put": {
                    "operationId": "put_thing", "summary": "Changes \"a\" thing.",
                    "security": [{ "OperatorToken": ["things:write"] }],
                    "parameters": [{ "name": "id", "in": "path", "required": true, "schema": { "type": "string", "format": "uuid" } }],
                    "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Thing" } } } },
                    "responses": { "204": { "description": "Done" } }
                }
            } },
            "components": { "schemas": {
                "Thing": { "type": "object", "required": ["name"], "properties": {
                    "name": { "type": "string", "description": "What it is called" },
                    "colors": { "allOf": [{ "$ref": "#/components/schemas/Colors" }] }
                } },
                "Colors": { "type": "object", "properties": { "brand": { "type": "string" } } }
            } }
        })
    }

    #[test]
    fn a_page_shows_every_operation_with_scope_parameters_body_and_answers() {
        let page = render(&document());
        for part in [
            "id=\"put_thing\"",
            "PUT",
            "/v1/things/{id}",
            "things:write",
            "string (uuid)",
            "<code>name</code>",
            "<code>colors.brand</code> (optional)",
            "What it is called",
            "<td>204</td>",
        ] {
            assert!(page.contains(part), "{part} is missing in {page}");
        }
    }

    #[test]
    fn texts_are_escaped_and_nothing_is_inline_or_foreign() {
        let page = render(&document());
        assert!(page.contains("Clinics &lt;b&gt;") && page.contains("Changes &quot;a&quot; thing."));
        for forbidden in ["<script", "<style", "style=", "onclick", "http://", "https://"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }
}
