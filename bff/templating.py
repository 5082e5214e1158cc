"""Templates that hold their language's words: what is the same each time is worked out when one is compiled.

There is one environment for each language, so that a text without blanks is a part of its template like
any mark, and of a text with blanks only those are left to fill. The same goes for addresses of assets.
"""

from collections.abc import Callable, MutableMapping
from gettext import NullTranslations
from typing import Any

from jinja2 import Environment, nodes
from jinja2.visitor import NodeTransformer
from markupsafe import Markup


class TranslatedEnvironment(Environment):
    """A Jinja environment of one language; to templates it is any other (newstyle gettext, autoescape)."""

    def __init__(
        self, translations: NullTranslations, asset_url: Callable[[str], str], **options: Any
    ) -> None:
        super().__init__(autoescape=True, extensions=["jinja2.ext.i18n"], **options)
        self.globals["asset"] = asset_url
        self.install_gettext_translations(translations, newstyle=True)  # type: ignore[attr-defined]
        self._known_now = _KnownNow(translations, asset_url)

    def compile(self, source: Any, name: str | None = None, filename: str | None = None, *more: Any) -> Any:
        """See Jinja's: it is given a template's text, or its tree."""
        tree = self.parse(source, name, filename) if isinstance(source, str) else source
        return super().compile(self._known_now.visit(tree), name, filename, *more)

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        """See Jinja's, which makes a ChainMap of globals that no template has and copies it for each page."""
        return super().make_globals(d) if d else self.globals


class _KnownNow(NodeTransformer):
    """Puts answers in the place of calls whose text is a literal."""

    def __init__(self, translations: NullTranslations, asset_url: Callable[[str], str]) -> None:
        self._translations = translations
        self._asset_url = asset_url

    def visit_Call(self, call: nodes.Call) -> nodes.Node:
        self.generic_visit(call)
        if call.dyn_args or call.dyn_kwargs:
            return call
        match call.node, call.args:
            case nodes.Name(name="asset"), [nodes.Const(value=str() as name)]:
                return nodes.Const(self._asset_url(name), lineno=call.lineno)
            case nodes.Name(name="_"), [nodes.Const(value=str() as message)]:
                # As the extension does: translators may use marks, and blanks are escaped.
                words = Markup(self._translations.gettext(message))  # noqa: S704
                text = nodes.Const(words, lineno=call.lineno)
                blanks = [
                    nodes.Pair(nodes.Const(each.key, lineno=call.lineno), each.value, lineno=call.lineno)
                    for each in call.kwargs
                ]
                return nodes.Mod(text, nodes.Dict(blanks, lineno=call.lineno), lineno=call.lineno)
        return call
