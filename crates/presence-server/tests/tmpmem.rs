mod support;
use support::*;
fn rss() -> usize {
    std::fs::read_to_string("/proc/self/statm").unwrap().split(' ').nth(1).unwrap().parse::<usize>().unwrap()
        * 4096
}
#[test]
fn mem() {
    let mut s = settings();
    s.subscription.max_s = 9999999;
    s.default_action = presence_document::SubHandling::Allow;
    let mut ps = Ps::new(s, Default::default());
    let mut last = rss();
    for block in 0..4 {
        for n in 0..10000 {
            let n = n + block * 10000;
            let r = subscribe(&format!("sip:watcher{:06}@home1.test", n/10), &format!("sip:user{:05}@home1.test", n/40))
          .call_id(&format!("a84b4c76e66710-{n:08}@127.0.10.11"))
          .with("Expires","999999")
          .with("Contact", &format!("<sip:watcher{:06}@home1.test;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>", n/10))
          .with("Record-Route", "<sip:rr-t@127.0.10.14;lr>, <sip:rr@127.0.10.13;lr>, <sip:rr-o@127.0.10.14;lr>, <sip:0123456789abcdef0123456789abcdef@pcscf1a.home1.test;lr>, <sip:0123456789abcdef0123456789abcdef@127.0.10.11;lr>");
            let resp = ps.send(&r);
            assert_eq!(code(&resp), 200);
            let f = ps.notify();
            ps.answer(&f, 200);
            if n % 200 == 199 {
                ps.journal.clear();
                ps.pass_s(33);
            }
        }
        ps.journal.clear();
        ps.pass_s(40);
        ps.journal.clear();
        let now = rss();
        println!(
            "block {block}: {} B per subscription, watches {}",
            (now as i64 - last as i64) / 10000,
            ps.node.role().watches()
        );
        last = now;
    }
}
