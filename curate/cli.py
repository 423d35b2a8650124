"""The command line. Heavy imports happen inside commands: `curate --help` takes 0.2 s."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from curate.errors import CurateError
from curate.terminal import make_printable

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(
    name="curate",
    help="Turn a raw web crawl into training-ready tokens.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.command()
def run(
    pipeline: Annotated[str, typer.Argument(help="YAML file, e.g. pipelines/web.yaml")],
    output: Annotated[str | None, typer.Option(help="run directory; overrides `output`")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="override any key")
    ] = None,
    engine: Annotated[str, typer.Option(help="ray or local")] = "ray",
    workers: Annotated[
        int | None, typer.Option(min=1, help="parallel parts; default: all cores")
    ] = None,
    address: Annotated[str | None, typer.Option(help="address of a running Ray cluster")] = None,
    restart: Annotated[
        str | None, typer.Option(metavar="SEGMENT", help="make this artifact and the rest again")
    ] = None,
    reuse: Annotated[
        str | None, typer.Option(metavar="RUN", help="take over what fits from another run")
    ] = None,
) -> None:
    """Run a pipeline; the same command resumes an interrupted one."""
    with _Errors() as errors:
        from curate.config import load_config
        from curate.engine.command import run_pipeline
        from curate.engine.workers import Options
        from curate.errors import ConfigError

        if engine not in ("ray", "local"):
            raise ConfigError(f"--engine {engine}: allowed are ray and local")
        if address is not None and (engine == "local" or workers is not None):
            raise ConfigError(
                "--address names a Ray cluster, which has its own workers: leave out --workers, "
                "and --engine local"
            )
        config = load_config(pipeline, set_ or [], output)
        options = Options(engine, workers, address, restart, reuse)
        errors.code = run_pipeline(config, options, errors.console)


@app.command()
def explain(
    run_directory: Annotated[str, typer.Argument(metavar="RUN", help="e.g. runs/web")],
    page: Annotated[str, typer.Argument(help="URL, doc_id, or a token: train-00000:12345")],
) -> None:
    """Tell what happened to a page and why, with its numbers and thresholds."""
    with _Errors() as errors:
        from curate.explain import explain_page

        explain_page(run_directory, page, errors.console)


@app.command()
def whatif(
    run_directory: Annotated[str, typer.Argument(metavar="RUN", help="e.g. runs/web")],
    change: Annotated[
        list[str] | None,
        typer.Argument(metavar="KEY=VALUE", help="e.g. gopher_quality.min_words=30"),
    ] = None,
    ablate: Annotated[
        list[str] | None, typer.Option(metavar="STAGE", help="a stage whose rules are off")
    ] = None,
    exact: Annotated[bool, typer.Option("--exact", help="do dedup again, elsewhere")] = False,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Tell what other thresholds would keep, in seconds; without any, how the rules overlap."""
    with _Errors() as errors:
        from curate.whatif.show import show_whatif

        show_whatif(run_directory, change or [], ablate or [], exact, json, errors.console)


@app.command("train-classifier")
def train_classifier(
    good: Annotated[str, typer.Argument(metavar="GOOD", help="texts to keep: file, folder, run")],
    bad: Annotated[str, typer.Argument(metavar="BAD", help="texts to drop, the same")],
    output: Annotated[str, typer.Option(help="a new file, e.g. good.bin", show_default=False)],
    text_field: Annotated[str, typer.Option(help="of JSONL and Parquet")] = "text",
    held_out: Annotated[float, typer.Option(help="share of the texts that tests")] = 0.1,
    epochs: Annotated[int | None, typer.Option(min=1, help="default: by the texts' number")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1)] = 0,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Train a fastText model that tells good texts from bad, and test it."""
    with _Errors() as errors:
        from curate.classifier_training.show import show_training
        from curate.text.fasttext_model import Recipe

        recipe = Recipe(seed=seed)
        show_training(
            [good], [bad], output, text_field, held_out, epochs, recipe, json, errors.console
        )


@app.command()
def calibrate(
    files: Annotated[list[str], typer.Argument(help="reference text: files, folders or runs")],
    language: Annotated[str, typer.Option(help="label of the language, e.g. de")],
    english: Annotated[
        list[str] | None, typer.Option(metavar="FILE", help="English text to compare with")
    ] = None,
    method: Annotated[
        str | None, typer.Option(help="10tail, quantile, mean-std or median-ratio")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Propose a language's thresholds from good text in it, as FineWeb-2 does."""
    with _Errors() as errors:
        from curate.calibration.show import show_calibration

        show_calibration(language, files, english or [], method, json, errors.console)


@app.command()
def stats(
    path: Annotated[
        str, typer.Argument(help="a run, its shards/ or curated/, or one shard: .../train-00000")
    ],
    params: Annotated[
        float | None, typer.Option(metavar="N", help="a model's parameters, e.g. 1.3e9")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Tell what is in a corpus, and what it is good for."""
    with _Errors() as errors:
        from curate.stats.show import show_stats

        show_stats(path, params, json, errors.console)


@app.command()
def compare(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A")],
    run_b: Annotated[str, typer.Argument(metavar="RUN_B")],
    steps: Annotated[int | None, typer.Option(min=1, help="default: from the corpus")] = None,
    seeds: Annotated[int, typer.Option(min=2, help="trainings of each")] = 3,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
) -> None:
    """Train the same model on two runs: which corpus is better, and is the difference real?"""
    with _Errors() as errors:
        from curate.training.comparison import compare_runs

        compare_runs(run_a, run_b, steps, seeds, device, json, errors.console)


@app.command()
def export(
    run_directory: Annotated[str, typer.Argument(metavar="RUN", help="a run or its shards/")],
    format: Annotated[
        str,
        typer.Option(help="llm.c, nanogpt, datatrove, olmo, mds or litdata", show_default=False),
    ],
    output: Annotated[str, typer.Option(help="a new directory", show_default=False)],
) -> None:
    """Write the shards in another trainer's format: the same tokens."""
    with _Errors() as errors:
        from curate.export.command import export_shards

        export_shards(run_directory, format, output, errors.console)


@app.command()
def report(
    run_directory: Annotated[str, typer.Argument(metavar="RUN", help="e.g. runs/web")],
) -> None:
    """Write report.html again, from the files of a finished run."""
    with _Errors() as errors:
        from curate.page.page import write_page

        errors.console.print(write_page(run_directory), markup=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of pipeline files, for editors."""
    with _Errors():
        from curate.json_schema import pipeline_schema

        sys.stdout.write(pipeline_schema())


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    sys.stdout.write(f"curate {installed('curate')}\n")


class _Errors:
    """Turn curate's errors into one message and an exit code; let bugs show their traceback."""

    def __init__(self) -> None:
        self.code = 0

    @property
    def console(self) -> Console:
        """Return where a person looks: standard output."""
        from rich.console import Console

        return Console(highlight=False, emoji=False)

    def __enter__(self) -> _Errors:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, SystemExit):  # rich asks for it where standard output was closed
            raise typer.Exit(self.code)  # `| head` has read what it wanted
        if isinstance(error, CurateError):
            self._leave(str(error), error.exit_code)
        if isinstance(error, KeyboardInterrupt):
            self._leave("interrupted", 130)
        if error is None and self.code:
            raise typer.Exit(self.code)

    def _leave(self, message: str, code: int) -> NoReturn:
        safe = make_printable(message, keep="\n")
        sys.stderr.write(f"curate: {safe}\n")
        raise typer.Exit(code)


if __name__ == "__main__":
    app()
