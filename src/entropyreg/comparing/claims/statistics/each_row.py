"""Descriptive: a measure of every row of a table by itself, `each_row`."""

import numpy as np

from entropyreg.comparing.claims.arms import Arm, counts_of, evidence_of, runs_of_arm
from entropyreg.comparing.claims.evidence import Evidence
from entropyreg.comparing.claims.plans import Case, Plan, Statistic
from entropyreg.comparing.claims.records import NotTested
from entropyreg.comparing.scores import MEASURES


def each_row(case: Case) -> Plan:
    """Each member of the family; its entropy stands beside."""
    names = list(dict.fromkeys(row["row"] for row in case.rows()))
    if not names:
        raise NotTested(case.records.missing_reason(case.test["read"], case.filler))
    arms = {name: runs_of_arm(case, Arm(name, 1.0, (name,)), temperatures=case.split)[name] for name in names}
    (part,) = case.parts

    def evidence() -> dict[None, list[Evidence]]:
        found = []
        for name, rows in arms.items():
            scored = case.records.scored(rows, case.split, case.test["measure"])
            entropies = [row["measures"]["valid"]["entropy_normalized"] for row in rows]
            remarks = {"row": name, "entropy_normalized": float(np.mean(entropies))}
            found.append(evidence_of(case, part, [(1.0, scored)], name).with_remarks(**remarks))
        return {None: found}

    return Plan(counts_of(case, arms), evidence)


STATISTICS = {"each_row": Statistic(each_row, ("measure",), MEASURES)}
