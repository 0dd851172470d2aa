#!/usr/bin/env python3
"""Makes the golden values of the tests of classical learning and of statistics. See README.md."""
import json
import os

import numpy as np
import scipy.stats as st
from sklearn.calibration import _SigmoidCalibration
from sklearn.ensemble import RandomForestClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

os.chdir(os.path.dirname(os.path.abspath(__file__)))
rng = np.random.default_rng(7)


def rounded(values, digits=9):
    return [float(f"{v:.{digits}g}") for v in np.ravel(values)]


def cohort(count, width, seed):
    r = np.random.default_rng(seed)
    x = np.round(r.standard_normal((count, width)), 4)
    logit = 1.2 * x[:, 0] - 0.8 * x[:, 1] + 0.7 * x[:, 0] * x[:, 2 % width] + 0.4
    return x, r.random(count) < 1 / (1 + np.exp(-logit))


def table(x):
    return [rounded(row, 6) for row in x]


linear = []
for count, width, c in ((60, 4, 0.1), (60, 4, 100.0), (40, 55, 1.0)):
    x, y = cohort(count, width, count + width)
    m = LogisticRegression(C=c, tol=1e-12, max_iter=100000).fit(x, y)
    linear.append({"x": table(x), "y": y.tolist(), "c": c, "weights": rounded(m.coef_), "intercept": float(m.intercept_[0])})

vectors = []
for kernel, gamma, c in (("linear", 0.0, 0.5), ("rbf", 0.2, 1.0), ("rbf", 1.0, 50.0)):
    x, y = cohort(80, 4, 3)
    test, _ = cohort(20, 4, 4)
    m = SVC(kernel=kernel, gamma=gamma or "scale", C=c, tol=1e-9).fit(x, y)
    vectors.append({"x": table(x), "y": y.tolist(), "c": c, "gamma": gamma, "test": table(test),
                    "scores": rounded(m.decision_function(test)), "vectors": int(len(m.support_))})

x, y = cohort(150, 4, 5)
test, labels = cohort(200, 4, 6)
tree = DecisionTreeClassifier(max_depth=4, min_samples_leaf=7, random_state=0).fit(x, y)
forest = RandomForestClassifier(n_estimators=4000, random_state=0).fit(x, y)
trees = {"x": table(x), "y": y.tolist(), "test": table(test), "labels": labels.tolist(),
         "tree": rounded(tree.predict_proba(test)[:, 1]), "forest": rounded(forest.predict_proba(test)[:, 1])}
trees["auc"] = float(roc_auc_score(labels, trees["forest"]))

scores, labels = np.round(rng.standard_normal(40), 1), rng.random(40)
labels = labels < 1 / (1 + np.exp(-1.5 * scores))
platt = _SigmoidCalibration().fit(scores, labels)


def abers(score, label):
    s, t = np.append(scores, score), np.append(labels, label).astype(float)
    return float(IsotonicRegression(out_of_bounds="clip").fit(s, t).predict([score])[0])


asked = [-9.0, -1.0, -0.35, 0.0, 0.4, 1.23, 9.0]
calibration = {"scores": rounded(scores), "labels": labels.tolist(), "asked": asked,
               "platt": rounded(platt.predict(np.array(asked)), 7),
               "p0": [abers(s, 0) for s in asked], "p1": [abers(s, 1) for s in asked]}

a, b = np.round(rng.normal(150, 20, 25), 1), np.round(rng.normal(165, 12, 46), 1)
welch, student = st.ttest_ind(a, b, equal_var=False), st.ttest_ind(a, b)


def delong(p, q, y):
    """pROC's way: placement values of each model, covariance of the AUCs."""
    pos, neg = np.where(y)[0], np.where(~y)[0]
    v10, v01, auc = [], [], []
    for s in (p, q):
        wins = (s[pos][:, None] > s[neg][None, :]) + 0.5 * (s[pos][:, None] == s[neg][None, :])
        v10.append(wins.mean(1)); v01.append(wins.mean(0)); auc.append(wins.mean())
    cov = np.cov(v10) / len(pos) + np.cov(v01) / len(neg)
    z = (auc[0] - auc[1]) / np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    return float(z), float(2 * st.norm.sf(abs(z)))


y = rng.random(71) < 0.65
p, q = np.round(rng.standard_normal(71) + 0.9 * y, 1), np.round(rng.standard_normal(71) + 0.5 * y, 1)
differences = np.round(rng.normal(0.03, 0.1, 100), 3)
t = differences.mean() / np.sqrt((1 / 100 + 1 / 4) * differences.var(ddof=1))
proportions = []
for counts in ([[44, 2], [13, 12]], [[20, 26], [12, 13]], [[3, 0], [2, 9]], [[1, 9], [4, 3]]):
    expected = st.contingency.expected_freq(counts)
    r = st.chi2_contingency(counts, correction=False) if expected.min() >= 5 else st.fisher_exact(counts)
    odds = r.statistic if np.isfinite(r.statistic) else None
    proportions.append({"counts": counts, "statistic": odds, "p": float(r.pvalue)})
statistics = {
    "a": rounded(a), "b": rounded(b), "welch": [float(v) for v in welch], "student": [float(v) for v in student],
    "proportions": proportions,
    "mcnemar": [{"counts": [i, j], "p": float(st.binomtest(min(i, j), i + j).pvalue)} for i, j in ((3, 9), (5, 5), (0, 6), (12, 30))],
    "differences": rounded(differences), "resampled": [float(t), float(2 * st.t.sf(abs(t), 99))],
    "first": rounded(p), "second": rounded(q), "labels": y.tolist(), "delong": delong(p, q, y),
    "beta": [[x, a, b, float(st.beta.cdf(x, a, b))] for x, a, b in ((0.01, 0.5, 0.5), (0.3, 2, 5), (0.7, 2, 5), (0.5, 49.5, 0.5), (0.999, 3, 0.2))],
    "chi": [[x, k, float(st.chi2.sf(x, k))] for x, k in ((0.001, 1), (3.84, 1), (25.0, 1), (9.5, 4), (1.2, 7), (300.0, 40))],
}
for name, value in (("logistic", linear), ("vectors", vectors), ("trees", trees), ("calibration", calibration),
                    ("statistics", statistics)):
    json.dump(value, open(f"{name}.json", "w"), separators=(",", ":"))
