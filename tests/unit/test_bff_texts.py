"""Words, money and times by language, region and zone."""

import datetime as dt
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest

from bff.texts import LOCALES, Texts, TextsByLanguage

ROOT = Path(__file__).parent.parent.parent


def texts(header: str) -> Texts:
    return TextsByLanguage().for_header(header)


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("en-GB,en;q=0.8", "en-GB"),
        ("de-DE;q=0.9,en-IN;q=0.5", "en-IN"),
        ("xx", "en"),
        ("", "en"),
        ("en;q=0, *", "en"),
        ("en;q=nonsense", "en"),
        ("en-" + "x" * 10_000, "en"),
        ("en-XX-YY-zz;q=1", "en"),
    ],
)
def test_the_language_is_the_best_that_we_have_and_the_region_the_visitors(header: str, tag: str) -> None:
    assert texts(header).language_tag == tag


@pytest.mark.parametrize(
    ("currency", "minor_units", "shown"),
    [
        ("EUR", 680, "€6.80"),
        ("INR", 45_000, "₹450.00"),
        ("JPY", 1800, "¥1,800"),
        ("KWD", 3250, "KWD\xa03.250"),
        ("EUR", -170, "-€1.70"),
    ],
)
def test_money_has_its_currencys_own_decimals(currency: str, minor_units: int, shown: str) -> None:
    amount = SimpleNamespace(currency_code=currency, minor_units=minor_units)
    assert texts("en-US").money(amount) == shown


def test_times_are_told_in_the_zone_asked_for() -> None:
    instant = dt.datetime(2026, 3, 29, 1, 30, tzinfo=dt.UTC)
    assert texts("en-GB").clock(instant, ZoneInfo("Europe/London")) == "02:30"  # summer time began at 1:00
    assert texts("en-GB").clock(instant, ZoneInfo("Asia/Kolkata")) == "07:00"
    assert texts("en-US").clock(instant, ZoneInfo("Asia/Kolkata")) == "7:00\u202fAM"


def test_days_near_today_have_names() -> None:
    today = dt.date(2026, 11, 22)
    assert texts("en").near_day(today, today) == "Today"
    assert texts("en").near_day(today + dt.timedelta(days=1), today) == "Tomorrow"
    assert texts("en-GB").near_day(today + dt.timedelta(days=2), today) == "Tue 24 Nov"


@pytest.mark.parametrize(
    ("tag", "name"),
    [("hi", "Hindi"), ("zxx", "No dialogue"), ("", "No dialogue"), ("not-a-tag", "not-a-tag")],
)
def test_languages_have_names(tag: str, name: str) -> None:
    assert texts("en").language(tag) == name


@pytest.mark.parametrize(("minutes", "shown"), [(12, "12 min"), (60, "1 h"), (153, "2 h 33 min")])
def test_runtimes_are_hours_and_minutes(minutes: int, shown: str) -> None:
    assert texts("en").runtime(minutes) == shown


def test_a_compiled_catalogue_is_used_and_its_direction_too(tmp_path: Path) -> None:
    folder = tmp_path / "ar" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\n'
    (folder / "messages.po").write_text(f'{header}msgid "Today"\nmsgstr "اليوم"\n')
    subprocess.run(
        [sys.executable, "-m", "babel.messages.frontend", "-q", "compile", "-d", tmp_path, "-l", "ar"],
        check=True,
        timeout=60,
    )
    arabic = TextsByLanguage(tmp_path).for_header("ar-EG, en;q=0.5")
    assert arabic.gettext("Today") == "اليوم"
    assert (arabic.direction, arabic.language_tag) == ("rtl", "ar-EG")
    assert TextsByLanguage(tmp_path).for_header("fr").gettext("Today") == "Today"


def test_the_catalogue_template_holds_every_text_of_the_sources(tmp_path: Path) -> None:
    fresh = tmp_path / "messages.pot"
    mapping = str(LOCALES / "babel.cfg")
    arguments = ["--no-location", "--omit-header", "--sort-output", "-F", mapping, "-o", str(fresh)]
    subprocess.run(
        [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", *arguments, "bff"],
        check=True,
        cwd=ROOT,
        timeout=60,
    )
    assert fresh.read_text() == (LOCALES / "messages.pot").read_text()
