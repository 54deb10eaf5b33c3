import numpy as np
import pandas as pd
import pytest
from error_laws import LAWS
from scipy import stats
from simulated_lines import winners_anew

from dsx.analysis.confirmation import confirm, confirmation_in_words
from dsx.analysis.replicates import variances
from dsx.base.errors import DsxError
from dsx.recipes.metric import Metric


def results(errors, models, state="done"):
    return pd.DataFrame({"model_id": models, "state": state, "error": errors})


def winners(seed, luck=1.0, n=64, top=8, seeds=3):
    """True errors of the winners of n models, results before, and anew: normal with variances 1 and luck²."""
    rng = np.random.default_rng(seed)
    true = rng.normal(10, 1, n)
    seen = true + rng.normal(0, luck, n)
    best = np.argsort(seen)[:top]
    names = np.array([f"m{i}" for i in range(n)])
    fresh = true[best, None] + rng.normal(0, luck, (top, seeds))
    return true[best], results(seen, names), results(fresh.ravel(), np.repeat(names[best], seeds))


def test_a_table_by_hand():
    before = results([2.0, 1.0, 3.0, 9.0], list("bacd"))
    anew = results([4.0, 2.0, 3.0, 3.0, 5.0, 1.0], list("aabbcc"))
    confirmation = confirm(before, anew)
    assert confirmation.table["model_id"].tolist() == ["a", "b", "c"]
    assert confirmation.table["before"].tolist() == [1, 2, 3]
    assert confirmation.table["anew"].tolist() == [3, 3, 3]
    assert confirmation.table["change"].tolist() == [2, 1, 0]
    assert confirmation.table["seeds"].tolist() == [2, 2, 2]
    assert confirmation.table["rank"].tolist() == [1, 2, 3]
    # variances of the seeds: 2, 0, 8, with 3 degrees of freedom
    half = stats.t.ppf(0.975, 3) * np.sqrt((2 + 0 + 8) / 3 / 2)
    assert confirmation.table["high"].to_numpy() == pytest.approx(3 + half)
    assert confirmation.change == 1
    assert np.isnan([confirmation.low, confirmation.high]).all()  # of three models
    assert confirmation.parts == variances(anew["error"], anew["model_id"])
    assert confirmation.agreement is None  # all are equal anew


def test_the_change_has_the_interval_of_a_median():
    changes = np.array([0.5, -0.25, 2.0, 0.0, 0.75, 1.0, 88.0])
    names = [f"m{i}" for i in range(7)]
    confirmation = confirm(results(np.full(7, 3.0), names), results(3 + changes, names))
    assert confirmation.change == np.median(changes)
    # ranks 1 and 7 hold it with 1 − 2/2⁷, 2 and 6 with 1 − 16/2⁷
    short = (1 - 2 / 128 - 0.95) / (14 / 128)
    inwards = 6 * short / (1 + 5 * short)
    assert (confirmation.low, confirmation.high) == pytest.approx((-0.25 + 0.25 * inwards, 88 - 86 * inwards))
    assert np.isnan(confirm(results(np.full(5, 3.0), names[:5]), results(3 + changes[:5], names[:5])).low)


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS)
@pytest.mark.parametrize(("top", "seeds"), [(6, 1), (10, 3)])
def test_the_changes_interval_holds_whatever_the_law_of_luck(name, top, seeds):
    told = [winners_anew(np.random.default_rng([top, seeds, r]), name, 100, top, seeds) for r in range(200)]
    changes = [confirmation.table["change"] for confirmation in told]
    low, high = np.transpose([(confirmation.low, confirmation.high) for confirmation in told])
    held = np.mean((low <= np.median(changes)) & (np.median(changes) <= high))
    assert 0.93 - 0.031 <= held <= 0.97 + 0.031  # two standard errors of 200 repeats


