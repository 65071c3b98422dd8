"""What ZooKeeper 3.8.0 servers said to each other: every byte is understood and written again.

``tests/wire/captures/README.md`` says what was recorded, and how.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random

import pytest

from chaos.election.config import parse_configuration
from chaos.election.notification import Notification
from chaos.election.packets import (
    CommitAndActivate,
    Inform,
    InformAndActivate,
    LearnerHello,
    NewLeader,
    Proposal,
    Revalidate,
    Revalidated,
    Snap,
    Sync,
)
from chaos.systems.pcap import Pcap
from chaos.wire.conversation import Arrived, Conversations, Message, Sent, Sighting
from chaos.wire.election import Initiation, Skipped, encode_frame, encode_initiation
from chaos.wire.quorum import encode_packet
from chaos.wire.reassembly import Reassembly, Segment

HERE = Path(__file__).parent / "captures"
NAMES = ("groups", "observers", "paused", "three")
# Who is behind a request is not kept, so it is not written again: one client, by its address.
IDENTITY = (b"\0\0\0\1\0\0\0\2ip\0\0\0\x0d10.77.255.254", b"\xff\xff\xff\xff")


@cache
def segments(name: str) -> tuple[Segment, ...]:
    with Pcap(HERE / f"{name}.pcap") as capture:
        return tuple(capture.read())


def sightings(found: tuple[Segment, ...]) -> list[Sighting]:
    return list(Conversations(3888, 2888).take(found))


@cache
def seen(name: str) -> tuple[Sighting, ...]:
    return tuple(sightings(segments(name)))


def said(name: str) -> Iterator[Message]:
    return (one.message for one in seen(name) if isinstance(one, Sent))


def streams(name: str) -> dict[str, list[bytes]]:
    """The bytes of each direction by its name, for each time that it was used."""
    ways: dict[str, list[tuple[Reassembly, list[bytes]]]] = {}
    for segment in segments(name):
        link = f"{segment.source}>{segment.target}"
        if segment.syn:
            ways.setdefault(link, []).append((Reassembly(segment.seq + 1), []))
        elif not segment.rst:
            way, parts = ways[link][-1]
            parts.append(way.take(segment.seq, segment.payload))
    joined = {
        link: [b"".join(parts).replace(*IDENTITY) for _, parts in uses]
        for link, uses in ways.items()
    }
    return {link: used for link, uses in joined.items() if (used := [use for use in uses if use])}


def again(message: Message) -> bytes:
    match message:
        case Initiation():
            return encode_initiation(message.sid, message.addresses)
        case Notification():
            return encode_frame(message)
        case Skipped(why):
            raise AssertionError(why)
        case packet:
            return encode_packet(packet)


@pytest.mark.parametrize("name", NAMES)
def test_every_byte_is_understood_and_written_again(name: str) -> None:
    expected = streams(name)
    links: dict[str, dict[int, list[bytes]]] = {}
    for one in seen(name):
        if isinstance(one, Sent):
            links.setdefault(one.link, {}).setdefault(one.conn, []).append(again(one.message))
    written = {link: [b"".join(parts) for parts in uses.values()] for link, uses in links.items()}
    assert written == expected
    assert sum(len(use) for uses in expected.values() for use in uses) > 7_000


@pytest.mark.parametrize("name", NAMES)
def test_every_message_of_a_quiet_network_arrives_in_order(name: str) -> None:
    ways: dict[str, tuple[list[Sent], list[Sent]]] = {}
    for one in seen(name):
        match one:
            case Sent():
                ways.setdefault(one.link, ([], []))[0].append(one)
            case Arrived(at_ns, sent):
                assert at_ns == sent.at_ns
                ways[sent.link][1].append(sent)
            case _:
                raise AssertionError(one)
    for sent_ones, arrived in ways.values():
        assert arrived == sent_ones[: len(arrived)]
    lost = sum(len(sent) - len(arrived) for sent, arrived in ways.values())
    assert lost <= 2  # to a server that was killed


@pytest.mark.parametrize("name", NAMES)
def test_configurations_parse(name: str) -> None:
    texts = {m.config for m in said(name) if isinstance(m, Notification | NewLeader)}
    assert texts
    assert all(text is not None and parse_configuration(text) for text in texts)


@pytest.mark.parametrize("name", NAMES)
def test_two_elections_were_recorded(name: str) -> None:
    leaders = {m.leader for m in said(name) if isinstance(m, Notification) and m.state in (1, 2)}
    assert len(leaders) == 2


RECORDED = {
    "a session that moved, and one that was asked for again": (
        "three",
        (Revalidate, Revalidated, Proposal, Sync, Snap),
    ),
    "observers are informed and change their configuration": (
        "observers",
        (Inform, InformAndActivate, CommitAndActivate, Sync),
    ),
}


@pytest.mark.parametrize(("name", "kinds"), RECORDED.values(), ids=RECORDED.keys())
def test_what_was_to_be_recorded_is_there(name: str, kinds: tuple[type, ...]) -> None:
    assert {type(message) for message in said(name)} >= set(kinds)


def test_observers_say_what_they_are() -> None:
    hellos = [m for m in said("observers") if isinstance(m, LearnerHello)]
    assert {hello.sid for hello in hellos if hello.observer} == {4, 5}


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_capture_and_repetition_change_no_message(name: str) -> None:
    lots = Random(7)
    disturbed: list[Segment] = []
    for segment in segments(name):
        disturbed.append(segment)
        if len(disturbed) > 1 and lots.random() < 0.2 and not segment.syn:
            disturbed[-2:] = _swapped(disturbed[-2], segment)
        if segment.payload and lots.random() < 0.2:
            disturbed.append(replace(segment, ack=None))
    assert _messages(sightings(tuple(disturbed))) == _messages(list(seen(name)))


def _swapped(one: Segment, other: Segment) -> tuple[Segment, Segment]:
    """Only within a direction: a capture keeps the order of cause and effect."""
    same = (one.source, one.target) == (other.source, other.target)
    return (other, one) if same and not one.syn and not other.rst else (one, other)


def _messages(found: list[Sighting]) -> dict[tuple[str, int], list[Message]]:
    links: dict[tuple[str, int], list[Message]] = {}
    for one in found:
        assert isinstance(one, Sent | Arrived)
        if isinstance(one, Sent):
            links.setdefault((one.link, one.conn), []).append(one.message)
    return links
