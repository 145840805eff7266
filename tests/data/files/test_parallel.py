import threading
import time

import pytest

from senet_mm.data.files.parallel import in_parallel


@pytest.mark.parametrize('workers', [1, 3])
def test_results_come_in_order(workers):
    def work(item):
        time.sleep(0.002 * (item % 3))
        return item * item

    assert list(in_parallel(work, range(50), workers)) == [item * item for item in range(50)]
    assert list(in_parallel(work, [], workers)) == []


def test_few_items_are_taken_at_a_time():
    taken = []

    def items():
        for item in range(100):
            taken.append(item)
            yield item

    results = in_parallel(lambda item: item, items(), 2)
    next(results)
    assert len(taken) <= 8
    results.close()


def test_several_are_under_way_at_once():
    meeting = threading.Barrier(2, timeout=30)
    assert len(list(in_parallel(lambda _: meeting.wait(), range(4), 2))) == 4


def test_a_failure_ends_it_and_nothing_more_is_begun():
    begun = []

    def work(item):
        begun.append(item)
        if item == 3:
            raise ValueError('item 3')
        return item

    with pytest.raises(ValueError, match='item 3'):
        list(in_parallel(work, range(1000), 1))
    assert len(begun) < 20
