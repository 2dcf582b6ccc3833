"""Which language is shown: what was asked for, else that of the locale."""

import os
from collections.abc import Mapping

from definitions_contract.words import Lang
from pipelines.terminal import language_of


def language(asked: Lang | None, environ: Mapping[str, str]) -> Lang:
    """Give Japanese when the locale is Japanese and nothing else was asked for.

    >>> language(None, {"LANG": "ja_JP.UTF-8"}), language("en", {"LANG": "ja_JP.UTF-8"}), language(None, {})
    ('ja', 'en', 'en')
    """
    return asked or language_of(environ)


def locale_language() -> Lang:
    """Give the locale's language: the default of every --lang."""
    return language_of(os.environ)
