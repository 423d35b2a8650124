"""Train, open and check tokenizers: the only module that knows the `tokenizers` library.

Page text must never become a control token. The library replaces the literal text of an added
token by its id, unless `encode_special_tokens` is set, which works for added tokens marked special
only, and is lost when a tokenizer is pickled. So a tokenizer is always opened here, from bytes:
added tokens that are not marked special are marked so in memory, except those made of white space
(GPT-NeoX has 23 of them), which are ordinary text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from curate.errors import ConfigError, InputError
from curate.storage import files
from curate.storage.artifact import JSON

EOD_CANDIDATES = (
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
    "<|eos|>",
    "<EOS>",
    "[EOS]",
    "<|im_end|>",
    "<\uff5cend\u2581of\u2581sentence\uff5c>",
)
# Everything that lossy tokenizers change: case, runs of space, composition, compatibility forms,
# line ends, characters outside a vocabulary.
LOSSLESS_PROBE = (
    " Two  spaces\tand\r\n\n e\u0301 \u00e9 \ufb01 \u00bd\u00a0ABC \u65e5\u672c\u8a9e "
    "\u0939\u093f\u0928\u094d\u0926\u0940 \U0001f642 \U00020000\u200b"
)
MIN_MERGE_COUNT = 2  # a pair seen once is noise
MAX_TRAINING_RUN_CHARS = 256


class EncodingError(Exception):
    """Report that the library failed on a text: its reason and detail."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True)
class Encoded:
    """Token ids of n texts: values (sum of lengths,) int32 and lengths (n,) int64."""

    values: NDArray[np.int32]
    lengths: NDArray[np.int64]


class Encoder:
    """A tokenizer opened for encoding page text; one per process, never pickled."""

    def __init__(self, data: bytes, facts: JSON) -> None:
        """Open the tokenizer; `facts` are what `describe_tokenizer` said of it."""
        self.tokenizer, control, _ = _open(data)
        self.max_id: int = facts["max_id"]
        self._is_control = np.zeros(self.max_id + 1, bool)
        self._is_control[[*control, facts["eod_id"]]] = True

    def encode(self, texts: Sequence[str]) -> Encoded:
        """Return the ids of the texts, without any token that is not text.

        Raises: EncodingError when the library fails or text became a control token; which of the
        texts did it is unknown, so the caller tries them one by one.
        """
        try:
            encodings = self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        except MemoryError:
            raise
        except Exception as error:
            raise EncodingError("tokenizer_error", str(error)) from error
        except BaseException as error:
            # A Rust panic is no Exception, and its class cannot be imported.
            if type(error).__name__ != "PanicException":
                raise
            raise EncodingError("tokenizer_panic", str(error)) from None
        # One array per text: the list of ids is made by the library, 3 % of the encoding time.
        arrays = [np.array(encoding.ids, np.int32) for encoding in encodings]
        lengths = np.fromiter((array.size for array in arrays), np.int64, len(arrays))
        values = np.concatenate(arrays) if arrays else np.zeros(0, np.int32)
        if values.size and int(values.max()) > self.max_id:
            raise EncodingError("token_id_out_of_range", f"{int(values.max())} > {self.max_id}")
        if self._is_control[values].any():
            raise EncodingError("control_token_in_text")
        return Encoded(values, lengths)


def decode(data: bytes, sequences: Sequence[Sequence[int]]) -> list[str]:
    """Return the texts of token ids by a `tokenizer.json`, control tokens left out."""
    texts: list[str] = _open(data)[0].decode_batch([list(ids) for ids in sequences])
    return texts


def train_bpe(texts: Iterable[Sequence[str]], vocab_size: int, eod_token: str) -> bytes:
    """Train a byte-level BPE tokenizer; return its `tokenizer.json`.

    Independent of the order of the texts and of the number of threads. A smaller vocabulary than
    asked for where the text has fewer pairs that occur twice. Memory: the distinct words.

    Words are cut at 256 characters in training only: the library's cost is quadratic in the length
    of a word (80 s for one of 300,000 letters), and one page of base64 must not stall the run.

    Source: Sennrich et al. 2016 (1508.07909); bytes as the alphabet: GPT-2 (Radford et al. 2019).
    Words as in cl100k_base: one leading space or sign joins a word, numbers in groups of up to
    three digits. Deviation: combining marks belong to words, so that Hindi words stay whole.
    """
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer = Tokenizer(models.BPE())
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(_word_pattern(MAX_TRAINING_RUN_CHARS)), "isolated"), byte_level]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=MIN_MERGE_COUNT,
        special_tokens=[AddedToken(eod_token, special=True, normalized=False)],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(Regex(_word_pattern()), "isolated"), byte_level]
    )
    return str(tokenizer.to_str(pretty=True)).encode() + b"\n"


def check_tokenizer_file(path: str, eod_token: str | None) -> JSON:
    """Return the facts of a `tokenizer.json` (see `describe_tokenizer`).

    Raises: ConfigError naming the key when the file cannot be used.
    """
    try:
        data = files.read_bytes(path)
    except InputError as error:
        raise ConfigError(str(error), "tokens.file") from error
    return describe_tokenizer(data, eod_token, path)


