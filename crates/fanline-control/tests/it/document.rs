//! The OpenAPI document.

use serde_json::Value;

use crate::world::World;

fn document() -> Value {
    serde_json::to_value(fanline_control::openapi()).unwrap()
}

#[test]
fn every_operation_names_its_credential_and_its_refusals() {
    let document = document();
    let mut operations = 0;
    for (path, methods) in document["paths"].as_object().unwrap() {
        assert!(path.starts_with("/admin/v1/"), "{path}");
        for (method, operation) in methods.as_object().unwrap() {
            operations += 1;
            let of = |field: &str| format!("{method} {path} has no {field}");
            assert!(
                operation["security"][0]["operator_token"].is_array(),
                "{}",
                of("security")
            );
            assert!(
                operation["operationId"].is_string() && operation["summary"].is_string(),
                "{}",
                of("name")
            );
            let responses = operation["responses"].as_object().unwrap();
            let mut expected = vec!["400", "401", "404", "500", "503"];
            if method != "get" {
                expected.extend(["403", "409"]);
            }
            if operation.get("requestBody").is_some() {
                expected.extend(["413", "415"]);
            }
            for status in expected {
                let content = &responses
                    .get(status)
                    .unwrap_or_else(|| panic!("{}", of(status)))["content"];
                assert!(
                    content["application/problem+json"].is_object(),
                    "{}",
                    of(status)
                );
            }
        }
    }
    assert_eq!(operations, 9);
}

#[test]
fn every_schema_that_is_named_is_there() {
    let document = document();
    let text = document.to_string();
    let mut named = 0;
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(
            document["components"]["schemas"][name].is_object(),
            "{name}"
        );
        named += 1;
    }
    assert!(named > 10, "{named}");
    assert!(document["components"]["securitySchemes"]["operator_token"].is_object());
}

#[tokio::test]
async fn answers_have_exactly_the_fields_that_the_document_names() {
    let world = World::new().await;
    let document = document();
    for (path, schema) in [
        (world.shop(""), "AppDocument"),
        (world.shop("/namespaces/cache-"), "NamespaceDocument"),
        (world.shop("/rule?channel=a"), "RuleDocument"),
        ("/admin/v1/nodes".to_owned(), "NodeList"),
    ] {
        let answer = world.call("GET", &path, None).await;
        let fields = |value: &Value| -> Vec<String> {
            let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
            names.sort();
            names
        };
        let schema = &document["components"]["schemas"][schema];
        assert_eq!(
            fields(&answer.body),
            fields(&schema["properties"]),
            "{path}"
        );
    }
}
