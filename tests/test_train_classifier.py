"""`curate train-classifier`: the same texts, the same bytes; what it tells; what it refuses."""

from __future__ import annotations

import gzip
import json
import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
import zstandard
from rich.console import Console

from curate.classifier_training.fit import fit_model
from curate.classifier_training.scores import at_threshold, evaluate, roc_auc, score_of_top
from curate.classifier_training.show import show_training, yaml_snippet
from curate.classifier_training.train import train_classifier
from curate.errors import ConfigError, InputError, StateError
from curate.quality.classifier import Classifier
from curate.sources.texts import list_files
from curate.stage import Batch
from curate.text.fasttext_model import Recipe, to_line
from tests.models import sha256

RECIPE = Recipe(dimensions=4, buckets=10_000)
WORDS = {
    "good": "harbour pilot evening tide because explains ferry waits island although",
    "bad": "click cheap buy now pills free shipping best price sale",
}
BOTH = "the a of and to in is that it for"


def texts(name, count, seed=0):
    """Return different texts of a class: half its own words, half those of both."""
    source = random.Random(f"{name} {seed}")
    own, both = WORDS[name].split(), BOTH.split()
    return [
        " ".join(source.choice(own if source.random() < 0.5 else both) for _ in range(30))
        for _ in range(count)
    ]


def jsonl(rows, field="text"):
    return "".join(json.dumps({field: row}) + "\n" for row in rows).encode()


@pytest.fixture
def folders(tmp_path):
    """GOOD as 60 text files, BAD as JSONL of 100."""
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.mkdir()
    bad.mkdir()
    for number, text in enumerate(texts("good", 60)):
        (good / f"{number}.txt").write_text(text)
    (bad / "all.jsonl").write_bytes(jsonl(texts("bad", 100)))
    return good, bad


def train(good, bad, output, **keys):
    given = {"epochs": 10, "recipe": RECIPE, **keys}
    return train_classifier([str(good)], [str(bad)], str(output), **given)


def test_learns_and_tells(folders, tmp_path):
    told = train(*folders, tmp_path / "out" / "model.bin")
    good, bad = told["classes"]["good"], told["classes"]["bad"]
    assert good == {"files": 60, "texts": 60, "empty": 0, "repeated": 0,
                    "trained_on": 54, "held_out": 6}  # fmt: skip
    assert (bad["trained_on"], bad["held_out"]) == (90, 10)
    assert told["precision"] == told["recall"] == told["f1"] == told["roc_auc"] == 1.0
    assert told["sha256"] == sha256(tmp_path / "out" / "model.bin")
    assert json.loads((tmp_path / "out" / "model.json").read_bytes()) == told
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["model.bin", "model.json"]


def test_the_snippet_is_a_stage_that_scores(folders, tmp_path):
    told = train(*folders, tmp_path / "model.bin")
    (stage,) = yaml.safe_load(yaml_snippet(told))
    measure = Classifier(**stage["classifier"]).open()
    unseen = [*texts("good", 5, seed=9), *texts("bad", 5, seed=9)]
    batch = Batch(pa.RecordBatch.from_pydict({"text": pa.array(unseen, pa.large_string())}))
    scores = measure(batch)["classifier_score"].to_pylist()
    assert min(scores[:5]) > 0.5 > max(scores[5:])


def test_the_same_texts_give_the_same_bytes(folders, tmp_path):
    good, bad = folders
    first = train(good, bad, tmp_path / "1.bin")
    # Other files, another order, repeats, blank texts: the same set of texts.
    rows = sorted(path.read_text() for path in good.iterdir())
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.jsonl.gz").write_bytes(gzip.compress(jsonl(rows[30:] + rows[:10])))
    (other / "b.jsonl.zst").write_bytes(zstandard.compress(jsonl(["", " \n", *rows[::-1][20:]])))
    second = train(other, bad / "*.jsonl", tmp_path / "2.bin")
    assert second["classes"]["good"]["empty"] == 2
    assert second["classes"]["good"]["repeated"] == 20
    assert (tmp_path / "1.bin").read_bytes() == (tmp_path / "2.bin").read_bytes()
    for key in ("sha256", "thresholds", "roc_auc"):
        assert first[key] == second[key]


