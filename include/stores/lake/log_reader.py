"""Streaming a log of the Open Bandit Dataset: typed where it can be, exact where it cannot.

The dataset quotes nothing, so a newline always ends a row, and a quote is an ordinary
character that no number has. Every line gets a row in the frame, in its place; what
could not be read is null there, and flags say what was wrong with the line.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from include.bandit.open_bandit import LEADING_COLUMNS
from include.errors import SourceError
from include.stores.lake.source_file import READ_BYTES

if TYPE_CHECKING:
    import polars as pl

# Larger blocks are slower: the allocator then asks the system for fresh pages every time.
BLOCK_BYTES: Final = 24 * 1024 * 1024
HEADER_BYTES: Final = 64 * 1024
_SLICE_LINES: Final = 32_768
_NEWLINE, _COMMA = 0x0A, 0x2C
_TIME_FORMAT: Final = "%Y-%m-%d %H:%M:%S%.f%:z"

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive lines of a log.

    Attributes
    ----------
    first_row
        Number of the first line, counted from 1 below the header.
    frame
        One row per line: ``row_number``, the flags ``complete``, ``fields``, ``utf8``,
        ``nul``, and the typed columns ``row_index``, ``decided_at`` (UTC, µs), ``item_id``,
        ``position``, ``click``, ``propensity_score`` and the user features.
    text
        The lines' bytes.
    starts, stops
        Where each line begins and ends in ``text``, shape (lines,).
    """

    first_row: int
    frame: "pl.DataFrame"
    text: bytes
    starts: IntArray
    stops: IntArray

    def raw(self, row_number: int) -> str:
        """Return a line as text a person can read; what is not text is escaped."""
        line = row_number - self.first_row
        data = self.text[self.starts[line] : self.stops[line]].rstrip(b"\r\n")
        return data.decode("utf-8", "backslashreplace").replace("\x00", "\\x00")


def read_header(stream: BinaryIO, where: str) -> tuple[str, ...]:
    """Read the first line of a log.

    Raises
    ------
    SourceError
        If it is no line of text.
    """
    line = bytearray()
    while not line.endswith(b"\n") and len(line) < HEADER_BYTES:
        byte = stream.read(1)
        if not byte:
            break
        line += byte
    try:
        text = bytes(line).removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except UnicodeDecodeError as error:
        raise SourceError(
            f"{where}: the header is not UTF-8 (byte {error.start}); deliver the file as UTF-8"
        ) from error
    if "\x00" in text or len(line) >= HEADER_BYTES:
        raise SourceError(f"{where}: the first line is no CSV header; is this the right file?")
    return tuple(text.rstrip("\r\n").split(","))


