"""Partitions that are replaced whole, once, whatever is repeated or lost.

Every replacement carries its identity as a Delta application transaction, one application
per set of partitions. Two writers of the same set therefore always conflict, also where
delta-rs alone would let both append; and a writer that lost the reply asks the table whether
its identity stands there. Files are written first and become visible by one commit.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from include.errors import ConcurrentReplacementError, LakeError
from include.settings import Settings
from include.stores.lake.delta import TableSpec, ensure_table, open_table
from include.stores.lake.storage import object_client

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable
    from deltalake.transaction import AddAction

COMMIT_ATTEMPTS: Final = 5


class Replacement:
    """New rows for a set of partitions, invisible until `commit`.

    Parameters
    ----------
    settings
        Where the lake is.
    spec
        The table.
    partitions
        Values of leading partition columns that name the set, as
        ``{"source": "open_bandit-men", "behavior_policy": "random"}``.
    fence
        The table as it was before the rows were computed: what others replaced since
        is not overwritten. As it is now when left out.
    """

    def __init__(
        self,
        settings: Settings,
        spec: TableSpec,
        partitions: Mapping[str, str],
        *,
        fence: "DeltaTable | None" = None,
    ) -> None:
        self._settings, self._spec, self._partitions = settings, spec, dict(partitions)
        self._table = ensure_table(settings, spec)
        self._app = "/".join([spec.name, *(f"{key}={self._partitions[key]}" for key in partitions)])
        self._before = (fence or self._table).transaction_version(self._app)
        self._client = object_client(settings)
        self._actions: list[AddAction] = []
        self._attempt = uuid.uuid4().hex[:16]

    def write(self, values: Mapping[str, str], rows: "pa.Table") -> None:
        """Upload rows of one partition as a Parquet file.

        Parameters
        ----------
        values
            Values of all partition columns.
        rows
            Columns of the table without the partition columns.
        """
        import pyarrow as pa
        from deltalake.transaction import AddAction

        content = pa.BufferReader(_as_parquet(rows, self._spec))
        # A colon (of a batch id) would have to be escaped differently by key and log.
        folder = "/".join(
            f"{key}={values[key].replace(':', '')}" for key in self._spec.partition_by
        )
        path = f"{folder}/{self._attempt}-{len(self._actions):05d}.parquet"
        self._client.put_object(
            self._settings.silver_bucket, f"{self._spec.name}/{path}", content, content.size()
        )
        self._actions.append(
            AddAction(
                path=path,
                size=content.size(),
                partition_values={key: values[key] for key in self._spec.partition_by},
                modification_time=int(time.time() * 1000),
                data_change=True,
                stats=json.dumps({"numRecords": rows.num_rows}),
            )
        )

    def commit(self, identity: str, metadata: Mapping[str, str]) -> int:
        """Make the rows the content of the set, unless they are already.

        Parameters
        ----------
        identity
            Names the rows, as their content hash: equal identities are the same replacement.
        metadata
            Kept with the commit.

        Returns
        -------
        int
            A version of the table that holds the rows.

        Raises
        ------
        ConcurrentReplacementError
            If another run replaced the set by other rows since this object was made.
        LakeError
            If no attempt was confirmed; repeating the whole step is safe.
        """
        from deltalake.exceptions import CommitFailedError, DeltaError

        number = int(hashlib.sha256(identity.encode()).hexdigest()[:15], 16)
        standing = self._table.transaction_version(self._app)
        if standing == number:
            self.discard()
            return int(self._table.version())
        if standing != self._before:
            self.discard()
            raise self._overtaken()
        lost: DeltaError | OSError | None = None
        for attempt in range(COMMIT_ATTEMPTS):
            try:
                self._commit_once(number, {**metadata, "allot.identity": identity})
            except (CommitFailedError, DeltaError, OSError) as error:
                # Refused, or applied and the answer lost: only the table knows.
                lost = error
                time.sleep(0.1 * 2**attempt)
            current = self._current()
            if current == number:
                return int(self._table.version())
            if current != self._before:
                raise self._overtaken()
        raise LakeError(
            f"replacing {self._app} was not confirmed after {COMMIT_ATTEMPTS} attempts: {lost}. "
            "Look at `make status`, then run the step again"
        ) from lost

    def discard(self) -> None:
        """Delete the uploaded files; only for a replacement that never tried to commit."""
        for action in self._actions:
            self._client.remove_object(
                self._settings.silver_bucket, f"{self._spec.name}/{action.path}"
            )
        self._actions = []

    @property
    def ever_replaced(self) -> bool:
        """Tell whether the set was replaced before."""
        return self._before is not None

    def _overtaken(self) -> ConcurrentReplacementError:
        return ConcurrentReplacementError(
            f"another run replaced {self._app} by other rows meanwhile; "
            "run this step again if its input is the newer one"
        )

    def _commit_once(self, number: int, metadata: dict[str, Any]) -> None:
        from deltalake import CommitProperties, Transaction

        self._table.create_write_transaction(
            list(self._actions),
            "overwrite",
            self._spec.schema(),
            list(self._spec.partition_by),
            [(key, "=", value) for key, value in self._partitions.items()],
            commit_properties=CommitProperties(
                custom_metadata=metadata,
                app_transactions=[Transaction(self._app, number)],
                max_commit_retries=3,
            ),
        )

    def _current(self) -> int | None:
        self._table = open_table(self._settings, self._spec)
        return self._table.transaction_version(self._app)


def _as_parquet(rows: "pa.Table", spec: TableSpec) -> "pa.Buffer":
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    given = {name: kind for name, kind in spec.encodings.items() if name in rows.column_names}
    pq.write_table(
        rows,
        sink,
        compression="zstd",
        use_dictionary=[f.name for f in rows.schema if pa.types.is_dictionary(f.type)],
        column_encoding=given or None,
        # Readers then see plain text instead of Arrow's dictionaries.
        store_schema=False,
    )
    return sink.getvalue()
