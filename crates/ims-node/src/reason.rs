//! Why a request is refused, or a message dropped.

/// A reason as it is counted, logged and told. Each role has an enum of its own causes ([`crate::causes!`]), which become this where
/// they leave the role.
#[derive(Debug, Clone, Copy)]
pub struct Reason {
    /// For metrics, JSON and programs: in snake_case, and the same when the text is reworded.
    pub name: &'static str,
    /// For people: in Warning and log.
    pub text: &'static str,
    /// The RFC and section, or TS and clause, that asks for it.
    pub rule: &'static str,
}

impl Reason {
    /// Whether the Warning of a node of ours gives this reason.
    #[must_use]
    pub fn is_in(&self, warning: &str) -> bool {
        // The text may hold the name as well.
        let mut names = warning.split('[').skip(1);
        names.any(|part| part.strip_prefix(self.name).is_some_and(|after| after.starts_with(',')))
    }
}

/// Reasons of one name are one reason.
impl PartialEq for Reason {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Reason {}

impl std::fmt::Display for Reason {
    /// As it stands in a Warning: `no hop is left [no_hop_left, RFC 3261 16.3]`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} [{}, {}]", self.text, self.name, self.rule)
    }
}

impl From<sip_message::Defect> for Reason {
    fn from(defect: sip_message::Defect) -> Self {
        Self { name: defect.name(), text: defect.cause(), rule: defect.rule() }
    }
}

/// Makes the enum of a role's causes: each with its name, its text and the rule that asks for it.
#[macro_export]
macro_rules! causes {
    (
        $(#[$about:meta])*
        $visibility:vis enum $Causes:ident {
            $($Cause:ident = $name:literal, $text:literal, $rule:literal;)*
        }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visibility enum $Causes {
            $(#[doc = concat!("\"", $text, "\" (", $rule, ").")] $Cause,)*
        }

        impl $Causes {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$Cause),*];

            /// As it leaves the role.
            #[must_use]
            pub const fn reason(self) -> $crate::Reason {
                match self {
                    $(Self::$Cause => $crate::Reason { name: $name, text: $text, rule: $rule },)*
                }
            }
        }

        impl From<$Causes> for $crate::Reason {
            fn from(cause: $Causes) -> Self {
                cause.reason()
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use crate::NodeCause;
    use std::collections::BTreeSet;

    #[test]
    fn sip_22_a_warning_names_its_reason() {
        let reason = NodeCause::FlowUnknown.reason();
        let warning = format!("399 pcscf1a.home1.test \"{reason}\"");
        assert_eq!(
            warning,
            "399 pcscf1a.home1.test \"nobody is registered on this flow [flow_unknown, TS 24.229 5.2.6.3]\""
        );
        assert!(reason.is_in(&warning) && !NodeCause::Loop.reason().is_in(&warning));
        assert!(!reason.is_in("399 h \"flow_unknown\""));
    }

    #[test]
    fn every_cause_is_found_in_its_own_warning_and_in_no_other() {
        for cause in NodeCause::ALL {
            let warning = format!("399 h \"{}\"", cause.reason());
            let found: Vec<_> = NodeCause::ALL.iter().filter(|own| own.reason().is_in(&warning)).collect();
            assert_eq!(found, [cause]);
        }
    }

    #[test]
    fn every_cause_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = NodeCause::ALL.iter().map(|cause| cause.reason().name).collect();
        assert_eq!(names.len(), NodeCause::ALL.len());
    }
}
