"""Which language is shown: what was asked for, else that of the locale."""

from collections.abc import Mapping

from definitions_contract.words import Lang


def language(asked: Lang | None, environ: Mapping[str, str]) -> Lang:
    """Give Japanese when the locale is Japanese and nothing else was asked for.

    >>> language(None, {"LANG": "ja_JP.UTF-8"}), language("en", {"LANG": "ja_JP.UTF-8"}), language(None, {})
    ('ja', 'en', 'en')
    """
    if asked is not None:
        return asked
    locale = next((environ[name] for name in ("LC_ALL", "LC_MESSAGES", "LANG") if environ.get(name)), "")
    return "ja" if locale.startswith("ja") else "en"
