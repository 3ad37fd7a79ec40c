"""The queue of a device: no plane is lost or taken twice, and no key waits for ever."""

from __future__ import annotations

from collections import Counter, OrderedDict

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from poolhouse.batching.fair_queue import Batch, BatchLimits, FairQueue, Job, JobSlice

KEYS = ("a", "b", "c", "d")
PLANE_BYTES = {"a": 1, "b": 10, "c": 64, "d": 1000}
PLANE_STEPS = {"a": 3, "b": 1, "c": 7, "d": 2}

limits = st.builds(
    BatchLimits,
    max_bytes=st.integers(1, 300),
    max_join_bytes=st.integers(0, 300),
    max_planes=st.none() | st.integers(1, 9),
    max_steps=st.none() | st.integers(1, 60),
)


def job(key: str, planes: int) -> Job[None]:
    return Job(key, planes, PLANE_BYTES[key], PLANE_STEPS[key], None)


class QueueMachine(RuleBasedStateMachine):
    """Pushes, takes, removes and clears in any order, compared with a model that recounts everything."""

    jobs: Bundle[Job[None]] = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.queue: FairQueue[None] = FairQueue()
        self.waiting: OrderedDict[str, list[Job[None]]] = OrderedDict()
        self.pooled: dict[Job[None], Counter[int]] = {}
        self.batches_waited: dict[Job[None], int] = {}

    @rule(target=jobs, key=st.sampled_from(KEYS), planes=st.integers(1, 40))
    def push(self, key: str, planes: int) -> Job[None]:
        pushed = job(key, planes)
        self.queue.push(pushed)
        self.waiting.setdefault(key, []).append(pushed)
        self.pooled[pushed] = Counter()
        return pushed

    @rule(limits=limits)
    def take(self, limits: BatchLimits) -> None:
        queues, self.waiting = self.waiting, OrderedDict()
        for key, queue in queues.items():
            if left := [each for each in queue if each.unassigned_planes and not each.is_abandoned]:
                self.waiting[key] = left
        heads = {key: queue[0] for key, queue in self.waiting.items()}
        lengths = {key: len(queue) for key, queue in self.waiting.items()}

        batch = self.queue.next_batch(limits)

        if not heads:
            assert batch is None
            return
        assert batch is not None
        served = batch.slices[0].job.key
        assert served == next(iter(heads)), "the key whose turn it is"
        assert isinstance(served, str)
        self._check_batch(batch, limits, heads[served])
        self._check_order(heads, served)
        if len(self.waiting[served]) and self.waiting[served][-1].unassigned_planes:
            assert batch.reason == "full"
            self.waiting.move_to_end(served)
        else:
            assert batch.reason == ("idle" if sum(lengths.values()) == 1 else "drained")
            del self.waiting[served]

    def _check_batch(self, batch: Batch[None], limits: BatchLimits, head: Job[None]) -> None:
        assert batch.slices[0].job is head
        assert {part.job.key for part in batch.slices} == {head.key}
        assert not any(part.job.is_abandoned for part in batch.slices)
        assert batch.planes == 1 or batch.planes * head.plane_bytes <= limits.max_bytes or len(batch.slices) > 1
        if len(batch.slices) > 1:
            assert batch.planes * head.plane_bytes <= max(limits.max_join_bytes, 0)
            assert all(part.stop == part.job.planes for part in batch.slices), "only a head is cut"
        if limits.max_planes is not None:
            assert batch.planes <= limits.max_planes
        if limits.max_steps is not None:
            assert batch.planes == 1 or batch.steps <= limits.max_steps
        assert batch.steps == batch.planes * head.plane_steps
        for part in batch.slices:
            self.pooled[part.job].update(range(part.start, part.stop))
            assert part.start < part.stop

    def _check_order(self, heads: dict[str, Job[None]], served: str) -> None:
        for key, head in heads.items():
            if key == served:
                self.batches_waited.pop(head, None)
                continue
            # The bound of the module's docstring.
            self.batches_waited[head] = self.batches_waited.get(head, 0) + 1
            assert self.batches_waited[head] <= len(KEYS) - 1

    @rule(removed=consumes(jobs))
    def remove(self, removed: Job[None]) -> None:
        self.queue.remove(removed)
        queue = self.waiting.get(str(removed.key), [])
        if removed in queue:
            queue.remove(removed)
            if not queue:
                del self.waiting[str(removed.key)]

    @rule()
    def clear(self) -> None:
        expected = [each for queue in self.waiting.values() for each in queue if each.unassigned_planes]

        taken = self.queue.clear()

        assert taken == expected
        assert all(each.queue is None for each in taken)
        self.waiting.clear()

    @invariant()
    def counters_equal_a_recount(self) -> None:
        live = [
            each
            for queue in self.waiting.values()
            for each in queue
            if each.unassigned_planes and not each.is_abandoned
        ]
        assert self.queue.jobs == len(live)
        assert bool(self.queue) == bool(live)
        assert self.queue.key_count == len({each.key for each in live})
        assert self.queue.steps == sum(each.unassigned_planes * each.plane_steps for each in live)

    @invariant()
    def every_plane_is_taken_once_and_in_order(self) -> None:
        for each, planes in self.pooled.items():
            assert planes == Counter(range(each.assigned_planes))

    def teardown(self) -> None:
        """Take everything that is left; each plane is taken once."""
        while batch := self.queue.next_batch(BatchLimits(100, 100)):
            for part in batch.slices:
                self.pooled[part.job].update(range(part.start, part.stop))
        for each, planes in self.pooled.items():
            assert planes == Counter(range(each.assigned_planes))
        assert self.queue.jobs == self.queue.steps == 0


