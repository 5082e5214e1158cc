"""``./matinee import FILE``: sends a file of JSON lines (`ImportRecord`) to the running catalogue."""

import asyncio
import os
import sys
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from google.protobuf.json_format import Parse, ParseError
from matinee.catalog.v1 import admin_pb2, admin_pb2_grpc

from mesh.channel import open_channel
from mesh.errors import RemoteError
from stack.errors import StackError
from stack.folder import DataFolder

_BATCH_RECORDS: Final = 500
_BATCH_BYTES: Final = 2_000_000  # a message may have 4 MiB
_IMPORT_SECONDS: Final = 300.0
_REFUSED: Final = 1


class FileRefused(StackError):
    """The file cannot be read, or a line of it is no record."""


def import_file(data: Path, file: Path) -> int:
    """Import; 0 when every record was stored, else 1 with a line for each that was refused."""
    target, token = running_catalogue(DataFolder(data))
    batches = list(read_batches(file))
    try:
        report = asyncio.run(_send(target, token, batches))
    except RemoteError as error:
        raise StackError(f"the catalogue refused the import: {error}") from error
    for refused in report.refused:
        print(f"{file}:{refused.line}: {refused.field}: {refused.problem}", file=sys.stderr)
    print(f"{report.stored_count} records stored, {report.rejected_count} not")
    return _REFUSED if report.rejected_count else 0


def read_batches(file: Path) -> Iterator[admin_pb2.ImportCatalogRequest]:
    """The records of a file in batches that fit one message; raises `FileRefused`."""
    batch = _new_batch(first_line=1)
    size = 0
    for number, record in _records(file):
        if len(batch.records) == _BATCH_RECORDS or (
            batch.records and size + record.ByteSize() > _BATCH_BYTES
        ):
            yield batch
            batch, size = _new_batch(first_line=number), 0
        batch.records.append(record)
        size += record.ByteSize()
    if batch.records:
        yield batch


def _records(file: Path) -> Iterator[tuple[int, admin_pb2.ImportRecord]]:
    try:
        with file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                yield number, Parse(line, admin_pb2.ImportRecord())
    except ParseError as error:
        raise FileRefused(f"{file}:{number}: {str(error).splitlines()[0]}") from error
    except UnicodeDecodeError as error:
        raise FileRefused(f"{file} is not UTF-8") from error
    except OSError as error:
        raise FileRefused(f"cannot read {file}: {error.strerror}") from error


def _new_batch(*, first_line: int) -> admin_pb2.ImportCatalogRequest:
    return admin_pb2.ImportCatalogRequest(request_id=str(uuid.uuid4()), first_line=first_line)


async def _send(
    target: str, token: str, batches: Iterable[admin_pb2.ImportCatalogRequest]
) -> admin_pb2.ImportCatalogResponse:
    async with open_channel(target, token=token, timeout_seconds=_IMPORT_SECONDS) as channel:
        stub = channel.stub(admin_pb2_grpc.CatalogAdminServiceStub)
        return await stub.ImportCatalog(iter(batches))


def running_catalogue(folder: DataFolder) -> tuple[str, str]:
    """Where the catalogue is, and the token for it: by the environment, or of the running `up`."""
    announced = folder.announced()
    target = os.environ.get("CATALOG_TARGET") or announced.get("catalog_svc")
    token = os.environ.get("MESH_TOKEN") or announced.get("MESH_TOKEN")
    if not target or not token:
        raise StackError(
            f"no ./matinee up is running in {folder.path}: start it, or set CATALOG_TARGET and MESH_TOKEN"
        )
    return target, token
