//! User agents of a lab, and what the nodes keep of them.

use super::good;
use ims_runtime::ctl::CtlAnswer;
use lab::{Access, Agent, Event, Lab};
use std::time::Duration;

pub(crate) const BOB: &str = "sip:bob@home2.test";
/// How long an event of a node may take that nobody is told of, and how often is looked.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);
const LOOK: Duration = Duration::from_millis(50);

/// The agent of a user, behind the first P-CSCF of the user's domain.
pub(crate) fn agent(lab: &Lab, user: &str, access: Access, more: &[&str]) -> Agent {
    let account = lab.accounts().iter().find(|account| *account.user == *user);
    let domain = account.map(|account| &*account.domain);
    let pcscf = good(lab.pcscf_of(domain.unwrap_or(user)));
    good(Agent::start_with(lab, user, pcscf, access, more))
}

pub(crate) async fn registered(lab: &Lab, user: &str, access: Access, more: &[&str]) -> Agent {
    let mut agent = agent(lab, user, access, more);
    good(agent.register().await);
    agent
}

pub(crate) async fn does(agent: &mut Agent, line: &str, fits: impl Fn(&Event) -> bool) -> Event {
    good(agent.say(line).await);
    good(agent.until(line, fits).await)
}

pub(crate) fn shows(event: &Event, basic: &str) -> bool {
    &*event.event == "presence" && event.basic.as_deref() == Some(basic)
}

pub(crate) fn ended(event: &Event) -> bool {
    &*event.event == "subscription" && &*event.state == "ended"
}

/// What a node answers an operator.
pub(crate) async fn told(lab: &Lab, node: &str, words: &[&str]) -> String {
    match good(lab.ctl(node, words).await) {
        CtlAnswer::Done(text) => text,
        CtlAnswer::Refused(why) => panic!("{why}"),
    }
}

/// The lines of a node's list that begin like this.
pub(crate) async fn kept(lab: &Lab, node: &str, kind: &str) -> Vec<String> {
    let text = told(lab, node, &["list"]).await;
    text.lines().filter(|line| line.starts_with(kind)).map(str::to_owned).collect()
}

/// Waits until a node keeps so many of the kind: nobody outside is told of that.
pub(crate) async fn come_to(lab: &Lab, (node, kind): (&str, &str), count: usize) {
    until(&format!("{node} has {count} of {kind}"), async || kept(lab, node, kind).await.len() == count)
        .await;
}

/// Waits until every request of a node's own has been answered.
pub(crate) async fn come_to_rest(lab: &Lab, node: &str) {
    let at_rest =
        async || told(lab, node, &["stats"]).await.lines().any(|line| line == "client_transactions 0");
    until(&format!("{node} waits for nobody"), at_rest).await;
}

/// Waits until a node has more to do than it can.
pub(crate) async fn hard_pressed(lab: &Lab, node: &str) {
    let is_so = async || !told(lab, node, &["stats"]).await.lines().any(|line| line == "pressure 0");
    until(&format!("{node} is hard-pressed"), is_so).await;
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    let come = async {
        while !is_so().await {
            tokio::time::sleep(LOOK).await;
        }
    };
    let come = tokio::time::timeout(PATIENCE, come).await;
    come.unwrap_or_else(|_| panic!("it does not come about that {what}"));
}
