"""Whether what a record names exists and fits."""

from collections import Counter

from catalog_svc.domain.imports.fields import Problem, Problems
from catalog_svc.domain.imports.known import Known, references_of
from catalog_svc.domain.imports.records import Record
from catalog_svc.domain.movies import Movie
from catalog_svc.domain.places import City
from catalog_svc.domain.shows import Show, ShowPlan, possible_business_dates, starts_in_afternoon
from catalog_svc.domain.theatres import Layout, Screen, Theatre


def reference_problems(record: Record, known: Known) -> Problems:
    """References that lead nowhere or to something that does not fit."""
    missing = [key for key in references_of(record) if known.get(key) is None]
    for key in missing:
        yield Problem(_naming_field(record, key.field), f"there is no {key.id!r}")
    if missing:
        return
    if isinstance(record, Movie) and known.slugs.get(record.slug) != record.movie_id:
        yield Problem("movie.slug", f"is the slug of {known.slugs[record.slug]!r}")
    if isinstance(record, ShowPlan):
        yield from _show_problems(record, known)


def show_of(plan: ShowPlan, known: Known) -> Show | None:
    """The show as it is stored, or None if its references lead nowhere; one on sale keeps its layout."""
    movie, theatre = known.find(Movie, plan.movie_id), known.find(Theatre, plan.theatre_id)
    layout = _layout(plan, known)
    if movie is None or theatre is None or layout is None:
        return None
    return Show(
        plan=plan,
        city_id=theatre.city_id,
        layout_id=layout.layout_id,
        seat_count=len(layout.seats),
        end_time=plan.start_time + movie.runtime,
        in_afternoon=starts_in_afternoon(plan.start_time, theatre.zone),
    )


def _naming_field(record: Record, field: str) -> str:
    owner = {Theatre: "theatre", Screen: "screen", ShowPlan: "show"}.get(type(record), "")
    return f"{owner}.{field.partition('.')[2]}"


def _show_problems(plan: ShowPlan, known: Known) -> Problems:
    theatre, screen = known.find(Theatre, plan.theatre_id), known.find(Screen, plan.screen_id)
    layout = _layout(plan, known)
    city = known.find(City, theatre.city_id) if theatre else None
    if theatre is None or screen is None or city is None or layout is None:
        # What they name is missing, which is told at the line that names it.
        return
    if screen.theatre_id != theatre.theatre_id:
        yield Problem("show.screen_id", f"is a screen of {screen.theatre_id!r}")
    dates = possible_business_dates(plan.start_time, theatre.zone)
    if plan.business_date not in dates:
        local = plan.start_time.astimezone(theatre.zone)
        text = f"must be {' or '.join(map(str, dates))}: the show starts at {local:%Y-%m-%d %H:%M} there"
        yield Problem("show.business_date", text)
    yield from _price_problems(plan, city, layout)


def _price_problems(plan: ShowPlan, city: City, layout: Layout) -> Problems:
    priced = Counter(entry.category_id for entry in plan.prices)
    categories = {category.category_id for category in layout.categories}
    for category_id in sorted(categories - priced.keys()):
        yield Problem("show.prices", f"has no price for {category_id!r}")
    for category_id in sorted(priced.keys() - categories):
        yield Problem("show.prices", f"the layout has no category {category_id!r}")
    for category_id, count in priced.items():
        if count > 1:
            yield Problem("show.prices", f"has {count} prices for {category_id!r}")
    for entry in plan.prices:
        if entry.price.currency_code != city.currency_code:
            yield Problem(
                "show.prices.price.currency_code", f"must be {city.currency_code} in {city.city_id}"
            )
            return


def _layout(plan: ShowPlan, known: Known) -> Layout | None:
    former = known.shows.get(plan.show_id)
    screen = known.find(Screen, plan.screen_id)
    layout_id = former.layout_id if former else screen.layout_id if screen else ""
    return known.find(Layout, layout_id)
