"""alice on PJSIP's user agent library, for scripts/interop: P-CSCF, transport, a file for its messages, and whom to watch are
the arguments; `closed` and `open` on standard input change her status, `unsubscribe` ends what she watches, `quit` ends it."""
import select
import sys
import time

import pjsua2 as pj

pcscf, transport, log, *watched = sys.argv[1:]


class Account(pj.Account):
    def onRegState(self, state):
        print("registered", state.code, state.expiration, flush=True)


class Buddy(pj.Buddy):
    def onBuddyState(self):
        info = self.getInfo()
        print(info.uri, info.presStatus.status, info.presStatus.statusText, flush=True)


endpoint = pj.Endpoint()
endpoint.libCreate()
settings = pj.EpConfig()
settings.logConfig.level = 5
settings.logConfig.consoleLevel = 0
settings.logConfig.filename = log
settings.uaConfig.threadCnt = 0
endpoint.libInit(settings)
port = pj.TransportConfig()
port.boundAddress = "127.0.0.1"
endpoint.transportCreate({"udp": pj.PJSIP_TRANSPORT_UDP, "tcp": pj.PJSIP_TRANSPORT_TCP}[transport], port)
endpoint.libStart()

settings = pj.AccountConfig()
settings.idUri = '"Alice" <sip:alice@home1.test>'
settings.regConfig.registrarUri = "sip:home1.test"
settings.regConfig.timeoutSec = 600
settings.sipConfig.authCreds.append(pj.AuthCredInfo("digest", "home1.test", "alice@home1.test", 0, "alice-secret"))
settings.sipConfig.proxies.append(f"sip:{pcscf};transport={transport};lr")
settings.presConfig.publishEnabled = True
account = Account()
account.create(settings)


def work(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        endpoint.libHandleEvents(50)


def watch(user):
    buddy = Buddy()
    settings = pj.BuddyConfig()
    settings.uri = f"sip:{user}"
    buddy.create(account, settings)
    buddy.subscribePresence(True)
    return buddy


def unsubscribe():
    for buddy in buddies:
        buddy.subscribePresence(False)


def publish(value):
    status = pj.PresenceStatus()
    status.status = value
    account.setOnlineStatus(status)


COMMANDS = {
    "open": lambda: publish(pj.PJSUA_BUDDY_STATUS_ONLINE),
    "closed": lambda: publish(pj.PJSUA_BUDDY_STATUS_OFFLINE),
    "unsubscribe": unsubscribe,
}

work(2)
buddies = [watch(user) for user in watched]
publish(pj.PJSUA_BUDDY_STATUS_ONLINE)
word = None
while word != "quit":
    work(0.2)
    word = sys.stdin.readline().strip() if select.select([sys.stdin], [], [], 0)[0] else None
    if word in COMMANDS:
        COMMANDS[word]()
publish(pj.PJSUA_BUDDY_STATUS_OFFLINE)
unsubscribe()
work(1)
account.setRegistration(False)
work(1)
endpoint.libDestroy()