def test_a_model_does_not_depend_on_used_memory(tmp_path, monkeypatch):
    lines = tmp_path / "lines"
    rows = [(name, text) for name in WORDS for text in texts(name, 20)]
    lines.write_text("".join(f"__label__{name} {to_line(text)}" for name, text in rows))
    fit_model(lines, tmp_path / "1.bin", RECIPE)
    monkeypatch.setenv("MALLOC_PERTURB_", "165")
    fit_model(lines, tmp_path / "2.bin", RECIPE)
    assert (tmp_path / "1.bin").read_bytes() == (tmp_path / "2.bin").read_bytes()


def test_few_texts_are_passed_more_often(folders, tmp_path):
    told = train(*folders, tmp_path / "model.bin", epochs=None)
    assert told["recipe"]["epochs"] == 56  # 10,000 steps of 2 x 90 texts


def test_another_seed_holds_out_others(folders, tmp_path):
    first = train(*folders, tmp_path / "1.bin")
    recipe = Recipe(dimensions=4, buckets=10_000, seed=1)
    second = train(*folders, tmp_path / "2.bin", recipe=recipe)
    assert first["sha256"] != second["sha256"]


def test_texts_are_prepared_as_the_stage_prepares_them(tmp_path, folders):
    """A text that tries to be a label, or to end its line, is one text of its class."""
    good, bad = folders
    (good / "hostile.txt").write_text("</s>\n__label__bad \0 " + texts("good", 1, seed=5)[0])
    told = train(good, bad, tmp_path / "model.bin")
    assert told["classes"]["good"]["texts"] == 61
    assert told["roc_auc"] == 1.0


def test_parquet_with_a_named_field(tmp_path, folders):
    table = pa.table({"body": texts("good", 30), "text": ["not this"] * 30})
    pq.write_table(table, tmp_path / "good.parquet")
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(jsonl(texts("bad", 30), "body"))
    told = train(tmp_path / "good.parquet", bad, tmp_path / "m.bin", text_field="body")
    assert told["classes"]["good"]["texts"] == told["classes"]["bad"]["texts"] == 30
    with pytest.raises(InputError, match=r"bad\.jsonl, line 1: missing text.*; --text-field"):
        train(folders[0], bad, tmp_path / "n.bin")
    pq.write_table(
        pa.table({"text": ["a", "b", None]}), tmp_path / "null.parquet", row_group_size=2
    )
    with pytest.raises(InputError, match=r"null\.parquet, row 3: missing text"):
        train(folders[0], tmp_path / "null.parquet", tmp_path / "n.bin")
    with pytest.raises(InputError, match=r"no column 'none'.*--text-field"):
        train(tmp_path / "good.parquet", bad, tmp_path / "n.bin", text_field="none")


def test_of_a_run_the_published_documents_are_read(tmp_path):
    for name in ("documents", "curated"):
        (tmp_path / "run" / name).mkdir(parents=True)
        pq.write_table(pa.table({"text": ["x"]}), tmp_path / "run" / name / "part-00000.parquet")
    (tmp_path / "run" / "run.json").write_text("{}")
    expected = [str(tmp_path / "run" / "curated" / "part-00000.parquet")]
    assert list_files([str(tmp_path / "run")]) == expected
    assert list_files([str(tmp_path / "run" / "curated")]) == expected


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "bad.jsonl", "bad.jsonl: empty file: 0 bytes"),
        (
            b'{"text": "a"}\n\n{broken\n',
            "bad.jsonl",
            r"bad.jsonl, line 3: bad json: .* at column 2",
        ),
        (b'{"text": 1}\n', "bad.jsonl", "line 1: wrong type: .* not a string; --text-field names"),
        (b'{"other": "a"}\n', "bad.jsonl", "bad.jsonl, line 1: missing text: .*; --text-field"),
        (b"PAR1 no parquet", "bad.parquet", "bad.parquet: parquet corrupt: "),
        (b"\xff\xfe text", "bad.txt", "not UTF-8 at byte 0"),
        (b"one text", "bad.txt", "BAD: 1 different texts in 1 files; at least 2"),
        (jsonl(["same"] * 9), "bad.jsonl", "BAD: 1 different texts"),
        (jsonl(["", " "]), "bad.jsonl", "BAD: 0 different texts"),
        (gzip.compress(jsonl(["a", "b"]))[:-9], "bad.jsonl.gz", "bad.jsonl.gz: truncated file: "),
        (gzip.compress(jsonl(["a"]) + b"\n[]"), "bad.jsonl.gz", "line 3: not an object"),
        (gzip.compress(jsonl(["a"])) + b"junk", "bad.jsonl.gz", r"from byte \d+ on: garbage: "),
        (gzip.compress(jsonl(texts("bad", 99)))[:900], "bad.jsonl.gz", r"line \d+: truncated file"),
    ],
)
def test_refuses_inputs(tmp_path, folders, content, name, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        train(folders[0], path, tmp_path / "model.bin")
    assert not (tmp_path / "model.bin").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_refuses_paths_without_texts(tmp_path, folders):
    good, _ = folders
    for path in (tmp_path / "none", tmp_path / "*.jsonl"):
        with pytest.raises(ConfigError, match="no texts there"):
            train(good, path, tmp_path / "model.bin")
    (tmp_path / "x.pdf").write_text("x")
    with pytest.raises(ConfigError, match=r"ends with one of \.txt"):
        train(good, tmp_path / "x.pdf", tmp_path / "model.bin")


def test_refuses_a_text_in_both_classes(tmp_path, folders):
    good, bad = folders
    (good / "more.jsonl").write_bytes(jsonl([*texts("bad", 2), "other"]))
    with pytest.raises(
        InputError, match=r"^2 texts are in both GOOD and BAD, such as '.*take them"
    ):
        train(good, bad, tmp_path / "model.bin")


def test_what_fasttext_cannot_learn_is_told(tmp_path):
    (tmp_path / "lines").write_text("")
    with pytest.raises(InputError, match="fastText cannot learn from these texts: Empty"):
        fit_model(tmp_path / "lines", tmp_path / "model.bin", RECIPE)


def test_refuses_an_output_that_cannot_be_written(tmp_path, folders):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"--output .*: cannot write to .*file"):
        train(*folders, tmp_path / "file" / "good.bin")


