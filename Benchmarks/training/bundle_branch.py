#!/usr/bin/env python3
"""Fits the weights of BundleBranchScore.swift on PTB-XL, folds 1-4, and prints them as its rows.

  resync-bench qrs --db ptbxl --export values.csv
  pip install numpy==2.4.6 scikit-learn==1.9.1
  python bundle_branch.py values.csv
"""
import csv
import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

# Each rule reads the values of its own criteria. "~" before a name: sign(x) log(1 + 10 |x|).
RULES = {
    "lbbbStrauss": ("CLBBB", ["duration", "~rShareV1V2", "~lateRV1V2", "secondNotching"]),
    "lbbbAHA": ("CLBBB", ["duration", "broadRLateral", "lateralNotching", "~qLateral"]),
    "lbbbESC": ("CLBBB", ["duration", "~rShareV1", "broadRLateral", "~qV5V6"]),
    "rbbbAHA": ("CRBBB", ["duration", "~largestLateR", "broadSLateral"]),
}
WIDE = {"CLBBB", "CRBBB", "IVCD"}


def column(rows, name):
    values = np.array([float(row[name.lstrip("~")]) for row in rows])
    return np.sign(values) * np.log1p(10 * np.abs(values)) if name[0] == "~" else values


def main():
    rows = list(csv.DictReader(open(sys.argv[1])))
    codes = [set(row["codes"].split()) for row in rows]
    fitted = np.array([int(row["fold"]) <= 4 for row in rows])
    wide = np.array([bool(code & WIDE) for code in codes])
    for rule, (label, names) in RULES.items():
        truth = np.array([label in code for code in codes])
        values = np.stack([column(rows, name) for name in names], 1)
        mean, spread = values[fitted].mean(0), values[fitted].std(0)
        model = LogisticRegression(C=1).fit(((values - mean) / spread)[fitted], truth[fitted])
        weights = model.coef_[0] / spread
        intercept = model.intercept_[0] - (weights * mean).sum()
        score = values @ weights + intercept
        print(f"{rule}: intercept {intercept:.4f}, " + ", ".join(f"{n} {w:.5f}" for n, w in zip(names, weights)))
        for name, part in (("folds 1-4", fitted), ("folds 5-8", ~fitted)):
            print(f"  {name}: AUC {roc_auc_score(truth[part], score[part]):.4f} against all others, "
                  f"{roc_auc_score(truth[part & wide], score[part & wide]):.4f} among wide")


if __name__ == "__main__":
    main()
