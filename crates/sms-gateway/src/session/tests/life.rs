//! A session begins, is kept alive, and ends.

use super::*;

#[tokio::test(start_paused = true)]
async fn smpp_4_1_it_binds_as_a_transceiver_of_version_3_4() {
    let scene = Scene::new();
    let (mut peer, _task) = scene.connect();
    let Frame { sequence, pdu: Ok(Some(Pdu::BindTransceiver(bind))), .. } = peer.frame().await.unwrap()
    else {
        panic!("no bind_transceiver")
    };
    assert_eq!(sequence, 1);
    assert_eq!((bind.system_id.as_str(), bind.password.as_str()), ("muster", "secret"));
    assert_eq!(bind.interface_version, InterfaceVersion::Smpp3_4);
}

#[tokio::test(start_paused = true)]
async fn smpp_4_1_an_sms_c_that_does_not_bind_it_says_why() {
    let answered = BindTransceiverResp::default;
    for (status, pdu, why) in [
        (CommandStatus::EsmeRinvpaswd, Pdu::from(answered()), "wrong password"),
        (CommandStatus::EsmeRinvsysid, answered().into(), "unknown system_id"),
        (CommandStatus::EsmeRalybnd, answered().into(), "already bound"),
        (CommandStatus::EsmeRbindfail, answered().into(), "refused"),
        (CommandStatus::EsmeRinvcmdid, Pdu::GenericNack, "refused"),
        (CommandStatus::EsmeRok, Pdu::GenericNack, "refused"),
    ] {
        let scene = Scene::new();
        let (mut peer, task) = scene.connect();
        let Frame { sequence, .. } = peer.next(CommandId::BindTransceiver).await;
        // Somebody else's answer is none.
        peer.says(CommandStatus::EsmeRok, sequence + 1, answered()).await;
        peer.says(status, sequence, pdu).await;
        assert_eq!(task.await.unwrap(), Ended::BeforeBind(why), "{status:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn smpp_7_2_an_sms_c_that_does_not_answer_bind_is_left() {
    let (scene, begun) = (Scene::new(), Instant::now());
    let (_peer, task) = scene.connect();
    assert_eq!(task.await.unwrap(), Ended::BeforeBind("no answer"));
    assert_eq!(begun.elapsed(), RESPONSE);
    let (peer, task) = scene.connect();
    drop(peer);
    assert_eq!(task.await.unwrap(), Ended::BeforeBind("the connection ended"));
    let (mut peer, task) = scene.connect();
    peer.says_octets(7, 0, 0, b"").await;
    assert_eq!(task.await.unwrap(), Ended::BeforeBind("a PDU of an impossible length"));
}

#[tokio::test(start_paused = true)]
async fn smpp_4_11_a_silent_sms_c_is_asked_whether_it_is_there_and_left_without_an_answer() {
    let mut scene = Scene::new();
    let (mut peer, task, _collecting) = scene.quiet().await;
    let begun = Instant::now();
    for asked in 1..=3 {
        let Frame { sequence, .. } = peer.next(CommandId::EnquireLink).await;
        assert_eq!(begun.elapsed(), ENQUIRE * asked);
        peer.says(CommandStatus::EsmeRok, sequence, Pdu::EnquireLinkResp).await;
    }
    peer.next(CommandId::EnquireLink).await;
    assert_eq!(task.await.unwrap(), Ended::AfterBind("no answer", ENQUIRE * 4 + RESPONSE));
}

#[tokio::test(start_paused = true)]
async fn smpp_4_11_an_sms_c_that_asks_is_answered_and_not_asked() {
    let mut scene = Scene::new();
    let (mut peer, _task, _collecting) = scene.quiet().await;
    for sequence in 70..75 {
        sleep_until(Instant::now() + ENQUIRE - Duration::from_secs(1)).await;
        peer.says(CommandStatus::EsmeRok, sequence, Pdu::EnquireLink).await;
        assert_eq!(peer.next(CommandId::EnquireLinkResp).await.sequence, sequence);
    }
}

#[tokio::test(start_paused = true)]
async fn smpp_4_2_an_sms_c_that_unbinds_has_its_answer_and_those_to_what_was_kept() {
    let mut scene = Scene::new();
    let (mut peer, task, _collecting) = scene.quiet().await;
    peer.says(CommandStatus::EsmeRok, 1, of_frank("busy").build()).await;
    let (_, answer) = scene.gateway.update().await;
    peer.says(CommandStatus::EsmeRok, 2, Pdu::Unbind).await;
    answer.send(Told::Taken).unwrap();
    assert_eq!(peer.next(CommandId::UnbindResp).await.sequence, 2);
    assert_eq!(peer.next(CommandId::DeliverSmResp).await.sequence, 1);
    assert!(peer.frame().await.is_none());
    assert!(matches!(task.await.unwrap(), Ended::AfterBind("it unbinds us", _)));
}

#[tokio::test(start_paused = true)]
async fn smpp_4_2_a_gateway_that_ends_unbinds() {
    let mut scene = Scene::new();
    let (mut peer, task, _collecting) = scene.quiet().await;
    drop(scene);
    peer.next(CommandId::Unbind).await;
    assert!(peer.frame().await.is_none());
    assert_eq!(task.await.unwrap(), Ended::Drained);
}
