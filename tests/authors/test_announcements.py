"""Every channel of announcement, whatever it draws: it tells, it can be found, and it asks for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import pytest

from sekft import sandboxes
from sekft.authors.procedural.announcements import ANNOUNCEMENTS, Announcement, announcement_text, noise, remarks
from sekft.authors.procedural.author import compose, orientation
from sekft.authors.procedural.host import Host, land
from sekft.cli.show import scenario_text
from sekft.cli.tables import plain
from sekft.gate.static import _IMPERATIVE
from sekft.protocols import SandboxSpec
from sekft.scenario import Login
from sekft.shell.grounding import Seen
from sekft.taxonomy import load

TOOL = "brimo-ka"
SEEDS = range(8)
SOAK = pytest.mark.soak
DRAWN = [
    ("busybox", SEEDS[::2]), ("gnu", SEEDS[1::2]),
    pytest.param("busybox", SEEDS[1::2], marks=SOAK), pytest.param("gnu", SEEDS[::2], marks=SOAK),
]  # fmt: skip
"""Half of what is drawn is shown in each userland; `./dev soak` has the other half."""
UNRESOLVED = re.compile(r"[<>{}\[\]|]")


def told(channel: str, seed: int, skin: int = 0) -> tuple[Host, Announcement]:
    host = land({}, seed, skin).part("announcement")
    return host, ANNOUNCEMENTS[channel](host, TOOL, announcement_text(host, TOOL))


def masked(text: str, host: Host) -> str:
    """The text with names and numbers made alike."""
    for name in (TOOL, host.user, host.name):
        text = text.replace(name, "_")
    return re.sub(r"\d+", "0", text)


def spec(host: Host, said: Announcement, userland: str) -> SandboxSpec:
    login = Login(
        user=host.user,
        host=host.name,
        home=host.home,
        motd=said.motd,
        banner=said.banner,
        env=dict(said.env),
        prompt=said.prompt or host.prompt,
    )
    return SandboxSpec(userland, login, said.files)


@pytest.mark.parametrize(("userland", "seeds"), DRAWN, ids=str)
@pytest.mark.parametrize("channel", ANNOUNCEMENTS)
async def test_every_way_shows_the_announcement_by_grounded_commands(
    channel: str, userland: str, seeds: Sequence[int]
) -> None:
    """Login shows it, or each of several ways does, and all that a way types was shown before or is common."""
    sandbox = sandboxes.pick("bubblewrap")
    for seed in seeds:
        host, said = told(channel, seed)
        async with sandbox.open(spec(host, said, userland)) as session:
            landed = session.greeting + session.prompt()
            assert (said.needle in landed) == (said.look == [[]]), (seed, landed, said)
            assert said.look == [[]] or len(said.look) >= 3
            for way in said.look:
                seen = Seen()
                seen.add(f"{orientation(host, '')}\n{landed}")
                outputs = []
                for command in way:
                    assert not seen.missing(command), (seed, command, seen.missing(command), landed)
                    outputs.append((await session.exec(command)).output)
                    seen.add(outputs[-1])
                assert not way or said.needle in outputs[-1], (seed, way, outputs)
                assert not seen.missing(TOOL), (seed, way, outputs)


def login_texts(said: Announcement) -> Iterator[str]:
    """What login and the channel's files say."""
    yield from (said.motd, said.banner, said.prompt, *said.env.values())
    yield from (file.content or "" for file in said.files)


@pytest.mark.parametrize("channel", ANNOUNCEMENTS)
def test_no_channel_asks_for_anything(channel: str) -> None:
    """Descriptive in every line, the tool named in the needle, the needle one line without a rest of grammar."""
    for seed in range(300):
        _, said = told(channel, seed)
        assert not [found for text in login_texts(said) if (found := _IMPERATIVE.search(text))]
        assert TOOL in said.needle
        assert "\n" not in said.needle
        assert not re.search(r"<[a-z_]+>|\{[a-z_]+\}", "".join(login_texts(said)))


@pytest.mark.parametrize("channel", ANNOUNCEMENTS)
def test_a_channel_is_another_in_another_skin(channel: str) -> None:
    """A re-skin tells the same by the same channel in other words."""
    for seed in range(20):
        one, other = told(channel, seed)[1], told(channel, seed, skin=1)[1]
        assert one != other
        assert told(channel, seed)[1] == one


@pytest.mark.parametrize("channel", ANNOUNCEMENTS)
def test_login_and_orientation_tell_nothing_of_the_ending(channel: str) -> None:
    """The same seed under another ending lands in the same place; `sekft show` finds the announcement there."""
    for slot in range(4):
        where = {"announcement": frozenset((channel,)), "difficulty": frozenset(("plain",))}
        cell = load().cell(3, slot, where)
        drawn = [compose(cell | {"ending": ending}, slot) for ending in ("work", "empty", "blocked")]
        assert len({(one.orientation, one.login.model_dump_json(), str(one.plan[0])) for one in drawn}) == 1
        assert "nowhere" not in plain(scenario_text(drawn[0])).split("tool ")[0]


def test_announcements_are_worded_in_hundreds_of_ways() -> None:
    """With names and numbers masked, 5,000 sentences are mostly different, and none is common."""
    counted: dict[str, int] = {}
    for seed in range(5000):
        host = land({}, seed).part("announcement")
        text = announcement_text(host, TOOL)
        assert not _IMPERATIVE.search(text), text
        assert not UNRESOLVED.search(text), text
        key = masked(text, host)
        counted[key] = counted.get(key, 0) + 1
    assert len(counted) >= 3000
    assert max(counted.values()) <= 10


@pytest.mark.parametrize("drawn", [noise, remarks])
def test_what_stands_around_is_varied_and_asks_for_nothing(drawn: type) -> None:
    """Lines of real logins and of people's files: many kinds, no imperative, no rest of grammar."""
    counted = set()
    for seed in range(1000):
        host = land({}, seed).part("noise")
        for text in drawn(host, 3):
            assert not _IMPERATIVE.search(text), text
            assert not re.search(r"[<>{}\[\]]", text), text
            counted.add(masked(text, host))
    assert len(counted) >= 500


def test_orientations_vary_and_name_both_endings() -> None:
    """Each names exit and panic, asks for nothing, and hundreds differ."""
    drawn = set()
    for seed in range(2000):
        host = land({}, seed).part("orientation")
        text = orientation(host, "jobq")
        assert "`exit`" in text
        assert "`panic" in text
        assert not _IMPERATIVE.search(text), text
        assert not UNRESOLVED.search(text), text
        drawn.add(masked(text, host))
    assert len(drawn) >= 500
