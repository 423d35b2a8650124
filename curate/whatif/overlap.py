"""How the rules of a run overlap: what each drops first, fails in all, and fails alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from curate.storage.artifact import JSON
from curate.whatif.scan import Judgment, Scan

Ints = NDArray[np.int64]


class Overlap:
    """Counts over all documents that were measured; a few kB, whatever the number of documents."""

    def __init__(self, scan: Scan) -> None:
        self._rules = scan.rules
        self._stages = list(dict.fromkeys(stage for stage, _ in scan.rules))
        num_rules, num_stages = len(self._rules), len(self._stages)
        self._members = np.zeros((num_rules, num_stages), np.float32)
        for number, (stage, _) in enumerate(self._rules):
            self._members[number, self._stages.index(stage)] = 1
        self._first: Ints = np.zeros(num_rules, np.int64)
        self._alone: Ints = np.zeros(num_rules, np.int64)
        self._both: Ints = np.zeros((num_rules, num_rules), np.int64)
        self._stages_alone: Ints = np.zeros(num_stages, np.int64)
        self._stages_both: Ints = np.zeros((num_stages, num_stages), np.int64)

    def add(self, judgment: Judgment) -> None:
        """Count some documents; cost: n x rules x rules multiplications."""
        if not self._rules:
            return
        dropped = judgment.before[judgment.before >= 0]
        self._first += np.bincount(dropped, minlength=len(self._rules))
        judged = judgment.judged
        columns = [judged[number].fails for number in range(len(self._rules))]
        fails = np.stack(columns, axis=1).astype(np.float32)
        fails = fails[fails.any(axis=1)]
        self._alone += fails[fails.sum(axis=1) == 1].sum(axis=0).astype(np.int64)
        self._both += (fails.T @ fails).astype(np.int64)  # exact below 2**24 rows
        stages = (fails @ self._members > 0).astype(np.float32)
        self._stages_alone += stages[stages.sum(axis=1) == 1].sum(axis=0).astype(np.int64)
        self._stages_both += (stages.T @ stages).astype(np.int64)

    def describe(self) -> JSON:
        """Return the rules in order, the stages in order, and the matrix of shares.

        `off` of a rule tells for which languages, or how many, it is off; null where for none.
        `matrix[a][b]` is the share of the documents failed by stage a that stage b fails too; null
        where a fails none.
        """
        rules = [self._describe_rule(number) for number in range(len(self._rules))]
        failed = np.diagonal(self._stages_both)
        stages = [
            {
                "stage": stage,
                "first": int(sum(rule["first"] for rule in rules if rule["stage"] == stage)),
                "all": int(failed[place]),
                "alone": int(self._stages_alone[place]),
            }
            for place, stage in enumerate(self._stages)
        ]
        matrix = [
            [int(count) / int(failed[row]) if failed[row] else None for count in counts]
            for row, counts in enumerate(self._stages_both)
        ]
        return {"rules": rules, "stages": stages, "matrix": matrix}

    def _describe_rule(self, number: int) -> JSON:
        stage, rule = self._rules[number]
        failed = int(self._both[number, number])
        found: dict[str, Any] = {
            "stage": stage,
            "reason": rule.reason,
            "key": rule.key,
            "first": int(self._first[number]),
            "all": failed,
            "alone": int(self._alone[number]),
            "most_with": None,
            "off": rule.off,
        }
        others = self._both[number].copy()
        others[number] = -1
        other = int(np.argmax(others))
        if others[other] > 0:
            found["most_with"] = {
                "stage": self._rules[other][0],
                "reason": self._rules[other][1].reason,
                "share": int(others[other]) / failed,
            }
        return found
