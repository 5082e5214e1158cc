"""Words, amounts and times for one visitor: gettext catalogues and Babel formats by locale.

The words come from the catalogue of the visitor's language; the formats keep the visitor's region
(`en-GB` reads English words and a 24-hour clock). English is the language the sources are written
in, so it needs no compiled catalogue.
"""

import datetime as dt
import gettext
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_skeleton, format_time
from babel.lists import format_list
from babel.support import NullTranslations, Translations

from mesh.currencies import Amount, written

SOURCE_LANGUAGE = "en"
DOMAIN = "messages"
LOCALES = Path(__file__).parent / "locales"
_KEPT: Final = 2000
"""Formatted amounts, days and headers that are kept: nearly all of a page were met before."""
_LONGEST_HEADER: Final = 500


class Texts:
    """Everything that depends on a visitor's language and region."""

    def __init__(self, locale: Locale, translations: gettext.NullTranslations) -> None:
        self.locale = locale
        self.translations = translations
        self.language_tag = str(locale).replace("_", "-")
        """BCP 47 tag for the page's `lang`."""
        self.direction = locale.text_direction
        """`ltr` or `rtl`."""
        keep = lru_cache(_KEPT)
        self._money = keep(self._format_money)
        self._clock = keep(self._format_clock)
        self._listed = keep(self._format_list)
        self.day = keep(self._format_day)
        """A date's weekday, day and month in full, such as "Sunday 22 November"."""
        self.language = keep(self._language_name)
        """A language's name in the visitor's language, by its tag; silent films have none."""

    def gettext(self, message: str, **values: object) -> str:
        """The message in the visitor's language, with its named blanks filled."""
        text = self.translations.gettext(message)
        return text % values if values else text

    def ngettext(self, singular: str, plural: str, count: int, **values: object) -> str:
        """As `gettext`, by number; `%(count)d` is filled too."""
        return self.translations.ngettext(singular, plural, count) % {"count": count, **values}

    def pgettext(self, context: str, message: str) -> str:
        """As `gettext`, for a word that means different things in different places."""
        return self.translations.pgettext(context, message)

    def money(self, amount: Amount) -> str:
        """The amount with its currency's symbol and number of decimals."""
        return self._money(amount.currency_code, amount.minor_units)

    def clock(self, instant: dt.datetime, zone: ZoneInfo) -> str:
        """Time of day in a theatre's zone, such as "14:30"."""
        local = instant.astimezone(zone)
        return self._clock(local.hour, local.minute)

    def weekday(self, date: dt.date) -> str:
        """Abbreviated weekday, such as "Sun"."""
        return str(format_date(date, "EEE", locale=self.locale))

    def day_and_month(self, date: dt.date) -> str:
        """Such as "22 Nov" or "Nov 22"."""
        return str(format_skeleton("MMMd", _noon(date), locale=self.locale))

    def moment(self, instant: dt.datetime, zone: ZoneInfo) -> str:
        """Date and time of day in a zone, for what is not a show."""
        return str(format_datetime(instant.astimezone(zone), "medium", locale=self.locale))

    def near_day(self, date: dt.date, today: dt.date) -> str:
        """ "Today", "Tomorrow", or the weekday and date."""
        if date == today:
            return self.gettext("Today")
        if date == today + dt.timedelta(days=1):
            return self.gettext("Tomorrow")
        return f"{self.weekday(date)} {self.day_and_month(date)}"

    def country(self, code: str) -> str:
        """A country's name in the visitor's language."""
        return str(self.locale.territories.get(code, code))

    def runtime(self, minutes: int) -> str:
        """A movie's length, such as "1 h 32 min"."""
        hours, rest = divmod(minutes, 60)
        if not hours:
            return self.gettext("%(minutes)d min", minutes=rest)
        if not rest:
            return self.gettext("%(hours)d h", hours=hours)
        return self.gettext("%(hours)d h %(minutes)d min", hours=hours, minutes=rest)

    def listed(self, items: Iterable[str]) -> str:
        """Items as a list in a sentence, such as "A1, A2 and A3"."""
        return self._listed(tuple(items))

    def _format_money(self, currency_code: str, minor_units: int) -> str:
        return written(minor_units, currency_code, self.locale)

    def _format_clock(self, hour: int, minute: int) -> str:
        return str(format_time(dt.time(hour, minute), "short", locale=self.locale))

    def _format_list(self, items: tuple[str, ...]) -> str:
        return str(format_list(items, locale=self.locale))

    def _language_name(self, tag: str) -> str:
        if tag in ("zxx", "und", ""):
            return self.gettext("No dialogue")
        try:
            name = Locale.parse(tag, sep="-").get_display_name(self.locale)
        except (UnknownLocaleError, ValueError):
            return tag
        return name[:1].upper() + name[1:] if name else tag

    def _format_day(self, date: dt.date) -> str:
        return str(format_skeleton("MMMMEEEEd", _noon(date), locale=self.locale))


class TextsByLanguage:
    """Picks the texts for a visitor from what the browser says it reads."""

    def __init__(self, folder: Path = LOCALES) -> None:
        self._translations: dict[str, gettext.NullTranslations] = {SOURCE_LANGUAGE: NullTranslations()}
        for compiled in sorted(folder.glob(f"*/LC_MESSAGES/{DOMAIN}.mo")):
            language = compiled.parent.parent.name
            with compiled.open("rb") as file:
                self._translations[language] = Translations(file)
        self._texts: dict[str, Texts] = {}
        self._choose = lru_cache(_KEPT)(self._chosen)

    def for_header(self, accept_language: str) -> Texts:
        """The texts for an Accept-Language header; English when nothing fits."""
        return self._choose(accept_language[:_LONGEST_HEADER])

    def _chosen(self, accept_language: str) -> Texts:
        for tag in _by_preference(accept_language):
            language = tag.split("-")[0].lower()
            if language in self._translations:
                return self._for_tag(tag, language)
        return self._for_tag(SOURCE_LANGUAGE, SOURCE_LANGUAGE)

    def _for_tag(self, tag: str, language: str) -> Texts:
        locale = _known_locale(tag, language)
        key = str(locale)
        if key not in self._texts:  # bounded: only locales that Babel knows get here
            self._texts[key] = Texts(locale, self._translations[language])
        return self._texts[key]


def _noon(date: dt.date) -> dt.datetime:
    """Babel formats a skeleton of a datetime only; noon is on the same day in UTC."""
    return dt.datetime.combine(date, dt.time(12), dt.UTC)


def _known_locale(tag: str, language: str) -> Locale:
    try:
        return Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(language)


def _by_preference(header: str) -> list[str]:
    weighted: list[tuple[float, str]] = []
    for part in header.split(",")[:20]:
        tag, _, quality = part.strip().partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        if tag and tag != "*" and weight > 0:
            weighted.append((weight, tag))
    return [tag for _, tag in sorted(weighted, key=lambda pair: -pair[0])]
