//! The token by which a request comes back from an application server to the right place (rules ISC-04 and ISC-05).
//!
//! It says which criterion was last matched in which session case, and is signed with the Call-ID, so that nothing needs
//! to be kept and nobody can make one.

use cx_protocol::{Impu, InitialFilterCriterion, SessionCase};
use ims_node::SigningKey;

const PREFIX: &str = "odi-";

/// What tokens are signed for.
const ODI: &str = "original dialog identifier";

/// What the token of a request is signed over. When the request comes back for another user, or the user's criteria have changed, the
/// signature does not match, and the filter criteria are tried from the first one again.
pub(crate) struct About<'a> {
    pub(crate) call_id: &'a str,
    /// The user by whose criteria it goes: the default identity of the set, by whichever of its identities and in whichever spelling
    /// the request names it when it comes back.
    pub(crate) served: &'a Impu,
    pub(crate) criteria: &'a [InitialFilterCriterion],
}

/// The user part of the Route entry by which the request comes back.
pub(crate) fn token(key: &SigningKey, about: &About<'_>, case: SessionCase, index: usize) -> String {
    let case = number(case);
    format!("{PREFIX}{case}-{index}-{}", key.mark(ODI, &parts(&about.text(case, index), about.criteria)))
}

/// The session case that a token of ours says, genuine or not.
pub(crate) fn case(user: &str) -> Option<SessionCase> {
    session_case(user.strip_prefix(PREFIX)?.split('-').next()?.parse().ok()?)
}

/// The criterion, if the token is ours and about this.
pub(crate) fn read(key: &SigningKey, user: &str, about: &About<'_>) -> Option<(SessionCase, usize)> {
    let mut said = user.strip_prefix(PREFIX)?.splitn(3, '-');
    let case: u8 = said.next()?.parse().ok()?;
    let index: usize = said.next()?.parse().ok()?;
    let genuine = key.is_mark(said.next()?, ODI, &parts(&about.text(case, index), about.criteria));
    genuine.then_some((session_case(case)?, index))
}

impl About<'_> {
    fn text(&self, case: u8, index: usize) -> String {
        format!("{case}:{index}:{} {}", self.served, self.call_id)
    }
}

/// What is signed: the text, then the server of each criterion in order.
fn parts<'a>(text: &'a str, criteria: &'a [InitialFilterCriterion]) -> Vec<&'a [u8]> {
    let servers = criteria.iter().map(|criterion| criterion.application_server.uri.as_bytes());
    std::iter::once(text.as_bytes()).chain(servers).collect()
}

const fn number(case: SessionCase) -> u8 {
    match case {
        SessionCase::Originating => 0,
        SessionCase::TerminatingRegistered => 1,
        SessionCase::TerminatingUnregistered => 2,
        SessionCase::OriginatingUnregistered => 3,
        SessionCase::Cdiv => 4,
    }
}

const fn session_case(number: u8) -> Option<SessionCase> {
    Some(match number {
        0 => SessionCase::Originating,
        1 => SessionCase::TerminatingRegistered,
        2 => SessionCase::TerminatingUnregistered,
        3 => SessionCase::OriginatingUnregistered,
        4 => SessionCase::Cdiv,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test helper may fail its test")]

    use super::*;

    #[test]
    fn isc_05_a_token_reads_back_for_what_it_is_about_only() {
        let (alice, carol) =
            (Impu::new("sip:alice@home1.test").unwrap(), Impu::new("sip:carol@home1.test").unwrap());
        let about = |call_id, served| About { call_id, served, criteria: &[] };
        let key = SigningKey::new([1; 32]);
        let token = token(&key, &about("c1", &alice), SessionCase::TerminatingUnregistered, 7);
        let read = |token: &str, about: &About<'_>| read(&key, token, about);
        assert_eq!(case(&token), Some(SessionCase::TerminatingUnregistered));
        assert_eq!(read(&token, &about("c1", &alice)), Some((SessionCase::TerminatingUnregistered, 7)));
        assert_eq!(read(&token, &about("c2", &alice)), None);
        assert_eq!(read(&token, &about("c1", &carol)), None, "another user");
        let criteria = [InitialFilterCriterion {
            priority: 1,
            trigger: None,
            application_server: cx_protocol::ApplicationServer {
                uri: "sip:ps1.home1.test".into(),
                default_handling: cx_protocol::DefaultHandling::Continued,
                include_register_request: false,
                include_register_response: false,
            },
            profile_part: cx_protocol::ProfilePart::Both,
        }];
        assert_eq!(
            read(&token, &About { criteria: &criteria, ..about("c1", &alice) }),
            None,
            "other criteria"
        );
        assert_eq!(read(&token.replace("-7-", "-8-"), &about("c1", &alice)), None);
        assert_eq!(read("odi-", &about("c1", &alice)), None);
        let other = SigningKey::new([2; 32]);
        assert_eq!(super::read(&other, &token, &about("c1", &alice)), None);
    }
}
