//! Which methods a node on the Bridge may call (N-14.10).

/// What a method takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grade {
    /// Reading and writing, as an operator.
    Operator,
    /// Being a node.
    Node,
    /// The owner's own word in the config: it changes the Gateway, or takes something away for good.
    Owner,
}

/// Every one of them.
const ALL: &[(&str, Grade)] = &[
    ("chat.abort", Grade::Operator),
    ("chat.history", Grade::Operator),
    ("chat.inject", Grade::Owner),
    ("chat.send", Grade::Operator),
    ("config.get", Grade::Operator),
    ("config.patch", Grade::Owner),
    ("config.schema", Grade::Operator),
    ("config.set", Grade::Owner),
    ("health", Grade::Operator),
    ("models.list", Grade::Operator),
    ("sessions.compact", Grade::Owner),
    ("sessions.delete", Grade::Owner),
    ("sessions.list", Grade::Operator),
    ("sessions.patch", Grade::Operator),
    ("sessions.reset", Grade::Owner),
    ("sessions.resolve", Grade::Operator),
    ("skills.bins", Grade::Node),
    ("talk.mode", Grade::Operator),
    ("voicewake.get", Grade::Operator),
    ("voicewake.set", Grade::Operator),
];

/// What `method` takes; `None` when no node on the Bridge may call it.
pub fn grade(method: &str) -> Option<Grade> {
    ALL.iter().find(|(name, _)| *name == method).map(|(_, grade)| *grade)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::{Access, find};
    use crate::scope::{Scope, ScopeSet};

    /// N-14.10: what is called without the owner's word takes no more than reading, writing and talking.
    #[test]
    fn every_method_is_one_of_the_protocol_and_the_administrators_ones_take_the_owners_word() {
        assert!(ALL.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (name, grade) in ALL {
            let access = find(name).unwrap_or_else(|| panic!("{name}")).access;
            let may: &[Scope] = &[Scope::Read, Scope::Write, Scope::Talk];
            let plain = match access {
                Access::Everyone => true,
                Access::Node => *grade == Grade::Node,
                Access::Operator(scope) | Access::Dynamic(scope) | Access::Shared(scope) => may.contains(&scope),
            };
            assert!(plain || *grade == Grade::Owner, "{name}");
        }
        assert!(grade("exec.approval.resolve").is_none() && grade("node.invoke").is_none());
        assert!(!ScopeSet::from(Scope::Write).allows(Scope::Admin));
    }
}
