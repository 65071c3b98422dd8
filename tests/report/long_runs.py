"""A history of as many events as asked for: peers that talk and talk."""

from __future__ import annotations

from chaos.election.effects import Deliver, Send
from chaos.election.ids import PeerEpoch, Round, Sid, Zxid
from chaos.election.notification import Notification, ServerState
from chaos.history.events import Event, Lost, RunEnded, Stepped, Wrote
from chaos.history.history import History
from tests.report.runs import killed_under_loss
from tests.report.small_world import MS

NOTE = Notification(ServerState.LOOKING, Sid(1), Zxid(0), Round(1), PeerEpoch(0))


def chatter(events: int) -> History:
    """An election of four peers, then ``events`` more: each tenth message is lost."""
    base = killed_under_loss()
    found: list[Event] = [event for event in base.events if not isinstance(event, RunEnded)]
    begin = base.end_ns
    count = 0
    while len(found) < events:
        at_ns = begin + count * MS // 50
        source, target = Sid(count % 3 + 1), Sid((count + 1) % 3 + 1)
        seq = 10_000 + 3 * count
        said = Send((target,), NOTE)
        heard = Deliver(target, NOTE, "elsewhere", count)
        found.append(Stepped(at_ns, source, 0, seq, heard, (said,)))
        if count % 10 == 9:
            found.append(Lost(at_ns, source, 0, seq + 1, seq, 0, target, "lost on its way", "x"))
        else:
            link = f"{source}>{target}"
            found.append(Wrote(at_ns, source, 0, seq + 1, seq, 0, target, link, count))
            got = Deliver(source, NOTE, link, count)
            found.append(Stepped(at_ns + MS, target, 0, seq + 2, got, ()))
        count += 1
    found.append(RunEnded(begin + count * MS // 50 + 2 * MS, "done"))
    return History.of(found)
