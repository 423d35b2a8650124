"""Every mistake in a pipeline file is told with its line, its path, and a way out."""

import json
from pathlib import Path

import pytest

from curate.config import check_resolved, config_of_run, load_config
from curate.errors import ConfigError, StateError
from curate.json_schema import pipeline_schema
from curate.pipeline.build import check_files

WEB = Path(__file__).parent.parent / "pipelines" / "web.yaml"
GOOD = """\
input: {paths: ["a/*.warc.gz"]}
output: runs/x
stages:
  - http: {status: [200]}
  - extraction
  - language: {keep: [en, de], min_score: 0.5}
  - gopher_quality: {min_words: 10}
  - dedup: {}
"""


@pytest.fixture
def write(tmp_path):
    def write(text):
        path = tmp_path / "p.yaml"
        path.write_text(text)
        return str(path)

    return write


def test_a_good_file_round_trips(write):
    config = load_config(write(GOOD))
    assert [stage.name for stage in config.stages] == [
        "http", "extraction", "language", "gopher_quality", "dedup",
    ]  # fmt: skip
    again = check_resolved(json.loads(json.dumps(config.resolved())))
    assert again == config


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("min_score: 0.5", "min_scor: 0.5", 6, ["language.min_scor", "min_score"]),
        ("keep: [en, de]", "keep: [en, no]", 6, ["language.keep.1", "`no`", "'no'"]),
        ("min_score: 0.5", "min_score: 1e-3", 6, ["language.min_score", "1e-3"]),
        ("min_score: 0.5", "min_score: high", 6, ["language.min_score", "number", "high"]),
        ("min_words: 10", "min_words: 010", 7, ["gopher_quality.min_words", "octal"]),
        ("min_words: 10", "min_words: 1:30", 7, ["base 60"]),
        ("- http: {status: [200]}", "- htpp: {}", 4, ["htpp", "http"]),
        ("- http: {status: [200]}", "- http: {}\n    x: 1", 4, ["one stage"]),
        ("output: runs/x", "output: runs/x\noutput: y", 3, ["output", "twice"]),
        ("output: runs/x", "output: runs/x\noutptu: x", 3, ["outptu", "output"]),
        ("output: runs/x", "output: !!python/name:os.system x", 2, ["not allowed"]),
        ("- dedup: {}", "- dedup: {bands: 0}", 8, ["dedup.bands", "greater than or equal to 1"]),
        ("- dedup: {}", "- dedup: {}\n  - dedup", 9, ["twice"]),
        ("- dedup: {}", "- dedup: {}\n  - extraction", 9, ["twice"]),
        ("input: {", "input: {format: wacr, ", 1, ["input.format", "'warc'"]),
        ("input: {", "input: [{", 2, ["not valid YAML"]),
        (
            "  - http: {status: [200]}\n  - extraction\n",
            "  - extraction\n  - http\n",
            5,
            ["http", "cannot come after", "gate"],
        ),
        (
            "- gopher_quality: {min_words: 10}",
            "- gopher_quality:\n      by_language:\n        de: {min_wordz: 3}",
            9,
            ["gopher_quality.by_language.de.min_wordz: min_wordz is no threshold of min_words, "],
        ),
        (
            "- gopher_quality: {min_words: 10}",
            "- gopher_quality:\n      by_language:\n        de: {min_words: -5}",
            9,
            ["gopher_quality.by_language.de.min_words: Input should be greater", "'-5'"],
        ),
        (
            "min_words: 10",
            "by_language: {de: {min_words: many}}",
            7,
            ["gopher_quality.by_language.de.min_words: Input should be", "'many'"],
        ),
        (
            "min_words: 10",
            "by_language: {deu: {min_words: 9}}",
            7,
            ["gopher_quality.by_language: ", "'deu'", "nearest"],
        ),
        ("min_words: 10", "by_language: fineweb3", 7, ["by_language: a mapping", "or fineweb2"]),
        (
            "- language: {keep: [en, de], min_score: 0.5}\n  - gopher_quality: {min_words: 10}",
            "- gopher_quality: {by_language: {de: {min_words: 9}}}",
            6,
            ["gopher_quality: reads language", "put `- language` above"],
        ),
    ],
)
def test_mistakes_name_line_path_and_a_way_out(write, old, new, line, words):
    assert old in GOOD
    with pytest.raises(ConfigError) as caught:
        load_config(write(GOOD.replace(old, new)))
    message = str(caught.value)
    assert f"p.yaml:{line}" in message, message
    for word in words:
        assert word in message, message


def test_bombs_are_refused(write):
    levels = "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9))
    with pytest.raises(ConfigError):
        load_config(write("a0: &a0 [x]\n" + levels))
    with pytest.raises(ConfigError):
        load_config(write("a: " + "[" * 100_000))


def test_set_reaches_any_key(write):
    path = write(GOOD)
    config = load_config(
        path,
        [
            "input.paths=[crawl/*.warc.gz]",
            "language.keep=[en]",
            "language.min_scores.de=0.7",
            "shards.seed=7",
            "extraction.engine=resiliparse",
        ],
        output="runs/other",
    )
    assert config.settings.input.paths == ["crawl/*.warc.gz"]
    assert config.stages[2].keep == ["en"]
    assert config.stages[2].min_scores == {"de": 0.7}
    assert config.settings.shards.seed == 7
    assert config.stages[1].engine == "resiliparse"
    assert config.settings.output == "runs/other"


