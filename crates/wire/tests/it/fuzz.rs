//! Bounded fuzzing of what strangers send before they have proven anything: no input may panic.

use openclaw_wire::bridge::{FromNode, Hello};
use openclaw_wire::connect::ConnectParams;
use openclaw_wire::frame::Request;

#[test]
fn no_bytes_break_the_frame_reader() {
    bolero::check!().with_type::<String>().with_iterations(5_000).for_each(|text| {
        let _parsed = Request::parse(text);
    });
}

/// N-14.1, N-14.3: any line, and lines that look right at first.
#[test]
fn no_line_breaks_the_bridges_reader() {
    bolero::check!().with_type::<(u8, String, String)>().with_iterations(5_000).for_each(|(kind, id, text)| {
        let kinds = ["hello", "pair-request", "req", "event", "invoke-res", "ping", "pong", text];
        let line = serde_json::json!({
            "type": kinds[usize::from(*kind) % kinds.len()], "id": id, "nodeId": id, "method": text, "event": text,
            "ok": kind % 2 == 0, "paramsJSON": text, "payloadJSON": text, "displayName": text, "commands": [text],
        })
        .to_string();
        for line in [
            text.as_str(),
            &line,
            &line[..line.len() / 2 - (0..4).find(|n| line.is_char_boundary(line.len() / 2 - n)).unwrap()],
        ] {
            match openclaw_wire::bridge::read(line) {
                Ok(FromNode::Hello(hello) | FromNode::PairRequest(hello)) => {
                    let _judged = hello.id();
                    assert!(Hello::word(hello.display_name.as_deref()).is_none_or(|word| word.len() <= 256));
                }
                Ok(_) => {}
                Err(why) => assert!(why.chars().count() < 300),
            }
            // Whatever goes out by mistake stays one line.
            assert!(openclaw_wire::bridge::line_of(line.replace('\n', " ")).is_none_or(|line| !line.contains('\n')));
        }
    });
}

#[test]
fn no_device_proof_breaks_the_check() {
    bolero::check!().with_type::<[String; 6]>().with_iterations(2_000).for_each(|fields| {
        let [id, key, signature, nonce, platform, token] = fields;
        let connect = serde_json::json!({
            "minProtocol": 4, "maxProtocol": 4, "auth": {"token": token},
            "client": {"id": "cli", "mode": "cli", "version": "1", "platform": platform},
            "device": {"id": id, "publicKey": key, "signature": signature, "signedAt": 0, "nonce": nonce},
        });
        let connect: ConnectParams = serde_json::from_value(connect).unwrap();
        let proof = connect.device.clone().unwrap();
        assert!(openclaw_wire::device_auth::verify(&connect, &proof, nonce, 0).is_err());
    });
}