@pytest.mark.slow
def test_luck_is_what_the_winners_lose_and_the_intervals_cover_what_is_true():
    changes, shown, covered = [], [], []
    for seed in range(300):
        true, before, anew = winners(seed)
        confirmation = confirm(before, anew)
        changes.append(confirmation.table["change"].mean())
        shown.append(confirmation.low > 0)
        covered.append((confirmation.table["low"] <= true) & (true <= confirmation.table["high"]))
    # half of the spread is luck, so winners lose half of what they were ahead of the mean
    ahead = [10 - confirm(*winners(seed)[1:]).table["before"].mean() for seed in range(60)]
    assert np.mean(changes) == pytest.approx(np.mean(ahead) / 2, abs=0.06)
    assert np.mean(shown) > 0.65
    assert 0.935 <= np.mean(covered) <= 0.965
    none = [confirm(*winners(seed, luck=1e-6)[1:]).change for seed in range(20)]
    assert np.abs(none).max() < 1e-5


def test_the_agreement_is_kendalls_of_both_orders():
    _, before, anew = winners(3)
    confirmation = confirm(before, anew)
    expected = stats.kendalltau(confirmation.table["before"], confirmation.table["anew"]).statistic
    assert confirmation.agreement.tau == pytest.approx(expected)
    assert confirmation.agreement.low < expected < confirmation.agreement.high


def test_one_seed_each_gives_no_interval_and_few_models_no_order():
    _, before, anew = winners(0, seeds=1)
    confirmation = confirm(before, anew)
    assert confirmation.parts is None
    assert confirmation.table["low"].isna().all()
    assert "luck of the seed" not in " ".join(confirmation_in_words(confirmation))
    _, before, anew = winners(0, top=1)
    confirmation = confirm(before, anew)
    assert (confirmation.parts, confirmation.agreement) == (None, None)
    assert np.isnan(confirmation.low)
    assert confirmation_in_words(confirmation)[1].endswith("points; it takes 6 models to tell luck by it.")


def test_a_change_whose_interval_holds_nothing_leaves_luck_open():
    _, before, anew = winners(1)
    open_, none = "leaves open whether there was luck in the choice", "shows no luck in the choice"
    for shift, words in ((0.0, open_), (-5.0, none)):
        change = before.set_index("model_id")["error"].reindex(anew["model_id"]).to_numpy() - anew["error"].to_numpy()
        wobble = np.where(np.arange(len(anew)) % 2, 0.1, -0.1)
        confirmation = confirm(before, anew.assign(error=anew["error"] + change + shift + wobble))
        assert (confirmation.low <= 0 <= confirmation.high) == (shift == 0)
        assert confirmation_in_words(confirmation)[1].endswith(f", which {words}.")


def test_models_that_lack_a_training_are_left_out():
    _, before, anew = winners(0)
    anew.loc[anew["model_id"] == anew["model_id"][0], ["state", "error"]] = ["failed", np.nan]
    assert len(confirm(before, anew).table) == 7
    anew["state"] = "pending"
    with pytest.raises(DsxError, match="no model is finished both before and anew"):
        confirm(before, anew)


def test_the_words_say_what_is_known():
    _, before, anew = winners(1)
    confirmation = confirm(before, anew, validation_images=10_000)
    lines = confirmation_in_words(confirmation)
    first = confirmation.table.iloc[0]
    assert lines[0] == (
        f"The best model showed {first['before']:.2f} %; trained anew with 3 fresh seeds {first['anew']:.2f} %"
        f" ({first['low']:.2f}–{first['high']:.2f})."
    )
    assert lines[1].endswith("): by so much they were lucky when they were chosen.")
    assert f"{100 * confirmation.parts.noise_share:.0f} % of the variance" in lines[2]
    assert "the finite validation set's" in lines[2]
    assert lines[3].startswith("The orders before and anew agree in ")
    other = confirmation_in_words(confirm(before, anew, same_recipe=False))
    assert other[1].endswith(") by schedule and luck together.")
    assert other[3].startswith("The orders by both recipes agree in ")


def test_no_interval_goes_beyond_what_a_metric_can_be():
    before = results([2.0, 97.0], list("ab"))
    anew = results([2.0, 30.0, 75.0, 99.0], list("aabb"))
    table = confirm(before, anew).table
    assert (table["low"][0], table["high"][1]) == (0, 100)
    assert confirmation_in_words(confirm(before, anew))[0].endswith(f" 16.00 % (0.00–{table['high'][0]:.2f}).")
    unbounded = confirm(before, anew, metric=Metric(name="loss", better="lower")).table
    assert unbounded["low"][0] < 0 < 100 < unbounded["high"][1]
    assert unbounded["high"][0] == table["high"][0]
