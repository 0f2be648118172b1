//! Bounded fuzzing of what strangers send before they have proven anything: no input may panic.

use openclaw_wire::connect::ConnectParams;
use openclaw_wire::frame::Request;

#[test]
fn no_bytes_break_the_frame_reader() {
    bolero::check!().with_type::<String>().with_iterations(5_000).for_each(|text| {
        let _parsed = Request::parse(text);
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
