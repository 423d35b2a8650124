"""What differs between two settings: the first key, for a message to a person."""

from __future__ import annotations

import json


def first_difference(before: object, now: object, path: str = "") -> tuple[str, str, str]:
    """Return (dotted key, old value, new value) of the first leaf that differs."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            if before.get(key) != now.get(key):
                inner = f"{path}.{key}" if path else str(key)
                return first_difference(before.get(key), now.get(key), inner)
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (old, new) in enumerate(zip(before, now, strict=True)):
            if old != new:
                stage = new.get("stage") if isinstance(new, dict) else None
                return first_difference(old, new, f"{path}.{stage or index}")
    return path, _short(before), _short(now)


def _short(value: object) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return text if len(text) <= 80 else text[:77] + "..."
