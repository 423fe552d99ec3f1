//! Messages of users arrive over a session, and so do PDUs that are no message.

use super::*;

#[tokio::test(start_paused = true)]
async fn smpp_4_6_a_message_is_acknowledged_when_it_is_kept_and_not_before() {
    let mut scene = Scene::new();
    let (mut peer, _task, _collecting) = scene.quiet().await;
    peer.says(CommandStatus::EsmeRok, 7, of_frank("busy").build()).await;
    peer.says(CommandStatus::EsmeRok, 8, of_frank("on").build()).await;
    let (first, keeps_first) = scene.gateway.update().await;
    let (second, keeps_second) = scene.gateway.update().await;
    assert_eq!([first, second], ["busy", "on"]);
    // Neither is, so what the SMS-C hears first is the answer to something later.
    peer.says(CommandStatus::EsmeRok, 9, Pdu::EnquireLink).await;
    peer.next(CommandId::EnquireLinkResp).await;
    keeps_second.send(Told::Taken).unwrap();
    assert_eq!(peer.next(CommandId::DeliverSmResp).await.sequence, 8);
    keeps_first.send(Told::Taken).unwrap();
    assert_eq!(peer.next(CommandId::DeliverSmResp).await.sequence, 7);
}

#[tokio::test(start_paused = true)]
async fn smpp_5_1_3_each_answer_of_the_gateway_is_a_status() {
    let mut scene = Scene::new();
    let (mut peer, _task, _collecting) = scene.quiet().await;
    for (sequence, told, status) in [
        (1, Some(Told::Taken), CommandStatus::EsmeRok),
        (2, Some(Told::NotTaken(NotTaken::NotANumber)), CommandStatus::EsmeRinvsrcadr),
        (3, Some(Told::NotTaken(NotTaken::TooFast)), CommandStatus::EsmeRthrottled),
        (4, Some(Told::NotTaken(NotTaken::Full)), CommandStatus::EsmeRmsgqful),
        (5, Some(Told::NotTaken(NotTaken::NotNow)), CommandStatus::EsmeRxTAppn),
        (6, None, CommandStatus::EsmeRxTAppn),
    ] {
        peer.says(CommandStatus::EsmeRok, sequence, of_frank("busy").build()).await;
        let (_, answer) = scene.gateway.update().await;
        match told {
            Some(told) => answer.send(told).unwrap(),
            None => drop(answer),
        }
        let answered = peer.next(CommandId::DeliverSmResp).await;
        assert_eq!((answered.sequence, answered.status), (sequence, status));
    }
}

#[tokio::test(start_paused = true)]
async fn smpp_4_7_a_message_may_come_by_data_sm() {
    let mut scene = Scene::new();
    let (mut peer, _task, _collecting) = scene.quiet().await;
    let text = Tlv::MessagePayload(MessagePayload::new(AnyOctetString::from_slice(b"away")));
    let sm = DataSm::builder()
        .source_addr_ton(Ton::International)
        .source_addr(number("15550106"))
        .destination_addr(number("7737"))
        .push_tlv(text)
        .build();
    peer.says(CommandStatus::EsmeRok, 3, sm).await;
    let (text, answer) = scene.gateway.update().await;
    assert_eq!(text, "away");
    answer.send(Told::Taken).unwrap();
    assert_eq!(peer.next(CommandId::DataSmResp).await.sequence, 3);
}

#[tokio::test(start_paused = true)]
async fn smpp_3_3_what_cannot_be_read_is_answered_and_the_session_goes_on() {
    let mut scene = Scene::new();
    let (mut peer, _task, _collecting) = scene.quiet().await;
    let receipt =
        EsmClass { message_type: MessageType::ShortMessageContainsMCDeliveryReceipt, ..EsmClass::default() };
    peer.says(CommandStatus::EsmeRok, 1, of_frank("id:1 stat:DELIVRD").esm_class(receipt).build()).await;
    let answered = peer.next(CommandId::DeliverSmResp).await;
    assert_eq!((answered.sequence, answered.status), (1, CommandStatus::EsmeRok));
    // A deliver_sm of three octets, and one of none.
    peer.says_octets(19, 5, 2, b"abc").await;
    let answered = peer.next(CommandId::DeliverSmResp).await;
    assert_eq!((answered.sequence, answered.status), (2, CommandStatus::EsmeRinvcmdlen));
    peer.says_octets(16, 5, 3, b"").await;
    let answered = peer.next(CommandId::DeliverSmResp).await;
    assert_eq!((answered.sequence, answered.status), (3, CommandStatus::EsmeRinvcmdlen));
    // A command that there is not.
    peer.says_octets(18, 0x0000_0333, 4, b"ab").await;
    let answered = peer.next(CommandId::GenericNack).await;
    assert_eq!((answered.sequence, answered.status), (4, CommandStatus::EsmeRinvcmdid));
    peer.says(CommandStatus::EsmeRok, 5, of_frank("busy").build()).await;
    assert_eq!(scene.gateway.update().await.0, "busy");
}

#[tokio::test(start_paused = true)]
async fn smpp_3_2_behind_an_impossible_length_nothing_is_read() {
    for length in [0, 15, u32::try_from(smpp::MAX_PDU).unwrap() + 1, u32::MAX] {
        let mut scene = Scene::new();
        let (mut peer, task, _collecting) = scene.quiet().await;
        peer.says_octets(length, 5, 2, b"abc").await;
        assert_eq!(peer.next(CommandId::GenericNack).await.status, CommandStatus::EsmeRinvcmdlen);
        assert!(matches!(task.await.unwrap(), Ended::AfterBind("a PDU of an impossible length", _)));
    }
}
