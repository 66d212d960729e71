"""Words in the service's two languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """The same words in Chinese and in English."""

    zh: str
    en: str

    def get(self, language: str) -> str:
        """The words in ``zh`` or ``en``."""
        return self.en if language == "en" else self.zh
