"""What an import may not change, because tickets may have been sold on it."""

from catalog_svc.domain.imports.fields import Problem, Problems
from catalog_svc.domain.imports.known import Known, key_of
from catalog_svc.domain.imports.records import Record
from catalog_svc.domain.places import City
from catalog_svc.domain.shows import ShowPlan
from catalog_svc.domain.theatres import Layout, Screen, Theatre


def change_problems(record: Record, stored: Known) -> Problems:
    """What differs from the stored record with the same id and must not."""
    if isinstance(record, ShowPlan):
        yield from _show_changes(record, stored)
        return
    match record, stored.get(key_of(record)):
        case City() as city, City() as former:
            if city.currency_code != former.currency_code:
                yield _fixed("city.currency_code", former.currency_code, "shows are priced in it")
        case Theatre() as theatre, Theatre() as former:
            yield from _theatre_changes(theatre, former, stored)
        case Screen() as screen, Screen() as former:
            if screen.theatre_id != former.theatre_id:
                yield _fixed("screen.theatre_id", former.theatre_id, "screens do not move")
        case Layout() as layout, Layout() as former:
            if layout != former:
                yield Problem("layout.layout_id", "is stored with other seats; a layout never changes")
        case _:
            return


def _theatre_changes(theatre: Theatre, former: Theatre, stored: Known) -> Problems:
    if theatre.theatre_id not in stored.theatres_in_use:
        return
    if theatre.city_id != former.city_id:
        yield _fixed("theatre.city_id", former.city_id, "it has shows")
    if theatre.time_zone != former.time_zone:
        yield _fixed("theatre.time_zone", former.time_zone, "it has shows")


def _show_changes(plan: ShowPlan, stored: Known) -> Problems:
    show = stored.shows.get(plan.show_id)
    if show is None:
        return
    former = show.plan
    if plan.movie_id != former.movie_id:
        yield _fixed("show.movie_id", former.movie_id, "tickets may have been sold")
    if plan.screen_id != former.screen_id:
        yield _fixed("show.screen_id", former.screen_id, "tickets may have been sold")
    if plan.theatre_id != former.theatre_id:
        yield _fixed("show.theatre_id", former.theatre_id, "tickets may have been sold")
    if plan.start_time != former.start_time or plan.business_date != former.business_date:
        yield _fixed("show.start_time", former.start_time.isoformat(), "RescheduleShow moves it")
    if plan.status is not former.status:
        yield _fixed("show.status", former.status.name, "CancelShow cancels, and nothing brings it back")


def _fixed(field: str, stored: str, reason: str) -> Problem:
    return Problem(field, f"is stored as {stored} and cannot be changed by an import: {reason}")
