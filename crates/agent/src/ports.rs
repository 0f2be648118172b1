//! What a turn may ask of the rest of the Gateway. Empty until nodes, channels and approvals have an implementation to
//! stand behind a trait.
