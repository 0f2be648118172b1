//! `openclaw node identity`: who this machine is to a Gateway.

use link::Device;
use serde_json::json;

use crate::app::App;
use crate::exit::Failure;

pub(super) fn run(app: &App) -> Result<(), Failure> {
    let file = app.paths.device_identity();
    let device = Device::load_or_create(&file)?;
    let told = json!({"nodeId": device.id(), "deviceId": device.id(), "publicKey": device.public_key(), "file": file});
    app.out.either(&told, || format!("{}\nkey: {}", device.id(), file.display()));
    Ok(())
}
