//! The system prompt and the frame around what people and the world say.

mod untrusted;

pub use untrusted::wrap_untrusted;
