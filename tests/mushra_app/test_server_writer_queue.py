"""Writers take turns in the order in which they came, one at a time, and whoever gives up leaves the line."""

from __future__ import annotations

import threading
import time

from mushra_app.writer_queue import WriterQueue


def lined_up(line: WriterQueue, count: int) -> int:
    """Wait until so many wait."""
    for _ in range(1000):
        if len(line._waiting) == count:
            break
        time.sleep(0.002)
    return len(line._waiting)


def test_who_came_first_is_first_even_before_whoever_has_just_let_go() -> None:
    line, order = WriterQueue(), []

    def write(number: int) -> None:
        assert line.acquire(10)
        order.append(number)
        line.release()

    assert line.acquire(1)
    threads = []
    for number in range(16):
        threads.append(threading.Thread(target=write, args=(number,)))
        threads[-1].start()
        assert lined_up(line, number + 1) == number + 1
    line.release()
    write(99)
    for thread in threads:
        thread.join()
    assert order == [*range(16), 99]


def test_one_at_a_time_under_load() -> None:
    line, inside, most, turns = WriterQueue(), [0], [0], [0]

    def write() -> None:
        for _ in range(300):
            if not line.acquire(0.0005):
                continue
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            turns[0] += 1
            time.sleep(0)
            inside[0] -= 1
            line.release()

    threads = [threading.Thread(target=write) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] and turns[0] > 100 and lined_up(line, 0) == 0
    assert line.acquire(0), "nobody has it any more"


def test_who_gives_up_leaves_the_line() -> None:
    line = WriterQueue()
    assert line.acquire(1) and not line.acquire(0.01) and lined_up(line, 0) == 0
    line.release()
    assert line.acquire(0)