def describe_tokenizer(data: bytes, eod_token: str | None, path: str) -> JSON:
    """Return what shards and their readers must know of a tokenizer.

    vocab_size and max_id count added tokens; `lossless` tells whether a probe text comes back from
    its ids; `neutralized` lists added tokens whose text stays text though the file says otherwise.

    Raises: ConfigError when it is no tokenizer, or its end-of-document token is unclear.
    """
    try:
        tokenizer, _, neutralized = _open(data)
    except Exception as error:
        raise ConfigError(f"{path} is not a tokenizer.json: {error}", "tokens.file") from error
    added = {token.content: id_ for id_, token in tokenizer.get_added_tokens_decoder().items()}
    eod = eod_token if eod_token is not None else _find_eod(added, path)
    if not eod.strip():
        raise ConfigError(
            f"{eod!r} is white space, which is in every text; name another of {path}'s added "
            "tokens",
            "tokens.eod_token",
        )
    if eod not in added:
        listed = ", ".join(sorted(added)[:20]) or "none"
        raise ConfigError(
            f"{path} has no added token {eod!r}. Its added tokens: {listed}", "tokens.eod_token"
        )
    return {
        "eod_id": added[eod],
        "eod_token": eod,
        "lossless": _is_lossless(tokenizer),
        "max_id": _max_id(tokenizer),
        "neutralized": neutralized,
        "sha256": hashlib.sha256(data).hexdigest(),
        "vocab_size": tokenizer.get_vocab_size(with_added_tokens=True),
    }


def _open(data: bytes) -> tuple[Tokenizer, list[int], list[str]]:
    """Return a tokenizer that takes text as text, its control ids, and what was neutralized."""
    tokenizer = Tokenizer.from_buffer(data)
    added = tokenizer.get_added_tokens_decoder()
    names = {id_: token for id_, token in added.items() if not token.content.isspace()}
    neutralized = sorted(token.content for token in names.values() if not token.special)
    if neutralized or getattr(tokenizer.model, "dropout", None):
        tokenizer = Tokenizer.from_str(_edit(data, neutralized))
    tokenizer.no_truncation()  # it would lose text without a word
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    unknown = _find_unknown(tokenizer, data)  # stands for text, though it is marked special
    control = [id_ for id_, t in names.items() if t.special and t.content != unknown]
    return tokenizer, control, neutralized


def _edit(data: bytes, neutralized: list[str]) -> str:
    """Return the file with these added tokens marked special, and without random ids."""
    value: dict[str, Any] = json.loads(data)
    for token in value["added_tokens"]:
        token["special"] = token["special"] or token["content"] in neutralized
    if "dropout" in value["model"]:
        value["model"]["dropout"] = None
    return json.dumps(value)


def _find_unknown(tokenizer: Tokenizer, data: bytes) -> str | None:
    if not isinstance(tokenizer.model, models.Unigram):
        return getattr(tokenizer.model, "unk_token", None)
    unknown_id = json.loads(data)["model"].get("unk_id")
    return None if unknown_id is None else tokenizer.id_to_token(unknown_id)


def _find_eod(added: dict[str, int], path: str) -> str:
    found = [name for name in EOD_CANDIDATES if name in added]
    if len(found) == 1:
        return found[0]
    known = f"it has several: {', '.join(found)}" if found else "it has none of the usual ones"
    listed = ", ".join(sorted(added)[:20]) or "none"
    raise ConfigError(
        f"which token of {path} ends a document? {known}. Set tokens.eod_token to one of its "
        f"added tokens ({listed}): it is appended to every document in the shards.",
        "tokens.eod_token",
    )


def _max_id(tokenizer: Tokenizer) -> int:
    return max(tokenizer.get_vocab(with_added_tokens=True).values())


def _is_lossless(tokenizer: Tokenizer) -> bool:
    try:
        ids = tokenizer.encode(LOSSLESS_PROBE, add_special_tokens=False).ids
    except Exception:  # no id for a word, and no unknown token: the library's class for it is bare
        return False
    return bool(tokenizer.decode(ids, skip_special_tokens=False) == LOSSLESS_PROBE)


def _word_pattern(max_run_chars: int | None = None) -> str:
    """Return the regular expression of a word, its runs bounded or not."""
    some = "+" if max_run_chars is None else f"{{1,{max_run_chars}}}"
    any_ = "*" if max_run_chars is None else f"{{0,{max_run_chars}}}"
    return (
        r"'(?i:[sdmt]|ll|ve|re)"
        rf"|[^\r\n\p{{L}}\p{{N}}]?[\p{{L}}\p{{M}}]{some}"
        r"|\p{N}{1,3}"
        rf"| ?[^\s\p{{L}}\p{{M}}\p{{N}}]{some}[\r\n]{any_}"
        rf"|\s{any_}[\r\n]{some}"
        rf"|\s{some}(?!\S)"
        rf"|\s{some}"
    )
