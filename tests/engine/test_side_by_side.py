from __future__ import annotations

import threading
import time

from tailstack.engine.side_by_side import Failed, side_by_side


def test_answers_come_by_name_in_the_order_of_the_calls() -> None:
    first = threading.Event()

    def slow() -> int:
        assert first.wait(5)
        return 1

    def quick() -> int:
        first.set()
        return 2

    ended: list[str] = []
    answers = side_by_side({"slow": slow, "quick": quick}, seconds=10, on_end=lambda name, _: ended.append(name))
    assert list(answers.items()) == [("slow", 1), ("quick", 2)]
    assert ended == ["quick", "slow"]


def test_a_call_that_fails_fails_alone() -> None:
    def broken() -> int:
        raise ValueError("no")

    answers = side_by_side({"broken": broken, "well": lambda: 1}, seconds=10)
    failed = answers["broken"]
    assert isinstance(failed, Failed)
    assert str(failed.error) == "no"
    assert answers["well"] == 1


def test_a_call_that_is_late_is_given_up_and_holds_up_nobody() -> None:
    hangs = threading.Event()

    def hang() -> int:
        hangs.wait(30)
        return 0

    began = time.monotonic()
    answers = side_by_side({"hang": hang, "well": lambda: 1, "more": lambda: 2}, seconds=0.3, most=1)
    assert time.monotonic() - began < 5
    failed = answers["hang"]
    hangs.set()
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, TimeoutError)
    assert str(failed.error) == "no answer within 0.3 s"
    assert (answers["well"], answers["more"]) == (1, 2)


def test_an_answer_that_comes_too_late_counts_no_more() -> None:
    hangs = threading.Event()

    def hang() -> int:
        hangs.wait(30)
        return 0

    def free() -> int:
        # The one that hangs has been given up, and answers while this one is waited for.
        hangs.set()
        time.sleep(0.2)
        return 1

    answers = side_by_side({"hang": hang, "free": free}, seconds=0.6, most=1)
    assert isinstance(answers["hang"], Failed)
    assert answers["free"] == 1


def test_no_more_than_so_many_run_at_once() -> None:
    lock = threading.Lock()
    running, highest = 0, 0

    def call() -> None:
        nonlocal running, highest
        with lock:
            running += 1
            highest = max(highest, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    side_by_side({str(number): call for number in range(9)}, seconds=10, most=3)
    assert highest <= 3


def test_no_calls_are_no_answers() -> None:
    assert side_by_side({}, seconds=1) == {}
