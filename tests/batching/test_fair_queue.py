"""What waits for a device: nothing is lost, nothing is taken twice, and nobody waits for ever."""

from __future__ import annotations

from collections import Counter, OrderedDict

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from poolhouse.batching.fair_queue import Batch, BatchLimits, FairQueue, Job, JobSlice

KEYS = ("a", "b", "c", "d")
PLANE_BYTES = {"a": 1, "b": 10, "c": 64, "d": 1000}
PLANE_STEPS = {"a": 3, "b": 1, "c": 7, "d": 2}

budgets = st.builds(
    BatchLimits,
    piece_bytes=st.integers(1, 300),
    join_bytes=st.integers(0, 300),
    planes=st.none() | st.integers(1, 9),
    piece_steps=st.none() | st.integers(1, 60),
)


def job(key: str, planes: int) -> Job[None]:
    return Job(key, planes, PLANE_BYTES[key], PLANE_STEPS[key], None)


class QueueMachine(RuleBasedStateMachine):
    """Pushes, takes, drops and clears in any order, beside a model that recounts everything."""

    jobs: Bundle[Job[None]] = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.queue: FairQueue[None] = FairQueue()
        self.waiting: OrderedDict[str, list[Job[None]]] = OrderedDict()
        self.pooled: dict[Job[None], Counter[int]] = {}
        self.turns: dict[Job[None], int] = {}

    @rule(target=jobs, key=st.sampled_from(KEYS), planes=st.integers(1, 40))
    def push(self, key: str, planes: int) -> Job[None]:
        pushed = job(key, planes)
        self.queue.push(pushed)
        self.waiting.setdefault(key, []).append(pushed)
        self.pooled[pushed] = Counter()
        return pushed

    @rule(budget=budgets)
    def take(self, budget: BatchLimits) -> None:
        lines, self.waiting = self.waiting, OrderedDict()
        for key, line in lines.items():
            if left := [each for each in line if each.unassigned_planes and not each.is_abandoned]:
                self.waiting[key] = left
        heads = {key: line[0] for key, line in self.waiting.items()}
        lengths = {key: len(line) for key, line in self.waiting.items()}

        batch = self.queue.next_batch(budget)

        if not heads:
            assert batch is None
            return
        assert batch is not None
        served = batch.slices[0].job.key
        assert served == next(iter(heads)), "the line whose turn it is"
        assert isinstance(served, str)
        self._check_batch(batch, budget, heads[served])
        self._check_order(heads, served)
        if len(self.waiting[served]) and self.waiting[served][-1].unassigned_planes:
            assert batch.reason == "full"
            self.waiting.move_to_end(served)
        else:
            assert batch.reason == ("idle" if sum(lengths.values()) == 1 else "drained")
            del self.waiting[served]

    def _check_batch(self, batch: Batch[None], budget: BatchLimits, head: Job[None]) -> None:
        assert batch.slices[0].job is head
        assert {part.job.key for part in batch.slices} == {head.key}
        assert not any(part.job.is_abandoned for part in batch.slices)
        assert batch.planes == 1 or batch.planes * head.plane_bytes <= budget.piece_bytes or len(batch.slices) > 1
        if len(batch.slices) > 1:
            assert batch.planes * head.plane_bytes <= max(budget.join_bytes, 0)
            assert all(part.stop == part.job.planes for part in batch.slices), "only a head is cut"
        if budget.planes is not None:
            assert batch.planes <= budget.planes
        if budget.piece_steps is not None:
            assert batch.planes == 1 or batch.steps <= budget.piece_steps
        assert batch.steps == batch.planes * head.plane_steps
        for part in batch.slices:
            self.pooled[part.job].update(range(part.start, part.stop))
            assert part.start < part.stop

    def _check_order(self, heads: dict[str, Job[None]], served: str) -> None:
        for key, head in heads.items():
            if key == served:
                self.turns.pop(head, None)
                continue
            # The bound of the docstring, for lines that do not become more: those that come later are behind.
            self.turns[head] = self.turns.get(head, 0) + 1
            assert self.turns[head] <= len(KEYS) - 1

    @rule(dropped=consumes(jobs))
    def drop(self, dropped: Job[None]) -> None:
        self.queue.remove(dropped)
        line = self.waiting.get(str(dropped.key), [])
        if dropped in line:
            line.remove(dropped)
            if not line:
                del self.waiting[str(dropped.key)]

    @rule()
    def clear(self) -> None:
        expected = [each for line in self.waiting.values() for each in line if each.unassigned_planes]

        taken = self.queue.clear()

        assert taken == expected
        assert all(each.queue is None for each in taken)
        self.waiting.clear()

    @invariant()
    def counters_equal_a_recount(self) -> None:
        live = [
            each for line in self.waiting.values() for each in line if each.unassigned_planes and not each.is_abandoned
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
        """Everything that waits at the end comes out, each plane once."""
        while batch := self.queue.next_batch(BatchLimits(100, 100)):
            for part in batch.slices:
                self.pooled[part.job].update(range(part.start, part.stop))
        for each, planes in self.pooled.items():
            assert planes == Counter(range(each.assigned_planes))
        assert self.queue.jobs == self.queue.steps == 0


TestQueueMachine = QueueMachine.TestCase


def test_a_flood_of_one_key_costs_another_one_batch() -> None:
    """However many jobs wait in one line, a newcomer's line is next but one."""
    queue: FairQueue[None] = FairQueue()
    for _ in range(1000):
        queue.push(job("a", 1))
    newcomer = job("b", 1)
    queue.push(newcomer)

    taken = [queue.next_batch(BatchLimits(10, 10)) for _ in range(2)]

    assert [batch and batch.slices[0].job.key for batch in taken] == ["a", "b"]


def test_a_job_too_large_for_one_batch_lets_others_pass() -> None:
    """A huge request is cut, and the others' turns come between its pieces."""
    queue: FairQueue[None] = FairQueue()
    huge = job("a", 35)
    queue.push(huge)
    queue.push(job("b", 1))

    batches = []
    while batch := queue.next_batch(BatchLimits(10, 10)):
        batches.append(batch)

    assert [batch.slices[0].job.key for batch in batches] == ["a", "b", "a", "a", "a"]
    pieces = [part for batch in batches for part in batch.slices if part.job is huge]
    assert pieces == [JobSlice(huge, 0, 10), JobSlice(huge, 10, 20), JobSlice(huge, 20, 30), JobSlice(huge, 30, 35)]


def test_a_removed_job_is_forgotten_at_once() -> None:
    """A caller who left takes the memory of the request along, however long its line still is."""
    queue: FairQueue[object] = FairQueue()
    ahead, left = Job[object]("a", 1, 1, 1, object()), Job[object]("a", 1, 1, 1, object())
    queue.push(ahead)
    queue.push(left)

    queue.remove(left)

    assert queue.clear() == [ahead]
    assert left.queue is None
