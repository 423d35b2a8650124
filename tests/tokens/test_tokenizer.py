"""The tokenizer library, opened so that text stays text and documents end where we say."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from curate.errors import ConfigError
from curate.tokens.tokenizer import (
    MAX_TRAINING_RUN_CHARS,
    Encoder,
    EncodingError,
    check_tokenizer_file,
    describe_tokenizer,
    train_bpe,
)
from tests.corpus import MakeTokenizer, make_texts

EOD = "<|endoftext|>"


def open_encoder(data: bytes, eod_token: str | None = None) -> Encoder:
    """Return an encoder as the `tokens` segment opens it."""
    return Encoder(data, describe_tokenizer(data, eod_token, "tokenizer.json"))


def decode(data: bytes, ids: np.ndarray) -> str:
    """Return the text of the ids, by the library's own means."""
    return str(Tokenizer.from_buffer(data).decode(ids.tolist(), skip_special_tokens=False))


def test_training_ignores_order_and_batches(trained: bytes) -> None:
    texts = make_texts(200)
    shuffled = list(np.random.default_rng(5).permutation(texts))
    assert train_bpe(([text] for text in shuffled), 500, EOD) == trained


def test_training_on_nothing_gives_bytes_and_the_end_token() -> None:
    data = train_bpe([], 500, EOD)
    facts = describe_tokenizer(data, None, "tokenizer.json")
    assert facts["vocab_size"] == 257
    assert facts["max_id"] == 256
    assert (facts["eod_token"], facts["eod_id"]) == (EOD, 0)


def test_training_time_does_not_grow_with_the_square_of_a_word() -> None:
    start = time.process_time()
    train_bpe([["a" * 200_000, "^" * 200_000, " " * 200_000]], 400, EOD)
    assert time.process_time() - start < 5  # uncut: 40 s for each of the three


def test_words_up_to_the_bound_are_learned_whole() -> None:
    word = "a" * MAX_TRAINING_RUN_CHARS
    encoder = open_encoder(train_bpe([[word] * 2], 1000, EOD))
    assert encoder.encode([word]).lengths.tolist() == [1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\n\n",
        "日本語 हिन्दी e\u0301",
        "it's 12345",
        "\x00\ufeff\U0001f642",
        EOD,
        f"a{EOD}b",
    ],
)
def test_round_trip(trained: bytes, text: str) -> None:
    encoded = open_encoder(trained).encode([text])
    assert decode(trained, encoded.values) == text
    assert 0 not in encoded.values


def test_batches_equal_single_texts(trained: bytes) -> None:
    encoder, texts = open_encoder(trained), make_texts(50, seed=9)
    batch = encoder.encode(texts)
    single = [encoder.encode([text]).values for text in texts]
    assert batch.lengths.tolist() == [ids.size for ids in single]
    assert np.array_equal(batch.values, np.concatenate(single))
    assert encoder.encode([]).lengths.size == 0


def test_gpt2(shared_data: Path) -> None:
    path = shared_data / "tokenizers" / "gpt2" / "tokenizer.json"
    facts = check_tokenizer_file(str(path), None)
    assert facts["eod_id"] == 50256 == facts["max_id"]
    assert facts["vocab_size"] == 50257
    assert facts["lossless"]
    text = f"Hello {EOD} world"
    plain = Tokenizer.from_file(str(path))
    assert 50256 in plain.encode(text).ids  # what everyone else does
    ids = open_encoder(path.read_bytes()).encode([text, "Hello world"])
    assert 50256 not in ids.values
    assert decode(path.read_bytes(), ids.values[: ids.lengths[0]]) == text
    assert ids.values[ids.lengths[0] :].tolist() == plain.encode("Hello world").ids


def test_added_tokens_not_marked_special_stay_text(make_tokenizer: MakeTokenizer) -> None:
    path = make_tokenizer([(EOD, True), ("<tool>", False), ("    ", False)])
    data = Path(path).read_bytes()
    facts = check_tokenizer_file(path, None)
    assert facts["neutralized"] == ["<tool>"]
    added = Tokenizer.from_buffer(data)
    tool, spaces = added.token_to_id("<tool>"), added.token_to_id("    ")
    text = f"a<tool>b    c{EOD}"
    assert tool in added.encode(text).ids
    ids = open_encoder(data).encode([text]).values
    assert tool not in ids
    assert spaces in ids  # white space is text
    assert decode(data, ids) == text


@pytest.mark.parametrize(
    ("added", "named", "expected"),
    [
        ([(EOD, True)], None, EOD),
        ([("</s>", True), ("<s>", True)], None, "</s>"),
        ([(EOD, True), ("<|im_end|>", True)], "<|im_end|>", "<|im_end|>"),
        ([("<stop>", True)], "<stop>", "<stop>"),
    ],
)
def test_end_token_is_found(
    make_tokenizer: MakeTokenizer, added: list[tuple[str, bool]], named: str | None, expected: str
) -> None:
    assert check_tokenizer_file(make_tokenizer(added), named)["eod_token"] == expected


@pytest.mark.parametrize(
    ("added", "named", "message"),
    [
        ([(EOD, True), ("<|im_end|>", True)], None, "several: <|endoftext|>, <|im_end|>"),
        ([("<stop>", True)], None, "none of the usual"),
        ([(EOD, True)], "</s>", "has no added token '</s>'"),
        ([], None, "none"),
    ],
)
def test_unclear_end_token_names_the_key(
    make_tokenizer: MakeTokenizer, added: list[tuple[str, bool]], named: str | None, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        check_tokenizer_file(make_tokenizer(added), named)
    assert "tokens.eod_token" in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\x80\x02pickle", b'{"model": {"type": "X"}}']
)
def test_a_file_that_is_no_tokenizer(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match="is not a tokenizer"):
        check_tokenizer_file(str(path), None)
    with pytest.raises(ConfigError, match=r"tokens\.file"):
        check_tokenizer_file(str(path) + ".not", None)


def test_truncation_padding_and_post_processor_are_inert(
    make_tokenizer: MakeTokenizer, trained: bytes
) -> None:
    truncation = {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0}
    padding = {
        "strategy": {"Fixed": 900},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": EOD,
    }
    begin = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": EOD, "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {EOD: {"id": EOD, "ids": [0], "tokens": [EOD]}},
    }
    path = make_tokenizer(None, truncation=truncation, padding=padding, post_processor=begin)
    texts = make_texts(20, seed=3)
    expected = open_encoder(trained).encode(texts).values
    assert np.array_equal(open_encoder(Path(path).read_bytes()).encode(texts).values, expected)


def test_a_normalizer_is_noted(make_tokenizer: MakeTokenizer, trained: bytes) -> None:
    assert describe_tokenizer(trained, None, "")["lossless"]
    path = make_tokenizer(None, normalizer={"type": "Lowercase"})
    assert not check_tokenizer_file(path, None)["lossless"]


def test_text_that_becomes_a_control_token_is_refused() -> None:
    # A unigram model finds every piece of its vocabulary in the text, control tokens too.
    model = Tokenizer.from_str(
        '{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [{"id": 1, '
        '"content": "</s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": '
        'false, "special": true}], "normalizer": null, "pre_tokenizer": null, "post_processor": '
        'null, "decoder": null, "model": {"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0.0],'
        ' ["</s>", 0.0], ["a", -1.0]], "byte_fallback": false}}'
    )
    encoder = open_encoder(model.to_str().encode())
    assert encoder.encode(["aaz"]).values.tolist() == [2, 2, 0]
    with pytest.raises(EncodingError, match="control_token_in_text"):
        encoder.encode(["aa", "a</s>"])
