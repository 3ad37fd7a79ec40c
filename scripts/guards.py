"""The guards of the engine, in one table: what each holds off, and which test fails when it is taken away.

``scripts/prove_guards`` takes each away in a copy of the checkout and looks; docs/guards.md lists the table; and
``tests/test_guards.py`` sees that every row still fits the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
_HOUSE: Final = "service/poolhouse/"


@dataclass(frozen=True, slots=True)
class Guard:
    """One guard, and how to take it away.

    Attributes:
        group: the part of the engine that it belongs to.
        guard: what it does, as a sentence without its full stop.
        without: what happens where it is missing, likewise.
        path: its file, below the package.
        was: the text that is the guard; it stands in the file exactly once.
        becomes: what stands there instead when the guard is gone.
        test: the test that must fail then, as pytest names it.
    """

    group: str
    guard: str
    without: str
    path: str
    was: str
    becomes: str
    test: str

    @property
    def file(self) -> str:
        """The file, from the root of the checkout."""
        return _HOUSE + self.path

    def removed(self, text: str) -> str:
        """The text of the file without the guard.

        Raises:
            ValueError: when the guard is not there, or more than once.
        """
        found = text.count(self.was)
        if found != 1:
            raise ValueError(f"{self.file}: {self.guard!r}: its text is there {found} times, not once:\n{self.was}")
        return text.replace(self.was, self.becomes)


@dataclass(frozen=True, slots=True)
class _Where:
    """Guards of one group, in one file, seen by the tests of one file."""

    group: str
    path: str
    tests: str

    def __call__(self, guard: str, without: str, was: str, becomes: str, test: str, tests: str | None = None) -> Guard:
        return Guard(self.group, guard, without, self.path, was, becomes, f"tests/{tests or self.tests}::{test}")


_lines = _Where("Who goes when", "batching/backlog.py", "batching/test_backlog.py")
_order = _Where("Who goes when", "batching/lane.py", "batching/test_faults.py")
_start = _Where("Who goes when", "batching/engine.py", "batching/test_engine.py")
_rules = _Where("Who goes when", "batching/policy.py", "batching/test_policy.py")
_batch = _Where("A batch that fails", "batching/engine.py", "batching/test_faults.py")
_halves = _Where("A batch that fails", "batching/policy.py", "batching/test_policy.py")
_words = _Where("A batch that fails", "backend/worker.py", "backend/test_staging.py")
_seams = _Where("A callback that raises", "batching/engine.py", "batching/test_faults.py")
_device = _Where("A device that breaks or hangs", "batching/engine.py", "batching/test_faults.py")
_threads = _Where("A device that breaks or hangs", "batching/crew.py", "batching/test_crew.py")
_cuda = _Where("A device that breaks or hangs", "backend/worker.py", "backend/test_staging.py")
_way = _Where("A device that breaks or hangs", "backend/staging.py", "backend/test_staging.py")
_room = _Where("Memory", "batching/ledger.py", "batching/test_ledger.py")
_lease = _Where("Memory", "batching/engine.py", "batching/test_engine.py")
_house = _Where("Admission", "pooling.py", "rest/test_overload.py")
_door = _Where("Admission", "rest/pool.py", "rest/test_overload.py")
_late = _Where("Deadlines", "batching/engine.py", "batching/test_engine.py")
_gone = _Where("Callers who leave", "batching/engine.py", "batching/test_engine.py")
_wire = _Where("Callers who leave", "rest/http/connection.py", "rest/test_leaving.py")
_body = _Where("Slow bodies", "rest/http/deadlines.py", "rest/test_bodies.py")
_buffer = _Where("Slow bodies", "rest/http/growing.py", "rest/test_bodies.py")
_slow = _Where("Slow bodies", "rest/http/connection.py", "rest/test_protocol.py")
_answer = _Where("Slow readers", "rest/http/direct.py", "rest/test_slow_readers.py")
_reader = _Where("Slow readers", "rest/http/connection.py", "rest/test_slow_readers.py")
_text = _Where("Memory", "rest/footprint.py", "rest/test_footprint.py")
_stop = _Where("Stopping", "batching/engine.py", "batching/test_engine.py")
_term = _Where("Stopping", "rest/server.py", "rest/test_drain.py")
_seen = _Where("Metrics", "rest/metrics.py", "rest/test_metrics.py")

GUARDS: Final[Sequence[Guard]] = (
    # ---- who goes when
    _lines(
        "Lines take turns",
        "a flood of one key starves every other",
        "            self._lines.move_to_end(key)\n",
        "            pass\n",
        "test_a_flood_of_one_key_costs_another_one_batch",
    ),
    _lines(
        "A job larger than the budget is cut by planes",
        "one huge request holds a device, and everyone, for its whole length",
        "count = min(job.left, max(room, 1))",
        "count = job.left",
        "test_a_job_too_large_for_one_batch_lets_others_pass",
    ),
    _lines(
        "A batch keeps to the planes that a grid axis holds",
        "a CUDA kernel is launched beyond its grid, and the launch fails",
        "                room = min(room, budget.planes - joined)\n",
        "                pass\n",
        "TestLines",
    ),
    _lines(
        "One plane always goes, however large",
        "a plane over the budget waits for ever",
        "count = min(job.left, max(room, 1))",
        'count = min(job.left, room)\n            assert count > 0, "a plane that never goes"',
        "TestLines",
    ),
    _lines(
        "A job joins a batch only whole",
        "a batch passes its budget, and jobs are cut that need not be",
        "            if parts and room < job.left:\n                break\n",
        "",
        "TestLines",
    ),
    _lines(
        "A dropped job is out of its line at once",
        "work is done for nobody, and its memory held until its turn",
        "        if job.waits_in is self:\n",
        "        if False:\n",
        "test_what_is_dropped_is_let_go_at_once",
    ),
    _order(
        "Retries and lines take turns",
        "a batch full of culprits holds up the innocent",
        "if not (self.retried and self.backlog):",
        "if True:",
        "test_a_batch_full_of_culprits_does_not_hold_up_the_innocent",
    ),
    _order(
        "A retry leaves out who has left",
        "work is done again for nobody",
        "batch = policy.alive(self.retries.popleft())",
        "batch = self.retries.popleft()",
        "test_who_left_a_batch_that_failed_is_not_tried_again",
    ),
    _start(
        "The next batch is handed over before the device is done",
        "a device idles for a hop between any two batches",
        "_IN_FLIGHT: Final = 2",
        "_IN_FLIGHT: Final = 1",
        "test_the_next_batch_is_ready_before_the_device_is",
    ),
    _start(
        "No more than that is handed over",
        "what waits can no longer be joined, dropped or overtaken",
        "_IN_FLIGHT: Final = 2",
        "_IN_FLIGHT: Final = 3",
        "test_the_next_batch_is_ready_before_the_device_is",
    ),
    _start(
        "An idle device starts at once",
        "a lone job waits for company",
        "            lane.backlog.push(job)\n            self._pump(lane)\n",
        "            lane.backlog.push(job)\n            loop.call_later(0.01, self._pump, lane)\n",
        "test_an_idle_device_starts_at_once",
    ),
    _rules(
        "A tiny job runs on the loop only before an idle device or beside long work",
        "it is not joined with others, which costs less, and overtakes them",
        "standing.ready and steps <= inline_steps and (standing.jobs == 0 or is_long(standing.wait_s))",
        "standing.ready and steps <= inline_steps",
        "test_only_tiny_work_runs_here_before_an_idle_device_or_beside_long_work",
    ),
    _Where("Who goes when", "batching/lane.py", "batching/test_engine.py")(
        "A tiny job does not wait for a long batch",
        "one plane of one caller holds up everybody's small requests for seconds",
        "policy.is_long(self.wait_s)",
        "False",
        "test_a_tiny_job_does_not_wait_for_a_long_batch",
    ),
    _lines(
        "A batch is cut by its steps too",
        "many dear planes of few bytes hold the device for seconds",
        "room = min(room, budget.piece_steps // max(job.plane_steps, 1) - joined)",
        "pass",
        "TestLines",
    ),
    _Where("Who goes when", "batching/crew.py", "batching/test_priority.py")(
        "Threads that pool give way to the event loop",
        "with as many of them as cores every probe waits for its turn of a core",
        "        give_way_to_event_loop()\n",
        "",
        "test_threads_of_devices_give_way_to_the_event_loop",
    ),
    _Where("Who goes when", "batching/aside.py", "batching/test_priority.py")(
        "Threads that decode give way to the event loop",
        "with as many of them as cores every probe waits for its turn of a core",
        "        give_way_to_event_loop()\n",
        "",
        "test_threads_of_steps_give_way_to_the_event_loop",
    ),
    _start(
        "So it does on the short way",
        "it overtakes who waits",
        "            if lane.runs_tiny:\n",
        "            if lane is not None:\n",
        "test_the_short_way_is_for_an_idle_device_alone",
    ),
    _start(
        "The short way is for tiny jobs alone",
        "one job holds up the event loop and everyone on it",
        "if steps > self._inline_steps or self._draining:",
        "if self._draining:",
        "test_the_short_way_is_for_tiny_jobs_alone",
    ),
    _rules(
        "Work goes only to a device that is ready",
        "jobs wait before a lost device",
        "ready = [index for index, standing in enumerate(standings) if standing.ready]",
        "ready = list(range(len(standings)))",
        "test_the_device_chosen_is_ready_and_none_is_free_sooner",
    ),
    _rules(
        "A newcomer goes where others of its key wait",
        "every device has every key, in batches of one",
        "return standing.wait_s + standing.opens_s, standing.jobs",
        "return standing.wait_s, standing.jobs",
        "test_the_device_chosen_is_ready_and_none_is_free_sooner",
    ),
    _rules(
        "Tiny batches say nothing of how fast large ones go",
        "a large job with a deadline is turned away by an idle service",
        "if steps < _TELLING_STEPS:",
        "if False:",
        "test_tiny_batches_say_nothing_of_large_ones",
    ),
    # ---- a batch that fails
    _batch(
        "A batch that fails is bisected",
        "one poisoned request fails everyone in its batch",
        'self._retry(lane, batch, policy.bisect(batch), "bisected", error)',
        'self._retry(lane, batch, None, "bisected", error)',
        "test_only_the_culprit_gets_the_error",
    ),
    _batch(
        "A batch too large for memory is halved",
        "a device with little memory refuses what it could do in two goes",
        'self._retry(lane, batch, policy.halve(batch), "halved", error)',
        'self._retry(lane, batch, None, "halved", error)',
        "test_what_does_not_fit_is_halved_until_it_does",
    ),
    _halves(
        "One plane that does not fit is given up",
        "it is tried for ever",
        "    if batch.planes < 2:\n        return None\n",
        "",
        "test_halves_have_every_plane_once_and_are_halves",
    ),
    _batch(
        "Too little memory is told as 503",
        "the caller takes a full device for a fault of the service, and does not come back",
        "    if isinstance(error, OutOfMemory):\n        return _no_memory()\n",
        "",
        "test_a_plane_that_never_fits_is_refused_and_others_go_on",
    ),
    _batch(
        "Whatever a kernel raises is caught in its thread",
        "the thread ends, and its batch is never answered",
        "            worker.run(flight.batch)\n        except BaseException as raised:",
        "            worker.run(flight.batch)\n        except ValueError as raised:",
        "test_whatever_a_kernel_raises_is_an_internal_error_to_its_caller",
    ),
    _batch(
        "What a kernel raises is told without its insides",
        "callers read paths and texts of ours, and a future may choke on it",
        "    told = InternalError(",
        "    return error  # type: ignore\n    told = InternalError(",
        "test_whatever_a_kernel_raises_is_an_internal_error_to_its_caller",
    ),
    _batch(
        "The rest of a job whose piece failed is not run",
        "work is done for nobody",
        "            if job.waits_in is not None:\n                job.waits_in.drop(job)\n",
        "",
        "test_the_rest_of_a_job_whose_piece_failed_is_not_run",
    ),
    _words(
        "Out of memory is told from a broken device",
        "a device is given up because one batch was too large",
        "        if any(words in text for words in _NO_MEMORY):\n            return OutOfMemory(text)\n",
        "",
        "test_what_torch_says_is_sorted_by_what_follows_from_it",
    ),
    _words(
        "A broken device is told from a bad request",
        "every later batch is bisected on a device where nothing works",
        "        if any(words in text for words in _BROKEN):\n            return DeviceFault(text)\n",
        "",
        "test_what_torch_says_is_sorted_by_what_follows_from_it",
    ),
    _words(
        "After out of memory torch gives back what it keeps",
        "the halves do not fit either",
        "                self._way.free_memory()\n",
        "",
        "test_too_little_memory_frees_what_torch_keeps_and_asks_for_less",
    ),
    _words(
        "After out of memory the next batches are smaller",
        "every batch fails once before it is halved",
        "                self.budget = self._budget()\n            except RuntimeError as worse:",
        "            except RuntimeError as worse:",
        "test_too_little_memory_frees_what_torch_keeps_and_asks_for_less",
    ),
    # ---- a callback that raises
    _seams(
        "What an observer raises is logged, and changes nothing",
        "a mistake in the counting costs answers, or a device",
        "            tell(*told, **further)\n        except Exception:\n",
        "            tell(*told, **further)\n        except ZeroDivisionError:\n",
        "test_an_observer_that_always_raises_changes_nothing",
    ),
    _seams(
        "What choosing or handing over raises gives the device up",
        "its lines wait for ever",
        "                self._hand_over(lane, batch)\n        except Exception as error:\n",
        "                self._hand_over(lane, batch)\n        except ZeroDivisionError as error:\n",
        "test_a_budget_that_raises_loses_the_device_and_wedges_nobody",
    ),
    _seams(
        "A thread that cannot be started gives the leases back",
        "their bytes are held until the process ends",
        "            flight.let_go()\n            raise\n",
        "            raise\n",
        "test_a_thread_that_cannot_be_started_loses_the_device_and_wedges_nobody",
    ),
    _seams(
        "What settling a batch raises is answered to its callers",
        "they wait for ever",
        "            self._refuse_all(flight.batch, _told(wrong))\n",
        "",
        "test_a_settling_that_raises_answers_its_callers_and_goes_on",
    ),
    _seams(
        "Whatever settling raises, the device is handed its next batch",
        "the lines before it wait until somebody else comes",
        "        finally:\n            self._watch(lane)\n            self._pump(lane)\n            self._rest()\n",
        "        else:\n            self._watch(lane)\n            self._pump(lane)\n            self._rest()\n",
        "test_a_settling_that_raises_does_not_leave_the_lines_waiting",
    ),
    _seams(
        "An answer is set only where somebody still waits",
        "an answer that comes as its caller leaves fails the batch of everyone else in it",
        "if waiter.planes_done == part.job.planes and not waiter.answer.done():",
        "if waiter.planes_done == part.job.planes:",
        "test_an_answer_that_comes_in_the_turn_its_caller_leaves_hurts_nobody",
    ),
    _seams(
        "A rebuilding that cannot be started is tried again",
        "one moment without threads costs the device for ever",
        "        except RuntimeError as error:\n            self._rebuilt(lane, pause_s, error)\n",
        "        except RuntimeError:\n            pass\n",
        "test_a_rebuilding_that_cannot_be_started_is_tried_again",
    ),
    # ---- a device
    _device(
        "A device fault gives the device up",
        "every request is sent to a device where nothing works",
        "            self._refuse_all(batch, _told(error))\n            self._lose(lane, error)\n",
        "            self._refuse_all(batch, _told(error))\n",
        "test_a_broken_device_refuses_its_batch_is_rebuilt_and_serves_again",
    ),
    _device(
        "So it does where the job ran on the loop",
        "the tiny path keeps sending to a broken device",
        "            if isinstance(error, DeviceFault):\n                self._lose(lane, error)\n",
        "            if isinstance(error, DeviceFault):\n                pass\n",
        "test_a_device_that_breaks_where_it_is_called_is_lost_too",
    ),
    _device(
        "A rebuilding that fails is tried again",
        "a device that recovers later stays lost",
        "            asyncio.get_running_loop().call_later(pause_s, self._rebuild, lane, longer_s)\n",
        "",
        "test_a_broken_device_refuses_its_batch_is_rebuilt_and_serves_again",
    ),
    _device(
        "A rebuilt device is ready again",
        "one fault costs the device for ever",
        '            lane.state = "ready"\n            self._pump(lane)\n',
        "            self._pump(lane)\n",
        "test_a_broken_device_refuses_its_batch_is_rebuilt_and_serves_again",
    ),
    _device(
        "A thread that saw its device break begins nothing more",
        "the next batch breaks too, though another device could have done it",
        "            return not isinstance(error, DeviceFault)\n",
        "            return True\n",
        "test_only_what_a_lost_device_had_begun_fails_when_there_is_another",
    ),
    _device(
        "What was handed over and not begun goes to another device",
        "it is refused, though nothing of it was lost",
        "stranded = [flight.batch for flight in unbegun] + list(lane.retries)",
        "stranded = list(lane.retries)",
        "test_what_was_handed_over_behind_a_hang_goes_to_another_device",
    ),
    _device(
        "Retries go to another device",
        "their callers wait for ever",
        "stranded = [flight.batch for flight in unbegun] + list(lane.retries)",
        "stranded = [flight.batch for flight in unbegun]",
        "test_retries_of_a_lost_device_go_to_another",
    ),
    _device(
        "The lines of a lost device go to another one",
        "they are refused, though another device is free",
        "                other.backlog.push(job)\n",
        "                self._refuse(job, _lost_device())\n",
        "test_only_what_a_lost_device_had_begun_fails_when_there_is_another",
    ),
    _device(
        "With no other device they are refused at once",
        "they wait for a rebuilding that may never come",
        "            else:\n                self._refuse(job, _lost_device())\n",
        "            else:\n                lane.backlog.push(job)\n",
        "test_with_no_other_device_everyone_is_refused_at_once",
    ),
    _device(
        "A batch that takes too long has hung",
        "its callers, and all behind them, wait for ever",
        "                flight.watch = flight.loop.call_later(self._hang_s, self._hang, lane)\n",
        "                pass\n",
        "test_a_hang_is_noticed_the_device_replaced_and_the_memory_kept",
    ),
    _device(
        "The clock runs only for what the device works on",
        "who waits behind a slow batch is taken for hanging",
        "for flight in lane.in_flight[: lane.width]:",
        "for flight in lane.in_flight:",
        "test_waiting_behind_a_slow_batch_is_not_hanging",
    ),
    _device(
        "The clock of the next one starts when its turn comes",
        "a hang of the second in line is never noticed",
        "        finally:\n            self._watch(lane)\n            self._pump(lane)\n",
        "        finally:\n            self._pump(lane)\n",
        "test_a_hang_of_the_second_in_line_is_noticed_when_it_is_the_first",
    ),
    _device(
        "A batch that landed is watched no more",
        "a device that was quick is given up later",
        "        lane.in_flight.remove(flight)\n        flight.unwatch()\n",
        "        lane.in_flight.remove(flight)\n",
        "test_a_batch_that_landed_is_watched_no_more",
    ),
    _device(
        "A lost device gets another crew",
        "its threads are stuck, and it never works again",
        "        lane.crew = _crew(lane.name, lane.worker, self._fly)\n",
        "",
        "test_a_hang_is_noticed_the_device_replaced_and_the_memory_kept",
    ),
    _device(
        "What lands after its device was given up gives its bytes back",
        "they are held until the process ends",
        "lane is None:  # the device was given up meanwhile, and its jobs were refused\n            flight.let_go()\n",
        "lane is None:  # the device was given up meanwhile, and its jobs were refused\n",
        "test_a_hang_is_noticed_the_device_replaced_and_the_memory_kept",
    ),
    _device(
        "What has hung keeps its bytes until its thread ends",
        "memory that a kernel still writes is lent to others",
        "            if flight not in unbegun:\n",
        "            flight.let_go()\n            if flight not in unbegun:\n",
        "test_a_hang_is_noticed_the_device_replaced_and_the_memory_kept",
    ),
    _threads(
        "Threads are daemons",
        "one that is stuck in a kernel holds up the exit of the process",
        "daemon=True) for number",
        "daemon=False) for number",
        "test_threads_do_not_keep_the_process",
    ),
    _threads(
        "Leaving gives back what was not begun",
        "it is neither done nor refused",
        "                    unbegun.append(task)\n",
        "                    pass\n",
        "test_leaving_gives_back_what_was_not_begun_and_waits_for_nothing",
    ),
    _threads(
        "A thread is let go when its device breaks",
        "it begins what could go to another device",
        "while (task := self._tasks.get()) is not None and self._work(task):",
        "while (task := self._tasks.get()) is not None and (self._work(task) or True):",
        "test_a_thread_that_saw_its_device_break_begins_nothing_more",
    ),
    _threads(
        "A thread forgets a task when it is done",
        "the tensors of the last request of the day are kept until the first of the next",
        "            del task  # or it would live until the next one comes\n",
        "            pass\n",
        "test_a_thread_forgets_what_it_has_done",
    ),
    _cuda(
        "A rebuilt device has a way of its own",
        "it shares streams with a thread that is stuck",
        "                self._way = self._way.anew()\n",
        "",
        "test_a_device_that_works_can_be_rebuilt_and_works_on",
    ),
    _cuda(
        "A device is tried before it is called ready",
        "one that stays broken looks mended, and takes requests to fail them",
        "                self._way.try_out()\n",
        "",
        "test_a_device_that_stays_broken_says_so_at_each_rebuilding",
    ),
    _cuda(
        "A device other than the CPU has its grid in its budget",
        "a CUDA kernel is launched beyond its grid",
        "planes=self._most_planes",
        "planes=None",
        "test_what_is_not_the_cpu_is_budgeted_by_its_grid",
    ),
    _way(
        "A way that failed has its stream back",
        "after two failures every request waits for a stream for ever",
        "        finally:\n            self._free.put(stage)\n",
        "        finally:\n            pass\n",
        "test_a_way_that_failed_has_its_stream_back",
    ),
    _way(
        "An answer is read when its stream is done",
        "callers get whatever the memory held before",
        "                stage.stream.synchronize()\n",
        "",
        "test_an_answer_is_read_only_after_its_stream_is_done",
    ),
    _way(
        "Page-locked memory of a broken context is never freed",
        "torch ends the process when it is, and everybody's requests with it",
        "        except BaseException:\n            self._keep_where_broken(stage)\n            raise\n",
        "        except BaseException:\n            raise\n",
        "test_page_locked_memory_of_a_broken_context_is_kept",
    ),
    _cuda(
        "An answer is copied out of what the next batch is laid into",
        "callers get each other's answers",
        "for result in results], ours=False)",
        "for result in results], ours=True)",
        "test_an_answer_outlives_the_next_batch",
    ),
    _way(
        "A plane that 32 bits cannot count stays off the device",
        "a kernel reads and writes somewhere else",
        "        within_int32(spec, slices)\n        planes = {name: tensor.to(self._at)",
        "        planes = {name: tensor.to(self._at)",
        "test_a_plane_that_a_device_cannot_count_is_refused_on_its_way",
    ),
    # ---- memory
    _room(
        "What does not fit into the room is not lent",
        "the machine runs out of memory",
        "        if not self.fits(nbytes) and not self._take_back(self.held_bytes + nbytes - self.room_bytes):\n"
        "            return None\n",
        "",
        "TestLending",
    ),
    _room(
        "Nor is what a lease grows by",
        "the machine runs out of memory by bodies that grow",
        "        if more > 0 and not alone and lacking > 0 and not self._ledger._take_back(lacking, self):\n",
        "        if False:\n",
        "TestLending",
    ),
    _room(
        "Bodies that are behind give way where there is no room",
        "four callers who announce much and send little lock everyone out",
        "and not self._take_back(self.held_bytes + nbytes - self.room_bytes):",
        ":",
        "test_callers_who_announce_much_and_send_little_do_not_hold_the_room",
        "rest/test_slow_bodies.py",
    ),
    _room(
        "Who keeps the pace does not give way",
        "an honest upload ends because others came",
        "if (behind := arrival.behind()) > 0]",
        "if (behind := arrival.behind()) > -9]",
        "TestLending",
    ),
    _room(
        "A body that grows does not give way to itself",
        "it is broken off by its own next piece",
        "if lease is not asking and lease.nbytes]",
        "if lease.nbytes]",
        "TestLending",
    ),
    _room(
        "Nobody gives way in vain",
        "bodies are broken off, and who came is refused all the same",
        "        return None if nbytes > 0 else giving\n",
        "        return giving\n",
        "TestLending",
    ),
    _room(
        "Those furthest behind give way first",
        "who has only just begun goes before who has held the room for long",
        "        late.sort(key=lambda each: each[0], reverse=True)\n",
        "",
        "TestLending",
    ),
    _room(
        "Who comes alone is let in",
        "a request larger than the room is refused for ever",
        "return self.leases == 0 or self.held_bytes",
        "return self.held_bytes",
        "TestLending",
    ),
    _room(
        "Bytes come back when the last one lets go",
        "memory that somebody looks at is lent to others",
        "        if self._holders == 0:\n",
        "        if self._holders >= 0:\n",
        "TestLending",
    ),
    _room(
        "A lease is given back once",
        "the room grows by what somebody still holds",
        '    def release(self) -> None:\n        """One looks no more; the last one gives the bytes back."""\n'
        '        assert self._holders > 0, "a lease that was given back"\n',
        '    def release(self) -> None:\n        """One looks no more; the last one gives the bytes back."""\n',
        "test_a_lease_is_not_given_back_twice",
    ),
    _lease(
        "A batch shares the leases of its jobs",
        "the bytes of who left are lent again while a kernel reads them",
        "                waiter.lease.share()\n                flight.leases.append(waiter.lease)\n",
        "                pass\n",
        "test_who_leaves_while_the_device_looks_keeps_the_bytes_until_it_is_done",
    ),
    _lease(
        "A batch that landed lets its leases go",
        "the room fills up with what is long done",
        "            flight.let_go()\n            self._settle(lane",
        "            self._settle(lane",
        "test_an_idle_device_starts_at_once",
    ),
    _lease(
        "So does one that was never begun when the service stops",
        "gauges are not zero, and the log of the stop says so",
        "            for flight in lane.crew.leave():\n                flight.let_go()\n",
        "            lane.crew.leave()\n",
        "test_a_stuck_job_does_not_outlast_the_grace",
    ),
    _lease(
        "So does one that was handed over and not begun when its device was lost",
        "its bytes are held until the process ends",
        "        for flight in unbegun:\n            flight.let_go()\n",
        "",
        "test_with_no_other_device_everyone_is_refused_at_once",
        "batching/test_faults.py",
    ),
    _lease(
        "A thread forgets its error when it is told",
        "the error's traceback keeps the tensors of a failed batch until the collector comes by",
        "            del error  # its traceback holds this frame, and this frame the tensors\n",
        "            pass\n",
        "test_what_failed_is_forgotten_without_the_collector",
        "batching/test_faults.py",
    ),
    _lease(
        "A refused job is forgotten with its error",
        "a traceback keeps the tensors of a refused request until the collector comes by",
        "            del waiter\n",
        "            pass\n",
        "test_what_failed_is_forgotten_without_the_collector",
        "batching/test_faults.py",
    ),
    _Where("Memory", "batching/aside.py", "batching/test_aside.py")(
        "Bytes that a thread looks through are held until it ends",
        "they are lent again while it reads, once its caller has left",
        "        lease.share()\n",
        "",
        "test_a_deadline_is_told_at_once_and_the_bytes_are_held_until_the_step_ends",
    ),
    _Where("Memory", "batching/aside.py", "batching/test_aside.py")(
        "A refused step is forgotten with its error",
        "a traceback keeps the body of a refused request until the collector comes by",
        "            del step, error  #",
        "            pass  #",
        "test_a_refused_step_is_forgotten_without_the_collector",
    ),
    _Where("Memory", "backend/heap.py", "rest/test_memory.py")(
        "Memory that was freed goes back to the machine",
        "a process that holds nothing has what it once held at most",
        "run_in_executor(None, self._trim)",
        "run_in_executor(None, int)",
        "test_what_was_held_goes_back_to_the_machine",
    ),
    _Where("Memory", "backend/heap.py", "backend/test_heap.py")(
        "It does not while it will be needed again",
        "every request takes fresh pages",
        "kept - max(self._held) > SLACK_BYTES",
        "kept - held_bytes > SLACK_BYTES",
        "test_what_was_held_within_the_last_looks_may_be_kept",
    ),
    # ---- admission
    _house(
        "What finds no room is refused",
        "requests are let in until the machine runs out of memory",
        "        if lease is None:\n            raise self._overloaded(nbytes)\n",
        "        if lease is None:\n            lease = Ledger(nbytes).lease(nbytes)\n"
        "            assert lease is not None\n",
        "test_a_body_that_fits_is_refused_where_its_pooling_does_not",
    ),
    _house(
        "The lease is set to what the plan needs",
        "a small body that asks for a large answer is counted as small",
        "if not nbytes <= lease.nbytes <= nbytes + _LITTLE_BYTES and not lease.resize(nbytes):",
        "if False:",
        "test_a_small_body_with_a_large_answer_needs_room_for_the_answer",
        "test_pooling.py",
    ),
    _house(
        "Indices are checked before anything waits",
        "a kernel writes outside its plane; on CUDA that ends the device for everyone",
        "            await self.aside(partial(plan.spec.check, ticket.tensors), lease, "
        '"indices were checked", deadline)\n'
        "        else:\n            plan.spec.check(ticket.tensors)\n",
        "            pass\n",
        "test_an_index_outside_its_plane_is_refused_before_anything_waits",
        "test_pooling.py",
    ),
    _house(
        "So they are on the short way",
        "a tiny request writes outside its plane",
        "        plan.spec.check(tensors)\n        load = Load",
        "        load = Load",
        "test_an_index_outside_its_plane_is_refused_on_the_short_way_too",
        "test_pooling.py",
    ),
    _house(
        "What is answered at once needs room, and is not let in while the service stops",
        "a full service goes on taking small requests",
        "if plan.work > self._inline_steps or not self.welcomes(plan.held_bytes + beside_bytes):",
        "if plan.work > self._inline_steps:",
        "test_nothing_is_pooled_at_once_without_room_or_while_the_service_stops",
        "test_pooling.py",
    ),
    _house(
        "Many indices are checked off the event loop",
        "everyone waits while one request's indices are looked at",
        "if plan.input_bytes > _CHECKED_ON_LOOP_BYTES:",
        "if False:",
        "test_many_indices_are_looked_at_off_the_loop",
        "test_pooling.py",
    ),
    _house(
        "Only the CPU runs tiny jobs on the loop",
        "the loop waits for the way to a device and back",
        'inline_steps if all(device.name == "cpu" for device in devices) else -1',
        "inline_steps",
        "test_nothing_runs_on_the_loop_for_another_device",
        "test_pooling.py",
    ),
    _door(
        "Room is taken before the body is read",
        "bodies of a gigabyte are read to be refused",
        "self.lease = pooling.admit(plan.admitted_bytes, deadline)",
        "self.lease = pooling.admit(0, deadline)",
        "test_a_body_that_fits_is_refused_where_its_pooling_does_not",
    ),
    _door(
        "The lease ends on every way out",
        "each refused request takes its room along",
        "        self.lease.release()\n",
        "        pass\n",
        "test_a_storm_leaves_nothing_behind",
    ),
    _Where("Admission", "rest/head_plans.py", "rest/test_overload.py")(
        "Raw elements that cannot be pooled are refused by their query",
        "a gigabyte travels for a no",
        "            raw = self._plan_raw(name, query, None if is_inflated else length, accept, compression)\n",
        "            raw = None\n",
        "test_raw_elements_that_cannot_be_pooled_are_refused_before_they_are_sent",
    ),
    _Where("Admission", "rest/head_plans.py", "rest/test_remembered.py")(
        "Only heads of few words are remembered",
        "a content type of sixty kilobytes is kept a thousand times",
        " > _LONGEST_KEY\n",
        " > 10**9\n",
        "test_what_is_remembered_of_many_requests_is_a_few_megabytes",
    ),
    _Where("Admission", "rest/http/head.py", "rest/http/test_head.py")(
        "Heads with credentials are not kept for comparison",
        "a key stays in memory after its request",
        " and _CREDENTIALS.isdisjoint(self.headers)",
        "",
        "test_heads_with_credentials_are_not_kept",
    ),
    _Where("Admission", "buffers.py", "test_buffers.py")(
        "A body's memory is used again when its last view is gone, and not before",
        "a body is written over one that is still pooled",
        "        weakref.finalize(lent, self._give_back, owner).atexit = False\n",
        "        self._give_back(owner)\n",
        "test_no_two_bodies_ever_share_memory",
    ),
    _Where("Admission", "buffers.py", "test_buffers.py")(
        "No view of a body outlasts what its end is told by",
        "a client gets what another one sent, where large bodies come side by side",
        "        lent = (ctypes.c_ubyte * owner.nbytes).from_buffer(owner.data)\n",
        "        lent = np.frombuffer(owner, np.uint8)\n",
        "test_memory_is_used_again_when_its_last_view_is_gone_and_never_before",
    ),
    _Where("Memory", "buffers.py", "test_buffers.py")(
        "What is kept for the next body has a bound",
        "an idle service holds what its busiest hour took",
        "        while self._free and self.kept_bytes > KEPT_BYTES:\n",
        "        while False:\n",
        "test_what_is_kept_has_a_bound",
    ),
    _Where("Who goes when", "rest/http/turns.py", "rest/http/test_turns.py")(
        "A turn of the event loop receives a bounded amount",
        "thirty clients that send megabytes at once hold up every probe",
        "        if self._left <= 0:\n",
        "        if False:\n",
        "test_a_turn_receives_its_bytes_and_a_piece_for_each_connection_more",
    ),
    _Where("Who goes when", "rest/http/outbox.py", "rest/http/test_outbox.py")(
        "What waits is sent when the turn ends",
        "a client waits for its answer until somebody else asks",
        "        self._in_turn = False\n        self._send_all()\n",
        "        self._in_turn = False\n",
        "test_every_answer_leaves_once_in_order_and_within_its_turn",
    ),
    _Where("Memory", "backend/heap.py", "backend/test_heap.py")(
        "Large blocks are mapped one by one",
        "freed bodies stay with the process until somebody looks",
        "    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int\n",
        "    return\n",
        "test_large_blocks_go_back_when_they_are_freed",
    ),
    _Where("Admission", "rest/http/framing.py", "rest/http/test_framing.py")(
        "No more is read for a body than belongs to it",
        "the next request is read as a part of it",
        "            take(data if count == len(data) else data[:count])\n",
        "            take(data)\n",
        "test_a_length_ends_where_it_says",
    ),
    _Where("Admission", "batching/policy.py", "batching/test_policy.py")(
        "Retry-After is computed from what waits and how fast it goes",
        "callers come back too soon, all at once, or too late",
        "return max(0.1, max((standing.wait_s for standing in standings), default=1.0) / 2)",
        "return 1.0",
        "test_come_back_is_when_half_of_what_waits_is_done",
    ),
    _Where("Admission", "batching/aside.py", "batching/test_aside.py")(
        "Steps beside the event loop wait for a thread",
        "a crowd of large bodies takes the interpreter from the loop",
        "while self._waiting and len(self._counted) < self._size:",
        "while self._waiting:",
        "test_no_more_go_on_than_there_are_threads_and_all_get_their_turn",
    ),
    _Where("Admission", "batching/aside.py", "batching/test_aside.py")(
        "A step that goes on and on does not count",
        "one that never ends keeps everyone behind it for ever",
        "        self._counted.discard(step)\n        self._pump()\n",
        "        pass\n",
        "test_a_step_that_goes_on_and_on_does_not_stop_the_others",
    ),
    # ---- deadlines
    _late(
        "A deadline rings when a job waits",
        "the caller hears of it when the device is free",
        "timer = None if deadline is None else loop.call_at(deadline, self._expire, job)",
        "timer = None",
        "test_a_deadline_that_passes_in_line_is_answered_then_and_the_job_never_runs",
    ),
    _late(
        "It rings when it is due, not on some sweep",
        "504 comes later than 5 ms after the deadline",
        "loop.call_at(deadline, self._expire, job)",
        "loop.call_at(deadline + 0.01, self._expire, job)",
        "test_a_deadline_is_answered_within_5_ms",
        "rest/test_overload.py",
    ),
    _late(
        "The timer ends with its job",
        "it holds the request's tensors until a deadline that may be an hour away",
        "            if timer is not None:\n                timer.cancel()\n",
        "",
        "test_who_was_answered_leaves_no_timer_behind",
    ),
    _late(
        "A deadline that cannot be kept is refused at once",
        "the device works for somebody who will not wait for it",
        "        if not policy.in_time(standing, lane.speed.seconds(own_steps), remaining_s):\n",
        "        if False:\n",
        "test_a_deadline_that_is_over_or_cannot_be_kept_is_refused_at_the_door",
    ),
    _late(
        "It is refused before the body is read, where what waits tells so",
        "a body is read for nothing",
        "        if standings and not any(policy.in_time(standing, 0.0, remaining_s) for standing in standings):\n",
        "        if False:\n",
        "test_a_deadline_that_cannot_be_met_is_refused_at_the_door",
        "rest/test_overload.py",
    ),
    _late(
        "An idle device that refuses on an estimate alone doubts it",
        "one slow hour turns callers away for ever",
        "                lane.speed.doubt()\n",
        "                pass\n",
        "test_an_estimate_that_is_too_low_does_not_turn_everyone_away_for_ever",
    ),
    _Where("Deadlines", "batching/aside.py", "rest/test_leaving.py")(
        "A deadline rings while a thread decodes, checks or encodes",
        "the caller hears of it when that step has ended",
        "asyncio.timeout_at(deadline)",
        "asyncio.timeout_at(None)",
        "test_a_deadline_that_passes_while_a_thread_works_is_answered_then",
    ),
    _Where("Deadlines", "batching/aside.py", "batching/test_aside.py")(
        "A step that nobody waits for is not begun",
        "a thread works for nobody, and holds bytes meanwhile",
        "                self._waiting.remove(step)\n                lease.release()\n",
        "                pass\n",
        "test_a_step_that_nobody_waits_for_is_not_begun",
    ),
    _Where("Deadlines", "rest/http/deadlines.py", "rest/test_bodies.py")(
        "A deadline ends the waiting for a body",
        "a body is read for nobody",
        "return self._ends if self._deadline is None else min(self._ends, self._deadline)",
        "return self._ends",
        "test_a_deadline_ends_the_waiting",
    ),
    # ---- callers who leave
    _gone(
        "Who leaves is out of line at once",
        "the queue fills with requests of those who gave up",
        "                timer.cancel()\n            self._forget(job)\n",
        "                timer.cancel()\n",
        "test_who_leaves_while_waiting_gets_everything_back_at_once",
    ),
    _Where("Callers who leave", "rest/http/direct.py", "rest/test_leaving.py")(
        "The connection is watched while its job waits",
        "leaving is noticed when the answer is written",
        "            self._task.cancel()\n",
        "            pass\n",
        "test_a_caller_who_leaves_the_queue_is_forgotten",
    ),
    _Where("Memory", "rest/endpoint.py", "rest/test_leaving.py")(
        "So is the task that waited for it",
        "bodies of refused requests stay in memory that nobody counts",
        "        del working\n",
        "",
        "test_a_refused_request_is_forgotten_without_the_collector",
    ),
    _wire(
        "Who leaves is counted once, by the stage",
        "nobody sees that callers give up",
        "            self.site.metrics.gone(stage)\n",
        "            pass\n",
        "test_a_caller_who_leaves_while_sending_is_forgotten",
    ),
    _wire(
        "Who reads nothing of the answer is given up",
        "its bytes are held for as long as the connection lives",
        "        self.is_write_paused = True\n        self._timers.watch_writing()\n",
        "        self.is_write_paused = True\n",
        "test_a_caller_who_stays_and_reads_nothing_is_given_up",
    ),
    _wire(
        "Leaving reaches a body that comes past the parser",
        "its room is held until it would have been too slow",
        "        if exchange is not None:\n            exchange.on_disconnect()\n\n    # ---- what the server",
        "        pass\n\n    # ---- what the server",
        "test_a_caller_who_leaves_in_a_straight_body_gives_its_room_back",
        "rest/http/test_direct.py",
    ),
    # ---- slow bodies
    _body(
        "Silence in a body ends it",
        "it holds its room for ever",
        "        silence = now + self.silence_s\n",
        "        silence = now + 1e6\n",
        "test_silence_is_refused",
    ),
    _body(
        "A body must keep up a pace",
        "a byte now and then holds a gigabyte of room for days",
        "        if not self.bytes_per_s:\n",
        "        if True:\n",
        "test_many_slow_callers_are_cut_off_and_others_do_not_notice",
        "rest/test_slow_bodies.py",
    ),
    _body(
        "The first moments of a body are free",
        "an honest caller gives way before the first bytes could be here",
        "_HEAD_START: Final = 1 / 100",
        "_HEAD_START: Final = 0.0",
        "test_a_body_that_will_be_whole_in_time_never_gives_way",
        "rest/test_slow_bodies.py",
    ),
    _body(
        "Who gave way is told at once",
        "the body goes on coming, into memory that is lent to another",
        "        self._timer = self._loop.call_soon(self._expire)\n",
        "",
        "test_callers_who_announce_much_and_send_little_do_not_hold_the_room",
        "rest/test_slow_bodies.py",
    ),
    _buffer(
        "Memory follows what has come, not what was promised",
        "announcing is enough to fill the machine",
        "self._buffer = np.empty(length, np.uint8).data",
        "self._buffer = memoryview(bytearray(length))",
        "test_a_promise_takes_no_memory",
    ),
    _buffer(
        "Memory for a body of unknown length is reserved before it is taken",
        "six bodies of a megabyte unfold to six gigabytes that nobody counts",
        "        self._reserve(reserved, min(reserved, self._beside_bytes))\n",
        "",
        "test_bodies_of_unknown_length_are_charged_as_they_grow",
        "rest/test_memory.py",
    ),
    _buffer(
        "Tiny chunks are put together as they come",
        "a chunked body of single bytes costs fifty times its size",
        "        self.reserve(len(piece))\n        self.write(piece)\n",
        '        self.__dict__.setdefault("kept", []).append(bytearray(piece))\n'
        "        self.reserve(len(piece))\n        self.write(piece)\n",
        "test_many_tiny_pieces_cost_what_their_bytes_cost",
    ),
    _body(
        "Tiny chunks do not wind a timer each",
        "timers pile up as fast as bytes come",
        "        if later > self._ends:\n            self._ends = later + self._slack_s\n",
        "        if True:\n            self._ends = later + self._slack_s\n",
        "test_tiny_pieces_wind_few_timers",
    ),
    _slow(
        "Headers must come to their end in time",
        "a thousand connections that never finish theirs use up the service",
        "                self._timers.head.set(self.site.header_timeout_s)\n",
        "                pass\n",
        "test_slow_headers_are_refused",
    ),
    # ---- slow readers
    _answer(
        "An answer that is read slowly gives way where there is no room",
        "three slow readers lock everyone out",
        "        self._prepared.lease.arriving(connection.pace)\n",
        "",
        "test_answers_that_are_read_slowly_do_not_hold_the_room",
    ),
    _Where("Slow readers", "rest/http/direct.py", "rest/test_tls.py")(
        "Over TLS an answer is encrypted as it is read",
        "all of it is encrypted at once, on the event loop, into a copy that nobody counts",
        "        if connection.is_encrypted:\n",
        "        if False:\n",
        "test_an_answer_is_encrypted_as_it_is_read",
    ),
    _Where("Slow readers", "rest/http/timers.py", "rest/test_slow_readers.py")(
        "An answer must be read at a pace",
        "a few bytes now and then hold a gigabyte for days",
        " and not self._pace.is_too_slow():",
        ":",
        "test_a_reader_must_keep_up_a_pace",
    ),
    _reader(
        "An answer is held until all of it has left the process",
        "the last bytes that a reader leaves pin the tensor that they are of, and its room is lent again",
        "        transport.set_write_buffer_limits(high=_UNSENT_BYTES if self.is_encrypted else 0, low=0)\n",
        "",
        "test_an_answer_is_held_until_all_of_it_has_left_the_process",
    ),
    _text(
        "The text of an answer has a limit",
        "two hundred million pairs of brackets are printed for sixty bytes",
        "    if text > limit_bytes:\n",
        "    if False:\n",
        "test_an_empty_answer_of_many_lists_is_refused",
    ),
    _text(
        "What of a body belongs to no tensor is charged too",
        "a body of other things is held for as long as its tensor",
        "return copied + (max(0, len(body) - sum(viewed)) if viewed else 0)",
        "return copied",
        "test_only_what_is_of_no_tensor_is_kept_beside_them",
    ),
    _Where("Memory", "rest/request_head.py", "rest/test_footprint.py")(
        "The text is charged before the body is read",
        "booleans are charged for a sixth of what they are printed as",
        "        later = plan.held_bytes - plan.input_bytes + self.raw.writing.beside_bytes\n",
        "        later = plan.held_bytes - plan.input_bytes\n",
        "test_the_text_is_charged_before_the_body_is_read",
    ),
    _Where("Memory", "rest/pool.py", "rest/test_footprint.py")(
        "What decoding copies is charged before it is copied",
        "a body in another order is held twice and charged once",
        "            self._pooling.hold(request.lease, len(body) + taken)\n",
        "",
        "test_a_copy_of_the_body_is_charged_beside_it",
    ),
    _Where("Admission", "wire/json/compiled.py", "wire/json/test_limits.py")(
        "A long text beside the numbers of tensors is not read",
        "the interpreter is held for a second, and the event loop with it",
        "    if len(rest) > WHOLE_BYTES:\n",
        "    if False:\n",
        "test_long_texts_beside_tensors_are_refused_unread",
    ),
    _Where("Admission", "wire/json/compiled.py", "wire/json/test_limits.py")(
        "Fields of thousands of values are not read",
        "each becomes an object, of sixty bytes for two",
        "    if status == scanner.MANY_NODES:\n        return too_much(name)\n",
        "",
        "test_what_no_request_has_is_refused_before_it_is_read",
    ),
    _Where("Numbers", "wire/json/compiled.py", "wire/json/test_readers.py")(
        "A list is read with a strict parser in its place",
        "what is no JSON becomes some",
        'cuts.append((begin, stop, b"[]"))',
        'cuts.append((begin, stop, b"0"))',
        "test_damage_is_found_wherever_it_is",
    ),
    # ---- stopping
    _stop(
        "What is new is turned away once the service stops",
        "it never comes to its end",
        "        if self._draining:\n            raise Unavailable(\n",
        "        if False:\n            raise Unavailable(\n",
        "test_stopping_with_nothing_to_do_is_done_at_once",
    ),
    _stop(
        "The short way is closed too",
        "tiny requests are let in while the service stops",
        "if steps > self._inline_steps or self._draining:",
        "if steps > self._inline_steps:",
        "test_the_short_way_ends_when_the_service_stops",
    ),
    _stop(
        "What outlasts the grace is told so",
        "its callers see a connection that breaks",
        '                self._refuse(job, Unavailable("draining", "the service has stopped; send this again."',
        '                str(Unavailable("draining", "the service has stopped; send this again."',
        "test_a_stuck_job_does_not_outlast_the_grace",
    ),
    _stop(
        "Stopping waits for threads that compute for nobody",
        "the process ends under a computing thread, and may crash",
        "        if not self._waiters and not any(lane.in_flight for lane in self._lanes):\n",
        "        if not self._waiters:\n",
        "test_stopping_waits_for_threads_that_still_compute_for_nobody",
    ),
    _stop(
        "A device is not rebuilt for a service that has stopped",
        "threads are started while the process ends",
        "        if self._stopped:\n            return\n        try:\n            # Not in the crew",
        "        try:\n            # Not in the crew",
        "test_a_stopped_service_rebuilds_nothing",
        "batching/test_faults.py",
    ),
    _stop(
        "A thread that outlives the loop ends quietly",
        "the end of the process prints a traceback, or the thread works on",
        "        except RuntimeError:\n            return False  # the loop has closed: nobody is there to be told\n",
        "",
        "test_a_thread_that_outlives_the_loop_ends_quietly",
        "batching/test_faults.py",
    ),
    _term(
        "The first signal to stop only begins the draining",
        "admitted requests are cut off",
        "            self._tell_to_stop(self._settings.drain_s if sig == signal.SIGTERM else 0.0)\n",
        "            self.should_exit = self.force_exit = True\n",
        "test_a_service_told_to_stop_finishes_what_it_has_and_refuses_what_is_new",
    ),
    _term(
        "The listener stays open while admitted requests are under way",
        "new ones are reset where they could have been told",
        "return waited_s >= self._listen_s and not self._busy",
        "return waited_s >= self._listen_s",
        "test_a_service_told_to_stop_finishes_what_it_has_and_refuses_what_is_new",
    ),
    _term(
        "The grace period ends it",
        "the platform kills the process, and callers see a reset",
        "        if waited_s >= self._settings.grace_period_s:\n            return True\n",
        "",
        "test_the_grace_period_is_the_end",
    ),
    _Where("Stopping", "rest/http/timers.py", "rest/test_drain.py")(
        "A connection whose request was refused is closed softly",
        "unread bytes reset it, and the refusal is lost with them",
        "        if not self._transport.is_closing() and self._transport.can_write_eof():\n",
        "        if False:\n",
        "test_a_service_told_to_stop_finishes_what_it_has_and_refuses_what_is_new",
    ),
    _Where("Stopping", "rest/http/direct.py", "rest/test_drain.py")(
        "Answers say that the connection will close",
        "the next request on it meets a closed door",
        "        if connection.is_stopping or site.accounting.is_draining:\n",
        "        if connection.is_stopping:\n",
        "test_the_listener_stays_open_for_load_balancers_to_notice",
    ),
    _Where("Callers who leave", "rest/http/connection.py", "rest/http/test_direct.py")(
        "A connection kept open for a refused body alone ends with it",
        "it stays, and its file with it, for as long as an idle one",
        "            # It was left open for the rest of this body alone.\n            self._timers.close()\n",
        "            pass\n",
        "test_a_connection_that_is_to_close_does_so_when_the_refused_body_is_over",
    ),
    # ---- metrics
    _seen(
        "Operators that do not exist are counted as other",
        "a stranger grows the page, and every Prometheus that reads it",
        "        if operator and operator not in self._operators:\n            operator = _OTHER\n",
        "",
        "test_strangers_cannot_grow_the_page",
    ),
    _seen(
        "Server-Timing and the metrics are one number",
        "whoever looks for lost time is sent to the wrong place",
        "            self._stages.observe((call, stage), seconds)\n",
        "            self._stages.observe((call, stage), seconds * 1.1)\n",
        "test_server_timing_and_the_metrics_are_the_same_numbers",
    ),
    _seen(
        "What was no request yet is counted too",
        "a broken proxy shows nowhere",
        "        self._refusals.add((code,))\n\n    def gone",
        "\n    def gone",
        "test_what_is_no_http_is_counted_too",
    ),
    _Where("Metrics", "rest/pool.py", "rest/test_metrics.py")(
        "Every answer carries its own times",
        "callers cannot tell the network from the service",
        "        return self._metrics.timed_pool(decoded - read, queue_s, compute_s, done - pooled)\n",
        '        return b""\n',
        "test_server_timing_and_the_metrics_are_the_same_numbers",
    ),
)
