"""The published thresholds: every number lands under a key of a stage, and the stage takes it."""

from __future__ import annotations

import pytest

from curate import fineweb2
from curate.language.labels import DEFAULT_LABELS
from curate.stages import STAGES

COLUMNS = {column for keys in fineweb2.KEYS.values() for column in keys.values()}


def test_every_language_is_a_label_of_the_default_model():
    languages = fineweb2.thresholds("fineweb")
    assert set(languages) <= set(DEFAULT_LABELS)
    assert list(languages) == sorted(languages)
    assert len(languages) == 95
    assert "en" not in languages  # FineWeb-2 has none; the stages' own are FineWeb's


def test_every_published_column_is_used():
    row, *_ = fineweb2._table()
    assert set(row.numbers) == COLUMNS


@pytest.mark.parametrize("stage", fineweb2.KEYS)
def test_the_stage_takes_all_of_them(stage):
    bounds = fineweb2.thresholds(stage)
    spec = STAGES[stage].model_validate({"by_language": bounds})
    assert {key for given in bounds.values() for key in given} <= set(spec.thresholds)
    applied = {rule.key: rule.by_language for rule in spec.rules()}
    for language, given in bounds.items():
        for key, bound in given.items():
            if bound is not None:
                assert applied[key][language] == bound


def test_numbers_are_those_that_were_published():
    # configs/deu_Latn.yml and configs/rus_Cyrl.yml
    quality, lines = fineweb2.thresholds("gopher_quality"), fineweb2.thresholds("fineweb")
    assert quality["de"] == {
        "min_mean_word_chars": 0,
        "max_mean_word_chars": 15,
        "min_alphabetic_word_ratio": 0.774,
    }
    assert quality["th"] == {
        "min_mean_unspaced_word_chars": 2,
        "max_mean_unspaced_word_chars": 10,
        "min_alphabetic_word_ratio": 0.9,
    }
    assert lines["ru"] == {
        "min_punctuated_line_ratio": 0.231,
        "max_line_break_to_word_ratio": 0.139,
        "max_short_line_ratio": None,
        "max_duplicate_line_char_ratio": 0.1,
    }
    repetition = fineweb2.thresholds("gopher_repetition")["ru"]
    assert repetition["max_duplicate_line_ratio"] == 0.322
    assert repetition["max_top_4_gram_char_ratio"] == 0.146
    assert repetition["max_duplicate_10_gram_char_ratio"] == 0.109
    assert repetition["max_duplicate_paragraph_ratio"] is None


def test_a_share_of_more_than_all_is_a_rule_that_is_off():
    assert fineweb2.thresholds("gopher_repetition")["yue"]["max_top_2_gram_char_ratio"] is None
    assert fineweb2.thresholds("fineweb")["sd"]["max_line_break_to_word_ratio"] == 7.25


def test_other_stages_have_none():
    with pytest.raises(KeyError):
        fineweb2.thresholds("c4")
