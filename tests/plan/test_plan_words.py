"""Steps in plain words."""

from __future__ import annotations

import pytest

from chaos.plan.load import load_plan
from chaos.plan.words import sentence

HEAD = "version: 1\nname: p\nensemble: {size: 5}\nsteps:\n"
FIRST = "  - {id: a, fault: pause, target: leader, as: old, for: 1500ms}\n"

SENTENCES = {
    "{wait: {outcome: leader}, within: 5s}": "wait until a leader serves, at most 5s",
    "{wait: {outcome: leader, among: [1, 2, 3], seen_by: all, hold_for: 1s}, within: 2m}": (
        "wait until a leader from peers 1, 2 and 3 serves that every running peer is settled "
        "under for 1s on end, at most 2m"
    ),
    "{wait: {outcome: no_leader, among: $old}, within: 1s}": (
        "wait until none of $old leads, at most 1s"
    ),
    "{wait: {outcome: {role: follower}, of: followers}, within: 1s}": (
        "wait until follower is the role of the followers, at most 1s"
    ),
    "{wait: {time: 500ms}}": "let 500ms go by",
    "{fault: kill, target: majority}": "kill a smallest quorum",
    "{fault: kill, target: minority_third}": "kill as many voters as weigh less than a third",
    "{fault: kill, target: quorum_breaker}": "kill as few voters as no quorum can do without",
    "{fault: kill, target: {pick: 2, of: voters, except: $old, leaves: quorum}}": (
        "kill 2 of all voters but $old, so that a quorum is left"
    ),
    "{fault: kill, target: {pick: 1, of: voters, weight_at_least: 2, by: highest_zxid}}": (
        "kill 1 of all voters of weight 2 or more, the highest zxid first"
    ),
    "{fault: one_way, target: {pick: 1, of: links}, for: 1s}": (
        "cut what goes from one link from every peer towards every peer (silently) for 1s"
    ),
    "{fault: kill, target: 3, with: {restart: after}, for: 2s}": (
        "kill peer 3, bring it back with its data after 2s"
    ),
    "{fault: terminate, target: [1, $old], with: {restart: after, wipe: true}, for: 2s}": (
        "terminate peer 1 and $old, bring it back without its data after 2s"
    ),
    "{at: 2s, fault: isolate, target: leader, as: x, for: 1s}": (
        "at 2s, isolate the leader (silently) for 1s, call it $x"
    ),
    "{after: a, fault: partition, with: {shape: halves, drop: reset}, for: 1s}": (
        "when a begins, cut the smaller half of the voters off from all others, "
        "not from each other (with resets) for 1s"
    ),
    "{fault: partition, with: {shape: ring}, for: 1s}": (
        "let each of all voters hear no more than a quorum around it (silently) for 1s"
    ),
    "{fault: partition, with: {shape: bridge, drop: reset}, for: 1s}": (
        "cut the others in two sides that only 1 of all voters still joins (with resets) for 1s"
    ),
    "{after: {step: a, edge: ended, plus: 5ms}, release: [a]}": "5ms after a is over, end a",
    "{fault: one_way, target: {from: 1, to: followers}, for: 1s}": (
        "cut what goes from peer 1 towards the followers (silently) for 1s"
    ),
    "{fault: block_port, target: 1, with: {port: election, direction: in, how: refuse}, for: 1s}": (
        "block the election port of peer 1, inward only (refusing connections) for 1s"
    ),
    "{fault: delay, target: all, with: {latency: 20ms, jitter: 5ms}, for: 1s}": (
        "delay the messages of every peer by 20ms ± 5ms for 1s"
    ),
    "{fault: loss, target: observers, with: {percent: 0.5}, for: 1s}": (
        "lose 0.5 % of the notifications of the observers for 1s"
    ),
    "{fault: duplicate, target: leader, with: {percent: 20%}, for: 1s}": (
        "write 20 % of the notifications of the leader twice for 1s"
    ),
    "{fault: reorder, target: all, with: {percent: 20..40, window: 50ms}, for: 1s}": (
        "let the next one overtake 20 to 40 % of the notifications of every peer, "
        "if it comes within 50ms for 1s"
    ),
    "{fault: corrupt, target: {from: 1, to: all}, with: {percent: 5%}, for: 1s}": (
        "change a byte of 5 % of the notifications of peer 1 towards every peer for 1s"
    ),
    "{fault: throttle, target: links, with: {rate: 2KiB/s..1MiB/s, port: quorum}, for: 1s}": (
        "let 2KiB/s to 1MiB/s through on each link of every peer towards every peer "
        "on the quorum port for 1s"
    ),
    "{fault: slice, target: 1, with: {size: 7, pause: 1ms}, for: 1s}": (
        "write the messages of peer 1 in pieces of 7 bytes, 1ms apart for 1s"
    ),
    "{fault: skew_logical_clock, target: minority, with: {by: -3}}": (
        "move the round of as many voters as a quorum can spare by -3"
    ),
    '{fault: skew_zxid, target: 1, with: {to: "0x100000003"}}': (
        "move the last zxid of peer 1 to 0x100000003"
    ),
    "{fault: skew_peer_epoch, target: 1, with: {accepted: {by: 1}, current: {to: 4}}}": (
        "move the accepted epoch by +1 and the current epoch to 4 of peer 1"
    ),
    '{fault: skew_timers, target: 1, with: {rate: "1.5", offset: -50ms}, for: 1s}': (
        "run the timers of peer 1 at 1.5 of true speed, shifted by -50ms for 1s"
    ),
    "{fault: disk_full, target: leader, with: {restart: after}, for: 1s}": (
        "leave no room on the disk of the leader, bring it back with its data for 1s"
    ),
    "{fault: slow_disk, target: 1, with: {latency: 30ms}, for: 1s}": (
        "have each write to the disk of peer 1 take 30ms longer for 1s"
    ),
    "{fault: cpu_stress, target: leader, with: {load: 60%, workers: 1}, for: 1s}": (
        "put 1 worker that wants 60 % of its core beside the leader for 1s"
    ),
    "{fault: cpu_stress, target: 2, for: 1s}": (
        "put 2 workers that want 100 % of its core each beside peer 2 for 1s"
    ),
    "{fault: flood, target: all, with: {port: election, per_s: 50, size: 64}, for: 1s}": (
        "flood the election port of every peer with 50 connections a second, 64 bytes each for 1s"
    ),
    "{fault: malformed, target: leader, with: {port: quorum, kind: truncated}, for: 1s}": (
        "say half a message at the quorum port of the leader, 10 times a second for 1s"
    ),
    "{fault: half_open, target: 1, with: {port: election, connections: 4}, for: 1s}": (
        "open 4 connections to the election port of peer 1 that say nothing for 1s"
    ),
    "{fault: bump_config_version, target: {pick: 1, of: voters, except: leader}, with: {by: 1}}": (
        "give 1 of all voters but the leader a configuration whose version moves by +1"
    ),
    "{fault: bump_config_version, target: 1, with: {to: 9, activate: false, weights: {1: 2}, "
    "members: {remove: [5], observers: [4]}}}": (
        "propose to peer 1 a configuration whose version moves to 9, without 5, not voting: 4, "
        "other weights"
    ),
}


@pytest.mark.parametrize(("step", "words"), SENTENCES.items(), ids=range(len(SENTENCES)))
def test_a_step_is_told_in_a_sentence(step: str, words: str) -> None:
    plan = load_plan(f"{HEAD}{FIRST}  - {{id: b, {step[1:]}\n", "p.yaml")
    assert sentence(plan.steps[0]) == "pause the leader for 1500ms, call it $old"
    assert sentence(plan.steps[1]) == words
