"""What the page knows of each election, for tests of the enlarged figures."""

from __future__ import annotations

from chaos.history.history import History
from chaos.report.bands import bands
from chaos.report.elections import elections
from chaos.report.handshakes import marks, parcels, waits
from chaos.report.lanes import reigns, segments
from chaos.report.messages import messages
from chaos.report.windows import Close


def closes(history: History) -> list[Close]:
    """One for each election, up to half a second after it."""
    faults = bands(history, {})
    lanes = segments(history)
    sent = messages(history, faults)
    carried = parcels(history)
    found = []
    for election in elections(history, reigns(history), lanes, faults):
        begin, end = election.looking_ns, election.end_ns
        close = Close(
            election,
            history.sids,
            lanes,
            [message for message in sent if begin <= message.sent_ns <= end],
            marks(history),
            waits(history),
            [parcel for parcel in carried if begin <= parcel.sent_ns <= end],
            end,
        )
        found.append(close)
    return found
