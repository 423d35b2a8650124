"""The segments `tokenizer` and `tokens`, run over small artifacts."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError
from tokenizers import Tokenizer

from curate.errors import InputError, IntegrityError
from curate.schema import DUPLICATES, TOKENS
from curate.tokens.segments import token_segments
from curate.tokens.settings import Tokens, Train
from tests.corpus import READS, MakeTokenizer, make_documents, make_texts, write_corpus
from tests.runner import read_artifact, run_segment, write_artifact

TRAIN = Tokens(train=Train(vocab_size=400))


def run_both(
    directory: Path, tokens: Tokens = TRAIN, dedup: bool = True, **supervision: object
) -> dict:
    """Run both segments; return the manifest of `tokens`."""
    tokenizer, encoding = token_segments(tokens, dedup, READS if dedup else READS[:2])
    run_segment(str(directory), tokenizer)
    return run_segment(str(directory), encoding, **supervision)  # type: ignore[arg-type]


def test_only_kept_documents_have_rows(tmp_path: Path) -> None:
    documents = make_documents(make_texts(40))
    write_corpus(str(tmp_path), documents, 7, dropped=[0, 3, 39], survivor_of={5: 1, 20: 2})
    manifest = run_both(tmp_path)
    rows = read_artifact(str(tmp_path), "tokens")
    gone = {0, 3, 39, 5, 20}
    kept = [row for row in range(40) if row not in gone]
    assert rows.schema.equals(TOKENS)
    assert rows["doc_id"].to_pylist() == documents["doc_id"].take(pa.array(kept)).to_pylist()
    assert manifest["num_parts"] == 6
    assert manifest["counters"] == {
        "documents": 35,
        "num_tokens": sum(rows["num_tokens"].to_pylist()),
    }
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer" / "tokenizer.json"))
    for row, ids, count in zip(kept, rows["ids"], rows["num_tokens"], strict=True):
        assert (
            tokenizer.decode(ids.as_py(), skip_special_tokens=False)
            == documents["text"][row].as_py()
        )
        assert count.as_py() == len(ids.as_py()) + 1


def test_without_dedup_nothing_reads_duplicates(tmp_path: Path) -> None:
    write_corpus(str(tmp_path), make_documents(make_texts(10)), survivor_of={5: 1})
    shutil.rmtree(tmp_path / "duplicates")
    assert run_both(tmp_path, dedup=False)["counters"]["documents"] == 10


def test_parts_do_not_change_tokenizer_or_rows(tmp_path: Path) -> None:
    documents = make_documents(make_texts(60))
    results = []
    for rows_per_part in (1000, 17, 5):
        directory = tmp_path / str(rows_per_part)
        write_corpus(str(directory), documents, rows_per_part, dropped=[4], survivor_of={9: 8})
        run_both(directory, Tokens(train=Train(vocab_size=400, sample_bytes=3000)))
        data = (directory / "tokenizer" / "tokenizer.json").read_bytes()
        results.append((data, read_artifact(str(directory), "tokens").combine_chunks()))
    assert results[0] == results[1] == results[2]


def test_the_sample_is_about_as_large_as_asked(tmp_path: Path) -> None:
    documents = make_documents(make_texts(500))
    write_corpus(str(tmp_path), documents, 100)
    train = Train(vocab_size=400, sample_bytes=20_000)
    segment, _ = token_segments(Tokens(train=train), True, READS)
    facts = run_segment(str(tmp_path), segment)["facts"]
    assert facts["kept_bytes"] == sum(len(text.encode()) for text in documents["text"].to_pylist())
    assert 14_000 < facts["sampled_bytes"] < 26_000
    shutil.rmtree(tmp_path / "tokenizer")
    other, _ = token_segments(Tokens(train=train.model_copy(update={"seed": 1})), True, READS)
    again = run_segment(str(tmp_path), other)["facts"]
    assert again["sha256"] != facts["sha256"]


def test_given_file_is_copied(tmp_path: Path, make_tokenizer: MakeTokenizer) -> None:
    path = make_tokenizer([("<s>", True), ("</s>", True)])
    run = tmp_path / "run"
    write_corpus(str(run), make_documents(make_texts(10)))
    segment, _ = token_segments(Tokens(file=path), True, READS)
    facts = run_segment(str(run), segment)["facts"]
    copied = (run / "tokenizer" / "tokenizer.json").read_bytes()
    assert copied == Path(path).read_bytes()
    assert facts["sha256"] == hashlib.sha256(copied).hexdigest()
    assert facts["eod_token"] == "</s>"
    shutil.rmtree(run / "tokenizer")
    make_tokenizer([("</s>", True)])
    with pytest.raises(InputError, match="changed while"):
        run_segment(str(run), segment)


def test_a_verdict_costs_one_document(tmp_path: Path) -> None:
    write_corpus(str(tmp_path), make_documents(make_texts(10)))
    positions: list[str] = []
    verdicts = {"3": ("cpu_budget", "20 s")}
    manifest = run_both(tmp_path, verdicts=verdicts, narrow=["0-9"], positions=positions)
    rows = read_artifact(str(tmp_path), "tokens")
    assert rows["error"].to_pylist() == [None] * 3 + ["cpu_budget"] + [None] * 6
    assert rows["ids"].is_null().to_pylist() == rows["num_tokens"].is_null().to_pylist()
    assert rows["ids"].null_count == 1
    assert [place for place in positions if place] == [str(row) for row in range(10) if row != 3]
    assert manifest["counters"]["errored.tokens.cpu_budget"] == 1


def test_positions_are_ranges_while_all_is_well(tmp_path: Path) -> None:
    texts = [*make_texts(70), "x" * (1 << 20), "y", "z"]
    write_corpus(str(tmp_path), make_documents(texts), dropped=[0])
    positions: list[str] = []
    run_both(tmp_path, positions=positions)
    # "" is what it says when it is done with a group, before it reads on
    assert positions == ["1-63", "", "64-69", "", "70", "", "71-72", ""]


def test_a_panic_costs_one_document(tmp_path: Path, make_tokenizer: MakeTokenizer) -> None:
    # This expression backtracks without end; the library gives up by panicking.
    split = {
        "type": "Split",
        "pattern": {"Regex": r"(?:a|a)*[^a?]\w|\p{L}+"},
        "behavior": "Isolated",
        "invert": False,
    }
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "use_regex": False,
        "trim_offsets": True,
    }
    path = make_tokenizer(
        None, pre_tokenizer={"type": "Sequence", "pretokenizers": [split, byte_level]}
    )
    texts = ["ba ko", "a" * 40 + "?", "ri ten"]
    write_corpus(str(tmp_path), make_documents(texts))
    run_both(tmp_path, Tokens(file=path))
    rows = read_artifact(str(tmp_path), "tokens")
    assert rows["error"].to_pylist() == [None, "tokenizer_panic", None]


def test_artifacts_that_differ_are_refused(tmp_path: Path) -> None:
    write_corpus(str(tmp_path), make_documents(make_texts(4)))
    shutil.rmtree(tmp_path / "duplicates")
    write_artifact(str(tmp_path), "duplicates", [DUPLICATES.empty_table()])
    with pytest.raises(IntegrityError, match="verdicts and duplicates"):
        run_both(tmp_path)


def test_an_empty_corpus(tmp_path: Path) -> None:
    write_corpus(str(tmp_path), make_documents([]))
    assert run_both(tmp_path)["num_rows"] == 0


@pytest.mark.parametrize(
    "values",
    [
        {"train": {"vocab_size": 300}, "file": "a.json"},
        {"train": {"vocab_size": 256}},
        {"train": {"vocab_size": "300"}},
        {"train": {"vocab_size": 300, "sample_bytes": 0}},
        {"train": {"vocab_size": 300}, "eod_token": "end"},
        {"files": "a.json"},
    ],
)
def test_wrong_settings(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Tokens.model_validate(values)


def test_default_settings() -> None:
    train = Tokens().train
    assert train is not None
    assert (train.vocab_size, train.sample_bytes, train.seed) == (32768, 128 << 20, 0)
    assert Tokens.model_validate({"train": {"vocab_size": 257}}).train == Train(vocab_size=257)
    assert Tokens.model_validate({"file": "a.json"}).train is None
