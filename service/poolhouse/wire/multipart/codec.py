"""The codec of forms: one part is a file in any binary format, the others are fields."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Final, NamedTuple, NoReturn

from poolhouse.errors import FieldProblem, Unprocessable, UnsupportedMediaType
from poolhouse.tensors import Message, TensorMetadata
from poolhouse.wire.codec import Codec, EncodedBody
from poolhouse.wire.images.codec import PictureCodec, refuse_without_pillow
from poolhouse.wire.multipart.parts import Part, malformed_form_error, read_boundary, split_parts
from poolhouse.wire.query import duplicate_field_error
from poolhouse.wire.quoting import quote_clipped

MULTIPART_TYPE: Final = "multipart/form-data"
MAX_FIELD_BYTES: Final = 4096
"""The longest field: as long as the longest that fits into a request line with others."""
_TYPE_BY_SUFFIX: Final = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".npy": "application/x-npy",
    ".npz": "application/x-npz",
    ".safetensors": "application/vnd.safetensors",
}
_RAW_TYPE: Final = "application/octet-stream"
"""What curl and browsers send for a file whose type they do not know."""
_RAW_FIELDS: Final = frozenset({"shape", "dtype"})


class Form(NamedTuple):
    """A form.

    Attributes:
        codec: decodes the file.
        content: of the file, a view of the body.
        fields: by name, also those of the query string.
    """

    codec: Codec
    content: memoryview
    fields: Mapping[str, str]

    @property
    def decoding_bytes(self) -> int:
        """What decoding the file allocates, and a copy of it, as its elements may not be aligned in the form."""
        return len(self.content) + self.codec.decode_extra_bytes(self.content)


class MultipartCodec:
    """A form with the boundary of one request.

    Args:
        content_type: the whole value of ``Content-Type``.
        codec_by_media_type: of the file.

    Raises:
        Malformed: ``content_type`` has no boundary.
    """

    name = "multipart"
    media_types = (MULTIPART_TYPE,)
    is_json = False
    holds_gil = False

    def __init__(self, content_type: str, codec_by_media_type: Mapping[str, Codec]) -> None:
        self._boundary = read_boundary(content_type)
        self._codecs = codec_by_media_type

    def read_form(self, body: memoryview, query: Mapping[str, str]) -> Form:
        """Find the file and the fields, without decoding the file.

        Raises:
            Malformed: the body is no form.
            Unprocessable: it has no file, or a field twice.
            UnsupportedMediaType: the file is in no format of tensors.
        """
        files: list[Part] = []
        fields = dict(query)
        for part in split_parts(body, self._boundary):
            # Browsers send a file input that is empty as a file without name and bytes.
            if part.file_name is not None or part.media_type not in ("", "text/plain"):
                if part.file_name != "" or part.content:
                    files.append(part)
                continue
            if part.name in fields:
                location = "in the query string and in the form" if part.name in query else "twice in the form"
                raise duplicate_field_error(part.name, f"/{part.name[:80]}", location)
            fields[part.name] = _read_field(part)
        if len(files) != 1:
            _refuse_file_count(files)
        codec = self._codec_of(files[0], fields)
        return Form(codec, files[0].content, fields)

    def _codec_of(self, file: Part, fields: Mapping[str, str]) -> Codec:
        suffix = PurePosixPath(file.file_name or "").suffix.lower()
        by_name = _TYPE_BY_SUFFIX.get(suffix)
        media_type = file.media_type
        if media_type in ("", _RAW_TYPE):
            is_raw = by_name is None and media_type == _RAW_TYPE and not _RAW_FIELDS.isdisjoint(fields)
            media_type = _RAW_TYPE if is_raw else by_name or ""
        codec = self._codecs.get(media_type)
        if codec is None or codec.is_json:
            raise UnsupportedMediaType(
                "unsupported_media_type",
                f"The file {quote_clipped(file.file_name or '')} of type {quote_clipped(file.media_type)} is in no "
                "supported format; send PNG, JPEG, npy, npz or safetensors, and let its name end with "
                f"{', '.join(_TYPE_BY_SUFFIX)}; or raw elements with the fields shape and dtype.",
            )
        if isinstance(codec, PictureCodec):
            refuse_without_pillow()
        return codec

    def decode(self, body: memoryview, query: Mapping[str, str], limit_bytes: int) -> Message:
        """The tensors of the file, and the fields as ``text_fields``."""
        form = self.read_form(body, query)
        return form.codec.decode(form.content, form.fields, limit_bytes)

    def decode_extra_bytes(self, body: memoryview) -> int:
        """See :attr:`Form.decoding_bytes`."""
        return self.read_form(body, {}).decoding_bytes

    def encode(self, message: Message) -> EncodedBody:
        """No response is a form; :meth:`accepts_outputs` tells it."""
        raise NotImplementedError

    def encode_extra_bytes(self, outputs: Mapping[str, TensorMetadata], json_encoding: str) -> int:
        """No response is a form."""
        raise NotImplementedError

    def accepts_outputs(self, count: int) -> bool:
        """No response is a form."""
        return False


def _read_field(part: Part) -> str:
    # guard: form-field-has-limit
    if len(part.content) > MAX_FIELD_BYTES:
        raise malformed_form_error(
            f"the field {quote_clipped(part.name)} has {len(part.content)} bytes, more than {MAX_FIELD_BYTES}; a file "
            "needs a filename in its Content-Disposition"
        )
    try:
        return str(part.content, "utf-8")
    except UnicodeDecodeError:
        raise malformed_form_error(f"the field {quote_clipped(part.name)} is not UTF-8") from None


def _refuse_file_count(files: list[Part]) -> NoReturn:
    if files:
        message = f"The form has {len(files)} files; send one. For several tensors send one npz or safetensors file."
    else:
        message = "The form has no file; add one, as curl does with -F input=@FILE."
    raise Unprocessable("missing_tensor", message, problems=(FieldProblem("/input", "missing", message),))
