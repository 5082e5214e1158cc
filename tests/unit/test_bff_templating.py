"""Templates with their language's words in them say what they would say without."""

from gettext import NullTranslations
from typing import Final

import pytest
from jinja2 import DictLoader, Environment, StrictUndefined, UndefinedError
from markupsafe import Markup

from bff.templating import TranslatedEnvironment


class Dutch(NullTranslations):
    """A catalogue that also knows marks, per cent signs and blanks."""

    WORDS: Final = {
        "Seat": "Stoel",
        "Bold": "<b>Vet</b>",
        "20 %% off": "20 %% korting",
        "Seats %(seats)s in %(city)s": "<i>%(city)s</i>: stoelen %(seats)s",
    }

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    def gettext(self, message: str) -> str:
        self.asked.append(message)
        return self.WORDS.get(message, message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return f"%(num)d {'plaats' if n == 1 else 'plaatsen'}"


TEXTS = {
    "plain": '{{ _("Seat") }}, {{ _("Bold") }}, {{ _("20 %% off") }}, {{ _("Not known") }}',
    "blanks": '{{ _("Seats %(seats)s in %(city)s", seats=seats, city=city) }}',
    "fixed blanks": '{{ _("Seats %(seats)s in %(city)s", seats="{seats}", city="<b>") }}',
    "in an expression": '{{ (_("Seat") ~ city)|upper }}{{ _("Bold") if seats else _("Seat") }}',
    "as an argument": '{% macro m(text) %}<u>{{ text }}</u>{% endmacro %}{{ m(_("Bold")) }}{{ m(city) }}',
    "in an attribute": '<a title="{{ _("Bold") }}" href="{{ asset("icon.svg") }}">',
    "by number": '{{ ngettext("%(num)d seat", "%(num)d seats", 1) }}{{ ngettext("a", "b", 7) }}',
    "unknown until then": "{{ _(city) }}{{ asset(city) }}",
    "a name of its own": "{% for _ in range(2) %}{{ _ }}{% endfor %}",
    "a block": '{% block head %}{{ _("Seat") }}{% endblock %}',
}


def usual(translations: NullTranslations) -> Environment:
    """What Jinja makes of it by itself."""
    environment = Environment(
        loader=DictLoader(TEXTS), autoescape=True, undefined=StrictUndefined, extensions=["jinja2.ext.i18n"]
    )
    environment.globals["asset"] = lambda name: f"/static/f/{name}"
    environment.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
    return environment


def translated(translations: NullTranslations) -> TranslatedEnvironment:
    return TranslatedEnvironment(
        translations, lambda name: f"/static/f/{name}", loader=DictLoader(TEXTS), undefined=StrictUndefined
    )


@pytest.mark.parametrize("name", list(TEXTS))
@pytest.mark.parametrize(
    "values", [{"seats": "A & B", "city": "<Gent>"}, {"seats": Markup("<b>"), "city": 7}]
)
def test_a_template_says_what_it_says_without(name: str, values: dict[str, object]) -> None:
    expected = usual(Dutch()).get_template(name).render(**values)
    assert translated(Dutch()).get_template(name).render(**values) == expected


def test_words_are_looked_up_once() -> None:
    dutch = Dutch()
    environment = translated(dutch)
    for _ in range(3):
        environment.get_template("plain").render()
        environment.get_template("blanks").render(seats="A1", city="Gent")
    assert sorted(dutch.asked) == sorted([*Dutch.WORDS, "Not known"])


def test_a_blank_that_nobody_fills_is_a_fault() -> None:
    with pytest.raises(UndefinedError):
        translated(Dutch()).get_template("blanks").render(seats="A1")


def test_an_asset_that_does_not_exist_fails_when_the_template_is_compiled() -> None:
    def url(name: str) -> str:
        raise KeyError(name)

    environment = TranslatedEnvironment(NullTranslations(), url, loader=DictLoader(TEXTS))
    with pytest.raises(KeyError):
        environment.get_template("in an attribute")
