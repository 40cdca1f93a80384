"""What somebody is about to buy."""

from shop.prices import price


class Cart:
    """Names of things, and how many of each."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}

    def add(self, name: str, count: int = 1) -> None:
        """Put some more in."""
        self.lines[name] = self.lines.get(name, 0) + count

    def total(self) -> int:
        """What all of it costs."""
        return sum(price(name) * count for name, count in self.lines.items())
