//! Attributes whose value is one of a few words.

/// An attribute whose value is one of a few words.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$variant_doc])* $variant),+ }

        impl $name {
            /// The word in the document.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub(crate) fn parse(word: &str) -> Option<Self> {
                match word.trim() { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

pub(crate) use words;

words!(
    /// How much a document tells (RFC 3858 §3, RFC 3680 §5.1).
    InfoState {
        /// Everything; what is not listed is gone.
        Full = "full",
        /// Only what changed.
        Partial = "partial",
    }
);
