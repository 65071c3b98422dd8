"""Every peer has an address, and no two runs share a block."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaos.election.ids import Sid
from chaos.errors import InfrastructureError
from chaos.sandbox.addresses import PRIVATE, ROUTED, AddressBlock, claim_block, host_of

SIDS = st.integers(0, 0xFFFE)


@given(SIDS, SIDS, st.integers(1, 254))
def test_each_sid_has_an_address_of_its_own_in_the_block(a: int, b: int, second: int) -> None:
    block = AddressBlock(second)
    first, other = host_of(block, Sid(a)), host_of(block, Sid(b))
    assert (first == other) == (a == b)
    assert IPv4Address(first) in IPv4Network(str(block))


def test_small_sids_can_be_read_in_the_address() -> None:
    assert host_of(PRIVATE, Sid(7)) == "127.1.0.7"
    assert host_of(PRIVATE, Sid(258)) == "127.1.1.2"
    assert host_of(ROUTED, Sid(258)) == "10.77.1.2"


@pytest.mark.parametrize("sid", [-1, 0xFFFF, 2**63 - 1])
def test_a_sid_beyond_the_block_is_refused_by_name(sid: int) -> None:
    with pytest.raises(InfrastructureError, match=f"peer {sid} has no address"):
        host_of(PRIVATE, Sid(sid))


def test_claims_do_not_overlap_and_a_released_block_is_free_again() -> None:
    first, second = claim_block(), claim_block()
    assert first.block != second.block
    assert PRIVATE not in (first.block, second.block)
    first.release()
    again = claim_block()
    assert again.block != second.block
    again.release()
    second.release()