TestQueueMachine = QueueMachine.TestCase


def test_a_flood_of_one_key_costs_another_one_batch() -> None:
    """However many jobs of one key wait, the batch of another key is the next but one."""
    queue: FairQueue[None] = FairQueue()
    for _ in range(1000):
        queue.push(job("a", 1))
    other = job("b", 1)
    queue.push(other)

    taken = [queue.next_batch(BatchLimits(10, 10)) for _ in range(2)]

    assert [batch and batch.slices[0].job.key for batch in taken] == ["a", "b"]


def test_a_job_too_large_for_one_batch_lets_others_pass() -> None:
    """A huge job is cut, and the other keys have their turns between its slices."""
    queue: FairQueue[None] = FairQueue()
    huge = job("a", 35)
    queue.push(huge)
    queue.push(job("b", 1))

    batches = []
    while batch := queue.next_batch(BatchLimits(10, 10)):
        batches.append(batch)

    assert [batch.slices[0].job.key for batch in batches] == ["a", "b", "a", "a", "a"]
    slices = [part for batch in batches for part in batch.slices if part.job is huge]
    assert slices == [JobSlice(huge, 0, 10), JobSlice(huge, 10, 20), JobSlice(huge, 20, 30), JobSlice(huge, 30, 35)]


def test_a_job_that_does_not_fit_beside_others_waits_whole() -> None:
    """Cut, it would wait for two batches, and its outputs would be copied once more."""
    queue = FairQueue[str]()
    for name in ("first", "second"):
        queue.push(Job("a", 3, 1, 1, name))

    batches = [queue.next_batch(BatchLimits(4, 4)) for _ in range(2)]

    taken = [[(part.job.payload, part.start, part.stop) for part in batch.slices] for batch in batches if batch]
    assert taken == [[("first", 0, 3)], [("second", 0, 3)]]


def test_a_removed_job_is_forgotten_at_once() -> None:
    """The memory of an abandoned job is freed at once, however many jobs wait before it."""
    queue: FairQueue[object] = FairQueue()
    first, removed = Job[object]("a", 1, 1, 1, object()), Job[object]("a", 1, 1, 1, object())
    queue.push(first)
    queue.push(removed)

    queue.remove(removed)

    assert queue.clear() == [first]
    assert removed.queue is None