def test_set_replaces_the_alternative():
    config = load_config(str(WEB), ["tokens.file=gpt2.json"])
    assert config.settings.tokens.file == str(Path.cwd() / "gpt2.json")
    assert config.settings.tokens.train is None


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("langauge.keep=[en]", ["langauge", "language"]),
        ("language.keep", ["KEY=VALUE"]),
        ("language=3", ["name a key"]),
        ("language.keep=[no]", ["--set language.keep", "`no`"]),
        ("shards.sed=1", ["shards.sed", "seed"]),
        ("dedup.jaccard=two", ["dedup.jaccard", "number"]),
    ],
)
def test_wrong_overrides_are_told(write, override, words):
    with pytest.raises(ConfigError) as caught:
        load_config(write(GOOD), [override])
    for word in words:
        assert word in str(caught.value), str(caught.value)


# In each, the key at fault is on line 6, below the stage's own line 5.
WRONG_FILES = {
    "url.blocklists.0": "- url:\n      blocklists: [none.txt]\n  - extraction",
    "url.soft_word_files.0": "- url:\n      soft_word_files: [words.txt]\n  - extraction",
    "classifier.model": "- classifier:\n      model: none.bin\n      sha256: '{zeros}'\n"
    "      label: __label__good\n      min_score: 0.5",
    "perplexity.model.path": "- perplexity:\n      model: {{path: none, sha256: '{zeros}'}}",
    "language.model": "- language:\n      model: words.txt\n      sha256: '{zeros}'",
    "c4.bad_words": "- c4:\n      bad_words: none.txt",
    "refinedweb_lines.counter_words": "- refinedweb_lines:\n      counter_words: [two words]",
    "gopher_quality.stop_words": "- gopher_quality:\n      stop_words: {{en: [of the]}}",
    # These are refused when the YAML is read, and named like the others.
    "url.blocked_words": "- url:\n      blocked_words: [two words]\n  - extraction",
    "language.keep": "- language:\n      keep: [english]",
    "gopher_quality.by_language": "- language\n  - gopher_quality:"
    " {{by_language: {{english: {{}}}}}}",
}


@pytest.mark.parametrize("key", WRONG_FILES)
def test_what_only_a_file_can_tell_is_told_with_its_line(write, key, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "words.txt").write_text("two words\n")
    stage = WRONG_FILES[key].format(zeros="0" * 64)
    path = write(f"input: {{paths: [a.jsonl], format: jsonl}}\noutput: x\n\nstages:\n  {stage}\n")
    with pytest.raises(ConfigError) as caught:
        check_files(load_config(path))
    told = str(caught.value)
    assert told.startswith(f"{path}:6: {key}: ")
    assert told.count(f"{key.rpartition('.')[2]}: ") == 1, "the key is named once"
    assert "(got dict" not in told


def test_a_wrong_tokenizer_is_told_with_its_line(write, tmp_path):
    path = write(GOOD + f"tokens:\n  file: {tmp_path}/none.json\n")
    with pytest.raises(ConfigError) as caught:
        check_files(load_config(path))
    assert str(caught.value).startswith(f"{path}:10: tokens.file: cannot read")


def test_a_file_that_set_names_is_told_as_such(write):
    config = load_config(write(GOOD), ["language.model=none", f"language.sha256='{'0' * 64}'"])
    with pytest.raises(ConfigError, match=r"^--set language\.model: cannot read .*none: No such"):
        check_files(config)
    with pytest.raises(ConfigError, match=r"^language\.model: "):  # of run.json, there is no line
        check_files(check_resolved(config.resolved()))


def test_web_yaml_is_what_the_readme_shows():
    config = load_config(str(WEB))
    assert config.settings.name == "web"


def test_pages_need_an_extraction(write):
    with pytest.raises(ConfigError, match="extraction"):
        load_config(write(GOOD.replace("  - extraction\n", "")))
    load_config(write(GOOD.replace("  - extraction\n", "")), ["input.format=jsonl"])


def test_schema_has_every_stage_and_key():
    schema = json.loads(pipeline_schema())
    assert set(schema["properties"]) >= {"input", "output", "stages", "tokens", "shards", "limits"}
    for name in ("http", "extraction", "language", "gopher_quality", "dedup"):
        assert schema["$defs"][name]["additionalProperties"] is False
    assert "min_words" in schema["$defs"]["gopher_quality"]["properties"]


def test_a_run_of_another_version_is_told_from_a_defect():
    resolved = {"input": {"paths": ["x"]}, "output": "y", "stages": [{"no_such_stage": {}}]}
    for config in (resolved, {**resolved, "stages": [], "novelty": 1}, {}):
        with pytest.raises(StateError, match=r"runs/a: .* made by another version \(0\.9\)"):
            config_of_run({"config": config, "versions": {"curate": "0.9"}}, "runs/a")
