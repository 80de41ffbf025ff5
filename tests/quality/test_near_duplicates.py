"""Texts with what is drawn masked, and clusters of near-duplicates among them."""

from __future__ import annotations

from sekft.quality.texts import clusters, masked

ASKED = "Count the lines of {} that mention '{}' and write only the number, {} at most, to {}"


def filled(*slots: str) -> str:
    return ASKED.format(*slots)


def test_what_is_drawn_is_masked() -> None:
    """Quotations, paths, numbers and words that hardly any text holds do not make two texts differ."""
    one, other = masked(
        (text, ())
        for text in (
            filled("/srv/obba.log", "lim tofa", "17", "~/nur"),
            filled("/opt/a-b/c", "x", "5", "/home/ana/q.txt"),
        )
    )
    assert one == other
    assert one.split()[:3] == ["Count", "the", "lines"]


def test_names_are_masked_even_where_they_are_common() -> None:
    """What a scenario names is no wording, however many scenarios name the same."""
    texts = ["the ledger of ana waits"] * 3 + ["the roster of ivo waits"] * 3
    names = [{"ledger", "ana"}] * 3 + [{"roster", "ivo"}] * 3
    assert set(masked(zip(texts, names, strict=True))) == {"the NAME of NAME waits"}


def test_a_name_of_many_words_weighs_as_much_as_one() -> None:
    """Masked names side by side are one."""
    assert masked([("move obba lim tofa away", {"obba", "lim", "tofa"})] * 2)[0] == "move NAME away"


def test_near_duplicates_form_one_cluster_and_others_stay_apart() -> None:
    """One changed word in a long text leaves it near; another text of the same words does not belong."""
    base = "the tool prints every entry that waits for this account and says nothing of those that are closed or gone"
    near = base.replace("gone", "lost")
    apart = " ".join(reversed(base.split()))
    groups = clusters([base, apart, near, base])
    assert [sorted(group) for group in groups] == [[0, 2, 3], [1]]


def test_clusters_hold_every_text_once() -> None:
    """Blank and one-word texts have a place, too; equal ones share it."""
    groups = clusters(["", "a", "", "b c", "a"])
    assert sorted(map(sorted, groups)) == [[0, 2], [1, 4], [3]]