def read_blocks(
    stream: BinaryIO, columns: int, where: str, *, block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """Read the lines below the header, block by block.

    Parameters
    ----------
    stream
        Positioned behind the header.
    columns
        Number of fields that a line shall have.
    where
        Names the file in errors.
    block_bytes
        About how much of the file is in memory at once.

    Raises
    ------
    SourceError
        If there is a line longer than a block.
    """
    rest, first_row = b"", 1
    while True:
        text, rest, ended = _next_text(stream, rest, block_bytes)
        if not text:
            if ended and not rest:
                return
            raise SourceError(
                f"{where}: row {first_row} is longer than {block_bytes} bytes; this is no CSV log"
            )
        block = parse_block(text, columns, first_row)
        yield block
        first_row += block.frame.height
        if ended:
            return


def parse_block(text: bytes, columns: int, first_row: int) -> Block:
    """Parse whole lines; only the very last line of a file may lack its newline."""
    complete_end = text.endswith(b"\n")
    data = np.frombuffer(text, np.uint8)
    newlines = np.flatnonzero(data == _NEWLINE)
    stops = newlines + 1 if complete_end else np.append(newlines + 1, len(data))
    starts = np.concatenate((np.zeros(1, np.int64), stops[:-1]))
    complete = np.ones(len(stops), bool)
    complete[-1] = complete_end
    fields = _count_fields(data, starts, stops)
    utf8, nul = _flag_bytes(text, data, starts, stops)
    sound = (fields == columns) & utf8 & ~nul
    frame = _typed(_only(text, data, sound, starts, stops), columns)
    return Block(
        first_row=first_row,
        frame=_in_place(frame, sound, first_row, fields, complete, utf8, nul),
        text=text,
        starts=starts,
        stops=stops,
    )


def _next_text(stream: BinaryIO, rest: bytes, size: int) -> tuple[bytes, bytes, bool]:
    """Return whole lines, the start of the line behind them, and whether the stream ended."""
    parts, have = [rest], len(rest)
    while have < size:
        chunk = stream.read(min(size - have, READ_BYTES))
        if not chunk:
            return b"".join(parts), b"", True
        parts.append(chunk)
        have += len(chunk)
    # The rest of a block is in its last part, unless a line is longer than that.
    cut = parts[-1].rfind(b"\n") + 1
    if cut == 0:
        text = b"".join(parts)
        cut = text.rfind(b"\n") + 1
        return text[:cut], text[cut:], False
    last = parts.pop()
    return b"".join([*parts, memoryview(last)[:cut]]), last[cut:], False


def _count_fields(data: NDArray[np.uint8], starts: IntArray, stops: IntArray) -> IntArray:
    """Count fields per line, slice by slice to bound the memory of comma positions."""
    fields = np.empty(len(starts), np.int64)
    for low in range(0, len(starts), _SLICE_LINES):
        high = min(low + _SLICE_LINES, len(starts))
        begin = starts[low]
        commas = np.flatnonzero(data[begin : stops[high - 1]] == _COMMA)
        until = np.searchsorted(commas, stops[low:high] - begin)
        fields[low:high] = np.diff(until, prepend=0) + 1
    return fields


def _flag_bytes(
    text: bytes, data: NDArray[np.uint8], starts: IntArray, stops: IntArray
) -> tuple[BoolArray, BoolArray]:
    """Tell which lines are UTF-8, and which hold a NUL."""
    utf8, nul = np.ones(len(starts), bool), np.zeros(len(starts), bool)
    if data.max() >= 0x80:
        foreign = np.unique(np.searchsorted(stops, np.flatnonzero(data >= 0x80), side="right"))
        for line in foreign:
            utf8[line] = _is_utf8(text[starts[line] : stops[line]])
    if data.min() == 0:
        nul[np.searchsorted(stops, np.flatnonzero(data == 0), side="right")] = True
    return utf8, nul


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _only(
    text: bytes, data: NDArray[np.uint8], sound: BoolArray, starts: IntArray, stops: IntArray
) -> bytes:
    if sound.all():
        return text
    return data[np.repeat(sound, stops - starts)].tobytes()


def _typed(text: bytes, columns: int) -> "pl.DataFrame":
    import polars as pl

    names = ("row_index", *LEADING_COLUMNS[1:])
    kinds = [pl.Int64, pl.String, *[pl.Int64] * 2, *[pl.Float64] * 2, *[pl.Categorical] * 4]
    leading = dict(zip(names, kinds, strict=True))
    others = {f"other_{index}": pl.String for index in range(columns - len(names))}
    if not text:
        frame = pl.DataFrame(schema=leading)
    else:
        frame = pl.read_csv(
            text,
            has_header=False,
            schema={**leading, **others},
            columns=list(range(len(names))),
            quote_char=None,
            ignore_errors=True,
        )
    decided_at = pl.col("timestamp").str.to_datetime(
        _TIME_FORMAT, time_unit="us", time_zone="UTC", strict=False, cache=False
    )
    return frame.select("row_index", decided_at.alias("decided_at"), *names[2:])


def _in_place(
    frame: "pl.DataFrame", sound: BoolArray, first_row: int, *flags: NDArray[np.generic]
) -> "pl.DataFrame":
    """Put the typed rows back among the lines that could not be read."""
    import polars as pl

    if not sound.all():
        place = np.where(sound, np.cumsum(sound) - 1, -1)
        index = pl.Series(place, dtype=pl.Int64).replace(-1, None).cast(pl.get_index_type())
        frame = frame.select(pl.all().gather(index))
    numbers = np.arange(first_row, first_row + len(sound), dtype=np.int64)
    names: Sequence[str] = ("row_number", "fields", "complete", "utf8", "nul")
    columns = [pl.Series(name, flag) for name, flag in zip(names, (numbers, *flags), strict=True)]
    return pl.DataFrame(columns).hstack(frame)
