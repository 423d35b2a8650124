"""What is said beside the tables: how near a case is, what is exact, what to type next."""

from __future__ import annotations

from curate.storage.artifact import JSON


def describe_case(case: JSON) -> str:
    """Return value and threshold, and the threshold asked for."""
    before, after = case["detail_before"], case["detail_after"]
    if before is None or after is None:
        return f"{case['reason']}: {before or after} (this rule is {'off' if before else 'new'})"
    old, new = case["threshold_before"], case["threshold_after"]
    if old is None or new is None or old == new:
        both = before if before == after else f"{before}; then {after}"
        return f"{case['reason']}: {both}"
    return f"{case['reason']}: {case['value']:.6g}, {case['key']} {old:.6g} -> {new:.6g}"


def notes(found: JSON) -> list[str]:
    """Return sentences for the end."""
    if "overlap" in found:
        return [
            "drops: it is the first rule they fail. fails: in all. alone: they fail no other rule "
            "(of a stage: no other stage's), and would be kept without it, before dedup. most also "
            "fail: the rule that most of these fail too.",
            f"Try other thresholds: curate whatif {found['run']} STAGE.KEY=VALUE; a stage without "
            f"its rules: --ablate STAGE",
        ]
    if not any(row["before"] != row["after"] for row in found["funnel"]) and not found["moved"]:
        return ["Nothing changes: no document fails or passes another rule than now."]
    said = []
    if found["moved"]:
        said.append(f"{found['moved']:,} documents stay dropped, for another reason.")
    if found["gained"]["documents"]:
        said.append("~ tokens: of texts not encoded yet, by the bytes per token of their language.")
    if found["trains_tokenizer"]:
        said.append(
            "Tokens are of the tokenizer that this run trained. Another run trains its own on what "
            "it keeps, and counts other tokens, by up to a tenth where it keeps little."
        )
    if found["dedup"] is not None:
        said.append(_say_dedup(found["dedup"]))
    said.append(_say_next(found))
    return said


def _say_dedup(dedup: JSON) -> str:
    return (
        f"~ documents: what the rules do is exact. Of what reached dedup it dropped "
        f"{100 * dedup['rate']:.1f} %; it is taken to drop as much of what is gained, "
        f"{dedup['gained_duplicates']:,} documents, and to let back in {dedup['returned']:,} whose "
        f"survivor is lost. With --exact it is done again, from the stored sketches."
    )


def _say_next(found: JSON) -> str:
    if found["command"] is not None:
        return f"To make it so: {found['command']}"
    stages = " and ".join(found["ablated"])
    return (
        f"To make it so, give the thresholds of {stages} the value null in the pipeline; without "
        f"the stage everything would be measured again."
    )
