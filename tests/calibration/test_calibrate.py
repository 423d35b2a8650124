"""The command from files to YAML: on German and English written from a list of sentences."""

from __future__ import annotations

import json
import random
from io import StringIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from curate.calibration.calibrate import calibrate
from curate.calibration.measured import unsegmented_script
from curate.calibration.reference import MIN_DOCUMENTS
from curate.calibration.show import show_calibration, yaml_lines
from curate.config import load_config
from curate.errors import ConfigError, InputError
from curate.fineweb2 import KEYS, UNSPACED_KEYS
from curate.language.language import Language
from curate.stage import Batch

GERMAN = (
    "Der Hafen lag still im Nebel, und auf dem Wasser war kein einziges Boot zu sehen.",
    "Die Fischer hatten ihre Netze in der Nacht zum Trocknen an den Zaun gehängt.",
    "Wer am Morgen früh genug kam, der bekam von der alten Wirtin noch ein warmes Brot.",
    "Im Herbst zogen die Gänse über das Dorf, und die Kinder zählten sie laut.",
    "Niemand wusste, wann die Brücke gebaut worden war und wer sie bezahlt hatte.",
    "Das Museum zeigt in drei Räumen, wie man hier früher Salz gewonnen hat.",
    "Mit dem Zug dauert die Fahrt in die Hauptstadt heute weniger als zwei Stunden.",
    "Für die Arbeit auf den Feldern braucht man Geduld und einen trockenen Sommer.",
    "Die Lehrerin erklärte den Schülern, warum der Mond nicht immer rund ist.",
    "Als es dunkel wurde, zündete der Wärter die Lampe an und schrieb in sein Buch.",
    "Sie hatte den Brief gelesen, aber sie sprach mit keinem Menschen darüber.",
    "Nach dem Regen roch die Straße nach Staub, und das Laub glänzte in der Sonne.",
)
ENGLISH = (
    "The harbor lay quiet in the fog, and there was not a single boat on the water.",
    "In the night the fishermen had hung their nets on the fence to dry.",
    "Those who came early in the morning were given warm bread by the old landlady.",
    "In autumn the geese flew over the village, and the children counted them aloud.",
    "Nobody knew when the bridge had been built, or who had paid for it.",
    "The museum has three rooms that show how people used to make salt here.",
    "By train the journey to the capital takes less than two hours now.",
    "Work in the fields needs patience and a dry summer.",
    "The teacher explained to the class why the moon is not always round.",
    "When it grew dark the keeper lit the lamp and wrote in his book.",
    "She had read the letter, but she spoke of it to nobody.",
    "After the rain the road smelled of dust, and the leaves shone in the sun.",
)


