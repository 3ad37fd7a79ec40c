"""Decode JSON bodies; one that repeats an earlier body but for the elements of its tensors is not planned again.

The key is the text without these elements, with the sizes of their lists. The key and the head determine everything for
which a request can be refused but its elements, which are checked each time.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Final, NamedTuple

from poolhouse.operators.plan import Plan
from poolhouse.rest.routes.bounded_cache import BoundedCache
from poolhouse.rest.routes.pool.head_plan import HeadPlan
from poolhouse.rest.routes.pool.head_planner import HeadPlanner
from poolhouse.rest.routes.pool.response_format import ResponseFormat
from poolhouse.service import PoolingService
from poolhouse.tensors import Message, Tensor
from poolhouse.wire.json import compiled_reader
from poolhouse.wire.json.body_scan import ScannedList
from poolhouse.wire.json.codec import pop_encoding, split_members
from poolhouse.wire.json.compiled_reader import ScannedText
from poolhouse.wire.json.refusals import ElementChecker
from poolhouse.wire.json.repeated_text import MAX_BYTES, TextFrame
from poolhouse.wire.json.tensors import convert, read_entry

_MAX_REMEMBERED: Final = 256
_LONGEST_TEXT: Final = 1024
"""The longest text without elements that is remembered; so all of them together take at most some megabytes."""


class _List(NamedTuple):
    """A tensor given as a list: its number in the scanned text, the check of its elements, and its shape."""

    number: int
    checker: ElementChecker
    shape: tuple[int, ...]


class _Remembered(NamedTuple):
    """What follows from a body without its elements: the plan, in which no seed is drawn, and the tensors."""

    plan: Plan
    response_format: ResponseFormat
    lists: list[_List]


class _LastText(NamedTuple):
    """The last text of a head with one list, and what it is remembered by without the sizes of its list."""

    frame: TextFrame
    sizes: bytes
    holds_booleans: bool
    remembered: _Remembered
    remainder: bytes


_Key = tuple[Hashable, bytes, tuple[tuple[bytes, bool], ...]]
"""What depends on the head, the text without elements, and of each list its sizes and whether it holds booleans."""
_Decoded = tuple[Plan, ResponseFormat, Mapping[str, Tensor]]


class RepeatedJson:
    """Decodes and plans the JSON bodies of ``/v1`` with the compiled scanner.

    Args:
        pooling: plans the operators.
        planner: chooses the format of the response.
    """

    def __init__(self, pooling: PoolingService, planner: HeadPlanner) -> None:
        self._pooling = pooling
        self._planner = planner
        self._remembered = BoundedCache[_Key, _Remembered](_MAX_REMEMBERED)
        self._last_texts = BoundedCache[Hashable, _LastText](_MAX_REMEMBERED)

    def decode(self, head: HeadPlan, body: memoryview) -> _Decoded:
        """Decode a body.

        Returns:
            the plan, in which no seed is drawn, the format of the response, and the tensors.

        Raises:
            PoolhouseError: the request is refused.
        """
        return self._decode_repeated(head, body) or self._decode_scanned(head, body)

    def _decode_repeated(self, head: HeadPlan, body: memoryview) -> _Decoded | None:
        """Decode a body that differs from the last one of this head in the one list of both, or in nothing."""
        last = None if head.key is None else self._last_texts.get(head.key)
        found = None if last is None else last.frame.read(body)
        if last is None or found is None:
            return None
        same = last.remembered
        if found.sizes != last.sizes:
            other = self._remembered.get((head.key, last.remainder, ((found.sizes, last.holds_booleans),)))
            if other is None:
                return None
            same = other
        plan, response_format, ((_, checker, shape),) = same
        tensors = {checker.name: Tensor(checker.dtype, found.elements(checker, shape))}
        return plan, response_format, tensors

    def _decode_scanned(self, head: HeadPlan, body: memoryview) -> _Decoded:
        text = compiled_reader.scan(body)
        # Base64 is for large tensors, of whose time planning is a small part.
        if text.base64 or len(text.remainder) > _LONGEST_TEXT or head.key is None:
            return self._decode_anew(head, text, None)
        key = (
            head.key,
            bytes(text.remainder),
            tuple([(each.sizes.tobytes(), each.holds_booleans) for each in text.lists.values()]),
        )
        remembered = self._remembered.get(key)
        if remembered is None:
            return self._decode_anew(head, text, key)
        self._keep_last_text(text, key, remembered)
        plan, response_format, lists = remembered
        tensors = {
            checker.name: Tensor(checker.dtype, text.lists[number].read_elements(checker).reshape(shape))
            for number, checker, shape in lists
        }
        return plan, response_format, tensors

    def _decode_anew(self, head: HeadPlan, text: ScannedText, key: _Key | None) -> _Decoded:
        fields, values = split_members(text.parse_named(), head.query)
        encoding = pop_encoding(fields)
        tensors, lists = dict[str, Tensor](), list[_List]()
        for name, value in values.items():
            entry = read_entry(name, value)
            tensor = tensors[name] = convert(entry)
            if isinstance(entry.data, ScannedList):
                lists.append(_List(entry.data.tensor, ElementChecker(name, entry.dtype, entry.pointer), tensor.shape))
        given = Message(tensors, fields, dict(head.query), encoding)
        message = self._pooling.read_fields(head.operator, given)
        plan = self._pooling.plan_message(head.operator, message)
        chosen = self._planner.response_format(head.accept, head.codec, head.compression, plan, encoding)
        # Another message has fields that its elements determine.
        if key is not None and message is given and not plan.spec.measures_elements:
            remembered = _Remembered(plan, chosen, lists)
            self._remembered.put(key, remembered)
            self._keep_last_text(text, key, remembered)
        return plan, chosen, message.tensors

    def _keep_last_text(self, text: ScannedText, key: _Key, remembered: _Remembered) -> None:
        if len(text.spans) != 1 or len(remembered.lists) != 1 or len(text.text) > MAX_BYTES:
            return
        head_key, remainder, ((sizes, holds_booleans),) = key
        ((begin, stop, _),) = text.spans
        frame = TextFrame(text.text, begin, stop, remembered.lists[0].checker)
        self._last_texts.put(head_key, _LastText(frame, sizes, holds_booleans, remembered, remainder))
