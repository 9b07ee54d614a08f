//! The signatures that customers' auth endpoints make, as the SDKs of five languages make them.

use fanline_tenancy::{Proof, SignatureOf};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::world::{KEY, World, fixture};

/// A signed text, and the frame that carries it if it is a subscription.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vector {
    says: String,
    text: String,
    hex: String,
    socket_id: Option<String>,
    channel: Option<String>,
    channel_data: Option<String>,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(&fixture("protocol/pusher/signatures.json")).unwrap()
}

#[test]
fn c046_c056_c087_every_documented_signature_proves_its_text() {
    let world = World::new();
    for vector in vectors() {
        let proof = |text: &str| Proof::Signature {
            of: SignatureOf::Channel,
            key: KEY.into(),
            signed: vec![text.to_owned().into()],
            signature: vector.hex.as_str().into(),
        };
        assert!(world.accepts(&proof(&vector.text)), "{}", vector.says);
        assert!(
            !world.accepts(&proof(&format!("{} ", vector.text))),
            "{}",
            vector.says
        );
    }
}

#[tokio::test]
async fn a_subscription_is_signed_over_the_text_as_received() {
    for vector in vectors() {
        let (Some(socket_id), Some(channel)) = (&vector.socket_id, &vector.channel) else {
            continue;
        };
        let mut client = World::new().connect_as(socket_id).await;
        let mut data = json!({"auth": format!("{KEY}:{}", vector.hex)});
        if let Some(member) = &vector.channel_data {
            data["channel_data"] = Value::from(member.as_str());
        }
        let frames = client.subscribe_with(channel, data).await;
        if channel.starts_with("presence-") {
            assert!(
                frames[0]["data"]["message"]
                    .as_str()
                    .unwrap()
                    .contains("not served")
            );
        } else {
            assert_eq!(
                frames[0]["event"], "pusher_internal:subscription_succeeded",
                "{}",
                vector.says
            );
        }
    }
}
