"""Which files a request wants: its include and exclude patterns, its languages. In .gitignore's own syntax."""

from typing import TYPE_CHECKING

from indexjob.run_spec import RunSpec
from indexjob_worker.errors import InvalidRunSpecError
from indexjob_worker.languages import LANGUAGES, Language, language_of

if TYPE_CHECKING:
    import pathspec


class Selection:
    """A request's choice among a commit's files."""

    def __init__(self, spec: RunSpec) -> None:
        """Raises: InvalidRunSpecError for a pattern or a language that is none."""
        unknown = sorted(set(spec.languages) - set(LANGUAGES))
        if unknown:
            known = ", ".join(LANGUAGES)
            raise InvalidRunSpecError(f"There is no language {', '.join(unknown)}; choose from {known}.")
        self._languages = frozenset(spec.languages or LANGUAGES)
        self._include = _patterns(spec.include, "include")
        self._exclude = _patterns(spec.exclude, "exclude")

    def takes(self, path: str) -> bool:
        """Whether the patterns want this path."""
        if self._include is not None and not self._include.match_file(path):
            return False
        return self._exclude is None or not self._exclude.match_file(path)

    def takes_language(self, language: Language) -> bool:
        """Whether files of this language are wanted."""
        return language.name in self._languages

    @staticmethod
    def language_of(path: str) -> Language | None:
        """The language of a path, None if it is none of ours."""
        return language_of(path)


def _patterns(patterns: tuple[str, ...], which: str) -> "pathspec.GitIgnoreSpec | None":
    if not patterns:
        return None
    import pathspec  # noqa: PLC0415 - most requests have no patterns

    try:
        return pathspec.GitIgnoreSpec.from_lines(patterns)
    except (ValueError, TypeError) as error:
        raise InvalidRunSpecError(f"A pattern of {which} is no .gitignore pattern: {error}") from error
