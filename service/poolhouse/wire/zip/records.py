"""The record layouts and constants of a zip archive."""

from __future__ import annotations

import struct
from typing import Final

LOCAL: Final = struct.Struct("<4s2B4H3L2H")
LOCAL_MAGIC: Final = b"PK\x03\x04"
CENTRAL: Final = struct.Struct("<4s4B4H3L5H2L")
CENTRAL_MAGIC: Final = b"PK\x01\x02"
END: Final = struct.Struct("<4s4H2LH")
END_MAGIC: Final = b"PK\x05\x06"
END64: Final = struct.Struct("<4sQ2H2L4Q")
END64_MAGIC: Final = b"PK\x06\x06"
LOCATOR64: Final = struct.Struct("<4sLQL")
LOCATOR64_MAGIC: Final = b"PK\x06\x07"

STORED: Final = 0
DEFLATED: Final = 8
ENCRYPTED: Final = 0x0001 | 0x0040
"""The flags of an entry for encryption and strong encryption."""
ZIP64_MARKER: Final = 0xFFFFFFFF
"""In a 32-bit field: the number is in the zip64 extra field."""
ZIP64_COUNT_MARKER: Final = 0xFFFF
"""The same for the number of entries, in its 16-bit field."""
ZIP64_ID: Final = 1
"""The extra field with the 64-bit numbers."""