def test_does_not_overwrite(tmp_path, folders):
    for name in ("model.bin", "model.json"):
        (tmp_path / name).write_text("mine")
        with pytest.raises(StateError, match=f"{name} exists"):
            train(*folders, tmp_path / "model.bin")
        (tmp_path / name).unlink()
    for output in ("model.json", "s3://bucket/model.bin"):
        with pytest.raises(ConfigError, match="a model is a local file"):
            train(*folders, output)
    with pytest.raises(ConfigError, match="--held-out"):
        train(*folders, tmp_path / "model.bin", held_out_ratio=1.0)


def test_prints_for_people_and_machines(tmp_path, folders, capfd):
    good, bad = map(str, folders)
    console = Console(highlight=False, width=100)
    for name, json_wanted in (("1.bin", False), ("2.bin", True)):
        output = str(tmp_path / name)
        show_training([good], [bad], output, "text", 0.1, 10, RECIPE, json_wanted, console)
        told, said = (
            json.loads((tmp_path / name).with_suffix(".json").read_bytes()),
            capfd.readouterr(),
        )
        assert said.err == ""
        if json_wanted:
            assert json.loads(said.out) == told
            continue
        assert yaml_snippet(told) in said.out
        assert "ROC AUC 1.0000" in said.out
        assert "good      60     60      0         0          54         6" in said.out


# Measures of scores


def test_measures_by_hand():
    good, bad = np.array([0.9, 0.8, 0.4, 0.2]), np.array([0.8, 0.3, 0.2, 0.1])
    assert roc_auc(good, bad) == (4 + 3.5 + 3 + 1.5) / 16
    told = at_threshold(good, bad, 0.8)
    assert (told.precision, told.recall, told.bad_kept_ratio) == (2 / 3, 0.5, 0.25)
    assert (told.kept_ratio, told.f1) == (3 / 8, 4 / 7)
    assert at_threshold(good, bad, 0.95).precision is None
    assert at_threshold(good, bad, 0.95).f1 == 0
    assert evaluate(good, bad)["recall"] == 0.5


@pytest.mark.parametrize(("ratio", "score"), [(0.1, 9.0), (0.2, 8.0), (0.11, 8.0), (1.0, 0.0)])
def test_the_score_of_the_top(ratio, score):
    scores = np.random.default_rng(0).permutation(10).astype(float)
    assert score_of_top(scores, ratio) == score


def test_auc_is_the_share_of_pairs():
    source = np.random.default_rng(3)
    good, bad = source.integers(0, 9, 50) / 8, source.integers(0, 7, 70) / 8
    pairs = good[:, None] - bad[None, :]
    assert roc_auc(good, bad) == pytest.approx(((pairs > 0) + 0.5 * (pairs == 0)).mean())
