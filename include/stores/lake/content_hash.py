"""The name of rows: equal rows give the equal hash, whatever files or chunks they lie in.

Rows count in ``row_id`` order. Every column is hashed on its own, so that chunks of any size
add up: numbers as little-endian bytes, truth values as one byte (−1: none), texts as lengths
and UTF-8 bytes, categories by the first 8 bytes of their value's SHA-256. A column without a
single value counts as absent, so that a column that a table gained later does not rename older
rows. The hash is SHA-256 over the canonical JSON of the column digests and the number of rows.
"""

import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from include.contract.canonical import Json, content_hash

if TYPE_CHECKING:
    import pyarrow as pa

METHOD: Final = "allot.rows/1"


class RowHash:
    """Hash of rows that arrive in ``row_id`` order, chunk by chunk."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {}
        self._filled: set[str] = set()
        self.rows = 0
        self._last_id = ""

    def update(self, rows: "pa.Table") -> None:
        """Add rows.

        Raises
        ------
        ValueError
            If an id does not lie above all ids before it.
        """
        import pyarrow.compute as pc

        if rows.num_rows == 0:
            return
        ids = rows.column("row_id").combine_chunks()
        rising = pc.all(pc.less(ids.slice(0, len(ids) - 1), ids.slice(1))).as_py()
        if rising is False or ids[0].as_py() <= self._last_id:
            raise ValueError("rows to hash are not in the order of their ids, or an id is twice")
        self._last_id = ids[-1].as_py()
        self.rows += rows.num_rows
        for name in rows.column_names:
            digests = self._columns.setdefault(name, [hashlib.sha256(), hashlib.sha256()])
            if rows.column(name).null_count < rows.num_rows:
                self._filled.add(name)
            for chunk in rows.column(name).chunks:
                for digest, part in zip(digests, _parts(chunk), strict=False):
                    digest.update(part)

    def hexdigest(self) -> str:
        """Return the hash of all rows so far."""
        columns: dict[str, Json] = {
            name: [digest.hexdigest() for digest in digests]
            for name, digests in self._columns.items()
            if name in self._filled
        }
        return content_hash([METHOD, self.rows, columns])


def _parts(array: "pa.Array") -> list[memoryview]:
    """Return the bytes that stand for an array, whatever its offset into its buffers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(array.type):
        return [_category_bytes(array)]
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        lengths = np.asarray(pc.fill_null(pc.binary_length(array), -1)).astype("<i4")
        width = 8 if pa.types.is_large_string(array.type) else 4
        if array.null_count == len(array):
            return [lengths.data]
        offsets = np.frombuffer(array.buffers()[1], f"<i{width}")
        first, last = offsets[array.offset], offsets[array.offset + len(array)]
        return [lengths.data, memoryview(array.buffers()[2])[first:last]]
    if pa.types.is_boolean(array.type):
        return [np.asarray(array.cast(pa.int8()).fill_null(-1)).data]
    if array.null_count:
        raise ValueError(f"a column of {array.type} to hash holds nulls")
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.int64())
    values = array.to_numpy(zero_copy_only=False)
    return [np.ascontiguousarray(values, values.dtype.newbyteorder("<")).data]


def _category_bytes(array: "pa.DictionaryArray") -> memoryview:
    names = [
        b"\0" * 8 if value is None else hashlib.sha256(value.encode()).digest()[:8]
        for value in array.dictionary.to_pylist()
    ]
    # A null index takes the last entry, the bytes of no value.
    table = np.frombuffer(b"".join([*names, b"\0" * 8]), "<u8")
    codes = array.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
    chosen: NDArray[np.uint64] = table[codes]
    return chosen.data
