"""Guards for batches that fail: only the failing job gets the error."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import CatchNothing, Delete, ReplaceArgument, ReplaceStatement

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "failed-batch-is-bisected",
        "A batch that fails is bisected",
        "one failing request makes all requests in its batch fail",
        ReplaceArgument(2, "None"),
        "test_only_the_failing_job_gets_the_error",
    ),
    Guard(
        "too-large-batch-is-halved",
        "A batch too large for memory is halved",
        "a device with little memory refuses jobs that it could run in smaller batches",
        ReplaceArgument(2, "None"),
        "test_a_batch_too_large_for_memory_is_halved_until_it_fits",
    ),
    Guard(
        "single-plane-is-not-halved",
        "A single plane that does not fit into memory is not halved again",
        "the plane is retried for ever",
        Delete(),
        "test_halves_contain_every_plane_once",
    ),
    Guard(
        "out-of-memory-is-503",
        "If a device has too little memory, the response is 503",
        "the client gets 500 and does not retry",
        Delete(),
        "test_a_plane_that_never_fits_is_refused_and_the_device_goes_on",
    ),
    Guard(
        "kernel-errors-are-caught",
        "Every exception of a kernel is caught in its thread",
        "the thread ends, and the clients of its batch wait for ever",
        CatchNothing(),
        "test_any_exception_of_a_kernel_is_an_internal_error",
    ),
    Guard(
        "internal-errors-hide-details",
        "The response to an internal error contains no details of the exception",
        "clients see internal paths and messages",
        ReplaceStatement("return error"),
        "test_any_exception_of_a_kernel_is_an_internal_error",
    ),
    Guard(
        "failed-job-is-dropped",
        "Waiting planes of a failed job are not pooled",
        "the device pools planes of a job that has already failed",
        Delete(),
        "test_waiting_slices_of_a_failed_job_are_not_run",
    ),
    Guard(
        "out-of-memory-is-recognized",
        "An out-of-memory error is distinguished from a broken device",
        "a device counts as lost because one batch was too large",
        Delete(),
        "test_exceptions_of_torch_are_classified",
    ),
    Guard(
        "broken-device-is-recognized",
        "A broken device is distinguished from a bad request",
        "every later batch is bisected on a device where every batch fails",
        Delete(),
        "test_exceptions_of_torch_are_classified",
    ),
    Guard(
        "out-of-memory-frees-cache",
        "After an out-of-memory error torch's cache is freed",
        "the halves of the batch do not fit either",
        Delete(),
        "test_out_of_memory_frees_the_cache_and_shrinks_batches",
    ),
    Guard(
        "out-of-memory-shrinks-batches",
        "After an out-of-memory error the next batches are smaller",
        "every batch fails once before it is halved",
        Delete(),
        "test_out_of_memory_frees_the_cache_and_shrinks_batches",
    ),
)
