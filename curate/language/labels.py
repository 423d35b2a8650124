"""Name the labels of the default language model, so that a wrong one is found before a run."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# Of lid.176: ISO 639-1 where there is one, else 639-3 or the code of a Wikipedia.
_LABELS = (
    "af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb "
    "ckb co cs cv cy da de diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom "
    "gu gv he hi hif hr hsb ht hu hy ia id ie ilo io is it ja jbo jv ka kk km kn ko krc ku kv kw "
    "ky la lb lez li lmo lo lrc lt lv mai mg mhr min mk ml mn mr mrj ms mt mwl my myv mzn nah nap "
    "nds ne new nl nn no oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru rue sa sah sc scn sco "
    "sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug uk ur uz vec vep vi vls vo "
    "wa war wuu xal xmf yi yo yue zh"
)
DEFAULT_LABELS = tuple(_LABELS.split())


def check_labels(key: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse a label that no document could get.

    Raises:
        ValueError: A label is not among the model's; the message names the nearest three.
    """
    complaint = complain_of_label(given, known)
    if complaint is not None:
        raise ValueError(f"{key}: {complaint}")


def complain_of_label(given: Iterable[str], known: Iterable[str]) -> str | None:
    """Return what is wrong with the first label that no document could get; None: nothing is."""
    labels = {*known, "und"}
    for label in given:
        if label not in labels:
            near = ", ".join(get_close_matches(label, sorted(labels), 3, 0.0))
            return f"the model has no label {label!r}; the nearest are {near}"
    return None
