"""The Delta tables of a plant: which days of which stations they hold, and how more are committed.

Every day of a station is an application transaction of its own ("line1/2026-11-27", version 1) in
the same commit as its rows: Delta refuses a second commit of it, whoever tries (PROTOCOL.md,
"Transaction Identifiers").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, TypeAlias

from qc_edge.errors import UpstreamError
from qc_edge.upstream.targets.stores import first_words, store_config

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

    OpenedTable: TypeAlias = DeltaTable

PARTITIONS = ["date", "line"]

_LEFTOVER_HOURS = 168
"""Files of failed commits are removed after a week: a reader or another job may still use them."""


@dataclass(frozen=True, slots=True, order=True)
class StationDay:
    """One day of one station that is upstream whole."""

    day: date
    station: str

    @property
    def transaction(self) -> str:
        """Its id as an application transaction."""
        return f"{self.station}/{self.day}"


@dataclass(frozen=True, slots=True)
class DeltaTables:
    """The tables under URL/delta; `options` are those of deltalake. Methods raise UpstreamError."""

    url: str
    options: dict[str, str] = field(repr=False)

    @classmethod
    def at(
        cls, url: str, options: Mapping[str, str], endpoint: str = "", region: str = ""
    ) -> DeltaTables:
        """Those beside what the stations have sent to `url`. Raises UpstreamError without deltalake
        and pyarrow.
        """
        try:
            import deltalake  # noqa: F401
            import pyarrow  # noqa: F401
        except ImportError as fault:
            raise UpstreamError(
                f"tables need the package {fault.name}, which is not installed",
                hint="pip install 'qc-edge[fleet]'",
            ) from None
        if url.startswith("sftp://"):
            raise UpstreamError(
                "Delta tables are made where the files are, not over SFTP",
                hint="on that server: qc-edge fleet compact file:///PATH",
            )
        if url.startswith("file://"):
            return cls(url.removeprefix("file://"), {})
        config = store_config(url, options, endpoint, region)
        if url.startswith("s3://"):
            # Put-if-absent, by which two commits of one number exclude each other.
            config["aws_conditional_put"] = "etag"
            config["aws_allow_http"] = str(endpoint.startswith("http://")).lower()
        return cls(url, config)

    def open(self, table: str) -> DeltaTable | None:
        """The table as it is now; None before its first commit."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            return DeltaTable(self._place(table), storage_options=self.options)
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as fault:
            raise self._error(table, fault) from None

    def make(self, table: str, schema: pa.Schema) -> None:
        """Make the table with these columns if there is none."""
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError

        try:
            DeltaTable.create(
                self._place(table),
                schema,
                mode="ignore",
                partition_by=PARTITIONS,
                storage_options=self.options,
            )
        except (DeltaError, OSError) as fault:
            if self.open(table) is None:  # else another job was first
                raise self._error(table, fault) from None

    def append(
        self, table: str, opened: DeltaTable, rows: pa.Table, days: Sequence[StationDay]
    ) -> bool:
        """Commit the rows of these days, all or none; False if another job was first with one.

        `opened` is the table as it was when it was found not to hold them: Delta holds the commits
        since then against this one's transactions, and no earlier ones. Columns that the table
        does not have yet are added to it, as nulls for earlier rows.
        """
        from deltalake import CommitProperties, Transaction, write_deltalake
        from deltalake.exceptions import CommitFailedError, DeltaError

        transactions = [Transaction(day.transaction, 1) for day in days]
        try:
            write_deltalake(
                opened,
                rows,
                mode="append",
                schema_mode="merge",
                commit_properties=CommitProperties(app_transactions=transactions),
            )
        except CommitFailedError:
            return False
        except (DeltaError, OSError) as fault:
            raise self._error(table, fault) from None
        return True

    def note(self, table: str, opened: DeltaTable, days: Sequence[StationDay]) -> None:
        """Say that the table holds these days, of which it has no rows; nothing where another job
        was first. `opened` as in `append`.
        """
        from deltalake import CommitProperties, Transaction
        from deltalake.exceptions import CommitFailedError, DeltaError

        transactions = [Transaction(day.transaction, 1) for day in days]
        properties = CommitProperties(app_transactions=transactions)
        try:
            opened.create_write_transaction(
                [], "append", opened.schema(), PARTITIONS, commit_properties=properties
            )
        except CommitFailedError:
            pass
        except (DeltaError, OSError) as fault:
            raise self._error(table, fault) from None

    def tidy(self, table: str) -> None:
        """Make a checkpoint, by which readers open the table fast, and remove leftovers."""
        from deltalake.exceptions import DeltaError

        if (opened := self.open(table)) is None:
            return
        try:
            opened.create_checkpoint()
            opened.vacuum(_LEFTOVER_HOURS, dry_run=False, full=True)
        except (DeltaError, OSError) as fault:
            raise self._error(table, fault) from None

    def _place(self, table: str) -> str:
        return f"{self.url}/delta/{table}"

    def _error(self, table: str, fault: Any) -> UpstreamError:
        return UpstreamError(
            f"{self._place(table)}: {first_words(fault, self.options)}",
            hint="what is committed stays; run it again",
        )


def missing(opened: DeltaTable | None, days: Sequence[StationDay]) -> list[StationDay]:
    """Those of `days` that the table does not hold; all before it is made."""
    if opened is None:
        return list(days)
    return [day for day in days if opened.transaction_version(day.transaction) is None]
