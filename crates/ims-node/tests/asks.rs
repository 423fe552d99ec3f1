//! What is asked that is not SIP, and when the answers leave.

use clock::Now;
use ims_node::{
    AskId, Decision, Effects, InboundRequest, Input, Node, NodeCause, NodeSettings, Output, Record, Refusal,
    Role, Seq,
};
use sip_message::StatusCode;
use std::convert::Infallible;

/// What the role does when it is asked.
#[derive(Debug, Clone, Copy)]
enum Ask {
    Look,
    Keep,
    /// The answer repeats a promise.
    Repeat,
    Later,
    /// Answers everything that is open, and this.
    Answer,
}

/// Answers with the number of what it was asked.
#[derive(Debug, Default)]
struct Clerk {
    open: Vec<AskId>,
}

impl Role for Clerk {
    type Waiting = Infallible;
    type Own = Infallible;
    type Ask = Ask;
    type Told = u64;

    fn on_request(
        &mut self,
        _: Now,
        _: &InboundRequest,
        _: &mut Effects<Infallible, u64>,
    ) -> Decision<Infallible> {
        Refusal::new(StatusCode::SERVER_ERROR, NodeCause::HssAnswerUnused).into()
    }

    fn on_ask(&mut self, _: Now, id: AskId, ask: Ask, fx: &mut Effects<Infallible, u64>) -> Option<u64> {
        match ask {
            Ask::Look => {}
            Ask::Keep => fx.persist(*b"k", *b"v"),
            Ask::Repeat => fx.hold_answer(),
            Ask::Later => {
                self.open.push(id);
                return None;
            }
            Ask::Answer => self.open.drain(..).for_each(|open| fx.tell(open, open.0)),
        }
        Some(id.0)
    }
}

/// The answers to these, asked one after the other, each with the record that it waits for.
fn told(node: &mut Node<Clerk>, asks: &[Ask]) -> Vec<(u64, Option<Seq>)> {
    let mut answers = Vec::new();
    for (ask, id) in asks.iter().zip(1..) {
        node.handle(Now::ZERO, Input::Ask { id: AskId(id), ask: *ask });
        while let Some(output) = node.poll_output() {
            if let Output::Told { id, told, after } = output {
                assert_eq!(id, AskId(told));
                answers.push((told, after));
            }
        }
    }
    answers
}

fn clerk() -> Node<Clerk> {
    let mut node =
        Node::new(NodeSettings::new("node.test", Vec::new(), Vec::new()), Clerk::default(), [1; 32]);
    node.restore(Now::ZERO, std::iter::empty::<Record>(), Seq(0));
    node
}

#[test]
fn an_answer_waits_for_what_was_kept_for_it_and_for_nothing_else() {
    let kept = Some(Seq(1));
    assert_eq!(told(&mut clerk(), &[Ask::Look]), [(1, None)]);
    // An operator can look while the journal is full.
    assert_eq!(told(&mut clerk(), &[Ask::Keep, Ask::Look]), [(1, kept), (2, None)]);
    assert_eq!(told(&mut clerk(), &[Ask::Keep, Ask::Repeat, Ask::Look]), [(1, kept), (2, kept), (3, None)]);
}

#[test]
fn what_is_kept_already_is_waited_for_no_more() {
    let mut node = clerk();
    assert_eq!(told(&mut node, &[Ask::Keep]), [(1, Some(Seq(1)))]);
    node.handle(Now::ZERO, Input::Synced(Seq(1)));
    assert_eq!(told(&mut node, &[Ask::Repeat]), [(1, None)]);
}

#[test]
fn an_answer_may_come_later_and_waits_for_all_that_was_kept_until_then() {
    assert_eq!(told(&mut clerk(), &[Ask::Later, Ask::Later, Ask::Answer]), [(3, None), (1, None), (2, None)]);
    let kept = Some(Seq(1));
    assert_eq!(told(&mut clerk(), &[Ask::Later, Ask::Keep, Ask::Answer]), [(2, kept), (3, None), (1, kept)]);
}
