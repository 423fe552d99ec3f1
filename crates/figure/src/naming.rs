//! The names of nodes in a figure.

/// Turns the name of a node into that of its role and domain.
///
/// `scscf1a.home1.test` and `scscf1b` are both `scscf1`: the domain is dropped, and a letter behind the number. Names
/// without such a shape stay as they are. The UE that a figure follows has a name of its own and is given one here.
#[derive(Debug, Clone, Default)]
pub struct Naming {
    aliases: Vec<(Box<str>, Box<str>)>,
}

impl Naming {
    /// Only the rule.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows `node` as `shown`: `naming.with("alice", "ue1")`.
    #[must_use]
    pub fn with(mut self, node: &str, shown: &str) -> Self {
        self.aliases.push((node.into(), shown.into()));
        self
    }

    /// The name that a figure gives to `node`.
    #[must_use]
    pub fn name<'a>(&'a self, node: &'a str) -> &'a str {
        if let Some((_, shown)) = self.aliases.iter().find(|(known, _)| **known == *node) {
            return shown;
        }
        let label = node.split('.').next().unwrap_or(node);
        let shorter = label.strip_suffix(|c: char| c.is_ascii_lowercase());
        shorter.filter(|rest| rest.ends_with(|c: char| c.is_ascii_digit())).unwrap_or(label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_its_role_and_domain() {
        let naming = Naming::new().with("alice", "ue1");
        for (node, shown) in [
            ("scscf1a", "scscf1"),
            ("scscf1b.home1.test", "scscf1"),
            ("pcscf2b", "pcscf2"),
            ("icscf1", "icscf1"),
            ("ps2.home2.test", "ps2"),
            ("smsc", "smsc"),
            ("alice", "ue1"),
            ("bob", "bob"),
        ] {
            assert_eq!(naming.name(node), shown);
        }
    }
}
