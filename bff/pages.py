"""Templates to HTML: one Jinja environment for each language, and what every page is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from gettext import NullTranslations
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from bff.cache import TtlCache
from bff.posters import draw_words
from bff.presenters.places import CityChoice
from bff.presenters.seatplan import SeatCell
from bff.templating import TranslatedEnvironment
from bff.texts import Texts
from mesh.ids import new_request_id

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Page:
    """What a template knows besides its own view."""

    texts: Texts
    path: str
    new_csrf_token: Callable[[], str]
    """Called only where a form is: it starts the visitor's session."""
    city: CityChoice | None = None
    query: str = ""
    inbox: bool = False

    @staticmethod
    def new_request_id() -> str:
        """An id for one form: sending that form twice is one change."""
        return new_request_id()


@dataclass(frozen=True, slots=True)
class SharedPage:
    """A page that is the same for every visitor of a language, plain and compressed."""

    plain: bytes = field(repr=False)
    compressed: bytes = field(repr=False)
    headers: Mapping[str, str]


class SharedPages(TtlCache[SharedPage]):
    """The shared pages that were asked for last."""

    _SECONDS = 2.0
    """As long as it is remembered how full shows are."""
    _MOST = 200

    def __init__(self, monotonic: Callable[[], float]) -> None:
        # What a page is made from may be old already: a page is not kept for longer on top of that.
        super().__init__(self._SECONDS, self._MOST, monotonic, stale_seconds=0)


class Pages:
    """Renders templates; made once for a process."""

    def __init__(self, asset_url: Callable[[str], str]) -> None:
        self._asset_url = asset_url
        self._by_language: dict[str, Environment] = {}

    def render(self, template: str, page: Page, **values: object) -> str:
        """The page's HTML in its visitor's language."""
        return self._template(template, page.texts).render(page=page, **values)

    def draw_seat(self, texts: Texts, seat: SeatCell) -> Markup:
        """One seat of a map, the same for every visitor."""
        return Markup(self._template("seat.html", texts).render(seat=seat))  # noqa: S704 - it escapes

    def _template(self, name: str, texts: Texts) -> Template:
        language = texts.locale.language
        if language not in self._by_language:
            self._by_language[language] = self._environment(texts.translations)
        return self._by_language[language].get_template(name)

    def _environment(self, translations: NullTranslations) -> Environment:
        environment = TranslatedEnvironment(
            translations,
            self._asset_url,
            loader=FileSystemLoader(TEMPLATES),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.globals["drawn_words"] = draw_words
        return environment
