//! What operators ask of a node, and what they are told.

use super::world::{Place, message};
use crate::ctl::CtlAnswer;

#[tokio::test]
async fn operators_are_answered_by_the_node_or_by_its_role() {
    let place = Place::new();
    let running = place.start("").await;
    let help = running.done("help").await;
    assert!(
        help.contains("drain   end, as on SIGTERM\nhelp    these lines\nkept    what is kept\n"),
        "{help}"
    );
    assert_eq!(running.done("reload").await, "");
    let refused = CtlAnswer::Refused("usage: kept (what is kept)".to_owned());
    assert_eq!(running.ask("kept now").await, refused);
    place.file("suspicion_s = 7");
    let said = running.done("reload").await;
    assert_eq!(said, "needs a restart: what else has changed in [node]\n");
    place.file("suspicion_s = true");
    let CtlAnswer::Refused(why) = running.ask("reload").await else { panic!("accepted") };
    assert!(why.contains("node.toml:7:") && why.contains("node.suspicion_s"), "{why}");
}

#[tokio::test]
async fn a_role_may_answer_later_and_nobody_waits_for_ever() {
    let place = Place::new();
    let running = place.start("").await;
    assert_eq!(running.done("keep").await, "is kept\n", "when it is");
    let answered = async { while running.done("now").await != "1\n" {} };
    let (later, ()) = tokio::join!(running.done("later"), answered);
    assert_eq!(later, "now\n");
    let never = running.ask("later").await;
    assert_eq!(never, CtlAnswer::Refused("there was no answer in time".to_owned()));
    assert_eq!(running.done("now").await, "1\n", "nobody waits any more, and that is no fault");
}

#[tokio::test]
async fn a_peer_that_is_new_is_believed_after_a_reload() {
    let place = Place::new();
    let running = place.start("").await;
    let client = place.udp().await;
    let request = |call: &str| message("sip:who@home1.test", call, "UDP");
    assert!(
        client
            .answer_to(&request("one"))
            .await
            .contains("Warning: 399 node1.home1.test \"request from outside the network [outsider, ")
    );
    place.file(&format!("peers = [{{ addresses = [\"{}\"] }}]", place.address.ip()));
    assert_eq!(running.done("reload").await, "taken over: peers of [node]\n");
    assert!(client.answer_to(&request("two")).await.starts_with("SIP/2.0 200 "));
    assert_eq!(running.done("reload").await, "");
}