def write_texts(sentences, number, seed):
    chance = random.Random(seed)
    return [
        chance.choice(("\n", " ")).join(chance.choices(sentences, k=chance.randint(10, 24)))
        + "\nMenu | 3 | 2024\n" * chance.choice((0, 0, 1, 2))
        for _ in range(number)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    directory = tmp_path_factory.mktemp("reference")
    german, english = write_texts(GERMAN, 400, 1), write_texts(ENGLISH, 350, 2)
    with (directory / "mixed.jsonl").open("w") as file:
        for text in [*german, *english, "too short", *german[:40]]:
            file.write(json.dumps({"text": text}) + "\n")
    table = pa.table({"text": pa.array([*english[::-1], *german[::-1]], pa.large_string())})
    pq.write_table(table, directory / "again.parquet")
    return directory


@pytest.fixture(scope="module")
def found(folder):
    mixed = str(folder / "mixed.jsonl")
    return calibrate("de", [mixed], [mixed])


def test_documents_are_accounted_for(found):
    assert found.documents == 400
    assert found.english_documents == 350
    assert found.documents + sum(found.left_out.values()) == 791
    assert found.left_out["in another language"] == 351
    assert found.left_out["duplicate, or not sampled"] == 40


def test_every_threshold_has_a_proposal_by_the_method_of_its_rule_set(found):
    methods = {(proposal.stage, proposal.key): proposal.method for proposal in found.proposals}
    named = {(stage, key) for stage, keys in KEYS.items() for key in keys}
    expected = {(stage, key) for stage, key in named if key not in UNSPACED_KEYS}
    assert {named for named, method in methods.items() if method != "fixed"} == expected
    assert methods["fineweb", "max_line_break_to_word_ratio"] == "10tail"
    assert methods["gopher_quality", "max_mean_word_chars"] == "quantile"
    assert methods["gopher_repetition", "max_top_2_gram_char_ratio"] == "mean-std"


def test_proposals_are_of_the_language(found):
    proposals = {proposal.key: proposal for proposal in found.proposals}
    assert proposals["max_mean_word_chars"].published == 15  # FineWeb-2's for German
    assert 4 < proposals["max_mean_word_chars"].proposed < 10
    tail = proposals["max_line_break_to_word_ratio"]
    assert 0 < tail.proposed_drops <= 0.1
    assert proposals["min_stop_words"].proposed_drops == 0
    assert {"der", "die", "und", "in"} <= set(found.stop_words)
    assert 0.3 <= found.min_score <= 0.9


def test_files_in_another_order_and_format_give_the_same(found, folder):
    again = calibrate("de", [str(folder / "again.parquet")], [str(folder / "again.parquet")])
    assert again.proposals == found.proposals
    assert again.stop_words == found.stop_words
    both = calibrate("de", [str(folder)], [str(folder)])
    assert both.proposals == found.proposals


def test_the_yaml_can_be_pasted(found, tmp_path):
    lines = ["input: {format: jsonl, paths: [x.jsonl]}", "output: runs/x", "stages:"]
    path = tmp_path / "pasted.yaml"
    path.write_text("\n".join([*lines, *("  " + line for line in yaml_lines(found))]) + "\n")
    config = load_config(str(path))
    bounds = {
        (stage.name, rule.key): rule.by_language.get("de")
        for stage in config.stages
        for rule in stage.rules()
    }
    for proposal in found.proposals:
        if proposal.method != "fixed" and proposal.proposed is not None:
            assert bounds[proposal.stage, proposal.key] == proposal.proposed


def test_without_english_only_the_tail_is_proposed(folder):
    mixed = str(folder / "mixed.jsonl")
    alone = calibrate("de", [mixed])
    assert {proposal.method for proposal in alone.proposals} == {"10tail", "fixed"}
    assert {proposal.stage for proposal in alone.proposals} == {"fineweb", "gopher_quality"}
    every = calibrate("de", [mixed], method="10tail")
    assert len(every.proposals) > len(alone.proposals)
    with pytest.raises(ConfigError, match="--english"):
        calibrate("de", [mixed], method="quantile")


@pytest.mark.parametrize(
    ("language", "method", "message"),
    [("xx", None, "no label 'xx'"), ("en", None, "for English"), ("de", "mean", "10tail")],
)
def test_wrong_options_say_what_is_allowed(folder, language, method, message):
    with pytest.raises(ConfigError, match=message):
        calibrate(language, [str(folder / "mixed.jsonl")], method=method)


def test_too_little_text_says_how_much_is_needed(tmp_path):
    few = tmp_path / "few.jsonl"
    texts = write_texts(GERMAN, MIN_DOCUMENTS - 1, 3)
    few.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    with pytest.raises(InputError, match=r"299 documents .* at least 300 .* 299 texts were read"):
        calibrate("de", [str(few)])
    none = tmp_path / "none.jsonl"
    none.write_text('{"text": ""}\n')
    with pytest.raises(InputError, match="0 documents"):
        calibrate("sw", [str(none)])


def test_scripts_without_words_are_named():
    assert unsegmented_script(["\ua9b2\ua9a4\ua98f " * 50], "jv") == "Javanese"
    assert unsegmented_script(["\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 " * 50], "th") is None
    assert unsegmented_script(["Guten Tag. " * 50], "de") is None
    assert unsegmented_script([""], "de") is None


def test_what_a_person_sees(folder, found):
    mixed = str(folder / "mixed.jsonl")
    shown = StringIO()
    show_calibration("de", [mixed], [mixed], None, False, Console(file=shown, width=80))
    lines = shown.getvalue().splitlines()
    assert lines[0].startswith("de: 400 documents, ")
    assert "gopher_repetition, mean-std" in [line.strip() for line in lines]
    (row,) = [line for line in lines if line.startswith("  max_mean_word_chars ")]
    assert row.split()[1] == "10"  # nothing is cut off in 80 columns
    assert row.split()[-1] == "15"
    assert "\n".join(yaml_lines(found)) in shown.getvalue()
    (row,) = [line for line in lines if line.startswith("  min_scores ")]
    drops = [f"{share:.1%}" for share in (found.default_score_drops, found.min_score_drops)]
    assert row.split() == ["min_scores", "0.65", drops[0], f"{found.min_score:g}", drops[1], "-"]


def test_the_share_that_the_language_score_drops(tmp_path):
    mixed = write_texts([f"{de} {en}" for de, en in zip(GERMAN, ENGLISH, strict=True)], 60, 5)
    texts = sorted({*write_texts(GERMAN, 400, 1), *mixed})
    path = tmp_path / "unsure.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
    found = calibrate("de", [str(path)])
    columns = Language().open()(
        Batch(pa.record_batch({"text": pa.array(texts, pa.large_string())}))
    )
    labels, scores = (columns[name].to_pylist() for name in ("language", "language_score"))
    german = [s for label, s in zip(labels, scores, strict=True) if label == "de"]
    assert found.min_score_drops == np.mean([score < found.min_score for score in german]) > 0
    assert found.default_score_drops == np.mean([score < 0.65 for score in german])
    assert found.default_score_drops < found.min_score_drops


def test_json_holds_everything(folder, found):
    mixed = str(folder / "mixed.jsonl")
    shown = StringIO()
    show_calibration("de", [mixed], [mixed], None, True, Console(file=shown, width=40))
    value = json.loads(shown.getvalue())
    assert value["stop_words"] == found.stop_words
    assert [p["proposed"] for p in value["proposals"]] == [p.proposed for p in found.proposals]
