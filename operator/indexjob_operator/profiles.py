"""Profiles: the named pod settings that an administrator defines and a request names."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, PositiveInt

DAY = 24 * 3600


class Profile(BaseModel):
    """What every run under this name gets."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    deadline_seconds: PositiveInt = 3600
    """For clone and index together, kept by the worker itself; a request may ask for less or more, up to a day."""


class UnknownProfileError(Exception):
    """A request names a profile that the administrator has not defined."""


class Profiles(BaseModel):
    """All of them, by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    profiles: dict[str, Profile] = {"default": Profile()}

    def named(self, name: str) -> Profile:
        """Look one up.

        Raises:
            UnknownProfileError: with the names that there are.
        """
        if (profile := self.profiles.get(name)) is None:
            msg = f'There is no profile "{name}". Use one of: {", ".join(sorted(self.profiles))}.'
            raise UnknownProfileError(msg)
        return profile
