"""Options refuse what no machine can do, whatever its size."""

import pytest

from sakuga.story.limits import MAX_LETTERS, MAX_SEED
from sakuga.story.options import SECONDS, SEED, SettingsError, Text


@pytest.mark.parametrize("value", [MAX_SEED + 1, 2**64 - 1, 10**400, -1, True, 1.0, "1"])
def test_a_seed_is_a_whole_number_of_63_bits(value: object) -> None:
    with pytest.raises(SettingsError, match=r"seed: .*choose 0 to 2.63 - 1"):
        SEED.check("seed", value)
    assert SEED.check("seed", MAX_SEED) == MAX_SEED


@pytest.mark.parametrize("value", [float("inf"), float("nan"), 1e12, 10**400, 0])
def test_a_length_is_a_number_in_range(value: float) -> None:
    with pytest.raises(SettingsError, match="choose above 0 to 3600"):
        SECONDS.check("seconds", value)


def test_a_text_has_an_end() -> None:
    with pytest.raises(SettingsError, match="20,001 characters, and 20,000 are the most"):
        Text(help="prompt").check("prompt", "x" * (MAX_LETTERS + 1))
