"""Which reconfigurations make a peer leave its leader.

Source: ZooKeeper 3.8 ``QuorumPeer.processReconfig`` and ``updateLearnerType``; rows 101 and 102.
"""

from __future__ import annotations

import pytest

from chaos.election.config import Configuration, parse_configuration
from chaos.election.ids import Sid
from chaos.election.standing import is_major
from tests.election.story import configuration

OLD = configuration("1-3", "4", 1)
MOVED = parse_configuration(configuration("1-3", "4", 2).text().replace(".3:2888", ".3:2889"))

MAJOR = {
    "row 102: a voter becomes an observer": (1, configuration("2-3", "1,4", 2), True),
    "row 102: an observer becomes a voter": (4, configuration("1-4", "", 2), True),
    "a removed observer is a participant now": (4, configuration("1-3", "", 2), True),
    "row 101: a removed voter stays, without a vote": (1, configuration("2-3", "4", 2), False),
    "row 101: who is not removed stays": (2, configuration("2-3", "4", 2), False),
    "row 101: the leader is removed": (1, configuration("1-2", "4", 2), True),
    "row 101: the leader itself": (3, configuration("1-2", "4", 2), True),
    "row 102: the leader becomes an observer": (1, configuration("1-2", "3-4", 2), True),
    "row 103: the leader's quorum port changes": (1, MOVED, True),
    "members are added": (1, configuration("1-3,5", "4", 2), False),
    "only the version changes": (1, configuration("1-3", "4", 2), False),
}


@pytest.mark.parametrize(("me", "new", "major"), MAJOR.values(), ids=MAJOR.keys())
def test_a_change_of_my_role_or_of_the_leader_is_major(
    me: int, new: Configuration, major: bool
) -> None:
    assert is_major(OLD, new, Sid(me), leader=Sid(3)) is major
