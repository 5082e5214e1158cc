"""CatalogAdminService: changes."""

from collections.abc import AsyncIterator
from typing import Any

from grpc import aio
from matinee.catalog.v1 import admin_pb2, admin_pb2_grpc

from catalog_svc.convert import from_proto, to_proto
from catalog_svc.domain.imports.batch import Line, Refusal
from catalog_svc.domain.imports.fields import Problem
from catalog_svc.errors import SyncNotAvailable
from catalog_svc.ports import Catalogue, CatalogueArchive
from catalog_svc.usecases import imports, schedule
from mesh.clock import Clock
from mesh.errors import InvalidField

Context = aio.ServicerContext[Any, Any]

_MOST_REFUSED = 1000


class CatalogAdminServicer(admin_pb2_grpc.CatalogAdminServiceServicer):
    """See the proto."""

    def __init__(self, archive: CatalogueArchive, catalogue: Catalogue, clock: Clock) -> None:
        self._archive = archive
        self._catalogue = catalogue
        self._clock = clock

    async def ImportCatalog(
        self, request_iterator: AsyncIterator[admin_pb2.ImportCatalogRequest], _context: Context
    ) -> admin_pb2.ImportCatalogResponse:
        """See the proto."""
        report = admin_pb2.ImportCatalogResponse()
        async for batch in request_iterator:
            lines, unreadable = _read(batch)
            outcome = await imports.import_batch(
                from_proto.request_key(batch), lines, unreadable, self._archive, self._catalogue
            )
            report.stored_count += outcome.stored
            report.rejected_count += outcome.rejected
            room = _MOST_REFUSED - len(report.refused)
            report.refused.extend(to_proto.refusal(refusal) for refusal in outcome.refusals[:room])
        return report

    async def CancelShow(
        self, request: admin_pb2.CancelShowRequest, _context: Context
    ) -> admin_pb2.CancelShowResponse:
        """See the proto."""
        show, theatre = await schedule.cancel_show(
            from_proto.request_key(request),
            request.show_id,
            request.cancel_reason,
            self._archive,
            self._catalogue,
        )
        return admin_pb2.CancelShowResponse(show=to_proto.show(show, theatre))

    async def RescheduleShow(
        self, request: admin_pb2.RescheduleShowRequest, _context: Context
    ) -> admin_pb2.RescheduleShowResponse:
        """See the proto."""
        show, theatre = await schedule.reschedule_show(
            from_proto.request_key(request),
            request.show_id,
            from_proto.time("start_time", request.start_time),
            request.reschedule_reason,
            self._clock.now(),
            self._archive,
            self._catalogue,
        )
        return admin_pb2.RescheduleShowResponse(show=to_proto.show(show, theatre))

    async def SyncTheatre(
        self, _request: admin_pb2.SyncTheatreRequest, _context: Context
    ) -> admin_pb2.SyncTheatreResponse:
        """Not offered yet."""
        raise SyncNotAvailable


def _read(batch: admin_pb2.ImportCatalogRequest) -> tuple[list[Line], list[Refusal]]:
    """The batch's records, and the lines that hold none."""
    first = batch.first_line or 1
    lines: list[Line] = []
    unreadable: list[Refusal] = []
    for number, message in enumerate(batch.records, first):
        try:
            lines.append(Line(number, from_proto.record(message)))
        except InvalidField as error:
            unreadable.append(Refusal(number, Problem(error.field, error.problem)))
    return lines, unreadable
