"""No seat is sold twice, whatever happens: buyers race on two real processes while things break.

Each round's history is checked seat by seat for linearizability, then MongoDB and Redis are swept for
contradictions. The short form plays one round of each kind; the long one (`./matinee faults`) goes on for as
long as it is told.
"""

import random
from time import monotonic
from typing import Final

import pytest

from tests.fixtures import history_faults as faults
from tests.fixtures.fault_figures import FaultFigures, long_form_seconds
from tests.fixtures.history_faults import Fault
from tests.fixtures.history_replicas import Replicas
from tests.fixtures.history_round import Findings, play

KINDS: Final[dict[str, tuple[Fault, ...]]] = {
    "processes": (faults.process_killed, faults.process_paused),
    "redis": (faults.redis_killed, faults.redis_paused),
    "wipes": (faults.redis_wiped,),
    "mongodb": (faults.mongo_killed, faults.mongo_paused),
    "links": (faults.redis_late, faults.redis_cut, faults.mongo_late, faults.mongo_cut),
    "deaf": (faults.redis_deaf, faults.mongo_deaf),
}
if long_form_seconds():
    KINDS["at once"] = (
        faults.at_once(faults.redis_killed, faults.mongo_paused),
        faults.at_once(faults.redis_killed, faults.process_paused),
        faults.at_once(faults.redis_cut, faults.mongo_cut),
        faults.at_once(faults.redis_late, faults.process_killed),
        faults.at_once(faults.redis_wiped, faults.mongo_paused),
        faults.at_once(faults.redis_wiped, faults.mongo_deaf),
        faults.at_once(faults.redis_wiped, faults.process_paused),
    )
SECONDS_FOR_EACH: Final = long_form_seconds() / len(KINDS)


@pytest.mark.timeout(180 + 2 * SECONDS_FOR_EACH)
@pytest.mark.parametrize("kind", KINDS)
async def test_every_seat_behaves_as_one_and_is_sold_once(
    replicas: Replicas, kind: str, fault_figures: FaultFigures
) -> None:
    total = Findings()
    until = monotonic() + SECONDS_FOR_EACH
    try:
        while not total.operations or (monotonic() < until and not total.problems):
            total.add(await play(replicas, random.sample(KINDS[kind], len(KINDS[kind]))))
    finally:
        fault_figures.add(f"seats: {kind}", figures_of(total))
    assert not total.problems, "\n".join(total.problems)
    assert total.operations > 100
    assert total.refused


def figures_of(findings: Findings) -> dict[str, int]:
    return {
        "calls": findings.operations,
        "refused": findings.refused,
        "unknown": findings.unknown,
        "faults": len(findings.faults),
        "violations": len(findings.problems),
    }
