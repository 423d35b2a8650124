"""The chain rule: where one part of a file ended, the next must begin.

The records of a file are those that one sequential reader finds. Parts read in parallel, so each
but the first searches for its first record, and can be fooled by a payload that is itself a WARC,
stored nearly verbatim inside its record. When all parts are committed the driver checks the chain.
"""

from __future__ import annotations

from dataclasses import replace

from curate.storage.artifact import Part, PartRecord


def broken_links(parts: list[Part], records: list[PartRecord]) -> list[Part]:
    """Return the parts that began in the wrong place, told where to begin.

    The records of a file are those that one sequential reader finds, so each part of a file must
    begin where the one before it ended. A part that searched for its first record can be fooled,
    by a payload that is itself a WARC; it is then read again. At most one part per source is
    returned, as repairing it may mend or break what follows.
    """
    expected: dict[str, int] = {}
    broken: dict[str, Part] = {}
    for part, record in zip(parts, records, strict=True):
        source = part.spec.get("source")
        if source is None or source in broken:
            continue
        position = expected.get(source, 0)
        first, end = record.facts["first_start"], record.facts["end"]
        if part.spec["start"] == 0:
            expected[source] = end
        elif first is None and (position >= part.spec["end"] or end == position):
            expected[source] = position
        elif first == position:
            expected[source] = end
        else:
            broken[source] = replace(part, given={**part.given, "first": position})
    return list(broken.values())
