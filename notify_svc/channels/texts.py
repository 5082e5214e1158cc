"""Words, amounts and times in a customer's language.

The sources are English; another language needs its catalogue in `locales/`.
"""

import datetime as dt
import gettext
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time
from babel.lists import format_list
from babel.support import NullTranslations, Translations

from mesh.currencies import written
from mesh.money import Money

_SOURCE_LANGUAGE = "en"
_KEPT = 1024
"""Different amounts, days and times that are remembered as they were formatted last."""
_TAGS_KEPT = 32
"""Languages and regions of customers, each with memories of its own."""
_LOCALES = Path(__file__).parent.parent / "locales"


class Texts:
    """Everything that depends on the customer's language and region."""

    def __init__(self, language: str, locale: Locale, translations: gettext.NullTranslations) -> None:
        self.language = language
        """The catalogue's language, such as "en"; the region only shows in formats."""
        self._locale = locale
        self.translations = translations
        self.language_tag = str(locale).replace("_", "-")
        """BCP 47 tag."""
        keep = lru_cache(_KEPT)
        self._money = keep(self._format_money)
        self._clock = keep(self._format_clock)
        self._day = keep(self._format_day)
        self.language_name = keep(self._name_of_language)
        """A language's name; empty for films without words and for unknown tags."""

    @property
    def direction(self) -> str:
        """`ltr` or `rtl`."""
        return str(self._locale.text_direction)

    def money(self, amount: Money) -> str:
        """The amount with its currency's symbol and number of decimals."""
        return self._money(amount)

    def clock(self, instant: dt.datetime, zone: ZoneInfo) -> str:
        """Time of day in that zone, such as "2:30 PM"."""
        return self._clock(instant.astimezone(zone).time())

    def day(self, instant: dt.datetime, zone: ZoneInfo) -> str:
        """Day in that zone, such as "Sunday, November 22, 2026"."""
        return self._day(instant.astimezone(zone).date())

    def moment(self, instant: dt.datetime, zone: ZoneInfo) -> str:
        """Day and time of day in that zone, such as "Sunday, November 22, 2026, 2:30 PM"."""
        return f"{self.day(instant, zone)}, {self.clock(instant, zone)}"

    def listed(self, items: Sequence[str]) -> str:
        """Items as a list in a sentence, such as "A1, A2, and A3"."""
        return str(format_list(list(items), locale=self._locale))

    def _format_money(self, amount: Money) -> str:
        return written(amount.minor_units, amount.currency_code, self._locale)

    def _format_clock(self, time: dt.time) -> str:
        return str(format_time(time, "short", locale=self._locale))

    def _format_day(self, date: dt.date) -> str:
        return str(format_date(date, "full", locale=self._locale))

    def _name_of_language(self, tag: str) -> str:
        try:
            name = Locale.parse(tag, sep="-").get_display_name(self._locale)
        except (UnknownLocaleError, ValueError):
            return ""
        return "" if tag in ("zxx", "und") else str(name or "")


class TextsByLanguage:
    """Picks the texts by the language that the customer booked in."""

    def __init__(self, folder: Path = _LOCALES) -> None:
        self.languages: dict[str, gettext.NullTranslations] = {_SOURCE_LANGUAGE: NullTranslations()}
        for compiled in sorted(folder.glob("*/LC_MESSAGES/messages.mo")):
            with compiled.open("rb") as file:
                self.languages[compiled.parent.parent.name] = Translations(file)
        self.for_tag = lru_cache(_TAGS_KEPT)(self._for_tag)
        """The texts for a BCP 47 tag; English when there are none."""

    def _for_tag(self, tag: str) -> Texts:
        language = tag.split("-")[0].lower()
        if language not in self.languages:
            tag = language = _SOURCE_LANGUAGE
        try:
            locale = Locale.parse(tag, sep="-")
        except (UnknownLocaleError, ValueError):
            locale = Locale.parse(language)
        return Texts(language, locale, self.languages[language])
