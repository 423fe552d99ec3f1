//! A session submits messages to users.

use super::*;

#[tokio::test(start_paused = true)]
async fn smpp_4_4_no_more_messages_are_unanswered_than_the_window_has_room_for() {
    let mut scene = Scene::new();
    let (mut peer, _task) = scene.bound().await;
    scene.gateway.gives(Ask::Collect, &[(1, "one"), (2, "two"), (3, "three")]).await;
    let (first, one) = peer.submitted().await;
    let (second, two) = peer.submitted().await;
    assert_eq!([one, two], ["one", "two"]);
    assert_ne!(first, second);
    peer.says(CommandStatus::EsmeRok, 9, Pdu::EnquireLink).await;
    peer.next(CommandId::EnquireLinkResp).await;
    peer.says(CommandStatus::EsmeRok, second, SubmitSmResp::default()).await;
    scene.gateway.is_told(&[(2, Delivery::Accepted)]).await;
    assert_eq!(peer.submitted().await.1, "three");
}

#[tokio::test(start_paused = true)]
async fn smpp_5_1_3_what_the_sms_c_says_of_a_message_decides_whether_it_is_tried_again() {
    let mut scene = Scene::new();
    let (mut peer, _task) = scene.bound().await;
    let mut asks = Ask::Collect;
    for (status, delivery) in [
        (CommandStatus::EsmeRok, Delivery::Accepted),
        (CommandStatus::EsmeRthrottled, Delivery::Later),
        (CommandStatus::EsmeRmsgqful, Delivery::Later),
        (CommandStatus::EsmeRsyserr, Delivery::Later),
        (CommandStatus::EsmeRinvdstadr, Delivery::Refused),
        (CommandStatus::Other(0x0400), Delivery::Refused),
    ] {
        scene.gateway.gives(std::mem::replace(&mut asks, Ask::More), &[(1, "one")]).await;
        let (sequence, _) = peer.submitted().await;
        peer.says(status, sequence, SubmitSmResp::default()).await;
        scene.gateway.is_told(&[(1, delivery)]).await;
    }
    scene.gateway.gives(Ask::More, &[(1, "one")]).await;
    let (sequence, _) = peer.submitted().await;
    peer.says(CommandStatus::EsmeRinvcmdid, sequence, Pdu::GenericNack).await;
    scene.gateway.is_told(&[(1, Delivery::Refused)]).await;
}

#[tokio::test(start_paused = true)]
async fn smpp_4_4_a_long_message_has_arrived_when_all_of_its_parts_have() {
    let mut scene = Scene::new();
    let (mut peer, _task) = scene.bound().await;
    for (asks, [one, other], delivery) in [
        (Ask::Collect, [CommandStatus::EsmeRok, CommandStatus::EsmeRok], Delivery::Accepted),
        (Ask::More, [CommandStatus::EsmeRthrottled, CommandStatus::EsmeRok], Delivery::Later),
        (Ask::More, [CommandStatus::EsmeRthrottled, CommandStatus::EsmeRinvdstadr], Delivery::Refused),
    ] {
        scene.gateway.gives(asks, &[(5, &"long ".repeat(50))]).await;
        let (first, _) = peer.submitted().await;
        let (second, _) = peer.submitted().await;
        peer.says(other, second, SubmitSmResp::default()).await;
        peer.says(one, first, SubmitSmResp::default()).await;
        scene.gateway.is_told(&[(5, delivery)]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn gw_messages_under_way_when_the_session_is_lost_are_tried_again() {
    let mut scene = Scene::new();
    let (mut peer, task) = scene.bound().await;
    scene.gateway.gives(Ask::Collect, &[(1, "one"), (2, "two"), (3, "three")]).await;
    let (first, _) = peer.submitted().await;
    peer.submitted().await;
    peer.says(CommandStatus::EsmeRok, first, SubmitSmResp::default()).await;
    scene.gateway.is_told(&[(1, Delivery::Accepted)]).await;
    peer.submitted().await;
    drop(peer);
    scene.gateway.is_told(&[(2, Delivery::Later), (3, Delivery::Later)]).await;
    assert!(matches!(task.await.unwrap(), Ended::AfterBind("the connection ended", _)));
}

#[tokio::test(start_paused = true)]
async fn smpp_7_2_an_sms_c_that_does_not_answer_a_message_is_left() {
    let mut scene = Scene::new();
    let (mut peer, task) = scene.bound().await;
    let begun = Instant::now();
    scene.gateway.gives(Ask::Collect, &[(1, "one")]).await;
    peer.submitted().await;
    scene.gateway.is_told(&[(1, Delivery::Later)]).await;
    assert_eq!(begun.elapsed(), RESPONSE);
    assert_eq!(task.await.unwrap(), Ended::AfterBind("no answer", RESPONSE));
}

#[tokio::test(start_paused = true)]
async fn gw_of_several_sms_cs_one_has_the_messages_to_users_until_it_is_gone() {
    let mut scene = Scene::new();
    let (one, ended, _collecting) = scene.quiet().await;
    let (mut other, _task) = scene.bound().await;
    // The other takes what users write, and asks for nothing.
    other.says(CommandStatus::EsmeRok, 1, of_frank("busy").build()).await;
    let (_, answer) = scene.gateway.update().await;
    answer.send(Told::Taken).unwrap();
    other.next(CommandId::DeliverSmResp).await;
    assert!(timeout(ENQUIRE / 2, scene.gateway.0.next()).await.is_err());
    assert!(scene.gateway.1.is_empty());
    drop(one);
    ended.await.unwrap();
    scene.gateway.gives(Ask::Collect, &[(1, "one")]).await;
    assert_eq!(other.submitted().await.1, "one");
}
