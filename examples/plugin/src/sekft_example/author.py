"""An author whose hosts greet: what the procedural author composes, with a line above the message of the day."""

from __future__ import annotations

from sekft.authors import DrawingAuthor
from sekft.authors.procedural.author import compose
from sekft.protocols import AuthorConfig
from sekft.scenario import Cell, Scenario


class Greeting(DrawingAuthor):
    name = "greeting"

    async def draw(self, cell: Cell, seed: int, skin: int = 0) -> Scenario:
        scenario = compose(cell, seed, skin)
        login = scenario.login.model_copy(update={"banner": f"Good morning.\n{scenario.login.banner}"})
        return scenario.sealed(login=login)


def make(config: AuthorConfig) -> Greeting:
    return Greeting()
