"""Guards of shared memory regions: what a client can reach, and what it can do to the service meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import Delete, DropTerm, FixCondition, ReplaceStatement

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "shared-memory-is-off-by-default",
        "Regions are refused unless the setting allows them",
        "any client of the network reads and writes memory of the service's machine",
        FixCondition(False),
        "test_every_route_is_refused_where_shared_memory_is_off",
    ),
    Guard(
        "key-stays-in-directory",
        "A key names a file of the directory of shared memory objects",
        "a client registers any file that the service may open, and reads it",
        FixCondition(False),
        "test_a_key_that_names_no_object_of_a_client_is_refused",
    ),
    Guard(
        "reserved-objects-are-refused",
        "Objects of the service, of torch and of OpenMP, and semaphores are not registered",
        "a client overwrites memory that the service itself shares between its processes",
        FixCondition(False),
        "test_a_key_that_names_no_object_of_a_client_is_refused",
    ),
    Guard(
        "shared-memory-follows-no-link",
        "A symbolic link is not followed",
        "a link in the directory of shared memory leads to a secret of the service",
        DropTerm(1),
        "test_only_regular_files_are_opened",
    ),
    Guard(
        "shared-memory-is-regular-file",
        "Only regular files are shared memory objects",
        "a request waits for ever for the bytes of a pipe",
        FixCondition(False),
        "test_only_regular_files_are_opened",
    ),
    Guard(
        "region-is-inside-object",
        "A region is registered only if it lies inside its object",
        "a sum that overflows passes later checks",
        FixCondition(False),
        "test_a_region_outside_its_object_is_refused",
    ),
    Guard(
        "range-is-inside-region",
        "A range of a request lies inside its region",
        "a request reads and writes parts of the object that were not registered",
        FixCondition(False),
        "test_a_range_outside_its_region_is_refused",
    ),
    Guard(
        "open-objects-have-limit",
        "The number of open objects has a limit, including those that unfinished requests use",
        "regions take all file descriptors, and no connection is accepted any more",
        FixCondition(False),
        "test_the_number_of_open_objects_has_a_limit",
    ),
    Guard(
        "short-read-is-refused",
        "A read that ends early is refused",
        "what earlier requests left in the buffer is pooled, and another client sees it",
        ReplaceStatement("if not count:\n    break"),
        "test_reading_an_object_that_was_made_shorter_is_refused",
    ),
    Guard(
        "write-does-not-grow-object",
        "Nothing is written behind the end of an object",
        "an object that its client made shorter grows again, at the cost of the service's memory",
        FixCondition(False),
        "test_writing_does_not_make_an_object_longer",
    ),
    Guard(
        "shared-inputs-have-limit",
        "A request copies at most as many bytes of regions as a body may have",
        "a client makes an object of a hundred gigabytes for nothing, and the machine runs out of memory",
        FixCondition(False),
        "test_larger_tensors_in_shared_memory_are_refused",
    ),
    Guard(
        "region-copy-is-charged",
        "Memory for inputs in shared memory is reserved before they are copied",
        "a hundred bytes of JSON make the service allocate gigabytes",
        Delete(),
        "test_an_input_in_shared_memory_is_charged_before_it_is_copied",
    ),
)
