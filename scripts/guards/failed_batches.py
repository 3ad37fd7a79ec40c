"""Guards around a batch that fails: only its culprit gets the error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import CatchNothing, Delete, ReplaceArgument, ReplaceStatement

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "failed-batch-is-bisected",
        "A batch that fails is bisected",
        "one failing request fails every other in its batch",
        ReplaceArgument(2, "None"),
        "test_only_the_culprit_gets_the_error",
    ),
    Guard(
        "too-large-batch-is-halved",
        "A batch too large for memory is halved",
        "a device with little memory refuses what it could do in two batches",
        ReplaceArgument(2, "None"),
        "test_what_does_not_fit_is_halved_until_it_does",
    ),
    Guard(
        "single-plane-is-not-halved",
        "A single plane that does not fit into memory is not halved again",
        "it is retried for ever",
        Delete(),
        "test_halves_have_every_plane_once_and_are_halves",
    ),
    Guard(
        "out-of-memory-is-503",
        "Lack of device memory is answered with 503",
        "the client takes a full device for a bug of the service, and does not retry",
        Delete(),
        "test_a_plane_that_never_fits_is_refused_and_others_go_on",
    ),
    Guard(
        "kernel-errors-are-caught",
        "Every error of a kernel is caught in its thread",
        "the thread ends, and its batch is never answered",
        CatchNothing(),
        "test_whatever_a_kernel_raises_is_an_internal_error_to_its_caller",
    ),
    Guard(
        "internal-errors-hide-details",
        "An internal error is answered without its details",
        "clients read our paths and messages",
        ReplaceStatement("return error"),
        "test_whatever_a_kernel_raises_is_an_internal_error_to_its_caller",
    ),
    Guard(
        "failed-job-is-dropped",
        "The remainder of a failed job is not run",
        "the device works on a job that has failed already",
        Delete(),
        "test_the_rest_of_a_job_whose_piece_failed_is_not_run",
    ),
    Guard(
        "out-of-memory-is-recognized",
        "Out of memory is distinguished from a broken device",
        "a device is given up because one batch was too large",
        Delete(),
        "test_what_torch_says_is_sorted_by_what_follows_from_it",
    ),
    Guard(
        "broken-device-is-recognized",
        "A broken device is distinguished from a bad request",
        "every later batch is bisected on a device where nothing works",
        Delete(),
        "test_what_torch_says_is_sorted_by_what_follows_from_it",
    ),
    Guard(
        "out-of-memory-frees-cache",
        "After out of memory torch's cache is freed",
        "the halves do not fit either",
        Delete(),
        "test_too_little_memory_frees_what_torch_keeps_and_asks_for_less",
    ),
    Guard(
        "out-of-memory-shrinks-batches",
        "After out of memory the next batches are smaller",
        "every batch fails once before it is halved",
        Delete(),
        "test_too_little_memory_frees_what_torch_keeps_and_asks_for_less",
    ),
)
