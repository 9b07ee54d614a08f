//! `docs/errors.md` is what the registry says.

#[path = "../../examples/error_catalogue/render.rs"]
mod render;

#[test]
fn the_page_of_errors_is_what_the_registry_says() {
    let page = include_str!("../../../../docs/errors.md");
    let cure = "docs/errors.md has drifted; `cargo run -p fanline-protocol-native --example error_catalogue -- docs/errors.md` makes it again";
    assert!(page == render::catalogue(), "{cure}");
}
