//! The checksum that other programs print, too.

use std::io::{self, Read};

use sha2::{Digest as _, Sha256};

/// The SHA-256 of everything in `from`, as 64 lowercase hex digits.
///
/// # Errors
/// What reading it says.
pub fn sha256_hex(mut from: impl Read) -> io::Result<String> {
    let (mut digest, mut buffer) = (Sha256::new(), vec![0; 64 * 1024]);
    loop {
        match from.read(&mut buffer)? {
            0 => return Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect()),
            count => digest.update(&buffer[..count]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_sha256sum_prints() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256_hex(io::empty()).unwrap(), empty);
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex(&b"abc"[..]).unwrap(), abc);
    }
}
