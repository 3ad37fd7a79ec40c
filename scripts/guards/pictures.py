"""Guards of pictures and forms: what a file may cost is known and limited before it is decoded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from guards.guard import Guard
from guards.removals import FixCondition, ReplaceConstant

GUARDS: Final[Sequence[Guard]] = (
    Guard(
        "picture-has-pixel-limit",
        "A picture has a largest number of pixels, which its header tells",
        "a file of a few bytes has gigabytes of pixels allocated, or raises a warning of the library",
        FixCondition(False),
        "test_a_picture_of_too_many_pixels_is_refused_by_its_header",
    ),
    Guard(
        "picture-header-has-chunk-limit",
        "The header of a PNG file has a limited number of chunks",
        "a file of small chunks is searched for its pixels on the event loop",
        FixCondition(False),
        "test_many_chunks_before_the_pixels_are_refused",
    ),
    Guard(
        "picture-has-scan-limit",
        "All scans of a JPEG file together pass over a limited number of pixels",
        "a file of a megabyte keeps a thread busy for hours",
        FixCondition(False),
        "test_a_jpeg_file_of_many_scans_is_refused",
    ),
    Guard(
        "picture-has-size-of-its-header",
        "The decoder's size of a picture is that of the header that was charged",
        "a file with two headers is decoded into memory that is not reserved",
        FixCondition(False),
        "test_a_decoder_that_sees_another_size_is_refused",
    ),
    Guard(
        "pictures-are-decoded-off-loop",
        "Pictures and forms are read in a thread",
        "decoding a picture blocks the event loop",
        ReplaceConstant(2**20),
        "test_pictures_and_forms_are_not_decoded_on_the_event_loop",
    ),
    Guard(
        "file-of-form-is-charged",
        "The memory for the file of a form is reserved before it is decoded",
        "pictures in forms take memory that is not counted",
        FixCondition(False),
        "test_the_file_of_a_form_is_charged_before_it_is_decoded",
    ),
    Guard(
        "form-has-part-limit",
        "A form has a limited number of parts",
        "a form of a million parts keeps a thread busy",
        FixCondition(False),
        "test_a_form_has_a_limited_number_of_parts",
    ),
    Guard(
        "form-field-has-limit",
        "A field of a form has a limited length",
        "a field of a gigabyte is copied as text, and quoted in refusals",
        FixCondition(False),
        "test_a_field_of_a_form_has_a_limited_length",
    ),
    Guard(
        "foreign-form-is-refused",
        "A form of a page of another origin is refused",
        "any page makes its visitors' browsers work a service without keys",
        FixCondition(False),
        "test_a_form_of_a_foreign_page_is_refused",
    ),
)
