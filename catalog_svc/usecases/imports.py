"""Storing a batch of an import, whole or not at all."""

from collections.abc import Sequence
from dataclasses import dataclass

from catalog_svc.domain.imports.batch import Line, Refusal, flaws_in, plan_import
from catalog_svc.errors import BatchTooLarge
from catalog_svc.ports import Catalogue, CatalogueArchive, CatalogueChange, Receipt, RequestKey
from mesh.errors import InvalidField, RequestIdReused
from mesh.ids import is_request_id

MOST_RECORDS = 1000
_IMPORT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What became of a batch: with any refusal nothing of it was stored."""

    stored: int
    rejected: int
    refusals: Sequence[Refusal]


async def import_batch(
    key: RequestKey,
    lines: Sequence[Line],
    unreadable: Sequence[Refusal],
    archive: CatalogueArchive,
    catalogue: Catalogue,
) -> ImportOutcome:
    """Stores the lines' records in one transaction, unless any of them, or any unreadable line, is refused.

    A repeat of a stored batch changes nothing and gets the same answer; a
    refused batch leaves no trace, so it may be sent again with its id when it
    has been put right. Raises RequestIdReused, BatchTooLarge, InvalidField.
    """
    if not is_request_id(key.request_id):
        raise InvalidField("request_id", "must be a UUID")
    size = len(lines) + len({refusal.line for refusal in unreadable})
    if size > MOST_RECORDS:
        raise BatchTooLarge(MOST_RECORDS)

    flaws = flaws_in(lines)
    sound = [line.record for line in lines if line.number not in flaws]

    async def store(change: CatalogueChange) -> Sequence[Refusal]:
        receipt = await change.receipt(key.request_id)
        if receipt is not None:
            if receipt.digest != key.digest:
                raise RequestIdReused
            return ()
        plan = plan_import(lines, flaws, await change.known(sound))
        refusals = sorted([*plan.refusals, *unreadable], key=lambda refusal: refusal.line)
        if not refusals:
            await change.save(plan.changes)
            await change.keep_receipt(key.request_id, Receipt(key.digest))
        return refusals

    refusals = await archive.change(store, _IMPORT_SECONDS)
    if refusals:
        return ImportOutcome(0, size, refusals)
    catalogue.expire()
    return ImportOutcome(size, 0, ())
